//! What the tests share: a real gateway and real nodes over real TCP, in one process.
//!
//! 1. [`Federation`]: a gateway and any number of departments. 2. [`Tap`]: what goes over a wire.
//! 3. [`Analyst`]: an ordinary Flight SQL client. 4. [`driver`]: `.slt` files. 5. [`departments`]: small,
//!    explainable data. 6. [`link`]: a gateway's or a node's end of a connection, by itself.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod analyst;
pub mod departments;
pub mod driver;
mod federation;
pub mod link;
mod tap;

pub use analyst::{Analyst, Asked, Cells};
pub use federation::{Department, Federation};
pub use tap::Tap;
