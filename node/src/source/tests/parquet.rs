//! Datasets in Parquet files.

use ::parquet::arrow::ArrowWriter;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int16Array, Int64Array, LargeStringArray, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow_schema::DataType;
use insitu_disclosure::Label;
use insitu_engine::logical_expr::{Expr, col, lit};

use super::*;

/// Settings of an open dataset `d.t` in `t.parquet`, then its columns.
fn dataset(columns: &str) -> String {
    format!(
        "[[dataset]]\nname = \"d.t\"\nprotection = \"open\"\n\
         source = {{ format = \"parquet\", files = [\"t.parquet\"] }}\n{columns}"
    )
}

fn column(name: &str, scalar_type: &str, more: &str) -> String {
    format!(
        "[[dataset.column]]\nname = \"{name}\"\ntype = \"{scalar_type}\"\nlabel = \"dimension\"\n{more}\n"
    )
}

fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn numbers(name: &str, values: Vec<i64>) -> Vec<u8> {
    file(vec![(name, Arc::new(Int64Array::from(values)))])
}

/// A file with a column of many types.
fn mixed() -> Vec<u8> {
    let mut sexes = StringDictionaryBuilder::<Int32Type>::new();
    sexes.extend([Some("F"), None, Some("M")]);
    let costs =
        Decimal128Array::from(vec![Some(1_250), Some(-5), None]).with_precision_and_scale(10, 2);
    file(vec![
        ("Person Id", Arc::new(LargeStringArray::from(vec![Some("p1"), Some("p2"), None]))),
        ("age", Arc::new(Int16Array::from(vec![Some(-1), None, Some(105)]))),
        ("visits", Arc::new(UInt32Array::from(vec![u32::MAX, 0, 1]))),
        ("cost", Arc::new(costs.unwrap())),
        ("sex", Arc::new(sexes.finish())),
        ("admitted", Arc::new(Date32Array::from(vec![Some(17_562), None, Some(-1)]))),
        ("NOTES", Arc::new(StringArray::from(vec!["secret"; 3]))),
    ])
}

fn mixed_columns() -> String {
    [
        column("person_id", "text", "from = \"Person Id\""),
        column("age", "integer", ""),
        column("visits", "integer", ""),
        column("cost", "decimal", "decimal_places = 4"),
        column("sex", "text", ""),
        column("admitted", "date", ""),
        "[[dataset.column]]\nname = \"notes\"\nfrom = \"NOTES\"\ntype = \"text\"\n".to_owned(),
    ]
    .concat()
}

#[tokio::test]
async fn columns_are_renamed_and_widened_without_loss() {
    let bytes = mixed();
    let (loaded, session) =
        load_one(&dataset(&mixed_columns()), &[("t.parquet", &bytes)]).await.unwrap();
    assert_eq!(loaded.quality, QualityReport::Opened { rows: 3 });
    let schema = loaded.table.schema();
    for (field, column) in schema.fields().iter().zip(&loaded.dataset.columns) {
        // Plain texts of the file are read as views, but for ids; those of a dictionary are made plain.
        let expect = match column.scalar_type.data_type() {
            DataType::Utf8 if column.label != Label::Unit && column.name != "sex" => {
                DataType::Utf8View
            }
            declared => declared,
        };
        assert_eq!((field.name(), field.data_type()), (&column.name, &expect));
        assert!(field.is_nullable());
    }
    assert_eq!(schema.fields().len(), 6, "hidden columns aren't there");
    let expect = "\
+-----------+-----+------------+---------+-----+------------+
| person_id | age | visits     | cost    | sex | admitted   |
+-----------+-----+------------+---------+-----+------------+
| p1        | -1  | 4294967295 | 12.5000 | F   | 2018-01-31 |
| p2        |     | 0          | -0.0500 |     |            |
|           | 105 | 1          |         | M   | 1969-12-31 |
+-----------+-----+------------+---------+-----+------------+";
    assert_eq!(shown(&rows(&loaded, &session).await), expect);
}

