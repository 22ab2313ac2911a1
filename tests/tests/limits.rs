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
