//! Joins of the rows of two protected datasets by their unit.
//!
//! ```text
//! FROM episodes e WHERE EXISTS (SELECT 1 FROM prescriptions p WHERE p.person = e.person AND p.drug = 'x')
//! FROM episodes e WHERE e.person IN (SELECT person FROM prescriptions WHERE drug = 'x')                      semi
//! FROM episodes e JOIN people p ON p.person = e.person WHERE p.ethnicity = 'x'
//!
//! FROM episodes e WHERE NOT EXISTS (...)                                                                     anti
//! FROM episodes e [LEFT] JOIN people p ON p.person = e.person GROUP BY p.ethnicity                           inner, left
//! ```
//!
//! The other side is a scan with filters and, for a join with columns, names. What can't be said so is refused here;
//! whether the join is allowed is for admission.

use std::sync::Arc;

use insitu_disclosure::tabulation::unit_join::{rows, unit_column};
use insitu_disclosure::{
    Dataset, Key, Label, Measure, Refusal, RefusalCode, Scalar, UnitJoin, UnitJoinKind,
};
use insitu_engine::common::{Column, JoinType};
use insitu_engine::logical_expr::{Expr, Join, LogicalPlan};

use super::aggregate::conjunction;
use super::look_up::{conjuncts_of, linked};
use super::relation::{Relation, RelationColumn};
use crate::catalog::{Joined, are_together};

/// Rows that were joined by their unit, as part of a relation.
#[derive(Debug, Clone)]
pub(super) struct JoinedRows {
    /// How, in the order in which they are written.
    pub(super) joins: Vec<UnitJoin>,
    /// To what.
    pub(super) held: Joined,
    /// The rows that there are then.
    pub(super) dataset: Arc<Dataset>,
}

/// Whether two protected relations are meant to be joined by their unit: they are linked by it, or their data owners
/// expect it.
pub(super) fn is_meant(rows: &Relation, there: &Relation, conjuncts: &[Expr]) -> bool {
    let (one, other) = (&rows.held.dataset, &there.held.dataset);
    let is_link = |c: &Expr| linked(c, rows, there).is_some_and(|link| is_unit(&link, rows, there));
    (one.may_be_joined_with(&other.name) && other.may_be_joined_with(&one.name))
        || conjuncts.iter().any(is_link)
}

/// A join of two protected relations.
///
/// # Errors
/// A join that isn't by the unit alone.
pub(super) fn joined(
    join: &Join,
    plan: &LogicalPlan,
    left: Relation,
    right: Relation,
) -> Result<Relation, Refusal> {
    let one_row =
        |relation: &Relation| relation.dataset().units_have_one_row() && relation.joined.is_none();
    let (kind, left_stays) = match join.join_type {
        // The rows of the side with many for a unit are counted, and the other has a row for each of them.
        JoinType::Inner => (UnitJoinKind::Inner, one_row(&right) || !one_row(&left)),
        JoinType::Left => (UnitJoinKind::Left, true),
        JoinType::Right => (UnitJoinKind::Left, false),
        JoinType::LeftSemi => (UnitJoinKind::Semi, true),
        JoinType::RightSemi => (UnitJoinKind::Semi, false),
        JoinType::LeftAnti => (UnitJoinKind::Anti, true),
        JoinType::RightAnti => (UnitJoinKind::Anti, false),
        JoinType::Full | JoinType::LeftMark | JoinType::RightMark => {
            return Err(not_by_unit(
                &left,
                &right,
                "would have rows that neither dataset has",
                "Use `JOIN`, `LEFT JOIN`, `EXISTS` or `NOT EXISTS`.",
            ));
        }
    };
    let (rows, there) = if left_stays { (left, right) } else { (right, left) };
    let Conditions { of_there, of_both } = Conditions::of(&rows, &there, &conjuncts_of(join))?;
    let (own, added) = (rows.columns.clone(), there.columns.clone());
    let (predicate, above) = if kind == UnitJoinKind::Inner {
        let all = there.predicates.iter().chain(&of_there).cloned();
        (None, all.collect())
    } else {
        let all: Vec<Scalar> = there.predicates.iter().chain(&of_there).cloned().collect();
        (conjunction(&all), Vec::new())
    };
    let (mut relation, join) = with_join(rows, &there, kind, predicate)?;
    let unit = unit_column(&relation.held.dataset).map(|column| column.name.clone());
    let names = Names { join, unit, other: unit_column(&there.held.dataset).cloned() };
    if kind.adds_columns() {
        let added = added.into_iter().map(|column| {
            let scalar = column.scalar.and_then(|scalar| names.above(&scalar));
            RelationColumn { scalar, ..column }
        });
        let added: Vec<RelationColumn> = added.collect();
        relation.columns = if left_stays {
            own.into_iter().chain(added).collect()
        } else {
            added.into_iter().chain(own).collect()
        };
    }
    for condition in above {
        relation.predicates.push(names.above(&condition)?);
    }
    for condition in of_both {
        if kind != UnitJoinKind::Inner {
            return Err(not_by_unit(
                &relation,
                &there,
                "has a condition on the rows of the first",
                "Write it in `WHERE`, or join by the unit alone.",
            ));
        }
        let condition = relation.condition(&condition)?;
        relation.predicates.push(condition);
    }
    relation.plan = plan.clone();
    Ok(relation)
}

