//! What the terminal can do: its width, and whether bold and dim text is wanted.

use std::fmt::Display;
use std::io::IsTerminal;

/// Bold, dim and red where a person reads them; nothing otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Escape sequences are understood.
    Coloured,
    /// Text alone.
    Plain,
}

impl Style {
    /// Coloured for a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    pub(crate) fn of(output: &impl IsTerminal) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if output.is_terminal() && !is_set("NO_COLOR") && !is_dumb {
            Self::Coloured
        } else {
            Self::Plain
        }
    }

    /// For what is looked for first.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    /// For what can be passed over.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.wrap("2", text)
    }

    /// For what went wrong.
    pub(crate) fn red(self, text: impl Display) -> String {
        self.wrap("31", text)
    }

    fn wrap(self, code: &str, text: impl Display) -> String {
        match self {
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_string(),
        }
    }
}

/// The width of the terminal on standard output; `None` if it is a file or a pipe.
pub(crate) fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(stdout)
        .map(|(width, _)| usize::from(width.0))
        .filter(|width| *width > 0)
}

/// The text with control characters spelt out: what came from a file must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            printable.extend(c.escape_default())
        } else {
            printable.push(c)
        }
    }
    printable
}

/// Characters that turn the direction of what follows.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_steer_the_terminal() {
        assert_eq!(printable("Leeds\u{1b}[2J\n"), "Leeds\\u{1b}[2J\\n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("Ynys Môn"), "Ynys Môn");
    }

    #[test]
    fn plain_style_adds_nothing() {
        assert_eq!(Style::Plain.bold("x"), "x");
        assert_eq!(Style::Coloured.bold("x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
