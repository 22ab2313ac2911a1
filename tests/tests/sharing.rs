//! Leaves that share a request: one round trip, and the answers of questions asked one by one.

use insitu_tests::{Cells, Department, Federation, departments};

/// How often a department was asked about a dataset since its tap was cleared.
fn requests(federation: &Federation, department: usize, dataset: &str) -> usize {
    // The gateway is the client on the socket that the node dialled, and names the dataset once a request.
    let received = federation.tap(department).received();
    received.windows(dataset.len()).filter(|w| *w == dataset.as_bytes()).count()
}

async fn requests_for(federation: &Federation, sql: &str, asked: &[(usize, &str)]) -> Vec<usize> {
    for (department, _) in asked {
        federation.tap(*department).clear();
    }
    federation.analyst().await.cells(sql).await.unwrap();
    asked.iter().map(|(department, dataset)| requests(federation, *department, dataset)).collect()
}

const HEALTH: (usize, &str) = (0, "health.visits");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_is_asked_once_for_all_that_can_be_asked_together() {
    let federation = Federation::start(&departments::all()).await;
    let homes = "councils.homes";
    let councils = [(1, homes), (2, homes), (3, homes)];
    // A CTE used twice.
    let twice = "WITH b AS (SELECT band, count(*) AS n FROM councils.homes GROUP BY band) \
                 SELECT x.band, x.n, y.n FROM b AS x JOIN b AS y ON x.band = y.band";
    assert_eq!(requests_for(&federation, twice, &councils).await, [1, 1, 1]);
    // Three scalar subqueries, of other rows and of other measures.
    let scalars = "SELECT (SELECT count(*) FROM councils.homes) AS n, \
                   (SELECT count(*) FROM councils.homes WHERE band = 'B') AS b, \
                   (SELECT sum(arrears) FROM councils.homes WHERE band IN ('A', 'B')) AS s";
    assert_eq!(requests_for(&federation, scalars, &councils).await, [1, 1, 1]);
    // The same rows by a published key, other measures.
    let measures = "SELECT x.sex, n, s FROM (SELECT sex, count(*) AS n FROM health.visits GROUP BY sex) AS x \
                    JOIN (SELECT sex, sum(cost) AS s FROM health.visits GROUP BY sex) AS y ON x.sex = y.sex";
    assert_eq!(requests_for(&federation, measures, &[HEALTH]).await, [1]);
    // Two datasets are two requests, whatever is asked of each.
    let datasets = "SELECT (SELECT count(*) FROM health.visits WHERE sex = 'F') AS f, \
                    (SELECT count(*) FROM health.visits WHERE sex = 'M') AS m, \
                    (SELECT count(*) FROM councils.homes) AS h";
    let everybody = [[HEALTH].as_slice(), &councils].concat();
    assert_eq!(requests_for(&federation, datasets, &everybody).await, [1, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_tell_if_it_were_asked_together_is_asked_apart() {
    let federation = Federation::start(&[departments::health()]).await;
    // Areas aren't published: a row stands if one of its measures is shown.
    let rows = "SELECT x.area, n, r FROM (SELECT area, count(*) AS n FROM health.visits GROUP BY area) AS x \
                LEFT JOIN (SELECT area, count(rare) AS r FROM health.visits GROUP BY area) AS y ON x.area = y.area";
    assert_eq!(requests_for(&federation, rows, &[HEALTH]).await, [2]);
    let cells = federation.analyst().await.cells(rows).await.unwrap();
    // Nothing of `rare` is shown, so its table has no rows; together it would have those of the counts.
    assert_eq!(cells, [["A", "50", "NULL"], ["B", "15", "NULL"]]);
    // With keys a condition isn't a filter: a node without such a row has no cell.
    let conditions = "SELECT x.sex, n, m FROM (SELECT sex, count(*) AS n FROM health.visits GROUP BY sex) AS x \
                      JOIN (SELECT sex, count(*) AS m FROM health.visits WHERE area = 'A' GROUP BY sex) AS y \
                      ON x.sex = y.sex";
    assert_eq!(requests_for(&federation, conditions, &[HEALTH]).await, [2]);
    // The guard judges one grouping set after the other.
    let sets = "SELECT x.sex, n, s FROM (SELECT sex, count(*) AS n FROM health.visits GROUP BY ROLLUP (sex)) AS x \
                JOIN (SELECT sex, sum(cost) AS s FROM health.visits GROUP BY ROLLUP (sex)) AS y ON x.sex = y.sex";
    assert_eq!(requests_for(&federation, sets, &[HEALTH]).await, [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_stays_as_short_as_requests_are() {
    let federation = Federation::start(&[departments::health()]).await;
    // Each has some 500 bytes of literals.
    let list = |from: u32| {
        let values: Vec<String> = (from..from + 100).map(|n| format!("'area-{n}'")).collect();
        values.join(", ")
    };
    let scalars: Vec<String> = (0..4)
        .map(|i| {
            format!(
                "(SELECT count(*) FROM health.visits WHERE area IN ({})) AS n{i}",
                list(i * 100)
            )
        })
        .collect();
    let sql = format!("SELECT {}", scalars.join(", "));
    let asked = requests_for(&federation, &sql, &[HEALTH]).await;
    assert!((2..=4).contains(&asked[0]), "{asked:?}");
}

/// Questions without keys, over other rows and with other measures.
const HEALTH_SCALARS: [&str; 9] = [
    "count(*) AS n FROM health.visits WHERE area = 'A'",
    "count(*) AS n FROM health.visits WHERE area = 'A' AND sex = 'F'",
    "count(DISTINCT person) AS n FROM health.visits WHERE sex = 'F' AND area = 'A'",
    "sum(cost) AS n FROM health.visits WHERE area IN ('A', 'B')",
    "avg(cost) AS n FROM health.visits WHERE area = 'C'",
    "count(*) AS n FROM health.visits WHERE area = 'nowhere'",
    "sum(cost) AS n FROM health.visits WHERE age >= 30 AND visited >= DATE '2018-02-01'",
    "count(*) FILTER (WHERE sex = 'F') AS n FROM health.visits WHERE area = 'B'",
    "count(rare) AS n FROM health.visits",
];
const COUNCIL_SCALARS: [&str; 6] = [
    "count(*) AS n FROM councils.homes WHERE band = 'A'",
    "count(*) AS n FROM councils.homes WHERE band = 'H'",
    "sum(arrears) AS n FROM councils.homes WHERE band = 'B'",
    "count(*) AS n FROM councils.homes WHERE arrears >= 1000",
    "avg(arrears) AS n FROM councils.homes WHERE arrears >= 1000 AND band = 'A'",
    "count(*) AS n FROM councils.homes",
];
/// What profiles without conditions answer: other measures of all rows.
const WHOLE_SCALARS: [&str; 3] = [
    "count(*) AS n FROM councils.homes",
    "sum(arrears) AS n FROM councils.homes",
    "count(DISTINCT account) AS n FROM councils.homes",
];

/// All of them in one statement, with their statuses.
fn joined(scalars: &[&str]) -> String {
    let columns: Vec<String> = (0..scalars.len()).map(|i| format!("t{i}.n AS n{i}")).collect();
    let tables = scalars.iter().enumerate().map(|(i, scalar)| {
        let on = if i == 0 { String::new() } else { format!(" ON t0.k = t{i}.k") };
        format!("(SELECT 1 AS k, n FROM (SELECT {scalar}) AS u) AS t{i}{on}")
    });
    format!("SELECT {} FROM {}", columns.join(", "), tables.collect::<Vec<_>>().join(" JOIN "))
}

fn under(preset: &str, dataset: &str) -> Vec<Department> {
    let mut departments = match dataset {
        "health.visits" => vec![departments::health()],
        _ => departments::councils(),
    };
    for department in &mut departments {
        department.config =
            department.config.replace("profile = \"standard\"", &format!("profile = \"{preset}\""));
    }
    departments
}

/// Each asked by itself, one after the other, by a federation that was asked nothing before.
async fn one_by_one(preset: &str, scalars: &[&str]) -> Vec<Cells> {
    let dataset = if scalars == HEALTH_SCALARS { "health.visits" } else { "councils.homes" };
    let federation = Federation::start(&under(preset, dataset)).await;
    let mut analyst = federation.analyst().await;
    let mut answers = Vec::new();
    for scalar in scalars {
        answers.push(analyst.cells(&format!("SELECT {scalar}")).await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cell_for_cell_the_answer_is_that_of_the_questions_asked_one_by_one() {
    let (mut shown, mut hidden) = (0, 0);
    for (preset, scalars) in [
        ("standard", &HEALTH_SCALARS[..]),
        ("strict", &HEALTH_SCALARS),
        ("ons-ckm", &HEALTH_SCALARS),
        ("midpoint-6", &HEALTH_SCALARS),
        ("standard", &COUNCIL_SCALARS),
        ("strict", &COUNCIL_SCALARS),
        ("ons-ckm", &COUNCIL_SCALARS),
        ("midpoint-6", &COUNCIL_SCALARS),
        ("round-5", &WHOLE_SCALARS),
        ("exact", &WHOLE_SCALARS),
    ] {
        let dataset = if scalars == HEALTH_SCALARS { "health.visits" } else { "councils.homes" };
        let apart = one_by_one(preset, scalars).await;
        let federation = Federation::start(&under(preset, dataset)).await;
        let together = federation.analyst().await.cells(&joined(scalars)).await.unwrap();
        assert_eq!(requests(&federation, 0, dataset), 1, "{preset} {dataset}");
        let apart: Vec<String> = apart.into_iter().map(|cells| cells[0][0].clone()).collect();
        assert_eq!(together, [apart], "{preset} {dataset}");
        let of_these = together[0].iter().filter(|cell| cell.starts_with('[')).count();
        (shown, hidden) = (shown + scalars.len() - of_these, hidden + of_these);
    }
    // There was something to compare: most cells are shown, and some aren't.
    assert!(hidden >= 8 && hidden < shown, "{hidden} hidden, {shown} shown");
}
