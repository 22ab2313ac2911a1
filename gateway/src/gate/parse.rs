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

/// Reads the tokens as one query.
pub(super) fn read(tokens: Vec<TokenWithSpan>, limits: &Limits) -> Result<Box<Query>, Refusal> {
    // GenericDialect is also the engine's: another dialect would read some texts differently.
    let mut parser = Parser::new(&GenericDialect)
        .with_recursion_limit(limits.recursion_max)
        .with_tokens_with_locations(tokens);
    let query = match parser.parse_query() {
        Ok(query) => query,
        Err(error) => return Err(explain(&error, parser, limits)),
    };
    let next = parser.peek_token();
    if next.token == Token::EOF {
        Ok(query)
    } else {
        Err(unreadable(
            next.span.start.line,
            next.span.start.column,
            &format!("the statement should end before {}", quote(&next.token.to_string())),
        ))
    }
}

/// The parser's error in our words. Its own are partly debug text, so only the place is taken over.
fn explain(error: &ParserError, parser: Parser<'_>, limits: &Limits) -> Refusal {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return too_deep("expressions or queries", limits.recursion_max);
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    let Some((line, column)) = place(text) else {
        return Refusal::new(
            RefusalCode::Q102,
            "the statement can't be read: it ends too early, or a clause in it is incomplete.",
            "Complete the statement.",
        );
    };
    let found = parser
        .into_tokens()
        .into_iter()
        .find(|token| token.span.start.line == line && token.span.start.column == column)
        .map(|token| quote(&token.token.to_string()));
    match found {
        Some(found) => unreadable(line, column, &format!("{found} wasn't expected there")),
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
