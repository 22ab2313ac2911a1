//! Where rows come from.
//!
//! 1. [`open_folder`]: the department's files, without a way out of their folder.
//! 2. [`load`]: all Datasets of a node; one that can't be loaded doesn't stop the others.
//! 3. `snapshot`: the files as they were when loaded; a changed file fails a query, never alters an answer.
//! 4. `csv`: read once, exactly, into memory.
//! 5. `parquet`: checked once, read anew by every query.
//! 6. `unique`: holds an owner to `unit_unique_per_row`; `mistakes`: tells of rows that contradict a
//!    hierarchy, `undeclared` of columns that seem to be one.
//! 7. `record`: a word for each row, where rows are units; `p_table`: an owner's own perturbations.
//! 8. [`SourceError`]: why a Dataset can't be served, for its owner.

mod budget;
mod csv;
mod error;
mod folder;
mod load;
mod mistakes;
mod p_table;
mod parquet;
mod record;
mod snapshot;
#[cfg(test)]
mod tests;
mod undeclared;
mod unique;

pub use budget::SourceLimits;
pub use error::{HeaderProblem, SourceError};
pub use folder::open_folder;
pub use load::load;
pub(crate) use parquet::KEPT_WORD;
pub(crate) use record::RECORD;
