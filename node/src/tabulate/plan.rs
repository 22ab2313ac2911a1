//! The engine's plan for a Tabulation's Evidence.
//!
//! ```text
//! open data             where a row is a unit          where a unit has many rows
//!
//! Aggregate by keys     Aggregate by keys              Aggregate by keys: `contributions`
//!   Projection            Projection: the unit's word    Projection: the unit's word
//!     Filter                Filter                         Aggregate by keys, unit: each unit's
//!       scan                  scan                           Projection           contribution to each cell
//!                                                              Filter
//!                                                                scan
//! ```
//!
//! The lowest projection has for each part `c`, 1 where the row counts and 0 elsewhere, and `s`, the
//! digits to add up. With grouping sets the aggregation nearest to the scan is by all of them at once: a margin is
//! made from rows like any other cell, never from cells, so that a unit in several of these is one unit in it.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{max, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use insitu_disclosure::evidence::{Adds, PartShape};
use insitu_disclosure::keyed::DatasetKeys;
use insitu_disclosure::tabulation::{Part, PartKind};
use insitu_disclosure::{
    Admitted, Bounds, Dataset, ProtectedUnit, Protection, SET_COLUMN, Scalar, Tabulation,
};

use super::contributions::contributions;
use super::expression::{clamped_expression, expression};
use super::function::{amount, deviation, open_amount, product};
use super::sets::Grouping;
use super::words::unit_word;
use crate::source::RECORD;

/// The plan. For open data its result has the columns of
/// [`insitu_disclosure::evidence::evidence_schema`]; for protected data the keys, with grouping sets the set, then for
/// each part `p0`, ... what [`super::state`] decodes.
pub(crate) fn evidence_plan(
    admitted: &Admitted<Tabulation>,
    table: Arc<dyn TableProvider>,
    keys: &DatasetKeys,
) -> Result<LogicalPlan> {
    let tabulation = admitted.tabulation();
    let mut input = LogicalPlanBuilder::scan("dataset", provider_as_source(table), None)?;
    for impossible in &admitted.dataset().impossible {
        // A mistake in the data is counted nowhere; a row that has no value somewhere may be none.
        input = input.filter(Expr::IsNotTrue(Box::new(expression(&impossible.condition()))))?;
    }
    for predicate in tabulation.input.predicates() {
        input = input.filter(expression(predicate))?;
    }
    match &admitted.dataset().protection {
        Protection::Open => open(admitted, input),
        Protection::Protected { unit, record_key, .. } => {
            let plan = Plan { admitted, keys, record_key: record_key.as_deref() };
            match unit {
                ProtectedUnit::Row => plan.by_rows(input, column(RECORD)),
                ProtectedUnit::Column { name, unique_per_row: true } => {
                    plan.by_rows(input, unit_word(column(name), keys))
                }
                ProtectedUnit::Column { name, unique_per_row: false } => plan.by_units(input, name),
            }
        }
    }?
    .build()
}

const UNIT: &str = "unit";
const WORD: &str = "word";
const RECORD_KEY: &str = "record_key";

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
fn row_columns(tabulation: &Tabulation, dataset: &Dataset) -> Result<Vec<Expr>> {
    let mut columns = Vec::new();
    for (i, part) in tabulation.parts(dataset).distinct.iter().enumerate() {
        let argument = argument(part, dataset);
        let beside = part.beside.map(expression);
        let present = |value: Expr| Expr::IsNotNull(Box::new(value));
        let filter = part.filter.as_deref().map(expression);
        let conditions = [filter, argument.clone().map(present), beside.map(present)];
        let counts = match conditions.into_iter().flatten().reduce(Expr::and) {
            None => lit(1_i64),
            Some(condition) => when(condition, lit(1_i64)).otherwise(lit(0_i64))?,
        };
        columns.push(counts.clone().alias(format!("c{i}")));
        if let (Adds::Amounts, Some(argument)) = (adds(part, dataset), argument) {
            let adds = when(counts.eq(lit(1_i64)), argument).otherwise(zero())?;
            columns.push(adds.alias(format!("s{i}")));
        }
    }
    Ok(columns)
}

/// What has to be there for a row to count, and what it adds where the part adds up.
fn argument(part: &Part<'_>, dataset: &Dataset) -> Option<Expr> {
    let (of_argument, of_beside) = part.bounds(dataset);
    let deviation = |x: &Scalar, bounds: Option<Bounds>| {
        let origin = bounds.map_or(0, Bounds::origin);
        deviation(clamped_expression(x, dataset), origin)
    };
    let x = part.argument?;
    match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units => Some(expression(x)),
        // What is declared of open data's values bounds nothing: its rows can be had as they are.
        PartKind::Sum if dataset.is_open() => Some(open_amount(expression(x))),
        PartKind::Sum => Some(amount(clamped_expression(x, dataset))),
        PartKind::Deviations => Some(deviation(x, of_argument)),
        PartKind::Squares => {
            let deviation = deviation(x, of_argument);
            Some(product(deviation.clone(), deviation))
        }
        PartKind::Products => {
            Some(product(deviation(x, of_argument), deviation(part.beside?, of_beside)))
        }
    }
}

fn adds(part: &Part<'_>, dataset: &Dataset) -> Adds {
    PartShape::of(part, dataset).adds
}

fn key_expressions(tabulation: &Tabulation) -> Vec<Expr> {
    let keys = tabulation.keys.iter().enumerate();
    keys.map(|(i, k)| expression(&k.scalar).alias(key(i))).collect()
}

fn key_columns(tabulation: &Tabulation) -> Vec<Expr> {
    (0..tabulation.keys.len()).map(|i| column(&key(i))).collect()
}

