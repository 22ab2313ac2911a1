//! Datasets that a question's rows are joined to by their unit, with everybody who holds part of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use insitu_disclosure::tabulation::{JoinedDatasets, unit_join};
use insitu_disclosure::{
    Admitted, Dataset, DatasetName, Protection, Refusal, RefusalCode, Refusals, Tabulation,
    admit_joined,
};

use super::{Held, Holder, Standing};
use crate::nodes::NodeId;

/// Each once; none for most questions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Joined(Vec<Arc<Held>>);

impl Joined {
    /// These.
    pub(crate) const fn new(held: Vec<Arc<Held>>) -> Self {
        Self(held)
    }

    /// One more, unless it is among them.
    pub(crate) fn push(&mut self, held: &Arc<Held>) {
        if self.0.iter().all(|known| known.dataset.name != held.dataset.name) {
            self.0.push(Arc::clone(held));
        }
    }

    /// Those that the question joins.
    pub(crate) fn of(&self, question: &Tabulation) -> Self {
        let joins = question.input.unit_joins();
        let is_used = |held: &&Arc<Held>| joins.iter().any(|j| j.dataset == held.dataset.name);
        Self(self.0.iter().filter(is_used).cloned().collect())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.0.iter()
    }

    /// Their descriptors.
    pub(crate) fn datasets(&self) -> JoinedDatasets {
        let named = |held: &Arc<Held>| (held.dataset.name.clone(), Arc::clone(&held.dataset));
        self.0.iter().map(named).collect()
    }

    /// The rows of a dataset that are joined to these by the question, under the terms of all.
    pub(crate) fn rows(&self, held: &Held, question: &Tabulation) -> Arc<Dataset> {
        let joins = question.input.unit_joins();
        if joins.is_empty() {
            return Arc::clone(&held.dataset);
        }
        // What can't be joined isn't admitted.
        let rows = unit_join::rows(&held.dataset, &joins, &self.datasets());
        rows.map_or_else(|| Arc::clone(&held.dataset), Arc::new)
    }

    /// Admits a question over a dataset and these.
    ///
    /// # Errors
    /// All violations.
    pub(crate) fn admit(
        &self,
        question: Tabulation,
        held: &Held,
    ) -> Result<Admitted<Tabulation>, Refusals> {
        admit_joined(question, Arc::clone(&held.dataset), &self.datasets())
    }

    /// The fingerprints that a holder announces them under.
    pub(crate) fn fingerprints(&self, of: &Holder) -> BTreeMap<DatasetName, u64> {
        let announced = |held: &Arc<Held>| {
            let holder = held.holders.iter().find(|holder| holder.node == of.node)?;
            match holder.standing {
                Standing::Announces(fingerprint) => Some((held.dataset.name.clone(), fingerprint)),
                Standing::Away | Standing::Silent => None,
            }
        };
        self.0.iter().filter_map(announced).collect()
    }
}

/// That rows of one dataset may be joined to the other's where they are: both are at the same nodes, and if these are
/// several, each unit is at one.
///
/// # Errors
/// A Refusal that says which dataset is where.
pub(crate) fn are_together(one: &Held, other: &Held) -> Result<(), Refusal> {
    let nodes = |held: &Held| -> Vec<NodeId> {
        held.holders.iter().map(|holder| holder.node.clone()).collect()
    };
    let (here, there) = (nodes(one), nodes(other));
    let (name, joined) = (&one.dataset.name, &other.dataset.name);
    if here != there {
        return Err(Refusal::new(
            RefusalCode::D215,
            format!(
                "`{name}` and `{joined}` aren't at the same departments, and people aren't linked across departments."
            ),
            "Aggregate each by itself, and join the released tables.",
        ));
    }
    let at_one_node = |held: &Held| match &held.dataset.protection {
        Protection::Open => true,
        Protection::Protected { units_at_one_node, .. } => *units_at_one_node,
    };
    if 1 < here.len() && !(at_one_node(one) && at_one_node(other)) {
        return Err(Refusal::new(
            RefusalCode::D215,
            format!(
                "a unit of `{name}` or `{joined}` may have rows at several departments, which aren't brought together."
            ),
            "Aggregate each by itself, and join the released tables.",
        ));
    }
    Ok(())
}
