//! Rows of open datasets: some columns, perhaps under a condition, perhaps the first ones only.

use std::sync::Arc;

use insitu_disclosure::{OpenDataset, Refusal, Scalar, ScalarType};
use insitu_engine::catalog::TableProvider;
use insitu_engine::common::{Column, Result};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use insitu_proto::request::RowsLimit;

use super::expression::expression;
use super::texts;
use crate::references::LookUps;

/// Rows of an open dataset that one request may fetch.
pub(crate) const OPEN_ROWS_MAX: usize = 1_000_000;

/// The plan for rows. It takes an [`OpenDataset`] and nothing else, so there is no plan for rows
/// of a protected one.
pub(crate) fn rows_plan(
    open: &OpenDataset,
    columns: &[String],
    predicate: Option<&Scalar>,
    limit: Option<&RowsLimit>,
    table: Arc<dyn TableProvider>,
) -> Result<LogicalPlan> {
    let mut input = LogicalPlanBuilder::scan("dataset", provider_as_source(table), None)?;
    if let Some(predicate) = predicate {
        input = input.filter(expression(predicate, &LookUps::new()))?;
    }
    if let Some(RowsLimit { rows, order }) = limit {
        // Beyond what a request may fetch nothing changes but the engine's arithmetic, which overflows.
        let rows = usize::try_from(*rows).unwrap_or(usize::MAX).min(OPEN_ROWS_MAX + 1);
        let order = order.iter().map(|order| {
            let column = Expr::Column(Column::from_name(&order.column));
            column.sort(!order.descending, order.nulls_first)
        });
        let order: Vec<_> = order.collect();
        input = if order.is_empty() {
            input.limit(0, Some(rows))?
        } else {
            input.sort_with_limit(order, Some(rows))?
        };
    }
    let leaving = |name: &String| {
        let of = open.get().column(name).map(|column| column.scalar_type);
        texts::leaving(Expr::Column(Column::from_name(name)), of, name)
    };
    input.project(columns.iter().map(leaving).collect::<Vec<_>>())?.build()
}

/// Whether a condition fits an open dataset's columns.
pub(crate) fn check_predicate(
    open: &OpenDataset,
    predicate: &Scalar,
) -> std::result::Result<(), Refusal> {
    let found = insitu_disclosure::tabulation::typing::type_of(predicate, open.get())?;
    if predicate.looks_up() {
        return Err(Refusal::new(
            insitu_disclosure::RefusalCode::D213,
            "open rows are joined where they are asked for.",
            "Ask for the rows.",
        ));
    }
    if found == ScalarType::Boolean && predicate.depth() <= insitu_disclosure::tabulation::DEPTH_MAX
    {
        return Ok(());
    }
    Err(Refusal::new(
        insitu_disclosure::RefusalCode::Q107,
        "a condition is needed where a value stands.",
        "Compare the value with something.",
    ))
}
