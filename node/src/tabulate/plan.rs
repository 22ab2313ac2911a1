//! The engine's plan for a Tabulation's Evidence.
//!
//! ```text
//! open data             protected data
//!
//! Aggregate by keys     Aggregate by keys: `contributions`
//!   Projection            Projection: the unit's word
//!     Filter                Filter
//!       scan                  joins by the unit, roll-up
//!                               scan
//! ```
//!
//! Of open data the projection has for each part `v`, the value that counts, is added up or sketched, and NULL where the row
//! doesn't count; of protected data what [`Arguments`] says. With grouping sets the aggregation is by all of them at once: a margin
//! is made from rows like any other cell, never from cells, so that a unit in several of these is one unit in it.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::evidence::{Adds, PartShape};
use insitu_disclosure::keyed::DatasetKeys;
use insitu_disclosure::tabulation::Part;
use insitu_disclosure::tabulation::typing::type_of;
use insitu_disclosure::{
    Admitted, Dataset, Input, ProtectedUnit, Protection, ScalarType, Tabulation,
};
use insitu_engine::catalog::TableProvider;
use insitu_engine::common::{Column, Result, ScalarValue};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::functions_aggregate::expr_fn::{count, sum};
use insitu_engine::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

use super::arguments::{Arguments, argument, condition};
use super::cells::known_bytes;
use super::contributions::contributions;
use super::distinct::distinct_sketch;
use super::expression::expression;
use super::group_keys::GroupKeys;
use super::memory::Share;
use super::mistakes;
use super::roll_up;
use super::sets::Grouping;
use super::texts;
use super::unit_join::{self, JoinedTables};
use super::unwanted::Wanted;
use super::words::unit_word;
use crate::references::LookUps;
use crate::source::{KEPT_WORD, RECORD};

/// The plan. For open data its result has the columns of
/// [`insitu_disclosure::evidence::evidence_schema`]; for protected data the keys, with grouping sets the set, then
/// what [`super::state`] decodes. Its work between batches ends with `wanted`, and what it holds is of `share`, both of
/// which the plan is run with.
pub(crate) fn evidence_plan(
    admitted: &Admitted<Tabulation>,
    table: Arc<dyn TableProvider>,
    joined: &JoinedTables,
    keys: &DatasetKeys,
    look_ups: &LookUps,
    run_with: (&Wanted, &Share),
) -> Result<LogicalPlan> {
    let kept = words_are_kept(&admitted.tabulation().input)
        && table.schema().field_with_name(KEPT_WORD).is_ok();
    let scan = LogicalPlanBuilder::scan("dataset", provider_as_source(table), None)?;
    let scan = mistakes::left_out(scan, admitted.base())?;
    let input = &admitted.tabulation().input;
    let input = rows(scan, input, admitted, joined, look_ups, run_with.1)?;
    match &admitted.dataset().protection {
        Protection::Open => open(admitted, input, look_ups),
        Protection::Protected { unit, record_key, .. } => {
            let word = match unit {
                ProtectedUnit::Row => column(RECORD),
                ProtectedUnit::Column { .. } if kept => column(KEPT_WORD),
                ProtectedUnit::Column { name, .. } => unit_word(column(name), keys),
            };
            protected(admitted, input, word, record_key.as_deref(), look_ups, run_with)
        }
    }?
    .build()
}

/// Whether rows of the dataset are tabulated as they come. Joins and roll-ups are by the unit's id, which they read in any case,
/// and keep rows.
fn words_are_kept(input: &Input) -> bool {
    match input {
        Input::Scan { .. } => true,
        Input::Filter { input, .. } => words_are_kept(input),
        Input::UnitJoin { .. } | Input::RollUp { .. } => false,
    }
}

/// The rows that are tabulated.
fn rows(
    scan: LogicalPlanBuilder,
    input: &Input,
    admitted: &Admitted<Tabulation>,
    joined: &JoinedTables,
    look_ups: &LookUps,
    share: &Share,
) -> Result<LogicalPlanBuilder> {
    match input {
        Input::Scan { .. } => Ok(scan),
        Input::Filter { input, predicate } => {
            let rows = rows(scan, input, admitted, joined, look_ups, share)?;
            rows.filter(expression(predicate, look_ups))
        }
        Input::UnitJoin { input, join } => {
            let below = rows(scan, input, admitted, joined, look_ups, share)?;
            unit_join::joined(below, join, admitted.base(), joined)
        }
        Input::RollUp { input, roll_up } => {
            let below = rows(scan, input, admitted, joined, look_ups, share)?;
            let share = (!admitted.dataset().is_open()).then_some(share);
            roll_up::rolled_up(below, roll_up, admitted.base(), admitted.dataset(), look_ups, share)
        }
    }
}

const WORD: &str = "word";
const RECORD_KEY: &str = "record_key";
const KNOWN: &str = "known";

fn key(i: usize) -> String {
    format!("k{i}")
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

fn zero() -> Expr {
    lit(ScalarValue::Decimal128(Some(0), 38, 0))
}

/// `v0`, `v1`, ...: the values of each part that count in it, as digits where they are to be added up; NULL in other
/// rows. A part of whole rows, without a condition, has no such column.
fn row_columns(
    tabulation: &Tabulation,
    dataset: &Dataset,
    look_ups: &LookUps,
) -> Result<Vec<Option<Expr>>> {
    let values = |part: &Part<'_>| -> Result<Option<Expr>> {
        let value = argument(part, dataset, look_ups);
        let value = match PartShape::of(part, dataset).adds {
            // All amounts are of this type already, but for whole numbers.
            Adds::Amounts => value.map(|value| cast(value, DataType::Decimal128(38, 0))),
            Adds::Rows => value,
        };
        match (condition(part, None, look_ups), value) {
            (None, value) => Ok(value),
            (Some(condition), value) => {
                when(condition, value.unwrap_or(lit(1_i64))).end().map(Some)
            }
        }
    };
    tabulation.parts(dataset).distinct.iter().map(values).collect()
}

