//! Look-ups: joins of protected rows to open reference data.
//!
//! *Statement*: rows are looked up by a column labelled `dimension`, as it is, and not by what another look-up gives.
//! What a look-up gives is an expression over that dimension to all other rules: it may be a key and stand in
//! conditions, and is no measure. A data owner may forbid look-ups (`reference_joins = false`).
//!
//! | question | answer |
//! |---|---|
//! | `... FROM police.crimes c JOIN ons.population p ON c.lsoa = p.lsoa GROUP BY p.region` | a table |
//! | `... FROM health.visits v JOIN open.people p ON v.person_id = p.nhs_number` | D202 |
//! | `... ON v.admitted = p.day`, where `admitted` is a `filter` | D213 |
//!
//! A department can't know whether a reference's content is what another department published or what somebody made
//! up. It needn't: a content gives a value for each value of a dimension, which `CASE` over the dimension could do as
//! well. So a profile that refuses `CASE` refuses the look-up: as a condition under strict predicates, everywhere
//! where whole tables are released. That is also why look-ups are allowed unless they are forbidden: they add
//! convenience, and no set of rows.
//!
//! *Stops*: attacks 59 to 61: naming persons, or cutting between breakpoints, through a table of them; a table of the analyst's own. *Doesn't stop*:
//! a content that singles out one area; that could be written with `CASE`, and the rules on cells are for it.
//!
//! *Source*: the Handbook on SDC, 2nd ed., on flexible table builders: populations are unions of published codes.

use std::collections::BTreeMap;

use crate::dataset::Dataset;
use crate::label::Label;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::{REFERENCES_MAX, Reference, Scalar, ScalarType, Tabulation};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut types = BTreeMap::new();
    // What is below a roll-up is a question by itself: see the rule on these.
    for scalar in tabulation.scalars_above() {
        check(scalar, dataset, &mut types, &mut found);
    }
    if types.is_empty() {
        return found;
    }
    found.extend(two_types(tabulation));
    if !dataset.reference_joins() {
        found.push(refused(
            format!("`{}` isn't joined to reference data.", dataset.name),
            "Aggregate first, and join the released table; or ask the data owner for `reference_joins`.",
        ));
    }
    if REFERENCES_MAX < tabulation.references().len() {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!("rows are looked up in at most {REFERENCES_MAX} tables."),
            "Split the question.",
        ));
    }
    // The same join is in the key and in the condition: its fault is told once.
    let mut told: Vec<Refusal> = Vec::new();
    for refusal in found {
        if !told.contains(&refusal) {
            told.push(refusal);
        }
    }
    told
}

/// Columns of references that are used with another type below a roll-up than above it: a content has one.
fn two_types(tabulation: &Tabulation) -> Vec<Refusal> {
    let mut known: BTreeMap<(Reference, String), ScalarType> = BTreeMap::new();
    let mut found = Vec::new();
    for scalar in tabulation.scalars() {
        scalar.visit_lookups(&mut |reference, column, value_type| {
            let at = (reference.clone(), column.to_owned());
            if *known.entry(at).or_insert(value_type) != value_type {
                found.push(with_two_types(reference, column));
            }
        });
    }
    found
}

fn with_two_types(reference: &Reference, column: &str) -> Refusal {
    refused(
        format!("`{column}` of `{}` is used with two types.", reference.dataset),
        "Use each column with its own type.",
    )
}

/// The type that each column of a reference is used with.
type Types<'a> = BTreeMap<(&'a Reference, &'a str), ScalarType>;

fn check<'a>(
    scalar: &'a Scalar,
    dataset: &Dataset,
    types: &mut Types<'a>,
    found: &mut Vec<Refusal>,
) {
    if let Scalar::Lookup { reference, column, value_type, key } = scalar {
        let known = types.entry((reference, column)).or_insert(*value_type);
        if known != value_type {
            found.push(with_two_types(reference, column));
        }
        let key_type = crate::tabulation::typing::type_of(key, dataset);
        // What has no type was told by `functions`.
        if let Ok(key_type) = key_type {
            // The key's own value has the key's type.
            let own = *types.entry((reference, &reference.key)).or_insert(key_type);
            if own != key_type || key_type == ScalarType::Float64 {
                found.push(refused(
                    format!("`{reference}` is joined by columns of types that don't fit."),
                    "Join columns of the same exact type.",
                ));
            }
        }
        found.extend(key_violation(reference, key, dataset));
    }
    for child in scalar.children() {
        check(child, dataset, types, found);
    }
}

fn key_violation(reference: &Reference, key: &Scalar, dataset: &Dataset) -> Option<Refusal> {
    let to = &reference.dataset;
    if dataset.is_open() {
        return Some(refused(
            format!("`{}` is open: it is joined to `{to}` above its rows.", dataset.name),
            "Ask for its rows.",
        ));
    }
    match key {
        Scalar::Column(name) => match dataset.column(name)?.label {
            // `labels` has told about units already.
            Label::Dimension | Label::Unit | Label::Hidden => None,
            label @ (Label::Filter | Label::Measure) => Some(refused(
                format!(
                    "`{name}` is a `{}`, so rows aren't joined to `{to}` by it.",
                    label.as_str()
                ),
                "Join by a dimension.",
            )),
        },
        Scalar::Lookup { .. } => Some(refused(
            format!("rows are joined to `{to}` by what another join gives."),
            "Join the two open tables first: in a table that is published with both columns.",
        )),
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. } => Some(refused(
            format!("rows are joined to `{to}` by an expression."),
            "Join by a dimension as it is.",
        )),
    }
}

fn refused(message: String, fix: &str) -> Refusal {
    Refusal::new(RefusalCode::D213, message, fix)
}
