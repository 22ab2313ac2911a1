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
//! | `sum(CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 0 END)` | `count(*) FILTER (WHERE a)`, and twice `count(*) FILTER (WHERE a IS NOT TRUE AND b)` |
//! | `percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN c THEN x END)` | the same of `x` under `FILTER` |
//! | `sum(coalesce(x, 0))`, `sum(coalesce(CASE WHEN c THEN x END, 0))` | `sum(x)`, `sum(x) FILTER (WHERE c)` |
//! | `sum(1)` | `count(*)`, and NULL in the place of 0 |
//! | `sum(CASE WHEN a THEN x WHEN b THEN 2 END)`, `avg(CASE WHEN c THEN x ELSE 0 END)` | totals and counts (`mixed`) |
//!
//! So both spellings are one question, with one noise. They differ where there are no rows: a count of none is 0, and a total
//! of none has no value. What isn't in the table stays as it is, and is refused with the reason.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::DataType;
use insitu_engine::common::{DFSchema, DFSchemaRef, Result, ScalarValue};
use insitu_engine::config::ConfigOptions;
use insitu_engine::functions::core::expr_fn::nullif;
use insitu_engine::functions_aggregate::count::count_udaf;
use insitu_engine::functions_aggregate::sum::sum_udaf;
use insitu_engine::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Alias};
use insitu_engine::logical_expr::{
    Aggregate, AggregateUDF, Expr, LogicalPlan, Projection, SortExpr, cast, lit, when,
};
use insitu_engine::optimizer::AnalyzerRule as _;
use insitu_engine::optimizer::analyzer::type_coercion::TypeCoercion;

use super::cases::{Cases, Piece, Rows, factor, or_zero};
use super::mixed::{Mixed, Of as MixedOf};

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
    let asked = named_apart(asked);
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

/// The measures under a name each: a cast isn't told by its own.
fn named_apart(measures: Vec<Expr>) -> Vec<Expr> {
    let mut names = HashSet::new();
    let named = measures.into_iter().enumerate().map(|(place, measure)| {
        let name = measure.schema_name().to_string();
        let apart = format!("{name} {place}");
        if names.insert(name) { measure } else { measure.alias(apart) }
    });
    named.collect()
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
    /// The counts, each this many times, added up.
    Times(Vec<f64>),
    /// The same, and nothing of none.
    TimesOfSome(Vec<f64>),
    /// The same by the last count.
    ShareTimes(Vec<f64>),
    /// Of columns and numbers.
    Mixed(Mixed),
    /// NULL.
    Nothing,
}

impl Output {
    /// The column of a type that is made of measures, of which the first has another, perhaps.
    fn of(&self, measures: Vec<Expr>, its: &DataType, wanted: &DataType) -> Option<Expr> {
        let first = measures.first()?.clone();
        match self {
            // `sum(CASE WHEN c THEN x ELSE 0.0 END)` is floating point, where `sum(x)` may be whole.
            Self::Itself if wanted.is_floating() => Some(of_type(first, its, wanted)),
            Self::Itself => Some(first),
            Self::Times(factors) => {
                added_up(&measures, factors, wanted, |count| of_type(count, its, wanted))
            }
            Self::TimesOfSome(factors) if factors.len() == 1 => {
                let some = |count| of_type(nullif(count, lit(0_i64)), its, wanted);
                added_up(&measures, factors, wanted, some)
            }
            Self::TimesOfSome(factors) => {
                let total =
                    added_up(&measures, factors, wanted, |count| of_type(count, its, wanted))?;
                let rows = measures.into_iter().reduce(|all, count| all + count)?;
                when(rows.not_eq(lit(0_i64)), total).end().ok()
            }
            Self::ShareTimes(factors) => {
                let (all, counts) = measures.split_last()?;
                let all = cast(nullif(all.clone(), lit(0_i64)), DataType::Float64);
                let floating = |count| cast(count, DataType::Float64);
                let total = added_up(counts, factors, &DataType::Float64, floating)?;
                Some(of_type(total / all, &DataType::Float64, wanted))
            }
            Self::Mixed(mixed) => mixed.value(&measures, wanted),
            Self::Nothing => Some(lit(ScalarValue::try_from(wanted).ok()?)),
        }
    }
}

/// Counts, each so many times, in one type.
pub(super) fn added_up(
    counts: &[Expr],
    factors: &[f64],
    data_type: &DataType,
    of: impl Fn(Expr) -> Expr,
) -> Option<Expr> {
    let mut total = None;
    for (count, factor) in counts.iter().zip(factors) {
        let count = of(count.clone());
        total = Some(match total {
            None => times(count, *factor, data_type)?,
            Some(total) if *factor < 0.0 => total - times(count, -factor, data_type)?,
            Some(total) => total + times(count, *factor, data_type)?,
        });
    }
    // Decimals grow where they are calculated with.
    let is_plain = matches!(factors, [factor] if *factor == 1.0);
    let grows = !is_plain && matches!(data_type, DataType::Decimal128(..));
    total.map(|total| if grows { cast(total, data_type.clone()) } else { total })
}

