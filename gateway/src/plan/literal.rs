//! The engine's values as literals of a Tabulation.

use insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX;
use insitu_disclosure::{Literal, ScalarType};
use insitu_engine::common::ScalarValue;

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
        ScalarValue::Float32(Some(v)) => number(f64::from(*v))?,
        ScalarValue::Float64(Some(v)) => number(*v)?,
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
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A number written with a point: exact, as written, where it has few enough digits.
fn number(value: f64) -> Option<Literal> {
    if !value.is_finite() {
        return None;
    }
    let text = format!("{value}");
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let exact = u8::try_from(places)
        .ok()
        .filter(|p| *p <= 9 && value.abs() < WHOLE_MAX)
        .and_then(|p| Literal::parse(&text, ScalarType::Decimal(p)));
    Some(exact.unwrap_or(Literal::Float64(value)))
}
