//! Sessions: what a plan is planned and run under.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use datafusion_catalog::Session;
use datafusion_execution::config::SessionConfig;
use datafusion_execution::runtime_env::RuntimeEnv;
use datafusion_expr::planner::ExprPlanner;
use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion_functions::core::planner::CoreFunctionPlanner;
use datafusion_functions::datetime::planner::DatetimeFunctionPlanner;
use datafusion_functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion_functions_aggregate::planner::AggregateFunctionPlanner;
use datafusion_functions_window::planner::WindowFunctionPlanner;
use datafusion_optimizer::{Optimizer, OptimizerRule};
use datafusion_physical_optimizer::PhysicalOptimizerRule;
use datafusion_physical_optimizer::optimizer::PhysicalOptimizer;

/// Opens sessions.
pub trait Sessions: fmt::Debug + Send + Sync {
    /// A session with just these settings.
    fn open(&self, settings: Settings) -> OpenSession;
}

/// A session that may be shared; making one takes as long as planning a small statement.
#[derive(Clone)]
pub struct OpenSession(Arc<dyn Session>);

impl OpenSession {
    /// Of the engine's.
    #[must_use]
    pub fn new(session: Arc<dyn Session>) -> Self {
        Self(session)
    }
}

impl Deref for OpenSession {
    type Target = dyn Session;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

impl fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenSession").field(&self.0.session_id()).finish()
    }
}

/// What a session is opened with.
#[derive(Debug)]
pub struct Settings {
    /// Options.
    pub config: SessionConfig,
    /// Memory, disk, object stores and caches.
    pub runtime: Arc<RuntimeEnv>,
    /// Functions that can be named.
    pub functions: Functions,
    /// Rules for logical plans, in order, after those that give expressions their types.
    pub logical_rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
    /// Rules for physical plans, in order.
    pub physical_rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
}

impl Settings {
    /// With no function that can be named, and DataFusion's rules.
    #[must_use]
    pub fn new(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Self {
        let logical_rules = Optimizer::new().rules;
        let physical_rules = PhysicalOptimizer::default().rules;
        Self { config, runtime, functions: Functions::default(), logical_rules, physical_rules }
    }
}

/// Functions that statements can name, and what turns SQL's own notation into them.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    /// For notation such as `EXTRACT (... FROM ...)` and `POSITION (... IN ...)`.
    pub planners: Vec<Arc<dyn ExprPlanner>>,
    /// Of one row.
    pub scalar: Vec<Arc<ScalarUDF>>,
    /// Of a group of rows.
    pub aggregate: Vec<Arc<AggregateUDF>>,
    /// Of a row and others about it.
    pub window: Vec<Arc<WindowUDF>>,
}

impl Functions {
    /// All that DataFusion comes with, but those of nested types.
    #[must_use]
    pub fn of_datafusion() -> Self {
        Self {
            planners: vec![
                Arc::new(CoreFunctionPlanner::default()),
                Arc::new(DatetimeFunctionPlanner),
                Arc::new(UnicodeFunctionPlanner),
                Arc::new(AggregateFunctionPlanner),
                Arc::new(WindowFunctionPlanner),
            ],
            scalar: datafusion_functions::all_default_functions(),
            aggregate: datafusion_functions_aggregate::all_default_aggregate_functions(),
            window: datafusion_functions_window::all_default_window_functions(),
        }
    }
}
