//! Placeholders in every place: the type that a client is told, and what comes of the value that it binds.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, NullArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use insitu_gateway::query::{Options, QueryId};
use insitu_tests::{Federation, departments};

use crate::oracle::publish::parts_of;

/// Twelve rows over two departments: `k` from 0 to 11, `g` a, b, c in turns, `x` of `k` hundredths, `f` of `k` quarters, `d` the
/// days from 1 January 2018.
fn rows() -> RecordBatch {
    let all = || 0..12_i64;
    let texts: Vec<&str> = ["a", "b", "c"].into_iter().cycle().take(12).collect();
    let decimals: Decimal128Array = all().map(i128::from).collect();
    let floats: Float64Array = all().map(|k| Some(k as f64 / 4.0)).collect();
    let dates: Date32Array = (17_532..17_544).map(Some).collect();
    let columns: [(&str, ArrayRef); 5] = [
        ("k", Arc::new(all().collect::<Int64Array>())),
        ("g", Arc::new(StringArray::from(texts))),
        ("x", Arc::new(decimals.with_precision_and_scale(38, 2).unwrap())),
        ("f", Arc::new(floats)),
        ("d", Arc::new(dates)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

async fn federation() -> Federation {
    let rows = rows();
    let parts = parts_of("m.facts", &[rows.slice(0, 5), rows.slice(5, 7)]);
    Federation::start(&[parts, vec![departments::health()]].concat()).await
}

/// The types told and the answer, or what it was refused with.
async fn asked(federation: &Federation, sql: &str, values: &[ArrayRef]) -> (String, String) {
    let gateway = federation.gateway();
    let prepared = match gateway.prepare(sql.as_bytes(), &Options::default()).await {
        Ok(prepared) => prepared,
        Err(refusals) => return (String::new(), refusals.to_string()),
    };
    let told = prepared.parameter_schema().fields().iter().map(|f| f.data_type().to_string());
    let told = told.collect::<Vec<_>>().join(", ");
    let values =
        values.iter().enumerate().map(|(i, v)| (format!("${}", i + 1), Arc::clone(v), true));
    let values: Vec<_> = values.collect();
    let values =
        (!values.is_empty()).then(|| RecordBatch::try_from_iter_with_nullable(values).unwrap());
    let answer = match gateway.bind(&prepared, values).await {
        Ok(bound) => gateway.execute(&bound, QueryId([7; 16])).await,
        Err(refusals) => return (told, refusals.to_string()),
    };
    let answer = answer.unwrap_or_else(|refusals| panic!("{sql}: {refusals}"));
    let mut cells = Vec::new();
    for batch in answer.batches().get() {
        for row in 0..batch.num_rows() {
            let shown = batch
                .columns()
                .iter()
                .map(|column| arrow_cast::display::array_value_to_string(column, row).unwrap());
            cells.push(shown.collect::<Vec<_>>().join(" "));
        }
    }
    (told, cells.join("; "))
}

fn whole(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn float(value: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value]))
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_type_of_a_placeholder_follows_from_where_it_stands() {
    let federation = federation().await;
    let yes = || -> ArrayRef { Arc::new(BooleanArray::from(vec![true])) };
    for (what, values, told, expected) in [
        // Beside what it is calculated or compared with.
        ("sum(k * $1)", vec![whole(2)], "Int64", "132"),
        ("sum(f * $1)", vec![whole(2)], "Float64", "33.0"),
        ("sum(f * $1)", vec![float(0.5)], "Float64", "8.25"),
        ("count(*) FILTER (WHERE k > $1)", vec![whole(8)], "Int64", "3"),
        ("count(*) FILTER (WHERE d < $1)", vec![text("2018-01-04")], "Date32", "3"),
        ("count(*) FILTER (WHERE $1 BETWEEN k AND 5)", vec![whole(3)], "Int64", "4"),
        ("count(*) FILTER (WHERE $1 IN (k, 40))", vec![whole(3)], "Int64", "1"),
        ("count(*) FILTER (WHERE k = -$1)", vec![whole(-3)], "Int64", "1"),
        ("count(*) FILTER (WHERE k = $1 OR $1 IS NULL)", vec![whole(3)], "Int64", "1"),
        ("count(*) FILTER (WHERE k > $1 AND f > $1)", vec![whole(2)], "Float64", "3"),
        // As a condition.
        ("count(*) FILTER (WHERE $1)", vec![yes()], "Boolean", "12"),
        ("count(*) FILTER (WHERE NOT $1)", vec![yes()], "Boolean", "0"),
        ("sum(CASE WHEN $1 THEN 1 END)", vec![yes()], "Boolean", "12"),
        // Beside other values of the same choice.
        (
            "sum(CASE WHEN g = $1 THEN $2 ELSE 0 END)",
            vec![text("a"), whole(5)],
            "Utf8, Int64",
            "20",
        ),
        ("sum(CASE g WHEN $1 THEN 1 ELSE $2 END)", vec![text("a"), whole(2)], "Utf8, Int64", "20"),
        ("sum(coalesce(nullif(k, $1), $2))", vec![whole(11), whole(1)], "Int64, Int64", "56"),
        (
            "sum(CASE WHEN g = 'a' THEN $1 ELSE $2 END)",
            vec![whole(5), whole(1)],
            "Float64, Float64",
            "28.0",
        ),
        ("sum($1)", vec![whole(2)], "Float64", "24.0"),
        ("sum(CASE WHEN g = 'a' THEN $1 ELSE NULL END)", vec![float(2.5)], "Float64", "10.0"),
        (
            "avg(CASE WHEN g = 'a' THEN $1 ELSE $2 END)",
            vec![whole(3), whole(0)],
            "Float64, Float64",
            "1.0",
        ),
        (
            "count(*) FILTER (WHERE k < CASE g WHEN 'a' THEN $1 ELSE coalesce($2, $3) END)",
            vec![whole(5), whole(1), whole(2)],
            "Int64, Int64, Int64",
            "2",
        ),
        ("count(*) FILTER (WHERE CASE WHEN k < 5 THEN $1 END)", vec![yes()], "Boolean", "5"),
        // A pattern with an escape of its own.
        ("count(*) FILTER (WHERE g LIKE $1 ESCAPE '!')", vec![text("!a%")], "Utf8", "4"),
        ("count(*) FILTER (WHERE g || '%' LIKE $1 ESCAPE '!')", vec![text("_!%")], "Utf8", "12"),
        ("max(CASE WHEN 'a%b' LIKE $1 ESCAPE '!' THEN k END)", vec![text("a!%b")], "Utf8", "11"),
        ("sum(greatest(f, $1))", vec![float(2.5)], "Float64", "30.25"),
        // As an argument that leaves no choice.
        ("max(left(g, $1))", vec![whole(1)], "Int64", "c"),
        ("max(substr('abcd', $1, $2))", vec![whole(2), whole(2)], "Int64, Int64", "bc"),
        ("max(round(f, $1))", vec![whole(1)], "Int64", "2.8"),
        ("percentile_cont($1) WITHIN GROUP (ORDER BY f)", vec![float(0.5)], "Float64", "1.375"),
        // As a moment, or so many days.
        ("count(*) FILTER (WHERE d > $1 - INTERVAL '2 days')", vec![day(8)], "Timestamp(µs)", "5"),
        ("count(*) FILTER (WHERE d > $1 - INTERVAL '1 hour')", vec![day(8)], "Timestamp(µs)", "4"),
        ("count(*) FILTER (WHERE d + $1 > DATE '2018-01-12')", vec![whole(2)], "Int64", "2"),
        // A number as large in the type that was told.
        ("sum(x * $1)", vec![whole(2)], "Decimal128(38, 2)", "1.3200"),
        ("sum(x * $1)", vec![float(2.5)], "Decimal128(38, 2)", "1.6500"),
        ("sum(k * $1)", vec![float(2.0)], "Int64", "132"),
        // What may be anything.
        ("sum(k * CAST($1 AS DOUBLE))", vec![float(2.5)], "Utf8", "165.0"),
        ("sum(k * CAST($1 AS DOUBLE))", vec![text("2.5")], "Utf8", "165.0"),
    ] {
        let answer = asked(&federation, &format!("SELECT {what} FROM m.facts"), &values).await;
        assert_eq!(answer, (told.to_owned(), expected.to_owned()), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placeholder_may_stand_in_a_key() {
    let federation = federation().await;
    let band = "CASE WHEN k < $1 THEN $2 ELSE 'high' END";
    for keys in ["1", band] {
        let sql = format!("SELECT {band}, count(*) FROM m.facts GROUP BY {keys} ORDER BY 2");
        let answer = asked(&federation, &sql, &[whole(4), text("low")]).await;
        assert_eq!(answer, ("Int64, Utf8".to_owned(), "low 4; high 8".to_owned()), "{sql}");
    }
    let first = "SELECT left(area, $1) AS a, count(*) FROM health.visits GROUP BY 1 ORDER BY 1";
    let answer = asked(&federation, first, &[whole(1)]).await;
    let written = asked(&federation, &first.replace("$1", "1"), &[]).await;
    assert_eq!(answer.1, written.1);
    assert_eq!(answer.0, "Int64");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placeholder_whose_type_cannot_be_told_is_refused_with_how_to_write_it() {
    let federation = federation().await;
    let none: ArrayRef = Arc::new(NullArray::new(1));
    for (sql, value, code) in [
        ("SELECT -$1", whole(2), "Q109"),
        ("SELECT $1", whole(2), "Q110"),
        ("SELECT sum(k * $1) FROM m.facts", float(2.5), "Q110"),
        ("SELECT sum(k) FROM m.facts WHERE d = $1 OR k = $1", none, "Q110"),
    ] {
        let (_, refused) = asked(&federation, sql, &[value]).await;
        assert!(refused.starts_with(code) && refused.contains("`CAST($1 AS "), "{sql}: {refused}");
    }
}

/// The day that many days after 1 January 2018, as a date.
fn day(days: i32) -> ArrayRef {
    Arc::new(Date32Array::from(vec![17_532 + days]))
}

/// A second of it, as a moment.
fn moment(days: i64, seconds: i64) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(vec![((17_532 + days) * 86_400 + seconds) * 1_000_000])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_bound_to_a_question_mark_over_protected_rows_is_what_is_written() {
    let federation = federation().await;
    let at = |days| -> ArrayRef { Arc::new(moment(days, 0)) };
    let in_utc = |days| -> ArrayRef { Arc::new(moment(days, 0).with_timezone("UTC")) };
    let in_nanoseconds: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![(17_532 + 59) * 86_400_000_000_000]));
    let last_second: ArrayRef = Arc::new(moment(89, 86_399));
    for (condition, values, written) in [
        ("area = ?", vec![text("A")], "area = 'A'"),
        ("area LIKE ?", vec![text("A%")], "area LIKE 'A%'"),
        ("area NOT LIKE ?", vec![text("A%")], "area NOT LIKE 'A%'"),
        ("area ILIKE ? || '%'", vec![text("a")], "area ILIKE 'a%'"),
        ("area IN (?, ?)", vec![text("A"), text("B")], "area IN ('A', 'B')"),
        ("area = upper(?)", vec![text("a")], "area = 'A'"),
        ("age > ? + 10", vec![whole(10)], "age > 20"),
        ("age > ? AND 1 = ?", vec![whole(20), whole(1)], "age > 20"),
        ("? < age", vec![float(20.0)], "age > 20"),
        ("visited >= ?", vec![day(59)], "visited >= DATE '2018-03-01'"),
        ("visited >= ?", vec![text("2018-03-01")], "visited >= DATE '2018-03-01'"),
        ("visited >= ?", vec![at(59)], "visited >= DATE '2018-03-01'"),
        ("visited >= ?", vec![in_utc(59)], "visited >= DATE '2018-03-01'"),
        ("visited >= ?", vec![in_nanoseconds], "visited >= DATE '2018-03-01'"),
        ("visited <= ?", vec![last_second], "visited <= DATE '2018-03-31'"),
        (
            "visited >= CAST(? AS DATE) - INTERVAL '1 month'",
            vec![day(59)],
            "visited >= DATE '2018-02-01'",
        ),
        ("visited >= ? - INTERVAL '1 month'", vec![day(59)], "visited >= DATE '2018-02-01'"),
        ("visited >= ? - INTERVAL '1 month'", vec![at(59)], "visited >= DATE '2018-02-01'"),
        ("visited + ? >= DATE '2018-03-03'", vec![whole(30)], "visited >= DATE '2018-02-01'"),
        (
            "visited BETWEEN ? AND ?",
            vec![at(0), day(58)],
            "visited BETWEEN DATE '2018-01-01' AND DATE '2018-02-28'",
        ),
        (
            "date_trunc('month', visited) = ?",
            vec![at(31)],
            "date_trunc('month', visited) = DATE '2018-02-01'",
        ),
    ] {
        let statement = |condition: &str| {
            format!(
                "SELECT area, count(*) FROM health.visits WHERE {condition} GROUP BY 1 ORDER BY 1 LIMIT 2"
            )
        };
        let (_, bound) = asked(&federation, &statement(condition), &values).await;
        let (_, written) = asked(&federation, &statement(written), &[]).await;
        assert_eq!(bound, written, "{condition}");
    }
    let first =
        "SELECT area, count(*) FROM health.visits GROUP BY area ORDER BY area LIMIT ? OFFSET ?";
    let answer = asked(&federation, first, &[whole(1), whole(1)]).await;
    assert_eq!(answer, ("Int64, Int64".to_owned(), "B 15".to_owned()));
    // A moment in another zone is no day.
    let elsewhere: ArrayRef = Arc::new(moment(59, 0).with_timezone("+01:00"));
    let sql = "SELECT count(*) FROM health.visits WHERE visited >= ?";
    let (_, refused) = asked(&federation, sql, &[elsewhere]).await;
    assert!(refused.starts_with("D207"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn placeholders_of_both_kinds_are_not_mixed() {
    let federation = federation().await;
    let sql = "SELECT count(*) FROM health.visits WHERE area = ? AND sex = $1";
    let (_, refused) = asked(&federation, sql, &[]).await;
    assert!(refused.starts_with("Q110: `?` and `$1` don't go together"), "{refused}");
    let sql = "SELECT count(*) FROM health.visits WHERE area = '?' AND sex = ?";
    assert_eq!(asked(&federation, sql, &[text("F")]).await.0, "Utf8");
}

/// With a moment the gateway counts rows, with a day departments do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_of_open_data_do_not_hang_on_what_is_bound() {
    let federation = federation().await;
    let gateway = federation.gateway();
    let options = Options { statuses: true, ..Options::default() };
    let noon: ArrayRef = Arc::new(moment(8, 43_200));
    for sql in [
        "SELECT g, count(*) AS n, sum(k) AS s FROM m.facts WHERE d > $1 GROUP BY g ORDER BY g",
        "SELECT count(*) AS n, g, sum(k) AS s FROM m.facts f WHERE d > $1 GROUP BY g ORDER BY g",
    ] {
        let prepared = gateway.prepare(sql.as_bytes(), &options).await.unwrap();
        let mut answers = Vec::new();
        for value in [day(8), Arc::clone(&noon)] {
            let value = RecordBatch::try_from_iter_with_nullable([("$1", value, true)]).unwrap();
            let bound = gateway.bind(&prepared, Some(value)).await.unwrap();
            let answer = gateway.execute(&bound, QueryId([7; 16])).await.unwrap();
            let batches = answer.batches().get();
            answers.push(arrow_cast::pretty::pretty_format_batches(batches).unwrap().to_string());
        }
        assert!(answers[0].contains("n_status"), "{}", answers[0]);
        assert_eq!(answers[0], answers[1], "{sql}");
    }
}

/// Numbers in a `CASE`, and the share of a quantile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_bound_within_a_measure_is_what_is_written() {
    let federation =
        Federation::start(&[vec![departments::health()], departments::councils()].concat()).await;
    for (measure, values, written) in [
        (
            "sum(CASE WHEN sex = 'F' THEN ? ELSE 0 END) FROM health.visits",
            vec![whole(2)],
            "2 * count(*) FILTER (WHERE sex = 'F') FROM health.visits",
        ),
        (
            "sum(CASE WHEN sex = 'F' THEN CAST(? AS BIGINT) END) FROM health.visits",
            vec![whole(1)],
            "count(*) FILTER (WHERE sex = 'F') FROM health.visits",
        ),
        (
            "sum(CASE WHEN sex = ? THEN ? ELSE 0 END) FROM health.visits",
            vec![text("F"), whole(3)],
            "3 * count(*) FILTER (WHERE sex = 'F') FROM health.visits",
        ),
        (
            "sum(CASE WHEN sex = 'F' THEN ? ELSE ? END) FROM health.visits",
            vec![whole(2), whole(0)],
            "2.0 * count(*) FILTER (WHERE sex = 'F') FROM health.visits",
        ),
        (
            "count(*) FROM health.visits WHERE area LIKE ? ESCAPE '!'",
            vec![text("!A%")],
            "count(*) FROM health.visits WHERE area LIKE 'A%'",
        ),
        (
            "percentile_cont(?) WITHIN GROUP (ORDER BY arrears) FROM councils.homes",
            vec![float(0.75)],
            "percentile_cont(0.75) WITHIN GROUP (ORDER BY arrears) FROM councils.homes",
        ),
        (
            "count(*) FROM councils.homes WHERE arrears > ?",
            vec![float(999.5)],
            "count(*) FROM councils.homes WHERE arrears >= 1000",
        ),
    ] {
        let (_, bound) = asked(&federation, &format!("SELECT {measure}"), &values).await;
        let (_, written) = asked(&federation, &format!("SELECT {written}"), &[]).await;
        assert!(!written.starts_with(['Q', 'D']), "{written}");
        assert_eq!(bound, written, "{measure}");
    }
    let beyond = "SELECT percentile_cont(?) WITHIN GROUP (ORDER BY arrears) FROM councils.homes";
    let (_, refused) = asked(&federation, beyond, &[float(0.99)]).await;
    assert!(refused.starts_with("D205"), "{refused}");
}
