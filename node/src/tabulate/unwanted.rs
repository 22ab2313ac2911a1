//! A query whose answer nobody wants any more ends at its next batch.
//!
//! Dropping the engine's tasks isn't enough. A task ends at the next point where it waits, and over data
//! that is always there the engine's operators come to such a point only every hundred batches or so; a
//! plan's tasks also end one after the other, each behind the other's batch. That can be many seconds of
//! a department's time. So every leaf of a plan looks, before each batch, whether the answer is wanted.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::Stream;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use insitu_engine::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};

/// Held by whoever waits for a query's answer. When it is dropped, the query ends.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    gone: Arc<AtomicBool>,
}

impl Wanted {
    /// What a plan looks at.
    pub(super) fn look(&self) -> Look {
        Look { gone: Arc::clone(&self.gone) }
    }

    /// For what the plan itself does between batches.
    pub(super) fn still(&self) -> StillWanted {
        StillWanted { gone: Arc::clone(&self.gone) }
    }
}

/// For work between batches: whether anybody waits for what it comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct StillWanted {
    gone: Arc<AtomicBool>,
}

impl StillWanted {
    /// An error once nobody waits. Looked at every some ten thousand rows of work.
    pub(super) fn look(&self) -> Result<()> {
        if self.gone.load(Ordering::Relaxed) { Err(unwanted()) } else { Ok(()) }
    }
}

// The engine compares aggregates to find equal expressions.
impl PartialEq for StillWanted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.gone, &other.gone)
    }
}

impl Eq for StillWanted {}

impl Hash for StillWanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.gone).hash(state);
    }
}

/// An error and not an end: a part must never pass for the whole.
fn unwanted() -> DataFusionError {
    DataFusionError::Execution("nobody wants the answer".to_owned())
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// Whether somebody still waits.
#[derive(Debug)]
pub(super) struct Look {
    gone: Arc<AtomicBool>,
}

impl Look {
    /// Puts a [`WhileWanted`] above each leaf of a plan that is optimised: no rule has to see through what it does.
    pub(super) fn before_each_batch(
        &self,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrapped = plan.transform_up(|node| {
            Ok(if node.children().is_empty() {
                let gone = Arc::clone(&self.gone);
                Transformed::yes(
                    Arc::new(WhileWanted { input: node, gone }) as Arc<dyn ExecutionPlan>
                )
            } else {
                Transformed::no(node)
            })
        })?;
        Ok(wrapped.data)
    }
}

/// Its input's batches, while they are wanted.
#[derive(Debug)]
struct WhileWanted {
    input: Arc<dyn ExecutionPlan>,
    gone: Arc<AtomicBool>,
}

impl DisplayAs for WhileWanted {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WhileWanted")
    }
}

impl ExecutionPlan for WhileWanted {
    fn name(&self) -> &str {
        "WhileWanted"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // One child at most: more would be a plan of another shape.
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, gone: Arc::clone(&self.gone) }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(WantedBatches { input, gone: Arc::clone(&self.gone) }))
    }
}

struct WantedBatches {
    input: SendableRecordBatchStream,
    gone: Arc<AtomicBool>,
}

impl Stream for WantedBatches {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.gone.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(unwanted())));
        }
        self.input.as_mut().poll_next(context)
    }
}

impl RecordBatchStream for WantedBatches {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use insitu_engine::datasource::MemTable;
    use insitu_engine::datasource::provider_as_source;
    use insitu_engine::functions_aggregate::expr_fn::sum;
    use insitu_engine::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col};
    use insitu_engine::physical_plan::{collect, displayable};

    use super::super::run::{Engine, Holds, Spread};
    use super::*;

    /// A sum over a thousand batches that are all there already.
    fn plan() -> LogicalPlan {
        let column = Arc::new(Int64Array::from(vec![1; 8_192])) as _;
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch; 1_000]]).unwrap();
        let scan = provider_as_source(Arc::new(table));
        let scan = LogicalPlanBuilder::scan("t", scan, None).unwrap();
        scan.aggregate(Vec::<Expr>::new(), [sum(col("n"))]).unwrap().build().unwrap()
    }

    #[tokio::test]
    async fn every_leaf_looks_whether_its_batches_are_wanted() {
        let engine = Engine::for_tests(64 << 20);
        let wanted = Wanted::default();
        let session = engine.session(Spread::AllThreads, &Holds::Reservations);
        let physical = session.create_physical_plan(&plan()).await.unwrap();
        let physical = wanted.look().before_each_batch(physical).unwrap();
        let shown = displayable(physical.as_ref()).indent(false).to_string();
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        let leaf = lines.iter().position(|line| line.starts_with("DataSourceExec")).unwrap();
        assert_eq!(lines[leaf - 1], "WhileWanted", "{shown}");
        let result = collect(Arc::clone(&physical), session.task_ctx()).await.unwrap();
        assert_eq!(result[0].column(0).as_primitive::<Int64Type>().value(0), 8_192_000);
        drop(wanted);
        let error = collect(physical, session.task_ctx()).await.unwrap_err();
        assert!(error.to_string().contains("nobody wants the answer"), "{error}");
    }
}
