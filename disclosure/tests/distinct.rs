//! About how many different values: sketches that come from nodes, whatever they hold, and whom they may be asked of.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch};
use insitu_disclosure::distinct::{DistinctSketch, DistinctValue, SKETCH_BYTES_MAX};
use insitu_disclosure::evidence::{Cell, PartShape, evidence_schema, merge, read, write};
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::tabulation::PartKind;
use insitu_disclosure::{
    Admitted, Dataset, Evidence, Key, KeySet, Literal, Measure, MeasureKind, PartEvidence, Preset,
    Protection, RefusalCode, Release, Scalar, Tabulation, admit, protect,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

// Not all of it is used here.
#[allow(dead_code)]
mod arbitrary;

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn question() -> Tabulation {
    let measure = |kind| Measure { kind, filter: None };
    Tabulation {
        input: arbitrary::scan(),
        keys: vec![Key { scalar: column("sex") }],
        sets: Vec::new(),
        measures: vec![
            measure(MeasureKind::Rows),
            measure(MeasureKind::ApproxDistinct(column("area"))),
        ],
        groups_max: 1_000,
    }
}

fn open() -> Arc<Dataset> {
    let protected = arbitrary::dataset(Preset::Standard.profile());
    Arc::new(Dataset { protection: Protection::Open, ..Dataset::clone(&protected) })
}

fn asked() -> Admitted<Tabulation> {
    admit(question(), open()).unwrap()
}

fn sketch(values: impl IntoIterator<Item = u16>) -> DistinctSketch {
    let mut sketch = DistinctSketch::default();
    values.into_iter().for_each(|v| sketch.insert(DistinctValue::Whole(v.into())));
    sketch
}

/// A cell with rows of these values, of which all have one.
fn cell(values: &[u16]) -> Cell {
    let count = i64::try_from(values.len()).unwrap();
    // Of open data each row stands for itself.
    let rows = PartEvidence { count, units: count, ..PartEvidence::default() };
    let distinct = Some(Box::new(sketch(values.iter().copied())));
    let parts = vec![rows.clone(), PartEvidence { distinct, ..rows }];
    Cell { set: KeySet::all(1), keys: vec![Some(Literal::Utf8("F".to_owned()))], parts }
}

/// The batch with other bytes in the place of the sketches.
fn with_sketches(batch: &RecordBatch, bytes: &[u8]) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    let last = columns.len() - 1;
    let all: ArrayRef =
        Arc::new(BinaryArray::from_iter_values((0..batch.num_rows()).map(|_| bytes)));
    columns[last] = all;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Bytes that look like a sketch, or nearly so.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let sketch = vec(any::<u16>(), 0..2_000).prop_map(|values| sketch(values).to_bytes());
    prop_oneof![
        vec(any::<u8>(), 0..40),
        vec(any::<u8>(), 0..3 * SKETCH_BYTES_MAX).prop_map(|rest| [
            &[1, rest.first().map_or(0, |b| b & 1)],
            rest.as_slice()
        ]
        .concat()),
        (sketch.clone(), any::<Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
        (sketch, any::<Index>()).prop_map(|(mut bytes, at)| {
            bytes.truncate(at.index(bytes.len()));
            bytes
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a hostile node sends is a sketch as this build writes it, or nothing; and in memory it isn't much more than it was.
    #[test]
    fn any_bytes_are_a_sketch_in_its_only_spelling_or_none(bytes in bytes()) {
        if let Some(sketch) = DistinctSketch::from_bytes(&bytes) {
            prop_assert_eq!(sketch.to_bytes(), bytes.clone());
            prop_assert!(sketch.memory_bytes() <= 64 + 4 * bytes.len());
            prop_assert!(bytes.len() <= SKETCH_BYTES_MAX);
            prop_assert!(0 < sketch.estimate() || sketch.registers() == 0);
        }
        let asked = asked();
        let batch = write(&asked, &Evidence { cells: vec![cell(&[1, 2, 3])] }).unwrap();
        if let Some(taken) = read(&asked, &[with_sketches(&batch, &bytes)]) {
            // Three values fill three registers at most.
            let distinct = taken.cells[0].parts[1].distinct.as_ref().unwrap();
            prop_assert!((1..=3).contains(&distinct.registers()));
        }
    }

    /// Rows dealt to nodes in any way, merged in any order: the sketch of all rows, and its estimate shown.
    #[test]
    fn values_dealt_to_nodes_are_one_sketch(
        values in vec((0..3_000_u16, 0..4_usize), 1..1_500), turned in 0..4_usize,
    ) {
        let asked = asked();
        let all: Vec<u16> = values.iter().map(|(v, _)| *v).collect();
        let of_node = |node: usize| {
            let own: Vec<u16> = values.iter().filter(|(_, at)| *at == node).map(|(v, _)| *v).collect();
            let cells = if own.is_empty() { Vec::new() } else { vec![cell(&own)] };
            let batch = write(&asked, &Evidence { cells }).unwrap();
            read(&asked, &[batch]).unwrap()
        };
        let mut nodes: Vec<Evidence> = (0..4).map(of_node).collect();
        nodes.rotate_left(turned);
        let merged = merge(nodes);
        prop_assert_eq!(&merged.cells, &[cell(&all)]);
        let release = Release { snapshot: 1, guard: &MemoryStore::new(0) };
        let table = protect(&asked, insitu_disclosure::Pooled::of_one_department(merged), &release).unwrap();
        let shown = table.to_batch().unwrap();
        let estimate = sketch(all.iter().copied()).estimate();
        let told = format!("{:?}", shown.column_by_name("m1").unwrap());
        prop_assert!(told.contains(&format!("\n  {estimate},\n")), "{} of {}", told, estimate);
        let exact = all.iter().collect::<BTreeSet<_>>().len() as f64;
        prop_assert!((estimate as f64 - exact).abs() <= 1.0 + 0.08 * exact);
    }
}

#[test]
fn a_sketch_of_more_values_than_rows_have_is_not_taken() {
    let asked = asked();
    let batch = write(&asked, &Evidence { cells: vec![cell(&[1, 2, 3])] }).unwrap();
    let read = |bytes: &[u8]| read(&asked, &[with_sketches(&batch, bytes)]);
    assert!(read(&sketch([1, 2, 3]).to_bytes()).is_some());
    assert!(read(&sketch([7]).to_bytes()).is_some(), "the same value three times");
    assert_eq!(read(&sketch([1, 2, 3, 4]).to_bytes()), None);
    assert_eq!(read(&sketch([]).to_bytes()), None, "three values, and none");
}

#[test]
fn only_open_data_are_sketched() {
    let name = evidence_schema(&asked()).fields().last().unwrap().name().clone();
    assert_eq!(name, "p1_distinct");
    for preset in Preset::ALL {
        let dataset = arbitrary::dataset(preset.profile());
        let refusals = admit(question(), Arc::clone(&dataset)).unwrap_err();
        let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        assert!(refusals.iter().any(|r| r.code() == RefusalCode::D210), "{told:?}");
        assert!(told.concat().contains("count(DISTINCT person)"), "{told:?}");
        // And should it come to that, no sketch is made.
        let question = question();
        let parts = question.parts(&dataset).distinct;
        let part = parts.iter().find(|part| part.kind == PartKind::Distinct).unwrap();
        assert!(!PartShape::of(part, &dataset).distinct);
    }
}
