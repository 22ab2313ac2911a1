//! More than a gateway takes at a time: each call ends in an answer or a refusal that says so, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt as _;
use futures::future::join_all;
use insitu_tests::{Federation, departments};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Endpoint;

/// Statements that run and that wait.
const PLACES: usize = 4;

const TOKENS: [&str; 3] =
    ["token-of-the-tests", "token-of-ben-in-the-tests", "token-of-cy-in-the-tests"];

/// Places for two that run and two that wait; an answer takes its time, so that places are held.
async fn small(times: &str) -> Federation {
    let mut health = departments::health();
    health.config =
        health.config.replace("\nrelease = ", &format!("\nanswer_times = [{times}]\nrelease = "));
    Federation::start_with(&[health], |settings| {
        (settings.statements_running_max, settings.statements_waiting_max) = (2, PLACES - 2);
        for (name, token) in ["ben", "cy"].into_iter().zip(&TOKENS[1..]) {
            settings.analysts.push((name.to_owned(), (*token).to_owned()));
        }
    })
    .await
}

/// Asks, and gives `answered`, or the status' code with the message up to its colon.
async fn outcome(address: SocketAddr, token: &str, sql: String) -> String {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
    client.set_token(token.to_owned());
    let answered = async {
        let info = client.execute(sql, None).await?;
        let stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await?;
        stream.try_collect::<Vec<_>>().await
    };
    match answered.await {
        Ok(batches) => {
            assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 1);
            "answered".to_owned()
        }
        Err(FlightError::Tonic(status)) => {
            format!(
                "{:?} {}",
                status.code(),
                status.message().split(':').next().unwrap_or_default()
            )
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_times_as_many_as_there_are_places_are_answered_or_told_to_come_back() {
    let federation = small(r#""200ms", "800ms", "3s", "9s", "28s""#).await;
    let address = federation.address();
    let clients = (0..4 * PLACES).map(|client| async move {
        let mut outcomes = BTreeMap::new();
        for round in 0..4 {
            let age = (client * 4 + round) % 60;
            let sql = format!("SELECT count(*) FROM health.visits WHERE age >= {age}");
            *outcomes.entry(outcome(address, TOKENS[client % 2], sql).await).or_insert(0) += 1;
        }
        outcomes
    });
    let began = Instant::now();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for (what, times) in join_all(clients).await.into_iter().flatten() {
        *outcomes.entry(what).or_insert(0) += times;
    }
    println!("{outcomes:?} in {} ms", began.elapsed().as_millis());
    // On a busy machine an answer may miss the last of its times.
    let known = ["DeadlineExceeded L505", "ResourceExhausted L507", "answered"];
    assert!(outcomes.keys().all(|what| known.contains(&what.as_str())), "{outcomes:?}");
    assert!(known[1..].iter().all(|what| outcomes.contains_key(*what)), "{outcomes:?}");
    assert_eq!(outcomes.values().sum::<usize>(), 16 * PLACES);
    // As before, for everybody.
    for token in TOKENS {
        let sql = "SELECT count(*) FROM health.visits".to_owned();
        assert_eq!(outcome(address, token, sql).await, "answered");
    }
    assert_eq!(federation.node(0).working(), 0);
}

/// Whether a statement gets a place: it is hung up soon after.
async fn has_place(address: SocketAddr, token: &str) -> bool {
    let sql = "SELECT count(*) FROM health.visits WHERE age >= 59".to_owned();
    let soon = tokio::time::timeout(Duration::from_millis(500), outcome(address, token, sql)).await;
    soon.map_or(true, |told| {
        assert_eq!(told, "ResourceExhausted L507");
        false
    })
}

/// Statements that wait for half a minute; a second is plenty for them to take their places.
async fn two_by(address: SocketAddr, token: &'static str) -> Vec<JoinHandle<String>> {
    let one = |age: usize| {
        let sql = format!("SELECT count(*) FROM health.visits WHERE age >= {age}");
        tokio::spawn(async move { outcome(address, token, sql).await })
    };
    let two = (0..2).map(one).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    two
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_has_a_share_of_the_places_and_who_hangs_up_gives_theirs_back() {
    let federation = small(r#""28s""#).await;
    let address = federation.address();
    let [mine, bens, cys] = TOKENS;
    let running = two_by(address, mine).await;
    assert!(!has_place(address, mine).await, "as many as may run are one's share");
    let waiting = two_by(address, bens).await;
    assert!(running.iter().chain(&waiting).all(|statement| !statement.is_finished()));
    assert!(!has_place(address, cys).await, "all places are taken");
    // One that waits and one that runs are hung up.
    for statement in [&waiting[0], &running[0]] {
        statement.abort();
        let began = Instant::now();
        while !has_place(address, cys).await {
            assert!(began.elapsed() < Duration::from_secs(10), "the place isn't given back");
        }
    }
    running.iter().chain(&waiting).for_each(JoinHandle::abort);
    let began = Instant::now();
    while 0 < federation.node(0).working() {
        assert!(began.elapsed() < Duration::from_secs(10), "the node goes on for nobody");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Connections that never begin: each would hold a file descriptor for as long as it likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_connects_and_says_nothing_is_sent_away() {
    let federation = Federation::start(&[departments::health()]).await;
    let mut analyst = federation.analyst().await;
    let mut silent = Vec::new();
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n"].into_iter().cycle().take(100) {
        let mut socket = TcpStream::connect(federation.address()).await.unwrap();
        socket.write_all(said).await.unwrap();
        silent.push(socket);
    }
    for mut socket in silent {
        let mut told = Vec::new();
        let ended = timeout(Duration::from_secs(20), socket.read_to_end(&mut told));
        // Whether with or without a word.
        let _ = ended.await.expect("it is sent away");
    }
    assert_eq!(analyst.cells("SELECT count(*) FROM health.visits").await.unwrap().len(), 1);
}
