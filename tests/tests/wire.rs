//! What goes over the wire: sizes, and that nothing that mustn't leave does.

use std::fmt::Write as _;

use insitu_tests::{Department, Federation, Tap, departments};

/// Text of the data that no answer may hold: hidden columns, units, keys of suppressed rows, rare values.
const CANARIES: [&str; 5] = ["CANARY-NAME", "c0", "b11", "canary-area", "a29"];

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
}

/// Visits as in [`departments::health`], and one in an area of its own with a telling cost.
fn with_canary() -> Department {
    let mut health = departments::health();
    let csv = &mut health.files[0].1;
    csv.extend(b"x9,canary-area,F,91,2018-06-01,424243,7,CANARY-NAME-x9\n");
    health
}

/// 424243 as Arrow sends an Int64, and as it sends a Decimal128's lower half.
fn telling_cost() -> [u8; 8] {
    424_243_i64.to_le_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_leaves_a_node_or_the_gateway() {
    let federation = Federation::start(&[with_canary(), departments::reference()]).await;
    let edge = Tap::before(federation.address()).await;
    let mut analyst = insitu_tests::Analyst::connect(edge.address(), "token-of-the-tests").await;
    for sql in [
        "SELECT area, count(*), sum(cost), avg(cost) FROM health.visits GROUP BY area",
        "SELECT area, sum(cost) FROM health.visits GROUP BY area ORDER BY 2 DESC LIMIT 1",
        "SELECT area, count(*) n FROM health.visits GROUP BY area HAVING count(*) < 10",
        "SELECT sex, age, count(DISTINCT person), sum(cost) FROM health.visits GROUP BY sex, age",
        "SELECT upper(area), nullif(sum(cost), 0) FROM health.visits GROUP BY upper(area)",
        "SELECT a.region, t.n FROM ref.areas a LEFT JOIN (SELECT area, sum(cost) n FROM health.visits GROUP BY area) t ON a.area = t.area",
    ] {
        analyst.ask(sql).await.unwrap();
    }
    for sql in [
        "SELECT * FROM health.visits",
        "SELECT count(*) FROM health.visits WHERE person = 'c0'",
        "SELECT max(cost) FROM health.visits",
        "SELECT full_name, count(*) FROM health.visits GROUP BY full_name",
    ] {
        analyst.refused(sql).await;
    }
    // What the node sent, and what the gateway sent to the analyst.
    for (who, bytes) in [("node", federation.tap(0).sent()), ("gateway", edge.received())] {
        assert!(bytes.len() > 1_000, "the tap on the {who} saw nothing");
        // Refusals name the person the analyst named: that is the analyst's text, not data.
        for canary in CANARIES.into_iter().filter(|c| *c != "c0") {
            assert!(!holds(&bytes, canary), "`{canary}` left the {who}");
        }
        assert!(!bytes.windows(8).any(|w| w == telling_cost()), "a suppressed cost left the {who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_above_would_see_a_canary() {
    // The same data, declared open: its rows travel, and the tap sees them.
    let mut open = with_canary();
    open.config = open
        .config
        .replace("protection = \"protected\"", "protection = \"open\"")
        .replace("unit = \"person\"\nunit_unique_per_row = false\nunits_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\"\n", "")
        .replace("label = \"unit\"", "label = \"dimension\"");
    let federation = Federation::start(&[open]).await;
    let mut analyst = federation.analyst().await;
    analyst.ask("SELECT person, area, cost FROM health.visits").await.unwrap();
    let sent = federation.tap(0).sent();
    assert!(holds(&sent, "canary-area"));
    assert!(sent.windows(8).any(|w| w == telling_cost()));
    assert!(!holds(&sent, "CANARY-NAME"), "hidden columns stay even where the rest is open");
}

/// Rows over `groups` areas, `rows` of each.
fn many(groups: usize, rows: usize) -> Department {
    let mut csv = "Area,Cost\n".to_owned();
    for row in 0..rows {
        for group in 0..groups {
            let _ = writeln!(csv, "area-{group:04},{}", row % 7);
        }
    }
    let config = r#"
[node]
id = "many"
department = "Many"

[[dataset]]
name = "many.rows"
source = { format = "csv", path = "many.csv" }
protection = "protected"
unit = "row"
units_at_one_node = true
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "area"
from = "Area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "cost"
from = "Cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 10 }
"#;
    Department { config: config.to_owned(), files: vec![("many.csv".to_owned(), csv.into_bytes())] }
}

/// Bytes that a node sends for one question, in steady state, keep-alive pings included.
async fn bytes_for(department: Department) -> (usize, usize) {
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT area, count(*), sum(cost) FROM many.rows GROUP BY area";
    analyst.ask(sql).await.unwrap();
    federation.tap(0).clear();
    let asked = analyst.ask(sql).await.unwrap();
    let rows = asked.batches.iter().map(|b| b.num_rows()).sum();
    (federation.tap(0).sent().len(), rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_bytes_depend_on_groups_not_rows() {
    let (few, few_rows) = bytes_for(many(200, 20)).await;
    let (more, more_rows) = bytes_for(many(200, 500)).await;
    assert_eq!((few_rows, more_rows), (200, 200));
    // A keep-alive ping more or less; the values themselves have fixed widths.
    assert!(few.abs_diff(more) <= 256, "{few} bytes for 20 rows a group, {more} for 500");
    // Key 9 bytes + offset 4, two Int64, two statuses with offsets 4: 37 bytes a group.
    assert!(more <= 2 * 200 * 37 + 4_096, "{more} bytes for 200 groups");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_one_small_request_to_each_department() {
    let mut departments = departments::councils();
    departments.push(departments::reference());
    let federation = Federation::start(&departments).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT band, count(*), count(DISTINCT account), sum(arrears), avg(arrears), \
               count(*) FILTER (WHERE band IN ('A', 'B')) FROM councils.homes \
               WHERE band <> 'C' GROUP BY band";
    analyst.ask(sql).await.unwrap();
    for department in 0..3 {
        federation.tap(department).clear();
    }
    analyst.ask(sql).await.unwrap();
    for department in 0..3 {
        // The gateway is the client on the socket that the node dialled.
        let request = federation.tap(department).received();
        assert!(request.len() <= 2_048, "{} bytes to department {department}", request.len());
        let asked = request.windows(9).filter(|w| *w == b"councils.").count();
        assert_eq!(asked, 1, "one request to department {department}");
    }
}
