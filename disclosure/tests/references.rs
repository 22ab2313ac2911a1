//! Look-ups as parts of a question: what is refused, where a cell of one is, and what it is charged with.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

#[allow(dead_code, reason = "arbitrary questions are for the properties")]
mod arbitrary;

use std::sync::Arc;

use arbitrary::{dataset, scan};
use insitu_disclosure::budget::Condition;
use insitu_disclosure::policy::Profile;
use insitu_disclosure::reference::{Edition, Editions};
use insitu_disclosure::rules::keys::public_rows;
use insitu_disclosure::tabulation::canonical::{Coordinate, Frame};
use insitu_disclosure::{
    Comparison, Dataset, DatasetName, Input, Key, KeySet, Literal, Measure, MeasureKind, Preset,
    Protection, Reference, RefusalCode, RollUp, Scalar, ScalarType, Tabulation, UnitCount, admit,
};

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn text(value: &str) -> Literal {
    Literal::Utf8(value.to_owned())
}

fn reference(table: &str) -> Reference {
    Reference { dataset: DatasetName::new("ref", table).unwrap(), key: "area".to_owned() }
}

/// What `ref.areas` says of the key, as text.
fn look_up(column: &str, key: Scalar) -> Scalar {
    let (reference, column) = (reference("areas"), column.to_owned());
    Scalar::Lookup { reference, column, value_type: ScalarType::Utf8, key: Box::new(key) }
}

fn region() -> Scalar {
    look_up("region", column("area"))
}

/// That there is a row of `ref.areas`.
fn found() -> Scalar {
    let key = look_up("area", column("area"));
    Scalar::Not(Box::new(Scalar::IsNull(Box::new(key))))
}

fn is(left: Scalar, value: &str) -> Scalar {
    let right = Box::new(Scalar::Literal(text(value)));
    Scalar::Compare { op: Comparison::Equal, left: Box::new(left), right }
}

fn is_in(value: Scalar, list: &[&str]) -> Scalar {
    Scalar::InList { value: Box::new(value), list: list.iter().map(|v| text(v)).collect() }
}

fn question(predicates: &[Scalar], keys: &[Scalar], kind: MeasureKind) -> Tabulation {
    let input = predicates.iter().fold(scan(), |input, predicate| Input::Filter {
        input: Box::new(input),
        predicate: predicate.clone(),
    });
    Tabulation {
        input,
        keys: keys.iter().map(|scalar| Key { scalar: scalar.clone() }).collect(),
        sets: Vec::new(),
        measures: vec![Measure { kind, filter: None }],
        groups_max: 100,
    }
}

fn codes(question: Tabulation, dataset: Arc<Dataset>) -> Vec<RefusalCode> {
    match admit(question, dataset) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.iter().map(insitu_disclosure::Refusal::code).collect(),
    }
}

#[test]
fn rows_are_looked_up_by_a_dimension_as_it_is() {
    use RefusalCode::{D202, D203, D204, D206, D213, Q106};
    let standard = || dataset(Profile::STANDARD);
    let rows = || MeasureKind::Rows;
    let asked = |key: Scalar| {
        let keys = [look_up("region", key.clone())];
        let as_key = codes(question(&[], &keys, rows()), standard());
        let as_condition =
            codes(question(&[is(look_up("region", key), "North")], &[], rows()), standard());
        (as_key, as_condition)
    };
    assert_eq!(asked(column("area")), (vec![], vec![]));
    assert_eq!(asked(column("person")), (vec![D202], vec![D202]), "a unit");
    // The other rules say their part: a filter is no key, and is cut at breakpoints.
    assert_eq!(asked(column("visited")), (vec![D213, D203], vec![D213, D204]));
    assert_eq!(asked(column("cost")), (vec![D213, D203], vec![D213, D204]));
    assert_eq!(asked(column("name")), (vec![Q106], vec![Q106]), "hidden is as if it weren't there");
    let upper = Scalar::Cast { value: Box::new(column("area")), to: ScalarType::Utf8 };
    assert_eq!(asked(upper), (vec![D213], vec![D213]), "an expression");
    assert_eq!(asked(region()), (vec![D213], vec![D213]), "what another look-up gives");
    let number = Scalar::Lookup {
        reference: reference("areas"),
        column: "people".to_owned(),
        value_type: ScalarType::Int64,
        key: Box::new(column("area")),
    };
    for kind in [
        MeasureKind::Sum(number.clone()),
        MeasureKind::Mean(number.clone()),
        MeasureKind::Values(number.clone()),
        MeasureKind::Histogram(number.clone()),
    ] {
        assert_eq!(codes(question(&[], &[], kind), standard()), [D206], "no measure");
    }
}

