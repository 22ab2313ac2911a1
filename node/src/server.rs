//! The node's server: Flight and control behind Warrants, on a socket that the node dialled or accepted, and on which it
//! met a gateway that knows the link's secret.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use insitu_proto::greeting::{LinkKey, LinkSecret};
use insitu_proto::v1::control_server::ControlServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::Router;

use crate::control::ControlService;
use crate::error::NodeError;
use crate::flight::NodeFlight;
use crate::node::Node;
use crate::shared::SharedNode;
use crate::warrants::WarrantCheck;
use crate::{listen, uplink};

/// How the node and the gateway meet. The secret belongs to this link alone; both sides prove that they know it.
pub enum Link {
    /// The node dials, and serves on that socket.
    DialOut {
        /// `host:port` of the gateway's port for nodes.
        gateway: String,
        /// The link's secret.
        secret: String,
    },
    /// The gateway dials.
    Listen {
        /// Where the gateway comes in.
        listener: TcpListener,
        /// The link's secret.
        secret: String,
    },
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DialOut { gateway, .. } => write!(f, "DialOut({gateway})"),
            Self::Listen { listener, .. } => write!(f, "Listen({listener:?})"),
        }
    }
}

/// The largest request a node reads: a Tabulation is at most 2 KB.
const DECODE_BYTES_MAX: usize = 64 << 10;
/// The most requests at once on one connection.
const STREAMS_MAX: u32 = 64;
/// A peer that doesn't answer a ping within this time is gone.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `shutdown`. A node that dials out redials for ever, with back-off.
///
/// # Errors
/// A link without a secret.
pub async fn serve(
    node: Arc<Node>,
    link: Link,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), NodeError> {
    match link {
        Link::Listen { listener, secret } => {
            let secret = LinkSecret::new(&secret).ok_or(NodeError::NoSecret)?;
            listen::keep_listening(node, listener, secret, shutdown).await;
        }
        Link::DialOut { gateway, secret } => {
            let secret = LinkSecret::new(&secret).ok_or(NodeError::NoSecret)?;
            tokio::select! {
                () = shutdown => {}
                () = uplink::keep_connected(node, gateway, secret) => {}
            }
        }
    }
    Ok(())
}

/// Serves on one socket until the peer closes it; or until `stop`, and then to the end of what is being answered.
pub(crate) async fn serve_socket(
    node: Arc<Node>,
    key: LinkKey,
    socket: TcpStream,
    mut stop: watch::Receiver<()>,
) -> Result<(), tonic::transport::Error> {
    // The stream stays open after its one socket: a server whose incoming ends would close it.
    let one = tokio_stream::StreamExt::chain(
        tokio_stream::once(Ok::<_, std::io::Error>(Dialled::new(socket))),
        tokio_stream::pending(),
    );
    let (closed, when_closed) = tokio::sync::oneshot::channel::<()>();
    let incoming = futures::StreamExt::map(one, {
        let mut closed = Some(closed);
        move |socket| {
            socket.map(|mut s| {
                s.closed = closed.take();
                s
            })
        }
    });
    let gone = async {
        tokio::select! {
            // The sender is dropped with the socket.
            _ = when_closed => {}
            _ = stop.changed() => {}
        }
    };
    router(node, key).serve_with_incoming_shutdown(incoming, gone).await
}

type Checked<S> = InterceptedService<S, WarrantCheck>;

/// The services of one connection, which has the Warrants of this key.
fn router(node: Arc<Node>, key: LinkKey) -> Router {
    let check = WarrantCheck::new(node.id(), key);
    let node = SharedNode::new(node);
    let flight = FlightServiceServer::new(NodeFlight(node.clone()))
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(insitu_proto::frames::BODY_BYTES_MAX.saturating_mul(2));
    let control =
        ControlServer::new(ControlService(node)).max_decoding_message_size(DECODE_BYTES_MAX);
    let flight: Checked<_> = InterceptedService::new(flight, check.clone());
    let control: Checked<_> = InterceptedService::new(control, check);
    Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(16 << 10)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .tcp_nodelay(true)
        .add_service(flight)
        .add_service(control)
}

/// A socket that tells when it is dropped.
#[derive(Debug)]
struct Dialled {
    socket: TcpStream,
    closed: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Dialled {
    const fn new(socket: TcpStream) -> Self {
        Self { socket, closed: None }
    }
}

impl tonic::transport::server::Connected for Dialled {
    type ConnectInfo = <TcpStream as tonic::transport::server::Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.socket.connect_info()
    }
}

impl tokio::io::AsyncRead for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl tokio::io::AsyncWrite for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