pub(super) fn of_type(value: Expr, its: &DataType, wanted: &DataType) -> Expr {
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
    /// The functions that the statement counts and adds up with, if it does: an aggregate that it has already isn't asked a
    /// second time.
    count: Arc<AggregateUDF>,
    sum: Arc<AggregateUDF>,
}

impl<'a> Of<'a> {
    fn the(aggregate: &'a Aggregate) -> Self {
        let functions = aggregate.aggr_expr.iter().filter_map(|measure| match measure {
            Expr::AggregateFunction(function) => Some(&function.func),
            _ => None,
        });
        let named = |name| functions.clone().find(|function| function.name() == name).cloned();
        let count = named("count").unwrap_or_else(count_udaf);
        let sum = named("sum").unwrap_or_else(sum_udaf);
        Self { schema: aggregate.input.schema(), count, sum }
    }

    /// How many rows there are under this condition.
    fn rows(&self, filter: Option<Expr>) -> Expr {
        of_rows(&self.count, lit(1_i64), filter)
    }

    fn rewritten(&self, measure: &Expr) -> Option<Rewritten> {
        let function = match measure {
            Expr::Alias(alias) => return self.rewritten(&alias.expr),
            Expr::AggregateFunction(function) => function,
            _ => return None,
        };
        let params = &function.params;
        let (argument, rest) = params.args.split_first()?;
        let is_of_argument = |order: &SortExpr| order.expr == *argument;
        if params.null_treatment.is_some() || !params.order_by.iter().all(is_of_argument) {
            return None;
        }
        if !rest.iter().all(|other| matches!(other, Expr::Literal(..))) {
            return None;
        }
        let name = function.func.name();
        let is_total = ("sum", false) == (name, params.distinct);
        let (argument, has_zero_for_null) = match or_zero(argument) {
            Some(of) if is_total => (of, true),
            Some(_) | None => (argument, false),
        };
        let itself = |value: &Expr, filter| {
            let measures = vec![with(function, value, rest, filter)];
            Some(Rewritten { output: Output::Itself, measures })
        };
        let cases = match (name, argument) {
            // How some tools count rows.
            ("sum", Expr::Literal(..)) => Cases::always(argument),
            (_, Expr::Column(_)) if has_zero_for_null => {
                return itself(argument, params.filter.as_deref().cloned());
            }
            (_, argument) => Cases::of(argument, self.schema)?,
        };
        let under = |rows| under(params.filter.as_deref(), rows);
        let not_null = || under(cases.rows(&Piece::is_not_null, self.schema));
        if ("count", false) == (name, params.distinct) && cases.pieces().all(Piece::is_written) {
            let measures = vec![self.rows(not_null()?)];
            return Some(Rewritten { output: Output::Itself, measures });
        }
        let has_zero = has_zero_for_null || cases.pieces().any(Piece::is_zero);
        let values = cases.values();
        let factors: Option<Vec<f64>> = values.iter().map(|value| factor(value)).collect();
        let counts = || {
            let counts = values
                .iter()
                .map(|value| Some(self.rows(under(cases.rows_of(value, self.schema))?)));
            counts.collect::<Option<Vec<Expr>>>()
        };
        let (output, measures) = match (name, params.distinct, factors, values.as_slice()) {
            // A placeholder without a value has left its place, perhaps.
            ("sum", false, Some(_), []) if has_zero => (
                Output::Times(vec![0.0]),
                vec![self.rows(not_null().or_else(|| under(Rows::All))?)],
            ),
            ("sum", false, Some(_), []) => (Output::Nothing, vec![self.rows(under(Rows::All)?)]),
            ("avg", false, Some(_), []) if has_zero => {
                let rows = self.rows(not_null()?);
                (Output::ShareTimes(vec![0.0]), vec![rows.clone(), rows])
            }
            ("sum", false, Some(factors), _) if has_zero => (Output::Times(factors), counts()?),
            ("sum", false, Some(factors), _) => (Output::TimesOfSome(factors), counts()?),
            ("avg", false, Some(factors), values) if has_zero || 1 < values.len() => {
                let measures = counts()?.into_iter().chain([self.rows(not_null()?)]).collect();
                (Output::ShareTimes(factors), measures)
            }
            ("sum", false, None, [value]) if !matches!(value, Expr::Negative(_)) => {
                return itself(value, under(cases.rows_of(value, self.schema))?);
            }
            (_, _, None, [value]) if !has_zero && !matches!(value, Expr::Literal(..)) => {
                return itself(value, under(cases.rows_of(value, self.schema))?);
            }
            (name, false, None, _) if rest.is_empty() => {
                return self.mixed(function, &cases, MixedOf::the(name, has_zero)?);
            }
            (_, _, _, _) => return None,
        };
        Some(Rewritten { output, measures })
    }

