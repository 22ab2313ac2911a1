//! An aggregation over `UNION ALL` of like datasets: the same aggregation of each, and their tables added up above.
//!
//! ```text
//! Aggregate by region: count               Projection  region, n + n
//!   Union                            ──►     Full join on region
//!     Scan health.visits                       leaf_0     TABULATION health.visits by region: count
//!     Scan social.visits                       leaf_1     TABULATION social.visits by region: count
//! ```
//!
//! Each department answers for its own rows, and protects them, or has them protected, as if it were asked alone. So an
//! answer says no more than the tables by themselves would, which may be asked for as well: added up before they were
//! protected, a small cell of one dataset could be taken as what it adds to a large one of another
//! ([why](../../../../docs/disclosure/unions.md)). A row stands where one of the tables has it, and a value where every one of
//! them shows it, so there are no silent part totals: a dataset whose table lacks the row may have nobody there, or too few to
//! be shown, and which of these it is isn't told. Either way the value is suppressed.
//!
//! Open data are added up exactly, from what each department counted.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::{Column, DFSchema, NullEquality, Result};
use insitu_engine::functions::core::expr_fn::coalesce;
use insitu_engine::functions_aggregate::expr_fn::sum;
use insitu_engine::logical_expr::expr::{AggregateFunction, Alias};
use insitu_engine::logical_expr::{
    Aggregate, Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, LogicalPlanBuilder,
    Projection, SubqueryAlias, Union, cast,
};

use super::relation::Relation;
use super::totals::exact_totals;

/// The aggregation of each branch by itself; `None` if there is no union directly beneath it.
pub(super) fn branches(aggregate: &Aggregate) -> Result<Option<Vec<Aggregate>>> {
    let Some(inputs) = inputs(&aggregate.input)? else { return Ok(None) };
    let of = |input: LogicalPlan| {
        let (keys, measures) = (aggregate.group_expr.clone(), aggregate.aggr_expr.clone());
        Aggregate::try_new(Arc::new(input), keys, measures)
    };
    inputs.into_iter().map(of).collect::<Result<_>>().map(Some)
}

/// The inputs of a union, each with everything that stands above it and goes row by row, under the union's names.
fn inputs(plan: &LogicalPlan) -> Result<Option<Vec<LogicalPlan>>> {
    let above = |below: &LogicalPlan, make: &dyn Fn(LogicalPlan) -> Result<LogicalPlan>| {
        let Some(inputs) = inputs(below)? else { return Ok(None) };
        inputs.into_iter().map(make).collect::<Result<Vec<_>>>().map(Some)
    };
    match plan {
        LogicalPlan::Union(union) => {
            let mut all = Vec::new();
            for input in &union.inputs {
                for each in inputs(input)?.unwrap_or_else(|| vec![input.as_ref().clone()]) {
                    all.push(renamed(each, &union.schema)?);
                }
            }
            Ok(Some(all))
        }
        LogicalPlan::SubqueryAlias(alias) => above(&alias.input, &|input| {
            SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())
                .map(LogicalPlan::SubqueryAlias)
        }),
        LogicalPlan::Projection(projection) => above(&projection.input, &|input| {
            Projection::try_new(projection.expr.clone(), Arc::new(input))
                .map(LogicalPlan::Projection)
        }),
        LogicalPlan::Filter(filter) => above(&filter.input, &|input| {
            Filter::try_new(filter.predicate.clone(), Arc::new(input)).map(LogicalPlan::Filter)
        }),
        // Whatever else there is puts rows of several inputs together, or makes others of them.
        _ => Ok(None),
    }
}

/// The columns of a plan under the names of a union above it.
fn renamed(plan: LogicalPlan, names: &DFSchema) -> Result<LogicalPlan> {
    let columns = plan.schema().columns().into_iter().zip(names.iter());
    let columns = columns.map(|(column, (qualifier, field))| {
        Expr::Alias(Alias::new(Expr::Column(column), qualifier.cloned(), field.name()))
    });
    Projection::try_new(columns.collect(), Arc::new(plan)).map(LogicalPlan::Projection)
}

