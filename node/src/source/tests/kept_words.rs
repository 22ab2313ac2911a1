//! Words of units that are kept are the words that would be drawn, whatever rows are asked for.

use std::collections::BTreeMap;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, Int64Array, StringArray};
use insitu_engine::logical_expr::{Expr, col, lit};

use super::*;
use crate::source::KEPT_WORD;

/// The files; rows of each, in groups of uneven lengths, of which some rows have no unit.
const FILES: [(&str, i64); 3] = [("a.parquet", 40_000), ("b.parquet", 1), ("c.parquet", 40_000)];

fn dataset(unit_type: &str) -> String {
    format!(
        "[[dataset]]\nname = \"d.t\"\nprotection = \"protected\"\nunit = \"id\"\n\
         unit_unique_per_row = false\nunits_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\"\n\
         source = {{ format = \"parquet\", files = [\"a.parquet\", \"b.parquet\", \"c.parquet\"] }}\n\
         [[dataset.column]]\nname = \"id\"\ntype = \"{unit_type}\"\nlabel = \"unit\"\nfrom = \"Id\"\n\
         [[dataset.column]]\nname = \"n\"\ntype = \"integer\"\nlabel = \"dimension\"\n"
    )
}

/// Whether a condition holds of the row with this number.
type Holds = fn(i64) -> bool;

/// The unit of a row: one in eleven rows has none, others have two rows or three.
fn unit(row: i64) -> Option<i64> {
    (row % 11 != 3).then_some(row * 7 % 31_013)
}

/// `id_of` makes the column of ids; `n` is the row's number among all.
fn files(id_of: impl Fn(Vec<Option<i64>>) -> ArrayRef) -> Vec<(&'static str, Vec<u8>)> {
    let mut first = 0;
    let file = |(name, rows): (&'static str, i64)| {
        let numbers: Vec<i64> = (first..first + rows).collect();
        first += rows;
        let ids = id_of(numbers.iter().map(|n| unit(*n)).collect());
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        let batch =
            RecordBatch::try_from_iter_with_nullable([("Id", ids, true), ("n", numbers, true)]);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(7_001))
            .set_data_page_row_count_limit(999)
            .set_write_batch_size(333)
            .build();
        let batch = batch.unwrap();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        (name, writer.into_inner().unwrap())
    };
    FILES.into_iter().map(file).collect()
}

async fn loaded(
    files: &[(&str, Vec<u8>)],
    unit_type: &str,
    mib_max: u32,
) -> (LoadedDataset, SessionContext) {
    let config = config(&dataset(unit_type));
    let session = SessionContext::new();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let limits = SourceLimits { mib_max };
    let store = store(&files).await;
    let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
    assert!(registry.failures().is_empty(), "{:?}", registry.failures());
    (registry.iter().next().unwrap().clone(), session)
}

/// Each row's word by its number.
async fn words(
    loaded: &LoadedDataset,
    session: &SessionContext,
    condition: Option<Expr>,
) -> BTreeMap<i64, Option<u64>> {
    let query = session.read_table(Arc::clone(&loaded.table)).unwrap();
    let query = match condition {
        Some(condition) => query.filter(condition).unwrap(),
        None => query,
    };
    let batches = query.select_columns(&["n", KEPT_WORD]).unwrap().collect().await.unwrap();
    let mut found = BTreeMap::new();
    for batch in batches {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        let words = batch.column(1).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let word = words.is_valid(row).then(|| words.value(row));
            assert_eq!(found.insert(numbers.value(row), word), None, "a row came twice");
        }
    }
    found
}

#[tokio::test]
async fn kept_words_are_those_that_would_be_drawn() {
    let text = |id: i64| format!("p{id:010}");
    let numbers = files(|ids| Arc::new(Int64Array::from(ids)));
    let texts = files(|ids| Arc::new(ids.iter().map(|id| id.map(text)).collect::<StringArray>()));
    for (files, unit_type) in [(numbers, "integer"), (texts, "text")] {
        let (loaded, session) = loaded(&files, unit_type, 64).await;
        let all: i64 = FILES.iter().map(|(_, rows)| rows).sum();
        let drawn = |row: i64| {
            unit(row).map(|id| match unit_type {
                "integer" => loaded.keys.unit_word(&id.to_le_bytes()),
                _ => loaded.keys.unit_word(text(id).as_bytes()),
            })
        };
        let within = |rows: std::ops::Range<i64>| {
            col("n").gt_eq(lit(rows.start)).and(col("n").lt(lit(rows.end)))
        };
        // Pages and groups that statistics rule out are passed over; of others rows are left out one by one.
        let third = (col("n") % lit(3_i64)).eq(lit(1_i64));
        let conditions: [(_, Holds); 5] = [
            (None, |_| true),
            (Some(within(9_500..9_620)), |n| (9_500..9_620).contains(&n)),
            (Some(within(39_990..40_011)), |n| (39_990..40_011).contains(&n)),
            (Some(third), |n| n % 3 == 1),
            (Some(col("n").gt(lit(1_000_000_i64))), |_| false),
        ];
        for (condition, holds) in conditions {
            let expected: BTreeMap<i64, Option<u64>> =
                (0..all).filter(|n| holds(*n)).map(|n| (n, drawn(n))).collect();
            let said = format!("{unit_type} {condition:?}");
            assert!(words(&loaded, &session, condition).await == expected, "{said}");
        }
    }
}

#[tokio::test]
async fn kept_words_need_no_ids_and_fail_when_a_file_changes() {
    let files = files(|ids| Arc::new(Int64Array::from(ids)));
    let (config, session) = (config(&dataset("integer")), SessionContext::new());
    let bytes: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let store = store(&bytes).await;
    let limits = SourceLimits { mib_max: 64 };
    let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
    let loaded = registry.iter().next().unwrap();
    let query = session.read_table(Arc::clone(&loaded.table)).unwrap();
    let query = query.select_columns(&[KEPT_WORD]).unwrap();
    let plan = query.clone().create_physical_plan().await.unwrap();
    let plan = insitu_engine::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    assert!(!plan.contains("Id@"), "{plan}");
    assert_eq!(query.clone().count().await.unwrap(), 80_001);
    let nothing: Vec<u8> = Vec::new();
    store.put(&"b.parquet".into(), nothing.into()).await.unwrap();
    let error = query.collect().await.unwrap_err().to_string();
    assert!(error.contains("changed since the node loaded it"), "{error}");
}

/// Sixteen MiB are the least a node may have; a dataset of CSV or words of others may have taken them.
#[tokio::test]
async fn words_are_kept_where_there_is_memory_for_them() {
    let files = files(|ids| Arc::new(Int64Array::from(ids)));
    for (mib_max, kept) in [(0, false), (1, true)] {
        let (loaded, session) = loaded(&files, "integer", mib_max).await;
        assert_eq!(loaded.table.schema().field_with_name(KEPT_WORD).is_ok(), kept, "{mib_max}");
        let query = session.read_table(Arc::clone(&loaded.table)).unwrap();
        assert_eq!(query.count().await.unwrap(), 80_001);
    }
}
