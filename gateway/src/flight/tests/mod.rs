//! The edge as a client meets it: over a socket, with a gateway that no department is connected to.
//! Statements here read no table; those that do are the federation's tests.

mod actions;
mod login;
mod refusals;
mod statements;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    Any, Command, CommandPreparedStatementQuery, CommandStatementQuery, ProstMessageExt,
};
use arrow_flight::utils::flight_data_to_batches;
use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightInfo, IpcMessage, SchemaAsIpc, Ticket,
};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::Schema;
use futures::{TryStreamExt as _, stream};
use prost::Message;
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};

use super::{Limits, service};
use crate::analyst::Analysts;
use crate::nodes::Directory;
use crate::query::Gateway;

/// A gateway's edge on a port of this machine.
struct Served {
    address: SocketAddr,
}

async fn served() -> Served {
    let directory = Arc::new(Directory::new(Vec::new()));
    let gateway = Arc::new(
        Gateway::new(
            insitu_planner::Planner::shared(),
            directory,
            64 << 20,
            None,
            insitu_guard::Guards::ephemeral(),
        )
        .unwrap(),
    );
    let analysts = Arc::new(Analysts::new([("ada", "token-of-ada"), ("ben", "token-of-ben")]));
    let limits = Limits {
        deadline_max: Duration::from_secs(20),
        statements_running_max: 4,
        statements_waiting_max: 8,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(service(gateway, analysts, limits));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Served { address }
}

impl Served {
    /// A client that sends these headers with each call.
    async fn client(&self, headers: &[(&'static str, &str)]) -> Client {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let inner = FlightServiceClient::new(channel.connect().await.unwrap());
        let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        Client { inner, headers }
    }

    async fn ada(&self) -> Client {
        self.client(&[("authorization", "Bearer token-of-ada")]).await
    }

    async fn ben(&self) -> Client {
        self.client(&[("authorization", "Bearer token-of-ben")]).await
    }
}

/// A Flight client that adds nothing of its own.
struct Client {
    inner: FlightServiceClient<Channel>,
    headers: Vec<(&'static str, String)>,
}

type Answered<T> = Result<T, Status>;

impl Client {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.headers {
            request.metadata_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    async fn info(&mut self, command: &impl ProstMessageExt) -> Answered<FlightInfo> {
        let request = self.request(descriptor(command));
        self.inner.get_flight_info(request).await.map(Response::into_inner)
    }

    async fn schema(&mut self, command: &impl ProstMessageExt) -> Answered<Bytes> {
        let request = self.request(descriptor(command));
        self.inner.get_schema(request).await.map(|r| r.into_inner().schema)
    }

    async fn messages(&mut self, ticket: Ticket) -> Answered<Vec<FlightData>> {
        let request = self.request(ticket);
        all(self.inner.do_get(request).await?).await
    }

    /// The one batch behind a ticket.
    async fn get(&mut self, ticket: Ticket) -> Answered<RecordBatch> {
        let mut batches = flight_data_to_batches(&self.messages(ticket).await?).unwrap();
        assert_eq!(batches.len(), 1);
        Ok(batches.remove(0))
    }

    async fn query(&mut self, sql: &str) -> Answered<RecordBatch> {
        let info = self.info(&statement(sql)).await?;
        self.get(ticket(&info)).await
    }

    async fn act(&mut self, name: &str, body: impl Into<Bytes>) -> Answered<Vec<Bytes>> {
        let request = self.request(Action::new(name, body));
        let results = all(self.inner.do_action(request).await?).await?;
        Ok(results.into_iter().map(|result| result.body).collect())
    }

    /// Sends a row for a prepared statement; returns the handle that comes back.
    async fn bind(&mut self, handle: &Bytes, row: &RecordBatch) -> Answered<Bytes> {
        let mut messages = encode(row);
        messages[0].flight_descriptor = Some(descriptor(&prepared(handle)));
        self.put(messages).await
    }

    async fn put(&mut self, messages: Vec<FlightData>) -> Answered<Bytes> {
        let request = self.request(stream::iter(messages));
        let results = all(self.inner.do_put(request).await?).await?;
        let result =
            arrow_flight::sql::DoPutPreparedStatementResult::decode(&*results[0].app_metadata);
        Ok(result.unwrap().prepared_statement_handle.unwrap())
    }
}

async fn all<T>(response: Response<Streaming<T>>) -> Answered<Vec<T>> {
    response.into_inner().try_collect().await
}

fn statement(sql: &str) -> CommandStatementQuery {
    CommandStatementQuery { query: sql.to_owned(), transaction_id: None }
}

fn prepared(handle: &Bytes) -> CommandPreparedStatementQuery {
    CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() }
}

fn descriptor(command: &impl ProstMessageExt) -> FlightDescriptor {
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

/// The handle in a statement's ticket.
fn handle(ticket: &Ticket) -> Bytes {
    match Command::try_from(Any::decode(&*ticket.ticket).unwrap()).unwrap() {
        Command::TicketStatementQuery(ticket) => ticket.statement_handle,
        other => panic!("{other:?}"),
    }
}

fn encode(batch: &RecordBatch) -> Vec<FlightData> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(false);
    let mut context = IpcWriteContext::default();
    let (_, message) =
        IpcDataGenerator::default().encode(batch, &mut tracker, &options, &mut context).unwrap();
    vec![FlightData::from(SchemaAsIpc::new(&batch.schema(), &options)), message.into()]
}

/// A schema from where it was announced.
fn announced(bytes: &Bytes) -> Schema {
    Schema::try_from(IpcMessage(bytes.clone())).unwrap()
}
