//! Statements about nobody, to be seen from their text, over a dataset that is released as whole tables and has no conditions:
//! what columns there are, and no department asked.

use std::sync::Arc;

use arrow_array::{BooleanArray, Int64Array, RecordBatch};
use insitu_gateway::query::{Options, QueryId};
use insitu_tests::{Federation, departments};

async fn federation(profile: &str) -> Federation {
    let mut schools = departments::schools();
    let profile = format!("profile = \"{profile}\"");
    schools.config = schools.config.replace("profile = \"standard\"", &profile);
    Federation::start(&[schools]).await
}

/// The answer with its statuses, or what the statement was refused with.
async fn asked(federation: &Federation, sql: &str, value: Option<RecordBatch>) -> String {
    let gateway = federation.gateway();
    let options = Options { statuses: true, ..Options::default() };
    let prepared = match gateway.prepare(sql.as_bytes(), &options).await {
        Ok(prepared) => prepared,
        Err(refusals) => return refusals.to_string(),
    };
    let bound = match gateway.bind(&prepared, value).await {
        Ok(bound) => bound,
        Err(refusals) => return refusals.to_string(),
    };
    let answer = gateway.execute(&bound, QueryId([7; 16])).await.unwrap();
    let schema = answer.schema().fields().iter().map(|f| f.name().clone());
    let mut told = schema.collect::<Vec<_>>().join(" ");
    for batch in answer.batches().get() {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                let cell = arrow_cast::display::array_value_to_string(column, row).unwrap();
                if cell.is_empty() { "-".to_owned() } else { cell }
            });
            told = format!("{told}; {}", cells.collect::<Vec<_>>().join(" "));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_tables_of_nobody_have_their_columns() {
    for profile in ["round-5", "exact"] {
        let federation = federation(profile).await;
        for (sql, expect) in [
            (
                "SELECT school, count(*) AS n FROM schools.pupils WHERE # GROUP BY school",
                "school n n_status",
            ),
            (
                "SELECT count(*) AS n, sum(hours) AS s FROM schools.pupils WHERE #",
                "n n_status s s_status; - c - c",
            ),
            (
                "SELECT school, count(*) AS n FROM schools.pupils WHERE # GROUP BY ROLLUP (school)",
                "school n n_status; - - c",
            ),
            (
                "SELECT school, 2 * n AS n FROM (SELECT school, count(*) AS n FROM schools.pupils WHERE # GROUP BY school) ORDER BY n",
                "school n n_status",
            ),
            ("SELECT DISTINCT school FROM schools.pupils WHERE #", "school"),
            ("SELECT DISTINCT pupil, school FROM schools.pupils WHERE #", "pupil school"),
        ] {
            for condition in ["FALSE", "1 = 0", "NULL", "NULL = 1", "school = 'A' AND 2 < 1"] {
                let sql = sql.replace('#', condition);
                assert_eq!(asked(&federation, &sql, None).await, expect, "{profile}: {sql}");
            }
            // One that somebody may fulfil is refused as ever.
            let refused = asked(&federation, &sql.replace('#', "school = 'nowhere'"), None).await;
            assert!(refused.starts_with("D20"), "{refused}");
        }
        // The rest of the question is judged as ever.
        for (sql, code) in [
            ("SELECT max(hours) FROM schools.pupils WHERE FALSE", "D205"),
            (
                "SELECT pupil, school, count(*) FROM schools.pupils WHERE FALSE GROUP BY pupil, school",
                "D20",
            ),
            ("SELECT count(*) FILTER (WHERE school = 'A') FROM schools.pupils WHERE FALSE", "D204"),
        ] {
            let refused = asked(&federation, sql, None).await;
            assert!(refused.starts_with(code), "{profile}: {sql}: {refused}");
        }
        let explained =
            asked(&federation, "EXPLAIN SELECT count(*) FROM schools.pupils WHERE FALSE", None);
        let explained = explained.await;
        assert!(!explained.contains("Tabulation"), "{explained}");
    }
}

