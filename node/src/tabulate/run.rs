//! A plan run to completion, within limits of memory, time and groups, away from the threads that
//! serve the network.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures::StreamExt as _;
use futures::future::{BoxFuture, ready};
use insitu_engine::common::DataFusionError;
use insitu_engine::execution::config::SessionConfig;
use insitu_engine::execution::memory_pool::GreedyMemoryPool;
use insitu_engine::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use insitu_engine::logical_expr::LogicalPlan;
use insitu_engine::optimizer::OptimizerRule;
use insitu_engine::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use insitu_engine::optimizer::eliminate_filter::EliminateFilter;
use insitu_engine::optimizer::optimize_projections::OptimizeProjections;
use insitu_engine::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use insitu_engine::optimizer::push_down_filter::PushDownFilter;
use insitu_engine::optimizer::simplify_expressions::SimplifyExpressions;
use insitu_engine::physical_plan::ExecutionPlan;
use insitu_engine::{
    OpenSession, Sessions, Settings, SharedPlan, SpillFolder, disk, forget_above_joins,
    is_spill_full, physical, stream,
};

use super::even::{evaluate_whole, look_in_kept, whole};
use super::few_rows;
use super::function::TooLarge;
use super::held_rows::hold_joined;
use super::memory::{Memory, OpenPool, Share};
use super::threads::EngineThreads;
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

/// The engine: plans and runs, on threads that do nothing else.
#[derive(Debug)]
pub(crate) struct Engine {
    threads: EngineThreads,
    memory: Arc<Memory>,
    /// Sessions are made once: options, rules and functions are the same for all queries.
    loading: OpenSession,
    open: BySpread,
    protected: BySpread,
}

#[derive(Debug)]
struct BySpread {
    on_one: OpenSession,
    on_all: OpenSession,
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

/// How memory is held for a plan.
#[derive(Debug, Clone)]
pub(crate) enum Holds {
    /// Of open data: as much as operators reserve.
    Reservations,
    /// Of protected data: of this share, which the plan's own aggregates have, too.
    Share(Share),
}

/// So many rows are read by one thread in about a millisecond.
const FEW_ROWS: u64 = 65_536;

/// Operators reserve at most twice what is held for them.
const BEYOND: usize = 2;

/// Rows of one batch within the engine: small enough for a cancelled query to stop soon.
const BATCH_ROWS: usize = 8_192;

impl Engine {
    /// An engine with this much memory for all its queries together. What doesn't fit of open data goes to this folder.
    pub(crate) fn new(
        sessions: Arc<dyn Sessions>,
        memory_bytes: usize,
        spill: Option<&Arc<SpillFolder>>,
        threads: &EngineThreads,
    ) -> Result<Self, DataFusionError> {
        let memory = Memory::new(memory_bytes);
        // Spilled rows of protected data would be personal data on a disk: a query that doesn't fit is refused. Sources of
        // either kind are read with this one, too.
        let loading = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(OpenPool::new(&memory)))
            .with_disk_manager_builder(disk(None))
            .build_arc()?;
        let open = RuntimeEnvBuilder::from_runtime_env(&loading)
            .with_disk_manager_builder(disk(spill))
            .build_arc()?;
        // Questions about protected data end where their share does. This pool is met only by a fault in that count.
        let beyond = GreedyMemoryPool::new(memory_bytes.saturating_mul(BEYOND));
        let protected = RuntimeEnvBuilder::from_runtime_env(&loading)
            .with_memory_pool(Arc::new(beyond))
            .build_arc()?;
        let parallel = EngineThreads::parallel();
        let session = |config, runtime: &Arc<_>, rules: fn(&mut Settings)| {
            let mut settings = settings(config, Arc::clone(runtime));
            rules(&mut settings);
            sessions.open(settings)
        };
        let by_spread = |runtime, rules: fn(&mut Settings)| {
            let of = |threads| session(closed(threads), runtime, rules);
            let [on_one, on_all] = [1, parallel].map(of);
            BySpread { on_one, on_all }
        };
        let loading = session(SessionConfig::new(), &loading, |_| {});
        let open = by_spread(&open, |_| {});
        let protected = by_spread(&protected, work_evenly);
        Ok(Self { threads: threads.clone(), memory, loading, open, protected })
    }

    /// One with this much memory, threads of its own and nowhere to spill.
    #[cfg(test)]
    pub(crate) fn for_tests(memory_bytes: usize) -> Self {
        let threads = EngineThreads::start().unwrap();
        Self::new(insitu_planner::Planner::shared(), memory_bytes, None, &threads).unwrap()
    }

    /// The share of a question about protected data: of all memory, at most what `drawn` says.
    pub(crate) fn share(&self, spread: Spread, drawn: impl FnOnce(usize) -> usize) -> Share {
        let tables = match spread {
            Spread::OneThread => 1,
            // One of a thread's groups, and one of all.
            Spread::AllThreads => 2,
        };
        Share::new(&self.memory, drawn(self.memory.bytes()), tables)
    }

