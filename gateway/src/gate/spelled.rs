//! Spellings of standard SQL that stand for others which are offered: they are written out as those before anything looks at them,
//! so that whatever holds of the one holds of the other.
//!
//! | written | read as |
//! |---|---|
//! | `FETCH FIRST 5 ROWS ONLY` | `LIMIT 5` |
//! | `(a, b) IN ((1, 2), (3, 4))` | `(a = 1 AND b = 2 OR a = 3 AND b = 4)` |
//! | `ROLLUP ((a + 1) * 2)` | `ROLLUP (((a + 1) * 2))`: the parsers take a bracket there for a set's |
//! | `ROLLUP ((a, b), c)`, `CUBE ((a, b))` | `GROUPING SETS ((a, b, c), (a, b), ())`, `GROUPING SETS ((a, b), ())` |
//!
//! What is like them but isn't one of these stays as it is, and is refused by its name. Tables after commas are read as joins
//! once it is known whose each column is (`plan/joins.rs`).

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator, VisitMut, VisitorMut};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::other_names::in_offered_names;

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

/// The tokens with brackets around what is calculated in `ROLLUP`, `CUBE` and `GROUPING SETS`, if it begins with one.
pub(super) fn sets(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut brackets: Vec<Bracket> = Vec::new();
    let mut around: Vec<(usize, Token)> = Vec::new();
    for (place, TokenWithSpan { token, .. }) in tokens.iter().enumerate() {
        match token {
            Token::LParen => {
                let before = tokens.get(..place).unwrap_or_default();
                brackets.push(Bracket {
                    place,
                    of_sets: opens_sets(before),
                    item: place.saturating_add(1),
                    closed: None,
                });
            }
            Token::RParen => {
                let closed = brackets.pop();
                around.extend(closed.iter().flat_map(|bracket| bracket.around_item(place)));
                if let (Some(closed), Some(outer)) = (closed, brackets.last_mut())
                    && closed.place == outer.item
                {
                    outer.closed = Some(place);
                }
            }
            Token::Comma => {
                if let Some(bracket) = brackets.last_mut() {
                    around.extend(bracket.around_item(place));
                    bracket.item = place.saturating_add(1);
                    bracket.closed = None;
                }
            }
            _ => {}
        }
    }
    if around.is_empty() {
        return tokens;
    }
    around.sort_by_key(|(place, _)| *place);
    let mut around = around.into_iter().peekable();
    let mut spelled = Vec::with_capacity(tokens.len());
    for (place, token) in tokens.into_iter().enumerate() {
        while let Some((_, bracket)) = around.next_if(|(at, _)| *at == place) {
            spelled.push(TokenWithSpan { token: bracket, span: token.span });
        }
        spelled.push(token);
    }
    spelled
}

/// A bracket that is open.
struct Bracket {
    place: usize,
    /// Whether grouping sets stand in it.
    of_sets: bool,
    /// Where the item begins that is being read.
    item: usize,
    /// Where the bracket that it begins with was closed.
    closed: Option<usize>,
}

impl Bracket {
    /// Brackets around the item that ends here, if it begins with one and goes on after it.
    fn around_item(&self, end: usize) -> Vec<(usize, Token)> {
        match self.closed {
            Some(closed) if self.of_sets && closed.saturating_add(1) < end => {
                vec![(self.item, Token::LParen), (end, Token::RParen)]
            }
            Some(_) | None => Vec::new(),
        }
    }
}

/// Whether these tokens end in `ROLLUP`, `CUBE` or `GROUPING SETS`.
fn opens_sets(before: &[TokenWithSpan]) -> bool {
    let is = |token: &TokenWithSpan, words: &[&str]| {
        after_word(std::slice::from_ref(token), words).is_some()
    };
    match before {
        [.., grouping, sets] if is(sets, &["SETS"]) => is(grouping, &["GROUPING"]),
        [.., last] => is(last, &["ROLLUP", "CUBE"]),
        [] => false,
    }
}

/// The statement with rows of values compared one by one, sets of several columns written out, and functions under the names
/// that are offered.
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
        if let Some(offered) = in_offered_names(expr) {
            *expr = offered;
        }
        if let Some(sets) = several_at_once(expr) {
            *expr = Expr::GroupingSets(sets);
        }
        ControlFlow::Continue(())
    }
}

/// The most sets that are written out; more are refused as they stand.
const SETS_MAX: usize = 64;

/// The grouping sets of a `ROLLUP` or `CUBE` in which several columns come and go together; `None` for any other.
fn several_at_once(expr: &Expr) -> Option<Vec<Vec<Expr>>> {
    let (Expr::Rollup(items) | Expr::Cube(items)) = expr else { return None };
    if items.iter().any(Vec::is_empty) || items.iter().all(|item| item.len() == 1) {
        return None;
    }
    let mut sets: Vec<Vec<Expr>> = vec![Vec::new()];
    for item in items {
        if SETS_MAX < sets.len() {
            return None;
        }
        let with = |set: &Vec<Expr>| set.iter().chain(item).cloned().collect();
        match expr {
            // Coarsest last, as it is read.
            Expr::Rollup(_) => sets.extend(sets.last().map(with)),
            _ => sets.extend(sets.iter().map(with).collect::<Vec<_>>()),
        }
    }
    sets.reverse();
    (sets.len() <= SETS_MAX).then_some(sets)
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

    #[test]
    fn what_is_calculated_in_a_set_may_begin_with_a_bracket() {
        for (written, expected) in [
            ("ROLLUP ((a + 1) * 2)", "ROLLUP ((a + 1) * 2)"),
            ("b, CUBE ((a), (a + 1) * (b - 1))", "b, CUBE (a, (a + 1) * (b - 1))"),
            (
                "GROUPING SETS ((a + 1) * 2, (a, (b + 1) * 2), ())",
                "GROUPING SETS (((a + 1) * 2), (a, (b + 1) * 2), ())",
            ),
            ("ROLLUP (((a + 1) * 2), ((a)))", "ROLLUP ((a + 1) * 2, (a))"),
        ] {
            let sql = format!("SELECT count(*) FROM t GROUP BY {written}");
            assert!(read(&sql).contains(expected), "{}", read(&sql));
            assert!(check(sql.as_bytes(), &Limits::STANDARD).is_ok(), "{sql}");
        }
    }

    #[test]
    fn columns_that_come_together_are_sets() {
        for (written, expected) in [
            ("ROLLUP ((a, b), c)", "GROUPING SETS ((a, b, c), (a, b), ())"),
            ("CUBE ((a, b))", "GROUPING SETS ((a, b), ())"),
            ("d, CUBE (a, (b, c))", "d, GROUPING SETS ((a, b, c), (b, c), (a), ())"),
            ("ROLLUP (a, b)", "ROLLUP (a, b)"),
        ] {
            let sql = format!("SELECT count(*) FROM t GROUP BY {written}");
            assert_eq!(read(&sql), format!("SELECT count(*) FROM t GROUP BY {expected}"));
            assert!(check(sql.as_bytes(), &Limits::STANDARD).is_ok(), "{sql}");
        }
    }
}
