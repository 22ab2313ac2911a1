//! The question in closed form: what a department is asked.
//!
//! A Tabulation can't express a row-level result; there is no variant for it (AI-4).
//!
//! ```text
//! measures   what is known of each cell   count, count of values, units, sum, mean, moments
//!    ▲
//! keys       which cells there are        expressions over dimensions
//!    ▲
//! input      which rows take part         scan, filter
//! ```

pub mod canonical;
mod input;
pub mod interpret;
mod literal;
mod measure;
mod moment;
mod part;
mod scalar;
pub mod typing;

pub use crate::function::Function;
pub use input::Input;
pub use literal::{Literal, ScalarType};
pub use measure::{Measure, MeasureKind};
pub use moment::{Association, Dispersion, MomentPart};
pub use part::{Part, PartKind};
pub use scalar::{Comparison, Scalar};

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
    /// What is asked of each cell; at least one.
    pub measures: Vec<Measure>,
    /// The most cells the answer may have.
    pub groups_max: u32,
}

impl Tabulation {
    /// The parts of all measures, in order: Evidence has one entry for each.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        self.measures.iter().flat_map(Measure::parts).collect()
    }
}

/// The most keys of a Tabulation.
pub const KEYS_MAX: usize = 16;
/// The most measures of a Tabulation.
pub const MEASURES_MAX: usize = 64;
/// The most parts of a Tabulation's measures together: what a node keeps of a cell is in proportion to them.
pub const PARTS_MAX: usize = 128;
/// The most cells an answer may have.
pub const GROUPS_MAX: u32 = 100_000;
/// The deepest an expression may be nested.
pub const DEPTH_MAX: usize = 32;
