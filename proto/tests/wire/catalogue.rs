//! What a node announces of its hierarchies.

use insitu_disclosure::hierarchy::Hierarchy;
use insitu_disclosure::*;
use insitu_proto::catalog::{decode_all, encode, fingerprint};
use insitu_proto::v1;

fn text(code: &str) -> Literal {
    Literal::Utf8(code.to_owned())
}

fn dataset() -> Dataset {
    let column = |name: &str| Column {
        name: name.to_owned(),
        scalar_type: ScalarType::Utf8,
        label: Label::Dimension,
        domain: None,
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let codes = [("E1", "N"), ("E2", "S"), ("E3", "N")];
    let codes = codes.map(|(code, parent)| (text(code), text(parent)));
    Dataset {
        name: DatasetName::new("a", "b").unwrap(),
        description: None,
        columns: vec![column("area"), column("region")],
        impossible: Vec::new(),
        hierarchies: vec![Hierarchy::new("area", "region", codes).unwrap()],
        protection: Protection::Protected {
            unit: ProtectedUnit::Row,
            profile: Preset::Exact.profile(),
            release: ReleaseMode::AtGateway,
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
    }
}

fn decoded(message: v1::Dataset) -> Option<Dataset> {
    let catalogue = v1::NodeCatalog { datasets: vec![message], ..Default::default() };
    decode_all(&catalogue).ok()?.pop()
}

#[test]
fn a_hierarchy_arrives_as_it_was_declared() {
    let dataset = dataset();
    assert_eq!(decoded(encode(&dataset)), Some(dataset.clone()));
    let without = Dataset { hierarchies: Vec::new(), ..dataset.clone() };
    assert_ne!(fingerprint(&without), fingerprint(&dataset));
}

#[test]
fn a_hierarchy_that_cannot_be_is_rejected() {
    let changed = |change: fn(&mut v1::Dataset)| {
        let mut message = encode(&dataset());
        change(&mut message);
        decoded(message)
    };
    assert!(changed(|_| {}).is_some());
    for (why, change) in [
        ("no codes", (|d| d.hierarchies[0].groups.clear()) as fn(&mut v1::Dataset)),
        ("no such column", |d| d.hierarchies[0].within = "board".to_owned()),
        ("no name", |d| d.hierarchies[0].within = "Board of".to_owned()),
        ("itself", |d| d.hierarchies[0].within = "area".to_owned()),
        ("twice", |d| d.hierarchies.push(d.hierarchies[0].clone())),
        ("too many", |d| d.hierarchies = vec![d.hierarchies[0].clone(); 17]),
        ("a circle", |d| {
            let mut back = d.hierarchies[0].clone();
            std::mem::swap(&mut back.column, &mut back.within);
            d.hierarchies.push(back);
        }),
        ("two parents", |d| {
            let codes = d.hierarchies[0].groups[0].codes.clone();
            d.hierarchies[0].groups[1].codes = codes;
        }),
        ("no coarser code", |d| d.hierarchies[0].groups[0].within = None),
        ("a measure", |d| d.columns[1].label = v1::Label::Filter.into()),
        ("open", |d| d.protection = Some(v1::dataset::Protection::Open(v1::Unit {}))),
        ("too many codes", |d| {
            let codes = d.hierarchies[0].groups[0].codes.as_mut().unwrap();
            codes.literals = vec![codes.literals[0].clone(); 10_001];
        }),
    ] {
        assert_eq!(changed(change), None, "{why}");
    }
}
