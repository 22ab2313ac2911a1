//! Rows of open datasets: some columns, perhaps under a condition.

use std::sync::Arc;

use insitu_disclosure::{OpenDataset, Refusal, Scalar, ScalarType};
use insitu_engine::catalog::TableProvider;
use insitu_engine::common::{Column, Result};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::expression::expression;
use crate::references::LookUps;

/// The plan for rows. It takes an [`OpenDataset`] and nothing else, so there is no plan for rows
/// of a protected one.
pub(crate) fn rows_plan(
    _open: &OpenDataset,
    columns: &[String],
    predicate: Option<&Scalar>,
    table: Arc<dyn TableProvider>,
) -> Result<LogicalPlan> {
    let mut input = LogicalPlanBuilder::scan("dataset", provider_as_source(table), None)?;
    if let Some(predicate) = predicate {
        input = input.filter(expression(predicate, &LookUps::new()))?;
    }
    let columns: Vec<Expr> =
        columns.iter().map(|name| Expr::Column(Column::from_name(name))).collect();
    input.project(columns)?.build()
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
