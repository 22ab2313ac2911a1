//! The aggregate that has a share of memory held for groups that the engine keeps itself. It is true of every group.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature,
    TypeSignature, Volatility,
};

use super::group_keys::GroupKeys;
use super::memory::{Held, Share};

/// Beside aggregates that take so many bytes of each group. The keys that are texts are its arguments; of no arguments, a
/// column that is there in any case.
pub(super) fn held_groups(share: &Share, keys: GroupKeys, bytes: usize, args: Vec<Expr>) -> Expr {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let share = share.clone();
    AggregateUDF::new_from_impl(HeldGroups { share, keys, bytes, signature }).call(args)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HeldGroups {
    share: Share,
    keys: GroupKeys,
    /// What other aggregates take of each group.
    bytes: usize,
    signature: Signature,
}

impl AggregateUDFImpl for HeldGroups {
    fn name(&self) -> &str {
        "held_groups"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[held]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Boolean, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let held = Held::of(&self.share);
        Ok(Box::new(Groups { of: self.clone(), held, groups: 0 }))
    }
}

/// Without keys there is one group: nothing to hold.
#[derive(Debug)]
struct OneGroup;

impl Accumulator for OneGroup {
    fn update_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Boolean(Some(true)))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Groups {
    of: HeldGroups,
    held: Held,
    groups: usize,
}

impl Groups {
    fn there_are(&mut self, groups: usize) -> Result<()> {
        // Tables have room for half as many again.
        let each = self.of.keys.fixed().saturating_add(self.of.bytes).saturating_mul(3) / 2;
        self.held.now(groups.saturating_mul(each))?;
        self.groups = groups;
        Ok(())
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let first = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(first) => first.min(self.groups),
        };
        self.there_are(self.groups.saturating_sub(first))?;
        Ok(Arc::new(BooleanArray::from(vec![true; first])))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        _: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let HeldGroups { share, keys, .. } = &self.of;
        keys.hold(share, values, group_indices, self.groups, total_num_groups)?;
        self.there_are(total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)?])
    }

    fn merge_batch(&mut self, _: &[ArrayRef], _: &[usize], total_num_groups: usize) -> Result<()> {
        self.there_are(total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        _: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        // Not said to be supported: whether the engine makes states of single rows hangs on how many groups the first rows
        // have, and with that how much is held.
        let rows = values.first().map_or(0, |column| column.len());
        Ok(vec![Arc::new(BooleanArray::from(vec![true; rows]))])
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}
