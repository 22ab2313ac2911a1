//! `round` and `trunc` of floating point to places that a number has no digits at.
//!
//! The engine multiplies by a power of ten and divides by it again. Where the power or the product is no number any more, or
//! the power is 0, it answers with infinity or with none. A number that has no digits so far behind the point is itself,
//! and one that has none so far before it is 0.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, PrimitiveArray};
use arrow_schema::DataType;
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::sort_properties::{ExprProperties, SortProperties};
use insitu_engine::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// Beyond these places no double has digits; the engine's own places are of 32 bits.
const PLACES_MAX: i64 = 400;

/// The function over floating point, with the answers that the engine hasn't.
///
/// # Errors
/// The engine's.
pub(super) fn invoke(
    mut args: ScalarFunctionArgs,
    engines: impl FnOnce(ScalarFunctionArgs) -> Result<ColumnarValue>,
) -> Result<ColumnarValue> {
    let [value, places] = args.args.as_mut_slice() else { return engines(args) };
    if !value.data_type().is_floating() {
        return engines(args);
    }
    *places = within(places, |places| match i32::try_from(places) {
        Ok(_) => places.clamp(-PLACES_MAX, PLACES_MAX),
        // What the engine says of so many is for it to say.
        Err(_) => places,
    })?;
    let (value, places) = (value.clone(), places.clone());
    settled(&value, &places, engines(args)?)
}

/// Places of 64 bits, each brought nearer.
fn within(places: &ColumnarValue, near: impl Fn(i64) -> i64) -> Result<ColumnarValue> {
    let places = places.cast_to(&DataType::Int64, None)?;
    Ok(match places {
        ColumnarValue::Scalar(ScalarValue::Int64(Some(one))) => {
            ColumnarValue::Scalar(ScalarValue::Int64(Some(near(one))))
        }
        ColumnarValue::Array(array) => match array.as_primitive_opt::<Int64Type>() {
            Some(each) => ColumnarValue::Array(Arc::new(each.unary::<_, Int64Type>(near))),
            None => ColumnarValue::Array(array),
        },
        ColumnarValue::Scalar(_) => places,
    })
}

fn settled(
    value: &ColumnarValue,
    places: &ColumnarValue,
    result: ColumnarValue,
) -> Result<ColumnarValue> {
    let (rows, result, is_one) = match result {
        ColumnarValue::Array(array) => (array.len(), array, false),
        ColumnarValue::Scalar(one) => (1, one.to_array()?, true),
    };
    let settled = match result.data_type() {
        DataType::Float64 => each::<Float64Type>(value, places, &result, rows)?,
        DataType::Float32 => each::<Float32Type>(value, places, &result, rows)?,
        _ => None,
    };
    let result = settled.unwrap_or(result);
    if is_one {
        return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
    }
    Ok(ColumnarValue::Array(result))
}

/// `None` where all of the results are numbers.
fn each<T>(
    value: &ColumnarValue,
    places: &ColumnarValue,
    result: &ArrayRef,
    rows: usize,
) -> Result<Option<ArrayRef>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<f64>,
{
    let Some(result) = result.as_primitive_opt::<T>() else { return Ok(None) };
    if result.values().iter().all(|r| (*r).into().is_finite()) {
        return Ok(None);
    }
    let (value, places) = (value.to_array(rows)?, places.to_array(rows)?);
    let (Some(value), Some(places)) = (value.as_primitive_opt::<T>(), places.as_primitive_opt())
    else {
        return Ok(None);
    };
    let places: &PrimitiveArray<Int64Type> = places;
    let settled: PrimitiveArray<T> = result
        .iter()
        .zip(value.iter().zip(places.iter()))
        .map(|(result, asked)| {
            let (result, (Some(value), Some(places))) = (result?, asked) else { return result };
            let is_answered = result.into().is_finite() || !value.into().is_finite();
            Some(if is_answered {
                result
            } else if 0 < places {
                value
            } else if result.into().is_nan() {
                T::default_value()
            } else {
                result
            })
        })
        .collect();
    Ok(Some(Arc::new(settled)))
}

/// The engine's `trunc`, with these answers.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Truncating(pub(super) Arc<ScalarUDF>);

impl ScalarUDFImpl for Truncating {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.0.return_type(arg_types)
    }

    fn is_strict(&self) -> bool {
        self.0.is_strict()
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.0.output_ordering(inputs)
    }

    /// The engine's takes places of 64 bits, and of these the last 32.
    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [_, places] = args.args.as_mut_slice() {
            *places = within(places, |places| places.clamp(-PLACES_MAX, PLACES_MAX))?;
        }
        invoke(args, |args| self.0.invoke_with_args(args))
    }
}
