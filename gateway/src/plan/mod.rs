//! From SQL to Tabulations and an upper plan. The passes, in order:
//!
//! 1. `session`: the engine's options and functions, closed. `threads`: where planning is done.
//! 2. `parse`: one checked statement to the engine's raw plan, before any analysis or optimisation. `joins`: tables after
//!    commas as joins; what rows must be joined by (`single_rows`: unless there is one). `date_arithmetic`: days, moments and intervals. `parameters`: the types of placeholders; `like`: patterns that are bound.
//!    commas as joins; what rows must be joined by (`single_rows`: unless there is one). `date_arithmetic`: days, moments and intervals. `parameters`: the types of placeholders.
//!    `frames`: window frames by a distance.
//! 3. `in_subquery`: where unknown would become false; `one_row`: where a row would be missing. `cut`: the raw plan to leaves and the upper plan (`relation`, `folded`, `look_up`, `unit_join`, `roll_up`, `scalar`,
//!    `certain`, `aggregate`, `grouping`, `engine_types`, `correlated`, `conditional`, `cases`, `mixed` are its parts).
//! 4. `share`: leaves that can be asked for at once. `request_size`: what fits into a request.
//! 5. `statuses`: a status column beside each protected measure, where asked for.
//! 6. `leaf`: what stands in the upper plan for a table that is still to come.
//! 7. `upper`: ordinary SQL over released tables, over few rows with operators of its own (`few_rows`). `limit`: the most open rows that it can use.
//! 8. `error`: what the engine says, as Refusals; `misuse`: what it says of functions and frames.
//! 9. `schema`: the types a client sees. `histogram`: an aggregate that the engine doesn't have; `totals`,
//!    `approx_distinct`, `floats`, `percentiles`: those that it has otherwise (`mended`: how); `checked`, `round`,
//!    `far_digits`: likewise arithmetic; `opaque`: what the engine mustn't simplify.
//!    `union`: an aggregation over several datasets.

mod aggregate;
mod approx_distinct;
mod cases;
mod certain;
mod checked;
mod conditional;
mod correlated;
mod cut;
mod date_arithmetic;
mod engine_types;
mod error;
mod far_digits;
mod few_rows;
mod floats;
mod folded;
mod frames;
mod grouping;
mod histogram;
mod in_subquery;
mod joins;
mod leaf;
mod like;
mod limit;
mod literal;
mod look_up;
mod mended;
mod misuse;
mod mixed;
mod one_row;
mod opaque;
mod parameters;
mod parse;
mod percentiles;
mod relation;
mod request_size;
mod roll_up;
mod round;
mod scalar;
mod schema;
mod session;
mod share;
mod single_rows;
mod statuses;
mod threads;
mod totals;
mod union;
mod unit_join;
mod upper;
mod upper_threads;

pub(crate) use cut::{Cut, cut};
pub(crate) use error::planning_refusal;
pub(crate) use leaf::Leaf;
pub(crate) use like::with_engines_escape;
pub(crate) use parameters::{parameter_types, typical_values, with_no_rows};
pub(crate) use parse::parse;
pub(crate) use request_size::fits;
pub(crate) use schema::{BINS, client_schema, to_client};
pub(crate) use session::{Session, State};
pub(crate) use share::{Request, View, share};
pub(crate) use statuses::{with_statuses, with_told_statuses};
pub(crate) use threads::{PlanningThreads, ThreadsFor};
pub(crate) use upper::{OpenNeed, open_needs, optimise, run_upper};
