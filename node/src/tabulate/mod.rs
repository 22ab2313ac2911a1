//! From a Tabulation to its answer: planned with the node's own engine, run within limits.
//!
//! 1. `function`: total functions as the engine calls them.
//! 2. `expression`: expressions of a Tabulation as the engine's. `texts`: those that sources give as views.
//!    `look_up`: references as the engine looks them up.
//! 3. `words`: units as words under a secret key.
//! 4. `arguments`: what the parts of a Tabulation ask of each row; `layout`: where a record of the row has it.
//!    `contributions`: the aggregate that makes Evidence. `batch`: its arguments; `records`: rows brought together by
//!    cell; `pieces`: and by unit; `jobs`: units added up by several threads; `cells`: what is known of them, and
//!    `known` of one; `state`: its bytes; `exchange`: records that go from partition to partition.
//!    `distinct`: the aggregate that sketches the different values of open data.
//! 5. `plan`: the engine's plan, built, never parsed from text; `roll_up`: units brought together; `sets`: grouping sets.
//! 6. `run`: the plan run to completion under memory, time and group limits; `threads`: where.
//!    `few_rows`: operators made straight from a plan. `unwanted`: how a query that nobody waits for ends soon.
//!    `memory`: what a question takes of the node's; `group_keys`, `held_groups`, `held_rows`: of keys, of groups that the
//!    engine keeps, of rows that a join does.
//! 7. `collect`: Evidence from the engine's batches.
//! 8. `rows`: rows of open datasets.

mod arguments;
mod batch;
mod cells;
mod collect;
mod contributions;
mod distinct;
mod even;
mod exchange;
mod expression;
mod few_rows;
mod function;
mod group_keys;
mod held_groups;
mod held_rows;
mod jobs;
mod known;
mod layout;
mod look_up;
mod memory;
pub(crate) mod mistakes;
mod pieces;
mod plan;
mod records;
mod roll_up;
mod rows;
mod run;
mod sets;
mod state;
mod texts;
mod threads;
mod unit_join;
mod unwanted;
mod words;

pub(crate) use collect::collect_evidence;
pub(crate) use plan::evidence_plan;
pub(crate) use rows::{OPEN_ROWS_MAX, check_predicate, rows_plan};
pub(crate) use run::{Engine, Holds, RunError, Spread};
pub use threads::EngineThreads;
pub(crate) use unit_join::JoinedTables;
pub(crate) use unwanted::Wanted;
pub(crate) use words::unit_word;
