//! Evidence: what is known of each cell, and of each measure in it. Never rows.
//!
//! On the wire it is one batch: the keys `k0`, ..., then for each measure `m0_units`, `m0_count` and,
//! where something is added up, `m0_sum`. It is sent to a gateway only where the data owner chose
//! the release mode `at-gateway`, or where the data is open.

mod merge;
mod wire;

pub(crate) use merge::key_bytes;
pub use merge::merge;
pub use wire::{evidence_schema, read, write};

use crate::rules::keys::KeyValues;

/// What is known of one measure in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeasureEvidence {
    /// Distinct protected units that contribute; rows, for open data.
    pub units: i64,
    /// Rows counted: all for a count of rows, those with a value for the others.
    pub count: i64,
    /// Total of the values, scaled by their decimal places.
    pub sum: i128,
}

impl MeasureEvidence {
    /// Evidence of both together. Associative, commutative; the default is its identity.
    /// Bounds declared for every measure keep sums far from the ends of their types.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            count: self.count.saturating_add(other.count),
            sum: self.sum.saturating_add(other.sum),
        }
    }
}

/// One cell: its keys, and what is known of each measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Values of the keys.
    pub keys: KeyValues,
    /// One for each measure of the Tabulation.
    pub measures: Vec<MeasureEvidence>,
}

/// All cells of a Tabulation, at one node or over several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Cells, each key once, in no particular order.
    pub cells: Vec<Cell>,
}
