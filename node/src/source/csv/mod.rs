//! CSV, read once into memory: exactly, or not at all.
//!
//! 1. `text`: bytes as stored become text: decompressed, without byte order mark.
//! 2. `record`: text becomes records of fields.
//! 3. `layout`: the header says which field is which column.
//! 4. `cell`: a field becomes a value of the declared type, or a misfit.
//! 5. `column`: values become Arrow arrays, and are counted.
//! 6. `table`: files become a table.
//! 7. `code_list`: a file that says what codes belong to.
//!
//! Our own reader instead of arrow-csv's (whose records the tests compare with these): that one
//! stops at the first record it can't read, while an owner wants to know of all; and it takes
//! `"Leeds"x` and a quote that is never closed for text, where here they are misfits.

mod cell;
mod code_list;
mod column;
mod layout;
mod record;
mod table;
mod text;

pub(super) use code_list::hierarchies;
pub(super) use table::read;
