//! A channel over a connection: the gateway is the client, whoever dialled.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use insitu_disclosure::Refusal;
use insitu_disclosure::reference::ReferenceContent;
use insitu_proto::frames::{self, Answer, BODY_BYTES_MAX, FrameError};
use insitu_proto::greeting::LinkKey;
use insitu_proto::refusal::Unanswered;
use insitu_proto::request::QueryId;
use insitu_proto::v1;
use insitu_proto::v1::control_client::ControlClient;
use insitu_proto::warrant::{Asked, Issuer, METADATA};
use tokio::net::TcpStream;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::directory::{Directory, NotTaken};
use super::greet::{NotGreeted, greet};
use super::{NodeChannel, NodeFailure, NodeId};

/// How long a node may take to say what it announces, or that it is alive.
const CONTROL_WITHIN: Duration = Duration::from_secs(5);
/// Pings on an idle connection, and how long an answer may take: together they bound how long a
/// dead node goes unnoticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest announcement: with a few tables of perturbations, which have up to two million entries.
const CATALOG_BYTES_MAX: usize = 64 << 20;

/// A node at the other end of a connection.
#[derive(Debug)]
pub(super) struct GrpcNode {
    channel: Channel,
    warrants: Issuer,
}

fn endpoint(uri: &str) -> Option<Endpoint> {
    Some(
        Endpoint::from_shared(uri.to_owned())
            .ok()?
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(Some(4 << 20))
            .initial_connection_window_size(Some(16 << 20))
            .tcp_nodelay(true),
    )
}

impl GrpcNode {
    /// Over a socket on which the node was met, whose connection has this key. The socket serves one connection; when
    /// it ends, so does the channel.
    pub(super) async fn over(socket: TcpStream, key: LinkKey) -> Option<Self> {
        let mut socket = Some(socket);
        let connector = tower::service_fn(move |_| {
            let socket = socket.take();
            async move {
                socket.map(TokioIo::new).ok_or_else(|| {
                    std::io::Error::new(
                        std::io::ErrorKind::NotConnected,
                        "the node has to dial again",
                    )
                })
            }
        });
        let channel = endpoint("http://node")?.connect_with_connector(connector).await.ok()?;
        Some(Self { channel, warrants: Issuer::new(key) })
    }

    /// To a node that listens at this address.
    async fn to(directory: &Directory, id: &NodeId, address: &str) -> Result<Self, NotMet> {
        let connecting = tokio::time::timeout(CONTROL_WITHIN, TcpStream::connect(address));
        let connected = connecting.await.map_err(|_| NotMet::Unreachable)?;
        let mut socket = connected.map_err(|_| NotMet::Unreachable)?;
        let (_, key) = greet(directory, &mut socket, Some(id)).await.map_err(NotMet::NotGreeted)?;
        Self::over(socket, key).await.ok_or(NotMet::Unreachable)
    }

    /// A call, with a Warrant for what it asks.
    fn request<T>(&self, message: T, asked: &Asked<'_>) -> Request<T> {
        let mut request = Request::new(message);
        let mut warrant = MetadataValue::from_bytes(&self.warrants.issue(asked));
        // Each is another: none is kept for headers of later calls.
        warrant.set_sensitive(true);
        request.metadata_mut().insert_bin(METADATA, warrant);
        request
    }

    /// Resolves when the node no longer answers.
    pub(super) async fn gone(&self) {
        loop {
            tokio::time::sleep(KEEPALIVE_INTERVAL).await;
            if !self.answers_within(CONTROL_WITHIN).await {
                return;
            }
        }
    }

    async fn answers_within(&self, time_max: Duration) -> bool {
        let mut control = ControlClient::new(self.channel.clone());
        let ping = control.ping(self.request(v1::PingRequest {}, &Asked::Ping));
        matches!(tokio::time::timeout(time_max, ping).await, Ok(Ok(_)))
    }
}

#[async_trait]
impl NodeChannel for GrpcNode {
    async fn describe(&self) -> Result<v1::NodeCatalog, NodeFailure> {
        let mut control =
            ControlClient::new(self.channel.clone()).max_decoding_message_size(CATALOG_BYTES_MAX);
        let described = control.describe(self.request(v1::DescribeRequest {}, &Asked::Describe));
        match tokio::time::timeout(CONTROL_WITHIN, described).await {
            Ok(Ok(catalog)) => Ok(catalog.into_inner()),
            Ok(Err(status)) => Err(failure(&status)),
            Err(_) => Err(NodeFailure::OutOfTime),
        }
    }

    async fn is_alive(&self) -> bool {
        self.answers_within(KEEPALIVE_TIMEOUT).await
    }

    async fn ask(
        &self,
        (query_id, ticket): (QueryId, Bytes),
        kind: v1::AnswerKind,
        schema: &SchemaRef,
        time_max: Duration,
    ) -> Result<Answer, NodeFailure> {
        let asked = Asked::Get { query_id, ticket: &ticket };
        let call = self.request(Ticket { ticket: ticket.clone() }, &asked);
        let exchange = async {
            let mut flight = FlightServiceClient::new(self.channel.clone())
                .max_decoding_message_size(BODY_BYTES_MAX.saturating_mul(2));
            let stream = flight.do_get(call).await.map_err(|status| failure(&status))?.into_inner();
            frames::decode(stream, query_id, kind, schema).await.map_err(|error| match error {
                FrameError::Status(status) => failure(&status),
                FrameError::Incomplete => NodeFailure::Unreachable,
                FrameError::Malformed(what) => NodeFailure::Invalid(what),
                FrameError::TooLarge => NodeFailure::Invalid("too large"),
            })
        };
        tokio::time::timeout(time_max, exchange).await.unwrap_or(Err(NodeFailure::OutOfTime))
    }

