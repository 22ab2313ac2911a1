//! The engine's values as literals of a Tabulation.
//!
//! A number written with a point is a floating-point number to the engine. Over protected rows it is a decimal, exact as
//! written: [`exact`]. Over open ones it is what it is to the engine, but for one that something is compared with, where
//! both mean the same and the decimal needs no cast of the column: [`exact_where_compared`].

use insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX;
use insitu_disclosure::{Literal, ScalarType};
use insitu_engine::common::ScalarValue;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::logical_expr::{Between, BinaryExpr, Case, Expr, Operator};

/// The literal; `None` for a value of a type that questions don't have, such as an interval.
pub(crate) fn literal_of(value: &ScalarValue) -> Option<Literal> {
    Some(match value {
        ScalarValue::Null => Literal::Null(ScalarType::Utf8),
        ScalarValue::Boolean(v) => option(*v, ScalarType::Boolean, Literal::Boolean),
        ScalarValue::Int8(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::Int16(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::Int32(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::Int64(v) => option(*v, ScalarType::Int64, Literal::Int64),
        ScalarValue::UInt8(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::UInt16(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::UInt32(v) => option(v.map(i64::from), ScalarType::Int64, Literal::Int64),
        ScalarValue::UInt64(Some(v)) => Literal::Int64(i64::try_from(*v).ok()?),
        ScalarValue::UInt64(None) => Literal::Null(ScalarType::Int64),
        ScalarValue::Float32(Some(v)) => finite(f64::from(*v))?,
        ScalarValue::Float64(Some(v)) => finite(*v)?,
        ScalarValue::Float32(None) | ScalarValue::Float64(None) => {
            Literal::Null(ScalarType::Float64)
        }
        ScalarValue::Utf8(v) | ScalarValue::LargeUtf8(v) | ScalarValue::Utf8View(v) => {
            option(v.clone(), ScalarType::Utf8, Literal::Utf8)
        }
        ScalarValue::Date32(v) => option(*v, ScalarType::Date, Literal::Date),
        ScalarValue::Decimal128(v, _, scale) => {
            let places = u8::try_from(*scale).ok().filter(|p| *p <= DECIMAL_PLACES_MAX)?;
            option(*v, ScalarType::Decimal(places), |value| Literal::Decimal { value, places })
        }
        // Default deny: the engine has many more types than a question.
        _ => return None,
    })
}

fn option<T>(value: Option<T>, scalar_type: ScalarType, literal: impl Fn(T) -> Literal) -> Literal {
    value.map_or(Literal::Null(scalar_type), literal)
}

/// From here on, 2 to the power of 53, not every whole number has a floating-point number of its own: what is beside one is
/// rounded.
pub(super) const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

fn finite(value: f64) -> Option<Literal> {
    value.is_finite().then_some(Literal::Float64(value))
}

/// The expression with each number written with a point as the decimal that was written, where it has few enough digits.
pub(super) fn exact(expr: &Expr) -> Expr {
    let exact = expr.clone().transform_up(|e| match decimal(&e) {
        Some(decimal) => Ok(Transformed::yes(decimal)),
        None => Ok(Transformed::no(e)),
    });
    exact.map_or_else(|_| expr.clone(), |exact| exact.data)
}

/// The same where a value is compared with the number itself, and nothing is calculated with it.
pub(super) fn exact_where_compared(expr: Expr) -> Expr {
    let side = |side: &mut Box<Expr>| {
        if let Some(decimal) = decimal(side) {
            **side = decimal;
        }
    };
    let exact = expr.clone().transform_up(|mut e| {
        match &mut e {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
                side(left);
                side(right);
            }
            Expr::Between(Between { expr, low, high, .. }) => {
                side(expr);
                side(low);
                side(high);
            }
            Expr::InList(list) => {
                for item in &mut list.list {
                    if let Some(decimal) = decimal(item) {
                        *item = decimal;
                    }
                }
            }
            Expr::Case(Case { expr: Some(_), when_then_expr, .. }) => {
                when_then_expr.iter_mut().for_each(|(when, _)| side(when));
            }
            _ => {}
        }
        Ok(Transformed::yes(e))
    });
    exact.map_or(expr, |exact| exact.data)
}

/// Whether two values are compared by their order.
pub(super) const fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// The decimal that is written, negative or not.
fn decimal(expr: &Expr) -> Option<Expr> {
    let value = match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => *value,
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => f64::from(*value),
        Expr::Negative(inner) => return decimal(inner).map(|d| Expr::Negative(Box::new(d))),
        _ => return None,
    };
    match number(value)? {
        Literal::Decimal { value, places } => {
            let places = i8::try_from(places).ok()?;
            Some(Expr::Literal(ScalarValue::Decimal128(Some(value), 38, places), None))
        }
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Float64(_)
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

/// A number written with a point: exact, as written, where it has few enough digits.
fn number(value: f64) -> Option<Literal> {
    let text = format!("{value}");
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    u8::try_from(places)
        .ok()
        .filter(|p| *p <= 9 && value.abs() < WHOLE_MAX)
        .and_then(|p| Literal::parse(&text, ScalarType::Decimal(p)))
}
