//! A gateway and any number of departments, over real TCP on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use insitu_disclosure::DatasetName;
use insitu_gateway::server::{NodeRegistration, Running, Settings, start};
use insitu_guard::{ANCHORS_MAX, Guards, Owner, StateError, StateFolder};
use insitu_node::config::NodeConfig;
use insitu_node::server::{Link, serve};
use insitu_node::{EngineThreads, Node, NodeState};
use insitu_planner::Planner;
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::analyst::Analyst;
use crate::tap::Tap;

/// The token of the one analyst there is.
pub(crate) const TOKEN: &str = "token-of-the-tests";

/// The secret of every node: noise is the same in every run.
const SECRET: [u8; 32] = [7; 32];

/// A department: its node's configuration and files.
#[derive(Debug, Clone)]
pub struct Department {
    /// The node's configuration, without a link.
    pub config: String,
    /// Files by name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Department {
    /// Reads the department's data as its node does at start.
    pub async fn load(&self) -> Result<Arc<Node>, insitu_node::NodeError> {
        self.load_with(None, &EngineThreads::start().unwrap()).await
    }

    /// The same with this state, on these threads; with a state that ends with the process if there is none.
    async fn load_with(
        &self,
        state: Option<NodeState>,
        threads: &EngineThreads,
    ) -> Result<Arc<Node>, insitu_node::NodeError> {
        let store = InMemory::new();
        for (name, bytes) in &self.files {
            store.put(&StorePath::from(name.as_str()), bytes.clone().into()).await.unwrap();
        }
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        let state = state.unwrap_or_else(|| NodeState::ephemeral(SECRET));
        Node::load(Planner::shared(), &self.parsed(), store, &state, threads).await
    }

    fn parsed(&self) -> NodeConfig {
        NodeConfig::parse(&self.config, Path::new("test.toml")).unwrap()
    }
}

/// A gateway with its departments.
#[derive(Debug)]
pub struct Federation {
    running: Running,
    address: SocketAddr,
    nodes_address: SocketAddr,
    /// One for each department, in order: on the connection that its node dials.
    taps: Vec<Tap>,
    nodes: Vec<Arc<Node>>,
    links: Vec<AbortHandle>,
    tasks: JoinSet<()>,
}

impl Federation {
    /// Starts everything and waits until all departments are connected. The gateway keeps no results, so that each
    /// question is asked.
    pub async fn start(departments: &[Department]) -> Self {
        Self::started(departments, |_| {}, true, None).await
    }

    /// The same, with the gateway's settings changed.
    pub async fn start_with(
        departments: &[Department],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::started(departments, change, true, None).await
    }

    /// The same without taps, which cost time, and with one machine's threads for all: for benchmarks.
    pub async fn untapped(departments: &[Department]) -> Self {
        Self::started(departments, |_| {}, false, None).await
    }

    /// The same with the gateway's settings changed.
    pub async fn untapped_with(
        departments: &[Department],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::started(departments, change, false, None).await
    }

    /// The same with the state of everybody kept in a folder, so that another federation can go on where this ended. Waits
    /// until one that ended has let go of it.
    pub async fn kept_in(folder: &Path, departments: &[Department]) -> Self {
        let gateway = opened(|| StateFolder::open(&folder.join("gateway"), Owner::Gateway)).await;
        let guards = Guards::in_folder(Arc::new(gateway), ANCHORS_MAX);
        Self::started(departments, |settings| settings.guards = guards, true, Some(folder)).await
    }

