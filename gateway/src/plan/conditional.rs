//! Aggregates of a `CASE` as aggregates under `FILTER`. Over protected rows `CASE` doesn't stand inside a measure: as it is
//! written, all rows would contribute to what few make up. Under `FILTER` the few are a cell of their own.
//!
//! | as written | asked |
//! |---|---|
//! | `sum(CASE WHEN c THEN 1 ELSE 0 END)`, `sum(CAST(c AS INT))` | `count(*) FILTER (WHERE c)` |
//! | `sum(CASE WHEN c THEN 1 END)` | the same, and NULL in the place of 0 |
//! | `count(CASE WHEN c THEN 1 END)` | `count(*) FILTER (WHERE c)` |
//! | `count(DISTINCT CASE WHEN c THEN person END)` | `count(DISTINCT person) FILTER (WHERE c)` |
//! | `sum(CASE WHEN c THEN x ELSE 0 END)` | `sum(x) FILTER (WHERE c)` |
//! | `avg(CASE WHEN c THEN x END)`, `median` and others | `avg(x) FILTER (WHERE c)` |
//! | `avg(CASE WHEN c THEN 1 ELSE 0 END)` | `count(*) FILTER (WHERE c)` by `count(*)` |
//! | `sum(coalesce(x, 0))` | `sum(x)` |
//! | `sum(1)` | `count(*)`, and NULL in the place of 0 |
//!
//! So both spellings are one question, with one noise. They differ where there are no rows: a count of none is 0, and a total
//! of none has no value. What isn't in the table stays as it is, and is refused with the reason.

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_engine::common::{Column, DFSchema, DFSchemaRef, Result, ScalarValue};
use insitu_engine::config::ConfigOptions;
use insitu_engine::functions::core::expr_fn::nullif;
use insitu_engine::functions_aggregate::count::count_udaf;
use insitu_engine::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Alias};
use insitu_engine::logical_expr::{
    Aggregate, AggregateUDF, Case, Cast, Expr, ExprSchemable as _, LogicalPlan, Projection,
    TryCast, cast, lit,
};
use insitu_engine::optimizer::AnalyzerRule as _;
use insitu_engine::optimizer::analyzer::type_coercion::TypeCoercion;

use super::literal::WHOLE_MAX;

/// The plan with the same columns, in which no aggregate is of a `CASE`; `None` if none is that can be written otherwise.
///
/// # Errors
/// A fault of the engine.
pub(super) fn filtered(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let of = Of::the(aggregate);
    let rewritten: Vec<Option<Rewritten>> =
        aggregate.aggr_expr.iter().map(|measure| of.rewritten(measure)).collect();
    if rewritten.iter().all(Option::is_none) {
        return Ok(None);
    }
    // Each once: two spellings of one measure may stand side by side.
    let mut asked: Vec<Expr> = Vec::new();
    let mut place = |measure: Expr| {
        asked.iter().position(|known| *known == measure).unwrap_or_else(|| {
            asked.push(measure);
            asked.len().saturating_sub(1)
        })
    };
    let outputs: Vec<(Output, Vec<usize>)> = aggregate
        .aggr_expr
        .iter()
        .zip(rewritten)
        .map(|(measure, rewritten)| match rewritten {
            None => (Output::Itself, vec![place(measure.clone())]),
            Some(Rewritten { output, measures }) => {
                (output, measures.into_iter().map(&mut place).collect())
            }
        })
        .collect();
    let keys = aggregate.group_expr.clone();
    let below = Aggregate::try_new(Arc::clone(&aggregate.input), keys, asked.clone())?;
    // A raw `CASE` has the type of its first value: what it comes to with the others is known once types are settled.
    let typed = settled(&LogicalPlan::Aggregate(aggregate.clone()))?;
    let typed_below = settled(&LogicalPlan::Aggregate(below.clone()))?;
    let names = below.schema.columns();
    let first = names.len().saturating_sub(asked.len());
    let named = aggregate.schema.iter().enumerate();
    let mut columns = Vec::new();
    for (at, (qualifier, field)) in named {
        let output = at.checked_sub(first).and_then(|measure| outputs.get(measure));
        let value = match output {
            Some((output, places)) => {
                let at_below = |place: &usize| first.checked_add(*place);
                let measures = places.iter().filter_map(|place| names.get(at_below(place)?));
                let wanted = typed.fields().get(at).map_or(field.data_type(), |f| f.data_type());
                let of_first =
                    places.first().and_then(|place| typed_below.fields().get(at_below(place)?));
                let its = of_first.map_or(wanted, |f| f.data_type());
                output.of(measures.cloned().map(Expr::Column).collect(), its, wanted)
            }
            None if qualifier.is_none() && field.name() == Aggregate::INTERNAL_GROUPING_ID => {
                continue;
            }
            None => names.get(at).cloned().map(Expr::Column),
        };
        let Some(value) = value else { return Ok(None) };
        columns.push(Expr::Alias(Alias::new(value, qualifier.cloned(), field.name())));
    }
    let below = Arc::new(LogicalPlan::Aggregate(below));
    Projection::try_new(columns, below).map(LogicalPlan::Projection).map(Some)
}

