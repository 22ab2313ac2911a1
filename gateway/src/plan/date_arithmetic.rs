//! Days, moments and intervals, as they are planned where the engine would lose a part of them.
//!
//! | as written | planned as | the engine's own |
//! |---|---|---|
//! | `d + INTERVAL '1 hour'` | `CAST(d AS TIMESTAMP) + INTERVAL '1 hour'` | a day: the hour was gone |
//! | `d + INTERVAL '1 month'` | as it is | a day |
//! | `d + $1` | so many days later | a day and a day |
//! | `$1 - INTERVAL '1 month'` | a moment less a month, if nothing else is known of `$1` | an interval less another |
//! | `INTERVAL '1 hour' * 24`, `INTERVAL '1 day' + INTERVAL '1 hour'` | the interval that it is | none, or one whose parts aren't known |
//! | `d < TIMESTAMP '9999-12-31 00:00:00'`, also `BETWEEN` and `IN` | `CAST(d AS TIMESTAMP) < …` | in nanoseconds, which end in 2262 |
//!
//! `TIMESTAMP` is of microseconds, as clients have it. All of it is done while SQL is read, so that each expression has the type
//! that it has above, too, and names nothing twice.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use insitu_engine::arrow::datatypes::IntervalMonthDayNano;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{DFSchema, Result, ScalarValue};
use insitu_engine::logical_expr::expr::{InList, Placeholder};
use insitu_engine::logical_expr::expr_rewriter::NamePreserver;
use insitu_engine::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner,
};
use insitu_engine::logical_expr::utils::merge_schema;
use insitu_engine::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable as _, LogicalPlan, Operator, cast, lit,
};
use insitu_engine::sql::sqlparser::ast::{self, BinaryOperator};

/// Moments without a zone, as fine as clients have them.
pub(super) const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Plans operators between days, moments and intervals.
#[derive(Debug)]
pub(super) struct DateArithmetic;

impl ExprPlanner for DateArithmetic {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let planned = match (&expr.op, sides(&expr, schema)) {
            (BinaryOperator::Plus, sides) => sum(&expr, Operator::Plus, &sides),
            (BinaryOperator::Minus, sides) => sum(&expr, Operator::Minus, &sides),
            (BinaryOperator::Multiply, _) => {
                product(&expr.left, &expr.right).or_else(|| product(&expr.right, &expr.left))
            }
            (op, (Some(left), Some(right))) => {
                comparison(op).and_then(|op| compared(&expr, op, &left, &right))
            }
            // What is done with other values is the engine's.
            (_, _) => None,
        };
        Ok(planned.map_or(PlannerResult::Original(expr), PlannerResult::Planned))
    }
}

/// Plans `TIMESTAMP`.
#[derive(Debug)]
pub(super) struct TimestampType;

impl TypePlanner for TimestampType {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        let is_timestamp = matches!(
            sql_type,
            ast::DataType::Timestamp(
                None,
                ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone
            )
        );
        Ok(is_timestamp.then(|| Arc::new(Field::new("", MOMENT, true))))
    }
}

type Sides = (Option<DataType>, Option<DataType>);

/// What both sides are; `None` of a placeholder that may be anything.
fn sides(expr: &RawBinaryExpr, schema: &DFSchema) -> Sides {
    let of = |side: &Expr| match side {
        Expr::Placeholder(Placeholder { field: None, .. }) => None,
        side => side.get_type(schema).ok(),
    };
    (of(&expr.left), of(&expr.right))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

const fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

const fn is_day(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64)
}

/// What is more or less by an interval, where it isn't what the engine has for it.
fn sum(expr: &RawBinaryExpr, op: Operator, sides: &Sides) -> Option<Expr> {
    let RawBinaryExpr { left, right, .. } = expr;
    match sides {
        (Some(day), Some(interval)) if is_day(day) && is_interval(interval) => {
            has_parts_of_days(right).then(|| binary(cast(left.clone(), MOMENT), op, right.clone()))
        }
        (Some(interval), Some(day))
            if is_day(day) && is_interval(interval) && op == Operator::Plus =>
        {
            has_parts_of_days(left).then(|| binary(left.clone(), op, cast(right.clone(), MOMENT)))
        }
        (None, Some(interval)) if is_interval(interval) => {
            moment(left).map(|moment| binary(moment, op, right.clone()))
        }
        (Some(interval), None) if is_interval(interval) && op == Operator::Plus => {
            moment(right).map(|moment| binary(left.clone(), op, moment))
        }
        (Some(day), None) if is_day(day) && op == Operator::Plus => {
            typed(right, DataType::Int64).map(|days| binary(left.clone(), op, days))
        }
        (Some(_), Some(_)) => {
            let (one, other) = (parts(left)?, parts(right)?);
            let of = |part: fn(IntervalMonthDayNano) -> i64| match op {
                Operator::Minus => part(one).checked_sub(part(other)),
                _ => part(one).checked_add(part(other)),
            };
            interval(of)
        }
        (None | Some(_), None | Some(_)) => None,
    }
}

