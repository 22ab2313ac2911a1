//! The aggregate that makes Evidence: who contributes how much to a cell, for all parts at once.
//!
//! One pass for everything that is known of a cell: units, record keys, rows, totals, the two largest contributions,
//! difference sketches. Its state and its result are the same bytes, so that the engine may split the rows as it likes.
//!
//! Arguments: the unit's word (NULL where it has no id), its record key where the data owner has one, the conditions under
//! which rows count, the amounts of those that do, and the keys that are texts, for what they take of memory. Where a unit may have many rows, they come as they are, and are
//! added up here: the engine would keep a group for each unit of each cell.

use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature,
    TypeSignature, Volatility,
};

use super::cells::Cells;
use super::exchange::Exchange;
use super::group_keys::GroupKeys;
use super::layout::Layout;
use super::memory::{Held, Share};
use super::unwanted::StillWanted;

/// The aggregate of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Contributions {
    layout: Arc<Layout>,
    keys: GroupKeys,
    exchange: Exchange,
    wanted: StillWanted,
    share: Share,
    signature: Signature,
}

/// The aggregate over these arguments: see the head of this file. Long work looks whether it is still wanted, and what is
/// known is held of a share of memory.
pub(super) fn contributions(
    layout: Layout,
    keys: GroupKeys,
    arguments: Vec<Expr>,
    wanted: StillWanted,
    share: &Share,
) -> Expr {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let (layout, share) = (Arc::new(layout), share.clone());
    let exchange = Exchange::of(&share);
    AggregateUDF::new_from_impl(Contributions { layout, keys, exchange, wanted, share, signature })
        .call(arguments)
}

impl Contributions {
    fn cells(&self) -> Cells {
        Cells::new(&self.layout, &self.exchange, &self.wanted)
    }
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
        Ok(Box::new(One::new(self)))
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
        Ok(Box::new(Many::new(self)))
    }
}

/// Without keys: one cell.
struct One {
    cells: Cells,
    held: Held,
}

impl One {
    fn new(aggregate: &Contributions) -> Self {
        let mut cells = aggregate.cells();
        cells.resize(1);
        Self { cells, held: Held::of(&aggregate.share) }
    }

    /// Has what is held now held of the share.
    fn hold(&mut self) -> Result<()> {
        self.held.now(self.cells.held(1))
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
        self.cells.update(values, None, None)?;
        self.hold()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.cells.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.cells.size())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.cells.state(EmitTo::All)?;
        self.hold()?;
        state.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.cells.merge(values, None)?;
        self.hold()
    }
}

/// With keys: many cells.
struct Many {
    cells: Cells,
    groups: usize,
    /// Bytes of what was given away, which may wait to be taken.
    given: usize,
    held: Held,
    aggregate: Contributions,
}

impl Many {
    fn new(aggregate: &Contributions) -> Self {
        let held = Held::of(&aggregate.share);
        let aggregate = aggregate.clone();
        Self { cells: aggregate.cells(), groups: 0, given: 0, held, aggregate }
    }

    /// There are so many from now on. They are held before there is room for them: a batch may have many.
    fn resize(&mut self, groups: usize) -> Result<()> {
        self.groups = groups;
        self.hold()?;
        self.cells.resize(groups);
        Ok(())
    }

    /// Has what is held now held of the share.
    fn hold(&mut self) -> Result<()> {
        let keys = self.aggregate.keys.fixed().saturating_mul(self.groups);
        // Tables of groups have room for half as many again.
        let keys = (keys.saturating_mul(3) / 2).saturating_add(self.given);
        self.held.now(keys.saturating_add(self.cells.held(self.groups)))
    }

    /// The first were given away, as these bytes.
    fn emitted(&mut self, emit_to: EmitTo, bytes: &ArrayRef) -> Result<()> {
        let length = bytes.as_binary_opt::<i64>().map_or(0, |bytes| bytes.value_data().len());
        self.given = self.given.saturating_add(length);
        self.groups = match emit_to {
            EmitTo::All => 0,
            EmitTo::First(first) => self.groups.saturating_sub(first),
        };
        self.hold()
    }
}

/// As of [`One`]; a record that waits is of one unit.
impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many").field("aggregate", &self.aggregate).finish_non_exhaustive()
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
        let Contributions { share, keys, .. } = &self.aggregate;
        keys.hold(share, values, group_indices, self.groups, total_num_groups)?;
        self.resize(total_num_groups)?;
        self.cells.update(values, Some(group_indices), opt_filter)?;
        self.hold()
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let cells = self.cells.evaluate(emit_to)?;
        self.emitted(emit_to, &cells)?;
        Ok(cells)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = self.cells.state(emit_to)?;
        if let Some(known) = states.first() {
            self.emitted(emit_to, known)?;
        }
        Ok(states)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups)?;
        self.cells.merge(values, Some(group_indices))?;
        self.hold()
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        // Each row a cell of its own.
        let rows = values.first().map_or(0, |words| words.len());
        let mut each = self.aggregate.cells();
        each.resize(rows);
        each.update(values, Some(&(0..rows).collect::<Vec<_>>()), opt_filter)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.cells.size()
    }
}

#[cfg(test)]
#[path = "contributions_tests.rs"]
mod tests;
