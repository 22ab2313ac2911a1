//! `LIKE` with an `ESCAPE` of its own, with the pattern spelled for the engine's, which is a backslash. It is done before
//! anything is planned: plans name columns by what is written. A pattern that is a parameter is spelled so once it is bound
//! (`plan/like.rs`).

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, Value, ValueWithSpan, visit_expressions_mut};

/// The statement with patterns spelled so. An `ESCAPE` that isn't one character stays, and is refused.
pub(super) fn escaped(mut query: Box<Query>) -> Box<Query> {
    // It never breaks off.
    let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
        visit_expressions_mut(&mut query, |expr| {
            respell(expr);
            ControlFlow::<()>::Continue(())
        });
    query
}

fn respell(expr: &mut Expr) {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr
    else {
        return;
    };
    let Some(escape) = escape_char.as_deref_mut().and_then(text).and_then(|e| one_character(e))
    else {
        return;
    };
    if escape == '\\' {
        return;
    }
    if let Some(pattern) = text(pattern) {
        *pattern = with_backslashes(&pattern.replace("''", "'"), escape).replace('\'', "''");
        *escape_char = None;
    }
}

/// A text as it is written, with doubled quotes.
fn text(expr: &mut Expr) -> Option<&mut String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

fn one_character(written: &str) -> Option<char> {
    let written = written.replace("''", "'");
    let mut characters = written.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// What a pattern stands for, with a backslash before what is meant as it is.
pub(crate) fn with_backslashes(pattern: &str, escape: char) -> String {
    let mut spelled = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        // At the end it escapes nothing.
        let meant = if character == escape { characters.next() } else { None };
        match (character, meant) {
            (_, Some(meant @ ('%' | '_' | '\\'))) => spelled.extend(['\\', meant]),
            (_, Some(meant)) => spelled.push(meant),
            ('\\', None) => spelled.push_str("\\\\"),
            (character, None) => spelled.push(character),
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::with_backslashes;

    #[test]
    fn what_is_escaped_is_meant_as_it_is() {
        for (pattern, expected) in [
            ("a!%b%", "a\\%b%"),
            ("!_!!_", "\\_!_"),
            ("a\\b!\\", "a\\\\b\\\\"),
            ("a!b!", "ab!"),
            ("%%", "%%"),
        ] {
            assert_eq!(with_backslashes(pattern, '!'), expected, "{pattern}");
        }
    }
}
