//! A federated answer equals the single-table answer, for any split of the rows over nodes, empty
//! ones included.

use std::sync::Arc;

use arrow_array::{
    Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use insitu_tests::{Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::oracle::publish::parquet;

const ROWS: usize = 2_000;

fn rows(seed: u64) -> RecordBatch {
    let mut random = StdRng::seed_from_u64(seed);
    let present: Vec<[bool; 4]> =
        (0..ROWS).map(|_| [0.95, 0.9, 0.9, 0.95].map(|odds| random.random_bool(odds))).collect();
    let area: StringArray = present
        .iter()
        .map(|p| p[0].then(|| format!("area {}", random.random_range(0..12))))
        .collect();
    let persons: Int64Array = present
        .iter()
        .map(|p| p[1].then(|| random.random_range(-5_000_000_i64..5_000_000)))
        .collect();
    let hectares: Decimal128Array =
        present.iter().map(|p| p[2].then(|| random.random_range(-100_000_i128..100_000))).collect();
    let hectares = hectares.with_precision_and_scale(38, 2).unwrap();
    let counted: Date32Array =
        present.iter().map(|p| p[3].then(|| random.random_range(16_000..18_000))).collect();
    let schema = Schema::new(vec![
        Field::new("area", DataType::Utf8, true),
        Field::new("persons", DataType::Int64, true),
        Field::new("hectares", DataType::Decimal128(38, 2), true),
        Field::new("counted", DataType::Date32, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![Arc::new(area), Arc::new(persons), Arc::new(hectares), Arc::new(counted)],
    )
    .unwrap()
}

/// Each row at a random node; with more than one node, the last has none.
fn split(all: &RecordBatch, nodes: usize, seed: u64) -> Vec<Department> {
    let mut random = StdRng::seed_from_u64(seed);
    let homes = nodes.saturating_sub(1).max(1);
    let home: Vec<usize> = (0..all.num_rows()).map(|_| random.random_range(0..homes)).collect();
    (0..nodes)
        .map(|node| {
            let here: Vec<u64> = home
                .iter()
                .enumerate()
                .filter(|(_, h)| **h == node)
                .map(|(row, _)| u64::try_from(row).unwrap())
                .collect();
            let here = UInt64Array::from(here);
            let part = arrow_select::take::take_record_batch(all, &here).unwrap();
            let config = format!(
                r#"
[node]
id = "part-{node}"
department = "Part {node}"

[[dataset]]
name = "parts.areas"
source = {{ format = "parquet", path = "areas.parquet" }}
protection = "open"
columns_below = true
"#
            )
            .replace("columns_below = true\n", COLUMNS);
            Department { config, files: vec![("areas.parquet".to_owned(), parquet(&part))] }
        })
        .collect()
}

const COLUMNS: &str = r#"
[[dataset.column]]
name = "area"
from = "area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "persons"
from = "persons"
type = "integer"
label = "measure"
bounds = { low = -5000000, high = 5000000 }

[[dataset.column]]
name = "hectares"
from = "hectares"
type = "decimal"
decimal_places = 2
label = "measure"

[[dataset.column]]
name = "counted"
from = "counted"
type = "date"
label = "dimension"
"#;

/// Questions that a Tabulation answers, and some that fetch open rows.
const QUESTIONS: [&str; 19] = [
    "SELECT area, count(*) FROM parts.areas GROUP BY area ORDER BY area",
    "SELECT count(*), count(persons), sum(persons), sum(hectares) FROM parts.areas",
    "SELECT count(*), sum(persons) FROM parts.areas WHERE persons > 999999999",
    "SELECT area, sum(hectares), count(hectares) FROM parts.areas GROUP BY area ORDER BY area",
    "SELECT area, avg(persons) FROM parts.areas GROUP BY area ORDER BY area",
    "SELECT area, count(*) FILTER (WHERE persons < 0), sum(persons) FILTER (WHERE area LIKE '%1%') FROM parts.areas GROUP BY area ORDER BY area",
    "SELECT CASE WHEN persons < 0 THEN 'below' WHEN persons >= 0 THEN 'above' END AS side, count(*) FROM parts.areas GROUP BY 1 ORDER BY 1",
    "SELECT persons / 1000000 AS million, count(*) FROM parts.areas GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FROM parts.areas WHERE counted >= DATE '2015-01-01' AND counted < '2016-01-01'",
    "SELECT upper(area) AS a, sum(persons + 1) FROM parts.areas WHERE area IS NOT NULL AND NOT area IN ('area 1', 'area 2') GROUP BY 1 HAVING count(*) > 100 ORDER BY 2 DESC LIMIT 5",
    "SELECT area, min(persons), max(hectares) FROM parts.areas GROUP BY area ORDER BY area",
    "SELECT area, persons, hectares, counted FROM parts.areas WHERE persons > 4900000 ORDER BY persons, hectares, counted",
    "SELECT count(DISTINCT area) FROM parts.areas",
    "SELECT grouping(area), area, count(*), sum(persons) FROM parts.areas GROUP BY ROLLUP (area) ORDER BY 1, 2",
    "SELECT area, persons < 0 AS below, grouping(area, persons < 0), count(*), avg(persons), sum(hectares) FROM parts.areas GROUP BY CUBE (area, persons < 0) ORDER BY 3, 1, 2",
    "SELECT grouping(counted, area), counted, area, count(*) FROM parts.areas WHERE counted < '2014-03-01' GROUP BY GROUPING SETS ((area), (counted)) ORDER BY 1, 2, 3",
    "SELECT area, counted, count(*), count(persons) FROM parts.areas GROUP BY GROUPING SETS ((area), (area, counted), ()) HAVING count(*) > 2 ORDER BY grouping(counted), 1, 2, 3",
    "SELECT area, count(*), max(persons) FROM parts.areas GROUP BY ROLLUP (area) ORDER BY 2, 1",
    "WITH t AS (SELECT area, count(*) AS n FROM parts.areas GROUP BY area) SELECT a.area, a.n, b.n FROM t a JOIN t b ON a.area = b.area ORDER BY a.area",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn federated_is_single_table_for_any_split() {
    for (seed, nodes) in [(11_u64, 1_usize), (12, 2), (13, 3), (14, 7)] {
        let all = rows(seed);
        let local = SessionContext::new();
        local.sql("CREATE SCHEMA parts").await.unwrap();
        local.register_batch("parts.areas", all.clone()).unwrap();
        let federation = Federation::start(&split(&all, nodes, seed)).await;
        let mut analyst = federation.analyst().await;
        for sql in QUESTIONS {
            let expected = local.sql(sql).await.unwrap().collect().await.unwrap();
            let expected = insitu_tests::Asked {
                schema: Arc::new(Schema::empty()),
                batches: expected,
                query_id: String::new(),
            }
            .cells();
            let got = analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            // An open total of no rows is marked as not available; single-table SQL shows NULL.
            let got: Vec<Vec<String>> = got
                .into_iter()
                .map(|row| {
                    row.into_iter()
                        .map(|c| if c == "[x]" { "NULL".to_owned() } else { c })
                        .collect()
                })
                .collect();
            assert_eq!(got, expected, "{nodes} nodes: {sql}");
        }
    }
}
