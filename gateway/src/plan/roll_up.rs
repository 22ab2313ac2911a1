//! An aggregation by the protected unit, which an aggregation above it may tabulate.
//!
//! ```text
//! Aggregate by n: count                      Tabulation by count#0: rows
//!   Aggregate by person: count as n    ──►     roll-up to the unit: count#0 = rows
//!     Scan health.visits                         scan
//! ```
//!
//! By itself it would list people; it is only ever the input of a Tabulation.

use std::sync::Arc;

use insitu_disclosure::{
    Dataset, Label, Literal, ProtectedUnit, Protection, RollUp, Scalar, UnitCount,
};
use insitu_engine::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::relation::{Relation, RelationColumn};

/// Units brought together, as part of a relation.
#[derive(Debug, Clone)]
pub(super) struct RolledUp {
    /// The rows below.
    pub(super) below: Vec<Scalar>,
    /// How.
    pub(super) roll_up: RollUp,
    /// The rows that it makes.
    pub(super) dataset: Arc<Dataset>,
}

/// The aggregation as a relation of one row for each unit; `None` if it is something else, which is told as what it would
/// be by itself.
pub(super) fn rolled_up(aggregate: &Aggregate, relation: &Relation) -> Option<Relation> {
    if relation.rolled_up.is_some() {
        return None;
    }
    let base = relation.dataset();
    let Protection::Protected { unit: ProtectedUnit::Column { name: unit, .. }, .. } =
        &base.protection
    else {
        return None;
    };
    let keys = aggregate.group_expr.iter().map(|key| column(key, relation));
    let keys: Vec<String> = keys.collect::<Option<_>>()?;
    if !keys.contains(unit) {
        return None;
    }
    let counts = aggregate.aggr_expr.iter().map(|expr| count(expr, relation));
    let counts: Vec<UnitCount> = counts.collect::<Option<_>>()?;
    let mut dimensions: Vec<String> = keys.iter().filter(|name| *name != unit).cloned().collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let roll_up = RollUp { dimensions, counts };
    let dataset = Arc::new(roll_up.dataset(base)?);
    let of_counts = (0..roll_up.counts.len()).map(RollUp::count_column);
    let columns = aggregate.schema.iter().zip(keys.into_iter().chain(of_counts));
    let columns = columns.map(|((qualifier, field), name)| RelationColumn {
        qualifier: qualifier.cloned(),
        name: field.name().clone(),
        scalar: Ok(Scalar::Column(name)),
    });
    Some(Relation {
        held: Arc::clone(&relation.held),
        plan: LogicalPlan::Aggregate(aggregate.clone()),
        predicates: Vec::new(),
        columns: columns.collect(),
        references: relation.references.clone(),
        joined: relation.joined.clone(),
        rolled_up: Some(RolledUp { below: relation.predicates.clone(), roll_up, dataset }),
    })
}

/// A column of the dataset that may be kept: the unit, or a dimension.
fn column(expr: &Expr, relation: &Relation) -> Option<String> {
    let Ok((Scalar::Column(name), _)) = relation.scalar(expr) else { return None };
    let label = relation.dataset().column(&name)?.label;
    matches!(label, Label::Unit | Label::Dimension).then_some(name)
}

fn count(expr: &Expr, relation: &Relation) -> Option<UnitCount> {
    let function = match expr {
        Expr::Alias(alias) => return count(&alias.expr, relation),
        Expr::AggregateFunction(function) => function,
        _ => return None,
    };
    let params = &function.params;
    let plain = !params.distinct && params.order_by.is_empty() && params.null_treatment.is_none();
    if function.func.name() != "count" || !plain {
        return None;
    }
    let values_of = match params.args.as_slice() {
        [] => None,
        [argument] => match relation.scalar(argument).ok()?.0 {
            Scalar::Literal(Literal::Null(_)) => return None,
            Scalar::Literal(_) => None,
            column @ Scalar::Column(_) => Some(column),
            Scalar::Compare { .. }
            | Scalar::And(_)
            | Scalar::Or(_)
            | Scalar::Not(_)
            | Scalar::IsNull(_)
            | Scalar::InList { .. }
            | Scalar::Like { .. }
            | Scalar::Case { .. }
            | Scalar::Call { .. }
            | Scalar::Cast { .. }
            | Scalar::Lookup { .. } => return None,
        },
        _ => return None,
    };
    let filter = params.filter.as_ref().map(|f| relation.condition(f)).transpose().ok()?;
    Some(UnitCount { values_of, filter })
}
