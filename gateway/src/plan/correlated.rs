//! A total of open rows that agree with the row around them: tabulated once, by what they agree in.
//!
//! ```text
//! Aggregate: avg(l.quantity)                     Aggregate: max(avg(l.quantity))
//!   Filter: l.partkey = outer p.partkey    ──►     Filter: l.partkey = outer p.partkey
//!     Scan lineitem                                  leaf_0: Tabulation of lineitem by l.partkey: avg(l.quantity)
//! ```
//!
//! There is one cell for each value or none, so the largest is the cell's; of no cell it is NULL, as a total of no rows is. A
//! count of no rows would be 0, so counts stay as they are.

use insitu_engine::common::Column;
use insitu_engine::functions_aggregate::expr_fn::max;
use insitu_engine::logical_expr::expr::{Alias, BinaryExpr};
use insitu_engine::logical_expr::utils::{conjunction, split_conjunction};
use insitu_engine::logical_expr::{Aggregate, Expr, Filter, LogicalPlan, Operator};

/// The aggregation by what rows agree in, and the equalities that pick one of its cells.
pub(super) struct Correlated {
    pub(super) tabulated: Aggregate,
    picks: Expr,
    /// The columns that the aggregation has: its totals.
    totals: Vec<Column>,
}

impl Correlated {
    /// What it comes to over the cells.
    pub(super) fn above(self, cells: LogicalPlan) -> insitu_engine::common::Result<LogicalPlan> {
        let picked = Filter::try_new(self.picks, std::sync::Arc::new(cells))?;
        let totals = self.totals.into_iter().map(|total| {
            let Column { relation, name, .. } = total.clone();
            Expr::Alias(Alias::new(max(Expr::Column(total)), relation, name))
        });
        let picked = std::sync::Arc::new(LogicalPlan::Filter(picked));
        Aggregate::try_new(picked, Vec::new(), totals.collect()).map(LogicalPlan::Aggregate)
    }
}

/// The aggregation in two steps, if it is totals of rows whose columns equal something outside.
pub(super) fn correlated(aggregate: &Aggregate) -> Option<Correlated> {
    let LogicalPlan::Filter(filter) = aggregate.input.as_ref() else { return None };
    if !aggregate.group_expr.is_empty() || !aggregate.aggr_expr.iter().all(is_total) {
        return None;
    }
    let conjuncts = split_conjunction(&filter.predicate).into_iter().cloned();
    let (outer, inner): (Vec<Expr>, Vec<Expr>) = conjuncts.partition(Expr::contains_outer);
    let keys: Vec<Expr> = outer.iter().map(agrees_in).collect::<Option<_>>()?;
    let picks = conjunction(outer)?;
    let input = match conjunction(inner) {
        None => filter.input.clone(),
        Some(inner) => {
            let filter = Filter::try_new(inner, filter.input.clone()).ok()?;
            std::sync::Arc::new(LogicalPlan::Filter(filter))
        }
    };
    let mut distinct = Vec::new();
    for key in keys {
        if !distinct.contains(&key) {
            distinct.push(key);
        }
    }
    let tabulated = Aggregate::try_new(input, distinct, aggregate.aggr_expr.clone()).ok()?;
    let totals = aggregate.schema.columns();
    Some(Correlated { tabulated, picks, totals })
}

/// Whether it is a total or mean, NULL of no rows.
fn is_total(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_total(&alias.expr),
        Expr::AggregateFunction(function) => {
            matches!(function.func.name(), "sum" | "avg")
                && !function.params.distinct
                && function.params.filter.is_none()
        }
        _ => false,
    }
}

/// The column that equals something outside, which has no column of these rows.
fn agrees_in(conjunct: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = conjunct else {
        return None;
    };
    let is_outside = |expr: &Expr| expr.contains_outer() && expr.column_refs().is_empty();
    match (left.as_ref(), right.as_ref()) {
        (own @ Expr::Column(_), outside) | (outside, own @ Expr::Column(_))
            if is_outside(outside) =>
        {
            Some(own.clone())
        }
        _ => None,
    }
}
