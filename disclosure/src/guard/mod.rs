//! The difference guard: two questions about almost the same people get one answer.
//!
//! - [`anchor`]: what the guard is told of a cell, and what it keeps
//! - [`decide`]: which earlier release a new cell is too close to
//! - [`shelves`]: the kept sketches by scope and count, so that a look-up reads few; `by_mark`: and by who is in them
//! - [`judge`]: a whole table judged, in order
//! - [`memory`]: a guard that forgets when the process ends
//! - [`residues`]: how far apart two cells are
//! - [`record`]: the bytes of one kept release
//! - [`error`]: why the guard gave no verdict, and what to do

pub mod anchor;
mod by_mark;
pub mod decide;
pub mod error;
pub mod judge;
pub mod memory;
pub mod record;
pub mod residues;
pub mod shelves;

pub use anchor::{Anchor, GuardedCell, Released, SketchOf};
pub use decide::Verdict;
pub use error::GuardError;
pub use memory::MemoryStore;
pub use residues::Residues;

/// Judges the cells of a table against everything released before, and against each other.
pub trait Guard: Send + Sync + std::fmt::Debug {
    /// Makes a release: `made` is given a [`Judge`], as often as it likes, and what was judged is kept when it ends.
    ///
    /// Look-up and keeping are one step: of two releases made at once, one sees the other. When
    /// this returns, every fresh cell is kept as durably as the guard keeps anything, so the
    /// answer may leave.
    ///
    /// **How much is kept, and how often, doesn't depend on the data**: once for each release, though nothing was judged or nothing
    /// is new; and a cell's place is written whatever becomes of the cell. Keeping takes longer than answering a small question.
    ///
    /// # Errors
    /// [`GuardError`], also what `made` fails with: the answer must not leave.
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError>;

    /// A release of these cells: one verdict for each, in the order given.
    ///
    /// # Errors
    /// As [`Guard::release`].
    fn judge(&self, cells: &[GuardedCell<'_>]) -> Result<Vec<Verdict>, GuardError> {
        let mut verdicts = Vec::new();
        self.release(&mut |judge| {
            verdicts = judge(cells)?;
            Ok(())
        })?;
        Ok(verdicts)
    }
}

/// What makes a release by having cells judged.
pub type Making<'m> = dyn FnMut(&mut Judge<'_>) -> Result<(), GuardError> + 'm;

/// Gives one verdict for each cell, in the order given; later ones see those before.
///
/// # Errors
/// [`GuardError::Full`]: nothing of these cells was kept. After any other no guard gives verdicts any more.
pub type Judge<'j> = dyn FnMut(&[GuardedCell<'_>]) -> Result<Vec<Verdict>, GuardError> + 'j;