/// The rows whose unit is among the other rows' only column: `unit IN (SELECT unit ...)`.
///
/// # Errors
/// A subquery that isn't about the unit.
pub(super) fn among(
    rows: Relation,
    value: &Expr,
    there: &Relation,
    negated: bool,
) -> Result<Relation, Refusal> {
    if negated {
        return Err(not_by_unit(
            &rows,
            there,
            "is unknown for all rows as soon as one id is NULL",
            "Use `NOT EXISTS (SELECT 1 FROM ... WHERE its unit = this unit)`.",
        ));
    }
    let [column] = there.columns.as_slice() else {
        return Err(not_by_unit(&rows, there, "is with several columns", "Select the unit."));
    };
    let is_link = is_unit_of(&rows, &rows.scalar(value)?.0)
        && column.scalar.as_ref().is_ok_and(|scalar| is_unit_of(there, scalar));
    if !is_link {
        return Err(not_by_unit(&rows, there, "isn't by their unit", UNIT_ALONE));
    }
    let predicate = conjunction(&there.predicates);
    Ok(with_join(rows, there, UnitJoinKind::Semi, predicate)?.0)
}

/// The rows for which there is, or isn't, another row that the conjuncts hold of: `EXISTS (SELECT ... WHERE ...)`.
///
/// # Errors
/// A subquery that isn't about the unit alone.
pub(super) fn exists(
    rows: Relation,
    there: &Relation,
    conjuncts: &[Expr],
    negated: bool,
) -> Result<Relation, Refusal> {
    let Conditions { of_there, of_both } = Conditions::of(&rows, there, conjuncts)?;
    if !of_both.is_empty() {
        return Err(not_by_unit(&rows, there, "is by more than their unit", UNIT_ALONE));
    }
    let all: Vec<Scalar> = there.predicates.iter().chain(&of_there).cloned().collect();
    let kind = if negated { UnitJoinKind::Anti } else { UnitJoinKind::Semi };
    Ok(with_join(rows, there, kind, conjunction(&all))?.0)
}

/// Joins and conditions in as few words as they have: a join with columns of which none is used changes no rows, or chooses
/// them as a semi join does. Then it is one question, with one noise, however it is written.
pub(super) fn simplified(
    joins: &[UnitJoin],
    predicates: &[Scalar],
    keys: &[Key],
    measures: &[Measure],
) -> (Vec<UnitJoin>, Vec<Scalar>) {
    let of_measures = measures.iter().flat_map(|m| m.filter.iter().chain(m.kind.arguments()));
    let shown: Vec<&Scalar> = keys.iter().map(|key| &key.scalar).chain(of_measures).collect();
    let mut conjuncts: Vec<Scalar> =
        predicates.iter().flat_map(Scalar::conjuncts).cloned().collect();
    let mut simple = Vec::with_capacity(joins.len());
    for join in joins {
        let uses = |scalar: &&Scalar| {
            scalar.columns().into_iter().any(|name| join.own_column(name).is_some())
        };
        let only = |scalar: &&Scalar| {
            scalar.columns().into_iter().all(|name| join.own_column(name).is_some())
        };
        let about: Vec<&Scalar> = conjuncts.iter().filter(uses).collect();
        let is_shown = shown.iter().any(uses);
        match join.kind {
            UnitJoinKind::Left if about.is_empty() && !is_shown => {}
            UnitJoinKind::Inner if !is_shown && about.iter().all(only) => {
                let own =
                    |name: &str| Scalar::Column(join.own_column(name).unwrap_or(name).to_owned());
                let own: Vec<Scalar> = about.iter().map(|s| s.with_columns(&own)).collect();
                let predicate = conjunction(&own);
                conjuncts.retain(|scalar| !uses(&scalar));
                simple.push(UnitJoin { kind: UnitJoinKind::Semi, predicate, ..join.clone() });
            }
            UnitJoinKind::Semi | UnitJoinKind::Anti | UnitJoinKind::Inner | UnitJoinKind::Left => {
                simple.push(join.clone());
            }
        }
    }
    (simple, conjuncts)
}

/// What a join's conditions are about, beside the unit.
struct Conditions {
    /// In terms of the joined dataset.
    of_there: Vec<Scalar>,
    of_both: Vec<Expr>,
}

