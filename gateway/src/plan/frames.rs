//! Window frames by a distance over what has none: `ORDER BY name RANGE 1 PRECEDING`.
//!
//! The engine adds nothing to a text, and takes each row for alone in its frame.

use arrow_schema::DataType;
use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::logical_expr::expr::WindowFunction;
use insitu_engine::logical_expr::utils::merge_schema;
use insitu_engine::logical_expr::{
    Expr, ExprSchemable as _, LogicalPlan, WindowFrameBound, WindowFrameUnits,
};

use super::error::planning_refusal;

/// Refuses a raw plan with such a frame.
///
/// # Errors
/// `Q107`.
pub(super) fn check(raw: &LogicalPlan) -> Result<(), Refusals> {
    let mut refused = false;
    let walked = raw.apply_with_subqueries(|node| {
        let LogicalPlan::Window(window) = node else { return Ok(TreeNodeRecursion::Continue) };
        let schema = merge_schema(&node.inputs());
        for expr in &window.window_expr {
            expr.apply(|expr| {
                if let Expr::WindowFunction(function) = expr {
                    let types = function.params.order_by.iter().map(|s| s.expr.get_type(&schema));
                    // One without a type is refused elsewhere, or is a placeholder.
                    let types: Vec<DataType> = types.filter_map(Result::ok).collect();
                    refused |= has_distance(function) && !types.iter().all(has_distances);
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|error| planning_refusal(&error))?;
    if !refused {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::Q107,
        "a window frame by a distance, over what isn't a number, a date or a time.",
        "Write `ROWS` for a number of rows; or order by a number, a date or a time.",
    )
    .into())
}

fn has_distance(function: &WindowFunction) -> bool {
    let frame = &function.params.window_frame;
    frame.units == WindowFrameUnits::Range
        && [&frame.start_bound, &frame.end_bound].into_iter().any(|bound| match bound {
            // Without a value it is unbounded.
            WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => {
                !distance.is_null()
            }
            WindowFrameBound::CurrentRow => false,
        })
}

fn has_distances(of: &DataType) -> bool {
    of.is_numeric() || of.is_temporal() || of.is_null()
}
