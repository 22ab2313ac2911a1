//! The value of an expression for one row of literals.
//!
//! Used on public values only: which keys a table can have follows from the published domains of
//! its dimensions, and working that out needs the key's expression for every published value. Rows of data are evaluated by the
//! node's engine.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Comparison, Literal, Scalar};
use crate::function;

/// The value for a row that has these values; `None` is NULL. A column without a value here is NULL.
#[must_use]
pub fn value_of(scalar: &Scalar, row: &BTreeMap<&str, Literal>) -> Option<Literal> {
    match scalar {
        Scalar::Column(name) => row.get(name.as_str()).filter(|l| !l.is_null()).cloned(),
        Scalar::Literal(literal) => (!literal.is_null()).then(|| literal.clone()),
        Scalar::Compare { op, left, right } => {
            let ordering = compare(&value_of(left, row)?, &value_of(right, row)?)?;
            Some(Literal::Boolean(holds(*op, ordering)))
        }
        Scalar::And(parts) => junction(parts, row, false),
        Scalar::Or(parts) => junction(parts, row, true),
        Scalar::Not(value) => truth(value, row).map(|v| Literal::Boolean(!v)),
        Scalar::IsNull(value) => Some(Literal::Boolean(value_of(value, row).is_none())),
        Scalar::InList { value, list } => {
            let value = value_of(value, row)?;
            if list.iter().any(|l| compare(&value, l) == Some(Ordering::Equal)) {
                Some(Literal::Boolean(true))
            } else if list.iter().any(Literal::is_null) {
                None
            } else {
                Some(Literal::Boolean(false))
            }
        }
        Scalar::Like { value, pattern, ignore_case } => match value_of(value, row)? {
            Literal::Utf8(text) => Some(Literal::Boolean(like(&text, pattern, *ignore_case))),
            Literal::Null(_)
            | Literal::Boolean(_)
            | Literal::Int64(_)
            | Literal::Decimal { .. }
            | Literal::Float64(_)
            | Literal::Date(_) => None,
        },
        Scalar::Case { branches, otherwise } => {
            for (when, then) in branches {
                if truth(when, row) == Some(true) {
                    return value_of(then, row);
                }
            }
            otherwise.as_ref().and_then(|o| value_of(o, row))
        }
        Scalar::Call { function, args } => {
            let args: Option<Vec<_>> = args
                .iter()
                .map(|a| {
                    let literal = value_of(a, row)?;
                    let scalar_type = literal.scalar_type();
                    Some(function::from_literals([Some(literal)], scalar_type))
                })
                .collect();
            function::literal_at(&function::evaluate(*function, &args?, 1), 0)
        }
        Scalar::Cast { value, to } => {
            let literal = value_of(value, row)?;
            let scalar_type = literal.scalar_type();
            let array = function::from_literals([Some(literal)], scalar_type);
            function::literal_at(&function::cast(&array, *to), 0)
        }
        // What a reference says isn't known here: nothing that looks up is taken for known (`rules::keys`).
        Scalar::Lookup { .. } => None,
    }
}

/// The truth of a condition; `None` is unknown.
#[must_use]
pub fn truth(scalar: &Scalar, row: &BTreeMap<&str, Literal>) -> Option<bool> {
    match value_of(scalar, row) {
        Some(Literal::Boolean(value)) => Some(value),
        Some(
            Literal::Null(_)
            | Literal::Int64(_)
            | Literal::Decimal { .. }
            | Literal::Float64(_)
            | Literal::Utf8(_)
            | Literal::Date(_),
        )
        | None => None,
    }
}

