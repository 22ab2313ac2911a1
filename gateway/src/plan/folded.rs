//! What is made of literals alone, as the literal that it comes to.
//!
//! | over protected rows | is read as |
//! |---|---|
//! | `d >= DATE '2018-01-01' + INTERVAL '3 months'` | `d >= DATE '2018-04-01'` |
//! | `area IN (upper('a'), 'B')` | `area IN ('A', 'B')` |
//! | `1 = 1 AND area = 'A'` | `area = 'A'` |
//! | `d < TIMESTAMP '2018-04-01 00:00:00'` | `d < DATE '2018-04-01'` |
//! | `d <= TIMESTAMP '2018-03-31 23:59:59'` | `d <= DATE '2018-03-31'` |
//! | `d <= '2018-03-31 23:59:59'` | `d <= DATE '2018-03-31'`: a text is read as a day, whatever time stands beside it |
//! | `d + 7 > DATE '2018-03-31'` | `d > DATE '2018-03-24'` |
//! | `20 < age` | `age > 20` |
//!
//! It is done before there is a Tabulation, so that the rules see what is asked and not how it was written, and so that two
//! spellings of one condition have one coordinate, and with it one noise. What a department has a function for is calculated by
//! that function: NULL where it has no value. The rest is the engine's, one step at a time, over literals: intervals, moments,
//! and the functions that only it has. Where it fails the step stays as it was written, and is refused like any other that a
//! Tabulation has no word for. Only functions whose value follows from their arguments are calculated.
//!
//! Open data is left to the engine as it is written.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use insitu_disclosure::tabulation::interpret::value_of;
use insitu_disclosure::tabulation::typing::{civil, parse_date};
use insitu_disclosure::{Literal, Scalar, ScalarType};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{DFSchema, ScalarValue};
use insitu_engine::logical_expr::expr::InList;
use insitu_engine::logical_expr::simplify::SimplifyContext;
use insitu_engine::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, Volatility, lit};
use insitu_engine::optimizer::simplify_expressions::ExprSimplifier;

use super::date_arithmetic::MOMENT;
use super::literal::is_comparison;

/// An expression in terms of a dataset, and its type; `None` where it has no word there.
pub(super) type Typed<'a> = &'a dyn Fn(&Expr) -> Option<(Scalar, ScalarType)>;

/// The expression with literals for what is made of literals.
pub(super) fn folded(expr: Expr, typed: Typed<'_>) -> Expr {
    let folded = expr.clone().transform_up(|e| Ok(Transformed::yes(step(e, typed))));
    folded.map_or(expr, |folded| folded.data)
}

/// One expression whose parts are folded.
fn step(expr: Expr, typed: Typed<'_>) -> Expr {
    if is_of_literals(&expr) {
        return ours(&expr, typed)
            .or_else(|| days_on(&expr))
            .or_else(|| engines(&expr))
            .unwrap_or(expr);
    }
    match expr {
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            junction(binary)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => compared(*left, op, *right, typed),
        Expr::Between(Between { expr, negated, low, high })
            if may_be_of_day(&low) || may_be_of_day(&high) =>
        {
            let (from, to) = (expr.clone(), expr);
            let inside = compared(*from, Operator::GtEq, *low, typed).and(compared(
                *to,
                Operator::LtEq,
                *high,
                typed,
            ));
            if negated { Expr::Not(Box::new(inside)) } else { inside }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let day = if list.iter().any(may_be_of_day) { day_of(&expr, typed) } else { None };
            let (expr, list) = match day.cloned() {
                Some(day) => (Box::new(day), days_among(list)),
                None => (expr, list),
            };
            match list.iter().find_map(|item| never(&expr, Operator::Eq, item)) {
                Some(truth) if negated => Expr::Not(Box::new(truth)),
                Some(truth) => truth,
                None => Expr::InList(InList { expr, list, negated }),
            }
        }
        // What isn't of literals alone is for the Tabulation.
        other => other,
    }
}

