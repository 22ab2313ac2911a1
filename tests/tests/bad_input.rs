//! Bad input at run time: coded Refusals, nothing crashes, and the next query works. What goes wrong
//! at start is tested with the command itself.

use insitu_tests::{Department, Federation, departments};

const WORKS: &str = "SELECT area, count(*) FROM health.visits GROUP BY area ORDER BY area";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_killers_are_refused_and_the_next_query_works() {
    let federation = Federation::start(&[departments::health()]).await;
    let mut analyst = federation.analyst().await;
    let chain = |word: &str, n: usize| format!("SELECT {}", vec!["1"; n].join(word));
    let doubling = {
        let mut sql = "WITH c0 AS (SELECT area FROM health.visits)".to_owned();
        for i in 1..18 {
            sql +=
                &format!(", c{i} AS (SELECT * FROM c{} UNION ALL SELECT * FROM c{})", i - 1, i - 1);
        }
        sql + " SELECT count(*) FROM c17"
    };
    let killers = [
        format!("SELECT {} '1' day", "INTERVAL ".repeat(400)),
        chain("+", 2_000),
        format!("SELECT {}", vec!["(1 = 1)"; 2_000].join(" AND ")),
        doubling,
        format!("SELECT {}1{}", "(SELECT ".repeat(22), ")".repeat(22)),
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        "SELECT repeat('x', 2000000000)".to_owned(),
        "SELECT lpad('a', 2147483647, 'b')".to_owned(),
        "SELECT array_repeat(1, 2000000000)".to_owned(),
        "SELECT * FROM generate_series(1, 500000000)".to_owned(),
        "SELECT * FROM range(1, 500000000)".to_owned(),
        "SELECT count(*) FROM health.visits a CROSS JOIN health.visits b".to_owned(),
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"
            .to_owned(),
        "SELECT count(*) FROM health.visits TABLESAMPLE SYSTEM (1)".to_owned(),
        format!("SELECT '{}'", "x".repeat(1 << 20)),
        vec!["SELECT 1"; 2_000].join(" UNION ALL "),
    ];
    for sql in killers {
        let told = analyst.refused(&sql).await;
        let start: String = sql.chars().take(60).collect();
        assert!(["Q10", "L50"].iter().any(|family| told.contains(family)), "{start}: {told}");
        assert!(told.len() <= 4_096, "{start}: {} bytes", told.len());
    }
    assert_eq!(analyst.cells(WORKS).await.unwrap(), [["A", "50"], ["B", "15"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_are_not_utf8_are_refused() {
    let federation = Federation::start(&[departments::health()]).await;
    let options = insitu_gateway::query::Options::default();
    let refused = federation.gateway().prepare(b"SELECT '\xFF'", &options).await;
    assert!(refused.unwrap_err().to_string().starts_with("Q102"));
    assert!(federation.analyst().await.cells(WORKS).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expression_without_a_value_above_a_table_says_no_value() {
    let federation = Federation::start(&[departments::health()]).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT CAST(area AS INT) FROM (SELECT area, count(*) FROM health.visits GROUP BY area) AS t";
    let told = analyst.refused(sql).await;
    assert!(told.contains("Q107"), "{told}");
    assert!(!told.contains("'A'") && !told.contains("Int"), "{told}");
    assert!(analyst.cells(WORKS).await.is_ok());
}

/// A Parquet file whose footer is whole and whose pages are not: found while a query runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_page_is_one_opaque_code() {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    let areas: StringArray =
        (0..5_000).map(|i| Some(format!("area-{}", i * 7919 % 5_000))).collect();
    let counts: Int64Array = (0..5_000_i64).map(Some).collect();
    let batch =
        RecordBatch::try_from_iter([("area", Arc::new(areas) as _), ("n", Arc::new(counts) as _)])
            .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for byte in &mut bytes[4..2_000] {
        *byte ^= 0xA5;
    }
    let config = r#"
[node]
id = "broken"
department = "Broken Office"

[[dataset]]
name = "broken.areas"
source = { format = "parquet", path = "areas.parquet" }
protection = "open"

[[dataset.column]]
name = "area"
from = "area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "n"
from = "n"
type = "integer"
label = "measure"
bounds = { low = 0, high = 5000 }
"#;
    let broken =
        Department { config: config.to_owned(), files: vec![("areas.parquet".to_owned(), bytes)] };
    let federation = Federation::start(&[broken, departments::health()]).await;
    let mut analyst = federation.analyst().await;
    let told = analyst.refused("SELECT area, sum(n) FROM broken.areas GROUP BY area").await;
    assert!(told.contains("X901") && told.contains("Broken Office"), "{told}");
    // Whoever reports it needs the id, and many clients show nothing but the message.
    let (_, id) = told.split_once(" Query id: ").unwrap();
    assert_eq!(id.trim_end_matches('.').len(), 32, "{told}");
    assert!(!told.contains("area-"), "{told}");
    assert!(analyst.cells(WORKS).await.is_ok());
}
