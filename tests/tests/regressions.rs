//! Faults that other engines shipped in just this work, cutting a query between sources and adding up the parts, each with a
//! test of its name. Where one was found is told beside it. The rest of them is pinned elsewhere: `numbers.rs`,
//! `split.rs`, `wire.rs`, `margins.rs`, `limits.rs`.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use insitu_gateway::query::Options;
use insitu_tests::{Analyst, Cells, Department, Federation, departments};

use crate::oracle::publish::{described, parquet};

/// `r.trips` at two nodes: areas A to C with 4, 3 and 2 trips of 1, 2, ... hours. `r.areas` at a third: A and C, with zones.
fn trips() -> Vec<Department> {
    let at = |node: &str, rows: &[(&str, i64)]| {
        let mut csv = "area,hours\n".to_owned();
        for (area, hours) in rows {
            let _ = writeln!(csv, "{area},{hours}");
        }
        let config = format!(
            "[node]\nid = \"{node}\"\ndepartment = \"Department {node}\"\n\n[[dataset]]\nname = \"r.trips\"\n\
             source = {{ format = \"csv\", path = \"trips.csv\" }}\nprotection = \"open\"\n\n\
             [[dataset.column]]\nname = \"area\"\ntype = \"text\"\nlabel = \"dimension\"\n\n\
             [[dataset.column]]\nname = \"hours\"\ntype = \"integer\"\nlabel = \"dimension\"\n"
        );
        Department { config, files: vec![("trips.csv".to_owned(), csv.into_bytes())] }
    };
    let areas = "[node]\nid = \"c\"\ndepartment = \"Department c\"\n\n[[dataset]]\nname = \"r.areas\"\n\
                 source = { format = \"csv\", path = \"areas.csv\" }\nprotection = \"open\"\n\n\
                 [[dataset.column]]\nname = \"area\"\ntype = \"text\"\nlabel = \"dimension\"\n\n\
                 [[dataset.column]]\nname = \"zone\"\ntype = \"integer\"\nlabel = \"dimension\"\n";
    let areas = Department {
        config: areas.to_owned(),
        files: vec![("areas.csv".to_owned(), b"area,zone\nA,1\nC,2\n".to_vec())],
    };
    vec![
        at("a", &[("A", 1), ("A", 3), ("B", 2), ("C", 1)]),
        at("b", &[("A", 2), ("A", 4), ("B", 1), ("B", 3), ("C", 2)]),
        areas,
    ]
}

async fn cells(analyst: &mut Analyst, sql: &str) -> Cells {
    analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// spiceai/spiceai#11256: a filter that couldn't be pushed was lost beneath a partial aggregation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpushed_filter_survives_partial_aggregation() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    // `sqrt` has no word in a Tabulation.
    let sql = "SELECT area, count(*), sum(hours) FROM r.trips WHERE sqrt(hours) > 1.5 GROUP BY area ORDER BY area";
    assert_eq!(cells(&mut analyst, sql).await, [["A", "2", "7"], ["B", "1", "3"]]);
    // With one that has.
    let sql =
        "SELECT area, count(*) FROM r.trips WHERE sqrt(hours) > 1.5 AND area <> 'B' GROUP BY area";
    assert_eq!(cells(&mut analyst, sql).await, [["A", "2"]]);
}

