//! Work that is the same whatever other rows hold: how long a question about protected data takes doesn't tell whether a
//! certain row is there.
//!
//! The engine leaves out work that it finds unneeded. What it leaves out for a batch of rows, or for all of them, one row makes
//! necessary:
//!
//! | the engine | one row | here |
//! |---|---|---|
//! | `a AND b`: if `a` is false of a whole batch, `b` isn't evaluated; `OR` likewise | of which `a` is true, or not known, has `b` evaluated for all 8192 | both are, always |
//! | `CASE`: a branch isn't evaluated for a batch without a row that comes to it | has it evaluated | all branches are, for all rows |
//! | a join with nobody on the side that is kept doesn't read the other side | has it read | the kept side has a stranger, whom nobody matches |
//!
//! What is left is work for the rows themselves: one more row that a condition lets through is one more row to bring together.
//!
//! *Stops*: attack 46 by work that one row makes necessary for thousands. *Doesn't stop*: what a row's own work takes, and
//! what comes after it.
//!
//! *Source*: A. Haeberlen, B. C. Pierce and A. Narayan, *Differential privacy under fire*, USENIX Security 2011.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{DataType, Schema};
use arrow_select::interleave::interleave;
use insitu_engine::arrow::compute::kernels::boolean::{and_kleene, or_kleene};
use insitu_engine::common::config::ConfigOptions;
use insitu_engine::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use insitu_engine::common::{DataFusionError, JoinType, Result};
use insitu_engine::logical_expr::{ColumnarValue, Operator};
use insitu_engine::physical_expr::PhysicalExpr;
use insitu_engine::physical_expr::expressions::{BinaryExpr, CaseExpr, binary};
use insitu_engine::physical_optimizer::PhysicalOptimizerRule;
use insitu_engine::physical_plan::ExecutionPlan;
use insitu_engine::physical_plan::filter::{FilterExec, FilterExecBuilder};
use insitu_engine::physical_plan::joins::HashJoinExec;
use insitu_engine::physical_plan::joins::utils::JoinFilter;
use insitu_engine::physical_plan::projection::{ProjectionExec, ProjectionExpr};

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;
type Operators = Arc<dyn ExecutionPlan>;

/// A rule by which conditions and `CASE` are evaluated whole. It has to come before those that carry expressions into a scan.
pub(super) fn evaluate_whole() -> Rule {
    Arc::new(Even { name: "evaluate_whole", of: whole })
}

/// A rule by which rows that a join keeps are only looked in, and none of them comes out unmatched: so one more may be among
/// them. It has to come after the one that chooses which side is kept.
pub(super) fn look_in_kept() -> Rule {
    Arc::new(Even { name: "look_in_kept", of: looked_in })
}

#[derive(Debug)]
struct Even {
    name: &'static str,
    of: fn(Operators) -> Result<Operators>,
}

impl PhysicalOptimizerRule for Even {
    fn optimize(&self, plan: Operators, _: &ConfigOptions) -> Result<Operators> {
        (self.of)(plan)
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan with its conditions and `CASE`s evaluated whole.
pub(super) fn whole(plan: Operators) -> Result<Operators> {
    plan.transform_up(|node| {
        if let Some(filter) = node.downcast_ref::<FilterExec>() {
            let predicate = evaluated_whole(filter.predicate(), &filter.input().schema())?;
            let filter = FilterExecBuilder::from(filter).with_predicate(predicate).build()?;
            return Ok(Transformed::yes(Arc::new(filter) as Operators));
        }
        // Conditions about both sides are the join's own.
        if let Some(join) = node.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            let expr = evaluated_whole(filter.expression(), filter.schema())?;
            let columns = filter.column_indices().to_vec();
            let filter = JoinFilter::new(expr, columns, Arc::clone(filter.schema()));
            let join = join.builder().with_filter(Some(filter)).build()?;
            return Ok(Transformed::yes(Arc::new(join) as Operators));
        }
        let Some(projection) = node.downcast_ref::<ProjectionExec>() else {
            return Ok(Transformed::no(node));
        };
        let input = Arc::clone(projection.input());
        let columns = projection.expr().iter().map(|column| {
            let expr = evaluated_whole(&column.expr, &input.schema())?;
            Ok(ProjectionExpr { expr, alias: column.alias.clone() })
        });
        let columns: Vec<ProjectionExpr> = columns.collect::<Result<_>>()?;
        let projection = ProjectionExec::try_new(columns, input)?;
        Ok(Transformed::yes(Arc::new(projection) as Operators))
    })
    .data()
}

/// The plan whose joins keep a side of which no row comes out by itself.
fn looked_in(plan: Operators) -> Result<Operators> {
    plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>() {
        Some(join) if !is_looked_in(*join.join_type()) => {
            join.swap_inputs(*join.partition_mode()).map(Transformed::yes)
        }
        Some(_) | None => Ok(Transformed::no(node)),
    })
    .data()
}

