//! The upper plan: ordinary SQL over released tables and open rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::StreamExt as _;
use insitu_disclosure::{Refusal, RefusalCode, Refusals, Scalar};
use insitu_engine::catalog::{MemTable, TableProvider};
use insitu_engine::common::tree_node::{Transformed, TreeNodeRecursion};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::logical_plan::TableScanBuilder;
use insitu_engine::logical_expr::{LogicalPlan, TableScan};
use insitu_engine::{SharedPlan, physical_of_optimised, stream};
use insitu_proto::request::RowsLimit;

use super::error::{planning_refusal, running_refusal};
use super::few_rows::{self, Tables, is_chain};
use super::leaf::{Leaf, PendingTable};
use super::limit::limits;
use super::misuse;
use super::relation::Relation;
use super::request_size::needed;
use super::session::State;

/// The most rows a result may have.
const RESULT_ROWS_MAX: usize = 1_000_000;

/// Analyses and optimises the upper plan. Its leaves hold nothing yet, so nothing can be carried from
/// one department to another.
pub(crate) fn optimise(upper: &LogicalPlan, state: &State) -> Result<SharedPlan, Refusals> {
    let session = if is_chain(upper) { state.for_chains() } else { state.session() };
    let optimised = session.optimize(upper).map_err(|e| planning_refusal(&e))?;
    match misuse::left_over(&optimised).map_err(|e| planning_refusal(&e))? {
        Some(refusal) => Err(refusal.into()),
        None => Ok(SharedPlan::new(optimised)),
    }
}

/// What the upper plan needs of an open leaf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenNeed {
    /// Columns by name, in the scan's order.
    pub(crate) columns: Vec<String>,
    /// Condition on a row.
    pub(crate) predicate: Option<Scalar>,
    /// How many rows of each department; `None` for all.
    pub(crate) limit: Option<RowsLimit>,
}

/// What an optimised plan needs of each open leaf, by the leaf's number.
pub(crate) fn open_needs(
    optimised: &LogicalPlan,
    leaves: &[Leaf],
) -> Result<HashMap<usize, OpenNeed>, Refusals> {
    let mut needs = HashMap::new();
    let mut limits = limits(optimised, leaves).map_err(|e| planning_refusal(&e))?;
    let visited = optimised.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(index) = PendingTable::index_of(scan)
            && let Some(Leaf::OpenRows { open, .. }) = leaves.get(index)
        {
            let columns = scan.projected_schema.fields().iter().map(|f| f.name().clone()).collect();
            let conditions: Option<Vec<Scalar>> =
                scan.filters.iter().map(|f| Relation::condition_on(open.get(), f)).collect();
            // A condition that can't be sent stays in the plan above.
            let conditions = conditions.unwrap_or_default();
            let need = OpenNeed { columns, predicate: None, limit: limits.remove(&index) };
            needs.insert(index, needed(open.get(), need, conditions));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_err(|e| planning_refusal(&e))?;
    Ok(needs)
}

/// Puts tables in the leaves' places and runs the plan, on threads of its own. It was optimised before anything was read, and
/// what was read changes nothing in that.
pub(crate) async fn run_upper(
    optimised: SharedPlan,
    tables: Tables,
    state: &State,
) -> Result<Vec<RecordBatch>, Refusals> {
    let of_plan = state.clone();
    state.threads().run(async move { run(&optimised, &tables, &of_plan).await }).await
}

async fn run(
    optimised: &SharedPlan,
    tables: &Tables,
    state: &State,
) -> Result<Vec<RecordBatch>, Refusals> {
    let at_once = few_rows::operators(optimised.get(), tables, state.session());
    let planned = match at_once {
        Some(planned) => planned,
        None => {
            let plan = with_tables(optimised.get(), tables).map_err(|e| planning_refusal(&e))?;
            physical_of_optimised(state.session().clone(), plan).await
        }
    };
    let running = planned.and_then(|physical| stream(state.session(), physical));
    let mut stream = running.map_err(|e| running_refusal(&e))?;
    let mut batches = Vec::new();
    let mut rows = 0_usize;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|e| running_refusal(&e))?;
        rows = rows.saturating_add(batch.num_rows());
        if rows > RESULT_ROWS_MAX {
            return Err(Refusal::new(
                RefusalCode::L504,
                format!("the result has more than {RESULT_ROWS_MAX} rows."),
                "Filter, or group by fewer columns.",
            )
            .into());
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// The plan with the tables in the leaves' places.
pub(super) fn with_tables(
    optimised: &LogicalPlan,
    tables: &Tables,
) -> insitu_engine::common::Result<SharedPlan> {
    let filled = optimised.clone().transform_up_with_subqueries(|node| match &node {
        LogicalPlan::TableScan(scan) => match PendingTable::index_of(scan) {
            Some(index) => filled(scan, tables.get(&index)).map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(SharedPlan::new(filled.data))
}

/// The scan over the table that came. An open table has just the columns that the scan needs; a
/// protected one has all of its columns.
fn filled(
    scan: &TableScan,
    table: Option<&(SchemaRef, Vec<RecordBatch>)>,
) -> insitu_engine::common::Result<LogicalPlan> {
    let missing =
        || insitu_engine::common::DataFusionError::Internal("a table is missing".to_owned());
    let (schema, batches) = table.ok_or_else(missing)?;
    let wanted: Vec<&str> =
        scan.projected_schema.fields().iter().map(|f| f.name().as_str()).collect();
    let projection = wanted
        .iter()
        .map(|name| schema.index_of(name).ok())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(missing)?;
    let provider: Arc<dyn TableProvider> =
        Arc::new(MemTable::try_new(Arc::clone(schema), vec![batches.clone()])?);
    TableScanBuilder::new(scan.table_name.clone(), provider_as_source(provider))
        .with_projection(Some(projection))
        .with_fetch(scan.fetch)
        .build()
        .map(LogicalPlan::TableScan)
}
