//! Why a node can't start or go on serving. For its operator, never for a gateway.

use std::net::SocketAddr;

use crate::dataset::LoadFailure;

/// Why a node can't start or go on serving.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Datasets that can't be read as declared.
    #[error("{}", failures(.0))]
    Datasets(Vec<LoadFailure>),
    /// The engine couldn't be set up.
    #[error("the query engine could not be set up: {0}")]
    Engine(String),
    /// The folder that rows are spilled to can't be used.
    #[error("`spill_folder` {folder} can't be used: {source}")]
    SpillFolder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address to listen on isn't free, or isn't this machine's.
    #[error("cannot listen on {address}: {source} (is another process using the port?)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A link without a secret.
    #[error(
        "the secret of the link is empty; write 16 random characters or more into its `secret_file`"
    )]
    NoSecret,
}

fn failures(failures: &[LoadFailure]) -> String {
    let each = failures.iter().map(|f| format!("dataset `{}`: {}", f.name, f.error));
    each.collect::<Vec<_>>().join("\n")
}
