//! The gate: what a statement must be before a planner sees it.
//!
//! A few hundred bytes of SQL can occupy a planner for hours, overflow its stack or fill its
//! memory, and planning can't be cancelled. So the gate is a pure function over the text, with a
//! limit on everything and a closed list of constructs: what it doesn't know, it refuses. It reads
//! in this order, each step safe because of the ones before it:
//!
//! 1. [`limits`]: every number in one place.
//! 2. `text`: bytes to text; size, UTF-8, invisible characters. `explained`: whether it is only to be explained.
//! 3. `tokens`: text to tokens of one statement (`pieces` counts them first, cheaply); a closed
//!    alphabet, and parameters counted (`placeholders`). On tokens `nesting` bounds how deep anything later can
//!    recurse, `phrases` refuses known constructs by name, and `words` makes a name of every word
//!    that isn't on the closed list of grammar.
//!    `escapes` are undone before, and `ORDER BY ALL` is written out (`order_by_all`).
//! 4. `parse`: tokens to a tree; `spelled`: a few constructs written out as others (`other_names`: functions; `order_keys`: names of
//!    columns that the answer has, too).
//! 5. `shape`: one walk over the tree, with `query`, `select`, `from`, `expression`,
//!    `calls` and `types` saying what is offered; [`functions`] is the closed list of functions. `like`: patterns as the
//!    engine spells them.
//! 6. `expansion`: tables, joins and the like, once CTEs are written out where they are used; `joins`: what a join must be
//!    joined by.
//! 7. `inlining`: expressions, once columns are replaced by what is behind them (`outputs`).
//! 8. `twin`: the tree printed; the engine's own parser must read it alike.
//!
//! [`Gated`] is what passes. `killers` is the list of statements that mustn't, by name.

mod calls;
mod escapes;
mod expansion;
mod explained;
mod expression;
mod from;
pub mod functions;
mod gated;
mod inlining;
mod joins;
mod like;
pub mod limits;
mod nesting;
mod order_by_all;
mod order_keys;
mod other_names;
mod outputs;
mod parse;
mod phrases;
mod pieces;
mod placeholders;
mod query;
mod refusals;
mod select;
mod shape;
mod spelled;
mod text;
mod tokens;
mod twin;
mod types;
mod words;

#[cfg(test)]
mod killers;
#[cfg(test)]
mod passes;
#[cfg(test)]
mod soup;

pub(crate) use explained::{ExplainFormat, Explained, explained};
pub use functions::{FunctionKind, OFFERED, Offered, is_offered};
pub use gated::{Gated, RelationName};
pub(crate) use like::with_backslashes;
pub use limits::Limits;
pub(crate) use text::is_hidden;

use insitu_disclosure::Refusals;

/// Lets a statement pass, or says why not.
///
/// The answer depends on the text and the limits only. It never recurses deeper than the limits
/// allow, and needs no more than a 2 MiB stack.
///
/// # Errors
///
/// The reasons, worded for the analyst: `Q1xx` for what the statement is, `L5xx` for how large.
pub fn check(sql: &[u8], limits: &Limits) -> Result<Gated, Refusals> {
    let text = text::read(sql, limits)?;
    let tokens = tokens::read(text, limits)?;
    let query = spelled::written_out(parse::read(tokens.all, limits)?);
    let query = order_keys::of_tables(query);
    order_keys::check(&query)?;
    let query = twin::bracketed(query);
    if let Some(refusals) = Refusals::collect(shape::check(&query, limits)) {
        return Err(refusals);
    }
    let query = like::escaped(query);
    let relations = expansion::check(&query, limits)?;
    inlining::check(&query, limits)?;
    let printed = twin::print(&query, limits)?;
    Ok(Gated::new(printed, relations, tokens.parameters))
}
