//! A Flight SQL client for one analyst: a statement in, an [`Answer`] out.
//!
//! ```text
//! insitu query                      gateway
//!  | -- GetFlightInfo(statement) ->  |   planned, admitted or refused
//!  | <------ endpoints, schema ----- |
//!  | ---- DoGet(ticket), each -----> |   asked of the departments, protected
//!  | <---------- batches ----------- |
//! ```

use std::time::Duration;

use arrow_flight::Action;
use arrow_flight::decode::DecodedPayload;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt as _;
use insitu_disclosure::Refusals;
use insitu_gateway::query::QueryId;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::answer::Answer;
use crate::connection::{Connection, Token};
use crate::failure::Failure;

/// How long a gateway may take to accept a connection.
const CONNECT_SECONDS_MAX: u64 = 10;
/// The longest message that is taken: gateways send batches of about 1 MiB.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The action that explains a statement without running it.
const EXPLAIN_ACTION: &str = "insitu.explain";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The gateway refused the question.
    #[error("{refusals}")]
    Refused {
        /// Why.
        refusals: Refusals,
        /// The query's id, if it ran.
        query: Option<QueryId>,
    },
    /// The address of the gateway can't be one.
    #[error("`{url}` isn't a gateway's address: write it as in `grpc://127.0.0.1:50051`")]
    Address {
        /// As it was given.
        url: String,
    },
    /// The address asks for TLS.
    #[error(
        "`{url}` asks for TLS, which this command doesn't speak yet: use an ADBC, JDBC or ODBC client, or a tunnel"
    )]
    Tls {
        /// As it was given.
        url: String,
    },
    /// Nobody answers there.
    #[error("no gateway answers at {url}: is it running? ({reason})")]
    Unreachable {
        /// As it was given.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The gateway reported an error in words of its own.
    #[error("{message}")]
    Failed {
        /// Its words.
        message: String,
    },
    /// What came isn't what a gateway sends.
    #[error("the gateway's answer can't be understood: {reason}")]
    Answer {
        /// Why.
        reason: String,
    },
}

/// A connection to a gateway, as one analyst.
#[derive(Debug)]
pub(crate) struct Client {
    inner: FlightSqlServiceClient<Channel>,
}

impl Client {
    /// Connects as the options say.
    pub(crate) async fn connect(connection: &Connection) -> Result<Self, Failure> {
        let token = connection.token()?;
        let mut client = Self::open(&connection.gateway, token.as_ref()).await?;
        client.tell("insitu-project", connection.project.as_deref())?;
        client.tell("insitu-purpose", connection.purpose.as_deref())?;
        Ok(client)
    }

    /// Connects to a gateway with a token.
    pub(crate) async fn open(url: &str, token: Option<&Token>) -> Result<Self, ClientError> {
        let channel = endpoint(url)?.connect().await.map_err(|error| ClientError::Unreachable {
            url: url.to_owned(),
            reason: innermost(&error),
        })?;
        let flight = FlightServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut inner = FlightSqlServiceClient::new_from_inner(flight);
        if let Some(token) = token {
            inner.set_token(token.expose().to_owned());
        }
        inner.set_header("insitu-statuses", "on");
        Ok(Self { inner })
    }

    /// Sends a header with every call from now on.
    fn tell(&mut self, header: &str, value: Option<&str>) -> Result<(), Failure> {
        let Some(value) = value else { return Ok(()) };
        if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            let option = header.trim_start_matches("insitu-");
            let problem =
                format!("--{option} `{value}` holds characters other than printed ASCII ones");
            return Err(Failure::Usage { problem });
        }
        self.inner.set_header(header, value);
        Ok(())
    }

    /// Asks a question.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Answer, ClientError> {
        let info = self.inner.execute(sql.to_owned(), None).await?;
        let mut schema = None;
        let mut batches = Vec::new();
        let mut suppressed_beneath = 0;
        for endpoint in &info.endpoint {
            let ticket = endpoint.ticket.clone().ok_or_else(|| ClientError::Answer {
                reason: "an endpoint has no ticket".to_owned(),
            })?;
            let mut stream = self.inner.do_get(ticket).await?.into_inner();
            while let Some(message) = stream.try_next().await? {
                suppressed_beneath = suppressed_beneath.max(suppressed(&message.app_metadata()));
                match message.payload {
                    DecodedPayload::None => {}
                    DecodedPayload::Schema(told) => schema = schema.or(Some(told)),
                    DecodedPayload::RecordBatch(batch) => batches.push(batch),
                }
            }
        }
        match schema {
            Some(schema) => Ok(Answer::new(schema, batches).over(suppressed_beneath)),
            None => Err(ClientError::Answer { reason: "it has no schema".to_owned() }),
        }
    }

    /// Asks where each part of a statement would run and which rules would apply.
    pub(crate) async fn explain(&mut self, sql: &str) -> Result<String, ClientError> {
        let action = Action::new(EXPLAIN_ACTION, sql.to_owned());
        let results = self.inner.do_action(action).await?;
        let parts: Vec<_> = results.try_collect().await.map_err(FlightError::from)?;
        let bytes = parts.iter().flat_map(|part| part.body.iter().copied()).collect();
        String::from_utf8(bytes)
            .map_err(|_| ClientError::Answer { reason: "it isn't text".to_owned() })
    }
}