/// The plan's columns, with the types that the engine gives them.
fn settled(plan: &LogicalPlan) -> Result<DFSchemaRef> {
    let typed = TypeCoercion::new().analyze(plan.clone(), &ConfigOptions::default())?;
    Ok(Arc::clone(typed.schema()))
}

/// What an aggregate is of those that are asked.
#[derive(Debug, Clone, PartialEq)]
enum Output {
    /// The same.
    Itself,
    /// The count, this many times.
    Times(f64),
    /// The same, and nothing of none.
    TimesOfSome(f64),
    /// The first by the second, this many times.
    ShareTimes(f64),
}

impl Output {
    /// The column of a type that is made of measures, of which the first has another, perhaps.
    fn of(&self, measures: Vec<Expr>, its: &DataType, wanted: &DataType) -> Option<Expr> {
        let mut measures = measures.into_iter();
        let first = measures.next()?;
        match self {
            // `sum(CASE WHEN c THEN x ELSE 0.0 END)` is floating point, where `sum(x)` may be whole.
            Self::Itself if wanted.is_floating() => Some(of_type(first, its, wanted)),
            Self::Itself => Some(first),
            Self::Times(factor) => times(of_type(first, its, wanted), *factor, wanted),
            Self::TimesOfSome(factor) => {
                let some = nullif(first, lit(0_i64));
                times(of_type(some, its, wanted), *factor, wanted)
            }
            Self::ShareTimes(factor) => {
                let all = cast(nullif(measures.next()?, lit(0_i64)), DataType::Float64);
                let total = times(cast(first, DataType::Float64), *factor, &DataType::Float64)?;
                Some(of_type(total / all, &DataType::Float64, wanted))
            }
        }
    }
}

fn of_type(value: Expr, its: &DataType, wanted: &DataType) -> Expr {
    if its == wanted { value } else { cast(value, wanted.clone()) }
}

/// A released number as it is, or so many times.
fn times(value: Expr, factor: f64, data_type: &DataType) -> Option<Expr> {
    if factor == 1.0 {
        return Some(value);
    }
    let number = |number: f64| ScalarValue::Float64(Some(number)).cast_to(data_type).ok().map(lit);
    let times = value * number(factor.abs())?;
    // Taken from 0, so that none is 0 and not -0.
    Some(if factor < 0.0 { number(0.0)? - times } else { times })
}

/// An aggregate in terms of others.
struct Rewritten {
    output: Output,
    measures: Vec<Expr>,
}

/// What aggregates are of.
struct Of<'a> {
    schema: &'a DFSchema,
    /// The function that the statement counts with, if it does: an aggregate that it has already isn't asked a second time.
    count: Arc<AggregateUDF>,
}

