//! A budget that keeps on disk which conditions were charged: one file for each dataset.
//!
//! A file of its own beside the guard's: a dataset may have a budget and no guard. The same kind of
//! database for the same reasons, see [`crate::AnchorStore`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use insitu_disclosure::budget::{Charge, Condition, ConditionBudget, unpaid};
use insitu_disclosure::guard::GuardError;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::private;
use crate::store::{begin, damaged, disk, settings, unopened};

/// Charged conditions: the data's state and the condition's digest, in this order. There is no value.
const CHARGED: TableDefinition<'_, [u8; 24], ()> = TableDefinition::new("insitu.budget.charged");
const FORMAT: TableDefinition<'_, u8, u64> = TableDefinition::new("insitu.budget.format");

const FORMAT_KEY: u8 = 0;
const FORMAT_NOW: u64 = 1;

/// Charged conditions on disk.
///
/// [`ConditionBudget::charge`] blocks on the disk; call it where blocking is allowed.
#[derive(Debug)]
pub(crate) struct ConditionStore {
    path: PathBuf,
    database: Database,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    charged: BTreeMap<u64, BTreeSet<Condition>>,
    count: u64,
    /// Set when a commit failed: what is on disk is then unknown until the file is reopened.
    stopped: bool,
}

impl ConditionStore {
    /// Makes a new, empty file, for its owner alone.
    ///
    /// # Errors
    /// [`GuardError::Disk`].
    pub(crate) fn create(path: &Path) -> Result<(), GuardError> {
        drop(private::open_file(path).map_err(|cause| disk(path, "making the file", &cause))?);
        let database = settings().create(path).map_err(|cause| unopened(path, &cause))?;
        let write = |cause: &dyn ToString| disk(path, "writing the new file", cause);
        let transaction = begin(&database, path)?;
        {
            transaction.open_table(CHARGED).map_err(|cause| write(&cause))?;
            let mut format = transaction.open_table(FORMAT).map_err(|cause| write(&cause))?;
            format.insert(FORMAT_KEY, FORMAT_NOW).map_err(|cause| write(&cause))?;
        }
        transaction.commit().map_err(|cause| write(&cause))
    }

    /// Opens a file, verifies it and reads what was charged; `at_least` is what the manifest counted.
    ///
    /// # Errors
    /// As [`crate::AnchorStore::open`]: never an empty budget in place of a file that can't be read.
    pub(crate) fn open(path: &Path, at_least: u64) -> Result<Self, GuardError> {
        match private::exposed(path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Err(GuardError::Missing { path: path.to_owned() });
            }
            Err(cause) => return Err(disk(path, "looking for the file", &cause)),
            Ok(Some(mode)) => return Err(GuardError::Exposed { path: path.to_owned(), mode }),
            Ok(None) => {}
        }
        // Some damage makes the database library panic.
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| load(path)));
        let (database, kept) =
            opened.unwrap_or_else(|_| Err(damaged(path, "its structure is not a database's")))?;
        if kept.count < at_least {
            let (path, held) = (path.to_owned(), kept.count);
            return Err(GuardError::RolledBack { path, held, expected: at_least });
        }
        Ok(Self { path: path.to_owned(), database, kept: Mutex::new(kept) })
    }

    /// Number of conditions charged, over all states of the data.
    ///
    /// # Errors
    /// [`GuardError::Stopped`] after a failure.
    pub(crate) fn count(&self) -> Result<u64, GuardError> {
        self.kept.lock().map(|kept| kept.count).map_err(|_| GuardError::Stopped)
    }

    fn keep(&self, snapshot: u64, conditions: &BTreeSet<Condition>) -> Result<(), GuardError> {
        let transaction = begin(&self.database, &self.path)?;
        {
            let write = |cause: &dyn ToString| disk(&self.path, "keeping a charge", cause);
            let mut table = transaction.open_table(CHARGED).map_err(|cause| write(&cause))?;
            for condition in conditions {
                table.insert(key(snapshot, *condition), ()).map_err(|cause| write(&cause))?;
            }
        }
        let committed = transaction.commit();
        committed.map_err(|cause| disk(&self.path, "making a charge durable", &cause))
    }
}

impl ConditionBudget for ConditionStore {
    fn charge(
        &self,
        snapshot: u64,
        conditions: &BTreeSet<Condition>,
        conditions_max: u32,
    ) -> Result<Charge, GuardError> {
        let mut kept = self.kept.lock().map_err(|_| GuardError::Stopped)?;
        if kept.stopped {
            return Err(GuardError::Stopped);
        }
        let paid = kept.charged.entry(snapshot).or_default();
        let Some(unpaid) = unpaid(paid, conditions, conditions_max) else {
            return Ok(Charge::Spent);
        };
        if conditions.is_empty() {
            return Ok(Charge::Paid);
        }
        // All of them, as if none had been paid for: how long it takes doesn't tell whether somebody asked the same.
        if let Err(error) = self.keep(snapshot, conditions) {
            kept.stopped = true;
            return Err(error);
        }
        let more = u64::try_from(unpaid.len()).unwrap_or(u64::MAX);
        kept.charged.entry(snapshot).or_default().extend(unpaid);
        kept.count = kept.count.saturating_add(more);
        Ok(Charge::Paid)
    }
}

fn key(snapshot: u64, condition: Condition) -> [u8; 24] {
    let mut key = [0_u8; 24];
    let bytes = snapshot.to_le_bytes().into_iter().chain(condition.bytes());
    for (to, from) in key.iter_mut().zip(bytes) {
        *to = from;
    }
    key
}

fn of_key(key: &[u8; 24]) -> Option<(u64, Condition)> {
    let (snapshot, condition) = key.split_first_chunk::<8>()?;
    let condition = Condition::from_bytes(condition.try_into().ok()?);
    Some((u64::from_le_bytes(*snapshot), condition))
}

/// Opens the database and reads every entry. Any surprise is damage.
fn load(path: &Path) -> Result<(Database, Kept), GuardError> {
    let database = settings().open(path).map_err(|cause| unopened(path, &cause))?;
    let unread = |cause: &dyn ToString| damaged(path, &cause.to_string());
    let transaction = database.begin_read().map_err(|cause| unread(&cause))?;
    let format = transaction.open_table(FORMAT).map_err(|cause| unread(&cause))?;
    let number = format.get(FORMAT_KEY).map_err(|cause| unread(&cause))?.map(|n| n.value());
    if number != Some(FORMAT_NOW) {
        return Err(damaged(path, "it is of no format this program knows"));
    }
    let table = transaction.open_table(CHARGED).map_err(|cause| unread(&cause))?;
    let mut kept = Kept { count: table.len().map_err(|cause| unread(&cause))?, ..Kept::default() };
    let mut read = 0_u64;
    for entry in table.iter().map_err(|cause| unread(&cause))? {
        let (key, _) = entry.map_err(|cause| unread(&cause))?;
        let (snapshot, condition) =
            of_key(&key.value()).ok_or_else(|| damaged(path, "an entry cannot be read"))?;
        kept.charged.entry(snapshot).or_default().insert(condition);
        read = read.saturating_add(1);
    }
    if read != kept.count {
        return Err(damaged(path, "entries are missing"));
    }
    drop((table, format));
    transaction.close().map_err(|cause| unread(&cause))?;
    Ok((database, kept))
}
