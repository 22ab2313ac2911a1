//! What goes over in streams: answers out, parameters in.

use arrow_flight::{FlightData, PutResult, Ticket};
use futures::Stream;
use prost::Message as _;
use tonic::{Response, Status};

use super::Edge;
use super::call::Call;
use super::command::Asked;
use super::outgoing::{FlightDataStream, at_once};
use super::{encode, parameters};
use crate::status::{Fault, QUERY_ID_HEADER, query_id_header};

/// What `DoGet` answers; to a statement with the query's id in a header.
pub(super) async fn get(
    edge: &Edge,
    call: &Call,
    ticket: &Ticket,
) -> Result<Response<FlightDataStream>, Fault> {
    match Asked::read(&ticket.ticket)? {
        Asked::Ticket(handle) => {
            let (stream, query) = edge.statements.fetch(call, &handle).await?;
            let mut response = Response::new(stream);
            if let Some(id) = query_id_header(query) {
                response.metadata_mut().insert(QUERY_ID_HEADER, id);
            }
            Ok(response)
        }
        Asked::Catalogue(question) => {
            let catalogue = question.answer(&edge.gateway.datasets())?;
            Ok(Response::new(at_once(encode::catalogue(&catalogue)?)))
        }
        Asked::Statement(_) | Asked::Prepared(_) => {
            Err(Fault::Malformed("a command in place of a ticket"))
        }
    }
}

/// What `DoPut` answers. The first message says what the stream is for; nothing but parameters comes in.
pub(super) async fn put(
    edge: &Edge,
    call: &Call,
    mut messages: impl Stream<Item = Result<FlightData, Status>> + Unpin,
) -> Result<PutResult, Fault> {
    let mut first = parameters::next_message(&mut messages)
        .await?
        .ok_or(Fault::Malformed("a stream without a message"))?;
    let descriptor =
        first.flight_descriptor.take().ok_or(Fault::Malformed("a stream without a descriptor"))?;
    let handle = match Asked::by(&descriptor)? {
        Asked::Prepared(handle) => handle,
        Asked::Statement(_) | Asked::Ticket(_) | Asked::Catalogue(_) => {
            return Err(Fault::Malformed("a command that takes no stream"));
        }
    };
    let count = edge.prepared.parameters(call, &handle)?;
    let row = parameters::read(first, messages, count).await?;
    let result = edge.prepared.bind(call, &handle, row).await?;
    Ok(PutResult { app_metadata: result.encode_to_vec().into() })
}
