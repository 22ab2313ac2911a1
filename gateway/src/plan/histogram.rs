//! `histogram(x)`, which the engine doesn't have: known to the planner by name and type, and run by nobody.
//!
//! Over a department's measure it becomes part of a Tabulation. Anywhere above there is no published classification to
//! count by, and it is refused.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};
use insitu_disclosure::{Refusal, RefusalCode, ShownType};
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::expr::AggregateFunction;
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
    WindowFunctionDefinition,
};

/// The name in SQL.
pub(super) const NAME: &str = "histogram";

/// The function, for the planner's registry.
pub(super) fn function() -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(Histogram { signature }))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Histogram {
    signature: Signature,
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ShownType::Counts.data_type())
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Err(never_run())
    }

    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Err(never_run())
    }
}

fn never_run() -> DataFusionError {
    DataFusionError::Internal("`histogram` stands above a Tabulation".to_owned())
}

/// The Refusal for a histogram of released tables or open rows, if the expression is one.
pub(super) fn above(expr: &Expr) -> Option<Refusal> {
    let is_one = called(expr).is_some_and(|function| function.name() == NAME);
    is_one.then(|| {
        Refusal::new(
            RefusalCode::Q109,
            "`histogram` counts a department's measure in its published bins, and here there are none.",
            "Write the bands: `SELECT CASE WHEN x < 100 THEN ... END AS band, count(*) ... GROUP BY 1`.",
        )
    })
}

/// The aggregate that an expression calls, with `OVER` or without.
fn called(expr: &Expr) -> Option<&AggregateUDF> {
    if let Expr::AggregateFunction(AggregateFunction { func, .. }) = expr {
        return Some(func);
    }
    if let Expr::WindowFunction(window) = expr
        && let WindowFunctionDefinition::AggregateUDF(func) = &window.fun
    {
        return Some(func);
    }
    None
}
