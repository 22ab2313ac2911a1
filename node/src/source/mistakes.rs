//! Whether the data keep to the declared hierarchies and, where whole tables are answered, to published values. A row that doesn't is counted nowhere
//! ([`crate::tabulate::mistakes`]); its owner is told once, when the data are loaded.

use std::sync::Arc;

use futures::TryStreamExt;
use insitu_disclosure::Dataset;
use insitu_disclosure::hierarchy::Hierarchy;
use insitu_engine::catalog::TableProvider;
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder, ident, lit, not};
use insitu_engine::{OpenSession, SharedPlan, physical, stream};

use super::error::SourceError;
use crate::tabulate::mistakes;

/// What is told of rows without published values.
pub(super) const UNPUBLISHED: &str = "rows have other values of a dimension than its published ones, or none: this profile answers whole tables, and \
     counts them nowhere; publish their values, or give who has none a code";

/// What is told of contradictions.
pub(super) const CONSEQUENCE: &str = "rows contradict the hierarchies declared by `within`: they are counted nowhere; \
     correct the rows, or the code lists";

/// Whether there is such a row.
pub(super) async fn are_in(
    table: &Arc<dyn TableProvider>,
    hierarchies: &[Hierarchy],
    session: &OpenSession,
) -> Result<bool, SourceError> {
    for hierarchy in hierarchies {
        let contradicts = not(mistakes::holds(hierarchy));
        if is_there(table, contradicts, ident(hierarchy.within()), session).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there is a row that isn't counted because no row of a whole table is for it.
pub(super) async fn are_unpublished(
    table: &Arc<dyn TableProvider>,
    dataset: &Dataset,
    session: &OpenSession,
) -> Result<bool, SourceError> {
    for published in mistakes::have_published_values(dataset) {
        if is_there(table, not(published), lit(true), session).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there is a row like this, of which something is read.
async fn is_there(
    table: &Arc<dyn TableProvider>,
    condition: Expr,
    read: Expr,
    session: &OpenSession,
) -> Result<bool, SourceError> {
    let scan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::clone(table)), None)?;
    let found = scan.filter(condition)?.project([read])?.limit(0, Some(1))?.build()?;
    let found = physical(session.clone(), SharedPlan::new(found)).await?;
    let mut batches = stream(session, found)?;
    while let Some(batch) = batches.try_next().await? {
        if 0 < batch.num_rows() {
            return Ok(true);
        }
    }
    Ok(false)
}
