//! Joins by the unit: what another dataset says of a unit chooses and describes rows, under the stricter terms of both.
//!
//! *Statement*: rows are joined by the protected unit of both datasets, and by nothing else, where the data owners of both
//! name the other dataset (`unit_joins`). Columns are added only of a dataset with one row for each unit. Conditions on the
//! joined dataset are under the rules for conditions on it. All that is then asked is under the stricter of each of both
//! datasets' terms.
//!
//! | question | answer |
//! |---|---|
//! | `... FROM episodes e WHERE EXISTS (SELECT 1 FROM prescriptions p WHERE p.person = e.person AND p.drug = 'x')` | a table |
//! | `... FROM episodes e JOIN people p ON p.person = e.person GROUP BY p.ethnicity`, one row for each person | a table |
//! | the same with several rows for each person | D215: rows would count as often |
//! | `... ON p.area = e.area` | D215 |
//! | one of the data owners doesn't name the other's dataset | D215 |
//!
//! A join is a choice of units like any condition, so a profile that refuses free choices refuses joins: under strict
//! predicates only a left join stands, which leaves all rows where they are, and where whole tables are released none does.
//! What is joined may be brought together by the unit afterwards: a join leaves all of a unit's rows or none, so what they are and
//! come to is what it is without the join. Nothing is joined to what was brought together.
//!
//! The cells are counted, noised and remembered as the first dataset's. So it needs the guard, and one row for each unit,
//! if the other's terms rest on them.
//!
//! *Stops*: attack 62, singling somebody out by what two datasets say together: the rules on cells and the guard see the units of the
//! first dataset, however they were chosen. *Doesn't stop*: comparing a table of one dataset with a table of the other;
//! each has a noise and a guard of its own.
//!
//! *Source*: the five safes' and the ONS's rule that linked data are released under the stricter of both licences; semi-joins as
//! filters are textbook relational algebra.

use std::collections::BTreeSet;

use super::{functions, input, labels};
use crate::dataset::{Dataset, DatasetName, Protection};
use crate::policy::{Complementary, Predicates};
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::unit_join::{rows, unit_column};
use crate::tabulation::{
    Input, JoinedDatasets, Measure, MeasureKind, UNIT_JOINS_MAX, UnitJoin, UnitJoinKind,
};
use crate::tabulation::{Scalar, Tabulation};

/// All violations of the joins, over the Dataset whose rows are joined and those that they are joined to.
#[must_use]
pub fn violations(tabulation: &Tabulation, base: &Dataset, known: &JoinedDatasets) -> Vec<Refusal> {
    let joins = tabulation.input.unit_joins();
    let mut found = Vec::new();
    if joins.is_empty() {
        return found;
    }
    if UNIT_JOINS_MAX < joins.len() {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!("rows are joined by their unit at most {UNIT_JOINS_MAX} times."),
            "Split the question.",
        ));
    }
    if !tabulation.input.joins_come_first() {
        found.push(Refusal::new(
            RefusalCode::Q109,
            "the joins aren't written in the one form there is.",
            "Join first, then filter.",
        ));
    }
    if unit_column(base).is_none() {
        found.push(no_unit(&base.name));
        return found;
    }
    let mut described: BTreeSet<&DatasetName> = BTreeSet::new();
    for join in joins {
        if join.kind.adds_columns() && !described.insert(&join.dataset) {
            found.push(refused(
                format!("the columns of `{}` are joined twice.", join.dataset),
                "Join it once; further conditions go into `EXISTS`.",
            ));
        }
        match known.get(&join.dataset) {
            Some(joined) => of_join(join, base, joined, known, tabulation, &mut found),
            None => found.push(Refusal::new(
                RefusalCode::D215,
                format!("`{}` isn't held where `{}` is.", join.dataset, base.name),
                "Aggregate each dataset by itself, and join the released tables.",
            )),
        }
    }
    found
}

fn of_join(
    join: &UnitJoin,
    base: &Dataset,
    joined: &Dataset,
    known: &JoinedDatasets,
    tabulation: &Tabulation,
    found: &mut Vec<Refusal>,
) {
    let (Some(unit), Some(other)) = (unit_column(base), unit_column(joined)) else {
        found.push(no_unit(&joined.name));
        return;
    };
    let allowed = base.may_be_joined_with(&joined.name) && joined.may_be_joined_with(&base.name);
    if !allowed {
        found.push(refused(
            format!("`{}` and `{}` aren't joined by their unit.", base.name, joined.name),
            "Aggregate each by itself, and join the released tables; or ask both data owners for `unit_joins`.",
        ));
    }
    if unit.scalar_type != other.scalar_type {
        found.push(refused(
            format!(
                "the unit of `{}` is {}, and that of `{}` is {}.",
                base.name, unit.scalar_type, joined.name, other.scalar_type
            ),
            "Ask the data owners for ids of one type.",
        ));
    }
    // `rows` has told what isn't known or protected.
    let Some(both) = rows(base, &[join], known) else { return };
    found.extend(terms(join, base, joined, &both, tabulation));
    if join.kind.adds_columns() && !joined.units_have_one_row() {
        found.push(refused(
            format!(
                "`{}` may have several rows for one unit, so rows joined to it would count as often.",
                joined.name
            ),
            "Ask whether there is such a row: `WHERE EXISTS (SELECT 1 FROM ... WHERE its unit = this unit AND ...)`.",
        ));
    }
    let Some(predicate) = &join.predicate else { return };
    if join.kind == UnitJoinKind::Inner {
        found.push(Refusal::new(
            RefusalCode::Q109,
            "the join isn't written in the one form there is.",
            "Put the condition above it.",
        ));
    }
    if predicate.looks_up() {
        found.push(refused(
            format!("rows of `{}` are joined to reference data within a join.", joined.name),
            "Leave one of the joins out.",
        ));
    }
    // A condition may be asked where the question with this condition could be, under the terms of both.
    let own = Dataset { protection: with_profile(joined, &both), ..joined.clone() };
    let question = counted(joined, predicate);
    found.extend(functions::violations(&question, &own));
    found.extend(labels::violations(&question, &own));
    found.extend(input::violations(&question, &own));
}