    /// The session that sources are read in, with the same memory, object stores and caches as the queries'.
    pub(crate) const fn loading(&self) -> &OpenSession {
        &self.loading
    }

    /// Tasks on the engine's threads, its own helpers included: a task whose query was dropped counts
    /// until it has really stopped. Those of all nodes that share the threads.
    pub(crate) fn tasks(&self) -> usize {
        self.threads.handle().map_or(0, |threads| threads.metrics().num_alive_tasks())
    }

    /// The session of queries that are spread so, over data of which memory is held so.
    pub(super) fn session(&self, spread: Spread, holds: &Holds) -> OpenSession {
        let sessions = match holds {
            Holds::Reservations => &self.open,
            Holds::Share(_) => &self.protected,
        };
        match spread {
            Spread::OneThread => sessions.on_one.clone(),
            Spread::AllThreads => sessions.on_all.clone(),
        }
    }

    /// Runs a plan to its end. Dropping the future stops it.
    pub(crate) fn run(
        &self,
        plan: LogicalPlan,
        spread: Spread,
        holds: Holds,
        wanted: Wanted,
        rows_max: usize,
        time_max: Duration,
    ) -> BoxFuture<'static, Result<Vec<RecordBatch>, RunError>> {
        let Some(threads) = self.threads.handle() else {
            return Box::pin(ready(Err(RunError::Panicked)));
        };
        // Both end with this future: tasks that wait are dropped with the set, those that work see that
        // nobody wants their batches.
        let session = self.session(spread, &holds);
        let mut task = tokio::task::JoinSet::new();
        let plan = SharedPlan::new(plan);
        let planned = match spread {
            Spread::OneThread => few_rows::operators(session.clone(), plan),
            Spread::AllThreads => physical(session.clone(), plan),
        };
        task.spawn_on(collect(session, planned, holds, wanted.look(), rows_max), threads);
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

/// Closed options.
fn closed(threads: usize) -> SessionConfig {
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
    // Of what is simplified to a literal the plan says that it is there, and operators that it may not be: no difference.
    config.options_mut().execution.skip_physical_aggregate_schema_check = true;
    config
}

/// Closed rules.
fn settings(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Settings {
    let mut settings = Settings::new(config, runtime);
    settings.logical_rules = logical_rules();
    settings.physical_rules.retain(|rule| PHYSICAL_RULES.contains(&rule.name()));
    settings.physical_rules.insert(0, forget_above_joins());
    settings
}

/// Rules of protected data: see [`super::even`].
fn work_evenly(settings: &mut Settings) {
    let rules = &mut settings.physical_rules;
    let sides_are_chosen = rules.iter().position(|rule| rule.name() == "join_selection");
    rules.insert(sides_are_chosen.map_or(0, |at| at.saturating_add(1)), look_in_kept());
    rules.insert(0, evaluate_whole());
}

/// The rules for operators, chosen likewise, in the engine's order. Among those left out is the one that takes a count from a
/// file's statistics: counts come from rows, since statistics say nothing of units.
const PHYSICAL_RULES: [&str; 7] = [
    "join_selection",
    "FilterPushdown",
    "EnsureRequirements",
    "CombinePartialFinalAggregate",
    "ProjectionPushdown",
    "EnsureCooperative",
    "SanityCheckPlan",
];

/// Those of the engine's rules that do something for a Tabulation: conditions go down to the scan, which reads no
/// columns but those needed. The others are for joins written in other ways than ours, subqueries, unions
/// and limits, which no plan here has, and to find that out takes longer than all the rest of planning.
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
    session: OpenSession,
    planned: BoxFuture<'static, Result<Arc<dyn ExecutionPlan>, DataFusionError>>,
    holds: Holds,
    look: Look,
    rows_max: usize,
) -> Result<Vec<RecordBatch>, RunError> {
    let running = planned
        .await
        .and_then(|physical| look.before_each_batch(physical))
        .and_then(|physical| match &holds {
            Holds::Reservations => Ok(physical),
            // Operators over few rows have seen no rule.
            Holds::Share(share) => hold_joined(whole(physical)?, share),
        })
        .and_then(|physical| stream(&session, physical));
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

impl From<DataFusionError> for RunError {
    fn from(error: DataFusionError) -> Self {
        engine_error(error)
    }
}

fn engine_error(error: DataFusionError) -> RunError {
    if is_spill_full(&error) {
        return RunError::OutOfMemory;
    }
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
    use std::collections::BTreeMap;

    use arrow_array::Int64Array;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use insitu_engine::datasource::{MemTable, provider_as_source};
    use insitu_engine::functions_aggregate::expr_fn::{count, sum};
    use insitu_engine::logical_expr::{LogicalPlanBuilder, col};

    use super::*;

    /// A rule that the engine calls otherwise after an upgrade would be left out in silence.
    #[test]
    fn every_rule_that_is_chosen_is_one_of_the_engines() {
        let engine = Engine::for_tests(1 << 20);
        for spread in [Spread::OneThread, Spread::AllThreads] {
            let session = engine.session(spread, &Holds::Reservations);
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
        let engine = Engine::for_tests(1 << 20);
        assert_eq!(
            engine.session(Spread::OneThread, &Holds::Reservations).config().target_partitions(),
            1
        );
    }

    const GROUPS: i64 = 60_000;

    /// Each group has four rows, far from each other, that add up to ten times its number.
    fn by_group() -> LogicalPlan {
        let rows: Vec<i64> = (0..4 * GROUPS).collect();
        let batches = rows.chunks(1_000).map(|rows| {
            let keys = Int64Array::from_iter_values(rows.iter().map(|row| row % GROUPS));
            let weights = rows.iter().map(|row| (row % GROUPS) * (row / GROUPS + 1));
            let weights = Int64Array::from_iter_values(weights);
            RecordBatch::try_from_iter([("k", Arc::new(keys) as _), ("w", Arc::new(weights) as _)])
        });
        let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
        let halves = batches.chunks(batches.len().div_ceil(2)).map(<[RecordBatch]>::to_vec);
        let table = MemTable::try_new(batches[0].schema(), halves.collect()).unwrap();
        let scan = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None);
        let totals = [sum(col("w")), count(col("w"))];
        scan.unwrap().aggregate([col("k")], totals).unwrap().build().unwrap()
    }

    async fn run(engine: &Engine) -> Result<Vec<RecordBatch>, RunError> {
        let (spread, holds) = (Spread::AllThreads, Holds::Reservations);
        let minute = Duration::from_secs(60);
        engine.run(by_group(), spread, holds, Wanted::default(), usize::MAX, minute).await
    }

    /// Each group once, with what its rows come to.
    fn assert_whole(batches: &[RecordBatch], kib: usize) {
        let mut groups = BTreeMap::new();
        for batch in batches {
            let column = |i: usize| batch.column(i).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let totals = (column(1).value(row), column(2).value(row));
                let twice = groups.insert(column(0).value(row), totals);
                assert_eq!(twice, None, "{kib} KiB: a group came twice");
            }
        }
        let expect = (0..GROUPS).map(|k| (k, (10 * k, 4))).collect();
        assert!(groups == expect, "{kib} KiB: {} groups", groups.len());
    }

    /// Rows of protected data are never written to a disk, neither those of a question nor those of a file that is read.
    #[test]
    fn only_open_data_is_spilled() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(SpillFolder::open(dir.path(), 1 << 30).unwrap());
        let planner = insitu_planner::Planner::shared();
        let engine =
            Engine::new(planner, 1 << 20, Some(&folder), &EngineThreads::start().unwrap()).unwrap();
        let spills = |session: &OpenSession| session.runtime_env().disk_manager.tmp_files_enabled();
        for spread in [Spread::OneThread, Spread::AllThreads] {
            let share = Holds::Share(engine.share(spread, |all| all));
            assert!(spills(&engine.session(spread, &Holds::Reservations)));
            assert!(!spills(&engine.session(spread, &share)));
        }
        assert!(!spills(engine.loading()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_does_not_fit_of_open_data_is_spilled() {
        let (dir, kib) = (tempfile::tempdir().unwrap(), 4_096);
        let folder = |bytes| Arc::new(SpillFolder::open(dir.path(), bytes).unwrap());
        let planner = insitu_planner::Planner::shared;
        let engine = |spill| {
            Engine::new(planner(), kib << 10, spill, &EngineThreads::start().unwrap()).unwrap()
        };
        assert!(matches!(run(&engine(None)).await, Err(RunError::OutOfMemory)));
        let (small, large) = (folder(16 << 10), folder(1 << 30));
        assert!(matches!(run(&engine(Some(&small))).await, Err(RunError::OutOfMemory)));
        assert_whole(&run(&engine(Some(&large))).await.unwrap(), kib);
        assert_eq!((small.used(), large.used()), (0, 0));
    }

    /// The whole, or a refusal: an aggregation that is short of memory may give away groups that it has begun, for a second
    /// step to add up. Of these none reaches an answer, neither twice nor in part.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn memory_pressure_never_emits_early() {
        let (mut whole, mut refused) = (0, 0);
        for kib in [256, 1_024, 2_048, 3_072, 4_096, 6_144, 8_192, 12_288, 16_384, 32_768, 65_536] {
            let engine = Engine::for_tests(kib << 10);
            match run(&engine).await {
                Err(RunError::OutOfMemory) => refused += 1,
                Err(other) => panic!("{kib} KiB: {other}"),
                Ok(batches) => {
                    assert_whole(&batches, kib);
                    whole += 1;
                }
            }
        }
        assert!(0 < whole && 0 < refused, "{whole} whole, {refused} refused");
    }
}