#[tokio::test]
async fn filters_and_projections_reach_the_files() {
    let bytes = mixed();
    let (loaded, session) =
        load_one(&dataset(&mixed_columns()), &[("t.parquet", &bytes)]).await.unwrap();
    let query = session
        .read_table(Arc::clone(&loaded.table))
        .unwrap()
        .filter(col("admitted").gt_eq(lit("2018-01-01")).and(col("age").lt(lit(3_i64))))
        .unwrap()
        .select_columns(&["person_id"])
        .unwrap();
    let plan = query.clone().create_physical_plan().await.unwrap();
    let plan = insitu_engine::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    assert!(plan.contains("predicate=admitted"), "{plan}");
    assert!(!plan.contains("cost") && !plan.contains("visits"), "{plan}");
    let found = shown(&query.collect().await.unwrap());
    assert!(found.contains("p1") && !found.contains("p2"), "{found}");
}

#[tokio::test]
async fn several_files_are_one_table() {
    let declared = dataset(&column("n", "integer", ""))
        .replace("[\"t.parquet\"]", "[\"t.parquet\", \"u.parquet\"]");
    let (one, two) = (numbers("n", vec![1, 2]), numbers("n", vec![3]));
    let (loaded, session) =
        load_one(&declared, &[("t.parquet", &one), ("u.parquet", &two)]).await.unwrap();
    assert_eq!(loaded.quality.rows(), 3);
    assert_eq!(rows(&loaded, &session).await.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    let other = file(vec![("n", Arc::new(Int16Array::from(vec![3])))]);
    assert_eq!(
        failure(&declared, &[("t.parquet", &one), ("u.parquet", &other)]).await,
        "`u.parquet`: column `n` is Int16, in `t.parquet` it is Int64; write both alike"
    );
}

#[tokio::test]
async fn columns_that_are_missing_or_would_lose_something_are_refused() {
    let bytes = file(vec![
        ("admitted", Arc::new(TimestampMicrosecondArray::from(vec![0]))),
        ("Lsoa code", Arc::new(StringArray::from(vec!["E01"]))),
    ]);
    let files: [(&str, &[u8]); 1] = [("t.parquet", &bytes)];
    for (columns, expect) in [
        (
            column("admitted", "date", ""),
            "`t.parquet`: column `admitted` is Timestamp(µs), which isn't a date without loss; write the file with \
             a column of days, or hide this one",
        ),
        (
            column("a", "integer", "from = \"Lsoa code\""),
            "`t.parquet`: column `Lsoa code` is Utf8, which isn't a whole number without loss; declare another \
             `type`, or write the file with another",
        ),
        (
            column("lsoa_code", "text", ""),
            "`t.parquet`: no column `lsoa_code`; did you mean `Lsoa code`?",
        ),
    ] {
        assert_eq!(failure(&dataset(&columns), &files).await, expect);
    }
}

#[tokio::test]
async fn files_that_are_not_whole_are_named() {
    let declared = dataset(&column("n", "integer", ""));
    let bytes = numbers("n", vec![1, 2, 3]);
    for bytes in [&bytes[..bytes.len() - 1], &bytes[..100], &bytes[100..150], b"n\n1\n", b"PAR1"] {
        let message = failure(&declared, &[("t.parquet", bytes)]).await;
        assert!(message.starts_with("`t.parquet` isn't a whole Parquet file: "), "{message}");
    }
    assert!(failure(&declared, &[("t.parquet", b"")]).await.starts_with("`t.parquet` is empty"));
    assert!(failure(&declared, &[]).await.starts_with("`t.parquet` doesn't exist"));
}

/// A footer that lies is refused or read; it never takes the node down.
#[tokio::test]
async fn no_byte_of_a_footer_can_crash_the_node() {
    let declared = dataset(&column("n", "integer", ""));
    let bytes = numbers("n", vec![1, 2, 3]);
    let length = bytes.len();
    for position in 1..=(length / 2).min(600) {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[length - position] ^= flip;
            if let Ok((loaded, _)) = load_one(&declared, &[("t.parquet", &bytes)]).await {
                assert_eq!(loaded.table.schema().fields().len(), 1);
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_fails_queries() {
    let config = config(&dataset(&column("n", "integer", "")));
    let session = SessionContext::new();
    let store = store(&[("t.parquet", &numbers("n", vec![1, 2, 3]))]).await;
    let limits = SourceLimits { mib_max: 16 };
    let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
    let loaded = registry.iter().next().unwrap();
    let query = session.read_table(Arc::clone(&loaded.table)).unwrap();
    // Rows that the file's statistics rule out, no column at all, and a column.
    let beyond = query.clone().filter(col("n").gt(lit(99))).unwrap();
    let queries = [beyond, query.clone().select(Vec::<Expr>::new()).unwrap(), query];
    for (query, rows) in queries.iter().zip([0, 3, 3]) {
        assert_eq!(query.clone().count().await.unwrap(), rows);
    }
    store.put(&"t.parquet".into(), numbers("n", vec![4, 5, 6]).into()).await.unwrap();
    for query in queries {
        for error in [query.clone().count().await.unwrap_err(), query.collect().await.unwrap_err()]
        {
            let error = error.to_string();
            assert!(error.contains("changed since the node loaded it"), "{error}");
        }
    }
}

#[tokio::test]
async fn two_columns_may_be_read_from_one_and_stores_dont_meet() {
    let columns = column("a", "integer", "from = \"n\"")
        + &column("b", "decimal", "decimal_places = 1\nfrom = \"n\"");
    let session = SessionContext::new();
    let mut shown = Vec::new();
    for value in [1, 2] {
        let store = store(&[("t.parquet", &numbers("n", vec![value]))]).await;
        let limits = SourceLimits { mib_max: 16 };
        let registry =
            load(&config(&dataset(&columns)).datasets, &store, &opened(&session), limits, &state())
                .await;
        shown.push(registry.iter().next().unwrap().clone());
    }
    for (loaded, expect) in shown.iter().zip(["| 1 | 1.0 |", "| 2 | 2.0 |"]) {
        let table = super::shown(&rows(loaded, &session).await);
        assert!(table.contains(expect), "{table}");
    }
}

#[tokio::test]
async fn a_promise_of_unique_units_is_checked() {
    let declared = "[[dataset]]\nname = \"d.t\"\nprotection = \"protected\"\nunit = \"id\"\n\
        unit_unique_per_row = true\nunits_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\"\n\
        source = { format = \"parquet\", path = \"t.parquet\" }\n\
        [[dataset.column]]\nname = \"id\"\ntype = \"integer\"\nlabel = \"unit\"\n";
    assert!(load_one(declared, &[("t.parquet", &numbers("id", vec![1, 2, 3]))]).await.is_ok());
    let message = failure(declared, &[("t.parquet", &numbers("id", vec![1, 2, 1]))]).await;
    assert!(message.contains("same unit in several rows"), "{message}");
}

#[tokio::test]
async fn a_link_out_of_the_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(dir.path().join("t.parquet"), numbers("n", vec![1])).unwrap();
    std::os::unix::fs::symlink("../t.parquet", data.join("t.parquet")).unwrap();
    let config = config(&dataset(&column("n", "integer", "")));
    let session = SessionContext::new();
    let store = crate::source::open_folder(&data).unwrap();
    let limits = SourceLimits { mib_max: 16 };
    let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
    assert_eq!(
        registry.failures()[0].error.to_string(),
        "`t.parquet` leads out of the data folder through a symbolic link; put the file itself there, or set \
         `data_folder`"
    );
    std::fs::remove_file(data.join("t.parquet")).unwrap();
    std::fs::copy(dir.path().join("t.parquet"), data.join("t.parquet")).unwrap();
    let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
    let loaded = registry.iter().next().unwrap();
    assert_eq!(rows(loaded, &session).await[0].num_rows(), 1);
}
