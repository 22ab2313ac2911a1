//! The terms that a dataset's memory hangs on: under others, what was released before isn't compared with what is asked now.
//!
//! They are a line of the manifest, so that a change is told to the operator at the next start. It holds nothing of the data:
//!
//! ```text
//! terms health.visits at-node rows 5be6128e18c26797     where it is released, whose scope counts have, digest of the unit
//! ```

use std::fmt;

use insitu_disclosure::keyed::digest;
use insitu_disclosure::{Dataset, ProtectedUnit, Protection, ReleaseMode};

/// The terms of a protected dataset that decide which memory it has, and what in it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    release: ReleaseMode,
    /// Whether a unit has one row, so that counts of rows and of units are one scope.
    one_row: bool,
    /// A digest of the unit's column; of nothing where rows are units.
    unit: u64,
}

/// What of the terms is another than when the state was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermsChange {
    /// `release`: another keeps the memory, at the node or at the gateway.
    Release,
    /// `unit_unique_per_row`: counts of rows have another scope.
    UniquePerRow,
    /// The unit is another column, or rows instead of a column.
    Unit,
}

impl TermsChange {
    /// What isn't compared any more, for the operator's log.
    #[must_use]
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Release => {
                "`release` changed: what was released before the change is remembered elsewhere, and not compared with \
                 what is released now"
            }
            Self::UniquePerRow => {
                "`unit_unique_per_row` changed: counts of rows released before the change are not compared with those \
                 released now"
            }
            Self::Unit => {
                "`unit` changed: what was released before the change is of other units, and not compared with what is \
                 released now unless the ids are the same"
            }
        }
    }
}

impl Terms {
    /// A dataset's; `None` of open data, of which nothing is remembered.
    #[must_use]
    pub fn of(dataset: &Dataset) -> Option<Self> {
        let (unit, release) = match &dataset.protection {
            Protection::Open => return None,
            Protection::Protected { unit, release, .. } => (unit, *release),
        };
        let unit = match unit {
            ProtectedUnit::Row => String::new(),
            ProtectedUnit::Column { name, .. } => format!("column {name}"),
        };
        // Half of the digest tells columns apart.
        let unit = u64::try_from(digest(unit.as_bytes()) >> 64).ok()?;
        Some(Self { release, one_row: dataset.units_have_one_row(), unit })
    }

    /// What is another here than it was.
    #[must_use]
    pub fn changes_from(&self, before: &Self) -> Vec<TermsChange> {
        let Self { release, one_row, unit } = self;
        let all = [
            (*release != before.release, TermsChange::Release),
            (*one_row != before.one_row, TermsChange::UniquePerRow),
            (*unit != before.unit, TermsChange::Unit),
        ];
        all.into_iter().filter(|(changed, _)| *changed).map(|(_, change)| change).collect()
    }

    /// The terms of these words of a manifest.
    pub(crate) fn read(words: [&str; 3]) -> Option<Self> {
        let [release, counts, unit] = words;
        let modes = [ReleaseMode::AtNode, ReleaseMode::AtGateway];
        let release = modes.into_iter().find(|mode| mode.as_str() == release)?;
        let one_row = [true, false].into_iter().find(|one| scope(*one) == counts)?;
        Some(Self { release, one_row, unit: u64::from_str_radix(unit, 16).ok()? })
    }
}

/// Whose scope counts of rows have.
const fn scope(one_row: bool) -> &'static str {
    if one_row { "units" } else { "rows" }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, one_row, unit } = self;
        write!(f, "{} {} {unit:016x}", release.as_str(), scope(*one_row))
    }
}
