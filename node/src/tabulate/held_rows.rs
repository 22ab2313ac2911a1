//! Rows that a join keeps while it looks for their likes: a share of memory is held for them. One more is among them, so that
//! there always is one to look for ([why](super::even)).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use futures::{Stream, StreamExt as _};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use insitu_engine::physical_expr::expressions::Column;
use insitu_engine::physical_plan::execution_plan::replace_children_if_necessary;
use insitu_engine::physical_plan::joins::HashJoinExec;
use insitu_engine::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};

use super::even::is_looked_in;
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
        let stranger = stranger(node.as_ref())?;
        let mut children: Vec<_> = node.children().into_iter().cloned().collect();
        if let Some(kept) = children.first_mut() {
            let input = Arc::clone(kept);
            *kept = Arc::new(HeldRows { input, share: share.clone(), stranger });
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
    /// A row that comes after the others.
    stranger: Option<RecordBatch>,
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
        let stranger = self.stranger.clone();
        Ok(Arc::new(Self { input, share: self.share.clone(), stranger }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let stranger = self.stranger.clone();
        Ok(Box::pin(HeldBatches { input, share: self.share.clone(), stranger }))
    }
}

/// A row for the side that a join keeps, whose ids no row of the other side has but by one chance in 2 to the power of 64 for
/// each. `None` where it would come out by itself, or where an id can't be drawn from so many: of dates, and truth values.
fn stranger(join: &dyn ExecutionPlan) -> Result<Option<RecordBatch>> {
    let Some(join) = join.downcast_ref::<HashJoinExec>() else { return Ok(None) };
    if !is_looked_in(*join.join_type()) {
        return Ok(None);
    }
    let schema = join.left().schema();
    let is_key = |index: usize| {
        let mut keys = join.on().iter().filter_map(|(key, _)| key.downcast_ref::<Column>());
        keys.any(|key| key.index() == index)
    };
    if !join.on().iter().all(|(key, _)| key.is::<Column>()) {
        return Ok(None);
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields().iter().enumerate() {
        let value = if is_key(index) {
            let Some(id) = drawn(field.data_type()) else { return Ok(None) };
            id
        } else if field.is_nullable() {
            ScalarValue::try_from(field.data_type())?
        } else {
            ScalarValue::new_default(field.data_type())?
        };
        columns.push(value.to_array_of_size(1)?);
    }
    Ok(Some(RecordBatch::try_new(schema, columns)?))
}

/// A value of an id's type that nobody has.
fn drawn(data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Int64 => Some(ScalarValue::Int64(Some(rand::random()))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = format!("{:032x}", rand::random::<u128>());
            ScalarValue::from(text).cast_to(data_type).ok()
        }
        DataType::Decimal128(38, places) => {
            // 2 to the power of 126 has 38 digits.
            let digits = rand::random::<i128>() >> 2_u32;
            Some(ScalarValue::Decimal128(Some(digits), 38, *places))
        }
        // Of other types somebody may have it. Arrow's list of types grows.
        _ => None,
    }
}

struct HeldBatches {
    input: SendableRecordBatchStream,
    share: Share,
    stranger: Option<RecordBatch>,
}

impl Stream for HeldBatches {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match self.input.poll_next_unpin(context) {
            Poll::Ready(None) => Poll::Ready(self.stranger.take().map(Ok)),
            next => next,
        };
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
