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
pub(super) fn unit_word(unit: Expr, keys: &DatasetKeys) -> Expr {
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

/// A word for every id; equal ids of equal types have equal words at every node with the same key.
fn words(units: &ArrayRef, keys: &DatasetKeys) -> Result<UInt64Array> {
    let drawn = keys.unit_words();
    let word = |bytes: &[u8]| drawn.of(bytes);
    Ok(match units.data_type() {
        DataType::Utf8 => {
            units.as_string::<i32>().iter().map(|v| v.map(|v| word(v.as_bytes()))).collect()
        }
        DataType::Utf8View => {
            units.as_string_view().iter().map(|v| v.map(|v| word(v.as_bytes()))).collect()
        }
        DataType::LargeUtf8 => {
            units.as_string::<i64>().iter().map(|v| v.map(|v| word(v.as_bytes()))).collect()
        }
        // The word beneath a NULL is never read.
        DataType::Int64 => units.as_primitive::<Int64Type>().unary(|v| word(&v.to_le_bytes())),
        DataType::Date32 => units.as_primitive::<Date32Type>().unary(|v| word(&v.to_le_bytes())),
        DataType::Decimal128(..) => {
            units.as_primitive::<Decimal128Type>().unary(|v| word(&v.to_le_bytes()))
        }
        // No other type identifies units: configuration refuses it.
        _ => return Err(unexpected()),
    })
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("a unit's id isn't of a type that identifies".to_owned())
}
