//! Numbers at their ends, over open data at several nodes: totals beyond 64 bits, NaN and infinities, zeros with a sign,
//! nodes with nothing but NULL, decimals of 38 digits, and files in every type that the declared ones hold.

use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use insitu_tests::{Cells, Federation};

use crate::oracle::publish::parts_of;

const DATASET: &str = "m.numbers";

/// A node for each part.
async fn federation(parts: &[RecordBatch]) -> Federation {
    Federation::start(&parts_of(DATASET, parts)).await
}

async fn cells(federation: &Federation, sql: &str) -> Cells {
    let mut analyst = federation.analyst_without_statuses().await;
    analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn whole(values: &[Option<i64>]) -> RecordBatch {
    one_column(Arc::new(Int64Array::from(values.to_vec())))
}

fn floats(values: &[Option<f64>]) -> RecordBatch {
    one_column(Arc::new(Float64Array::from(values.to_vec())))
}

fn one_column(values: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("v", values, true)]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_near_64_bits_is_exact_and_one_beyond_never_wraps() {
    // The engine's own sum of whole numbers wraps. A Tabulation, and the engine over rows, which `min` asks for.
    let asked = ["SELECT sum(v) FROM m.numbers", "SELECT sum(v), min(v) FROM m.numbers"];
    let near = [whole(&[Some(i64::MAX - 3), Some(5)]), whole(&[Some(-2), None])];
    let federation = federation(&near).await;
    for sql in asked {
        assert_eq!(cells(&federation, sql).await[0][0], i64::MAX.to_string(), "{sql}");
    }
    // Whole numbers are divided as such.
    let halved = "SELECT sum(v) / 2, sum(v) / count(v) FROM m.numbers WHERE v < 6";
    assert_eq!(cells(&federation, halved).await, [["1", "1"]]);
    for beyond in [
        [whole(&[Some(i64::MAX), Some(i64::MAX)]), whole(&[Some(1), None])],
        [whole(&[Some(i64::MAX)]), whole(&[Some(1)])],
        [whole(&[Some(i64::MIN)]), whole(&[Some(i64::MIN)])],
    ] {
        let federation = self::federation(&beyond).await;
        let mut analyst = federation.analyst_without_statuses().await;
        for sql in asked {
            let told = analyst.refused(sql).await;
            assert!(told.starts_with("Q107"), "{sql}: {told}");
        }
        let mean =
            cells(&federation, "SELECT avg(v) > 1000000 OR avg(v) < -1000000 FROM m.numbers");
        assert_eq!(mean.await, [["true"]]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decimal_total_beyond_its_digits_is_refused_and_never_wrong() {
    let largest = 10_i128.pow(38) - 1;
    let decimals = |values: Vec<i128>| {
        let array = Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap();
        one_column(Arc::new(array))
    };
    for parts in [
        vec![decimals(vec![largest, largest, largest, largest]), decimals(vec![1])],
        vec![decimals(vec![largest, 1]), decimals(vec![largest])],
        vec![decimals(vec![largest]), decimals(vec![largest])],
    ] {
        let federation = federation(&parts).await;
        let mut analyst = federation.analyst_without_statuses().await;
        let told = analyst.cells("SELECT sum(v) FROM m.numbers").await;
        // A question without those rows is answered.
        let rest = cells(&federation, "SELECT sum(v) FROM m.numbers WHERE v < 0").await;
        assert_eq!(rest, [["NULL"]]);
        let told = told.unwrap_err().0;
        assert!(told.starts_with("Q107: a number in `m.numbers` at Part"), "{told}");
    }
    // 27 digits are added up exactly.
    let parts = [decimals(vec![10_i128.pow(27), 1]), decimals(vec![10_i128.pow(27), 1])];
    let federation = self::federation(&parts).await;
    let found = cells(&federation, "SELECT sum(v) FROM m.numbers").await;
    assert_eq!(found, [["20000000000000000000000000.02"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_windows_total_near_64_bits_is_exact_and_one_beyond_never_wraps() {
    // Each frame is added up on a way of its own: all rows, rows until now, a frame that moves, ranges with ties.
    let frames = [
        "()",
        "(ORDER BY v)",
        "(ORDER BY v ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        "(PARTITION BY v IS NULL ORDER BY v RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    ];
    let near = [whole(&[Some(i64::MAX - 3), Some(5)]), whole(&[Some(-2), None])];
    let federation = federation(&near).await;
    for frame in frames {
        // Named by what was written, and of 64 bits: whole numbers are divided as such.
        let sql = format!(
            "SELECT max(t), max(t / 2) FROM (SELECT sum(v) OVER {frame} AS t FROM m.numbers WHERE v IS NOT NULL)"
        );
        let half = i64::MAX / 2;
        assert_eq!(
            cells(&federation, &sql).await,
            [[i64::MAX.to_string(), half.to_string()]],
            "{sql}"
        );
    }
    let sums = "SELECT v, sum(v) OVER (ORDER BY v), sum(v) OVER (ORDER BY v ROWS 1 PRECEDING), \
                sum(DISTINCT v) OVER (ORDER BY v), sum(v) FILTER (WHERE v < 6) OVER (), avg(v) OVER (), count(*) OVER () \
                FROM m.numbers WHERE v < 6 ORDER BY v";
    assert_eq!(
        cells(&federation, sums).await,
        [["-2", "-2", "-2", "-2", "3", "1.5", "2"], ["5", "3", "3", "3", "3", "1.5", "2"]]
    );
    for beyond in [
        [whole(&[Some(i64::MAX), Some(i64::MAX)]), whole(&[Some(1), None])],
        [whole(&[Some(i64::MIN)]), whole(&[Some(i64::MIN)])],
    ] {
        let federation = self::federation(&beyond).await;
        let mut analyst = federation.analyst_without_statuses().await;
        for frame in frames {
            let sql = format!("SELECT sum(v) OVER {frame} FROM m.numbers");
            let told = analyst.refused(&sql).await;
            assert!(told.starts_with("Q107"), "{sql}: {told}");
        }
        // `DISTINCT` over a frame that moves isn't computed in more digits, so it isn't computed.
        let sql = "SELECT sum(DISTINCT v) OVER (ORDER BY v ROWS 1 PRECEDING) FROM m.numbers";
        assert!(analyst.refused(sql).await.starts_with("Q104"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decimal_total_of_the_engine_is_refused_before_it_wraps() {
    let largest = 10_i128.pow(38) - 1;
    let decimals = |values: Vec<i128>| {
        let array = Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap();
        one_column(Arc::new(array))
    };
    // `min` and windows ask for rows. Four of the largest are beyond 128 bits.
    let asked = ["SELECT sum(v), min(v) FROM m.numbers", "SELECT sum(v) OVER () FROM m.numbers"];
    let parts = [decimals(vec![largest, largest]), decimals(vec![largest, largest])];
    let federation = federation(&parts).await;
    for sql in asked {
        let mut analyst = federation.analyst_without_statuses().await;
        let told = analyst.refused(sql).await;
        assert!(told.starts_with("Q107"), "{sql}: {told}");
    }
    let parts = [decimals(vec![largest - 5]), decimals(vec![2, 3])];
    let federation = self::federation(&parts).await;
    for sql in asked {
        let total = &cells(&federation, sql).await[0][0];
        assert_eq!(*total, format!("{}.99", "9".repeat(36)), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nan_infinities_and_signed_zeros_are_what_one_engine_makes_of_them() {
    let ends = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.5];
    let parts = [
        floats(&ends.map(Some)),
        floats(&[Some(-0.0), None, Some(-f64::NAN), Some(0.0)]),
        floats(&[]),
    ];
    let federation = federation(&parts).await;
    let engine = datafusion::prelude::SessionContext::new();
    engine.sql("CREATE SCHEMA m").await.unwrap();
    let all = arrow_select::concat::concat_batches(&parts[0].schema(), &parts).unwrap();
    engine.register_batch(DATASET, all).unwrap();
    for sql in [
        "SELECT min(v), max(v), count(v), count(*) FROM m.numbers",
        "SELECT sum(v), avg(v) FROM m.numbers",
        "SELECT sum(v), avg(v), min(v) FROM m.numbers WHERE v < 5 AND v > -5",
        "SELECT count(*) FROM m.numbers WHERE v = 0",
        "SELECT count(*) FROM m.numbers WHERE v = -0.0",
        "SELECT count(*) FROM m.numbers WHERE v < 0",
        "SELECT count(*) FROM m.numbers WHERE v > 1e300",
        "SELECT count(*) FROM m.numbers WHERE v = v",
        "SELECT v, count(*) FROM m.numbers GROUP BY v ORDER BY v, 2",
        "SELECT count(DISTINCT v) FROM m.numbers",
    ] {
        let expected = engine.sql(sql).await.unwrap().collect().await.unwrap();
        let schema = Arc::new(Schema::empty());
        let expected =
            insitu_tests::Asked { schema, batches: expected, query_id: String::new() }.cells();
        assert_eq!(cells(&federation, sql).await, expected, "{sql}");
    }
    // The one difference that is meant: departments' functions are total, and what isn't a number is NULL.
    let sql = "SELECT v + 1 AS w, count(*) FROM m.numbers GROUP BY 1 ORDER BY 1, 2";
    assert_eq!(cells(&federation, sql).await, [["1.0", "4"], ["2.5", "1"], ["NULL", "5"]]);
}

/// The engine forgets, by group, what comes before a NaN, and takes zeros with another sign for another value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn least_largest_and_distinct_values_by_group_do_not_hang_on_the_order_of_rows() {
    let nan = Some(f64::NAN);
    let values = [Some(1.5), nan, Some(5.0), Some(0.0), Some(-0.0), None];
    let reversed: Vec<_> = values.iter().rev().copied().collect();
    for parts in [
        [floats(&values), floats(&[])],
        [floats(&reversed), floats(&[None])],
        [floats(&values[..2]), floats(&values[2..])],
        [floats(&values[4..]), floats(&values[..4])],
    ] {
        let federation = federation(&parts).await;
        let by = "FROM (SELECT v, CASE WHEN v >= 1 THEN 'x' ELSE 'y' END AS k FROM m.numbers) GROUP BY k ORDER BY k";
        let sql = format!("SELECT k, min(v), max(v), count(v) {by}");
        let zeros = ["y", "-0.0", "0.0", "2"];
        assert_eq!(cells(&federation, &sql).await, [["x", "1.5", "NaN", "3"], zeros]);
        let sql = format!("SELECT k, count(DISTINCT v), sum(DISTINCT v), max(v) {by}");
        assert_eq!(
            cells(&federation, &sql).await,
            [["x", "3", "NaN", "NaN"], ["y", "1", "0.0", "0.0"]]
        );
        let sql =
            "SELECT count(DISTINCT v), min(v), max(v), avg(DISTINCT v) FROM m.numbers WHERE v < 3";
        assert_eq!(cells(&federation, sql).await, [["2", "-0.0", "1.5", "0.75"]]);
    }
    let zeros = [Some(-0.0), Some(0.0), Some(-0.0)];
    for first in 0..3 {
        let parts = [floats(&zeros[first..]), floats(&zeros[..first])];
        let federation = federation(&parts).await;
        for sql in
            ["SELECT median(v) FROM m.numbers", "SELECT median(v) FROM m.numbers GROUP BY v = 0"]
        {
            assert_eq!(cells(&federation, sql).await, [["0.0"]], "{sql}");
        }
    }
}

/// Departments tabulate the first; the rows of the second are fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mean_of_decimals_ends_in_the_same_digit_however_it_is_computed() {
    for (values, mean) in
        [([1, 1, 0], "0.006666"), ([-1, -1, 0], "-0.006666"), ([2, 4, 6], "0.040000")]
    {
        let array = Decimal128Array::from(values.to_vec()).with_precision_and_scale(20, 2).unwrap();
        let values = one_column(Arc::new(array));
        let federation = federation(&[values.slice(0, 1), values.slice(1, 2)]).await;
        assert_eq!(cells(&federation, "SELECT avg(v) FROM m.numbers").await, [[mean]]);
        let of_rows = cells(&federation, "SELECT avg(v), min(v) FROM m.numbers").await;
        assert_eq!(of_rows[0][0], mean);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_values_is_the_identity_of_every_measure() {
    let values = whole(&[Some(2), Some(4), None]);
    let sql = "SELECT count(*), count(v), sum(v), avg(v), min(v), max(v) FROM m.numbers";
    let federation = federation(&[values.slice(0, 0), values.clone(), whole(&[None, None])]).await;
    assert_eq!(cells(&federation, sql).await, [["5", "2", "6", "3.0", "2", "4"]]);
    // No values anywhere, and no rows anywhere: a count is 0, the rest is NULL.
    let federation = self::federation(&[whole(&[None]), values.slice(0, 0), whole(&[None])]).await;
    let null = "NULL";
    assert_eq!(cells(&federation, sql).await, [["2", "0", null, null, null, null]]);
    let none = format!("{sql} WHERE v > 100");
    assert_eq!(cells(&federation, &none).await, [["0", "0", null, null, null, null]]);
    let grouped = "SELECT v, count(*) FROM m.numbers WHERE v > 100 GROUP BY v";
    assert_eq!(cells(&federation, grouped).await, Cells::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_type_that_holds_the_declared_one_are_answered_alike() {
    let texts = ["leeds", "a text that is longer than twelve bytes", "", "leeds"];
    let text: ArrayRef = Arc::new(StringArray::from(
        texts.iter().map(|t| Some(*t)).chain([None]).collect::<Vec<_>>(),
    ));
    let number: ArrayRef =
        Arc::new(Int64Array::from(vec![Some(7), Some(-3), None, Some(120), Some(0)]));
    let amount: ArrayRef = Arc::new(
        Decimal128Array::from(vec![Some(125), Some(-50), Some(0), None, Some(9_999)])
            .with_precision_and_scale(38, 2)
            .unwrap(),
    );
    let dictionary = |keys| DataType::Dictionary(Box::new(keys), Box::new(DataType::Utf8));
    let mut answers: Vec<Vec<Cells>> = Vec::new();
    for (texts, numbers, amounts) in [
        (DataType::Utf8, DataType::Int64, DataType::Decimal128(38, 2)),
        (DataType::Utf8View, DataType::Int8, DataType::Decimal128(6, 2)),
        (DataType::LargeUtf8, DataType::Int16, DataType::Decimal64(10, 2)),
        (dictionary(DataType::Int32), DataType::Int32, DataType::Decimal32(8, 2)),
        (dictionary(DataType::Int8), DataType::Int32, DataType::Decimal128(20, 2)),
    ] {
        let columns = [("t", &text, &texts), ("n", &number, &numbers), ("x", &amount, &amounts)];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, _, kind)| Field::new(*name, (*kind).clone(), true))
            .collect();
        let arrays = columns.iter().map(|(_, a, kind)| arrow_cast::cast(a, kind).unwrap());
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect()).unwrap();
        let federation = federation(&[rows.slice(0, 2), rows.slice(2, 0), rows.slice(2, 3)]).await;
        let mut of_these = Vec::new();
        for sql in [
            "SELECT t, count(*), sum(n), sum(x) FROM m.numbers GROUP BY t ORDER BY t",
            "SELECT t, n, x FROM m.numbers WHERE t LIKE '%e%' ORDER BY t, n",
            "SELECT upper(t) AS u, n + 200 AS m, x * 2 AS y FROM m.numbers ORDER BY 1, 2, 3",
            "SELECT sum(x * n), avg(x), avg(n), min(t), max(n) FROM m.numbers",
        ] {
            of_these.push(cells(&federation, sql).await);
        }
        answers.push(of_these);
    }
    assert_eq!(answers[0][0][0][0], "", "the empty text is a text");
    for (other, answer) in answers.iter().enumerate().skip(1) {
        assert_eq!(*answer, answers[0], "types {other}");
    }
}
