//! A node's configuration: one TOML document, checked in full before anything starts.
//!
//! 1. [`NodeConfig`]: what the document comes to, and the two ways to read it.
//! 2. `document`: the document as TOML writes it; unknown keys are rejected.
//! 3. `settings`, `transport`, `dataset`, `terms`, `column`, `reading`, `answer_times`, `files`, `value`: one table or key each, checked.
//! 4. `problems`, [`ConfigErrors`]: everything found wrong, with file, line, column and the fix.
//! 5. [`Secret`]: read from a file of its own, never from the document.
//!
//! Nothing that bears on disclosure has a default: protection, unit, profile, release and the label
//! of a column are written down or the column stays hidden. Limits of memory and time have defaults.

mod answer_times;
pub(crate) mod closest;
mod column;
mod dataset;
mod document;
mod error;
mod files;
mod hierarchy;
mod impossible;
mod node;
mod problems;
mod reading;
mod secret;
mod settings;
mod terms;
#[cfg(test)]
mod tests;
mod transport;
mod unit_joins;
mod value;

pub use error::{ConfigError, ConfigErrors, Position};
pub use node::NodeConfig;
pub use secret::{Secret, SecretError};
pub use settings::{Link, NodeSettings, Spill};
pub use transport::Transport;
