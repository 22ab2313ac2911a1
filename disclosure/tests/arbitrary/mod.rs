//! Arbitrary questions: whatever a peer could put together, well typed or not.

use std::sync::Arc;

use insitu_disclosure::policy::{Predicates, Profile};
use insitu_disclosure::{
    AnswerTimes, Association, Bounds, Breakpoints, Column, Comparison, Dataset, DatasetName,
    Dispersion, Domain, Function, Input, Key, KeySet, Label, Literal, Measure, MeasureKind,
    Probability, ProtectedUnit, Protection, Reference, ReleaseMode, Scalar, ScalarType, Tabulation,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample;

/// A dataset of persons with a column of each label and type.
pub(crate) fn dataset(profile: Profile) -> Arc<Dataset> {
    let column = |name: &str, scalar_type, label| Column {
        name: name.to_owned(),
        scalar_type,
        label,
        domain: None,
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let measure = |name, scalar_type| Column {
        bounds: Some(Bounds { low: -1_000_000, high: 1_000_000 }),
        breakpoints: Some(Breakpoints::Listed(
            [-500, 0, 100, 10_000].map(|v| Literal::Int64(v).convert(scalar_type).unwrap()).into(),
        )),
        ..column(name, scalar_type, Label::Measure)
    };
    let codes = ["F", "M", "X"].map(|c| Literal::Utf8(c.to_owned()));
    // Whole tables are by columns with published values only.
    let whole = profile.predicates == Predicates::WholeTables;
    let areas = ["A", "B", "C", "D"].map(|c| Literal::Utf8(c.to_owned()));
    Arc::new(Dataset {
        name: DatasetName::new("health", "visits").unwrap(),
        description: None,
        columns: vec![
            column("person", ScalarType::Utf8, Label::Unit),
            Column {
                domain: whole.then(|| Domain::Codes(areas.into())),
                ..column("area", ScalarType::Utf8, Label::Dimension)
            },
            Column {
                domain: Some(Domain::Codes(codes.into())),
                ..column("sex", ScalarType::Utf8, Label::Dimension)
            },
            Column {
                domain: Some(Domain::Range(0, 9)),
                ..column("decade", ScalarType::Int64, Label::Dimension)
            },
            Column {
                breakpoints: Some(Breakpoints::Months),
                ..column("visited", ScalarType::Date, Label::Filter)
            },
            measure("cost", ScalarType::Int64),
            measure("weight", ScalarType::Decimal(2)),
            column("name", ScalarType::Utf8, Label::Hidden),
        ],
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Column { name: "person".to_owned(), unique_per_row: false },
            profile,
            release: ReleaseMode::AtGateway,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::at_once(),
            rows_about: Some(400),
            reference_joins: true,
            unit_joins: Default::default(),
        },
        snapshot: 1,
    })
}

/// Over all rows of the dataset.
pub(crate) fn scan() -> Input {
    Input::Scan { dataset: DatasetName::new("health", "visits").unwrap(), fingerprint: 7 }
}

fn scalar_type() -> impl Strategy<Value = ScalarType> {
    prop_oneof![
        Just(ScalarType::Boolean),
        Just(ScalarType::Int64),
        (0..=40_u8).prop_map(ScalarType::Decimal),
        Just(ScalarType::Float64),
        Just(ScalarType::Utf8),
        Just(ScalarType::Date),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        scalar_type().prop_map(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        prop_oneof![any::<i64>(), -2..12_i64, Just(i64::MIN)].prop_map(Literal::Int64),
        (prop_oneof![any::<i128>(), -200..200_i128], 0..=40_u8)
            .prop_map(|(value, places)| Literal::Decimal { value, places }),
        any::<f64>().prop_map(Literal::Float64),
        prop_oneof!["[FMX]", "\\PC{0,4}"].prop_map(Literal::Utf8),
        prop_oneof![any::<i32>(), 17_000..18_000_i32].prop_map(Literal::Date),
    ]
}

fn column() -> impl Strategy<Value = Scalar> {
    let names = ["person", "area", "sex", "decade", "visited", "cost", "weight", "name", "no", ""];
    proptest::sample::select(names.to_vec()).prop_map(|name| Scalar::Column(name.to_owned()))
}

fn reference() -> impl Strategy<Value = Reference> {
    (sample::select(vec!["areas", "wards"]), sample::select(vec!["area", "code"])).prop_map(
        |(table, key)| Reference {
            dataset: DatasetName::new("ref", table).unwrap(),
            key: key.to_owned(),
        },
    )
}

/// What a reference says of a dimension: of what is admitted some has a look-up.
pub(crate) fn look_up() -> impl Strategy<Value = Scalar> {
    let column = sample::select(vec![("region", ScalarType::Utf8), ("people", ScalarType::Int64)]);
    (reference(), column, sample::select(vec!["area", "sex"])).prop_map(
        |(reference, (column, value_type), by)| Scalar::Lookup {
            reference,
            column: column.to_owned(),
            value_type,
            key: Box::new(Scalar::Column(by.to_owned())),
        },
    )
}

/// Any expression, most of them ill typed.
pub(crate) fn scalar() -> impl Strategy<Value = Scalar> {
    let comparison = proptest::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ]);
    let leaf = prop_oneof![column(), literal().prop_map(Scalar::Literal)];
    leaf.prop_recursive(5, 24, 3, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            (comparison.clone(), boxed(), boxed()).prop_map(|(op, left, right)| Scalar::Compare {
                op,
                left,
                right
            }),
            vec(inner.clone(), 0..3).prop_map(Scalar::And),
            vec(inner.clone(), 0..3).prop_map(Scalar::Or),
            boxed().prop_map(Scalar::Not),
            boxed().prop_map(Scalar::IsNull),
            (boxed(), vec(literal(), 0..4))
                .prop_map(|(value, list)| Scalar::InList { value, list }),
            (boxed(), "[a-zF%_\\\\]{0,4}", any::<bool>()).prop_map(
                |(value, pattern, ignore_case)| Scalar::Like { value, pattern, ignore_case }
            ),
            (vec((inner.clone(), inner.clone()), 0..3), proptest::option::of(boxed()))
                .prop_map(|(branches, otherwise)| Scalar::Case { branches, otherwise }),
            (proptest::sample::select(Function::ALL.to_vec()), vec(inner.clone(), 0..4))
                .prop_map(|(function, args)| Scalar::Call { function, args }),
            (boxed(), scalar_type()).prop_map(|(value, to)| Scalar::Cast { value, to }),
            (reference(), sample::select(vec!["area", "region", "people"]), scalar_type(), boxed())
                .prop_map(|(reference, column, value_type, key)| Scalar::Lookup {
                    reference,
                    column: column.to_owned(),
                    value_type,
                    key
                }),
            look_up(),
        ]
    })
}

