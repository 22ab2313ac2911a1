//! A guard that keeps its releases on disk: one file for each dataset.
//!
//! One file, because a full or damaged one then stops its dataset and no other, and tables of
//! different datasets do not wait for each other.
//!
//! The file is a `redb` database: pure Rust, one file, copy-on-write trees with checksums, one
//! writer, a lock against a second process. Commits are in two phases, so that after a crash the
//! file holds all of a table or none of it, and never bytes that merely look whole.
//! The file is verified from end to end when it is opened, and the anchors are loaded from it.
//!
//! Restoring an old copy would reopen every difference since. The file cannot know that, so
//! [`AnchorStore::open`] is told how many cells the manifest has counted.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, StorageError, TableDefinition, WriteTransaction,
};

use insitu_disclosure::guard::judge::judge_table;
use insitu_disclosure::guard::record::{Record, key_bytes, key_of};
use insitu_disclosure::guard::shelves::Shelves;
use insitu_disclosure::guard::{Guard, GuardError, GuardedCell, Making, Verdict};

const RECORDS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("insitu.guard.records");
const FORMAT: TableDefinition<'_, u8, u64> = TableDefinition::new("insitu.guard.format");

/// Key of the format's number in its table, and the number this program writes.
const FORMAT_KEY: u8 = 0;
const FORMAT_NOW: u64 = 2;

/// Key of the number of releases made, in the same table: each writes it, so that none is quicker for having nothing to keep.
const RELEASES_KEY: u8 = 1;

/// Stands for a moment where nothing is kept: as long as the record of a small cell that is suppressed.
const NOT_KEPT: [u8; 305] = [0; 305];

/// Pages kept in memory by the database. The anchors have their own place, so little is needed.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Anchors on disk.
///
/// [`Guard::release`] blocks on the disk; call it where blocking is allowed.
#[derive(Debug)]
pub struct AnchorStore {
    path: PathBuf,
    anchors_max: u64,
    database: Database,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    shelves: Shelves,
    held: u64,
    /// Set when a commit failed: what is on disk is then unknown until the file is reopened.
    stopped: bool,
}

impl AnchorStore {
    /// Makes a new, empty file, readable by its owner alone. Only for a dataset that never
    /// released anything.
    ///
    /// # Errors
    /// [`GuardError::Exists`] when there is a file; [`GuardError::Disk`] when the disk refuses.
    pub fn create(path: impl Into<PathBuf>, anchors_max: u64) -> Result<Self, GuardError> {
        let path = path.into();
        let made =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(|cause| match cause.kind() {
            ErrorKind::AlreadyExists => GuardError::Exists { path: path.clone() },
            _ => disk(&path, "making the file", &cause),
        })?;
        let database = settings().create(&path).map_err(|cause| unopened(&path, &cause))?;
        let write = |cause: &dyn ToString| disk(&path, "writing the new file", cause);
        let transaction = begin(&database, &path)?;
        {
            transaction.open_table(RECORDS).map_err(|cause| write(&cause))?;
            let mut format = transaction.open_table(FORMAT).map_err(|cause| write(&cause))?;
            format.insert(FORMAT_KEY, FORMAT_NOW).map_err(|cause| write(&cause))?;
        }
        transaction.commit().map_err(|cause| write(&cause))?;
        // The file's name is durable only once its directory is.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(|cause| disk(&path, "making the file's name durable", &cause))?;
        let kept = Kept { shelves: Shelves::default(), held: 0, stopped: false };
        Ok(Self { path, anchors_max, database, kept: Mutex::new(kept) })
    }

