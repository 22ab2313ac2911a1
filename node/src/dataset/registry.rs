//! The Datasets that are served, and those that can't be.

use std::collections::BTreeMap;
use std::sync::Arc;

use insitu_disclosure::budget::ConditionBudget;
use insitu_disclosure::dataset::{Dataset, DatasetName};
use insitu_disclosure::guard::Guard;
use insitu_disclosure::keyed::DatasetKeys;
use insitu_engine::catalog::TableProvider;

use super::QualityReport;
use crate::source::SourceError;

/// A Dataset that is ready for queries.
#[derive(Debug, Clone)]
pub struct LoadedDataset {
    /// What is published and on what terms.
    pub dataset: Arc<Dataset>,
    /// Its rows: a field for each column that isn't hidden, in the order declared, of the declared
    /// type, nullable; where rows are units, also the word of each.
    pub table: Arc<dyn TableProvider>,
    /// What was found in them; for the data owner.
    pub quality: QualityReport,
    /// Secret keys for draws about its units and questions.
    pub keys: DatasetKeys,
    /// What was released of it.
    pub guard: Arc<dyn Guard>,
    /// Which conditions were charged.
    pub budget: Arc<dyn ConditionBudget>,
    /// The terms it is announced under.
    pub fingerprint: u64,
}

/// A Dataset that can't be served.
#[derive(Debug)]
pub struct LoadFailure {
    /// Its name.
    pub name: DatasetName,
    /// Why; for the data owner.
    pub error: SourceError,
}

/// All Datasets declared at a node. One that can't be loaded keeps none of the others from being
/// served; whether a node starts without it is its operator's decision.
#[derive(Debug, Default)]
pub struct Registry {
    datasets: BTreeMap<DatasetName, LoadedDataset>,
    failures: Vec<LoadFailure>,
}

impl Registry {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A Dataset is served from now on.
    pub fn add(&mut self, loaded: LoadedDataset) {
        self.datasets.insert(loaded.dataset.name.clone(), loaded);
    }

    /// A Dataset can't be served.
    pub fn add_failure(&mut self, failure: LoadFailure) {
        self.failures.push(failure);
    }

    /// The Dataset of this name, if it is served.
    #[must_use]
    pub fn get(&self, name: &DatasetName) -> Option<&LoadedDataset> {
        self.datasets.get(name)
    }

    /// The Datasets that are served, by name.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedDataset> {
        self.datasets.values()
    }

    /// Whether none is served.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datasets.is_empty()
    }

    /// The Datasets that can't be served, in the order declared.
    #[must_use]
    pub fn failures(&self) -> &[LoadFailure] {
        &self.failures
    }

    /// The Datasets that can't be served, to be reported elsewhere; none are left here.
    #[must_use]
    pub fn take_failures(&mut self) -> Vec<LoadFailure> {
        std::mem::take(&mut self.failures)
    }
}
