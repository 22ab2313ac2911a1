//! Rows joined by their unit to another dataset of this node.
//!
//! ```text
//! Join on the unit: semi, anti, inner or left
//!   rows
//!   Projection: the unit, columns under the names they have among those of the rows
//!     Filter: the join's condition
//!       scan of the joined dataset
//! ```
//!
//! A NULL unit matches none. What is joined with columns has one row for each unit at most, which was checked when the node
//! started, so that no row comes twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use insitu_disclosure::tabulation::unit_join::unit_column;
use insitu_disclosure::{Dataset, DatasetName, UnitJoin, UnitJoinKind};
use insitu_engine::catalog::TableProvider;
use insitu_engine::common::{Column, DataFusionError, JoinType, Result};
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder};

use super::expression::expression;
use super::mistakes;
use crate::references::LookUps;

/// The rows of the datasets that a question joins, with their descriptors.
pub(crate) type JoinedTables = BTreeMap<DatasetName, (Arc<Dataset>, Arc<dyn TableProvider>)>;

/// The rows of `base` that the join leaves, with the columns that it adds.
pub(super) fn joined(
    rows: LogicalPlanBuilder,
    join: &UnitJoin,
    base: &Dataset,
    tables: &JoinedTables,
) -> Result<LogicalPlanBuilder> {
    // Admission has made sure of all this.
    let missing = || DataFusionError::Internal("a joined dataset is missing".to_owned());
    let (dataset, table) = tables.get(&join.dataset).ok_or_else(missing)?;
    let (unit, other) = (unit_column(base), unit_column(dataset));
    let (unit, other) = unit.zip(other).ok_or_else(missing)?;
    let source = provider_as_source(Arc::clone(table));
    let mut there = LogicalPlanBuilder::scan("joined", source, None)?;
    // A join's conditions aren't looked up in anything.
    let none = LookUps::new();
    there = mistakes::left_out(there, dataset)?;
    if let Some(predicate) = &join.predicate {
        there = there.filter(expression(predicate, &none))?;
    }
    let added = join.columns(dataset);
    let added = added.iter().filter_map(|column| {
        let own = join.own_column(&column.name)?;
        Some(named(own).alias(&column.name))
    });
    let id = join.column(&other.name);
    let there = there.project(std::iter::once(named(&other.name).alias(&id)).chain(added))?;
    let kind = match join.kind {
        UnitJoinKind::Semi => JoinType::LeftSemi,
        UnitJoinKind::Anti => JoinType::LeftAnti,
        UnitJoinKind::Inner => JoinType::Inner,
        UnitJoinKind::Left => JoinType::Left,
    };
    let on = (vec![Column::from_name(&unit.name)], vec![Column::from_name(id)]);
    rows.join(there.build()?, kind, on, None)
}

fn named(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}
