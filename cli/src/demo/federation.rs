//! The gateway and the nodes, connected over TCP on this machine as they would be over a network:
//! every node dials out and shows its secret, analysts show their token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use insitu_disclosure::Dataset;
use insitu_gateway::server::{self, NodeRegistration, Running, Settings};
use insitu_node::Node;
use insitu_node::server::Link;
use insitu_planner::Planner;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::ANALYST;
use crate::failure::Failure;
use crate::shutdown;

/// How long all departments together may take to connect.
const CONNECT_SECONDS_MAX: u64 = 60;
/// Between two looks at who is connected.
const LOOK_MS: u64 = 10;
/// The longest a sample question may run.
const QUERY_SECONDS_MAX: u64 = 60;
/// Memory for the gateway's upper plans.
const MEMORY_BYTES: usize = 512 * 1024 * 1024;
/// Statements at a time.
const STATEMENTS_RUNNING_MAX: usize = 16;
/// For tables that are asked for again.
const RESULT_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// A link's secret is as long as this.
const SECRET_CHARACTERS: usize = 32;

/// A gateway with its departments.
pub(super) struct Federation {
    running: Running,
    nodes: JoinSet<()>,
    stop: watch::Sender<bool>,
    address: SocketAddr,
}

impl Federation {
    /// Starts the gateway, has every node dial in, and waits until all have.
    pub(super) async fn start(
        clients: TcpListener,
        nodes: Vec<Arc<Node>>,
    ) -> Result<Self, Failure> {
        let address = shutdown::address_of(&clients)?;
        let for_nodes = shutdown::listen(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").await?;
        let dial = shutdown::address_of(&for_nodes)?.to_string();
        let registrations: Vec<NodeRegistration> =
            nodes.iter().map(|node| registration(node)).collect();
        let secrets: Vec<String> = registrations.iter().map(|node| node.secret.clone()).collect();
        let running = server::start(Planner::shared(), settings(registrations), clients, for_nodes)
            .await
            .map_err(|error| Failure::Service(error.to_string()))?;
        let (stop, _) = watch::channel(false);
        let mut federation = Self { running, nodes: JoinSet::new(), stop, address };
        let count = nodes.len();
        for (node, secret) in nodes.into_iter().zip(secrets) {
            federation.serve(node, Link::DialOut { gateway: dial.clone(), secret });
        }
        federation.wait_for(count).await?;
        Ok(federation)
    }

    fn serve(&mut self, node: Arc<Node>, link: Link) {
        let mut stop = self.stop.subscribe();
        self.nodes.spawn(async move {
            let stopped = async move {
                // That nobody could ask it to stop any more is a reason to stop, too.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            if let Err(error) = insitu_node::server::serve(node, link, stopped).await {
                eprintln!("a department's node ended: {error}");
            }
        });
    }

    async fn wait_for(&self, count: usize) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(CONNECT_SECONDS_MAX);
        loop {
            let connected = self.connected();
            if connected.len() == count {
                return Ok(());
            }
            if deadline <= Instant::now() {
                let names: Vec<String> =
                    connected.into_iter().map(|(department, _)| department).collect();
                return Err(Failure::Service(format!(
                    "only {} of {count} departments connected within {CONNECT_SECONDS_MAX} seconds: {}",
                    names.len(),
                    names.join(", ")
                )));
            }
            sleep(Duration::from_millis(LOOK_MS)).await;
        }
    }

    /// The departments that are connected, with what they announced.
    pub(super) fn connected(&self) -> Vec<(String, Vec<Arc<Dataset>>)> {
        self.running.connected()
    }

    /// Where analysts' clients connect.
    pub(super) fn url(&self) -> String {
        format!("grpc://{}", self.address)
    }

    /// Ends the gateway and the nodes.
    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        self.running.stop().await;
        while self.nodes.join_next().await.is_some() {}
    }
}

fn settings(nodes: Vec<NodeRegistration>) -> Settings {
    Settings {
        analysts: vec![(ANALYST.to_owned(), ANALYST.to_owned())],
        nodes,
        query_seconds_max: QUERY_SECONDS_MAX,
        memory_bytes: MEMORY_BYTES,
        spill: None,
        statements_running_max: STATEMENTS_RUNNING_MAX,
        statements_waiting_max: STATEMENTS_RUNNING_MAX * 2,
        result_cache_bytes: RESULT_CACHE_BYTES,
        guards: insitu_guard::Guards::ephemeral(),
    }
}

/// A registration with a secret of this run: no other program can pass for a department.
fn registration(node: &Node) -> NodeRegistration {
    let secret =
        rand::rng().sample_iter(Alphanumeric).take(SECRET_CHARACTERS).map(char::from).collect();
    NodeRegistration {
        id: node.id().to_owned(),
        department: node.department().to_owned(),
        secret,
        datasets: node.datasets().map(|loaded| loaded.dataset.name.clone()).collect(),
        address: None,
    }
}
