//! Nodes dial in: a greeting with the link's secret, then the roles are reversed on that socket.

use std::sync::Arc;
use std::time::Duration;

use insitu_proto::hello::{self, ALREADY_CONNECTED, HELLO_BYTES_MAX, WELCOME};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::NodeId;
use super::directory::Directory;
use super::grpc::{GrpcNode, attend, is_taken};

/// How long a node may take to greet.
const GREETING_WITHIN: Duration = Duration::from_secs(5);
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
                    if let Some((id, node)) = greet(&directory, socket).await {
                        attend(&directory, &id, node).await;
                    }
                });
            }
            // Out of file descriptors, say: wait for some to be given back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn greet(directory: &Directory, mut socket: TcpStream) -> Option<(NodeId, GrpcNode)> {
    let greeting =
        tokio::time::timeout(GREETING_WITHIN, read_greeting(&mut socket)).await.ok()??;
    if !directory.may_connect(&greeting.node, &greeting.secret) {
        tracing::warn!("a connection showed an unknown id or a wrong secret");
        return None;
    }
    let id = NodeId(greeting.node);
    if is_taken(directory, &id).await {
        socket.write_all(&[ALREADY_CONNECTED]).await.ok()?;
        return None;
    }
    socket.set_nodelay(true).ok()?;
    socket.write_all(&[WELCOME]).await.ok()?;
    let node = GrpcNode::over(socket, &greeting.secret).await?;
    Some((id, node))
}

async fn read_greeting(socket: &mut TcpStream) -> Option<insitu_proto::v1::Hello> {
    let length = usize::try_from(socket.read_u32().await.ok()?).ok()?;
    if length > HELLO_BYTES_MAX {
        return None;
    }
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes).await.ok()?;
    hello::decode(&bytes).ok()
}
