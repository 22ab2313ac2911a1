//! A question that nobody waits for any more: every node stops working on it. How soon is printed, and
//! not asserted beyond a generous bound: `cargo test --workspace cancel -- --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use insitu_gateway::query::{Options, QueryId};
use insitu_tests::{Department, Federation};

use crate::oracle::publish::parquet;

/// A file of a department's, and how often it is there: 20 million rows that take next to no space.
const ROWS_PER_FILE: usize = 100_000;
const FILES: usize = 200;

/// A text function on every row: work for a minute in an unoptimised build, for seconds in any.
const SLOW: &str = "SELECT upper(area) AS area, count(*) AS n FROM slow.rows GROUP BY upper(area)";
/// The same of one file.
const QUICK: &str = "SELECT upper(area) AS area, count(*) AS n FROM slow.few GROUP BY upper(area)";

/// How long a node may take to become idle before the test fails.
const IDLE_WITHIN: Duration = Duration::from_secs(10);

fn slow(id: &str) -> Department {
    with(id, ROWS_PER_FILE, FILES)
}

/// The same with so many rows in a file, and files in the large dataset.
fn with(id: &str, rows: usize, count: usize) -> Department {
    let areas: StringArray = (0..rows).map(|i| Some(["North", "South"][i % 2])).collect();
    let ids: Int64Array = (0..rows).map(|i| i64::try_from(i).ok()).collect();
    let batch =
        RecordBatch::try_from_iter([("area", Arc::new(areas) as _), ("id", Arc::new(ids) as _)])
            .unwrap();
    let bytes = parquet(&batch);
    let names: Vec<String> = (0..FILES).map(|i| format!("{i}.parquet")).collect();
    let datasets =
        [("slow.rows", &names[..count]), ("slow.few", &names[..1])].map(dataset).concat();
    let config = format!("[node]\nid = \"{id}\"\ndepartment = \"Department {id}\"\n{datasets}");
    let files = names.into_iter().map(|name| (name, bytes.clone())).collect();
    Department { config, files }
}

fn dataset((name, files): (&str, &[String])) -> String {
    format!(
        r#"
[[dataset]]
name = "{name}"
source = {{ format = "parquet", files = {files:?} }}
protection = "protected"
unit = "id"
unit_unique_per_row = false
units_at_one_node = true
profile = "standard"
release = "at-gateway"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "id"
type = "integer"
label = "unit"
"#
    )
}

async fn three_slow_departments() -> Federation {
    Federation::start(&[slow("east"), slow("north"), slow("west")]).await
}

fn all_work(federation: &Federation) -> bool {
    (0..3).all(|department| federation.node(department).working() > 0)
}

/// Waits until all nodes work, and sees that they still do after a while: it isn't them who end it.
async fn all_are_busy(federation: &Federation) {
    let asked = Instant::now();
    while !all_work(federation) {
        assert!(asked.elapsed() < Duration::from_secs(30), "the nodes don't begin");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(all_work(federation), "the question isn't slow enough for this test");
}

/// Waits until all nodes are idle; prints how long it took since `cancelled`.
async fn all_become_idle(federation: &Federation, cancelled: Instant, how: &str) {
    while (0..3).any(|department| federation.node(department).working() > 0) {
        assert!(cancelled.elapsed() < IDLE_WITHIN, "a node goes on working");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("idle {} ms after {how}", cancelled.elapsed().as_millis());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_is_idle_soon_after_the_analyst_hangs_up() {
    let federation = three_slow_departments().await;
    let mut analyst = federation.analyst().await;
    let info = analyst.announce(SLOW).await.unwrap();
    assert!(!all_work(&federation), "an announcement asks nobody");
    let fetching = tokio::spawn(async move { analyst.fetch(&info).await.map(|_| ()) });
    all_are_busy(&federation).await;
    let cancelled = Instant::now();
    fetching.abort();
    all_become_idle(&federation, cancelled, "the analyst hung up").await;
    let cells = federation.analyst().await.cells(QUICK).await.unwrap();
    assert!(matches!(&cells[..], [north, south] if north[0] == "NORTH" && south[0] == "SOUTH"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_is_idle_soon_after_the_analyst_cancels() {
    let federation = three_slow_departments().await;
    let (mut asking, mut cancelling) = (federation.analyst().await, federation.analyst().await);
    let info = asking.announce(SLOW).await.unwrap();
    let announced = info.clone();
    let fetching = tokio::spawn(async move { asking.fetch(&announced).await.map(|_| ()) });
    all_are_busy(&federation).await;
    let cancelled = Instant::now();
    cancelling.cancel(info).await.unwrap();
    all_become_idle(&federation, cancelled, "CancelFlightInfo").await;
    let told = fetching.await.unwrap().unwrap_err();
    assert_eq!(told.to_string(), "cancelled by the client");
    let cells = cancelling.cells(QUICK).await.unwrap();
    assert!(matches!(&cells[..], [north, south] if north[0] == "NORTH" && south[0] == "SOUTH"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_straggler_is_named_by_the_deadline_and_stops() {
    let departments = [with("east", 100, 1), with("north", 100, 1), slow("west")];
    let federation = Federation::start(&departments).await;
    let gateway = federation.gateway();
    let deadline = Duration::from_millis(500);
    let options = Options { deadline, ..Options::default() };
    let prepared = gateway.prepare(SLOW.as_bytes(), &options).await.unwrap();
    let bound = gateway.bind(&prepared, None).await.unwrap();
    let began = Instant::now();
    let refusals = gateway.execute(&bound, QueryId([1; 16])).await.unwrap_err();
    let took = began.elapsed();
    println!("refused {} ms after it was asked, with a deadline of 500 ms", took.as_millis());
    assert!(took < IDLE_WITHIN, "{took:?}");
    let told = refusals.to_string();
    // The others have a hundred rows each; on a busy machine they, too, may be late, and are named then.
    assert!(told.contains("L505: Department west didn't answer within the deadline"), "{told}");
    all_become_idle(&federation, began, "it was asked").await;
}