impl<'a> Of<'a> {
    fn the(aggregate: &'a Aggregate) -> Self {
        let functions = aggregate.aggr_expr.iter().filter_map(|measure| match measure {
            Expr::AggregateFunction(function) => Some(&function.func),
            _ => None,
        });
        let mut counts = functions.filter(|function| function.name() == "count");
        let count = counts.next().cloned().unwrap_or_else(count_udaf);
        Self { schema: aggregate.input.schema(), count }
    }

    /// How many rows there are under this condition.
    fn rows(&self, filter: Option<Expr>) -> Expr {
        let count = Arc::clone(&self.count);
        let filter = filter.map(Box::new);
        let one = vec![lit(1_i64)];
        Expr::AggregateFunction(AggregateFunction::new_udf(count, one, false, filter, vec![], None))
    }

    fn rewritten(&self, measure: &Expr) -> Option<Rewritten> {
        let function = match measure {
            Expr::Alias(alias) => return self.rewritten(&alias.expr),
            Expr::AggregateFunction(function) => function,
            _ => return None,
        };
        let params = &function.params;
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return None;
        }
        let (argument, rest) = params.args.split_first()?;
        if !rest.iter().all(|other| matches!(other, Expr::Literal(..))) {
            return None;
        }
        let name = function.func.name();
        if let ("sum", false, Some(value)) = (name, params.distinct, or_zero(argument)) {
            let measures = vec![with(function, value, rest, params.filter.as_deref().cloned())];
            return Some(Rewritten { output: Output::Itself, measures });
        }
        let cases = match (name, argument) {
            // How some tools count rows.
            ("sum", Expr::Literal(..)) => {
                Cases { branches: Vec::new(), otherwise: Piece::of(argument) }
            }
            (_, argument) => Cases::of(argument, self.schema)?,
        };
        let where_it_is = |is: fn(&Piece) -> bool| under(params.filter.as_deref(), cases.rows(is));
        let of_value = || where_it_is(Piece::is_value);
        let not_null = || where_it_is(Piece::is_not_null);
        if ("count", false) == (name, params.distinct) && cases.pieces().all(Piece::is_written) {
            let measures = vec![self.rows(not_null()?)];
            return Some(Rewritten { output: Output::Itself, measures });
        }
        let value = cases.value()?;
        let has_zero = cases.pieces().any(Piece::is_zero);
        let (output, measures) = match (name, params.distinct, factor(value)) {
            ("sum", false, Some(factor)) if has_zero => {
                (Output::Times(factor), vec![self.rows(of_value()?)])
            }
            ("sum", false, Some(factor)) => {
                (Output::TimesOfSome(factor), vec![self.rows(of_value()?)])
            }
            ("avg", false, Some(factor)) if has_zero => {
                (Output::ShareTimes(factor), vec![self.rows(of_value()?), self.rows(not_null()?)])
            }
            ("sum", false, None) => {
                (Output::Itself, vec![with(function, value, rest, of_value()?)])
            }
            (_, _, None) if !has_zero && !matches!(value, Expr::Literal(..)) => {
                (Output::Itself, vec![with(function, value, rest, of_value()?)])
            }
            (_, _, _) => return None,
        };
        Some(Rewritten { output, measures })
    }
}

/// The aggregate of another value under this condition.
fn with(function: &AggregateFunction, value: &Expr, rest: &[Expr], filter: Option<Expr>) -> Expr {
    let args = std::iter::once(value.clone()).chain(rest.iter().cloned()).collect();
    let params =
        AggregateFunctionParams { args, filter: filter.map(Box::new), ..function.params.clone() };
    Expr::AggregateFunction(AggregateFunction { params, ..function.clone() })
}

/// Which rows.
enum Rows {
    All,
    None,
    Where(Expr),
}

