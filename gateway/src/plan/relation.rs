//! A plan that still reads one department's dataset row by row: scan, filters, derived columns.
//!
//! Such a plan ends in a Tabulation. If it is over open data, it may also end as rows; the engine's own
//! plan is kept for that.

use std::sync::Arc;

use insitu_disclosure::tabulation::typing::coerce;
use insitu_disclosure::tabulation::{in_one_form, where_true};
use insitu_disclosure::{Dataset, Literal, Reference, Refusal, RefusalCode, Scalar, ScalarType};
use insitu_engine::common::{Column, TableReference};
use insitu_engine::logical_expr::{Expr, LogicalPlan};

use super::certain::{at_least, in_wide_types, is_certain, uncertain};
use super::folded::folded;
use super::literal::{exact, exact_where_compared};
use super::roll_up::RolledUp;
use super::scalar::to_scalar;
use super::unit_join::JoinedRows;
use crate::catalog::Held;

/// A column of the relation: its name in the plan, and what it is in terms of the dataset.
#[derive(Debug, Clone)]
pub(super) struct RelationColumn {
    pub(super) qualifier: Option<TableReference>,
    pub(super) name: String,
    /// `Err` where a column has no meaning below a Tabulation: told only if it is used.
    pub(super) scalar: Result<Scalar, Refusal>,
}

/// Rows of one dataset, not yet tabulated.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) held: Arc<Held>,
    /// The engine's plan for the same rows.
    pub(super) plan: LogicalPlan,
    /// Conditions on the rows; above the roll-up, where there is one.
    pub(super) predicates: Vec<Scalar>,
    pub(super) columns: Vec<RelationColumn>,
    /// Set where rows are joined by their unit.
    pub(super) joined: Option<JoinedRows>,
    /// Set where a unit's rows are brought together.
    pub(super) rolled_up: Option<RolledUp>,
    /// What its rows were joined to, each once, whether it is used or not.
    pub(super) references: Vec<(Reference, Arc<Held>)>,
}

impl Relation {
    /// All rows of a dataset, as the engine's scan names them.
    pub(super) fn scan(held: Arc<Held>, plan: LogicalPlan) -> Self {
        let columns = named_columns(&plan, |name| Ok(Scalar::Column(name.to_owned())));
        Self {
            held,
            plan,
            predicates: Vec::new(),
            columns,
            joined: None,
            rolled_up: None,
            references: Vec::new(),
        }
    }

    /// The rows: those of the dataset that is held, or what joins and the roll-up make of them.
    pub(super) fn dataset(&self) -> &Dataset {
        let joined = || self.joined.as_ref().map_or(&self.held.dataset, |joined| &joined.dataset);
        self.rolled_up.as_ref().map_or_else(joined, |rolled_up| &rolled_up.dataset)
    }

    /// An expression over this relation's columns, in terms of the dataset.
    pub(super) fn scalar(&self, expr: &Expr) -> Result<(Scalar, ScalarType), Refusal> {
        let dataset = self.dataset();
        if !dataset.is_open() {
            let resolve = |column: &Column| self.column(column);
            let typed = |e: &Expr| coerce(to_scalar(e, &resolve).ok()?, dataset).ok();
            let expr = exact_where_compared(folded(exact(expr), &typed));
            let typed = coerce(to_scalar(&expr, &resolve)?, dataset);
            return typed.map(|(scalar, found)| (in_one_form(scalar, dataset), found));
        }
        let expr = exact_where_compared(in_wide_types(expr).ok_or_else(uncertain)?);
        let (scalar, found) = coerce(to_scalar(&expr, &|column| self.column(column))?, dataset)?;
        if is_certain(&scalar, dataset) { Ok((scalar, found)) } else { Err(uncertain()) }
    }

    /// A condition over this relation's columns.
    pub(super) fn condition(&self, expr: &Expr) -> Result<Scalar, Refusal> {
        let (scalar, found) = self.scalar(expr)?;
        let scalar = if self.dataset().is_open() { scalar } else { where_true(scalar) };
        let scalar = held(scalar);
        if found == ScalarType::Boolean || scalar == NEVER {
            return Ok(scalar);
        }
        Err(Refusal::new(
            RefusalCode::Q107,
            format!("a condition is needed where {found} stands."),
            "Compare the value with something.",
        ))
    }

