//! Cells of open data, added up as columns: what they come to cell by cell, and nothing that can't be an answer.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use insitu_disclosure::evidence::{
    Cell, NotTogether, OpenCells, evidence_schema, merge, read, write,
};
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::{
    Admitted, Column, Dataset, DatasetName, Evidence, Input, Key, KeySet, Label, Literal, Measure,
    MeasureKind, PartEvidence, Pooled, Protection, Release, Scalar, ScalarType, Tabulation, admit,
    protect,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn dataset(protection: Protection) -> Arc<Dataset> {
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
    let columns = vec![
        column("area", ScalarType::Utf8, Label::Dimension),
        column("share", ScalarType::Float64, Label::Dimension),
        column("people", ScalarType::Int64, Label::Measure),
    ];
    let name = DatasetName::parse("ref.areas").unwrap();
    let impossible = Vec::new();
    Arc::new(Dataset {
        name,
        description: None,
        columns,
        impossible,
        hierarchies: Vec::new(),
        protection,
        snapshot: 0,
    })
}

fn admitted(keys: &[&str], sets: &[u16]) -> Admitted<Tabulation> {
    let column = |name: &str| Scalar::Column(name.to_owned());
    let kinds = [
        MeasureKind::Rows,
        MeasureKind::Values(column("people")),
        MeasureKind::Sum(column("people")),
    ];
    let question = Tabulation {
        input: Input::Scan { dataset: DatasetName::parse("ref.areas").unwrap(), fingerprint: 7 },
        keys: keys.iter().map(|name| Key { scalar: column(name) }).collect(),
        sets: sets.iter().map(|mask| KeySet::of_mask(*mask)).collect(),
        measures: kinds.map(|kind| Measure { kind, filter: None }).into(),
        groups_max: 1_000,
    };
    admit(question, dataset(Protection::Open)).unwrap()
}

/// A cell: which keys, which set, its count and its total.
type Row = (usize, usize, usize, i64, i128);

/// What a node may find: cells, some more than once, with totals to the edge.
fn answers() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let count = prop_oneof![4 => 0..50_i64, 1 => Just(i64::MAX)];
    let sum =
        prop_oneof![4 => -500..500_i128, 1 => Just(10_i128.pow(35)), 1 => Just(-(10_i128.pow(35)))];
    vec(vec((0..5_usize, 0..7_usize, 0..3_usize, count, sum), 0..30), 0..5)
}

const AREAS: [Option<&str>; 5] = [Some("a"), Some("b"), Some(""), Some("a\0"), None];
const SHARES: [Option<f64>; 7] =
    [Some(0.0), Some(-0.0), Some(1.5), Some(f64::NAN), Some(f64::INFINITY), Some(-7.0), None];

fn evidence(admitted: &Admitted<Tabulation>, rows: &[Row]) -> Evidence {
    let tabulation = admitted.tabulation();
    let parts = tabulation.parts(admitted.dataset()).distinct.len();
    let cells = rows.iter().map(|(area, share, set, count, sum)| {
        let sets = tabulation.key_sets();
        let set = sets[set % sets.len()];
        let all = [
            AREAS[*area].map(|text| Literal::Utf8(text.to_owned())),
            SHARES[*share].map(Literal::Float64),
        ];
        let keys = all.into_iter().take(tabulation.keys.len()).enumerate();
        let keys = keys.map(|(i, key)| key.filter(|_| set.keeps(i))).collect();
        let part = |p: usize| PartEvidence {
            count: count / (1 + i64::try_from(p).unwrap()),
            sum: if p == 0 { 0 } else { *sum },
            ..PartEvidence::default()
        };
        Cell { set, keys, parts: (0..parts).map(part).collect() }
    });
    Evidence { cells: cells.collect() }
}

