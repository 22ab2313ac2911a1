//! What a peer could send: requests and answers of arbitrary shape. An error that names what is wrong, never a panic.
//!
//! Some hundred cases each, or as many as `PROPTEST_CASES` says; CONTRIBUTING has the command for a million.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

mod answers;
mod catalogue;
mod requests;
