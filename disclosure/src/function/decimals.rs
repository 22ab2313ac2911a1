//! Arithmetic on decimals where every row has a value, which is nearly always: without an option for each row, it takes a
//! tenth of the time. Where a row has none, nothing is given, and [`super::arithmetic`] does it row by row.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Decimal128Array};
use arrow_buffer::NullBuffer;

use super::arithmetic::{DECIMAL_MAX, Operation};
use crate::tabulation::ScalarType;
use crate::tabulation::typing::power_of_ten;

/// The results, NULL where an argument is; `None` if a row has arguments and no result, or may have none.
pub(super) fn all_have_a_value(
    operation: Operation,
    left: &ArrayRef,
    right: &ArrayRef,
    places: u8,
) -> Option<Decimal128Array> {
    let (l, r) = (Numbers::of(left)?, Numbers::of(right)?);
    let values = match operation {
        Operation::Multiply => calculated(&l, &r, product)?,
        Operation::Add | Operation::Subtract => {
            let [to_l, to_r] = [l.places, r.places].map(|own| places.checked_sub(own));
            let (to_l, to_r) = (power_of_ten(to_l?), power_of_ten(to_r?));
            match operation {
                Operation::Add => {
                    calculated(&l, &r, |l, r| product(l, to_l)?.checked_add(product(r, to_r)?))?
                }
                Operation::Subtract => {
                    calculated(&l, &r, |l, r| product(l, to_l)?.checked_sub(product(r, to_r)?))?
                }
                Operation::Multiply | Operation::Divide | Operation::Modulo => return None,
            }
        }
        // Rows with a zero have none, so they aren't worth a way of their own.
        Operation::Divide | Operation::Modulo => return None,
    };
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    Decimal128Array::try_new(values.into(), nulls).ok()
}

/// Whole numbers, with how many places they have behind the point.
struct Numbers<'a> {
    digits: Digits<'a>,
    places: u8,
}

enum Digits<'a> {
    Narrow(&'a [i64]),
    Wide(&'a [i128]),
}

impl<'a> Numbers<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        match ScalarType::of(array.data_type())? {
            ScalarType::Int64 => {
                let digits = Digits::Narrow(array.as_primitive_opt::<Int64Type>()?.values());
                Some(Self { digits, places: 0 })
            }
            ScalarType::Decimal(places) => {
                let digits = Digits::Wide(array.as_primitive_opt::<Decimal128Type>()?.values());
                Some(Self { digits, places })
            }
            ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => None,
        }
    }
}

/// Under a NULL may stand anything: if it has no result, the rows are looked at one by one.
fn calculated(
    left: &Numbers<'_>,
    right: &Numbers<'_>,
    each: impl Fn(i128, i128) -> Option<i128>,
) -> Option<Vec<i128>> {
    match (&left.digits, &right.digits) {
        (Digits::Narrow(l), Digits::Narrow(r)) => in_pairs(wide(l), wide(r), each),
        (Digits::Narrow(l), Digits::Wide(r)) => in_pairs(wide(l), r.iter().copied(), each),
        (Digits::Wide(l), Digits::Narrow(r)) => in_pairs(l.iter().copied(), wide(r), each),
        (Digits::Wide(l), Digits::Wide(r)) => in_pairs(l.iter().copied(), r.iter().copied(), each),
    }
}

fn wide(digits: &[i64]) -> impl ExactSizeIterator<Item = i128> {
    digits.iter().copied().map(i128::from)
}

fn in_pairs(
    left: impl ExactSizeIterator<Item = i128>,
    right: impl ExactSizeIterator<Item = i128>,
    each: impl Fn(i128, i128) -> Option<i128>,
) -> Option<Vec<i128>> {
    if left.len() != right.len() {
        return None;
    }
    let mut values = Vec::with_capacity(left.len());
    for (l, r) in left.zip(right) {
        values.push(each(l, r).filter(|value| value.unsigned_abs() <= DECIMAL_MAX)?);
    }
    Some(values)
}

/// The product; of two numbers of 64 bits, as nearly all are, by one instruction.
fn product(left: i128, right: i128) -> Option<i128> {
    match (i64::try_from(left), i64::try_from(right)) {
        // 126 bits at most.
        (Ok(left), Ok(right)) => Some(i128::from(left).wrapping_mul(i128::from(right))),
        (Ok(_) | Err(_), _) => left.checked_mul(right),
    }
}
