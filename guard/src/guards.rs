//! The guards and budgets of all datasets of a node, or of a gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use insitu_disclosure::budget::{Charge, Condition, ConditionBudget, MemoryBudget};
use insitu_disclosure::guard::{Guard, GuardError, Making, MemoryStore};
use insitu_disclosure::{Dataset, DatasetName};

use crate::conditions::ConditionStore;
use crate::folder::StateFolder;
use crate::manifest::{Memory, MemoryKind};
use crate::terms::{Terms, TermsChange};
use crate::{AnchorStore, private};

/// Cells that one dataset's guard remembers, unless its owner says otherwise: some 270 MB on disk and
/// 100 MB in memory.
pub const ANCHORS_MAX: u64 = 1_000_000;

/// A guard and a budget for each dataset.
#[derive(Debug)]
pub struct Guards {
    /// Where they are kept; `None` for guards that end with the process.
    folder: Option<Arc<StateFolder>>,
    anchors_max: u64,
    opened: Mutex<BTreeMap<DatasetName, Arc<dyn Guard>>>,
    budgets: Mutex<BTreeMap<DatasetName, Arc<dyn ConditionBudget>>>,
}

impl Guards {
    /// Guards that forget when the process ends: for demonstrations and tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self::kept(None, ANCHORS_MAX)
    }

    /// Guards kept in a state folder, each of at most so many cells.
    #[must_use]
    pub fn in_folder(folder: Arc<StateFolder>, anchors_max: u64) -> Self {
        Self::kept(Some(folder), anchors_max)
    }

    fn kept(folder: Option<Arc<StateFolder>>, anchors_max: u64) -> Self {
        Self { folder, anchors_max, opened: Mutex::default(), budgets: Mutex::default() }
    }

    /// Opens every guard and budget that there is a file of, so that a damaged or old one is noticed
    /// at start. This blocks on the disk.
    ///
    /// # Errors
    /// The first that can't be used.
    pub fn open_known(&self) -> Result<(), GuardError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for memory in folder.known(MemoryKind::Guard) {
            self.of(&memory.dataset)?;
        }
        for memory in folder.known(MemoryKind::Conditions) {
            self.budget(&memory.dataset)?;
        }
        Ok(())
    }

    /// Writes down on which terms a dataset is served from now on, and gives what changed since the folder was last used for it;
    /// nothing if that isn't known. This blocks on the disk.
    ///
    /// # Errors
    /// They can't be written down.
    pub fn serve(&self, dataset: &Dataset) -> Result<Vec<TermsChange>, GuardError> {
        let (Some(folder), Some(terms)) = (&self.folder, Terms::of(dataset)) else {
            return Ok(Vec::new());
        };
        let before = folder.serve_on(&dataset.name, terms).map_err(|cause| GuardError::Disk {
            path: folder.manifest_file(),
            doing: "writing down on which terms a dataset is served",
            cause: cause.to_string(),
        })?;
        Ok(before.map(|before| terms.changes_from(&before)).unwrap_or_default())
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

    /// The budget of a dataset. Its file is opened, or created, the first time; this blocks on the disk.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn budget(&self, dataset: &DatasetName) -> Result<Arc<dyn ConditionBudget>, GuardError> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get(dataset) {
            return Ok(Arc::clone(budget));
        }
        let budget: Arc<dyn ConditionBudget> = match &self.folder {
            None => Arc::new(MemoryBudget::default()),
            Some(folder) => Arc::new(CountedBudget::open(folder, dataset)?),
        };
        budgets.insert(dataset.clone(), Arc::clone(&budget));
        Ok(budget)
    }
}

/// A memory's place in the folder, and its count in the manifest.
#[derive(Debug)]
struct Counted {
    folder: Arc<StateFolder>,
    memory: Memory,
}

impl Counted {
    fn of(folder: &Arc<StateFolder>, kind: MemoryKind, dataset: &DatasetName) -> Self {
        Self { folder: Arc::clone(folder), memory: Memory { kind, dataset: dataset.clone() } }
    }

    /// The file, made by `create` if nothing was ever kept in it, and what is counted of it.
    fn file(
        &self,
        create: impl FnOnce(&Path) -> Result<(), GuardError>,
    ) -> Result<(PathBuf, u64), GuardError> {
        let (file, counted) = (self.folder.file(&self.memory), self.folder.count(&self.memory));
        // A file that never kept anything may be missing: a crash came before it had its name.
        if counted == 0 && !file.exists() {
            make(&file, create)?;
        }
        Ok((file, counted))
    }

    /// Counts what the file keeps. A file that keeps more than is counted was written before a crash.
    fn count(&self, held: u64) -> Result<(), GuardError> {
        self.folder.count_up(&self.memory, held).map_err(|cause| GuardError::Disk {
            path: self.folder.file(&self.memory),
            doing: "counting in the manifest what it keeps",
            cause: cause.to_string(),
        })
    }
}

/// A guard's file together with its count in the manifest.
#[derive(Debug)]
struct CountedGuard {
    store: AnchorStore,
    counted: Counted,
}

impl CountedGuard {
    fn open(
        folder: &Arc<StateFolder>,
        dataset: &DatasetName,
        anchors_max: u64,
    ) -> Result<Self, GuardError> {
        let counted = Counted::of(folder, MemoryKind::Guard, dataset);
        let create = |path: &Path| AnchorStore::create(path, anchors_max).map(drop);
        let (file, at_least) = counted.file(create)?;
        let store = AnchorStore::open(&file, anchors_max, at_least)?;
        counted.count(store.held()?)?;
        Ok(Self { store, counted })
    }
}

impl Guard for CountedGuard {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        let released = self.store.release(made);
        // INVARIANT(AI-14): kept, then counted, and only then may the answer leave.
        self.counted.count(self.store.held()?)?;
        released
    }
}

/// A budget's file together with its count in the manifest.
#[derive(Debug)]
struct CountedBudget {
    store: ConditionStore,
    counted: Counted,
}

impl CountedBudget {
    fn open(folder: &Arc<StateFolder>, dataset: &DatasetName) -> Result<Self, GuardError> {
        let counted = Counted::of(folder, MemoryKind::Conditions, dataset);
        let (file, at_least) = counted.file(ConditionStore::create)?;
        let store = ConditionStore::open(&file, at_least)?;
        counted.count(store.count()?)?;
        Ok(Self { store, counted })
    }
}

impl ConditionBudget for CountedBudget {
    fn charge(
        &self,
        snapshot: u64,
        conditions: &BTreeSet<Condition>,
        conditions_max: u32,
    ) -> Result<Charge, GuardError> {
        let charge = self.store.charge(snapshot, conditions, conditions_max)?;
        self.counted.count(self.store.count()?)?;
        Ok(charge)
    }
}

/// Makes an empty file under another name first: one that has its name is whole.
fn make(
    file: &Path,
    create: impl FnOnce(&Path) -> Result<(), GuardError>,
) -> Result<(), GuardError> {
    let disk = |doing| {
        let path = file.to_owned();
        move |cause: std::io::Error| GuardError::Disk { path, doing, cause: cause.to_string() }
    };
    let new = private::with_suffix(file, "new");
    if new.exists() {
        std::fs::remove_file(&new).map_err(disk("removing what an interrupted start left"))?;
    }
    create(&new)?;
    private::rename(&new, file).map_err(disk("giving the new file its name"))
}