/// Any share that a quantile may have.
pub(crate) fn probability() -> impl Strategy<Value = Probability> {
    (50_000..=950_000_u32).prop_map(|millionths| Probability::new(millionths).unwrap())
}

fn measure() -> impl Strategy<Value = Measure> {
    let kind = prop_oneof![
        Just(MeasureKind::Rows),
        Just(MeasureKind::Units),
        scalar().prop_map(MeasureKind::Values),
        scalar().prop_map(MeasureKind::ApproxDistinct),
        scalar().prop_map(MeasureKind::Sum),
        scalar().prop_map(MeasureKind::Mean),
        Just(MeasureKind::Sum(Scalar::Column("cost".to_owned()))),
        Just(MeasureKind::Mean(Scalar::Column("weight".to_owned()))),
        prop_oneof![scalar(), Just(Scalar::Column("cost".to_owned()))]
            .prop_map(MeasureKind::Histogram),
        (prop_oneof![scalar(), Just(Scalar::Column("weight".to_owned()))], probability())
            .prop_map(|(argument, probability)| MeasureKind::Quantile { argument, probability }),
        (sample::select(Dispersion::ALL.to_vec()), scalar())
            .prop_map(|(of, x)| MeasureKind::Dispersion(of, x)),
        (sample::select(Association::ALL.to_vec()), column(), column())
            .prop_map(|(of, y, x)| MeasureKind::Association(of, y, x)),
    ];
    (kind, proptest::option::weighted(0.3, scalar()))
        .prop_map(|(kind, filter)| Measure { kind, filter })
}

/// Any question.
pub(crate) fn tabulation() -> impl Strategy<Value = Tabulation> {
    let keys = vec(prop_oneof![column(), scalar(), look_up()], 0..4);
    // Mostly none, or few and in order, so that some are admitted.
    let sets = prop_oneof![
        3 => Just(Vec::new()),
        2 => btree_set(0..8_u16, 0..5).prop_map(|masks| {
            let mut sets: Vec<KeySet> = masks.into_iter().map(KeySet::of_mask).collect();
            sets.sort();
            sets
        }),
        1 => vec(any::<u16>().prop_map(KeySet::of_mask), 0..70),
    ];
    (vec(scalar(), 0..3), keys, sets, vec(measure(), 0..4), any::<u32>()).prop_map(
        |(predicates, keys, sets, measures, groups_max)| Tabulation {
            input: predicates.into_iter().fold(scan(), |input, predicate| Input::Filter {
                input: Box::new(input),
                predicate,
            }),
            keys: keys.into_iter().map(|scalar| Key { scalar }).collect(),
            sets,
            measures,
            groups_max,
        },
    )
}
