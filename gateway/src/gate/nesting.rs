//! How deep a statement goes, counted on tokens, before anything recursive reads it.
//!
//! A parser recurses, and so do the tree it builds when it is dropped, printed or compared. Each level
//! of such a tree costs at least one token: an operator, or a bracket. Counting the tokens that can be
//! open at once therefore bounds every later recursion, whatever the parser does. The exact depth is
//! checked afterwards, on the tree (`shape.rs`).

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
#[derive(Default)]
struct Level {
    /// Operators since the last comma.
    operators: usize,
    /// Set operators: their chain grows across commas.
    set_operators: usize,
    /// Whether a `SELECT` stands in it.
    select: bool,
}

/// The brackets that are open, and the sums over them.
struct Open {
    levels: Vec<Level>,
    operators: usize,
    selects: usize,
}

impl Open {
    fn new() -> Self {
        Self { levels: vec![Level::default()], operators: 0, selects: 0 }
    }

    fn read(&mut self, token: &Token) {
        match token {
            Token::LParen => self.levels.push(Level::default()),
            Token::RParen => self.close(),
            Token::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    self.operators -= level.operators;
                    level.operators = 0;
                }
            }
            other if is_operator(other) => {
                if let Some(level) = self.levels.last_mut() {
                    level.operators += 1;
                    self.operators += 1;
                }
            }
            Token::Word(word) => self.word(word.keyword),
            _ => {}
        }
    }

    fn word(&mut self, keyword: Keyword) {
        let Some(level) = self.levels.last_mut() else { return };
        if is_set_operator(keyword) {
            level.set_operators += 1;
            self.operators += 1;
        } else if keyword == Keyword::SELECT && !level.select {
            level.select = true;
            self.selects += 1;
        }
    }

    fn close(&mut self) {
        // A closing bracket too many: the parser says so, with its place.
        if let Some(level) = self.levels.pop() {
            self.operators -= level.operators + level.set_operators;
            self.selects -= usize::from(level.select);
        }
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let set_operators = self.levels.last().map_or(0, |level| level.set_operators as u64);
        if set_operators >= limits.arms_max {
            return Err(Refusal::new(
                RefusalCode::L503,
                format!(
                    "more than {} queries are combined by `UNION`, `EXCEPT` and `INTERSECT`.",
                    count(limits.arms_max)
                ),
                "Combine fewer queries, or ask in several statements.",
            ));
        }
        let brackets = self.levels.len() - 1;
        if brackets > limits.brackets_max {
            return Err(too_deep("brackets", limits.brackets_max));
        }
        if self.selects > limits.selects_max {
            return Err(too_deep("`SELECT`s", limits.selects_max));
        }
        if self.operators > limits.operators_max {
            return Err(too_deep("operators", limits.operators_max));
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

pub(super) fn too_deep(what: &str, limit: usize) -> Refusal {
    Refusal::new(
        RefusalCode::L502,
        format!("the statement nests too deeply: more than {} {what} are open at once.", count(limit as u64)),
        "Flatten it: `IN (…)` instead of a chain of `OR`, a CTE instead of subqueries inside each other.",
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
