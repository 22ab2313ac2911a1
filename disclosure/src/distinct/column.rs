//! The values of an Arrow column, each once for the sketch.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64NanosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::{DistinctSketch, DistinctValue};
use crate::tabulation::ScalarType;

/// That values of a column's type aren't counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("values of this type aren't sketched")]
pub struct NoSketchOfType;

impl DistinctSketch {
    /// Counts the values of a column. NULL is none.
    ///
    /// # Errors
    /// A column of a type whose values have no bytes in the sketch's format. Nothing is counted then.
    pub fn insert_all(&mut self, values: &ArrayRef) -> Result<(), NoSketchOfType> {
        macro_rules! each {
            ($values:expr, $of:expr) => {
                $values.iter().flatten().for_each(|value| self.insert($of(value)))
            };
        }
        macro_rules! numbers {
            ($type:ty, $of:expr) => {
                each!(values.as_primitive_opt::<$type>().ok_or(NoSketchOfType)?, $of)
            };
        }
        macro_rules! whole {
            ($type:ty) => {
                numbers!($type, |v| DistinctValue::Whole(i128::from(v)))
            };
        }
        match values.data_type() {
            DataType::Null => {}
            DataType::Boolean => each!(values.as_boolean(), DistinctValue::Boolean),
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::Int64 => whole!(Int64Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::UInt64 => whole!(UInt64Type),
            DataType::Decimal128(..) => numbers!(Decimal128Type, DistinctValue::Whole),
            DataType::Float32 => numbers!(Float32Type, |v| DistinctValue::Float(f64::from(v))),
            DataType::Float64 => numbers!(Float64Type, DistinctValue::Float),
            DataType::Utf8 => each!(values.as_string::<i32>(), DistinctValue::Text),
            DataType::LargeUtf8 => each!(values.as_string::<i64>(), DistinctValue::Text),
            DataType::Utf8View => each!(values.as_string_view(), DistinctValue::Text),
            DataType::Date32 => numbers!(Date32Type, DistinctValue::Date),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                numbers!(TimestampNanosecondType, DistinctValue::Time);
            }
            // In nanoseconds, too. Beyond those of 64 bits any number does that another moment hardly has.
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                numbers!(TimestampMicrosecondType, |v: i64| {
                    DistinctValue::Time(v.wrapping_mul(1_000))
                });
            }
            DataType::Time64(TimeUnit::Nanosecond) => {
                numbers!(Time64NanosecondType, DistinctValue::Time);
            }
            // Default deny: Arrow's list of types grows.
            _ => return Err(NoSketchOfType),
        }
        Ok(())
    }
}

/// Whether a column of this Arrow type has the same values, byte for byte in a sketch, as one of a Tabulation's type: a
/// decimal of other places, or a date that is a time, hasn't.
#[must_use]
pub fn is_alike(ours: ScalarType, other: &DataType) -> bool {
    match ours {
        ScalarType::Boolean => *other == DataType::Boolean,
        ScalarType::Int64 => other.is_integer(),
        ScalarType::Decimal(places) => {
            matches!(other, DataType::Decimal128(_, scale) if u8::try_from(*scale) == Ok(places))
        }
        ScalarType::Float64 => *other == DataType::Float64,
        ScalarType::Utf8 => {
            matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        ScalarType::Date => *other == DataType::Date32,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        BinaryArray, Date32Array, Decimal128Array, Int64Array, StringArray, StringViewArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array,
    };

    use super::*;

    fn of(values: ArrayRef) -> Result<DistinctSketch, NoSketchOfType> {
        let mut sketch = DistinctSketch::default();
        sketch.insert_all(&values).map(|()| sketch)
    }

    #[test]
    fn the_same_values_in_another_layout_are_one_sketch_and_null_is_none() {
        let text = [Some("a"), None, Some("b"), Some("a")];
        let plain = of(Arc::new(StringArray::from_iter(text))).unwrap();
        assert_eq!(plain, of(Arc::new(StringViewArray::from_iter(text))).unwrap());
        assert_eq!(plain.estimate(), 2);
        let wide = of(Arc::new(Int64Array::from_iter([Some(7), None, Some(9)]))).unwrap();
        assert_eq!(wide, of(Arc::new(UInt8Array::from_iter_values([9, 7]))).unwrap());
        assert_eq!(of(Arc::new(Int64Array::from_iter([None, None]))).unwrap().estimate(), 0);
        let fine = of(Arc::new(TimestampNanosecondArray::from(vec![-7_000, 9_000]))).unwrap();
        assert_eq!(fine, of(Arc::new(TimestampMicrosecondArray::from(vec![9, -7]))).unwrap());
    }

    #[test]
    fn a_type_without_bytes_in_the_format_is_refused() {
        let bytes = of(Arc::new(BinaryArray::from_iter_values([b"a"])));
        assert_eq!(bytes, Err(NoSketchOfType));
    }

    #[test]
    fn columns_that_are_alike_have_one_sketch_and_others_have_not() {
        let digits = |places| {
            let values = Decimal128Array::from_iter_values([150, 250]);
            of(Arc::new(values.with_precision_and_scale(38, places).unwrap())).unwrap()
        };
        // The digits are what is counted: places have to be compared by type.
        assert_eq!(digits(2), digits(1));
        assert!(is_alike(ScalarType::Decimal(2), &DataType::Decimal128(9, 2)));
        assert!(!is_alike(ScalarType::Decimal(2), &DataType::Decimal128(38, 1)));
        assert!(!is_alike(ScalarType::Decimal(2), &DataType::Decimal128(38, -2)));
        let day = of(Arc::new(Date32Array::from_iter_values([3]))).unwrap();
        assert_ne!(day, of(Arc::new(Int64Array::from_iter_values([3]))).unwrap());
        assert!(is_alike(ScalarType::Date, &DataType::Date32));
        assert!(!is_alike(ScalarType::Date, &DataType::Timestamp(TimeUnit::Nanosecond, None)));
        assert!(is_alike(ScalarType::Int64, &DataType::Int32));
        assert!(!is_alike(ScalarType::Float64, &DataType::Float32));
    }
}
