//! Joins of protected rows to open data: what may be answered beside the data.
//!
//! ```text
//! crimes c JOIN population p ON c.lsoa = p.lsoa      p.region   the look-up of region by c.lsoa
//!                                                    predicate  there is such a row
//! crimes c LEFT JOIN population p ON ...             p.region   the same, NULL without a row; no predicate
//! WHERE c.lsoa IN (SELECT lsoa FROM population ...)  predicate  there is such a row, and the conditions hold of it
//! ```
//!
//! The open side is a scan with filters and derived columns, as a [`Relation`] is; each of its columns becomes a
//! [`Scalar::Lookup`] by the column joined by, each of its conditions a condition on these. So nothing of the open
//! side is needed to plan, and it is one row for each key by the department's own check.

use std::sync::Arc;

use insitu_disclosure::{Dataset, Literal, Reference, Refusal, RefusalCode, Scalar};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{Column, JoinType};
use insitu_engine::logical_expr::utils::{conjunction, split_conjunction};
use insitu_engine::logical_expr::{BinaryExpr, Expr, Filter, Join, LogicalPlan, Operator};

use super::relation::{Relation, RelationColumn};
use crate::catalog::Held;

/// A protected relation joined to open rows.
///
/// # Errors
/// A join that isn't a look-up.
pub(super) fn joined(
    join: &Join,
    plan: &LogicalPlan,
    left: Relation,
    right: Relation,
) -> Result<Relation, Refusal> {
    let protected_left = !left.dataset().is_open();
    let (protected, open) = if protected_left { (&left, &right) } else { (&right, &left) };
    let keeps_all = match (join.join_type, protected_left) {
        (JoinType::Inner, _) => false,
        (JoinType::Left, true) | (JoinType::Right, false) => true,
        (JoinType::Left, false) | (JoinType::Right, true) | (JoinType::Full, _) => {
            return Err(not_a_look_up(
                protected,
                "would have rows that the department doesn't have",
                "Use `JOIN`, or `LEFT JOIN` with the department's table on the left.",
            ));
        }
        (
            JoinType::LeftSemi
            | JoinType::RightSemi
            | JoinType::LeftAnti
            | JoinType::RightAnti
            | JoinType::LeftMark
            | JoinType::RightMark,
            _,
        ) => {
            return Err(not_a_look_up(
                protected,
                "is of a kind that isn't looked up",
                "Use `IN (SELECT ...)`, `EXISTS` or `NOT EXISTS`.",
            ));
        }
    };
    let on = join.on.iter().map(|(l, r)| {
        let (left, right) = (Box::new(l.clone()), Box::new(r.clone()));
        Expr::BinaryExpr(BinaryExpr::new(left, Operator::Eq, right))
    });
    let filter = join.filter.iter().flat_map(split_conjunction).cloned();
    let conjuncts: Vec<Expr> = on.chain(filter).collect();
    let found = Match::of(protected, open, &conjuncts, !keeps_all)?;
    let of_open = open.columns.iter().map(|column| {
        let scalar = column.scalar.clone().map(|scalar| {
            if keeps_all { found.or_null(&scalar) } else { found.substituted(&scalar) }
        });
        RelationColumn { scalar, ..column.clone() }
    });
    let (of_open, of_protected) = (of_open.collect::<Vec<_>>(), protected.columns.clone());
    let columns = if protected_left {
        of_protected.into_iter().chain(of_open).collect()
    } else {
        of_open.into_iter().chain(of_protected).collect()
    };
    let mut predicates = protected.predicates.clone();
    if !keeps_all {
        predicates.extend(found.conditions());
    }
    let references = with_references(protected, [found.reference], open);
    let held = Arc::clone(&protected.held);
    let rolled_up = protected.rolled_up.clone();
    Ok(Relation { held, plan: plan.clone(), predicates, columns, rolled_up, references })
}

/// The condition that a value is among the open rows' only column: `value IN (SELECT column ...)`.
///
/// # Errors
/// A subquery that isn't a look-up.
pub(super) fn among(
    protected: &Relation,
    value: &Expr,
    open: &Relation,
    negated: bool,
) -> Result<Scalar, Refusal> {
    if negated {
        return Err(not_a_look_up(
            protected,
            "is unknown for all rows as soon as one key is NULL",
            "Use `NOT EXISTS (SELECT 1 FROM ... WHERE its_key = this_column)`.",
        ));
    }
    let [column] = open.columns.as_slice() else {
        return Err(not_a_look_up(protected, "is with several columns", "Select one column."));
    };
    let key = column.scalar.clone()?;
    let (by, _) = protected.scalar(value)?;
    let found = Match::by(protected, open, by, &key, true)?;
    Ok(Scalar::And(found.conditions()))
}

