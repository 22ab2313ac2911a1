//! Operators for an upper plan over few rows, made straight from it.
//!
//! The engine's own way, a planner for all there is and rules for operators, takes longer than such a plan runs. Most upper
//! plans are chains over one released table, of five kinds of steps; each becomes one operator. The plan was optimised when the
//! statement was checked, so that its expressions are taken as they are. Every other plan goes the engine's way; both come
//! to the same rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use insitu_engine::OpenSession;
use insitu_engine::common::tree_node::TreeNode as _;
use insitu_engine::common::{DFSchema, Result};
use insitu_engine::datasource::MemorySourceConfig;
use insitu_engine::logical_expr::logical_plan::{FetchType, SkipType};
use insitu_engine::logical_expr::physical_planning_context::PhysicalPlanningContext;
use insitu_engine::logical_expr::{Expr, Filter, Limit, LogicalPlan, Projection, Sort, TableScan};
use insitu_engine::physical_expr::{
    LexOrdering, PhysicalExpr, create_physical_expr, create_physical_sort_exprs,
};
use insitu_engine::physical_plan::ExecutionPlan;
use insitu_engine::physical_plan::filter::FilterExecBuilder;
use insitu_engine::physical_plan::limit::GlobalLimitExec;
use insitu_engine::physical_plan::projection::ProjectionExec;
use insitu_engine::physical_plan::sorts::sort::SortExec;

use super::leaf::PendingTable;

/// The most rows: work on more has to make room for others now and then, which the engine's operators see to.
const FEW_ROWS: usize = 8_192;

/// Tables that came, by the number of their leaf.
pub(super) type Tables = HashMap<usize, (SchemaRef, Vec<RecordBatch>)>;

/// Operators of an optimised plan over these tables; `None` of one that is of another kind, or over many rows.
///
/// # Errors
/// The engine's.
pub(super) fn operators(
    optimised: &LogicalPlan,
    tables: &Tables,
    session: &OpenSession,
) -> Option<Result<Arc<dyn ExecutionPlan>>> {
    Chain { tables, session }.operators(optimised)
}

/// Whether each step has the rows of one other, down to a table: the plan may have other rules than the engine has for all.
pub(super) fn is_chain(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => {
            are_plain(&projection.expr) && is_chain(&projection.input)
        }
        LogicalPlan::Filter(filter) => are_plain([&filter.predicate]) && is_chain(&filter.input),
        LogicalPlan::Sort(sort) => {
            are_plain(sort.expr.iter().map(|sort| &sort.expr)) && is_chain(&sort.input)
        }
        LogicalPlan::Limit(limit) => is_chain(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => is_chain(&alias.input),
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => false,
    }
}

/// What the engine's rules for nested types call columns that they make.
const OF_NESTED: &str = "__datafusion_extracted";

/// Whether the expressions are about one row, and about nothing else.
fn are_plain<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> bool {
    let is_of_other_plans = |expr: &Expr| {
        let is_other = match expr {
            Expr::Alias(alias) => alias.name.starts_with(OF_NESTED),
            Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::Unnest(_) => true,
            _ => false,
        };
        Ok(is_other)
    };
    exprs.into_iter().all(|expr| matches!(expr.exists(is_of_other_plans), Ok(false)))
}

/// How many rows are left out, and how many come after these at most, where both are written.
fn rows_of(limit: &Limit) -> Option<(usize, Option<usize>)> {
    match (limit.get_skip_type(), limit.get_fetch_type()) {
        (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) => Some((skip, fetch)),
        (Ok(SkipType::Literal(_) | SkipType::UnsupportedExpr) | Err(_), _) => None,
    }
}

/// What the steps of a chain become operators with.
struct Chain<'a> {
    tables: &'a Tables,
    session: &'a OpenSession,
}

