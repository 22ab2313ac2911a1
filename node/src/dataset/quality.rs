//! What was found when a Dataset's rows were read.
//!
//! For the data owner, who can look into the file: places and counts, never values. It depends on
//! data, so none of it crosses the border.

use std::fmt;

use insitu_disclosure::tabulation::ScalarType;

/// How many places of misfits are kept.
pub(crate) const PLACES_MAX: usize = 10;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QualityReport {
    /// Every value was looked at.
    Read(ReadReport),
    /// The files were opened; values are read by each query.
    Opened {
        /// Rows, as the files state it.
        rows: u64,
    },
}

impl QualityReport {
    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        match self {
            Self::Read(report) => report.rows,
            Self::Opened { rows } => *rows,
        }
    }

    /// Whether something didn't fit, and was made NULL or left out.
    #[must_use]
    pub const fn has_misfits(&self) -> bool {
        match self {
            Self::Read(report) => 0 < report.misfits.total,
            Self::Opened { .. } => false,
        }
    }
}

/// What was found when every value was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// Rows that are served.
    pub rows: u64,
    /// Rows left out because their fields couldn't be told apart.
    pub rows_left_out: u64,
    /// What didn't fit.
    pub misfits: Misfits,
    /// What was found in each column, in the order declared.
    pub columns: Vec<ColumnQuality>,
}

/// What was found in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnQuality {
    /// Its name.
    pub name: String,
    /// Values that are NULL, misfits included.
    pub nulls: u64,
    /// Values that the declared domain doesn't have. They stay; a table shows them like any other
    /// value that isn't known to everybody.
    pub outside_domain: u64,
    /// Values beyond the declared bounds. They stay, and are clamped when added up.
    pub outside_bounds: u64,
}

/// What didn't fit: how often, and the first places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfits {
    total: u64,
    places: Vec<Misfit>,
    stray_quote: Option<Misfit>,
}

impl Misfits {
    /// One more.
    pub(crate) fn add(&mut self, misfit: impl FnOnce() -> Misfit) {
        self.total = self.total.saturating_add(1);
        if self.places.len() < PLACES_MAX {
            self.places.push(misfit());
        }
    }

    /// One more, in a record whose quotes took lines into it, or would: how many rows it stands for,
    /// nobody knows.
    pub(crate) fn add_stray_quote(&mut self, misfit: Misfit) {
        self.stray_quote.get_or_insert_with(|| misfit.clone());
        self.add(|| misfit);
    }

    /// The first that isn't one row's, which no number of allowed misfits covers.
    #[must_use]
    pub const fn stray_quote(&self) -> Option<&Misfit> {
        self.stray_quote.as_ref()
    }

    /// How many there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Where the first of them are.
    #[must_use]
    pub fn places(&self) -> &[Misfit] {
        &self.places
    }
}

/// A place where something doesn't fit. Without the value: its owner can look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The file.
    pub file: String,
    /// The line that the record begins on, counted from 1.
    pub line: u64,
    /// The column's header or position in the file; `None` if it is about the record as a whole.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: MisfitReason,
}

/// What is wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisfitReason {
    /// The value isn't of the column's type.
    NotOfType(ScalarType),
    /// Nothing is there.
    Blank,
    /// The bytes aren't UTF-8.
    NotUtf8,
    /// The column's domain is closed and doesn't have the value.
    OutsideDomain,
    /// The column's derivation needs two words.
    OneWord,
    /// The record has another number of fields.
    FieldCount {
        /// Fields of the record.
        found: usize,
        /// Fields of the header, or of the first record.
        expected: usize,
    },
    /// Something other than a delimiter follows a closing quote.
    TextAfterQuote,
    /// A quote is opened and never closed.
    UnclosedQuote,
}

impl fmt::Display for MisfitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOfType(scalar_type) => write!(f, "isn't {scalar_type}"),
            Self::Blank => f.write_str("is blank"),
            Self::NotUtf8 => f.write_str("isn't UTF-8"),
            Self::OutsideDomain => f.write_str("isn't in the domain"),
            Self::OneWord => f.write_str("has no last word to drop"),
            Self::FieldCount { found, expected } => {
                write!(f, "{found} fields instead of {expected}")
            }
            Self::TextAfterQuote => f.write_str("text after a closing quote"),
            Self::UnclosedQuote => f.write_str("a quote that is never closed"),
        }
    }
}

impl fmt::Display for Misfit {
    /// `file:line:column: reason`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column}:")?;
        }
        write!(f, " {}", self.reason)
    }
}

impl fmt::Display for Misfits {
    /// The total and the places, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total)?;
        for (index, place) in self.places.iter().enumerate() {
            write!(f, "{} {place}", if index == 0 { ":" } else { "," })?;
        }
        let more = usize::try_from(self.total).is_ok_and(|total| self.places.len() < total);
        f.write_str(if more { ", ..." } else { "" })
    }
}

impl fmt::Display for QualityReport {
    /// On one line, for the node's log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(report) => report.fmt(f),
            Self::Opened { rows } => write!(f, "{rows} rows"),
        }
    }
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        if 0 < self.rows_left_out {
            write!(f, ", {} left out", self.rows_left_out)?;
        }
        if 0 < self.misfits.total {
            write!(f, "; misfits: {}", self.misfits)?;
        }
        for column in &self.columns {
            let counts = [
                (column.nulls, "NULL"),
                (column.outside_domain, "outside the domain"),
                (column.outside_bounds, "outside the bounds"),
            ];
            let counts: Vec<String> = counts
                .iter()
                .filter(|(count, _)| 0 < *count)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            if !counts.is_empty() {
                write!(f, "; `{}`: {}", column.name, counts.join(", "))?;
            }
        }
        Ok(())
    }
}
