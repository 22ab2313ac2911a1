//! Sizes, depth and types. Every expression is typed before any other rule looks at it.
//!
//! *Statement*: a Tabulation has at least one measure, at most so many keys, grouping sets and measures, and every
//! expression's types fit under [`typing::type_of`], which changes nothing.
//!
//! *Stops*: a question built by hand that makes a node's engine convert, fail or recurse (attacks 40
//! to 44). *Doesn't stop*: anything about who contributes to a cell.
//!
//! *Source*: the function list is closed and every function total, after ENISA and the Handbook on
//! SDC's advice that a remote query system must not tell by failing.

use crate::dataset::Dataset;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::{
    DEPTH_MAX, GROUPS_MAX, KEYS_MAX, MEASURES_MAX, PARTS_MAX, SETS_MAX, Scalar, ScalarType,
    Tabulation, are_canonical, typing,
};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    let mut found = Vec::new();
    limit(&mut found, "keys", tabulation.keys.len(), KEYS_MAX);
    limit(&mut found, "grouping sets", tabulation.sets.len(), SETS_MAX);
    if !are_canonical(&tabulation.sets, &tabulation.keys) {
        found.push(Refusal::new(
            RefusalCode::Q109,
            "the grouping sets aren't written in the one form there is.",
            "Give each set once, the coarser ones first, and keep every key in one of them.",
        ));
    }
    limit(&mut found, "measures", tabulation.measures.len(), MEASURES_MAX);
    if tabulation.measures.len() <= MEASURES_MAX
        && PARTS_MAX < tabulation.parts(dataset).distinct.len()
    {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!(
                "a table has at most {PARTS_MAX} counts and totals: a histogram or quantile is made of one for each bin, and a moment of up to six."
            ),
            "Split the question.",
        ));
    }
    limit(
        &mut found,
        "cells",
        usize::try_from(tabulation.groups_max).unwrap_or(usize::MAX),
        usize::try_from(GROUPS_MAX).unwrap_or(0),
    );
    if tabulation.measures.is_empty() {
        found.push(Refusal::new(
            RefusalCode::D201,
            "a table without a measure would list the values that occur.",
            "Add `count(*)`.",
        ));
    }
    for predicate in tabulation.input.predicates() {
        check(&mut found, predicate, dataset, Some(ScalarType::Boolean));
    }
    for key in &tabulation.keys {
        check(&mut found, &key.scalar, dataset, None);
    }
    for measure in &tabulation.measures {
        if let Some(filter) = &measure.filter {
            check(&mut found, filter, dataset, Some(ScalarType::Boolean));
        }
        for argument in measure.kind.arguments() {
            check(&mut found, argument, dataset, None);
        }
    }
    found
}

fn limit(found: &mut Vec<Refusal>, what: &str, actual: usize, limit: usize) {
    if actual > limit {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!("a table has at most {limit} {what}."),
            "Split the question.",
        ));
    }
}

fn check(found: &mut Vec<Refusal>, scalar: &Scalar, dataset: &Dataset, expect: Option<ScalarType>) {
    if scalar.depth() > DEPTH_MAX {
        found.push(Refusal::new(
            RefusalCode::L502,
            format!(
                "an expression over `{}` is nested more than {DEPTH_MAX} levels deep.",
                dataset.name
            ),
            "Use `IN (...)` instead of chains, or fewer nested `CASE`s.",
        ));
        return;
    }
    match (typing::type_of(scalar, dataset), expect) {
        (Err(refusal), _) => found.push(refusal),
        (Ok(actual), Some(expected)) if actual != expected => found.push(Refusal::new(
            RefusalCode::Q107,
            format!("{actual} stands where {expected} is needed."),
            "Compare the value with something.",
        )),
        (Ok(_), _) => {}
    }
}
