//! What a join must be joined by.
//!
//! A join without an equality between its sides compares every row with every row. The engine's
//! operators for that (`CrossJoinExec`, `NestedLoopJoinExec`) neither stop when a query is
//! cancelled nor keep to the memory limit, so `ON true`, `ON 1 = 1` and `ON a.x < b.x` are refused
//! like a `CROSS JOIN`, unless one side has a single row: a total beside its parts. The check goes by names; the engine's
//! plan is checked again later (`plan/joins.rs`).

use std::collections::BTreeSet;

use insitu_disclosure::Refusal;
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Join, JoinOperator, LimitClause, Query, Select, SelectItem,
    SetExpr, TableFactor, TableWithJoins, Value,
};

use super::from::{JOIN_ON, condition, name_of, normal, relation_name};
use super::refusals::not_offered;
use super::shape::{Part, Reading};
use super::{calls, expression, functions};

/// The CTEs that have one row at most, by their names: of two with one name, the later one.
pub(super) type SingleRows<'a> = &'a dyn Fn(&str) -> bool;

/// Why tables aren't joined so, those after commas and the others.
pub(super) fn refusals(select: &Select, is_single: SingleRows<'_>) -> Vec<Refusal> {
    let several = select.from.iter().filter(|tables| !have_one_row(tables, is_single));
    let commas = several.count().saturating_sub(1);
    let mut found = Vec::new();
    if equalities(select.selection.as_ref()) < commas {
        found.push(not_offered(
            "a table after a comma that `WHERE` doesn't equate with one of the others",
            JOIN_ON,
        ));
    }
    for TableWithJoins { relation, joins } in &select.from {
        let mut is_beside_one = table_has_one_row(relation, is_single);
        for join in joins {
            let is_one = table_has_one_row(&join.relation, is_single);
            found.extend((!is_one && !is_beside_one).then(|| of_every_row(join)).flatten());
            is_beside_one &= is_one;
        }
    }
    found
}

/// Why a join of more rows isn't offered, if nothing is equated.
fn of_every_row(join: &Join) -> Option<Refusal> {
    if let JoinOperator::CrossJoin(_) = &join.join_operator {
        return Some(not_offered("`CROSS JOIN`", JOIN_ON));
    }
    let condition = condition(join)?;
    (!has_equality(condition, name_of(&join.relation).as_deref())).then(|| {
        not_offered(
            "a join whose `ON` has no equality between columns of both sides",
            "Join on an equality, `a.id = b.id`; other conditions may follow with `AND`.",
        )
    })
}

fn have_one_row(tables: &TableWithJoins, is_single: SingleRows<'_>) -> bool {
    let TableWithJoins { relation, joins } = tables;
    let joined = joins.iter().map(|join| &join.relation);
    std::iter::once(relation).chain(joined).all(|table| table_has_one_row(table, is_single))
}

/// Whether a table may have one row at most. The engine's plan tells for certain.
fn table_has_one_row(table: &TableFactor, is_single: SingleRows<'_>) -> bool {
    match table {
        TableFactor::Derived { subquery, .. } => has_one_row(subquery, is_single),
        TableFactor::Table { name, .. } => relation_name(name)
            .is_some_and(|name| matches!(name.parts(), [single] if is_single(single))),
        // No other tables are offered.
        _ => false,
    }
}

/// Whether a query may have one row at most: an aggregation without `GROUP BY`, `LIMIT 1`, or something of such a row.
pub(super) fn has_one_row(query: &Query, is_single: SingleRows<'_>) -> bool {
    // Names may mean others within.
    let is_single = if query.with.is_some() { &|_: &str| false } else { is_single };
    let is_limited = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(Expr::Value(limit)), .. }) => {
            matches!(&limit.value, Value::Number(count, _) if count == "1" || count == "0")
        }
        Some(LimitClause::LimitOffset { .. } | LimitClause::OffsetCommaLimit { .. }) | None => {
            false
        }
    };
    is_limited
        || match query.body.as_ref() {
            SetExpr::Select(select) => {
                aggregates_all(select)
                    || select.from.iter().all(|tables| have_one_row(tables, is_single))
            }
            SetExpr::Query(query) => has_one_row(query, is_single),
            SetExpr::Values(values) => values.rows.len() <= 1,
            // Set operations put rows together, and the others aren't offered.
            _ => false,
        }
}

