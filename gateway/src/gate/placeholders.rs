//! Placeholders: `$1`, `$2`, ... by their numbers, or `?` in the order in which they are bound.
//!
//! Drivers of JDBC and ODBC write `?`. Each is the next number here, in the tokens, so that a question mark in a text, a comment or
//! a quoted name is none; what comes after knows numbers only.

use std::collections::BTreeSet;

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::limits::Limits;
use super::refusals::quote;

/// The tokens with every placeholder numbered, and how many there are: `$1` to this, none left out.
pub(super) fn numbered(
    mut tokens: Vec<TokenWithSpan>,
    limits: &Limits,
) -> Result<(Vec<TokenWithSpan>, u16), Refusal> {
    let mut in_order = 0_u16;
    let mut numbers = BTreeSet::new();
    for token in &mut tokens {
        let Token::Placeholder(written) = &mut token.token else { continue };
        if written == "?" {
            in_order = in_order.saturating_add(1);
            if limits.parameters_max < in_order {
                return Err(refused(
                    format!("there are more than {} parameters.", limits.parameters_max),
                    "Use fewer, or write some of the values into the statement.",
                ));
            }
            *written = format!("${in_order}");
            continue;
        }
        numbers.insert(number(written, limits)?);
    }
    match (in_order, numbers.last()) {
        (_, None) => Ok((tokens, in_order)),
        (0, Some(last)) if numbers.len() == usize::from(*last) => Ok((tokens, *last)),
        (0, Some(last)) => Err(refused(
            format!("the parameters run up to `${last}`, but some before it aren't used."),
            "Number parameters from `$1` without gaps.",
        )),
        (_, Some(last)) => Err(refused(
            format!(
                "`?` and `${last}` don't go together: what a `?` is bound to follows from its place alone."
            ),
            "Write all parameters as `?`, or number all of them.",
        )),
    }
}

fn number(written: &str, limits: &Limits) -> Result<u16, Refusal> {
    let number = written
        .strip_prefix('$')
        .filter(|digits| !digits.starts_with('0'))
        .and_then(|digits| digits.parse::<u16>().ok())
        .filter(|number| *number <= limits.parameters_max);
    number.ok_or_else(|| {
        refused(
            format!("the parameter {} isn't numbered.", quote(written)),
            format!(
                "Write `?` for each, or number them from `$1` to `${}`.",
                limits.parameters_max
            ),
        )
    })
}

fn refused(message: String, fix: impl AsRef<str>) -> Refusal {
    Refusal::new(RefusalCode::Q110, message, fix)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn question_marks_are_numbered_in_their_order() {
        for (written, read) in [
            ("SELECT a FROM t WHERE a = ? AND b IN (?, ?)", "a = $1 AND b IN ($2, $3)"),
            ("SELECT a FROM t WHERE a=?-1", "a = $1 - 1"),
            ("SELECT a FROM t WHERE a LIKE ? ORDER BY a LIMIT ? OFFSET ?", "LIMIT $2 OFFSET $3"),
            ("SELECT a FROM t WHERE a = ? FETCH FIRST ? ROWS ONLY", "LIMIT $2"),
            ("SELECT a FROM t WHERE (a, b) IN ((?, ?))", "a = $1 AND b = $2"),
        ] {
            let gated = check(written.as_bytes(), &Limits::STANDARD).unwrap();
            assert!(gated.sql().contains(read), "{written}: {}", gated.sql());
            assert!(!gated.sql().contains('?'), "{}", gated.sql());
        }
    }

    #[test]
    fn a_question_mark_in_a_text_a_name_or_a_comment_is_none() {
        for written in [
            "SELECT a AS \"what?\" FROM t WHERE b = 'who?' AND c = $1",
            "SELECT a /* why? */ FROM t WHERE b = ? -- when?",
            "SELECT a FROM t WHERE b LIKE '%?''?' AND c = ?",
        ] {
            let gated = check(written.as_bytes(), &Limits::STANDARD);
            assert_eq!(gated.map(|gated| gated.parameters()), Ok(1), "{written}");
        }
    }

    #[test]
    fn numbers_and_order_are_not_mixed_and_none_is_left_out() {
        for (written, reason) in [
            ("SELECT a FROM t WHERE a = ? AND b = $2", "`?` and `$2` don't go together"),
            ("SELECT a FROM t WHERE a = $1 AND b = ?", "`?` and `$1` don't go together"),
            ("SELECT a FROM t WHERE a = $2", "some before it aren't used"),
            ("SELECT a FROM t WHERE a = ?1", "isn't numbered"),
            ("SELECT a FROM t WHERE a = $0", "isn't numbered"),
            ("SELECT a FROM t WHERE a = $name", "isn't numbered"),
        ] {
            let refusals = check(written.as_bytes(), &Limits::STANDARD).unwrap_err();
            let refusals = refusals.to_string();
            assert!(refusals.starts_with("Q110") && refusals.contains(reason), "{refusals}");
        }
        let many = format!("SELECT 1 WHERE a IN ({})", vec!["?"; 101].join(", "));
        let refusals = check(many.as_bytes(), &Limits::STANDARD).unwrap_err().to_string();
        assert!(refusals.contains("more than 100 parameters"), "{refusals}");
    }
}