/// `AND` and `OR` of three-valued logic: one `decisive` part decides, else one unknown part makes
/// the whole unknown.
fn junction(parts: &[Scalar], row: &BTreeMap<&str, Literal>, decisive: bool) -> Option<Literal> {
    let mut unknown = false;
    for part in parts {
        match truth(part, row) {
            Some(value) if value == decisive => return Some(Literal::Boolean(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(Literal::Boolean(!decisive))
}

/// The order of two values of the same type; text is compared bytewise.
#[must_use]
pub fn compare(left: &Literal, right: &Literal) -> Option<Ordering> {
    match (left, right) {
        (Literal::Boolean(l), Literal::Boolean(r)) => Some(l.cmp(r)),
        (Literal::Int64(l), Literal::Int64(r)) => Some(l.cmp(r)),
        (Literal::Decimal { value: l, places: p }, Literal::Decimal { value: r, places: q })
            if p == q =>
        {
            Some(l.cmp(r))
        }
        (Literal::Float64(l), Literal::Float64(r)) => l.partial_cmp(r),
        (Literal::Utf8(l), Literal::Utf8(r)) => Some(l.cmp(r)),
        (Literal::Date(l), Literal::Date(r)) => Some(l.cmp(r)),
        (
            Literal::Null(_)
            | Literal::Boolean(_)
            | Literal::Int64(_)
            | Literal::Decimal { .. }
            | Literal::Float64(_)
            | Literal::Utf8(_)
            | Literal::Date(_),
            _,
        ) => None,
    }
}

const fn holds(op: Comparison, ordering: Ordering) -> bool {
    match op {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

/// SQL's `LIKE`: `%` any characters, `_` one character, `\` makes the next one stand for itself.
/// Iterative, with one point to go back to, so that no pattern takes more than length × length steps.
fn like(text: &str, pattern: &str, ignore_case: bool) -> bool {
    let fold = |s: &str| -> Vec<char> {
        if ignore_case { s.to_lowercase().chars().collect() } else { s.chars().collect() }
    };
    let text = fold(text);
    let mut tokens = Vec::new();
    let mut characters = fold(pattern).into_iter();
    while let Some(c) = characters.next() {
        tokens.push(match c {
            '%' => Token::Any,
            '_' => Token::One,
            '\\' => Token::Exactly(characters.next().unwrap_or('\\')),
            other => Token::Exactly(other),
        });
    }
    let (mut t, mut p) = (0_usize, 0_usize);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        let matched = match tokens.get(p) {
            Some(Token::Any) => {
                back = Some((p, t));
                p = p.saturating_add(1);
                continue;
            }
            Some(Token::One) => true,
            Some(Token::Exactly(c)) => text.get(t) == Some(c),
            None => false,
        };
        if matched {
            t = t.saturating_add(1);
            p = p.saturating_add(1);
        } else if let Some((any, start)) = back {
            let next = start.saturating_add(1);
            back = Some((any, next));
            t = next;
            p = any.saturating_add(1);
        } else {
            return false;
        }
    }
    tokens.iter().skip(p).all(|token| matches!(token, Token::Any))
}

enum Token {
    Any,
    One,
    Exactly(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_follows_sql() {
        for (text, pattern, expect) in [
            ("E01011229", "E01%", true),
            ("E01011229", "%229", true),
            ("E01011229", "E0_011%", true),
            ("E01011229", "e01%", false),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("", "%", true),
            ("", "_", false),
            ("aXbXc", "a%X%c", true),
        ] {
            assert_eq!(like(text, pattern, false), expect, "{text} LIKE {pattern}");
        }
        assert!(like("Leeds", "leeds", true));
    }

    #[test]
    fn unknown_is_neither_true_nor_false() {
        let row = BTreeMap::new();
        let unknown = Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(Scalar::Column("a".to_owned())),
            right: Box::new(Scalar::Literal(Literal::Int64(1))),
        };
        let no = Scalar::Literal(Literal::Boolean(false));
        assert_eq!(truth(&Scalar::And(vec![unknown.clone(), no.clone()]), &row), Some(false));
        assert_eq!(truth(&Scalar::Or(vec![unknown.clone(), no]), &row), None);
        assert_eq!(truth(&Scalar::Not(Box::new(unknown)), &row), None);
    }
}
