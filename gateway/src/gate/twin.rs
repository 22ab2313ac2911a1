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
//! The printer's own text can't be read back everywhere: `- -a` becomes a comment, and a set of `ROLLUP` or `CUBE` that begins with a
//! bracket, `((a + 1) % 2)`, the set of what is in that bracket. Brackets are put around both: of the first the tree has
//! them, too ([`bracketed`]); around the second no tree has any, and all three still agree.
//!
//! Literals are kept as written, with their doubled quotes (`with_unescape(false)`): the printer
//! guesses whether a quote is escaped already, and guesses wrong on the literal `''''''`.

use insitu_disclosure::{Refusal, RefusalCode};
use insitu_engine::sql::sqlparser as engine;
use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{Expr, Query, UnaryOperator, VisitMut, VisitorMut};

use super::limits::Limits;
use super::{parse, tokens};

/// The statement with brackets between a minus and another.
pub(super) fn bracketed(mut query: Box<Query>) -> Box<Query> {
    rewrite(&mut query, |expr| {
        let Expr::UnaryOp { op: UnaryOperator::Minus, expr: negated } = expr else { return };
        if matches!(negated.as_ref(), Expr::UnaryOp { op: UnaryOperator::Minus, .. }) {
            bracket(negated);
        }
    });
    query
}

/// The statement's text for the engine.
pub(super) fn print(query: &Query, limits: &Limits) -> Result<String, Refusal> {
    let plain = query.to_string();
    let mut spelled = query.clone();
    rewrite(&mut spelled, |expr| {
        let (Expr::Rollup(sets) | Expr::Cube(sets)) = expr else { return };
        for set in sets {
            if let [only] = set.as_mut_slice()
                && only.to_string().starts_with('(')
            {
                bracket(only);
            }
        }
    });
    let text = spelled.to_string();
    let ours = tokens::tokenize(&text, limits).and_then(|tokens| parse::read(tokens, limits))?;
    if *ours == *query && engines(&text, limits).as_ref() == Some(&plain) {
        Ok(text)
    } else {
        Err(Refusal::new(
            RefusalCode::Q102,
            "the statement can be read in two ways.",
            "Write names in double quotes, and brackets around parts of long expressions.",
        ))
    }
}

fn bracket(expr: &mut Expr) {
    let inner = std::mem::replace(expr, Expr::Wildcard(AttachedToken::empty()));
    *expr = Expr::Nested(Box::new(inner));
}

/// Does something to every expression, the innermost first.
fn rewrite(query: &mut Query, change: impl FnMut(&mut Expr)) {
    struct Changes<F>(F);
    impl<F: FnMut(&mut Expr)> VisitorMut for Changes<F> {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            (self.0)(expr);
            ControlFlow::Continue(())
        }
    }
    // It never breaks off.
    let (ControlFlow::Continue(()) | ControlFlow::Break(())) = query.visit(&mut Changes(change));
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
