//! The gateway as a process: one port for analysts, one for nodes.

use std::sync::Arc;
use std::time::Duration;

use insitu_disclosure::Dataset;
use insitu_engine::{Sessions, SpillFolder};
use insitu_guard::Guards;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;

use crate::analyst::Analysts;
use crate::connections::accepted;
use crate::flight;
pub use crate::nodes::NodeRegistration;
use crate::nodes::{Directory, accept_nodes, dial_nodes};
use crate::query::Gateway;

/// What a gateway needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Analysts: name and token.
    pub analysts: Vec<(String, String)>,
    /// Nodes that may connect.
    pub nodes: Vec<NodeRegistration>,
    /// The longest a query may take.
    pub query_seconds_max: u64,
    /// Memory for all upper plans together.
    pub memory_bytes: usize,
    /// Where upper plans put by rows that don't fit.
    pub spill: Option<Arc<SpillFolder>>,
    /// Statements that run at once.
    pub statements_running_max: usize,
    /// Statements that wait for one of them to end.
    pub statements_waiting_max: usize,
    /// Bytes for tables that an analyst may ask for again; 0 keeps none.
    pub result_cache_bytes: usize,
    /// What was released of datasets that several departments hold.
    pub guards: Guards,
}

/// Why a gateway can't start or go on serving.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The engine couldn't be set up.
    #[error("the query engine could not be set up: {0}")]
    Engine(String),
    /// A port couldn't be used.
    #[error("cannot use the port: {0}")]
    Port(#[from] std::io::Error),
    /// The server stopped.
    #[error("the server stopped: {0}")]
    Server(#[from] tonic::transport::Error),
}

/// A gateway that runs.
#[derive(Debug)]
pub struct Running {
    gateway: Arc<Gateway>,
    tasks: JoinSet<Result<(), GatewayError>>,
    stop: tokio::sync::watch::Sender<bool>,
}

/// The most requests at once on one client's connection.
const STREAMS_MAX: u32 = 64;

/// Starts a gateway on two ports that are already bound. Its plans are run in sessions of these.
///
/// # Errors
/// An engine that can't be set up.
pub async fn start(
    sessions: Arc<dyn Sessions>,
    settings: Settings,
    clients: TcpListener,
    nodes: TcpListener,
) -> Result<Running, GatewayError> {
    let directory = Arc::new(Directory::new(settings.nodes));
    let gateway = Gateway::new(
        sessions,
        Arc::clone(&directory),
        settings.memory_bytes,
        settings.spill.as_ref(),
        settings.guards,
    )?;
    let gateway = Arc::new(gateway.keeping_results(settings.result_cache_bytes));
    let analysts = Arc::new(Analysts::new(settings.analysts));
    let limits = flight::Limits {
        deadline_max: Duration::from_secs(settings.query_seconds_max),
        statements_running_max: settings.statements_running_max,
        statements_waiting_max: settings.statements_waiting_max,
    };
    let service = flight::service(Arc::clone(&gateway), analysts, limits);
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let shutdown = async move {
            // An error means that the handle is gone: stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        Server::builder()
            .max_concurrent_streams(STREAMS_MAX)
            .http2_max_header_list_size(16 << 10)
            .http2_keepalive_interval(Some(Duration::from_secs(10)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .add_service(service)
            .serve_with_incoming_shutdown(accepted(clients), shutdown)
            .await
            .map_err(GatewayError::from)
    });
    let accepting = Arc::clone(&directory);
    tasks.spawn(async move {
        accept_nodes(accepting, nodes).await;
        Ok(())
    });
    tasks.spawn(async move {
        dial_nodes(directory).await;
        // Without nodes to dial there is nothing to do, which isn't an end.
        std::future::pending::<()>().await;
        Ok(())
    });
    Ok(Running { gateway, tasks, stop })
}

impl Running {
    /// The query engine.
    #[must_use]
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Departments that are connected, in node order, with what they announced.
    #[must_use]
    pub fn connected(&self) -> Vec<(String, Vec<Arc<Dataset>>)> {
        self.gateway.directory().connected_departments()
    }

    /// Resolves when the gateway no longer serves, with the reason.
    ///
    /// # Errors
    /// The server's.
    pub async fn ended(&mut self) -> Result<(), GatewayError> {
        match self.tasks.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Stops: running statements get a moment to end.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.join_next()).await;
        self.tasks.shutdown().await;
    }
}
