//! The question in closed form: what a department is asked.
//!
//! A Tabulation can't express a row-level result; there is no variant for it (AI-4).
//!
//! ```text
//! measures   what is known of each cell   count, count of values, units, sum, mean, histogram, quantile, moments
//!    ▲
//! keys       which cells there are        expressions over dimensions, and grouping sets of them
//!    ▲
//! input      which rows take part         scan, filter, join by the unit, roll-up to the unit
//! ```

mod bins;
pub mod canonical;
mod defaults;
mod input;
pub mod interpret;
mod key_set;
mod literal;
mod measure;
mod moment;
mod one_form;
mod part;
pub mod probability;
mod reference;
mod roll_up;
mod scalar;
pub mod typing;
pub mod unit_join;

pub use crate::function::Function;
pub use bins::{BINS_MAX, BREAKPOINTS_MIN, Bins};
pub use defaults::where_true;
pub use input::Input;
pub use key_set::{KeySet, are_canonical};
pub use literal::{Literal, ScalarType};
pub use measure::{Measure, MeasureKind};
pub use moment::{Association, Dispersion, MomentPart};
pub use one_form::in_one_form;
pub use part::{Part, PartKind, Parts};
pub use probability::Probability;
pub use reference::{Contents, REFERENCES_MAX, Reference, ReferenceColumns};
pub use roll_up::{RollUp, UNIT_COUNTS_MAX, UnitCount, UnitTotal};
pub use scalar::{Comparison, Scalar};
pub use unit_join::{JoinedDatasets, UNIT_JOINS_MAX, UnitJoin, UnitJoinKind};

/// A key of the table: an expression over dimensions whose values stand beside the cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The expression.
    pub scalar: Scalar,
}

/// The question.
#[derive(Debug, Clone, PartialEq)]
pub struct Tabulation {
    /// Which rows take part.
    pub input: Input,
    /// Which cells there are; none for a single total.
    pub keys: Vec<Key>,
    /// Grouping sets: which keys each cell keeps, in the form of [`are_canonical`]. None where each cell keeps
    /// all keys.
    pub sets: Vec<KeySet>,
    /// What is asked of each cell; at least one.
    pub measures: Vec<Measure>,
    /// The most cells the answer may have.
    pub groups_max: u32,
}

impl Tabulation {
    /// The grouping sets, from the coarsest to the finest; without any, the one of all keys.
    #[must_use]
    pub fn key_sets(&self) -> Vec<KeySet> {
        if self.sets.is_empty() { vec![KeySet::all(self.keys.len())] } else { self.sets.clone() }
    }
}

/// The most keys of a Tabulation.
pub const KEYS_MAX: usize = 16;
/// The most grouping sets of a Tabulation.
pub const SETS_MAX: usize = 64;
/// The most measures of a Tabulation.
pub const MEASURES_MAX: usize = 64;
/// The most parts of all measures together, each counted once.
pub const PARTS_MAX: usize = 256;
/// The most cells an answer may have.
pub const GROUPS_MAX: u32 = 100_000;
/// The deepest an expression may be nested.
pub const DEPTH_MAX: usize = 32;
