//! From a plan to its batches.

use std::sync::Arc;

use datafusion_catalog::Session;
use datafusion_common::Result;
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::execute_stream;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::SharedPlan;

/// Optimises and plans, and begins to run: the batches come as the stream is read.
///
/// # Errors
/// The engine's, while planning; they may quote literals of the plan.
// Boxed here: whoever awaits it has nothing of the engine's in its own future.
pub fn stream(
    session: Arc<dyn Session>,
    plan: SharedPlan,
) -> BoxFuture<'static, Result<SendableRecordBatchStream>> {
    async move {
        let physical = session.create_physical_plan(plan.get()).await?;
        execute_stream(physical, session.task_ctx())
    }
    .boxed()
}
