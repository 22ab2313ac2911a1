//! Values in another type, and between arrays and literals. A cast never fails: it is NULL.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, new_null_array,
};
use arrow_cast::CastOptions;

use crate::tabulation::typing::civil;
use crate::tabulation::{Literal, ScalarType};

/// What a cast from one type to another means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CastMeaning {
    /// What SQL's `TRY_CAST` does in the engine, for every value. Numbers lose a fraction towards zero where they become
    /// whole, and are rounded, halves away from zero, where they become decimals with fewer places.
    Engines,
    /// Text that is read by rules of our own, which are stricter in some places and laxer in others: the engine's fail on
    /// some texts, whatever they are asked for.
    OurReading,
    /// None.
    No,
}

impl CastMeaning {
    /// For a pair of types.
    #[must_use]
    pub const fn of(from: ScalarType, to: ScalarType) -> Self {
        use ScalarType::{Boolean, Date, Decimal, Float64, Int64, Utf8};
        match (from, to) {
            (Boolean, Boolean | Int64 | Float64 | Utf8)
            | (Int64 | Float64, Boolean | Int64 | Decimal(_) | Float64 | Utf8)
            | (Decimal(_), Int64 | Decimal(_) | Float64 | Utf8)
            | (Utf8, Utf8)
            | (Date, Utf8 | Date) => Self::Engines,
            (Utf8, Boolean | Int64 | Decimal(_) | Float64 | Date) => Self::OurReading,
            (Boolean, Decimal(_) | Date)
            | (Int64 | Float64, Date)
            | (Decimal(_), Boolean | Date)
            | (Date, Boolean | Int64 | Decimal(_) | Float64) => Self::No,
        }
    }
}

/// The value in another type; NULL where it can't be.
#[must_use]
pub fn cast(value: &ArrayRef, to: ScalarType) -> ArrayRef {
    let nothing = || new_null_array(&to.data_type(), value.len());
    let Some(from) = ScalarType::of(value.data_type()) else { return nothing() };
    if from == to {
        return Arc::clone(value);
    }
    match CastMeaning::of(from, to) {
        CastMeaning::No => nothing(),
        CastMeaning::Engines if from != ScalarType::Date => {
            // A value that doesn't fit is NULL, and no text is read, so it fails for no value.
            let options = CastOptions { safe: true, ..CastOptions::default() };
            arrow_cast::cast_with_options(value, &to.data_type(), &options)
                .unwrap_or_else(|_| nothing())
        }
        // Arrow's own fails for days beyond the calendar.
        CastMeaning::Engines | CastMeaning::OurReading => {
            let literals = (0..value.len()).map(|row| literal_at(value, row));
            from_literals(literals.map(|l| l.and_then(|l| read(&l, to))), to)
        }
    }
}

/// The value of a cast; `None` for NULL, and where there is no literal for it, as for infinities.
#[must_use]
pub fn cast_literal(value: &Literal, to: ScalarType) -> Option<Literal> {
    let array = from_literals([Some(value.clone())], value.scalar_type());
    literal_at(&cast(&array, to), 0).filter(|cast| match cast {
        Literal::Float64(value) => value.is_finite(),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Utf8(_)
        | Literal::Date(_) => true,
    })
}

/// Text in another type, and days as text.
fn read(value: &Literal, to: ScalarType) -> Option<Literal> {
    match (value, to) {
        (Literal::Date(days), ScalarType::Utf8) => {
            civil(*days).map(|d| Literal::Utf8(d.to_string()))
        }
        (
            Literal::Null(_)
            | Literal::Boolean(_)
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
