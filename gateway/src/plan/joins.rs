//! What rows are joined by, once the engine has found out whose each column is.
//!
//! | written | read as |
//! |---|---|
//! | `FROM a, b WHERE x = y AND z = 1` | `FROM a JOIN b ON x = y WHERE z = 1`, if `x` is of one and `y` of the other |
//! | `FROM a, b WHERE x = y AND z = 1 OR x = y AND z = 2` | the same, and the condition as it is |
//!
//! A join without an equality between its sides compares every row with every row, unless one of them has a single row
//! (`single_rows`). The gate refuses those that it can tell by their names; here the others are ([`check`]).

use std::sync::Arc;

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{DFSchema, JoinType, Result};
use insitu_engine::logical_expr::utils::{
    conjunction, find_valid_equijoin_key_pair, split_binary, split_conjunction,
};
use insitu_engine::logical_expr::{
    BinaryExpr, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator,
};

use super::error::planning_refusal;
use super::single_rows;

/// The plan with joins for tables after commas, as far as a condition above equates them; what isn't equated stays as it is,
/// for [`check`] to refuse.
pub(super) fn for_commas(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) if has_comma(&filter.input) => joined(filter),
        // It has the columns of its rows in their order.
        LogicalPlan::Window(_) => node.recompute_schema().map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })?;
    let plan = plan.data.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if !is_equated(&join)? && single_rows::is_to_one(&join) => {
            single_rows::with_the_row_first(join)
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}

/// Refuses joins without an equality between both sides.
///
/// # Errors
/// `Q104`.
pub(super) fn check(plan: &LogicalPlan) -> std::result::Result<(), Refusals> {
    let mut refusal = None;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Join(join) = node
            && !is_equated(join)?
            && !single_rows::is_to_one(join)
        {
            refusal = Some(refused(join));
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|error| planning_refusal(&error))?;
    refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
}

fn refused(join: &Join) -> Refusal {
    let (what, fix) = if is_comma(join) {
        (
            "a table after a comma that `WHERE` doesn't equate with one of the others isn't offered.",
            "Write `FROM a, b WHERE a.id = b.id`, or `a JOIN b ON a.id = b.id`; for a single value use `(SELECT count(*) …)`.",
        )
    } else {
        (
            "a join whose `ON` has no equality between columns of both sides isn't offered.",
            "Join on an equality, `a.id = b.id`; other conditions may follow with `AND`.",
        )
    };
    Refusal::new(RefusalCode::Q104, what, fix)
}

fn is_comma(join: &Join) -> bool {
    join.join_type == JoinType::Inner && join.on.is_empty() && join.filter.is_none()
}

fn has_comma(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(join) if is_comma(join))
}

fn is_equated(join: &Join) -> Result<bool> {
    if !join.on.is_empty() {
        return Ok(true);
    }
    let (left, right) = (join.left.schema(), join.right.schema());
    let mut found = false;
    for condition in join.filter.iter().flat_map(split_conjunction) {
        found |= equates(condition, left, right)?;
    }
    Ok(found)
}

/// Whether a condition equates something of one side with something of the other.
fn equates(condition: &Expr, one: &DFSchema, other: &DFSchema) -> Result<bool> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq | Operator::IsNotDistinctFrom,
        right,
    }) = condition
    else {
        return Ok(false);
    };
    let is_of_outside = condition.exists(|part| {
        Ok(matches!(
            part,
            Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
        ))
    })?;
    Ok(!is_of_outside && find_valid_equijoin_key_pair(left, right, one, other)?.is_some())
}

/// A condition over tables with commas between them, as joins. The table that comes next is the first that is equated with
/// those before, or else one that has a row at most; whoever reads columns reads them by name.
fn joined(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let (mut tables, mut waiting) = apart(&filter.input);
    let mut conditions: Vec<Expr> =
        split_conjunction(&filter.predicate).into_iter().cloned().collect();
    let in_each_arm: Vec<Expr> = conditions.iter().flat_map(of_all_arms).collect();
    while !waiting.is_empty() {
        let mut next = None;
        for (place, table) in waiting.iter().enumerate() {
            let (before, table) = (tables.schema(), table.schema());
            let mut on = Vec::new();
            for condition in conditions.iter().chain(&in_each_arm) {
                if equates(condition, before, table)? {
                    on.push(condition.clone());
                }
            }
            if !on.is_empty() {
                next = Some((place, on));
                break;
            }
        }
        let single = || waiting.iter().position(single_rows::has_one_at_most);
        let Some((place, on)) = next.or_else(|| single().map(|place| (place, Vec::new()))) else {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        };
        conditions.retain(|condition| !on.contains(condition));
        let table = waiting.remove(place);
        let before = LogicalPlanBuilder::from(tables);
        tables = if on.is_empty() {
            before.cross_join(table)?.build()?
        } else {
            before.join_on(table, JoinType::Inner, on)?.build()?
        };
    }
    Ok(Transformed::yes(match conjunction(conditions) {
        Some(rest) => LogicalPlan::Filter(Filter::try_new(rest, Arc::new(tables))?),
        None => tables,
    }))
}

/// The first table, with what is joined to it, and those after commas.
fn apart(plan: &LogicalPlan) -> (LogicalPlan, Vec<LogicalPlan>) {
    let (mut first, mut after) = (plan, Vec::new());
    while let LogicalPlan::Join(join) = first
        && is_comma(join)
    {
        after.push(join.right.as_ref().clone());
        first = join.left.as_ref();
    }
    after.reverse();
    (first.clone(), after)
}

/// What holds whichever arm of an `OR` does.
fn of_all_arms(condition: &Expr) -> Vec<Expr> {
    match split_binary(condition, Operator::Or).as_slice() {
        [first, others @ ..] if !others.is_empty() => {
            let others: Vec<Vec<&Expr>> = others.iter().map(|arm| split_conjunction(arm)).collect();
            let of_first = split_conjunction(first).into_iter();
            of_first.filter(|c| others.iter().all(|arm| arm.contains(c))).cloned().collect()
        }
        _ => Vec::new(),
    }
}
