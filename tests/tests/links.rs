//! How node and gateway meet: what goes over the wire tells nobody the secret, and who changes a byte of it ends it.

use std::net::SocketAddr;
use std::time::Duration;

use insitu_gateway::server::{NodeRegistration, Running, Settings, start};
use insitu_guard::Guards;
use insitu_node::server::{Link, serve};
use insitu_planner::Planner;
use insitu_proto::greeting::{HELLO_BYTES_MAX, Hello};
use insitu_proto::v1;
use insitu_proto::v1::control_client::ControlClient;
use insitu_proto::warrant::Asked;
use insitu_tests::link::{GatewayEnd, greet_as_node};
use insitu_tests::{Analyst, Federation, Tap, departments};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const SECRET: &str = "secret-of-the-link-of-health";
const SQL: &str = "SELECT area, count(*) FROM health.visits GROUP BY area";

/// A gateway that knows the department of health, which listens at an address or dials; where it takes nodes in, and
/// analysts.
async fn gateway(address: Option<SocketAddr>) -> (Running, SocketAddr, SocketAddr) {
    let registration = NodeRegistration {
        id: "health".to_owned(),
        department: "Department of Health".to_owned(),
        secret: SECRET.to_owned(),
        datasets: vec!["health.visits".to_owned().try_into().unwrap()],
        address: address.map(|address| address.to_string()),
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
        guards: Guards::ephemeral(),
    };
    let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nodes = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = (nodes.local_addr().unwrap(), clients.local_addr().unwrap());
    let running = start(Planner::shared(), settings, clients, nodes).await.unwrap();
    (running, addresses.0, addresses.1)
}

/// The department of health, which listens.
async fn listening() -> SocketAddr {
    let node = departments::health().load().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let link = Link::Listen { listener, secret: SECRET.to_owned() };
    tokio::spawn(async move { serve(node, link, std::future::pending()).await.unwrap() });
    address
}

/// What the secret would be recognised by.
fn traces() -> Vec<Vec<u8>> {
    let digest = Sha256::digest(SECRET);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut traces = vec![SECRET.as_bytes().to_vec(), digest.to_vec(), hex.into_bytes()];
    // Half of it would be enough to guess the rest.
    let half = SECRET.len() / 2;
    traces.extend([SECRET.as_bytes()[..half].to_vec(), SECRET.as_bytes()[half..].to_vec()]);
    traces
}

