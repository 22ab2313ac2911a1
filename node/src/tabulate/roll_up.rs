//! A unit's rows brought together, before they are tabulated.
//!
//! ```text
//! Projection: unit, record key, dimensions, count#0, ..., sum(x)#0, ... within their bounds
//!   Filter: held, which is true of all groups
//!     Aggregate by unit, dimensions: c0, ..., s0, ... added up; held, for memory
//!       Projection: unit, record key, dimensions, c0: 1 where the row counts, 0 elsewhere, s0: its value, within its bounds
//! ```
//!
//! Rows without a unit are one unit's, as everywhere.

use insitu_disclosure::{
    Column, Dataset, ProtectedUnit, Protection, RollUp, Scalar, ScalarType, UnitCount, UnitTotal,
};
use insitu_engine::common::Result;
use insitu_engine::functions_aggregate::expr_fn::{max, sum};
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder, lit, when};

use super::expression::{clamped_expression, expression};
use super::function::{cast, clamp};
use super::group_keys::GroupKeys;
use super::held_groups::held_groups;
use super::memory::Share;
use crate::references::LookUps;

/// One row for each unit, or for each unit and combination of the dimensions' values; the rows have the columns of
/// `rolled`, which is [`RollUp::dataset`] of `base`, and the record key where there is one.
pub(super) fn rolled_up(
    rows: LogicalPlanBuilder,
    roll_up: &RollUp,
    base: &Dataset,
    rolled: &Dataset,
    look_ups: &LookUps,
    share: Option<&Share>,
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
    for (i, total) in roll_up.totals.iter().enumerate() {
        let name = RollUp::total_column(&total.of, i);
        projection.push(added(total, base, look_ups)?.alias(&name));
        totals.push(sum(column(&name)).alias(&name));
        columns.push(held(&name, rolled).alias(&name));
    }
    let Some(share) = share else {
        return rows.project(projection)?.aggregate(groups, totals)?.project(columns);
    };
    let is_text = |name: &&&String| {
        base.column(name).is_none_or(|column| column.scalar_type == ScalarType::Utf8)
    };
    let texts: Vec<Expr> = kept.iter().filter(is_text).map(|name| column(name)).collect();
    let keys = GroupKeys::of(groups.len(), texts.len(), []);
    let bytes = totals.len().saturating_mul(TOTAL);
    // It takes a column; which one doesn't matter where no key is a text.
    let of = if texts.is_empty() { groups.iter().take(1).cloned().collect() } else { texts };
    totals.push(held_groups(share, keys, bytes, of).alias(HELD));
    // True of all: without a use for it, it would be left out of the plan.
    let rolled_up = rows.project(projection)?.aggregate(groups, totals)?;
    rolled_up.filter(column(HELD).is_not_null())?.project(columns)
}

/// Bytes of a total at most.
const TOTAL: usize = 32;
const HELD: &str = "held#";

/// What the row adds: its value within the bounds of a row, as a decimal, whose totals don't wrap. Admission made sure that
/// they fit.
fn added(total: &UnitTotal, base: &Dataset, look_ups: &LookUps) -> Result<Expr> {
    let value = Scalar::Column(total.of.clone());
    let places = base.column(&total.of).map_or(0, |c| c.scalar_type.decimal_places());
    let value = clamped_expression(&value, base, look_ups);
    let value = cast(value, ScalarType::Decimal(places));
    match &total.filter {
        None => Ok(value),
        Some(filter) => when(expression(filter, look_ups), value).end(),
    }
}

/// A total within the bounds that the data owner declares, in the type of the column: in it they fit.
fn held(name: &str, rolled: &Dataset) -> Expr {
    match rolled.column(name) {
        Some(Column { bounds: Some(bounds), scalar_type, .. }) => {
            cast(clamp(column(name), *bounds), *scalar_type)
        }
        // Admission refuses a total without bounds.
        Some(_) | None => column(name),
    }
}

fn column(name: &str) -> Expr {
    Expr::Column(insitu_engine::common::Column::from_name(name))
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
