//! A plan run to completion, within limits of memory, time and groups, away from the threads that
//! serve the network.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures::StreamExt as _;
use futures::future::{BoxFuture, ready};
use insitu_engine::common::DataFusionError;
use insitu_engine::dataframe::DataFrame;
use insitu_engine::execution::config::SessionConfig;
use insitu_engine::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use insitu_engine::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use insitu_engine::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use insitu_engine::execution::session_state::{SessionState, SessionStateBuilder};
use insitu_engine::logical_expr::LogicalPlan;
use insitu_engine::physical_optimizer::PhysicalOptimizerRule;
use insitu_engine::physical_optimizer::optimizer::PhysicalOptimizer;

use super::function::TooLarge;
use super::unwanted::Wanted;

/// Why a plan didn't come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// More rows than allowed.
    #[error("more groups than allowed")]
    TooManyRows,
    /// Out of time.
    #[error("out of time")]
    OutOfTime,
    /// Out of memory.
    #[error("out of memory")]
    OutOfMemory,
    /// A number of open data can't be added up exactly.
    #[error("a number is too large")]
    TooLarge,
    /// The engine failed. The text may quote data: it is for the department's own log.
    #[error("the engine failed")]
    Engine(#[source] DataFusionError),
    /// The engine panicked; its message may quote data, and isn't kept.
    #[error("the engine panicked")]
    Panicked,
}

/// The engine: plans and runs, on threads of its own.
#[derive(Debug)]
pub(crate) struct Engine {
    runtime: Arc<RuntimeEnv>,
    threads: Threads,
    parallel: usize,
}

/// Threads that run plans. A `tokio` runtime can't be dropped where it would block, so it is
/// shut down in the background.
#[derive(Debug)]
struct Threads(Option<tokio::runtime::Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Rows of one batch within the engine: small enough for a cancelled query to stop soon.
const BATCH_ROWS: usize = 8_192;

impl Engine {
    /// An engine with this much memory for all its queries together.
    pub(crate) fn new(memory_bytes: usize) -> Result<Self, DataFusionError> {
        let names = std::num::NonZeroUsize::MIN;
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory_bytes), names);
        // Spilled rows would be personal data on a disk: a query that doesn't fit is refused.
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let parallel = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(parallel)
            .thread_name("insitu-engine")
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()?;
        Ok(Self { runtime, threads: Threads(Some(threads)), parallel })
    }

    /// The engine's memory, object stores and caches.
    pub(crate) const fn runtime_env(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// Tasks on the engine's threads, its own helpers included: a task whose query was dropped counts
    /// until it has really stopped.
    pub(crate) fn tasks(&self) -> usize {
        self.threads.0.as_ref().map_or(0, |threads| threads.metrics().num_alive_tasks())
    }

    /// A session for one query, with closed options and rules.
    pub(super) fn session(&self, wanted: &Wanted) -> SessionState {
        let mut config = SessionConfig::new()
            .with_batch_size(BATCH_ROWS)
            .with_target_partitions(self.parallel)
            .with_information_schema(false);
        let optimizer = &mut config.options_mut().optimizer;
        // Each flag by itself: as a field the umbrella clears only itself.
        optimizer.enable_dynamic_filter_pushdown = false;
        optimizer.enable_topk_dynamic_filter_pushdown = false;
        optimizer.enable_join_dynamic_filter_pushdown = false;
        optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        optimizer.skip_failed_rules = false;
        // Counts come from rows, never from a file's statistics, which say nothing of units.
        let rules = PhysicalOptimizer::default().rules.into_iter();
        let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> =
            rules.filter(|rule| rule.name() != "aggregate_statistics").collect();
        rules.push(Arc::new(wanted.rule()));
        SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_physical_optimizer_rules(rules)
            .build()
    }

    /// Runs a plan to its end. Dropping the future stops it. The future itself holds no plan: to prove that one may be
    /// sent to another thread takes the compiler some seconds wherever it is needed, and here it is once.
    pub(crate) fn run(
        &self,
        plan: LogicalPlan,
        rows_max: usize,
        time_max: Duration,
    ) -> BoxFuture<'static, Result<Vec<RecordBatch>, RunError>> {
        let Some(threads) = self.threads.0.as_ref() else {
            return Box::pin(ready(Err(RunError::Panicked)));
        };
        // Both end with this future: tasks that wait are dropped with the set, those that work see that
        // nobody wants their batches.
        let wanted = Wanted::default();
        let session = self.session(&wanted);
        let mut task = tokio::task::JoinSet::new();
        task.spawn_on(collect(session, plan, rows_max), threads.handle());
        Box::pin(async move {
            let _wanted = wanted;
            match tokio::time::timeout(time_max, task.join_next()).await {
                Err(_) => Err(RunError::OutOfTime),
                Ok(Some(Ok(result))) => result,
                // A panic in a kernel ends its task, not the node.
                Ok(Some(Err(_)) | None) => Err(RunError::Panicked),
            }
        })
    }
}

async fn collect(
    session: SessionState,
    plan: LogicalPlan,
    rows_max: usize,
) -> Result<Vec<RecordBatch>, RunError> {
    let mut stream = DataFrame::new(session, plan).execute_stream().await.map_err(engine_error)?;
    let mut batches = Vec::new();
    let mut rows = 0_usize;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(engine_error)?;
        rows = rows.saturating_add(batch.num_rows());
        if rows > rows_max {
            return Err(RunError::TooManyRows);
        }
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
    }
    Ok(batches)
}

fn engine_error(error: DataFusionError) -> RunError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => RunError::OutOfMemory,
        DataFusionError::External(source) if source.is::<TooLarge>() => RunError::TooLarge,
        DataFusionError::ArrowError(..)
        | DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::SQL(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Internal(_)
        | DataFusionError::Plan(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Execution(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::External(_)
        | DataFusionError::Context(..)
        | DataFusionError::Substrait(_)
        | DataFusionError::Diagnostic(..)
        | DataFusionError::Collection(_)
        | DataFusionError::Shared(_)
        | DataFusionError::Ffi(_) => RunError::Engine(error),
    }
}