/// The condition that there is, or isn't, a row that the conjuncts hold of: `EXISTS (SELECT ... WHERE ...)`.
///
/// # Errors
/// A subquery that isn't a look-up.
pub(super) fn exists(
    protected: &Relation,
    open: &Relation,
    conjuncts: &[Expr],
    negated: bool,
) -> Result<Scalar, Refusal> {
    let conditions = Match::of(protected, open, conjuncts, true)?.conditions();
    if !negated {
        return Ok(Scalar::And(conditions));
    }
    // Without further conditions there is no row where the key isn't found.
    if let [Scalar::Not(missing)] = conditions.as_slice() {
        return Ok(missing.as_ref().clone());
    }
    let when = Scalar::And(conditions);
    let truth = |value| Scalar::Literal(Literal::Boolean(value));
    let branches = vec![(when, truth(false))];
    Ok(Scalar::Case { branches, otherwise: Some(Box::new(truth(true))) })
}

/// What the protected rows are joined to after they were looked up in the open ones as well.
pub(super) fn with_references(
    protected: &Relation,
    found: impl IntoIterator<Item = Reference>,
    open: &Relation,
) -> Vec<(Reference, Arc<Held>)> {
    let mut references = protected.references.clone();
    for reference in found {
        let is_new = references.iter().all(|(known, _)| *known != reference);
        if is_new && reference.dataset == open.dataset().name {
            references.push((reference, Arc::clone(&open.held)));
        }
    }
    references
}

/// The subquery of an `EXISTS` without the conditions that name columns outside it, and these.
pub(super) fn uncorrelated(plan: &LogicalPlan) -> (LogicalPlan, Vec<Expr>) {
    match plan {
        // Which columns are selected makes no difference to whether there is a row.
        LogicalPlan::Projection(projection) => uncorrelated(&projection.input),
        LogicalPlan::Filter(filter) => {
            let (input, mut outside) = uncorrelated(&filter.input);
            let conjuncts = split_conjunction(&filter.predicate).into_iter().cloned();
            let (outer, inner): (Vec<Expr>, Vec<Expr>) = conjuncts.partition(Expr::contains_outer);
            outside.extend(outer.into_iter().map(as_inner));
            let Some(predicate) = conjunction(inner) else { return (input, outside) };
            match Filter::try_new(predicate, Arc::new(input)) {
                Ok(filter) => (LogicalPlan::Filter(filter), outside),
                // What can't be put together stays as it was, and is refused.
                Err(_) => (plan.clone(), Vec::new()),
            }
        }
        other => (other.clone(), Vec::new()),
    }
}

/// The condition with columns from outside as columns.
fn as_inner(expr: Expr) -> Expr {
    let original = expr.clone();
    let transformed = expr.transform(|expr| {
        Ok(match expr {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            other => Transformed::no(other),
        })
    });
    transformed.map_or(original, |t| t.data)
}

/// How a protected row finds its open row.
struct Match<'a> {
    reference: Reference,
    /// What is looked up.
    by: Scalar,
    open: &'a Dataset,
    /// Whether the open key is the value looked up: where no row is without a match.
    found_only: bool,
    /// What must hold beside the key, in terms of the protected dataset.
    beside: Vec<Scalar>,
}

impl<'a> Match<'a> {
    /// The match that these conditions make: one equality of a column of each, and others.
    fn of(
        protected: &Relation,
        open: &'a Relation,
        conjuncts: &[Expr],
        found_only: bool,
    ) -> Result<Self, Refusal> {
        let mut links = Vec::new();
        let mut others = Vec::new();
        for conjunct in conjuncts {
            match linked(conjunct, protected, open) {
                Some(link) => links.push(link),
                None => others.push(conjunct),
            }
        }
        let [(by, key)] = links.as_slice() else {
            let (why, fix) = if links.is_empty() {
                (
                    "isn't on an equality of the two tables' columns",
                    "Write `ON c.code = p.code`, with a dimension of the department's table.",
                )
            } else {
                (
                    "is on several columns",
                    "Join by one column; or aggregate first, and join the released table.",
                )
            };
            return Err(not_a_look_up(protected, why, fix));
        };
        let (by, _) = protected.scalar(by)?;
        let (key, _) = open.scalar(key)?;
        let mut found = Self::by(protected, open, by, &key, found_only)?;
        if !others.is_empty() {
            // Both sides' columns, in terms of the protected dataset.
            let looked_up = open.columns.iter().map(|column| {
                let scalar = column.scalar.clone().map(|scalar| found.substituted(&scalar));
                RelationColumn { scalar, ..column.clone() }
            });
            let columns = protected.columns.iter().cloned().chain(looked_up).collect();
            let both = Relation { columns, ..protected.clone() };
            for other in others {
                found.beside.push(both.condition(other)?);
            }
        }
        Ok(found)
    }

