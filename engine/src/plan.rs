//! A plan that is passed about.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use datafusion_expr::LogicalPlan;

/// A [`LogicalPlan`] that several may hold, and that may go to another thread.
///
/// That it may is proved here, once: `LogicalPlan` reaches hundreds of types, and for each future or task that holds one by
/// its own name a compiler spends seconds on the same proof.
#[derive(Clone)]
pub struct SharedPlan(Arc<dyn Borrow<LogicalPlan> + Send + Sync>);

impl SharedPlan {
    /// Of this plan.
    #[must_use]
    pub fn new(plan: LogicalPlan) -> Self {
        Self(Arc::new(plan))
    }

    /// The plan.
    #[must_use]
    pub fn get(&self) -> &LogicalPlan {
        self.0.as_ref().borrow()
    }
}

impl fmt::Debug for SharedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
