//! A tap on a TCP connection: passes everything on, and remembers it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes seen, by direction, as seen from whoever connects to the tap.
#[derive(Debug, Clone, Default)]
struct Seen {
    sent: Arc<Mutex<Vec<u8>>>,
    received: Arc<Mutex<Vec<u8>>>,
}

/// A listening socket that passes connections on to another.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    seen: Seen,
    _tasks: JoinSet<()>,
}

impl Tap {
    /// A tap in front of `target`.
    pub async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let remembered = seen.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                connections.spawn(pass(near_read, far_write, remembered.sent.clone()));
                connections.spawn(pass(far_read, near_write, remembered.received.clone()));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    /// Where to connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What whoever connected to the tap sent.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        self.seen.sent.lock().unwrap().clone()
    }

    /// What it received.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.seen.received.lock().unwrap().clone()
    }

    /// Forgets everything seen so far.
    pub fn clear(&self) {
        self.seen.sent.lock().unwrap().clear();
        self.seen.received.lock().unwrap().clear();
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    seen: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0 {
            break;
        }
        seen.lock().unwrap().extend_from_slice(&buffer[..n]);
        if to.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
