//! The gateway's side of the greeting, on a socket that the node dialled or that was dialled to it.
//!
//! A node that isn't registered is answered as one with another secret: with as many bytes, after as much work, under a
//! secret drawn for this greeting that nobody has.

use std::time::Duration;

use insitu_proto::greeting::{
    ALREADY_CONNECTED, HELLO_BYTES_MAX, Hello, LinkKey, LinkSecret, Nonce, NotAHello, WELCOME,
};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::NodeId;
use super::directory::Directory;
use super::grpc::is_taken;

/// How long a node may take to greet and to prove.
const GREETING_WITHIN: Duration = Duration::from_secs(5);

/// Why a gateway and a node didn't meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotGreeted {
    /// The other side said nothing, or no greeting.
    #[error("it didn't greet as a node of this version does: does one listen there?")]
    NotANode,
    /// Another version's greeting.
    #[error("it greets in version {0}: bring the gateway and the node to the same version")]
    OtherVersion(u32),
    /// Another node than the one that was dialled.
    #[error("another node listens there: check the `address`, and the `id` on both sides")]
    AnotherNode,
    /// It has another secret, or isn't registered.
    #[error(
        "it didn't prove that it knows the secret of a node that is registered: check the secret_file on both sides, and \
         the node's id here"
    )]
    NotProven,
    /// Another connection of this id is there.
    #[error("another node of this id is connected")]
    AlreadyConnected,
    /// The system has no random numbers.
    #[error("no random numbers for a greeting")]
    NoRandom,
}

impl From<std::io::Error> for NotGreeted {
    fn from(_: std::io::Error) -> Self {
        Self::NotANode
    }
}

/// Greets the node at the other end of a socket, which must be `expected` where it is known: who it is, and the key of
/// this connection.
///
/// # Errors
/// A node that isn't registered, doesn't know its secret, or is connected already.
pub(super) async fn greet(
    directory: &Directory,
    socket: &mut TcpStream,
    expected: Option<&NodeId>,
) -> Result<(NodeId, LinkKey), NotGreeted> {
    socket.set_nodelay(true)?;
    let proving = tokio::time::timeout(GREETING_WITHIN, proven(directory, socket, expected));
    let (id, key) = proving.await.unwrap_or(Err(NotGreeted::NotANode))?;
    if is_taken(directory, &id).await {
        socket.write_all(&[ALREADY_CONNECTED]).await?;
        return Err(NotGreeted::AlreadyConnected);
    }
    socket.write_all(&[WELCOME]).await?;
    Ok((id, key))
}

async fn proven(
    directory: &Directory,
    socket: &mut TcpStream,
    expected: Option<&NodeId>,
) -> Result<(NodeId, LinkKey), NotGreeted> {
    let hello = hello(socket).await?;
    let id = NodeId(hello.node.clone());
    let is_another = expected.is_some_and(|expected| *expected != id);
    let (nonce, nobodys) = (random()?, LinkSecret::stand_in(random()?));
    let secret = directory.secret_of(&id).filter(|_| !is_another);
    let is_known = secret.is_some();
    let challenged = hello.challenge(&secret.unwrap_or(nobodys), nonce);
    socket.write_all(&challenged.encode()).await?;
    // A node that finds the gateway's proof wrong says nothing more.
    let mut proof = [0; 32];
    let read = socket.read_exact(&mut proof).await;
    if is_another {
        return Err(NotGreeted::AnotherNode);
    }
    match read.map(|_| challenged.prove(&proof)) {
        Ok(Ok(key)) if is_known => Ok((id, key)),
        Ok(Ok(_) | Err(_)) | Err(_) => Err(NotGreeted::NotProven),
    }
}

async fn hello(socket: &mut TcpStream) -> Result<Hello, NotGreeted> {
    let length = usize::try_from(socket.read_u32().await?).unwrap_or(usize::MAX);
    if HELLO_BYTES_MAX < length {
        return Err(NotGreeted::NotANode);
    }
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes).await?;
    Hello::decode(&bytes).map_err(|error| match error {
        NotAHello::OtherVersion(version) => NotGreeted::OtherVersion(version),
        NotAHello::Malformed(_) => NotGreeted::NotANode,
    })
}

fn random() -> Result<Nonce, NotGreeted> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| NotGreeted::NoRandom)?;
    Ok(bytes)
}
