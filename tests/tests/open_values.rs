//! Open values in other types: what is counted at the departments is what the engine counts over the same rows, and a total
//! is exact whatever its branches and arms were before they got one type.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use insitu_tests::{Cells, Federation};

use crate::oracle::publish::parts_of;

/// Eight rows of every type at two nodes.
async fn federation() -> Federation {
    let amounts = [1, 125, -125, 199, 205, 7, 1_000, 99_999];
    let columns: [(&str, ArrayRef); 8] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..8))),
        (
            "g",
            Arc::new(StringArray::from(vec!["a", "b", "a", "b", "a", "b", "a", "b"])) as ArrayRef,
        ),
        (
            "h",
            Arc::new(Int64Array::from(vec![
                None,
                Some(1),
                Some(2),
                Some(3),
                None,
                Some(1),
                Some(2),
                Some(9),
            ])),
        ),
        (
            "b",
            Arc::new(BooleanArray::from(vec![
                Some(true),
                Some(false),
                Some(true),
                None,
                Some(true),
                Some(false),
                Some(true),
                Some(true),
            ])),
        ),
        (
            "d",
            Arc::new(
                Decimal128Array::from(amounts.to_vec()).with_precision_and_scale(38, 2).unwrap(),
            ),
        ),
        (
            "y",
            Arc::new(Float64Array::from(vec![0.5, -1.75, 2.25, 1e19, 7.5, 0.25, 40_000.5, -0.5])),
        ),
        ("i", Arc::new(Int64Array::from_iter_values((0..8).map(|n| (1 << 60) + n)))),
        (
            "x",
            Arc::new(Float64Array::from(vec![
                f64::NAN,
                -0.0,
                f64::NEG_INFINITY,
                0.0,
                1.5,
                f64::INFINITY,
                f64::NAN,
                -3.0,
            ])),
        ),
    ];
    let rows =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap();
    Federation::start(&parts_of("m.facts", &[rows.slice(0, 3), rows.slice(3, 5)])).await
}

