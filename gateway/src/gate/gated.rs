//! What the gate hands on: text that was checked, and what it refers to.

use std::fmt;

/// A statement that passed the gate. Only [`check`](super::check) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gated {
    sql: String,
    relations: Vec<RelationName>,
    parameters: u16,
}

impl Gated {
    pub(super) const fn new(sql: String, relations: Vec<RelationName>, parameters: u16) -> Self {
        Self { sql, relations, parameters }
    }

    /// The statement in the gate's own spelling: what was checked is what is planned.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Every table referred to, each once, in the order they were met; CTEs aren't tables.
    #[must_use]
    pub fn relations(&self) -> &[RelationName] {
        &self.relations
    }

    /// How many parameters the statement has: `$1` to `$n`, none left out.
    #[must_use]
    pub const fn parameters(&self) -> u16 {
        self.parameters
    }
}

/// The name of a table as SQL understands it: one to three parts, lower-cased unless quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    parts: Vec<String>,
}

impl RelationName {
    pub(super) const fn new(parts: Vec<String>) -> Self {
        Self { parts }
    }

    /// The parts, catalogue first, table last.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

impl fmt::Display for RelationName {
    /// The parts with full stops between them; the gate lets no name pass that holds one itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}
