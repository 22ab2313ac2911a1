//! The collector of everything that is wrong with a document.
//!
//! Checks report here and go on with a stand-in for what they couldn't read, so that one run shows
//! all errors. A stand-in never leaves this module's parent: as soon as anything was reported, there
//! is no configuration.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::closest::closest;
use super::document::{At, Whole};
use super::error::{ConfigError, ConfigErrors, Position};

/// Bytes of the document.
pub(super) type Span = Range<usize>;

/// The longest text, for people or paths.
const TEXT_CHARACTERS_MAX: usize = 1_000;

/// What was found so far.
pub(super) struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<ConfigError>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Something is wrong there.
    pub(super) fn report(&mut self, at: &Span, problem: impl Into<String>, fix: impl Into<String>) {
        self.found.push(ConfigError {
            file: self.file.to_owned(),
            position: Some(Position::of(self.text, at.start)),
            problem: problem.into(),
            fix: fix.into(),
        });
    }

    /// The document isn't TOML, or not of this form.
    pub(super) fn malformed(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().replace('\n', " ");
        let fix = match unknown_key(&message) {
            Some((key, known)) => match closest(key, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "take it out, or correct its name".to_owned(),
            },
            None => "correct it here".to_owned(),
        };
        self.report(&span, message, fix);
    }

    /// The value of a key that must be there.
    pub(super) fn required<'v, T>(
        &mut self,
        value: &'v At<T>,
        table: &Span,
        key: &str,
        fix: &str,
    ) -> Option<&'v Spanned<T>> {
        if value.is_none() {
            self.report(table, format!("`{key}` is missing"), fix);
        }
        value.as_ref()
    }

    /// A key that has no place here.
    pub(super) fn forbidden<T>(&mut self, value: &At<T>, key: &str, why: &str) {
        if let Some(value) = value {
            self.report(&value.span(), format!("`{key}` has no place here: {why}"), "take it out");
        }
    }

    /// One of a closed list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        word: &Spanned<String>,
        key: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = word.get_ref().as_str();
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            let meant = closest(text, choices.iter().map(|(name, _)| *name));
            let meant = meant.map_or(String::new(), |meant| format!(", perhaps `{meant}`"));
            self.report(
                &word.span(),
                format!("`{text}` isn't known as `{key}`"),
                format!("write one of {}{meant}", names.join(", ")),
            );
        }
        found
    }

    /// A whole number of a range.
    pub(super) fn whole(
        &mut self,
        value: &Spanned<Whole>,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let Whole(number) = *value.get_ref();
        if range.contains(&number) {
            return Some(number);
        }
        let (first, last) = range.into_inner();
        self.report(
            &value.span(),
            format!("`{key}` is {number}"),
            format!("write a number from {first} to {last}"),
        );
        None
    }

    /// One line of text that isn't blank.
    pub(super) fn words(&mut self, value: &Spanned<String>, key: &str) -> Option<String> {
        let text = value.get_ref().trim();
        let (problem, fix) = if text.is_empty() {
            ("is empty", "write it out, or take it out")
        } else if text.contains(char::is_control) {
            ("has a line break or control character", "write it on one line")
        } else if TEXT_CHARACTERS_MAX < text.chars().count() {
            ("is very long", "write a sentence or two")
        } else {
            return Some(text.to_owned());
        };
        self.report(&value.span(), format!("`{key}` {problem}"), fix);
        None
    }

    /// The value if nothing was reported; otherwise everything that was.
    pub(super) fn conclude<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        let file = self.file;
        match (ConfigErrors::new(self.found), value) {
            (None, Some(value)) => Ok(value),
            (Some(errors), _) => Err(errors),
            // No check gives up without reporting; should one, then there is no configuration.
            (None, None) => Err(ConfigError::of_file(
                file,
                "the configuration is incomplete".to_owned(),
                "please report this as a fault of insitu",
            )
            .into()),
        }
    }
}

/// Takes the names out of serde's "unknown field `a`, expected one of `b`, `c`".
fn unknown_key(message: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let names = message.strip_prefix("unknown field `")?;
    let mut names = names.split('`').step_by(2);
    let key = names.next()?;
    Some((key, names))
}
