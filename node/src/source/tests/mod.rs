//! Datasets loaded from real bytes: what is served, and what is said when it can't be.

mod code_lists;
mod csv;
mod kept_words;
mod parquet;
mod real_files;

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use insitu_engine::OpenSession;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{SourceError, SourceLimits, load};
use crate::config::NodeConfig;
use crate::dataset::{LoadedDataset, QualityReport, ReadReport, Registry};

/// A node's configuration around one dataset or several.
fn config(datasets: &str) -> NodeConfig {
    let text = format!("[node]\nid = \"n\"\ndepartment = \"D\"\n{datasets}");
    NodeConfig::parse(&text, Path::new("node.toml")).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A store with these files.
async fn store(files: &[(&str, &[u8])]) -> Arc<dyn ObjectStore> {
    let store = InMemory::new();
    for (name, bytes) in files {
        store.put(&(*name).into(), bytes.to_vec().into()).await.unwrap();
    }
    Arc::new(store)
}

/// The session as the engine hands it out.
fn opened(session: &SessionContext) -> OpenSession {
    OpenSession::new(Arc::new(session.state()))
}

/// Loads datasets; queries run in the session.
async fn load_all(datasets: &str, files: &[(&str, &[u8])]) -> (Registry, SessionContext) {
    let config = config(datasets);
    let session = SessionContext::new();
    let limits = SourceLimits { mib_max: 64 };
    let registry =
        load(&config.datasets, &store(files).await, &opened(&session), limits, &state()).await;
    (registry, session)
}

/// Loads the one dataset of a configuration.
async fn load_one(
    dataset: &str,
    files: &[(&str, &[u8])],
) -> Result<(LoadedDataset, SessionContext), SourceError> {
    let (mut registry, session) = load_all(dataset, files).await;
    match registry.take_failures().pop() {
        Some(failure) => Err(failure.error),
        None => Ok((registry.iter().next().unwrap().clone(), session)),
    }
}

/// The message of a dataset that can't be loaded.
async fn failure(dataset: &str, files: &[(&str, &[u8])]) -> String {
    match load_one(dataset, files).await {
        Ok((loaded, _)) => panic!("served: {}", loaded.quality),
        Err(error) => error.to_string(),
    }
}

/// All rows of a dataset.
async fn rows(loaded: &LoadedDataset, session: &SessionContext) -> Vec<RecordBatch> {
    session.read_table(Arc::clone(&loaded.table)).unwrap().collect().await.unwrap()
}

/// Rows as a table in text.
fn shown(batches: &[RecordBatch]) -> String {
    pretty_format_batches(batches).unwrap().to_string()
}

/// What was found in CSV files.
fn report(loaded: &LoadedDataset) -> &ReadReport {
    match &loaded.quality {
        QualityReport::Read(report) => report,
        QualityReport::Opened { .. } => panic!("opened, not read"),
    }
}

/// A state with a fixed secret.
fn state() -> crate::state::NodeState {
    crate::state::NodeState::ephemeral([1; 32])
}
