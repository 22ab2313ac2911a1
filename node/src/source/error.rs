//! Why a Dataset can't be served. For its owner: names of files, headers and columns, never values.

use std::fmt;

use insitu_disclosure::guard::GuardError;
use insitu_disclosure::hierarchy::HierarchyError;
use insitu_disclosure::tabulation::ScalarType;
use insitu_engine::error::DataFusionError;

use super::folder::{LeavesFolder, NotRegular};
use crate::dataset::{Misfit, Misfits};

/// Why a Dataset can't be served. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder can't be opened.
    #[error(
        "data folder `{folder}` can't be opened: {source}; correct `data_folder`, or create it"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such file.
    #[error("`{file}` doesn't exist; correct the path, which is relative to the data folder")]
    Missing {
        /// The file.
        file: String,
    },
    /// The path leads through a symbolic link out of the data folder.
    #[error(
        "`{file}` leads out of the data folder through a symbolic link; put the file itself there, or set `data_folder`"
    )]
    LeavesFolder {
        /// The file.
        file: String,
    },
    /// A folder, a pipe or a device.
    #[error(
        "`{file}` isn't a regular file; give the path of a file, which a node reads as it was at start"
    )]
    NotRegular {
        /// What was named as a file.
        file: String,
    },
    /// The file can't be read.
    #[error("`{file}` can't be read: {source}; check who may read it")]
    Unreadable {
        /// The file.
        file: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// Not a byte is in it.
    #[error("`{file}` is empty; a file without rows still has its header")]
    Empty {
        /// The file.
        file: String,
    },
    /// Something other than UTF-8 text.
    #[error("`{file}` is {found}; save it as CSV in UTF-8")]
    NotText {
        /// The file.
        file: String,
        /// What it looks like.
        found: &'static str,
    },
    /// Named `.gz` without being compressed.
    #[error("`{file}` isn't gzip-compressed; rename it without `.gz`, or compress it")]
    NotGzip {
        /// The file.
        file: String,
    },
    /// The compressed data is damaged or cut short.
    #[error(
        "`{file}` is damaged or cut short: its compressed data is incomplete or wrong; copy it again"
    )]
    Damaged {
        /// The file.
        file: String,
    },
    /// One record is far too long.
    #[error(
        "`{file}`: the record that begins on line {line} has no end within {bytes_max} bytes; look for a quote that is never closed, or another `delimiter`"
    )]
    RecordTooLong {
        /// The file.
        file: String,
        /// Where the record begins.
        line: u64,
        /// The longest record that is read.
        bytes_max: usize,
    },
    /// Declared columns aren't in the file.
    #[error("`{file}`: {}", joined(problems))]
    Header {
        /// The file.
        file: String,
        /// Everything that is wrong with its header.
        problems: Vec<HeaderProblem>,
    },
    /// Values or rows don't fit their declaration.
    #[error("{misfits}; {}", what_to_do(misfits))]
    Misfits {
        /// How many, and the first places.
        misfits: Misfits,
    },
    /// The rows take more memory than allowed.
    #[error(
        "its rows take more than the {mib_max} MiB that the node's CSV files may; convert the file to Parquet, which isn't held in memory, or raise `source_mib_max`"
    )]
    TooLarge {
        /// The limit.
        mib_max: u32,
    },
    /// The file isn't a whole Parquet file.
    #[error("`{file}` isn't a whole Parquet file: {detail}; write it again, or correct `format`")]
    NotParquet {
        /// The file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A column is of a type that the declared one can't hold without loss.
    #[error("`{file}`: column `{column}` is {found}, which isn't {declared} without loss; {fix}")]
    ColumnType {
        /// The file.
        file: String,
        /// The column's name in the file.
        column: String,
        /// Its type there.
        found: String,
        /// The declared type.
        declared: ScalarType,
        /// What to do.
        fix: &'static str,
    },
    /// Two files of a Dataset differ in a column's type.
    #[error(
        "`{file}`: column `{column}` is {found}, in `{first_file}` it is {first_found}; write both alike"
    )]
    FilesDiffer {
        /// The file.
        file: String,
        /// The column's name in both.
        column: String,
        /// Its type here.
        found: String,
        /// The first file.
        first_file: String,
        /// Its type there.
        first_found: String,
    },
    /// A unit has several rows, although the configuration says that none has.
    #[error(
        "column `{column}` has the same unit in several rows; write `unit_unique_per_row = false`, or rows would be counted for units"
    )]
    UnitRepeated {
        /// The column labelled `unit`.
        column: String,
    },
    /// Whether units are unique takes more memory to find out than allowed.
    #[error(
        "whether column `{column}` is unique can't be found out within {mib_max} MiB; raise `source_mib_max`, or write `unit_unique_per_row = false`"
    )]
    UnitsTooMany {
        /// The column labelled `unit`.
        column: String,
        /// The limit.
        mib_max: u32,
    },
    /// Rows of Parquet files are units, and nothing tells them apart.
    #[error(
        "nothing identifies the rows of a Parquet file from one query to the next; name a column that does: `unit = \"...\"`, labelled `unit`, with `unit_unique_per_row = true`"
    )]
    RowsWithoutId,
    /// The owner's own table of perturbations isn't one.
    #[error(
        "`{file}` isn't a table of perturbations: {problem}; it has the columns pcv, ckey and pvalue"
    )]
    PTable {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A code list isn't one.
    #[error(
        "`{file}` isn't a code list: {problem}; it has the columns {column} and {within}, with one {within} for each {column}"
    )]
    CodeList {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
    },
    /// What codes belong to, as several code lists say it, can't be.
    #[error("what codes belong to can't be: {0}; correct `within`, or its code list")]
    Hierarchies(#[source] HierarchyError),
    /// What was released of it can't be remembered.
    #[error("what is released of it can't be remembered: {0}")]
    Guard(#[source] GuardError),
    /// The engine couldn't do it.
    #[error("the engine failed on it: {source}; look into the file")]
    Engine {
        /// What the engine says. It may quote values.
        #[from]
        source: DataFusionError,
    },
}

/// Something wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderProblem {
    /// No column is headed so.
    Missing {
        /// The header looked for.
        header: String,
        /// The nearest there is.
        closest: Option<String>,
    },
    /// Several columns are headed so.
    Repeated {
        /// The header looked for.
        header: String,
        /// Where it stands, counted from 1.
        positions: Vec<usize>,
    },
    /// There are fewer columns.
    Beyond {
        /// The declared column.
        column: String,
        /// Where it should stand.
        position: usize,
        /// How many columns there are.
        fields: usize,
    },
    /// The column is the unit's, which would so be published.
    Unit {
        /// The declared column.
        column: String,
    },
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { header, closest: Some(closest) } => {
                write!(f, "no column `{header}`; did you mean `{closest}`?")
            }
            Self::Missing { header, closest: None } => {
                write!(f, "no column `{header}`; set `from` to a name that is in the file")
            }
            Self::Repeated { header, positions } => {
                let positions: Vec<String> = positions.iter().map(usize::to_string).collect();
                let positions = positions.join(", ");
                write!(f, "`{header}` heads columns {positions}; use `position` instead of `from`")
            }
            Self::Beyond { column, position, fields } => {
                write!(f, "`{column}` is declared at position {position} of {fields}; correct it")
            }
            Self::Unit { column } => {
                write!(f, "`{column}` is read from the same field as the unit; hide it")
            }
        }
    }
}

