//! The edge towards analysts' clients: Flight SQL. A line per RPC; what it does is elsewhere.
//!
//! 1. `call`: who calls, admitted; every RPC begins with it. `handshake`, `session`: logging in, and
//!    options that stay.
//! 2. `command`: what a client's bytes ask for. `describe`: what is announced. `transfer`: what goes
//!    over in streams. `action`: the rest.
//! 3. `statement`, `prepared`, `parameters`: statements, from text to answer. `planning`, `running`: how
//!    many at a time. `handles`: what clients hold here, bounded.
//! 4. `metadata`, `sql_info`: the catalogue, and what the gateway says of itself.
//! 5. `encode`, `outgoing`: the last step before bytes leave.
//!
//! `arrow-flight` has a trait for Flight SQL servers, `FlightSqlService`. It isn't used: it fixes
//! `GetSchema` and `PollFlightInfo`, which ADBC calls, to UNIMPLEMENTED, advertises actions that aren't
//! served, puts `Debug` texts into statuses, and has a default for each of its fifty methods, so that
//! one forgotten would go unnoticed. `command::Asked` reads the same commands from a closed list.

mod action;
mod call;
mod command;
mod describe;
mod encode;
mod handles;
mod handshake;
mod limits;
mod metadata;
mod outgoing;
mod parameters;
mod planning;
mod prepared;
mod running;
mod session;
mod session_messages;
mod sql_info;
mod statement;
#[cfg(test)]
mod tests;
mod transfer;

use std::sync::{Arc, Weak};

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, Result as ActionResult, SchemaResult,
    Ticket,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use crate::analyst::Analysts;
use crate::query::Gateway;
use crate::status::Fault;
use call::Call;
pub use limits::Limits;
use limits::{MESSAGE_BYTES_MAX, SWEEP_EVERY};
use outgoing::FlightDataStream;
use planning::Planning;
use prepared::PreparedStatements;
use session::Sessions;
use statement::Statements;

/// The service for analysts' clients; within a runtime.
pub fn service(
    gateway: Arc<Gateway>,
    analysts: Arc<Analysts>,
    limits: Limits,
) -> FlightServiceServer<Served> {
    let planning = Arc::new(Planning::new());
    let edge = Edge {
        statements: Statements::new(Arc::clone(&gateway), Arc::clone(&planning), limits),
        prepared: PreparedStatements::new(Arc::clone(&gateway), planning),
        sessions: Sessions::new(limits.deadline_max),
        analysts,
        gateway,
    };
    let edge: Arc<dyn Shared> = Arc::new(edge);
    tokio::spawn(sweep(Arc::downgrade(&edge)));
    FlightServiceServer::new(Served(edge))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Lets go what expired, for as long as the service is there: plans are large, and a client that asks no more lets go nothing.
async fn sweep(edge: Weak<dyn Shared>) {
    while let Some(shared) = edge.upgrade() {
        shared.edge().statements.sweep();
        shared.edge().prepared.sweep();
        drop(shared);
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// What is served: an [`Edge`] behind a trait object. For each RPC the compiler has to prove that everything the service
/// holds may be shared between threads. For an `Edge`, whose statements hold whole plans, that takes it seven
/// seconds an RPC; for the trait object the proof is in its name.
pub struct Served(Arc<dyn Shared>);

/// Something that holds an [`Edge`] for several threads.
trait Shared: Send + Sync {
    fn edge(&self) -> &Edge;
}

impl Shared for Edge {
    fn edge(&self) -> &Edge {
        self
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What it holds is the analysts' business.
        f.write_str("Served")
    }
}

/// Flight SQL over a [`Gateway`].
struct Edge {
    gateway: Arc<Gateway>,
    analysts: Arc<Analysts>,
    sessions: Sessions,
    statements: Statements,
    prepared: PreparedStatements,
}

impl Edge {
    fn admit<T>(&self, request: &Request<T>) -> Result<Call, Fault> {
        Call::admit(request.metadata(), &self.analysts, &self.sessions)
    }
}

/// A stream of what is there already.
fn at_once<T: Send + 'static>(items: Vec<T>) -> BoxStream<'static, Result<T, Status>> {
    stream::iter(items.into_iter().map(Ok)).boxed()
}

#[tonic::async_trait]
impl FlightService for Served {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = FlightDataStream;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<ActionResult, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let response = handshake::shake(request.metadata(), &self.0.edge().analysts)?;
        Ok(response.map(|message| at_once(vec![message])))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let call = self.0.edge().admit(&request)?;
        Ok(Response::new(describe::flight_info(self.0.edge(), &call, request.into_inner()).await?))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let call = self.0.edge().admit(&request)?;
        Ok(Response::new(describe::poll_info(self.0.edge(), &call, request.into_inner()).await?))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let call = self.0.edge().admit(&request)?;
        Ok(Response::new(describe::schema(self.0.edge(), &call, request.get_ref()).await?))
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let call = self.0.edge().admit(&request)?;
        Ok(transfer::get(self.0.edge(), &call, request.get_ref()).await?)
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let call = self.0.edge().admit(&request)?;
        let result = transfer::put(self.0.edge(), &call, request.into_inner()).await?;
        Ok(Response::new(at_once(vec![result])))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let call = self.0.edge().admit(&request)?;
        let bodies = action::act(self.0.edge(), &call, request.get_ref()).await?;
        let results = bodies.into_iter().map(|body| ActionResult { body }).collect();
        Ok(Response::new(at_once(results)))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.0.edge().admit(&request)?;
        Ok(Response::new(at_once(action::list())))
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.0.edge().admit(&request)?;
        Err(Fault::Unserved("ListFlights").into())
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.0.edge().admit(&request)?;
        Err(Fault::Unserved("DoExchange").into())
    }
}
