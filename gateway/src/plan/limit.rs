//! The most rows of an open leaf that a plan can use: a `LIMIT` above it, perhaps of rows in an order.
//!
//! ```text
//! Limit: skip 10, fetch 5            at most 15 rows of each department
//!   Projection
//!     Scan leaf_0
//!
//! Sort: residents DESC, fetch 5      the 5 with most residents of each department
//!   Filter: region = 'North'
//!     Scan leaf_0
//! ```
//!
//! The first rows of all departments' are among the first rows of each. The limit stays in the plan above, too. Between the
//! two there are only projections, and conditions that are sent and mean the same at a department: comparisons of columns
//! and values, no arithmetic, whose failures differ.

use std::collections::HashMap;

use insitu_disclosure::{Dataset, Scalar};
use insitu_engine::common::tree_node::TreeNodeRecursion;
use insitu_engine::common::{Column, Result};
use insitu_engine::logical_expr::utils::split_conjunction;
use insitu_engine::logical_expr::{Expr, FetchType, LogicalPlan, SkipType, SortExpr, TableScan};
use insitu_proto::request::{Order, RowsLimit};

use super::leaf::{Leaf, PendingTable};
use super::relation::Relation;

/// The limits of open leaves, by the leaf's number.
pub(super) fn limits(
    optimised: &LogicalPlan,
    leaves: &[Leaf],
) -> Result<HashMap<usize, RowsLimit>> {
    let mut scans: HashMap<usize, usize> = HashMap::new();
    let mut limits = HashMap::new();
    optimised.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(index) = PendingTable::index_of(scan)
        {
            let times = scans.entry(index).or_default();
            *times = times.saturating_add(1);
        }
        if let Some((index, limit)) = limited(node, leaves) {
            limits.insert(index, limit);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    // What is read at two places is needed for both.
    limits.retain(|index, _| scans.get(index) == Some(&1));
    Ok(limits)
}

fn limited(node: &LogicalPlan, leaves: &[Leaf]) -> Option<(usize, RowsLimit)> {
    match node {
        LogicalPlan::Limit(limit) => {
            let SkipType::Literal(skip) = limit.get_skip_type().ok()? else { return None };
            let FetchType::Literal(Some(fetch)) = limit.get_fetch_type().ok()? else {
                return None;
            };
            below(&limit.input, skip.checked_add(fetch)?, &[], leaves)
        }
        LogicalPlan::Sort(sort) => below(&sort.input, sort.fetch?, &sort.expr, leaves),
        _ => None,
    }
}

/// The leaf below, if its first rows in this order are the plan's.
fn below(
    plan: &LogicalPlan,
    rows: usize,
    order: &[SortExpr],
    leaves: &[Leaf],
) -> Option<(usize, RowsLimit)> {
    let columns = order.iter().map(|sort| match &sort.expr {
        Expr::Column(column) => Some(column.clone()),
        _ => None,
    });
    let (scan, columns) = scanned(plan, columns.collect::<Option<_>>()?)?;
    let index = PendingTable::index_of(scan)?;
    let Leaf::OpenRows { open, .. } = leaves.get(index)? else { return None };
    if !scan.filters.iter().all(|filter| means_the_same(open.get(), filter)) {
        return None;
    }
    let order = order.iter().zip(columns).map(|(sort, column)| {
        open.get().column(&column.name)?;
        let (descending, nulls_first) = (!sort.asc, sort.nulls_first);
        Some(Order { column: column.name, descending, nulls_first })
    });
    // Engines count rows in 64 bits with a sign; as many are no limit.
    let rows = u64::try_from(i64::try_from(rows).ok()?).ok()?;
    Some((index, RowsLimit { rows, order: order.collect::<Option<_>>()? }))
}

/// The scan below, and what these columns are there.
fn scanned(plan: &LogicalPlan, columns: Vec<Column>) -> Option<(&TableScan, Vec<Column>)> {
    match plan {
        LogicalPlan::TableScan(scan) => Some((scan, columns)),
        LogicalPlan::Projection(projection) => {
            let own = columns.iter().map(|column| {
                let place = projection.schema.maybe_index_of_column(column)?;
                match projection.expr.get(place)?.clone().unalias() {
                    Expr::Column(column) => Some(column),
                    _ => None,
                }
            });
            scanned(&projection.input, own.collect::<Option<_>>()?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let own = columns.iter().map(|column| {
                let place = alias.schema.maybe_index_of_column(column)?;
                Some(Column::from(alias.input.schema().qualified_field(place)))
            });
            scanned(&alias.input, own.collect::<Option<_>>()?)
        }
        // A condition that the scan has, too: it was sent.
        LogicalPlan::Filter(filter) => match filter.input.as_ref() {
            LogicalPlan::TableScan(scan) => {
                let mut conjuncts = split_conjunction(&filter.predicate).into_iter();
                conjuncts.all(|c| scan.filters.contains(c)).then_some((scan, columns))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a condition is sent, and holds of the same rows at a department as here.
fn means_the_same(open: &Dataset, filter: &Expr) -> bool {
    fn is_plain(scalar: &Scalar) -> bool {
        match scalar {
            Scalar::Column(_) | Scalar::Literal(_) => true,
            Scalar::Compare { .. }
            | Scalar::And(_)
            | Scalar::Or(_)
            | Scalar::Not(_)
            | Scalar::IsNull(_)
            | Scalar::InList { .. }
            | Scalar::Like { .. } => scalar.children().into_iter().all(is_plain),
            Scalar::Case { .. }
            | Scalar::Call { .. }
            | Scalar::Cast { .. }
            | Scalar::Lookup { .. } => false,
        }
    }
    Relation::condition_on(open, filter).as_ref().is_some_and(is_plain)
}
