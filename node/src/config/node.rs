//! A node's configuration as a whole.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use insitu_disclosure::dataset::DatasetName;
use toml::Spanned;

use super::document::{DatasetTable, Document};
use super::error::{ConfigError, ConfigErrors};
use super::problems::Problems;
use super::settings::{self, Link, NodeSettings};
use super::{answer_times, dataset, unit_joins};
use crate::dataset::Descriptor;

/// The longest document that is read.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// What a node is told by its owner.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The node itself.
    pub node: NodeSettings,
    /// How it meets the gateway. `None` only from [`NodeConfig::parse`]: a program that embeds a
    /// node connects it itself.
    pub link: Option<Link>,
    /// The folder that files of datasets are named in.
    pub data_folder: PathBuf,
    /// Where the node keeps its secret and what it released.
    pub state_folder: PathBuf,
    /// What it publishes, in the order declared; names are unique.
    pub datasets: Vec<Descriptor>,
}

impl NodeConfig {
    /// Reads the configuration of a node that runs on its own: it has to say how to meet the gateway.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = read(path)?;
        let config = Self::parse(&text, path)?;
        if config.link.is_none() {
            let problem = "nothing says how to meet the gateway".to_owned();
            let fix = "add `[uplink]` with `gateway` and `secret_file`, or `[listen]` with `address` and \
                       `secret_file`";
            return Err(ConfigError::of_file(path, problem, fix).into());
        }
        Ok(config)
    }

    /// Reads a configuration from text. `path` names it in messages; relative paths within it are
    /// relative to the folder `path` is in.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::new(path, text);
        let config = match toml::from_str::<Document>(text) {
            Ok(document) => check(&document, folder_of(path), &mut problems),
            Err(error) => {
                problems.malformed(&error);
                None
            }
        };
        problems.conclude(config)
    }
}

/// The folder a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    }
}

fn read(path: &Path) -> Result<String, ConfigErrors> {
    let unreadable = |error: std::io::Error| {
        let problem = format!("can't be read: {error}");
        ConfigError::of_file(path, problem, "check the path and who may read the file")
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

fn check(document: &Document, folder: &Path, problems: &mut Problems<'_>) -> Option<NodeConfig> {
    let node = problems.required(
        &document.node,
        &(0..0),
        "[node]",
        "add `[node]` with `id` and `department`",
    );
    let data_folder =
        node.and_then(|table| settings::data_folder(table.get_ref(), folder, problems));
    let state_folder =
        node.and_then(|table| settings::state_folder(table.get_ref(), folder, problems));
    let node = node.and_then(|table| settings::node(table, folder, problems));
    let link = settings::link(document, folder, problems);
    if document.dataset.0.is_empty() {
        problems.report(&(0..0), "no dataset is declared", "add a `[[dataset]]`");
    }
    unique_names(&document.dataset.0, problems);
    let datasets: Vec<Option<Descriptor>> =
        document.dataset.0.iter().map(|table| dataset::check(table, problems)).collect();
    let described: Vec<_> =
        datasets.iter().map(|d| d.as_ref().map(|d| d.dataset.as_ref())).collect();
    unit_joins::mutual(&document.dataset.0, &described, problems);
    if let Some(node) = &node {
        for (table, descriptor) in document.dataset.0.iter().zip(&datasets) {
            let Some(descriptor) = descriptor else { continue };
            let times = descriptor.dataset.answer_times();
            answer_times::within(table, times, node.query_seconds_max, problems);
        }
    }
    Some(NodeConfig {
        node: node?,
        link,
        data_folder: data_folder?,
        state_folder: state_folder?,
        datasets: datasets.into_iter().collect::<Option<_>>()?,
    })
}

/// No two datasets have the same name.
fn unique_names(tables: &[Spanned<DatasetTable>], problems: &mut Problems<'_>) {
    let mut seen: HashSet<DatasetName> = HashSet::new();
    for name in tables.iter().filter_map(|table| table.get_ref().name.as_ref()) {
        let Some(parsed) = DatasetName::parse(name.get_ref()) else { continue };
        if !seen.insert(parsed) {
            problems.report(
                &name.span(),
                format!("dataset `{}` is declared twice", name.get_ref()),
                "give each dataset its own name; several files of one dataset are listed in `files`",
            );
        }
    }
}
