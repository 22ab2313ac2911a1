//! Why the guard gave no verdict, or a budget wasn't charged, in words for the operator of a node.
//!
//! None of these texts is for the analyst: the analyst gets one closed refusal code.

use std::path::PathBuf;

/// The guard gave no verdict, or could not be opened. The table in question must not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The guard keeps as many cells as it may.
    #[error(
        "the difference guard holds {held} cells of at most {limit}, and a table didn't fit: \
         none of this dataset is released any more. Raise `anchors_max` in `[node]` or `[gateway]`, \
         and restart"
    )]
    Full {
        /// Cells kept now.
        held: u64,
        /// The configured most.
        limit: u64,
        /// Cells of the table not seen before; 0 of tables that came after one that didn't fit.
        needed: u64,
    },
    /// A released value is longer than the guard keeps.
    #[error("a released value takes {length} bytes; the guard keeps at most {limit}")]
    ValueTooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A sketch and a count that cannot be of the same units.
    #[error("the cell has {n} units, and its sketch is of {of}")]
    SketchNotOfCount {
        /// The count given with it.
        n: u64,
        /// The units of the sketch.
        of: u64,
    },
    /// There is no file.
    #[error(
        "{}: missing, and something was kept in it. Restore it from backup; if there is none, \
         `insitu state reset` accepts the loss",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A new file was to be made where there is one.
    #[error("{}: already there; open it instead of creating it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the file open.
    #[error(
        "{}: in use by another process. One node process serves a dataset; stop the other",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file may be read or written by others than its owner.
    #[error("{}: mode {mode:o} lets others in; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not as this program wrote it.
    #[error(
        "{}: damaged ({what}). Restore it from backup; do \
         not delete it, for without it earlier releases can be differenced. If there is no backup, \
         `insitu state reset` accepts the loss",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file is older than what the manifest counted of it.
    #[error(
        "{}: holds {held} entries, but the manifest counted {expected}: it was rolled back or restored \
         from an old copy. Restore the newest copy; if there is none, `insitu state reset` accepts \
         the loss",
        path.display()
    )]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// Entries in the file: cells, or conditions.
        held: u64,
        /// Entries the caller knows to have been kept.
        expected: u64,
    },
    /// The disk refused.
    #[error("{}: {doing}: {cause}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What was under way.
        doing: &'static str,
        /// The system's words.
        cause: String,
    },
    /// An earlier failure left it unknown what is on disk.
    #[error(
        "nothing is kept any more after an earlier failure; restart the service to reopen its file"
    )]
    Stopped,
}
