//! Refusals: a closed vocabulary, a page per code, every reason at once.
//!
//! A Refusal depends on the query's text, the policy and the catalogue, never on the data.

mod code;

pub use code::{Family, RefusalCode};

use std::fmt;

/// One reason why a question isn't answered, worded so that the analyst can put it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: RefusalCode,
    message: String,
    fix: String,
}

impl Refusal {
    /// `message` is one sentence that stands alone; `fix` says what to do instead. Neither may hold
    /// a value from the data. Line breaks and control characters become spaces, so that the text fits a gRPC header.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self { code, message: one_line(message.as_ref()), fix: one_line(fix.as_ref()) }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        self.code
    }

    /// What was refused and why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to ask so that it can be answered.
    #[must_use]
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)?;
        if !self.fix.is_empty() {
            write!(f, " Fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// One or more Refusals of the same question, in the order they were found, each text once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    first: Refusal,
    rest: Vec<Refusal>,
}

impl Refusals {
    /// Collects reasons; `None` when there are none, that is, when the question may be answered.
    #[must_use]
    pub fn collect(reasons: impl IntoIterator<Item = Refusal>) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        let mut all = Self { first: reasons.next()?, rest: Vec::new() };
        for reason in reasons {
            if !all.iter().any(|known| *known == reason) {
                all.rest.push(reason);
            }
        }
        Some(all)
    }

    /// The reason that was found first; its code decides the status a client sees.
    #[must_use]
    pub const fn first(&self) -> &Refusal {
        &self.first
    }

    /// All reasons.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        std::iter::once(&self.first).chain(self.rest.iter())
    }
}

impl From<Refusal> for Refusals {
    fn from(first: Refusal) -> Self {
        Self { first, rest: Vec::new() }
    }
}

impl fmt::Display for Refusals {
    /// All reasons on one line, separated by ` | `: a gRPC status message has no line breaks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, refusal) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{refusal}")?;
        }
        write!(f, " See `insitu explain --code {}`.", self.first.code.as_str())
    }
}

impl std::error::Error for Refusals {}

/// The most characters of one sentence: a whole Refusal stays under the 4 KiB of an HTTP/2 header.
const SENTENCE_CHARS_MAX: usize = 600;

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SENTENCE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_stand_on_one_line_with_the_code_to_look_up() {
        let refusals = Refusals::collect([
            Refusal::new(RefusalCode::D201, "rows of\n`a.b` stay.", "Count them."),
            Refusal::new(RefusalCode::D202, "`id` is a unit.", ""),
            Refusal::new(RefusalCode::D202, "`id` is a unit.", ""),
        ]);
        assert_eq!(
            refusals.map(|r| r.to_string()).unwrap_or_default(),
            "D201: rows of `a.b` stay. Fix: Count them. | D202: `id` is a unit. See `insitu explain --code D201`."
        );
    }

    #[test]
    fn every_code_has_a_page_that_starts_with_it() {
        for code in RefusalCode::ALL {
            assert!(code.page().starts_with(&format!("# {}: ", code.as_str())), "{code:?}");
            assert!(code.page().contains("## How to fix it"), "{code:?}");
        }
    }

    #[test]
    fn codes_are_found_by_their_text() {
        for code in RefusalCode::ALL {
            assert_eq!(RefusalCode::find(code.as_str()), Some(code));
            assert_eq!(RefusalCode::find(&code.as_str().to_lowercase()), Some(code));
        }
        assert_eq!(RefusalCode::find("D999"), None);
    }
}