async fn cells(federation: &Federation, sql: &str) -> Cells {
    let mut analyst = federation.analyst_without_statuses().await;
    analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_has_the_type_of_all_its_branches_and_arms() {
    let federation = federation().await;
    for (sql, total) in [
        ("SELECT sum(CASE WHEN id < 4 THEN 1 ELSE 0.5 END), median(id) FROM m.facts", "6.0"),
        ("SELECT sum(CASE WHEN id < 4 THEN 0 ELSE y END) FROM m.facts WHERE id <> 3", "40007.75"),
        (
            "SELECT sum(v) FROM (SELECT id AS v FROM m.facts UNION ALL SELECT y FROM m.facts WHERE id <> 3) u",
            "40036.75",
        ),
        (
            "SELECT DISTINCT sum(v) OVER () FROM (SELECT id AS v FROM m.facts UNION ALL SELECT y FROM m.facts WHERE id <> 3) u",
            "40036.75",
        ),
        (
            "SELECT sum(DISTINCT CASE WHEN id < 4 THEN 1 ELSE 0.5 END), median(id) FROM m.facts",
            "1.5",
        ),
        // Above a table, as above rows.
        (
            "SELECT sum(CASE WHEN n > 100 THEN 1 ELSE 0.5 END) FROM (SELECT g, count(*) AS n FROM m.facts GROUP BY g) t",
            "1.0",
        ),
        // Whole numbers are still added up beyond 64 bits, and told if they fit.
        ("SELECT sum(CASE WHEN id < 4 THEN i ELSE -i END), median(id) FROM m.facts", "-16"),
    ] {
        assert_eq!(cells(&federation, sql).await[0][0], total, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cast_at_a_department_is_the_engines() {
    let federation = federation().await;
    // Each is asked of the departments, and, beside a median, of the engine over the same rows.
    for (measure, condition, expect) in [
        ("sum(CAST(b AS INT))", "true", "5"),
        ("count(*)", "CAST(b AS INT) = 1", "5"),
        ("count(CAST(y AS BIGINT))", "id <> 3", "7"),
        ("count(TRY_CAST(y AS BIGINT))", "true", "7"),
        ("sum(TRY_CAST(y AS BIGINT))", "true", "40008"),
        ("count(TRY_CAST(y AS SMALLINT))", "true", "6"),
        ("count(TRY_CAST(i AS INT))", "true", "0"),
        ("count(CAST(y AS VARCHAR))", "CAST(y AS VARCHAR) = '2.25'", "1"),
        ("count(TRY_CAST(d AS DECIMAL(5,1)))", "true", "8"),
        ("count(TRY_CAST(d AS DECIMAL(3,1)))", "true", "7"),
        ("count(*)", "y < d", "2"),
        ("count(*)", "i > 1e10", "8"),
        ("count(*)", "i > 1152921504606846976.0", "0"),
        ("count(*)", "i / 4 > y", "7"),
        ("count(*)", "TRY_CAST(g AS INT) IS NULL", "8"),
        ("count(*)", "CAST(id AS BOOLEAN)", "7"),
    ] {
        for more in ["", ", median(id)"] {
            let sql = format!("SELECT {measure}{more} FROM m.facts WHERE {condition}");
            assert_eq!(cells(&federation, &sql).await[0][0], expect, "{sql}");
        }
        if measure == "count(*)" {
            let sql = format!("SELECT id FROM m.facts WHERE {condition}");
            assert_eq!(cells(&federation, &sql).await.len().to_string(), expect, "{sql}");
        }
    }
    let total = "SELECT sum(CAST(d AS DECIMAL(12,1))) FROM m.facts";
    assert_eq!(cells(&federation, total).await, [["1014.2"]]);
    let keys =
        "SELECT CAST(y AS VARCHAR) AS k, count(*) FROM m.facts WHERE id < 2 GROUP BY 1 ORDER BY 1";
    assert_eq!(cells(&federation, keys).await, [["-1.75", "1"], ["0.5", "1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_true_may_be_asked_twice() {
    let federation = federation().await;
    for (sql, expect) in [
        (
            "SELECT median(id) FILTER (WHERE b IS TRUE), median(h) FILTER (WHERE b IS TRUE AND id > 0) FROM m.facts",
            ["4.0", "2.0"],
        ),
        (
            "SELECT median(CASE WHEN b IS TRUE THEN id END), median(CASE WHEN b IS TRUE THEN h END) FROM m.facts",
            ["4.0", "2.0"],
        ),
        (
            "SELECT median(id) FILTER (WHERE b IS FALSE), median(h) FILTER (WHERE b IS FALSE AND id > 0) FROM m.facts",
            ["3.0", "1.0"],
        ),
        (
            "SELECT median(id) FILTER (WHERE b IS NOT TRUE), median(h) FILTER (WHERE b IS NOT TRUE AND id > 0) FROM m.facts",
            ["3.0", "1.0"],
        ),
        (
            "SELECT median(id) FILTER (WHERE b IS NOT FALSE), median(h) FILTER (WHERE b IS NOT FALSE AND id > 0) FROM m.facts",
            ["3.5", "2.5"],
        ),
        (
            "SELECT median(id) FILTER (WHERE b IS UNKNOWN), median(h) FILTER (WHERE b IS UNKNOWN AND id > 0) FROM m.facts",
            ["3.0", "3.0"],
        ),
        (
            "SELECT median(id) FILTER (WHERE b IS NOT UNKNOWN), median(h) FILTER (WHERE b IS NOT UNKNOWN AND id > 0) FROM m.facts",
            ["4.0", "2.0"],
        ),
    ] {
        let cells = cells(&federation, sql).await;
        let got: Vec<f64> = cells[0].iter().map(|n| n.parse().unwrap()).collect();
        let expect: Vec<f64> = expect.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(got, expect, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_chosen_by_what_is_infinite_or_no_number() {
    let federation = federation().await;
    // NaN is above all numbers. Where a department has no value, it sends the row, and the engine chooses.
    for (condition, ids) in [
        ("x - 4 > 1", &["0", "5", "6"][..]),
        ("NOT x - 4 > 1", &["1", "2", "3", "4", "7"]),
        ("x * 2 < 1 AND id <> 1", &["2", "3", "7"]),
        ("x * 0 = 0", &["1", "3", "4", "7"]),
        ("x + 1 > 1 OR x * 2 = -6", &["0", "4", "5", "6", "7"]),
        ("x - 4 IS NOT NULL AND id > 5", &["6", "7"]),
        ("coalesce(x + 1, 0) > 2", &["0", "4", "5", "6"]),
    ] {
        let sql = format!("SELECT id FROM m.facts WHERE {condition} ORDER BY id");
        assert_eq!(cells(&federation, &sql).await.concat(), ids, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_compared_with_unknown_values_is_not_known_to_be_none_of_them() {
    let federation = federation().await;
    for (condition, ids) in [
        // `h` has a NULL; so 5 may be among its values.
        ("5 NOT IN (SELECT h FROM m.facts)", &[][..]),
        ("NOT (5 IN (SELECT h FROM m.facts))", &[]),
        ("'zz' NOT IN (SELECT CASE WHEN id > 3 THEN g END FROM m.facts)", &[]),
        ("coalesce(5, h) NOT IN (SELECT h FROM m.facts)", &[]),
        ("(SELECT max(h) FROM m.facts) + 1 NOT IN (SELECT h FROM m.facts)", &[]),
        ("id = 5 AND 5 NOT IN (SELECT h FROM m.facts WHERE h > 3 OR h IS NULL)", &[]),
        ("NULL NOT IN (SELECT id FROM m.facts)", &[]),
        ("CASE WHEN id > 3 THEN NULL ELSE NULL END NOT IN (SELECT id FROM m.facts)", &[]),
        // Among no values there is nothing.
        ("NULL NOT IN (SELECT id FROM m.facts WHERE id > 9) AND id < 2", &["0", "1"]),
        ("5 NOT IN (SELECT h FROM m.facts WHERE h > 3) AND id < 2", &["0", "1"]),
        ("-h NOT IN (SELECT h FROM m.facts WHERE h > 0)", &["1", "2", "3", "5", "6", "7"]),
        ("h NOT IN (SELECT h FROM m.facts WHERE id > 4)", &["3"]),
    ] {
        let sql = format!("SELECT id FROM m.facts WHERE {condition} ORDER BY id");
        assert_eq!(cells(&federation, &sql).await.concat(), ids, "{sql}");
    }
    let having = "SELECT g FROM m.facts GROUP BY g HAVING 9 NOT IN (SELECT h FROM m.facts)";
    assert!(cells(&federation, having).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_written_with_a_point_is_the_engines_however_it_is_computed() {
    let federation = federation().await;
    // Each is asked of the departments, and, beside a minimum, of the engine over the same rows.
    for (measure, condition, expect) in [
        ("avg(CASE WHEN id = 1 THEN 1.0 ELSE 0 END)", "id < 7", "0.14285714285714285"),
        ("sum(CASE WHEN b THEN 1.0 WHEN id > 4 THEN -2.0 END)", "true", "3.0"),
        ("sum(CASE WHEN id < 3 THEN 1 ELSE 0.0 END)", "id > 9", "NULL"),
        ("avg(1.5)", "true", "1.5"),
        ("avg(id / 3.0)", "true", "1.1666666666666665"),
        ("sum(CASE WHEN id < 3 THEN 0.1 END)", "true", "0.30000000000000004"),
        ("sum(id + 2.0)", "true", "44.0"),
        ("sum(d * 0.1)", "true", "101.41100000000002"),
        // 3 * 0.1 isn't 0.3 in floating point.
        ("count(*)", "id * 0.1 = 0.3", "0"),
        ("count(*)", "id * 0.5 = 1.5", "1"),
        ("count(*)", "d = 1.25", "1"),
        ("count(*)", "d BETWEEN -1.25 AND 2.0", "5"),
        ("count(*)", "id IN (1.0, 3.0)", "2"),
        ("count(*)", "id > 1.5", "6"),
        ("count(*)", "y < 0.5", "3"),
    ] {
        for more in ["", ", min(g)"] {
            let sql = format!("SELECT {measure}{more} FROM m.facts WHERE {condition}");
            assert_eq!(cells(&federation, &sql).await[0][0], expect, "{sql}");
        }
    }
    let keys =
        "SELECT coalesce(h, 0.5) AS k, count(*) FROM m.facts WHERE id < 2 GROUP BY k ORDER BY k";
    assert_eq!(cells(&federation, keys).await, [["0.5", "1"], ["1.0", "1"]]);
    // Rates and comparisons need no rows.
    for sql in [
        "SELECT avg(CASE WHEN id = 1 THEN 1.0 ELSE 0 END) FROM m.facts",
        "SELECT sum(CASE WHEN b THEN 1.0 ELSE 0.0 END) / count(*) FROM m.facts",
        "SELECT count(*) FROM m.facts WHERE d > 1.5 AND id > 1.5 AND y > 1.5",
    ] {
        let plan = cells(&federation, &format!("EXPLAIN {sql}")).await.concat().concat();
        assert!(plan.contains("Tabulation of") && !plan.contains("open rows"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_may_have_an_escape_of_its_own_wherever_it_stands() {
    let federation = federation().await;
    for (sql, expect) in [
        (
            "SELECT count(*) FILTER (WHERE g NOT LIKE 'a!%' ESCAPE '!'), min(g) FROM m.facts",
            &["8", "a"][..],
        ),
        (
            "SELECT id FROM m.facts ORDER BY row_number() OVER (ORDER BY g LIKE '!a' ESCAPE '!', id) LIMIT 1",
            &["1"],
        ),
        (
            "SELECT g LIKE '!a' ESCAPE '!' AS k, count(*), min(id) FROM m.facts GROUP BY g LIKE '!a' ESCAPE '!' ORDER BY k",
            &["false", "4", "1", "true", "4", "0"],
        ),
        // A quote is a character like any other.
        (
            "SELECT id FROM m.facts WHERE id = 1 AND 'it''s_%' LIKE 'it''''s''_''%' ESCAPE ''''",
            &["1"],
        ),
    ] {
        assert_eq!(cells(&federation, sql).await.concat(), expect, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_too_long_to_be_sent_is_looked_through_at_the_gateway() {
    let federation = federation().await;
    let list: Vec<String> =
        (0..1_000).map(|n| format!("'{}{n:07}'", if n % 2 == 0 { "E" } else { "W" })).collect();
    let list = list.join(", ");
    // All eight values are in it but 3 and 5.
    let of = |columns: &str, more: &str| {
        format!(
            "SELECT {columns} FROM m.facts WHERE CASE WHEN id IN (3, 5) THEN 'none' ELSE 'E0000002' END IN ({list}) {more}"
        )
    };
    for (sql, expect) in [
        (of("count(*)", ""), &["6"][..]),
        (of("g, count(*)", "GROUP BY g ORDER BY g"), &["a", "4", "b", "2"]),
        (of("id", "AND id > 2 ORDER BY id LIMIT 2"), &["4", "6"]),
        (of("min(g)", "AND g = 'b'"), &["b"]),
        (format!("SELECT count(*) FROM m.facts WHERE g NOT IN ({list})"), &["8"]),
        (format!("SELECT id FROM m.facts WHERE g NOT IN ({list}) ORDER BY id LIMIT 1"), &["0"]),
        (format!("SELECT id FROM m.facts WHERE g IN ({list}) LIMIT 3"), &[]),
        (
            format!("SELECT id FROM m.facts WHERE g IN ({list}, 'b') ORDER BY id LIMIT 2"),
            &["1", "3"],
        ),
    ] {
        assert_eq!(cells(&federation, &sql).await.concat(), expect, "{sql}");
    }
}
