//! Operators for plans over few rows, made straight from the plan.
//!
//! The engine's own way, expressions' types, rules for plans, operators and rules for operators, takes longer than such a plan
//! runs. Most plans of Tabulations are chains over one table, of four kinds of steps; each becomes one operator, on one
//! thread. Of the rules only those have a place here that answers need: types are made to agree, functions that exist
//! for the planner alone are replaced, and columns that no step uses aren't read. Every other plan goes the
//! engine's way; both come to the same rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use insitu_engine::catalog::{ScanArgs, TableProvider};
use insitu_engine::common::{DFSchema, Result, TableReference};
use insitu_engine::datasource::source_as_provider;
use insitu_engine::logical_expr::physical_planning_context::PhysicalPlanningContext;
use insitu_engine::logical_expr::simplify::SimplifyContext;
use insitu_engine::logical_expr::{Expr, LogicalPlan};
use insitu_engine::optimizer::simplify_expressions::ExprSimplifier;
use insitu_engine::physical_expr::aggregate::{LoweredAggregate, LoweredAggregateBuilder};
use insitu_engine::physical_expr::{PhysicalExpr, create_physical_expr};
use insitu_engine::physical_plan::ExecutionPlan;
use insitu_engine::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use insitu_engine::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use insitu_engine::physical_plan::filter::FilterExec;
use insitu_engine::physical_plan::projection::ProjectionExec;
use insitu_engine::{OpenSession, SharedPlan, physical};

/// Operators of a plan over few rows.
///
/// # Errors
/// The engine's, which may quote literals of the plan.
pub(super) fn operators(
    session: OpenSession,
    plan: SharedPlan,
) -> BoxFuture<'static, Result<Arc<dyn ExecutionPlan>>> {
    let Some(Chain { scanned, steps }) = Chain::of(plan.get()) else {
        return physical(session, plan);
    };
    let Scanned { table, name, columns } = scanned;
    async move {
        let args = ScanArgs::default().with_projection(Some(&columns));
        let scan = table.scan_with_args(&*session, args).map_ok(|scan| scan.into_inner());
        let scan = scan.await?;
        let qualifiers = vec![Some(name); columns.len()];
        let rows = Rows::of(scan, qualifiers)?;
        let rows = steps.into_iter().rev().try_fold(rows, |rows, step| step.over(rows, &session));
        rows.map(|rows| rows.plan)
    }
    .boxed()
}

/// A plan in which each step has the rows of one other, down to a table's.
struct Chain {
    scanned: Scanned,
    /// The last first.
    steps: Vec<Step>,
}

/// The table's columns that are used.
struct Scanned {
    table: Arc<dyn TableProvider>,
    name: TableReference,
    columns: Vec<usize>,
}

/// What becomes of rows, with the names of the columns it gives.
enum Step {
    Filter(Expr),
    Project(Vec<Named>),
    Aggregate {
        keys: Vec<Named>,
        aggregates: Vec<Named>,
    },
    /// Under another name.
    Alias(TableReference),
}

/// An expression, and the column that it becomes.
struct Named {
    expr: Expr,
    qualifier: Option<TableReference>,
    name: String,
}

impl Chain {
    /// `None` if the plan is of another kind.
    fn of(plan: &LogicalPlan) -> Option<Self> {
        let mut steps = Vec::new();
        let scanned = walk(plan, None, &mut steps)?;
        Some(Self { scanned, steps })
    }
}

/// Down to the table. Columns are used by their names alone: over one table these say which. Without a list, all are.
fn walk(
    plan: &LogicalPlan,
    used: Option<BTreeSet<String>>,
    steps: &mut Vec<Step>,
) -> Option<Scanned> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let kept = |column: &Named| used.as_ref().is_none_or(|u| u.contains(&column.name));
            let columns: Vec<Named> =
                named(&projection.expr, &projection.schema).filter(kept).collect();
            let used = columns_of(columns.iter().map(|column| &column.expr));
            steps.push(Step::Project(columns));
            walk(&projection.input, Some(used), steps)
        }
        LogicalPlan::Filter(filter) => {
            let used = used.map(|mut used| {
                used.append(&mut columns_of([&filter.predicate]));
                used
            });
            steps.push(Step::Filter(filter.predicate.clone()));
            walk(&filter.input, used, steps)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let (keys, aggregates) = (&aggregate.group_expr, &aggregate.aggr_expr);
            if keys.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
                return None;
            }
            let used = columns_of(keys.iter().chain(aggregates));
            let mut columns = named(keys.iter().chain(aggregates), &aggregate.schema);
            let keys: Vec<Named> = columns.by_ref().take(keys.len()).collect();
            steps.push(Step::Aggregate { keys, aggregates: columns.collect() });
            walk(&aggregate.input, Some(used), steps)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            steps.push(Step::Alias(alias.alias.clone()));
            walk(&alias.input, used, steps)
        }
        LogicalPlan::TableScan(scan) => {
            let whole = scan.projection.is_none() && scan.filters.is_empty();
            if !whole || scan.fetch.is_some() {
                return None;
            }
            let table = source_as_provider(&scan.source).ok()?;
            match table.get_logical_plan() {
                // A view is the plan that it stands for.
                Some(view) => {
                    steps.push(Step::Alias(scan.table_name.clone()));
                    walk(&view, used, steps)
                }
                None => Some(Scanned::of(scan.table_name.clone(), Arc::clone(&table), used)),
            }
        }
        _ => None,
    }
}

