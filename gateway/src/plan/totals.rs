//! Totals at the gateway, exact: the engine's own wrap around.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::tabulation::typing::type_of;
use insitu_disclosure::{Dataset, Measure, MeasureKind, ScalarType};
use insitu_engine::common::{Column, DFSchema, Result};
use insitu_engine::config::ConfigOptions;
use insitu_engine::logical_expr::expr::Alias;
use insitu_engine::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, LogicalPlan, Projection, Window, WindowFunctionDefinition,
    cast,
};
use insitu_engine::optimizer::AnalyzerRule as _;
use insitu_engine::optimizer::analyzer::type_coercion::TypeCoercion;

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
    let plain = LogicalPlan::Aggregate(plain);
    let Exact { measures, types } = Exact::of(measures, &input, &plain)?;
    if types.iter().all(Option::is_none) {
        return Ok(plain);
    }
    let names: Vec<Column> = plain.schema().columns();
    let aggregate = Aggregate::try_new(Arc::new(input), keys, measures)?;
    cast_back(LogicalPlan::Aggregate(aggregate), names, first, types)
}

/// The engine's window functions, with totals as [`exact_totals`] has them. A total over a frame that moves takes values out
/// again, which is as exact; with `DISTINCT` the engine can't do that in more digits, and says so when it runs.
pub(super) fn exact_windows(input: LogicalPlan, windows: Vec<Expr>) -> Result<LogicalPlan> {
    let plain = Window::try_new(windows.clone(), Arc::new(input.clone()))?;
    let first = input.schema().fields().len();
    let plain = LogicalPlan::Window(plain);
    let Exact { measures, types } = Exact::of(windows, &input, &plain)?;
    if types.iter().all(Option::is_none) {
        return Ok(plain);
    }
    let names: Vec<Column> = plain.schema().columns();
    let window = Window::try_new(measures, Arc::new(input))?;
    cast_back(LogicalPlan::Window(window), names, first, types)
}

/// Measures whose totals are exact, and the types that those have which were widened.
struct Exact {
    measures: Vec<Expr>,
    types: Vec<Option<DataType>>,
}

impl Exact {
    /// The measures of a plan over the input, which is still raw: what a value's type is follows from the whole plan once the
    /// engine has brought branches of `CASE` and arms of `UNION` to one type. Until then each says that of its first.
    fn of(measures: Vec<Expr>, input: &LogicalPlan, plain: &LogicalPlan) -> Result<Self> {
        let mut types = vec![None; measures.len()];
        if measures.iter().any(|measure| total_of(measure).is_some()) {
            let typed = TypeCoercion::new().analyze(plain.clone(), &ConfigOptions::default())?;
            if let Some((with_types, schema)) = measures_of(&typed) {
                types = with_types.iter().map(|m| widened(m, schema)).collect::<Result<_>>()?;
            }
        }
        let exact = measures.into_iter().zip(&types).map(|(measure, widened)| match widened {
            Some(widened) => widened_total(measure, &widened.wide, input.schema()),
            None => Ok(measure),
        });
        let exact = exact.collect::<Result<_>>()?;
        Ok(Self { measures: exact, types: types.into_iter().map(|w| w.map(|w| w.own)).collect() })
    }
}

/// The measures of an aggregation or of window functions, and the schema that their arguments are over.
fn measures_of(plan: &LogicalPlan) -> Option<(&[Expr], &DFSchema)> {
    match plan {
        LogicalPlan::Aggregate(Aggregate { aggr_expr, input, .. }) => {
            Some((aggr_expr, input.schema()))
        }
        LogicalPlan::Window(Window { window_expr, input, .. }) => {
            Some((window_expr, input.schema()))
        }
        // Giving expressions their types leaves a plan's kind as it is.
        _ => None,
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

/// The types of a total that could wrap: what its argument is cast to, and what it is itself.
#[derive(Debug, Clone, PartialEq)]
struct Widened {
    wide: DataType,
    own: DataType,
}

/// The argument of a total. Every other aggregate of whole numbers counts, compares, or adds up in more digits by itself.
fn total_of(measure: &Expr) -> Option<&Expr> {
    let arguments = match measure {
        Expr::Alias(alias) => return total_of(&alias.expr),
        Expr::AggregateFunction(function) if function.func.name() == "sum" => &function.params.args,
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::AggregateUDF(function) if function.name() == "sum" => {
                &window.params.args
            }
            WindowFunctionDefinition::AggregateUDF(_) | WindowFunctionDefinition::WindowUDF(_) => {
                return None;
            }
        },
        _ => return None,
    };
    match arguments.as_slice() {
        [argument] => Some(argument),
        _ => None,
    }
}

/// The digits that a decimal may have for the engine's own total of it to hold: it gives ten more.
const DIGITS_MAX: u8 = 28;

/// A type wide enough for ten thousand million of the total's values; `None` where their own is, or where they have none
/// yet, such as a placeholder.
fn widened(measure: &Expr, schema: &DFSchema) -> Result<Option<Widened>> {
    let wide = match total_of(measure).map(|argument| argument.get_type(schema)) {
        Some(Ok(DataType::Int64 | DataType::UInt64)) => DataType::Decimal128(38, 0),
        Some(Ok(DataType::Decimal128(digits, places))) if DIGITS_MAX < digits => {
            DataType::Decimal256(digits, places)
        }
        // Floating point has infinities.
        Some(Ok(_) | Err(_)) | None => return Ok(None),
    };
    let own = measure.to_field(schema)?.1.data_type().clone();
    Ok(Some(Widened { wide, own }))
}

/// `sum(x)` as `sum(CAST(x AS ...))` under its own name.
fn widened_total(measure: Expr, wide: &DataType, schema: &DFSchema) -> Result<Expr> {
    let (qualifier, field) = measure.to_field(schema)?;
    let total = match measure.unalias() {
        Expr::AggregateFunction(mut function) => {
            function.params.args = all_cast(function.params.args, wide);
            Expr::AggregateFunction(function)
        }
        Expr::WindowFunction(mut window) => {
            window.params.args = all_cast(window.params.args, wide);
            Expr::WindowFunction(window)
        }
        other => other,
    };
    Ok(Expr::Alias(Alias::new(total, qualifier, field.name())))
}

fn all_cast(arguments: Vec<Expr>, to: &DataType) -> Vec<Expr> {
    arguments.into_iter().map(|argument| cast(argument, to.clone())).collect()
}
