//! The one map from our answers to gRPC statuses.
//!
//! A client decides by the status' code whether to try again, to log in or to show the text, so every
//! [`RefusalCode`] has one. The message is all reasons on one line, in ASCII. The details are a
//! `google.rpc.Status` around [`insitu_proto::refusal`]'s bytes: the envelope is not ours to leave out,
//! since gRPC in Go, and so ADBC, turns a status whose details are read as one of another code into
//! INTERNAL (`internal/status.NewWithProto`).
//!
//! A refusal of a question that ran also tells the query's id: by it the logs of gateway and departments
//! find what isn't said here. It is in a header, in the details as `google.rpc.RequestInfo`, and, where
//! it should be reported, in the message, since that is all that many clients show.

use arrow_flight::sql::Any;
use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_proto::refusal::Unanswered;
use insitu_proto::request::QueryId;
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Status};

/// The header that tells a query's id, with its answer and with its refusal.
pub const QUERY_ID_HEADER: &str = "insitu-query-id";
/// The most bytes of a message once it is percent-encoded.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// The most bytes of message and details together: gRPC in Java takes no more than 8 KiB of headers.
const STATUS_BYTES_MAX: usize = 7_168;
/// Marks our part among the details.
const DETAILS_TYPE: &str = "type.googleapis.com/insitu.v1.RefusalDetails";
/// Marks the part that tells the query's id: a type that programs know from elsewhere.
const REQUEST_TYPE: &str = "type.googleapis.com/google.rpc.RequestInfo";

/// Why a call isn't answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The question, or who asks, was refused.
    Refused(Refusals),
    /// The question was refused while it ran, as the query of this id.
    Stopped(Refusals, QueryId),
    /// A message of the protocol can't be read; names its part.
    Malformed(&'static str),
    /// A part of the protocol that isn't served; names it. Never the fate of a statement: ADBC would
    /// send that again another way.
    Unserved(&'static str),
    /// The client cancelled.
    Cancelled,
}

impl Fault {
    /// A fault of ours, about which nothing more is said.
    #[must_use]
    pub fn internal() -> Self {
        let message = "something went wrong inside the gateway.";
        Refusal::new(
            RefusalCode::X901,
            message,
            "Try again; if it stays, report the query id, or the time.",
        )
        .into()
    }

    /// The same of a query that ran, so that whoever asked learns its id.
    #[must_use]
    pub fn of(self, query: QueryId) -> Self {
        match self {
            Self::Refused(refusals) | Self::Stopped(refusals, _) => Self::Stopped(refusals, query),
            Self::Malformed(_) | Self::Unserved(_) | Self::Cancelled => self,
        }
    }

    /// A word for the log, from a closed list.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Refused(refusals) | Self::Stopped(refusals, _) => {
                refusals.first().code().as_str()
            }
            Self::Malformed(_) => "malformed",
            Self::Unserved(_) => "unserved",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<Refusals> for Fault {
    fn from(refusals: Refusals) -> Self {
        Self::Refused(refusals)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusals) => status(&refusals, None),
            Fault::Stopped(refusals, query) => status(&refusals, Some(query)),
            Fault::Malformed(part) => Self::invalid_argument(format!("{part} can't be read")),
            Fault::Unserved(part) => Self::unimplemented(format!("{part} isn't served")),
            Fault::Cancelled => Self::cancelled("cancelled by the client"),
        }
    }
}

