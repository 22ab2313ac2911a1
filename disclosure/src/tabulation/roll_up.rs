//! A unit's rows brought together: one row for each unit, with how many rows it has.
//!
//! ```text
//! person  clinic  day          person  count#0          count#0  units
//!   a       X      1             a        2                1       1
//!   a       Y      2    ──►      b        1       ──►      2       1
//!   b       X      1
//! ```
//!
//! What stands above it is an ordinary question over these rows: they are a Dataset of their own, with the same unit, terms
//! and name, and every rule is applied to that. How many rows a unit has is a dimension there: it may be grouped and
//! filtered like an age.

use super::{Input, Key, Measure, MeasureKind, Scalar, ScalarType, Tabulation};
use crate::dataset::{Column, Dataset, ProtectedUnit, Protection};
use crate::label::Label;

/// The most counts of a roll-up.
pub const UNIT_COUNTS_MAX: usize = 8;

/// How many of a unit's rows there are.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitCount {
    /// Those with a value in this column; `None` for all.
    pub values_of: Option<Scalar>,
    /// Those for which this is true.
    pub filter: Option<Scalar>,
}

/// One row for each unit, or, with dimensions, for each unit and combination of their values.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUp {
    /// Dimensions that are kept, by name.
    pub dimensions: Vec<String>,
    /// What is counted: the columns [`RollUp::count_column`] of the rows.
    pub counts: Vec<UnitCount>,
}

impl RollUp {
    /// The name of a count's column. No column of a Dataset is named like this.
    #[must_use]
    pub fn count_column(position: usize) -> String {
        format!("count#{position}")
    }

    /// The rows as a Dataset; `None` of one without a column for its units.
    #[must_use]
    pub fn dataset(&self, of: &Dataset) -> Option<Dataset> {
        let (name, protection) = match &of.protection {
            Protection::Open => return None,
            Protection::Protected { unit: ProtectedUnit::Row, .. } => return None,
            Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } => {
                (name, of.protection.clone())
            }
        };
        let protection = match protection {
            Protection::Open => return None,
            Protection::Protected {
                unit: _,
                profile,
                release,
                units_at_one_node,
                record_key,
                perturbation,
                conditions_max,
                answer_times,
                reference_joins,
                unit_joins,
                // How many rows there are now isn't declared.
                rows_about: _,
            } => Protection::Protected {
                unit: ProtectedUnit::Column {
                    name: name.clone(),
                    unique_per_row: self.dimensions.is_empty(),
                },
                profile,
                release,
                units_at_one_node,
                record_key,
                perturbation,
                conditions_max,
                answer_times,
                rows_about: None,
                reference_joins,
                unit_joins,
            },
        };
        let kept =
            |column: &&Column| column.name == *name || self.dimensions.contains(&column.name);
        let mut columns: Vec<Column> = of.columns.iter().filter(kept).cloned().collect();
        columns.extend((0..self.counts.len()).map(|i| Column {
            name: Self::count_column(i),
            scalar_type: ScalarType::Int64,
            label: Label::Dimension,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            description: None,
        }));
        // Rows that can't be were left out before.
        Some(Dataset { columns, impossible: Vec::new(), protection, ..of.clone() })
    }

    /// The question without the counts of its roll-up that it doesn't use.
    #[must_use]
    pub fn without_unused(mut question: Tabulation) -> Tabulation {
        let Some((roll_up, _)) = question.input.roll_up() else { return question };
        let names: Vec<String> = {
            let used = crate::rules::roll_ups::used(&question);
            let names = (0..roll_up.counts.len()).map(Self::count_column);
            names.filter(|name| used.contains(name.as_str())).collect()
        };
        let rename = |name: &mut String| {
            if let Some(at) = names.iter().position(|used| used == name) {
                *name = Self::count_column(at);
            }
        };
        question.input.keep_counts(&|at| names.contains(&Self::count_column(at)), &rename);
        for key in &mut question.keys {
            key.scalar.rename_columns(&rename);
        }
        for measure in &mut question.measures {
            let filter = measure.filter.iter_mut();
            for scalar in filter.chain(measure.kind.arguments_mut()) {
                scalar.rename_columns(&rename);
            }
        }
        question
    }

    /// What is asked of the rows below, in the form of a question: the dimensions are its keys, and each count one of its
    /// measures. Whatever that question may not ask, the roll-up may not either.
    #[must_use]
    pub fn question(&self, below: &Input) -> Tabulation {
        let rows = Measure { kind: MeasureKind::Rows, filter: None };
        let measure = |count: &UnitCount| Measure {
            kind: match &count.values_of {
                None => MeasureKind::Rows,
                Some(column) => MeasureKind::Values(column.clone()),
            },
            filter: count.filter.clone(),
        };
        let counts = self.counts.iter().map(measure);
        Tabulation {
            input: below.clone(),
            keys: self
                .dimensions
                .iter()
                .map(|name| Key { scalar: Scalar::Column(name.clone()) })
                .collect(),
            sets: Vec::new(),
            measures: if self.counts.is_empty() { vec![rows] } else { counts.collect() },
            groups_max: 1,
        }
    }
}
