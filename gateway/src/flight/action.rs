//! Actions: a closed list, and `ListActions` tells exactly that list.

use std::time::Instant;

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, Any, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    RenewFlightEndpointRequest,
};
use prost::Message;
use prost::bytes::Bytes;

use super::Edge;
use super::call::Call;
use super::command::Asked;
use super::session_messages::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, SetOptionError,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use crate::status::Fault;

/// The actions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActionName {
    CreatePreparedStatement,
    ClosePreparedStatement,
    CancelQuery,
    CancelFlightInfo,
    RenewFlightEndpoint,
    SetSessionOptions,
    GetSessionOptions,
    CloseSession,
    Explain,
}

impl ActionName {
    const ALL: [Self; 9] = [
        Self::CreatePreparedStatement,
        Self::ClosePreparedStatement,
        Self::CancelQuery,
        Self::CancelFlightInfo,
        Self::RenewFlightEndpoint,
        Self::SetSessionOptions,
        Self::GetSessionOptions,
        Self::CloseSession,
        Self::Explain,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::CreatePreparedStatement => "CreatePreparedStatement",
            Self::ClosePreparedStatement => "ClosePreparedStatement",
            Self::CancelQuery => "CancelQuery",
            Self::CancelFlightInfo => "CancelFlightInfo",
            Self::RenewFlightEndpoint => "RenewFlightEndpoint",
            Self::SetSessionOptions => "SetSessionOptions",
            Self::GetSessionOptions => "GetSessionOptions",
            Self::CloseSession => "CloseSession",
            Self::Explain => "insitu.explain",
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::CreatePreparedStatement => {
                "Prepares a statement. ActionCreatePreparedStatementRequest, \
                 ActionCreatePreparedStatementResult."
            }
            Self::ClosePreparedStatement => {
                "Closes a prepared statement. ActionClosePreparedStatementRequest, no result."
            }
            Self::CancelQuery => {
                "Cancels a statement. ActionCancelQueryRequest, ActionCancelQueryResult."
            }
            Self::CancelFlightInfo => {
                "Cancels a statement. CancelFlightInfoRequest, CancelFlightInfoResult."
            }
            Self::RenewFlightEndpoint => {
                "Lets a ticket live longer. RenewFlightEndpointRequest, FlightEndpoint."
            }
            Self::SetSessionOptions => {
                "Sets options of the session. SetSessionOptionsRequest, SetSessionOptionsResult."
            }
            Self::GetSessionOptions => {
                "Gets the session's options. GetSessionOptionsRequest, GetSessionOptionsResult."
            }
            Self::CloseSession => "Closes the session. CloseSessionRequest, CloseSessionResult.",
            Self::Explain => {
                "Says what a statement would ask of whom, from its text and the policies alone. \
                 SQL text, text; JSON after `EXPLAIN (FORMAT JSON)`."
            }
        }
    }
}

/// What `ListActions` answers.
pub(super) fn list() -> Vec<ActionType> {
    let describe = |action: ActionName| ActionType {
        r#type: action.as_str().to_owned(),
        description: action.describe().to_owned(),
    };
    ActionName::ALL.into_iter().map(describe).collect()
}

/// What `DoAction` answers.
pub(super) async fn act(edge: &Edge, call: &Call, action: &Action) -> Result<Vec<Bytes>, Fault> {
    let name = ActionName::ALL.into_iter().find(|name| name.as_str() == action.r#type);
    match name.ok_or(Fault::Unserved("this action"))? {
        ActionName::CreatePreparedStatement => {
            let request: ActionCreatePreparedStatementRequest = unpack(&action.body)?;
            one(edge.prepared.create(call, &request).await?.as_any())
        }
        ActionName::ClosePreparedStatement => {
            let request: ActionClosePreparedStatementRequest = unpack(&action.body)?;
            edge.prepared.close(call, &request.prepared_statement_handle);
            Ok(Vec::new())
        }
        ActionName::CancelQuery => {
            let request: ActionCancelQueryRequest = unpack(&action.body)?;
            let info =
                FlightInfo::decode(request.info).map_err(|_| Fault::Malformed("the info"))?;
            let result = cancel(edge, call, &info)?.into();
            one(ActionCancelQueryResult { result }.as_any())
        }
        ActionName::CancelFlightInfo => {
            let request: CancelFlightInfoRequest = plain(&action.body)?;
            let info = request.info.ok_or(Fault::Malformed("a request without an info"))?;
            one(CancelFlightInfoResult { status: cancel(edge, call, &info)?.into() })
        }
        ActionName::RenewFlightEndpoint => {
            let request: RenewFlightEndpointRequest = plain(&action.body)?;
            let mut endpoint = request.endpoint.ok_or(Fault::Malformed("no endpoint"))?;
            let ticket = endpoint.ticket.as_ref().map_or(&[][..], |t| &t.ticket);
            if let Asked::Ticket(handle) = Asked::read(ticket)? {
                endpoint.expiration_time = edge.statements.renew(call, &handle)?.map(Into::into);
            }
            one(endpoint)
        }
        ActionName::SetSessionOptions => {
            let request: SetSessionOptionsRequest = plain(&action.body)?;
            let errors =
                edge.sessions.set(&call.session, &request.session_options, Instant::now())?;
            let error = |(name, value)| (name, SetOptionError { value: i32::from(value) });
            one(SetSessionOptionsResult { errors: errors.into_iter().map(error).collect() })
        }
        ActionName::GetSessionOptions => {
            let session_options = edge.sessions.get(&call.session, Instant::now());
            one(GetSessionOptionsResult { session_options })
        }
        ActionName::CloseSession => {
            edge.sessions.close(&call.session, Instant::now());
            one(CloseSessionResult { status: CloseStatus::Closed.into() })
        }
        ActionName::Explain => Ok(vec![edge.statements.explain(call, &action.body).await?.into()]),
    }
}

/// Cancels what an info announced. The protocol has the same numbers for the results of both actions.
fn cancel(edge: &Edge, call: &Call, info: &FlightInfo) -> Result<CancelStatus, Fault> {
    let mut status = CancelStatus::NotCancellable;
    for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
        // The catalogue's answers are there at once: nothing is left to cancel.
        if let Asked::Ticket(handle) = Asked::read(&ticket.ticket)? {
            edge.statements.cancel(call, &handle)?;
            status = CancelStatus::Cancelled;
        }
    }
    Ok(status)
}

fn one(message: impl Message) -> Result<Vec<Bytes>, Fault> {
    Ok(vec![message.encode_to_vec().into()])
}

/// A body of Flight SQL's actions, which is wrapped in an `Any`.
fn unpack<M: ProstMessageExt>(body: &[u8]) -> Result<M, Fault> {
    let any = Any::decode(body).map_err(|_| Fault::Malformed("the action's body"))?;
    any.unpack().ok().flatten().ok_or(Fault::Malformed("the action's body"))
}

/// A body of Flight's own actions, which isn't wrapped.
fn plain<M: Message + Default>(body: &[u8]) -> Result<M, Fault> {
    M::decode(body).map_err(|_| Fault::Malformed("the action's body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_exactly_what_is_served() {
        let names: Vec<String> = list().into_iter().map(|action| action.r#type).collect();
        assert_eq!(
            names,
            [
                "CreatePreparedStatement",
                "ClosePreparedStatement",
                "CancelQuery",
                "CancelFlightInfo",
                "RenewFlightEndpoint",
                "SetSessionOptions",
                "GetSessionOptions",
                "CloseSession",
                "insitu.explain",
            ]
        );
    }
}
