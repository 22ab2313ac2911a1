//! The durable memory from outside: one contract for every guard, the file, the folder, the attacks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may assume")]

mod budget;
mod conformance;
mod differencing;
mod durability;
mod folder;
mod population;
