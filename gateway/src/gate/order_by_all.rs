//! `ORDER BY ALL`: by all columns of the list, from left to right. It is written out by their numbers, `ORDER BY 1, 2`, where the
//! list can be counted; one with `*` can't, and is refused by name.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with the numbers of columns for `ALL`; there are never more of them than so many.
pub(super) fn numbered(tokens: Vec<TokenWithSpan>, tokens_max: usize) -> Vec<TokenWithSpan> {
    let mut numbered: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // Of each bracket that is open, the last list that began in it.
    let mut lists = vec![List::default()];
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match &token.token {
            Token::LParen => lists.push(List::default()),
            Token::RParen if 1 < lists.len() => {
                lists.pop();
            }
            other => {
                if let Some(list) = lists.last_mut() {
                    list.read(other, numbered.last().map(|before| &before.token));
                }
            }
        }
        let columns = lists.last().and_then(|list| list.columns);
        if let Some(columns) = columns.filter(|_| is_all(token) && ends_in_order_by(&numbered)) {
            let order: Vec<&TokenWithSpan> =
                after.iter().take_while(|token| is_of_order(token)).collect();
            let left = after.get(order.len()..).unwrap_or_default();
            let each = order.len().saturating_add(2).saturating_mul(columns);
            let fits = numbered.len().saturating_add(each) <= tokens_max;
            if fits && left.first().is_none_or(ends_order) {
                for column in 1..=columns {
                    let with = |written| TokenWithSpan { token: written, span: token.span };
                    numbered.extend((1 < column).then(|| with(Token::Comma)));
                    numbered.push(with(Token::Number(column.to_string(), false)));
                    numbered.extend(order.iter().copied().cloned());
                }
                rest = left;
                continue;
            }
        }
        numbered.push(token.clone());
    }
    numbered
}

/// The list of a `SELECT`.
#[derive(Debug, Default)]
struct List {
    /// How many columns it has so far; `None` where that can't be told.
    columns: Option<usize>,
    is_open: bool,
}

impl List {
    /// Reads the next token outside of further brackets.
    fn read(&mut self, token: &Token, before: Option<&Token>) {
        let is = |token: Option<&Token>, keyword| token.and_then(keyword_of) == Some(keyword);
        match token {
            Token::Comma if self.is_open => {
                self.columns = self.columns.map(|columns| columns.saturating_add(1));
            }
            // `*` and `t.*`; between two values it multiplies.
            Token::Mul if self.is_open => {
                let begins = matches!(before, Some(Token::Comma | Token::Period))
                    || [Keyword::SELECT, Keyword::DISTINCT, Keyword::ALL]
                        .into_iter()
                        .any(|keyword| is(before, keyword));
                if begins {
                    self.columns = None;
                }
            }
            other => match keyword_of(other) {
                Some(Keyword::SELECT) => *self = Self { columns: Some(1), is_open: true },
                // `a IS DISTINCT FROM b` is in the list.
                Some(Keyword::FROM) if is(before, Keyword::DISTINCT) => {}
                Some(
                    Keyword::FROM
                    | Keyword::WHERE
                    | Keyword::GROUP
                    | Keyword::HAVING
                    | Keyword::QUALIFY
                    | Keyword::WINDOW
                    | Keyword::ORDER
                    | Keyword::UNION
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT,
                ) => self.is_open = false,
                Some(_) | None => {}
            },
        }
    }
}

fn keyword_of(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn is_all(token: &TokenWithSpan) -> bool {
    keyword_of(&token.token) == Some(Keyword::ALL)
}

fn ends_in_order_by(before: &[TokenWithSpan]) -> bool {
    let keyword = |token: &TokenWithSpan| keyword_of(&token.token);
    matches!(before, [.., order, by] if keyword(order) == Some(Keyword::ORDER) && keyword(by) == Some(Keyword::BY))
}

/// Whether it says in which direction.
fn is_of_order(token: &TokenWithSpan) -> bool {
    use Keyword::{ASC, DESC, FIRST, LAST, NULLS};
    matches!(keyword_of(&token.token), Some(ASC | DESC | NULLS | FIRST | LAST))
}

/// Whether nothing else is ordered by.
fn ends_order(token: &TokenWithSpan) -> bool {
    use Keyword::{FETCH, LIMIT, OFFSET};
    token.token == Token::RParen || matches!(keyword_of(&token.token), Some(FETCH | LIMIT | OFFSET))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::limits::Limits;

    fn read(sql: &str) -> Result<String, String> {
        let gated = check(sql.as_bytes(), &Limits::STANDARD);
        gated.map(|gated| gated.sql().to_owned()).map_err(|refusals| refusals.to_string())
    }

    #[test]
    fn all_are_the_columns_of_the_list() {
        for (written, numbers) in [
            ("SELECT a, count(*) FROM t GROUP BY a ORDER BY ALL", "1, 2"),
            (
                "SELECT a * 2, f.b FROM t AS f ORDER BY ALL DESC NULLS LAST LIMIT 3",
                "1 DESC NULLS LAST, 2 DESC NULLS LAST LIMIT 3",
            ),
            (
                "SELECT DISTINCT a, coalesce(b, c), EXTRACT(YEAR FROM d) FROM t ORDER BY ALL",
                "1, 2, 3",
            ),
            ("SELECT (a IS DISTINCT FROM b), c FROM t ORDER BY ALL", "1, 2"),
            ("SELECT a IS DISTINCT FROM b, c FROM t ORDER BY ALL", "1, 2"),
            ("SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY ALL", "1"),
            (
                "SELECT (SELECT max(x) FROM u), b FROM (SELECT a, b, c FROM t) AS v ORDER BY ALL",
                "1, 2",
            ),
            (
                "SELECT a, (SELECT b FROM t ORDER BY 1 LIMIT 1) AS b ORDER BY ALL OFFSET 2",
                "1, 2 OFFSET 2",
            ),
        ] {
            let expected = written.replace("ALL DESC NULLS LAST LIMIT 3", "ALL");
            let expected =
                expected.replace("ALL OFFSET 2", "ALL").replace("BY ALL", &format!("BY {numbers}"));
            assert_eq!(read(written), read(&expected), "{written}");
            assert!(read(written).is_ok(), "{written}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_counted_is_refused_by_name() {
        for written in [
            "SELECT * FROM t ORDER BY ALL",
            "SELECT a, t.* FROM t ORDER BY ALL",
            "SELECT a FROM t ORDER BY ALL, a",
            "(SELECT a FROM t) ORDER BY ALL",
        ] {
            assert!(read(written).is_err_and(|told| told.contains("`ORDER BY ALL`")), "{written}");
        }
        // Nor is a short statement made a long one.
        let list = vec!["a"; 1_500].join(", ");
        let many = format!("SELECT {list} FROM t{}", " ORDER BY ALL LIMIT 1".repeat(900));
        assert!(read(&many).is_err());
    }
}
