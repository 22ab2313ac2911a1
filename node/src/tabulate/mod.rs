//! From a Tabulation to its answer: planned with the node's own engine, run within limits.
//!
//! 1. `function`: total functions as the engine calls them.
//! 2. `expression`: expressions of a Tabulation as the engine's.
//! 3. `plan`: the engine's plan, built, never parsed from text.
//! 4. `run`: the plan run to completion under memory, time and group limits.
//!    `unwanted`: how a query that nobody waits for ends soon.
//! 5. `rows`: rows of open datasets.

mod expression;
mod function;
mod plan;
mod rows;
mod run;
mod unwanted;

pub(crate) use plan::evidence_plan;
pub(crate) use rows::{check_predicate, rows_plan};
pub(crate) use run::{Engine, RunError};
