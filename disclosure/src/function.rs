//! The functions that may run on protected rows: a closed list, every one total.
//!
//! They are evaluated here, over Arrow arrays, and not by the query engine: an engine's arithmetic
//! wraps or fails on overflow, its casts fail and quote the value, its date functions fail at the
//! ends of the calendar. A failure that hangs on one row tells that the row is there. Here every
//! function has a value for every argument, and NULL where arithmetic has none.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, new_null_array,
};
use chrono::{Datelike, NaiveDate};

use crate::tabulation::typing::Signature;
use crate::tabulation::{Literal, ScalarType};

/// A function of the closed list. Numbers on the wire are given in `proto`; meanings never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `a + b`; NULL where the result doesn't fit its type.
    Add,
    /// `a - b`; likewise.
    Subtract,
    /// `a * b`; likewise.
    Multiply,
    /// `a / b`; whole numbers truncate towards zero; NULL for division by zero.
    Divide,
    /// `a % b`; NULL for division by zero.
    Modulo,
    /// `-a`.
    Negate,
    /// Absolute value.
    Abs,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Without white space at both ends.
    Trim,
    /// Number of characters.
    Length,
    /// `substr(text, start, length)`: characters from `start` (1 is the first).
    Substring,
    /// Year of a date.
    Year,
    /// Quarter of a date, 1 to 4.
    Quarter,
    /// Month of a date, 1 to 12.
    Month,
    /// First day of the date's year.
    StartOfYear,
    /// First day of the date's quarter.
    StartOfQuarter,
    /// First day of the date's month.
    StartOfMonth,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 18] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Modulo,
        Self::Negate,
        Self::Abs,
        Self::Lower,
        Self::Upper,
        Self::Trim,
        Self::Length,
        Self::Substring,
        Self::Year,
        Self::Quarter,
        Self::Month,
        Self::StartOfYear,
        Self::StartOfQuarter,
        Self::StartOfMonth,
    ];

    /// The name used in messages and plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
            Self::Negate => "negate",
            Self::Abs => "abs",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Trim => "trim",
            Self::Length => "length",
            Self::Substring => "substring",
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::StartOfYear => "start_of_year",
            Self::StartOfQuarter => "start_of_quarter",
            Self::StartOfMonth => "start_of_month",
        }
    }
}

/// Evaluates a function over columns of `rows` values each. The types were checked by
/// [`crate::tabulation::typing`]; should they not fit after all, every value is NULL.
#[must_use]
pub fn evaluate(function: Function, args: &[ArrayRef], rows: usize) -> ArrayRef {
    let types: Option<Vec<ScalarType>> =
        args.iter().map(|a| ScalarType::of(a.data_type())).collect();
    let Some(result) = types.and_then(|types| Signature::of(function, &types)) else {
        return new_null_array(&ScalarType::Boolean.data_type(), rows);
    };
    match (function, args) {
        (
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo,
            [left, right],
        ) => arithmetic(function, left, right, result),
        (Function::Negate | Function::Abs, [value]) => sign(function, value, result),
        (Function::Lower, [text]) => map_text(text, str::to_lowercase),
        (Function::Upper, [text]) => map_text(text, str::to_uppercase),
        (Function::Trim, [text]) => map_text(text, |t| t.trim().to_owned()),
        (Function::Length, [text]) => {
            let lengths = text
                .as_string::<i32>()
                .iter()
                .map(|t| t.map(|t| i64::try_from(t.chars().count()).unwrap_or(i64::MAX)));
            Arc::new(lengths.collect::<Int64Array>())
        }
        (Function::Substring, [text, start, length]) => substring(text, start, length),
        (Function::Year | Function::Quarter | Function::Month, [date]) => {
            let parts = date.as_primitive::<Date32Type>().iter().map(|d| date_part(function, d?));
            Arc::new(parts.collect::<Int64Array>())
        }
        (Function::StartOfYear | Function::StartOfQuarter | Function::StartOfMonth, [date]) => {
            let starts = date.as_primitive::<Date32Type>().iter().map(|d| start_of(function, d?));
            Arc::new(starts.collect::<Date32Array>())
        }
        // `Signature::of` has an answer only for the right number of arguments.
        (
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo
            | Function::Negate
            | Function::Abs
            | Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::Length
            | Function::Substring
            | Function::Year
            | Function::Quarter
            | Function::Month
            | Function::StartOfYear
            | Function::StartOfQuarter
            | Function::StartOfMonth,
            _,
        ) => new_null_array(&result.data_type(), rows),
    }
}