/// Whether rows that such a join keeps, its left ones, come out beside others only.
pub(super) const fn is_looked_in(kind: JoinType) -> bool {
    match kind {
        JoinType::Inner
        | JoinType::LeftSemi
        | JoinType::Right
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => true,
        // Both sides of a full join come out; no plan here has one.
        JoinType::Left | JoinType::Full | JoinType::LeftAnti | JoinType::LeftMark => false,
    }
}

fn evaluated_whole(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let whole = Arc::clone(expr).transform_up(|expr| {
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            let of = match binary.op() {
                Operator::And => Of::All,
                Operator::Or => Of::Any,
                _ => return Ok(Transformed::no(expr)),
            };
            let sides = [binary.left(), binary.right()].into_iter().flat_map(|side| match side
                .downcast_ref::<Conditions>(
            ) {
                Some(same) if same.of == of => same.parts.clone(),
                Some(_) | None => vec![Arc::clone(side)],
            });
            let conditions = Conditions { of, parts: sides.collect() };
            return Ok(Transformed::yes(Arc::new(conditions) as Arc<dyn PhysicalExpr>));
        }
        let Some(case) = expr.downcast_ref::<CaseExpr>() else { return Ok(Transformed::no(expr)) };
        let whole = WholeCase::of(case, schema)?;
        Ok(Transformed::yes(Arc::new(whole) as Arc<dyn PhysicalExpr>))
    });
    whole.data()
}

/// How conditions are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    All,
    Any,
}

/// `AND` or `OR` of conditions, each evaluated for every row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Conditions {
    of: Of,
    parts: Vec<Arc<dyn PhysicalExpr>>,
}

impl Hash for Conditions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.of.hash(state);
        self.parts.hash(state);
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.of {
            Of::All => "all of (",
            Of::Any => "any of (",
        };
        f.write_str(name)?;
        for (i, part) in self.parts.iter().enumerate() {
            write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl PhysicalExpr for Conditions {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        let nullable: Vec<bool> =
            self.parts.iter().map(|p| p.nullable(schema)).collect::<Result<_>>()?;
        Ok(nullable.contains(&true))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let mut together: Option<BooleanArray> = None;
        for part in &self.parts {
            let truth = truths(part.evaluate(batch)?, batch.num_rows())?;
            together = Some(match (together, self.of) {
                (None, _) => truth,
                (Some(before), Of::All) => and_kleene(&before, &truth)?,
                (Some(before), Of::Any) => or_kleene(&before, &truth)?,
            });
        }
        let together = together.ok_or_else(|| fault("conditions are none"))?;
        Ok(ColumnarValue::Array(Arc::new(together)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.parts.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        parts: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { of: self.of, parts }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The truth of a condition for each row.
fn truths(value: ColumnarValue, rows: usize) -> Result<BooleanArray> {
    let array = value.into_array(rows)?;
    if *array.data_type() == DataType::Null {
        return Ok(BooleanArray::new_null(rows));
    }
    let truths = array.as_boolean_opt().cloned();
    truths.ok_or_else(|| fault("a condition is neither true nor false"))
}

fn fault(what: &str) -> DataFusionError {
    DataFusionError::Internal(what.to_owned())
}

/// `CASE` with each branch evaluated for every row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WholeCase {
    /// Condition and value, in order.
    branches: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)>,
    otherwise: Option<Arc<dyn PhysicalExpr>>,
    data_type: DataType,
}

impl WholeCase {
    fn of(case: &CaseExpr, schema: &Schema) -> Result<Self> {
        let branch = |(when, then): &(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
            let when = match case.expr() {
                Some(value) => binary(Arc::clone(value), Operator::Eq, Arc::clone(when), schema)?,
                None => Arc::clone(when),
            };
            Ok((when, Arc::clone(then)))
        };
        let branches = case.when_then_expr().iter().map(branch).collect::<Result<_>>()?;
        let data_type = case.data_type(schema)?;
        Ok(Self { branches, otherwise: case.else_expr().cloned(), data_type })
    }
}

impl Hash for WholeCase {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.branches.hash(state);
        self.otherwise.hash(state);
    }
}

impl fmt::Display for WholeCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("case (")?;
        for (when, then) in &self.branches {
            write!(f, "{when}: {then}, ")?;
        }
        match &self.otherwise {
            Some(otherwise) => write!(f, "else {otherwise})"),
            None => f.write_str("else NULL)"),
        }
    }
}

