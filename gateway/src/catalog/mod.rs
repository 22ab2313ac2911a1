//! What may be asked about: what the departments announce.
//!
//! A dataset that several departments hold is one table. It belongs to those registered for it,
//! connected or not: a total over the connected ones alone would pass a smaller total off as the whole.

mod joined;
mod remote_table;

pub(crate) use joined::{Joined, are_together};
pub(crate) use remote_table::RemoteTable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insitu_disclosure::keyed::mix;
use insitu_disclosure::{
    Column, Dataset, DatasetName, Protection, Refusal, RefusalCode, ReleaseMode,
};

use crate::nodes::NodeId;

/// A department's share of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its node.
    pub node: NodeId,
    /// The department's name, for people.
    pub department: String,
    /// Whether it can be asked.
    pub standing: Standing,
}

/// Whether a holder can be asked for its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It isn't connected.
    Away,
    /// It is connected, and doesn't announce the dataset.
    Silent,
    /// It announces a descriptor with this fingerprint.
    Announces(u64),
}

/// A dataset with everybody who holds part of it.
#[derive(Debug, Clone)]
pub struct Held {
    /// The descriptor, with the strictest terms of all holders.
    pub dataset: Arc<Dataset>,
    /// Holders in node order.
    pub holders: Vec<Holder>,
    /// Set where the holders' descriptors don't agree: nothing can be asked then.
    pub conflict: Option<Refusal>,
}

/// The datasets known at one moment. A copy costs nothing: each statement takes one.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    datasets: Arc<BTreeMap<DatasetName, Arc<Held>>>,
}

/// What one node contributes to the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) node: NodeId,
    pub(crate) department: String,
    /// Datasets the node is registered for.
    pub(crate) registered: Vec<DatasetName>,
    /// What it announced last, with fingerprints.
    pub(crate) announced: Vec<(Arc<Dataset>, u64)>,
    pub(crate) connected: bool,
}

impl Catalog {
    /// The catalogue of these nodes, which come in node order.
    pub(crate) fn of(nodes: &[Announcement]) -> Self {
        let mut datasets: BTreeMap<DatasetName, Held> = BTreeMap::new();
        for node in nodes {
            for (dataset, _) in &node.announced {
                // A node can't take over a dataset it isn't registered for.
                if node.registered.contains(&dataset.name) {
                    add(&mut datasets, dataset, node);
                }
            }
        }
        // Once through the nodes, not once for each dataset: a statement is planned over all of them.
        for node in nodes {
            let registered: BTreeSet<&DatasetName> = node.registered.iter().collect();
            for name in registered {
                if let Some(held) = datasets.get_mut(name) {
                    held.holders.push(holder(node, name));
                }
            }
        }
        for held in datasets.values_mut() {
            if held.conflict.is_none() {
                held.conflict = cannot_add_up(&held.dataset, held.holders.len());
            }
        }
        let datasets = datasets.into_iter().map(|(name, held)| (name, Arc::new(held)));
        Self { datasets: Arc::new(datasets.collect()) }
    }

    /// The dataset of this name.
    #[must_use]
    pub fn get(&self, name: &DatasetName) -> Option<&Arc<Held>> {
        self.datasets.get(name)
    }

    /// All datasets, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.datasets.values()
    }

    /// The Refusal for a table that doesn't exist, with the nearest that does.
    #[must_use]
    pub fn unknown(&self, written: &str) -> Refusal {
        let lower = written.to_lowercase();
        let similarity = |name: &DatasetName| {
            let full = strsim::jaro_winkler(&name.to_string(), &lower);
            // `crimes` alone is meant for `police.crimes`.
            full.max(strsim::jaro_winkler(name.table(), &lower))
        };
        let nearest = self
            .datasets
            .keys()
            .map(|name| (similarity(name), name))
            .filter(|(s, _)| 0.75 <= *s)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let fix = match nearest {
            Some((_, name)) => format!("Did you mean `{name}`?"),
            None => {
                let names: Vec<String> =
                    self.datasets.keys().take(20).map(ToString::to_string).collect();
                if names.is_empty() {
                    "No department is connected yet.".to_owned()
                } else {
                    format!("There are: {}.", names.join(", "))
                }
            }
        };
        Refusal::new(RefusalCode::Q105, format!("there is no table `{written}`."), fix)
    }
}

fn holder(node: &Announcement, name: &DatasetName) -> Holder {
    work::step();
    let announced = node.announced.iter().find(|(d, _)| d.name == *name);
    let standing = match announced {
        Some((_, fingerprint)) if node.connected => Standing::Announces(*fingerprint),
        None if node.connected => Standing::Silent,
        Some(_) | None => Standing::Away,
    };
    Holder { node: node.node.clone(), department: node.department.clone(), standing }
}