/// Rows and totals, nothing about who contributes.
fn open(admitted: &Admitted<Tabulation>, input: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let mut projection = key_expressions(tabulation);
    projection.extend(row_columns(tabulation, dataset)?);
    let grouping = Grouping::of(tabulation, key_columns(tabulation), Vec::new());
    let mut aggregates = Vec::new();
    let mut columns = key_columns(tabulation);
    columns.extend(grouping.set_column());
    for (i, part) in tabulation.parts(dataset).distinct.iter().enumerate() {
        aggregates.push(sum(column(&format!("c{i}"))).alias(format!("count{i}")));
        // Sums over no rows are zero, so that nothing is NULL.
        let count = or_zero(column(&format!("count{i}")), lit(0_i64))?;
        columns.push(count.alias(format!("p{i}_count")));
        if adds(part, dataset) == Adds::Amounts {
            aggregates.push(sum(column(&format!("s{i}"))).alias(format!("sum{i}")));
            let total = or_zero(column(&format!("sum{i}")), zero())?;
            columns.push(cast(total, DataType::Decimal128(38, 0)).alias(format!("p{i}_sum")));
        }
    }
    input.project(projection)?.aggregate(grouping.expressions(), aggregates)?.project(columns)
}

fn or_zero(value: Expr, zero: Expr) -> Result<Expr> {
    when(value.clone().is_null(), zero).otherwise(value)
}

/// What a plan over protected data is made with.
struct Plan<'a> {
    admitted: &'a Admitted<Tabulation>,
    keys: &'a DatasetKeys,
    record_key: Option<&'a str>,
}

impl Plan<'_> {
    /// Each row is a unit, except that rows without an id count as one.
    fn by_rows(&self, input: LogicalPlanBuilder, word: Expr) -> Result<LogicalPlanBuilder> {
        let tabulation = self.admitted.tabulation();
        let mut projection = key_expressions(tabulation);
        projection.push(word.alias(WORD));
        projection.extend(self.record_key.map(|name| column(name).alias(RECORD_KEY)));
        projection.extend(row_columns(tabulation, self.admitted.dataset())?);
        let grouping = Grouping::of(tabulation, key_columns(tabulation), Vec::new());
        let cells = self.contributions(input.project(projection)?, grouping.expressions())?;
        let Some(set) = grouping.set_column() else { return Ok(cells) };
        let mut columns = key_columns(tabulation);
        columns.push(set);
        columns.extend(
            (0..tabulation.parts(self.admitted.dataset()).distinct.len())
                .map(|i| column(&format!("p{i}"))),
        );
        cells.project(columns)
    }

    /// A unit's rows are added up before its contribution is known, for each grouping set by itself.
    fn by_units(&self, input: LogicalPlanBuilder, unit: &str) -> Result<LogicalPlanBuilder> {
        let (tabulation, dataset) = (self.admitted.tabulation(), self.admitted.dataset());
        let mut projection = key_expressions(tabulation);
        projection.push(column(unit).alias(UNIT));
        projection.extend(self.record_key.map(|name| column(name).alias(RECORD_KEY)));
        projection.extend(row_columns(tabulation, dataset)?);
        let grouping = Grouping::of(tabulation, key_columns(tabulation), vec![column(UNIT)]);
        let mut of_units = Vec::new();
        let mut of_cells = key_columns(tabulation);
        let mut cell_keys = key_columns(tabulation);
        if let Some(set) = grouping.set_column() {
            of_cells.push(set);
            cell_keys.push(column(SET_COLUMN));
        }
        of_cells.push(unit_word(column(UNIT), self.keys).alias(WORD));
        if self.record_key.is_some() {
            // A unit has one key; should its rows differ, the largest is as good as any.
            of_units.push(max(column(RECORD_KEY)).alias(RECORD_KEY));
            of_cells.push(column(RECORD_KEY));
        }
        for (i, part) in tabulation.parts(dataset).distinct.iter().enumerate() {
            of_units.push(sum(column(&format!("c{i}"))).alias(format!("c{i}")));
            of_cells.push(column(&format!("c{i}")));
            if adds(part, dataset) == Adds::Amounts {
                of_units.push(sum(column(&format!("s{i}"))).alias(format!("s{i}")));
                // The engine widens a decimal's precision as it adds up; 38 digits are the most there are.
                let total = cast(column(&format!("s{i}")), DataType::Decimal128(38, 0));
                of_cells.push(total.alias(format!("s{i}")));
            }
        }
        let rolled_up = input.project(projection)?.aggregate(grouping.expressions(), of_units)?;
        self.contributions(rolled_up.project(of_cells)?, cell_keys)
    }

    /// `p0`, ... for every cell.
    fn contributions(
        &self,
        units: LogicalPlanBuilder,
        cells: Vec<Expr>,
    ) -> Result<LogicalPlanBuilder> {
        let (tabulation, dataset) = (self.admitted.tabulation(), self.admitted.dataset());
        let parts = tabulation.parts(dataset).distinct;
        let aggregates = parts.iter().enumerate().map(|(i, part)| {
            let shape = PartShape::of(part, dataset);
            let amount = match shape.adds {
                Adds::Rows => None,
                Adds::Amounts => Some(column(&format!("s{i}"))),
            };
            let record_key = self.record_key.map(|_| column(RECORD_KEY));
            let count = column(&format!("c{i}"));
            contributions(shape, column(WORD), record_key, count, amount).alias(format!("p{i}"))
        });
        units.aggregate(cells, aggregates.collect::<Vec<_>>())
    }
}
