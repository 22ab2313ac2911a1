//! What an analyst may choose for a statement: a closed list that can hide or label, never reveal.

use std::time::Duration;

use crate::gate::is_hidden;

/// The longest project or purpose, in bytes.
const LABEL_BYTES_MAX: usize = 200;

/// Options of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether a status column stands beside each protected measure.
    pub statuses: bool,
    /// The project the question belongs to; recorded, and nothing depends on it.
    pub project: Option<String>,
    /// What it is for; likewise.
    pub purpose: Option<String>,
    /// How long the answer may take.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { statuses: false, project: None, purpose: None, deadline: Duration::from_secs(60) }
    }
}

/// A project or purpose as it is recorded: printed characters on one line, 200 bytes at most. `None` for
/// any other text: whoever reads the log must see what was written.
pub(crate) fn label(text: &str) -> Option<&str> {
    let is_printed = |c: char| !c.is_control() && !is_hidden(c);
    (text.len() <= LABEL_BYTES_MAX && text.chars().all(is_printed)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_printed_line_of_at_most_200_bytes() {
        for text in ["", "P-17", "Häuser, größere", &"p".repeat(200)] {
            assert_eq!(label(text), Some(text));
        }
        for text in [
            "a\nb",
            "a\tb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{0}",
            &"p".repeat(201),
            &"ß".repeat(101),
        ] {
            assert_eq!(label(text), None, "{text:?}");
        }
    }
}
