//! The types of `$1`, `$2`, ... as a client is told them before it binds values.
//!
//! The engine tells what a placeholder is compared or calculated with, and what a `LIMIT` is. The rest follows here from where it
//! stands: beside other values in a `CASE` or a `coalesce`, in a call whose signature leaves no choice, as a condition, in a total
//! or a mean, which are of numbers. What stands in
//! a cast, or alone, may be anything: it is told as text, and keeps the type of the value that is bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{DFSchema, DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::expr::{
    AggregateFunction, InList, Placeholder, ScalarFunction, WindowFunction,
};
use insitu_engine::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr};
use insitu_engine::logical_expr::type_coercion::binary::type_union_resolution;
use insitu_engine::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use insitu_engine::logical_expr::{
    Between, Case, Expr, ExprSchemable as _, Limit, LogicalPlan, WindowFunctionDefinition, lit,
};

use super::error::planning_refusal;

/// Functions whose arguments are all of one kind, which is the result's.
const OF_ONE_KIND: [&str; 6] = ["coalesce", "nullif", "nvl", "ifnull", "greatest", "least"];

/// The types of a plan's placeholders `$1`, `$2`, ... in numeric order; text where none follows from
/// the statement.
///
/// # Errors
/// Placeholders that aren't numbered from 1 without a gap; one that is of two kinds.
pub(crate) fn parameter_types(plan: &LogicalPlan) -> std::result::Result<Vec<DataType>, Refusals> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let walked = plan.apply_with_subqueries(|node| {
        let rows = node.inputs().iter().try_fold(DFSchema::empty(), |all, input| {
            all.join(input.schema()).or_else(|_| Ok::<_, DataFusionError>(all))
        })?;
        if let LogicalPlan::Filter(filter) = node {
            note(&mut found, is_condition(&filter.predicate));
        }
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::Placeholder(Placeholder { id, field }) = part {
                    let found = found.entry(id.clone()).or_default();
                    found.engines.extend(field.iter().map(|field| field.data_type().clone()));
                }
                note(&mut found, by_place(part, &rows));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(|e| planning_refusal(&e))?;
    (1..=found.len())
        .map(|n| {
            let id = format!("${n}");
            found.get(&id).ok_or_else(gap)?.data_type().ok_or_else(|| of_two_kinds(&id).into())
        })
        .collect()
}

/// The value with which a statement is planned before others are bound: NULL of the type that is told, or a share where a quantile's
/// stands, which has to be one.
///
/// # Errors
/// A fault of the engine.
pub(crate) fn typical_values(plan: &LogicalPlan, told: &[DataType]) -> Result<Vec<ScalarValue>> {
    let mut shares = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::AggregateFunction(AggregateFunction { func, params }) = part
                    && SHARED.contains(&func.name())
                    && let [_, Expr::Placeholder(share)] = params.args.as_slice()
                {
                    shares.push(share.id.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    let typical = told.iter().enumerate().map(|(i, told)| {
        let is_share = shares.contains(&format!("${}", i.saturating_add(1)));
        let share = ScalarValue::Float64(Some(0.5));
        if is_share { share.cast_to(told) } else { ScalarValue::try_from(told) }
    });
    typical.collect()
}

/// Aggregates with a share.
const SHARED: [&str; 2] = ["percentile_cont", "approx_percentile_cont"];

/// The plan with no row wherever a placeholder is a number of rows; `None` if none is.
pub(crate) fn with_no_rows(plan: &LogicalPlan) -> Option<LogicalPlan> {
    let none = |plan| match plan {
        LogicalPlan::Limit(Limit { skip, fetch: Some(fetch), input })
            if matches!(*fetch, Expr::Placeholder(_)) =>
        {
            let fetch = Some(Box::new(lit(0_i64)));
            Transformed::yes(LogicalPlan::Limit(Limit { skip, fetch, input }))
        }
        other => Transformed::no(other),
    };
    let of_none = plan.clone().transform_down_with_subqueries(|plan| Ok(none(plan))).ok()?;
    of_none.transformed.then_some(of_none.data)
}

/// What is known of a placeholder, which may stand in several places.
#[derive(Debug, Default)]
struct Found {
    /// The types that the engine tells.
    engines: Vec<DataType>,
    /// Those that follow from where it stands.
    by_place: Vec<DataType>,
}

impl Found {
    /// The type; `None` if there is none that has the values of all places.
    fn data_type(&self) -> Option<DataType> {
        let of = |types: &[DataType]| match types {
            [] => Some(None),
            [first, others @ ..] if others.iter().all(|other| other == first) => {
                Some(Some(first.clone()))
            }
            several => type_union_resolution(several).map(Some),
        };
        let engines = of(&self.engines)?;
        Some(match engines.or(of(&self.by_place)?) {
            // Clients have one type of text.
            None | Some(DataType::Utf8View | DataType::LargeUtf8) => DataType::Utf8,
            Some(known) => known,
        })
    }
}

fn gap() -> Refusals {
    Refusal::new(
        RefusalCode::Q110,
        "the placeholders aren't numbered from `$1` without a gap.",
        "Write `$1`, `$2`, ...",
    )
    .into()
}

fn of_two_kinds(id: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Q110,
        format!("`{id}` stands where values of different kinds are needed."),
        "Use a placeholder for each, or write the type, such as `CAST($1 AS DATE)`.",
    )
}

fn note(found: &mut BTreeMap<String, Found>, types: Vec<(&str, DataType)>) {
    for (id, data_type) in types {
        if !data_type.is_null() {
            found.entry(id.to_owned()).or_default().by_place.push(data_type);
        }
    }
}

/// The placeholders that an expression has its type from, if that isn't known: it is one, minus one, or a choice among such.
fn untyped(expr: &Expr) -> Vec<&str> {
    match expr {
        Expr::Placeholder(Placeholder { id, field: None }) => vec![id],
        Expr::Alias(alias) => untyped(&alias.expr),
        Expr::Negative(inner) => untyped(inner),
        Expr::Case(case) => {
            let thens = case.when_then_expr.iter().map(|(_, then)| &**then);
            all_untyped(thens.chain(case.else_expr.as_deref()))
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if OF_ONE_KIND.contains(&func.name()) =>
        {
            all_untyped(args)
        }
        _ => Vec::new(),
    }
}

/// Plans totals and means of placeholders: without a type there would be no function for them.
#[derive(Debug)]
pub(super) struct AddedUp;

impl ExprPlanner for AddedUp {
    fn plan_aggregate(
        &self,
        mut expr: RawAggregateExpr,
    ) -> Result<PlannerResult<RawAggregateExpr>> {
        if matches!(expr.func.name(), "sum" | "avg") {
            for value in &mut expr.args {
                *value = as_numbers(value)?;
            }
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// The value with placeholders that may be any number, where nothing tells their type.
fn as_numbers(value: &Expr) -> Result<Expr> {
    let without = untyped(value);
    let number = |part| match part {
        Expr::Placeholder(Placeholder { id, field: None }) if without.contains(&id.as_str()) => {
            let field = Some(Arc::new(Field::new("", DataType::Float64, true)));
            Transformed::yes(Expr::Placeholder(Placeholder { id, field }))
        }
        other => Transformed::no(other),
    };
    value.clone().transform_up(|part| Ok(number(part))).map(|numbers| numbers.data)
}

/// The placeholders of values of one kind, if none has a type.
fn all_untyped<'a>(values: impl IntoIterator<Item = &'a Expr>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for value in values {
        let of_value = untyped(value);
        let is_null = matches!(value, Expr::Literal(value, _) if value.data_type().is_null());
        if of_value.is_empty() && !is_null {
            return Vec::new();
        }
        all.extend(of_value);
    }
    all
}

/// Types of the placeholders that stand directly in this expression.
fn by_place<'a>(expr: &'a Expr, rows: &DFSchema) -> Vec<(&'a str, DataType)> {
    match expr {
        Expr::Not(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner) => is_condition(inner),
        Expr::BinaryExpr(binary) if binary.op.is_logic_operator() => {
            [is_condition(&binary.left), is_condition(&binary.right)].concat()
        }
        Expr::BinaryExpr(binary) => alike([&*binary.left, &*binary.right], rows),
        Expr::Between(Between { expr, low, high, .. }) => alike([&**expr, &**low, &**high], rows),
        Expr::InList(InList { expr, list, .. }) => alike(list.iter().chain([&**expr]), rows),
        Expr::Case(case) => of_case(case, rows),
        Expr::ScalarFunction(ScalarFunction { func, args })
            if OF_ONE_KIND.contains(&func.name()) =>
        {
            alike(args, rows)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => by_signature(&**func, args, rows),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let filter = params.filter.iter().flat_map(|filter| is_condition(filter));
            by_signature(&**func, &params.args, rows).into_iter().chain(filter).collect()
        }
        Expr::WindowFunction(window) => of_window(window, rows),
        _ => Vec::new(),
    }
}

fn is_condition(expr: &Expr) -> Vec<(&str, DataType)> {
    untyped(expr).into_iter().map(|id| (id, DataType::Boolean)).collect()
}

/// Values of one kind: those without a type have that of the others.
fn alike<'a>(
    values: impl IntoIterator<Item = &'a Expr>,
    rows: &DFSchema,
) -> Vec<(&'a str, DataType)> {
    let (mut without, mut types) = (Vec::new(), Vec::new());
    for value in values {
        let of_value = untyped(value);
        if of_value.is_empty() {
            types.extend(value.get_type(rows).ok().filter(|found| !found.is_null()));
        }
        without.extend(of_value);
    }
    let Some(of_all) = type_union_resolution(&types) else { return Vec::new() };
    without.into_iter().map(|id| (id, of_all.clone())).collect()
}

fn of_case<'a>(case: &'a Case, rows: &DFSchema) -> Vec<(&'a str, DataType)> {
    let whens = case.when_then_expr.iter().map(|(when, _)| &**when);
    let thens = case.when_then_expr.iter().map(|(_, then)| &**then);
    let mut found = alike(thens.chain(case.else_expr.as_deref()), rows);
    match &case.expr {
        Some(value) => found.extend(alike(whens.chain([&**value]), rows)),
        None => found.extend(whens.flat_map(is_condition)),
    }
    found
}

fn of_window<'a>(window: &'a WindowFunction, rows: &DFSchema) -> Vec<(&'a str, DataType)> {
    let args = &window.params.args;
    match (&window.fun, args.as_slice()) {
        (WindowFunctionDefinition::AggregateUDF(func), _) => by_signature(&**func, args, rows),
        (WindowFunctionDefinition::WindowUDF(func), [value, steps, other @ ..])
            if matches!(func.name(), "lag" | "lead" | "nth_value") =>
        {
            let steps = untyped(steps).into_iter().map(|id| (id, DataType::Int64));
            alike(other.iter().chain([value]), rows).into_iter().chain(steps).collect()
        }
        (WindowFunctionDefinition::WindowUDF(func), _) => by_signature(&**func, args, rows),
    }
}

/// Arguments of a function as it would have them if they were NULL.
fn by_signature<'a, F: UDFCoercionExt>(
    function: &F,
    args: &'a [Expr],
    rows: &DFSchema,
) -> Vec<(&'a str, DataType)> {
    let without: Vec<Vec<&str>> = args.iter().map(untyped).collect();
    if without.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let field = |(arg, without): (&Expr, &Vec<&str>)| -> Result<FieldRef> {
        let known = if without.is_empty() { arg.get_type(rows)? } else { DataType::Null };
        Ok(Arc::new(Field::new("", known, true)))
    };
    let fields: Result<Vec<FieldRef>> = args.iter().zip(&without).map(field).collect();
    // What doesn't fit together is told when it is planned.
    let Ok(fitting) = fields.and_then(|fields| fields_with_udf(&fields, function)) else {
        return Vec::new();
    };
    let typed = |(ids, field): (Vec<&'a str>, FieldRef)| {
        ids.into_iter().map(move |id| (id, field.data_type().clone()))
    };
    without.into_iter().zip(fitting).flat_map(typed).collect()
}
