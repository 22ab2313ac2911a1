//! Files and folders for this user alone, written so that a crash leaves the old or the new, whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The permission bits by which others could get in.
const OTHERS: u32 = 0o077;

/// Makes a folder, and those above it, for this user alone. One that is there stays as it is.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The mode of a file or folder that others may use; `None` if only its owner may.
pub(crate) fn exposed(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & OTHERS != 0).then_some(mode))
}

/// Opens a file to be written, and makes it if it isn't there.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Writes a whole file anew. After a crash at any point it is there as it was, or as it should be.
pub(crate) fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let new = with_suffix(path, "new");
    // What a crash left there was never used.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    rename(&new, path)
}

/// Renames, and makes the new name durable.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Makes a name durable: its folder's entries reach the disk.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path with `.suffix` behind it, where no name was.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// A name beside the path that nothing has yet, for what is put aside.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let candidates = (1_u32..).map(|number| with_suffix(path, &format!("aside-{number}")));
    let mut free = candidates.filter(|candidate| fs::symlink_metadata(candidate).is_err());
    // There are more numbers than any disk has names.
    free.next().unwrap_or_else(|| with_suffix(path, "aside"))
}
