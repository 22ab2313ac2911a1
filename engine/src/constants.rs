//! What operators may not know of their rows: that a column is the same in all of them, or the same as another.
//!
//! DataFusion notes where a condition or a literal makes a column constant, leaves such columns out of orders, and brings
//! groups to an end where an order says so. In 55.2 it keeps the note where it no longer holds:
//!
//! | | what came |
//! |---|---|
//! | `a LEFT JOIN b ON ... AND b.x = 'West' GROUP BY b.x`: NULL where there is no row of `b` | a group for each stretch of equal values |
//! | `SELECT 'b', k ... UNION ALL SELECT 'a', k ... ORDER BY 1, 2 LIMIT 3` | rows of `'b'` while there are more of `'a'` |
//! | `WHERE t = 'A' GROUP BY ROLLUP (t) ORDER BY t LIMIT 1`: NULL in the total | the total |
//!
//! So before any rule for operators looks, conditions and literals are put within an expression of which the engine knows
//! nothing ([`hide_constants`]). What is lost is a sort or two of rows that are in order already. Where conditions go down
//! to files, and there is no order but that of the rows, operators above joins know nothing instead
//! ([`forget_above_joins`]).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion_common::arrow::array::RecordBatch;
use datafusion_common::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{
    Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion,
};
use datafusion_common::{Result, Statistics};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion_physical_optimizer::PhysicalOptimizerRule;
use datafusion_physical_plan::execution_plan::CardinalityEffect;
use datafusion_physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion_physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion_physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion_physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// A rule by which no operator knows of constants. It has to come before all others.
#[must_use]
pub fn hide_constants() -> Rule {
    Arc::new(HideConstants)
}

/// A rule by which operators above a join know nothing of its rows. It has to come before all others; plans have no sort above
/// a join whose order somebody sees.
#[must_use]
pub fn forget_above_joins() -> Rule {
    Arc::new(ForgetAboveJoins)
}

#[derive(Debug)]
struct HideConstants;

impl PhysicalOptimizerRule for HideConstants {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // From below: what is above is made anew, over inputs of which nothing is known.
        plan.transform_up(|node| match hidden(node.as_ref())? {
            Some(node) => Ok(Transformed::yes(node)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "hide_constants"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The operator with what makes constants hidden; `None` if it makes none.
fn hidden(node: &dyn ExecutionPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(filter) = node.downcast_ref::<FilterExec>() {
        let predicate = Opaque::around(filter.predicate());
        let filter = FilterExecBuilder::from(filter).with_predicate(predicate).build()?;
        return Ok(Some(Arc::new(filter)));
    }
    let Some(projection) = node.downcast_ref::<ProjectionExec>() else { return Ok(None) };
    if projection.expr().iter().all(|column| has_columns(&column.expr)) {
        return Ok(None);
    }
    let columns = projection.expr().iter().map(|column| {
        let ProjectionExpr { expr, alias } = column.clone();
        let expr = if has_columns(&expr) { expr } else { Opaque::around(&expr) };
        ProjectionExpr { expr, alias }
    });
    let (input, schema) = (Arc::clone(projection.input()), projection.schema());
    // Columns keep what was noted of them.
    let projection = ProjectionExec::try_new_with_schema_metadata(columns, input, &schema)?;
    Ok(Some(Arc::new(projection)))
}

fn has_columns(expr: &Arc<dyn PhysicalExpr>) -> bool {
    matches!(expr.exists(|expr| Ok(expr.is::<Column>())), Ok(true) | Err(_))
}

/// An expression of which the engine knows nothing but its value.
#[derive(Debug, Clone)]
struct Opaque(Arc<dyn PhysicalExpr>);

impl Opaque {
    fn around(expr: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        Arc::new(Self(Arc::clone(expr)))
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq(&other.0)
    }
}

impl Eq for Opaque {}

impl Hash for Opaque {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for Opaque {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.0.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.0.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.0.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.0.evaluate(batch)
    }

    /// Columns have to be found. What is made of constants alone is one to the engine, so that these aren't shown.
    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        if has_columns(&self.0) { vec![&self.0] } else { Vec::new() }
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self(children.pop().unwrap_or_else(|| Arc::clone(&self.0)))))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }

    /// Of literals the engine would make a literal again.
    fn is_volatile_node(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct ForgetAboveJoins;

impl PhysicalOptimizerRule for ForgetAboveJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let is_join = node.is::<HashJoinExec>()
                || node.is::<NestedLoopJoinExec>()
                || node.is::<SortMergeJoinExec>();
            Ok(if is_join {
                Transformed::yes(Arc::new(Forgetting::new(node)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(node)
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "forget_above_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Its input's rows, of which nothing is known.
#[derive(Debug)]
struct Forgetting {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Forgetting {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let nothing = EquivalenceProperties::new(input.schema());
        let known = input.properties().as_ref().clone();
        let properties = Arc::new(known.with_eq_properties(nothing));
        Self { input, properties }
    }
}

impl DisplayAs for Forgetting {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forgetting")
    }
}

impl ExecutionPlan for Forgetting {
    fn name(&self) -> &'static str {
        "Forgetting"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // One child at most: more would be a plan of another shape.
        Ok(Arc::new(Self::new(children.pop().unwrap_or_else(|| Arc::clone(&self.input)))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(inputs.first().map_or_else(unknown, Arc::clone))
    }
}
