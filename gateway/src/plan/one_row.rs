//! `EXISTS` and `IN` a subquery that has one row whatever it is of.
//!
//! An aggregate without `GROUP BY` has one row, of no rows too: `EXISTS (SELECT count(*) ...)` is true, and `0 IN (SELECT
//! count(*) ...)` is where there are none. Where the subquery is correlated the engine makes a join of it, to groups, and of
//! no rows there is no group. So that is refused. A comparison with such a subquery, `0 = (SELECT count(*) ...)`, is right.

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::logical_expr::expr::{Exists, InSubquery};
use insitu_engine::logical_expr::{Expr, LogicalPlan, Subquery};

use super::error::planning_refusal;

/// Refuses a raw plan in which such a row would be missing.
///
/// # Errors
/// `Q104`.
pub(super) fn check(raw: &LogicalPlan) -> Result<(), Refusals> {
    let mut missing = false;
    let walked = raw.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            expr.apply(|expr| {
                missing |= match expr {
                    Expr::Exists(Exists { subquery, .. })
                    | Expr::InSubquery(InSubquery { subquery, .. }) => {
                        is_correlated(subquery) && has_one_row(&subquery.subquery)
                    }
                    // The engine has many more expressions: of their parts each is looked at.
                    _ => false,
                };
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(if missing { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| planning_refusal(&error))?;
    if !missing {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::Q104,
        "`EXISTS` or `IN` a subquery that aggregates without `GROUP BY`, for each row around it: it has one row, of no rows too.",
        "Compare with its value, `(SELECT count(*) ...) > 0`, or ask whether rows exist: `EXISTS (SELECT 1 ...)`.",
    )
    .into())
}

fn is_correlated(subquery: &Subquery) -> bool {
    !subquery.outer_ref_columns.is_empty()
}

/// Whether what it is made of has one row before conditions, limits and the like.
fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().any(has_one_row),
        LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => false,
    }
}
