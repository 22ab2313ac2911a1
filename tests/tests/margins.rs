//! Grouping sets end to end: `ROLLUP`, `CUBE` and `GROUPING SETS` show what the questions for each set show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insitu_gateway::query::Options;
use insitu_tests::{Cells, Department, Federation};

use crate::neighbours::data::{Among, department};

const MEASURES: &str = "count(*), count(DISTINCT person), count(cost), avg(cost)";
/// Where each row is a unit there is no column to count distinct.
const MEASURES_OF_ROWS: &str = "count(*), count(cost), sum(cost)";

/// Statements of one set each, from the coarsest to the finest, with the bits that `grouping` has for it.
fn alone(measures: &str, condition: &str) -> [(i32, String); 4] {
    let from = format!("FROM health.visits {condition}");
    [
        (3, format!("SELECT NULL AS region, NULL AS area, {measures} {from}")),
        (1, format!("SELECT region, NULL AS area, {measures} {from} GROUP BY region")),
        (2, format!("SELECT NULL AS region, area, {measures} {from} GROUP BY area")),
        (0, format!("SELECT region, area, {measures} {from} GROUP BY region, area")),
    ]
}

/// Rows in no particular order, with the bits of their set before them.
fn labelled(rows: Cells, bits: i32) -> BTreeSet<Vec<String>> {
    rows.into_iter().map(|row| [vec![bits.to_string()], row].concat()).collect()
}

/// Under each profile and release mode, with conditions where it allows any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_margin_shows_what_the_question_for_it_alone_shows() {
    for (preset, release, condition) in [
        ("standard", "at-node", ""),
        ("standard", "at-gateway", "WHERE age < 60 AND sex IS NOT NULL"),
        ("strict", "at-node", "WHERE region IN ('North', 'South') AND age >= 20"),
        ("ons-ckm", "at-gateway", ""),
        ("round-5", "at-node", ""),
        ("exact", "at-node", ""),
        ("exact", "at-gateway", ""),
    ] {
        let of_rows = matches!(preset, "round-5" | "exact");
        let measures = if of_rows { MEASURES_OF_ROWS } else { MEASURES };
        let start =
            || async { Federation::start(&[department(Among::All, preset, release)]).await };
        let (together, one_by_one) = (start().await, start().await);
        // The sets of each form among the four above.
        for (form, sets) in [
            ("ROLLUP (region, area)", &[3, 1, 0][..]),
            ("CUBE (region, area)", &[3, 1, 2, 0]),
            ("GROUPING SETS ((region), (area))", &[1, 2]),
            ("region, ROLLUP (area)", &[1, 0]),
        ] {
            let sql = format!(
                "SELECT grouping(region, area), region, area, {measures} FROM health.visits {condition} GROUP BY {form}"
            );
            let shown = together.analyst().await.cells(&sql).await;
            let shown = shown.unwrap_or_else(|told| panic!("{preset}: {sql}: {told}"));
            let mut expected = BTreeSet::new();
            for (bits, sql) in alone(measures, condition) {
                if sets.contains(&bits) {
                    let rows = one_by_one.analyst().await.cells(&sql).await.unwrap();
                    expected.extend(labelled(rows, bits));
                }
            }
            assert!(expected.iter().flatten().any(|cell| cell == "[c]"), "{preset}: {form}");
            let rows = shown.len();
            let shown: BTreeSet<Vec<String>> = shown.into_iter().collect();
            assert_eq!((rows, shown), (expected.len(), expected), "{preset}, {release}: {form}");
        }
    }
}

/// A department of people who visit in two areas each; some rows have no area.
fn two_areas() -> Department {
    let mut department = department(Among::All, "ons-ckm", "at-node");
    let mut csv = "Person,Area,Region,Sex,Age,Date,Cost,Rare,Days,Name\n".to_owned();
    for person in 0..40 {
        for area in ["A", "B"] {
            let _ = writeln!(csv, "p{person},{area},North,F,40,2018-01-01,100,,1,N");
        }
    }
    for person in 40..70 {
        let _ = writeln!(csv, "p{person},,South,M,40,2018-01-01,100,,1,N");
    }
    department.files = vec![("visits.csv".to_owned(), csv.into_bytes())];
    department
}

async fn of_two_areas(sql: &str) -> Cells {
    let federation = Federation::start(&[two_areas()]).await;
    federation.analyst().await.cells(sql).await.unwrap()
}

/// `ons-ckm` adds at most 3 and doesn't round.
fn is_about(shown: &str, truth: i64) -> bool {
    (shown.parse::<i64>().unwrap() - truth).abs() <= 3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_in_several_cells_counts_once_in_the_margin() {
    let rows = of_two_areas(
        "SELECT region, area, count(DISTINCT person), count(*) FROM health.visits \
         WHERE region = 'North' GROUP BY ROLLUP (region, area) ORDER BY region, area",
    )
    .await;
    let cells: Vec<&[String]> = rows.iter().map(|row| &row[2..]).collect();
    let [a, b, north, all] = cells.as_slice() else { panic!("{rows:?}") };
    for of_area in [a, b] {
        assert!(is_about(&of_area[0], 40) && is_about(&of_area[1], 40), "{rows:?}");
    }
    // 40 people in each area, and 40 in both: their visits add up, they don't.
    for of_both in [north, all] {
        assert!(is_about(&of_both[0], 40) && is_about(&of_both[1], 80), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grouping_id_separates_null_from_total() {
    let rows = of_two_areas(
        "SELECT grouping(area), area, count(DISTINCT person) FROM health.visits \
         GROUP BY ROLLUP (area) ORDER BY 1, 2",
    )
    .await;
    let [a, b, without_area, total] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&a[..2], &b[..2]), (&["0".into(), "A".into()][..], &["0".into(), "B".into()][..]));
    assert_eq!(without_area[..2], ["0".to_owned(), "NULL".to_owned()]);
    assert_eq!(total[..2], ["1".to_owned(), "NULL".to_owned()]);
    assert!(is_about(&without_area[2], 30) && is_about(&total[2], 70), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_shows_the_sets() {
    let federation = Federation::start(&[two_areas()]).await;
    let sql = b"SELECT sex, area, count(*) FROM health.visits GROUP BY sex, ROLLUP (area)";
    let text = federation.gateway().explain(sql, &Options::default()).await.unwrap();
    assert!(text.contains("by sex, area\n    in grouping sets (sex), (sex, area)\n"), "{text}");
    let sql = b"SELECT sex, area, count(*) FROM health.visits GROUP BY sex, area";
    let text = federation.gateway().explain(sql, &Options::default()).await.unwrap();
    assert!(!text.contains("grouping sets"), "{text}");
}
