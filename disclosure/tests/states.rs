//! Tables of two states of the data, where nothing is added to them: what somebody who came in between has.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use insitu_disclosure::evidence::{Cell, Contribution, PartShape, SignCounts, UnitWord};
use insitu_disclosure::function::literal_at;
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::keyed::{DatasetKeys, mix};
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::Complementary;
use insitu_disclosure::tabulation::PartKind;
use insitu_disclosure::{
    AnswerTimes, Bounds, Column, Dataset, DatasetName, Dispersion, Domain, Evidence, Input, Key,
    KeySet, Label, Literal, Measure, MeasureKind, PartEvidence, Pooled, Preset, Profile,
    ProtectedUnit, Protection, Release, ReleaseMode, Scalar, ScalarType, Tabulation, admit,
    protect,
};

/// Nobody has nothing, so that deviations may be from a bound.
const INCOMES: Bounds = Bounds { low: 1_000, high: 1_000_000 };

/// Who, and their income.
type Person = (u64, i64);

const KEYS: [&str; 2] = ["area", "sex"];

fn dataset(profile: Profile) -> Arc<Dataset> {
    let column = |name: &str, label| Column {
        name: name.to_owned(),
        scalar_type: if label == Label::Dimension { ScalarType::Utf8 } else { ScalarType::Int64 },
        label,
        domain: (label == Label::Dimension)
            .then(|| Domain::Codes(["0", "1"].map(|v| Literal::Utf8(v.to_owned())).into())),
        breakpoints: None,
        bounds: (label == Label::Measure).then_some(INCOMES),
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let mut columns = vec![column("person", Label::Unit), column("income", Label::Measure)];
    columns.extend(KEYS.map(|name| column(name, Label::Dimension)));
    Arc::new(Dataset {
        name: DatasetName::new("tax", "payers").unwrap(),
        description: None,
        columns,
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Column { name: "person".to_owned(), unique_per_row: true },
            profile,
            release: ReleaseMode::AtNode,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::default(),
            rows_about: None,
            reference_joins: false,
            unit_joins: Default::default(),
        },
        snapshot: 1,
    })
}

/// A state of the data and what was released of all of them.
struct Office {
    dataset: Arc<Dataset>,
    guard: MemoryStore,
}

impl Office {
    fn new(profile: Profile) -> Self {
        Self { dataset: dataset(profile), guard: MemoryStore::new(100_000) }
    }

    /// Counts and totals by one column, of which everybody has one of two values; `None` for each that isn't shown.
    fn table(&self, key: &str, state: u64, people: &[Person]) -> Vec<[Option<i64>; 2]> {
        let kinds = [MeasureKind::Rows, MeasureKind::Sum(Scalar::Column("income".to_owned()))];
        let rows = self.of(&kinds, key, state, people);
        rows.into_iter().map(|row| row.try_into().unwrap()).collect()
    }

    /// The same of any measures.
    fn of(
        &self,
        kinds: &[MeasureKind],
        key: &str,
        state: u64,
        people: &[Person],
    ) -> Vec<Vec<Option<i64>>> {
        let scan = Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 };
        let tabulation = Tabulation {
            input: scan,
            keys: vec![Key { scalar: Scalar::Column(key.to_owned()) }],
            sets: Vec::new(),
            measures: kinds
                .iter()
                .map(|kind| Measure { kind: kind.clone(), filter: None })
                .collect(),
            groups_max: 100,
        };
        let admitted = admit(tabulation, Arc::clone(&self.dataset)).unwrap();
        let keys = DatasetKeys::derive(&[3; 32], &self.dataset.name);
        let place = KEYS.iter().position(|k| *k == key).unwrap();
        let mut found: BTreeMap<u64, Vec<Person>> = BTreeMap::new();
        for person in people {
            found.entry(mix(person.0) >> (7 * place + 1) & 1).or_default().push(*person);
        }
        let parts = admitted.tabulation().parts(&self.dataset).distinct;
        let cells = found.into_iter().map(|(value, people)| Cell {
            set: KeySet::all(1),
            keys: vec![Some(Literal::Utf8(value.to_string()))],
            parts: parts
                .iter()
                .map(|part| {
                    let (mut evidence, mut signs) = (PartEvidence::default(), SignCounts::new());
                    for (person, income) in &people {
                        let word = keys.unit_word(&person.to_le_bytes());
                        let income = i128::from(*income);
                        let origin = part.origins(&self.dataset).0;
                        let sum = match part.kind {
                            PartKind::Sum => income,
                            PartKind::Deviations => income - origin,
                            PartKind::Squares => (income - origin).pow(2),
                            PartKind::Rows | PartKind::Values | PartKind::Units => 0,
                            PartKind::Distinct | PartKind::Products => panic!("not asked for"),
                        };
                        let shape = PartShape::of(part, &self.dataset);
                        let unit = UnitWord { word, record_key: None };
                        let contribution = Contribution { count: 1, sum };
                        evidence.add(unit, contribution, shape.adds, Infusion::None);
                        signs.add(mix(word ^ mix(sum as u64)));
                    }
                    evidence.record_keys = 0;
                    evidence.sketch = Some(Box::new(signs.to_sketch()));
                    evidence
                })
                .collect(),
        });
        let mut evidence = Evidence { cells: cells.collect() };
        evidence.draw(&admitted, &keys, state);
        let release = Release { snapshot: state, guard: &self.guard };
        let table = protect(&admitted, Pooled::of_one_department(evidence), &release).unwrap();
        let batch = table.to_batch().unwrap();
        let number = |column: usize, row: usize| match literal_at(batch.column(column), row) {
            Some(Literal::Int64(value)) => Some(value),
            Some(Literal::Decimal { value, .. }) => i64::try_from(value).ok(),
            Some(Literal::Float64(value)) => Some(value as i64),
            _ => None,
        };
        let measures = 0..kinds.len();
        let of_row = |row| measures.clone().map(|m| number(1 + 2 * m, row)).collect();
        (0..batch.num_rows()).map(of_row).collect()
    }
}