    /// Opens a file, verifies it and loads its anchors.
    ///
    /// `at_least` is the number of cells that the caller knows to have been kept (0 if it keeps no
    /// such note): a file with fewer was rolled back.
    ///
    /// # Errors
    /// [`GuardError::Missing`], [`GuardError::Exposed`], [`GuardError::InUse`],
    /// [`GuardError::Damaged`], [`GuardError::RolledBack`], [`GuardError::Disk`]. Never an empty
    /// guard in place of a file that cannot be read.
    pub fn open(
        path: impl Into<PathBuf>,
        anchors_max: u64,
        at_least: u64,
    ) -> Result<Self, GuardError> {
        let path = path.into();
        let about = fs::metadata(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => GuardError::Missing { path: path.clone() },
            _ => disk(&path, "looking for the file", &cause),
        })?;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(GuardError::Exposed { path, mode });
        }
        // Some damage makes the database library panic. Nothing outside the closure is touched by
        // then, so a panic can be reported as what it is.
        let opened = catch_unwind(AssertUnwindSafe(|| load(&path)));
        let (database, kept) =
            opened.unwrap_or_else(|_| Err(damaged(&path, "its structure is not a database's")))?;
        if kept.held < at_least {
            return Err(GuardError::RolledBack { path, held: kept.held, expected: at_least });
        }
        Ok(Self { path, anchors_max, database, kept: Mutex::new(kept) })
    }

    /// Number of cells kept, for the manifest to count.
    ///
    /// # Errors
    /// [`GuardError::Stopped`] after a failure.
    pub fn held(&self) -> Result<u64, GuardError> {
        self.kept.lock().map(|kept| kept.held).map_err(|_| GuardError::Stopped)
    }

    /// Judges cells as part of a release, and writes down what is to be kept of them.
    fn judge(
        &self,
        transaction: &WriteTransaction,
        kept: &mut Kept,
        cells: &[GuardedCell<'_>],
    ) -> Result<Vec<Verdict>, GuardError> {
        let read = |cause: &dyn ToString| disk(&self.path, "reading a release", cause);
        let mut table = transaction.open_table(RECORDS).map_err(|cause| read(&cause))?;
        let recall = |key| {
            let found = table.get(key_bytes(key)).map_err(|cause| read(&cause))?;
            let Some(found) = found else { return Ok(None) };
            let record = Record::from_bytes(found.value());
            record
                .map(|record| Some(record.released))
                .ok_or_else(|| damaged(&self.path, "a release cannot be read"))
        };
        let judged = judge_table(cells, &mut kept.shelves, kept.held, self.anchors_max, recall)?;
        let write = |cause: &dyn ToString| disk(&self.path, "keeping a release", cause);
        let mut new = judged.new.iter().peekable();
        let of_cells = cells.iter().enumerate().map(|(place, cell)| {
            let record = new.next_if(|record| record.cell() == place);
            (key_bytes(cell.key()), record.and_then(|record| record.record(cells)))
        });
        // In the keys' order, which the tree takes in less time; of one key the new record last.
        let mut of_cells: Vec<_> = of_cells.collect();
        of_cells.sort_by_key(|(key, record)| (*key, record.is_some()));
        for (key, record) in of_cells {
            let is_kept = match record {
                Some(record) => {
                    let bytes = record.to_bytes();
                    table.insert(key, bytes.as_slice()).map_err(|cause| write(&cause))?;
                    continue;
                }
                None => table.get(key).map_err(|cause| read(&cause))?.map(|of| of.value().to_vec()),
            };
            // What isn't new is written again, and what isn't kept is written and taken away: each cell's place in the tree is
            // written, so that the time doesn't tell which it is.
            let bytes = is_kept.as_deref().unwrap_or(&NOT_KEPT);
            table.insert(key, bytes).map_err(|cause| write(&cause))?;
            if is_kept.is_none() {
                table.remove(key).map_err(|cause| write(&cause))?;
            }
        }
        let new = u64::try_from(judged.new.len()).unwrap_or(u64::MAX);
        kept.held = kept.held.saturating_add(new);
        Ok(judged.verdicts)
    }

    /// Makes durable what was written, and that something was.
    fn keep(&self, transaction: WriteTransaction) -> Result<(), GuardError> {
        let write = |cause: &dyn ToString| disk(&self.path, "keeping a release", cause);
        {
            let mut format = transaction.open_table(FORMAT).map_err(|cause| write(&cause))?;
            let before = format.get(RELEASES_KEY).map_err(|cause| write(&cause))?;
            let releases = before.map_or(0, |before| before.value()).saturating_add(1);
            format.insert(RELEASES_KEY, releases).map_err(|cause| write(&cause))?;
        }
        let committed = transaction.commit();
        committed.map_err(|cause| disk(&self.path, "making the releases durable", &cause))
    }
}