/// As a client would see it.
fn shown(admitted: &Admitted<Tabulation>, evidence: Evidence) -> RecordBatch {
    let guard = MemoryStore::new(0);
    let release = Release { snapshot: 0, guard: &guard };
    protect(admitted, Pooled::of_one_department(evidence), &release).unwrap().to_batch().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn columns_add_up_to_what_cells_do(answers in answers(), which in 0..4_usize) {
        let admitted = match which {
            0 => admitted(&[], &[]),
            1 => admitted(&["area"], &[]),
            2 => admitted(&["area", "share"], &[]),
            _ => admitted(&["area", "share"], &[0b00, 0b01, 0b11]),
        };
        let batches: Vec<RecordBatch> = answers
            .iter()
            .map(|rows| write(&admitted, &evidence(&admitted, rows)).unwrap())
            .collect();
        let each = batches.iter().map(|b| read(&admitted, std::slice::from_ref(b)).unwrap());
        let by_cells = merge(each);
        let parts = batches.iter().map(|b| OpenCells::read(&admitted, std::slice::from_ref(b)).unwrap());
        let together = OpenCells::together(&admitted, parts.collect()).unwrap();
        prop_assert!(together.cells.len() <= by_cells.cells.len() * 2, "cells are added up");
        prop_assert_eq!(shown(&admitted, together), shown(&admitted, by_cells));
        // And on the wire they are what cells are.
        for batch in batches {
            let cells = OpenCells::read(&admitted, std::slice::from_ref(&batch)).unwrap();
            let (schema, rebuilt) = cells.rebuilt().unwrap();
            prop_assert_eq!(&schema, &evidence_schema(&admitted));
            prop_assert_eq!(rebuilt, vec![batch]);
        }
    }
}

/// More digits than a client's type has are refused: neither cut off nor wrapped.
#[test]
fn a_total_of_39_digits_is_refused() {
    let admitted = admitted(&["area"], &[]);
    let answer = |sum: i128| {
        let batch = write(&admitted, &evidence(&admitted, &[(0, 0, 0, 1, sum)])).unwrap();
        OpenCells::read(&admitted, &[batch]).unwrap()
    };
    let most = 10_i128.pow(38) - 1;
    let together = |sums: &[i128]| {
        OpenCells::together(&admitted, sums.iter().map(|sum| answer(*sum)).collect())
    };
    assert!(together(&[most, -most, most]).is_ok());
    // The last would have 38 digits in the end; on the way it has more than 127 bits.
    for sums in [&[most, 1][..], &[-most, -1], &[most, most], &[most, most, -most]] {
        let end = together(sums).map(|found| found.cells.len());
        assert_eq!(end, Err(NotTogether::TooLarge), "{sums:?}");
    }
}

#[test]
fn what_cannot_be_an_answer_is_refused() {
    let admitted = admitted(&["area"], &[0, 1]);
    let good = write(&admitted, &evidence(&admitted, &[(0, 0, 1, 3, 4), (1, 0, 0, 3, 4)])).unwrap();
    assert!(OpenCells::read(&admitted, std::slice::from_ref(&good)).is_some());
    let with = |at: usize, column: ArrayRef| {
        let mut columns = good.columns().to_vec();
        columns[at] = column;
        let names = good.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        let batch = RecordBatch::try_from_iter_with_nullable(
            names.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
        );
        OpenCells::read(&admitted, &[batch.unwrap()])
    };
    let sets = |sets: [u16; 2]| Arc::new(arrow_array::UInt16Array::from(sets.to_vec())) as ArrayRef;
    assert!(with(1, sets([1, 0])).is_some(), "the premise");
    assert!(with(1, sets([1, 2])).is_none(), "a set that wasn't asked for");
    assert!(with(1, sets([0, 0])).is_none(), "a value of a key that is rolled up");
    let whole = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    assert!(with(2, whole(vec![Some(1), Some(2)])).is_some(), "the premise");
    assert!(with(2, whole(vec![Some(1), Some(-2)])).is_none(), "a count below zero");
    assert!(with(2, whole(vec![Some(1), None])).is_none(), "no count");
    assert!(with(0, whole(vec![Some(1), Some(2)])).is_none(), "a key of another type");
    let fewer = good.project(&[0, 1, 2]).unwrap();
    assert!(OpenCells::read(&admitted, &[fewer]).is_none(), "columns are missing");
}

/// Whoever contributes to a cell of protected data has a say in whether it is shown.
#[test]
fn cells_of_protected_data_are_never_columns() {
    let open = admitted(&["area"], &[]);
    let batch = write(&open, &evidence(&open, &[(0, 0, 0, 3, 4)])).unwrap();
    let question = Tabulation {
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        ..open.tabulation().clone()
    };
    let protection = Protection::Protected {
        unit: insitu_disclosure::ProtectedUnit::Row,
        profile: insitu_disclosure::Preset::Standard.profile(),
        release: insitu_disclosure::ReleaseMode::AtGateway,
        units_at_one_node: true,
        record_key: None,
        perturbation: None,
        conditions_max: None,
        answer_times: insitu_disclosure::AnswerTimes::at_once(),
        rows_about: None,
        reference_joins: false,
        unit_joins: Default::default(),
    };
    let protected = admit(question, dataset(protection)).unwrap();
    assert!(!OpenCells::answer(&protected));
    assert!(OpenCells::read(&protected, &[batch]).is_none());
    assert!(OpenCells::read(&protected, &[]).is_none());
}
