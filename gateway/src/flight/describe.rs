//! What is announced: the answer's schema, and the ticket it can be had with. `GetFlightInfo`,
//! `PollFlightInfo` and `GetSchema` say the same in three forms.

use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, PollInfo, SchemaResult, Ticket};
use prost::bytes::Bytes;

use super::Edge;
use super::call::Call;
use super::command::Asked;
use super::encode;
use super::statement::Announced;
use crate::status::Fault;

/// How large an answer will be: never said, since row counts are data.
const NOT_SAID: i64 = -1;

/// What `GetFlightInfo` answers.
pub(super) async fn flight_info(
    edge: &Edge,
    call: &Call,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Fault> {
    let announced = match Asked::by(&descriptor)? {
        Asked::Statement(sql) => edge.statements.ask(call, &sql).await?,
        Asked::Prepared(handle) => {
            let (bound, bytes, deadline) = edge.prepared.bound(call, &handle).await?;
            edge.statements.announce(call, bound, bytes, deadline)?
        }
        // The question is its own ticket.
        Asked::Catalogue(question) => {
            Announced { schema: question.schema()?, ticket: descriptor.cmd.clone(), expires: None }
        }
        Asked::Ticket(_) => return Err(Fault::Malformed("a ticket in place of a command")),
    };
    Ok(FlightInfo {
        schema: encode::announced(&announced.schema)?,
        // Back to where it came from; some clients can't read an answer without it.
        flight_descriptor: Some(descriptor),
        endpoint: vec![FlightEndpoint {
            ticket: Some(Ticket { ticket: announced.ticket }),
            // Here, on the connection the client has.
            location: Vec::new(),
            expiration_time: announced.expires.map(Into::into),
            app_metadata: Bytes::new(),
        }],
        total_records: NOT_SAID,
        total_bytes: NOT_SAID,
        ordered: true,
        app_metadata: Bytes::new(),
    })
}

/// What `PollFlightInfo` answers: an announcement is complete at once.
pub(super) async fn poll_info(
    edge: &Edge,
    call: &Call,
    descriptor: FlightDescriptor,
) -> Result<PollInfo, Fault> {
    let info = flight_info(edge, call, descriptor).await?;
    let expiration_time = info.endpoint.first().and_then(|endpoint| endpoint.expiration_time);
    Ok(PollInfo { info: Some(info), flight_descriptor: None, progress: Some(1.0), expiration_time })
}

/// What `GetSchema` answers.
pub(super) async fn schema(
    edge: &Edge,
    call: &Call,
    descriptor: &FlightDescriptor,
) -> Result<SchemaResult, Fault> {
    let schema = match Asked::by(descriptor)? {
        Asked::Statement(sql) => edge.statements.schema(call, &sql).await?,
        Asked::Prepared(handle) => edge.prepared.schema(call, &handle)?,
        Asked::Catalogue(question) => question.schema()?,
        Asked::Ticket(_) => return Err(Fault::Malformed("a ticket in place of a command")),
    };
    Ok(SchemaResult { schema: encode::announced(&schema)? })
}
