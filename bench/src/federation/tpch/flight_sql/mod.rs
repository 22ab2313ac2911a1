//! DataFusion with `datafusion-federation`, over Flight SQL: eight servers in this process, each a plain DataFusion over the
//! files of one department, and a session to which a table is the `UNION ALL` of the eight servers' tables.
//!
//! 1. [`server`]: a server, on a socket of its own.
//! 2. [`executor`]: what `datafusion-federation` sends its SQL through.

mod executor;
mod server;

use std::sync::Arc;

use datafusion::catalog::SchemaProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::Optimizer;
use datafusion::prelude::SessionContext;
use datafusion_federation::sql::{SQLFederationProvider, SQLSchemaProvider};
use datafusion_federation::{FederatedQueryPlanner, FederationOptimizerRule};
use insitu_tests::{Asked, Department};

use self::executor::FlightSqlExecutor;
use self::server::Server;
use super::Peer;
use super::answers::Rows;
use super::tables::Table;

/// The session, and the servers that it asks.
pub(super) struct FlightSql {
    session: SessionContext,
    _servers: Vec<Server>,
}

impl FlightSql {
    /// A server for each department, over the same files in memory.
    pub(super) async fn over(departments: &[Department]) -> Peer<Self> {
        Self::start(session(), departments).await.map_err(|error| error.strip_backtrace())
    }

    async fn start(session: SessionContext, departments: &[Department]) -> Result<Self> {
        let mut servers = Vec::new();
        for (number, department) in departments.iter().enumerate() {
            let server = Server::over(department).await?;
            let executor = FlightSqlExecutor::connect(server.address()).await?;
            let provider = Arc::new(SQLFederationProvider::new(Arc::new(executor)));
            let tables: Arc<dyn SchemaProvider> = Arc::new(SQLSchemaProvider::new(provider).await?);
            let catalog = session.catalog("datafusion").ok_or_else(no_catalog)?;
            catalog.register_schema(&format!("server_{number}"), tables)?;
            servers.push(server);
        }
        session.sql("CREATE SCHEMA tpch").await?.collect().await?;
        for table in Table::ALL {
            let name = table.name();
            let part = |number| format!("SELECT * FROM server_{number}.{name}");
            let parts = (0..servers.len()).map(part).collect::<Vec<_>>().join(" UNION ALL ");
            let view = format!("CREATE VIEW tpch.{name} AS {parts}");
            session.sql(&view).await?.collect().await?;
        }
        Ok(Self { session, _servers: servers })
    }

    /// Asks it; or the class of the error that it ends with.
    pub(super) async fn ask(&self, sql: &str) -> Peer<Rows> {
        self.answer(sql).await.map_err(|error| class(&error))
    }

    async fn answer(&self, sql: &str) -> Result<Rows> {
        let frame = self.session.sql(sql).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await?;
        Ok(Asked { schema, batches, query_id: String::new() }.cells())
    }
}

/// The engine's defaults, with the rule that cuts out what a server can answer. It comes last, as in one of its crate's
/// examples, and so after filters and columns were pushed beneath the union. Where the crate puts it by default it comes before
/// they are, and servers are asked for all rows and columns of a table.
fn session() -> SessionContext {
    let mut rules = Optimizer::new().rules;
    rules.push(Arc::new(FederationOptimizerRule::new()));
    let state = SessionStateBuilder::new_with_default_features()
        .with_optimizer_rules(rules)
        .with_query_planner(Arc::new(FederatedQueryPlanner::new()))
        .build();
    SessionContext::new_with_state(state)
}

fn no_catalog() -> DataFusionError {
    DataFusionError::Internal("a session without its catalogue".to_owned())
}

/// What kind of error it is, in the engine's words: what stands before the message.
fn class(error: &DataFusionError) -> String {
    let before = |text: String| text.split(':').next().unwrap_or_default().to_owned();
    match error.find_root() {
        DataFusionError::External(told) => format!("at a server: {}", before(told.to_string())),
        here => before(here.to_string()),
    }
}

#[cfg(test)]
mod tests;