impl PhysicalExpr for WholeCase {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        let Some(otherwise) = &self.otherwise else { return Ok(true) };
        let values = self.branches.iter().map(|(_, then)| then).chain([otherwise]);
        let nullable: Vec<bool> = values.map(|v| v.nullable(schema)).collect::<Result<_>>()?;
        Ok(nullable.contains(&true))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let value =
            |expr: &Arc<dyn PhysicalExpr>| Values::of(expr.evaluate(batch)?, &self.data_type);
        let mut values = vec![match &self.otherwise {
            Some(otherwise) => value(otherwise)?,
            None => Values { array: new_null_array(&self.data_type, 1), is_one: true },
        }];
        // Which of the values each row has: from the last branch to the first, so that the first one decides.
        let mut of = vec![0_usize; rows];
        let mut conditions = Vec::with_capacity(self.branches.len());
        for (when, then) in &self.branches {
            conditions.push(truths(when.evaluate(batch)?, rows)?);
            values.push(value(then)?);
        }
        for (branch, condition) in conditions.iter().enumerate().rev() {
            for (of, truth) in of.iter_mut().zip(condition) {
                if truth == Some(true) {
                    *of = branch.saturating_add(1);
                }
            }
        }
        let is_one: Vec<bool> = values.iter().map(|value| value.is_one).collect();
        let arrays: Vec<&dyn arrow_array::Array> =
            values.iter().map(|value| value.array.as_ref()).collect();
        let places = of.into_iter().enumerate();
        let places = places.map(|(row, of)| match is_one.get(of) {
            Some(true) => (of, 0),
            Some(false) | None => (of, row),
        });
        let places: Vec<(usize, usize)> = places.collect();
        Ok(ColumnarValue::Array(interleave(&arrays, &places)?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        let branches = self.branches.iter().flat_map(|(when, then)| [when, then]);
        branches.chain(&self.otherwise).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut children = children.into_iter();
        let mut branches = Vec::with_capacity(self.branches.len());
        for _ in &self.branches {
            let branch = children.next().zip(children.next());
            branches.push(branch.ok_or_else(|| fault("a branch is missing"))?);
        }
        let data_type = self.data_type.clone();
        Ok(Arc::new(Self { branches, otherwise: children.next(), data_type }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value for each row, or one for all.
struct Values {
    array: ArrayRef,
    is_one: bool,
}

impl Values {
    fn of(value: ColumnarValue, data_type: &DataType) -> Result<Self> {
        let is_one = matches!(value, ColumnarValue::Scalar(_));
        let array = match value {
            ColumnarValue::Array(array) => array,
            ColumnarValue::Scalar(value) => value.to_array_of_size(1)?,
        };
        let array = if array.data_type() == data_type {
            array
        } else {
            arrow_cast::cast(&array, data_type)?
        };
        Ok(Self { array, is_one })
    }
}

#[cfg(test)]
#[path = "even_tests.rs"]
mod tests;