fn add(datasets: &mut BTreeMap<DatasetName, Held>, dataset: &Arc<Dataset>, node: &Announcement) {
    work::step();
    match datasets.get_mut(&dataset.name) {
        None => {
            let held = Held { dataset: Arc::clone(dataset), holders: Vec::new(), conflict: None };
            datasets.insert(dataset.name.clone(), held);
        }
        Some(held) => match strictest(&held.dataset, dataset) {
            Some(merged) => held.dataset = Arc::new(merged),
            None => {
                held.conflict = Some(Refusal::new(
                    RefusalCode::N404,
                    format!(
                        "the departments that hold `{}` describe it differently ({} does).",
                        dataset.name, node.department
                    ),
                    "The departments need to agree on its columns, labels and unit.",
                ));
            }
        },
    }
}

/// The descriptor with the stricter of both terms; `None` if they don't describe the same thing.
fn strictest(a: &Dataset, b: &Dataset) -> Option<Dataset> {
    let described = |c: &Column| Column { description: None, ..c.clone() };
    if !a.columns.iter().map(described).eq(b.columns.iter().map(described)) {
        return None;
    }
    // What one department takes for a mistake another would count.
    if a.impossible != b.impossible || a.hierarchies != b.hierarchies {
        return None;
    }
    let protection = match (&a.protection, &b.protection) {
        (Protection::Open, Protection::Open) => Protection::Open,
        (
            Protection::Protected {
                unit,
                profile,
                release,
                units_at_one_node,
                record_key: _,
                perturbation,
                conditions_max,
                answer_times,
                rows_about,
                reference_joins,
                unit_joins,
            },
            Protection::Protected {
                unit: other_unit,
                profile: other_profile,
                release: other_release,
                units_at_one_node: other_units_at_one_node,
                record_key: _,
                perturbation: other_perturbation,
                conditions_max: other_conditions_max,
                answer_times: other_answer_times,
                rows_about: other_rows_about,
                reference_joins: other_reference_joins,
                unit_joins: other_unit_joins,
            },
        ) if unit == other_unit && perturbation == other_perturbation => Protection::Protected {
            unit: unit.clone(),
            profile: profile.strictest(*other_profile),
            release: match (release, other_release) {
                (ReleaseMode::AtGateway, ReleaseMode::AtGateway) => ReleaseMode::AtGateway,
                (ReleaseMode::AtNode, _) | (_, ReleaseMode::AtNode) => ReleaseMode::AtNode,
            },
            units_at_one_node: *units_at_one_node && *other_units_at_one_node,
            record_key: None,
            perturbation: perturbation.clone(),
            conditions_max: match (conditions_max, other_conditions_max) {
                (Some(one), Some(other)) => Some(*one.min(other)),
                (one, other) => one.or(*other),
            },
            answer_times: answer_times.coarser(other_answer_times),
            // Each tells it of the whole.
            rows_about: match (rows_about, other_rows_about) {
                (Some(one), Some(other)) => Some(*one.min(other)),
                (one, other) => one.or(*other),
            },
            reference_joins: *reference_joins && *other_reference_joins,
            unit_joins: unit_joins.intersection(other_unit_joins).cloned().collect(),
        },
        (Protection::Open | Protection::Protected { .. }, _) => return None,
    };
    // The state of all together: any node's new state is a new state.
    let snapshot = mix(a.snapshot).wrapping_add(b.snapshot);
    Some(Dataset { protection, snapshot, ..a.clone() })
}

/// Why several departments' cells of this dataset can't be added up.
fn cannot_add_up(dataset: &Dataset, holders: usize) -> Option<Refusal> {
    if holders < 2 {
        return None;
    }
    match &dataset.protection {
        Protection::Open => None,
        Protection::Protected { release: ReleaseMode::AtNode, .. } => Some(Refusal::new(
            RefusalCode::D209,
            format!(
                "`{}` is held by {holders} departments, and not all of them release at the gateway.",
                dataset.name
            ),
            "Ask the data owners for the release mode `at-gateway`.",
        )),
        Protection::Protected { units_at_one_node: false, .. } => Some(Refusal::new(
            RefusalCode::D209,
            format!(
                "units of `{}` may be at several departments, so distinct units don't add up.",
                dataset.name
            ),
            "Ask the data owners whether each unit is at one department only (`units_at_one_node`).",
        )),
        Protection::Protected {
            release: ReleaseMode::AtGateway, units_at_one_node: true, ..
        } => None,
    }
}

/// How much was done for a catalogue, counted in tests.
pub(crate) mod work {
    #[cfg(test)]
    thread_local! {
        static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    /// A descriptor was compared, or a holder found.
    pub(super) fn step() {
        #[cfg(test)]
        STEPS.with(|steps| steps.set(steps.get() + 1));
    }

    /// The steps of this thread.
    #[cfg(test)]
    pub(crate) fn steps() -> usize {
        STEPS.with(std::cell::Cell::get)
    }
}
