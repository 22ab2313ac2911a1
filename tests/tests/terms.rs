//! Terms that change while what was released on the old ones is remembered.

use insitu_tests::{Department, Federation, departments};

/// The department on other terms.
fn on(department: &Department, from: &str, to: &str) -> Department {
    assert!(department.config.contains(from), "{from}");
    Department { config: department.config.replace(from, to), ..department.clone() }
}

/// The number shown first in a cell; `None` where it is suppressed.
fn number(cell: &str) -> Option<i64> {
    let shown = cell.split(' ').next().unwrap();
    if shown == "[c]" { None } else { Some(shown.parse().unwrap()) }
}

fn nearest(base: i64, shown: i64) -> i64 {
    (shown + base / 2) / base * base
}

fn midpoint(shown: i64) -> i64 {
    (shown + 5) / 6 * 6 - 3
}

/// Counts by the first column, as shown by a federation of these departments that goes on in the folder.
async fn counts(
    folder: &std::path::Path,
    departments: &[Department],
    sql: &str,
) -> Vec<(String, Option<i64>)> {
    let federation = Federation::kept_in(folder, departments).await;
    let cells = federation.analyst().await.cells(sql).await.unwrap();
    cells.into_iter().map(|row| (row[0].clone(), number(&row[1]))).collect()
}

/// What was shown is shown again on stricter terms, as these allow it: a function of what was shown.
async fn stays_answered(departments: &[Department], sql: &str) {
    let folder = tempfile::tempdir().unwrap();
    let standard = "profile = \"standard\"";
    let all = |to: &str| -> Vec<Department> {
        departments.iter().map(|department| on(department, standard, to)).collect()
    };
    let first = counts(folder.path(), departments, sql).await;
    let values: Vec<i64> = first.iter().filter_map(|(_, n)| *n).collect();
    // Those that the new base allows as they are prove nothing.
    assert!(values.iter().any(|n| n % 10 != 0), "{first:?}");
    let again = |change: &dyn Fn(i64) -> Option<i64>| -> Vec<(String, Option<i64>)> {
        first.iter().map(|(key, n)| (key.clone(), n.and_then(change))).collect()
    };
    let tens = all("profile = \"standard\"\nrounding_base = 10");
    let of_tens = again(&|n| Some(nearest(10, n)));
    assert_eq!(counts(folder.path(), &tens, sql).await, of_tens, "rounded again");
    let midpoints = counts(folder.path(), &all("profile = \"midpoint-6\""), sql).await;
    for (key, n) in &first {
        let of_key = midpoints.iter().find(|(k, _)| k == key).map(|(_, n)| *n);
        if let Some(n) = n {
            assert_eq!(of_key, Some(Some(midpoint(*n))), "{key}: the middle of where it was");
        }
    }
    // Where what was shown may not be shown any more, the cell is as any suppressed one, and its row missing like theirs.
    let larger = all("profile = \"standard\"\nthreshold_units = 35");
    for (key, n) in counts(folder.path(), &larger, sql).await {
        let before = first.iter().find(|(k, _)| *k == key).and_then(|(_, n)| *n);
        assert!(n.is_none_or(|n| 35 <= n && Some(n) == before), "{key}: {before:?}, then {n:?}");
    }
    assert_eq!(counts(folder.path(), departments, sql).await, first, "and back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_tightens_its_terms_answers_what_it_answered() {
    let sql = "SELECT CASE WHEN school IN ('B', 'D') THEN 'B or D' ELSE 'A or C' END AS those, count(*) \
               FROM schools.pupils GROUP BY ROLLUP (those) ORDER BY those";
    stays_answered(&[departments::schools()], sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_departments_tighten_their_terms_answers_what_it_answered() {
    let sql = "SELECT band, count(*) FROM councils.homes GROUP BY band ORDER BY band";
    stays_answered(&departments::councils(), sql).await;
}
