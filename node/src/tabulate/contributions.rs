//! The aggregate that makes Evidence: who contributes how much to a cell, for all parts at once.
//!
//! One pass for everything that is known of a cell: units, record keys, rows, totals, the two largest contributions,
//! difference sketches. Its state and its result are the same bytes, so that the engine may split the rows as it likes.
//!
//! Arguments: the unit's word (NULL where it has no id), its record key where the data owner has one, the conditions under
//! which rows count, and the amounts of those that do. Where a unit may have many rows, they come as they are, and are
//! added up here: the engine would keep a group for each unit of each cell.

use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature,
    TypeSignature, Volatility,
};

use super::cells::Cells;
use super::layout::Layout;

/// The aggregate of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Contributions {
    layout: Arc<Layout>,
    signature: Signature,
}

/// The aggregate over these arguments: see the head of this file.
pub(super) fn contributions(layout: Layout, arguments: Vec<Expr>) -> Expr {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let layout = Arc::new(layout);
    AggregateUDF::new_from_impl(Contributions { layout, signature }).call(arguments)
}

impl AggregateUDFImpl for Contributions {
    fn name(&self) -> &str {
        "contributions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::new(&self.layout)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field =
            |what| Field::new(format!("{}[{what}]", args.name), DataType::LargeBinary, true);
        let records = self.layout.many_rows.then(|| field("records"));
        Ok([Some(field("known")), records].into_iter().flatten().map(Arc::new).collect())
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many { cells: Cells::new(&self.layout), layout: Arc::clone(&self.layout) }))
    }
}

/// Without keys: one cell.
struct One {
    cells: Cells,
}

impl One {
    fn new(layout: &Arc<Layout>) -> Self {
        let mut cells = Cells::new(layout);
        cells.resize(1);
        Self { cells }
    }
}

/// The engine asks for it. What is added up is nobody's to read.
impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("One").finish_non_exhaustive()
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.cells.update(values, None, None)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.cells.evaluate(EmitTo::All), 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.cells.size())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.cells.state(EmitTo::All);
        state.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.cells.merge(values, None)
    }
}

/// With keys: many cells.
struct Many {
    cells: Cells,
    layout: Arc<Layout>,
}

/// As of [`One`]; a record that waits is of one unit.
impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.cells.resize(total_num_groups);
        self.cells.update(values, Some(group_indices), opt_filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.cells.evaluate(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(self.cells.state(emit_to))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.cells.resize(total_num_groups);
        self.cells.merge(values, Some(group_indices))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        // Each row a cell of its own.
        let rows = values.first().map_or(0, |words| words.len());
        let mut each = Cells::new(&self.layout);
        each.resize(rows);
        each.update(values, Some(&(0..rows).collect::<Vec<_>>()), opt_filter)?;
        Ok(each.state(EmitTo::All))
    }

    fn size(&self) -> usize {
        self.cells.size()
    }
}

#[cfg(test)]
#[path = "contributions_tests.rs"]
mod tests;
