//! Evidence: what is known of each cell, and of each part of a measure in it. Never rows.
//!
//! 1. [`PartEvidence`]: who contributes, how much, and secret draws about it; it merges.
//! 2. [`Sketch`]: how two sets of units differ, without saying who is in them.
//! 3. [`merge()`]: Evidence of several nodes together.
//! 4. [`evidence_schema`], [`write`], [`read`]: as one Arrow batch. It is sent to a gateway only where the data owner
//!    chose the release mode `at-gateway`, or where the data is open.

mod merge;
mod part;
mod shape;
mod sketch;
mod wire;

pub(crate) use merge::key_bytes;
pub use merge::merge;
pub use part::{Adds, Contribution, Nameless, PartEvidence, UnitWord};
pub use shape::PartShape;
pub use sketch::{
    COUNTERS, Difference, FURTHER_COUNTERS, FURTHER_UNITS_MAX, SKETCH_BYTES, SignCounts, Sketch,
};
pub use wire::{evidence_schema, read, write};

use crate::admit::Admitted;
use crate::keyed::DatasetKeys;
use crate::rules::keys::KeyValues;
use crate::tabulation::Tabulation;
use crate::tabulation::canonical::Frame;

/// One cell: its keys, and what is known of each part.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Values of the keys.
    pub keys: KeyValues,
    /// One for each part of the Tabulation's measures.
    pub parts: Vec<PartEvidence>,
}

/// All cells of a Tabulation, at one node or over several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Cells, each key once, in no particular order.
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
                let coordinate = frame.coordinate(&cell.keys);
                if let Some(evidence) = cell.parts.get_mut(i) {
                    evidence.question = keys.question_share(coordinate);
                }
            }
        }
    }
}