fn people(first: u64, last: u64) -> Vec<Person> {
    (first..last).map(|person| (person, 10_000 + (mix(person ^ 5) % 90_000) as i64)).collect()
}

/// Counts and totals of all rows, if all are shown. A row of which nothing is isn't there.
fn totals(table: &[[Option<i64>; 2]]) -> [Option<i64>; 2] {
    [0, 1].map(|column| {
        let shown: Option<Vec<i64>> = table.iter().map(|row| row[column]).collect();
        shown.filter(|shown| shown.len() == 2).map(|shown| shown.iter().sum())
    })
}

/// By area before, by sex after, of so many newcomers: what the totals differ by, where both are shown.
fn difference(profile: Profile, newcomers: u64) -> [Option<i64>; 2] {
    let office = Office::new(profile);
    let before = totals(&office.table("area", 1, &people(0, 400)));
    let after = totals(&office.table("sex", 2, &people(0, 400 + newcomers)));
    [0, 1].map(|column| Some(after[column]? - before[column]?))
}

#[test]
fn attack_23_a_newcomer_by_other_columns() {
    let [(_, income)] = people(400, 401)[..] else { panic!("one") };
    for preset in [Preset::Exact, Preset::Round5] {
        let profile = preset.profile();
        // Cells are compared without the rule, too; no two of these are of nearly the same people.
        let without = Profile { complementary: Complementary::Off, ..profile };
        let [_, known] = difference(without, 1);
        assert!(known.unwrap().abs_diff(income) <= 10, "{known:?} {income}");
        for newcomers in 1..=6 {
            assert_eq!(difference(profile, newcomers), [None, None], "{newcomers}");
        }
        // Enough came for nobody to be the difference.
        let [count, _] = difference(profile, 40);
        assert!(count.unwrap().abs_diff(40) <= 10, "{count:?}");
    }
}

/// Who came is told by any measure, and by two that have nothing in common.
#[test]
fn attack_23_a_newcomer_by_other_measures() {
    let income = || Scalar::Column("income".to_owned());
    let kinds = [
        MeasureKind::Rows,
        MeasureKind::Units,
        MeasureKind::Values(income()),
        MeasureKind::Sum(income()),
        MeasureKind::Mean(income()),
        MeasureKind::Dispersion(Dispersion::VarianceOfSample, income()),
    ];
    for before in &kinds {
        for after in &kinds {
            let office = Office::new(Preset::Exact.profile());
            let [before, after] = [(before, "area", 1, 400), (after, "sex", 2, 401)].map(
                |(kind, key, state, number)| {
                    let table =
                        office.of(std::slice::from_ref(kind), key, state, &people(0, number));
                    table.iter().filter(|row| row[0].is_some()).count()
                },
            );
            assert_eq!((before, after), (2, 0));
        }
    }
}

#[test]
fn the_same_people_are_the_same_whole_by_any_column_and_in_any_state() {
    let office = Office::new(Preset::Exact.profile());
    let all = people(0, 400);
    let first = totals(&office.table("area", 1, &all));
    assert_eq!(first, totals(&office.table("sex", 1, &all)));
    assert_eq!(first, totals(&office.table("sex", 2, &all)));
    assert_eq!(first[0], Some(400));
}

/// Each load is compared with what was shown, and not with the load before: what is held back adds up.
#[test]
fn small_loads_add_up() {
    let office = Office::new(Preset::Exact.profile());
    let shown_at = |state: u64| {
        let table = office.table("sex", state, &people(0, 400 + 3 * state));
        totals(&table)[0].is_some()
    };
    assert!(shown_at(0));
    assert!(!shown_at(1) && !shown_at(2));
    let first = (3..=8).find(|state| shown_at(*state)).expect("24 newcomers are enough");
    assert!(!shown_at(first + 1), "compared with the newest that was shown, too");
    assert!(shown_at(0) && !shown_at(1), "what was answered is answered as it was");
}

/// Whose income changed is told by totals alone: counts are of the same people.
#[test]
fn a_changed_amount_holds_back_totals_and_no_counts() {
    let office = Office::new(Preset::Exact.profile());
    let mut all = people(0, 400);
    assert!(totals(&office.table("area", 1, &all))[1].is_some());
    all[7].1 += 5_000;
    assert_eq!(totals(&office.table("sex", 2, &all)), [Some(400), None]);
    // A moment has the total in it, under the same name.
    let variance =
        MeasureKind::Dispersion(Dispersion::VarianceOfSample, Scalar::Column("income".to_owned()));
    let rows = office.of(&[variance], "sex", 3, &all);
    assert!(rows.iter().all(|row| row[0].is_none()), "{rows:?}");
}