/// The gRPC code of a refusal.
#[must_use]
pub const fn grpc_code(code: RefusalCode) -> Code {
    match code {
        // One code for a name that doesn't exist and for one that isn't visible.
        RefusalCode::Q105 | RefusalCode::Q106 => Code::NotFound,
        RefusalCode::Q101
        | RefusalCode::Q102
        | RefusalCode::Q103
        | RefusalCode::Q104
        | RefusalCode::Q107
        | RefusalCode::Q108
        | RefusalCode::Q109
        | RefusalCode::Q110
        | RefusalCode::Q111
        | RefusalCode::D201
        | RefusalCode::D202
        | RefusalCode::D203
        | RefusalCode::D204
        | RefusalCode::D205
        | RefusalCode::D206
        | RefusalCode::D207
        | RefusalCode::D208
        | RefusalCode::D209
        | RefusalCode::D210
        | RefusalCode::D212
        | RefusalCode::D213
        | RefusalCode::D215 => Code::InvalidArgument,
        RefusalCode::A301 => Code::Unauthenticated,
        RefusalCode::A302 => Code::PermissionDenied,
        RefusalCode::N401 | RefusalCode::N402 | RefusalCode::N403 | RefusalCode::N404 => {
            Code::Unavailable
        }
        RefusalCode::L505 => Code::DeadlineExceeded,
        RefusalCode::L501
        | RefusalCode::L502
        | RefusalCode::L503
        | RefusalCode::L504
        | RefusalCode::L506
        | RefusalCode::L507
        | RefusalCode::D211 => Code::ResourceExhausted,
        RefusalCode::X901 => Code::Internal,
    }
}

/// The status that tells a client of refusals; the first one's code decides.
#[must_use]
pub fn status(refusals: &Refusals, query: Option<QueryId>) -> Status {
    let code = grpc_code(refusals.first().code());
    let to_report = query.filter(|_| refusals.iter().any(|r| r.code() == RefusalCode::X901));
    let ending = to_report.map_or(String::new(), |query| format!(" Query id: {query}."));
    let message = one_header(&refusals.to_string(), &ending);
    let mut details = vec![Any {
        type_url: DETAILS_TYPE.to_owned(),
        value: insitu_proto::refusal::encode(refusals).into(),
    }];
    if let Some(query) = query {
        let info = RequestInfo { request_id: query.to_string() };
        details.push(Any { type_url: REQUEST_TYPE.to_owned(), value: info.encode_to_vec().into() });
    }
    let envelope = RpcStatus { code: code.into(), message: message.clone(), details };
    let details = envelope.encode_to_vec();
    let details_bytes = details.len().div_ceil(3).saturating_mul(4);
    let mut status = if encoded_bytes(&message).saturating_add(details_bytes) <= STATUS_BYTES_MAX {
        Status::with_details(code, message, Bytes::from(details))
    } else {
        // The message says it all; the copy for programs would break the headers' limit.
        Status::new(code, message)
    };
    if let Some(id) = query.and_then(query_id_header) {
        status.metadata_mut().insert(QUERY_ID_HEADER, id);
    }
    status
}

/// A query's id as the value of [`QUERY_ID_HEADER`].
pub(crate) fn query_id_header(query: QueryId) -> Option<MetadataValue<Ascii>> {
    // Hexadecimal digits always are one.
    MetadataValue::try_from(query.to_string()).ok()
}

/// The id of the query that a status is about, if it tells one.
#[must_use]
pub fn query_id(status: &Status) -> Option<QueryId> {
    QueryId::parse(status.metadata().get(QUERY_ID_HEADER)?.to_str().ok()?)
}

/// The refusals that a status of [`status`] holds; `None` for every other status.
#[must_use]
pub fn refusals(status: &Status) -> Option<Refusals> {
    let envelope = RpcStatus::decode(status.details()).ok()?;
    let ours = envelope.details.iter().find(|detail| detail.type_url == DETAILS_TYPE)?;
    match insitu_proto::refusal::decode(&ours.value).ok()? {
        Unanswered::Refused(refusals) => Some(refusals),
        // A client isn't asked for references.
        Unanswered::Missing(_) => None,
    }
}

/// `google.rpc.Status`, the form that gRPC's other languages demand of details.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.RequestInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RequestInfo {
    #[prost(string, tag = "1")]
    request_id: String,
}

/// The text in printed ASCII, cut where a header would become too long, and then the ending. Not every client decodes what a
/// header can't hold as it is.
fn one_header(text: &str, ending: &str) -> String {
    let mut message = String::with_capacity(text.len());
    let mut bytes = encoded_bytes(ending);
    for c in text.replace('…', "...").chars() {
        let c = if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        bytes = bytes.saturating_add(encoded_width(c));
        if MESSAGE_BYTES_MAX - 3 < bytes {
            message.push_str("...");
            break;
        }
        message.push(c);
    }
    message + ending
}

fn encoded_bytes(message: &str) -> usize {
    message.chars().map(encoded_width).sum()
}

