//! Roll-ups: a unit's rows are brought together under the rules for a question about them.
//!
//! *Statement*: a roll-up to the unit keeps dimensions, counts rows, or rows with a value, and adds up measures; it may do
//! so wherever the question with these keys, counts, totals and conditions could be asked. There is one at most, each of its
//! counts and totals is used above it, and the Dataset names its unit by a column and isn't released as whole tables only.
//! A measure is added up for each unit if its owner declares what a unit's values may come to together. The rows may be looked
//! up in references and joined by their unit, under the rules for these. What stands above is a question like any other, over
//! one row for each unit, and may look up what is kept.
//!
//! | question | |
//! |---|---|
//! | people by number of visits: `... (SELECT person, count(*) AS n ... GROUP BY person) GROUP BY n` | a table |
//! | people with 3 visits or more: `... WHERE n >= 3` | a count |
//! | visits of each person | D202 |
//! | the same of each row: the unit is the row | D208 |
//! | people by what they cost: `histogram(total) ... (SELECT person, sum(cost) AS total ... GROUP BY person)` | counts in published bins |
//! | the same of some of their rows, by a condition below | D204 |
//! | what they cost, of a column without bounds for it | D206 |
//!
//! *Stops*: what the rules for questions stop, one level deeper. *Doesn't stop*: the number of somebody's visits as something known
//! of them, like an age: the threshold, the noise and the difference guard are for that.
//!
//! *Source*: frequency tables of units by their number of events, as in hospital statistics.

use std::collections::BTreeSet;

use super::measures::ROWS_MAX;
use super::{functions, input, keys, labels, measures, references};
use crate::dataset::Dataset;
use crate::label::Label;
use crate::policy::Predicates;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::{RollUp, Scalar, Tabulation, UNIT_COUNTS_MAX, UnitTotal};

/// All violations of the roll-up, over the Dataset that it brings together.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    let Some((roll_up, below)) = tabulation.input.roll_up() else { return Vec::new() };
    let mut found = Vec::new();
    if below.roll_up().is_some() {
        found.push(Refusal::new(
            RefusalCode::D208,
            "units are brought together once.",
            "Leave one of the roll-ups out.",
        ));
    }
    if roll_up.dataset(below, dataset).is_none() {
        found.push(Refusal::new(
            RefusalCode::D208,
            format!("`{}` has no column that tells whose a row is.", dataset.name),
            "Each row is a unit: count rows.",
        ));
        return found;
    }
    if dataset.profile().predicates == Predicates::WholeTables {
        found.push(Refusal::new(
            RefusalCode::D208,
            format!("`{}` is released as whole tables of its rows.", dataset.name),
            "Tabulate the rows, or ask the data owner for a column with the number.",
        ));
    }
    if UNIT_COUNTS_MAX < roll_up.counts.len().saturating_add(roll_up.totals.len()) {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!("a roll-up has at most {UNIT_COUNTS_MAX} counts and totals."),
            "Split the question.",
        ));
    }
    if !is_canonical(tabulation, roll_up) {
        found.push(Refusal::new(
            RefusalCode::Q109,
            "the roll-up isn't written in the one form there is.",
            "Keep each dimension once, and the counts and totals that are used.",
        ));
    }
    let question = roll_up.question(below);
    found.extend(roll_up.totals.iter().filter_map(|total| undeclared(total, dataset)));
    found.extend(functions::violations(&question, dataset));
    found.extend(labels::violations(&question, dataset));
    found.extend(references::violations(&question, dataset));
    found.extend(input::violations(&question, dataset));
    found.extend(keys::violations(&question, dataset));
    found.extend(measures::violations(&question, dataset));
    found
}

/// Why a measure isn't added up for each unit: a total without bounds of its own would be one of unknown size, and its noise
/// measured by that of a row.
fn undeclared(total: &UnitTotal, dataset: &Dataset) -> Option<Refusal> {
    let column = dataset.column(&total.of)?;
    // Another column isn't added up at all: `measures` tells that.
    let bounds = column.bounds.filter(|_| column.label == Label::Measure)?;
    let widest = bounds.low.unsigned_abs().max(bounds.high.unsigned_abs());
    let fits = widest.checked_mul(ROWS_MAX.unsigned_abs()).is_some_and(|t| t < 10_u128.pow(38));
    if column.unit_totals.is_some() && fits {
        return None;
    }
    Some(Refusal::new(
        RefusalCode::D206,
        format!(
            "`{}` isn't added up for each unit: what a unit's values may come to isn't declared.",
            total.of
        ),
        "Ask the data owner for `unit_bounds`; or add up the rows: `sum` and `avg` of the column itself.",
    ))
}

/// Whether it is written in the one form there is: counts that nobody uses would only change where the cells are.
fn is_canonical(tabulation: &Tabulation, roll_up: &RollUp) -> bool {
    let used = used(tabulation);
    let ascending = roll_up.dimensions.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    ascending && roll_up.number_columns().iter().all(|name| used.contains(name.as_str()))
}

/// The columns that are used above the roll-up.
#[must_use]
pub fn used(tabulation: &Tabulation) -> BTreeSet<&str> {
    let measures = tabulation.measures.iter();
    let of_measures = measures.flat_map(|m| m.filter.iter().chain(m.kind.arguments()));
    let keys = tabulation.keys.iter().map(|key| &key.scalar);
    let predicates = tabulation.input.predicates().into_iter();
    predicates.chain(keys).chain(of_measures).flat_map(Scalar::columns).collect()
}
