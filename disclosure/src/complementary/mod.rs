//! Complementary suppression: what else must go so that no suppressed cell can be computed.
//!
//! Read in this order:
//!
//! 1. `cell`: what the algorithm is told, and the ways it can fail.
//! 2. `table`: the checked table; what an attacker doesn't know of it.
//! 3. `requirement`: what must stay possible, and the completion of the table that shows it is.
//! 4. `suppress` (`search`, `pattern`): a cheap pattern that meets every requirement.
//! 5. `audit`: what an attacker can compute, found anew from the pattern alone.
//! 6. `reach`, `cheapest` on `equations`: linear programmes in exact integers (`fraction`),
//!    bounded by `work` rather than by a clock.
//!
//! Statement, example, the attack stopped and those not stopped: `docs/disclosure/complementary.md`.

mod audit;
mod cell;
mod cheapest;
mod equations;
mod fraction;
mod pattern;
mod reach;
mod requirement;
mod search;
mod suppress;
mod table;
mod work;

#[cfg(test)]
mod tests;

pub use audit::audit;
pub use cell::{CellInput, CellState, Interval, Limits, Relation, Unprotectable};
pub use suppress::suppress;
