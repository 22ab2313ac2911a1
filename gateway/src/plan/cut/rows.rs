//! What may still be rows of a department, to be seen from a plan's shape alone.
//!
//! To cut a plan tells for certain. But where it is cut only to see what it is, and then again, a chain of such plans is cut twice
//! as often with each: thirty of them would never end.

use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::logical_expr::expr::{Exists, InSubquery, SetComparison};
use insitu_engine::logical_expr::{Expr, LogicalPlan, Subquery};

/// How often rows are brought together beneath an aggregation, at most: by their unit, and in a condition once more.
const ROLL_UPS_MAX: usize = 2;

/// Whether a plan may be rows: of tables, and of units that are brought together. Of others that aren't cut to find it out.
pub(super) fn may_be_rows(plan: &LogicalPlan) -> bool {
    may_be(plan, ROLL_UPS_MAX)
}

fn may_be(plan: &LogicalPlan, roll_ups: usize) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_) => {
            let inputs = plan.inputs();
            inputs.into_iter().all(|input| may_be(input, roll_ups))
                && plan.expressions().iter().all(|expr| subqueries_may_be(expr, roll_ups))
        }
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => {
            let below = roll_ups.checked_sub(1);
            below.is_some_and(|below| plan.inputs().into_iter().all(|input| may_be(input, below)))
        }
        LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::RecursiveQuery(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_) => false,
    }
}

fn subqueries_may_be(expr: &Expr, roll_ups: usize) -> bool {
    let mut all = true;
    let walked = expr.apply(|expr| {
        let (Expr::ScalarSubquery(subquery)
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::Exists(Exists { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. })) = expr
        else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let Subquery { subquery, .. } = subquery;
        all &= may_be(subquery, roll_ups);
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && all
}