/// The value in another type; NULL where it can't be.
#[must_use]
pub fn cast(value: &ArrayRef, to: ScalarType) -> ArrayRef {
    let Some(from) = ScalarType::of(value.data_type()) else {
        return new_null_array(&to.data_type(), value.len());
    };
    if from == to {
        return Arc::clone(value);
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
            crate::tabulation::typing::civil(*days).map(|d| Literal::Utf8(d.to_string()))
        }
        // A decimal loses its fraction, as SQL's CAST to a whole number does.
        (Literal::Decimal { value, places }, ScalarType::Int64) => value
            .checked_div(crate::tabulation::typing::power_of_ten(*places))
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
            for v in values {
                builder.append_option(match v {
                    Some(Literal::Boolean(v)) => Some(v),
                    _ => None,
                });
            }
            Arc::new(builder.finish())
        }
        ScalarType::Int64 => Arc::new(
            values
                .map(|v| match v {
                    Some(Literal::Int64(v)) => Some(v),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        ScalarType::Decimal(places) => {
            let array: Decimal128Array = values
                .map(|v| match v {
                    Some(Literal::Decimal { value, places: p }) if p == places => Some(value),
                    _ => None,
                })
                .collect();
            with_type(array, scalar_type)
        }
        ScalarType::Float64 => Arc::new(
            values
                .map(|v| match v {
                    Some(Literal::Float64(v)) => Some(v),
                    _ => None,
                })
                .collect::<Float64Array>(),
        ),
        ScalarType::Utf8 => {
            let mut builder = StringBuilder::new();
            for v in values {
                builder.append_option(match v {
                    Some(Literal::Utf8(v)) => Some(v),
                    _ => None,
                });
            }
            Arc::new(builder.finish())
        }
        ScalarType::Date => Arc::new(
            values
                .map(|v| match v {
                    Some(Literal::Date(v)) => Some(v),
                    _ => None,
                })
                .collect::<Date32Array>(),
        ),
    }
}

fn with_type(array: Decimal128Array, scalar_type: ScalarType) -> ArrayRef {
    Arc::new(array.with_data_type(scalar_type.data_type()))
}

/// 38 nines: the largest decimal number there is.
const DECIMAL_MAX: u128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

fn arithmetic(
    function: Function,
    left: &ArrayRef,
    right: &ArrayRef,
    result: ScalarType,
) -> ArrayRef {
    match result {
        ScalarType::Int64 => {
            let (l, r) = (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
            let values = l.iter().zip(r.iter()).map(|(l, r)| exact(function, l?.into(), r?.into()));
            Arc::new(values.map(|v| v.and_then(|v| i64::try_from(v).ok())).collect::<Int64Array>())
        }
        ScalarType::Decimal(places) => {
            // Adding needs a common scale; multiplying adds the scales up.
            let (l, r) = match function {
                Function::Multiply => (left.clone(), right.clone()),
                _ => (
                    cast(left, ScalarType::Decimal(places)),
                    cast(right, ScalarType::Decimal(places)),
                ),
            };
            let (l, r) = (integers(&l), integers(&r));
            let values: Decimal128Array = l
                .into_iter()
                .zip(r)
                .map(|(l, r)| exact(function, l?, r?).filter(|v| v.unsigned_abs() <= DECIMAL_MAX))
                .collect();
            with_type(values, result)
        }
        ScalarType::Float64 => {
            let (l, r) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
            let values = l.iter().zip(r.iter()).map(|(l, r)| floating(function, l?, r?));
            Arc::new(values.collect::<Float64Array>())
        }
        ScalarType::Boolean | ScalarType::Utf8 | ScalarType::Date => {
            new_null_array(&result.data_type(), left.len())
        }
    }
}

fn integers(array: &ArrayRef) -> Vec<Option<i128>> {
    match ScalarType::of(array.data_type()) {
        Some(ScalarType::Int64) => {
            array.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from)).collect()
        }
        Some(ScalarType::Decimal(_)) => array.as_primitive::<Decimal128Type>().iter().collect(),
        Some(ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date)
        | None => vec![None; array.len()],
    }
}