#[test]
fn a_reference_has_one_type_for_each_column() {
    let with_type = |column: &str, value_type, by: &str| Scalar::Lookup {
        reference: reference("areas"),
        column: column.to_owned(),
        value_type,
        key: Box::new(self::column(by)),
    };
    let asked =
        |keys: &[Scalar]| codes(question(&[], keys, MeasureKind::Rows), dataset(Profile::STANDARD));
    let text = with_type("region", ScalarType::Utf8, "area");
    assert_eq!(
        asked(&[text.clone(), with_type("region", ScalarType::Int64, "area")]),
        [RefusalCode::D213]
    );
    // `area` is text and `decade` a whole number: the key can't be both.
    let by_number = with_type("region", ScalarType::Utf8, "decade");
    assert_eq!(asked(&[text.clone(), by_number]), [RefusalCode::D213]);
    assert_eq!(asked(&[text, with_type("area", ScalarType::Int64, "area")]), [RefusalCode::D213]);
}

#[test]
fn at_most_eight_references_and_only_where_the_owner_allows() {
    let of = |table: usize| Scalar::Lookup {
        reference: reference(&format!("t{table}")),
        column: "region".to_owned(),
        value_type: ScalarType::Utf8,
        key: Box::new(column("area")),
    };
    let many = |number: usize| {
        let keys: Vec<Scalar> = (0..number).map(of).collect();
        codes(question(&[], &keys, MeasureKind::Rows), dataset(Profile::STANDARD))
    };
    assert_eq!(many(8), []);
    assert_eq!(many(9), [RefusalCode::L503]);
    let mut forbidding = Dataset::clone(&dataset(Profile::STANDARD));
    if let Protection::Protected { reference_joins, .. } = &mut forbidding.protection {
        *reference_joins = false;
    }
    let asked = question(&[found()], &[region()], MeasureKind::Rows);
    assert_eq!(codes(asked, forbidding.into()), [RefusalCode::D213]);
    let mut open = Dataset::clone(&dataset(Profile::OPEN));
    open.protection = Protection::Open;
    let asked = question(&[], &[region()], MeasureKind::Rows);
    assert!(codes(asked, open.into()).contains(&RefusalCode::D213), "open rows are joined above");
}

#[test]
fn a_profile_that_refuses_case_refuses_look_ups() {
    let as_key = || question(&[], &[region()], MeasureKind::Rows);
    let as_condition = || question(&[found()], &[], MeasureKind::Rows);
    for (preset, key, condition) in [
        (Preset::Standard, vec![], vec![]),
        (Preset::OnsCkm, vec![], vec![]),
        (Preset::Midpoint6, vec![], vec![]),
        (Preset::Strict, vec![], vec![RefusalCode::D204]),
        (Preset::Round5, vec![RefusalCode::D203], vec![RefusalCode::D204]),
        (Preset::Exact, vec![RefusalCode::D203], vec![RefusalCode::D204]),
    ] {
        let dataset = || dataset(preset.profile());
        assert_eq!(codes(as_key(), dataset()), key, "{}", preset.as_str());
        assert_eq!(codes(as_condition(), dataset()), condition, "{}", preset.as_str());
    }
}

/// What a reference says isn't part of what everybody knows of the dataset.
#[test]
fn a_look_up_makes_no_public_row_and_drops_none() {
    let by_sex = Scalar::Lookup {
        reference: reference("areas"),
        column: "region".to_owned(),
        value_type: ScalarType::Utf8,
        key: Box::new(column("sex")),
    };
    let public = |predicates: &[Scalar], key: Scalar| {
        let asked = question(predicates, &[key], MeasureKind::Rows);
        let dataset = dataset(Profile::STANDARD);
        public_rows(&asked, KeySet::all(1), &dataset).map(|rows| rows.len())
    };
    assert_eq!(public(&[], column("sex")), Some(3));
    assert_eq!(public(&[is(column("sex"), "F")], column("sex")), Some(1));
    assert_eq!(public(&[is(by_sex.clone(), "x")], column("sex")), Some(3));
    assert_eq!(public(&[], by_sex), None);
}

