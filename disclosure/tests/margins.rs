//! Grouping sets: each shows what the question for it alone shows. More cases with `PROPTEST_CASES`.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt16Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray, UInt16Array};
use insitu_disclosure::evidence::{
    Adds, Cell, Contribution, Marks, PartShape, SignCounts, Sketch, UnitWord, read, write,
};
use insitu_disclosure::function::literal_at;
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::impossible::Impossible;
use insitu_disclosure::keyed::{DatasetKeys, mix};
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::{Complementary, DifferenceGuard, Predicates, Profile};
use insitu_disclosure::tabulation::PartKind;
use insitu_disclosure::tabulation::interpret::{truth, value_of};
use insitu_disclosure::{
    Admitted, AnswerTimes, Bounds, Column, Comparison, Dataset, DatasetName, Domain, Evidence,
    Input, Key, KeySet, Label, Literal, Measure, MeasureKind, PartEvidence, Pooled, Preset,
    ProtectedUnit, Protection, Refusals, Release, ReleaseMode, SET_COLUMN, Scalar, ScalarType,
    Tabulation, admit, protect, receive,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A row: who (0 has no id), area, sex, band, cost. The last of each code is no value.
type Row = (u16, u8, u8, u8, i64);

const AREAS: [Option<&str>; 4] = [Some("N"), Some("S"), Some("W"), None];
const SEXES: [Option<&str>; 3] = [Some("F"), Some("M"), None];
const BANDS: [Option<&str>; 3] = [Some("old"), Some("young"), None];

/// What a column of a row holds.
fn values(row: &Row) -> BTreeMap<&'static str, Literal> {
    let (_, area, sex, band, cost) = *row;
    let text = |v: Option<&str>| v.map(|v| Literal::Utf8(v.to_owned()));
    let of = [
        ("area", text(AREAS[usize::from(area)])),
        ("sex", text(SEXES[usize::from(sex)])),
        ("band", text(BANDS[usize::from(band)])),
        ("cost", Some(Literal::Int64(cost))),
    ];
    of.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn cannot_be(codes: &[(&str, &str)]) -> Impossible {
    let code = |code: &str| vec![Literal::Utf8(code.to_owned())];
    Impossible::new(codes.iter().map(|(name, c)| ((*name).to_owned(), code(c))).collect()).unwrap()
}

/// `area` has no published domain unless `whole`, or tables are whole under the profile; the others have, with a code that nobody has.
fn dataset(profile: Profile, one_row_each: bool, whole: bool) -> Arc<Dataset> {
    let column = |name: &str, label, codes: &[&str]| Column {
        name: name.to_owned(),
        scalar_type: if label == Label::Measure { ScalarType::Int64 } else { ScalarType::Utf8 },
        label,
        domain: (!codes.is_empty())
            .then(|| Domain::Codes(codes.iter().map(|c| Literal::Utf8((*c).to_owned())).collect())),
        breakpoints: None,
        bounds: (label == Label::Measure).then_some(Bounds { low: 0, high: 1_000_000 }),
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let whole = whole || profile.predicates == Predicates::WholeTables;
    let areas: &[&str] = if whole { &["N", "S", "W"] } else { &[] };
    Arc::new(Dataset {
        name: DatasetName::new("health", "visits").unwrap(),
        description: None,
        columns: vec![
            column("person", Label::Unit, &[]),
            column("area", Label::Dimension, areas),
            column("sex", Label::Dimension, &["F", "M", "X"]),
            column("band", Label::Dimension, &["old", "young"]),
            column("cost", Label::Measure, &[]),
        ],
        impossible: vec![
            cannot_be(&[("area", "W"), ("sex", "F")]),
            cannot_be(&[("sex", "M"), ("band", "young")]),
        ],
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Column { name: "person".to_owned(), unique_per_row: one_row_each },
            profile,
            release: ReleaseMode::AtGateway,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::default(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        },
        snapshot: 1,
    })
}

fn question(keys: &[&str], masks: &[u16], predicate: Option<Scalar>) -> Tabulation {
    let name = DatasetName::new("health", "visits").unwrap();
    let scan = Input::Scan { dataset: name, fingerprint: 7 };
    let input = match predicate {
        Some(predicate) => Input::Filter { input: Box::new(scan), predicate },
        None => scan,
    };
    let kinds = [
        MeasureKind::Rows,
        MeasureKind::Units,
        MeasureKind::Mean(Scalar::Column("cost".to_owned())),
    ];
    let mut sets: Vec<KeySet> = masks.iter().map(|mask| KeySet::of_mask(*mask)).collect();
    sets.sort();
    Tabulation {
        input,
        keys: keys.iter().map(|k| Key { scalar: Scalar::Column((*k).to_owned()) }).collect(),
        sets,
        measures: kinds.into_iter().map(|kind| Measure { kind, filter: None }).collect(),
        groups_max: 1_000,
    }
}

fn keys_of(dataset: &Dataset) -> DatasetKeys {
    DatasetKeys::derive(&[5; 32], &dataset.name)
}

/// What a node finds of these rows: each set from the rows, a unit's rows in a cell together.
fn evidence(admitted: &Admitted<Tabulation>, rows: &[Row]) -> Evidence {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let keys = keys_of(dataset);
    let predicates = tabulation.input.predicates();
    let is_mistake = |row: &Row| {
        let conditions = dataset.impossible.iter().map(Impossible::condition);
        conditions.into_iter().any(|c| truth(&c, &values(row)) == Some(true))
    };
    let taking_part: Vec<&Row> = rows
        .iter()
        .filter(|row| !is_mistake(row))
        .filter(|row| predicates.iter().all(|p| truth(p, &values(row)) == Some(true)))
        .collect();
    let mut cells = Vec::new();
    for set in tabulation.key_sets() {
        // By the keys' text: the values, and each unit's rows and total.
        type Found = (Vec<Option<Literal>>, BTreeMap<u16, (i64, i128)>);
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for row in &taking_part {
            let of_row = values(row);
            let of_key = |(i, key): (usize, &Key)| {
                if set.keeps(i) { value_of(&key.scalar, &of_row) } else { None }
            };
            let of_keys: Vec<_> = tabulation.keys.iter().enumerate().map(of_key).collect();
            let cell = found.entry(format!("{of_keys:?}")).or_insert((of_keys, BTreeMap::new()));
            let unit = cell.1.entry(row.0).or_default();
            unit.0 += 1;
            unit.1 += i128::from(row.4);
        }
        for (of_keys, units) in found.into_values() {
            let part = |kind: PartKind, shape: PartShape, infusion: Infusion| {
                let mut part = PartEvidence::default();
                let mut signs = SignCounts::new();
                for (unit, (rows, total)) in &units {
                    let count = if kind == PartKind::Units { &1 } else { rows };
                    let sum = if shape.adds == Adds::Amounts { *total } else { 0 };
                    let contribution = Contribution { count: *count, sum };
                    if *unit == 0 {
                        part.add_nameless(contribution);
                        continue;
                    }
                    let word = keys.unit_word(&unit.to_le_bytes());
                    part.add(
                        UnitWord { word, record_key: None },
                        contribution,
                        shape.adds,
                        infusion,
                    );
                    match (shape.adds, contribution) {
                        (Adds::Rows, Contribution { count: 1, .. }) => signs.add(word),
                        (Adds::Rows, _) => signs.add(mix(word ^ mix(count.unsigned_abs()))),
                        (Adds::Amounts, Contribution { sum: 0, .. }) => {}
                        (Adds::Amounts, _) => {
                            signs.add(mix(word ^ mix(total.unsigned_abs() as u64)))
                        }
                    }
                }
                if shape.sketch {
                    let mut sketch = Sketch::ZERO;
                    sketch.add(&signs.to_sketch());
                    part.sketch = Some(Box::new(sketch));
                }
                if !shape.noise {
                    part.record_keys = 0;
                }
                part
            };
            let parts = tabulation.parts(dataset).distinct;
            let parts = parts
                .iter()
                .map(|p| part(p.kind, PartShape::of(p, dataset), Infusion::of(p, dataset)))
                .collect();
            cells.push(Cell { set, keys: of_keys, parts });
        }
    }
    let mut evidence = Evidence { cells };
    evidence.draw(admitted, &keys, 1);
    evidence
}

fn asked(
    dataset: &Arc<Dataset>,
    tabulation: Tabulation,
    rows: &[Row],
    guard: &MemoryStore,
) -> RecordBatch {
    let admitted = admit(tabulation, Arc::clone(dataset)).unwrap();
    let found = evidence(&admitted, rows);
    protect(&admitted, Pooled::of_one_department(found), &Release { snapshot: 1, guard })
        .unwrap()
        .to_batch()
        .unwrap()
}

/// What is shown, by the cell's set and keys, which are text here: values and statuses.
type Shown = BTreeMap<(u16, Vec<Option<String>>), Vec<Option<Literal>>>;

fn shown(batch: &RecordBatch, keys: usize, all: u16) -> Shown {
    let set = batch.column_by_name(SET_COLUMN);
    let first = keys + usize::from(set.is_some());
    let row = |row: usize| {
        let set = set.map_or(all, |sets| sets.as_primitive::<UInt16Type>().value(row));
        let text = |key: usize| match literal_at(batch.column(key), row) {
            Some(Literal::Utf8(text)) => Some(text),
            _ => None,
        };
        let cells = (first..batch.num_columns()).map(|c| literal_at(batch.column(c), row));
        ((set, (0..keys).map(text).collect()), cells.collect())
    };
    let shown: Shown = (0..batch.num_rows()).map(row).collect();
    assert_eq!(shown.len(), batch.num_rows(), "each cell once");
    shown
}

/// What the questions for each set alone show, asked one after the other.
fn each_by_itself(
    dataset: &Arc<Dataset>,
    (keys, masks, predicate): (&[&str], &[u16], Option<&Scalar>),
    rows: &[Row],
) -> Shown {
    let guard = MemoryStore::new(1_000_000);
    let mut all = Shown::new();
    for set in question(keys, masks, None).sets {
        let kept: Vec<&str> = set.kept(keys).copied().collect();
        let alone = question(&kept, &[], predicate.cloned());
        let batch = asked(dataset, alone, rows, &guard);
        for ((_, of_kept), cells) in shown(&batch, kept.len(), 0) {
            let mut of_kept = of_kept.into_iter();
            let spread = (0..keys.len())
                .map(|i| if set.keeps(i) { of_kept.next().flatten() } else { None })
                .collect();
            all.insert((set.mask(), spread), cells);
        }
    }
    all
}

/// Some hundred rows; of `one_row_each`, everybody has one.
fn population(one_row_each: bool) -> impl Strategy<Value = Vec<Row>> {
    let area = prop_oneof![6 => Just(0), 3 => Just(1_u8), 1 => Just(2), 1 => Just(3)];
    let sex = prop_oneof![5 => Just(0), 4 => Just(1_u8), 1 => Just(2)];
    let cost = prop_oneof![9 => 80..120_i64, 1 => Just(0), 1 => 0..40_000_i64];
    vec((0..70_u16, area, sex, 0..3_u8, cost), 0..160).prop_map(move |mut rows: Vec<Row>| {
        if one_row_each {
            for (i, row) in rows.iter_mut().enumerate() {
                row.0 = u16::try_from(i).unwrap() + 1;
            }
        }
        rows
    })
}

/// Keys, and sets of them as bits.
const FORMS: [(&[&str], &[u16]); 6] = [
    (&["area"], &[0, 1]),
    (&["area", "sex"], &[0, 1, 3]),
    (&["area", "sex"], &[0, 1, 2, 3]),
    (&["sex", "area"], &[1, 2]),
    (&["sex", "area", "band"], &[0, 1, 6]),
    (&["band", "sex"], &[1, 3]),
];

fn is_complementary(preset: Preset) -> bool {
    preset.profile().complementary == Complementary::On
}

proptest! {
    // A quarter of the usual cases: whole tables are protected, some with all their margins.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: ProptestConfig::default().cases / 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_grouping_set_shows_what_the_question_for_it_alone_shows(
        preset in select(Preset::ALL.to_vec()), (keys, masks) in select(FORMS.to_vec()),
        one_row_each: bool, whole: bool, sexes in select(vec![&[][..], &["F"], &["F", "M"]]), rows in any::<bool>().prop_flat_map(population),
    ) {
        let one_row_each = one_row_each || is_complementary(preset);
        let mut rows = rows;
        if one_row_each {
            for (unit, row) in (1..).zip(&mut rows) {
                row.0 = unit;
            }
        }
        let predicate = (!sexes.is_empty() && !is_complementary(preset)).then(|| Scalar::InList {
            value: Box::new(Scalar::Column("sex".to_owned())),
            list: sexes.iter().map(|sex| Literal::Utf8((*sex).to_owned())).collect(),
        });
        let dataset = dataset(preset.profile(), one_row_each, whole);
        let together = question(keys, masks, predicate.clone());
        let batch = asked(&dataset, together, &rows, &MemoryStore::new(1_000_000));
        let alone = each_by_itself(&dataset, (keys, masks, predicate.as_ref()), &rows);
        prop_assert_eq!(shown(&batch, keys.len(), 0), alone);
    }

    #[test]
    fn evidence_and_tables_with_sets_arrive_as_they_were_sent_and_nothing_else_does(
        (keys, masks) in select(FORMS.to_vec()), rows in population(false),
    ) {
        let dataset = dataset(Profile::STANDARD, false, false);
        let admitted = admit(question(keys, masks, None), Arc::clone(&dataset)).unwrap();
        let mut sent = evidence(&admitted, &rows);
        let batch = write(&admitted, &sent).unwrap();
        // The marks of single units stay at the node.
        for part in sent.cells.iter_mut().flat_map(|cell| &mut cell.parts) {
            if let Some(sketch) = &mut part.sketch {
                **sketch = sketch.with_marks((sketch.n() == 0).then_some(Marks::NONE));
            }
        }
        prop_assert_eq!(read(&admitted, std::slice::from_ref(&batch)), Some(sent));
        let table = asked(&dataset, admitted.tabulation().clone(), &rows, &MemoryStore::new(1_000_000));
        let received = receive(&admitted, std::slice::from_ref(&table)).expect("an honest table");
        prop_assert_eq!(&received.to_batch().unwrap(), &table);
        for batch in [batch, table] {
            let at = batch.schema().index_of(SET_COLUMN).unwrap();
            let read_back = |changed: RecordBatch| {
                read(&admitted, std::slice::from_ref(&changed)).is_some() || receive(&admitted, &[changed]).is_some()
            };
            let with = |column: usize, values: ArrayRef| {
                let mut columns = batch.columns().to_vec();
                columns[column] = values;
                RecordBatch::try_new(batch.schema(), columns).unwrap()
            };
            let sets: Vec<u16> = batch.column(at).as_primitive::<UInt16Type>().values().to_vec();
            for (row, set) in sets.iter().enumerate() {
                let changed = |to: u16| -> ArrayRef {
                    Arc::new((0..sets.len()).map(|r| Some(if r == row { to } else { sets[r] })).collect::<UInt16Array>())
                };
                let unasked = (0..=u16::MAX).find(|mask| !masks.contains(mask)).unwrap();
                prop_assert!(!read_back(with(at, changed(unasked))), "a set that wasn't asked for");
                // A value where the key is rolled up.
                for key in (0..keys.len()).filter(|key| !KeySet::of_mask(*set).keeps(*key)) {
                    let column = batch.column(key).as_string::<i32>();
                    let values = (0..sets.len()).map(|r| {
                        if r == row { Some("F") } else { (!column.is_null(r)).then(|| column.value(r)) }
                    });
                    let values: ArrayRef = Arc::new(values.collect::<StringArray>());
                    prop_assert!(!read_back(with(key, values)), "a value of all values");
                }
            }
        }
    }

    /// Patterns that cost the same are many. If which is found hung on how the question is written, the cells that
    /// one hides could be read in the other.
    #[test]
    fn the_same_table_hides_the_same_cells_whatever_the_order_of_its_keys(
        preset in select(vec![Preset::Exact, Preset::Round5]), rows in population(true),
    ) {
        let profile = Profile { guard: DifferenceGuard::Off, ..preset.profile() };
        let dataset = dataset(profile, true, true);
        let guard = MemoryStore::new(0);
        let of = |keys: [&str; 2]| shown(&asked(&dataset, question(&keys, &[], None), &rows, &guard), 2, 0);
        let turned: Shown = of(["sex", "area"])
            .into_iter()
            .map(|((set, mut keys), cells)| {
                keys.reverse();
                ((set, keys), cells)
            })
            .collect();
        prop_assert_eq!(of(["area", "sex"]), turned);
    }

    /// With true values shown, a line of cells and their total must not have a single gap.
    #[test]
    fn no_suppressed_cell_of_a_cube_is_its_total_less_the_others(rows in population(true)) {
        // Everybody has a value, so that all cells of each line are in the table.
        let rows: Vec<Row> = rows.into_iter().filter(|r| r.1 < 3 && r.2 < 2).collect();
        let profile = Profile { guard: DifferenceGuard::Off, ..Preset::Exact.profile() };
        let dataset = dataset(profile, true, true);
        let cube = question(&["area", "sex"], &[0, 1, 2, 3], None);
        let batch = asked(&dataset, cube, &rows, &MemoryStore::new(0));
        let table = shown(&batch, 2, 0);
        let cell = |area: Option<&str>, sex: Option<&str>| {
            let set = u16::from(area.is_some()) | (u16::from(sex.is_some()) << 1);
            let keys = vec![area.map(str::to_owned), sex.map(str::to_owned)];
            table.get(&(set, keys)).expect("a public row")[0].clone()
        };
        let areas = [Some("N"), Some("S"), Some("W"), None];
        let sexes = [Some("F"), Some("M"), Some("X"), None];
        let rows = areas.map(|a| sexes.map(|s| cell(a, s)).to_vec());
        let columns = sexes.map(|s| areas.map(|a| cell(a, s)).to_vec());
        for line in rows.iter().chain(&columns) {
            prop_assert_ne!(line.iter().filter(|value| value.is_none()).count(), 1, "{:?}", table);
        }
    }
}

fn refused(tabulation: Tabulation) -> String {
    let dataset = dataset(Profile::STANDARD, false, true);
    let refusals: Refusals = admit(tabulation, dataset).unwrap_err();
    refusals.to_string()
}

#[test]
fn a_unit_in_several_cells_is_one_unit_in_their_margin() {
    let dataset = dataset(Profile { threshold_units: 0, ..Profile::STANDARD }, false, true);
    // Ten people, each in both areas.
    let rows: Vec<Row> = (1..=10).flat_map(|p| [(p, 0, 0, 0, 100), (p, 1, 0, 0, 100)]).collect();
    let admitted = admit(question(&["area"], &[0, 1], None), dataset).unwrap();
    let units: Vec<i64> =
        evidence(&admitted, &rows).cells.iter().map(|cell| cell.parts[1].units).collect();
    assert_eq!(units, [10, 10, 10]);
}

#[test]
fn sets_in_another_form_and_too_many_are_refused() {
    assert!(refused(question(&["area", "sex"], &[3], None)).contains("Q109"));
    assert!(refused(question(&["area", "sex"], &[0, 1], None)).contains("Q109"), "a key in no set");
    let mut turned = question(&["area", "sex"], &[0, 1, 3], None);
    turned.sets.reverse();
    assert!(refused(turned).contains("Q109"));
    let keys = ["area", "sex", "band", "area", "sex", "band", "area"];
    let cube: Vec<u16> = (0..128).collect();
    assert!(refused(question(&keys, &cube, None)).contains("L503"), "128 sets");
    let sixteen = ["area"; 16];
    let every: Vec<u16> = (0..=u16::MAX).collect();
    assert!(refused(question(&sixteen, &every, None)).contains("L503"), "65,536 sets");
    assert!(refused(question(&["person", "sex"], &[1, 2], None)).contains("D202"));
    assert!(refused(question(&["sex", "cost"], &[1, 2], None)).contains("D203"));
}

/// Rows that everybody knows of stand in any case: together they must not be more than an answer's cells.
#[test]
fn the_public_rows_of_all_sets_are_counted() {
    let ask = |places: usize| {
        let mut wide = dataset(Profile::STANDARD, false, true).as_ref().clone();
        let codes: Vec<Literal> = (0..4_000).map(Literal::Int64).collect();
        let template = wide.column("band").unwrap().clone();
        let names: Vec<String> = (0..places).map(|i| format!("place{i}")).collect();
        wide.columns.extend(names.iter().map(|name| Column {
            name: name.clone(),
            scalar_type: ScalarType::Int64,
            domain: Some(Domain::Codes(codes.clone())),
            ..template.clone()
        }));
        let keys: Vec<&str> = names.iter().map(String::as_str).chain(["band"]).collect();
        // Each place has its 4,000 codes, and these by two bands.
        let alone = (0..places).map(|i| 1_u16 << i);
        let sets: Vec<u16> = alone.flat_map(|mask| [mask, mask | 1 << places]).collect();
        admit(question(&keys, &sets, None), Arc::new(wide)).map_err(|refusals| refusals.to_string())
    };
    assert!(ask(8).is_ok(), "96,000");
    assert!(ask(9).unwrap_err().contains("L503"), "108,000");
}

#[test]
fn a_predicate_beneath_a_margin_stays_part_of_it() {
    let dataset = dataset(Profile::STANDARD, false, true);
    let women = Scalar::Compare {
        op: Comparison::Equal,
        left: Box::new(Scalar::Column("sex".to_owned())),
        right: Box::new(Scalar::Literal(Literal::Utf8("F".to_owned()))),
    };
    let rows: Vec<Row> = (1..=60).map(|p| (p, (p % 2) as u8, (p % 3 == 0) as u8, 0, 100)).collect();
    let total = |predicate: Option<Scalar>| {
        let cube = question(&["sex", "area"], &[0, 1, 2, 3], predicate);
        let batch = asked(&dataset, cube, &rows, &MemoryStore::new(1_000_000));
        shown(&batch, 2, 0).remove(&(0, vec![None, None])).unwrap()[0].clone()
    };
    // 40 women of 60 people: where `sex` is rolled up, the condition on it still holds.
    let [Some(Literal::Int64(all)), Some(Literal::Int64(women))] =
        [total(None), total(Some(women))]
    else {
        panic!("suppressed")
    };
    assert!((all - 60).abs() <= 10 && (women - 40).abs() <= 10, "{all} {women}");
}

/// All rows of an area less those that have a sex are those that have none: a row of the table by area and sex, of few.
#[test]
fn where_margins_are_protected_what_tables_are_by_is_not_counted_beside_them() {
    for preset in Preset::ALL {
        let asked = |of: &str| {
            let mut asked = question(&["area"], &[], None);
            let kind = MeasureKind::Values(Scalar::Column(of.to_owned()));
            asked.measures = vec![Measure { kind, filter: None }];
            admit(asked, dataset(preset.profile(), true, true)).map_err(|told| told.to_string())
        };
        assert!(asked("cost").is_ok(), "{preset:?}");
        match asked("sex") {
            Ok(_) => assert!(!is_complementary(preset), "{preset:?}"),
            Err(told) => {
                assert!(is_complementary(preset), "{preset:?}: {told}");
                assert!(told.contains("D206") && told.contains("Group by `sex`"), "{told}");
            }
        }
    }
}
