//! About how many different values there are: of open data.
//!
//! 1. `sketch`: the sketch, and its bytes, which are for ever.
//! 2. `column`: the values of an Arrow column.
//!
//! It is not for protected data: with the key published, a sketch tells of a value whether it may be among those counted.

mod column;
mod sketch;

pub use column::{NoSketchOfType, is_alike};
pub use sketch::{DistinctSketch, DistinctValue, SKETCH_BYTES_MAX, VERSION};
