//! Limits of a node, and a node that listens instead of dialling.

use std::time::Duration;

use insitu_gateway::server::{NodeRegistration, Settings, start};
use insitu_node::server::{Link, serve};
use insitu_planner::Planner;
use insitu_tests::{Analyst, Federation, departments};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_groups_than_the_node_allows_are_refused_and_the_next_query_works() {
    let mut health = departments::health();
    health.config = health.config.replace("id = \"health\"", "id = \"health\"\ngroups_max = 5");
    let federation = Federation::start(&[health]).await;
    let mut analyst = federation.analyst().await;
    let told = analyst.refused("SELECT age, count(*) FROM health.visits GROUP BY age").await;
    assert!(
        told.starts_with("L504: the answer has more groups than Department of Health"),
        "{told}"
    );
    let cells = analyst.cells("SELECT area, count(*) FROM health.visits GROUP BY area").await;
    assert_eq!(cells.unwrap(), [["A", "50"], ["B", "15"]]);
}

/// A gateway that dials one node, which listens with this secret.
async fn dialling(node_secret: &str, gateway_secret: &str) -> (bool, Option<String>) {
    let node = departments::health().load().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let link = Link::Listen { listener, secret: node_secret.to_owned() };
    let serving = tokio::spawn(serve(node, link, std::future::pending()));
    let registration = NodeRegistration {
        id: "health".to_owned(),
        department: "Department of Health".to_owned(),
        secret: gateway_secret.to_owned(),
        datasets: vec!["health.visits".to_owned().try_into().unwrap()],
        address: Some(address),
    };
    let settings = Settings {
        analysts: vec![("tester".to_owned(), "a-token".to_owned())],
        nodes: vec![registration],
        query_seconds_max: 10,
        memory_bytes: 64 << 20,
        spill: None,
        statements_running_max: 4,
        statements_waiting_max: 8,
        result_cache_bytes: 0,
        guards: insitu_guard::Guards::ephemeral(),
    };
    let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clients_address = clients.local_addr().unwrap();
    let nodes = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = start(Planner::shared(), settings, clients, nodes).await.unwrap();
    for _ in 0..150 {
        if !running.connected().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let connected = !running.connected().is_empty();
    let mut analyst = Analyst::connect(clients_address, "a-token").await;
    let answer = analyst.cells("SELECT count(*) FROM health.visits").await;
    running.stop().await;
    serving.abort();
    (connected, answer.ok().map(|cells| cells[0][0].clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_listens_is_dialled_and_answers() {
    let secret = "the-secret-of-this-link";
    assert_eq!(dialling(secret, secret).await, (true, Some("100".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_listens_answers_nobody_without_the_secret() {
    assert_eq!(dialling("the-secret-of-this-link", "another-secret").await, (false, None));
}

/// Queries of a chain, about as many as are allowed.
const LINKS: usize = 28;

/// Each of a chain of queries is looked at once: thirty of which each is looked at twice would never end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_chain_of_queries_is_planned_in_the_time_of_its_length() {
    let health = departments::health();
    let federation = Federation::start(&[health, departments::reference()]).await;
    let mut analyst = federation.analyst().await;
    let chain = |first: &str, next: &dyn Fn(usize) -> String| {
        let ctes = (1..LINKS).map(|i| format!(", a{i} AS ({})", next(i - 1)));
        let ctes: String = ctes.collect();
        format!("WITH a0 AS ({first}){ctes} SELECT count(*) FROM a{}", LINKS - 1)
    };
    let case = "sum(CASE WHEN n > 1 THEN 1 ELSE 0 END) AS n";
    let open = "SELECT region AS k, count(*) AS n FROM ref.areas GROUP BY region";
    let protected = "SELECT area AS k, count(*) AS n FROM health.visits GROUP BY area";
    for first in [open, protected] {
        for next in [
            format!("SELECT k, {case} FROM aN GROUP BY k"),
            format!(
                "SELECT k, {case} FROM (SELECT * FROM aN UNION ALL SELECT * FROM aN WHERE n > 5) GROUP BY k"
            ),
        ] {
            // Each name that is used twice is written out twice.
            let links = if next.contains("UNION") { 3 } else { LINKS };
            let sql = chain(first, &|i| {
                if i < links {
                    next.replace("aN", &format!("a{i}"))
                } else {
                    format!("SELECT * FROM a{i}")
                }
            });
            assert!(analyst.cells(&sql).await.is_ok(), "{sql}");
        }
    }
    let next = "SELECT area AS k, sum(CASE WHEN residents > 1 THEN 1 ELSE 0 END) AS n FROM ref.areas \
                WHERE area IN (SELECT k FROM aN) OR residents = (SELECT max(n) FROM aN) GROUP BY area";
    let sql = chain(open, &|i| {
        if i < 4 { next.replace("aN", &format!("a{i}")) } else { format!("SELECT * FROM a{i}") }
    });
    assert!(analyst.cells(&sql).await.is_ok(), "{sql}");
}
