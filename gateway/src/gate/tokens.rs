//! From text to the tokens of one statement.
//!
//! The alphabet is closed: a symbol that no offered construct needs (`->`, `[`, `|>`, `@`, `~`, a
//! pasted curly quote) is refused here, so neither parser can be led into a corner of its grammar
//! that nobody checked.

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::limits::Limits;
use super::refusals::{count, not_offered, quote, unreadable};
use super::{escapes, nesting, order_by_all, phrases, pieces, placeholders, spelled, words};

/// A statement's tokens, ready for the parser.
pub(super) struct Tokens {
    /// Without blanks, comments and semicolons; every word settled as grammar or as a name.
    pub(super) all: Vec<TokenWithSpan>,
    /// The parameters are `$1` to this.
    pub(super) parameters: u16,
}

/// Reads one statement; the first reason to refuse it ends the reading.
pub(super) fn read(text: &str, limits: &Limits) -> Result<Tokens, Refusal> {
    let statement = escapes::undone(one_statement(tokenize(text, limits)?)?);
    let statement = order_by_all::numbered(statement, limits.tokens_max);
    let statement = spelled::sets(spelled::limits(statement));
    nesting::check(&statement, limits)?;
    for token in &statement {
        symbol(token, limits)?;
    }
    phrases::check(&statement)?;
    let (statement, parameters) = placeholders::numbered(statement, limits)?;
    Ok(Tokens { all: words::settle(&statement)?, parameters })
}

/// Tokens without blanks and comments.
///
/// Text literals stay as they are written, doubled quotes included (`with_unescape(false)`), so
/// that printing them gives back the same literal; see `twin.rs`.
pub(super) fn tokenize(text: &str, limits: &Limits) -> Result<Vec<TokenWithSpan>, Refusal> {
    within_limit(pieces::at_least(text), limits)?;
    let mut tokens = Tokenizer::new(&GenericDialect, text)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| {
            let why = if error.message.contains("comment") {
                "a comment isn't closed"
            } else if error.message.contains("quote") || error.message.contains("literal") {
                "a quoted text isn't closed"
            } else if error.message.contains("nterminated") {
                "a quotation isn't closed"
            } else {
                "this isn't SQL"
            };
            unreadable(error.location.line, error.location.column, why)
        })?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    within_limit(tokens.len(), limits)?;
    Ok(tokens)
}

fn within_limit(tokens: usize, limits: &Limits) -> Result<(), Refusal> {
    if tokens <= limits.tokens_max {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::L501,
        format!("the statement has more than {} tokens.", count(limits.tokens_max as u64)),
        "Shorten the statement; long lists of literals belong into a reference dataset.",
    ))
}

/// The tokens of the only statement; semicolons before and after it are dropped.
fn one_statement(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Refusal> {
    let is_semicolon = |token: &TokenWithSpan| token.token == Token::SemiColon;
    let mut statements = tokens.split(is_semicolon).filter(|statement| !statement.is_empty());
    let Some(first) = statements.next() else {
        return Err(Refusal::new(
            RefusalCode::Q101,
            "the request holds no statement.",
            "Send one `SELECT`.",
        ));
    };
    let more = statements.count();
    if more > 0 {
        return Err(Refusal::new(
            RefusalCode::Q101,
            format!("the request holds {} statements.", count(more as u64 + 1)),
            "Send them one after the other.",
        ));
    }
    Ok(first.to_vec())
}

/// Refuses symbols outside the closed alphabet, and names and numbers that are too long.
fn symbol(token: &TokenWithSpan, limits: &Limits) -> Result<(), Refusal> {
    match &token.token {
        Token::Word(word) => length("name", &word.value, limits),
        Token::Number(digits, false) => length("number", digits, limits),
        Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::Eq
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
        | Token::DoubleColon => Ok(()),
        Token::Char(c) => Err(unreadable(
            token.span.start.line,
            token.span.start.column,
            &format!("the character `{c}` (U+{:04X}) has no place in SQL", u32::from(*c)),
        )),
        Token::Caret => Err(not_offered("`^`", "Use `power(a, b)`.")),
        Token::DoubleEq => Err(not_offered("`==`", "Use `=`.")),
        Token::Tilde
        | Token::TildeAsterisk
        | Token::ExclamationMarkTilde
        | Token::ExclamationMarkTildeAsterisk => {
            Err(not_offered("matching by regular expression", "Use `LIKE`."))
        }
        Token::LBracket | Token::RBracket => Err(not_offered(
            "an array, or a name in square brackets,",
            "Write a name in double quotes, `\"a b\"`, and a list as `IN (…)`.",
        )),
        Token::Colon | Token::AtSign => Err(not_offered(
            &format!("the symbol {}", quote(&token.token.to_string())),
            "Write parameters as `?` or `$1`, casts as `CAST(a AS INT)`.",
        )),
        // Default deny: the tokenizer knows some ninety tokens, most of them one database's own.
        other => Err(not_offered(
            &format!("the symbol or literal {}", quote(&other.to_string())),
            "Use plain names, numbers, `'text'` and the operators of standard SQL.",
        )),
    }
}

fn length(what: &str, text: &str, limits: &Limits) -> Result<(), Refusal> {
    if text.len() <= limits.name_bytes_max {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::L501,
        format!(
            "the {what} {} has {} bytes; the limit is {}.",
            quote(text),
            count(text.len() as u64),
            count(limits.name_bytes_max as u64)
        ),
        format!("Use a shorter {what}."),
    ))
}
