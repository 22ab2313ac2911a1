//! The walk over the syntax tree: every node is looked at once, and what isn't offered is refused.
//!
//! The walk keeps its own stack, so a deep tree costs memory and never the thread's stack. Each
//! reader below takes its node apart field by field, without `..`: a field or variant that a new
//! sqlparser adds stops the build until somebody decides about it.

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::ast::{Expr, Query, Select, SetExpr, TableFactor, TableWithJoins};

use super::limits::Limits;
use super::refusals::count;
use super::{expression, from, query, select};

/// A node that is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// The statement, a CTE, or a query in parentheses that is an operand of `UNION`.
    Query(&'a Query),
    /// A query used as a table or as a value.
    Subquery(&'a Query),
    /// The body of a query, without `WITH` and `ORDER BY`.
    Body(&'a SetExpr),
    /// One `SELECT`.
    Select(&'a Select),
    /// A table with what is joined to it.
    Tables(&'a TableWithJoins),
    /// One table of `FROM`.
    Table(&'a TableFactor),
    /// An expression.
    Expr(&'a Expr),
}

/// What reading one node gave: the nodes beneath it, and reasons to refuse.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    /// The nodes beneath, more or less in the order of the text.
    pub(super) parts: Vec<Part<'a>>,
    /// Why the node isn't offered, if it isn't.
    pub(super) refusals: Vec<Refusal>,
}

impl<'a> Reading<'a> {
    /// Notes an expression beneath the node.
    pub(super) fn expr(&mut self, expr: &'a Expr) {
        self.parts.push(Part::Expr(expr));
    }

    /// Notes expressions beneath the node.
    pub(super) fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        self.parts.extend(exprs.into_iter().map(Part::Expr));
    }

    /// Notes a reason, if there is one.
    pub(super) fn refuse_if(&mut self, refused: bool, why: impl FnOnce() -> Refusal) {
        if refused {
            self.refusals.push(why());
        }
    }
}

impl<'a> Part<'a> {
    /// Reads one node.
    pub(super) fn read(self, limits: &Limits, reading: &mut Reading<'a>) {
        match self {
            Part::Query(query) | Part::Subquery(query) => query::read(query, limits, reading),
            Part::Body(body) => query::read_body(body, limits, reading),
            Part::Select(select) => select::read(select, limits, reading),
            Part::Tables(tables) => from::read(tables, reading),
            Part::Table(table) => from::read_table(table, reading),
            Part::Expr(expr) => expression::read(expr, reading),
        }
    }
}

/// The most reasons that are collected: an answer has to fit a gRPC status.
pub(super) const REFUSALS_MAX: usize = 5;

/// Why the statement isn't offered; empty if it is.
pub(super) fn check(query: &Query, limits: &Limits) -> Vec<Refusal> {
    let mut waiting = vec![(Part::Query(query), 1_usize)];
    let mut reading = Reading::default();
    while let Some((part, depth)) = waiting.pop() {
        if depth > limits.depth_max {
            // One reason is enough: everything beneath is deeper still.
            return vec![Refusal::new(
                RefusalCode::L502,
                format!(
                    "the statement nests more than {} levels deep, chains such as `a + b` counted.",
                    count(limits.depth_max as u64)
                ),
                "Flatten it: `IN (…)` instead of a chain of `OR`, fewer terms in a sum.",
            )];
        }
        part.read(limits, &mut reading);
        // Last in, first out: reversed, so that reasons come in the order of the text.
        waiting.extend(reading.parts.drain(..).rev().map(|beneath| (beneath, depth + 1)));
        if reading.refusals.len() >= REFUSALS_MAX {
            break;
        }
    }
    reading.refusals.truncate(REFUSALS_MAX);
    reading.refusals
}
