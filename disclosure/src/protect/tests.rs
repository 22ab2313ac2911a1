//! Whole tables under presets: what is shown, and what can be computed from it.

use std::sync::Arc;

use super::figure::Figure;
use super::*;
use crate::answer_times::AnswerTimes;
use crate::complementary::{CellInput, CellState, Limits, Relation, audit};
use crate::dataset::{Column, Dataset, DatasetName, Domain, ProtectedUnit, ReleaseMode};
use crate::evidence::{Evidence, Pooled, merge};
use crate::guard::MemoryStore;
use crate::impossible::Impossible;
use crate::label::Label;
use crate::policy::Preset;
use crate::tabulation::{Input, Key, KeySet, Literal, Measure, MeasureKind, Scalar};

fn dataset(preset: Preset) -> Arc<Dataset> {
    let column = |name: &str, codes: &[&str]| Column {
        name: name.to_owned(),
        scalar_type: ScalarType::Utf8,
        label: Label::Dimension,
        domain: Some(Domain::Codes(codes.iter().map(|c| Literal::Utf8((*c).to_owned())).collect())),
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    Arc::new(Dataset {
        name: DatasetName::parse("a.b").unwrap(),
        description: None,
        columns: vec![column("area", &["N", "S", "W"]), column("sex", &["F", "M"])],
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Row,
            profile: preset.profile(),
            release: ReleaseMode::AtNode,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::at_once(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        },
        snapshot: 0,
    })
}

/// Counts by area and sex as shown, `None` where suppressed; or by area alone.
fn shown(preset: Preset, keys: &[&str], counts: &[[i64; 2]; 3]) -> Vec<Option<i64>> {
    let (_, table) = protected(preset, keys, counts, Vec::new());
    numbers(&table)
}

fn numbers(table: &Protected<Table>) -> Vec<Option<i64>> {
    let values = table.get().measures()[0].values().clone();
    let number = |row| match crate::function::literal_at(&values, row) {
        Some(Literal::Int64(n)) => Some(n),
        _ => None,
    };
    (0..table.get().rows()).map(number).collect()
}

/// What a count that was shown is shown as on other terms.
fn again(profile: Profile, earlier: i128) -> Option<i128> {
    let mut of = Dataset::clone(&dataset(Preset::Midpoint6));
    let Protection::Protected { profile: of_dataset, .. } = &mut of.protection else { panic!() };
    *of_dataset = profile;
    let tabulation = Tabulation {
        input: Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 0 },
        keys: Vec::new(),
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 100,
    };
    let admitted = crate::admit(tabulation, Arc::new(of)).unwrap();
    let parts = admitted.tabulation().parts(admitted.dataset());
    let edges = edges(&admitted, &parts.of_measures, 1).remove(0);
    let rules = PartRules::of(&parts.distinct[0], edges, &admitted);
    figure::again(&rules, Figure::Alone(earlier), false)?.number()
}

#[test]
fn what_was_shown_is_shown_again_as_the_terms_of_today_allow_it() {
    let standard = Preset::Standard.profile();
    let with =
        |rounding_base, threshold_units| Profile { rounding_base, threshold_units, ..standard };
    for (profile, earlier, expect, why) in [
        (standard, 55, Some(55), "on the same terms"),
        (with(10, 10), 55, Some(60), "rounded again, half away from zero"),
        (with(10, 10), 10, Some(10), "possible as it is"),
        (with(20, 10), 10, Some(20), "rounded again"),
        (with(25, 10), 10, None, "nothing is left of it"),
        (with(5, 20), 15, None, "below the threshold of today"),
        (with(5, 20), 20, Some(20), "not below it"),
        (Preset::Midpoint6.profile(), 55, Some(57), "the middle of 55 to 60"),
        (Preset::Midpoint6.profile(), 0, Some(0), "of nobody"),
        (standard, 57, Some(55), "and back to another profile"),
        (standard, 0, None, "a zero, where none is shown"),
    ] {
        let shown = again(profile, earlier);
        assert_eq!(shown, expect, "{earlier}: {why}");
        assert!(shown.is_none_or(|n| again(profile, n) == shown), "{earlier}: once is enough");
    }
}

