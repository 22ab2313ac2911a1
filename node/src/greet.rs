//! The node's side of the greeting: it speaks first, whoever dialled, and proves nothing to a gateway that hasn't.

use std::time::Duration;

use insitu_proto::greeting::{
    ALREADY_CONNECTED, Challenge, Hello, LinkKey, LinkSecret, NotProven, WELCOME,
};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the gateway may take for its proof, and how long to say welcome.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Why a node and a gateway didn't meet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotGreeted {
    /// Nobody answered, or not as a gateway of this version does.
    #[error("the gateway didn't answer the greeting: is it a gateway, and of this node's version?")]
    NoAnswer,
    /// It has another secret.
    #[error(
        "the gateway doesn't know the secret of this link, or not this node: check the secret_file on both sides, and the \
         node's id there"
    )]
    AnotherSecret(#[from] NotProven),
    /// It closed the connection instead of a welcome.
    #[error(
        "the gateway did not let this node in: check the node's id there, and the secret_file on both sides"
    )]
    NotWelcome,
    /// Another node of this id is there.
    #[error(
        "the gateway has a node of this id already, and it answers: is this node started twice, or a copy of it elsewhere? \
         Stop the other one"
    )]
    AlreadyConnected,
    /// The system has no random numbers.
    #[error("the system has no random numbers for a greeting")]
    NoRandom,
}

/// Greets the gateway at the other end of a socket: the key of this connection.
///
/// # Errors
/// A gateway that doesn't know the secret, or doesn't let this node in.
pub(crate) async fn greet(
    socket: &mut TcpStream,
    node: &str,
    secret: &LinkSecret,
) -> Result<LinkKey, NotGreeted> {
    let mut nonce = [0; 32];
    OsRng.try_fill_bytes(&mut nonce).map_err(|_| NotGreeted::NoRandom)?;
    let hello = Hello { node: node.to_owned(), nonce };
    let challenged = timeout(ANSWER_WITHIN, challenge(socket, &hello)).await;
    let challenge =
        challenged.map_err(|_| NotGreeted::NoAnswer)?.map_err(|_| NotGreeted::NoAnswer)?;
    let (proof, key) = hello.answer(secret, &challenge)?;
    match timeout(ANSWER_WITHIN, welcome(socket, &proof)).await {
        Ok(Ok(WELCOME)) => Ok(key),
        Ok(Ok(ALREADY_CONNECTED)) => Err(NotGreeted::AlreadyConnected),
        Ok(Ok(_) | Err(_)) | Err(_) => Err(NotGreeted::NotWelcome),
    }
}

async fn challenge(socket: &mut TcpStream, hello: &Hello) -> std::io::Result<Challenge> {
    socket.set_nodelay(true)?;
    socket.write_all(&hello.encode()).await?;
    let (mut nonce, mut proof) = ([0; 32], [0; 32]);
    socket.read_exact(&mut nonce).await?;
    socket.read_exact(&mut proof).await?;
    Ok(Challenge { nonce, proof })
}

async fn welcome(socket: &mut TcpStream, proof: &[u8]) -> std::io::Result<u8> {
    socket.write_all(proof).await?;
    socket.read_u8().await
}