    /// The match of a value with a column.
    fn by(
        protected: &Relation,
        open: &'a Relation,
        by: Scalar,
        key: &Scalar,
        found_only: bool,
    ) -> Result<Self, Refusal> {
        let Scalar::Column(key) = key else {
            return Err(not_a_look_up(
                protected,
                "is on an expression over the open table",
                "Join by a column of it as it is.",
            ));
        };
        let dataset = open.dataset();
        let type_of = insitu_disclosure::tabulation::typing::type_of;
        let (of_key, of_value) =
            (type_of(&Scalar::Column(key.clone()), dataset)?, type_of(&by, protected.dataset())?);
        if of_key != of_value {
            return Err(Refusal::new(
                RefusalCode::D213,
                format!("rows of {of_value} are joined to `{}` by {of_key}.", dataset.name),
                "Join columns of the same type.",
            ));
        }
        let reference = Reference { dataset: dataset.name.clone(), key: key.clone() };
        let mut found = Self { reference, by, open: dataset, found_only, beside: Vec::new() };
        found.beside = open.predicates.iter().map(|p| found.substituted(p)).collect();
        Ok(found)
    }

    /// What an expression over the open row is in terms of the protected row that found it.
    fn substituted(&self, scalar: &Scalar) -> Scalar {
        scalar.with_columns(&|name| {
            if self.found_only && name == self.reference.key {
                return self.by.clone();
            }
            self.look_up(name)
        })
    }

    fn look_up(&self, name: &str) -> Scalar {
        match self.open.column(name) {
            Some(column) => Scalar::Lookup {
                reference: self.reference.clone(),
                column: name.to_owned(),
                value_type: column.scalar_type,
                key: Box::new(self.by.clone()),
            },
            // A scan has no other columns; typing refuses this one.
            None => Scalar::Column(name.to_owned()),
        }
    }

    /// That there is a row: its key is looked up.
    fn there_is(&self) -> Scalar {
        let key = self.look_up(&self.reference.key);
        Scalar::Not(Box::new(Scalar::IsNull(Box::new(key))))
    }

    /// That there is a row, and that what is said beside the key holds.
    fn conditions(&self) -> Vec<Scalar> {
        let mut all = vec![self.there_is()];
        all.extend(self.beside.iter().flat_map(Scalar::conjuncts).cloned());
        all
    }

    /// An expression over the open row, NULL where there is none.
    fn or_null(&self, scalar: &Scalar) -> Scalar {
        match scalar {
            // A look-up is NULL there by itself.
            Scalar::Column(name) if self.beside.is_empty() => self.look_up(name),
            other => Scalar::Case {
                branches: vec![(Scalar::And(self.conditions()), self.substituted(other))],
                otherwise: None,
            },
        }
    }
}

/// The two sides of an equality of something of each relation.
fn linked(conjunct: &Expr, protected: &Relation, open: &Relation) -> Option<(Expr, Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = conjunct else {
        return None;
    };
    let is_of = |expr: &Expr, relation: &Relation| {
        let columns: Vec<&Column> = expr.column_refs().into_iter().collect();
        !columns.is_empty() && columns.into_iter().all(|column| relation.has(column))
    };
    if is_of(left, protected) && is_of(right, open) {
        Some((left.as_ref().clone(), right.as_ref().clone()))
    } else if is_of(left, open) && is_of(right, protected) {
        Some((right.as_ref().clone(), left.as_ref().clone()))
    } else {
        None
    }
}

fn not_a_look_up(protected: &Relation, why: &str, fix: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D213,
        format!("a join of the rows of `{}` to open data {why}.", protected.dataset().name),
        fix,
    )
}
