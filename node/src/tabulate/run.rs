//! A plan run to completion, within limits of memory, time and groups, away from the threads that
//! serve the network.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures::StreamExt as _;
use futures::future::{BoxFuture, ready};
use insitu_engine::common::DataFusionError;
use insitu_engine::execution::config::SessionConfig;
use insitu_engine::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use insitu_engine::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use insitu_engine::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use insitu_engine::execution::session_state::{SessionState, SessionStateBuilder};
use insitu_engine::logical_expr::LogicalPlan;
use insitu_engine::optimizer::OptimizerRule;
use insitu_engine::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use insitu_engine::optimizer::eliminate_filter::EliminateFilter;
use insitu_engine::optimizer::optimize_projections::OptimizeProjections;
use insitu_engine::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use insitu_engine::optimizer::push_down_filter::PushDownFilter;
use insitu_engine::optimizer::simplify_expressions::SimplifyExpressions;
use insitu_engine::physical_optimizer::optimizer::PhysicalOptimizer;
use insitu_engine::physical_plan::execute_stream;

use super::function::TooLarge;
use super::unwanted::{Look, Wanted};

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
    /// Sessions are made once: options, rules and functions are the same for all queries.
    on_one: Arc<SessionState>,
    on_all: Arc<SessionState>,
}

/// Over how many threads a plan is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// To deal out so few rows would take longer than to read them.
    OneThread,
    /// Over all.
    AllThreads,
}

impl Spread {
    /// For a plan over so many rows.
    pub(crate) const fn over(rows: u64) -> Self {
        if rows <= FEW_ROWS { Self::OneThread } else { Self::AllThreads }
    }
}

/// So many rows are read by one thread in about a millisecond.
const FEW_ROWS: u64 = 65_536;

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
        let [on_one, on_all] =
            [1, parallel].map(|threads| Arc::new(session(Arc::clone(&runtime), threads)));
        Ok(Self { runtime, threads: Threads(Some(threads)), on_one, on_all })
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

    /// The session of queries that are spread so.
    pub(super) fn session(&self, spread: Spread) -> Arc<SessionState> {
        Arc::clone(match spread {
            Spread::OneThread => &self.on_one,
            Spread::AllThreads => &self.on_all,
        })
    }

    /// Runs a plan to its end. Dropping the future stops it. The future itself holds no plan: to prove that one may be
    /// sent to another thread takes the compiler some seconds wherever it is needed, and here it is once.
    pub(crate) fn run(
        &self,
        plan: LogicalPlan,
        spread: Spread,
        rows_max: usize,
        time_max: Duration,
    ) -> BoxFuture<'static, Result<Vec<RecordBatch>, RunError>> {
        let Some(threads) = self.threads.0.as_ref() else {
            return Box::pin(ready(Err(RunError::Panicked)));
        };
        // Both end with this future: tasks that wait are dropped with the set, those that work see that
        // nobody wants their batches.
        let wanted = Wanted::default();
        let session = self.session(spread);
        let mut task = tokio::task::JoinSet::new();
        task.spawn_on(collect(session, plan, wanted.look(), rows_max), threads.handle());
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

/// A session with closed options and rules.
fn session(runtime: Arc<RuntimeEnv>, threads: usize) -> SessionState {
    let mut config = SessionConfig::new()
        .with_batch_size(BATCH_ROWS)
        .with_target_partitions(threads)
        .with_information_schema(false);
    let optimizer = &mut config.options_mut().optimizer;
    // Each flag by itself: as a field the umbrella clears only itself.
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    optimizer.skip_failed_rules = false;
    // The rules come in an order in which once is enough.
    optimizer.max_passes = 1;
    let rules = PhysicalOptimizer::default().rules.into_iter();
    let rules = rules.filter(|rule| PHYSICAL_RULES.contains(&rule.name())).collect();
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_optimizer_rules(logical_rules())
        .with_physical_optimizer_rules(rules)
        .build()
}

/// The rules for operators, chosen likewise, in the engine's order. Among those left out is the one that takes a count from a
/// file's statistics: counts come from rows, since statistics say nothing of units.
const PHYSICAL_RULES: [&str; 6] = [
    "FilterPushdown",
    "EnsureRequirements",
    "CombinePartialFinalAggregate",
    "ProjectionPushdown",
    "EnsureCooperative",
    "SanityCheckPlan",
];

/// Those of the engine's rules that do something for a Tabulation: conditions go down to the scan, which reads no
/// columns but those needed. The others are for joins, subqueries, unions and limits, which no plan here has, and
/// to find that out takes longer than all the rest of planning.
fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(PushDownFilter::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(PropagateEmptyRelation::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

async fn collect(
    session: Arc<SessionState>,
    plan: LogicalPlan,
    look: Look,
    rows_max: usize,
) -> Result<Vec<RecordBatch>, RunError> {
    let planned = session.create_physical_plan(&plan).await;
    let running = planned
        .and_then(|physical| look.before_each_batch(physical))
        .and_then(|physical| execute_stream(physical, session.task_ctx()));
    let mut stream = running.map_err(engine_error)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that the engine calls otherwise after an upgrade would be left out in silence.
    #[test]
    fn every_rule_that_is_chosen_is_one_of_the_engines() {
        let engine = Engine::new(1 << 20).unwrap();
        for spread in [Spread::OneThread, Spread::AllThreads] {
            let session = engine.session(spread);
            let used: Vec<&str> = session.physical_optimizers().iter().map(|r| r.name()).collect();
            for chosen in PHYSICAL_RULES {
                assert!(used.contains(&chosen), "{chosen} of {used:?}");
            }
            assert!(!used.contains(&"aggregate_statistics"));
        }
    }

    #[test]
    fn few_rows_are_read_by_one_thread() {
        assert_eq!(Spread::over(0), Spread::OneThread);
        assert_eq!(Spread::over(FEW_ROWS), Spread::OneThread);
        assert_eq!(Spread::over(FEW_ROWS + 1), Spread::AllThreads);
        let engine = Engine::new(1 << 20).unwrap();
        assert_eq!(engine.session(Spread::OneThread).config().target_partitions(), 1);
    }
}
