//! Dials the gateway and serves on that socket. A department's firewall lets nothing in; what the
//! node dials itself goes out.

use std::sync::Arc;
use std::time::Duration;

use insitu_proto::hello::{ALREADY_CONNECTED, WELCOME};
use rand::Rng as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::Node;
use crate::server::serve_socket;

/// The first wait before redialling; it doubles up to the last.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_LAST: Duration = Duration::from_secs(30);
/// How long the gateway may take to say welcome.
const WELCOME_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("cannot reach the gateway at {0}: {1}")]
    Unreachable(String, std::io::Error),
    #[error("the gateway at {0} did not let this node in: check the node's id and secret there")]
    NotWelcome(String),
    #[error(
        "the gateway at {0} has a node of this id already, and it answers: is this node started twice, or a copy of it \
         elsewhere? Stop the other one"
    )]
    AlreadyConnected(String),
    #[error("the connection ended: {0}")]
    Ended(#[from] tonic::transport::Error),
}

/// Dials, serves until the connection ends, and dials again, for ever.
pub(crate) async fn keep_connected(node: Arc<Node>, gateway: String, secret: String) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        match dial(&node, &gateway, &secret).await {
            Ok(socket) => {
                backoff = BACKOFF_FIRST;
                tracing::info!(node = node.id(), gateway, "connected");
                match serve_socket(Arc::clone(&node), &secret, socket).await {
                    Ok(()) => tracing::warn!(node = node.id(), "the gateway closed the connection"),
                    Err(error) => {
                        tracing::warn!(node = node.id(), error = %DialError::Ended(error), "disconnected");
                    }
                }
            }
            Err(error) => tracing::warn!(node = node.id(), %error, "not connected"),
        }
        // Jitter, so that a gateway that comes back isn't met by all departments at once.
        let jitter = rand::rng().random_range(0.5..1.5);
        tokio::time::sleep(backoff.mul_f64(jitter)).await;
        backoff = backoff.saturating_mul(2).min(BACKOFF_LAST);
    }
}

async fn dial(node: &Node, gateway: &str, secret: &str) -> Result<TcpStream, DialError> {
    let unreachable = |error| DialError::Unreachable(gateway.to_owned(), error);
    let mut socket = TcpStream::connect(gateway).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    socket.write_all(&insitu_proto::hello::encode(node.id(), secret)).await.map_err(unreachable)?;
    let mut answer = [0_u8; 1];
    let read = tokio::time::timeout(WELCOME_WITHIN, socket.read_exact(&mut answer)).await;
    match read {
        Ok(Ok(_)) if answer == [WELCOME] => Ok(socket),
        Ok(Ok(_)) if answer == [ALREADY_CONNECTED] => {
            Err(DialError::AlreadyConnected(gateway.to_owned()))
        }
        Ok(Ok(_) | Err(_)) | Err(_) => Err(DialError::NotWelcome(gateway.to_owned())),
    }
}