fn key_expressions(tabulation: &Tabulation, look_ups: &LookUps) -> Vec<Expr> {
    let keys = tabulation.keys.iter().enumerate();
    keys.map(|(i, k)| expression(&k.scalar, look_ups).alias(key(i))).collect()
}

fn key_columns(tabulation: &Tabulation) -> Vec<Expr> {
    (0..tabulation.keys.len()).map(|i| column(&key(i))).collect()
}

/// Those of the keys that are texts: how long they are is known with the rows.
fn text_keys(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Expr> {
    let keys = tabulation.keys.iter().enumerate();
    let texts = keys.filter(|(_, k)| type_of(&k.scalar, dataset) == Ok(ScalarType::Utf8));
    texts.map(|(i, _)| column(&key(i))).collect()
}

/// The keys as they leave the plan.
fn leaving_keys(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Expr> {
    let types = tabulation.keys.iter().map(|key| type_of(&key.scalar, dataset).ok());
    (0..).map(key).zip(types).map(|(name, of)| texts::leaving(column(&name), of, &name)).collect()
}

/// Rows and totals, nothing about who contributes.
fn open(
    admitted: &Admitted<Tabulation>,
    input: LogicalPlanBuilder,
    look_ups: &LookUps,
) -> Result<LogicalPlanBuilder> {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let mut projection = key_expressions(tabulation, look_ups);
    let grouping = Grouping::of(tabulation, key_columns(tabulation));
    let mut aggregates = Vec::new();
    let mut columns = leaving_keys(tabulation, dataset);
    columns.extend(grouping.set_column());
    let values = row_columns(tabulation, dataset, look_ups)?;
    for ((i, part), value) in tabulation.parts(dataset).distinct.iter().enumerate().zip(values) {
        let shape = PartShape::of(part, dataset);
        let counted = value.as_ref().map_or(lit(1_i64), |_| column(&format!("v{i}")));
        projection.extend(value.map(|value| value.alias(format!("v{i}"))));
        aggregates.push(count(counted.clone()).alias(format!("count{i}")));
        columns.push(column(&format!("count{i}")).alias(format!("p{i}_count")));
        if shape.adds == Adds::Amounts {
            aggregates.push(sum(counted.clone()).alias(format!("sum{i}")));
            // Sums over no rows are zero, so that nothing is NULL.
            let total = or_zero(column(&format!("sum{i}")), zero())?;
            columns.push(cast(total, DataType::Decimal128(38, 0)).alias(format!("p{i}_sum")));
        }
        if shape.distinct {
            aggregates.push(distinct_sketch(counted).alias(format!("distinct{i}")));
            columns.push(column(&format!("distinct{i}")).alias(format!("p{i}_distinct")));
        }
    }
    let rows = if projection.is_empty() { input } else { input.project(projection)? };
    rows.aggregate(grouping.expressions(), aggregates)?.project(columns)
}

fn or_zero(value: Expr, zero: Expr) -> Result<Expr> {
    when(value.clone().is_null(), zero).otherwise(value)
}

/// Who contributes how much, for all parts at once. Rows without an id count as one unit.
fn protected(
    admitted: &Admitted<Tabulation>,
    input: LogicalPlanBuilder,
    word: Expr,
    record_key: Option<&str>,
    look_ups: &LookUps,
    (wanted, share): (&Wanted, &Share),
) -> Result<LogicalPlanBuilder> {
    let tabulation = admitted.tabulation();
    let asked = Arguments::of(tabulation, admitted.dataset(), look_ups);
    let mut projection = key_expressions(tabulation, look_ups);
    let texts = text_keys(tabulation, admitted.dataset());
    let keys = GroupKeys::of(tabulation.keys.len(), texts.len(), &projection);
    // A person's row is in a cell of each set.
    let cells = tabulation.sets.len().max(1).saturating_mul(share.tables());
    let of_a_cell = known_bytes(&asked.layout).saturating_add(keys.with_texts());
    share.has_room_for_many(of_a_cell.saturating_mul(cells))?;
    let mut arguments = Vec::new();
    let mut argument = |expr: Expr, name: String| {
        arguments.push(column(&name));
        projection.push(expr.alias(name));
    };
    argument(word, WORD.to_owned());
    if let Some(name) = record_key {
        argument(column(name), RECORD_KEY.to_owned());
    }
    for (i, condition) in asked.conditions.into_iter().enumerate() {
        argument(condition, format!("c{i}"));
    }
    for (i, amount) in asked.amounts.into_iter().enumerate() {
        argument(amount, format!("s{i}"));
    }
    let grouping = Grouping::of(tabulation, key_columns(tabulation));
    arguments.extend(texts);
    let known = contributions(asked.layout, keys, arguments, wanted.still(), share).alias(KNOWN);
    let cells = input.project(projection)?.aggregate(grouping.expressions(), [known])?;
    let mut columns = leaving_keys(tabulation, admitted.dataset());
    columns.extend(grouping.set_column());
    columns.push(column(KNOWN));
    cells.project(columns)
}
