//! `IN` a subquery where its third value would be lost.
//!
//! `x IN (SELECT y ...)` is unknown where `x` is NULL, or where some `y` is and none is `x`. The engine makes a join of it.
//! Where the whole condition is `[NOT] IN`, or one of several joined by `AND`, that join knows of the third value. Anywhere
//! else it marks each row true or false, and unknown becomes false: no harm where only truth counts, a wrong
//! answer beneath `NOT`, as a value, or asked whether it `IS NULL`. There it is refused, unless neither side can be NULL.
//!
//! The join for `x NOT IN` knows of the third value only where `x` is a column: of a literal, or of what the engine finds to
//! be one, it makes a condition in which unknown is false. [`chosen`] gives `x` a column first. Nor does it know that a
//! subquery about the row around it may have no NULL for this row: there `x NOT IN (SELECT y …)` is asked as `NOT EXISTS (SELECT …
//! y = x OR y IS NULL OR x IS NULL)`, which is true of the same rows, where nothing but conditions hangs on the row around it: those
//! of `WHERE`, and of the `ON` of an inner join. Any other, such as one of groups or with a `LIMIT`, is refused.

use std::sync::Arc;

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{Column, DFSchema, JoinType};
use insitu_engine::logical_expr::expr::{Exists, InSubquery};
use insitu_engine::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use insitu_engine::logical_expr::{
    BinaryExpr, Distinct, Expr, ExprSchemable as _, Filter, Join, LogicalPlan, Operator,
    Projection, Sort, Subquery, lit,
};

use super::error::planning_refusal;

/// What of a condition counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Whether it is true: false and unknown are one.
    Truth,
    /// Each of its three values.
    Value,
}

/// How unknown would become false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Where `IN` stands.
    ByPlace,
    /// More than conditions hangs on the row around a `NOT IN`.
    ByRows,
}

/// Refuses a raw plan in which unknown would become false.
///
/// # Errors
/// `Q104`.
pub(super) fn check(raw: &LogicalPlan) -> Result<(), Refusals> {
    let mut lost: Option<Lost> = None;
    let walked = raw.apply_with_subqueries(|node| {
        let conditions: Vec<&Expr> = match node {
            LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate),
            LogicalPlan::Join(join) => {
                join.filter.iter().flat_map(|filter| split_conjunction(filter)).collect()
            }
            _ => {
                for expr in node.expressions() {
                    if loses(&expr, Counts::Value, node)? {
                        lost = lost.or(Some(Lost::ByPlace));
                    }
                }
                Vec::new()
            }
        };
        for condition in conditions {
            let found = match not_in(condition) {
                NotIn::Never => None,
                NotIn::Is(found) => not_known(found, node)?,
                NotIn::Elsewhere => loses(condition, Counts::Truth, node)?.then_some(Lost::ByPlace),
            };
            lost = lost.or(found);
        }
        Ok(if lost.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| planning_refusal(&error))?;
    match lost {
        None => Ok(()),
        Some(Lost::ByPlace) => Err(Refusal::new(
            RefusalCode::Q104,
            "`IN` a subquery stands where unknown isn't false, and values may be NULL: beneath `NOT`, as a value, or about the row around it.",
            "Write `[NOT] IN` as a condition of its own, joined by `AND`, or write `[NOT] EXISTS`.",
        )
        .into()),
        Some(Lost::ByRows) => Err(Refusal::new(
            RefusalCode::Q104,
            "`NOT IN` a subquery about the row around it has groups, a total, a `LIMIT` or an outer join of its own, and values may be NULL.",
            "Compute it for all rows first, and compare with the row around it in `WHERE`: `x NOT IN (SELECT m.y FROM (SELECT k, max(y) AS y FROM t GROUP BY k) AS m WHERE m.k = a.k)`. In the place of `LIMIT`, number the rows: `row_number() OVER (PARTITION BY k ORDER BY y)`.",
        )
        .into()),
    }
}

/// How the third value of a condition that is `NOT IN` would be lost; `None` if it is known.
fn not_known(found: &InSubquery, node: &LogicalPlan) -> insitu_engine::error::Result<Option<Lost>> {
    let is_filter = matches!(node, LogicalPlan::Filter(_));
    let lost = if found.subquery.outer_ref_columns.is_empty() {
        (!is_filter && !is_column(&found.expr)).then_some(Lost::ByPlace)
    } else if !is_filter {
        Some(Lost::ByPlace)
    } else {
        compared_rows(&found.subquery.subquery)?.is_none().then_some(Lost::ByRows)
    };
    match lost {
        Some(lost) => Ok(may_be_unknown(found, node)?.then_some(lost)),
        None => Ok(None),
    }
}

/// The rows of a plan that a condition chooses, where what is compared by `NOT IN` is a column.
///
/// # Errors
/// The engine's.
pub(super) fn chosen(
    condition: Expr,
    rows: LogicalPlan,
) -> insitu_engine::error::Result<LogicalPlan> {
    let before = rows.schema().columns();
    let mut columns: Vec<Expr> = before.iter().cloned().map(Expr::Column).collect();
    let mut conditions = split_conjunction_owned(condition);
    for condition in &mut conditions {
        let NotIn::Is(found) = not_in(condition) else { continue };
        if !found.subquery.outer_ref_columns.is_empty() {
            if let Some(none) = none_is(found, rows.schema())? {
                *condition = none;
            }
            continue;
        }
        if is_column(&found.expr) {
            continue;
        }
        let mut name = format!("value_{}", columns.len());
        while rows.schema().has_column_with_unqualified_name(&name) {
            name.push('_');
        }
        let column = Box::new(Expr::Column(Column::new_unqualified(&name)));
        columns.push(found.expr.as_ref().clone().alias(name));
        *condition = Expr::InSubquery(InSubquery::new(column, found.subquery.clone(), true));
    }
    let added = before.len() < columns.len();
    let rows = match added {
        true => LogicalPlan::Projection(Projection::try_new(columns, Arc::new(rows))?),
        false => rows,
    };
    let Some(condition) = conjunction(conditions) else { return Ok(rows) };
    let chosen = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(rows))?);
    if !added {
        return Ok(chosen);
    }
    let before = before.into_iter().map(Expr::Column).collect();
    Projection::try_new(before, Arc::new(chosen)).map(LogicalPlan::Projection)
}

