//! What is wrong with a configuration, and where: the errors, and the collector that checks report to.
//!
//! A check that reported goes on, so that one run shows all errors. As soon as anything was
//! reported, there is no configuration.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::document::At;

/// The longest text for people.
const TEXT_CHARACTERS_MAX: usize = 1_000;
/// Two letters in five may differ between a word and what was meant.
const LIKENESS_MIN: f64 = 0.6;

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
        let line = before.rsplit('\n').next().unwrap_or(before);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
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

/// What was found so far.
pub(super) struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<ConfigError>,
}

impl<'a> Problems<'a> {
    pub(super) const fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Something is wrong there.
    pub(super) fn report(
        &mut self,
        at: Range<usize>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.found.push(ConfigError {
            file: self.file.to_owned(),
            position: Some(Position::of(self.text, at.start)),
            problem: problem.into(),
            fix: fix.into(),
        });
    }

    /// The document isn't TOML, or not of this form.
    pub(super) fn malformed(&mut self, error: &toml::de::Error) {
        // serde speaks of Rust's types; the reader of this message writes TOML.
        let message = error
            .message()
            .replace('\n', " ")
            .replace("expected i64", "expected a whole number")
            .replace(
                "expected a sequence",
                "expected a list; a table of one is headed with two brackets",
            );
        let fix = unknown_key(&message).unwrap_or_else(|| "correct it here".to_owned());
        self.report(error.span().unwrap_or(0..0), message, fix);
    }

    /// The value of a key that must be there.
    pub(super) fn required<'v, T>(
        &mut self,
        value: &'v At<T>,
        table: Range<usize>,
        key: &str,
        fix: &str,
    ) -> Option<&'v Spanned<T>> {
        if value.is_none() {
            self.report(table, format!("`{key}` is missing"), fix);
        }
        value.as_ref()
    }

    /// Text that isn't blank, of a key that must be there.
    pub(super) fn words(
        &mut self,
        value: &At<String>,
        table: Range<usize>,
        key: &str,
        fix: &str,
    ) -> Option<String> {
        let value = self.required(value, table, key, fix)?;
        let text = value.get_ref().trim();
        let (problem, fix) = if text.is_empty() {
            ("is empty", fix)
        } else if text.contains(char::is_control) {
            ("has a line break or control character", "write it on one line")
        } else if TEXT_CHARACTERS_MAX < text.chars().count() {
            ("is very long", "write a few words")
        } else {
            return Some(text.to_owned());
        };
        self.report(value.span(), format!("`{key}` {problem}"), fix);
        None
    }

    /// A whole number of a range, or the one that holds if nothing is written.
    pub(super) fn whole(
        &mut self,
        value: &At<i64>,
        key: &str,
        range: RangeInclusive<i64>,
        otherwise: u32,
    ) -> Option<u32> {
        let Some(value) = value else { return Some(otherwise) };
        let number = *value.get_ref();
        if !range.contains(&number) {
            let fix = format!("write a number from {} to {}", range.start(), range.end());
            self.report(value.span(), format!("`{key}` is {number}"), fix);
            return None;
        }
        u32::try_from(number).ok()
    }

    /// The value if nothing was reported; otherwise everything that was, in the order of the file.
    pub(super) fn conclude<T>(mut self, value: Option<T>) -> Result<T, ConfigErrors> {
        self.found.sort_by_key(|error| error.position);
        let mut found = self.found.into_iter();
        match (found.next(), value) {
            (None, Some(value)) => Ok(value),
            (Some(first), _) => Err(ConfigErrors { first, others: found.collect() }),
            // No check gives up without reporting; should one, then there is no configuration.
            (None, None) => {
                let fix = "please report this as a fault of insitu";
                Err(ConfigError::of_file(
                    self.file,
                    "the configuration is incomplete".to_owned(),
                    fix,
                )
                .into())
            }
        }
    }
}

/// The fix for serde's "unknown field `a`, expected one of `b`, `c`".
fn unknown_key(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field `")?.split('`').step_by(2);
    let key = names.next()?;
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(key, name);
    let meant = names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| LIKENESS_MIN <= *likeness)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    Some(match meant {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => "take it out, or correct its name".to_owned(),
    })
}