/// Of the cell with these values of the keys, under these predicates.
fn coordinate(predicates: &[Scalar], keys: &[Scalar], values: &[Option<&str>]) -> Coordinate {
    let dataset = dataset(Profile::STANDARD);
    let asked = question(predicates, keys, MeasureKind::Rows);
    let parts = asked.parts(&dataset).distinct;
    let frame = Frame::of(&asked, &parts[0], &dataset, 1);
    let values: Vec<_> = values.iter().map(|v| v.map(text)).collect();
    frame.coordinate(KeySet::all(keys.len()), &values)
}

#[test]
fn spellings_of_one_population_are_one_coordinate() {
    let north = coordinate(&[], &[region()], &[Some("North")]);
    for (same, how) in [
        (coordinate(&[found()], &[region()], &[Some("North")]), "inner join, grouped"),
        (coordinate(&[is(region(), "North")], &[], &[]), "left join, WHERE"),
        (coordinate(&[found(), is(region(), "North")], &[], &[]), "inner join, WHERE"),
        (
            coordinate(&[Scalar::And(vec![found(), is_in(region(), &["North"])])], &[], &[]),
            "IN (SELECT)",
        ),
        (
            coordinate(&[is_in(region(), &["South", "North"])], &[region()], &[Some("North")]),
            "grouped, among others",
        ),
    ] {
        assert_eq!(same, north, "{how}");
    }
}

#[test]
fn different_populations_have_different_coordinates() {
    let other_table = Scalar::Lookup {
        reference: reference("wards"),
        column: "region".to_owned(),
        value_type: ScalarType::Utf8,
        key: Box::new(column("area")),
    };
    let all = [
        ("nothing", coordinate(&[], &[], &[])),
        ("found", coordinate(&[found()], &[], &[])),
        ("North", coordinate(&[is(region(), "North")], &[], &[])),
        ("South", coordinate(&[is(region(), "South")], &[], &[])),
        ("a stored column", coordinate(&[is(column("area"), "North")], &[], &[])),
        ("another table", coordinate(&[is(other_table.clone(), "North")], &[], &[])),
        ("another column", coordinate(&[is(look_up("name", column("area")), "North")], &[], &[])),
        (
            "by another column",
            coordinate(&[is(look_up("region", column("sex")), "North")], &[], &[]),
        ),
        ("without a region", coordinate(&[], &[region()], &[None])),
        // Where the region is NULL, that there is a row says something.
        ("found, without a region", coordinate(&[found()], &[region()], &[None])),
        // Another reference's value doesn't say that this one has a row.
        ("found, and in another", coordinate(&[found(), is(other_table, "North")], &[], &[])),
        ("not North", coordinate(&[Scalar::Not(Box::new(is(region(), "North")))], &[], &[])),
        // An area may have no row: its plain cell has people, and this one hasn't.
        ("A", coordinate(&[], &[column("area")], &[Some("A")])),
        ("A, found", coordinate(&[found()], &[column("area")], &[Some("A")])),
    ];
    for (i, (one, at)) in all.iter().enumerate() {
        for (other, there) in &all[..i] {
            assert_ne!(at, there, "{one}, {other}");
        }
    }
}

/// A node can't tell a new edition from a content that was made up to choose other people.
#[test]
fn another_content_is_another_condition_to_a_budget() {
    let edition = |byte: u8| -> Editions { [(reference("areas"), Edition([byte; 32]))].into() };
    let in_north = question(&[is(region(), "North")], &[], MeasureKind::Rows);
    let by_region = question(&[], &[region()], MeasureKind::Rows);
    for asked in [&in_north, &by_region] {
        assert_eq!(Condition::of(asked, &edition(1)), Condition::of(asked, &edition(1)));
        assert_ne!(Condition::of(asked, &edition(1)), Condition::of(asked, &edition(2)));
    }
    let plain = question(&[is(column("sex"), "F")], &[], MeasureKind::Rows);
    assert_eq!(Condition::of(&plain, &edition(1)), Condition::of(&plain, &Editions::new()));
}

#[test]
fn a_content_has_the_columns_that_are_used_with_the_keys_type() {
    let people = Scalar::Lookup {
        reference: reference("areas"),
        column: "people".to_owned(),
        value_type: ScalarType::Int64,
        key: Box::new(column("area")),
    };
    let asked = question(&[found(), is(region(), "North")], &[people], MeasureKind::Rows);
    let rows = dataset(Profile::STANDARD);
    let contents = asked.contents(&rows, &rows).unwrap();
    let expect =
        [("area", ScalarType::Utf8), ("people", ScalarType::Int64), ("region", ScalarType::Utf8)];
    let expect = expect.map(|(name, t)| (name.to_owned(), t)).to_vec();
    assert_eq!(contents, [(reference("areas"), expect)].into());
}