fn exact(function: Function, l: i128, r: i128) -> Option<i128> {
    match function {
        Function::Add => l.checked_add(r),
        Function::Subtract => l.checked_sub(r),
        Function::Multiply => l.checked_mul(r),
        Function::Divide => l.checked_div(r),
        Function::Modulo => l.checked_rem(r),
        _ => None,
    }
}

fn floating(function: Function, l: f64, r: f64) -> Option<f64> {
    let value = match function {
        Function::Add => l + r,
        Function::Subtract => l - r,
        Function::Multiply => l * r,
        Function::Divide => l / r,
        Function::Modulo => l % r,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

fn sign(function: Function, value: &ArrayRef, result: ScalarType) -> ArrayRef {
    let negate = function == Function::Negate;
    match result {
        ScalarType::Int64 => Arc::new(
            value
                .as_primitive::<Int64Type>()
                .iter()
                .map(|v| if negate { v?.checked_neg() } else { v?.checked_abs() })
                .collect::<Int64Array>(),
        ),
        ScalarType::Decimal(_) => {
            let values: Decimal128Array = value
                .as_primitive::<Decimal128Type>()
                .iter()
                .map(|v| if negate { v?.checked_neg() } else { v?.checked_abs() })
                .collect();
            with_type(values, result)
        }
        ScalarType::Float64 => Arc::new(
            value
                .as_primitive::<Float64Type>()
                .iter()
                .map(|v| v.map(|v| if negate { -v } else { v.abs() }))
                .collect::<Float64Array>(),
        ),
        ScalarType::Boolean | ScalarType::Utf8 | ScalarType::Date => {
            new_null_array(&result.data_type(), value.len())
        }
    }
}

fn map_text(text: &ArrayRef, f: impl Fn(&str) -> String) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for value in text.as_string::<i32>() {
        builder.append_option(value.map(&f));
    }
    Arc::new(builder.finish())
}

fn substring(text: &ArrayRef, start: &ArrayRef, length: &ArrayRef) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let starts = start.as_primitive::<Int64Type>();
    let lengths = length.as_primitive::<Int64Type>();
    for ((text, start), length) in text.as_string::<i32>().iter().zip(starts).zip(lengths) {
        builder.append_option(match (text, start, length) {
            (Some(text), Some(start), Some(length)) => Some(characters(text, start, length)),
            _ => None,
        });
    }
    Arc::new(builder.finish())
}

