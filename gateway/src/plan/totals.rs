//! Totals at the gateway, exact: the engine's own wrap around.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::tabulation::typing::type_of;
use insitu_disclosure::{Dataset, Measure, MeasureKind, ScalarType};
use insitu_engine::common::{Column, DFSchema, Result};
use insitu_engine::logical_expr::expr::Alias;
use insitu_engine::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, LogicalPlan, Projection, Window, WindowFunctionDefinition,
    cast,
};

/// The type that the engine's own measure of open data has, where the Tabulation's is another: a total of whole numbers has
/// 64 bits, although it is added up exactly, and one that doesn't fit is refused when it is cast.
pub(super) fn engines_type(measure: &Measure, dataset: &Dataset) -> Option<DataType> {
    if !dataset.is_open() {
        return None;
    }
    match &measure.kind {
        MeasureKind::Sum(argument) => match type_of(argument, dataset) {
            Ok(ScalarType::Int64) => Some(DataType::Int64),
            Ok(
                ScalarType::Boolean
                | ScalarType::Decimal(_)
                | ScalarType::Float64
                | ScalarType::Utf8
                | ScalarType::Date,
            )
            | Err(_) => None,
        },
        MeasureKind::ApproxDistinct(_) => Some(DataType::UInt64),
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::Mean(_)
        | MeasureKind::Histogram(_)
        | MeasureKind::Quantile { .. }
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => None,
    }
}

/// The engine's aggregation, with totals that could wrap added up in more digits and cast back: the engine's own wrap around
/// at 64 bits, or at 128, and a total that is wrong looks like any other.
pub(super) fn exact_totals(
    input: LogicalPlan,
    keys: Vec<Expr>,
    measures: Vec<Expr>,
) -> Result<LogicalPlan> {
    let plain = Aggregate::try_new(Arc::new(input.clone()), keys.clone(), measures.clone())?;
    let first = plain.schema.fields().len().saturating_sub(measures.len());
    let Exact { measures, types } = Exact::of(measures, &input)?;
    if types.iter().all(Option::is_none) {
        return Ok(LogicalPlan::Aggregate(plain));
    }
    let names: Vec<Column> = plain.schema.columns();
    let aggregate = Aggregate::try_new(Arc::new(input), keys, measures)?;
    cast_back(LogicalPlan::Aggregate(aggregate), names, first, types)
}

/// The engine's window functions, with totals as [`exact_totals`] has them. A total over a frame that moves takes values out
/// again, which is as exact; with `DISTINCT` the engine can't do that in more digits, and says so when it runs.
pub(super) fn exact_windows(input: LogicalPlan, windows: Vec<Expr>) -> Result<LogicalPlan> {
    let plain = Window::try_new(windows.clone(), Arc::new(input.clone()))?;
    let first = input.schema().fields().len();
    let Exact { measures, types } = Exact::of(windows, &input)?;
    if types.iter().all(Option::is_none) {
        return Ok(LogicalPlan::Window(plain));
    }
    let names: Vec<Column> = plain.schema.columns();
    let window = Window::try_new(measures, Arc::new(input))?;
    cast_back(LogicalPlan::Window(window), names, first, types)
}

/// Measures whose totals are exact, and the types that those have which were widened.
struct Exact {
    measures: Vec<Expr>,
    types: Vec<Option<DataType>>,
}

impl Exact {
    fn of(measures: Vec<Expr>, input: &LogicalPlan) -> Result<Self> {
        let (mut exact, mut types) = (Vec::new(), Vec::new());
        for measure in measures {
            match widened_total(&measure, input.schema())? {
                Some((total, plain)) => {
                    exact.push(total);
                    types.push(Some(plain));
                }
                None => {
                    exact.push(measure);
                    types.push(None);
                }
            }
        }
        Ok(Self { measures: exact, types })
    }
}

/// The plan's columns under these names; from the `first` one on, those that were widened in their own types again. One that
/// doesn't fit there has no value, which refuses the statement.
fn cast_back(
    plan: LogicalPlan,
    names: Vec<Column>,
    first: usize,
    types: Vec<Option<DataType>>,
) -> Result<LogicalPlan> {
    let types = std::iter::repeat_n(None, first).chain(types);
    // The engine's own column of the grouping id isn't among them: its analysis takes it away.
    let named = names.into_iter().zip(types).filter(|(name, _)| {
        name.relation.is_some() || name.name != Aggregate::INTERNAL_GROUPING_ID
    });
    let columns = named.map(|(name, widened)| match widened {
        None => Expr::Column(name),
        Some(plain) => {
            let total = cast(Expr::Column(name.clone()), plain);
            Expr::Alias(Alias::new(total, name.relation, name.name))
        }
    });
    Projection::try_new(columns.collect(), Arc::new(plan)).map(LogicalPlan::Projection)
}

/// `sum(x)` as `sum(CAST(x AS ...))` under its own name, and the type it has, where a total of `x` could wrap.
fn widened_total(measure: &Expr, schema: &DFSchema) -> Result<Option<(Expr, DataType)>> {
    let named = if let Expr::Alias(alias) = measure { alias.expr.as_ref() } else { measure };
    let total = match named {
        Expr::AggregateFunction(function) if function.func.name() == "sum" => {
            widened(&function.params.args, schema).map(|args| {
                let mut function = function.clone();
                function.params.args = args;
                Expr::AggregateFunction(function)
            })
        }
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::AggregateUDF(function) if function.name() == "sum" => {
                widened(&window.params.args, schema).map(|args| {
                    let mut window = window.clone();
                    window.params.args = args;
                    Expr::WindowFunction(window)
                })
            }
            WindowFunctionDefinition::AggregateUDF(_) | WindowFunctionDefinition::WindowUDF(_) => {
                None
            }
        },
        // Every other aggregate of whole numbers counts, compares, or adds up in more digits by itself.
        _ => None,
    };
    let Some(total) = total else { return Ok(None) };
    let (qualifier, field) = measure.to_field(schema)?;
    let named = Expr::Alias(Alias::new(total, qualifier, field.name()));
    Ok(Some((named, field.data_type().clone())))
}

/// The digits that a decimal may have for the engine's own total of it to hold: it gives ten more.
const DIGITS_MAX: u8 = 28;

/// The argument of a total, in a type wide enough for ten thousand million of its values; `None` where its own is, or where it
/// has none yet, such as a placeholder.
fn widened(arguments: &[Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let [argument] = arguments else { return None };
    let wide = match argument.get_type(schema) {
        Ok(DataType::Int64 | DataType::UInt64) => DataType::Decimal128(38, 0),
        Ok(DataType::Decimal128(digits, places)) if DIGITS_MAX < digits => {
            DataType::Decimal256(digits, places)
        }
        // Smaller whole numbers are added up in 64 bits, floating point has infinities.
        Ok(_) | Err(_) => return None,
    };
    Some(vec![cast(argument.clone(), wide)])
}
