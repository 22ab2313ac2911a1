//! The gateway's engine: options frozen, functions from the gate's list, memory bounded.

use std::sync::Arc;

use insitu_engine::execution::config::SessionConfig;
use insitu_engine::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use insitu_engine::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use insitu_engine::logical_expr::planner::ExprPlanner;
use insitu_engine::{
    Functions, OpenSession, Sessions, Settings, SpillFolder, disk, hide_constants,
};

use super::date_arithmetic::DateArithmetic;
use super::parameters::AddedUp;
use super::upper_threads::UpperThreads;
use super::{approx_distinct, checked, floats, histogram, percentiles, round};
use crate::gate::functions::is_offered;

/// Rows of one batch: joins look for a cancelled query between batches.
const BATCH_ROWS: usize = 1_024;

/// Rules for operators that the gateway does without. One takes counts from statistics. The others send conditions down to
/// files, of which there are none here, and look for columns by their names alone: above an outer join whose sides have
/// columns of one name, a condition on one side became one on the other.
const LEFT_OUT: [&str; 3] = ["aggregate_statistics", "FilterPushdown", "FilterPushdown(Post)"];

/// The engine.
#[derive(Debug)]
pub(crate) struct Session {
    /// Made once: its functions and rules are the same for all statements, and none depends on the time.
    state: State,
}

/// What one statement is planned and run under.
#[derive(Debug, Clone)]
pub(crate) struct State {
    session: OpenSession,
    /// The same with the rules alone that do something for chains.
    for_chains: OpenSession,
    planners: Arc<[Arc<dyn ExprPlanner>]>,
    threads: Arc<UpperThreads>,
}

impl State {
    /// The engine's session.
    pub(crate) const fn session(&self) -> &OpenSession {
        &self.session
    }

    /// The engine's session for optimising a plan in which each step has the rows of one other, down to a table.
    pub(crate) const fn for_chains(&self) -> &OpenSession {
        &self.for_chains
    }

    /// Threads for upper plans.
    pub(crate) fn threads(&self) -> &UpperThreads {
        &self.threads
    }

    /// What turns SQL's own notation into functions.
    pub(crate) fn planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }
}

impl Session {
    /// An engine with this much memory for all upper plans together. What doesn't fit goes to this folder.
    pub(crate) fn new(
        sessions: Arc<dyn Sessions>,
        memory_bytes: usize,
        spill: Option<&Arc<SpillFolder>>,
    ) -> insitu_engine::common::Result<Self> {
        let pool =
            TrackConsumersPool::new(FairSpillPool::new(memory_bytes), std::num::NonZeroUsize::MIN);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk(spill))
            .build_arc()?;
        let threads = Arc::new(UpperThreads::new()?);
        Ok(Self { state: closed_state(sessions.as_ref(), &runtime, threads) })
    }

    /// The state, with closed options and functions.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }
}

/// The rules that do something for a chain of projections, conditions, an order and a limit over a table, in the engine's order.
/// The others are for joins, unions, aggregations, `DISTINCT`, subqueries and nested types, and to find out that there are none takes
/// longer than all the rest. Both come to the same plan.
const RULES_FOR_CHAINS: [&str; 10] = [
    checked::NAME,
    "simplify_expressions",
    "eliminate_duplicated_expr",
    "eliminate_filter",
    "eliminate_limit",
    "propagate_empty_relation",
    "push_down_limit",
    "push_down_filter",
    "common_sub_expression_eliminate",
    "optimize_projections",
];

fn closed_state(
    sessions: &dyn Sessions,
    runtime: &Arc<RuntimeEnv>,
    threads: Arc<UpperThreads>,
) -> State {
    let settings = closed_settings(Arc::clone(runtime));
    let planners = settings.functions.planners.clone().into();
    let mut for_chains = closed_settings(Arc::clone(runtime));
    for_chains.logical_rules.retain(|rule| RULES_FOR_CHAINS.contains(&rule.name()));
    let (session, for_chains) = (sessions.open(settings), sessions.open(for_chains));
    State { session, for_chains, planners, threads }
}

