//! What `datafusion-federation` sends its SQL through: a Flight SQL client of one server.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::FlightInfo;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{PhysicalExpr, SendableRecordBatchStream};
use datafusion::sql::unparser::dialect::{DefaultDialect, Dialect};
use datafusion_federation::sql::SQLExecutor;
use futures::TryStreamExt as _;
use tonic::transport::{Channel, Endpoint};

use crate::federation::tpch::tables::Table;

/// A connection to one server.
pub(super) struct FlightSqlExecutor {
    address: SocketAddr,
    client: FlightSqlServiceClient<Channel>,
}

impl FlightSqlExecutor {
    /// Connects, with the windows that a gateway has on its connections to nodes.
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(external)?;
        let endpoint = endpoint
            .initial_stream_window_size(Some(4 << 20))
            .initial_connection_window_size(Some(16 << 20))
            .tcp_nodelay(true);
        let channel = endpoint.connect().await.map_err(external)?;
        Ok(Self { address, client: FlightSqlServiceClient::new(channel) })
    }
}

#[async_trait]
impl SQLExecutor for FlightSqlExecutor {
    fn name(&self) -> &str {
        "flight_sql"
    }

    /// Its address: what two servers have isn't joined or added up at one of them.
    fn compute_context(&self) -> Option<String> {
        Some(self.address.to_string())
    }

    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(DefaultDialect {})
    }

    /// Filters that a plan finds while it runs are of joins and of the first rows in an order, which no question here has.
    fn execute(
        &self,
        query: &str,
        schema: SchemaRef,
        _: &[Arc<dyn PhysicalExpr>],
    ) -> Result<SendableRecordBatchStream> {
        let rows = rows(self.client.clone(), query.to_owned());
        let rows = futures::stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    async fn table_names(&self) -> Result<Vec<String>> {
        Ok(Table::ALL.map(|table| table.name().to_owned()).to_vec())
    }

    async fn get_table_schema(&self, table_name: &str) -> Result<SchemaRef> {
        let sql = format!("SELECT * FROM {table_name}");
        let info = self.client.clone().execute(sql, None).await.map_err(flight)?;
        Ok(Arc::new(info.try_decode_schema()?))
    }
}

async fn rows(
    mut client: FlightSqlServiceClient<Channel>,
    sql: String,
) -> Result<SendableRecordBatchStream> {
    let info = client.execute(sql, None).await.map_err(flight)?;
    let FlightInfo { endpoint, .. } = &info;
    let ticket = endpoint.first().and_then(|endpoint| endpoint.ticket.clone());
    let ticket = ticket.ok_or_else(|| external("an announcement without a ticket"))?;
    let rows = client.do_get(ticket).await.map_err(flight)?.map_err(flight);
    let schema = Arc::new(info.try_decode_schema()?);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

fn flight(error: FlightError) -> DataFusionError {
    match error {
        FlightError::Tonic(status) => external(status.message()),
        other => external(other),
    }
}

fn external(error: impl Display) -> DataFusionError {
    DataFusionError::External(error.to_string().into())
}