/// What a subquery is of.
struct Compared<'a> {
    /// Its rows, whatever row is around it.
    rows: Arc<LogicalPlan>,
    /// What chooses among them, and may hang on the row around it.
    conditions: Vec<Expr>,
    value: &'a Expr,
}

/// What is compared, and of which rows; `None` if more than conditions hangs on the row around it.
fn compared_rows(subquery: &LogicalPlan) -> insitu_engine::error::Result<Option<Compared<'_>>> {
    match subquery {
        // Neither which come first nor how often has a say.
        LogicalPlan::Sort(Sort { fetch: None, input, .. })
        | LogicalPlan::Distinct(Distinct::All(input)) => compared_rows(input),
        LogicalPlan::Projection(projection) => match projection.expr.as_slice() {
            [value] if !value.contains_outer() => {
                let chosen = rows_and_conditions(&projection.input)?;
                Ok(chosen.map(|(rows, conditions)| Compared { rows, conditions, value }))
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Rows that are the same whatever row is around them, and conditions that choose among them.
fn rows_and_conditions(
    plan: &Arc<LogicalPlan>,
) -> insitu_engine::error::Result<Option<(Arc<LogicalPlan>, Vec<Expr>)>> {
    match plan.as_ref() {
        LogicalPlan::Filter(filter) => {
            let Some((rows, mut conditions)) = rows_and_conditions(&filter.input)? else {
                return Ok(None);
            };
            conditions.push(filter.predicate.clone());
            Ok(Some((rows, conditions)))
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            let on = join.filter.clone().map(split_conjunction_owned).unwrap_or_default();
            let (around, own): (Vec<Expr>, Vec<Expr>) =
                on.into_iter().partition(Expr::contains_outer);
            let joined = LogicalPlan::Join(Join { filter: conjunction(own), ..join.clone() });
            let is_apart = joined.all_out_ref_exprs().is_empty();
            Ok(is_apart.then(|| (Arc::new(joined), around)))
        }
        other => Ok(other.all_out_ref_exprs().is_empty().then(|| (Arc::clone(plan), Vec::new()))),
    }
}

/// That no row of a subquery has this value, or none that is known; `None` if it can't be asked like this.
fn none_is(found: &InSubquery, around: &DFSchema) -> insitu_engine::error::Result<Option<Expr>> {
    let Some(Compared { rows, mut conditions, value }) = compared_rows(&found.subquery.subquery)?
    else {
        return Ok(None);
    };
    let mut outside = found.subquery.outer_ref_columns.clone();
    let outer = found.expr.as_ref().clone().transform_up(|part| match part {
        Expr::Column(column) => {
            let field = Arc::clone(around.qualified_field_from_column(&column)?.1);
            let column = Expr::OuterReferenceColumn(field, column);
            if !outside.contains(&column) {
                outside.push(column.clone());
            }
            Ok(Transformed::yes(column))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let (outer, value) = (outer.data, value.clone().unalias());
    let is_it = value.clone().eq(outer.clone()).or(value.is_null()).or(outer.is_null());
    conditions.push(is_it);
    let Some(condition) = conjunction(conditions) else { return Ok(None) };
    let rows = Filter::try_new(condition, rows)?;
    let one = vec![lit(1_i64).alias("one")];
    let rows = Projection::try_new(one, Arc::new(LogicalPlan::Filter(rows)))?;
    let subquery = Subquery {
        subquery: Arc::new(LogicalPlan::Projection(rows)),
        outer_ref_columns: outside,
        spans: found.subquery.spans.clone(),
    };
    Ok(Some(Expr::Exists(Exists::new(subquery, true))))
}

/// What a whole condition is.
enum NotIn<'a> {
    /// `x NOT IN` a subquery, or `NOT x IN` one.
    Is(&'a InSubquery),
    /// `x IN` a subquery: only its truth counts.
    Never,
    /// Something else, which may have one within.
    Elsewhere,
}

fn not_in(condition: &Expr) -> NotIn<'_> {
    let of = |found, negated| if negated { NotIn::Is(found) } else { NotIn::Never };
    match condition {
        Expr::InSubquery(found) => of(found, found.negated),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(found) => of(found, !found.negated),
            _ => NotIn::Elsewhere,
        },
        _ => NotIn::Elsewhere,
    }
}

const fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_))
}

/// Whether an `IN` in it may be unknown where that counts.
fn loses(expr: &Expr, counts: Counts, node: &LogicalPlan) -> insitu_engine::error::Result<bool> {
    Ok(match expr {
        Expr::InSubquery(found) => {
            (found.negated || counts == Counts::Value) && may_be_unknown(found, node)?
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            loses(left, counts, node)? || loses(right, counts, node)?
        }
        Expr::IsTrue(inner) | Expr::IsNotTrue(inner) => loses(inner, Counts::Truth, node)?,
        Expr::Alias(alias) => loses(&alias.expr, counts, node)?,
        Expr::Case(case) => {
            let of_when = if case.expr.is_none() { Counts::Truth } else { Counts::Value };
            let mut lost = false;
            for (when, then) in &case.when_then_expr {
                lost |= loses(when, of_when, node)? || loses(then, Counts::Value, node)?;
            }
            for other in case.expr.iter().chain(&case.else_expr) {
                lost |= loses(other, Counts::Value, node)?;
            }
            lost
        }
        other => {
            let mut lost = false;
            other.apply_children(|child| {
                lost |= loses(child, Counts::Value, node)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
            lost
        }
    })
}

fn may_be_unknown(found: &InSubquery, node: &LogicalPlan) -> insitu_engine::error::Result<bool> {
    let of_rows = node.inputs().iter().try_fold(DFSchema::empty(), |all, input| {
        all.join(input.schema()).or_else(|_| Ok::<_, insitu_engine::error::DataFusionError>(all))
    })?;
    // What isn't among the rows' columns is of an outer statement's, and may be anything.
    let left = found.expr.nullable(&of_rows).unwrap_or(true);
    let right = found.subquery.subquery.schema().fields().iter().any(|field| field.is_nullable());
    Ok(left || right)
}
