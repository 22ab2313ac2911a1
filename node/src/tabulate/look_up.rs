//! Look-ups in references as the engine calls them.

use std::sync::Arc;

use arrow_array::new_null_array;
use arrow_schema::DataType;
use insitu_disclosure::ScalarType;
use insitu_disclosure::reference::LookUp;
use insitu_engine::common::Result;
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::texts;

/// What a column of a reference says of a value. Two are the same where content and column are.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LookedUp {
    table: Arc<LookUp>,
    column: String,
    value_type: ScalarType,
    signature: Signature,
}

/// What the column of the table says of a value.
pub(super) fn looked_up(
    table: &Arc<LookUp>,
    column: &str,
    value_type: ScalarType,
    value: Expr,
) -> Expr {
    // The types were settled by admission: any are taken as they come, none is converted.
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let (table, column) = (Arc::clone(table), column.to_owned());
    ScalarUDF::new_from_impl(LookedUp { table, column, value_type, signature }).call(vec![value])
}

impl ScalarUDFImpl for LookedUp {
    fn name(&self) -> &str {
        "look_up"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.value_type.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let value = args.args.first().map(|value| texts::plain(value.to_array(rows)?));
        let values = value.transpose()?;
        let nothing = || new_null_array(&self.value_type.data_type(), rows);
        let found = values.map(|v| self.table.evaluate(&self.column, self.value_type, &v));
        Ok(ColumnarValue::Array(found.unwrap_or_else(nothing)))
    }
}
