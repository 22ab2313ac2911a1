//! The gateway's configuration: one TOML document, checked in full before anything starts.
//!
//! 1. [`GatewayConfig`]: what the document comes to.
//! 2. `document`: the document as TOML writes it; unknown keys are rejected.
//! 3. `checks`: one table each, checked.
//! 4. `problems`, [`ConfigErrors`]: everything found wrong, with file, line, column and the fix.
//! 5. [`Secret`]: an analyst's token or a node's secret, read from a file of its own.

mod checks;
mod document;
mod problems;
mod secret;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use insitu_disclosure::DatasetName;

use problems::Problems;
pub use problems::{ConfigError, ConfigErrors, Position};
pub use secret::{Secret, SecretError};

/// The longest document that is read.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// What a gateway is told by the centre that runs it.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where analysts' clients connect.
    pub listen: SocketAddr,
    /// Where nodes dial in.
    pub nodes_listen: SocketAddr,
    /// The longest a query may run.
    pub query_seconds_max: u32,
    /// Memory for the upper plans of all running queries.
    pub memory_mib: u32,
    /// The most statements that run at a time.
    pub statements_running_max: u32,
    /// The most statements that wait for one of these to end.
    pub statements_waiting_max: u32,
    /// Memory for tables that an analyst may ask for again; 0 keeps none.
    pub result_cache_mib: u32,
    /// The most released cells that the guard of one dataset remembers; beyond it nothing new is
    /// released.
    pub anchors_max: u32,
    /// Where upper plans put by rows that don't fit into memory; nowhere, unless it is said.
    pub spill: Option<Spill>,
    /// What protects connections on their way.
    pub transport: Transport,
    /// Where the gateway keeps what it released.
    pub state_folder: PathBuf,
    /// Who may ask, in the order declared; names and tokens are unique.
    pub analysts: Vec<AnalystEntry>,
    /// Which nodes may answer, in the order declared; ids and secrets are unique.
    pub nodes: Vec<NodeEntry>,
}

/// A folder for rows that don't fit into memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spill {
    /// The folder; absolute, or relative to the working directory.
    pub folder: PathBuf,
    /// The most that all statements together may put there.
    pub mib: u32,
}

/// What protects connections on their way, of which the gateway itself knows plain HTTP/2 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// They don't leave the machine.
    Loopback,
    /// Proxies speak TLS in the gateway's place.
    BehindTlsProxy,
}

/// `[[analyst]]`
#[derive(Debug, Clone)]
pub struct AnalystEntry {
    /// Who it is, as the log names them.
    pub name: String,
    /// What their client sends.
    pub token: Secret,
}

/// `[[node]]`
#[derive(Debug, Clone)]
pub struct NodeEntry {
    /// The node's id, as in its own configuration.
    pub id: String,
    /// The department's name, for people.
    pub department: String,
    /// What the node shows when it connects.
    pub secret: Secret,
    /// What it may announce; anything else is ignored and logged.
    pub datasets: Vec<DatasetName>,
    /// Where the gateway dials in, for a node that listens. `None` if the node dials out.
    pub address: Option<String>,
}

impl GatewayConfig {
    /// Reads a configuration, and the secrets it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&read(path)?, path)
    }

    /// Reads a configuration from text, and the secrets it names. `path` names it in messages;
    /// relative paths within it are relative to the folder `path` is in.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            Some(_) | None => Path::new("."),
        };
        let mut problems = Problems::new(path, text);
        let config = match toml::from_str(text) {
            Ok(document) => checks::document(&document, folder, &mut problems),
            Err(error) => {
                problems.malformed(&error);
                None
            }
        };
        problems.conclude(config)
    }
}

fn read(path: &Path) -> Result<String, ConfigErrors> {
    let unreadable = |error: std::io::Error| {
        let fix = "check the path and who may read the file";
        ConfigError::of_file(path, format!("can't be read: {error}"), fix)
    };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let length = file.take(DOCUMENT_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(length).is_ok_and(|length| DOCUMENT_BYTES_MAX < length) {
        let problem = format!("is longer than {DOCUMENT_BYTES_MAX} bytes");
        return Err(ConfigError::of_file(path, problem, "give the path of a configuration").into());
    }
    Ok(text)
}
