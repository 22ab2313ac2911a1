//! The document as TOML writes it, before any of it is checked.
//!
//! Every key is optional here, so that what is missing is reported together with everything else
//! that is wrong. A key that isn't named here is an error at once: a misspelt key would otherwise
//! be a setting that silently doesn't hold.

use serde::Deserialize;
use toml::Spanned;

/// A value and its place.
pub(super) type At<T> = Option<Spanned<T>>;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Document {
    pub(super) gateway: At<GatewayTable>,
    #[serde(default)]
    pub(super) analyst: Vec<Spanned<AnalystTable>>,
    #[serde(default)]
    pub(super) node: Vec<Spanned<NodeTable>>,
}

/// `[gateway]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct GatewayTable {
    pub(super) listen: At<String>,
    pub(super) nodes_listen: At<String>,
    pub(super) query_seconds_max: At<i64>,
    pub(super) memory_mib: At<i64>,
    pub(super) statements_running_max: At<i64>,
    pub(super) statements_waiting_max: At<i64>,
    pub(super) result_cache_mib: At<i64>,
    pub(super) anchors_max: At<i64>,
    pub(super) spill_folder: At<String>,
    pub(super) spill_mib: At<i64>,
    pub(super) transport: At<String>,
    pub(super) state: At<String>,
}

/// `[[analyst]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct AnalystTable {
    pub(super) name: At<String>,
    pub(super) token_file: At<String>,
}

/// `[[node]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct NodeTable {
    pub(super) id: At<String>,
    pub(super) department: At<String>,
    pub(super) secret_file: At<String>,
    pub(super) datasets: At<Vec<Spanned<String>>>,
    pub(super) address: At<String>,
}
