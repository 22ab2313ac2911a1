//! Joins by the unit as parts of a question: what is refused whoever asks, under which terms a question is then, where its
//! cells are, and to whom it is charged.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

#[allow(dead_code, reason = "arbitrary questions are for the properties")]
mod arbitrary;

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::dataset;
use insitu_disclosure::budget::{Account, Condition, MemoryBudget, Unpaid, charge};
use insitu_disclosure::policy::Profile;
use insitu_disclosure::reference::Editions;
use insitu_disclosure::tabulation::JoinedDatasets;
use insitu_disclosure::tabulation::canonical::{Coordinate, Frame};
use insitu_disclosure::{
    Admitted, AnswerTimes, Comparison, Dataset, DatasetName, Input, Key, KeySet, Label, Literal,
    Measure, MeasureKind, Preset, ProtectedUnit, Protection, Reference, RefusalCode, Refusals,
    ReleaseMode, RollUp, Scalar, ScalarType, Tabulation, UnitCount, UnitJoin, UnitJoinKind,
    admit_joined,
};

fn name(table: &str) -> DatasetName {
    DatasetName::new("health", table).unwrap()
}

/// A dataset like all others, with this name, of which each is joined with each.
fn named(table: &str, profile: Profile) -> Dataset {
    let mut named = Dataset { name: name(table), ..Dataset::clone(&dataset(profile)) };
    terms(&mut named, |unit, terms| {
        let Protection::Protected { unit_joins, units_at_one_node, .. } = terms else { panic!() };
        *unit_joins = ["visits", "drugs", "people"].map(name).into();
        *units_at_one_node = true;
        *unit = table == "people";
    });
    named
}

/// Changes the terms of a dataset, and whether a unit has one row.
fn terms(dataset: &mut Dataset, change: impl FnOnce(&mut bool, &mut Protection)) {
    let mut one_row = dataset.units_have_one_row();
    change(&mut one_row, &mut dataset.protection);
    if let Protection::Protected { unit: ProtectedUnit::Column { unique_per_row, .. }, .. } =
        &mut dataset.protection
    {
        *unique_per_row = one_row;
    }
}

fn known(profile: Profile) -> JoinedDatasets {
    ["visits", "drugs", "people"].map(|t| (name(t), Arc::new(named(t, profile)))).into()
}

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn is(left: &str, value: &str) -> Scalar {
    let right = Box::new(Scalar::Literal(Literal::Utf8(value.to_owned())));
    Scalar::Compare { op: Comparison::Equal, left: Box::new(column(left)), right }
}

fn join(kind: UnitJoinKind, table: &str, predicate: Option<Scalar>) -> UnitJoin {
    UnitJoin { kind, dataset: name(table), fingerprint: 0, predicate }
}

fn semi(predicate: Option<Scalar>) -> UnitJoin {
    join(UnitJoinKind::Semi, "drugs", predicate)
}

/// A count of visits after these joins.
fn question(joins: &[UnitJoin], predicates: &[Scalar], keys: &[&str]) -> Tabulation {
    let scan = Input::Scan { dataset: name("visits"), fingerprint: 0 };
    let joined = joins
        .iter()
        .fold(scan, |input, join| Input::UnitJoin { input: Box::new(input), join: join.clone() });
    let input = predicates.iter().fold(joined, |input, predicate| Input::Filter {
        input: Box::new(input),
        predicate: predicate.clone(),
    });
    Tabulation {
        input,
        keys: keys.iter().map(|name| Key { scalar: column(name) }).collect(),
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 100,
    }
}

fn admitted(
    question: Tabulation,
    known: &JoinedDatasets,
) -> Result<Admitted<Tabulation>, Refusals> {
    admit_joined(question, Arc::clone(&known[&name("visits")]), known)
}

fn codes(question: Tabulation, known: &JoinedDatasets) -> Vec<RefusalCode> {
    let refusals = match admitted(question, known) {
        Ok(_) => return Vec::new(),
        Err(refusals) => refusals,
    };
    let mut codes: Vec<RefusalCode> = refusals.iter().map(|refusal| refusal.code()).collect();
    codes.dedup();
    codes
}

/// What a dataset is changed to, and the codes that a plain semi join is then refused with.
type Change = fn(&mut Dataset);