impl Scanned {
    fn of(
        name: TableReference,
        table: Arc<dyn TableProvider>,
        used: Option<BTreeSet<String>>,
    ) -> Self {
        let schema = table.schema();
        let is_used = |name: &str| used.as_ref().is_none_or(|used| used.contains(name));
        let columns = (0..).zip(schema.fields()).filter(|(_, field)| is_used(field.name()));
        let columns = columns.map(|(index, _)| index).collect();
        Self { table, name, columns }
    }
}

/// Each expression with the column that it becomes in the plan's rows.
fn named<'a>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> impl Iterator<Item = Named> {
    exprs.into_iter().zip(schema.iter()).map(|(expr, (qualifier, field))| Named {
        expr: expr.clone(),
        qualifier: qualifier.cloned(),
        name: field.name().clone(),
    })
}

/// The names of the columns in these expressions.
fn columns_of<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<String> {
    let columns = exprs.into_iter().flat_map(|expr| expr.column_refs());
    columns.map(|column| column.name.clone()).collect()
}

/// Operators so far, and what expressions call the columns of their rows.
struct Rows {
    plan: Arc<dyn ExecutionPlan>,
    schema: DFSchema,
}

impl Rows {
    fn of(
        plan: Arc<dyn ExecutionPlan>,
        qualifiers: impl IntoIterator<Item = Option<TableReference>>,
    ) -> Result<Self> {
        let schema = plan.schema();
        let fields = qualifiers.into_iter().zip(schema.fields().iter().cloned()).collect();
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        Ok(Self { plan, schema })
    }

    /// An expression with types that agree, and no function that is the planner's alone.
    fn settled(&self, expr: Expr, session: &OpenSession) -> Result<Expr> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(self.schema.clone()))
            .with_config_options(Arc::clone(session.config().options()))
            .build();
        let simplifier = ExprSimplifier::new(context);
        simplifier.simplify(simplifier.coerce(expr, &self.schema)?)
    }

    fn physical(&self, expr: Expr, session: &OpenSession) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = self.settled(expr, session)?;
        let planning = PhysicalPlanningContext::default();
        create_physical_expr(&expr, &self.schema, session.execution_props(), &planning)
    }

    /// What the columns become, by name.
    fn columns(
        &self,
        columns: Vec<Named>,
        session: &OpenSession,
    ) -> Result<Vec<(Arc<dyn PhysicalExpr>, String)>> {
        let physical = |column: Named| Ok((self.physical(column.expr, session)?, column.name));
        columns.into_iter().map(physical).collect()
    }
}

impl Step {
    fn over(self, rows: Rows, session: &OpenSession) -> Result<Rows> {
        match self {
            Self::Filter(predicate) => {
                let predicate = rows.physical(predicate, session)?;
                let plan = Arc::new(FilterExec::try_new(predicate, rows.plan)?);
                Ok(Rows { plan, schema: rows.schema })
            }
            Self::Project(columns) => {
                let qualifiers = qualifiers(&columns);
                let columns = rows.columns(columns, session)?;
                Rows::of(Arc::new(ProjectionExec::try_new(columns, rows.plan)?), qualifiers)
            }
            Self::Aggregate { keys, aggregates } => {
                let mut given = qualifiers(&keys);
                given.extend(qualifiers(&aggregates));
                let keys = PhysicalGroupBy::new_single(rows.columns(keys, session)?);
                let lowered = aggregates.into_iter().map(|column| rows.aggregate(column, session));
                let lowered = lowered.collect::<Result<Vec<_>>>()?;
                let (aggregates, filters) =
                    lowered.into_iter().map(|a| (a.aggregate, a.filter)).unzip();
                let plan = match rows.plan.properties().partitioning.partition_count() {
                    1 => rows.plan,
                    _ => Arc::new(CoalescePartitionsExec::new(rows.plan)),
                };
                let (mode, schema) = (AggregateMode::Single, plan.schema());
                let plan = AggregateExec::try_new(mode, keys, aggregates, filters, plan, schema)?;
                Rows::of(Arc::new(plan), given)
            }
            Self::Alias(name) => {
                let columns = rows.schema.fields().len();
                Rows::of(rows.plan, vec![Some(name); columns])
            }
        }
    }
}

