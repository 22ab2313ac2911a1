//! Loading all Datasets of a node.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use insitu_disclosure::dataset::{ProtectedUnit, Protection};
use object_store::ObjectStore;

use super::budget::{Budget, SourceLimits};
use super::error::SourceError;
use super::snapshot::Snapshot;
use super::{csv, parquet, unique};
use crate::dataset::{Descriptor, LoadFailure, LoadedDataset, QualityReport, Registry, Source};

/// Loads the Datasets. Their Parquet files will be read through `runtime`, so queries have to run
/// in a session with the same one; two nodes in one process have one each.
///
/// A Dataset that can't be loaded is among the Registry's failures.
pub async fn load(
    descriptors: &[Descriptor],
    store: &Arc<dyn ObjectStore>,
    runtime: &Arc<RuntimeEnv>,
    limits: SourceLimits,
) -> Registry {
    let mut registry = Registry::new();
    let mut budget = Budget::new(limits);
    for descriptor in descriptors {
        // What a failed Dataset took is free again.
        let mut remaining = budget;
        match dataset(descriptor, store, runtime, &mut remaining).await {
            Ok(loaded) => {
                budget = remaining;
                registry.add(loaded);
            }
            Err(error) => {
                registry.add_failure(LoadFailure { name: descriptor.dataset.name.clone(), error });
            }
        }
    }
    registry
}

async fn dataset(
    descriptor: &Descriptor,
    store: &Arc<dyn ObjectStore>,
    runtime: &Arc<RuntimeEnv>,
    budget: &mut Budget,
) -> Result<LoadedDataset, SourceError> {
    let (table, quality): (Arc<dyn TableProvider>, QualityReport) = match &descriptor.source {
        Source::Csv(source) => {
            let snapshot = Snapshot::of(store, &source.files).await?;
            let (table, report) = csv::read(source, &snapshot, budget).await?;
            (table, QualityReport::Read(report))
        }
        Source::Parquet(source) => {
            let snapshot = Snapshot::of(store, &source.files).await?;
            let (table, rows) = parquet::open(source, snapshot, runtime).await?;
            (table, QualityReport::Opened { rows })
        }
    };
    if let Some(unit) = unit_promised_unique(&descriptor.dataset.protection) {
        unique::check(&table, unit, runtime, budget).await?;
    }
    Ok(LoadedDataset { dataset: Arc::clone(&descriptor.dataset), table, quality })
}

/// The unit's column, if its owner says that no unit has two rows.
fn unit_promised_unique(protection: &Protection) -> Option<&str> {
    match protection {
        Protection::Protected {
            unit: ProtectedUnit::Column { name, unique_per_row: true },
            ..
        } => Some(name),
        Protection::Protected {
            unit: ProtectedUnit::Row | ProtectedUnit::Column { unique_per_row: false, .. },
            ..
        }
        | Protection::Open => None,
    }
}