fn closed_settings(runtime: Arc<RuntimeEnv>) -> Settings {
    let mut config = SessionConfig::new()
        .with_batch_size(BATCH_ROWS)
        .with_target_partitions(1)
        .with_information_schema(false);
    let options = config.options_mut();
    // Strings are plain: clients read plain ones, and views keep what was filtered out.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.enable_ident_normalization = true;
    options.optimizer.skip_failed_rules = false;
    // Operators may tell less of what can't be NULL than plans do, and the engine ends a query for that.
    options.execution.skip_physical_aggregate_schema_check = true;
    // Each flag by itself: as a field the umbrella clears only itself.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let offered =
        |names: &[String], name: &str| is_offered(name) || names.iter().any(|n| is_offered(n));
    let mut functions = Functions::of_datafusion();
    functions.planners.insert(0, Arc::new(DateArithmetic));
    functions.planners.insert(0, Arc::new(AddedUp));
    functions.aggregate.retain(|f| f.name() != approx_distinct::NAME);
    functions.aggregate.extend([histogram::function(), approx_distinct::function()]);
    functions.scalar.retain(|f| offered(f.aliases(), f.name()));
    functions.scalar = functions.scalar.into_iter().map(round::mended).collect();
    functions.aggregate.retain(|f| offered(f.aliases(), f.name()));
    functions.aggregate =
        functions.aggregate.into_iter().map(floats::mended).map(percentiles::mended).collect();
    functions.window.retain(|f| offered(f.aliases(), f.name()));
    let mut settings = Settings::new(config, runtime);
    settings.functions = functions;
    // Before any rule calculates with what is written.
    settings.logical_rules.insert(0, checked::rule());
    settings.physical_rules.retain(|rule| !LEFT_OUT.contains(&rule.name()));
    settings.physical_rules.insert(0, hide_constants());
    settings
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use futures::TryStreamExt as _;
    use insitu_engine::common::{DataFusionError, JoinType};
    use insitu_engine::datasource::{MemTable, provider_as_source};
    use insitu_engine::functions_aggregate::expr_fn::count;
    use insitu_engine::logical_expr::{LogicalPlanBuilder, col, lit};
    use insitu_engine::{SharedPlan, physical, stream};

    use super::*;

    /// A rule that the engine calls otherwise after an upgrade would be left out in silence.
    #[test]
    fn every_rule_for_chains_is_a_rule() {
        let runtime = RuntimeEnvBuilder::new().build_arc().unwrap();
        let settings = closed_settings(runtime);
        let rules: Vec<&str> = settings.logical_rules.iter().map(|rule| rule.name()).collect();
        for name in RULES_FOR_CHAINS {
            assert!(rules.contains(&name), "{name} of {rules:?}");
        }
    }

    /// INVARIANT(AI-7): a rule that fails ends the query, and nothing is carried from one scan to another while it runs.
    #[test]
    fn no_rule_is_skipped_and_no_filter_is_made_while_running() {
        let engine = Session::new(insitu_planner::Planner::shared(), 1 << 20, None).unwrap();
        let session = engine.state().session();
        let optimizer = &session.config_options().optimizer;
        assert!(!optimizer.skip_failed_rules);
        for flag in [
            optimizer.enable_topk_dynamic_filter_pushdown,
            optimizer.enable_join_dynamic_filter_pushdown,
            optimizer.enable_aggregate_dynamic_filter_pushdown,
        ] {
            assert!(!flag);
        }
        let names: Vec<&str> = session.physical_optimizers().iter().map(|r| r.name()).collect();
        assert!(names.contains(&"ProjectionPushdown"));
        assert!(!names.iter().any(|name| LEFT_OUT.contains(name)));
    }

    const ROWS: i64 = 1_000_000;

    /// A sort of more rows than there is memory for: of 12 MiB the engine keeps 10 for merging.
    #[tokio::test]
    async fn what_does_not_fit_is_spilled_where_there_is_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(SpillFolder::open(dir.path(), 1 << 30).unwrap());
        let keys: Vec<i64> = (0..ROWS).map(|i| i * 7_919 % ROWS).collect();
        let batches = keys.chunks(BATCH_ROWS).map(|keys| {
            let keys: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
            RecordBatch::try_from_iter([("k", keys)]).unwrap()
        });
        let batches: Vec<RecordBatch> = batches.collect();
        let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
        let scan = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None);
        let plan = scan.unwrap().sort([col("k").sort(true, true)]).unwrap().build().unwrap();
        let sorted = async |spill| {
            let engine = Session::new(insitu_planner::Planner::shared(), 12 << 20, spill).unwrap();
            let session = engine.state().session().clone();
            let plan = physical(session.clone(), SharedPlan::new(plan.clone())).await.unwrap();
            stream(&session, plan).unwrap().try_collect::<Vec<RecordBatch>>().await
        };
        let refused = sorted(None).await.unwrap_err();
        assert!(matches!(refused.find_root(), DataFusionError::ResourcesExhausted(_)));
        let batches = sorted(Some(&folder)).await.unwrap();
        let keys = batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values());
        assert!(keys.copied().eq(0..ROWS));
        assert_eq!(folder.used(), 0);
    }

    /// The column is one value in all rows of the joined table that are left, and NULL beside rows without one.
    #[tokio::test]
    async fn a_column_that_is_one_value_is_two_above_an_outer_join() {
        let table = |name: &str, rows: i64, column: fn(i64) -> i64| {
            let batches = (0..rows).collect::<Vec<i64>>();
            let batches = batches.chunks(BATCH_ROWS).map(|rows| {
                let of = |f: &dyn Fn(i64) -> i64| {
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| f(*row))))
                        as ArrayRef
                };
                let key = of(&|row| row % 40);
                RecordBatch::try_from_iter([("key", key), ("is", of(&column))]).unwrap()
            });
            let batches: Vec<RecordBatch> = batches.collect();
            let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
            LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None).unwrap()
        };
        let west = table("areas", 40, |row| row / 20).filter(col("areas.is").eq(lit(0_i64)));
        let rows = table("rows", 5_000, |_| 0);
        let on = (vec!["rows.key"], vec!["areas.key"]);
        let joined = rows.join(west.unwrap().build().unwrap(), JoinType::Left, on, None).unwrap();
        let counted = joined.aggregate([col("areas.is")], [count(col("rows.is"))]).unwrap();
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let session = engine.state().session().clone();
        let plan = SharedPlan::new(counted.build().unwrap());
        let plan = physical(session.clone(), plan).await.unwrap();
        let batches: Vec<RecordBatch> =
            stream(&session, plan).unwrap().try_collect().await.unwrap();
        let groups = batches.iter().flat_map(|batch| {
            let column = |i: usize| batch.column(i).as_primitive::<Int64Type>().iter();
            column(0).zip(column(1)).collect::<Vec<_>>()
        });
        let mut groups: Vec<_> = groups.collect();
        groups.sort_unstable();
        assert_eq!(groups, [(None, Some(2_500)), (Some(0), Some(2_500))]);
    }

    /// Each part has its own value in the first column, by which all are ordered.
    #[tokio::test]
    async fn parts_of_a_union_are_ordered_by_what_each_of_them_has_once() {
        let part = |i: i64| {
            let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3));
            let batch = RecordBatch::try_from_iter([("n", rows)]).unwrap();
            let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
            let scan = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None);
            scan.unwrap().project([lit(i).alias("i"), col("n")]).unwrap()
        };
        let parts = part(2).union(part(3).build().unwrap()).unwrap();
        let parts = parts.union(part(1).build().unwrap()).unwrap();
        let keys = [col("i").sort(true, true), col("n").sort(true, true)];
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let session = engine.state().session().clone();
        for (limit, expect) in
            [(None, vec![1, 1, 1, 2, 2, 2, 3, 3, 3]), (Some(4), vec![1, 1, 1, 2])]
        {
            let sorted = parts.clone().sort_with_limit(keys.clone(), limit).unwrap();
            let sorted = sorted.project([col("n"), col("i")]).unwrap().build().unwrap();
            let plan = physical(session.clone(), SharedPlan::new(sorted)).await.unwrap();
            let batches: Vec<RecordBatch> =
                stream(&session, plan).unwrap().try_collect().await.unwrap();
            let keys =
                batches.iter().flat_map(|b| b.column(1).as_primitive::<Int64Type>().values());
            assert_eq!(keys.copied().collect::<Vec<i64>>(), expect);
        }
    }
}