/// Whether a condition on the rows is about the columns that a join adds.
fn is_filtered_by(join: &UnitJoin, joined: &Dataset, tabulation: &Tabulation) -> bool {
    let input = &tabulation.input;
    let below = input.roll_up().map(|(_, below)| below.predicates());
    let filters = tabulation.measures.iter().filter_map(|measure| measure.filter.as_ref());
    let conditions = input.predicates().into_iter().chain(below.into_iter().flatten());
    let added = join.columns(joined);
    conditions.chain(filters).any(|condition| {
        condition.columns().into_iter().any(|name| added.iter().any(|column| column.name == name))
    })
}

/// What the terms of both together don't allow.
fn terms(
    join: &UnitJoin,
    base: &Dataset,
    joined: &Dataset,
    both: &Dataset,
    tabulation: &Tabulation,
) -> Vec<Refusal> {
    let mut found = Vec::new();
    if base.release() != joined.release() {
        found.push(refused(
            format!(
                "`{}` is released `{}`, and `{}` `{}`.",
                base.name,
                base.release().as_str(),
                joined.name,
                joined.release().as_str()
            ),
            "Ask the data owners for one release mode.",
        ));
    }
    let chooses = match join.kind {
        UnitJoinKind::Semi | UnitJoinKind::Anti | UnitJoinKind::Inner => true,
        // A condition of its own, or one on its columns above.
        UnitJoinKind::Left => join.predicate.is_some() || is_filtered_by(join, joined, tabulation),
    };
    match both.profile().predicates {
        Predicates::Free | Predicates::Standard => {}
        Predicates::Strict if !chooses => {}
        Predicates::Strict => found.push(refused(
            format!("`{}` is filtered by codes and ranges only, not by another dataset.", base.name),
            "Use `LEFT JOIN`, which drops no rows, with a dataset of one row for each unit, and group by its columns.",
        )),
        Predicates::WholeTables => found.push(refused(
            format!("`{}` or `{}` is released as whole tables only.", base.name, joined.name),
            "Aggregate each by itself, and join the released tables.",
        )),
    }
    // The guard that remembers is that of the rows; so are the margins.
    if base.profile().guard != both.profile().guard {
        found.push(refused(
            format!("`{}` has no difference guard, which `{}` rests on.", base.name, joined.name),
            "Ask the other way round: the rows of the second, chosen by the first.",
        ));
    }
    if both.profile().complementary == Complementary::On && !base.units_have_one_row() {
        found.push(refused(
            format!(
                "`{}` has many rows for a unit, and `{}` suppresses what margins would tell.",
                base.name, joined.name
            ),
            "Aggregate each by itself, and join the released tables.",
        ));
    }
    if perturbation(joined).is_some() && perturbation(joined) != perturbation(base) {
        found.push(refused(
            format!("`{}` has its own table of perturbations.", joined.name),
            "Ask the other way round: the rows of the second, chosen by the first.",
        ));
    }
    found
}

fn perturbation(dataset: &Dataset) -> Option<u64> {
    match &dataset.protection {
        Protection::Open => None,
        Protection::Protected { perturbation, .. } => perturbation.as_ref().map(|t| t.digest()),
    }
}

/// The joined Dataset's own terms, with the numbers of both.
fn with_profile(joined: &Dataset, both: &Dataset) -> Protection {
    let mut protection = joined.protection.clone();
    match &mut protection {
        Protection::Open => {}
        Protection::Protected { profile, .. } => *profile = both.profile(),
    }
    protection
}

/// The rows for which the condition holds, counted.
fn counted(joined: &Dataset, predicate: &Scalar) -> Tabulation {
    let scan = Input::Scan { dataset: joined.name.clone(), fingerprint: 0 };
    Tabulation {
        input: Input::Filter { input: Box::new(scan), predicate: predicate.clone() },
        keys: Vec::new(),
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 1,
    }
}

fn no_unit(name: &DatasetName) -> Refusal {
    refused(
        format!("`{name}` has no column that tells whose a row is."),
        "Aggregate each dataset by itself, and join the released tables.",
    )
}

fn refused(message: String, fix: &str) -> Refusal {
    Refusal::new(RefusalCode::D215, message, fix)
}
