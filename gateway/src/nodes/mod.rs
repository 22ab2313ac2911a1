//! The departments' nodes: the only door to each is a [`NodeChannel`].
//!
//! 1. [`NodeChannel`]: what a node can be asked.
//! 2. `directory`: who is registered, who is connected, what each announced.
//! 3. `accept`: nodes dial in. 4. `greet`: both sides prove who they are. 5. `grpc`: the channel over a connection.
//! 6. `refused`: a node's refusals, in the gateway's words.

mod accept;
mod directory;
mod greet;
mod grpc;
mod refused;

pub(crate) use accept::accept_nodes;
pub use directory::{Directory, NodeRegistration};
pub(crate) use grpc::dial_nodes;
pub(crate) use refused::in_our_words;

use std::fmt;
use std::time::Duration;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use insitu_disclosure::RefusalCode;
use insitu_disclosure::reference::{Edition, ReferenceContent};
use insitu_proto::frames::Answer;
use insitu_proto::request::QueryId;
use insitu_proto::v1;

/// A node's id: `[a-z][a-z0-9-]*`. Nodes are asked and folded in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub String);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a node gave no answer.
#[derive(Debug)]
pub enum NodeFailure {
    /// The connection isn't there, or ended.
    Unreachable,
    /// Out of time.
    OutOfTime,
    /// What came isn't an answer to the question.
    Invalid(&'static str),
    /// The node refused, for these reasons. Its words aren't kept.
    Refused(Vec<RefusalCode>),
    /// The node needs these contents first.
    Missing(Vec<Edition>),
}

/// The only door to a department.
#[async_trait]
pub trait NodeChannel: fmt::Debug + Send + Sync {
    /// What the node announces.
    async fn describe(&self) -> Result<v1::NodeCatalog, NodeFailure>;

    /// Whether the node answers a ping soon: within the time in which a dead one is noticed.
    async fn is_alive(&self) -> bool;

    /// One round trip: the request, here its bytes, goes out, a complete answer comes back, or nothing is used.
    /// Dropping the future cancels the work at the node.
    async fn ask(
        &self,
        request: (QueryId, Bytes),
        kind: v1::AnswerKind,
        schema: &SchemaRef,
        time_max: Duration,
    ) -> Result<Answer, NodeFailure>;

    /// Sends a reference's content, which is open data, for the node to look up in.
    async fn lend(
        &self,
        query_id: QueryId,
        content: &ReferenceContent,
        time_max: Duration,
    ) -> Result<(), NodeFailure>;
}
