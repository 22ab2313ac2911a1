//! When a service is asked to end, and the ports it listens on until then.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::failure::Failure;

/// Returns when somebody asks the process to end: Ctrl-C, or a service manager's SIGTERM.
pub(crate) async fn requested() {
    let interrupt = async {
        // Without a handler, Ctrl-C ends the process at once, which is what is asked for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// Listens on an address; `key` says where it was set.
pub(crate) async fn listen(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("another program uses the port: end it, or change {key}")
            }
            std::io::ErrorKind::AddrNotAvailable => {
                format!("this machine doesn't have that address: change {key}")
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("this user may not use the port: take one from 1024 up in {key}")
            }
            _ => format!("{error}"),
        };
        Failure::Service(format!("can't listen on {address}: {why}"))
    })
}

/// The address a listener got, its port chosen by the system if 0 was asked for.
pub(crate) fn address_of(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::Service(format!("can't listen: {error}")))
}

/// Says on standard output that a service is ready, for whoever waits for the line.
pub(crate) fn announce(line: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_explained() {
        let first = listen(SocketAddr::from(([127, 0, 0, 1], 0)), "`listen`").await.unwrap();
        let error = listen(address_of(&first).unwrap(), "`listen`").await.unwrap_err().to_string();
        assert!(
            error.contains("another program uses the port: end it, or change `listen`"),
            "{error}"
        );
    }
}