    async fn lend(
        &self,
        query_id: QueryId,
        content: &ReferenceContent,
        time_max: Duration,
    ) -> Result<(), NodeFailure> {
        let messages = frames::encode_reference(query_id, content)
            .map_err(|_| NodeFailure::Invalid("reference"))?;
        let first = messages.first().and_then(|message| message.flight_descriptor.as_ref());
        let command = first.map(|descriptor| descriptor.cmd.clone()).unwrap_or_default();
        let asked = Asked::Put { query_id, command: &command };
        let call = self.request(futures::stream::iter(messages), &asked);
        let sending = async {
            let mut flight = FlightServiceClient::new(self.channel.clone());
            let mut results =
                flight.do_put(call).await.map_err(|status| failure(&status))?.into_inner();
            // A node has nothing to say of a content it took.
            match results.message().await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err(NodeFailure::Invalid("an answer to a reference")),
                Err(status) => Err(failure(&status)),
            }
        };
        tokio::time::timeout(time_max, sending).await.unwrap_or(Err(NodeFailure::OutOfTime))
    }
}

/// A status from a node: reasons it meant, or a failure. No text of it is passed on.
fn failure(status: &Status) -> NodeFailure {
    if !status.details().is_empty() {
        return match insitu_proto::refusal::decode(status.details()) {
            Ok(Unanswered::Refused(refusals)) => {
                NodeFailure::Refused(refusals.iter().map(Refusal::code).collect())
            }
            Ok(Unanswered::Missing(editions)) => NodeFailure::Missing(editions),
            Err(_) => NodeFailure::Invalid("refusal"),
        };
    }
    match status.code() {
        Code::DeadlineExceeded => NodeFailure::OutOfTime,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => NodeFailure::Unreachable,
    }
}

/// Takes a connected node into the directory, until it is gone or given up. Then its channel ends, so that the node
/// sees it and dials again.
pub(super) async fn attend(directory: &Directory, id: &NodeId, node: GrpcNode) {
    let node = Arc::new(node);
    match node.describe().await {
        Ok(catalog) => {
            let channel: Arc<dyn NodeChannel> = Arc::clone(&node) as Arc<dyn NodeChannel>;
            match directory.connected(id, channel, &catalog) {
                Ok(connection) => {
                    tracing::info!(node = %id, "connected");
                    tokio::select! {
                        () = node.gone() => {}
                        // The sender is never used: it is dropped.
                        _ = connection.given_up => {}
                    }
                    directory.disconnected(id, connection.number);
                    tracing::warn!(node = %id, "disconnected");
                }
                Err(NotTaken::Invalid) => {
                    tracing::warn!(node = %id, "announced something that isn't valid here");
                }
                Err(NotTaken::AlreadyConnected) => already_connected(id),
            }
        }
        Err(_) => tracing::warn!(node = %id, "didn't say what it holds"),
    }
}

/// Whether a node of this id is connected and alive. A dead connection of it is given up, so that the node gets in
/// again as soon as it dials.
pub(super) async fn is_taken(directory: &Directory, id: &NodeId) -> bool {
    let Some((connection, channel)) = directory.present(id) else { return false };
    if channel.is_alive().await {
        already_connected(id);
        return true;
    }
    directory.disconnected(id, connection);
    false
}

fn already_connected(id: &NodeId) {
    tracing::warn!(
        node = %id,
        "refused a second node of this id: the first is connected and answers; was it started twice, or copied?"
    );
}

/// Why there is no connection to a node that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotMet {
    #[error("nobody listens there")]
    Unreachable,
    #[error(transparent)]
    NotGreeted(NotGreeted),
}

/// Keeps dialling the nodes that listen, for ever.
pub(crate) async fn dial_nodes(directory: Arc<Directory>) {
    let mut tasks = tokio::task::JoinSet::new();
    for registration in directory.registrations() {
        let Some(address) = registration.address.clone() else { continue };
        let directory = Arc::clone(&directory);
        tasks.spawn(async move {
            let id = NodeId(registration.id.clone());
            // Told once, not each second.
            let mut told = None;
            loop {
                match GrpcNode::to(&directory, &id, &address).await {
                    Ok(node) => {
                        told = None;
                        attend(&directory, &id, node).await;
                    }
                    Err(error) => {
                        if told.replace(error) != Some(error) {
                            tracing::warn!(node = %id, address, %error, "not connected to a node that listens");
                        }
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::RefusalCode;

    use super::*;

    /// A refusal as a node would send it, with a word in every text that mustn't go on.
    fn refused(code: &str) -> Status {
        let text = "CANARY".to_owned();
        let detail =
            v1::RefusalDetail { code: code.to_owned(), message: text.clone(), fix: text.clone() };
        let details = prost::Message::encode_to_vec(&v1::RefusalDetails {
            refusals: vec![detail],
            missing: Vec::new(),
        });
        Status::with_details(Code::InvalidArgument, text, details.into())
    }

    #[test]
    fn of_a_nodes_refusal_the_code_remains() {
        let failure = failure(&refused("D203"));
        assert!(matches!(&failure, NodeFailure::Refused(codes) if *codes == [RefusalCode::D203]));
        assert!(!format!("{failure:?}").contains("CANARY"));
    }

    #[test]
    fn an_unknown_code_and_bytes_that_are_no_refusal_are_invalid() {
        let bytes = Status::with_details(Code::Internal, "CANARY", vec![0xFF; 9].into());
        for status in [refused("D999"), refused("CANARY"), bytes] {
            assert!(matches!(failure(&status), NodeFailure::Invalid("refusal")));
        }
        assert!(matches!(failure(&Status::internal("CANARY")), NodeFailure::Unreachable));
    }
}
