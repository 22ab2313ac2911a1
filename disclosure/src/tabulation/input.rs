//! Which rows of a Dataset take part.

use super::Scalar;
use crate::dataset::DatasetName;

/// The rows a Tabulation is made over. Joins to reference data, roll-ups to the unit and unions of
/// like Datasets will be further variants.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// All rows of a Dataset.
    Scan {
        /// The Dataset.
        dataset: DatasetName,
        /// Fingerprint of its descriptor as the asker knew it: a node whose policy changed since
        /// refuses rather than answers under other terms.
        fingerprint: u64,
    },
    /// The rows of another input for which a predicate is true (not false, not unknown).
    Filter {
        /// Where the rows come from.
        input: Box<Input>,
        /// The condition.
        predicate: Scalar,
    },
}

impl Input {
    /// The Dataset that is read.
    #[must_use]
    pub const fn dataset(&self) -> &DatasetName {
        match self {
            Self::Scan { dataset, .. } => dataset,
            Self::Filter { input, .. } => input.dataset(),
        }
    }

    /// The descriptor's fingerprint as the asker knew it.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        match self {
            Self::Scan { fingerprint, .. } => *fingerprint,
            Self::Filter { input, .. } => input.fingerprint(),
        }
    }

    /// The same input under another fingerprint: each node is asked under its own terms.
    #[must_use]
    pub fn with_fingerprint(&self, fingerprint: u64) -> Self {
        match self {
            Self::Scan { dataset, .. } => Self::Scan { dataset: dataset.clone(), fingerprint },
            Self::Filter { input, predicate } => Self::Filter {
                input: Box::new(input.with_fingerprint(fingerprint)),
                predicate: predicate.clone(),
            },
        }
    }

    /// All predicates, the one nearest to the scan first.
    #[must_use]
    pub fn predicates(&self) -> Vec<&Scalar> {
        match self {
            Self::Scan { .. } => Vec::new(),
            Self::Filter { input, predicate } => {
                let mut all = input.predicates();
                all.push(predicate);
                all
            }
        }
    }
}
