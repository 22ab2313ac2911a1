//! A query's id: the analyst learns the same that the departments are asked under.

use insitu_tests::{Federation, departments};

const SQL: &str = "SELECT band, count(*) FROM councils.homes GROUP BY band";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answers_header_tells_the_id_that_each_department_was_asked_under() {
    let federation = Federation::start(&departments::councils()).await;
    let mut analyst = federation.analyst().await;
    for department in 0..3 {
        federation.tap(department).clear();
    }
    let id = analyst.ask(SQL).await.unwrap().query_id;
    let bytes = u128::from_str_radix(&id, 16).unwrap().to_be_bytes();
    for department in 0..3 {
        // The gateway is the client on the socket that the node dialled.
        let request = federation.tap(department).received();
        let is_there = request.windows(bytes.len()).any(|window| window == bytes);
        assert!(is_there, "department {department} was asked under another id");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_redeemed_twice_is_two_queries() {
    let federation = Federation::start(&departments::councils()).await;
    let mut analyst = federation.analyst().await;
    let info = analyst.announce(SQL).await.unwrap();
    let (first, second) =
        (analyst.fetch(&info).await.unwrap(), analyst.fetch(&info).await.unwrap());
    assert_ne!(first.query_id, second.query_id);
    assert_eq!(first.cells(), second.cells());
}
