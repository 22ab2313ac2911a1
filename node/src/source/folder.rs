//! The folder with a department's files: read only, and no way out of it.
//!
//! `LocalFileSystem` follows symbolic links out of its own prefix. Whoever may write into the data
//! folder could so have the node read any file it may read itself. Here every path is resolved
//! before it is opened and has to end up inside.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use super::error::SourceError;

/// Something else than a file of bytes.
#[derive(Debug, thiserror::Error)]
#[error("isn't a regular file")]
pub(super) struct NotRegular;

/// A path that leads out of its folder.
#[derive(Debug, thiserror::Error)]
#[error("leads out of its folder")]
pub(super) struct LeavesFolder;

/// Opens a folder for reading.
///
/// # Errors
///
/// If there is no such folder.
pub fn open_folder(folder: &Path) -> std::result::Result<Arc<dyn ObjectStore>, SourceError> {
    let error = |source: Box<dyn std::error::Error + Send + Sync>| SourceError::Folder {
        folder: folder.display().to_string(),
        source,
    };
    let root = folder.canonicalize().map_err(|source| error(source.into()))?;
    let files = LocalFileSystem::new_with_prefix(&root).map_err(|source| error(source.into()))?;
    Ok(Arc::new(Folder { root, files }))
}

/// The store over a folder. Every method is written out: one left to its default could be a hole.
#[derive(Debug)]
struct Folder {
    root: PathBuf,
    files: LocalFileSystem,
}

impl Folder {
    /// Refuses a path whose links lead out.
    fn check(&self, location: &ObjectPath) -> Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let resolved = path.canonicalize().map_err(|source| {
            let path = location.to_string();
            match source.kind() {
                std::io::ErrorKind::NotFound => Error::NotFound { path, source: source.into() },
                std::io::ErrorKind::PermissionDenied => {
                    Error::PermissionDenied { path, source: source.into() }
                }
                _ => Error::Generic { store: "Folder", source: source.into() },
            }
        })?;
        if resolved.starts_with(&self.root) {
            return regular(&resolved);
        }
        Err(Error::PermissionDenied { path: location.to_string(), source: LeavesFolder.into() })
    }
}

/// Refuses what isn't a file of bytes, such as a pipe: opening one waits for somebody to write.
fn regular(path: &Path) -> Result<()> {
    let generic = |source: Box<dyn std::error::Error + Send + Sync>| Error::Generic {
        store: "Folder",
        source,
    };
    let metadata = std::fs::metadata(path).map_err(|error| generic(error.into()))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::NotSupported { source: NotRegular.into() })
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Folder")
    }
}

/// The answer to everything that writes or lists.
pub(super) fn read_only(operation: &'static str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "a read-only source".to_owned(),
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.check(location)?;
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &ObjectPath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check(location)?;
        self.files.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, _: &ObjectPath, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only("put"))
    }

    async fn put_multipart_opts(
        &self,
        _: &ObjectPath,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        refusal("delete")
    }

    fn list(&self, _: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        refusal("list")
    }

    fn list_with_offset(
        &self,
        _: Option<&ObjectPath>,
        _: &ObjectPath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        refusal("list")
    }

    async fn list_with_delimiter(&self, _: Option<&ObjectPath>) -> Result<ListResult> {
        Err(read_only("list"))
    }

    async fn copy_opts(&self, _: &ObjectPath, _: &ObjectPath, _: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }

    async fn rename_opts(&self, _: &ObjectPath, _: &ObjectPath, _: RenameOptions) -> Result<()> {
        Err(read_only("rename"))
    }
}

/// A stream of one error.
pub(super) fn refusal<T: Send + 'static>(operation: &'static str) -> BoxStream<'static, Result<T>> {
    futures::stream::once(async move { Err(read_only(operation)) }).boxed()
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("data/sub")).unwrap();
        std::fs::write(dir.path().join("data/sub/a.csv"), "inside").unwrap();
        std::fs::write(dir.path().join("secret"), "outside").unwrap();
        dir
    }

    #[tokio::test]
    async fn reads_files_below_the_folder_through_links_within() {
        let dir = folder();
        let data = dir.path().join("data");
        std::os::unix::fs::symlink("sub/a.csv", data.join("link.csv")).unwrap();
        let store = open_folder(&data).unwrap();
        for name in ["sub/a.csv", "link.csv"] {
            let bytes = store.get(&name.into()).await.unwrap().bytes().await.unwrap();
            assert_eq!(&*bytes, b"inside");
        }
    }

    #[tokio::test]
    async fn refuses_links_that_lead_out() {
        let dir = folder();
        let data = dir.path().join("data");
        std::os::unix::fs::symlink("../secret", data.join("file.csv")).unwrap();
        std::os::unix::fs::symlink("..", data.join("up")).unwrap();
        // The store it wraps follows them: without the check the attack succeeds.
        let bare = LocalFileSystem::new_with_prefix(&data).unwrap();
        let bytes = bare.get(&"up/secret".into()).await.unwrap().bytes().await.unwrap();
        assert_eq!(&*bytes, b"outside");
        let store = open_folder(&data).unwrap();
        for name in ["file.csv", "up/secret"] {
            let path = ObjectPath::from(name);
            for error in [
                store.get(&path).await.map(drop).unwrap_err(),
                store.get_ranges(&path, &[0..2, 3..4]).await.map(drop).unwrap_err(),
                store.head(&path).await.map(drop).unwrap_err(),
            ] {
                let error = SourceError::of_store(name, error);
                assert!(matches!(error, SourceError::LeavesFolder { .. }), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn opens_no_pipe_and_no_folder() {
        let dir = folder();
        let data = dir.path().join("data");
        let made = std::process::Command::new("mkfifo").arg(data.join("pipe.csv")).status();
        assert!(made.unwrap().success());
        std::os::unix::fs::symlink("pipe.csv", data.join("link.csv")).unwrap();
        let store = open_folder(&data).unwrap();
        for name in ["pipe.csv", "link.csv", "sub"] {
            let path = ObjectPath::from(name);
            // Opening a pipe that nobody writes to never ends.
            let opened =
                async { [store.get(&path).await.map(drop), store.head(&path).await.map(drop)] };
            let opened = tokio::time::timeout(std::time::Duration::from_secs(20), opened).await;
            for error in opened.unwrap().map(Result::unwrap_err) {
                let told = SourceError::of_store(name, error).to_string();
                assert!(told.contains("isn't a regular file"), "{told}");
            }
        }
    }

    #[tokio::test]
    async fn writes_and_lists_nothing() {
        let dir = folder();
        let store = open_folder(&dir.path().join("data")).unwrap();
        let path = ObjectPath::from("sub/a.csv");
        assert!(store.put(&path, "x".into()).await.is_err());
        assert!(store.put_multipart(&path).await.is_err());
        assert!(store.delete(&path).await.is_err());
        assert!(store.copy(&path, &"b".into()).await.is_err());
        assert!(store.rename(&path, &"b".into()).await.is_err());
        assert!(store.list(None).next().await.unwrap().is_err());
        assert!(store.list_with_delimiter(None).await.is_err());
        assert!(dir.path().join("data/sub/a.csv").exists());
    }
}