    async fn started(
        departments: &[Department],
        change: impl FnOnce(&mut Settings),
        tapped: bool,
        state: Option<&Path>,
    ) -> Self {
        let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let for_nodes = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = clients.local_addr().unwrap();
        let nodes_address = for_nodes.local_addr().unwrap();
        let mut registrations = Vec::new();
        let mut loaded = Vec::new();
        let shared = (!tapped).then(|| EngineThreads::start().unwrap());
        for department in departments {
            let state = match state {
                None => None,
                Some(folder) => {
                    let folder = folder.join(department.parsed().node.id);
                    // The first time with the secret of the tests.
                    drop(opened(|| StateFolder::open(&folder, Owner::Node(&|| Ok(SECRET)))).await);
                    Some(opened(|| NodeState::open(&folder, ANCHORS_MAX)).await)
                }
            };
            // With threads of its own, what a node works on can be told from what others do.
            let threads = shared.clone().unwrap_or_else(|| EngineThreads::start().unwrap());
            let node = department.load_with(state, &threads).await.unwrap();
            let datasets: Vec<DatasetName> =
                node.datasets().map(|d| d.dataset.name.clone()).collect();
            registrations.push(NodeRegistration {
                id: node.id().to_owned(),
                department: node.department().to_owned(),
                secret: secret(node.id()),
                datasets,
                address: None,
            });
            loaded.push(node);
        }
        let mut settings = Settings {
            analysts: vec![("tester".to_owned(), TOKEN.to_owned())],
            nodes: registrations,
            query_seconds_max: 60,
            memory_bytes: 256 << 20,
            spill: None,
            statements_running_max: 16,
            statements_waiting_max: 32,
            result_cache_bytes: 0,
            guards: Guards::ephemeral(),
        };
        change(&mut settings);
        let running = start(Planner::shared(), settings, clients, for_nodes).await.unwrap();
        let mut tasks = JoinSet::new();
        let mut taps = Vec::new();
        let mut links = Vec::new();
        for node in &loaded {
            let gateway = if tapped {
                let tap = Tap::before(nodes_address).await;
                let address = tap.address();
                taps.push(tap);
                address
            } else {
                nodes_address
            };
            let link = Link::DialOut { gateway: gateway.to_string(), secret: secret(node.id()) };
            let node = Arc::clone(node);
            links.push(tasks.spawn(async move {
                serve(node, link, std::future::pending()).await.unwrap();
            }));
        }
        let nodes = loaded;
        let federation = Self { running, address, nodes_address, taps, nodes, links, tasks };
        federation.wait_for(departments.len()).await;
        federation
    }

    /// Waits until so many departments are connected.
    pub async fn wait_for(&self, departments: usize) {
        for _ in 0..2_000 {
            if self.running.connected().len() == departments {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {departments} departments connected", self.running.connected().len());
    }

    /// The gateway's engine.
    #[must_use]
    pub fn gateway(&self) -> &Arc<insitu_gateway::query::Gateway> {
        self.running.gateway()
    }

    /// Where analysts connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The tap on a department's connection.
    #[must_use]
    pub fn tap(&self, department: usize) -> &Tap {
        &self.taps[department]
    }

    /// A department's node.
    #[must_use]
    pub fn node(&self, department: usize) -> &Arc<Node> {
        &self.nodes[department]
    }

    /// An analyst's client.
    pub async fn analyst(&self) -> Analyst {
        Analyst::connect(self.address, TOKEN).await
    }

    /// An analyst's client that doesn't ask for status columns.
    pub async fn analyst_without_statuses(&self) -> Analyst {
        Analyst::connect_without_statuses(self.address, TOKEN).await
    }

    /// Ends a department's node, as an outage would.
    pub fn end(&self, department: usize) {
        self.links[department].abort();
    }

    /// Starts the node of a department that has ended anew, with what it publishes now; or one more of the same id.
    pub async fn begin(&mut self, department: &Department) -> AbortHandle {
        let node = department.load().await.unwrap();
        let gateway = self.nodes_address.to_string();
        let link = Link::DialOut { gateway, secret: secret(node.id()) };
        self.tasks.spawn(async move {
            serve(node, link, std::future::pending()).await.unwrap();
        })
    }
}

/// Opens a state folder that a federation before may still be letting go of.
async fn opened<T>(open: impl Fn() -> Result<T, StateError>) -> T {
    for _ in 0..1_000 {
        match open() {
            Err(StateError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            other => return other.unwrap(),
        }
    }
    panic!("a state folder is still in use")
}

fn secret(node: &str) -> String {
    format!("secret-of-the-link-of-{node}")
}