/// What may not be asked of protected rows of several datasets together.
pub(super) fn violations(aggregate: &Aggregate, relations: &[Relation]) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut names: Vec<_> = relations.iter().map(|r| &r.held.dataset.name).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            found.push(Refusal::new(
                RefusalCode::D208,
                format!("`UNION ALL` isn't allowed over the rows of `{one}` with themselves: a row in both would count twice."),
                "Ask for the rows once, with the conditions joined by `OR`, or count each with a `FILTER` of its own.",
            ));
        }
    }
    let first = relations.first().map(|r| r.plan.schema());
    for relation in relations.iter().skip(1) {
        let types = first.into_iter().flat_map(|f| f.iter().zip(relation.plan.schema().iter()));
        for ((_, one), (_, other)) in types {
            if one.data_type() != other.data_type() {
                found.push(Refusal::new(
                    RefusalCode::Q107,
                    format!(
                        "`{}` has different types in the datasets of a `UNION ALL`.",
                        one.name()
                    ),
                    "Cast one of them, so that the datasets are alike.",
                ));
            }
        }
    }
    if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        found.push(Refusal::new(
            RefusalCode::D208,
            "grouping sets aren't offered over the rows of several datasets.",
            "Group by the keys, and ask for each total by itself.",
        ));
    }
    if aggregate.aggr_expr.is_empty() {
        found.push(Refusal::new(
            RefusalCode::D208,
            "which keys occur in one of several datasets isn't told.",
            "Count them: `count(*)`.",
        ));
    }
    found.extend(aggregate.aggr_expr.iter().filter_map(not_added_up));
    found.dedup();
    found
}

fn function(measure: &Expr) -> Option<&AggregateFunction> {
    match measure {
        Expr::Alias(alias) => function(&alias.expr),
        Expr::AggregateFunction(function) => Some(function),
        _ => None,
    }
}

/// Whether a measure of all rows is the total of the measures of some of them each.
fn adds_up(measure: &Expr) -> bool {
    let plain = |f: &AggregateFunction| {
        let params = &f.params;
        !params.distinct && params.order_by.is_empty() && params.null_treatment.is_none()
    };
    function(measure).is_some_and(|f| matches!(f.func.name(), "count" | "sum") && plain(f))
}

fn not_added_up(measure: &Expr) -> Option<Refusal> {
    if adds_up(measure) {
        return None;
    }
    let name = function(measure).map_or("an expression", |f| f.func.name());
    if name == "count" {
        return Some(Refusal::new(
            RefusalCode::D210,
            "distinct units of several datasets aren't counted: nobody knows who is in more than one of them.",
            "Count the units of each dataset by itself.",
        ));
    }
    Some(Refusal::new(
        RefusalCode::D208,
        format!("`{name}` isn't offered over the rows of several datasets."),
        "Use `count` and `sum`, which add up; a mean is `sum(x)` by `count(x)`. Or aggregate each dataset in a CTE first.",
    ))
}

/// Whether totals of each branch's rows can be added up instead of fetching rows.
pub(super) fn all_add_up(aggregate: &Aggregate) -> bool {
    let plain_keys = !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
    plain_keys && !aggregate.aggr_expr.is_empty() && aggregate.aggr_expr.iter().all(adds_up)
}