impl Conditions {
    /// The conditions beside the one equality of both units.
    fn of(rows: &Relation, there: &Relation, conjuncts: &[Expr]) -> Result<Self, Refusal> {
        let (mut of_there, mut of_both, mut by_unit) = (Vec::new(), Vec::new(), false);
        for conjunct in conjuncts {
            let link = linked(conjunct, rows, there);
            if link.is_some_and(|link| is_unit(&link, rows, there)) {
                by_unit = true;
                continue;
            }
            let columns: Vec<&Column> = conjunct.column_refs().into_iter().collect();
            if !columns.is_empty() && columns.into_iter().all(|column| there.has(column)) {
                of_there.push(there.condition(conjunct)?);
            } else {
                of_both.push(conjunct.clone());
            }
        }
        if !by_unit {
            return Err(not_by_unit(rows, there, "isn't by their unit", UNIT_ALONE));
        }
        Ok(Self { of_there, of_both })
    }
}

/// What columns of the joined dataset are called above the join.
struct Names {
    join: UnitJoin,
    unit: Option<String>,
    other: Option<insitu_disclosure::Column>,
}

impl Names {
    /// An expression over the joined dataset in terms of the rows.
    fn above(&self, scalar: &Scalar) -> Result<Scalar, Refusal> {
        let is_other = |name: &str| self.other.as_ref().is_some_and(|other| other.name == name);
        let is_column = matches!(scalar, Scalar::Column(_));
        let uses_unit = scalar.columns().into_iter().any(is_other);
        // Where there is no row, an expression has a value of its own, and the unit has none.
        if self.join.kind == UnitJoinKind::Left && (uses_unit || !is_column) {
            return Err(Refusal::new(
                RefusalCode::D215,
                format!("a left join gives the columns of `{}` as they are.", self.join.dataset),
                "Use its columns, but not its unit: whether there is a row is asked with `EXISTS` and `NOT EXISTS`.",
            ));
        }
        Ok(scalar.with_columns(&|name| match &self.unit {
            Some(unit) if is_other(name) => Scalar::Column(unit.clone()),
            Some(_) | None => Scalar::Column(self.join.column(name)),
        }))
    }
}

/// The relation joined to another, and the join. Its columns are still its own.
fn with_join(
    relation: Relation,
    there: &Relation,
    kind: UnitJoinKind,
    predicate: Option<Scalar>,
) -> Result<(Relation, UnitJoin), Refusal> {
    let is_plain = |r: &Relation| r.joined.is_none() && r.rolled_up.is_none();
    if !is_plain(there) || !there.references.is_empty() || relation.rolled_up.is_some() {
        return Err(not_by_unit(
            &relation,
            there,
            "is of rows that were joined or brought together before",
            "Join the first dataset to each of the others: `... WHERE EXISTS (...) AND EXISTS (...)`.",
        ));
    }
    are_together(&relation.held, &there.held)?;
    let join =
        UnitJoin { kind, dataset: there.held.dataset.name.clone(), fingerprint: 0, predicate };
    let (mut joins, mut held) = relation
        .joined
        .as_ref()
        .map_or_else(Default::default, |j| (j.joins.clone(), j.held.clone()));
    joins.push(join.clone());
    held.push(&there.held);
    let all: Vec<&UnitJoin> = joins.iter().collect();
    let dataset = rows(&relation.held.dataset, &all, &held.datasets());
    // Two protected datasets always have terms together.
    let dataset =
        dataset.ok_or_else(|| not_by_unit(&relation, there, "isn't possible", UNIT_ALONE))?;
    let joined = Some(JoinedRows { joins, held, dataset: Arc::new(dataset) });
    Ok((Relation { joined, ..relation }, join))
}

/// Whether it is the relation's protected unit.
pub(super) fn is_about_unit(relation: &Relation, expr: &Expr) -> bool {
    let Ok((Scalar::Column(name), _)) = relation.scalar(expr) else { return false };
    relation.dataset().column(&name).is_some_and(|column| column.label == Label::Unit)
}

fn is_unit((left, right): &(Expr, Expr), rows: &Relation, there: &Relation) -> bool {
    rows.scalar(left).is_ok_and(|(scalar, _)| is_unit_of(rows, &scalar))
        && there.scalar(right).is_ok_and(|(scalar, _)| is_unit_of(there, &scalar))
}

fn is_unit_of(relation: &Relation, scalar: &Scalar) -> bool {
    let unit = unit_column(&relation.held.dataset);
    unit.is_some_and(|unit| matches!(scalar, Scalar::Column(name) if *name == unit.name))
}

const UNIT_ALONE: &str = "Join by the protected unit of both, and by nothing else; or aggregate each, and join the released tables.";

fn not_by_unit(rows: &Relation, there: &Relation, why: &str, fix: &str) -> Refusal {
    let (one, other) = (&rows.held.dataset.name, &there.held.dataset.name);
    Refusal::new(
        RefusalCode::D215,
        format!("a join of the rows of `{one}` and `{other}` {why}."),
        fix,
    )
}
