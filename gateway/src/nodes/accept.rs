//! Nodes dial in: a greeting, then the roles are reversed on that socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::NodeId;
use super::directory::Directory;
use super::greet::{NotGreeted, greet};
use super::grpc::{GrpcNode, attend};

/// The most connections at once, greeted or not.
const CONNECTIONS_MAX: usize = 1_024;

/// Accepts nodes for ever.
pub(crate) async fn accept_nodes(directory: Arc<Directory>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match socket {
            Ok((socket, _)) => {
                let directory = Arc::clone(&directory);
                connections.spawn(async move {
                    let _place = place;
                    if let Some((id, node)) = meet(&directory, socket).await {
                        attend(&directory, &id, node).await;
                    }
                });
            }
            // Out of file descriptors, say: wait for some to be given back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn meet(directory: &Directory, mut socket: TcpStream) -> Option<(NodeId, GrpcNode)> {
    match greet(directory, &mut socket, None).await {
        Ok((id, key)) => GrpcNode::over(socket, key).await.map(|node| (id, node)),
        // Whoever only looks whether somebody listens.
        Err(error @ NotGreeted::NotANode) => {
            tracing::debug!(%error, "a connection isn't a node's");
            None
        }
        // Told where the other one was asked.
        Err(NotGreeted::AlreadyConnected) => None,
        Err(
            error @ (NotGreeted::OtherVersion(_)
            | NotGreeted::AnotherNode
            | NotGreeted::NotProven
            | NotGreeted::NoRandom),
        ) => {
            tracing::warn!(%error, "refused a connection");
            None
        }
    }
}
