//! A status column beside each protected measure of the result.
//!
//! A column's status is that of the measures it is made of: the first without a value decides, else the
//! first that is an estimate or has a remark. It is carried up through the plan as long as rows stay
//! rows of the released tables; above a further aggregation, a window, `DISTINCT` or a set operation, a
//! value no longer belongs to one cell and has none. Of a union of datasets a value belongs to a cell of each: a table that lacks
//! the row doesn't show it, as if it were suppressed there.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use insitu_disclosure::{CellStatus, Refusals};
use insitu_engine::common::metadata::FieldMetadata;
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{Column, Result, TableReference};
use insitu_engine::functions::core::expr_fn::{coalesce, nullif};
use insitu_engine::logical_expr::expr::Alias;
use insitu_engine::logical_expr::{
    Expr, Filter, Join, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, lit,
};

use super::cut::no_rows;
use super::error::planning_refusal;
use super::leaf::PendingTable;
use super::schema::STATUS_OF;
use super::union;

/// The plan with status columns right after the columns they belong to.
///
/// # Errors
/// A fault of the engine.
pub(crate) fn with_statuses(upper: &LogicalPlan) -> std::result::Result<LogicalPlan, Refusals> {
    let mut carrier = Carrier { next: 0 };
    arranged(&mut carrier, upper).map_err(|e| planning_refusal(&e))
}

/// The plan with the status columns that were told before values were bound, over open data alone: what is asked of departments may
/// hang on a value, and a value of open data has the same status whoever computes it.
///
/// # Errors
/// A fault of the engine.
pub(crate) fn with_told_statuses(
    upper: LogicalPlan,
    told: &Schema,
) -> std::result::Result<LogicalPlan, Refusals> {
    let Some(columns) = as_told(&upper, told) else { return Ok(upper) };
    let plan = LogicalPlanBuilder::from(upper).project(columns);
    plan.and_then(LogicalPlanBuilder::build).map_err(|e| planning_refusal(&e))
}

/// The columns that were told; `None` if they are those of the plan, or others than statuses differ.
fn as_told(upper: &LogicalPlan, told: &Schema) -> Option<Vec<Expr>> {
    let is_status = |field: &Field| field.metadata().contains_key(STATUS_OF);
    let own = upper.schema();
    if own.fields().iter().filter(|f| is_status(f)).count()
        == told.fields().iter().filter(|f| is_status(f)).count()
    {
        return None;
    }
    let mut values = own.iter().filter(|(_, field)| !is_status(field));
    let mut columns: Vec<Expr> = Vec::new();
    let mut before: Option<&TableReference> = None;
    for field in told.fields() {
        if is_status(field) {
            let metadata = Some(FieldMetadata::from(field.metadata().clone()));
            let released = Alias::new(lit(""), before.cloned(), field.name());
            columns.push(Expr::Alias(released.with_metadata(metadata)));
        } else {
            let (qualifier, value) = values.next()?;
            before = qualifier;
            columns.push(Expr::Column(Column::new(qualifier.cloned(), value.name())));
        }
    }
    values.next().is_none().then_some(columns)
}

/// A plan, and for its columns that have one the name of their status column.
struct Carried {
    plan: LogicalPlan,
    statuses: HashMap<Column, Column>,
}

struct Carrier {
    next: usize,
}

