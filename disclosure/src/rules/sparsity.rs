//! Sparsity: a table that would be mostly suppressed is refused before anything is read.
//!
//! *Statement*: the data owner may declare about how many rows a dataset has, over all departments that hold it. A grouping
//! set is refused if these rows, spread evenly over its cells, are fewer in each than the threshold:
//!
//! ```text
//! rows_about < threshold_units * cells
//! cells    the combinations of the keys' values, of columns with a published domain, that the conditions leave;
//!          without those that can't be; a column that another lies within has none of its own
//! ```
//!
//! Everything in it is declared or written in the question, and nothing is of the data. A key without a published domain, and
//! how few rows a condition leaves, counts for nothing: in doubt the table is made, and its small cells are suppressed.
//! Without a declared number the rule is off, and a single total has no other cells to compare it with.
//!
//! | `rows_about = 20000`, threshold 10 | cells | rows in each | |
//! |---|---|---|---|
//! | `GROUP BY sex, age`, 2 and 100 values | 200 | 100 | made |
//! | `GROUP BY sex, age, ward`, and 12 wards | 2 400 | 8 | refused |
//! | the same `WHERE ward = 'Weirside'` | 200 | 100 at most | made |
//!
//! Rows are never spread evenly. That makes it worse: the more uneven they are, the fewer are in the typical cell. Nor are
//! there more units than rows. So of a table that is refused, about half or more would have been suppressed.
//!
//! *Stops*: nothing that the threshold doesn't; it keeps attack 11 from being tried by the thousand, and tells an analyst who
//! asks for too much before a department works for it. *Doesn't stop*: a table that is sparse because its rows are uneven.
//!
//! *Source*: the idea of a sparse table, of which more than half would be suppressed, from the flexible dissemination of the
//! Census 2021 by the Office for National Statistics; there it is judged by the data, here by what is declared.

use std::collections::{BTreeMap, BTreeSet};

use crate::dataset::Dataset;
use crate::hierarchy::ancestors;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::interpret::{truth, value_of};
use crate::tabulation::{KeySet, Literal, Scalar, Tabulation};

/// All violations: one for the first grouping set that is too sparse.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    let Some(rows_about) = dataset.rows_about() else { return Vec::new() };
    let threshold = dataset.profile().threshold_units;
    let columns = Columns::of(tabulation, dataset);
    let cells =
        tabulation.key_sets().into_iter().map(|set| columns.cells(tabulation, set, dataset));
    let sparse = cells.filter(|cells| {
        1 < *cells && u128::from(rows_about) < u128::from(threshold).saturating_mul(*cells)
    });
    let refused = |cells: u128| {
        Refusal::new(
            RefusalCode::D212,
            format!(
                "most of the table's {cells} cells would be suppressed: `{}` has about {rows_about} rows, and a cell needs {threshold} units.",
                dataset.name
            ),
            "Group by fewer or coarser dimensions, or leave conditions out.",
        )
    };
    sparse.take(1).map(refused).collect()
}

/// The keys' columns with a published domain, each with what the conditions on it alone leave of its values.
struct Columns<'a> {
    left: BTreeMap<&'a str, Vec<Literal>>,
}

impl<'a> Columns<'a> {
    fn of(tabulation: &'a Tabulation, dataset: &Dataset) -> Self {
        let mut left = BTreeMap::new();
        for name in tabulation.keys.iter().filter_map(|key| only_column(&key.scalar)) {
            let domain = dataset.column(name).and_then(|column| column.domain.as_ref());
            if let Some(domain) = domain {
                left.insert(name, domain.values());
            }
        }
        for condition in tabulation.input.predicates().into_iter().flat_map(Scalar::conjuncts) {
            if let Some(name) = only_column(condition)
                && let Some(left) = left.get_mut(name)
            {
                left.retain(|value| truth(condition, &row(name, value)) == Some(true));
            }
        }
        Self { left }
    }

