//! `approx_distinct(x)` over open data: the engine's own name with our own sketch, whose answer doesn't change with the
//! engine's version, the order of rows, or how they are split.
//!
//! Departments sketch their own rows, as a measure of a Tabulation, where that has a word for the argument and the values it
//! gives are the engine's. Of other arguments the rows are fetched, and sketched here by the function below.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray as _;
use arrow_schema::{DataType, Field, FieldRef};
use insitu_disclosure::distinct::{DistinctSketch, NoSketchOfType, is_alike};
use insitu_disclosure::{Refusal, RefusalCode, Scalar};
use insitu_engine::common::{DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ExprSchemable as _, Signature, Volatility,
};

use super::relation::Relation;

/// The argument of a measure that departments sketch.
///
/// # Errors
/// An argument that a Tabulation has no word for, or of which the engine's values would have other bytes.
pub(super) fn of_open(
    argument: &Expr,
    relation: &Relation,
) -> std::result::Result<Scalar, Refusal> {
    let (scalar, ours) = relation.scalar(argument)?;
    match argument.get_type(relation.plan.schema()) {
        Ok(engines) if is_alike(ours, &engines) => Ok(scalar),
        Ok(_) | Err(_) => Err(Refusal::new(
            RefusalCode::Q107,
            format!("`{NAME}` of `{argument}` is computed from rows."),
            "Ask for the rows.",
        )),
    }
}

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
        self.sketch.insert_all(values).map_err(|NoSketchOfType| {
            DataFusionError::NotImplemented("`approx_distinct` of values of this type".to_owned())
        })
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
