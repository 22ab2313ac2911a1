//! The aggregate that sketches the different values of open data. What it makes of a cell are the sketch's bytes, in the
//! frozen format of [`insitu_disclosure::distinct`]: they are what leaves, and no value does.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray as _;
use arrow_schema::{DataType, Field, FieldRef};
use insitu_disclosure::distinct::{DistinctSketch, NoSketchOfType};
use insitu_engine::common::{DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
};

/// The sketch of an expression's values, as bytes. NULL is none of them; of no values it is the sketch of none.
pub(super) fn distinct_sketch(values: Expr) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    AggregateUDF::new_from_impl(Sketches { signature }).call(vec![values])
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sketches {
    signature: Signature,
}

impl AggregateUDFImpl for Sketches {
    fn name(&self) -> &str {
        "distinct_sketch"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sketched::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[sketch]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(DistinctSketch::default().to_bytes())))
    }
}

/// The values of a cell so far.
#[derive(Debug, Default)]
struct Sketched {
    sketch: DistinctSketch,
}

impl Accumulator for Sketched {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return Err(unexpected()) };
        self.sketch.insert_all(values).map_err(|NoSketchOfType| unexpected())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.sketch.to_bytes())))
    }

    fn size(&self) -> usize {
        self.sketch.memory_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.evaluate().map(|bytes| vec![bytes])
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
    DataFusionError::Internal("a sketch was given something else".to_owned())
}
