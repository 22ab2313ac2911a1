//! Mistakes in the data, which are counted nowhere: rows of combinations that can't be, rows that contradict a hierarchy, and, where
//! whole tables are answered, rows that no row of a table is for.

use arrow_schema::DataType;
use insitu_disclosure::Dataset;
use insitu_disclosure::hierarchy::Hierarchy;
use insitu_disclosure::rules::published::conditions_of_rows;
use insitu_engine::common::{Column, DataFusionError, Result};
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TypeSignature, Volatility,
};

use super::expression::expression;
use super::texts;
use crate::references::LookUps;

/// The rows without mistakes.
pub(super) fn left_out(
    mut rows: LogicalPlanBuilder,
    dataset: &Dataset,
) -> Result<LogicalPlanBuilder> {
    for impossible in &dataset.impossible {
        // A row that has no value somewhere may be none.
        let condition = expression(&impossible.condition(), &LookUps::new());
        rows = rows.filter(Expr::IsNotTrue(Box::new(condition)))?;
    }
    for hierarchy in &dataset.hierarchies {
        rows = rows.filter(holds(hierarchy))?;
    }
    for published in have_published_values(dataset) {
        rows = rows.filter(published)?;
    }
    Ok(rows)
}

/// Whether a row has published values where there are any, one condition for each column; of whole tables only.
pub(crate) fn have_published_values(dataset: &Dataset) -> Vec<Expr> {
    let conditions = conditions_of_rows(dataset);
    let is_true = |condition| Expr::IsTrue(Box::new(expression(condition, &LookUps::new())));
    conditions.iter().map(is_true).collect()
}

/// Whether a row's code of the coarser column is the one that its code of the finer column belongs to.
pub(crate) fn holds(hierarchy: &Hierarchy) -> Expr {
    // The types were settled by the configuration: any are taken as they come, none is converted.
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let columns = vec![column(hierarchy.column()), column(hierarchy.within())];
    ScalarUDF::new_from_impl(Holds { hierarchy: hierarchy.clone(), signature }).call(columns)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Holds {
    hierarchy: Hierarchy,
    signature: Signature,
}

impl ScalarUDFImpl for Holds {
    fn name(&self) -> &str {
        "lies_within"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.iter().map(|value| texts::plain(value.to_array(rows)?));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let holds = match arrays.as_slice() {
            [column, within] => self.hierarchy.holds(column, within),
            _ => None,
        };
        // A column of another type than declared isn't read at all.
        let failed = || DataFusionError::Internal("a hierarchy's columns have changed".to_owned());
        let holds = holds.filter(|holds| holds.len() == rows).ok_or_else(failed)?;
        Ok(ColumnarValue::Array(std::sync::Arc::new(holds)))
    }
}
