//! The node's Flight service: `DoGet` answers a request, `DoPut` takes a reference's content, and nothing else is
//! offered.

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use insitu_disclosure::{Refusal, RefusalCode};
use insitu_proto::refusal::Unanswered;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use crate::references::Lent;
use crate::shared::SharedNode;
use crate::status::{missing, status};
use crate::warrants::Shown;

/// The Flight service.
#[derive(Debug)]
pub(crate) struct NodeFlight(pub(crate) SharedNode);

type Messages<T> = BoxStream<'static, Result<T, Status>>;

fn not_offered<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("a node offers DoGet and DoPut only"))
}

#[tonic::async_trait]
impl FlightService for NodeFlight {
    type HandshakeStream = Messages<HandshakeResponse>;
    type ListFlightsStream = Messages<FlightInfo>;
    type DoGetStream = Messages<FlightData>;
    type DoPutStream = Messages<PutResult>;
    type DoExchangeStream = Messages<FlightData>;
    type DoActionStream = Messages<arrow_flight::Result>;
    type ListActionsStream = Messages<ActionType>;

    async fn do_get(
        &self,
        mut request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let shown = Shown::of(&mut request)?;
        let request = shown.request(&request.into_inner().ticket)?;
        let query = request.get().query_id;
        // At a level that is always on: an error in the log must belong to a query.
        let span = tracing::error_span!("query", id = %query);
        let answer =
            self.0.get().answer(&request).instrument(span).await.map_err(|unanswered| {
                match unanswered {
                    Unanswered::Refused(refusals) => {
                        // The gateway takes the codes and leaves the words.
                        tracing::info!(%query, %refusals, "a question was refused");
                        status(&refusals)
                    }
                    Unanswered::Missing(editions) => missing(&editions),
                }
            })?;
        let messages = answer.encode(query).map_err(|error| {
            tracing::error!(%query, %error, "an answer could not be encoded");
            let refusal = Refusal::new(
                RefusalCode::X901,
                "something went wrong inside a department's node.",
                "",
            );
            status(&refusal.into())
        })?;
        Ok(Response::new(stream::iter(messages.into_iter().map(Ok)).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        not_offered()
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        not_offered()
    }

    async fn get_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        not_offered()
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        not_offered()
    }

    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        not_offered()
    }

    async fn do_put(
        &self,
        mut request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let shown = Shown::of(&mut request)?;
        let node = self.0.get();
        let lent = Lent::begin(shown, request.into_inner(), node.query_time_max()).await?;
        node.receive(lent).await.map_err(|refusals| status(&refusals))?;
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        not_offered()
    }

    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        not_offered()
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        not_offered()
    }
}
