//! Values in another type, and between arrays and literals. A cast never fails: it is NULL.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, new_null_array,
};

use super::decimals;
use crate::tabulation::typing::{civil, power_of_ten};
use crate::tabulation::{Literal, ScalarType};

/// The value in another type; NULL where it can't be.
#[must_use]
pub fn cast(value: &ArrayRef, to: ScalarType) -> ArrayRef {
    let Some(from) = ScalarType::of(value.data_type()) else {
        return new_null_array(&to.data_type(), value.len());
    };
    if from == to {
        return Arc::clone(value);
    }
    if let ScalarType::Decimal(places) = to
        && let Some(decimals) = decimals::with_places(value, places)
    {
        return with_type(decimals, to);
    }
    let literals = (0..value.len()).map(|row| literal_at(value, row));
    let cast = literals.map(|l| l.and_then(|l| cast_literal(&l, to)));
    from_literals(cast, to)
}

fn cast_literal(value: &Literal, to: ScalarType) -> Option<Literal> {
    match (value, to) {
        (Literal::Null(_), _) => None,
        (Literal::Boolean(v), ScalarType::Utf8) => Some(Literal::Utf8(v.to_string())),
        (Literal::Int64(_) | Literal::Decimal { .. }, ScalarType::Utf8) => {
            Some(Literal::Utf8(value.to_string()))
        }
        (Literal::Date(days), ScalarType::Utf8) => {
            civil(*days).map(|d| Literal::Utf8(d.to_string()))
        }
        // A decimal loses its fraction, as SQL's CAST to a whole number does.
        (Literal::Decimal { value, places }, ScalarType::Int64) => value
            .checked_div(power_of_ten(*places))
            .and_then(|v| i64::try_from(v).ok())
            .map(Literal::Int64),
        (
            Literal::Boolean(_)
            | Literal::Int64(_)
            | Literal::Decimal { .. }
            | Literal::Float64(_)
            | Literal::Utf8(_)
            | Literal::Date(_),
            _,
        ) => value.convert(to),
    }
}

/// The value at a row as a literal; `None` for NULL or a type that has no literal.
#[must_use]
pub fn literal_at(array: &ArrayRef, row: usize) -> Option<Literal> {
    let scalar_type = ScalarType::of(array.data_type())?;
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    Some(match scalar_type {
        ScalarType::Boolean => Literal::Boolean(array.as_boolean().value(row)),
        ScalarType::Int64 => Literal::Int64(array.as_primitive::<Int64Type>().value(row)),
        ScalarType::Decimal(places) => {
            Literal::Decimal { value: array.as_primitive::<Decimal128Type>().value(row), places }
        }
        ScalarType::Float64 => Literal::Float64(array.as_primitive::<Float64Type>().value(row)),
        ScalarType::Utf8 => Literal::Utf8(array.as_string::<i32>().value(row).to_owned()),
        ScalarType::Date => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
    })
}

/// An array of a type from literals; a literal of another type becomes NULL.
pub fn from_literals(
    values: impl IntoIterator<Item = Option<Literal>>,
    scalar_type: ScalarType,
) -> ArrayRef {
    let values = values.into_iter();
    match scalar_type {
        ScalarType::Boolean => {
            let mut builder = BooleanBuilder::new();
            values.for_each(|v| builder.append_option(v.and_then(boolean)));
            Arc::new(builder.finish())
        }
        ScalarType::Int64 => Arc::new(values.map(|v| v.and_then(int64)).collect::<Int64Array>()),
        ScalarType::Decimal(places) => {
            let array: Decimal128Array =
                values.map(|v| v.and_then(|v| decimal(v, places))).collect();
            with_type(array, scalar_type)
        }
        ScalarType::Float64 => {
            Arc::new(values.map(|v| v.and_then(float64)).collect::<Float64Array>())
        }
        ScalarType::Utf8 => {
            let mut builder = StringBuilder::new();
            values.for_each(|v| builder.append_option(v.and_then(utf8)));
            Arc::new(builder.finish())
        }
        ScalarType::Date => Arc::new(values.map(|v| v.and_then(date)).collect::<Date32Array>()),
    }
}

fn boolean(literal: Literal) -> Option<bool> {
    match literal {
        Literal::Boolean(value) => Some(value),
        Literal::Null(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Float64(_)
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

fn int64(literal: Literal) -> Option<i64> {
    match literal {
        Literal::Int64(value) => Some(value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Decimal { .. }
        | Literal::Float64(_)
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

fn float64(literal: Literal) -> Option<f64> {
    match literal {
        Literal::Float64(value) => Some(value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

fn utf8(literal: Literal) -> Option<String> {
    match literal {
        Literal::Utf8(value) => Some(value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Float64(_)
        | Literal::Date(_) => None,
    }
}

fn date(literal: Literal) -> Option<i32> {
    match literal {
        Literal::Date(value) => Some(value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Float64(_)
        | Literal::Utf8(_) => None,
    }
}

/// The digits of a decimal number with exactly so many places.
fn decimal(literal: Literal, places_wanted: u8) -> Option<i128> {
    match literal {
        Literal::Decimal { value, places } => (places == places_wanted).then_some(value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Float64(_)
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

/// The digits as a decimal number of the type's places.
pub(super) fn with_type(array: Decimal128Array, scalar_type: ScalarType) -> ArrayRef {
    Arc::new(array.with_data_type(scalar_type.data_type()))
}