    /// How many combinations of values the keys of a set have; keys over columns that aren't published don't count.
    fn cells(&self, tabulation: &Tabulation, set: KeySet, dataset: &Dataset) -> u128 {
        let mut keys: BTreeMap<&str, Vec<&Scalar>> = BTreeMap::new();
        for key in set.kept(&tabulation.keys) {
            if let Some(name) = only_column(&key.scalar).filter(|n| self.left.contains_key(n)) {
                keys.entry(name).or_default().push(&key.scalar);
            }
        }
        // What another key lies within has one value for each of that one's.
        let finer: Vec<&str> = keys.keys().copied().filter(|name| is_itself(&keys, name)).collect();
        for name in finer {
            for coarser in ancestors(&dataset.hierarchies, name).into_keys() {
                keys.remove(coarser);
            }
        }
        let distinct = |(name, keys): (&&str, &Vec<&Scalar>)| {
            let values = self.left.get(name).into_iter().flatten();
            let tuple = |value: &Literal| {
                let row = row(name, value);
                format!("{:?}", keys.iter().map(|key| value_of(key, &row)).collect::<Vec<_>>())
            };
            values.map(tuple).collect::<BTreeSet<_>>().len() as u128
        };
        let all = keys.iter().map(distinct).fold(1_u128, u128::saturating_mul);
        all.saturating_sub(self.impossible(&keys, all, dataset))
    }

    /// How many of the combinations can't be, or more: those in two declarations count twice.
    fn impossible(
        &self,
        keys: &BTreeMap<&str, Vec<&Scalar>>,
        all: u128,
        dataset: &Dataset,
    ) -> u128 {
        let of = dataset.impossible.iter().filter_map(|impossible| {
            let mut combinations = all;
            for (name, codes) in impossible.codes() {
                let left = self.left.get(name.as_str()).filter(|_| is_itself(keys, name))?;
                let ruled_out = left.iter().filter(|value| codes.contains(value)).count() as u128;
                let each = combinations.checked_div(left.len() as u128)?;
                combinations = each.saturating_mul(ruled_out);
            }
            Some(combinations)
        });
        of.fold(0, u128::saturating_add)
    }
}

/// Whether the column is a key as it is.
fn is_itself(keys: &BTreeMap<&str, Vec<&Scalar>>, name: &str) -> bool {
    keys.get(name).is_some_and(|keys| keys.iter().any(|key| is_column(key)))
}

fn row<'a>(name: &'a str, value: &Literal) -> BTreeMap<&'a str, Literal> {
    BTreeMap::from([(name, value.clone())])
}

fn is_column(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Column(_))
}

