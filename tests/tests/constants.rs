//! What is made of literals alone over protected rows: another spelling of the literal, with the same question, table and noise.

use insitu_gateway::query::{Options, QueryId};
use insitu_tests::{Federation, departments};

/// The answer with its statuses, or what the statement was refused with.
async fn asked(federation: &Federation, sql: &str) -> String {
    let gateway = federation.gateway();
    let options = Options { statuses: true, ..Options::default() };
    let prepared = match gateway.prepare(sql.as_bytes(), &options).await {
        Ok(prepared) => prepared,
        Err(refusals) => return refusals.to_string(),
    };
    let bound = gateway.bind(&prepared, None).await.unwrap();
    let answer = gateway.execute(&bound, QueryId([7; 16])).await.unwrap();
    let batches = answer.batches().get();
    arrow_cast::pretty::pretty_format_batches(batches).unwrap().to_string()
}

/// That both come to one question, and to one answer.
async fn are_one(federation: &Federation, pairs: &[(&str, &str)], statement: &str) {
    for (spelled, written) in pairs {
        let [spelled, written] = [spelled, written].map(|what| statement.replace('#', what));
        let question = asked(federation, &format!("EXPLAIN {written}")).await;
        assert!(question.contains("Tabulation of"), "{written}: {question}");
        assert_eq!(asked(federation, &format!("EXPLAIN {spelled}")).await, question, "{spelled}");
        let answer = asked(federation, &written).await;
        assert!(answer.starts_with('+'), "{written}: {answer}");
        assert_eq!(asked(federation, &spelled).await, answer, "{spelled}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_is_one_however_its_literals_are_calculated() {
    let federation = Federation::start(&[departments::health(), departments::clinic()]).await;
    let days = [
        ("DATE '2018-01-01' + INTERVAL '1 month'", "DATE '2018-02-01'"),
        ("DATE '2018-04-01' - INTERVAL '1' MONTH", "DATE '2018-03-01'"),
        ("DATE '2018-01-01' + INTERVAL '1' MONTH + INTERVAL '2 months'", "DATE '2018-04-01'"),
        ("DATE '2018-03-31' - 30", "DATE '2018-03-01'"),
        ("31 + DATE '2018-01-01'", "DATE '2018-02-01'"),
        ("CAST('2018-02-01' AS DATE)", "DATE '2018-02-01'"),
        ("make_date(2018, 1 + 1, 1)", "DATE '2018-02-01'"),
        ("date_trunc('month', DATE '2018-03-17')", "DATE '2018-03-01'"),
        ("date_trunc('month', TIMESTAMP '2018-03-17 12:00:00')", "DATE '2018-03-01'"),
        ("TIMESTAMP '2018-03-01 00:00:00'", "DATE '2018-03-01'"),
        ("CAST('2018-03-01' AS TIMESTAMP)", "DATE '2018-03-01'"),
        ("coalesce(NULL, DATE '2018-03-01')", "DATE '2018-03-01'"),
        ("CASE WHEN 1 < 2 THEN '2018-03-01' END", "DATE '2018-03-01'"),
    ];
    let by_day = "SELECT area, count(*) AS n FROM health.visits WHERE visited >= # GROUP BY area";
    are_one(&federation, &days, by_day).await;
    // Of a part of a day a moment is made, which is on a day.
    let moments = [
        ("visited <= DATE '2018-02-01' - INTERVAL '1 hour'", "visited <= DATE '2018-01-31'"),
        ("visited < DATE '2018-01-31' + INTERVAL '1 day 2 hours'", "visited <= DATE '2018-02-01'"),
        ("visited > DATE '2018-01-31' + INTERVAL '90 minutes'", "visited > DATE '2018-01-31'"),
    ];
    let (cut, others): (Vec<_>, Vec<_>) =
        moments.into_iter().partition(|(_, day)| day.contains("01-31"));
    are_one(
        &federation,
        &cut,
        "SELECT area, count(*) AS n FROM health.visits WHERE # GROUP BY area",
    )
    .await;
    for (spelled, _) in others {
        let told =
            asked(&federation, &format!("SELECT count(*) FROM health.visits WHERE {spelled}"))
                .await;
        assert!(told.starts_with("D204"), "{told}");
    }
    let conditions = [
        ("age > 10 + 2 * 5", "age > 20"),
        ("age > 45 / 2", "age > 22"),
        ("age > -(-20)", "age > 20"),
        ("10 + 10 < age", "age > 20"),
        ("age > power(2, 5) - 12", "age > 20"),
        ("age >= 10.5 * 2", "age >= 21"),
        ("age >= CAST('21' AS DOUBLE)", "age >= 21"),
        ("area = upper('a')", "area = 'A'"),
        ("area = concat('', 'A')", "area = 'A'"),
        ("area IN (upper('a'), 'x' || 'B', replace('xB', 'x', ''))", "area IN ('A', 'xB', 'B')"),
        ("area LIKE upper('a') || '%'", "area LIKE 'A%'"),
        ("1 = 1 AND area = 'A'", "area = 'A'"),
        ("area = 'A' AND TRUE", "area = 'A'"),
        ("area = 'A' OR 0 = 1", "area = 'A'"),
        ("(1 = 0 OR area = 'A') AND NOT FALSE", "area = 'A'"),
        ("1 = 1", "TRUE"),
        ("area = 'A' OR 1 = 1", "TRUE"),
        ("area = 'A' AND 1 = 0", "FALSE"),
        ("visited <= TIMESTAMP '2018-03-31 23:59:59'", "visited <= DATE '2018-03-31'"),
        ("TIMESTAMP '2018-03-31 23:59:59' >= visited", "DATE '2018-03-31' >= visited"),
        ("visited > TIMESTAMP '2018-01-31 23:59:59'", "visited > DATE '2018-01-31'"),
        ("TIMESTAMP '2018-03-01 00:00:00' > visited", "visited < DATE '2018-03-01'"),
        ("visited >= '2018-03-01 00:00:00'", "visited >= DATE '2018-03-01'"),
        ("visited < '2018-03-01T10:30:00.5'", "visited < DATE '2018-03-01'"),
        (
            "visited BETWEEN '2018-01-01 00:00:00' AND '2018-03-31 23:59:59'",
            "visited BETWEEN DATE '2018-01-01' AND DATE '2018-03-31'",
        ),
        (
            "CAST(visited AS TIMESTAMP) < TIMESTAMP '2018-03-01 00:00:00'",
            "visited < DATE '2018-03-01'",
        ),
        ("visited + 31 > DATE '2018-03-03'", "visited > DATE '2018-01-31'"),
        ("visited - INTERVAL '28 days' < DATE '2018-02-01'", "visited < DATE '2018-03-01'"),
        (
            "visited + INTERVAL '1 day' * 31 >= TIMESTAMP '2018-03-03 12:00:00'",
            "visited > DATE '2018-01-31'",
        ),
        (
            "date_trunc('month', visited) IN ('2018-02-01 00:00:00', TIMESTAMP '2018-03-01 10:00:00')",
            "date_trunc('month', visited) IN (DATE '2018-02-01')",
        ),
        ("age > 19.5", "age >= 20"),
        ("age IN (20, 20.5)", "age IN (20)"),
        ("nvl(area, 'B') = 'A'", "coalesce(area, 'B') = 'A'"),
        ("NULL", "FALSE"),
        ("visited = TIMESTAMP '2018-01-01 12:00:00'", "FALSE"),
        ("visited <> TIMESTAMP '2018-01-01 12:00:00'", "visited IS NOT NULL"),
        ("visited IN (TIMESTAMP '2018-01-01 12:00:00') OR area = 'A'", "area = 'A'"),
        ("area = 'A' OR NULL", "area = 'A'"),
        ("area = 'A' AND NULL = 1", "area = 'A' AND 1 = 0"),
        (
            "visited BETWEEN TIMESTAMP '2018-01-01 00:00:00' AND TIMESTAMP '2018-03-31 23:59:59'",
            "visited BETWEEN DATE '2018-01-01' AND DATE '2018-03-31'",
        ),
        (
            "visited NOT BETWEEN TIMESTAMP '2018-01-01 00:00:00' AND DATE '2018-02-28'",
            "visited NOT BETWEEN DATE '2018-01-01' AND DATE '2018-02-28'",
        ),
        (
            "date_trunc('month', visited) IN (TIMESTAMP '2018-02-01 00:00:00', make_date(2018, 3, 1))",
            "date_trunc('month', visited) IN (DATE '2018-02-01', DATE '2018-03-01')",
        ),
    ];
    for statement in [
        "SELECT area, count(*) AS n, sum(cost) AS s FROM health.visits WHERE # GROUP BY area",
        "SELECT count(*) AS n, count(DISTINCT person) AS p FROM health.visits WHERE #",
    ] {
        are_one(&federation, &conditions, statement).await;
    }
    // Within keys and filters, too, and where a measure is cut at its breakpoints.
    let band = "SELECT CASE WHEN age < # THEN 'young' ELSE 'old' END AS k, count(*) AS n FROM health.visits GROUP BY 1";
    are_one(&federation, &[("3 * 15", "45"), ("CAST('45' AS INT)", "45")], band).await;
    let filter = "SELECT count(*) FILTER (WHERE area = #) AS n FROM health.visits";
    are_one(&federation, &[("upper('a')", "'A'")], filter).await;
    let cut = "SELECT count(*) AS n FROM clinic.people WHERE income >= #";
    are_one(&federation, &[("13 * 100", "1300"), ("13 * 1e2", "1300")], cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_condition_is_no_condition() {
    let federation = Federation::start(&[departments::health()]).await;
    for statement in [
        "SELECT area, count(*) AS n, sum(cost) AS s FROM health.visits GROUP BY area",
        "SELECT area, count(*) AS n, sum(cost) AS s FROM health.visits WHERE 7 = 7 GROUP BY area",
    ] {
        let filtered = statement.replace("count(*)", "count(*) FILTER (WHERE 2 < 3)");
        let answers = [asked(&federation, statement).await, asked(&federation, &filtered).await];
        assert_eq!(answers[0], answers[1], "{statement}");
    }
}

/// What has no value is NULL, as it is at a department; what fails is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_value_has_none_and_nothing_fails() {
    let federation = Federation::start(&[departments::health()]).await;
    let statement = |condition: &str| {
        format!("SELECT area, count(*) AS n FROM health.visits WHERE {condition} GROUP BY area")
    };
    let nobody = asked(&federation, &statement("age > CAST(NULL AS INT)")).await;
    assert!(nobody.starts_with('+') && !nobody.contains(" A "), "{nobody}");
    for condition in [
        "age > 9223372036854775807 + 1",
        "age > 1 / 0",
        "age > 1 % (2 - 2)",
        "age > CAST('old' AS INT)",
        "date_trunc('month', visited) >= DATE '2018-01-01' + 9223372036854775807",
        "date_trunc('month', visited) >= DATE '2018-01-01' - 999999999999",
        "date_trunc('month', visited) >= DATE '2018-02-30'",
    ] {
        assert_eq!(asked(&federation, &statement(condition)).await, nobody, "{condition}");
    }
    for (condition, code) in [
        ("age > 1.0 / 0.0", "Q107"),
        ("age > sqrt(-1)", "D207"),
        ("age < power(10, 400)", "D207: a number that isn't finite"),
        ("age < 1e400", "D207: a number that isn't finite"),
        ("age > ln(0)", "D207"),
        ("visited >= make_date(2018, 2, 30)", "D207"),
        ("visited >= DATE '2018-01-01' + INTERVAL '300000 years'", "D207"),
        ("visited >= date_trunc('fortnight', DATE '2018-01-01')", "D207"),
        ("visited = '2018-01-01 noon'", "Q107"),
        // The rules are those of the literal.
        ("visited >= DATE '2018-01-01' + 1", "D204"),
        ("visited < TIMESTAMP '2018-03-30 00:00:00'", "D204"),
        ("person = upper('a0')", "D202"),
        ("visited >= now()", "Q108"),
    ] {
        let refused = asked(&federation, &statement(condition)).await;
        assert!(refused.starts_with(code), "{condition}: {refused}");
    }
}

/// Each number is asked for as a `FILTER` asks: the same conditions for the budget, the same counts, the same noise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_of_several_numbers_is_as_many_counts() {
    let federation = Federation::start(&[departments::health()]).await;
    let of = |condition: &str| format!("count(*) FILTER (WHERE {condition})");
    let pairs = [
        (
            "sum(CASE sex WHEN 'F' THEN 1 WHEN 'M' THEN 2 END)",
            format!("nullif({} + {} * 2, 0)", of("sex = 'F'"), of("sex = 'M'")),
        ),
        (
            "sum(CASE WHEN age < 40 THEN 1 WHEN age < 60 THEN 2 ELSE 0 END)",
            format!("{} + {} * 2", of("age < 40"), of("age >= 40 AND age < 60")),
        ),
        (
            "sum(CASE WHEN age <= 39 THEN 3 - 4 WHEN sex = 'F' THEN 1 ELSE 0 END)",
            format!("0 - {} + {}", of("age < 40"), of("age <= 39 IS NOT TRUE AND sex = 'F'")),
        ),
        ("sum(coalesce(CASE WHEN sex = 'F' THEN 1 END, 0))", of("sex = 'F'")),
        (
            "sum(CAST(CASE WHEN sex = 'F' THEN 1 + 1 ELSE 0 END AS BIGINT))",
            format!("{} * 2", of("sex = 'F'")),
        ),
        ("count(CASE sex WHEN 'F' THEN 'x' WHEN 'M' THEN 'y' END)", of("sex = 'F' OR sex = 'M'")),
        (
            "sum(coalesce(CASE WHEN sex = 'F' THEN cost END, 0))",
            "sum(cost) FILTER (WHERE sex = 'F')".to_owned(),
        ),
    ];
    for (spelled, written) in &pairs {
        for statement in [
            "SELECT # AS n FROM health.visits",
            "SELECT area, # AS n FROM health.visits WHERE age > 10 GROUP BY area",
        ] {
            let (mut questions, mut answers) = (Vec::new(), Vec::new());
            for what in [*spelled, written] {
                let statement = statement.replace('#', what);
                let explained = asked(&federation, &format!("EXPLAIN {statement}")).await;
                let question = explained.split("at the gateway").next().unwrap();
                let words = question.split_whitespace().filter(|word| !word.starts_with('+'));
                questions.push(words.collect::<Vec<_>>().join(" "));
                answers.push(asked(&federation, &statement).await);
            }
            assert!(questions[0].contains("Tabulation of"), "{spelled}: {questions:?}");
            assert_eq!(questions[0], questions[1], "{spelled}");
            assert_eq!(answers[0], answers[1], "{spelled}");
        }
    }
}