/// The protected tables of the branches as one, under the names that the aggregation's columns had. A row stands where one of
/// the tables has it, and a value where every one shows it.
pub(super) fn of_protected(
    aggregate: &Aggregate,
    first_leaf: usize,
    tables: Vec<LogicalPlan>,
) -> Result<LogicalPlan> {
    let keys = aggregate.group_expr.len();
    let mut named = Vec::with_capacity(tables.len());
    for (i, table) in tables.into_iter().enumerate() {
        let name = format!("branch_{}", first_leaf.saturating_add(i));
        named.push(LogicalPlanBuilder::from(table).alias(name)?.build()?);
    }
    let columns: Vec<Vec<(Column, DataType)>> = named.iter().map(typed_columns).collect();
    let key_of = |branch: usize, key: usize| {
        columns.get(branch)?.get(key).map(|(column, _)| Expr::Column(column.clone()))
    };
    // Of a row that some tables lack, those that have it say which it is. Where they have a key without a value, so has it.
    let key_of_first = |branches: usize, key: usize| {
        let each: Vec<Expr> = (0..branches).filter_map(|branch| key_of(branch, key)).collect();
        if each.len() < 2 { each.into_iter().next() } else { Some(coalesce(each)) }
    };
    let branches = named.len();
    let mut tables = named.into_iter();
    let Some(mut joined) = tables.next() else { return LogicalPlanBuilder::empty(false).build() };
    for (table, before) in tables.zip(1..) {
        let on = (0..keys).filter_map(|k| Some((key_of_first(before, k)?, key_of(before, k)?)));
        joined = LogicalPlan::Join(Join::try_new(
            Arc::new(joined),
            Arc::new(table),
            on.collect(),
            None,
            // Without keys each table has its one row.
            if keys == 0 { JoinType::Inner } else { JoinType::Full },
            JoinConstraint::On,
            // A key without a value is a key like any other.
            NullEquality::NullEqualsNull,
            false,
        )?);
    }
    let shown = aggregate.schema.iter().enumerate().filter_map(|(at, (qualifier, field))| {
        let value = if at < keys {
            key_of_first(branches, at)?
        } else {
            let each = columns.iter().map(|columns| columns.get(at).cloned());
            added_up(each.collect::<Option<Vec<_>>>()?)?
        };
        Some(Expr::Alias(Alias::new(value, qualifier.cloned(), field.name())))
    });
    Projection::try_new(shown.collect(), Arc::new(joined)).map(LogicalPlan::Projection)
}

/// Whether a join is of the branches' tables, of which each may lack rows that others have. No other is like it: one that is
/// written takes no two NULLs for equal.
pub(super) fn is_of_tables(join: &Join) -> bool {
    join.join_type == JoinType::Full && join.null_equality == NullEquality::NullEqualsNull
}

fn typed_columns(plan: &LogicalPlan) -> Vec<(Column, DataType)> {
    let columns = plan.schema().columns().into_iter();
    columns.zip(plan.schema().fields()).map(|(c, f)| (c, f.data_type().clone())).collect()
}

/// The total of some columns, NULL if one of them is. Whole numbers are added up in 38 digits, so that nothing wraps.
fn added_up(columns: Vec<(Column, DataType)>) -> Option<Expr> {
    let decimal = columns.iter().find(|(_, t)| matches!(t, DataType::Decimal128(..)));
    let decimal = decimal.map(|(_, data_type)| data_type.clone());
    let wide = decimal.clone().unwrap_or(DataType::Decimal128(38, 0));
    let each = columns.into_iter().map(|(column, data_type)| {
        let column = Expr::Column(column);
        if data_type == wide { column } else { cast(column, wide.clone()) }
    });
    let total = each.reduce(|total, next| total + next)?;
    Some(if decimal.is_some() { cast(total, wide) } else { cast(total, DataType::Int64) })
}

/// The tables of open data's branches added up, as the engine would have from all rows; `None` if their types aren't alike.
pub(super) fn of_open(
    aggregate: &Aggregate,
    tables: Vec<LogicalPlan>,
) -> Result<Option<LogicalPlan>> {
    let types = |plan: &LogicalPlan| -> Vec<DataType> {
        plan.schema().fields().iter().map(|f| f.data_type().clone()).collect()
    };
    let alike = tables.windows(2).all(|pair| match pair {
        [one, other] => types(one) == types(other),
        _ => true,
    });
    if !alike {
        return Ok(None);
    }
    let all = Union::try_new(tables.into_iter().map(Arc::new).collect()).map(LogicalPlan::Union)?;
    let columns: Vec<Expr> = all.schema().columns().into_iter().map(Expr::Column).collect();
    let (keys, measures) = columns.split_at(aggregate.group_expr.len().min(columns.len()));
    let measures = measures.iter().cloned().map(sum).collect();
    let total = exact_totals(all, keys.to_vec(), measures)?;
    renamed(total, &aggregate.schema).map(Some)
}

/// The Refusals, if there are any.
pub(super) fn refuse(found: Vec<Refusal>) -> std::result::Result<(), Refusals> {
    Refusals::collect(found).map_or(Ok(()), Err)
}
