//! Joins to a table that has one row at most, such as a total beside its parts.
//!
//! | written | read as |
//! |---|---|
//! | `FROM a CROSS JOIN (SELECT sum(x) AS total …) t`, `FROM a, (…) t`, `FROM a JOIN (…) t ON true` | each row of `a` beside that row |
//! | `FROM a JOIN (SELECT avg(x) AS mean …) t ON a.x > t.mean` | the same, and a condition above |
//! | `FROM a LEFT JOIN (SELECT sum(x) AS total …) t ON true` | the same: an aggregation without `GROUP BY` always has a row |
//!
//! Such a join has no more rows than the other table. The engine keeps its left side and goes through the right, so the row is
//! put on the left.

use insitu_engine::common::tree_node::Transformed;
use insitu_engine::common::{Column, JoinType, Result, ScalarValue};
use insitu_engine::logical_expr::{Expr, Join, Limit, LogicalPlan, LogicalPlanBuilder, Operator};

/// Whether a join is to a row at most, and can be read as such.
pub(super) fn is_to_one(join: &Join) -> bool {
    let are_alone = join.on.is_empty();
    let has_no_condition = join.filter.as_ref().is_none_or(always_holds);
    are_alone
        && match join.join_type {
            JoinType::Inner => has_one_at_most(&join.left) || has_one_at_most(&join.right),
            JoinType::Left => has_no_condition && has_exactly_one(&join.right),
            JoinType::Right
            | JoinType::Full
            | JoinType::LeftSemi
            | JoinType::RightSemi
            | JoinType::LeftAnti
            | JoinType::RightAnti
            | JoinType::LeftMark
            | JoinType::RightMark => false,
        }
}

/// The join with its condition above it, and the row on its left; the columns stay where they are.
pub(super) fn with_the_row_first(join: Join) -> Result<Transformed<LogicalPlan>> {
    let is_first = has_one_at_most(&join.left);
    let condition = join.filter.clone().filter(|condition| !always_holds(condition));
    if is_first && condition.is_none() && join.filter.is_none() {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let (row, rows) = if is_first { (&join.left, &join.right) } else { (&join.right, &join.left) };
    let joined =
        LogicalPlanBuilder::from(row.as_ref().clone()).cross_join(rows.as_ref().clone())?;
    let joined = match condition {
        Some(condition) => joined.filter(condition)?,
        None => joined,
    };
    let columns = join.schema.iter().map(|field| Expr::Column(Column::from(field)));
    Ok(Transformed::yes(joined.project(columns.collect::<Vec<_>>())?.build()?))
}

/// `TRUE`, or two equal literals.
fn always_holds(condition: &Expr) -> bool {
    match condition {
        Expr::Literal(ScalarValue::Boolean(Some(truth)), _) => *truth,
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            matches!((&*binary.left, &*binary.right), (Expr::Literal(l, _), Expr::Literal(r, _)) if l == r && !l.is_null())
        }
        // Whether another holds may hang on rows.
        _ => false,
    }
}

/// Whether a plan has one row or none, whatever the tables hold.
pub(super) fn has_one_at_most(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Limit(limit) => is_one(limit) || has_one_at_most(&limit.input),
        LogicalPlan::Values(values) => values.values.len() <= 1,
        // That of a `SELECT` without tables.
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Join(join) => {
            join.join_type == JoinType::Inner
                && has_one_at_most(&join.left)
                && has_one_at_most(&join.right)
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().all(has_one_at_most),
        LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Statement(_)
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

/// Whether it has that row in any case.
fn has_exactly_one(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => has_exactly_one(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_exactly_one(&alias.input),
        // Default deny: the row may be left out, or is something else.
        _ => false,
    }
}

fn is_one(limit: &Limit) -> bool {
    match limit.fetch.as_deref() {
        Some(Expr::Literal(ScalarValue::Int64(Some(count)), _)) => (0..=1).contains(count),
        Some(Expr::Literal(ScalarValue::UInt64(Some(count)), _)) => *count <= 1,
        Some(_) | None => false,
    }
}
