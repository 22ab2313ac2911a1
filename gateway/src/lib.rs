//! The gateway: one SQL over many departments. It plans, gathers, combines and serves; it keeps no rows.
//!
//! 1. [`flight`]: the client edge, for ordinary Flight SQL clients; [`analyst`]: who asks.
//! 2. [`query`]: the life of a query on one page.
//! 3. [`gate`]: what is checked before the planner sees a statement.
//! 4. `plan`: SQL to Tabulations and an upper plan.
//! 5. `gather`: all departments or a Refusal; `references`: open data that departments look up in. `result_cache`: what
//!    was answered before.
//! 6. [`nodes`], [`catalog`]: who holds what.
//! 7. `turns`: who is next. [`server`], [`config`]: how it is run; `connections`: who is let wait.

pub mod analyst;
pub mod catalog;
pub mod config;
mod connections;
mod explain;
pub mod flight;
pub mod gate;
mod gather;
pub mod nodes;
mod plan;
pub mod query;
mod references;
mod result_cache;
pub mod server;
pub mod status;
mod turns;

/// The one catalogue's name, as clients see it.
pub const CATALOG: &str = "insitu";
