//! Units as words under the dataset's secret key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, UInt64Array};
use arrow_schema::DataType;
use insitu_disclosure::keyed::DatasetKeys;
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

/// `unit_word(id)`: NULL for no id.
#[derive(Debug)]
struct Words {
    keys: DatasetKeys,
    signature: Signature,
}

// The engine compares functions to find equal expressions. Keys aren't compared: a plan is about one
// dataset, which has one key.
impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for Words {}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

/// The word of the unit that this column identifies.
pub(crate) fn unit_word(unit: Expr, keys: &DatasetKeys) -> Expr {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    ScalarUDF::new_from_impl(Words { keys: keys.clone(), signature }).call(vec![unit])
}

impl ScalarUDFImpl for Words {
    fn name(&self) -> &str {
        "unit_word"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = args.args.first().ok_or_else(unexpected)?.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(words(&unit, &self.keys)?)))
    }
}

/// A word for every id; equal ids of equal types have equal words at every node with the same key. The word beneath a
/// NULL is never read.
fn words(units: &ArrayRef, keys: &DatasetKeys) -> Result<UInt64Array> {
    let drawn = keys.unit_words();
    let words = match units.data_type() {
        DataType::Utf8 => drawn.of_texts(units.as_string::<i32>().iter()),
        DataType::Utf8View => drawn.of_texts(units.as_string_view().iter()),
        DataType::LargeUtf8 => drawn.of_texts(units.as_string::<i64>().iter()),
        DataType::Int64 => {
            drawn.of_numbers(units.as_primitive::<Int64Type>().values(), i64::to_le_bytes)
        }
        DataType::Date32 => {
            drawn.of_numbers(units.as_primitive::<Date32Type>().values(), i32::to_le_bytes)
        }
        DataType::Decimal128(..) => {
            drawn.of_numbers(units.as_primitive::<Decimal128Type>().values(), i128::to_le_bytes)
        }
        // No other type identifies units: configuration refuses it.
        _ => return Err(unexpected()),
    };
    Ok(UInt64Array::new(words.into(), units.nulls().cloned()))
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("a unit's id isn't of a type that identifies".to_owned())
}
