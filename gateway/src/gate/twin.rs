//! The engine's parser must read what ours has read.
//!
//! Two parsers see every statement: ours (sqlparser 0.63) here, the engine's (0.62, inside
//! DataFusion) when it plans. A text that they read differently would be checked as one statement
//! and run as another. So the engine never gets the analyst's text: it gets the tree that was
//! checked, printed. And since printing is code too, three things must agree: our tree, our reading
//! of the printed text, and the engine's reading of it, printed again.
//!
//! What can't be seen this way is a difference that prints the same. Reading the two parsers'
//! sources side by side found one, the right side of `IS DISTINCT FROM`; `expression.rs` asks for
//! brackets there.
//!
//! Literals are kept as written, with their doubled quotes (`with_unescape(false)`): the printer
//! guesses whether a quote is escaped already, and guesses wrong on the literal `''''''`.

use insitu_disclosure::{Refusal, RefusalCode};
use insitu_engine::sql::sqlparser as engine;
use sqlparser::ast::Query;

use super::limits::Limits;
use super::{parse, tokens};

/// The statement's text for the engine.
pub(super) fn print(query: &Query, limits: &Limits) -> Result<String, Refusal> {
    let text = query.to_string();
    let ours = tokens::tokenize(&text, limits).and_then(|tokens| parse::read(tokens, limits))?;
    if *ours == *query && engines(&text, limits).as_ref() == Some(&text) {
        Ok(text)
    } else {
        Err(Refusal::new(
            RefusalCode::Q102,
            "the statement can be read in two ways.",
            "Write names in double quotes, and brackets around parts of long expressions.",
        ))
    }
}

/// The text as the engine's parser reads and prints it.
fn engines(text: &str, limits: &Limits) -> Option<String> {
    let dialect = engine::dialect::GenericDialect;
    let tokens = engine::tokenizer::Tokenizer::new(&dialect, text)
        .with_unescape(false)
        .tokenize_with_location()
        .ok()?;
    let mut parser = engine::parser::Parser::new(&dialect)
        .with_recursion_limit(limits.recursion_max)
        .with_tokens_with_locations(tokens);
    let query = parser.parse_query().ok()?;
    (parser.peek_token().token == engine::tokenizer::Token::EOF).then(|| query.to_string())
}