/// spiceai/spiceai#11599: a count with a filter was answered from statistics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filtered_count_never_from_statistics() {
    let values: ArrayRef = Arc::new(Int64Array::from((0..100).map(Some).collect::<Vec<_>>()));
    let rows = RecordBatch::try_from_iter_with_nullable([("v", values, true)]).unwrap();
    let of = |n: usize| Department {
        config: format!(
            "[node]\nid = \"n{n}\"\ndepartment = \"Part {n}\"\n{}",
            described("r.values", &rows)
        ),
        files: vec![("r.values.parquet".to_owned(), parquet(&rows))],
    };
    let federation = Federation::start(&[of(0), of(1)]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT count(*) FILTER (WHERE v >= 90), count(*) FROM r.values";
    assert_eq!(cells(&mut analyst, sql).await, [["20", "200"]]);
    let sql = "SELECT count(*) FROM r.values WHERE v >= 90";
    assert_eq!(cells(&mut analyst, sql).await, [["20"]]);
    let sql = "SELECT count(*), min(v), max(v) FROM r.values WHERE v % 2 = 1 AND v < 50";
    assert_eq!(cells(&mut analyst, sql).await, [["50", "1", "49"]]);
}

/// spiceai/spiceai#13083: `LIMIT` beneath a filter was moved above it, and lost inside `EXISTS`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_over_filter_not_flattened_and_limit_in_exists_kept() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT count(*) FROM (SELECT hours FROM r.trips ORDER BY hours DESC LIMIT 3) t WHERE hours < 4";
    assert_eq!(cells(&mut analyst, sql).await, [["2"]]);
    let sql = "SELECT count(*) FROM (SELECT area, count(*) AS n FROM r.trips GROUP BY area ORDER BY n DESC LIMIT 2) t \
               WHERE n < 4";
    assert_eq!(cells(&mut analyst, sql).await, [["1"]]);
    for (limit, expect) in [(0, "0"), (1, "2")] {
        let sql = format!(
            "SELECT count(*) FROM r.areas a WHERE EXISTS \
             (SELECT 1 FROM r.trips t WHERE t.area = a.area LIMIT {limit})"
        );
        assert_eq!(cells(&mut analyst, &sql).await, [[expect]], "{sql}");
    }
}

/// spiceai/spiceai#10167: a subquery was pushed to a source that doesn't have its table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subquery_on_another_node_is_seen() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql =
        "SELECT sum(hours) FROM r.trips WHERE area IN (SELECT area FROM r.areas WHERE zone = 1)";
    assert_eq!(cells(&mut analyst, sql).await, [["10"]]);
    let sql = "SELECT sum(hours) FROM r.trips WHERE hours > (SELECT max(zone) FROM r.areas)";
    assert_eq!(cells(&mut analyst, sql).await, [["10"]]);
    let sql = "SELECT area FROM r.areas a WHERE zone = (SELECT min(hours) FROM r.trips t WHERE t.area = a.area)";
    assert_eq!(cells(&mut analyst, sql).await, [["A"]]);
}

/// trinodb/trino#12598: an aggregation was pushed down without its `FILTER` or `CASE`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushdown_respects_filter_and_case() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT area, sum(hours) FILTER (WHERE hours > 1), sum(CASE WHEN hours > 1 THEN hours END), \
               count(CASE WHEN hours > 1 THEN 1 END), avg(hours) FILTER (WHERE hours > 100), \
               count(*) FILTER (WHERE hours IS NULL) FROM r.trips GROUP BY area ORDER BY area";
    let expected = [
        ["A", "9", "9", "3", "NULL", "0"],
        ["B", "5", "5", "2", "NULL", "0"],
        ["C", "2", "2", "1", "NULL", "0"],
    ];
    assert_eq!(cells(&mut analyst, sql).await, expected);
    let sql = "SELECT count(*) FILTER (WHERE hours > 1), max(hours) FILTER (WHERE area = 'B') FROM r.trips";
    assert_eq!(cells(&mut analyst, sql).await, [["6", "3"]]);
}

