//! The difference guard: two questions about almost the same people get one answer.
//!
//! - [`anchor`]: what the guard is told of a cell, and what it keeps
//! - [`decide`]: which earlier release a new cell is too close to
//! - [`shelves`]: the kept sketches by scope and count, so that a look-up reads few; `by_mark`: and by who is in them
//! - [`judge`]: a whole table judged, in order
//! - [`memory`]: a guard that forgets when the process ends
//! - [`record`]: the bytes of one kept release
//! - [`error`]: why the guard gave no verdict, and what to do

pub mod anchor;
mod by_mark;
pub mod decide;
pub mod error;
pub mod judge;
pub mod memory;
pub mod record;
pub mod shelves;

pub use anchor::{Anchor, GuardedCell, Released, Residues, SketchOf};
pub use decide::Verdict;
pub use error::GuardError;
pub use memory::MemoryStore;

/// Judges the cells of a table against everything released before, and against each other.
pub trait Guard: Send + Sync + std::fmt::Debug {
    /// One verdict for each cell, in the order given.
    ///
    /// Look-up and keeping are one step: of two tables judged at once, one sees the other. When
    /// this returns, every fresh cell is kept as durably as the guard keeps anything, so the
    /// answer may leave.
    ///
    /// # Errors
    /// [`GuardError`]: no verdict was given and nothing was kept, so the table must not leave.
    fn judge(&self, cells: &[GuardedCell<'_>]) -> Result<Vec<Verdict>, GuardError>;
}
