//! Rows that a join keeps while it looks for their likes: a share of memory is held for them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_array::{Array as _, RecordBatch};
use arrow_schema::SchemaRef;
use futures::{Stream, StreamExt as _};
use insitu_engine::common::Result;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use insitu_engine::physical_plan::execution_plan::replace_children_if_necessary;
use insitu_engine::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};

use super::group_keys::length;
use super::memory::Share;

/// Puts a [`HeldRows`] below each join of an optimised plan, on the side that is kept.
pub(super) fn hold_joined(
    plan: Arc<dyn ExecutionPlan>,
    share: &Share,
) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = plan.transform_up(|node| {
        if !node.name().contains("Join") {
            return Ok(Transformed::no(node));
        }
        let mut children: Vec<_> = node.children().into_iter().cloned().collect();
        if let Some(kept) = children.first_mut() {
            let input = Arc::clone(kept);
            *kept = Arc::new(HeldRows { input, share: share.clone() });
        }
        replace_children_if_necessary(node, children).map(Transformed::yes)
    })?;
    Ok(wrapped.data)
}

/// Its input's batches, each held.
#[derive(Debug)]
struct HeldRows {
    input: Arc<dyn ExecutionPlan>,
    share: Share,
}

impl DisplayAs for HeldRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldRows")
    }
}

impl ExecutionPlan for HeldRows {
    fn name(&self) -> &str {
        "HeldRows"
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
        Ok(Arc::new(Self { input, share: self.share.clone() }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(HeldBatches { input, share: self.share.clone() }))
    }
}

struct HeldBatches {
    input: SendableRecordBatchStream,
    share: Share,
}

impl Stream for HeldBatches {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.input.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(batch))) = &next {
            // Until the question ends: the join keeps the rows when these batches have all come.
            if let Err(error) = self.share.hold(bytes(batch)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        next
    }
}

impl RecordBatchStream for HeldBatches {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

/// A row's place in the table that is looked in,
const ROW: usize = 32;
/// and each of its columns, as it came and once more beside the others.
const COLUMN: usize = 32;

fn bytes(batch: &RecordBatch) -> usize {
    let row = ROW.saturating_add(COLUMN.saturating_mul(batch.num_columns()));
    let texts = batch.columns().iter().filter(|column| column.data_type().is_string());
    let texts = texts.flat_map(|texts| (0..texts.len()).map(|row| length(texts, row)));
    let texts = texts.fold(0, usize::saturating_add).saturating_mul(2);
    row.saturating_mul(batch.num_rows()).saturating_add(texts)
}
