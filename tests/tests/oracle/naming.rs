//! A question about tables of other names: each gets a schema before its name, and nothing else of the text changes.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

/// A question's text, and which tables it reads.
#[derive(Debug)]
pub(super) struct Named {
    tokens: Vec<Token>,
    /// Positions among the tokens of tables' names.
    tables: Vec<usize>,
}

impl Named {
    /// Looks for tables of these names. `None` if the text can't be read.
    pub(super) fn read(sql: &str, known: &BTreeSet<String>) -> Option<Self> {
        let dialect = GenericDialect {};
        let tokens = Tokenizer::new(&dialect, sql).with_unescape(false).tokenize().ok()?;
        let words: Vec<usize> =
            (0..tokens.len()).filter(|i| !matches!(tokens[*i], Token::Whitespace(_))).collect();
        let at = |position: usize| words.get(position).map(|i| &tokens[*i]);
        let ctes = common_tables(&words, &tokens);
        let mut tables = Vec::new();
        // Whether a table may follow, for each bracket that is open.
        let mut from = vec![false];
        for (position, index) in words.iter().enumerate() {
            let before = position.checked_sub(1).and_then(at);
            match &tokens[*index] {
                Token::LParen => from.push(false),
                Token::RParen => {
                    from.pop();
                }
                Token::Word(word) => {
                    let may_follow = matches!(before, Some(Token::Comma))
                        || before.is_some_and(|t| is(t, "FROM") || is(t, "JOIN"));
                    let alone = !matches!(at(position + 1), Some(Token::LParen | Token::Period));
                    let name = normal(word);
                    let here = from.last().copied().unwrap_or(false);
                    if here && may_follow && alone && known.contains(&name) && !ctes.contains(&name)
                    {
                        tables.push(*index);
                    } else if let Some(last) = from.last_mut()
                        && word.quote_style.is_none()
                    {
                        let distinct_from = before.is_some_and(|t| is(t, "DISTINCT"));
                        match word.value.to_uppercase().as_str() {
                            "FROM" => *last = !distinct_from,
                            "WHERE" | "GROUP" | "HAVING" | "ORDER" | "LIMIT" | "UNION"
                            | "SELECT" | "WINDOW" | "EXCEPT" | "INTERSECT" => *last = false,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(Self { tokens, tables })
    }

    /// Names of the tables that it reads.
    pub(super) fn tables(&self) -> BTreeSet<String> {
        self.tables.iter().filter_map(|i| word(&self.tokens[*i]).map(normal)).collect()
    }

    /// Whether a column of this name is named.
    pub(super) fn names(&self, column: &str) -> bool {
        self.tokens.iter().filter_map(word).any(|w| normal(w) == column || w.value == column)
    }

    /// Whether all columns of something are asked for.
    pub(super) fn names_all(&self) -> bool {
        let mut before: Option<&Token> = None;
        for token in self.tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_))) {
            let starts = before.is_some_and(|b| {
                matches!(b, Token::Comma | Token::Period)
                    || ["SELECT", "DISTINCT", "ALL"].iter().any(|w| is(b, w))
            });
            if *token == Token::Mul && starts {
                return true;
            }
            before = Some(token);
        }
        false
    }

    /// Whether the rows come in an order that the text asks for.
    pub(super) fn orders(&self) -> bool {
        let mut open = 0_usize;
        for token in &self.tokens {
            match token {
                Token::LParen => open += 1,
                Token::RParen => open = open.saturating_sub(1),
                token if open == 0 && is(token, "ORDER") => return true,
                _ => {}
            }
        }
        false
    }

    /// The text, with `schema.` before each table's name.
    pub(super) fn text(&self, schema: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for (index, token) in self.tokens.iter().enumerate() {
            if self.tables.contains(&index)
                && let Some(word) = word(token)
            {
                text.push_str(&schema(&normal(word)));
                text.push('.');
            }
            text.push_str(&token.to_string());
        }
        text
    }
}

/// The names that `WITH` gives.
fn common_tables(words: &[usize], tokens: &[Token]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (position, index) in words.iter().enumerate() {
        let Some(name) = word(&tokens[*index]) else { continue };
        let next = words.get(position + 1).map(|i| &tokens[*i]);
        let after = words.get(position + 2).map(|i| &tokens[*i]);
        let before = position.checked_sub(1).map(|p| &tokens[words[p]]);
        let starts =
            before.is_some_and(|b| is(b, "WITH") || *b == Token::Comma || is(b, "RECURSIVE"));
        let named = next.is_some_and(|n| is(n, "AS")) && after == Some(&Token::LParen);
        if starts && (named || (before.is_some_and(|b| is(b, "WITH")))) {
            names.insert(normal(name));
        }
    }
    names
}

fn word(token: &Token) -> Option<&Word> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

fn is(token: &Token, expected: &str) -> bool {
    word(token).is_some_and(|w| w.quote_style.is_none() && w.value.eq_ignore_ascii_case(expected))
}

fn normal(word: &Word) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() }
}

#[test]
fn only_tables_are_named_anew() {
    let known = BTreeSet::from(["t".to_owned(), "u".to_owned()]);
    for (sql, expect) in [
        ("SELECT t.a FROM t", "SELECT t.a FROM s.t"),
        (
            "select u from u as t JOIN t ON t.x = u.x",
            "select u from s.u as t JOIN s.t ON t.x = u.x",
        ),
        (
            "SELECT 1 FROM a, t WHERE x IS DISTINCT FROM t",
            "SELECT 1 FROM a, s.t WHERE x IS DISTINCT FROM t",
        ),
        (
            "WITH t AS (SELECT * FROM u) SELECT 'it''s', t FROM t",
            "WITH t AS (SELECT * FROM s.u) SELECT 'it''s', t FROM t",
        ),
        (
            "SELECT (SELECT max(a) FROM t), t FROM \"u\" -- from t",
            "SELECT (SELECT max(a) FROM s.t), t FROM s.\"u\" -- from t",
        ),
    ] {
        let named = Named::read(sql, &known).unwrap();
        assert_eq!(named.text(|_| "s".to_owned()), expect);
    }
    let all = |sql: &str| Named::read(sql, &known).unwrap().names_all();
    assert!(all("SELECT t.* FROM t") && all("SELECT a, * FROM t") && all("SELECT * FROM t"));
    assert!(!all("SELECT count(*), a * 2 FROM t"));
}
