//! How deep and how wide a statement goes, counted on tokens, before anything recursive reads it.
//!
//! A parser recurses, and so do the tree it builds when it is dropped, printed or compared. Each
//! level of such a tree costs at least one token: an operator, or a bracket. Counting the tokens
//! that can be open at once therefore bounds every later recursion, whatever the parser does. Lists
//! are counted as well, so that a long one costs no parsing. The exact depth, and lists that a
//! token count can't see, are checked afterwards on the tree (`shape.rs`, `select.rs`, `from.rs`).

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::limits::Limits;
use super::refusals::count;

/// Refuses statements that nest too deeply.
pub(super) fn check(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Refusal> {
    prefixes(tokens, limits)?;
    let mut open = Open::new();
    for token in tokens {
        open.read(&token.token);
        open.check(limits)?;
    }
    Ok(())
}

/// What one pair of brackets holds so far.
#[derive(Default, Clone, Copy)]
struct Level {
    /// Operators since the last comma.
    operators: usize,
    /// Set operators: their chain grows across commas.
    set_operators: usize,
    /// `CASE`s without their `END` yet.
    cases: usize,
    /// Whether a `SELECT` stands in it.
    select: bool,
    /// Whether its `SELECT` list is still going on.
    listing: bool,
    /// Items of that list.
    items: usize,
    /// Joins of its latest `SELECT`.
    joins: usize,
}

/// The brackets that are open, and the sums over them.
struct Open {
    levels: Vec<Level>,
    operators: usize,
    cases: usize,
    selects: usize,
}

impl Open {
    fn new() -> Self {
        Self { levels: vec![Level::default()], operators: 0, cases: 0, selects: 0 }
    }

    fn read(&mut self, token: &Token) {
        match token {
            Token::LParen => self.levels.push(Level::default()),
            Token::RParen => self.close(),
            Token::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    self.operators -= level.operators;
                    level.operators = 0;
                    level.items += usize::from(level.listing);
                }
            }
            other if is_operator(other) => {
                if let Some(level) = self.levels.last_mut() {
                    level.operators += 1;
                    self.operators += 1;
                }
            }
            _ => {}
        }
        if let Token::Word(word) = token {
            self.word(word.keyword);
        }
    }

    fn word(&mut self, keyword: Keyword) {
        let Some(level) = self.levels.last_mut() else { return };
        if keyword == Keyword::CASE {
            level.cases += 1;
            self.cases += 1;
        } else if keyword == Keyword::END && level.cases > 0 {
            level.cases -= 1;
            self.cases -= 1;
        } else if is_set_operator(keyword) {
            level.set_operators += 1;
            self.operators += 1;
        } else if keyword == Keyword::SELECT {
            self.selects += usize::from(!level.select);
            *level = Level { select: true, listing: true, items: 1, joins: 0, ..*level };
        } else if keyword == Keyword::FROM {
            level.listing = false;
        } else if keyword == Keyword::JOIN {
            level.joins += 1;
        }
    }

    fn close(&mut self) {
        // A closing bracket too many: the parser says so, with its place.
        if let Some(level) = self.levels.pop() {
            self.operators -= level.operators + level.set_operators;
            self.cases -= level.cases;
            self.selects -= usize::from(level.select);
        }
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let level = self.levels.last().copied().unwrap_or_default();
        if level.set_operators as u64 >= limits.arms_max {
            return Err(too_many(
                "queries combined by `UNION`, `EXCEPT` and `INTERSECT`",
                limits.arms_max,
            ));
        }
        if level.items > limits.items_max {
            return Err(too_many("items in one `SELECT`", limits.items_max as u64));
        }
        if level.joins > limits.joins_max {
            return Err(too_many("joins in one `FROM`", limits.joins_max as u64));
        }
        for (open, limit, what) in [
            (self.levels.len() - 1, limits.brackets_max, "brackets"),
            (self.cases, limits.brackets_max, "`CASE`s"),
            (self.selects, limits.selects_max, "`SELECT`s"),
            (self.operators, limits.operators_max, "operators"),
        ] {
            if open > limit {
                return Err(too_deep(what, limit));
            }
        }
        Ok(())
    }
}

/// Refuses long runs of operators that stand before their operand.
fn prefixes(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Refusal> {
    let mut run = 0_usize;
    for token in tokens {
        run = if is_prefix(&token.token) { run + 1 } else { 0 };
        if run > limits.prefixes_max {
            return Err(too_deep("operators before one operand", limits.prefixes_max));
        }
    }
    Ok(())
}

/// More of something than one statement may have (`L503`).
pub(super) fn too_many(what: &str, limit: u64) -> Refusal {
    Refusal::new(
        RefusalCode::L503,
        format!("the statement has more than {} {what}.", count(limit)),
        "Split the question, or ask for less at once.",
    )
}

/// More levels of something than one statement may have (`L502`).
pub(super) fn too_deep(what: &str, limit: usize) -> Refusal {
    Refusal::new(
        RefusalCode::L502,
        format!(
            "the statement nests too deeply: more than {} {what} are open at once.",
            count(limit as u64)
        ),
        "Flatten it: `IN (…)` instead of a chain of `OR`, a CTE instead of subqueries.",
    )
}

/// Whether the token can put one tree node above another without a bracket.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::DoubleColon => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::BETWEEN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::ESCAPE
                | Keyword::CASE
                | Keyword::INTERVAL
        ),
        // Every other symbol is refused by `tokens.rs`.
        _ => false,
    }
}

const fn is_set_operator(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS)
}

/// Whether the token stands before an operand, or opens a type: `ARRAY<`, `MAP<`.
fn is_prefix(token: &Token) -> bool {
    match token {
        Token::Plus | Token::Minus | Token::Lt => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::NOT
                | Keyword::INTERVAL
                | Keyword::CASE
                | Keyword::ARRAY
                | Keyword::STRUCT
                | Keyword::MAP
                | Keyword::NESTED
                | Keyword::NULLABLE
                | Keyword::LOWCARDINALITY
                | Keyword::TUPLE
        ),
        _ => false,
    }
}
