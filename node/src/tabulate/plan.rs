//! The engine's plan for a Tabulation's Evidence.
//!
//! ```text
//! where a row is a unit          where a unit has many rows
//!
//! Aggregate by keys              Aggregate by keys          units: those with a contribution
//!   Projection                     Aggregate by keys, unit  each unit's contribution to each cell
//!     Filter                         Projection
//!       scan                           Filter
//!                                        scan
//! ```
//!
//! The projection has for each measure `c`, 1 where the row counts and 0 elsewhere, and `s`, the
//! digits to add up. Distinct units are so counted by grouping: exactly, and without a set of ids
//! for every cell.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{max, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use insitu_disclosure::{
    Admitted, Dataset, Measure, MeasureKind, ProtectedUnit, Protection, Tabulation,
};

use super::expression::{clamped_expression, expression};
use super::function::amount;

/// The plan whose result has exactly the columns of
/// [`insitu_disclosure::evidence::evidence_schema`].
pub(crate) fn evidence_plan(
    admitted: &Admitted<Tabulation>,
    table: Arc<dyn TableProvider>,
) -> Result<LogicalPlan> {
    let tabulation = admitted.tabulation();
    let mut input = LogicalPlanBuilder::scan("dataset", provider_as_source(table), None)?;
    for predicate in tabulation.input.predicates() {
        input = input.filter(expression(predicate))?;
    }
    match units(admitted.dataset()) {
        Units::Rows => by_rows(admitted, input, None),
        Units::UniqueColumn(name) => by_rows(admitted, input, Some(name)),
        Units::Column(name) => by_units(admitted, input, name),
    }?
    .build()
}

/// How distinct units are counted.
enum Units<'a> {
    /// Rows are units.
    Rows,
    /// Rows are units, except that rows without an id count as one.
    UniqueColumn(&'a str),
    /// The column's distinct values are units.
    Column(&'a str),
}

fn units(dataset: &Dataset) -> Units<'_> {
    match &dataset.protection {
        Protection::Open | Protection::Protected { unit: ProtectedUnit::Row, .. } => Units::Rows,
        Protection::Protected { unit: ProtectedUnit::Column { name, unique_per_row }, .. } => {
            if *unique_per_row {
                Units::UniqueColumn(name)
            } else {
                Units::Column(name)
            }
        }
    }
}

const UNIT: &str = "unit";

