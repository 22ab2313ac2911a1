//! Functions of one row over open data: what a department makes of awkward values is what the engine makes of the same rows.
//! Where the engine has no value, or ends the query, a department's is NULL.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow_schema::{DataType, TimeUnit};
use insitu_tests::{Analyst, Cells, Department, Federation};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::oracle::publish::parts_of;

const ROWS: usize = 300;

/// The same rows, fetched: nothing of what is asked of them reaches a department.
const FETCHED: &str = "(SELECT * FROM m.facts LIMIT 100000) AS z";

fn rows(random: &mut StdRng) -> RecordBatch {
    fn some<T: Clone>(random: &mut StdRng, values: &[T]) -> Vec<Option<T>> {
        (0..ROWS)
            .map(|_| random.random_bool(0.9).then(|| values.choose(random).unwrap().clone()))
            .collect()
    }
    let texts = [
        "",
        " ",
        "  ab ",
        "\ta",
        "a\n",
        "a\nb",
        "\u{a0}a",
        "naïve",
        "Größe",
        "ΑΣ",
        "İ",
        "ﬁ",
        "a_b",
        "a%b",
        "a\\b",
        "100%",
        "日本語",
        "e\u{301}",
        "ABC",
        "1.0",
        "\u{2003}x\u{2003}",
        "aXa",
    ];
    let dates = [0, -1, 59, 60, 16_000, 19_782, -141_428, -719_162, 106_752, 200_000, 2_932_896];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("t", Arc::new(StringArray::from(some(random, &texts)))),
        ("n", Arc::new(Int64Array::from(some(random, &[-900_i64, -7, -3, -1, 0, 1, 2, 7, 899])))),
        ("m", Arc::new(Int64Array::from(some(random, &[i64::MIN, i64::MAX, -1, 0, 1])))),
        (
            "x",
            Arc::new(
                Decimal128Array::from(some(random, &[-12_345_i128, -150, -5, 0, 5, 149, 250, 700]))
                    .with_precision_and_scale(38, 2)
                    .unwrap(),
            ),
        ),
        ("f", Arc::new(Float64Array::from(some(random, &[-2.5, -0.5, -0.0, 0.0, 0.1, 1.5, 1e15])))),
        (
            "g",
            Arc::new(Float64Array::from(some(
                random,
                &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1.0],
            ))),
        ),
        ("d", Arc::new(Date32Array::from(some(random, &dates)))),
        ("z", Arc::new(BooleanArray::from(some(random, &[true, false])))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

/// Each function of one row that the gate offers, with arguments that are awkward.
fn expressions() -> Vec<String> {
    let mut all: Vec<String> = [
        "lower(t)",
        "upper(t)",
        "initcap(t)",
        "trim(t)",
        "btrim(t)",
        "ltrim(t)",
        "rtrim(t)",
        "trim(BOTH 'a' FROM t)",
        "trim(LEADING FROM t)",
        "trim(TRAILING ' a' FROM t)",
        "length(t)",
        "char_length(t)",
        "character_length(t)",
        "reverse(t)",
        "replace(t, 'a', '')",
        "concat(t, n)",
        "concat_ws('-', t, n)",
        "t || 'x'",
        "t || t",
        "'<' || t || '>'",
        "t || NULL",
        "concat(t)",
        "concat(t, '-', t)",
        "split_part(t, 'a', 1)",
        "split_part(t, 'a', -1)",
        "strpos(t, '')",
        "strpos(t, 'b')",
        "contains(t, '%')",
        "starts_with(t, '')",
        "ends_with(t, 'b')",
        "nullif(t, '')",
        "coalesce(t, 'none')",
        "nvl(t, '')",
        "ifnull(t, '')",
        "greatest(t, 'a')",
        "least(t, 'a')",
        "substr(t, n)",
        "substr(t, 2, NULL)",
        "left(t, NULL)",
        "left(t, n)",
        "substr(t, n, length(t))",
        "t < 'a'",
        "t = ' '",
        "t IN ('', ' ', 'a_b')",
        "t BETWEEN '' AND 'a'",
        "n * 0.1",
        "n * 0.1 = 0.3",
        "n * -0.1 = -0.3",
        "x * 0.1 = 0.3",
        "0.1 + 0.2 = n * 0.3",
        "n * CASE WHEN z THEN 0.1 ELSE 0.2 END = 0.3",
        "n * coalesce(0.1, 0.2) = 0.3",
        "CASE WHEN z THEN n ELSE 0.5 END",
        "CASE WHEN z THEN CAST(n AS INT) ELSE n END",
        "n + 1",
        "n - 1",
        "n * -2",
        "n / 2",
        "n / -2",
        "n % 3",
        "n % -3",
        "7 / nullif(n, 0)",
        "7 % nullif(n, 0)",
        "-n",
        "abs(n)",
        "signum(n)",
        "round(n)",
        "round(n, -1)",
        "round(n, -2)",
        "trunc(n, -1)",
        "ceil(n)",
        "floor(n)",
        "power(n, 2)",
        "sqrt(abs(n))",
        "cbrt(n)",
        "n + 0.5",
        "n * 1.5",
        "n / 2.0",
        "2.0 / nullif(n, 0)",
        "(n + 1.0) / 2",
        "(n * 1.0) / 2",
        "coalesce(n, 0.0) / 2",
        "n + 1.0 < 2.5",
        "n % 2.5",
        "nullif(n, 0)",
        "coalesce(n, 0.5)",
        "greatest(n, 0)",
        "least(n, x)",
        "n < 0.5",
        "n = 2.0",
        "n IN (1, 2.5, NULL)",
        "n BETWEEN -0.5 AND 7",
        "m / 2",
        "m % 2",
        "m % -1",
        "m < 0",
        "m = 9223372036854775807",
        "m > 9223372036854775807.0",
        "CAST(m AS VARCHAR)",
        "CAST(m AS DOUBLE)",
        "CAST(m AS BOOLEAN)",
        "x + 1",
        "x - n",
        "x * 2",
        "x * x",
        "x / 3",
        "x % 2",
        "x % -1.5",
        "-x",
        "abs(x)",
        "round(x, 1)",
        "round(x, -1)",
        "floor(x)",
        "ceil(x)",
        "trunc(x)",
        "signum(x)",
        "x < 0.005",
        "x = 1.49",
        "CAST(x AS BIGINT)",
        "CAST(x AS DECIMAL(10, 1))",
        "CAST(x AS VARCHAR)",
        "CAST(x AS DOUBLE)",
        "f + 0.1",
        "f - 1",
        "f * -2",
        "f / 4",
        "f % 2",
        "-f",
        "abs(f)",
        "round(f)",
        "round(f, 1)",
        "round(f, -1)",
        "floor(f)",
        "ceil(f)",
        "trunc(f)",
        "signum(f)",
        "exp(f / 1e15)",
        "f = 0",
        "f < -0.0",
        "f IN (0.0, 1.5)",
        "CAST(f AS BIGINT)",
        "CAST(f AS VARCHAR)",
        "CAST(f AS DECIMAL(20, 1))",
        "g",
        "g = 0",
        "g < 0.0",
        "g > 1",
        "g = g",
        "g IN (0.0, 1)",
        "g BETWEEN -1 AND 1",
        "g IS NULL",
        "nullif(g, 0)",
        "coalesce(g, 7)",
        "greatest(g, 0)",
        "CAST(g AS VARCHAR)",
        "TRY_CAST(g AS BIGINT)",
        "d < DATE '1970-01-01'",
        "d = DATE '2024-02-29'",
        "CAST(d AS VARCHAR)",
        "nullif(d, d)",
        "coalesce(d, DATE '0001-01-01')",
        "z = true",
        "NOT z",
        "z IS TRUE",
        "z IS NOT TRUE",
        "z IS FALSE",
        "z IS NOT FALSE",
        "z IS UNKNOWN",
        "z AND n > 0",
        "z OR n > 0",
        "CASE WHEN z THEN n ELSE x END",
        "CASE n WHEN 1 THEN 'a' WHEN NULL THEN 'b' ELSE t END",
        "CAST(z AS VARCHAR)",
        "CAST(z AS BIGINT)",
        "TRY_CAST(t AS BIGINT)",
        "TRY_CAST(t AS DATE)",
    ]
    .map(str::to_owned)
    .to_vec();
    for count in [
        "-9223372036854775807",
        "-3000000000",
        "-3",
        "-1",
        "0",
        "1",
        "2",
        "3000000000",
        "9223372036854775807",
    ] {
        all.push(format!("left(t, {count})"));
        all.push(format!("right(t, {count})"));
        all.push(format!("substr(t, {count})"));
        for length in ["-1", "0", "1", "3", "3000000004", "9223372036854775807"] {
            all.push(format!("substr(t, {count}, {length})"));
        }
    }
    for pattern in [
        "", "%", "_", "__", "a%", "%b", "%\\%%", "a\\_b", "a\\\\b", "%\n%", "a_b", "gr%", "%Σ",
        "i%", "日__",
    ] {
        for like in ["LIKE", "ILIKE", "NOT LIKE"] {
            all.push(format!("t {like} '{pattern}'"));
        }
    }
    for part in ["year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "epoch"] {
        all.push(format!("date_part('{part}', d)"));
        all.push(format!("date_trunc('{part}', d)"));
        all.push(format!("EXTRACT({part} FROM d)"));
    }
    all
}

/// The values with how often each comes, and their type.
async fn tabulated(
    analyst: &mut Analyst,
    expression: &str,
    from: &str,
) -> Result<(DataType, Cells), String> {
    let sql = format!("SELECT {expression} AS k, count(*) AS n FROM {from} GROUP BY 1");
    let asked = analyst.ask(&sql).await.map_err(|told| told.to_string())?;
    let mut cells = asked.cells();
    cells.sort();
    Ok((asked.schema.field(0).data_type().clone(), cells))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_means_the_same_at_a_department_and_in_the_engine() {
    let mut random = StdRng::seed_from_u64(61);
    let all = rows(&mut random);
    let parts = parts_of("m.facts", &[all.slice(0, 120), all.slice(120, ROWS - 120)]);
    let federation = Federation::start(&parts).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let mut differences = BTreeMap::new();
    let mut compared = 0;
    for expression in expressions() {
        let there = tabulated(&mut analyst, &expression, "m.facts").await;
        let here = tabulated(&mut analyst, &expression, FETCHED).await;
        match (there, here) {
            (Ok(there), Ok(here)) if there == here => compared += 1,
            // Neither has a value, or the engine has none and the department's is NULL.
            (Err(_) | Ok(_), Err(told)) if !told.starts_with("X901") => {}
            (there, here) => {
                differences.insert(expression, format!("{there:?}\n  engine: {here:?}"));
            }
        }
    }
    let told: Vec<String> = differences.iter().map(|(e, d)| format!("{e}\n  there: {d}")).collect();
    assert!(told.is_empty(), "{}\n{}", told.len(), told.join("\n"));
    assert!(250 < compared, "only {compared} were compared");
}

/// Protected cases, ten a day on the first of each month of two years, one of them far away.
fn cases() -> Department {
    let mut csv = "Case,Opened\n".to_owned();
    for (day, n) in (0..24).flat_map(|month| (0..10).map(move |n| (month, n))) {
        let (year, month) = (2018 + day / 12, 1 + day % 12);
        csv += &format!("{day}-{n},{year}-{month:02}-01\n");
    }
    (0..30).for_each(|n| csv += &format!("far-{n},9999-12-31\n"));
    let config = r#"
[node]
id = "cases"
department = "Cases"

[[dataset]]
name = "p.cases"
source = { format = "csv", path = "cases.csv" }
protection = "protected"
unit = "case"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "case"
from = "Case"
type = "text"
label = "unit"

[[dataset.column]]
name = "opened"
from = "Opened"
type = "date"
label = "dimension"
"#;
    Department {
        config: config.to_owned(),
        files: vec![("cases.csv".to_owned(), csv.into_bytes())],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_date_is_a_timestamp_in_protected_tables_too() {
    let federation = Federation::start(&[cases()]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    for unit in ["year", "quarter", "month"] {
        let sql = format!(
            "SELECT date_trunc('{unit}', opened) AS since, count(*) FROM p.cases GROUP BY 1 ORDER BY 1"
        );
        let asked = analyst.ask(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(*asked.schema.field(0).data_type(), timestamp, "{unit}");
        let first: Vec<String> = asked.cells().into_iter().map(|row| row[0].clone()).collect();
        if unit == "year" {
            assert_eq!(
                first,
                ["2018-01-01T00:00:00", "2019-01-01T00:00:00", "9999-01-01T00:00:00"]
            );
        }
    }
    // As the engine compares it.
    let of_2018 =
        "SELECT count(*) FROM p.cases WHERE date_trunc('year', opened) = DATE '2018-01-01'";
    assert_eq!(analyst.cells(of_2018).await.unwrap(), [["120"]]);
}

/// The engine's own, over the same days with how many cases each has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protected_rows_are_grouped_by_parts_of_their_days() {
    let federation = Federation::start(&[cases()]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let months = (0..24).map(|m| format!("(DATE '{}-{:02}-01', 10)", 2018 + m / 12, 1 + m % 12));
    let days: Vec<String> = months.chain(["(DATE '9999-12-31', 30)".to_owned()]).collect();
    let days = days.join(", ");
    for part in ["dow", "isodow", "day", "doy", "week"] {
        let protected = format!(
            "SELECT date_part('{part}', opened), count(*) FROM p.cases GROUP BY 1 ORDER BY 1"
        );
        let truth = format!(
            "SELECT date_part('{part}', d), sum(n) FROM (VALUES {days}) AS v (d, n) GROUP BY 1 ORDER BY 1"
        );
        let shown = analyst.cells(&protected).await.unwrap_or_else(|e| panic!("{protected}: {e}"));
        let truth: BTreeMap<String, i64> = analyst
            .cells(&truth)
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row[0].clone(), row[1].parse().unwrap()))
            .collect();
        assert!(!shown.is_empty(), "{part}");
        for row in shown {
            let n: i64 = row[1].parse().unwrap();
            assert!((n - truth[&row[0]]).abs() <= 11, "{part}: {row:?} beside {truth:?}");
        }
    }
    // What nobody chose to ask for by itself is a set that its asker put together, with the wider edge.
    let explained = "EXPLAIN SELECT count(*) FROM p.cases WHERE EXTRACT(DOW FROM opened) = 1";
    let explained = format!("{:?}", analyst.cells(explained).await.unwrap());
    assert!(explained.contains("day_of_week(opened) = 1"), "{explained}");
}
