//! What stands in the upper plan for a table that is still to come: from a Tabulation, or from an
//! open dataset's rows. Like a remote table it has a schema and refuses to be scanned.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use insitu_disclosure::{Dataset, OpenDataset, Reference, Tabulation};
use insitu_engine::catalog::{Session, TableProvider};
use insitu_engine::common::{Constraints, DataFusionError, Result, Statistics};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableScan, TableType,
};
use insitu_engine::physical_plan::ExecutionPlan;

use super::relation::Relation;
use crate::catalog::Held;

/// A table that the departments will be asked for.
#[derive(Debug, Clone)]
pub(crate) enum Leaf {
    /// A protected table.
    Tabulation {
        /// The question.
        tabulation: Box<Tabulation>,
        /// Who is asked.
        held: Arc<Held>,
        /// What its rows are joined to, whether they are looked up in it or not.
        references: Vec<(Reference, Arc<Held>)>,
    },
    /// Rows of an open dataset.
    OpenRows {
        /// The dataset.
        open: OpenDataset,
        /// Who is asked.
        held: Arc<Held>,
    },
}

impl Leaf {
    /// Who is asked.
    pub(crate) const fn held(&self) -> &Arc<Held> {
        match self {
            Self::Tabulation { held, .. } | Self::OpenRows { held, .. } => held,
        }
    }

    /// What its rows are joined to.
    pub(crate) fn references(&self) -> &[(Reference, Arc<Held>)] {
        match self {
            Self::Tabulation { references, .. } => references,
            Self::OpenRows { .. } => &[],
        }
    }
}

/// The placeholder in the plan.
#[derive(Debug)]
pub(super) struct PendingTable {
    index: usize,
    schema: SchemaRef,
    /// Set for open data, whose filters may go to the departments.
    open: Option<Arc<Dataset>>,
}

impl PendingTable {
    /// A scan of the table that leaf number `index` will become.
    pub(super) fn scan(
        index: usize,
        schema: SchemaRef,
        open: Option<Arc<Dataset>>,
    ) -> Result<LogicalPlan> {
        let table: Arc<dyn TableProvider> = Arc::new(Self { index, schema, open });
        LogicalPlanBuilder::scan(format!("leaf_{index}"), provider_as_source(table), None)?.build()
    }

    /// The number of the leaf that a scan stands for.
    pub(super) fn index_of(scan: &TableScan) -> Option<usize> {
        let provider = insitu_engine::datasource::source_as_provider(&scan.source).ok()?;
        let any: &dyn Any = provider.as_ref();
        any.downcast_ref::<Self>().map(|pending| pending.index)
    }
}

#[async_trait]
impl TableProvider for PendingTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        None
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
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
        Err(DataFusionError::Internal("a table that hasn't come yet was scanned".to_owned()))
    }

    /// A filter on open data goes to the departments and stays here too, so that it may be checked
    /// twice but never forgotten. One on a protected table runs here: on shown values only.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let supported = |filter: &&Expr| match &self.open {
            Some(dataset) if Relation::condition_on(dataset, filter).is_some() => {
                TableProviderFilterPushDown::Inexact
            }
            Some(_) | None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(supported).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}
