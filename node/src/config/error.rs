//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place in a text, both counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    /// The place of a byte of the text.
    #[must_use]
    pub fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.chars().count()
                - before.get(..line_start).map_or(0, |s| s.chars().count())
                + 1,
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The configuration file.
    pub file: PathBuf,
    /// Where in it; `None` if the file as a whole can't be used.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl ConfigError {
    /// Something about the file as a whole.
    #[must_use]
    pub(super) fn of_file(file: &Path, problem: String, fix: &str) -> Self {
        Self { file: file.to_owned(), position: None, problem, fix: fix.to_owned() }
    }
}

impl fmt::Display for ConfigError {
    /// `file:line:column: problem; fix`, as compilers and editors write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}; {}", self.problem, self.fix)
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong, in the order of the file; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    first: ConfigError,
    others: Vec<ConfigError>,
}

impl ConfigErrors {
    /// `None` if nothing is wrong.
    pub(super) fn new(mut found: Vec<ConfigError>) -> Option<Self> {
        found.sort_by_key(|error| error.position);
        let mut found = found.into_iter();
        found.next().map(|first| Self { first, others: found.collect() })
    }

    /// The errors, first things first.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(first: ConfigError) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl fmt::Display for ConfigErrors {
    /// One error a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.others.iter().try_for_each(|error| write!(f, "\n{error}"))
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "a = 1\nб = \"é\" # x\nc";
        for (needle, line, column) in [("a", 1, 1), ("б", 2, 1), ("#", 2, 9), ("c", 3, 1)] {
            let byte = text.find(needle).unwrap();
            assert_eq!(Position::of(text, byte), Position { line, column }, "{needle}");
        }
        assert_eq!(Position::of(text, 1_000).line, 3);
    }
}
