//! The difference guard from outside: one contract for every guard, the durable file, the attacks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may assume")]

mod conformance;
mod differencing;
mod durability;
mod population;
