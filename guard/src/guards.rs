//! The guards of all datasets of a node, or of a gateway.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use insitu_disclosure::DatasetName;
use insitu_disclosure::guard::{Guard, GuardError, GuardedCell, MemoryStore, Verdict};

use crate::folder::StateFolder;
use crate::manifest::{Memory, MemoryKind};
use crate::{AnchorStore, private};

/// Cells that one dataset's guard remembers, unless its owner says otherwise: some 270 MB on disk and
/// 100 MB in memory.
pub const ANCHORS_MAX: u64 = 1_000_000;

/// A guard for each dataset.
#[derive(Debug)]
pub struct Guards {
    /// Where they are kept; `None` for guards that end with the process.
    folder: Option<Arc<StateFolder>>,
    anchors_max: u64,
    opened: Mutex<BTreeMap<DatasetName, Arc<dyn Guard>>>,
}

impl Guards {
    /// Guards that forget when the process ends: for demonstrations and tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { folder: None, anchors_max: ANCHORS_MAX, opened: Mutex::default() }
    }

    /// Guards kept in a state folder, each of at most so many cells.
    #[must_use]
    pub fn in_folder(folder: Arc<StateFolder>, anchors_max: u64) -> Self {
        Self { folder: Some(folder), anchors_max, opened: Mutex::default() }
    }

    /// Opens every guard that there is a file of, so that a damaged or old one is noticed at start.
    /// This blocks on the disk.
    ///
    /// # Errors
    /// The first that can't be used.
    pub fn open_known(&self) -> Result<(), GuardError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for memory in folder.known(MemoryKind::Guard) {
            self.of(&memory.dataset)?;
        }
        Ok(())
    }

    /// The guard of a dataset. Its file is opened, or created, the first time; this blocks on the disk.
    ///
    /// # Errors
    /// A file that is lost, damaged, older than it was, in use by another process, or can't be written.
    pub fn of(&self, dataset: &DatasetName) -> Result<Arc<dyn Guard>, GuardError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guard) = opened.get(dataset) {
            return Ok(Arc::clone(guard));
        }
        let guard: Arc<dyn Guard> = match &self.folder {
            None => Arc::new(MemoryStore::new(self.anchors_max)),
            Some(folder) => Arc::new(CountedGuard::open(folder, dataset, self.anchors_max)?),
        };
        opened.insert(dataset.clone(), Arc::clone(&guard));
        Ok(guard)
    }
}

/// A guard's file together with its count in the manifest.
#[derive(Debug)]
struct CountedGuard {
    store: AnchorStore,
    folder: Arc<StateFolder>,
    memory: Memory,
}

impl CountedGuard {
    fn open(
        folder: &Arc<StateFolder>,
        dataset: &DatasetName,
        anchors_max: u64,
    ) -> Result<Self, GuardError> {
        let memory = Memory { kind: MemoryKind::Guard, dataset: dataset.clone() };
        let (file, counted) = (folder.file(&memory), folder.count(&memory));
        // A file that never kept anything may be missing: a crash came before it had its name.
        if counted == 0 && !file.exists() {
            create(&file, anchors_max)?;
        }
        let store = AnchorStore::open(&file, anchors_max, counted)?;
        let guard = Self { store, folder: Arc::clone(folder), memory };
        guard.count()?;
        Ok(guard)
    }

    /// Counts what the file keeps. A file that keeps more than is counted was written before a crash.
    fn count(&self) -> Result<(), GuardError> {
        let held = self.store.held()?;
        self.folder.count_up(&self.memory, held).map_err(|cause| GuardError::Disk {
            path: self.folder.file(&self.memory),
            doing: "counting its releases in the manifest",
            cause: cause.to_string(),
        })
    }
}

impl Guard for CountedGuard {
    fn judge(&self, cells: &[GuardedCell]) -> Result<Vec<Verdict>, GuardError> {
        let verdicts = self.store.judge(cells)?;
        // INVARIANT(AI-14): kept, then counted, and only then may the answer leave.
        self.count()?;
        Ok(verdicts)
    }
}

/// Makes an empty file under another name first: one that has its name is whole.
fn create(file: &Path, anchors_max: u64) -> Result<(), GuardError> {
    let disk = |doing| {
        let path = file.to_owned();
        move |cause: std::io::Error| GuardError::Disk { path, doing, cause: cause.to_string() }
    };
    let new = private::with_suffix(file, "new");
    if new.exists() {
        std::fs::remove_file(&new).map_err(disk("removing what an interrupted start left"))?;
    }
    drop(AnchorStore::create(&new, anchors_max)?);
    private::rename(&new, file).map_err(disk("giving the new file its name"))
}
