//! The gateway dials: each socket is greeted, then served until its end.

use std::sync::Arc;
use std::time::Duration;

use insitu_proto::greeting::LinkSecret;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::greet::{NotGreeted, greet};
use crate::node::Node;
use crate::server::serve_socket;

/// The most sockets that are greeted at once. Whoever dials beyond waits.
const GREETED_AT_ONCE_MAX: usize = 64;
/// The most connections that are served at once, all of them of whoever knows the secret.
const SERVED_AT_ONCE_MAX: usize = 64;

/// Takes connections in until `stop`, and then waits until what is being answered is.
pub(crate) async fn keep_listening(
    node: Arc<Node>,
    listener: TcpListener,
    secret: LinkSecret,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (stopping, stop) = watch::channel(());
    let greeted = Arc::new(Semaphore::new(GREETED_AT_ONCE_MAX));
    let served = Arc::new(Semaphore::new(SERVED_AT_ONCE_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &greeted) => accepted,
        };
        let Some((socket, place)) = accepted else { continue };
        let (node, secret, served, stop) =
            (Arc::clone(&node), secret.clone(), Arc::clone(&served), stop.clone());
        connections.spawn(async move {
            attend(node, secret, socket, place, served, stop).await;
        });
    }
    drop((listener, stopping));
    while connections.join_next().await.is_some() {}
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next socket, with a place to greet it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, _)) => Some((socket, place)),
        Err(_) => {
            // Out of file descriptors, say: wait for some to be given back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn attend(
    node: Arc<Node>,
    secret: LinkSecret,
    mut socket: TcpStream,
    place: Place,
    served: Arc<Semaphore>,
    mut stop: watch::Receiver<()>,
) {
    let greeting = tokio::select! {
        greeting = greet(&mut socket, node.id(), &secret) => greeting,
        _ = stop.changed() => return,
    };
    drop(place);
    let key = match greeting {
        Ok(key) => key,
        // Whoever only looks whether somebody listens.
        Err(error @ NotGreeted::NoAnswer) => {
            tracing::debug!(node = node.id(), %error, "not connected");
            return;
        }
        Err(error) => {
            tracing::warn!(node = node.id(), %error, "not connected");
            return;
        }
    };
    let Ok(_place) = served.try_acquire() else {
        tracing::warn!(
            node = node.id(),
            "refused a gateway: {SERVED_AT_ONCE_MAX} connections are open"
        );
        return;
    };
    tracing::info!(node = node.id(), "connected");
    match serve_socket(Arc::clone(&node), key, socket, stop).await {
        Ok(()) => tracing::warn!(node = node.id(), "the gateway closed the connection"),
        Err(error) => tracing::warn!(node = node.id(), %error, "disconnected"),
    }
}