/// The question and its table, where these combinations can't be.
fn protected(
    preset: Preset,
    keys: &[&str],
    counts: &[[i64; 2]; 3],
    impossible: Vec<Impossible>,
) -> (Admitted<Tabulation>, Protected<Table>) {
    let scan = Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 0 };
    let tabulation = Tabulation {
        input: scan,
        keys: keys.iter().map(|k| Key { scalar: Scalar::Column((*k).to_owned()) }).collect(),
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 100,
    };
    let admitted = crate::admit(tabulation, dataset(preset)).unwrap();
    let text = |s: &str| Some(Literal::Utf8(s.to_owned()));
    let mut cells = Vec::new();
    for (area, row) in ["N", "S", "W"].iter().zip(counts) {
        for (sex, n) in ["F", "M"].iter().zip(row) {
            let all = [("area", text(area)), ("sex", text(sex))];
            let of = |key: &&str| all.iter().find(|(k, _)| k == key).and_then(|(_, v)| v.clone());
            let size = u128::try_from(*n).unwrap();
            let part = PartEvidence {
                units: *n,
                count: *n,
                absolute: size,
                largest: [size.min(1), u128::from(2 <= size)],
                ..PartEvidence::default()
            };
            let set = KeySet::all(keys.len());
            cells.push(Cell { set, keys: keys.iter().map(of).collect(), parts: vec![part] });
        }
    }
    let evidence = merge([Evidence { cells }]);
    let guard = MemoryStore::new(1_000);
    // Nothing is known of differences here: the guard has tests of its own.
    let mut off = admitted.dataset().as_ref().clone();
    if let Protection::Protected { profile, .. } = &mut off.protection {
        profile.guard = DifferenceGuard::Off;
    }
    off.impossible = impossible;
    let admitted = crate::admit(admitted.tabulation().clone(), Arc::new(off)).unwrap();
    let release = Release { snapshot: 0, guard: &guard };
    let table = protect(&admitted, Pooled::of_one_department(evidence), &release).unwrap();
    (admitted, table)
}

#[test]
fn a_suppressed_cell_is_not_its_margin_less_the_others() {
    let counts = [[3, 40], [50, 60], [70, 80]];
    // Without the rule, N F is the total of N less N M.
    let noiseless = shown(Preset::Midpoint6, &["area", "sex"], &counts);
    assert_eq!(noiseless.iter().filter(|v| v.is_none()).count(), 1);
    let exact = shown(Preset::Exact, &["area", "sex"], &counts);
    assert_eq!(exact[0], None);
    assert!(4 <= exact.iter().filter(|v| v.is_none()).count(), "a rectangle: {exact:?}");
    // The margins, asked for by themselves, are shown, and still don't tell.
    assert_eq!(shown(Preset::Exact, &["area"], &counts), [Some(43), Some(110), Some(150)]);
    assert_eq!(shown(Preset::Exact, &["sex"], &counts), [Some(123), Some(180)]);
    // What an attacker computes from all of it.
    let true_cells: Vec<i128> = counts.iter().flatten().map(|n| i128::from(*n)).collect();
    let cell = |value: i128, state| CellInput {
        value,
        cost: 1,
        state,
        lower_protection: 0,
        upper_protection: 0,
        non_negative: true,
        singleton: false,
    };
    let mut inputs: Vec<CellInput> = true_cells.iter().map(|v| cell(*v, CellState::Open)).collect();
    inputs[0].state = CellState::Primary;
    inputs[0].lower_protection = 3;
    inputs[0].upper_protection = 7;
    inputs.extend([43, 110, 150, 123, 180].map(|v| cell(v, CellState::Fixed)));
    let relations = [
        Relation { total: 6, parts: vec![0, 1] },
        Relation { total: 7, parts: vec![2, 3] },
        Relation { total: 8, parts: vec![4, 5] },
        Relation { total: 9, parts: vec![0, 2, 4] },
        Relation { total: 10, parts: vec![1, 3, 5] },
    ];
    let mut hidden: Vec<bool> = exact.iter().map(Option::is_none).collect();
    hidden.extend([false; 5]);
    let intervals = audit(&inputs, &relations, &hidden, &Limits::STANDARD).unwrap();
    assert!(intervals.iter().all(|i| i.protected), "{intervals:?}");
}

#[test]
fn a_single_suppressed_area_hides_another() {
    let counts = [[2, 3], [50, 60], [70, 80]];
    let shown = shown(Preset::Exact, &["area"], &counts);
    assert_eq!(shown[0], None);
    assert_eq!(shown.iter().filter(|v| v.is_none()).count(), 2, "{shown:?}");
}

#[test]
fn nothing_is_suppressed_beside_large_cells() {
    let counts = [[30, 40], [50, 60], [70, 80]];
    let exact = shown(Preset::Exact, &["area", "sex"], &counts);
    assert_eq!(exact, [30, 40, 50, 60, 70, 80].map(Some));
    let rounded = shown(Preset::Round5, &["area", "sex"], &[[32, 0], [51, 60], [70, 80]]);
    assert_eq!(rounded, [30, 0, 50, 60, 70, 80].map(Some), "nobody is shown as 0");
}