    /// An aggregate of columns and numbers.
    fn mixed(&self, function: &AggregateFunction, cases: &Cases, of: MixedOf) -> Option<Rewritten> {
        let filter = function.params.filter.as_deref();
        let (numbers, columns): (Vec<&Expr>, Vec<&Expr>) =
            cases.values().into_iter().partition(|value| factor(value).is_some());
        let (mut measures, mut signs) = (Vec::new(), Vec::new());
        for column in columns {
            let (value, sign) = match column {
                Expr::Literal(..) => return None,
                Expr::Negative(value) => (value.as_ref(), -1.0),
                value => (value, 1.0),
            };
            let rows = under(filter, cases.rows_of(column, self.schema))?;
            measures.push(of_rows(&self.sum, value.clone(), rows.clone()));
            measures.push(of_rows(&self.count, value.clone(), rows));
            signs.push(sign);
        }
        for value in &numbers {
            let rows = under(filter, cases.rows_of(value, self.schema))?;
            measures.push(self.rows(rows));
        }
        let is_number = |piece: &Piece| match piece {
            Piece::Zero => true,
            Piece::Null => false,
            Piece::Value(value) => factor(value).is_some(),
        };
        if let Some(rows) = under(filter, cases.rows(&is_number, self.schema)) {
            measures.push(self.rows(rows));
        }
        let factors = numbers.into_iter().filter_map(factor).collect();
        Some(Rewritten { output: Output::Mixed(Mixed { of, signs, factors }), measures })
    }
}

/// An aggregate of a value of the rows under this condition.
fn of_rows(function: &Arc<AggregateUDF>, value: Expr, filter: Option<Expr>) -> Expr {
    let (function, filter) = (Arc::clone(function), filter.map(Box::new));
    let value = vec![value];
    let aggregate = AggregateFunction::new_udf(function, value, false, filter, vec![], None);
    Expr::AggregateFunction(aggregate)
}

/// The aggregate of another value under this condition.
fn with(function: &AggregateFunction, value: &Expr, rest: &[Expr], filter: Option<Expr>) -> Expr {
    let args = std::iter::once(value.clone()).chain(rest.iter().cloned()).collect();
    let order_by = function.params.order_by.iter();
    let order_by =
        order_by.map(|order| SortExpr { expr: value.clone(), ..order.clone() }).collect();
    let filter = filter.map(Box::new);
    let params = AggregateFunctionParams { args, filter, order_by, ..function.params.clone() };
    Expr::AggregateFunction(AggregateFunction { params, ..function.clone() })
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

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use futures::TryStreamExt as _;
    use insitu_engine::datasource::{MemTable, provider_as_source};
    use insitu_engine::functions::core::expr_fn::coalesce;
    use insitu_engine::functions_aggregate::expr_fn::{avg, count, count_distinct, median, sum};
    use insitu_engine::logical_expr::{Case, LogicalPlanBuilder, case, col};
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
    fn pieces() -> [(Expr, bool); 6] {
        let value = |value: Option<i64>| Expr::Literal(ScalarValue::Int64(value), None);
        [
            (value(None), false),
            (value(Some(0)), true),
            (value(Some(1)), false),
            (value(Some(-3)), false),
            (value(Some(2)) + value(Some(3)), false),
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
            // A cast isn't told by its name.
            measures.push(measure.alias(format!("m{}", measures.len())));
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
                    add(count_distinct(case.clone()), false);
                    add(sum(coalesce(vec![case.clone(), lit(0_i64)])), true);
                    add(sum(cast(case.clone(), DataType::Float64)), zero);
                    add(sum(cast(case, DataType::Decimal128(12, 1))), zero);
                }
            }
        }
        // One column, in branches of which some can't both be true.
        let of_a = |first: Expr, second: Expr| {
            let cases = when(first, lit(7_i64)).when(second, lit(2_i64));
            cases.end().unwrap()
        };
        for first in [col("a").lt(lit(2_i64)), col("a").eq(lit(1_i64)), col("a").not_eq(lit(3_i64))]
        {
            for second in [
                col("a").lt(lit(3_i64)),
                col("a").eq(lit(1_i64)),
                col("a").eq(lit(2_i64)),
                col("a").gt_eq(lit(2_i64)).and(col("b").eq(lit(1_i64))),
                col("a").is_null(),
                col("a").eq(lit(2_i64)).or(col("a").eq(lit(1_i64))),
            ] {
                add(sum(of_a(first.clone(), second.clone())), false);
                add(avg(of_a(first.clone(), second)), false);
            }
        }
        for other in [col("b"), -col("b"), -col("x"), lit(2_i64), lit(0_i64)] {
            let zero = other == lit(0_i64);
            let mut first = when(col("a").lt(lit(2_i64)), -col("x"));
            let case = first.when(col("b").eq(lit(1_i64)), other).end().unwrap();
            add(sum(case.clone()), zero);
            add(avg(case.clone()), false);
            add(count(case), false);
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
        assert!(1_300 < others, "{others} of {} are written otherwise", projection.expr.len());
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