fn arranged(carrier: &mut Carrier, upper: &LogicalPlan) -> Result<LogicalPlan> {
    let Carried { plan, statuses } = carrier.carry(upper)?;
    if statuses.is_empty() {
        return Ok(upper.clone());
    }
    let mut columns = Vec::new();
    for (qualifier, field) in upper.schema().iter() {
        let column = Column::new(qualifier.cloned(), field.name());
        columns.push(Expr::Column(column.clone()));
        if let Some(status) = statuses.get(&column) {
            let metadata: std::collections::HashMap<String, String> =
                [(STATUS_OF.to_owned(), field.name().clone())].into();
            // Under the measure's own qualifier: two columns named alike may stand side by side.
            columns.push(Expr::Alias(
                Alias::new(
                    Expr::Column(status.clone()),
                    qualifier.cloned(),
                    format!("{}_status", field.name()),
                )
                .with_metadata(Some(FieldMetadata::from(metadata))),
            ));
        }
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

impl Carrier {
    fn carry(&mut self, plan: &LogicalPlan) -> Result<Carried> {
        match plan {
            LogicalPlan::TableScan(scan)
                if PendingTable::index_of(scan).is_some() || no_rows::is_of_cells(scan) =>
            {
                Ok(Carried { plan: plan.clone(), statuses: scan_statuses(plan) })
            }
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::SubqueryAlias(alias) => {
                let input = self.carry(&alias.input)?;
                let renamed = |c: &Column| Column::new(Some(alias.alias.clone()), c.name.clone());
                let statuses =
                    input.statuses.iter().map(|(c, s)| (renamed(c), renamed(s))).collect();
                let plan =
                    LogicalPlanBuilder::from(input.plan).alias(alias.alias.clone())?.build()?;
                Ok(Carried { plan, statuses })
            }
            LogicalPlan::Filter(filter) => {
                let input = self.carry(&filter.input)?;
                let plan = Filter::try_new(filter.predicate.clone(), Arc::new(input.plan))?;
                Ok(Carried { plan: LogicalPlan::Filter(plan), statuses: input.statuses })
            }
            LogicalPlan::Sort(sort) => {
                let input = self.carry(&sort.input)?;
                let plan = LogicalPlan::Sort(Sort { input: Arc::new(input.plan), ..sort.clone() });
                Ok(Carried { plan, statuses: input.statuses })
            }
            LogicalPlan::Limit(limit) => {
                let input = self.carry(&limit.input)?;
                let plan =
                    LogicalPlan::Limit(Limit { input: Arc::new(input.plan), ..limit.clone() });
                Ok(Carried { plan, statuses: input.statuses })
            }
            LogicalPlan::Join(join) => self.join(join),
            // A value no longer belongs to one cell.
            LogicalPlan::TableScan(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
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
            | LogicalPlan::RecursiveQuery(_) => {
                Ok(Carried { plan: plan.clone(), statuses: HashMap::new() })
            }
        }
    }

    fn projection(&mut self, projection: &Projection) -> Result<Carried> {
        let input = self.carry(&projection.input)?;
        let mut exprs = projection.expr.clone();
        let mut statuses = HashMap::new();
        for (expr, (qualifier, field)) in projection.expr.iter().zip(projection.schema.iter()) {
            let Some(status) = status_of(expr, &input.statuses)? else { continue };
            // Under the same qualifier, so that both can be renamed together.
            let name = format!("__status_{}", self.next);
            self.next = self.next.saturating_add(1);
            let named = status.alias_qualified(qualifier.cloned(), name.clone());
            exprs.push(named);
            statuses.insert(
                Column::new(qualifier.cloned(), field.name()),
                Column::new(qualifier.cloned(), name),
            );
        }
        let plan = Projection::try_new(exprs, Arc::new(input.plan))?;
        Ok(Carried { plan: LogicalPlan::Projection(plan), statuses })
    }

    fn join(&mut self, join: &Join) -> Result<Carried> {
        let left = self.carry(&join.left)?;
        let right = self.carry(&join.right)?;
        let mut statuses = left.statuses;
        statuses.extend(right.statuses);
        let plan = Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            join.on.clone(),
            join.filter.clone(),
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        let plan = LogicalPlan::Join(plan);
        // A semi or anti join keeps one side's columns only.
        statuses.retain(|_, status| plan.schema().has_column(status));
        let plan = if union::is_of_tables(join) { lacking(plan, &statuses)? } else { plan };
        Ok(Carried { plan, statuses })
    }
}

/// The join of a union's tables, where a cell that a table lacks has the status of one that is suppressed in it.
fn lacking(joined: LogicalPlan, statuses: &HashMap<Column, Column>) -> Result<LogicalPlan> {
    let columns = joined.schema().columns().into_iter().map(|column| {
        if statuses.values().any(|status| *status == column) {
            let Column { relation, name, .. } = column.clone();
            let suppressed = lit(CellStatus::Suppressed.as_str());
            let status = coalesce(vec![Expr::Column(column), suppressed]);
            status.alias_qualified(relation, name)
        } else {
            Expr::Column(column)
        }
    });
    Projection::try_new(columns.collect(), Arc::new(joined)).map(LogicalPlan::Projection)
}

/// `m0` has `m0_status`.
fn scan_statuses(plan: &LogicalPlan) -> HashMap<Column, Column> {
    let mut statuses = HashMap::new();
    for (qualifier, field) in plan.schema().iter() {
        let status: Option<(Option<&TableReference>, String)> =
            Some((qualifier, format!("{}_status", field.name())));
        if let Some((qualifier, name)) = status {
            let status = Column::new(qualifier.cloned(), name);
            if plan.schema().has_column(&status) {
                statuses.insert(Column::new(qualifier.cloned(), field.name()), status);
            }
        }
    }
    statuses
}

/// Statuses that stand beside a value.
const WITH_VALUE: [CellStatus; 4] =
    [CellStatus::Low, CellStatus::Unreliable, CellStatus::StructuralZero, CellStatus::Estimated];
/// What they say is of the measure's own value, not of what is computed from it.
const OF_ITSELF: [CellStatus; 2] = [CellStatus::Low, CellStatus::StructuralZero];

/// The status of an expression: the first of its measures' that is of no value, else the first that
/// isn't released, else released. That a measure is 0 says nothing of what is computed from it.
fn status_of(expr: &Expr, statuses: &HashMap<Column, Column>) -> Result<Option<Expr>> {
    let mut found: Vec<Column> = Vec::new();
    expr.apply(|e| {
        if let Expr::Column(column) = e
            && let Some(status) = lookup(column, statuses)
            && !found.contains(status)
        {
            found.push(status.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match found.as_slice() {
        [] => Ok(None),
        [only] if is_column(expr) => Ok(Some(Expr::Column(only.clone()))),
        several => {
            let other_than = |signs: &[CellStatus], s: &Column| {
                let status = nullif(Expr::Column(s.clone()), lit(""));
                signs.iter().fold(status, |status, sign| nullif(status, lit(sign.as_str())))
            };
            let of_no_value = several.iter().map(|s| other_than(&WITH_VALUE, s));
            let remarked = several.iter().map(|s| other_than(&OF_ITSELF, s));
            let parts = of_no_value.chain(remarked).chain([lit("")]).collect();
            Ok(Some(coalesce(parts)))
        }
    }
}

/// A measure as it is, perhaps under another name.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_column(&alias.expr),
        expr => matches!(expr, Expr::Column(_)),
    }
}

fn lookup<'a>(column: &Column, statuses: &'a HashMap<Column, Column>) -> Option<&'a Column> {
    if column.relation.is_some() {
        return statuses.get(column);
    }
    statuses.iter().find(|(c, _)| c.name == column.name).map(|(_, status)| status)
}