/// The condition of an aggregate of these rows of those that it is of; `None` if there are none, `Some(None)` if it has none.
fn under(filter: Option<&Expr>, rows: Rows) -> Option<Option<Expr>> {
    match (filter.cloned(), rows) {
        (_, Rows::None) => None,
        (filter, Rows::All) => Some(filter),
        (None, Rows::Where(condition)) => Some(Some(condition)),
        (Some(filter), Rows::Where(condition)) => Some(Some(filter.and(condition))),
    }
}

/// What a branch of a `CASE` comes to.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Null,
    Zero,
    Value(Expr),
}

impl Piece {
    fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Literal(value, _) if value.is_null() => Self::Null,
            Expr::Cast(Cast { expr, .. }) if matches!(Self::of(expr), Self::Null) => Self::Null,
            expr if factor(expr) == Some(0.0) => Self::Zero,
            expr => Self::Value(expr.clone()),
        }
    }

    const fn is_value(&self) -> bool {
        match self {
            Self::Value(_) => true,
            Self::Null | Self::Zero => false,
        }
    }

    const fn is_zero(&self) -> bool {
        match self {
            Self::Zero => true,
            Self::Null | Self::Value(_) => false,
        }
    }

    const fn is_not_null(&self) -> bool {
        match self {
            Self::Zero | Self::Value(_) => true,
            Self::Null => false,
        }
    }

    /// Whether it is the same for all rows.
    const fn is_written(&self) -> bool {
        match self {
            Self::Null | Self::Zero => true,
            Self::Value(value) => matches!(value, Expr::Literal(..)),
        }
    }
}

/// The number that is written.
fn factor(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) if value.data_type().is_numeric() => {
            match value.cast_to(&DataType::Float64) {
                // Beyond, a number may not be the one that is written.
                Ok(ScalarValue::Float64(number)) => number.filter(|n| n.abs() < WHOLE_MAX),
                Ok(_) | Err(_) => None,
            }
        }
        Expr::Negative(inner) => factor(inner).map(|number| -number),
        _ => None,
    }
}

/// A `CASE`, or what is one in other words.
#[derive(Debug, PartialEq)]
struct Cases {
    /// Conditions, and what a row comes to for which one is the first that is true.
    branches: Vec<(Expr, Piece)>,
    /// What all other rows come to.
    otherwise: Piece,
}

impl Cases {
    fn of(expr: &Expr, schema: &DFSchema) -> Option<Self> {
        match expr {
            Expr::Case(case) => Some(Self::written(case)),
            Expr::Cast(Cast { expr, field }) => Self::cast(expr, field.data_type(), schema),
            Expr::TryCast(TryCast { expr, field }) => Self::cast(expr, field.data_type(), schema),
            _ => None,
        }
    }

    fn written(case: &Case) -> Self {
        let condition = |when: &Expr| match &case.expr {
            Some(value) => value.as_ref().clone().eq(when.clone()),
            None => when.clone(),
        };
        let branches = case.when_then_expr.iter();
        let branches = branches.map(|(when, then)| (condition(when), Piece::of(then))).collect();
        let otherwise = case.else_expr.as_ref().map_or(Piece::Null, |value| Piece::of(value));
        Self { branches, otherwise }
    }

    /// A truth value as a number, or a `CASE` that comes to nothing but 0 and 1, which are the same in all types of numbers.
    fn cast(expr: &Expr, to: &DataType, schema: &DFSchema) -> Option<Self> {
        let holds_one = match to {
            DataType::Decimal128(digits, places) => *places < digits.cast_signed(),
            to => to.is_integer() || to.is_floating(),
        };
        if !holds_one {
            return None;
        }
        if let Some(cases) = Self::of(expr, schema) {
            return (factor(cases.value()?) == Some(1.0)).then_some(cases);
        }
        if !matches!(expr.get_type(schema), Ok(DataType::Boolean)) {
            return None;
        }
        let mut branches = vec![(expr.clone(), Piece::Value(lit(1_i64)))];
        if expr.nullable(schema).unwrap_or(true) {
            branches.push((expr.clone().is_null(), Piece::Null));
        }
        Some(Self { branches, otherwise: Piece::Zero })
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.branches.iter().map(|(_, piece)| piece).chain([&self.otherwise])
    }

