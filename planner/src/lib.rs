//! Opens the engine's sessions: all that needs the whole of DataFusion, its physical planner before all. Nothing but a
//! program's start depends on this crate, so that a compiler can build the rest of insitu beside DataFusion.

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use insitu_engine::{Functions, OpenSession, Sessions, Settings};

/// DataFusion's planner.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planner;

impl Planner {
    /// For nodes and gateways.
    #[must_use]
    pub fn shared() -> Arc<dyn Sessions> {
        Arc::new(Self)
    }
}

impl Sessions for Planner {
    fn open(&self, settings: Settings) -> OpenSession {
        let Settings { config, runtime, functions, logical_rules, physical_rules } = settings;
        let Functions { planners, scalar, aggregate, window } = functions;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(planners)
            .with_scalar_functions(scalar)
            .with_aggregate_functions(aggregate)
            .with_window_functions(window)
            .with_optimizer_rules(logical_rules)
            .with_physical_optimizer_rules(physical_rules)
            .build();
        OpenSession::new(Arc::new(state))
    }
}