/// Whether it is calculated, and of literals alone, and nothing but them has a say in it.
fn is_of_literals(expr: &Expr) -> bool {
    let is_calculated = match expr {
        Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_) => true,
        Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
        // Default deny: the others have rows, names or a text of their own.
        _ => false,
    };
    let mut of_literals = is_calculated;
    let walked = expr.apply_children(|part| {
        of_literals &= matches!(part, Expr::Literal(..));
        Ok(if of_literals { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && of_literals
}

/// Its value as departments calculate it.
fn ours(expr: &Expr, typed: Typed<'_>) -> Option<Expr> {
    let (scalar, scalar_type) = typed(expr)?;
    let value = value_of(&scalar, &BTreeMap::new()).unwrap_or(Literal::Null(scalar_type));
    written(&value).map(lit)
}

/// A day so many days before or after another, NULL beyond the calendar: the engine's would come round again.
fn days_on(expr: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return None };
    let (day, number) = match (left.as_ref(), op, right.as_ref()) {
        (Expr::Literal(day, _), Operator::Plus, Expr::Literal(ScalarValue::Int64(n), _))
        | (Expr::Literal(ScalarValue::Int64(n), _), Operator::Plus, Expr::Literal(day, _)) => {
            (day, *n)
        }
        (Expr::Literal(day, _), Operator::Minus, Expr::Literal(ScalarValue::Int64(n), _)) => {
            (day, n.and_then(i64::checked_neg))
        }
        // What else is done with days isn't of whole numbers.
        (_, _, _) => return None,
    };
    let ScalarValue::Date32(day) = day else { return None };
    let sum = day.zip(number).and_then(|(day, n)| i64::from(day).checked_add(n));
    let there = sum.and_then(|days| i32::try_from(days).ok()).filter(|days| civil(*days).is_some());
    Some(lit(ScalarValue::Date32(there)))
}

/// Its value as the engine calculates it.
fn engines(expr: &Expr) -> Option<Expr> {
    let nothing = DFSchema::empty();
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().build());
    let coerced = simplifier.coerce(expr.clone(), &nothing).ok()?;
    match simplifier.simplify(coerced).ok()? {
        Expr::Literal(value, _) => Some(lit(value)),
        // It has no value, or fails.
        _ => None,
    }
}

/// A literal of a question as one of the engine's.
fn written(literal: &Literal) -> Option<ScalarValue> {
    Some(match literal {
        Literal::Null(scalar_type) => ScalarValue::try_from(&scalar_type.data_type()).ok()?,
        Literal::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Literal::Int64(value) => ScalarValue::Int64(Some(*value)),
        Literal::Decimal { value, places } => {
            ScalarValue::Decimal128(Some(*value), 38, i8::try_from(*places).ok()?)
        }
        Literal::Float64(value) => ScalarValue::Float64(Some(*value)),
        Literal::Utf8(value) => ScalarValue::Utf8(Some(value.clone())),
        Literal::Date(days) => ScalarValue::Date32(Some(*days)),
    })
}

/// `AND` and `OR` without what says nothing, or as what alone decides.
fn junction(BinaryExpr { left, op, right }: BinaryExpr) -> Expr {
    let decisive = op == Operator::Or;
    match (truth(&left), truth(&right)) {
        (Some(decides), _) | (_, Some(decides)) if decides == decisive => lit(decisive),
        (Some(_), _) => *right,
        (_, Some(_)) => *left,
        (None, None) => Expr::BinaryExpr(BinaryExpr { left, op, right }),
    }
}

fn truth(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(ScalarValue::Boolean(truth), _) => *truth,
        _ => None,
    }
}

/// A comparison, with the literal on its right; of a day with a moment, as one with a day.
fn compared(left: Expr, op: Operator, right: Expr, typed: Typed<'_>) -> Expr {
    let is_literal = |side: &Expr| matches!(side, Expr::Literal(..));
    let (left, op, right) = match op.swap() {
        Some(swapped) if is_comparison(op) && is_literal(&left) && !is_literal(&right) => {
            (right, swapped, left)
        }
        Some(_) | None => (left, op, right),
    };
    let day = if is_comparison(op) && matches!(right, Expr::Literal(..)) {
        day_of(&left, typed)
    } else {
        None
    };
    let Some(day) = day else { return binary(left, op, right) };
    if let Some(truth) = never(day, op, &right) {
        return truth;
    }
    let (op, right) = match moved(op, &right) {
        Some(moved) => moved,
        None => (op, day_in_text(&right).unwrap_or(right)),
    };
    match moved_days(day, &right, typed) {
        Some((day, right)) => binary(day, op, right),
        None => binary(day.clone(), op, right),
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

/// The truth of a day being a moment within one: never where there is a day.
fn never(day: &Expr, op: Operator, right: &Expr) -> Option<Expr> {
    let Some(Moment::Within(_)) = Moment::of(right) else { return None };
    let unknown = lit(ScalarValue::Boolean(None));
    match op {
        Operator::Eq => Some(day.clone().is_null().and(unknown)),
        Operator::NotEq => Some(day.clone().is_not_null().or(unknown)),
        _ => None,
    }
}

/// A column of days and the day that it is compared with, both so many days before or after those that are written.
fn moved_days(left: &Expr, right: &Expr, typed: Typed<'_>) -> Option<(Expr, Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left: one, op, right: other }) = left else { return None };
    let (day, back, number) = match (one.as_ref(), op, other.as_ref()) {
        (day, Operator::Plus, number @ Expr::Literal(..))
        | (number @ Expr::Literal(..), Operator::Plus, day) => (day, Operator::Minus, number),
        (day, Operator::Minus, number @ Expr::Literal(..)) => (day, Operator::Plus, number),
        // What else is done with days has no way back.
        (_, _, _) => return None,
    };
    let days = match number {
        Expr::Literal(ScalarValue::Int64(Some(days)), _) => *days,
        // No day is before or after another by an unknown number.
        Expr::Literal(ScalarValue::Int64(None), _) if is_date(day, typed) => {
            return Some((day.clone(), lit(ScalarValue::Date32(None))));
        }
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(parts)), _)
            if parts.months == 0 && parts.nanoseconds == 0 =>
        {
            i64::from(parts.days)
        }
        _ => return None,
    };
    let moved = days_on(&binary(right.clone(), back, lit(days)))?;
    let is_known = matches!(&moved, Expr::Literal(value, _) if !value.is_null());
    (is_known && is_date(day, typed)).then(|| (day.clone(), moved))
}

