//! Joins of protected Datasets of one department by their protected unit.
//!
//! ```text
//! FROM episodes e WHERE EXISTS (SELECT 1 FROM prescriptions p WHERE p.person = e.person AND p.drug = 'x')   semi
//! FROM episodes e WHERE NOT EXISTS (...)                                                                     anti
//! FROM episodes e JOIN people p ON p.person = e.person                                                       inner
//! FROM episodes e LEFT JOIN people p ON p.person = e.person                                                  left
//! ```
//!
//! Semi and anti joins choose units by what another Dataset says of them, and add nothing to the rows. Inner and left
//! joins also add columns, of a Dataset with one row for each unit at most. So no join gives a row twice: what a unit
//! contributes, and the bounds of it, are what they are without the join.
//!
//! What is tabulated is a Dataset of its own to every rule, as after a [roll-up](super::RollUp): the same rows, unit and name,
//! the stricter of each term, and the columns that were added.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Scalar;
use crate::dataset::{Column, Dataset, DatasetName, ProtectedUnit, Protection, ReleaseMode};
use crate::keyed::mix;
use crate::label::Label;

/// The most joins of a Tabulation.
pub const UNIT_JOINS_MAX: usize = 4;

/// Datasets that a question's rows are joined to, by name.
pub type JoinedDatasets = BTreeMap<DatasetName, Arc<Dataset>>;

/// Which rows a join leaves, and what it adds to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitJoinKind {
    /// Rows whose unit has a row there.
    Semi,
    /// Rows whose unit has no row there, and rows without a unit.
    Anti,
    /// Rows whose unit has a row there, with its columns.
    Inner,
    /// All rows, with the columns of the unit's row there; NULL without one.
    Left,
}

impl UnitJoinKind {
    /// The word used in canonical texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Semi => "semi",
            Self::Anti => "anti",
            Self::Inner => "inner",
            Self::Left => "left",
        }
    }

    /// Whether columns are added.
    #[must_use]
    pub const fn adds_columns(self) -> bool {
        match self {
            Self::Semi | Self::Anti => false,
            Self::Inner | Self::Left => true,
        }
    }
}

/// A join by the protected unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitJoin {
    /// Which rows it leaves.
    pub kind: UnitJoinKind,
    /// The Dataset that rows are joined to.
    pub dataset: DatasetName,
    /// The fingerprint of its descriptor as the asker knew it.
    pub fingerprint: u64,
    /// A condition on its rows, over its own columns: those for which it isn't true aren't there.
    pub predicate: Option<Scalar>,
}

impl UnitJoin {
    /// The name that a column of the joined Dataset has among those of the rows. No column of a Dataset is named like this.
    #[must_use]
    pub fn column(&self, name: &str) -> String {
        format!("{}.{name}", self.dataset)
    }

    /// The name in the joined Dataset of one of its columns among those of the rows.
    #[must_use]
    pub fn own_column<'a>(&self, name: &'a str) -> Option<&'a str> {
        let own = name.strip_prefix(&self.dataset.to_string())?.strip_prefix('.')?;
        self.kind.adds_columns().then_some(own)
    }

    /// The columns it adds: what they are in the joined Dataset, but its measures can't be added up, and its unit is there
    /// already.
    pub fn columns(&self, joined: &Dataset) -> Vec<Column> {
        let added = |column: &Column| {
            let label = match column.label {
                Label::Dimension => Label::Dimension,
                // Of a unit with many rows the value would be added up as often, whatever its bounds are.
                Label::Filter | Label::Measure => Label::Filter,
                Label::Unit | Label::Hidden => return None,
            };
            Some(Column { name: self.column(&column.name), label, bounds: None, ..column.clone() })
        };
        if !self.kind.adds_columns() {
            return Vec::new();
        }
        joined.columns.iter().filter_map(added).collect()
    }
}

/// The column that tells whose a row is; `None` of open data, and where each row is a unit.
#[must_use]
pub fn unit_column(dataset: &Dataset) -> Option<&Column> {
    match &dataset.protection {
        Protection::Open => None,
        Protection::Protected { unit: ProtectedUnit::Row, .. } => None,
        Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } => {
            dataset.column(name)
        }
    }
}

/// The rows of a Dataset after these joins, as a Dataset; `None` if one of the joined Datasets isn't known, or isn't
/// protected.
#[must_use]
pub fn rows(base: &Dataset, joins: &[&UnitJoin], known: &JoinedDatasets) -> Option<Dataset> {
    let mut rows = base.clone();
    for join in joins {
        let joined = known.get(&join.dataset)?;
        rows.columns.extend(join.columns(joined));
        rows.protection = strictest(rows.protection, &joined.protection)?;
    }
    // A new state of any of them is a new state of the rows. In the order of their names, each once.
    let names: BTreeSet<&DatasetName> = joins.iter().map(|join| &join.dataset).collect();
    for joined in names.into_iter().filter_map(|name| known.get(name)) {
        rows.snapshot = mix(rows.snapshot).wrapping_add(joined.snapshot);
    }
    Some(rows)
}

/// The terms of the first, as strict as the second's. Whose the unit is, record keys and perturbations stay the first's,
/// since its rows are counted; so does the budget, of which each Dataset keeps its own.
fn strictest(terms: Protection, joined: &Protection) -> Option<Protection> {
    match (terms, joined) {
        (
            Protection::Protected {
                unit,
                profile,
                release,
                units_at_one_node,
                record_key,
                perturbation,
                conditions_max,
                answer_times,
                rows_about,
                reference_joins,
                unit_joins,
            },
            Protection::Protected {
                unit: _,
                profile: other_profile,
                release: other_release,
                units_at_one_node: other_units_at_one_node,
                record_key: _,
                perturbation: _,
                conditions_max: _,
                answer_times: other_answer_times,
                // There are never more rows than without the join.
                rows_about: _,
                reference_joins: other_reference_joins,
                unit_joins: _,
            },
        ) => Some(Protection::Protected {
            unit,
            profile: profile.strictest(*other_profile),
            release: match (release, other_release) {
                (ReleaseMode::AtGateway, ReleaseMode::AtGateway) => ReleaseMode::AtGateway,
                (ReleaseMode::AtNode, _) | (_, ReleaseMode::AtNode) => ReleaseMode::AtNode,
            },
            units_at_one_node: units_at_one_node && *other_units_at_one_node,
            record_key,
            perturbation,
            conditions_max,
            answer_times: answer_times.coarser(other_answer_times),
            rows_about,
            reference_joins: reference_joins && *other_reference_joins,
            unit_joins,
        }),
        (Protection::Open | Protection::Protected { .. }, _) => None,
    }
}
