//! The guards of all datasets of a node, or of a gateway.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use insitu_disclosure::DatasetName;
use insitu_disclosure::guard::{Guard, GuardError, MemoryStore};

use crate::AnchorStore;

/// Cells that one dataset's guard remembers: some 270 MB on disk and 100 MB in memory.
const ANCHORS_MAX: u64 = 1_000_000;

/// The folder of the guards can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} can't be made: {source}; check the path and who may write there", folder.display())]
pub struct FolderError {
    /// The folder.
    folder: PathBuf,
    /// What the system says.
    source: std::io::Error,
}

#[cfg(unix)]
fn private(builder: &mut DirBuilder) -> &mut DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    builder.recursive(true).mode(0o700)
}

#[cfg(not(unix))]
fn private(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder.recursive(true)
}

/// A guard for each dataset.
#[derive(Debug)]
pub struct Guards {
    /// Where they are kept; `None` for guards that end with the process.
    folder: Option<PathBuf>,
    opened: Mutex<BTreeMap<DatasetName, Arc<dyn Guard>>>,
}

impl Guards {
    /// Guards that forget when the process ends: for demonstrations and tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { folder: None, opened: Mutex::default() }
    }

    /// Guards kept in a folder, which is made, for this user alone, if it isn't there.
    ///
    /// # Errors
    /// A folder that can't be made.
    pub fn in_folder(folder: &Path) -> Result<Self, FolderError> {
        if !folder.exists() {
            private(&mut DirBuilder::new())
                .create(folder)
                .map_err(|source| FolderError { folder: folder.to_owned(), source })?;
        }
        Ok(Self { folder: Some(folder.to_owned()), opened: Mutex::default() })
    }

    /// The guard of a dataset. Its file is opened, or created, the first time; this blocks on the disk.
    ///
    /// # Errors
    /// A file that is damaged, in use by another process, or can't be written.
    pub fn of(&self, dataset: &DatasetName) -> Result<Arc<dyn Guard>, GuardError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guard) = opened.get(dataset) {
            return Ok(Arc::clone(guard));
        }
        let guard: Arc<dyn Guard> = match &self.folder {
            None => Arc::new(MemoryStore::new(ANCHORS_MAX)),
            Some(folder) => {
                let file = folder.join(format!("guard-{dataset}.redb"));
                if file.exists() {
                    Arc::new(AnchorStore::open(&file, ANCHORS_MAX, 0)?)
                } else {
                    Arc::new(AnchorStore::create(&file, ANCHORS_MAX)?)
                }
            }
        };
        opened.insert(dataset.clone(), Arc::clone(&guard));
        Ok(guard)
    }
}
