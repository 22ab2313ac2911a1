//! From a plan to its batches.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::{ExecutionPlan, execute_stream};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{OpenSession, SharedPlan};

/// Optimises and plans.
///
/// # Errors
/// The engine's, while planning; they may quote literals of the plan.
// Boxed here: whoever awaits it has nothing of the engine's in its own future.
pub fn physical(
    session: OpenSession,
    plan: SharedPlan,
) -> BoxFuture<'static, Result<Arc<dyn ExecutionPlan>>> {
    async move { session.create_physical_plan(plan.get()).await }.boxed()
}

/// Plans, where the plan was optimised in such a session before.
///
/// # Errors
/// As [`physical`]'s.
pub fn physical_of_optimised(
    session: OpenSession,
    plan: SharedPlan,
) -> BoxFuture<'static, Result<Arc<dyn ExecutionPlan>>> {
    async move {
        let planner = session.query_planner();
        planner.create_physical_plan(plan.get(), &*session).await
    }
    .boxed()
}

/// Begins to run: the batches come as the stream is read.
///
/// # Errors
/// The engine's.
pub fn stream(
    session: &OpenSession,
    plan: Arc<dyn ExecutionPlan>,
) -> Result<SendableRecordBatchStream> {
    execute_stream(plan, session.task_ctx())
}
