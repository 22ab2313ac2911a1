//! The one map from Refusals to a node's gRPC status.

use insitu_disclosure::reference::Edition;
use insitu_disclosure::refusal::Family;
use insitu_disclosure::{RefusalCode, Refusals};
use tonic::{Code, Status};

/// The status a gateway sees; the Refusals themselves ride in its details.
pub(crate) fn status(refusals: &Refusals) -> Status {
    let code = refusals.first().code();
    let grpc = match code.family() {
        Family::Statement | Family::Disclosure => Code::InvalidArgument,
        Family::Access => Code::PermissionDenied,
        Family::Departments => Code::Unavailable,
        Family::Limits => Code::ResourceExhausted,
        Family::Internal => Code::Internal,
    };
    let details = insitu_proto::refusal::encode(refusals);
    Status::with_details(grpc, code.as_str(), details.into())
}

/// The status for a question whose references' contents have to be sent first.
pub(crate) fn missing(editions: &[Edition]) -> Status {
    let details = insitu_proto::refusal::encode_missing(editions);
    Status::with_details(Code::FailedPrecondition, "references", details.into())
}

/// The status for bytes that aren't a request of this version.
pub(crate) fn malformed() -> Status {
    let refusals = insitu_disclosure::Refusal::new(
        RefusalCode::N404,
        "the request isn't of a version that this node knows.",
        "Bring the gateway and the node to the same version.",
    );
    status(&refusals.into())
}