/// How a day is compared with which other, where it is compared so with a moment: a day begins at midnight.
fn moved(op: Operator, moment: &Expr) -> Option<(Operator, Expr)> {
    use Operator::{Gt, GtEq, Lt, LtEq};
    let (op, days) = match (op, Moment::of(moment)?) {
        (op, Moment::Unknown) if is_comparison(op) => (op, None),
        (op, Moment::Midnight(days)) if is_comparison(op) => (op, Some(days)),
        (Lt | LtEq, Moment::Within(days)) => (LtEq, Some(days)),
        (Gt | GtEq, Moment::Within(days)) => (Gt, Some(days)),
        // No day is a moment within one, and nothing else is asked of both.
        (_, Moment::Unknown | Moment::Midnight(_) | Moment::Within(_)) => return None,
    };
    Some((op, lit(ScalarValue::Date32(days))))
}

/// The days of a list, without the moments within one, which no day is, unless there are no others.
fn days_among(list: Vec<Expr>) -> Vec<Expr> {
    let is_within = |item: &Expr| matches!(Moment::of(item), Some(Moment::Within(_)));
    let all_are = list.iter().all(is_within);
    let days = list.into_iter().filter(|item| all_are || !is_within(item));
    let day = |item: Expr| {
        let begins = moved(Operator::Eq, &item).map(|(_, day)| day);
        begins.or_else(|| day_in_text(&item)).unwrap_or(item)
    };
    days.map(day).collect()
}

/// The day of a text that has a time beside it, which the engine leaves out, too.
fn day_in_text(text: &Expr) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = text else { return None };
    let (day, time) = text.trim().split_at_checked(DAY_LENGTH)?;
    let has_time = time.starts_with([' ', 'T']) && !time.contains(['+', '-', 'Z', 'z']);
    let moment = ScalarValue::from(text.trim()).cast_to(&MOMENT).ok()?;
    let day = parse_date(day).filter(|_| has_time && !moment.is_null())?;
    Some(lit(ScalarValue::Date32(Some(day))))
}

/// Of `2018-01-31`.
const DAY_LENGTH: usize = 10;

/// Whether it is a moment, or a text that has a time, perhaps.
fn may_be_of_day(expr: &Expr) -> bool {
    is_moment(expr) || day_in_text(expr).is_some()
}

fn is_moment(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if matches!(value.data_type(), DataType::Timestamp(..)))
}

/// The day that is compared: as it is, or as the moment at which it begins.
fn day_of<'a>(expr: &'a Expr, typed: Typed<'_>) -> Option<&'a Expr> {
    let day = match expr {
        Expr::Cast(Cast { expr, field }) if *field.data_type() == MOMENT => expr,
        other => other,
    };
    (is_date(day, typed) || is_days_on(day, typed)).then_some(day)
}

/// Whether it is a day before or after one of a column.
fn is_days_on(expr: &Expr, typed: Typed<'_>) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus | Operator::Minus, right }) => {
            is_date(left, typed) || is_date(right, typed)
        }
        _ => false,
    }
}

fn is_date(expr: &Expr, typed: Typed<'_>) -> bool {
    typed(expr).is_some_and(|(_, found)| found == ScalarType::Date)
}

/// A moment, by its day.
enum Moment {
    /// NULL.
    Unknown,
    /// The beginning of a day.
    Midnight(i32),
    /// Later on a day.
    Within(i32),
}

impl Moment {
    /// What a literal is; `None` of other values, and in another zone than the days'.
    fn of(literal: &Expr) -> Option<Self> {
        const SECONDS: i64 = 86_400;
        let Expr::Literal(value, _) = literal else { return None };
        let (moment, zone, a_day) = match value {
            ScalarValue::TimestampSecond(v, zone) => (v, zone, SECONDS),
            ScalarValue::TimestampMillisecond(v, zone) => (v, zone, SECONDS * 1_000),
            ScalarValue::TimestampMicrosecond(v, zone) => (v, zone, SECONDS * 1_000_000),
            ScalarValue::TimestampNanosecond(v, zone) => (v, zone, SECONDS * 1_000_000_000),
            // Other values are no moments.
            _ => return None,
        };
        if !zone.as_deref().is_none_or(|zone| ["UTC", "Z", "+00:00"].contains(&zone)) {
            return None;
        }
        let Some(moment) = moment else { return Some(Self::Unknown) };
        let day = i32::try_from(moment.div_euclid(a_day)).ok()?;
        let begins = moment.rem_euclid(a_day) == 0;
        Some(if begins { Self::Midnight(day) } else { Self::Within(day) })
    }
}
