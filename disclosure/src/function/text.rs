//! Functions of text. They count characters, not bytes.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};

/// Each text changed.
pub(super) fn map(text: &ArrayRef, f: impl Fn(&str) -> String) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for value in text.as_string::<i32>() {
        builder.append_option(value.map(&f));
    }
    Arc::new(builder.finish())
}

/// Both texts, one after the other.
pub(super) fn concat(first: &ArrayRef, second: &ArrayRef) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for (first, second) in first.as_string::<i32>().iter().zip(second.as_string::<i32>()) {
        builder.append_option(first.zip(second).map(|(first, second)| [first, second].concat()));
    }
    Arc::new(builder.finish())
}

/// The number of characters of each text.
pub(super) fn length(text: &ArrayRef) -> ArrayRef {
    let length = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let lengths = text.as_string::<i32>().iter().map(|text| text.map(length));
    Arc::new(lengths.collect::<Int64Array>())
}

/// A part of each text: so many characters from a start.
pub(super) fn substring(text: &ArrayRef, start: &ArrayRef, length: &ArrayRef) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let starts = start.as_primitive::<Int64Type>();
    let lengths = length.as_primitive::<Int64Type>();
    for ((text, start), length) in text.as_string::<i32>().iter().zip(starts).zip(lengths) {
        builder.append_option(match (text, start, length) {
            (Some(text), Some(start), Some(length)) => Some(characters(text, start, length)),
            _ => None,
        });
    }
    Arc::new(builder.finish())
}

/// SQL's substring: positions before the first character count towards the length.
fn characters(text: &str, start: i64, length: i64) -> String {
    let end = start.saturating_add(length.max(0)).saturating_sub(1).max(0);
    let skip = usize::try_from(start.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
    let until = usize::try_from(end).unwrap_or(usize::MAX);
    text.chars().take(until).skip(skip).collect()
}
