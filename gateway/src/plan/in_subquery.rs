//! `IN` a subquery where its third value would be lost.
//!
//! `x IN (SELECT y ...)` is unknown where `x` is NULL, or where some `y` is and none is `x`. The engine makes a join of it.
//! Where the whole condition is `[NOT] IN`, or one of several joined by `AND`, that join knows of the third value. Anywhere
//! else it marks each row true or false, and unknown becomes false: no harm where only truth counts, a wrong
//! answer beneath `NOT`, as a value, or asked whether it `IS NULL`. There it is refused, unless neither side can be NULL.

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::DFSchema;
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::logical_expr::expr::InSubquery;
use insitu_engine::logical_expr::utils::split_conjunction;
use insitu_engine::logical_expr::{BinaryExpr, Expr, ExprSchemable as _, LogicalPlan, Operator};

use super::error::planning_refusal;

/// What of a condition counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Whether it is true: false and unknown are one.
    Truth,
    /// Each of its three values.
    Value,
}

/// Refuses a raw plan in which unknown would become false.
///
/// # Errors
/// `Q104`.
pub(super) fn check(raw: &LogicalPlan) -> Result<(), Refusals> {
    let mut lost = false;
    let walked = raw.apply_with_subqueries(|node| {
        let conditions: Vec<&Expr> = match node {
            LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate),
            LogicalPlan::Join(join) => {
                join.filter.iter().flat_map(|filter| split_conjunction(filter)).collect()
            }
            _ => {
                for expr in node.expressions() {
                    lost |= loses(&expr, Counts::Value, node)?;
                }
                Vec::new()
            }
        };
        for condition in conditions {
            lost |= match condition {
                Expr::InSubquery(_) => false,
                Expr::Not(inner) if matches!(inner.as_ref(), Expr::InSubquery(_)) => false,
                other => loses(other, Counts::Truth, node)?,
            };
        }
        Ok(if lost { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| planning_refusal(&error))?;
    if !lost {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::Q104,
        "`IN` a subquery stands where unknown isn't false, and values may be NULL: beneath `NOT` or as a value.",
        "Write `[NOT] IN` as a condition of its own, joined by `AND`, or write `[NOT] EXISTS`.",
    )
    .into())
}

/// Whether an `IN` in it may be unknown where that counts.
fn loses(expr: &Expr, counts: Counts, node: &LogicalPlan) -> insitu_engine::error::Result<bool> {
    Ok(match expr {
        Expr::InSubquery(found) => {
            (found.negated || counts == Counts::Value) && may_be_unknown(found, node)?
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            loses(left, counts, node)? || loses(right, counts, node)?
        }
        Expr::IsTrue(inner) | Expr::IsNotTrue(inner) => loses(inner, Counts::Truth, node)?,
        Expr::Alias(alias) => loses(&alias.expr, counts, node)?,
        Expr::Case(case) => {
            let of_when = if case.expr.is_none() { Counts::Truth } else { Counts::Value };
            let mut lost = false;
            for (when, then) in &case.when_then_expr {
                lost |= loses(when, of_when, node)? || loses(then, Counts::Value, node)?;
            }
            for other in case.expr.iter().chain(&case.else_expr) {
                lost |= loses(other, Counts::Value, node)?;
            }
            lost
        }
        other => {
            let mut lost = false;
            other.apply_children(|child| {
                lost |= loses(child, Counts::Value, node)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
            lost
        }
    })
}

fn may_be_unknown(found: &InSubquery, node: &LogicalPlan) -> insitu_engine::error::Result<bool> {
    let of_rows = node.inputs().iter().try_fold(DFSchema::empty(), |all, input| {
        all.join(input.schema()).or_else(|_| Ok::<_, insitu_engine::error::DataFusionError>(all))
    })?;
    // What isn't among the rows' columns is of an outer statement's, and may be anything.
    let left = found.expr.nullable(&of_rows).unwrap_or(true);
    let right = found.subquery.subquery.schema().fields().iter().any(|field| field.is_nullable());
    Ok(left || right)
}
