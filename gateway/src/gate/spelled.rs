//! Spellings of standard SQL that stand for others which are offered: they are written out as those before anything looks at them,
//! so that whatever holds of the one holds of the other.
//!
//! | written | read as |
//! |---|---|
//! | `FETCH FIRST 5 ROWS ONLY` | `LIMIT 5` |
//! | `(a, b) IN ((1, 2), (3, 4))` | `(a = 1 AND b = 2 OR a = 3 AND b = 4)` |
//!
//! What is like them but isn't one of these stays as it is, and is refused by its name. Tables after commas are read as joins
//! once it is known whose each column is (`plan/joins.rs`).

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator, VisitMut, VisitorMut};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with `LIMIT` for `FETCH FIRST`.
pub(super) fn limits(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut spelled = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        match fetched(rest) {
            Some((count, left)) => {
                let with = |token| TokenWithSpan { token, span: first.span };
                spelled.push(with(Token::make_keyword("LIMIT")));
                spelled.push(with(count));
                rest = left;
            }
            None => {
                spelled.push(first.clone());
                rest = after;
            }
        }
    }
    spelled
}

/// The number of rows where the tokens begin with `FETCH FIRST n ROWS ONLY`, and what comes after.
fn fetched(tokens: &[TokenWithSpan]) -> Option<(Token, &[TokenWithSpan])> {
    let rest = after_word(tokens, &["FETCH"])?;
    let rest = after_word(rest, &["FIRST", "NEXT"])?;
    let (count, rest) = match rest.split_first() {
        Some((TokenWithSpan { token: n @ (Token::Number(..) | Token::Placeholder(_)), .. }, r)) => {
            (n.clone(), r)
        }
        _ => (Token::Number("1".to_owned(), false), rest),
    };
    let rest = after_word(rest, &["ROW", "ROWS"])?;
    Some((count, after_word(rest, &["ONLY"])?))
}

fn after_word<'a>(tokens: &'a [TokenWithSpan], words: &[&str]) -> Option<&'a [TokenWithSpan]> {
    let (TokenWithSpan { token: Token::Word(word), .. }, rest) = tokens.split_first()? else {
        return None;
    };
    let is_one = words.iter().any(|w| word.value.eq_ignore_ascii_case(w));
    (word.quote_style.is_none() && is_one).then_some(rest)
}

/// The statement with rows of values compared one by one.
pub(super) fn written_out(mut query: Box<Query>) -> Box<Query> {
    // It never breaks off.
    let (ControlFlow::Continue(()) | ControlFlow::Break(())) = query.visit(&mut WrittenOut);
    query
}

struct WrittenOut;

impl VisitorMut for WrittenOut {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if is_in_rows(expr) {
            let taken = std::mem::replace(expr, Expr::Wildcard(AttachedToken::empty()));
            *expr = one_by_one(taken);
        }
        ControlFlow::Continue(())
    }
}

/// Whether some columns are looked for in rows of as many values. Of columns alone: what is calculated would be written as
/// often as there are rows.
fn is_in_rows(expr: &Expr) -> bool {
    let Expr::InList { expr, list, negated: _ } = expr else { return false };
    let Expr::Tuple(columns) = expr.as_ref() else { return false };
    let is_column = |e: &Expr| matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let fits = |row: &Expr| matches!(row, Expr::Tuple(values) if values.len() == columns.len());
    columns.iter().all(is_column) && list.iter().all(fits)
}

fn one_by_one(expr: Expr) -> Expr {
    let Expr::InList { expr, list, negated } = expr else { return expr };
    let columns = match *expr {
        Expr::Tuple(columns) => columns,
        other => vec![other],
    };
    let rows = list.into_iter().filter_map(|row| {
        let Expr::Tuple(values) = row else { return None };
        let equal = columns.iter().cloned().zip(values).map(|(column, value)| {
            let value = if is_plain(&value) { value } else { Expr::Nested(Box::new(value)) };
            both(column, BinaryOperator::Eq, value)
        });
        equal.reduce(|left, right| both(left, BinaryOperator::And, right))
    });
    match rows.reduce(|left, right| both(left, BinaryOperator::Or, right)) {
        None => Expr::Wildcard(AttachedToken::empty()),
        Some(any) if negated => {
            let any = Box::new(Expr::Nested(Box::new(any)));
            Expr::Nested(Box::new(Expr::UnaryOp { op: UnaryOperator::Not, expr: any }))
        }
        Some(any) => Expr::Nested(Box::new(any)),
    }
}

const fn is_plain(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Value(_)
            | Expr::TypedString(_)
            | Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Nested(_)
    )
}

fn both(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::super::{check, parse, tokens};
    use super::*;

    /// The statement as it is read.
    fn read(sql: &str) -> String {
        let limits = Limits::STANDARD;
        let tokens = tokens::read(sql, &limits).unwrap();
        written_out(parse::read(tokens.all, &limits).unwrap()).to_string()
    }

    #[test]
    fn a_number_of_rows_is_a_limit() {
        for (written, expected) in [
            ("SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t LIMIT 5"),
            ("SELECT a FROM t FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1"),
            (
                "SELECT a FROM t OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY",
                "SELECT a FROM t LIMIT 3 OFFSET 2 ROWS",
            ),
            (
                "SELECT * FROM (SELECT a FROM t FETCH FIRST $1 ROWS ONLY) AS s",
                "SELECT * FROM (SELECT a FROM t LIMIT $1) AS s",
            ),
        ] {
            assert_eq!(read(written), expected);
            assert!(check(written.as_bytes(), &Limits::STANDARD).is_ok(), "{written}");
        }
        for refused in [
            "SELECT a FROM t FETCH FIRST 5 PERCENT ROWS ONLY",
            "SELECT a FROM t FETCH FIRST 5 ROWS WITH TIES",
        ] {
            assert!(check(refused.as_bytes(), &Limits::STANDARD).is_err(), "{refused}");
        }
    }

    #[test]
    fn rows_of_values_are_compared_one_by_one() {
        for (written, expected) in [
            (
                "SELECT 1 FROM t WHERE (a, t.b) IN ((1, 'x'), (3, 2 + 2))",
                "SELECT 1 FROM t WHERE (a = 1 AND t.b = 'x' OR a = 3 AND t.b = (2 + 2))",
            ),
            (
                "SELECT 1 FROM t WHERE (a, b) NOT IN ((1, -2)) AND c",
                "SELECT 1 FROM t WHERE (NOT (a = 1 AND b = (-2))) AND c",
            ),
        ] {
            assert_eq!(read(written), expected);
            assert!(check(written.as_bytes(), &Limits::STANDARD).is_ok(), "{written}");
        }
        for refused in [
            "SELECT 1 FROM t WHERE (a, b) IN ((1, 2), (3, 4, 5))",
            "SELECT 1 FROM t WHERE (a, b) IN ((1, 2), 3)",
            "SELECT 1 FROM t WHERE (a + 1, b) IN ((1, 2))",
            "SELECT 1 FROM t WHERE (a, b) IN (SELECT 1, 2)",
            "SELECT 1 FROM t WHERE (a, b) = (1, 2)",
        ] {
            assert!(check(refused.as_bytes(), &Limits::STANDARD).is_err(), "{refused}");
        }
    }
}
