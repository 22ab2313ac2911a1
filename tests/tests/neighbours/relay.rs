//! A node that relays to another, so that two states of the data can be asked about as one.
//!
//! The state of the data is part of every cell's coordinate, so that a load of new data draws all
//! noise anew: no two databases could be compared through the product as it is. The relay is a node
//! like any other to the gateway. It announces one fixed state, and draws the question's shares of the
//! real node's Evidence anew for that state, with the node's own keys, which the tests know. No
//! product code has a door for this.

use std::sync::{Arc, Mutex};

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use insitu_disclosure::evidence::{evidence_schema, read};
use insitu_disclosure::keyed::DatasetKeys;
use insitu_disclosure::reference::Editions;
use insitu_disclosure::{Admitted, Dataset, Evidence, Tabulation, admit};
use insitu_node::server::{Link, serve};
use insitu_proto::catalog::{decode_all, fingerprint};
use insitu_proto::frames::{decode, encode_evidence};
use insitu_proto::reference::Header;
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::v1;
use insitu_proto::v1::control_client::ControlClient;
use insitu_proto::v1::control_server::{Control, ControlServer};
use insitu_proto::warrant::Asked as InWarrant;
use insitu_tests::Department;
use insitu_tests::link::{GatewayEnd, greeted};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};

/// The one state that all databases are asked about as.
pub(super) const STATE: u64 = 20_180_101;
/// The secret of the nodes in [`insitu_tests`].
const SECRET: [u8; 32] = [7; 32];
const LINK: &str = "secret-of-the-link";

/// A real node that listens, and a way to ask it.
#[derive(Debug)]
pub(super) struct Served {
    end: GatewayEnd,
    /// What it announces, but for the state of its data.
    pub(super) catalog: v1::NodeCatalog,
    /// Its dataset in the fixed state.
    pub(super) dataset: Arc<Dataset>,
    /// The state it announced.
    pub(super) snapshot: u64,
    fingerprint: u64,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    /// Loads the department's data and serves it.
    pub(super) async fn start(department: &Department) -> Arc<Self> {
        let node = department.load().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Link::Listen { listener, secret: LINK.to_owned() };
        let task = tokio::spawn(async move {
            serve(node, link, std::future::pending()).await.unwrap();
        });
        let end = GatewayEnd::dial(address, LINK).await;
        let mut control = ControlClient::new(end.channel.clone());
        let describe = end.call(v1::DescribeRequest {}, &InWarrant::Describe);
        let mut catalog = control.describe(describe).await.unwrap().into_inner();
        let [announced] = decode_all(&catalog).unwrap().try_into().unwrap();
        let fingerprint = fingerprint(&announced);
        catalog.datasets[0].snapshot = STATE;
        let snapshot = announced.snapshot;
        let dataset = Arc::new(Dataset { snapshot: STATE, ..announced });
        Arc::new(Self { end, catalog, dataset, snapshot, fingerprint, task })
    }

    /// A node's Evidence, drawn for the fixed state.
    pub(super) async fn evidence(
        &self,
        admitted: &Admitted<Tabulation>,
        lent: &Lent,
    ) -> Result<Evidence, Status> {
        let tabulation = admitted.tabulation();
        let input = tabulation.input.with_fingerprint(self.fingerprint);
        let tabulation = Tabulation { input, ..tabulation.clone() };
        let query_id = QueryId([3; 16]);
        let question = Question::Tabulation(tabulation);
        let known = lent.editions.iter().map(|(reference, edition)| (reference.clone(), *edition));
        let used = admitted.tabulation().references();
        let editions = known.filter(|(reference, _)| used.contains_key(reference)).collect();
        let request = NodeRequest { query_id, time_ms_max: 60_000, question, editions };
        let ticket = Ticket { ticket: request.encode().unwrap().into() };
        let get = || {
            let asked = InWarrant::Get { query_id, ticket: &ticket.ticket };
            self.end.call(ticket.clone(), &asked)
        };
        let mut flight = FlightServiceClient::new(self.end.channel.clone());
        let stream = match flight.do_get(get()).await {
            // The node doesn't have what it looks up in.
            Err(status) if status.code() == Code::FailedPrecondition => {
                for content in &lent.contents {
                    let command = &content[0].flight_descriptor.as_ref().unwrap().cmd;
                    let query_id = Header::decode(command).unwrap().query_id;
                    let asked = InWarrant::Put { query_id, command };
                    let put = self.end.call(futures::stream::iter(content.clone()), &asked);
                    let mut took = flight.do_put(put).await?.into_inner();
                    assert!(took.message().await?.is_none());
                }
                flight.do_get(get()).await?.into_inner()
            }
            answered => answered?.into_inner(),
        };
        let schema = evidence_schema(admitted);
        let answer = decode(stream, query_id, v1::AnswerKind::Evidence, &schema).await.unwrap();
        let mut evidence = read(admitted, &answer.batches).unwrap();
        draw(admitted, &mut evidence);
        Ok(evidence)
    }
}

