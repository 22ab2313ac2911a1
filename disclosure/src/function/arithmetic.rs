//! Arithmetic that is NULL where it has no value: it neither wraps nor fails.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, new_null_array};

use super::cast::{cast, with_type};
use super::decimals;
use crate::tabulation::ScalarType;

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// What is done with a number's sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Negate,
    Absolute,
}

/// 38 nines: the largest decimal number there is.
pub(super) const DECIMAL_MAX: u128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// `left` and `right` calculated with; NULL where the result doesn't fit its type.
pub(super) fn arithmetic(
    operation: Operation,
    left: &ArrayRef,
    right: &ArrayRef,
    result: ScalarType,
) -> ArrayRef {
    match result {
        ScalarType::Int64 => {
            let (l, r) = (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
            let values =
                l.iter().zip(r.iter()).map(|(l, r)| exact(operation, l?.into(), r?.into()));
            Arc::new(values.map(|v| v.and_then(|v| i64::try_from(v).ok())).collect::<Int64Array>())
        }
        ScalarType::Decimal(places) => {
            if let Some(values) = decimals::all_have_a_value(operation, left, right, places) {
                return with_type(values, result);
            }
            // Adding needs a common scale; multiplying adds the scales up.
            let (l, r) = match operation {
                Operation::Multiply => (left.clone(), right.clone()),
                Operation::Add | Operation::Subtract | Operation::Divide | Operation::Modulo => (
                    cast(left, ScalarType::Decimal(places)),
                    cast(right, ScalarType::Decimal(places)),
                ),
            };
            let (l, r) = (integers(&l), integers(&r));
            let values: Decimal128Array = l
                .into_iter()
                .zip(r)
                .map(|(l, r)| exact(operation, l?, r?).filter(|v| v.unsigned_abs() <= DECIMAL_MAX))
                .collect();
            with_type(values, result)
        }
        ScalarType::Float64 => {
            let (l, r) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
            let values = l.iter().zip(r.iter()).map(|(l, r)| floating(operation, l?, r?));
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

fn exact(operation: Operation, l: i128, r: i128) -> Option<i128> {
    match operation {
        Operation::Add => l.checked_add(r),
        Operation::Subtract => l.checked_sub(r),
        Operation::Multiply => l.checked_mul(r),
        Operation::Divide => l.checked_div(r),
        Operation::Modulo => l.checked_rem(r),
    }
}

fn floating(operation: Operation, l: f64, r: f64) -> Option<f64> {
    let value = match operation {
        Operation::Add => l + r,
        Operation::Subtract => l - r,
        Operation::Multiply => l * r,
        Operation::Divide => l / r,
        Operation::Modulo => l % r,
    };
    value.is_finite().then_some(value)
}

/// The value with another sign; NULL where the result doesn't fit its type.
pub(super) fn signed(sign: Sign, value: &ArrayRef, result: ScalarType) -> ArrayRef {
    match result {
        ScalarType::Int64 => Arc::new(
            value
                .as_primitive::<Int64Type>()
                .iter()
                .map(|v| match sign {
                    Sign::Negate => v?.checked_neg(),
                    Sign::Absolute => v?.checked_abs(),
                })
                .collect::<Int64Array>(),
        ),
        ScalarType::Decimal(_) => {
            let values: Decimal128Array = value
                .as_primitive::<Decimal128Type>()
                .iter()
                .map(|v| match sign {
                    Sign::Negate => v?.checked_neg(),
                    Sign::Absolute => v?.checked_abs(),
                })
                .collect();
            with_type(values, result)
        }
        ScalarType::Float64 => Arc::new(
            value
                .as_primitive::<Float64Type>()
                .iter()
                .map(|v| match sign {
                    Sign::Negate => v.map(|v| -v),
                    Sign::Absolute => v.map(f64::abs),
                })
                .collect::<Float64Array>(),
        ),
        ScalarType::Boolean | ScalarType::Utf8 | ScalarType::Date => {
            new_null_array(&result.data_type(), value.len())
        }
    }
}