impl Guard for AnchorStore {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        let mut kept = self.kept.lock().map_err(|_| GuardError::Stopped)?;
        if kept.stopped {
            return Err(GuardError::Stopped);
        }
        let transaction = begin(&self.database, &self.path)?;
        // Until the file holds what the shelves do.
        kept.stopped = true;
        let mut failed = false;
        let made = made(&mut |cells| {
            if failed {
                return Err(GuardError::Stopped);
            }
            let verdicts = self.judge(&transaction, &mut kept, cells);
            // A full guard is whole. After any other failure, only the file knows what was kept, and the shelves may hold
            // more.
            failed = !matches!(verdicts, Ok(_) | Err(GuardError::Full { .. }));
            verdicts
        });
        if failed {
            return made.and(Err(GuardError::Stopped));
        }
        self.keep(transaction)?;
        kept.stopped = false;
        made
    }
}

pub(crate) fn settings() -> Builder {
    let mut settings = Builder::new();
    settings.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    settings
}

pub(crate) fn begin(database: &Database, path: &Path) -> Result<WriteTransaction, GuardError> {
    let failed = |cause: &dyn ToString| disk(path, "starting to write", cause);
    let mut transaction = database.begin_write().map_err(|cause| failed(&cause))?;
    transaction.set_durability(Durability::Immediate).map_err(|cause| failed(&cause))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Opens the database and reads every record. Any surprise is damage.
fn load(path: &Path) -> Result<(Database, Kept), GuardError> {
    let database = settings().open(path).map_err(|cause| unopened(path, &cause))?;
    let unread = |cause: &dyn ToString| damaged(path, &cause.to_string());
    let transaction = database.begin_read().map_err(|cause| unread(&cause))?;
    let format = transaction.open_table(FORMAT).map_err(|cause| unread(&cause))?;
    let number = format.get(FORMAT_KEY).map_err(|cause| unread(&cause))?.map(|n| n.value());
    if number != Some(FORMAT_NOW) {
        return Err(damaged(path, "it is of no format this program knows"));
    }
    let table = transaction.open_table(RECORDS).map_err(|cause| unread(&cause))?;
    let held = table.len().map_err(|cause| unread(&cause))?;
    let (mut shelves, mut read, mut next) = (Shelves::default(), 0_u64, 0_u64);
    for entry in table.iter().map_err(|cause| unread(&cause))? {
        let (key, value) = entry.map_err(|cause| unread(&cause))?;
        let (scope, coordinate) = key_of(&key.value());
        let record = Record::from_bytes(value.value());
        let record = record.ok_or_else(|| damaged(path, "a release cannot be read"))?;
        if let Some(anchor) = record.anchor((scope, coordinate)) {
            shelves.place(scope, anchor.n, anchor.residues, anchor.marks, anchor.name());
        }
        read = read.saturating_add(1);
        next = next.max(record.order.saturating_add(1));
    }
    // Each record has an order of its own, from 0 without a gap.
    if read != held || next != held {
        return Err(damaged(path, "releases are missing"));
    }
    drop((table, format));
    transaction.close().map_err(|cause| unread(&cause))?;
    Ok((database, Kept { shelves, held, stopped: false }))
}

pub(crate) fn unopened(path: &Path, cause: &DatabaseError) -> GuardError {
    match cause {
        DatabaseError::DatabaseAlreadyOpen => GuardError::InUse { path: path.to_owned() },
        DatabaseError::Storage(StorageError::Io(io)) if !is_damage(io.kind()) => {
            disk(path, "opening the file", io)
        }
        other => damaged(path, &other.to_string()),
    }
}

/// Errors of reading that speak of the bytes and not of the disk.
fn is_damage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

pub(crate) fn damaged(path: &Path, what: &str) -> GuardError {
    GuardError::Damaged { path: path.to_owned(), what: what.to_owned() }
}

pub(crate) fn disk(
    path: &Path,
    doing: &'static str,
    cause: &(impl ToString + ?Sized),
) -> GuardError {
    GuardError::Disk { path: path.to_owned(), doing, cause: cause.to_string() }
}
