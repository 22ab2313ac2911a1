//! A Dataset together with how its rows are read.

use std::sync::Arc;

use insitu_disclosure::dataset::{Column, Dataset};
use object_store::path::Path;

use super::DateFormat;

/// A Dataset as declared at this node, made of a checked configuration.
#[derive(Debug, Clone)]
pub struct Descriptor {
    /// What is published and on what terms; hidden columns included.
    pub dataset: Arc<Dataset>,
    /// Where its rows are.
    pub source: Source,
    /// The file of the owner's own table of perturbations.
    pub p_table: Option<Path>,
    /// Hierarchies that are written in files.
    pub code_lists: Vec<CodeList>,
}

/// A file that says what the codes of a column belong to in a coarser one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// The finer column.
    pub column: String,
    /// The coarser column.
    pub within: String,
    /// A CSV file with a column of each of these names.
    pub file: Path,
}

/// Where rows are. Hidden columns aren't in it: what can't be used is never read.
#[derive(Debug, Clone)]
pub enum Source {
    /// Text files, read once when the node starts.
    Csv(CsvSource),
    /// Column files, read anew by every query.
    Parquet(ParquetSource),
}

/// CSV files of one form, plain or gzip-compressed.
#[derive(Debug, Clone)]
pub struct CsvSource {
    /// The files, in the order of their rows.
    pub files: Vec<Path>,
    /// Whether the first record of each file names the columns.
    pub header: bool,
    /// The byte between fields.
    pub delimiter: u8,
    /// The columns to read, in the order declared.
    pub columns: Vec<CsvColumn>,
    /// How many misfits are put up with; above it, the Dataset isn't served.
    pub misfits_max: u64,
}

/// A column of CSV files.
#[derive(Debug, Clone)]
pub struct CsvColumn {
    /// What it becomes.
    pub column: Column,
    /// Where it stands in a record.
    pub place: Place,
    /// What a blank cell means.
    pub blank: Blank,
    /// What stands between groups of three digits.
    pub thousands_separator: Option<char>,
    /// How dates are written, where not as `2018-01-31`.
    pub date_format: Option<DateFormat>,
    /// What is done to each text.
    pub derivation: Option<Derivation>,
    /// Whether a value outside the domain is a misfit.
    pub domain_closed: bool,
}

/// Where a column stands in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Under the header with this text.
    Header(String),
    /// Counted from 1.
    Position(usize),
}

/// What a blank cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// No value.
    Null,
    /// A value that doesn't fit.
    Misfit,
}

/// What is done to each text of a column as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivation {
    /// White space round it is dropped.
    Trim,
    /// Letters become capitals.
    Upper,
    /// The last word is dropped: `Leeds 005C` becomes `Leeds`. A single word doesn't fit.
    DropLastWord,
}

impl Derivation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Trim, Self::Upper, Self::DropLastWord];

    /// The word used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Upper => "upper",
            Self::DropLastWord => "drop-last-word",
        }
    }
}

/// Parquet files of one form.
#[derive(Debug, Clone)]
pub struct ParquetSource {
    /// The files.
    pub files: Vec<Path>,
    /// The columns to read, in the order declared.
    pub columns: Vec<ParquetColumn>,
}

/// A column of Parquet files.
#[derive(Debug, Clone)]
pub struct ParquetColumn {
    /// What it becomes.
    pub column: Column,
    /// Its name in the files.
    pub name_in_file: String,
}