#[test]
fn both_owners_allow_it_or_it_is_refused_whoever_asks() {
    let all = known(Profile::STANDARD);
    assert_eq!(codes(question(&[semi(None)], &[], &[]), &all), []);
    let not_named: Change = |dataset| {
        terms(dataset, |_, terms| {
            let Protection::Protected { unit_joins, .. } = terms else { panic!() };
            unit_joins.clear();
        });
    };
    let rows_are_units: Change = |dataset| {
        terms(dataset, |_, terms| {
            let Protection::Protected { unit, .. } = terms else { panic!() };
            *unit = ProtectedUnit::Row;
        });
    };
    let open: Change = |dataset| dataset.protection = Protection::Open;
    let other_ids: Change = |dataset| {
        let unit = dataset.columns.iter_mut().find(|c| c.label == Label::Unit).unwrap();
        unit.scalar_type = ScalarType::Int64;
    };
    let at_node: Change = |dataset| {
        terms(dataset, |_, terms| {
            let Protection::Protected { release, .. } = terms else { panic!() };
            *release = ReleaseMode::AtNode;
        });
    };
    for table in ["visits", "drugs"] {
        for change in [not_named, rows_are_units, open, other_ids, at_node] {
            let mut changed = known(Profile::STANDARD);
            change(Arc::make_mut(changed.get_mut(&name(table)).unwrap()));
            assert_eq!(codes(question(&[semi(None)], &[], &[]), &changed), [RefusalCode::D215]);
        }
    }
    let elsewhere = join(UnitJoinKind::Semi, "elsewhere", None);
    assert_eq!(codes(question(&[elsewhere], &[], &[]), &all), [RefusalCode::D215]);
    let without: JoinedDatasets = [(name("visits"), Arc::clone(&all[&name("visits")]))].into();
    assert_eq!(codes(question(&[semi(None)], &[], &[]), &without), [RefusalCode::D215]);
}

#[test]
fn a_profile_that_refuses_choices_refuses_joins_and_one_that_rests_on_a_guard_needs_it() {
    let of = |visits: Preset, drugs: Preset, kind| {
        let mut both = known(Profile::STANDARD);
        for (table, preset) in [("visits", visits), ("drugs", drugs), ("people", drugs)] {
            both.insert(name(table), Arc::new(named(table, preset.profile())));
        }
        codes(question(&[join(kind, "people", None)], &[], &[]), &both)
    };
    use UnitJoinKind::{Anti, Inner, Left, Semi};
    for kind in [Semi, Anti, Inner] {
        for preset in [Preset::Strict, Preset::Round5, Preset::Exact] {
            assert_eq!(of(preset, preset, kind), [RefusalCode::D215], "{kind:?} {preset:?}");
            assert_eq!(of(Preset::Standard, preset, kind), [RefusalCode::D215]);
        }
        for preset in [Preset::Standard, Preset::Midpoint6, Preset::OnsCkm] {
            assert_eq!(of(preset, preset, kind), [], "{kind:?} {preset:?}");
        }
        assert_eq!(of(Preset::Standard, Preset::OnsCkm, kind), [], "the guard is of the rows");
        assert_eq!(of(Preset::OnsCkm, Preset::Standard, kind), [RefusalCode::D215]);
    }
    assert_eq!(of(Preset::Strict, Preset::Strict, Left), [], "it drops no rows");
    assert_eq!(of(Preset::Round5, Preset::Round5, Left), [RefusalCode::D215]);
}

#[test]
fn columns_come_of_one_row_for_each_unit_and_are_no_measures() {
    use UnitJoinKind::{Anti, Inner, Left, Semi};
    let all = known(Profile::STANDARD);
    for kind in [Inner, Left] {
        let people = [join(kind, "people", None)];
        assert_eq!(codes(question(&people, &[], &["health.people.area"]), &all), []);
        let many = [join(kind, "drugs", None)];
        assert_eq!(codes(question(&many, &[], &[]), &all), [RefusalCode::D215]);
        let twice = [people[0].clone(), people[0].clone()];
        assert_eq!(codes(question(&twice, &[], &[]), &all), [RefusalCode::D215]);
        // At its breakpoints, a filter may be cut; a measure of it is none here.
        let mut sum = question(&people, &[], &[]);
        sum.measures[0].kind = MeasureKind::Sum(column("health.people.cost"));
        assert_eq!(codes(sum, &all), [RefusalCode::D206]);
        let by_measure = question(&people, &[], &["health.people.cost"]);
        assert_eq!(codes(by_measure, &all), [RefusalCode::D203]);
        // Its unit isn't there a second time.
        let unit = question(&people, &[], &["health.people.person"]);
        assert_eq!(codes(unit, &all), [RefusalCode::Q106]);
        let hidden = question(&people, &[], &["health.people.name"]);
        assert_eq!(codes(hidden, &all), [RefusalCode::Q106]);
    }
    for kind in [Semi, Anti] {
        let choosing = [join(kind, "people", None)];
        let key = question(&choosing, &[], &["health.people.area"]);
        assert_eq!(codes(key, &all), [RefusalCode::Q106]);
    }
}

