//! What references say: the contents that [look-ups](crate::tabulation::Scalar::Lookup) are answered from.
//!
//! 1. [`ReferenceContent`]: columns of an open dataset with one row for each key, in one canonical form.
//! 2. [`Edition`]: a content's name, a digest of that form; [`Editions`]: of each reference of a question.
//! 3. [`LookUp`]: a content ready to be looked up in.

mod content;
mod edition;
mod look_up;

pub use content::{
    CONTENT_BYTES_MAX, CONTENT_KEYS_MAX, NotAReference, ReferenceContent, TEXT_BYTES_MAX,
    content_schema,
};
pub use edition::{Edition, Editions};
pub use look_up::LookUp;
