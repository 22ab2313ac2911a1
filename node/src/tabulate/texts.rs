//! Texts within a plan: some sources give them as views of what they hold. Functions are given plain ones, and nothing else
//! leaves a plan.

use arrow_array::{Array as _, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use insitu_disclosure::ScalarType;
use insitu_engine::common::Result;
use insitu_engine::logical_expr::{Expr, cast as cast_expr};

/// The array, of plain texts where it is of views.
pub(super) fn plain(array: ArrayRef) -> Result<ArrayRef> {
    if *array.data_type() == DataType::Utf8View {
        return Ok(cast(&array, &DataType::Utf8)?);
    }
    Ok(array)
}

/// The type of what [`plain`] makes of an array of this type.
pub(super) fn plain_type(data_type: &DataType) -> DataType {
    if *data_type == DataType::Utf8View { DataType::Utf8 } else { data_type.clone() }
}

/// The same as a type of a Tabulation, if it is one.
pub(super) fn type_of(data_type: &DataType) -> Option<ScalarType> {
    ScalarType::of(&plain_type(data_type))
}

/// The expression as it leaves a plan: of plain texts, if it is of texts.
pub(super) fn leaving(expr: Expr, of: Option<ScalarType>, name: &str) -> Expr {
    if of == Some(ScalarType::Utf8) { cast_expr(expr, DataType::Utf8).alias(name) } else { expr }
}