/// Draws the question's shares for the fixed state.
pub(super) fn draw(admitted: &Admitted<Tabulation>, evidence: &mut Evidence) {
    let keys = DatasetKeys::derive(&SECRET, &admitted.dataset().name);
    evidence.draw(admitted, &keys, STATE);
}

/// What the gateway asked, with what it was told.
pub(super) type Asked = (Tabulation, Evidence);

/// What the gateway sent to look up in.
#[derive(Debug, Clone, Default)]
pub(super) struct Lent {
    editions: Editions,
    contents: Vec<Vec<FlightData>>,
}

/// A node to the gateway; behind it stands one of several.
#[derive(Debug, Clone)]
pub(super) struct Relay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: v1::NodeCatalog,
    behind: Mutex<Arc<Served>>,
    asked: Mutex<Vec<Asked>>,
    lent: Mutex<Lent>,
}

impl Relay {
    /// Serves, with this node behind, and gives the address.
    pub(super) async fn start(behind: &Arc<Served>) -> (Self, String) {
        let relay = Self(Arc::new(Inner {
            catalog: behind.catalog.clone(),
            behind: Mutex::new(Arc::clone(behind)),
            asked: Mutex::default(),
            lent: Mutex::default(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Server::builder()
            .add_service(FlightServiceServer::new(relay.clone()))
            .add_service(ControlServer::new(relay.clone()));
        tokio::spawn(router.serve_with_incoming(greeted(listener, "health", "any")));
        (relay, address)
    }

    /// Puts another node behind.
    pub(super) fn put_behind(&self, served: &Arc<Served>) {
        *self.0.behind.lock().unwrap() = Arc::clone(served);
        self.0.asked.lock().unwrap().clear();
    }

    /// What the gateway sent to look up in, so far.
    pub(super) fn lent(&self) -> Lent {
        self.0.lent.lock().unwrap().clone()
    }

    /// What was asked since.
    pub(super) fn take_asked(&self) -> Vec<Asked> {
        let mut asked = std::mem::take(&mut *self.0.asked.lock().unwrap());
        // Leaves are asked for at once, so that they come in any order.
        asked.sort_by_key(|(tabulation, _)| format!("{tabulation:?}"));
        asked
    }
}

#[tonic::async_trait]
impl Control for Relay {
    async fn describe(
        &self,
        _: Request<v1::DescribeRequest>,
    ) -> Result<Response<v1::NodeCatalog>, Status> {
        Ok(Response::new(self.0.catalog.clone()))
    }

    async fn ping(
        &self,
        _: Request<v1::PingRequest>,
    ) -> Result<Response<v1::PingResponse>, Status> {
        Ok(Response::new(v1::PingResponse {}))
    }
}

type Messages<T> = BoxStream<'static, Result<T, Status>>;

fn not_offered<T>() -> Result<T, Status> {
    Err(Status::unimplemented(""))
}

#[tonic::async_trait]
impl FlightService for Relay {
    type HandshakeStream = Messages<HandshakeResponse>;
    type ListFlightsStream = Messages<FlightInfo>;
    type DoGetStream = Messages<FlightData>;
    type DoPutStream = Messages<PutResult>;
    type DoExchangeStream = Messages<FlightData>;
    type DoActionStream = Messages<arrow_flight::Result>;
    type ListActionsStream = Messages<ActionType>;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let request = NodeRequest::decode(&request.into_inner().ticket).unwrap();
        let Question::Tabulation(tabulation) = request.question else { return not_offered() };
        let behind = Arc::clone(&self.0.behind.lock().unwrap());
        let admitted = admit(tabulation.clone(), Arc::clone(&behind.dataset)).unwrap();
        self.0.lent.lock().unwrap().editions.extend(request.editions);
        let evidence = behind.evidence(&admitted, &self.lent()).await?;
        let messages = encode_evidence(request.query_id, &admitted, &evidence).unwrap();
        self.0.asked.lock().unwrap().push((tabulation, evidence));
        Ok(Response::new(futures::stream::iter(messages.into_iter().map(Ok)).boxed()))
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
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let content = request.into_inner().try_collect().await?;
        self.0.lent.lock().unwrap().contents.push(content);
        Ok(Response::new(futures::stream::empty().boxed()))
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