#[test]
fn conditions_of_a_join_are_under_the_rules_of_the_joined_dataset() {
    let all = known(Profile::STANDARD);
    let on = |predicate: Scalar| codes(question(&[semi(Some(predicate))], &[], &[]), &all);
    assert_eq!(on(is("area", "A")), []);
    assert_eq!(on(is("person", "p7")), [RefusalCode::D202]);
    assert_eq!(on(is("nothing", "x")), [RefusalCode::Q106]);
    assert_eq!(on(is("name", "x")), [RefusalCode::Q106], "a hidden column");
    assert_eq!(on(column("area")), [RefusalCode::Q107]);
    let cost = Scalar::Compare {
        op: Comparison::Greater,
        left: Box::new(column("cost")),
        right: Box::new(Scalar::Literal(Literal::Int64(1_234_567))),
    };
    assert_eq!(on(cost), [RefusalCode::D204]);
    let reference =
        Reference { dataset: DatasetName::new("ref", "areas").unwrap(), key: "area".into() };
    let looked_up = Scalar::Lookup {
        reference,
        column: "region".to_owned(),
        value_type: ScalarType::Utf8,
        key: Box::new(column("area")),
    };
    assert_eq!(on(Scalar::IsNull(Box::new(looked_up))), [RefusalCode::D215]);
    let deep = (0..40).fold(is("area", "A"), |scalar, _| Scalar::Not(Box::new(scalar)));
    assert_eq!(on(deep), [RefusalCode::L502]);
}

#[test]
fn there_is_one_form_of_a_join() {
    let all = known(Profile::STANDARD);
    // A filter beneath a join, a condition within an inner one, a join above a roll-up, and too many.
    let scan = Input::Scan { dataset: name("visits"), fingerprint: 0 };
    let filter = Input::Filter { input: Box::new(scan), predicate: is("area", "A") };
    let input = Input::UnitJoin { input: Box::new(filter), join: semi(None) };
    let beneath = Tabulation { input, ..question(&[], &[], &[]) };
    assert_eq!(codes(beneath, &all), [RefusalCode::Q109]);
    // What is joined may be brought together; what was brought together isn't joined.
    let counts = vec![UnitCount { values_of: None, filter: None }];
    let roll_up = RollUp { dimensions: Vec::new(), counts, totals: Vec::new() };
    let joined = |join| {
        let scan = Input::Scan { dataset: name("visits"), fingerprint: 0 };
        Input::UnitJoin { input: Box::new(scan), join }
    };
    let people_by = |input| {
        let count = Scalar::Column("count#0".to_owned());
        Tabulation { input, keys: vec![Key { scalar: count }], ..question(&[], &[], &[]) }
    };
    for one in [semi(None), join(UnitJoinKind::Anti, "people", Some(is("area", "A")))] {
        let input = Box::new(joined(one));
        let below = people_by(Input::RollUp { input, roll_up: roll_up.clone() });
        assert_eq!(codes(below, &all), []);
    }
    let scan = Input::Scan { dataset: name("visits"), fingerprint: 0 };
    let above = Input::RollUp { input: Box::new(scan), roll_up };
    let above = people_by(Input::UnitJoin { input: Box::new(above), join: semi(None) });
    assert_eq!(codes(above, &all), [RefusalCode::Q109]);
    let inner = join(UnitJoinKind::Inner, "people", Some(is("area", "A")));
    assert_eq!(codes(question(&[inner], &[], &[]), &all), [RefusalCode::Q109]);
    let five = vec![semi(None); 5];
    assert_eq!(codes(question(&five, &[], &[]), &all), [RefusalCode::L503]);
    assert_eq!(codes(question(&five[..4], &[], &[]), &all), []);
}

