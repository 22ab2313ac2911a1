//! What an analyst may choose for a statement: a closed list that can hide or label, never reveal.

use std::time::Duration;

/// Options of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether a status column stands beside each protected measure.
    pub statuses: bool,
    /// The project the question belongs to.
    pub project: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How long the answer may take.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { statuses: false, project: None, purpose: None, deadline: Duration::from_secs(60) }
    }
}
