//! Both ends of a link, for tests that have only the other one: a gateway's, which asks whatever it likes, and a node's.

use std::net::SocketAddr;

use futures::Stream;
use hyper_util::rt::TokioIo;
use insitu_proto::greeting::{Challenge, HELLO_BYTES_MAX, Hello, LinkKey, LinkSecret, WELCOME};
use insitu_proto::warrant::{Asked, Issuer, METADATA};
use rand::random;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

/// A gateway's end.
#[derive(Debug)]
pub struct GatewayEnd {
    /// To the node.
    pub channel: Channel,
    /// Signs what is asked.
    pub warrants: Issuer,
}

impl GatewayEnd {
    /// Dials a node that listens, and greets it.
    pub async fn dial(node: SocketAddr, secret: &str) -> Self {
        let socket = TcpStream::connect(node).await.unwrap();
        Self::over(socket, secret).await.expect("a node with this secret listens there")
    }

    /// Greets a node, whoever dialled; `None` if it doesn't prove that it knows the secret.
    pub async fn over(mut socket: TcpStream, secret: &str) -> Option<Self> {
        let key = greet_as_gateway(&mut socket, secret).await?;
        let mut socket = Some(TokioIo::new(socket));
        let connector = tower::service_fn(move |_| {
            let socket = socket.take();
            async move { socket.ok_or_else(|| std::io::Error::other("one connection only")) }
        });
        let endpoint = Endpoint::from_static("http://node");
        let channel = endpoint.connect_with_connector(connector).await.ok()?;
        Some(Self { channel, warrants: Issuer::new(key) })
    }

    /// A call with a Warrant for what it asks.
    pub fn call<T>(&self, message: T, asked: &Asked<'_>) -> Request<T> {
        showing(message, &self.warrants.issue(asked))
    }
}

/// A call that shows this for a Warrant.
pub fn showing<T>(message: T, warrant: &[u8]) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert_bin(METADATA, MetadataValue::from_bytes(warrant));
    request
}

/// A gateway's end of a socket: its key, if the node proves that it knows the secret.
async fn greet_as_gateway(socket: &mut TcpStream, secret: &str) -> Option<LinkKey> {
    let length = usize::try_from(socket.read_u32().await.ok()?).ok()?;
    let mut hello = vec![0; length.min(HELLO_BYTES_MAX)];
    socket.read_exact(&mut hello).await.ok()?;
    let challenged = Hello::decode(&hello).ok()?.challenge(&LinkSecret::new(secret)?, random());
    socket.write_all(&challenged.encode()).await.ok()?;
    let mut proof = [0; 32];
    socket.read_exact(&mut proof).await.ok()?;
    let key = challenged.prove(&proof).ok()?;
    socket.write_all(&[WELCOME]).await.ok()?;
    Some(key)
}

/// A node's end of a socket: its key, if the gateway knows the secret and says welcome.
pub async fn greet_as_node(socket: &mut TcpStream, node: &str, secret: &str) -> Option<LinkKey> {
    let hello = Hello { node: node.to_owned(), nonce: random() };
    socket.write_all(&hello.encode()).await.ok()?;
    let (mut nonce, mut proof) = ([0; 32], [0; 32]);
    socket.read_exact(&mut nonce).await.ok()?;
    socket.read_exact(&mut proof).await.ok()?;
    let secret = LinkSecret::new(secret)?;
    let (proof, key) = hello.answer(&secret, &Challenge { nonce, proof }).ok()?;
    socket.write_all(&proof).await.ok()?;
    (socket.read_u8().await.ok()? == WELCOME).then_some(key)
}

/// Sockets of a listener, greeted as this node.
pub fn greeted(
    listener: TcpListener,
    node: &'static str,
    secret: &'static str,
) -> impl Stream<Item = std::io::Result<TcpStream>> + Send + Unpin {
    let next = move |listener: TcpListener| async move {
        loop {
            let (mut socket, _) = listener.accept().await.ok()?;
            if greet_as_node(&mut socket, node, secret).await.is_some() {
                return Some((Ok(socket), listener));
            }
        }
    };
    Box::pin(futures::stream::unfold(listener, next))
}
