//! Dials the gateway and serves on that socket. A department's firewall lets nothing in; what the
//! node dials itself goes out.

use std::sync::Arc;
use std::time::Duration;

use insitu_proto::greeting::{LinkKey, LinkSecret};
use rand::Rng as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::greet::{NotGreeted, greet};
use crate::node::Node;
use crate::server::serve_socket;

/// The first wait before redialling; it doubles up to the last.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_LAST: Duration = Duration::from_secs(30);
/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("cannot reach the gateway at {0}: {1}")]
    Unreachable(String, std::io::Error),
    #[error("{1} (at {0})")]
    NotGreeted(String, NotGreeted),
    #[error("the connection ended: {0}")]
    Ended(#[from] tonic::transport::Error),
}

/// Dials, serves until the connection ends, and dials again, for ever.
pub(crate) async fn keep_connected(node: Arc<Node>, gateway: String, secret: LinkSecret) {
    let mut backoff = BACKOFF_FIRST;
    // Never used: a connection ends with the gateway, or with this.
    let (_stopping, stop) = watch::channel(());
    loop {
        match dial(&node, &gateway, &secret).await {
            Ok((socket, key)) => {
                backoff = BACKOFF_FIRST;
                tracing::info!(node = node.id(), gateway, "connected");
                match serve_socket(Arc::clone(&node), key, socket, stop.clone()).await {
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

async fn dial(
    node: &Node,
    gateway: &str,
    secret: &LinkSecret,
) -> Result<(TcpStream, LinkKey), DialError> {
    let unreachable = |error| DialError::Unreachable(gateway.to_owned(), error);
    let mut socket = TcpStream::connect(gateway).await.map_err(unreachable)?;
    let greeted = greet(&mut socket, node.id(), secret).await;
    let key = greeted.map_err(|error| DialError::NotGreeted(gateway.to_owned(), error))?;
    Ok((socket, key))
}
