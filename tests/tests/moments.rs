//! Moments over departments: where nothing is added they are what plain SQL gives, and the same for any split of the
//! units over nodes.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::Schema;
use datafusion::prelude::SessionContext;
use insitu_tests::{Asked, Cells, Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A row: a unit's number, its area, days from 60 to 250, an amount in hundredths from -50.00 to 300.00.
type Row = (usize, usize, Option<i64>, Option<i128>);

const AREAS: [&str; 3] = ["A", "B", "C"];

/// So many units with up to so many rows each.
fn rows(units: usize, rows_of_each: usize) -> Vec<Row> {
    let mut random = StdRng::seed_from_u64(41);
    let mut all = Vec::new();
    for unit in 0..units {
        for _ in 0..random.random_range(1..=rows_of_each) {
            let area = random.random_range(0..AREAS.len());
            let days = random.random_range(60..=250);
            let amount = i128::from(days * 100 + random.random_range(-5_000..=5_000));
            let days = random.random_bool(0.9).then_some(days);
            all.push((unit, area, days, random.random_bool(0.9).then_some(amount)));
        }
    }
    all
}

/// The rows at so many departments, each unit at one of them; with more than one, the last has none.
fn departments(rows: &[Row], nodes: usize, terms: &str) -> Vec<Department> {
    let homes = nodes.saturating_sub(1).max(1);
    let of = |node: usize| {
        let mut csv = "Unit,Area,Days,Amount\n".to_owned();
        for (unit, area, days, amount) in rows.iter().filter(|(unit, ..)| unit % homes == node) {
            let days = days.map_or(String::new(), |d| d.to_string());
            let amount = amount.map_or(String::new(), |a| format!("{:.2}", a as f64 / 100.0));
            let _ = writeln!(csv, "u{unit},{},{days},{amount}", AREAS[*area]);
        }
        let config = format!("[node]\nid = \"n{node}\"\ndepartment = \"Part {node}\"\n{CONFIG}");
        let config = config.replace("TERMS", terms);
        Department { config, files: vec![("stays.csv".to_owned(), csv.into_bytes())] }
    };
    (0..nodes).map(of).collect()
}

const CONFIG: &str = r#"
[[dataset]]
name = "health.stays"
source = { format = "csv", path = "stays.csv" }
protection = "protected"
unit = "unit"
units_at_one_node = true
release = "at-gateway"
TERMS

[[dataset.column]]
name = "unit"
from = "Unit"
type = "text"
label = "unit"

[[dataset.column]]
name = "area"
from = "Area"
type = "text"
label = "dimension"
domain = ["A", "B", "C"]

[[dataset.column]]
name = "days"
from = "Days"
type = "integer"
label = "measure"
bounds = { low = 60, high = 250 }
blank = "null"

[[dataset.column]]
name = "amount"
from = "Amount"
type = "decimal"
decimal_places = 2
label = "measure"
bounds = { low = "-50.00", high = "300.00" }
blank = "null"
"#;

const QUESTIONS: [&str; 3] = [
    "SELECT area, var_samp(days), var_pop(days), stddev_samp(amount), stddev_pop(amount), covar_samp(amount, days), \
     covar_pop(days, amount), corr(amount, days) FROM health.stays GROUP BY area ORDER BY area",
    "SELECT area, regr_slope(amount, days), regr_intercept(amount, days), regr_r2(amount, days), \
     CAST(regr_count(amount, days) AS DOUBLE), regr_avgx(amount, days), regr_avgy(amount, days) \
     FROM health.stays GROUP BY area ORDER BY area",
    "SELECT 'all' AS area, regr_sxx(amount, days), regr_syy(amount, days), regr_sxy(amount, days), var(amount) \
     FROM health.stays",
];

async fn answers(departments: &[Department]) -> Vec<Cells> {
    let federation = Federation::start(departments).await;
    let mut analyst = federation.analyst().await;
    let mut all = Vec::new();
    for sql in QUESTIONS {
        all.push(analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}: {told}")));
    }
    all
}

/// The engine's own answers, over the rows in one table.
async fn plainly(rows: &[Row]) -> Vec<Cells> {
    let areas: StringArray = rows.iter().map(|r| Some(AREAS[r.1])).collect();
    let days: Int64Array = rows.iter().map(|r| r.2).collect();
    let amounts: Decimal128Array = rows.iter().map(|r| r.3).collect();
    let amounts: Float64Array = amounts.iter().map(|a| a.map(|a| a as f64 / 100.0)).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("area", Arc::new(areas) as _, true),
        ("days", Arc::new(days) as _, true),
        ("amount", Arc::new(amounts) as _, true),
    ])
    .unwrap();
    let context = SessionContext::new();
    context.sql("CREATE SCHEMA health").await.unwrap();
    context.register_batch("health.stays", batch).unwrap();
    let mut all = Vec::new();
    for sql in QUESTIONS {
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let schema = Arc::new(Schema::empty());
        all.push(Asked { schema, batches, query_id: String::new() }.cells());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moments_without_noise_are_plain_sqls_over_any_number_of_departments() {
    let rows = rows(1_500, 1);
    let terms = "profile = \"exact\"\nunit_unique_per_row = true";
    let whole = answers(&departments(&rows, 1, terms)).await;
    for (got, expected) in whole.iter().flatten().zip(plainly(&rows).await.iter().flatten()) {
        assert_eq!(got.len(), expected.len());
        assert_eq!(got[0], expected[0]);
        for (got, expected) in got.iter().zip(expected).skip(1) {
            let (got, expected): (f64, f64) = (got.parse().unwrap(), expected.parse().unwrap());
            // The engine adds up in floating point.
            assert!((got - expected).abs() <= 1e-9 * expected.abs(), "{got} {expected}");
        }
    }
    for nodes in [2, 4] {
        assert_eq!(answers(&departments(&rows, nodes, terms)).await, whole, "{nodes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_with_many_rows_contributes_all_of_them_at_once() {
    let rows = rows(1_500, 4);
    let terms = "profile = \"midpoint-6\"\nunit_unique_per_row = false";
    let plain = plainly(&rows).await;
    for nodes in [1, 3] {
        let shown = answers(&departments(&rows, nodes, terms)).await;
        for (got, expected) in shown[0].iter().zip(&plain[0]) {
            for (got, expected) in got.iter().zip(expected).skip(1) {
                let (got, expected): (f64, f64) = (got.parse().unwrap(), expected.parse().unwrap());
                // What noise and infusion leave of some hundred units.
                assert!((got - expected).abs() <= 0.1 * expected.abs(), "{got} {expected}");
            }
        }
    }
}
