//! The first bytes on a connection that a node dialled: who it is, and the secret of the link.
//!
//! ```text
//! node                                gateway
//!  | ---- length (4 bytes), Hello ----> |   checks the secret, within 5 seconds
//!  | <------ one byte, 1 = welcome ---- |   2 = a node of this id is connected, and answers
//!  | <======= HTTP/2, gateway asks ===> |
//! ```

use prost::Message as _;

use crate::{Malformed, decode_exactly, v1};

/// The longest greeting, in bytes.
pub const HELLO_BYTES_MAX: usize = 1024;
/// The byte that says welcome.
pub const WELCOME: u8 = 1;
/// The byte that says that another node of this id is connected and answers.
pub const ALREADY_CONNECTED: u8 = 2;

/// The greeting with its length before it, as it is sent.
#[must_use]
pub fn encode(node: &str, secret: &str) -> Vec<u8> {
    let hello = v1::Hello {
        version: crate::version::VERSION,
        node: node.to_owned(),
        secret: secret.to_owned(),
    }
    .encode_to_vec();
    let length = u32::try_from(hello.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(hello);
    bytes
}

/// The greeting, without its length.
///
/// # Errors
/// Bytes that aren't a greeting of a version this build knows.
pub fn decode(bytes: &[u8]) -> Result<v1::Hello, Malformed> {
    let hello: v1::Hello = decode_exactly(bytes)?;
    if crate::version::is_understood(hello.version, 0) {
        Ok(hello)
    } else {
        Err(Malformed::Unknown)
    }
}
