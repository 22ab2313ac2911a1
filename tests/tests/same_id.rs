//! Two nodes of one id: the one that is connected stays, as long as it answers.

use std::time::Duration;

use insitu_tests::{Federation, departments};

const SQL: &str = "SELECT area, count(*) FROM health.visits GROUP BY area ORDER BY area";

/// A copy of a connected node never answers, and the node itself goes on, before and after the copy is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_connected_node_isnt_let_in() {
    let mut health = departments::health();
    let mut federation = Federation::start(std::slice::from_ref(&health)).await;
    let mut analyst = federation.analyst().await;
    let before = analyst.cells(SQL).await.unwrap();
    // It could be told apart: its data is another's.
    let rows = health.files[0].1.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    health.files[0].1.truncate(rows);
    let copy = federation.begin(&health).await;
    // Time for a first try and a second.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(analyst.cells(SQL).await.unwrap(), before, "the copy answers");
    }
    copy.abort();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(analyst.cells(SQL).await.unwrap(), before, "the node itself is still asked");
}

/// As soon as the connected one is dead the other gets in by itself, and the first can come back after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_let_in_when_the_connected_one_is_gone() {
    let health = departments::health();
    let mut federation = Federation::start(std::slice::from_ref(&health)).await;
    let mut analyst = federation.analyst().await;
    let before = analyst.cells(SQL).await.unwrap();
    let second = federation.begin(&health).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    federation.end(0);
    answered_again(&mut analyst, &before).await;
    let _third = federation.begin(&health).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    second.abort();
    answered_again(&mut analyst, &before).await;
}

/// A node that is restarted at once doesn't wait for its old connection to be missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_restarts_at_once_gets_in() {
    let health = departments::health();
    let mut federation = Federation::start(std::slice::from_ref(&health)).await;
    let mut analyst = federation.analyst().await;
    let before = analyst.cells(SQL).await.unwrap();
    federation.end(0);
    federation.begin(&health).await;
    answered_again(&mut analyst, &before).await;
}

/// Waits until the question is answered as before; questions in between may find nobody.
async fn answered_again(analyst: &mut insitu_tests::Analyst, before: &[Vec<String>]) {
    // Whoever waits redials after at most 30 seconds, and was refused only a few times.
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Ok(cells) = analyst.cells(SQL).await {
            assert_eq!(cells, before);
            return;
        }
    }
    panic!("nobody answers");
}
