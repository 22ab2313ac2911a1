//! A Dataset's files as they were when it was loaded.
//!
//! Only these files can be read, and only as long as they are the same: checks made at load (types,
//! unique units) hold for what queries read, and a table never mixes two states of the data. A file
//! that was replaced fails the query; the owner restarts the node. Even one replaced by a link to
//! elsewhere does: it isn't the file that was checked.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result, coalesce_ranges,
};

use insitu_disclosure::keyed::StateDigest;

use super::error::SourceError;
use super::folder::{read_only, refusal};

/// Bytes at a file's end that tell its states apart.
const FOOTER_BYTES: u64 = 256 << 10;

/// The file isn't the one that was loaded.
#[derive(Debug, thiserror::Error)]
#[error("changed since the node loaded it; restart the node")]
struct Changed;

/// Files of a store, pinned. Every method is written out: one left to its default could be a hole.
#[derive(Debug)]
pub(super) struct Snapshot {
    store: Arc<dyn ObjectStore>,
    files: BTreeMap<Path, ObjectMeta>,
}

impl Snapshot {
    /// Pins the files as they are now.
    pub(super) async fn of(
        store: &Arc<dyn ObjectStore>,
        paths: &[Path],
    ) -> std::result::Result<Self, SourceError> {
        let mut files = BTreeMap::new();
        for path in paths {
            let meta = store.head(path).await;
            let meta = meta.map_err(|error| SourceError::of_store(path.as_ref(), error))?;
            files.insert(path.clone(), meta);
        }
        Ok(Self { store: Arc::clone(store), files })
    }

    /// Takes the state of the files into a digest: their names and sizes, and the end of each, where a
    /// Parquet file says where its pieces are, how long they are and what they range over.
    pub(super) async fn digest(
        &self,
        digest: &mut StateDigest,
    ) -> std::result::Result<(), SourceError> {
        for (path, meta) in &self.files {
            digest.write(path.as_ref().as_bytes());
            digest.write(&meta.size.to_le_bytes());
            let end = meta.size.saturating_sub(FOOTER_BYTES)..meta.size;
            let bytes = if end.is_empty() {
                Bytes::new()
            } else {
                let bytes = self.store.get_range(path, end).await;
                bytes.map_err(|error| SourceError::of_store(path.as_ref(), error))?
            };
            digest.write(&bytes);
        }
        Ok(())
    }

    /// What is known of a file.
    pub(super) fn meta(&self, path: &Path) -> std::result::Result<&ObjectMeta, SourceError> {
        self.files.get(path).ok_or_else(|| SourceError::Missing { file: path.to_string() })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

#[async_trait]
impl ObjectStore for Snapshot {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = || location.to_string();
        let Some(pinned) = self.files.get(location) else {
            return Err(Error::NotFound {
                path: path(),
                source: "not a file of this dataset".into(),
            });
        };
        let result = self.store.get_opts(location, options).await?;
        let ObjectMeta { last_modified, size, e_tag, .. } = &result.meta;
        if *last_modified == pinned.last_modified && *size == pinned.size && *e_tag == pinned.e_tag
        {
            return Ok(result);
        }
        Err(Error::Precondition { path: path(), source: Changed.into() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        // As the trait does it, on this store's own `get_opts`: each range is checked.
        coalesce_ranges(
            ranges,
            |range| async move {
                let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
                self.get_opts(location, options).await?.bytes().await
            },
            OBJECT_STORE_COALESCE_DEFAULT,
        )
        .await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only("put"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        refusal("delete")
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        refusal("list")
    }

    fn list_with_offset(
        &self,
        _: Option<&Path>,
        _: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        refusal("list")
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(read_only("list"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        Err(read_only("rename"))
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn reads_its_files_until_they_change() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (a, b) = (Path::from("a"), Path::from("b"));
        store.put(&a, "one".into()).await.unwrap();
        store.put(&b, "other".into()).await.unwrap();
        let snapshot = Snapshot::of(&store, std::slice::from_ref(&a)).await.unwrap();
        assert_eq!(&*snapshot.get(&a).await.unwrap().bytes().await.unwrap(), b"one");
        assert_eq!(snapshot.get_ranges(&a, &[1..2, 0..1]).await.unwrap(), ["n", "o"]);
        assert!(
            matches!(snapshot.get(&b).await, Err(Error::NotFound { .. })),
            "not one of its files"
        );
        store.put(&a, "two".into()).await.unwrap();
        assert!(matches!(snapshot.get(&a).await, Err(Error::Precondition { .. })));
        assert!(matches!(
            snapshot.get_ranges(&a, &[0..1, 1..2]).await,
            Err(Error::Precondition { .. })
        ));
        assert!(snapshot.put(&a, "three".into()).await.is_err());
    }
}