fn key(i: usize) -> String {
    format!("k{i}")
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

fn zero() -> Expr {
    lit(ScalarValue::Decimal128(Some(0), 38, 0))
}

/// `c0`, `s0`, ...: whether the row counts, and what it adds.
fn row_columns(measures: &[Measure], dataset: &Dataset) -> Result<Vec<Expr>> {
    let mut columns = Vec::new();
    for (i, measure) in measures.iter().enumerate() {
        let filter = measure.filter.as_ref().map(expression);
        let argument = match &measure.kind {
            MeasureKind::Rows | MeasureKind::Units => None,
            MeasureKind::Values(x) => Some(expression(x)),
            MeasureKind::Sum(x) | MeasureKind::Mean(x) => {
                Some(amount(clamped_expression(x, dataset)))
            }
        };
        let present = argument.clone().map(|a| Expr::IsNotNull(Box::new(a)));
        let counts = match (filter, present) {
            (None, None) => lit(1_i64),
            (Some(condition), None) | (None, Some(condition)) => {
                when(condition, lit(1_i64)).otherwise(lit(0_i64))?
            }
            (Some(filter), Some(present)) => {
                when(filter.and(present), lit(1_i64)).otherwise(lit(0_i64))?
            }
        };
        columns.push(counts.clone().alias(format!("c{i}")));
        if let (MeasureKind::Sum(_) | MeasureKind::Mean(_), Some(argument)) =
            (&measure.kind, argument)
        {
            let adds = when(counts.eq(lit(1_i64)), argument).otherwise(zero())?;
            columns.push(adds.alias(format!("s{i}")));
        }
    }
    Ok(columns)
}

fn has_sum(measure: &Measure) -> bool {
    match measure.kind {
        MeasureKind::Sum(_) | MeasureKind::Mean(_) => true,
        MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units => false,
    }
}

/// 1 where a row or a unit contributes to a measure: it counts, and adds something other than zero.
fn contributes(i: usize, measure: &Measure) -> Result<Expr> {
    let condition = if has_sum(measure) {
        column(&format!("s{i}")).not_eq(zero())
    } else {
        column(&format!("c{i}")).gt(lit(0_i64))
    };
    when(condition, lit(1_i64)).otherwise(lit(0_i64))
}

fn by_rows(
    admitted: &Admitted<Tabulation>,
    input: LogicalPlanBuilder,
    unit: Option<&str>,
) -> Result<LogicalPlanBuilder> {
    let tabulation = admitted.tabulation();
    let mut projection = keys(tabulation);
    projection.extend(unit.map(|u| column(u).alias(UNIT)));
    projection.extend(row_columns(&tabulation.measures, admitted.dataset())?);
    let mut aggregates = Vec::new();
    for (i, measure) in tabulation.measures.iter().enumerate() {
        let contributes = contributes(i, measure)?;
        aggregates.push(match unit {
            None => sum(contributes).alias(format!("u{i}")),
            Some(_) => {
                let named = column(UNIT).is_not_null();
                sum(when(named, contributes).otherwise(lit(0_i64))?).alias(format!("u{i}"))
            }
        });
        if unit.is_some() {
            let nameless = column(UNIT).is_null();
            let any = max(when(nameless, self::contributes(i, measure)?).otherwise(lit(0_i64))?);
            aggregates.push(any.alias(format!("n{i}")));
        }
        aggregates.push(sum(column(&format!("c{i}"))).alias(format!("count{i}")));
        if has_sum(measure) {
            aggregates.push(sum(column(&format!("s{i}"))).alias(format!("sum{i}")));
        }
    }
    let aggregate = input.project(projection)?.aggregate(key_columns(tabulation), aggregates)?;
    evidence_columns(tabulation, aggregate, unit.is_some())
}

fn by_units(
    admitted: &Admitted<Tabulation>,
    input: LogicalPlanBuilder,
    unit: &str,
) -> Result<LogicalPlanBuilder> {
    let tabulation = admitted.tabulation();
    let mut projection = keys(tabulation);
    projection.push(column(unit).alias(UNIT));
    projection.extend(row_columns(&tabulation.measures, admitted.dataset())?);
    let mut of_units = Vec::new();
    let mut of_cells = Vec::new();
    for (i, measure) in tabulation.measures.iter().enumerate() {
        of_units.push(sum(column(&format!("c{i}"))).alias(format!("c{i}")));
        of_cells.push(sum(contributes(i, measure)?).alias(format!("u{i}")));
        of_cells.push(sum(column(&format!("c{i}"))).alias(format!("count{i}")));
        if has_sum(measure) {
            // The engine widens a decimal's precision as it adds up; 38 digits are the most there are.
            of_units.push(sum(column(&format!("s{i}"))).alias(format!("s{i}")));
            of_cells.push(sum(column(&format!("s{i}"))).alias(format!("sum{i}")));
        }
    }
    let mut unit_keys = key_columns(tabulation);
    // NULL ids are one group, so people without an id count together as one.
    unit_keys.push(column(UNIT));
    let aggregate = input
        .project(projection)?
        .aggregate(unit_keys, of_units)?
        .aggregate(key_columns(tabulation), of_cells)?;
    evidence_columns(tabulation, aggregate, false)
}

fn keys(tabulation: &Tabulation) -> Vec<Expr> {
    let keys = tabulation.keys.iter().enumerate();
    keys.map(|(i, k)| expression(&k.scalar).alias(key(i))).collect()
}

fn key_columns(tabulation: &Tabulation) -> Vec<Expr> {
    (0..tabulation.keys.len()).map(|i| column(&key(i))).collect()
}

/// The final columns; sums over no rows are zero, so that nothing is NULL.
fn evidence_columns(
    tabulation: &Tabulation,
    aggregate: LogicalPlanBuilder,
    nameless: bool,
) -> Result<LogicalPlanBuilder> {
    let mut columns = key_columns(tabulation);
    for (i, measure) in tabulation.measures.iter().enumerate() {
        let whole = |name: String| or_zero(column(&name), lit(0_i64));
        let units = if nameless {
            whole(format!("u{i}"))? + whole(format!("n{i}"))?
        } else {
            whole(format!("u{i}"))?
        };
        columns.push(units.alias(format!("m{i}_units")));
        columns.push(whole(format!("count{i}"))?.alias(format!("m{i}_count")));
        if has_sum(measure) {
            let total = or_zero(column(&format!("sum{i}")), zero())?;
            columns.push(cast(total, DataType::Decimal128(38, 0)).alias(format!("m{i}_sum")));
        }
    }
    aggregate.project(columns)
}

fn or_zero(value: Expr, zero: Expr) -> Result<Expr> {
    when(value.clone().is_null(), zero).otherwise(value)
}
