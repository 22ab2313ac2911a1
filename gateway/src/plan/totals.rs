//! Totals of whole numbers over open data, exact: the engine's own wrap around at 64 bits.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::tabulation::typing::type_of;
use insitu_disclosure::{Dataset, Measure, MeasureKind, ScalarType};
use insitu_engine::common::Column;
use insitu_engine::logical_expr::expr::Alias;
use insitu_engine::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, LogicalPlan, Projection, cast,
};

/// Whether a measure over open data is a total of whole numbers: of 64 bits as the engine's, although it is added up
/// exactly. One that doesn't fit is refused when it is cast.
pub(super) fn is_open_whole_total(measure: &Measure, dataset: &Dataset) -> bool {
    match &measure.kind {
        MeasureKind::Sum(argument) => {
            dataset.is_open() && matches!(type_of(argument, dataset), Ok(ScalarType::Int64))
        }
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::Mean(_)
        | MeasureKind::Histogram(_)
        | MeasureKind::Quantile { .. }
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => false,
    }
}

/// The engine's aggregation, with totals of whole numbers added up in 38 digits and cast back: the engine's own wrap around
/// at 64 bits, and a total that is wrong looks like any other.
pub(super) fn exact_totals(
    input: LogicalPlan,
    keys: Vec<Expr>,
    measures: Vec<Expr>,
) -> insitu_engine::common::Result<LogicalPlan> {
    let plain = Aggregate::try_new(Arc::new(input.clone()), keys.clone(), measures.clone())?;
    let mut widened = vec![false; plain.schema.fields().len()];
    let first = widened.len().saturating_sub(measures.len());
    let mut exact = Vec::with_capacity(measures.len());
    for (position, measure) in measures.into_iter().enumerate() {
        match widened_total(&measure, &input)? {
            Some(total) => {
                if let Some(place) = widened.get_mut(first.saturating_add(position)) {
                    *place = true;
                }
                exact.push(total);
            }
            None => exact.push(measure),
        }
    }
    if !widened.contains(&true) {
        return Ok(LogicalPlan::Aggregate(plain));
    }
    let names: Vec<Column> = plain.schema.columns();
    let aggregate = Aggregate::try_new(Arc::new(input), keys, exact)?;
    // The engine's own column of the grouping id isn't among them: its analysis takes it away.
    let named = names.into_iter().zip(widened).filter(|(name, _)| {
        name.relation.is_some() || name.name != Aggregate::INTERNAL_GROUPING_ID
    });
    let columns = named.map(|(name, widened)| {
        if !widened {
            return Expr::Column(name);
        }
        let total = cast(Expr::Column(name.clone()), DataType::Int64);
        Expr::Alias(Alias::new(total, name.relation, name.name))
    });
    let plan = LogicalPlan::Aggregate(aggregate);
    Projection::try_new(columns.collect(), Arc::new(plan)).map(LogicalPlan::Projection)
}

/// `sum(x)` as `sum(CAST(x AS DECIMAL(38, 0)))` under its own name, where `x` is a whole number of 64 bits.
fn widened_total(
    measure: &Expr,
    input: &LogicalPlan,
) -> insitu_engine::common::Result<Option<Expr>> {
    let named = if let Expr::Alias(alias) = measure { alias.expr.as_ref() } else { measure };
    let Expr::AggregateFunction(function) = named else { return Ok(None) };
    let [argument] = function.params.args.as_slice() else { return Ok(None) };
    // What has no type yet, such as a placeholder, stays as it is.
    if function.func.name() != "sum"
        || !matches!(argument.get_type(input.schema()), Ok(DataType::Int64))
    {
        return Ok(None);
    }
    let mut function = function.clone();
    function.params.args = vec![cast(argument.clone(), DataType::Decimal128(38, 0))];
    let (qualifier, field) = measure.to_field(input.schema())?;
    let total = Expr::AggregateFunction(function);
    Ok(Some(Expr::Alias(Alias::new(total, qualifier, field.name()))))
}
