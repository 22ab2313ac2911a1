//! `percentile_cont` over rows of open data. The engine's cuts the weight between two neighbouring values to six digits, so
//! that 0 six times and 32,000,000 have 22,399,968 at 0.95; here it is as exact as floating point.
//!
//! `approx_percentile_cont` and `approx_median` are the same. The engine's are about right, from groups of values that come out
//! otherwise when rows are in another order or at other departments, and spare memory for more rows than are ever fetched.
//!
//! Values are in the order of IEEE 754-2019 (5.10, `totalOrder`), as `ORDER BY` has them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use insitu_engine::common::{DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{Accumulator, AggregateUDF, ColumnarValue};

use super::floats::of_one_form;
use super::mended::Mend;

/// The engine's function with exact weights; any other function as it is.
pub(super) fn mended(function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    if ["percentile_cont", "approx_percentile_cont", "approx_median"].contains(&function.name()) {
        super::mended::mended(function, ExactWeights)
    } else {
        function
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ExactWeights;

impl Mend for ExactWeights {
    fn accumulator(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        // The engine's refuses what is no percentile, and knows what to do without a type.
        let engines = engines.accumulator(args.clone())?;
        let Some(values) = args.expr_fields.first() else { return Ok(engines) };
        if !values.data_type().is_floating() {
            return Ok(engines);
        }
        Ok(Box::new(Values {
            at: percentile(&args)?,
            descending: args.order_bys.first().is_some_and(|order| order.options.descending),
            distinct: args.is_distinct,
            data_type: values.data_type().clone(),
            values: Vec::new(),
        }))
    }

    fn sliding(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.accumulator(engines, args)
    }

    fn state_fields(
        &self,
        _engines: &AggregateUDF,
        args: StateFieldsArgs<'_>,
    ) -> Result<Vec<FieldRef>> {
        let value = args.input_fields.first().map_or(DataType::Null, |f| f.data_type().clone());
        let name = format!("{}[values]", args.name);
        let values = Field::new_list(name, Field::new_list_field(value, true), true);
        Ok(vec![Arc::new(values)])
    }

    fn leaves_groups(&self, _engines: &AggregateUDF, _args: &AccumulatorArgs<'_>) -> bool {
        false
    }
}

/// The literal that says which percentile; the middle one, if none does.
fn percentile(args: &AccumulatorArgs<'_>) -> Result<f64> {
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    if args.exprs.len() < 2 {
        return Ok(0.5);
    }
    let literal = args.exprs.get(1).map(|expr| expr.evaluate(&nothing)).transpose()?;
    match literal {
        Some(ColumnarValue::Scalar(ScalarValue::Float64(Some(at)))) => Ok(at),
        Some(ColumnarValue::Scalar(ScalarValue::Float32(Some(at)))) => Ok(at.into()),
        Some(ColumnarValue::Scalar(_) | ColumnarValue::Array(_)) | None => {
            Err(DataFusionError::Plan("a percentile is a literal between 0 and 1".to_owned()))
        }
    }
}

/// All values of a group.
#[derive(Debug)]
struct Values {
    at: f64,
    descending: bool,
    distinct: bool,
    data_type: DataType,
    values: Vec<f64>,
}

impl Values {
    /// The values of the first column, without NULLs: with zero for -0.0, and one NaN.
    fn of(columns: &[ArrayRef]) -> Result<Vec<f64>> {
        let Some(column) = columns.first() else { return Ok(Vec::new()) };
        let floats = arrow_cast::cast(column, &DataType::Float64)?;
        let floats = of_one_form(&floats);
        Ok(floats.as_primitive::<Float64Type>().iter().flatten().collect())
    }

    fn in_own_type(&self, value: Option<f64>) -> Result<ScalarValue> {
        ScalarValue::Float64(value).cast_to(&self.data_type)
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values.extend(Self::of(columns)?);
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let mut gone: HashMap<u64, usize> = HashMap::new();
        for value in Self::of(columns)? {
            let times = gone.entry(value.to_bits()).or_default();
            *times = times.saturating_add(1);
        }
        self.values.retain(|value| match gone.get_mut(&value.to_bits()) {
            Some(times) if 0 < *times => {
                *times = times.saturating_sub(1);
                false
            }
            Some(_) | None => true,
        });
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        if self.distinct {
            sorted.dedup_by_key(|value| value.to_bits());
        }
        if self.descending {
            sorted.reverse();
        }
        self.in_own_type(between(&sorted, self.at))
    }

    fn size(&self) -> usize {
        size_of_val(self).saturating_add(self.values.capacity().saturating_mul(size_of::<f64>()))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Result<Vec<ScalarValue>> =
            self.values.iter().map(|value| self.in_own_type(Some(*value))).collect();
        let list = ScalarValue::new_list(&values?, &self.data_type, true);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        for values in lists.as_list::<i32>().iter().flatten() {
            self.values.extend(Self::of(&[values])?);
        }
        Ok(())
    }
}

/// The value so far along the ordered ones, by linear interpolation between the two beside it.
fn between(ordered: &[f64], at: f64) -> Option<f64> {
    let last = ordered.len().checked_sub(1)?;
    let place = at * last as f64;
    // Within 0 and the last, as the percentile is within 0 and 1.
    let below = place.floor() as usize;
    let lower = *ordered.get(below)?;
    let weight = place - place.floor();
    match ordered.get(below.saturating_add(1)) {
        Some(upper) if 0.0 < weight && *upper != lower => Some(lower + (upper - lower) * weight),
        Some(_) | None => Some(lower),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Float64Array;

    use super::*;

    fn values(distinct: bool, descending: bool, at: f64) -> Values {
        Values { at, descending, distinct, data_type: DataType::Float64, values: Vec::new() }
    }

    #[test]
    fn the_weight_has_all_its_digits() {
        let near = |found: Option<f64>, expect: f64| (found.unwrap() - expect).abs() < 1e-6;
        assert!(near(between(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 32e6], 0.95), 22_400_000.0));
        assert!(near(between(&[0.0, 1.0, 2.0], 0.5), 1.0));
        assert_eq!(between(&[7.0], 0.3), Some(7.0));
        assert_eq!(between(&[1.0, 2.0], 1.0), Some(2.0));
        assert_eq!(between(&[f64::INFINITY, f64::INFINITY], 0.5), Some(f64::INFINITY));
        assert_eq!(between(&[], 0.5), None);
    }

    #[test]
    fn values_are_taken_out_again_and_states_put_together() {
        let column = |values: &[f64]| -> [ArrayRef; 1] {
            [Arc::new(Float64Array::from(values.to_vec())) as ArrayRef]
        };
        let mut first = values(false, true, 0.25);
        first.update_batch(&column(&[3.0, 1.0, 1.0, f64::NAN])).unwrap();
        first.retract_batch(&column(&[f64::NAN, 1.0])).unwrap();
        let mut both = values(false, true, 0.25);
        let state = first.state().unwrap().remove(0).to_array().unwrap();
        both.merge_batch(&[state]).unwrap();
        both.update_batch(&column(&[2.0, 5.0, 4.0])).unwrap();
        // 5, 4, 3, 2, 1
        assert_eq!(both.evaluate().unwrap(), ScalarValue::from(4.0));
        assert_eq!(both.evaluate().unwrap(), ScalarValue::from(4.0));
        let mut distinct = values(true, false, 0.5);
        distinct.update_batch(&column(&[0.0, -0.0, 0.0, 8.0])).unwrap();
        assert_eq!(distinct.evaluate().unwrap(), ScalarValue::from(4.0));
    }
}