/// People by how many rows they have, of those that fulfil it, each area's by itself; then of those by a key above.
fn rolled_up(below: &[Scalar], filter: Option<Scalar>, keys: &[Scalar]) -> Tabulation {
    let Tabulation { input, .. } = question(below, &[], MeasureKind::Rows);
    let roll_up = RollUp {
        dimensions: vec!["area".to_owned()],
        counts: vec![UnitCount { values_of: None, filter }],
        totals: Vec::new(),
    };
    let keys: Vec<Scalar> = [&[column("count#0")], keys].concat();
    let above = question(&[], &keys, MeasureKind::Rows);
    Tabulation { input: Input::RollUp { input: Box::new(input), roll_up }, ..above }
}

fn visits() -> Arc<Dataset> {
    dataset(Profile::STANDARD)
}

#[test]
fn rows_are_looked_up_below_a_roll_up_under_the_same_rules() {
    use RefusalCode::{D202, D204, D213};
    let below = |scalar: Scalar| codes(rolled_up(&[is(scalar, "North")], None, &[]), visits());
    assert_eq!(below(region()), []);
    assert_eq!(below(look_up("region", column("person"))), [D202]);
    assert_eq!(below(look_up("region", column("visited"))), [D213, D204]);
    assert_eq!(below(look_up("region", region())), [D213]);
    let filter = |scalar: Scalar| codes(rolled_up(&[], Some(is(scalar, "North")), &[]), visits());
    assert_eq!(filter(region()), []);
    assert_eq!(filter(look_up("region", column("cost"))), [D213, D204]);
    // What is kept is looked up above; what isn't kept isn't there.
    let above = |scalar: Scalar| codes(rolled_up(&[], None, &[scalar]), visits());
    assert_eq!(above(region()), []);
    assert_eq!(above(look_up("region", column("person"))), [D202]);
    assert!(!above(look_up("region", column("sex"))).is_empty());
    // An owner who allows no joins allows none there, and a profile without `CASE` no such condition.
    let strict = Preset::Strict.profile();
    let asked = rolled_up(&[is(region(), "North")], None, &[]);
    assert!(codes(asked, dataset(strict)).contains(&D204));
}

#[test]
fn a_content_serves_a_question_above_a_roll_up_and_below_it() {
    let rows = visits();
    let asked =
        rolled_up(&[is(region(), "North")], Some(found()), &[look_up("name", column("area"))]);
    let names = ["area", "name", "region"].map(|name| (name.to_owned(), ScalarType::Utf8)).to_vec();
    let admitted = admit(asked.clone(), Arc::clone(&rows)).unwrap();
    assert_eq!(admitted.contents().unwrap(), [(reference("areas"), names)].into());
    // One column has one type, wherever it is used, and one key.
    let number = |by: &str| Scalar::Lookup {
        reference: reference("areas"),
        column: "region".to_owned(),
        value_type: ScalarType::Int64,
        key: Box::new(column(by)),
    };
    let two = rolled_up(&[is(region(), "North")], None, &[number("area")]);
    assert_eq!(codes(two, Arc::clone(&rows)), [RefusalCode::D213]);
    let people = Scalar::Lookup {
        reference: reference("areas"),
        column: "people".to_owned(),
        value_type: ScalarType::Int64,
        key: Box::new(column("count#0")),
    };
    let by_two = rolled_up(&[is(region(), "North")], None, &[people]);
    let by_two = admit(by_two, Arc::clone(&rows)).map(|admitted| admitted.contents());
    assert!(!matches!(by_two, Ok(Ok(_))), "area is text, a count is a number");
    // Another content is another condition to a budget, there too.
    let edition = |byte: u8| -> Editions { [(reference("areas"), Edition([byte; 32]))].into() };
    for below in
        [rolled_up(&[is(region(), "North")], None, &[]), rolled_up(&[], Some(found()), &[]), asked]
    {
        assert_eq!(Condition::of(&below, &edition(1)), Condition::of(&below, &edition(1)));
        assert_ne!(Condition::of(&below, &edition(1)), Condition::of(&below, &edition(2)));
    }
    let plain = rolled_up(&[is(column("sex"), "F")], None, &[]);
    assert_eq!(Condition::of(&plain, &edition(1)), Condition::of(&plain, &edition(2)));
}
