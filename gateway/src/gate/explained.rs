//! A statement to be explained and not run: `EXPLAIN`, perhaps a format, and the statement. What comes after is a
//! statement like any other, which the whole gate reads.

use insitu_disclosure::{Refusal, RefusalCode, Refusals};

use super::limits::Limits;
use super::refusals::quote;
use super::text;

/// How a statement is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A statement to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Explained<'a> {
    /// How.
    pub(crate) format: ExplainFormat,
    /// The statement, not read yet.
    pub(crate) statement: &'a [u8],
}

/// What is to be explained, of a text that begins with `EXPLAIN`; `None` of any other.
///
/// # Errors
/// Q103 for what would run the statement, or show more than there is; what [`super::check`] says of the text.
pub(crate) fn explained<'a>(
    sql: &'a [u8],
    limits: &Limits,
) -> Result<Option<Explained<'a>>, Refusals> {
    let text = text::read(sql, limits)?;
    let Some(rest) = after_word(blank(text), "EXPLAIN") else { return Ok(None) };
    for word in ["ANALYZE", "ANALYSE", "VERBOSE"] {
        if after_word(rest, word).is_some() {
            return Err(not_offered(word).into());
        }
    }
    let (format, statement) = match format(rest)? {
        Some((format, statement)) => (format, statement),
        None => match bracketed(rest) {
            Some(inside) => {
                let (format, after) = format(inside)?.ok_or_else(|| options(inside))?;
                (format, after.strip_prefix(')').ok_or_else(|| options(after))?)
            }
            None => (ExplainFormat::Text, rest),
        },
    };
    Ok(Some(Explained { format, statement: statement.as_bytes() }))
}

/// `FORMAT` and its name, and what follows.
fn format(text: &str) -> Result<Option<(ExplainFormat, &str)>, Refusal> {
    let Some(rest) = after_word(text, "FORMAT") else { return Ok(None) };
    for (word, format) in [("TEXT", ExplainFormat::Text), ("JSON", ExplainFormat::Json)] {
        if let Some(rest) = after_word(rest, word) {
            return Ok(Some((format, rest)));
        }
    }
    Err(options(text))
}

/// What stands in brackets that don't hold a statement.
fn bracketed(text: &str) -> Option<&str> {
    let inside = blank(text.strip_prefix('(')?);
    let is_statement = ["SELECT", "WITH", "VALUES"];
    let begins = |word: &&str| after_word(inside, word).is_some();
    (!is_statement.iter().any(begins) && !inside.starts_with('(')).then_some(inside)
}

/// What follows a word, in either case, without the space between.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
    (start.eq_ignore_ascii_case(word) && ends).then(|| blank(rest))
}

/// The text from where it isn't blank or a comment. One that isn't closed is left for the tokens' reader.
fn blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t', '\r', '\n']);
        let after = if let Some(comment) = text.strip_prefix("--") {
            comment.split_once('\n').map(|(_, after)| after)
        } else if let Some(comment) = text.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, after)| after)
        } else {
            None
        };
        match after {
            Some(after) => text = after,
            None => return text,
        }
    }
}

fn not_offered(word: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Q103,
        format!("`EXPLAIN {word}` isn't answered: an explanation is made without asking for data."),
        "Write `EXPLAIN`, or `EXPLAIN (FORMAT JSON)`, before a `SELECT`.",
    )
}

fn options(at: &str) -> Refusal {
    let word: String = at.chars().take_while(|c| !c.is_whitespace()).take(32).collect();
    Refusal::new(
        RefusalCode::Q103,
        format!("`EXPLAIN` has no option {}.", quote(&word)),
        "Write `EXPLAIN (FORMAT TEXT)` or `EXPLAIN (FORMAT JSON)`, and then the `SELECT`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Option<(ExplainFormat, &str)>, RefusalCode> {
        let read = explained(sql.as_bytes(), &Limits::STANDARD);
        let read = read.map_err(|refusals| refusals.first().code())?;
        Ok(read.map(|e| (e.format, std::str::from_utf8(e.statement).unwrap())))
    }

    #[test]
    fn the_statement_is_what_comes_after_explain_and_its_format() {
        use ExplainFormat::{Json, Text};
        for (sql, format, statement) in [
            ("EXPLAIN SELECT 1", Text, "SELECT 1"),
            ("explain\n\tselect 1;", Text, "select 1;"),
            ("EXPLAIN (SELECT 1)", Text, "(SELECT 1)"),
            ("EXPLAIN ((SELECT 1))", Text, "((SELECT 1))"),
            ("EXPLAIN FORMAT JSON SELECT 1", Json, "SELECT 1"),
            ("EXPLAIN (FORMAT JSON) SELECT 1", Json, "SELECT 1"),
            ("EXPLAIN(format json)SELECT 1", Json, "SELECT 1"),
            (
                "EXPLAIN (FORMAT TEXT) WITH t AS (SELECT 1) SELECT * FROM t",
                Text,
                "WITH t AS (SELECT 1) SELECT * FROM t",
            ),
            ("-- why\nEXPLAIN /* how */ FORMAT TEXT SELECT 1", Text, "SELECT 1"),
            ("EXPLAIN EXPLAIN SELECT 1", Text, "EXPLAIN SELECT 1"),
            ("EXPLAIN", Text, ""),
        ] {
            assert_eq!(
                read(sql).map(|r| r.map(|(f, s)| (f, s.trim_start()))),
                Ok(Some((format, statement))),
                "{sql}"
            );
        }
    }

    #[test]
    fn other_statements_are_not_touched() {
        for sql in [
            "SELECT 1",
            "EXPLAINED",
            "explain_it",
            "\"EXPLAIN\" SELECT 1",
            "/* EXPLAIN",
            "",
            "EXPLAIN.a",
        ] {
            assert_eq!(read(sql), Ok(None), "{sql}");
        }
    }

    #[test]
    fn what_would_run_it_or_is_not_known_is_refused() {
        for sql in [
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN analyse SELECT 1",
            "EXPLAIN VERBOSE SELECT 1",
            "EXPLAIN FORMAT YAML SELECT 1",
            "EXPLAIN (FORMAT JSON, ANALYZE) SELECT 1",
            "EXPLAIN (ANALYZE) SELECT 1",
            "EXPLAIN (FORMAT) SELECT 1",
            "EXPLAIN (FORMAT JSON SELECT 1",
        ] {
            assert_eq!(read(sql), Err(RefusalCode::Q103), "{sql}");
        }
        assert_eq!(read("EXPLAIN \u{200b}SELECT 1"), Err(RefusalCode::Q102));
    }
}