/// What one department is asked doesn't depend on a condition about another's data, nor is a literal carried across a join.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_to_b_equal_when_as_filter_changes_and_literal_on_key_not_copied_to_b() {
    let federation = Federation::start(&[departments::health(), departments::schools()]).await;
    let mut analyst = federation.analyst().await;
    let sql = |area: &str| {
        format!(
            "WITH a AS (SELECT area, count(*) AS n FROM health.visits WHERE area = '{area}' GROUP BY area), \
             b AS (SELECT school, count(*) AS n FROM schools.pupils GROUP BY school) \
             SELECT a.area, a.n, b.n FROM a JOIN b ON a.area = b.school WHERE a.area <> '{area}-NOT'"
        )
    };
    let mut to_schools = Vec::new();
    for area in ["A", "CANARY-AREA"] {
        let sql = sql(area);
        let explained =
            federation.gateway().explain(sql.as_bytes(), &Options::default()).await.unwrap();
        let leaves = explained.split("at the gateway").next().unwrap();
        let schools = leaves.split("leaf_").find(|leaf| leaf.contains("schools.pupils")).unwrap();
        to_schools.push(schools.to_owned());
        federation.tap(0).clear();
        federation.tap(1).clear();
        assert!(cells(&mut analyst, &sql).await.len() <= 1);
    }
    assert_eq!(to_schools[0], to_schools[1]);
    let seen = |bytes: Vec<u8>| bytes.windows(11).any(|w| w == b"CANARY-AREA");
    assert!(seen(federation.tap(0).received()), "the search finds what is there");
    assert!(!seen(federation.tap(1).received()));
}

/// datafusion-contrib/datafusion-flight-sql-server#51: the announced schema said that `min` is never NULL. That announced
/// and sent schemas are the same is checked with every answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn min_max_nullability_matches_announced_schema() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    for (sql, nulls) in [
        ("SELECT min(hours), max(area) FROM r.trips", false),
        ("SELECT min(hours), max(area) FROM r.trips WHERE hours > 100", true),
        (
            "SELECT sum(hours), max(area) FILTER (WHERE hours > 100) FROM r.trips WHERE hours > 100",
            true,
        ),
    ] {
        let asked = analyst.ask(sql).await.unwrap();
        assert!(asked.schema.fields().iter().all(|f| f.is_nullable()), "{sql}");
        assert_eq!(asked.cells(), [if nulls { ["NULL"; 2] } else { ["1", "C"] }], "{sql}");
    }
}

/// crate/crate#19885 and others: above 100,000 rows of nearly as many groups an engine sends rows in the place of partial
/// aggregates. A node's cells are complete: each is there once, with all of its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn high_cardinality_sends_no_partial_rows() {
    // At each of two nodes keys 0 to 19,999 twice and 20,000 to 89,999 once.
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..20_000).chain(0..90_000)));
    let rows = RecordBatch::try_from_iter_with_nullable([("k", keys, true)]).unwrap();
    let of = |n: usize| Department {
        config: format!(
            "[node]\nid = \"n{n}\"\ndepartment = \"Part {n}\"\n{}",
            described("r.keys", &rows)
        ),
        files: vec![("r.keys.parquet".to_owned(), parquet(&rows))],
    };
    let federation = Federation::start(&[of(0), of(1)]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT n, count(*), min(k), max(k) FROM (SELECT k, count(*) AS n FROM r.keys GROUP BY k) t \
               GROUP BY n ORDER BY n";
    let expected = [["2", "70000", "20000", "89999"], ["4", "20000", "0", "19999"]];
    assert_eq!(cells(&mut analyst, sql).await, expected);
}

/// The engine's options can't be set: with `skip_failed_rules` a rule that fails is only logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skip_failed_rules_cannot_be_set() {
    let federation = Federation::start(&trips()).await;
    let mut analyst = federation.analyst_without_statuses().await;
    for sql in [
        "SET datafusion.optimizer.skip_failed_rules = true",
        "SET datafusion.execution.target_partitions = 64",
        "RESET datafusion.optimizer.skip_failed_rules",
        "SHOW datafusion.optimizer.skip_failed_rules",
    ] {
        let told = analyst.refused(sql).await;
        assert!(told.starts_with("Q103") || told.starts_with("Q102"), "{sql}: {told}");
    }
}