#[test]
fn the_rows_are_under_the_stricter_of_each_term() {
    let mut all = known(Profile::STANDARD);
    let tight = Profile { threshold_units: 40, rounding_base: 15, ..Profile::STANDARD };
    let mut drugs = named("drugs", tight);
    drugs.snapshot = 7;
    terms(&mut drugs, |_, terms| {
        let Protection::Protected { answer_times, reference_joins, .. } = terms else { panic!() };
        *answer_times = AnswerTimes::new(vec![1_000, 5_000]).unwrap();
        *reference_joins = false;
    });
    all.insert(name("drugs"), Arc::new(drugs));
    let joined = admitted(question(&[semi(None)], &[], &[]), &all).unwrap();
    let rows = joined.dataset();
    assert_eq!((rows.profile().threshold_units, rows.profile().rounding_base), (40, 15));
    assert_eq!(rows.answer_times().ms(), [1_000, 5_000]);
    assert!(!rows.reference_joins());
    assert_eq!(rows.name, name("visits"));
    assert!(!rows.units_have_one_row());
    assert_ne!(rows.snapshot, joined.base().snapshot);
    assert_eq!(joined.base().profile(), Profile::STANDARD);
    let alone = admitted(question(&[], &[], &[]), &all).unwrap();
    assert_eq!(alone.dataset(), &all[&name("visits")], "without a join nothing changes");
    assert!(alone.joined().is_empty());
}

/// Where the one cell of a question is.
fn coordinate(question: &Tabulation, known: &JoinedDatasets) -> Coordinate {
    let admitted = admitted(question.clone(), known).unwrap();
    let (rows, question) = (admitted.dataset(), admitted.tabulation());
    let parts = question.parts(rows).distinct;
    Frame::of(question, &parts[0], rows, rows.snapshot).coordinate(KeySet::NONE, &Vec::new())
}

#[test]
fn a_cell_is_where_its_joins_are_whatever_their_order_and_another_state_is_elsewhere() {
    let all = known(Profile::STANDARD);
    let of = |joins: &[UnitJoin]| coordinate(&question(joins, &[], &[]), &all);
    let anti = join(UnitJoinKind::Anti, "drugs", Some(is("area", "B")));
    let some = semi(Some(is("area", "A")));
    assert_eq!(of(&[some.clone(), anti.clone()]), of(&[anti.clone(), some.clone()]));
    assert_eq!(of(&[some.clone(), some.clone()]), of(std::slice::from_ref(&some)));
    let list = Scalar::InList {
        value: Box::new(column("area")),
        list: vec![Literal::Utf8("A".to_owned())],
    };
    assert_eq!(of(&[semi(Some(list))]), of(std::slice::from_ref(&some)));
    let different = [
        of(&[]),
        of(&[semi(None)]),
        of(std::slice::from_ref(&some)),
        of(&[anti]),
        of(&[join(UnitJoinKind::Anti, "drugs", Some(is("area", "A")))]),
        of(&[join(UnitJoinKind::Semi, "people", Some(is("area", "A")))]),
        of(&[join(UnitJoinKind::Inner, "people", None)]),
        of(&[join(UnitJoinKind::Left, "people", None)]),
        coordinate(&question(&[], &[is("area", "A")], &[]), &all),
    ];
    for (i, one) in different.iter().enumerate() {
        for other in &different[..i] {
            assert_ne!(one, other);
        }
    }
    let mut later = known(Profile::STANDARD);
    Arc::make_mut(later.get_mut(&name("drugs")).unwrap()).snapshot = 99;
    let asked = question(&[some], &[], &[]);
    assert_ne!(coordinate(&asked, &later), coordinate(&asked, &all));
    let alone = question(&[], &[], &[]);
    assert_eq!(coordinate(&alone, &later), coordinate(&alone, &all));
}

fn with_budget(table: &str, number: u32) -> Arc<Dataset> {
    let mut dataset = named(table, Profile::STANDARD);
    terms(&mut dataset, |_, terms| {
        let Protection::Protected { conditions_max, .. } = terms else { panic!() };
        *conditions_max = Some(number);
    });
    Arc::new(dataset)
}

