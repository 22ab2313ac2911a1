//! What a data owner decided on: the numbers of the rules on cells, as data and not as code paths.
//!
//! 1. [`Profile`]: the numbers.
//! 2. [`Preset`]: named profiles with their sources; a dataset starts from one and may only tighten it.
//! 3. `describe`: a profile in words.
//! 4. `strictest`: of several datasets or nodes, the stricter of each number.

mod describe;
mod preset;
mod profile;
mod strictest;

pub use preset::Preset;
pub use profile::{
    Complementary, DifferenceGuard, Dominance, Noise, Predicates, Profile, Rounding, ThresholdOn,
    Zeros,
};