    /// The rows for which a condition holds, too; one that always does says nothing.
    pub(super) fn restrict(&mut self, condition: Scalar) {
        if condition != ALWAYS {
            self.predicates.push(condition);
        }
    }

    /// Whether a condition holds for no row, whatever the rows are.
    pub(super) fn has_no_rows(&self) -> bool {
        self.predicates.contains(&NEVER)
    }

    /// A condition over an open dataset's own columns, if it has a meaning there: all rows that a filter above may choose
    /// fulfil it.
    pub(super) fn condition_on(dataset: &Dataset, expr: &Expr) -> Option<Scalar> {
        let expr = exact_where_compared(in_wide_types(expr)?);
        let scalar = to_scalar(&expr, &|column| Ok(Scalar::Column(column.name.clone()))).ok()?;
        let (scalar, found) = coerce(scalar, dataset).ok()?;
        if found != ScalarType::Boolean || !is_certain(&scalar, dataset) {
            return None;
        }
        at_least(scalar, dataset)
            .filter(|scalar| scalar.depth() <= insitu_disclosure::tabulation::DEPTH_MAX)
    }

    /// Whether the relation has the column.
    pub(super) fn has(&self, column: &Column) -> bool {
        self.find(column).is_some()
    }

    fn find(&self, column: &Column) -> Option<&RelationColumn> {
        let mut named = self.columns.iter().filter(|c| c.name == column.name);
        match &column.relation {
            None => named.next(),
            Some(relation) => {
                named.find(|c| c.qualifier.as_ref().is_some_and(|q| q.resolved_eq(relation)))
            }
        }
    }

    fn column(&self, column: &Column) -> Result<Scalar, Refusal> {
        match self.find(column) {
            Some(found) => found.scalar.clone(),
            None => Err(Refusal::new(
                RefusalCode::Q106,
                format!("there is no column `{}` here.", column.name),
                "Name a column of the dataset.",
            )),
        }
    }

    /// The same rows under the names of a plan above with the same columns in the same order.
    pub(super) fn renamed(mut self, plan: LogicalPlan) -> Self {
        let scalars = self.columns.into_iter().map(|c| c.scalar);
        self.columns = plan
            .schema()
            .iter()
            .zip(scalars)
            .map(|((qualifier, field), scalar)| RelationColumn {
                qualifier: qualifier.cloned(),
                name: field.name().clone(),
                scalar,
            })
            .collect();
        self.plan = plan;
        self
    }
}

/// The condition that holds for all rows.
pub(super) const ALWAYS: Scalar = Scalar::Literal(Literal::Boolean(true));
/// The condition that holds for no row.
pub(super) const NEVER: Scalar = Scalar::Literal(Literal::Boolean(false));

/// A condition of which only the truth counts: what isn't known to hold doesn't.
fn held(condition: Scalar) -> Scalar {
    match condition {
        Scalar::Literal(Literal::Null(_)) => NEVER,
        Scalar::And(parts) => {
            let parts: Vec<Scalar> = parts.into_iter().map(held).collect();
            if parts.contains(&NEVER) { NEVER } else { Scalar::And(parts) }
        }
        Scalar::Or(parts) => {
            let mut parts: Vec<Scalar> = parts.into_iter().map(held).collect();
            parts.retain(|part| *part != NEVER);
            match (parts.pop(), parts.is_empty()) {
                (None, _) => NEVER,
                (Some(only), true) => only,
                (Some(last), false) => {
                    parts.push(last);
                    Scalar::Or(parts)
                }
            }
        }
        other => other,
    }
}

fn named_columns(
    plan: &LogicalPlan,
    scalar: impl Fn(&str) -> Result<Scalar, Refusal>,
) -> Vec<RelationColumn> {
    plan.schema()
        .iter()
        .map(|(qualifier, field)| RelationColumn {
            qualifier: qualifier.cloned(),
            name: field.name().clone(),
            scalar: scalar(field.name()),
        })
        .collect()
}