/// Whether it is an aggregation without `GROUP BY`.
fn aggregates_all(select: &Select) -> bool {
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    let items = select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        // Columns as they are.
        _ => None,
    });
    !is_grouped && items.chain(&select.having).any(aggregates)
}

/// Whether an aggregate stands in an expression: not one of a window, or of a subquery.
fn aggregates(expr: &Expr) -> bool {
    let mut waiting = vec![expr];
    let mut reading = Reading::default();
    while let Some(expr) = waiting.pop() {
        if let Expr::Function(call) = expr
            && call.over.is_none()
            && calls::offered_name(call).is_some_and(|name| functions::is_aggregate(&name))
        {
            return true;
        }
        expression::read(expr, &mut reading);
        waiting.extend(beneath(&mut reading));
    }
    false
}

/// The expressions that were read, without those of subqueries.
fn beneath<'a>(reading: &mut Reading<'a>) -> Vec<&'a Expr> {
    let expressions = reading.parts.drain(..).filter_map(|part| match part {
        Part::Expr(expr) => Some(expr),
        Part::Query(_)
        | Part::Subquery(_)
        | Part::Body(_)
        | Part::Select(_)
        | Part::Tables(_)
        | Part::Table(_) => None,
    });
    expressions.collect()
}

/// Whether one of the conditions that must all hold equates a column of the table `joined` with one
/// of another table.
fn has_equality(condition: &Expr, joined: Option<&str>) -> bool {
    let mut waiting = vec![condition];
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Nested(inner) => waiting.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                waiting.extend([left.as_ref(), right.as_ref()]);
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right }
            | Expr::IsNotDistinctFrom(left, right)
                if equates(left, right, joined) =>
            {
                return true;
            }
            // Anything else, `OR` above all, doesn't make rows meet.
            _ => {}
        }
    }
    false
}

/// How many equalities between columns a condition has, at most as many as tables that it may bring together. Whether it does
/// is found out with the engine's plan (`plan/joins.rs`).
fn equalities(condition: Option<&Expr>) -> usize {
    let mut waiting: Vec<&Expr> = condition.into_iter().collect();
    let mut found = 0_usize;
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Nested(inner) => waiting.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                waiting.extend([left.as_ref(), right.as_ref()]);
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right }
                if equates(left, right, None) =>
            {
                found = found.saturating_add(1);
            }
            // Anything else doesn't make rows meet.
            _ => {}
        }
    }
    found
}

/// Whether both sides have a column, and `joined` is named on one side only. Columns without a
/// table's name could be anybody's; the engine's plan is checked for those.
fn equates(left: &Expr, right: &Expr, joined: Option<&str>) -> bool {
    let (left, right) = (qualifiers(left), qualifiers(right));
    if left.is_empty() || right.is_empty() {
        return false;
    }
    let Some(joined) = joined else { return true };
    if left.contains(&None) || right.contains(&None) {
        return true;
    }
    let joined = Some(joined.to_owned());
    left.contains(&joined) != right.contains(&joined)
}

/// The tables whose columns an expression names; `None` for a column without a table's name.
fn qualifiers(expr: &Expr) -> BTreeSet<Option<String>> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![expr];
    let mut reading = Reading::default();
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Identifier(_) => {
                found.insert(None);
            }
            Expr::CompoundIdentifier(parts) => {
                let qualifier = parts.len().checked_sub(2).and_then(|last| parts.get(last));
                found.insert(qualifier.map(normal));
            }
            other => expression::read(other, &mut reading),
        }
        waiting.extend(beneath(&mut reading));
    }
    found
}
