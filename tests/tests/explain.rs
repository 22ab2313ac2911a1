//! Explanations, as text and as JSON: `tests/golden/explain.txt`. After a change that is meant,
//! `INSITU_EXPLAIN_UPDATE=1` writes the file anew, to be read through before it is committed.

use insitu_gateway::query::Options;
use insitu_tests::{Analyst, Department, Federation, departments};

/// Statements of every kind of request, measure and rule.
const EXPLAINED: [&str; 9] = [
    // Shared requests, of several departments.
    "WITH b AS (SELECT band, count(*) AS n FROM councils.homes GROUP BY band) \
     SELECT x.band, x.n, s FROM b AS x JOIN b AS y ON x.band = y.band \
     JOIN (SELECT band, sum(arrears) AS s FROM councils.homes GROUP BY band) AS z ON x.band = z.band",
    "SELECT (SELECT count(*) FROM health.visits WHERE sex = 'F') AS f, \
     (SELECT avg(cost) FROM health.visits WHERE sex = 'M' AND age >= 40) AS m",
    // Grouping sets, filters.
    "SELECT sex, area, count(DISTINCT person) FILTER (WHERE age < 30) FROM health.visits \
     WHERE visited >= DATE '2018-02-01' GROUP BY ROLLUP (sex, area)",
    // Bins, quantiles, moments.
    "SELECT band, histogram(arrears), median(arrears), stddev_samp(arrears) FROM councils.homes GROUP BY band",
    // Open rows beside a protected table.
    "SELECT r.region, sum(t.n) AS n FROM ref.areas AS r JOIN \
     (SELECT area, count(*) AS n FROM health.visits GROUP BY area) AS t ON t.area = r.area \
     WHERE r.residents > 300 GROUP BY r.region",
    // Joins by the unit, under the terms of both.
    "SELECT p.sex, count(DISTINCT e.person) FROM clinic.episodes AS e JOIN clinic.people AS p ON p.person = e.person \
     WHERE NOT EXISTS (SELECT 1 FROM clinic.prescriptions AS r WHERE r.person = e.person AND r.drug = 'x') GROUP BY p.sex",
    // Nobody is asked.
    "SELECT 1 AS one",
    // Refused, for one reason and for two.
    "SELECT area FROM health.visits",
    "SELECT person, max(cost) FROM health.visits WHERE cost > 100 GROUP BY person",
];

fn with_budget_and_times() -> Vec<Department> {
    let mut all = [departments::all(), vec![departments::clinic()]].concat();
    all[0].config = all[0].config.replace(
        "\nrelease = ",
        "\nconditions_max = 20\nanswer_times = [\"1s\", \"5s\"]\nrelease = ",
    );
    all
}

/// The rows of one column, in lines.
async fn column(analyst: &mut Analyst, sql: &str) -> String {
    match analyst.ask(sql).await {
        Ok(asked) => {
            assert_eq!(asked.names(), ["plan"]);
            let rows = asked.cells().into_iter().map(|mut row| row.remove(0) + "\n");
            rows.collect()
        }
        Err(told) => format!("{told}\n"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_is_as_it_was_read() {
    let federation = Federation::start(&with_budget_and_times()).await;
    let mut analyst = federation.analyst().await;
    let mut now = String::new();
    for sql in EXPLAINED {
        let text = column(&mut analyst, &format!("EXPLAIN {sql}")).await;
        let json = column(&mut analyst, &format!("EXPLAIN (FORMAT JSON) {sql}")).await;
        now.push_str(&format!("== {sql}\n{text}-- JSON\n{json}\n"));
    }
    // Nobody was asked for anything.
    for department in 0..5 {
        assert_eq!(federation.node(department).working(), 0);
        let received = federation.tap(department).received();
        assert!(!received.windows(6).any(|w| w == b"DoGet\0" || w == b"/DoGet"));
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/explain.txt");
    if std::env::var_os("INSITU_EXPLAIN_UPDATE").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(now, known, "INSITU_EXPLAIN_UPDATE=1 writes {file}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_the_same_by_the_action_and_under_both_spellings() {
    let federation = Federation::start(&departments::all()).await;
    let (gateway, options) =
        (federation.gateway(), Options { statuses: true, ..Options::default() });
    let mut analyst = federation.analyst().await;
    for sql in EXPLAINED {
        let explained = |prefix: &str| {
            let sql = format!("{prefix}{sql}");
            let options = options.clone();
            async move { gateway.explain(sql.as_bytes(), &options).await.map_err(|r| r.to_string()) }
        };
        let text = explained("").await;
        assert_eq!(text, explained("EXPLAIN ").await);
        assert_eq!(text, explained("explain (format text) ").await);
        let json = explained("EXPLAIN FORMAT JSON ").await.unwrap();
        assert_eq!(json, explained("EXPLAIN (FORMAT JSON) ").await.unwrap());
        let fetched = column(&mut analyst, &format!("EXPLAIN (FORMAT JSON) {sql}")).await;
        assert_eq!(fetched.trim_end(), json);
        assert_eq!(text.is_err(), json.contains("\"outcome\": \"refused\""), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_with_placeholders_is_explained_for_its_shape() {
    let federation = Federation::start(&[departments::health()]).await;
    let sql = b"EXPLAIN (FORMAT JSON) SELECT sex, count(*) FROM health.visits WHERE age < $1 GROUP BY sex";
    let json = federation.gateway().explain(sql, &Options::default()).await.unwrap();
    assert!(json.contains("\"age < NULL\""), "{json}");
}
