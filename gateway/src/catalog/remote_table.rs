//! A dataset as the planner sees it: a schema, and nothing that could be read. A plan in which one is
//! left has not been cut, and fails closed.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use insitu_engine::catalog::{Session, TableProvider};
use insitu_engine::common::{Constraints, DataFusionError, Result, Statistics};
use insitu_engine::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use insitu_engine::physical_plan::ExecutionPlan;

use super::Held;

/// A dataset held by departments.
#[derive(Debug)]
pub(crate) struct RemoteTable {
    held: Arc<Held>,
    schema: SchemaRef,
}

impl RemoteTable {
    pub(crate) fn new(held: Arc<Held>) -> Self {
        let fields: Vec<Field> = held
            .dataset
            .visible()
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.scalar_type.data_type(), true))
            .collect();
        Self { held, schema: Arc::new(Schema::new(fields)) }
    }

    pub(crate) const fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// The remote table behind a plan's source.
    pub(crate) fn of(provider: &Arc<dyn TableProvider>) -> Option<&Self> {
        let any: &dyn Any = provider.as_ref();
        any.downcast_ref::<Self>()
    }
}

/// INVARIANT(AI-8): an uncut scan refuses.
fn uncut<T>() -> Result<T> {
    Err(DataFusionError::Internal("a department's dataset was left in a plan".to_owned()))
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        None
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        None
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    fn get_column_default(&self, _column: &str) -> Option<&Expr> {
        None
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        uncut()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;
    use insitu_disclosure::{Dataset, DatasetName, Protection};
    use insitu_engine::datasource::provider_as_source;
    use insitu_engine::logical_expr::LogicalPlanBuilder;

    use super::*;

    #[tokio::test]
    async fn uncut_scan_refused() {
        let dataset = Dataset {
            name: DatasetName::new("a", "b").unwrap(),
            description: None,
            columns: Vec::new(),
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot: 0,
        };
        let held = Held { dataset: Arc::new(dataset), holders: Vec::new(), conflict: None };
        let table = RemoteTable::new(Arc::new(held));
        let scan = LogicalPlanBuilder::scan("b", provider_as_source(Arc::new(table)), None);
        let plan = scan.unwrap().build().unwrap();
        let engine = SessionContext::new();
        let ran = engine.execute_logical_plan(plan).await.unwrap().collect().await;
        assert!(ran.unwrap_err().to_string().contains("was left in a plan"));
    }
}
