//! What a join must be joined by.
//!
//! A join without an equality between its sides compares every row with every row. The engine's
//! operators for that (`CrossJoinExec`, `NestedLoopJoinExec`) neither stop when a query is
//! cancelled nor keep to the memory limit, so `ON true`, `ON 1 = 1` and `ON a.x < b.x` are refused
//! like a `CROSS JOIN`. The check goes by names; the engine's plan is checked again later (`plan/joins.rs`).

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr};

use super::expression;
use super::from::normal;
use super::shape::{Part, Reading};

/// Whether one of the conditions that must all hold equates a column of the table `joined` with one
/// of another table.
pub(super) fn has_equality(condition: &Expr, joined: Option<&str>) -> bool {
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
pub(super) fn equalities(condition: Option<&Expr>) -> usize {
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
        waiting.extend(reading.parts.drain(..).filter_map(|part| match part {
            Part::Expr(expr) => Some(expr),
            Part::Query(_)
            | Part::Subquery(_)
            | Part::Body(_)
            | Part::Select(_)
            | Part::Tables(_)
            | Part::Table(_) => None,
        }));
    }
    found
}
