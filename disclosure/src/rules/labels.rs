//! Units are only counted.
//!
//! *Statement*: a column labelled `unit` stands in no expression of a question: not in a predicate,
//! a key or a measure's argument, not even inside a function. `count(DISTINCT unit)` names no column.
//!
//! | question | answer |
//! |---|---|
//! | `count(*) ... WHERE person_id = '999 123 4567'` | D202 |
//! | `count(DISTINCT person_id)` | a count |
//!
//! *Stops*: attacks 1, 8 and 58: naming a person, hashed or not. *Doesn't stop*: naming a person
//! by what is known of them; the threshold is for that.
//!
//! *Source*: Handbook on Statistical Disclosure Control, 2nd ed., on direct identifiers.

use crate::dataset::Dataset;
use crate::label::Label;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::{Scalar, Tabulation};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    if dataset.is_open() {
        return Vec::new();
    }
    let measures = tabulation.measures.iter();
    let expressions = tabulation
        .input
        .predicates()
        .into_iter()
        .chain(tabulation.keys.iter().map(|k| &k.scalar))
        .chain(measures.flat_map(|m| m.filter.iter().chain(m.kind.arguments())));
    expressions.flat_map(|e| units_used(e, dataset)).collect()
}

/// The violations of one expression.
#[must_use]
pub fn units_used(scalar: &Scalar, dataset: &Dataset) -> Vec<Refusal> {
    let columns = scalar.columns().into_iter();
    columns.filter(|name| has_label(dataset, name, Label::Unit)).map(unit_used).collect()
}

fn unit_used(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D202,
        format!(
            "`{name}` identifies the protected unit, so it is never selected, grouped, compared or computed with."
        ),
        format!("Use `count(DISTINCT {name})`, and filter and group by dimensions."),
    )
}

/// Whether the Dataset has a column of this name and label.
#[must_use]
pub fn has_label(dataset: &Dataset, name: &str, label: Label) -> bool {
    dataset.column(name).is_some_and(|c| c.label == label)
}