/// How many traces of the secret are in what was seen, which holds the id that the node greets with.
fn found(sent: &[u8], received: &[u8]) -> usize {
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!([sent, received].iter().any(|bytes| holds(bytes, b"health")), "nothing was seen");
    traces().iter().filter(|trace| holds(sent, trace) || holds(received, trace)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_never_travels_whoever_dials() {
    // The search finds what is there: as it was, the greeting had the secret in it.
    let before = [b"\x08\x02\x12\x06health\x1a\x1c", SECRET.as_bytes()].concat();
    assert_eq!(found(&before, b""), 3, "the secret, and its halves");
    assert_eq!(found(b"health", &Sha256::digest(SECRET)), 1);
    let federation = Federation::start(&[departments::health()]).await;
    federation.analyst().await.ask(SQL).await.unwrap();
    let tap = federation.tap(0);
    assert_eq!(found(&tap.sent(), &tap.received()), 0);

    let tap = Tap::before(listening().await).await;
    let (running, _, clients) = gateway(Some(tap.address())).await;
    let mut analyst = Analyst::connect(clients, "a-token").await;
    let mut answer = analyst.cells(SQL).await;
    for _ in 0..200 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = analyst.cells(SQL).await;
    }
    answer.unwrap();
    assert_eq!(found(&tap.sent(), &tap.received()), 0);
    running.stop().await;
}

/// Passes bytes on, the one at this place changed.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, changed: Option<usize>) {
    let (mut buffer, mut passed) = (vec![0; 64 << 10], 0);
    while let Ok(n) = from.read(&mut buffer).await {
        let at = changed.and_then(|at| at.checked_sub(passed)).filter(|at| *at < n);
        if let Some(at) = at {
            buffer[at] ^= 1;
        }
        passed += n;
        if n == 0 || to.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// A socket to `target` through a relay that changes one byte of what it sends, or of what it receives.
async fn through_relay(
    target: SocketAddr,
    sent: Option<usize>,
    received: Option<usize>,
) -> TcpStream {
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(relay.local_addr().unwrap()).await.unwrap();
    let (middle, _) = relay.accept().await.unwrap();
    let (from_near, to_near) = middle.into_split();
    let (from_far, to_far) = TcpStream::connect(target).await.unwrap().into_split();
    tokio::spawn(pass(from_near, to_far, sent));
    tokio::spawn(pass(from_far, to_near, received));
    near
}

/// What a node of this id says first.
fn hello(node: &str) -> Vec<u8> {
    Hello { node: node.to_owned(), nonce: [5; 32] }.encode()
}

/// Changes in each byte of what the node says, and of what the gateway says.
fn changes() -> impl Iterator<Item = (Option<usize>, Option<usize>)> {
    let by_node = (0..hello("health").len() + 32).map(|at| (Some(at), None));
    by_node.chain((0..64).map(|at| (None, Some(at))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_lets_nobody_in_whose_greeting_was_changed() {
    let (running, nodes, _) = gateway(None).await;
    let mut greetings = JoinSet::new();
    for (by_node, by_gateway) in changes() {
        greetings.spawn(async move {
            let mut socket = through_relay(nodes, by_node, by_gateway).await;
            let greeted =
                timeout(Duration::from_secs(20), greet_as_node(&mut socket, "health", SECRET));
            assert!(matches!(greeted.await, Ok(None)), "{by_node:?} {by_gateway:?}");
        });
    }
    assert_eq!(greetings.join_all().await.len(), hello("health").len() + 32 + 64);
    let mut socket = through_relay(nodes, None, None).await;
    assert!(greet_as_node(&mut socket, "health", SECRET).await.is_some(), "unchanged it is let in");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_nobody_whose_greeting_was_changed() {
    let node = listening().await;
    let mut greetings = JoinSet::new();
    for (by_node, by_gateway) in changes() {
        greetings.spawn(async move {
            let socket = through_relay(node, by_gateway, by_node).await;
            let met = timeout(Duration::from_secs(20), GatewayEnd::over(socket, SECRET)).await;
            assert!(matches!(met, Ok(None)), "{by_node:?} {by_gateway:?}");
        });
    }
    assert_eq!(greetings.join_all().await.len(), hello("health").len() + 32 + 64);
    let socket = through_relay(node, None, None).await;
    assert!(GatewayEnd::over(socket, SECRET).await.is_some(), "unchanged it is served");
}

/// Those that only hold a socket, and a gateway that asks nothing just now, keep no node from ending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_listens_ends_when_it_is_asked_to() {
    let node = departments::health().load().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let link = Link::Listen { listener, secret: SECRET.to_owned() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(node, link, async { stopped.await.unwrap() }));
    let silent = TcpStream::connect(address).await.unwrap();
    let end = GatewayEnd::dial(address, SECRET).await;
    let mut control = ControlClient::new(end.channel.clone());
    control.ping(end.call(v1::PingRequest {}, &Asked::Ping)).await.unwrap();
    stop.send(()).unwrap();
    let ended = timeout(Duration::from_secs(5), serving).await;
    ended.expect("it ends").unwrap().unwrap();
    assert!(control.ping(end.call(v1::PingRequest {}, &Asked::Ping)).await.is_err());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(silent);
}

/// More than are greeted at once, and say nothing: whoever knows the secret waits until they are sent away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_say_nothing_keep_a_gateway_out_for_seconds_only() {
    let node = listening().await;
    let mut silent = Vec::new();
    for _ in 0..70 {
        silent.push(TcpStream::connect(node).await.unwrap());
    }
    let socket = TcpStream::connect(node).await.unwrap();
    let met = timeout(Duration::from_secs(30), GatewayEnd::over(socket, SECRET)).await;
    assert!(met.unwrap().is_some());
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_proves_nothing_to_a_gateway_with_another_secret() {
    let mut socket = TcpStream::connect(listening().await).await.unwrap();
    let mut said = vec![0; hello("health").len()];
    socket.read_exact(&mut said).await.unwrap();
    let heard = Hello::decode(&said[4..]).unwrap();
    assert_eq!(heard.node, "health");
    let other = insitu_proto::greeting::LinkSecret::new("another secret").unwrap();
    socket.write_all(&heard.challenge(&other, [6; 32]).encode()).await.unwrap();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "it has said {} bytes more", rest.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_id_is_answered_as_a_wrong_secret_is() {
    let (running, nodes, _) = gateway(None).await;
    let mut answers = Vec::new();
    for id in ["health", "nobody"] {
        let mut socket = TcpStream::connect(nodes).await.unwrap();
        socket.write_all(&hello(id)).await.unwrap();
        let mut challenge = [0; 64];
        socket.read_exact(&mut challenge).await.unwrap();
        socket.write_all(&[7; 32]).await.unwrap();
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "no welcome, and no reason");
        answers.push(challenge);
    }
    assert_ne!(answers[0], answers[1]);
    // Neither is what somebody said who isn't a node, or says too much, answered at all.
    let long = [&u32::try_from(HELLO_BYTES_MAX + 1).unwrap().to_be_bytes()[..], &[0; 8]].concat();
    let of_version_2 = [&[0, 0, 0, 13, 8, 2, 18, 1, b'a', 26, 6][..], b"secret"].concat();
    for said in [&long[..], &of_version_2, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\0"] {
        let mut socket = TcpStream::connect(nodes).await.unwrap();
        socket.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{said:?}");
    }
    running.stop().await;
}
