//! Noise that repeats: the same people, or the same question, always get the same noise.
//!
//! Nothing here draws at random. A key that the caller derives from the people in a cell, or from
//! the question, picks a value from a fixed table or is drawn out finely, so asking again can't average the noise away.
//!
//! In reading order:
//!
//! - `key_space`: how many keys there are
//! - `keyed_permutation`: which key gets which value of a row, from a stated seed
//! - `maximum_entropy`: what a perturbation table is made from
//! - `entropy`: how often each perturbation occurs in a row
//! - `ptable`: the perturbation table for counts
//! - `ptable_csv`: the same table read from a file an office has published
//! - `layers`: how the cell's and the question's noise are added
//! - `magnitude`: noise for totals
//! - `infusion`: noise on each unit's amount, before it is added up

mod entropy;
mod infusion;
mod key_space;
mod keyed_permutation;
mod layers;
mod magnitude;
mod maximum_entropy;
mod ptable;
mod ptable_csv;

#[cfg(test)]
mod differencing;
#[cfg(test)]
mod ptable_tests;

pub(crate) use infusion::NarrowInfusion;
pub use infusion::{Ends, Factor, INFUSION_PERCENT_MAX, Infusion};
pub use key_space::KeySpace;
pub use layers::{Layers, blur};
pub use magnitude::{Draws, MagnitudeError, MagnitudeNoise, ONE, fine, share_of};
pub use maximum_entropy::{MaximumEntropy, MaximumEntropyError};
pub use ptable::{PerturbationTable, RowSummary, ons_pcv};
pub use ptable_csv::{PTableError, PTableProblem};
