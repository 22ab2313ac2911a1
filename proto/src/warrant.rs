//! What a gateway shows with every call: that it asks just this, on this connection, and once.
//!
//! A [`Warrant`](v1::Warrant) names the call, the query, the SHA-256 of what is asked and a number, which counts the calls
//! of the connection. It travels in the call's metadata behind its HMAC-SHA256 under the connection's key, which only the
//! two ends have ([`crate::greeting`]). Whoever sits between them can read a call, hold it back or drop it, but neither
//! change it nor ask anything of their own, nor have it answered twice. The key belongs to one connection, so that
//! what was shown on another is worth nothing, and no number has to be remembered from run to run.
//!
//! The node checks in this order, and stops at the first that doesn't fit: the HMAC; version and call; the digest; the
//! number, which is spent with that, whatever comes of the call; the query's id. So a forgery spends no number.
//!
//! What is asked is handed out by this check and nothing else: a node's functions take it as [`Warranted`], which has no
//! other constructor.
//!
//! ```compile_fail
//! use insitu_proto::{request::NodeRequest, warrant::Warranted};
//! fn unchecked(request: NodeRequest) -> Warranted<NodeRequest> {
//!     Warranted(request)
//! }
//! ```
//!
//! ```
//! use insitu_proto::request::NodeRequest;
//! use insitu_proto::warrant::{NotHandedOut, Opened, Warranted};
//! fn checked(shown: Opened, ticket: &[u8]) -> Result<Warranted<NodeRequest>, NotHandedOut> {
//!     shown.request(ticket)
//! }
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hmac::Mac as _;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::greeting::LinkKey;
use crate::reference::Header;
use crate::request::{NodeRequest, QueryId};
use crate::v1::WarrantedCall as Call;
use crate::window::{NotNew, Window};
use crate::{Malformed, decode_exactly, v1};

/// The version of Warrants.
pub const VERSION: u32 = 1;
/// The name it has in a call's metadata.
pub const METADATA: &str = "insitu-warrant-bin";
/// The bytes of the HMAC, which come first.
const MAC_BYTES: usize = 32;
/// The longest one, with its HMAC: that of a query, with the largest number, has 99 bytes.
const BYTES_MAX: usize = 160;

/// A call, and what is asked with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// `DoGet` with this ticket, for the query that it names.
    Get {
        /// The query.
        query_id: QueryId,
        /// The ticket's bytes.
        ticket: &'a [u8],
    },
    /// `DoPut` that begins with this command, for the query that it names. The content is held to the digest in it.
    Put {
        /// The query.
        query_id: QueryId,
        /// The command of the first message's descriptor.
        command: &'a [u8],
    },
    /// What the node announces.
    Describe,
    /// Whether it is alive.
    Ping,
}

impl Asked<'_> {
    fn message(&self, sequence: u64) -> v1::Warrant {
        let (call, query_id, asked) = match *self {
            Self::Get { query_id, ticket } => (Call::DoGet, query_id.0.to_vec(), ticket),
            Self::Put { query_id, command } => (Call::DoPut, query_id.0.to_vec(), command),
            Self::Describe => (Call::Describe, Vec::new(), &[][..]),
            Self::Ping => (Call::Ping, Vec::new(), &[][..]),
        };
        let sha256 = Sha256::digest(asked).to_vec();
        v1::Warrant { version: VERSION, sequence, call: call.into(), query_id, sha256 }
    }
}

/// The gateway's end of a connection: signs Warrants.
#[derive(Debug)]
pub struct Issuer {
    key: LinkKey,
    issued: AtomicU64,
}

impl Issuer {
    /// For a connection with this key, on which nothing was asked yet.
    #[must_use]
    pub const fn new(key: LinkKey) -> Self {
        Self { key, issued: AtomicU64::new(0) }
    }

    /// A Warrant with the next number, as it stands in the metadata.
    #[must_use]
    pub fn issue(&self, asked: &Asked<'_>) -> Vec<u8> {
        // Numbers that began anew would be refused, but there is no connection so long.
        let sequence = self.issued.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let warrant = asked.message(sequence).encode_to_vec();
        let mut mac = self.key.mac();
        mac.update(&warrant);
        let mut shown = mac.finalize().into_bytes().to_vec();
        shown.extend(warrant);
        shown
    }
}

/// Why a call isn't answered. For the node's log: whoever called isn't told which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwarranted {
    /// It shows none, or something else.
    #[error("it shows no Warrant")]
    Missing,
    /// Its HMAC is not by this connection's key.
    #[error("its Warrant wasn't made by the other end of this connection")]
    Forged,
    /// Made by the other end, but not of this version.
    #[error("its Warrant is of another version")]
    OtherVersion,
    /// For another call.
    #[error("its Warrant is for another kind of call")]
    OtherCall,
    /// For something else.
    #[error("its Warrant is for something else than is asked")]
    OtherContent,
    /// The number was shown before.
    #[error("its Warrant was used before")]
    Used,
    /// The number is too old to know.
    #[error("its Warrant is older than the newest {} of the connection", crate::window::WINDOW)]
    TooOld,
    /// For another query.
    #[error("its Warrant is for another query than it names")]
    OtherQuery,
}