    /// The only value beside 0 and NULL.
    fn value(&self) -> Option<&Expr> {
        let mut values = self.pieces().filter_map(|piece| match piece {
            Piece::Value(value) => Some(value),
            Piece::Null | Piece::Zero => None,
        });
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }

    /// The rows that come to such a piece.
    fn rows(&self, is: fn(&Piece) -> bool) -> Rows {
        let rest = if is(&self.otherwise) { Rows::All } else { Rows::None };
        self.branches.iter().rev().fold(rest, |rest, (condition, piece)| {
            let condition = condition.clone();
            match (is(piece), rest) {
                (true, Rows::All) => Rows::All,
                (true, Rows::None) => Rows::Where(condition),
                (true, Rows::Where(rest)) => Rows::Where(condition.or(rest)),
                (false, Rows::None) => Rows::None,
                (false, Rows::All) => Rows::Where(condition.is_not_true()),
                (false, Rows::Where(rest)) => Rows::Where(condition.is_not_true().and(rest)),
            }
        })
    }
}

/// The column of `coalesce(column, 0)`, to whose total rows without a value add nothing either way.
fn or_zero(expr: &Expr) -> Option<&Expr> {
    let Expr::ScalarFunction(function) = expr else { return None };
    match (function.name(), function.args.as_slice()) {
        ("coalesce", [column @ Expr::Column(Column { .. }), otherwise])
            if factor(otherwise) == Some(0.0) =>
        {
            Some(column)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use futures::TryStreamExt as _;
    use insitu_engine::datasource::{MemTable, provider_as_source};
    use insitu_engine::functions_aggregate::expr_fn::{avg, count, count_distinct, median, sum};
    use insitu_engine::logical_expr::{LogicalPlanBuilder, case, col, when};
    use insitu_engine::{SharedPlan, physical, stream};

    use super::super::Session;
    use super::*;

    /// Three groups, the last without a row for which a condition is true, with NULLs in every column but the first.
    fn rows() -> LogicalPlanBuilder {
        let rows = 0..60_i64;
        let column = |of: &dyn Fn(i64) -> Option<i64>| {
            Arc::new(rows.clone().map(of).collect::<Int64Array>()) as ArrayRef
        };
        let table = RecordBatch::try_from_iter_with_nullable([
            ("g", column(&|row| Some(row % 3)), false),
            (
                "a",
                column(&|row| (row % 5 != 0).then_some(if row % 3 == 2 { 9 } else { row % 4 })),
                true,
            ),
            (
                "b",
                column(&|row| (row % 7 != 0).then_some(if row % 3 == 2 { 9 } else { row % 2 })),
                true,
            ),
            ("x", column(&|row| (row % 4 != 0).then_some(row - 20)), true),
        ]);
        let table = table.unwrap();
        let table = MemTable::try_new(table.schema(), vec![vec![table]]).unwrap();
        LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None).unwrap()
    }

    async fn answered(plan: LogicalPlan) -> Vec<Vec<ScalarValue>> {
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let session = engine.state().session().clone();
        let sorted = LogicalPlanBuilder::from(plan).sort([col("g").sort(true, true)]).unwrap();
        let plan = physical(session.clone(), SharedPlan::new(sorted.build().unwrap())).await;
        let batches: Vec<RecordBatch> =
            stream(&session, plan.unwrap()).unwrap().try_collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
        let columns = batches[0].columns().iter();
        let values = |column: &ArrayRef| {
            (0..3).map(|row| ScalarValue::try_from_array(column, row).unwrap()).collect()
        };
        columns.map(values).collect()
    }

    /// What a branch may come to, and whether it is 0.
    fn pieces() -> [(Expr, bool); 5] {
        let value = |value: Option<i64>| Expr::Literal(ScalarValue::Int64(value), None);
        [
            (value(None), false),
            (value(Some(0)), true),
            (value(Some(1)), false),
            (value(Some(-3)), false),
            (col("x"), false),
        ]
    }

    /// Every `CASE` of two branches, and how each aggregate of it may differ: where there is no row with a value, 0 and NULL are
    /// told from each other only if it has no 0.
    #[tokio::test]
    async fn the_other_spelling_comes_to_the_same() {
        let mut measures = Vec::new();
        let mut may_be_zero = Vec::new();
        let mut add = |measure: Expr, zero: bool| {
            measures.push(measure);
            may_be_zero.push(zero);
        };
        for value in [lit(1_i64), col("x")] {
            let branch = (Box::new(col("a").lt(lit(2_i64))), Box::new(value));
            add(sum(Expr::Case(Case::new(None, vec![branch], Some(Box::new(lit(0.0)))))), true);
        }
        add(sum(lit(1_i64)), false);
        add(sum(lit(2.5)), false);
        for (first, first_is_zero) in pieces() {
            for (second, second_is_zero) in pieces() {
                for (otherwise, otherwise_is_zero) in pieces() {
                    let zero = first_is_zero || second_is_zero || otherwise_is_zero;
                    let case = when(col("a").lt(lit(2_i64)), first.clone())
                        .when(col("b").eq(lit(1_i64)), second.clone())
                        .otherwise(otherwise)
                        .unwrap();
                    add(sum(case.clone()), zero);
                    add(count(case.clone()), false);
                    add(avg(case.clone()), false);
                    add(median(case.clone()), false);
                    add(count_distinct(case), false);
                }
            }
        }
        let truth = || cast(col("a").lt(lit(2_i64)), DataType::Int32);
        add(sum(truth()), true);
        add(avg(truth()), false);
        add(count(truth()), false);
        let is = case(col("b")).when(lit(1_i64), lit(1_i64)).otherwise(lit(0_i64)).unwrap();
        add(sum(cast(is.clone(), DataType::Float64)), true);
        add(avg(is), false);
        let written = rows().aggregate([col("g")], measures).unwrap().build().unwrap();
        let LogicalPlan::Aggregate(aggregate) = &written else { panic!("no aggregation") };
        let rewritten = filtered(aggregate).unwrap().unwrap();
        let LogicalPlan::Projection(projection) = &rewritten else { panic!("no projection") };
        let names = |plan: &LogicalPlan| plan.schema().columns();
        assert_eq!(names(&written), names(&rewritten));
        let itself = |e: &Expr| matches!(e, Expr::Alias(a) if matches!(a.expr.as_ref(), Expr::Column(c) if c.name == a.name));
        let others = projection.expr.iter().filter(|e| !itself(e)).count();
        assert!(100 < others, "{others} of {} are written otherwise", projection.expr.len());
        let exprs = projection.expr.clone();
        let (written, rewritten) = (answered(written).await, answered(rewritten).await);
        let both = written.iter().zip(&rewritten).zip(&exprs);
        let zeros = std::iter::once(&false).chain(&may_be_zero);
        for (((expect, found), of), zero) in both.zip(zeros) {
            for (expect, found) in expect.iter().zip(found) {
                assert_eq!(expect.data_type(), found.data_type(), "{of}");
                let nothing = |value: &ScalarValue| {
                    value.is_null() || *value == ScalarValue::new_zero(&value.data_type()).unwrap()
                };
                let same = expect == found || *zero && nothing(expect) && nothing(found);
                assert!(same, "{of}: {expect:?} and not {found:?}");
            }
        }
    }

    #[test]
    fn what_has_no_case_stays() {
        let plain = rows().aggregate([col("g")], [sum(col("x")), count(lit(1_i64))]).unwrap();
        let LogicalPlan::Aggregate(aggregate) = plain.build().unwrap() else { panic!() };
        assert!(filtered(&aggregate).unwrap().is_none());
    }
}
