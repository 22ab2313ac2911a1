//! Combinations that can't be: shown as such, and their rows counted nowhere.

use insitu_tests::{Department, Federation};

/// Operations of women and men. One caesarean of a man is a mistake, one is of somebody whose sex
/// isn't recorded.
fn hospital(profile: &str, release: &str, declared: bool) -> Department {
    let mut csv = "sex,operation,cost\n".to_owned();
    for (sex, operation, count) in [
        ("F", "caesarean", 120),
        ("M", "caesarean", 1),
        ("", "caesarean", 1),
        ("F", "appendectomy", 45),
        ("M", "appendectomy", 50),
    ] {
        csv.push_str(&format!("{sex},{operation},100\n").repeat(count));
    }
    let impossible = r#"impossible = [{ sex = ["M"], operation = ["caesarean"] }]"#;
    let impossible = if declared { impossible } else { "" };
    let config = format!(
        r#"
[node]
id = "hospital"
department = "Hospital"

[[dataset]]
name = "hospital.operations"
source = {{ format = "csv", path = "operations.csv" }}
protection = "protected"
unit = "row"
units_at_one_node = true
profile = "{profile}"
release = "{release}"
{impossible}

[[dataset.column]]
name = "sex"
type = "text"
label = "dimension"
domain = ["F", "M"]
blank = "null"

[[dataset.column]]
name = "operation"
type = "text"
label = "dimension"
domain = ["appendectomy", "caesarean"]

[[dataset.column]]
name = "cost"
type = "integer"
label = "measure"
bounds = {{ low = 0, high = 1000 }}
breakpoints = [50, 150, 500]
"#
    );
    Department { config, files: vec![("operations.csv".to_owned(), csv.into_bytes())] }
}

const BY_BOTH: &str = "SELECT sex, operation, count(*), sum(cost), avg(cost) \
                       FROM hospital.operations WHERE sex IN ('F', 'M') GROUP BY sex, operation \
                       ORDER BY sex, operation";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cell_that_cant_be_shows_zero_however_it_is_asked_for() {
    for release in ["at-node", "at-gateway"] {
        let federation = Federation::start(&[hospital("standard", release, true)]).await;
        let mut analyst = federation.analyst().await;
        let cells = analyst.cells(BY_BOTH).await.unwrap();
        let of_men: Vec<_> = cells.iter().filter(|row| row[0] == "M").collect();
        assert_eq!(of_men[1][1..], ["caesarean", "0 [z]", "0 [z]", "[z]"], "{release}");
        assert!(!of_men[0][2].contains('['), "{release}: {of_men:?}");
        for sql in [
            "SELECT count(*) FROM hospital.operations WHERE sex = 'M' AND operation = 'caesarean'",
            "SELECT count(*) FILTER (WHERE operation = 'caesarean') FROM hospital.operations WHERE sex = 'M'",
        ] {
            assert_eq!(analyst.cells(sql).await.unwrap(), [["0 [z]"]], "{release}: {sql}");
        }
        // What is computed from it is a number like others.
        let sql = "SELECT 1 + n AS more FROM (SELECT count(*) AS n FROM hospital.operations \
                   WHERE sex = 'M' AND operation = 'caesarean')";
        assert_eq!(analyst.cells(sql).await.unwrap(), [["1"]], "{release}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_margin_is_one_by_the_keys_it_keeps_and_the_conditions() {
    let rollup = |condition: &str| {
        format!(
            "SELECT operation, sex, grouping(sex), count(*) FROM hospital.operations WHERE {condition} \
             GROUP BY ROLLUP (operation, sex)"
        )
    };
    for release in ["at-node", "at-gateway"] {
        let federation = Federation::start(&[hospital("standard", release, true)]).await;
        let mut analyst = federation.analyst().await;
        for (condition, only_men) in [("sex IN ('F', 'M')", false), ("sex = 'M'", true)] {
            let cells = analyst.cells(&rollup(condition)).await.unwrap();
            let count = |key: [&str; 3]| &cells.iter().find(|row| row[..3] == key).unwrap()[3];
            assert_eq!(count(["caesarean", "M", "0"]), "0 [z]", "{release}: {condition}");
            // Over all that the condition leaves, which may be men only.
            let alone = format!(
                "SELECT count(*) FROM hospital.operations WHERE {condition} AND operation = 'caesarean'"
            );
            let margin = count(["caesarean", "NULL", "1"]);
            assert_eq!(analyst.cells(&alone).await.unwrap(), [[margin.clone()]], "{release}");
            assert_eq!(margin == "0 [z]", only_men, "{release}: {condition}");
            assert!(!count(["NULL", "NULL", "1"]).contains('['), "{release}: {condition}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nobody_each_bin_is_zero_and_there_is_no_quantile() {
    for release in ["at-node", "at-gateway"] {
        let federation = Federation::start(&[hospital("standard", release, true)]).await;
        let mut analyst = federation.analyst().await;
        let sql = "SELECT histogram(cost), median(cost) FROM hospital.operations \
                   WHERE sex = 'M' AND operation = 'caesarean'";
        let cells = analyst.cells(sql).await.unwrap();
        assert_eq!(cells, [["[0, 0, 0, 0] [z]", "[z]"]], "{release}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_cant_be_are_in_no_margin() {
    let by_operation = "SELECT operation, count(*) FROM hospital.operations GROUP BY operation \
                        ORDER BY operation";
    let federation = Federation::start(&[hospital("exact", "at-node", false)]).await;
    let counted = federation.analyst().await.cells(by_operation).await.unwrap();
    assert_eq!(counted[1], ["caesarean", "121"]);
    let federation = Federation::start(&[hospital("exact", "at-node", true)]).await;
    let counted = federation.analyst().await.cells(by_operation).await.unwrap();
    // The one whose sex isn't recorded is counted nowhere, either way: tables are whole.
    assert_eq!(counted[1], ["caesarean", "120"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_declaration_the_cell_is_small() {
    let federation = Federation::start(&[hospital("standard", "at-node", false)]).await;
    let cells = federation.analyst().await.cells(BY_BOTH).await.unwrap();
    let caesareans = cells.iter().find(|row| row[..2] == ["M", "caesarean"]).unwrap();
    assert_eq!(caesareans[2..], ["[c]", "[c]", "[c]"]);
}
