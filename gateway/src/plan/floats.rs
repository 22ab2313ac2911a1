//! `min`, `max` and distinct values of floating-point numbers in the upper plan: the engine's functions, where these forget
//! values.
//!
//! The engine has two ways to aggregate by group. The one made for many groups compares primitively: it takes any number
//! that comes after a NaN for smaller and for larger, so that what came before it is lost, and the answer hangs on the
//! order of rows. The other compares by the order of IEEE 754-2019 (5.10, `totalOrder`), in which NaN is above all numbers,
//! as `ORDER BY` has it. Floats always go the second way here.
//!
//! Distinct values are told apart by their bits, which makes two of 0.0 and -0.0, and several of NaN. `GROUP BY` and `=`
//! make one of them. Here each value is brought to one form first. So is it for a median: which of two zeros is in the
//! middle hangs on the order of rows.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::function::AccumulatorArgs;
use insitu_engine::logical_expr::{Accumulator, AggregateUDF};

use super::mended::Mend;

/// The functions that are wrapped.
const WRAPPED: [&str; 6] = ["min", "max", "count", "sum", "avg", MEDIAN];
const MEDIAN: &str = "median";

/// The engine's function, or the same function without its faults over floats.
pub(super) fn mended(function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    if WRAPPED.contains(&function.name()) {
        super::mended::mended(function, OverFloats)
    } else {
        function
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OverFloats;

/// Whether zeros and what is no number have to be alike.
fn is_by_value(engines: &AggregateUDF, args: &AccumulatorArgs<'_>) -> bool {
    (args.is_distinct || engines.name() == MEDIAN) && is_of_floats(args)
}

fn is_of_floats(args: &AccumulatorArgs<'_>) -> bool {
    args.expr_fields.iter().any(|field| field.data_type().is_floating())
}

impl Mend for OverFloats {
    fn accumulator(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        let by_value = is_by_value(engines, &args);
        let engines = engines.accumulator(args)?;
        Ok(if by_value { Box::new(OneForm(engines)) } else { engines })
    }

    fn sliding(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        let by_value = is_by_value(engines, &args);
        let engines = engines.create_sliding_accumulator(args)?;
        Ok(if by_value { Box::new(OneForm(engines)) } else { engines })
    }

    fn leaves_groups(&self, engines: &AggregateUDF, args: &AccumulatorArgs<'_>) -> bool {
        let compared = matches!(engines.name(), "min" | "max");
        !(compared && is_of_floats(args) || is_by_value(engines, args))
    }
}

/// Accumulates values in one form each. States hold such values already.
#[derive(Debug)]
struct OneForm(Box<dyn Accumulator>);

impl Accumulator for OneForm {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(&in_one_form(values))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(&in_one_form(values))
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }
}

fn in_one_form(values: &[ArrayRef]) -> Vec<ArrayRef> {
    values.iter().map(of_one_form).collect()
}

/// With zero for -0.0, and one NaN.
pub(super) fn of_one_form(values: &ArrayRef) -> ArrayRef {
    if let Some(floats) = values.as_primitive_opt::<Float64Type>() {
        Arc::new(floats.unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v + 0.0 }))
    } else if let Some(floats) = values.as_primitive_opt::<Float32Type>() {
        Arc::new(floats.unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v + 0.0 }))
    } else if let Some(floats) = values.as_primitive_opt::<Float16Type>() {
        type Half = <Float16Type as ArrowPrimitiveType>::Native;
        let of_zero = |v: Half| if v == Half::NEG_ZERO { Half::ZERO } else { v };
        Arc::new(
            floats.unary::<_, Float16Type>(|v| if v.is_nan() { Half::NAN } else { of_zero(v) }),
        )
    } else {
        Arc::clone(values)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array as _, Float64Array};

    use super::*;

    #[test]
    fn zeros_are_one_value_and_so_are_all_that_are_no_number() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | (1 << 63) | 1);
        let values = [Some(-0.0), Some(0.0), None, Some(f64::NAN), Some(other_nan), Some(-1.5)];
        let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        let formed = of_one_form(&values);
        let bits = |at: usize| formed.as_primitive::<Float64Type>().value(at).to_bits();
        assert_eq!(bits(0), bits(1));
        assert_eq!(bits(3), bits(4));
        assert_eq!(bits(5), (-1.5_f64).to_bits());
        assert!(formed.is_null(2));
    }
}
