//! A department's node: reads the department's data where it is, answers Tabulations under its own
//! policy, and sends protected tables only.
//!
//! 1. [`config`], [`dataset`], [`source`]: what is published, on what terms, from which files.
//! 2. [`state`]: the secret that noise is drawn with, and what was released.
//! 3. [`Node`]: the life of a request on one page: decode, admit, charge, run, protect. `pace`: an answer
//!    kept back until its time.
//! 4. `tabulate`: from a Tabulation to Evidence, with the node's own engine. `references`: open data that rows are
//!    looked up in.
//! 5. `answer`: the only things that can be encoded.
//! 6. [`server`], `uplink`, `listen`, `greet`: how a gateway reaches the node; `warrants`, `flight`, `control`, `shared`,
//!    `status`: what it may ask; `activity`: what the node works on.

mod activity;
mod answer;
pub mod config;
mod control;
pub mod dataset;
mod error;
mod flight;
mod greet;
mod listen;
mod node;
mod pace;
mod references;
pub mod server;
mod shared;
pub mod source;
pub mod state;
mod status;
mod tabulate;
mod uplink;
mod warrants;

pub use error::NodeError;
pub use node::Node;
pub use state::{NodeState, StateError};
pub use tabulate::EngineThreads;
