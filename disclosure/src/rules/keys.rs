//! Keys: expressions over dimensions, and the rows a table has because everybody knows them.
//!
//! *Statement*: a key uses columns labelled `dimension` only. Where all of them have a published
//! domain, the table has a row for every value the keys can take, whether it occurs or not; elsewhere a row stands only if one of its cells is shown.
//! Where whole tables are answered, they have to be published: [`published`].
//! Each grouping set is a table like this by itself.
//!
//! | `GROUP BY sex` with domain F, M; nobody is M | row |
//! |---|---|
//! | with the rule | `M`, count `[c]` |
//! | without | the missing row says: no men |
//!
//! *Stops*: attack 11 (keys that single out) and 49 (observed values). *Doesn't stop*: a key so
//! detailed that most cells are small; they are suppressed.
//!
//! *Source*: Handbook on SDC, 2nd ed., on structural and sampling zeros.

use std::collections::{BTreeMap, BTreeSet};

use crate::condition::is_of_a_column;
use crate::dataset::{DOMAIN_VALUES_MAX, Dataset};
use crate::label::Label;
use crate::policy::Predicates;
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::published;
use crate::tabulation::interpret::{truth, value_of};
use crate::tabulation::{Comparison, GROUPS_MAX, Key, KeySet, Literal, Scalar, Tabulation};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    if dataset.is_open() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for key in &tabulation.keys {
        let whole = dataset.profile().predicates == Predicates::WholeTables;
        if whole && !matches!(key.scalar, Scalar::Column(_)) {
            found.push(Refusal::new(
                RefusalCode::D203,
                format!("`{}` is grouped by its columns as they are.", dataset.name),
                "Group by the column, and by the expression above: over the released table.",
            ));
        }
        let strict = dataset.profile().predicates == Predicates::Strict;
        if strict && !names_rows(&key.scalar) {
            found.push(Refusal::new(
                RefusalCode::D203,
                format!(
                    "`{}` is grouped by its columns, coarser forms of them and ranges.",
                    dataset.name
                ),
                "Group by the column, and by the expression above: over the released table.",
            ));
        }
        for name in key.scalar.columns() {
            let Some(column) = dataset.column(name) else { continue };
            match column.label {
                // `labels` has told about units already.
                Label::Dimension | Label::Unit | Label::Hidden => {}
                Label::Filter | Label::Measure => found.push(Refusal::new(
                    RefusalCode::D203,
                    format!(
                        "`{name}` is a `{}`, so tables aren't grouped by it.",
                        column.label.as_str()
                    ),
                    format!("Group by dimensions: {}.", dimensions(dataset)),
                )),
            }
        }
    }
    found.extend(published::violations(tabulation, dataset));
    // Each set keeps the rows that everybody knows of: together they are an answer's cells.
    let known = tabulation.sets.iter().filter_map(|set| domains(tabulation, *set, dataset));
    let rows = known.fold(0_usize, |rows, (_, combinations)| rows.saturating_add(combinations));
    if usize::try_from(GROUPS_MAX).unwrap_or(usize::MAX) < rows {
        found.push(Refusal::new(
            RefusalCode::L503,
            format!("the grouping sets have more than {GROUPS_MAX} cells together."),
            "Ask for fewer sets at once, or group by coarser dimensions.",
        ));
    }
    found
}

/// Whether a key's rows are those of a breakdown, or a range of it, so that its writer chooses none.
fn names_rows(key: &Scalar) -> bool {
    match key {
        Scalar::Literal(_) => true,
        Scalar::Compare { op, left, right } => {
            let range = match op {
                Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual => true,
                Comparison::Equal | Comparison::NotEqual => false,
            };
            let (left, right) = (left.as_ref(), right.as_ref());
            let sides = [(left, right), (right, left)];
            let is_cut = |(form, cut): (&Scalar, &Scalar)| {
                is_of_a_column(form) && matches!(cut, Scalar::Literal(_))
            };
            range && sides.into_iter().any(is_cut)
        }
        Scalar::IsNull(value) => is_of_a_column(value),
        Scalar::Column(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => is_of_a_column(key),
    }
}

fn dimensions(dataset: &Dataset) -> String {
    let columns = dataset.columns.iter().filter(|c| c.label == Label::Dimension);
    columns.take(20).map(|c| format!("`{}`", c.name)).collect::<Vec<_>>().join(", ")
}

/// One row's key values; `None` is NULL.
pub type KeyValues = Vec<Option<Literal>>;

/// The columns of a set's keys with their published values, and how many combinations of these there are; `None` if
/// they aren't all published, or too many together.
type Domains<'a> = (Vec<(&'a str, Vec<Literal>)>, usize);

fn domains<'a>(tabulation: &'a Tabulation, set: KeySet, dataset: &Dataset) -> Option<Domains<'a>> {
    let mut columns = BTreeSet::new();
    for key in set.kept(&tabulation.keys) {
        // What a look-up may give isn't published with the dataset.
        if key.scalar.looks_up() {
            return None;
        }
        columns.extend(key.scalar.columns());
    }
    let mut domains = Vec::with_capacity(columns.len());
    let mut combinations = 1_usize;
    for name in &columns {
        let values = dataset.column(name)?.domain.as_ref()?.values();
        combinations = combinations.checked_mul(values.len())?;
        domains.push((*name, values));
    }
    (combinations <= DOMAIN_VALUES_MAX).then_some((domains, combinations))
}

/// Whether a set's rows are those of [`public_rows`]: all of them stand, and no others, whatever is measured.
#[must_use]
pub fn rows_are_public(tabulation: &Tabulation, set: KeySet, dataset: &Dataset) -> bool {
    set.is_empty() || domains(tabulation, set, dataset).is_some()
}

/// The key values that every reader knows to be possible in the cells of a set, from the published domains and the
/// question's text; `None` if the domains of the columns used aren't all published, or too large together. Keys that
/// are rolled up are NULL. Without keys there is exactly one row.
#[must_use]
pub fn public_rows(
    tabulation: &Tabulation,
    set: KeySet,
    dataset: &Dataset,
) -> Option<Vec<KeyValues>> {
    if set.is_empty() {
        return Some(vec![vec![None; tabulation.keys.len()]]);
    }
    let (domains, _) = domains(tabulation, set, dataset)?;
    let columns: BTreeSet<&str> = domains.iter().map(|(name, _)| *name).collect();
    let predicates = tabulation.input.predicates();
    // Only what is said of these columns alone is known without looking at the data.
    let known: Vec<&Scalar> = predicates
        .into_iter()
        .flat_map(Scalar::conjuncts)
        .filter(|c| c.columns().is_subset(&columns) && !c.looks_up())
        .collect();
    let mut rows = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for combination in combine(&domains) {
        if !known.iter().all(|c| truth(c, &combination) == Some(true)) {
            continue;
        }
        let keys = tabulation.keys.iter().enumerate();
        let value = |(i, key): (usize, &Key)| {
            set.keeps(i).then(|| value_of(&key.scalar, &combination)).flatten()
        };
        let row: KeyValues = keys.map(value).collect();
        if seen.insert(format!("{row:?}")) {
            rows.push(row);
        }
    }
    Some(rows)
}

fn combine<'a>(domains: &[(&'a str, Vec<Literal>)]) -> Vec<BTreeMap<&'a str, Literal>> {
    let mut combinations = vec![BTreeMap::new()];
    for (name, values) in domains {
        combinations = combinations
            .into_iter()
            .flat_map(|partial| {
                values.iter().map(move |value| {
                    let mut row = partial.clone();
                    row.insert(*name, value.clone());
                    row
                })
            })
            .collect();
    }
    combinations
}
