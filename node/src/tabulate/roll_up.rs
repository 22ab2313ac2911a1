//! A unit's rows brought together, before they are tabulated.
//!
//! ```text
//! Projection: unit, record key, dimensions, count#0, ...
//!   Aggregate by unit, dimensions: c0, ... added up
//!     Projection: unit, record key, dimensions, c0: 1 where the row counts, 0 elsewhere
//! ```
//!
//! Rows without a unit are one unit's, as everywhere.

use insitu_disclosure::{Dataset, ProtectedUnit, Protection, RollUp, UnitCount};
use insitu_engine::common::{Column, Result};
use insitu_engine::functions_aggregate::expr_fn::{max, sum};
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder, lit, when};

use super::expression::expression;
use crate::references::LookUps;

/// One row for each unit, or for each unit and combination of the dimensions' values; the rows have the columns of
/// [`RollUp::dataset`], and the record key where there is one.
pub(super) fn rolled_up(
    rows: LogicalPlanBuilder,
    roll_up: &RollUp,
    base: &Dataset,
    look_ups: &LookUps,
) -> Result<LogicalPlanBuilder> {
    let (unit, record_key) = match &base.protection {
        Protection::Protected { unit: ProtectedUnit::Column { name, .. }, record_key, .. } => {
            (Some(name), record_key.as_ref())
        }
        // Admission refuses these.
        Protection::Protected { unit: ProtectedUnit::Row, record_key, .. } => {
            (None, record_key.as_ref())
        }
        Protection::Open => (None, None),
    };
    let kept: Vec<&String> = unit.into_iter().chain(&roll_up.dimensions).collect();
    let mut projection: Vec<Expr> = kept.iter().map(|name| named(name)).collect();
    let groups: Vec<Expr> = kept.iter().map(|name| column(name)).collect();
    let mut columns = groups.clone();
    let mut totals = Vec::new();
    if let Some(name) = record_key {
        projection.push(named(name));
        // A unit has one key; should its rows differ, the largest is as good as any.
        totals.push(max(column(name)).alias(name));
        columns.push(column(name));
    }
    for (i, count) in roll_up.counts.iter().enumerate() {
        let name = RollUp::count_column(i);
        projection.push(counted(count, look_ups)?.alias(&name));
        totals.push(sum(column(&name)).alias(&name));
        columns.push(column(&name));
    }
    rows.project(projection)?.aggregate(groups, totals)?.project(columns)
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Without the scan's qualifier, so that every step finds it by its name.
fn named(name: &str) -> Expr {
    column(name).alias(name)
}

/// 1 where the row counts, 0 elsewhere.
fn counted(count: &UnitCount, look_ups: &LookUps) -> Result<Expr> {
    let value =
        count.values_of.as_ref().map(|x| Expr::IsNotNull(Box::new(expression(x, look_ups))));
    let filter = count.filter.as_ref().map(|filter| expression(filter, look_ups));
    match value.into_iter().chain(filter).reduce(Expr::and) {
        None => Ok(lit(1_i64)),
        Some(condition) => when(condition, lit(1_i64)).otherwise(lit(0_i64)),
    }
}
