//! The real files of the demo, under the configurations of its nodes.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field, Schema};
use flate2::read::GzDecoder;

use super::*;

fn folder(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Loads the node of this name from the demo's folder.
async fn node(name: &str) -> (LoadedDataset, SessionContext) {
    let path = folder("cli/src/demo/nodes").join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let config = NodeConfig::parse(&text, &path).unwrap_or_else(|errors| panic!("{errors}"));
    let store = crate::source::open_folder(&folder("deploy/demo")).unwrap();
    let session = SessionContext::new();
    let start = Instant::now();
    let registry =
        load(&config.datasets, &store, &opened(&session), config.node.source_limits(), &state())
            .await;
    eprintln!("{name}: loaded in {:?}", start.elapsed());
    if let Some(failure) = registry.failures().first() {
        panic!("{}: {}", failure.name, failure.error);
    }
    (registry.iter().next().unwrap().clone(), session)
}

/// How often each value of a text column occurs; a blank for NULL.
fn counts(batches: &[RecordBatch], column: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for batch in batches {
        for value in batch.column_by_name(column).unwrap().as_string::<i32>() {
            *counts.entry(value.unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test]
async fn police_files_are_served_as_they_are() {
    let (loaded, session) = node("police").await;
    assert_eq!(
        loaded.quality.to_string(),
        "87348 rows; `lsoa`: 3771 NULL; `local_authority`: 3771 NULL, 93 outside the domain; \
         `outcome`: 18826 NULL"
    );
    let names: Vec<String> =
        loaded.table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["month", "lsoa", "local_authority", "crime_type", "outcome", "_record"]);
    let batches = rows(&loaded, &session).await;
    let months = counts(&batches, "month");
    assert_eq!(months.values().copied().collect::<Vec<_>>(), [27_176, 28_537, 31_635]);
    let authorities = counts(&batches, "local_authority");
    assert_eq!((authorities["Leeds"], authorities["Oldham"], authorities[""]), (29_640, 33, 3_771));
    assert_eq!(authorities["East Riding of Yorkshire"], 1);
    assert_eq!(counts(&batches, "crime_type").len(), 14);
}

#[tokio::test]
async fn census_file_is_served_as_it_is() {
    let (loaded, session) = node("ons").await;
    assert_eq!(loaded.quality.to_string(), "34753 rows; `region`: 1909 NULL");
    let sum = |column| format!("SELECT sum({column}) FROM population");
    session.register_table("population", Arc::clone(&loaded.table)).unwrap();
    // The census counted 56,075,912 residents and 23,366,044 households.
    for (column, expect) in
        [("persons", "56075912"), ("households", "23366044"), ("hectares", "15101506.0")]
    {
        let found = shown(&session.sql(&sum(column)).await.unwrap().collect().await.unwrap());
        assert!(found.contains(&format!("| {expect}")), "{column}\n{found}");
    }
}

/// arrow-csv reads the same records.
#[tokio::test]
async fn records_are_those_of_another_reader() {
    let (loaded, session) = node("police").await;
    let mut expect: BTreeMap<String, usize> = BTreeMap::new();
    let fields: Vec<Field> =
        (0..12).map(|i| Field::new(format!("c{i}"), DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    for month in ["2016-07", "2017-07", "2018-07"] {
        let name = format!("deploy/demo/police-{month}-west-yorkshire-street.csv.gz");
        let mut text = Vec::new();
        GzDecoder::new(std::fs::File::open(folder(&name)).unwrap()).read_to_end(&mut text).unwrap();
        let reader = arrow_csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true);
        for batch in reader.build(text.as_slice()).unwrap() {
            let batch = batch.unwrap();
            let column = |index: usize| batch.column(index).as_string::<i32>().clone();
            let columns = [1, 7, 9, 10].map(column);
            for row in 0..batch.num_rows() {
                *expect.entry(line(&columns, row)).or_default() += 1;
            }
        }
    }
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for batch in rows(&loaded, &session).await {
        let column = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let columns = ["month", "lsoa", "crime_type", "outcome"].map(column);
        for row in 0..batch.num_rows() {
            *found.entry(line(&columns, row)).or_default() += 1;
        }
    }
    assert!(found == expect, "{} and {} different rows", found.len(), expect.len());
}

fn line(columns: &[arrow_array::StringArray; 4], row: usize) -> String {
    columns.each_ref().map(|c| if c.is_null(row) { "" } else { c.value(row) }).join("|")
}
