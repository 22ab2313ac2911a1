//! A unit's rows brought together: one row for each unit, with how many rows it has, and what they come to.
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
//! filtered like an age. What they come to is a measure, within the bounds that the data owner declares for it.

use super::{Input, Key, Measure, MeasureKind, Scalar, ScalarType, Tabulation};
use crate::dataset::{Bounds, Column, Dataset, ProtectedUnit, Protection, UnitTotals};
use crate::label::Label;

/// The most counts and totals of a roll-up, together.
pub const UNIT_COUNTS_MAX: usize = 8;

/// How many of a unit's rows there are.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitCount {
    /// Those with a value in this column; `None` for all.
    pub values_of: Option<Scalar>,
    /// Those for which this is true.
    pub filter: Option<Scalar>,
}

/// What a unit's rows come to.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitTotal {
    /// The measure that is added up, each value within its bounds.
    pub of: String,
    /// Of the rows for which this is true.
    pub filter: Option<Scalar>,
}

/// One row for each unit, or, with dimensions, for each unit and combination of their values.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUp {
    /// Dimensions that are kept, by name.
    pub dimensions: Vec<String>,
    /// What is counted: the columns [`RollUp::count_column`] of the rows.
    pub counts: Vec<UnitCount>,
    /// What is added up: the columns [`RollUp::total_column`] of the rows.
    pub totals: Vec<UnitTotal>,
}

impl RollUp {
    /// The name of a count's column. No column of a Dataset is named like this.
    #[must_use]
    pub fn count_column(position: usize) -> String {
        format!("count#{position}")
    }

    /// The name of a total's column. No column of a Dataset is named like this.
    #[must_use]
    pub fn total_column(of: &str, position: usize) -> String {
        format!("sum({of})#{position}")
    }

    /// Whether one of its counts or totals is of some of a unit's rows only.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        let of_counts = self.counts.iter().any(|count| count.filter.is_some());
        of_counts || self.totals.iter().any(|total| total.filter.is_some())
    }

    /// The measure whose total is in a column of this name; `None` of any other column.
    #[must_use]
    pub fn total_of(column: &str) -> Option<&str> {
        let (of, _) = column.strip_prefix("sum(")?.split_once(")#")?;
        Some(of)
    }

    /// Whether a total is of all that a unit has: a number of the unit's, like its other columns.
    ///
    /// Only such a total is cut at breakpoints. Where conditions choose what is added up, whoever knows some of a unit's
    /// values would move the cut through the others by leaving the known ones in or out.
    #[must_use]
    pub fn is_whole(&self, total: &UnitTotal, below: &Input) -> bool {
        total.filter.is_none() && self.dimensions.is_empty() && below.predicates().is_empty()
    }

    /// A total's column.
    fn total(&self, position: usize, total: &UnitTotal, below: &Input, of: &Dataset) -> Column {
        let column = of.column(&total.of);
        let declared = column.and_then(|c| c.unit_totals.clone());
        let (bounds, breakpoints) = match declared {
            Some(UnitTotals { bounds, breakpoints }) if self.is_whole(total, below) => {
                (Some(bounds), breakpoints)
            }
            // Of some of a unit's rows there may be any part of it.
            Some(UnitTotals { bounds: Bounds { low, high }, .. }) => {
                (Some(Bounds { low: low.min(0), high: high.max(0) }), None)
            }
            // Refused by the rule on roll-ups.
            None => (column.and_then(|c| c.bounds), None),
        };
        Column {
            name: Self::total_column(&total.of, position),
            scalar_type: column.map_or(ScalarType::Int64, |c| c.scalar_type),
            label: Label::Measure,
            domain: None,
            breakpoints,
            bounds,
            unit_totals: None,
            measured_in: column.and_then(|c| c.measured_in.clone()),
            description: None,
        }
    }

    /// The names of the columns that this makes beside dimensions: of counts, then of totals.
    #[must_use]
    pub fn number_columns(&self) -> Vec<String> {
        let counts = (0..self.counts.len()).map(Self::count_column);
        let totals = self.totals.iter().enumerate();
        counts.chain(totals.map(|(i, total)| Self::total_column(&total.of, i))).collect()
    }

    /// The rows as a Dataset; `None` of one without a column for its units. `below` are the rows that are brought together.
    #[must_use]
    pub fn dataset(&self, below: &Input, of: &Dataset) -> Option<Dataset> {
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
            unit_totals: None,
            measured_in: None,
            description: None,
        }));
        let totals = self.totals.iter().enumerate();
        columns.extend(totals.map(|(i, total)| self.total(i, total, below, of)));
        // Rows that can't be were left out before.
        Some(Dataset {
            columns,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection,
            ..of.clone()
        })
    }

    /// Every expression over the rows that are brought together.
    pub(crate) fn scalars<'a>(&'a self, below: &'a Input) -> impl Iterator<Item = &'a Scalar> {
        let of_count = |count: &'a UnitCount| count.values_of.iter().chain(&count.filter);
        let of_counts = self.counts.iter().flat_map(of_count);
        let of_totals = self.totals.iter().flat_map(|total| &total.filter);
        below.predicates().into_iter().chain(of_counts).chain(of_totals)
    }

    /// The question without the counts and totals of its roll-up that it doesn't use.
    #[must_use]
    pub fn without_unused(mut question: Tabulation) -> Tabulation {
        let Some((roll_up, _)) = question.input.roll_up() else { return question };
        let used = crate::rules::roll_ups::used(&question);
        let is_used = |name: &String| used.contains(name.as_str());
        let old: Vec<String> = roll_up.number_columns().into_iter().filter(is_used).collect();
        let used: Vec<bool> = roll_up.number_columns().iter().map(is_used).collect();
        let kept = roll_up.only(&used);
        let new = kept.number_columns();
        let rename = |name: &mut String| {
            let at = old.iter().position(|used| used == name);
            if let Some(now) = at.and_then(|at| new.get(at)) {
                name.clone_from(now);
            }
        };
        question.input.replace_roll_up(&kept, &rename);
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

    /// With those of its counts and totals that are used, in the order of [`RollUp::number_columns`].
    pub(crate) fn only(&self, used: &[bool]) -> Self {
        let (of_counts, of_totals) =
            used.split_at_checked(self.counts.len()).unwrap_or((used, &[]));
        let counts = self.counts.iter().zip(of_counts).filter(|(_, used)| **used);
        let totals = self.totals.iter().zip(of_totals).filter(|(_, used)| **used);
        Self {
            dimensions: self.dimensions.clone(),
            counts: counts.map(|(count, _)| count.clone()).collect(),
            totals: totals.map(|(total, _)| total.clone()).collect(),
        }
    }

    /// What is asked of the rows below, in the form of a question: the dimensions are its keys, and each count and total one of
    /// its measures. Whatever that question may not ask, the roll-up may not either.
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
        let total = |total: &UnitTotal| Measure {
            kind: MeasureKind::Sum(Scalar::Column(total.of.clone())),
            filter: total.filter.clone(),
        };
        let totals = self.totals.iter().map(total);
        let measures: Vec<Measure> = self.counts.iter().map(measure).chain(totals).collect();
        Tabulation {
            input: below.clone(),
            keys: self
                .dimensions
                .iter()
                .map(|name| Key { scalar: Scalar::Column(name.clone()) })
                .collect(),
            sets: Vec::new(),
            measures: if measures.is_empty() { vec![rows] } else { measures },
            groups_max: 1,
        }
    }
}
