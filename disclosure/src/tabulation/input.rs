//! Which rows of a Dataset take part.

use std::collections::BTreeMap;

use super::{RollUp, Scalar, UnitJoin};
use crate::dataset::DatasetName;

/// The rows a Tabulation is made over: of one Dataset. A union of several is a Tabulation of each.
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
    /// The rows of another input, joined by their unit to another Dataset of the same department. Joins stand directly
    /// above the scan.
    UnitJoin {
        /// Where the rows come from.
        input: Box<Input>,
        /// To what, and how.
        join: UnitJoin,
    },
    /// The rows of another input, a unit's brought together. At most one stands in an input.
    RollUp {
        /// Where the rows come from.
        input: Box<Input>,
        /// How.
        roll_up: RollUp,
    },
}

impl Input {
    /// The Dataset that is read.
    #[must_use]
    pub const fn dataset(&self) -> &DatasetName {
        match self {
            Self::Scan { dataset, .. } => dataset,
            Self::Filter { input, .. }
            | Self::UnitJoin { input, .. }
            | Self::RollUp { input, .. } => input.dataset(),
        }
    }

    /// The descriptor's fingerprint as the asker knew it.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        match self {
            Self::Scan { fingerprint, .. } => *fingerprint,
            Self::Filter { input, .. }
            | Self::UnitJoin { input, .. }
            | Self::RollUp { input, .. } => input.fingerprint(),
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
            Self::UnitJoin { input, join } => Self::UnitJoin {
                input: Box::new(input.with_fingerprint(fingerprint)),
                join: join.clone(),
            },
            Self::RollUp { input, roll_up } => Self::RollUp {
                input: Box::new(input.with_fingerprint(fingerprint)),
                roll_up: roll_up.clone(),
            },
        }
    }

    /// The same input with these fingerprints of the Datasets that it is joined to; one that isn't among them stays.
    #[must_use]
    pub fn with_joined(mut self, fingerprints: &BTreeMap<DatasetName, u64>) -> Self {
        self.visit_joins(&mut |join| {
            join.fingerprint = fingerprints.get(&join.dataset).copied().unwrap_or(join.fingerprint);
        });
        self
    }

    fn visit_joins(&mut self, visit: &mut dyn FnMut(&mut UnitJoin)) {
        match self {
            Self::Scan { .. } => {}
            Self::Filter { input, .. } | Self::RollUp { input, .. } => input.visit_joins(visit),
            Self::UnitJoin { input, join } => {
                input.visit_joins(visit);
                visit(join);
            }
        }
    }

    /// The joins by the unit, the one nearest to the scan first.
    #[must_use]
    pub fn unit_joins(&self) -> Vec<&UnitJoin> {
        match self {
            Self::Scan { .. } => Vec::new(),
            Self::Filter { input, .. } | Self::RollUp { input, .. } => input.unit_joins(),
            Self::UnitJoin { input, join } => {
                let mut all = input.unit_joins();
                all.push(join);
                all
            }
        }
    }

    /// Whether joins stand directly above the scan.
    #[must_use]
    pub(crate) fn joins_come_first(&self) -> bool {
        match self {
            Self::Scan { .. } => true,
            Self::Filter { input, .. } | Self::RollUp { input, .. } => input.joins_come_first(),
            Self::UnitJoin { input, .. } => match input.as_ref() {
                Self::Scan { .. } => true,
                Self::UnitJoin { .. } => input.joins_come_first(),
                Self::Filter { .. } | Self::RollUp { .. } => false,
            },
        }
    }

    /// The predicates on the rows that are tabulated, the one nearest to them first: above a roll-up, where there is one.
    #[must_use]
    pub fn predicates(&self) -> Vec<&Scalar> {
        match self {
            // Conditions are above joins.
            Self::Scan { .. } | Self::UnitJoin { .. } | Self::RollUp { .. } => Vec::new(),
            Self::Filter { input, predicate } => {
                let mut all = input.predicates();
                all.push(predicate);
                all
            }
        }
    }

    /// The roll-up, and the rows that it brings together.
    #[must_use]
    pub const fn roll_up(&self) -> Option<(&RollUp, &Self)> {
        match self {
            Self::Scan { .. } => None,
            Self::Filter { input, .. } | Self::UnitJoin { input, .. } => input.roll_up(),
            Self::RollUp { input, roll_up } => Some((roll_up, input)),
        }
    }

    /// Puts another roll-up in the place of the one there is, and gives its columns other names above it.
    pub(crate) fn replace_roll_up(&mut self, by: &RollUp, rename: &dyn Fn(&mut String)) {
        match self {
            // A join above a roll-up is refused.
            Self::Scan { .. } | Self::UnitJoin { .. } => {}
            Self::Filter { input, predicate } => {
                // Below the roll-up there are none of its columns to be renamed.
                if input.roll_up().is_some() {
                    predicate.rename_columns(rename);
                    input.replace_roll_up(by, rename);
                }
            }
            Self::RollUp { roll_up, .. } => roll_up.clone_from(by),
        }
    }
}
