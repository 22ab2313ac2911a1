//! The escapes of ODBC and JDBC, which tools write for drivers to put into a database's own words. Nobody does that here, so
//! they are read as what they stand for: `{d '2018-01-31'}` as `DATE '2018-01-31'`, `{ts '…'}` as `TIMESTAMP '…'`, `{fn f(a)}` as
//! `f(a)`, and `{oj a LEFT JOIN b ON …}` as the join.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The tokens without escapes; others in curly brackets stay, and are refused.
pub(super) fn undone(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|token| token.token == Token::LBrace) {
        return tokens;
    }
    let mut undone = Vec::with_capacity(tokens.len());
    // Of each bracket that is open, whether it is an escape's.
    let mut open = Vec::new();
    let mut after = tokens.iter().skip(1).map(Some).chain(std::iter::repeat(None));
    let mut is_kind = false;
    for token in &tokens {
        let next = after.next().flatten();
        if std::mem::take(&mut is_kind) {
            continue;
        }
        match &token.token {
            Token::LBrace => {
                let escape = next.and_then(|next| Some((next, begins(&next.token)?)));
                open.push(escape.is_some());
                match escape {
                    Some((kind, begins)) => {
                        is_kind = true;
                        undone.extend(begins.map(|token| TokenWithSpan { token, span: kind.span }));
                    }
                    None => undone.push(token.clone()),
                }
            }
            Token::RBrace => {
                if open.pop() != Some(true) {
                    undone.push(token.clone());
                }
            }
            _ => undone.push(token.clone()),
        }
    }
    // One that isn't closed is none.
    if open.is_empty() { undone } else { tokens }
}

/// What stands for the word after the bracket, if it is an escape's.
fn begins(kind: &Token) -> Option<Option<Token>> {
    let Token::Word(Word { value, quote_style: None, keyword: _ }) = kind else { return None };
    let written = |keyword: Keyword, value: &str| {
        Token::Word(Word { value: value.to_owned(), quote_style: None, keyword })
    };
    match value.to_ascii_lowercase().as_str() {
        "d" => Some(Some(written(Keyword::DATE, "DATE"))),
        "t" => Some(Some(written(Keyword::TIME, "TIME"))),
        "ts" => Some(Some(written(Keyword::TIMESTAMP, "TIMESTAMP"))),
        "fn" | "oj" => Some(None),
        _ => None,
    }
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
    fn an_escape_is_what_it_stands_for() {
        for (escaped, plain) in [
            (
                "SELECT 1 FROM t WHERE d < {d '2018-01-31'}",
                "SELECT 1 FROM t WHERE d < DATE '2018-01-31'",
            ),
            (
                "SELECT 1 FROM t WHERE d < { TS '2018-01-31 00:00:00' } AND a = '{d'",
                "SELECT 1 FROM t WHERE d < TIMESTAMP '2018-01-31 00:00:00' AND a = '{d'",
            ),
            (
                "SELECT {fn YEAR({fn coalesce(d, {d '2018-01-31'})})} FROM t",
                "SELECT year(coalesce(d, DATE '2018-01-31')) FROM t",
            ),
            (
                "SELECT 1 FROM {oj a LEFT OUTER JOIN b ON a.k = b.k}",
                "SELECT 1 FROM a LEFT OUTER JOIN b ON a.k = b.k",
            ),
        ] {
            assert_eq!(read(escaped), read(plain), "{escaped}");
            assert!(read(plain).is_ok(), "{plain}");
        }
    }

    #[test]
    fn other_brackets_are_refused() {
        for sql in [
            "SELECT {a: 1}",
            "SELECT {call f(1)}",
            "SELECT {\"d\" '2018-01-31'}",
            "SELECT 1 }",
            "SELECT {d '2018-01-31'",
            "SELECT {fn now()}",
            "SELECT {",
            "SELECT {fn",
            "{fn SELECT 1}}",
        ] {
            assert!(read(sql).is_err(), "{sql}");
        }
        let many = format!("SELECT {}1{}", "{fn abs(".repeat(400), ")}".repeat(400));
        assert!(read(&many).unwrap_err().starts_with("L502"));
    }
}