#[test]
fn a_join_is_charged_to_each_dataset_that_has_a_budget() {
    let mut all = known(Profile::STANDARD);
    for (table, number) in [("visits", 2), ("drugs", 1)] {
        all.insert(name(table), with_budget(table, number));
    }
    let budgets = ["visits", "drugs"].map(|table| (name(table), Arc::new(MemoryBudget::default())));
    let accounts: BTreeMap<DatasetName, Account> = budgets
        .iter()
        .map(|(name, budget)| {
            (name.clone(), Account { snapshot: 1, budget: Arc::clone(budget) as _ })
        })
        .collect();
    let pay = |question: Tabulation, accounts: &_| {
        charge(admitted(question, &all).unwrap(), &Editions::new(), accounts)
    };
    let to = |value| question(&[semi(Some(is("area", value)))], &[], &[]);
    assert!(pay(to("A"), &accounts).is_ok());
    assert!(pay(to("A"), &accounts).is_ok(), "once");
    let Err(Unpaid::Spent(told)) = pay(to("B"), &accounts) else { panic!() };
    assert!(told.message().contains("`health.drugs`"), "{}", told.message());
    assert!(pay(question(&[], &[], &[]), &accounts).is_ok(), "visits alone have one left");
    // An account that is missing is never free.
    let missing = [(name("visits"), accounts[&name("visits")].clone())].into();
    assert!(matches!(pay(to("A"), &missing), Err(Unpaid::Unkept(_))));
}

#[test]
fn another_state_of_the_joined_dataset_is_another_condition() {
    let all = known(Profile::STANDARD);
    let asked = question(&[semi(None)], &[], &[]);
    let of = |joined: &JoinedDatasets| Condition::of_joined(&asked, &Editions::new(), joined);
    let mut later = known(Profile::STANDARD);
    assert_eq!(of(&all), of(&later));
    Arc::make_mut(later.get_mut(&name("drugs")).unwrap()).snapshot = 99;
    assert_ne!(of(&all), of(&later));
    let alone = Condition::of(&question(&[], &[], &[]), &Editions::new());
    assert_ne!(of(&all), alone);
}

#[test]
fn a_left_join_that_chooses_all_the_same_is_refused_where_choices_are() {
    let all = known(Preset::Strict.profile());
    let area = || is("health.people.area", "A");
    let left = |predicate| [join(UnitJoinKind::Left, "people", predicate)];
    let by_area = question(&left(None), &[], &["health.people.area"]);
    assert_eq!(codes(by_area.clone(), &all), [], "a breakdown");
    // In `ON`, in `WHERE` and in `FILTER`.
    assert_eq!(codes(question(&left(Some(is("area", "A"))), &[], &[]), &all), [RefusalCode::D215]);
    assert_eq!(codes(question(&left(None), &[area()], &[]), &all), [RefusalCode::D215]);
    let mut filtered = by_area;
    filtered.measures[0].filter = Some(area());
    assert_eq!(codes(filtered, &all), [RefusalCode::D215]);
}

#[test]
fn strict_keys_are_breakdowns_and_what_a_unit_has_is_counted_whole() {
    let by = |profile: Preset, scalar: Scalar| {
        let mut by = question(&[], &[], &["area"]);
        by.keys[0].scalar = scalar;
        codes(by, &known(profile.profile()))
    };
    let not = |scalar| Scalar::Not(Box::new(scalar));
    for chosen in [
        is("area", "A"),
        not(is("area", "A")),
        Scalar::Or(vec![is("area", "A"), is("sex", "F")]),
        Scalar::Case { branches: vec![(is("area", "A"), column("sex"))], otherwise: None },
    ] {
        assert_eq!(by(Preset::Strict, chosen.clone()), [RefusalCode::D203], "{chosen:?}");
        assert_eq!(by(Preset::Standard, chosen), []);
    }
    assert_eq!(by(Preset::Strict, Scalar::IsNull(Box::new(column("area")))), []);
    let counted = |profile: Preset, filter| {
        let counts = vec![UnitCount { values_of: None, filter }];
        let roll_up = RollUp { dimensions: Vec::new(), counts, totals: Vec::new() };
        let mut question = question(&[], &[], &[]);
        question.input = Input::RollUp { input: Box::new(question.input), roll_up };
        codes(question, &known(profile.profile()))
    };
    let is_refused = |profile, filter| counted(profile, filter).contains(&RefusalCode::D204);
    assert!(!is_refused(Preset::Strict, None));
    assert!(is_refused(Preset::Strict, Some(is("area", "A"))));
    assert!(!is_refused(Preset::Standard, Some(is("area", "A"))));
}