/// In every row of the others it isn't shown, as a total of nobody isn't.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_measure_of_nobody_stands_beside_others() {
    let rows =
        |told: &str| -> Vec<String> { told.split("; ").skip(1).map(str::to_owned).collect() };
    for profile in ["round-5", "exact"] {
        let federation = federation(profile).await;
        for (keys, by) in
            [("school, ", "GROUP BY school"), ("school, ", "GROUP BY ROLLUP (school)"), ("", "")]
        {
            let others =
                format!("{keys}count(*) AS n, sum(hours) AS h FROM schools.pupils {by} ORDER BY n");
            let plain = asked(&federation, &format!("SELECT {others}"), None).await;
            assert!(!rows(&plain).is_empty(), "{plain}");
            let expect: Vec<String> =
                rows(&plain).iter().map(|row| format!("- c - c {row}")).collect();
            for measures in [
                "count(*) FILTER (WHERE #) AS o, sum(hours) FILTER (WHERE #) AS s",
                "sum(CASE WHEN # THEN 1 ELSE 0 END) AS o, 2 * avg(hours) FILTER (WHERE #) AS s",
            ] {
                for condition in ["FALSE", "1 = 0", "NULL", "school = 'A' AND 2 < 1"] {
                    let measures = measures.replace('#', condition);
                    let sql = format!("SELECT {measures}, {others}");
                    let found = asked(&federation, &sql, None).await;
                    assert_eq!(rows(&found), expect, "{profile}: {sql}: {found}");
                }
            }
            let alone =
                format!("SELECT {keys}count(*) FILTER (WHERE FALSE) AS o FROM schools.pupils {by}");
            let alone = rows(&asked(&federation, &alone, None).await);
            assert_eq!(alone.len(), expect.len());
            assert!(alone.iter().all(|row| row.ends_with("- c")), "{alone:?}");
            // One that always holds is none.
            let all = others.replace("count(*)", "count(*) FILTER (WHERE TRUE)");
            assert_eq!(
                rows(&asked(&federation, &format!("SELECT {all}"), None).await),
                rows(&plain)
            );
        }
        // The rest of the question is judged as ever.
        for (measures, code) in [
            ("max(hours) FILTER (WHERE FALSE), count(*)", "D205"),
            ("sum(hours + 1) FILTER (WHERE FALSE), count(*)", "D206"),
            ("count(*) FILTER (WHERE FALSE), count(*) FILTER (WHERE school = 'A')", "D204"),
        ] {
            let sql = format!("SELECT {measures} FROM schools.pupils");
            let refused = asked(&federation, &sql, None).await;
            assert!(refused.starts_with(code), "{profile}: {sql}: {refused}");
        }
    }
}

/// What is bound decides, and the columns are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_condition_and_a_bound_number_of_rows_may_choose_nobody() {
    let truth = |value| {
        let column = Arc::new(BooleanArray::from(vec![Some(value)])) as _;
        Some(RecordBatch::try_from_iter_with_nullable([("$1", column, true)]).unwrap())
    };
    let number = |value| {
        let column = Arc::new(Int64Array::from(vec![Some(value)])) as _;
        Some(RecordBatch::try_from_iter_with_nullable([("$1", column, true)]).unwrap())
    };
    let federation = federation("round-5").await;
    let by_school = "SELECT school, count(*) AS n FROM schools.pupils WHERE $1 GROUP BY school";
    assert_eq!(asked(&federation, by_school, truth(false)).await, "school n n_status");
    let all = asked(&federation, by_school, truth(true)).await;
    assert!(all.starts_with("school n n_status; "), "{all}");
    for sql in [
        "SELECT school, hours FROM schools.pupils LIMIT $1",
        "SELECT DISTINCT school, hours FROM schools.pupils LIMIT ?",
        "SELECT DISTINCT * FROM (SELECT school, hours FROM schools.pupils) AS t LIMIT ?",
    ] {
        assert_eq!(asked(&federation, sql, number(0)).await, "school hours", "{sql}");
    }
    let refused = asked(&federation, "SELECT school FROM schools.pupils LIMIT $1", number(1)).await;
    assert!(refused.starts_with("D201"), "{refused}");
    let distinct = asked(&federation, "SELECT DISTINCT * FROM schools.pupils LIMIT 0", None).await;
    assert_eq!(distinct, "pupil school hours marks born");
}
