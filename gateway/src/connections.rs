//! Connections of clients: whoever says nothing is sent away, as on the port for nodes.
//!
//! A client of HTTP/2 begins with a preface, as soon as it is connected. The server would wait for it without end, and each
//! silent connection holds a file descriptor.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a client may take to begin.
const PREFACE_WITHIN: Duration = Duration::from_secs(5);
/// How many bytes the preface of HTTP/2 has.
const PREFACE_BYTES: usize = 24;

/// Connections as they come, for ever.
pub(crate) fn accepted(listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    futures::stream::unfold(listener, |listener| async {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    // Answers are sent as they are written: otherwise the end of each waits 40 ms for the client's
                    // acknowledgement of its beginning. Without it they are only later.
                    let _ = socket.set_nodelay(true);
                    return Some((Ok(Connection::new(socket, PREFACE_WITHIN)), listener));
                }
                // Out of file descriptors, say: wait for some to be given back.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    })
}

/// A socket that fails where nothing like a preface comes in time.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    /// Until it has begun: the bytes still to come, and how long.
    awaited: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Connection {
    fn new(socket: TcpStream, within: Duration) -> Self {
        let awaited = Some((PREFACE_BYTES, Box::pin(tokio::time::sleep(within))));
        Self { socket, awaited }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.socket.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { socket, awaited } = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(socket).poll_read(context, buffer);
        if let Some((missing, too_late)) = awaited {
            if read.is_pending() {
                ready!(too_late.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let came = buffer.filled().len().saturating_sub(before);
            *missing = missing.saturating_sub(came);
            if *missing == 0 {
                *awaited = None;
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WITHIN: Duration = Duration::from_millis(200);

    /// Both ends.
    async fn connected() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        (client, Connection::new(socket, WITHIN))
    }

    #[tokio::test]
    async fn whoever_says_nothing_or_half_of_it_is_sent_away() {
        for said in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
            let (mut client, mut connection) = connected().await;
            client.write_all(said).await.unwrap();
            let mut preface = [0; PREFACE_BYTES];
            let error = connection.read_exact(&mut preface).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn whoever_began_may_be_silent() {
        let (mut client, mut connection) = connected().await;
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut preface = [0; PREFACE_BYTES];
        connection.read_exact(&mut preface).await.unwrap();
        let more = tokio::spawn(async move { connection.read_u8().await });
        tokio::time::sleep(2 * WITHIN).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(more.await.unwrap().unwrap(), b'x');
    }
}
