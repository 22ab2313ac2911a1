//! Evidence: what is known of each cell, and of each part of a measure in it. Never rows.
//!
//! 1. [`PartEvidence`]: who contributes, how much, and secret draws about it; it merges.
//! 2. [`Sketch`]: how two sets of units differ, without saying who is in them. [`Marks`]: how a set finds its like.
//! 3. [`merge()`]: Evidence of several nodes together.
//! 4. [`Pooled`]: the same, with whose it is: what protection works on.
//! 5. [`evidence_schema`], [`write`], [`read`], [`read_keys`]: as one Arrow batch. It is sent to a gateway only where the data owner
//!    chose the release mode `at-gateway`, or where the data is open.
//! 6. [`OpenCells`]: of open data, added up column by column. [`Lot`]: units added side by side.

mod columns;
mod keys;
mod lot;
#[cfg(test)]
pub(crate) mod made_up;
mod marks;
mod merge;
mod part;
mod pooled;
mod shape;
mod sign_counts;
mod sketch;
mod wide_planes;
mod wire;

pub use columns::{NotTogether, OpenCells};
pub(crate) use keys::key_columns;
pub use keys::{Keys, read_keys};
pub use lot::{Lot, Places, Takes, sign_of_amount, sign_of_rows};
pub use marks::{MARKS, Marks};
pub use merge::merge;
pub(crate) use merge::{cell_bytes, key_bytes, put_key_bytes};
pub use part::{Adds, Contribution, Nameless, PartEvidence, UnitWord};
pub use pooled::{Pooled, Share, Shares};
pub use shape::PartShape;
pub use sign_counts::SignCounts;
pub use sketch::{COUNTERS, FURTHER_COUNTERS, FURTHER_UNITS_MAX, SKETCH_BYTES, Sketch};
pub use wire::{evidence_schema, read, write};

use crate::admit::Admitted;
use crate::keyed::DatasetKeys;
use crate::rules::keys::KeyValues;
use crate::tabulation::canonical::Frame;
use crate::tabulation::{KeySet, Tabulation};

/// One cell: its keys, and what is known of each part.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Which keys it keeps.
    pub set: KeySet,
    /// Values of the keys: all of them, NULL for those that are rolled up.
    pub keys: KeyValues,
    /// One for each part of the Tabulation's measures.
    pub parts: Vec<PartEvidence>,
}

/// All cells of a Tabulation, at one node or over several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Cells, each set and keys once, in no particular order.
    pub cells: Vec<Cell>,
}

impl Evidence {
    /// Draws this node's share for each cell. `snapshot` tells states of the data apart.
    pub fn draw(&mut self, admitted: &Admitted<Tabulation>, keys: &DatasetKeys, snapshot: u64) {
        let parts = admitted.tabulation().parts(admitted.dataset()).distinct;
        for (i, part) in parts.iter().enumerate() {
            if !PartShape::of(part, admitted.dataset()).noise {
                continue;
            }
            let frame = Frame::of(admitted.tabulation(), part, admitted.dataset(), snapshot);
            for cell in &mut self.cells {
                let coordinate = frame.coordinate(cell.set, &cell.keys);
                if let Some(evidence) = cell.parts.get_mut(i) {
                    evidence.question = keys.question_share(coordinate);
                }
            }
        }
    }
}