/// SQL's substring: positions before the first character count towards the length.
fn characters(text: &str, start: i64, length: i64) -> String {
    let end = start.saturating_add(length.max(0)).saturating_sub(1).max(0);
    let skip = usize::try_from(start.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
    let until = usize::try_from(end).unwrap_or(usize::MAX);
    text.chars().take(until).skip(skip).collect()
}

fn date_part(function: Function, days: i32) -> Option<i64> {
    let date = crate::tabulation::typing::civil(days)?;
    match function {
        Function::Year => Some(i64::from(date.year())),
        Function::Quarter => Some(i64::from(date.quarter())),
        Function::Month => Some(i64::from(date.month())),
        _ => None,
    }
}

fn start_of(function: Function, days: i32) -> Option<i32> {
    let date = crate::tabulation::typing::civil(days)?;
    let month = match function {
        Function::StartOfYear => 1,
        Function::StartOfQuarter => {
            date.quarter().saturating_sub(1).saturating_mul(3).saturating_add(1)
        }
        Function::StartOfMonth => date.month(),
        _ => return None,
    };
    let start = NaiveDate::from_ymd_opt(date.year(), month, 1)?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    i32::try_from(start.signed_duration_since(epoch).num_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn literals(array: &ArrayRef) -> Vec<Option<String>> {
        (0..array.len()).map(|row| literal_at(array, row).map(|l| l.to_string())).collect()
    }

    fn check(function: Function, args: &[ArrayRef], expect: &[Option<&str>]) {
        let rows = args.first().map_or(0, |a| a.len());
        let got = literals(&evaluate(function, args, rows));
        let expect: Vec<Option<String>> = expect.iter().map(|e| e.map(str::to_owned)).collect();
        assert_eq!(got, expect, "{function:?}");
    }

    #[test]
    fn arithmetic_is_null_where_it_has_no_value() {
        let a = int(&[Some(7), Some(i64::MAX), Some(1), None]);
        let b = int(&[Some(2), Some(1), Some(0), Some(1)]);
        check(Function::Add, &[a.clone(), b.clone()], &[Some("9"), None, Some("1"), None]);
        check(
            Function::Divide,
            &[a.clone(), b.clone()],
            &[Some("3"), Some("9223372036854775807"), None, None],
        );
        check(Function::Modulo, &[a, b], &[Some("1"), Some("0"), None, None]);
        let lowest = int(&[Some(i64::MIN)]);
        check(Function::Negate, std::slice::from_ref(&lowest), &[None]);
        check(Function::Divide, &[lowest, int(&[Some(-1)])], &[None]);
    }

    #[test]
    fn decimals_keep_their_places() {
        let price = from_literals(
            [Some(Literal::Decimal { value: 1250, places: 2 })],
            ScalarType::Decimal(2),
        );
        let count = cast(&int(&[Some(3)]), ScalarType::Decimal(0));
        check(Function::Multiply, &[price.clone(), count.clone()], &[Some("37.50")]);
        check(Function::Add, &[price, count], &[Some("15.50")]);
    }

    #[test]
    fn the_smallest_number_is_no_decimal_and_does_not_fail() {
        let half = |value| {
            from_literals([Some(Literal::Decimal { value, places: 0 })], ScalarType::Decimal(0))
        };
        let lowest = i128::MIN / 2;
        check(Function::Add, &[half(lowest), half(lowest)], &[None]);
    }

    #[test]
    fn casts_never_fail() {
        let text: ArrayRef =
            Arc::new(arrow_array::StringArray::from(vec![Some("12"), Some("F20"), None]));
        assert_eq!(
            literals(&cast(&text, ScalarType::Int64)),
            vec![Some("12".to_owned()), None, None]
        );
        assert_eq!(literals(&cast(&text, ScalarType::Date)), vec![None, None, None]);
    }

    #[test]
    fn dates_at_the_end_of_the_calendar_are_null() {
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![Some(17562), Some(i32::MAX), None]));
        check(Function::Year, std::slice::from_ref(&dates), &[Some("2018"), None, None]);
        check(Function::StartOfQuarter, &[dates], &[Some("DATE '2018-01-01'"), None, None]);
    }

    #[test]
    fn substring_counts_characters() {
        let text: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["Ynys Môn", "E01"]));
        let (start, length) = (int(&[Some(6), Some(-1)]), int(&[Some(2), Some(4)]));
        check(Function::Substring, &[text, start, length], &[Some("'Mô'"), Some("'E0'")]);
    }
}