impl Rows {
    fn aggregate(&self, column: Named, session: &OpenSession) -> Result<LoweredAggregate> {
        let expr = self.settled(column.expr, session)?;
        let (properties, planning) =
            (session.execution_props(), PhysicalPlanningContext::default());
        let arrow = self.schema.as_arrow();
        LoweredAggregateBuilder::new(&expr, &self.schema, arrow, properties, &planning)
            .with_name(column.name)
            .build()
    }
}

fn qualifiers(columns: &[Named]) -> Vec<Option<TableReference>> {
    columns.iter().map(|column| column.qualifier.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arrow_array::{Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
    use insitu_engine::catalog::view::ViewTable;
    use insitu_engine::common::ScalarValue;
    use insitu_engine::datasource::{MemTable, provider_as_source};
    use insitu_engine::functions::core::expr_fn::{coalesce, nvl};
    use insitu_engine::functions_aggregate::expr_fn::{count, sum};
    use insitu_engine::logical_expr::{LogicalPlanBuilder, cast, col, in_list, lit, when};
    use insitu_engine::physical_plan::displayable;

    use super::super::run::{Engine, Holds, Spread};
    use super::super::unwanted::Wanted;
    use super::*;

    /// A view over a table in two parts, as files of other names and types are one; one column is never used.
    fn dataset() -> LogicalPlanBuilder {
        let part = |from: i64| {
            let rows: Vec<i64> = (from..from + 300).collect();
            let some = |n: &i64| (n % 7 != 0).then_some(*n);
            let name = |n: &i64| (n % 5 != 0).then(|| format!("town {}", n % 11));
            RecordBatch::try_from_iter([
                ("a", Arc::new(rows.iter().map(some).collect::<Int64Array>()) as _),
                ("b", Arc::new(rows.iter().map(name).collect::<StringArray>()) as _),
                ("c", Arc::new(Int32Array::from_iter_values(from as i32..from as i32 + 300)) as _),
                ("unused", Arc::new(Float64Array::from(vec![0.5; 300])) as _),
            ])
            .unwrap()
        };
        let parts = [part(0), part(300)];
        let schema = parts[0].schema();
        let table = MemTable::try_new(schema, parts.into_iter().map(|p| vec![p]).collect());
        let scan = provider_as_source(Arc::new(table.unwrap()));
        let view = LogicalPlanBuilder::scan("source", scan, None)
            .unwrap()
            .project([
                col("a").alias("number"),
                col("b").alias("town"),
                cast(col("c"), arrow_schema::DataType::Int64).alias("c"),
                col("unused"),
            ])
            .unwrap();
        let view = ViewTable::new(view.build().unwrap(), None);
        LogicalPlanBuilder::scan("dataset", provider_as_source(Arc::new(view)), None).unwrap()
    }

    fn none() -> Vec<Expr> {
        Vec::new()
    }

    /// Plans as Tabulations have them, and the traps: types that don't agree, functions for the planner alone, conditions
    /// that are always or never true, no column at all, one aggregate over another.
    fn plans() -> Vec<LogicalPlanBuilder> {
        let text = |value: &str| lit(value.to_owned());
        let is_small =
            when(col("number").lt(lit(100_i64)), lit(1_i64)).otherwise(lit(0_i64)).unwrap();
        vec![
            dataset(),
            dataset().filter(col("number").gt(lit(5.5))).unwrap(),
            dataset().filter(lit(false)).unwrap(),
            dataset().filter(lit(ScalarValue::Boolean(None))).unwrap(),
            dataset().aggregate(none(), [count(lit(1_i64)).alias("n")]).unwrap(),
            dataset()
                .filter(lit(false))
                .unwrap()
                .aggregate(none(), [count(col("number")), sum(col("number"))])
                .unwrap(),
            dataset()
                .filter(lit(false))
                .unwrap()
                .aggregate([col("town")], [count(col("number"))])
                .unwrap(),
            dataset()
                .filter(in_list(col("town"), vec![text("town 1"), text("town 2")], false))
                .unwrap()
                .project([
                    coalesce(vec![col("town"), text("none")]).alias("k0"),
                    nvl(col("number"), lit(0_i64)).alias("s0"),
                    is_small.clone().alias("c0"),
                ])
                .unwrap()
                .aggregate(
                    [col("k0")],
                    [sum(col("s0")).alias("sum0"), sum(col("c0")).alias("count0")],
                )
                .unwrap()
                .project([
                    col("k0"),
                    when(col("sum0").is_null(), lit(0_i64))
                        .otherwise(col("sum0"))
                        .unwrap()
                        .alias("p0_sum"),
                    cast(col("count0"), arrow_schema::DataType::Decimal128(38, 0))
                        .alias("p0_count"),
                ])
                .unwrap(),
            dataset()
                .filter(Expr::IsNotTrue(Box::new(col("town").eq(text("town 3")))))
                .unwrap()
                .filter(col("dataset.c").lt(lit(500.25)))
                .unwrap()
                .aggregate(
                    [col("dataset.town"), col("number") % lit(3_i64)],
                    [count(col("dataset.c"))],
                )
                .unwrap(),
            // People by how many rows they have.
            dataset()
                .aggregate([col("town")], [count(lit(1_i64)).alias("rows")])
                .unwrap()
                .filter(col("rows").gt(lit(40_i64)))
                .unwrap()
                .aggregate([col("rows")], [count(col("town")).alias("n")])
                .unwrap(),
            // Not a chain, and chains with a step of another kind: the engine's way.
            dataset()
                .alias("one")
                .unwrap()
                .cross_join(
                    dataset().limit(0, Some(1)).unwrap().alias("two").unwrap().build().unwrap(),
                )
                .unwrap()
                .project([col("one.number")])
                .unwrap(),
            dataset().sort([col("c").sort(true, false)]).unwrap().limit(3, Some(4)).unwrap(),
        ]
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn few_rows_are_the_rows_that_the_engine_comes_to() {
        let engine = Engine::for_tests(64 << 20);
        for (number, plan) in plans().into_iter().enumerate() {
            let plan = plan.build().unwrap();
            let mut both = Vec::new();
            for spread in [Spread::OneThread, Spread::AllThreads] {
                let ran = engine.run(
                    plan.clone(),
                    spread,
                    Holds::Reservations,
                    Wanted::default(),
                    9_999,
                    Duration::from_secs(60),
                );
                let batches = ran.await.unwrap_or_else(|error| panic!("{number}: {error:?}"));
                let rows = arrow_cast::pretty::pretty_format_batches(&batches).unwrap().to_string();
                let types = batches.first().map(|batch| {
                    batch
                        .schema()
                        .fields()
                        .iter()
                        .map(|f| (f.name().clone(), f.data_type().clone()))
                        .collect::<Vec<_>>()
                });
                let mut rows: Vec<String> = rows.lines().map(str::to_owned).collect();
                rows.sort_unstable();
                both.push((types, rows));
            }
            assert_eq!(both[0], both[1], "{number}: {}", plan.display_indent());
        }
    }

    /// Only columns that some step uses are read, and no rule of the engine's adds a step.
    #[tokio::test]
    async fn what_no_step_uses_is_not_read() {
        let engine = Engine::for_tests(64 << 20);
        let session = engine.session(Spread::OneThread, &Holds::Reservations);
        let plan = dataset().aggregate([col("town")], [sum(col("c")).alias("total")]).unwrap();
        let plan = operators(session, SharedPlan::new(plan.build().unwrap())).await.unwrap();
        let shown = displayable(plan.as_ref()).indent(false).to_string();
        let steps: Vec<&str> =
            shown.lines().filter_map(|line| line.trim().split(':').next()).collect();
        assert_eq!(
            steps,
            ["AggregateExec", "CoalescePartitionsExec", "ProjectionExec", "DataSourceExec"],
            "{shown}"
        );
        let mut scan = Arc::clone(&plan);
        while let Some(child) = plan_child(&scan) {
            scan = child;
        }
        assert_eq!(scan.schema().fields().len(), 2, "{shown}");
    }

    fn plan_child(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        plan.children().first().map(|child| Arc::clone(child))
    }
}