fn what_to_do(misfits: &Misfits) -> String {
    match misfits.stray_quote() {
        None => format!(
            "correct the file, or allow so many with `misfits_max = {}` (misfits become NULL, such rows are left out)",
            misfits.total()
        ),
        Some(Misfit { file, line, .. }) => format!(
            "correct the file from {file}:{line} on: a stray quote there takes whole lines for text, and no number \
             of allowed misfits covers rows that nobody counted"
        ),
    }
}

fn joined(problems: &[HeaderProblem]) -> String {
    let problems: Vec<String> = problems.iter().map(HeaderProblem::to_string).collect();
    problems.join(" · ")
}

impl SourceError {
    /// What a store's error means for a file.
    pub(super) fn of_store(file: &str, source: object_store::Error) -> Self {
        let file = file.to_owned();
        match source {
            object_store::Error::NotFound { .. } => Self::Missing { file },
            object_store::Error::PermissionDenied { ref source, .. }
                if source.is::<LeavesFolder>() =>
            {
                Self::LeavesFolder { file }
            }
            object_store::Error::NotSupported { ref source } if source.is::<NotRegular>() => {
                Self::NotRegular { file }
            }
            // The store's list of errors grows; the rest is for the owner to read.
            source => Self::Unreadable { file, source },
        }
    }
}
