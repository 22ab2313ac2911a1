//! The gateway's engine: options frozen, functions from the gate's list, memory bounded.

use std::sync::Arc;

use insitu_engine::execution::SessionStateDefaults;
use insitu_engine::execution::config::SessionConfig;
use insitu_engine::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use insitu_engine::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use insitu_engine::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use insitu_engine::execution::session_state::{SessionState, SessionStateBuilder};
use insitu_engine::physical_optimizer::optimizer::PhysicalOptimizer;

use super::{approx_distinct, histogram};
use crate::gate::functions::is_offered;

/// Rows of one batch: joins look for a cancelled query between batches.
const BATCH_ROWS: usize = 1_024;

/// The engine.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: Arc<RuntimeEnv>,
}

impl Session {
    /// An engine with this much memory for all upper plans together.
    pub(crate) fn new(memory_bytes: usize) -> insitu_engine::common::Result<Self> {
        let pool =
            TrackConsumersPool::new(FairSpillPool::new(memory_bytes), std::num::NonZeroUsize::MIN);
        // The gateway keeps no data: nothing is spilled.
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(Self { runtime })
    }

    /// A state with closed options and functions.
    pub(crate) fn state(&self) -> SessionState {
        let mut config = SessionConfig::new()
            .with_batch_size(BATCH_ROWS)
            .with_target_partitions(1)
            .with_information_schema(false);
        let options = config.options_mut();
        // Strings are plain: clients read plain ones, and views keep what was filtered out.
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.enable_ident_normalization = true;
        options.optimizer.skip_failed_rules = false;
        // Each flag by itself: as a field the umbrella clears only itself.
        options.optimizer.enable_dynamic_filter_pushdown = false;
        options.optimizer.enable_topk_dynamic_filter_pushdown = false;
        options.optimizer.enable_join_dynamic_filter_pushdown = false;
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        let offered =
            |names: &[String], name: &str| is_offered(name) || names.iter().any(|n| is_offered(n));
        let scalars = SessionStateDefaults::default_scalar_functions();
        let aggregates = SessionStateDefaults::default_aggregate_functions();
        let windows = SessionStateDefaults::default_window_functions();
        let rules = PhysicalOptimizer::default().rules.into_iter();
        let rules = rules.filter(|rule| rule.name() != "aggregate_statistics").collect();
        SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(
                scalars.into_iter().filter(|f| offered(f.aliases(), f.name())).collect(),
            )
            .with_aggregate_functions(
                aggregates
                    .into_iter()
                    .filter(|f| f.name() != approx_distinct::NAME)
                    .chain([histogram::function(), approx_distinct::function()])
                    .filter(|f| offered(f.aliases(), f.name()))
                    .collect(),
            )
            .with_window_functions(
                windows.into_iter().filter(|f| offered(f.aliases(), f.name())).collect(),
            )
            .with_physical_optimizer_rules(rules)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INVARIANT(AI-7): a rule that fails ends the query, and nothing is carried from one scan to another while it runs.
    #[test]
    fn no_rule_is_skipped_and_no_filter_is_made_while_running() {
        let state = Session::new(1 << 20).unwrap().state();
        let optimizer = &state.config_options().optimizer;
        assert!(!optimizer.skip_failed_rules);
        for flag in [
            optimizer.enable_topk_dynamic_filter_pushdown,
            optimizer.enable_join_dynamic_filter_pushdown,
            optimizer.enable_aggregate_dynamic_filter_pushdown,
        ] {
            assert!(!flag);
        }
        let statistics = |rule: &Arc<
            dyn insitu_engine::physical_optimizer::PhysicalOptimizerRule + Send + Sync,
        >| rule.name() == "aggregate_statistics";
        assert!(!state.physical_optimizers().iter().any(statistics));
    }
}
