//! Room on a disk for what doesn't fit into memory, in files that have no name.
//!
//! A file that is spilled to is in no folder: only who has it open can read it, and the disk has its room back when that ends,
//! by a crash too. So nothing is left to be found or cleared away, and several processes may use one folder.
//!
//! | | |
//! |---|---|
//! | no folder | operators that run out of memory end the question |
//! | a folder, bytes at most | sorts, aggregations and joins that can do so put by rows there; when it is full the question ends as without one |

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion_common::arrow::error::ArrowError;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion_execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;

/// So much is read at a time.
const READ_BYTES: u64 = 256 << 10;

/// A folder for files without a name, and how much all of them together may take.
#[derive(Debug)]
pub struct SpillFolder {
    path: PathBuf,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    bytes_max: u64,
    used: AtomicU64,
}

impl SpillFolder {
    /// Opens a folder, and makes it, for this user alone, if it isn't there.
    ///
    /// # Errors
    /// If it can't be made, or no file can be written in it.
    pub fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        tempfile::tempfile_in(path)?.write_all(b"?")?;
        let room = Room { bytes_max, used: AtomicU64::new(0) };
        Ok(Self { path: path.to_owned(), room: Arc::new(room) })
    }

    /// Bytes that are in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.room.used.load(Ordering::Relaxed)
    }
}

/// What operators put by rows on: this folder, or nothing.
#[must_use]
pub fn disk(folder: Option<&Arc<SpillFolder>>) -> DiskManagerBuilder {
    let mode = match folder {
        Some(folder) => DiskManagerMode::Custom(Arc::new(Files(Arc::clone(folder)))),
        None => DiskManagerMode::Disabled,
    };
    DiskManagerBuilder::default().with_mode(mode)
}

/// Whether an error says that there is no more room to spill to.
#[must_use]
pub fn is_spill_full(error: &DataFusionError) -> bool {
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    match error.find_root() {
        DataFusionError::IoError(error) => is_full(error),
        DataFusionError::ArrowError(error, _) => {
            matches!(error.as_ref(), ArrowError::IoError(_, error) if is_full(error))
        }
        _ => false,
    }
}

/// Makes files in a folder.
struct Files(Arc<SpillFolder>);

impl TempFileFactory for Files {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        let file = tempfile::tempfile_in(&self.0.path)?;
        let room = Arc::clone(&self.0.room);
        let contents = Contents { file, written: AtomicU64::new(0), room };
        Ok(Arc::new(Nameless(Arc::new(contents))))
    }
}

/// A file without a name. It is gone with the last who has it.
struct Nameless(Arc<Contents>);

struct Contents {
    file: File,
    written: AtomicU64,
    room: Arc<Room>,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.room.used.fetch_sub(*self.written.get_mut(), Ordering::Relaxed);
    }
}

impl SpillFile for Nameless {
    fn size(&self) -> Option<u64> {
        Some(self.0.written.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let contents = Arc::clone(&self.0);
        Ok(Box::pin(futures::stream::try_unfold(0, move |at| {
            let contents = Arc::clone(&contents);
            async move {
                let read = tokio::task::spawn_blocking(move || contents.read(at)).await;
                let bytes = read.map_err(|error| DataFusionError::External(error.into()))??;
                let next = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Ok((!bytes.is_empty()).then_some((bytes, next)))
            }
        })))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer(Arc::clone(&self.0))))
    }
}

impl Contents {
    /// What stands at a place, at most [`READ_BYTES`] of it; nothing at the end.
    fn read(&self, at: u64) -> io::Result<Bytes> {
        let left = self.written.load(Ordering::Acquire).saturating_sub(at).min(READ_BYTES);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let room = |used: u64| used.checked_add(more).filter(|used| *used <= self.room.bytes_max);
        self.room
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
        let end = self.written.load(Ordering::Relaxed);
        let written = self.file.write_all_at(bytes, end);
        match written {
            // Only now, so that nobody reads what isn't there yet.
            Ok(()) => self.written.fetch_add(more, Ordering::Release),
            Err(_) => self.room.used.fetch_sub(more, Ordering::Relaxed),
        };
        written
    }
}

/// Writes behind what was written.
struct Writer(Arc<Contents>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "spill_tests.rs"]
mod tests;
