//! Where a node may speak without TLS: all questions and answers travel on it. As at the
//! gateway, an address must be one that only this machine reaches, unless it is written down that a
//! proxy speaks TLS from there.

use std::net::{IpAddr, SocketAddr};

use toml::Spanned;

use super::document::At;
use super::problems::Problems;

/// What protects the link on its way, of which the node itself knows plain HTTP/2 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// It doesn't leave the machine.
    Loopback,
    /// A proxy speaks TLS in the node's place.
    BehindTlsProxy,
}

/// The stricter one unless it is written otherwise.
pub(super) fn transport(word: &At<String>, problems: &mut Problems<'_>) -> Option<Transport> {
    let choices =
        [("loopback", Transport::Loopback), ("behind-tls-proxy", Transport::BehindTlsProxy)];
    match word {
        None => Some(Transport::Loopback),
        Some(word) => problems.choice(word, "transport", &choices),
    }
}

/// Reports an address to listen on that others reach in plain text.
pub(super) fn listened(
    at: &Spanned<String>,
    address: SocketAddr,
    transport: Transport,
    problems: &mut Problems<'_>,
) {
    if transport == Transport::Loopback && !address.ip().is_loopback() {
        problems.report(
            &at.span(),
            format!(
                "`{address}` can be reached from other machines, and the node speaks without TLS"
            ),
            "listen on 127.0.0.1; or end TLS in front of the node and say so: \
             `transport = \"behind-tls-proxy\"`",
        );
    }
}

/// Reports an address to dial that is reached in plain text over a network.
pub(super) fn dialled(
    at: &Spanned<String>,
    address: &str,
    transport: Transport,
    problems: &mut Problems<'_>,
) {
    if transport == Transport::Loopback && !is_loopback(address) {
        problems.report(
            &at.span(),
            format!("`{address}` is reached over a network, and the node speaks without TLS"),
            "dial a tunnel or proxy on 127.0.0.1; or if a proxy there speaks TLS to the gateway, say so: \
             `transport = \"behind-tls-proxy\"`",
        );
    }
}

/// Whether `host:port` is on this machine. Names aren't looked up: what a name means can change.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_on_this_machine_is_loopback() {
        for address in ["127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "localhost:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in [
            "10.0.0.5:1",
            "0.0.0.0:1",
            "[::]:1",
            "localhost.example:1",
            "127.0.0.1.example:1",
            "gateway:1",
        ] {
            assert!(!is_loopback(address), "{address}");
        }
    }
}
