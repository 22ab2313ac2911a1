//! insitu's wire: what travels between a gateway and a node.
//!
//! 1. [`v1`]: messages, generated at build time from `protos/`.
//! 2. [`scalar`], [`reference`], [`tabulation`], [`catalog`], [`profile`], [`request`]: a conversion file per message. Decoding validates, never
//!    defaults; what isn't known is rejected.
//! 3. [`frames`]: Arrow batches as Flight messages, and back under guard, closed by a Receipt.
//! 4. [`version`]: what two peers do when they differ.
//! 5. [`greeting`], [`warrant`], `window`: who is at the other end, and that each call is the gateway's and comes once.

pub mod catalog;
pub mod frames;
pub mod greeting;
mod moment;
pub mod profile;
pub mod reference;
pub mod refusal;
pub mod request;
pub mod scalar;
pub mod tabulation;
pub mod version;
pub mod warrant;
mod window;

/// Messages as generated from the `.proto` files; see those for their documentation.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("insitu.v1");
}

/// Why a message was rejected. It never quotes the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes aren't a message of this kind.
    #[error("not a message of this kind")]
    NotAMessage,
    /// The message holds something this version doesn't know.
    #[error("holds something this version doesn't know")]
    Unknown,
    /// A part that must be there isn't, or isn't possible.
    #[error("`{0}` is missing or not possible")]
    Field(&'static str),
    /// The message is longer than allowed.
    #[error("longer than {0} bytes")]
    TooLong(usize),
}

/// Decodes strictly: the message must be exactly what this version would have written.
pub(crate) fn decode_exactly<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    let message = M::decode(bytes).map_err(|_| Malformed::NotAMessage)?;
    // prost drops unknown fields: only bytes that come out again as they went in were all understood.
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(Malformed::Unknown) }
}