/// tonic percent-encodes these signs, each into three bytes.
const fn encoded_width(c: char) -> usize {
    match c {
        ' ' | '"' | '#' | '%' | '<' | '>' | '`' | '?' | '{' | '}' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(code: RefusalCode) -> Refusals {
        Refusal::new(code, "rows of `a.b` stay.", "Count them.").into()
    }

    #[test]
    fn every_code_has_a_status_that_tells_a_client_what_to_do() {
        for code in RefusalCode::ALL {
            let status = status(&one(code), None);
            assert_ne!(status.code(), Code::Ok, "{code:?}");
            assert_ne!(status.code(), Code::Unknown, "{code:?}");
            // ADBC would send the statement again, another way.
            assert_ne!(status.code(), Code::Unimplemented, "{code:?}");
            assert!(status.message().starts_with(code.as_str()), "{code:?}");
        }
    }

    #[test]
    fn details_are_an_envelope_of_the_same_code_and_message() {
        for code in RefusalCode::ALL {
            let status = status(&one(code), None);
            let envelope = RpcStatus::decode(status.details()).unwrap();
            assert_eq!(envelope.code, i32::from(status.code()));
            assert_eq!(envelope.message, status.message());
            assert_eq!(refusals(&status), Some(one(code)));
        }
    }

    #[test]
    fn a_long_refusal_still_fits_a_header() {
        let all = (0..40).map(|i| {
            Refusal::new(RefusalCode::D204, format!("{i} {}", "é`% ".repeat(200)), "x".repeat(600))
        });
        let status = status(&Refusals::collect(all).unwrap(), Some(QueryId([7; 16])));
        assert!(status.message().is_ascii());
        assert!(status.message().starts_with("D204: 0 ?`% "));
        assert!(encoded_bytes(status.message()) <= MESSAGE_BYTES_MAX + 3);
        assert!(status.details().is_empty());
        assert_eq!(refusals(&status), None);
        assert_eq!(query_id(&status), Some(QueryId([7; 16])));
    }

    #[test]
    fn what_is_left_out_is_three_full_stops() {
        let refusal = Refusal::new(RefusalCode::Q104, "`ANY (…)` isn't offered.", "Use `IN (…)`.");
        let message = status(&refusal.into(), None).message().to_owned();
        assert!(message.contains("`ANY (...)` isn't offered. Fix: Use `IN (...)`."), "{message}");
    }

    #[test]
    fn a_refusal_of_a_query_that_ran_tells_its_id() {
        let query = QueryId([0x3f; 16]);
        for code in RefusalCode::ALL {
            let status = Status::from(Fault::from(one(code)).of(query));
            assert_eq!(query_id(&status), Some(query), "{code:?}");
            assert_eq!(refusals(&status), Some(one(code)), "{code:?}");
            let envelope = RpcStatus::decode(status.details()).unwrap();
            let info = envelope.details.iter().find(|d| d.type_url == REQUEST_TYPE).unwrap();
            let info = RequestInfo::decode(&*info.value).unwrap();
            assert_eq!(info.request_id, "3f".repeat(16), "{code:?}");
            // Many clients show the message and nothing else.
            let is_shown = status.message().contains(&info.request_id);
            assert_eq!(is_shown, code == RefusalCode::X901, "{code:?}");
        }
        assert_eq!(query_id(&Status::from(Fault::from(one(RefusalCode::X901)))), None);
    }

    #[test]
    fn an_unknown_name_and_an_invisible_one_are_not_found() {
        assert_eq!(grpc_code(RefusalCode::Q105), Code::NotFound);
        assert_eq!(grpc_code(RefusalCode::Q106), Code::NotFound);
    }

    #[test]
    fn faults_of_the_protocol_have_their_own_codes() {
        let code = |fault: Fault| Status::from(fault).code();
        assert_eq!(code(Fault::Unserved("DoExchange")), Code::Unimplemented);
        assert_eq!(code(Fault::Malformed("the ticket")), Code::InvalidArgument);
        assert_eq!(code(Fault::Cancelled), Code::Cancelled);
        assert_eq!(code(Fault::internal()), Code::Internal);
    }
}