/// Why what is asked isn't handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHandedOut {
    /// The call has no Warrant that fits.
    #[error(transparent)]
    Unwarranted(#[from] Unwarranted),
    /// It is what the gateway asks, but not a message of this version.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What is asked by the other end of a connection, now and once.
#[derive(Debug)]
pub struct Warranted<T>(T);

impl<T> Warranted<T> {
    /// What is asked.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// What is asked.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// The node's end of a connection: checks Warrants.
#[derive(Debug)]
pub struct Checker {
    key: LinkKey,
    taken: Mutex<Window>,
}

impl Checker {
    /// For a connection with this key, on which nothing was asked yet.
    #[must_use]
    pub fn new(key: LinkKey) -> Arc<Self> {
        Arc::new(Self { key, taken: Mutex::default() })
    }

    /// A Warrant made by the other end, before it is known what it is for: what a call's metadata shows.
    ///
    /// # Errors
    /// Anything that it didn't make, compared in a time that tells nothing; or not in this version.
    pub fn open(self: &Arc<Self>, shown: &[u8]) -> Result<Opened, Unwarranted> {
        if BYTES_MAX < shown.len() {
            return Err(Unwarranted::Missing);
        }
        let (made, warrant) = shown.split_at_checked(MAC_BYTES).ok_or(Unwarranted::Missing)?;
        let mut mac = self.key.mac();
        mac.update(warrant);
        mac.verify_slice(made).map_err(|_| Unwarranted::Forged)?;
        let warrant: v1::Warrant =
            decode_exactly(warrant).map_err(|_| Unwarranted::OtherVersion)?;
        if warrant.version != VERSION {
            return Err(Unwarranted::OtherVersion);
        }
        Ok(Opened { warrant, checker: Arc::clone(self) })
    }

    fn take(&self, sequence: u64) -> Result<(), Unwarranted> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take(sequence).map_err(|not_new| match not_new {
            NotNew::Used => Unwarranted::Used,
            NotNew::TooOld => Unwarranted::TooOld,
        })
    }
}

/// A Warrant made by the other end. Its number isn't spent yet, and nothing can be read with it before that.
#[derive(Debug, Clone)]
pub struct Opened {
    warrant: v1::Warrant,
    checker: Arc<Checker>,
}

impl Opened {
    /// The request in a ticket.
    ///
    /// # Errors
    /// A Warrant that isn't for it, or was used; bytes that aren't a request.
    pub fn request(self, ticket: &[u8]) -> Result<Warranted<NodeRequest>, NotHandedOut> {
        self.spend(Call::DoGet, ticket)?;
        let request = NodeRequest::decode(ticket)?;
        self.is_of(Some(request.query_id))?;
        Ok(Warranted(request))
    }

    /// The header in the command that a content begins with.
    ///
    /// # Errors
    /// A Warrant that isn't for it, or was used; bytes that aren't a header.
    pub fn header(self, command: &[u8]) -> Result<Warranted<Header>, NotHandedOut> {
        self.spend(Call::DoPut, command)?;
        let header = Header::decode(command)?;
        self.is_of(Some(header.query_id))?;
        Ok(Warranted(header))
    }

    /// The question what the node announces.
    ///
    /// # Errors
    /// A Warrant that isn't for it, or was used.
    pub fn describe(self) -> Result<Warranted<v1::DescribeRequest>, Unwarranted> {
        self.spend(Call::Describe, &[])?;
        self.is_of(None)?;
        Ok(Warranted(v1::DescribeRequest {}))
    }

    /// The question whether the node is alive.
    ///
    /// # Errors
    /// A Warrant that isn't for it, or was used.
    pub fn ping(self) -> Result<Warranted<v1::PingRequest>, Unwarranted> {
        self.spend(Call::Ping, &[])?;
        self.is_of(None)?;
        Ok(Warranted(v1::PingRequest {}))
    }

    /// Spends the number, if the Warrant is for this.
    fn spend(&self, call: Call, asked: &[u8]) -> Result<(), Unwarranted> {
        if self.warrant.call != i32::from(call) {
            return Err(Unwarranted::OtherCall);
        }
        if self.warrant.sha256 != Sha256::digest(asked).as_slice() {
            return Err(Unwarranted::OtherContent);
        }
        self.checker.take(self.warrant.sequence)
    }

    fn is_of(&self, query_id: Option<QueryId>) -> Result<(), Unwarranted> {
        let named: &[u8] = query_id.as_ref().map_or(&[], |id| &id.0);
        if self.warrant.query_id == named { Ok(()) } else { Err(Unwarranted::OtherQuery) }
    }
}

#[cfg(test)]
mod tests;
