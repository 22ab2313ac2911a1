//! A Flight SQL server that is as small as an honest one can be: it answers statements, from a DataFusion with its own defaults.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightServiceServer;
use arrow_flight::sql::server::FlightSqlService;
use arrow_flight::sql::{
    CommandStatementQuery, ProstMessageExt as _, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::{DataFrame, ParquetReadOptions, SessionContext};
use futures::{StreamExt as _, TryStreamExt as _};
use insitu_tests::Department;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A server that listens. Ends when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    /// Over one department's files, in memory as the department's are, on a free port of loopback.
    pub(super) async fn over(department: &Department) -> Result<Self> {
        let session = tables(department).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let service = FlightServiceServer::new(Statements {
            session,
            announced: Mutex::default(),
            next: AtomicU64::new(0),
        });
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Ok(Self { address, serving })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn tables(department: &Department) -> Result<SessionContext> {
    let store = Arc::new(InMemory::new());
    let session = SessionContext::new();
    for (name, file) in &department.files {
        store.put(&Path::from(name.as_str()), file.clone().into()).await?;
    }
    let url = "memory://server".try_into().unwrap();
    let store: Arc<dyn ObjectStore> = store;
    session.runtime_env().register_object_store(&url, store);
    for (name, _) in &department.files {
        let (table, url) = (name.trim_end_matches(".parquet"), format!("memory://server/{name}"));
        session.register_parquet(table, url, ParquetReadOptions::default()).await?;
    }
    Ok(session)
}

/// Statements that were announced and not fetched yet: each is planned once.
struct Statements {
    session: SessionContext,
    announced: Mutex<HashMap<Vec<u8>, DataFrame>>,
    next: AtomicU64,
}

type Answer = Pin<Box<dyn futures::Stream<Item = Result<arrow_flight::FlightData, Status>> + Send>>;

#[tonic::async_trait]
impl FlightSqlService for Statements {
    type FlightService = Self;

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let frame = self.session.sql(&query.query).await.map_err(|e| told(&e))?;
        let schema = frame.schema().as_arrow().clone();
        let handle = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec();
        self.announced.lock().await.insert(handle.clone(), frame);
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        let ticket = Ticket::new(ticket.as_any().encode_to_vec());
        let info = FlightInfo::new().try_with_schema(&schema).map_err(|e| told(&e.into()))?;
        let info = info.with_endpoint(FlightEndpoint::new().with_ticket(ticket));
        Ok(Response::new(info.with_descriptor(request.into_inner())))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _: Request<Ticket>,
    ) -> Result<Response<Answer>, Status> {
        let frame = self.announced.lock().await.remove(ticket.statement_handle.as_ref());
        let frame = frame.ok_or_else(|| Status::not_found("no such statement"))?;
        let rows = frame.execute_stream().await.map_err(|e| told(&e))?;
        let encoder = FlightDataEncoderBuilder::new().with_schema(rows.schema());
        let rows = rows.map_err(|e| FlightError::Tonic(Box::new(told(&e))));
        Ok(Response::new(encoder.build(rows).map_err(Status::from).boxed()))
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

fn told(error: &DataFusionError) -> Status {
    Status::internal(error.strip_backtrace())
}
