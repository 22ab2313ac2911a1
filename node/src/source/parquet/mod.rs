//! Parquet, read anew by every query: what it needs of what it asks for.
//!
//! 1. `footer`: what a file says of itself, checked when the node starts.
//! 2. `mapping`: which types the declared ones can hold without loss.
//! 3. `readers`: how the engine gets at a file, with the footers kept.
//! 4. `files`: the files as a table with their own names and types; their rows may be numbered.
//! 5. `view`: the same with the declared ones.
//! 6. `kept_words`: words of units, by the numbers of rows.

mod files;
mod footer;
mod kept_words;
mod mapping;
mod readers;
mod view;

pub(crate) use kept_words::KEPT_WORD;
pub(super) use view::{Opened, open};