/// How many cells of the tables beneath an answer were suppressed, as the gateway tells with it; 0 if
/// it doesn't.
fn suppressed(app_metadata: &[u8]) -> usize {
    let told = std::str::from_utf8(app_metadata).unwrap_or_default();
    let count =
        told.strip_prefix("{\"insitu.suppressed_cells\":").and_then(|t| t.strip_suffix('}'));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// `grpc://host:port` as Flight clients write it, or `http://`.
fn endpoint(url: &str) -> Result<Endpoint, ClientError> {
    let invalid = || ClientError::Address { url: url.to_owned() };
    let (scheme, authority) = url.split_once("://").ok_or_else(invalid)?;
    match scheme {
        "grpc" | "grpc+tcp" | "http" => {}
        "grpcs" | "grpc+tls" | "https" => return Err(ClientError::Tls { url: url.to_owned() }),
        _ => return Err(invalid()),
    }
    let authority = authority.trim_end_matches('/');
    if authority.is_empty() || authority.contains(['/', ' ', '@']) {
        return Err(invalid());
    }
    let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| invalid())?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .tcp_nodelay(true)
        .http2_adaptive_window(true))
}

impl From<FlightError> for ClientError {
    fn from(error: FlightError) -> Self {
        match error {
            FlightError::Tonic(status) => Self::from(*status),
            FlightError::Arrow(error) => Self::Answer { reason: error.to_string() },
            FlightError::NotYetImplemented(reason)
            | FlightError::ProtocolError(reason)
            | FlightError::DecodeError(reason) => Self::Answer { reason },
            FlightError::ExternalError(error) => Self::Answer { reason: error.to_string() },
        }
    }
}

impl From<Status> for ClientError {
    /// The refusals in the details if they are there and known; else the words of the message.
    fn from(status: Status) -> Self {
        match insitu_gateway::status::refusals(&status) {
            Some(refusals) => {
                Self::Refused { refusals, query: insitu_gateway::status::query_id(&status) }
            }
            None if status.message().is_empty() => Self::Failed {
                message: format!("the gateway failed without a word ({:?})", status.code()),
            },
            None => Self::Failed { message: status.message().to_owned() },
        }
    }
}

/// The last cause: "connection refused" rather than "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::{Refusal, RefusalCode};

    use super::*;

    #[test]
    fn addresses_are_written_as_flight_clients_write_them() {
        for url in ["grpc://127.0.0.1:50051", "grpc+tcp://gateway:1/", "http://[::1]:50051"] {
            assert!(endpoint(url).is_ok(), "{url}");
        }
        for url in [
            "127.0.0.1:50051",
            "ftp://x:1",
            "grpc://",
            "grpc://a b:1",
            "grpc://u@h:1",
            "grpc://h:1/x",
        ] {
            assert!(matches!(endpoint(url), Err(ClientError::Address { .. })), "{url}");
        }
        assert!(matches!(endpoint("grpc+tls://h:1"), Err(ClientError::Tls { .. })));
    }

    #[test]
    fn refusals_are_taken_from_the_details() {
        let refusals =
            Refusals::from(Refusal::new(RefusalCode::D204, "`id` can't be filtered.", "Don't."));
        let id = QueryId([7; 16]);
        let status = insitu_gateway::status::status(&refusals, Some(id));
        let ClientError::Refused { refusals: found, query } = ClientError::from(status) else {
            panic!();
        };
        assert_eq!((found, query), (refusals, Some(id)));
    }

    #[test]
    fn what_the_gateway_tells_of_suppressed_cells_is_read_or_taken_for_none() {
        assert_eq!(suppressed(b"{\"insitu.suppressed_cells\":15}"), 15);
        for other in [&b""[..], b"{}", b"15", b"{\"insitu.suppressed_cells\":-5}", b"\xff"] {
            assert_eq!(suppressed(other), 0);
        }
    }

    #[test]
    fn without_details_the_message_stands() {
        let error = ClientError::from(Status::unavailable("the tunnel is closed"));
        assert_eq!(error.to_string(), "the tunnel is closed");
        let silent = ClientError::from(Status::unavailable(""));
        assert!(silent.to_string().contains("Unavailable"), "{silent}");
    }
}