fn impossible(codes: &[(&str, &[&str])]) -> Vec<Impossible> {
    let literals = |codes: &[&str]| codes.iter().map(|c| Literal::Utf8((*c).to_owned())).collect();
    let codes = codes.iter().map(|(name, codes)| ((*name).to_owned(), literals(codes))).collect();
    vec![Impossible::new(codes).unwrap()]
}

#[test]
fn a_structural_zero_is_shown_as_such_and_needs_no_protection() {
    let counts = [[120, 0], [45, 50], [70, 80]];
    let no_men_in_the_north = impossible(&[("area", &["N"]), ("sex", &["M"])]);
    let keys = ["area", "sex"];
    // A zero that nobody declared is a small count, and takes others along.
    let (_, table) = protected(Preset::Exact, &keys, &counts, Vec::new());
    assert!(4 <= numbers(&table).iter().filter(|n| n.is_none()).count());
    let (admitted, table) = protected(Preset::Exact, &keys, &counts, no_men_in_the_north.clone());
    assert_eq!(numbers(&table), [120, 0, 45, 50, 70, 80].map(Some));
    let statuses = table.get().measures()[0].statuses();
    assert_eq!(statuses[1], CellStatus::StructuralZero);
    assert!(statuses.iter().filter(|s| **s == CellStatus::Released).count() == 5);
    // The gateway knows the declaration as well, and takes a table only if it agrees with it.
    let batch = table.to_batch().unwrap();
    assert!(receive(&admitted, std::slice::from_ref(&batch)).is_some());
    let (undeclared, _) = protected(Preset::Exact, &keys, &counts, Vec::new());
    assert!(receive(&undeclared, &[batch]).is_none());
    // It says nothing of margins, which have others in them.
    let (_, margin) = protected(Preset::Exact, &["sex"], &counts, no_men_in_the_north);
    assert_eq!(numbers(&margin), [Some(235), Some(130)]);
    assert_eq!(margin.get().suppressed_cells(), 0);
}

#[test]
fn a_structural_zero_protects_no_other_cell() {
    // Were N M taken for unknown, it could hide N F.
    let counts = [[3, 0], [50, 60], [70, 80]];
    let declared = impossible(&[("area", &["N"]), ("sex", &["M"])]);
    let (_, table) = protected(Preset::Exact, &["area", "sex"], &counts, declared);
    assert_eq!(numbers(&table)[..2], [None, Some(0)]);
    // N F is the area's total, which the table of areas suppresses with another.
    assert!(numbers(&table).iter().skip(2).any(Option::is_none));
}

#[test]
fn a_condition_makes_a_structural_zero_like_a_key() {
    let declared = impossible(&[("area", &["N", "S"]), ("sex", &["M"])]);
    let column = |name: &str| Scalar::Column(name.to_owned());
    let is = |name: &str, code: &str| Scalar::InList {
        value: Box::new(column(name)),
        list: vec![Literal::Utf8(code.to_owned())],
    };
    let dataset = Dataset { impossible: declared, ..dataset(Preset::Standard).as_ref().clone() };
    let scan = Input::Scan { dataset: dataset.name.clone(), fingerprint: 0 };
    let tabulation = Tabulation {
        input: Input::Filter { input: Box::new(scan), predicate: is("sex", "M") },
        keys: vec![Key { scalar: column("area") }],
        sets: vec![KeySet::NONE, KeySet::all(1)],
        measures: vec![
            Measure { kind: MeasureKind::Rows, filter: None },
            Measure { kind: MeasureKind::Rows, filter: Some(is("area", "S")) },
        ],
        groups_max: 100,
    };
    let parts = tabulation.parts(&dataset).distinct;
    let zeros = StructuralZeros::of(&tabulation, &parts, &dataset);
    let area = |code: &str| vec![Some(Literal::Utf8(code.to_owned()))];
    let by_area = KeySet::all(1);
    let of = |part| ["N", "S", "W"].map(|code| zeros.holds(part, by_area, &area(code)));
    assert_eq!(of(0), [true, true, false]);
    // The key decides where the filter names the same column.
    assert_eq!(of(1), [true, true, false]);
    assert!(!zeros.holds(0, by_area, &vec![None]), "no area is no impossible one");
    // A key that is rolled up isn't NULL: the conditions decide of the total, as if it were asked for alone.
    let total = |part| zeros.holds(part, KeySet::NONE, &vec![None]);
    assert_eq!([total(0), total(1)], [false, true]);
}

#[test]
fn suppressed_cells_are_told_rounded_up() {
    let counts = [[3, 40], [50, 60], [70, 80]];
    let (_, table) = protected(Preset::Exact, &["area", "sex"], &counts, Vec::new());
    let suppressed = numbers(&table).iter().filter(|n| n.is_none()).count();
    assert!((1..=5).contains(&suppressed));
    assert_eq!(table.get().suppressed_cells(), 5);
}
