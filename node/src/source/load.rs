//! Loading all Datasets of a node.

use std::sync::Arc;

use insitu_disclosure::budget::{ConditionBudget, MemoryBudget};
use insitu_disclosure::dataset::{Dataset, ProtectedUnit, Protection, ReleaseMode};
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::keyed::StateDigest;
use insitu_disclosure::policy::DifferenceGuard;
use insitu_disclosure::rules::published;
use insitu_engine::OpenSession;
use insitu_engine::catalog::TableProvider;
use object_store::ObjectStore;

use super::budget::{Budget, SourceLimits};
use super::error::SourceError;
use super::parquet::Opened;
use super::record::RowWords;
use super::snapshot::Snapshot;
use super::{csv, mistakes, p_table, parquet, undeclared, unique};
use crate::dataset::{Descriptor, LoadFailure, LoadedDataset, QualityReport, Registry, Source};
use crate::state::NodeState;

/// Loads the Datasets. Their Parquet files will be read through the session's runtime, so queries have
/// to run in sessions with the same one; two nodes in one process have one each.
///
/// A Dataset that can't be loaded is among the Registry's failures.
pub async fn load(
    descriptors: &[Descriptor],
    store: &Arc<dyn ObjectStore>,
    session: &OpenSession,
    limits: SourceLimits,
    state: &NodeState,
) -> Registry {
    let mut registry = Registry::new();
    let mut budget = Budget::new(limits);
    let mut loaded = Vec::new();
    for descriptor in descriptors {
        // What a failed Dataset took is free again.
        let mut remaining = budget;
        match dataset(descriptor, store, session, &mut remaining, state).await {
            Ok(of_descriptor) => {
                budget = remaining;
                loaded.push(of_descriptor);
            }
            Err(error) => {
                registry.add_failure(LoadFailure { name: descriptor.dataset.name.clone(), error });
            }
        }
    }
    // What CSV files leave of the memory is for words.
    for (mut dataset, opened) in loaded {
        if let Some(opened) = opened {
            keep_words(&mut dataset, &opened, session, &mut budget).await;
        }
        registry.add(dataset);
    }
    registry
}

/// With fewer rows words are drawn in no time.
const KEPT_FROM_ROWS: u64 = 1 << 16;

/// Has the words of a dataset's units kept, if there is memory for them. Without, each question draws them, and is answered
/// the same.
async fn keep_words(
    loaded: &mut LoadedDataset,
    opened: &Opened,
    session: &OpenSession,
    budget: &mut Budget,
) {
    let Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } =
        &loaded.dataset.protection
    else {
        return;
    };
    if opened.rows() < KEPT_FROM_ROWS {
        return;
    }
    let free = |bytes| budget.take(bytes).is_ok();
    match opened.table_with_words(name, &loaded.keys, session, free).await {
        Ok(Some(table)) => loaded.table = table,
        Ok(None) => tracing::info!(
            dataset = %loaded.dataset.name,
            "words of units are drawn by each question; a larger `source_mib_max` would have them kept"
        ),
        // What is wrong with the files each question will say.
        Err(_) => tracing::warn!(
            dataset = %loaded.dataset.name,
            "words of units can't be kept; they are drawn by each question"
        ),
    }
}

async fn dataset(
    descriptor: &Descriptor,
    store: &Arc<dyn ObjectStore>,
    session: &OpenSession,
    budget: &mut Budget,
    state: &NodeState,
) -> Result<(LoadedDataset, Option<Opened>), SourceError> {
    let mut dataset = Dataset::clone(&descriptor.dataset);
    let Dataset { hierarchies, columns, .. } = &dataset;
    dataset.hierarchies =
        csv::hierarchies(hierarchies, &descriptor.code_lists, columns, store).await?;
    let keys = state.keys(&dataset.name);
    let mut digest = StateDigest::new(&keys);
    let mut of_parquet = None;
    let (table, quality): (Arc<dyn TableProvider>, QualityReport) = match &descriptor.source {
        Source::Csv(source) => {
            let snapshot = Snapshot::of(store, &source.files).await?;
            let words = rows_are_units(&dataset.protection).then(|| RowWords::new(keys.clone()));
            let (table, report) = csv::read(source, &snapshot, budget, words, &mut digest).await?;
            (table, QualityReport::Read(report))
        }
        Source::Parquet(source) => {
            if rows_are_units(&dataset.protection) {
                return Err(SourceError::RowsWithoutId);
            }
            let snapshot = Snapshot::of(store, &source.files).await?;
            snapshot.digest(&mut digest).await?;
            let opened = parquet::open(source, snapshot, session.runtime_env()).await?;
            let (table, rows) = (opened.table()?, opened.rows());
            of_parquet = Some(opened);
            (table, QualityReport::Opened { rows })
        }
    };
    if let Some(unit) = unit_promised_unique(&dataset.protection) {
        unique::check(&table, unit, session, budget).await?;
    }
    if mistakes::are_in(&table, &dataset.hierarchies, session).await? {
        tracing::warn!(dataset = %dataset.name, "{}", mistakes::CONSEQUENCE);
    }
    if mistakes::are_unpublished(&table, &dataset, session).await? {
        tracing::warn!(dataset = %dataset.name, "{}", mistakes::UNPUBLISHED);
    }
    for column in published::unusable_dimensions(&dataset) {
        tracing::warn!(
            dataset = %dataset.name, column,
            "nobody can group by this dimension: it has no published values, or what it lies within has none, and the profile \
             answers whole tables, of which everybody knows the rows; publish its values by `domain`, or choose `standard`"
        );
    }
    for [column, within] in undeclared::functions(&table, &dataset, session).await? {
        tracing::warn!(
            dataset = %dataset.name, column, within,
            "each value of the one column has one value of the other beside it, so that their tables tell suppressed cells \
             of each other; declare it by `within`, or hide one of the two"
        );
    }
    dataset.snapshot = digest.finish();
    if let (Some(file), Protection::Protected { perturbation, .. }) =
        (&descriptor.p_table, &mut dataset.protection)
    {
        *perturbation = Some(Arc::new(p_table::read(file, store).await?));
    }
    for change in state.serve(&dataset).map_err(SourceError::Guard)? {
        tracing::warn!(dataset = %dataset.name, "{}", change.consequence());
    }
    // Where the gateway releases, it is the one that remembers.
    let releases = dataset.release() == ReleaseMode::AtNode;
    let guard = if releases && dataset.profile().guard == DifferenceGuard::On {
        state.guard(&dataset.name).map_err(SourceError::Guard)?
    } else {
        Arc::new(MemoryStore::new(0))
    };
    let budget: Arc<dyn ConditionBudget> = if dataset.conditions_max().is_some() {
        state.budget(&dataset.name).map_err(SourceError::Guard)?
    } else {
        Arc::new(MemoryBudget::default())
    };
    let fingerprint = insitu_proto::catalog::fingerprint(&dataset);
    let loaded = LoadedDataset {
        dataset: Arc::new(dataset),
        table,
        quality,
        keys,
        guard,
        budget,
        fingerprint,
    };
    Ok((loaded, of_parquet))
}

/// Whether each row is one unit, without an id of its own.
const fn rows_are_units(protection: &Protection) -> bool {
    matches!(protection, Protection::Protected { unit: ProtectedUnit::Row, .. })
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
