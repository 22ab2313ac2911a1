//! From tokens to the syntax tree of one query, by sqlparser 0.63.
//!
//! `parse_query` and not `parse_statement`: what isn't a query has no way in.

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::ast::Query;
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::limits::Limits;
use super::nesting::too_deep;
use super::refusals::{quote, unreadable};

/// How much deeper a second reading may go, only to tell "too deep" from "can't be read".
const SECOND_READING: usize = 4;

/// Reads the tokens as one query.
pub(super) fn read(tokens: Vec<TokenWithSpan>, limits: &Limits) -> Result<Box<Query>, Refusal> {
    let too_deep = || too_deep("expressions or queries", limits.recursion_max);
    let tokens = match parse(tokens, limits.recursion_max) {
        Ok(query) => return Ok(query),
        Err(Unread { too_deep: true, .. }) => return Err(too_deep()),
        Err(Unread { tokens, .. }) => tokens,
    };
    // Inside `CASE`, `CAST` and the like the parser takes its own recursion limit for a syntax
    // error, and goes on to a place that has nothing to do with it.
    match parse(tokens, limits.recursion_max.saturating_mul(SECOND_READING)) {
        Ok(_) | Err(Unread { too_deep: true, .. }) => Err(too_deep()),
        Err(Unread { refusal, .. }) => Err(refusal),
    }
}

/// Why the parser gave up.
struct Unread {
    too_deep: bool,
    refusal: Refusal,
    tokens: Vec<TokenWithSpan>,
}

fn parse(tokens: Vec<TokenWithSpan>, recursion_max: usize) -> Result<Box<Query>, Unread> {
    // GenericDialect is also the engine's: another dialect would read some texts differently.
    let mut parser = Parser::new(&GenericDialect)
        .with_recursion_limit(recursion_max)
        .with_tokens_with_locations(tokens);
    let outcome = parser.parse_query();
    let next = parser.peek_token();
    let tokens = parser.into_tokens();
    match outcome {
        Ok(query) if next.token == Token::EOF => Ok(query),
        Ok(_) => {
            let refusal = unreadable(
                next.span.start.line,
                next.span.start.column,
                &format!("the statement should end before {}", quote(&next.token.to_string())),
            );
            Err(Unread { too_deep: false, refusal, tokens })
        }
        Err(error) => Err(Unread {
            too_deep: matches!(error, ParserError::RecursionLimitExceeded),
            refusal: explain(&error, &tokens),
            tokens,
        }),
    }
}

/// The parser's error in our words. Its own are partly debug text, so only the place is taken over.
fn explain(error: &ParserError, tokens: &[TokenWithSpan]) -> Refusal {
    let at = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => place(text),
        ParserError::RecursionLimitExceeded => None,
    };
    let Some((line, column)) = at else {
        return Refusal::new(
            RefusalCode::Q102,
            "the statement can't be read: it ends too early, or a clause in it is incomplete.",
            "Complete the statement.",
        );
    };
    let found = tokens
        .iter()
        .find(|token| token.span.start.line == line && token.span.start.column == column);
    match found {
        Some(found) => {
            let found = quote(&found.token.to_string());
            unreadable(line, column, &format!("{found} wasn't expected there"))
        }
        None => unreadable(line, column, "more was expected there"),
    }
}

/// The place in `… at Line: 3, Column: 14`.
fn place(text: &str) -> Option<(u64, u64)> {
    let (_, after) = text.rsplit_once("Line: ")?;
    let (line, column) = after.split_once(", Column: ")?;
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, digits.parse().ok()?))
}