/// The one column of an expression; `None` of several, or none, or where what it looks up isn't published with the dataset.
fn only_column(scalar: &Scalar) -> Option<&str> {
    if scalar.looks_up() {
        return None;
    }
    let columns = scalar.columns();
    let mut columns = columns.iter();
    columns.next().filter(|_| columns.next().is_none()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, DatasetName, Domain, ProtectedUnit, Protection, ReleaseMode};
    use crate::hierarchy::Hierarchy;
    use crate::impossible::Impossible;
    use crate::policy::Profile;
    use crate::tabulation::{Comparison, Input, Key, Measure, MeasureKind, ScalarType};
    use crate::{AnswerTimes, Label};

    fn column(name: &str, scalar_type: ScalarType, domain: Option<Domain>) -> Column {
        Column {
            name: name.to_owned(),
            scalar_type,
            label: Label::Dimension,
            domain,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        }
    }

    fn text(code: &str) -> Literal {
        Literal::Utf8(code.to_owned())
    }

    /// 2 sexes, 100 ages, 12 wards, and streets nobody knows the number of.
    fn dataset(rows_about: Option<u64>) -> Dataset {
        let codes = |codes: &[&str]| Some(Domain::Codes(codes.iter().map(|c| text(c)).collect()));
        let wards: Vec<String> = (0..12).map(|i| format!("ward {i}")).collect();
        let wards: Vec<&str> = wards.iter().map(String::as_str).collect();
        Dataset {
            name: DatasetName::new("health", "visits").unwrap(),
            description: None,
            columns: vec![
                column("sex", ScalarType::Utf8, codes(&["F", "M"])),
                column("age", ScalarType::Int64, Some(Domain::Range(0, 99))),
                column("ward", ScalarType::Utf8, codes(&wards)),
                column("street", ScalarType::Utf8, None),
            ],
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Protected {
                unit: ProtectedUnit::Row,
                profile: Profile::STANDARD,
                release: ReleaseMode::AtNode,
                units_at_one_node: true,
                record_key: None,
                perturbation: None,
                conditions_max: None,
                answer_times: AnswerTimes::at_once(),
                rows_about,
                reference_joins: true,
                unit_joins: Default::default(),
            },
            snapshot: 0,
        }
    }

    fn named(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    fn by(keys: &[Scalar]) -> Tabulation {
        Tabulation {
            input: Input::Scan {
                dataset: DatasetName::new("health", "visits").unwrap(),
                fingerprint: 0,
            },
            keys: keys.iter().cloned().map(|scalar| Key { scalar }).collect(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 1_000,
        }
    }

    fn only(question: Tabulation, name: &str, value: Literal) -> Tabulation {
        let predicate = Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(named(name)),
            right: Box::new(Scalar::Literal(value)),
        };
        let input = Box::new(question.input);
        Tabulation { input: Input::Filter { input, predicate }, ..question }
    }

    fn refused(question: &Tabulation, rows_about: Option<u64>) -> bool {
        !violations(question, &dataset(rows_about)).is_empty()
    }

    #[test]
    fn the_table_of_the_page() {
        let coarse = by(&[named("sex"), named("age")]);
        let fine = by(&[named("sex"), named("age"), named("ward")]);
        assert!(!refused(&coarse, Some(20_000)));
        assert!(refused(&fine, Some(20_000)));
        assert!(!refused(&fine, Some(24_000)), "10 rows in each cell");
        assert!(refused(&fine, Some(23_999)));
        assert!(!refused(&only(fine, "ward", text("ward 3")), Some(20_000)), "200 cells");
    }

    #[test]
    fn without_a_declared_number_or_published_values_nothing_is_refused() {
        assert!(!refused(&by(&[named("sex"), named("age"), named("ward")]), None));
        assert!(!refused(&by(&[named("street")]), Some(1)));
        assert!(refused(&by(&[named("street"), named("age")]), Some(999)));
        assert!(!refused(&by(&[named("street"), named("age")]), Some(1_000)));
    }

    #[test]
    fn a_column_that_another_lies_within_has_no_cells_of_its_own() {
        let question = by(&[named("sex"), named("ward"), named("town")]);
        let mut dataset = dataset(Some(240));
        let towns = Some(Domain::Codes(["a", "b", "c"].map(text).into()));
        dataset.columns.push(column("town", ScalarType::Utf8, towns));
        assert!(!violations(&question, &dataset).is_empty(), "72 cells");
        let wards = (0..12).zip(["a", "b", "c"].into_iter().cycle());
        let wards = wards.map(|(ward, town)| (text(&format!("ward {ward}")), text(town)));
        dataset.hierarchies = vec![Hierarchy::new("ward", "town", wards).unwrap()];
        assert!(violations(&question, &dataset).is_empty(), "24 cells");
    }

    #[test]
    fn a_single_total_is_no_table() {
        assert!(!refused(&by(&[]), Some(0)));
        assert!(!refused(&only(by(&[named("sex")]), "sex", text("F")), Some(0)));
        assert!(!refused(&only(by(&[named("sex")]), "sex", text("neither")), Some(0)));
    }

    #[test]
    fn an_expression_has_as_many_values_as_it_takes() {
        let adult = Scalar::Compare {
            op: Comparison::Less,
            left: Box::new(named("age")),
            right: Box::new(Scalar::Literal(Literal::Int64(18))),
        };
        assert!(!refused(&by(&[adult.clone(), named("sex")]), Some(40)), "4 cells");
        assert!(refused(&by(&[adult.clone(), named("sex")]), Some(39)));
        // The same column twice has no more combinations than once.
        assert!(!refused(&by(&[adult, named("age")]), Some(1_000)));
    }

    #[test]
    fn each_grouping_set_is_judged_by_itself() {
        let sets = |sets: &[&[usize]]| Tabulation {
            sets: sets.iter().filter_map(|s| KeySet::of(s.iter().copied())).collect(),
            ..by(&[named("sex"), named("age"), named("ward")])
        };
        assert!(!refused(&sets(&[&[], &[0], &[0, 1]]), Some(20_000)));
        assert!(refused(&sets(&[&[], &[0], &[0, 1, 2]]), Some(20_000)));
    }

    #[test]
    fn what_cannot_be_is_no_cell() {
        let mut dataset = dataset(Some(3_990));
        let question = by(&[named("age"), named("sex"), named("street")]);
        let ages = |ages: std::ops::Range<i64>| ages.map(Literal::Int64).collect::<Vec<_>>();
        assert!(violations(&question, &dataset).is_empty(), "200 cells");
        dataset.protection = self::dataset(Some(1_500)).protection;
        assert!(!violations(&question, &dataset).is_empty());
        let men_below_50 =
            vec![("sex".to_owned(), vec![text("M")]), ("age".to_owned(), ages(0..50))];
        dataset.impossible = Impossible::new(men_below_50).into_iter().collect();
        assert!(violations(&question, &dataset).is_empty(), "150 cells");
    }
}