impl Chain<'_> {
    /// `None` where a step doesn't have the rows of one other.
    fn operators(&self, plan: &LogicalPlan) -> Option<Result<Arc<dyn ExecutionPlan>>> {
        match plan {
            LogicalPlan::Projection(projection) if are_plain(&projection.expr) => {
                let input = self.operators(&projection.input)?;
                Some(input.and_then(|input| self.projection(projection, input)))
            }
            LogicalPlan::Filter(filter) if are_plain([&filter.predicate]) => {
                let input = self.operators(&filter.input)?;
                Some(input.and_then(|input| self.filter(filter, input)))
            }
            LogicalPlan::Sort(sort) if are_plain(sort.expr.iter().map(|sort| &sort.expr)) => {
                let input = self.operators(&sort.input)?;
                Some(input.and_then(|input| self.sort(sort, input)))
            }
            LogicalPlan::Limit(limit) => {
                let (skip, fetch) = rows_of(limit)?;
                let input = self.operators(&limit.input)?;
                Some(input.map(|input| Arc::new(GlobalLimitExec::new(input, skip, fetch)) as _))
            }
            LogicalPlan::SubqueryAlias(alias) => self.operators(&alias.input),
            LogicalPlan::TableScan(scan) => {
                let (schema, batches) = self.tables.get(&PendingTable::index_of(scan)?)?;
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                (rows <= FEW_ROWS).then(|| table(scan, schema, batches))
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Extension(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Unnest(_)
            | LogicalPlan::RecursiveQuery(_) => None,
        }
    }

    fn projection(
        &self,
        projection: &Projection,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.expr.iter().zip(projection.schema.fields());
        let columns = columns.map(|(expr, field)| {
            let expr = self.physical(expr, projection.input.schema())?;
            Ok((expr, field.name().clone()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, input)?))
    }

    fn filter(
        &self,
        filter: &Filter,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = self.physical(&filter.predicate, filter.input.schema())?;
        let rows = self.session.config().batch_size();
        let filter = FilterExecBuilder::new(predicate, input).with_batch_size(rows);
        Ok(Arc::new(filter.build()?))
    }

    fn sort(&self, sort: &Sort, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let (properties, planning) =
            (self.session.execution_props(), PhysicalPlanningContext::default());
        let by =
            create_physical_sort_exprs(&sort.expr, sort.input.schema(), properties, &planning)?;
        let Some(by) = LexOrdering::new(by) else { return Ok(input) };
        Ok(Arc::new(SortExec::new(by, input).with_fetch(sort.fetch)))
    }

    fn physical(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let (properties, planning) =
            (self.session.execution_props(), PhysicalPlanningContext::default());
        create_physical_expr(expr, schema, properties, &planning)
    }
}

/// The table that came, with the columns that the scan needs.
fn table(
    scan: &TableScan,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Arc<dyn ExecutionPlan>> {
    let columns = scan.projected_schema.fields().iter();
    let columns: Vec<usize> = columns
        .map(|field| schema.index_of(field.name()))
        .collect::<std::result::Result<_, _>>()?;
    let partitions = [batches.to_vec()];
    Ok(MemorySourceConfig::try_new_exec(&partitions, Arc::clone(schema), Some(columns))?)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};
    use futures::TryStreamExt as _;
    use insitu_engine::functions::core::expr_fn::coalesce;
    use insitu_engine::functions_aggregate::expr_fn::sum;
    use insitu_engine::logical_expr::{
        LogicalPlanBuilder, cast, col, in_list, lit, scalar_subquery, when,
    };
    use insitu_engine::physical_plan::displayable;
    use insitu_engine::{physical_of_optimised, stream};

    use super::super::session::Session;
    use super::super::upper::{optimise, with_tables};
    use super::*;

    fn batch(numbers: &[Option<i64>]) -> RecordBatch {
        let text = |n: &Option<i64>| n.map(|n| format!("town {}", n % 3));
        RecordBatch::try_from_iter_with_nullable([
            ("k0", Arc::new(numbers.iter().map(text).collect::<StringArray>()) as _, true),
            ("m0", Arc::new(numbers.iter().copied().collect::<Int64Array>()) as _, true),
            ("m0_status", Arc::new(StringArray::from(vec![""; numbers.len()])) as _, false),
        ])
        .unwrap()
    }

    fn tables() -> Tables {
        let few = vec![batch(&[Some(5), None, Some(3)]), batch(&[Some(8), Some(1), None, Some(4)])];
        let many = vec![batch(&vec![Some(1); FEW_ROWS + 1])];
        let table = |batches: Vec<RecordBatch>| (batches[0].schema(), batches);
        [(0, table(few)), (1, (batch(&[]).schema(), Vec::new())), (2, table(many))].into()
    }

    fn scan(index: usize) -> LogicalPlanBuilder {
        let schema = batch(&[]).schema();
        PendingTable::scan(index, schema, None).map(LogicalPlanBuilder::from).unwrap()
    }

    /// Chains, with the traps: no column at all, a column twice, names that are qualified anew, conditions that are never
    /// met, an order by what isn't shown, rows from the middle.
    fn chains() -> Vec<LogicalPlanBuilder> {
        let large = when(col("m0").gt(lit(3_i64)), lit("large")).otherwise(lit("small")).unwrap();
        vec![
            scan(0),
            scan(1),
            scan(0).project([col("m0").alias("count(*)"), col("m0_status")]).unwrap(),
            scan(0).project([lit(1_i64).alias("one")]).unwrap(),
            scan(0).project([col("m0"), col("m0").alias("again")]).unwrap(),
            scan(0)
                .alias("t")
                .unwrap()
                .project([
                    col("t.k0"),
                    (col("t.m0") * lit(2_i64)).alias("twice"),
                    large.alias("size"),
                ])
                .unwrap()
                .alias("u")
                .unwrap()
                .filter(col("u.twice").gt(lit(6.5)))
                .unwrap()
                .project([col("u.size"), coalesce(vec![col("u.k0"), lit("nowhere")])])
                .unwrap(),
            scan(0).filter(in_list(col("k0"), vec![lit("town 0"), lit("town 2")], true)).unwrap(),
            scan(0).filter(col("m0").gt(lit(100_i64))).unwrap(),
            scan(0)
                .sort([col("m0").sort(false, true)])
                .unwrap()
                .project([cast(col("m0"), arrow_schema::DataType::Utf8).alias("text"), col("k0")])
                .unwrap(),
            scan(0)
                .sort([col("k0").sort(true, false), col("m0").sort(false, false)])
                .unwrap()
                .limit(2, Some(3))
                .unwrap(),
            scan(0).limit(5, None).unwrap(),
            scan(0).project([col("k0")]).unwrap().limit(0, Some(2)).unwrap(),
        ]
    }

    async fn rows(session: &OpenSession, plan: Arc<dyn ExecutionPlan>) -> Vec<RecordBatch> {
        stream(session, plan).unwrap().try_collect().await.unwrap()
    }

    #[test]
    fn the_rules_for_chains_come_to_the_plan_that_all_rules_come_to() {
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let state = engine.state();
        for plan in chains() {
            let plan = plan.build().unwrap();
            assert!(is_chain(&plan), "{}", plan.display_indent());
            let [few, all] = [state.for_chains(), state.session()]
                .map(|session| session.optimize(&plan).unwrap());
            assert_eq!(few.display_indent().to_string(), all.display_indent().to_string());
            assert_eq!(few.schema(), all.schema());
        }
    }

    #[tokio::test]
    async fn few_rows_are_the_rows_that_the_engine_comes_to() {
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let (session, tables) = (engine.state().session(), tables());
        for plan in chains() {
            let optimised = optimise(&plan.build().unwrap(), engine.state()).unwrap();
            let shown = optimised.get().display_indent().to_string();
            let at_once = operators(optimised.get(), &tables, session).expect(&shown).unwrap();
            let filled = with_tables(optimised.get(), &tables).unwrap();
            let planned = physical_of_optimised(session.clone(), filled).await.unwrap();
            let types = |plan: &Arc<dyn ExecutionPlan>| {
                let types =
                    |f: &Arc<arrow_schema::Field>| (f.name().clone(), f.data_type().clone());
                plan.schema().fields().iter().map(types).collect::<Vec<_>>()
            };
            assert_eq!(types(&at_once), types(&planned), "{shown}");
            let mut both = Vec::new();
            for plan in [at_once, planned] {
                let batches = rows(session, plan).await;
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                let table = arrow_cast::pretty::pretty_format_batches(&batches).unwrap();
                both.push((rows, (0 < rows).then(|| table.to_string())));
            }
            assert_eq!(both[0], both[1], "{shown}");
        }
    }

    /// Plans of other kinds, and many rows, are the engine's.
    #[tokio::test]
    async fn everything_else_is_left_to_the_engine() {
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let one = scan(1).aggregate(Vec::<Expr>::new(), [sum(col("m0"))]).unwrap();
        let others = [
            scan(2),
            scan(3),
            scan(0).aggregate([col("k0")], [sum(col("m0"))]).unwrap(),
            scan(0).alias("a").unwrap().cross_join(scan(1).build().unwrap()).unwrap(),
            scan(0).distinct().unwrap(),
            scan(0)
                .project([scalar_subquery(Arc::new(one.build().unwrap())).alias("other")])
                .unwrap(),
        ];
        for plan in others {
            let optimised = optimise(&plan.build().unwrap(), engine.state()).unwrap();
            let at_once = operators(optimised.get(), &tables(), engine.state().session());
            let shown = at_once.map(|plan| {
                plan.map(|plan| displayable(plan.as_ref()).indent(false).to_string()).unwrap()
            });
            assert_eq!(shown, None, "{}", optimised.get().display_indent());
        }
    }
}
