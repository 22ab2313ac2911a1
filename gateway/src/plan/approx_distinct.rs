//! `approx_distinct(x)` over open rows: the engine's own name with our own sketch, whose answer doesn't change with the
//! engine's version, the order of rows, or how they are split.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64NanosecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use insitu_disclosure::distinct::{DistinctSketch, DistinctValue};
use insitu_engine::common::{DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// The name in SQL.
pub(super) const NAME: &str = "approx_distinct";

/// The function, in the place of the engine's.
pub(super) fn function() -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(ApproxDistinct { signature }))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ApproxDistinct {
    signature: Signature,
}

impl AggregateUDFImpl for ApproxDistinct {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counted::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[sketch]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::UInt64(Some(0)))
    }
}

/// The values so far.
#[derive(Debug, Default)]
struct Counted {
    sketch: DistinctSketch,
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return Err(unexpected()) };
        insert(&mut self.sketch, values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::UInt64(Some(self.sketch.estimate())))
    }

    fn size(&self) -> usize {
        self.sketch.memory_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.sketch.to_bytes()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [states] = states else { return Err(unexpected()) };
        let states = states.as_binary_opt::<i32>().ok_or_else(unexpected)?;
        for bytes in states.iter().flatten() {
            self.sketch.merge(&DistinctSketch::from_bytes(bytes).ok_or_else(unexpected)?);
        }
        Ok(())
    }
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("`approx_distinct` was given something else".to_owned())
}

/// Counts the values of a column. NULL is none.
fn insert(sketch: &mut DistinctSketch, values: &ArrayRef) -> Result<()> {
    macro_rules! each {
        ($values:expr, $of:expr) => {
            $values.iter().flatten().for_each(|value| sketch.insert($of(value)))
        };
    }
    macro_rules! numbers {
        ($type:ty, $of:expr) => {
            each!(values.as_primitive_opt::<$type>().ok_or_else(unexpected)?, $of)
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
        DataType::Time64(TimeUnit::Nanosecond) => {
            numbers!(Time64NanosecondType, DistinctValue::Time);
        }
        // Default deny: the engine's list of types grows.
        _ => {
            return Err(DataFusionError::NotImplemented(
                "`approx_distinct` of values of this type".to_owned(),
            ));
        }
    }
    Ok(())
}
