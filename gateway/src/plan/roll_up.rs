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
    Dataset, Input, Label, Literal, ProtectedUnit, Protection, RollUp, Scalar, Tabulation,
    UnitCount, UnitTotal,
};
use insitu_engine::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::aggregate::filtered;
use super::relation::{Relation, RelationColumn};
use super::unit_join::simplified;

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
    let (mut counts, mut totals, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for expr in &aggregate.aggr_expr {
        match number(expr, relation)? {
            UnitNumber::Count(count) => {
                numbers.push(RollUp::count_column(counts.len()));
                counts.push(count);
            }
            UnitNumber::Total(total) => {
                numbers.push(RollUp::total_column(&total.of, totals.len()));
                totals.push(total);
            }
        }
    }
    let mut dimensions: Vec<String> = keys.iter().filter(|name| *name != unit).cloned().collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let roll_up = RollUp { dimensions, counts, totals };
    let scan = || Input::Scan { dataset: base.name.clone(), fingerprint: 0 };
    let (mut below, mut joined) = (relation.predicates.clone(), relation.joined.clone());
    if let Some(joined) = &mut joined {
        // What the roll-up uses of the joins, as a question does.
        let Tabulation { keys, measures, .. } = roll_up.question(&scan());
        (joined.joins, below) = simplified(&joined.joins, &below, &keys, &measures);
    }
    let dataset = Arc::new(roll_up.dataset(&filtered(scan(), &below), base)?);
    let columns = aggregate.schema.iter().zip(keys.into_iter().chain(numbers));
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
        joined,
        rolled_up: Some(RolledUp { below, roll_up, dataset }),
    })
}

/// A column of the dataset that may be kept: the unit, or a dimension.
fn column(expr: &Expr, relation: &Relation) -> Option<String> {
    let Ok((Scalar::Column(name), _)) = relation.scalar(expr) else { return None };
    let label = relation.dataset().column(&name)?.label;
    matches!(label, Label::Unit | Label::Dimension).then_some(name)
}

/// What a roll-up makes beside dimensions.
enum UnitNumber {
    Count(UnitCount),
    Total(UnitTotal),
}

fn number(expr: &Expr, relation: &Relation) -> Option<UnitNumber> {
    let function = match expr {
        Expr::Alias(alias) => return number(&alias.expr, relation),
        Expr::AggregateFunction(function) => function,
        _ => return None,
    };
    let params = &function.params;
    let plain = !params.distinct && params.order_by.is_empty() && params.null_treatment.is_none();
    if !plain {
        return None;
    }
    let filter = params.filter.as_ref().map(|f| relation.condition(f)).transpose().ok()?;
    match (function.func.name(), params.args.as_slice()) {
        ("count", arguments) => {
            let values_of = counted(arguments, relation)?;
            Some(UnitNumber::Count(UnitCount { values_of, filter }))
        }
        ("sum", [argument]) => {
            let Ok((Scalar::Column(of), _)) = relation.scalar(argument) else { return None };
            let is_measure = relation.dataset().column(&of)?.label == Label::Measure;
            is_measure.then_some(UnitNumber::Total(UnitTotal { of, filter }))
        }
        _ => None,
    }
}

/// The column whose values are counted, `Some(None)` for rows; `None` of what isn't counted.
fn counted(arguments: &[Expr], relation: &Relation) -> Option<Option<Scalar>> {
    match arguments {
        [] => Some(None),
        [argument] => match relation.scalar(argument).ok()?.0 {
            Scalar::Literal(Literal::Null(_)) => None,
            Scalar::Literal(_) => Some(None),
            column @ Scalar::Column(_) => Some(Some(column)),
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
            | Scalar::Lookup { .. } => None,
        },
        _ => None,
    }
}