/// A placeholder as a moment.
fn moment(placeholder: &Expr) -> Option<Expr> {
    typed(placeholder, MOMENT).map(|placeholder| cast(placeholder, MOMENT))
}

/// A placeholder of this type.
fn typed(placeholder: &Expr, data_type: DataType) -> Option<Expr> {
    let Expr::Placeholder(Placeholder { id, field: None }) = placeholder else { return None };
    let field = Some(Arc::new(Field::new("", data_type, true)));
    Some(Expr::Placeholder(Placeholder { id: id.clone(), field }))
}

/// An interval so many times.
fn product(of: &Expr, times: &Expr) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Int64(Some(times)), _) = times else { return None };
    let of = parts(of)?;
    interval(|part| part(of).checked_mul(*times))
}

/// The interval of these months, days and nanoseconds; `None` if there are too many.
fn interval(of: impl Fn(fn(IntervalMonthDayNano) -> i64) -> Option<i64>) -> Option<Expr> {
    let few = |number: Option<i64>| i32::try_from(number?).ok();
    let months = few(of(|parts| i64::from(parts.months)))?;
    let days = few(of(|parts| i64::from(parts.days)))?;
    let nanoseconds = of(|parts| parts.nanoseconds)?;
    let parts = IntervalMonthDayNano::new(months, days, nanoseconds);
    Some(lit(ScalarValue::IntervalMonthDayNano(Some(parts))))
}

/// The parts of an interval that is written.
const fn parts(expr: &Expr) -> Option<IntervalMonthDayNano> {
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(parts), _) => *parts,
        _ => None,
    }
}

/// Whether something may be left over beside whole months and days.
fn has_parts_of_days(interval: &Expr) -> bool {
    parts(interval).is_none_or(|parts| parts.nanoseconds != 0)
}

/// A day and a moment, compared as moments.
fn compared(expr: &RawBinaryExpr, op: Operator, left: &DataType, right: &DataType) -> Option<Expr> {
    let is_moment = |side: &DataType| *side == MOMENT;
    let moment = |side: &Expr, is_day: bool| match is_day {
        true => cast(side.clone(), MOMENT),
        false => side.clone(),
    };
    let (day_on_left, day_on_right) = (is_day(left), is_day(right));
    (day_on_left && is_moment(right) || is_moment(left) && day_on_right)
        .then(|| binary(moment(&expr.left, day_on_left), op, moment(&expr.right, day_on_right)))
}

/// The plan in which days are compared as moments with ranges and lists of such.
///
/// # Errors
/// A fault of the engine.
pub(super) fn with_moments_in_ranges(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_down_with_subqueries(|plan| {
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|part| Ok(among_moments(part, &schema)))?;
            let is_new = rewritten.transformed;
            Ok(rewritten.update_data(|expr| if is_new { name.restore(expr) } else { expr }))
        })
    });
    rewritten.map(|rewritten| rewritten.data)
}

/// A day between moments, or in a list of them.
fn among_moments(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let type_of = |expr: &Expr| expr.get_type(schema).ok();
    let is_moment = |expr: &Expr| type_of(expr) == Some(MOMENT);
    let is_day = |expr: &Expr| type_of(expr).as_ref().is_some_and(is_day);
    let moment = |expr: Expr| if is_day(&expr) { cast(expr, MOMENT) } else { expr };
    match expr {
        Expr::Between(Between { expr, negated, low, high })
            if is_day(&expr) && (is_moment(&low) || is_moment(&high)) =>
        {
            let [expr, low, high] = [expr, low, high].map(|part| Box::new(moment(*part)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated })
            if is_day(&expr) && list.iter().any(is_moment) =>
        {
            let (expr, list) = (Box::new(moment(*expr)), list.into_iter().map(moment).collect());
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        other => Transformed::no(other),
    }
}

const fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        // sqlparser has many more: they are the engine's.
        _ => return None,
    })
}
