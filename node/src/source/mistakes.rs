//! Whether the data keep to the declared hierarchies. A row that doesn't is counted nowhere
//! ([`crate::tabulate::mistakes`]); its owner is told once, when the data are loaded.

use std::sync::Arc;

use futures::TryStreamExt;
use insitu_disclosure::hierarchy::Hierarchy;
use insitu_engine::catalog::TableProvider;
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{LogicalPlanBuilder, ident, not};
use insitu_engine::{OpenSession, SharedPlan, physical, stream};

use super::error::SourceError;
use crate::tabulate::mistakes;

/// What is told.
pub(super) const CONSEQUENCE: &str = "rows contradict the hierarchies declared by `within`: they are counted nowhere; \
     correct the rows, or the code lists";

/// Whether there is such a row.
pub(super) async fn are_in(
    table: &Arc<dyn TableProvider>,
    hierarchies: &[Hierarchy],
    session: &OpenSession,
) -> Result<bool, SourceError> {
    for hierarchy in hierarchies {
        let scan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::clone(table)), None)?;
        let contradicting = scan
            .filter(not(mistakes::holds(hierarchy)))?
            .project([ident(hierarchy.within())])?
            .limit(0, Some(1))?
            .build()?;
        let contradicting = physical(session.clone(), SharedPlan::new(contradicting)).await?;
        let mut batches = stream(session, contradicting)?;
        while let Some(batch) = batches.try_next().await? {
            if 0 < batch.num_rows() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
