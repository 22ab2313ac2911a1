//! The engine's aggregate functions, with other ways to aggregate: what the engine says of a function, its names, types and
//! order, holds of the mended one too. What is mended is told in `floats` and `percentiles`.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use insitu_engine::logical_expr::utils::AggregateOrderSensitivity;
use insitu_engine::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature,
};

/// Another way to aggregate.
pub(super) trait Mend:
    Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static
{
    /// Aggregates values of one group.
    ///
    /// # Errors
    /// The engine's.
    fn accumulator(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>>;

    /// Aggregates values of a frame that moves.
    ///
    /// # Errors
    /// The engine's.
    fn sliding(
        &self,
        engines: &AggregateUDF,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>>;

    /// What an accumulator's state is made of.
    ///
    /// # Errors
    /// The engine's.
    fn state_fields(
        &self,
        engines: &AggregateUDF,
        args: StateFieldsArgs<'_>,
    ) -> Result<Vec<FieldRef>> {
        engines.state_fields(args)
    }

    /// Whether the engine's way for many groups is as good.
    fn leaves_groups(&self, engines: &AggregateUDF, args: &AccumulatorArgs<'_>) -> bool;
}

/// The engine's function, mended.
pub(super) fn mended(engines: Arc<AggregateUDF>, mend: impl Mend) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Mended { engines, mend }))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Mended<M> {
    engines: Arc<AggregateUDF>,
    mend: M,
}

impl<M: Mend> AggregateUDFImpl for Mended<M> {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engines.return_type(arguments)
    }

    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        self.engines.return_field(arguments)
    }

    fn is_nullable(&self) -> bool {
        self.engines.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.mend.accumulator(&self.engines, args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.mend.state_fields(&self.engines, args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.mend.leaves_groups(&self.engines, &args)
            && self.engines.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.engines.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.mend.sliding(&self.engines, args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engines.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.engines.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            // What is reversed would be the engine's.
            ReversedUDAF::NotSupported | ReversedUDAF::Reversed(_) => ReversedUDAF::NotSupported,
        }
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.engines.coerce_types(arguments)
    }

    fn is_descending(&self) -> Option<bool> {
        self.engines.is_descending()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.engines.default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.engines.supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.engines.supports_within_group_clause()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engines.inner().set_monotonicity(data_type)
    }
}
