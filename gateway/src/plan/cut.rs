//! The cut: a raw plan to its Tabulations and the upper plan.
//!
//! ```text
//! Projection  la, n / persons          Projection
//!   Join on la                           Join on la
//!     Aggregate by la: count   ──►         leaf_0     TABULATION police.crimes by la: count
//!       Scan police.crimes                 leaf_1     TABULATION ons.population by la: sum
//!     Aggregate by la: sum
//!       Scan ons.population
//! ```
//!
//! It is a pass of ours, run once on the raw plan, before the engine's analysis and optimisation: no plan ever
//! holds the datasets of two departments for an optimiser to carry something across. Every kind of
//! node and expression is named; what has no place beneath a Tabulation is refused.

mod aggregates;
mod distinct;
pub(super) mod no_rows;
mod rows;

use std::sync::Arc;

use arrow_schema::DataType;
use insitu_disclosure::tabulation::Bins;
use insitu_disclosure::{
    Dataset, Measure, MeasureKind, OpenDataset, ProtectedUnit, Protection, Refusal, RefusalCode,
    Refusals, Scalar, Shape, Tabulation, admit,
};
use insitu_engine::common::metadata::FieldMetadata;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{Column, DataFusionError};
use insitu_engine::logical_expr::expr::{Alias, Exists, InSubquery, SetComparison};
use insitu_engine::logical_expr::utils::split_conjunction;
use insitu_engine::logical_expr::{
    Aggregate, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Projection, Subquery,
    TableScan, Window, cast,
};

use super::aggregate::{Output, is_exact};
use super::engine_types::EngineTypes;
use super::error::planning_refusal;
use super::grouping::{grouping_value, with_columns_for_keys};
use super::histogram;
use super::leaf::{Leaf, PendingTable};
use super::look_up;
use super::relation::{Relation, RelationColumn};
use super::request_size::fits;
use super::schema::BINS;
use super::totals::{engines_type, exact_totals, exact_windows};
use super::union;
use super::unit_join;
use super::{in_subquery, one_row};
use crate::catalog::RemoteTable;

/// What a statement comes to.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// Ordinary SQL over leaves.
    pub(crate) upper: LogicalPlan,
    /// The tables the departments will be asked for; leaf number `i` stands in the upper plan as
    /// `leaf_i`.
    pub(crate) leaves: Vec<Leaf>,
}

/// Cuts a raw plan.
///
/// # Errors
/// Everything that can't be asked of a department. Whether a Tabulation is *allowed* is for admission.
pub(crate) fn cut(raw: &LogicalPlan) -> Result<Cut, Refusals> {
    in_subquery::check(raw)?;
    one_row::check(raw)?;
    let mut cutter = Cutter { leaves: Vec::new() };
    let part = cutter.cut(raw)?;
    let upper = cutter.above(part, "the result")?;
    Ok(Cut { upper, leaves: cutter.leaves })
}

/// A part of the plan.
enum Part {
    /// Reads leaves only.
    Upper(LogicalPlan),
    /// Still reads a department's dataset row by row.
    Rows(Box<Relation>),
}

struct Cutter {
    leaves: Vec<Leaf>,
}

fn engine<T>(result: Result<T, DataFusionError>) -> Result<T, Refusals> {
    result.map_err(|e| planning_refusal(&e))
}

fn refused(code: RefusalCode, message: impl AsRef<str>, fix: &str) -> Refusals {
    Refusal::new(code, message, fix).into()
}

impl Cutter {
    fn cut(&mut self, plan: &LogicalPlan) -> Result<Part, Refusals> {
        match plan {
            LogicalPlan::TableScan(scan) => Self::scan(scan, plan),
            LogicalPlan::SubqueryAlias(alias) => match self.cut(&alias.input)? {
                Part::Rows(relation) => {
                    let inner = relation.plan.clone();
                    let renamed = LogicalPlanBuilder::from(inner).alias(alias.alias.clone());
                    let renamed = engine(renamed.and_then(LogicalPlanBuilder::build))?;
                    Ok(Part::Rows(Box::new(relation.renamed(renamed))))
                }
                Part::Upper(input) => {
                    let renamed = LogicalPlanBuilder::from(input).alias(alias.alias.clone());
                    engine(renamed.and_then(LogicalPlanBuilder::build)).map(Part::Upper)
                }
            },
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Sort(_) => self.upper(plan, "`ORDER BY`"),
            LogicalPlan::Limit(limit) => self.limit(limit, plan),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Join(join) => self.join(join, plan),
            LogicalPlan::Union(_) => self.upper(plan, "a set operation"),
            LogicalPlan::Distinct(distinct) => self.distinct(distinct, plan),
            LogicalPlan::Subquery(_) => self.upper(plan, "a subquery"),
            LogicalPlan::Repartition(_) => self.upper(plan, "a repartitioning"),
            LogicalPlan::Unnest(_) => self.upper(plan, "`unnest`"),
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(Part::Upper(plan.clone())),
            LogicalPlan::RecursiveQuery(_) => Err(refused(
                RefusalCode::Q104,
                "`WITH RECURSIVE` isn't offered.",
                "Write the levels out.",
            )),
            LogicalPlan::Extension(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::DescribeTable(_) => {
                Err(refused(RefusalCode::Q103, "only `SELECT` is answered.", "Ask with `SELECT`."))
            }
        }
    }

    fn scan(scan: &TableScan, plan: &LogicalPlan) -> Result<Part, Refusals> {
        let provider = engine(insitu_engine::datasource::source_as_provider(&scan.source))?;
        match RemoteTable::of(&provider) {
            Some(remote) => {
                let held = Arc::clone(remote.held());
                if let Some(conflict) = &held.conflict {
                    return Err(conflict.clone().into());
                }
                Ok(Part::Rows(Box::new(Relation::scan(held, plan.clone()))))
            }
            None => Err(refused(
                RefusalCode::Q105,
                "a table isn't one of the departments'.",
                "Use the tables that are announced.",
            )),
        }
    }

    /// A join of protected rows to open ones is a look-up at the department, and one of two datasets by their unit runs
    /// there, too; any other runs above.
    fn join(&mut self, join: &Join, plan: &LogicalPlan) -> Result<Part, Refusals> {
        match (self.cut(&join.left)?, self.cut(&join.right)?) {
            (Part::Rows(left), Part::Rows(right))
                if left.dataset().is_open() != right.dataset().is_open() =>
            {
                let joined = look_up::joined(join, plan, *left, *right)?;
                Ok(Part::Rows(Box::new(joined)))
            }
            (Part::Rows(left), Part::Rows(right))
                if !left.dataset().is_open()
                    && unit_join::is_meant(&left, &right, &look_up::conjuncts_of(join)) =>
            {
                let joined = unit_join::joined(join, plan, *left, *right)?;
                Ok(Part::Rows(Box::new(joined)))
            }
            (left, right) => {
                let inputs = vec![self.above(left, "a join")?, self.above(right, "a join")?];
                let expressions = self.expressions(&plan.expressions())?;
                engine(plan.with_new_exprs(expressions, inputs)).map(Part::Upper)
            }
        }
    }

    fn projection(&mut self, projection: &Projection) -> Result<Part, Refusals> {
        match self.cut(&projection.input)? {
            Part::Upper(input) => {
                let exprs = self.expressions(&projection.expr)?;
                engine(Projection::try_new(exprs, Arc::new(input)))
                    .map(|p| Part::Upper(LogicalPlan::Projection(p)))
            }
            Part::Rows(relation) => {
                if relation.dataset().is_open() && has_subquery(&projection.expr) {
                    let input = self.above(Part::Rows(relation), "a subquery")?;
                    let exprs = self.expressions(&projection.expr)?;
                    return engine(Projection::try_new(exprs, Arc::new(input)))
                        .map(|p| Part::Upper(LogicalPlan::Projection(p)));
                }
                let scalars: Vec<_> =
                    projection.expr.iter().map(|e| relation.scalar(e).map(|(s, _)| s)).collect();
                let plan =
                    Projection::try_new(projection.expr.clone(), Arc::new(relation.plan.clone()));
                let plan = LogicalPlan::Projection(engine(plan)?);
                let columns = plan
                    .schema()
                    .iter()
                    .zip(scalars)
                    .map(|((qualifier, field), scalar)| RelationColumn {
                        qualifier: qualifier.cloned(),
                        name: field.name().clone(),
                        scalar,
                    })
                    .collect();
                Ok(Part::Rows(Box::new(Relation { plan, columns, ..*relation })))
            }
        }
    }

    fn filter(&mut self, filter: &Filter) -> Result<Part, Refusals> {
        match self.cut(&filter.input)? {
            Part::Upper(input) => self.filter_above(&filter.predicate, input),
            Part::Rows(relation)
                if !relation.dataset().is_open()
                    && has_subquery(std::slice::from_ref(&filter.predicate)) =>
            {
                self.filter_by_subqueries(&filter.predicate, *relation)
            }
            Part::Rows(relation) => match relation.condition(&filter.predicate) {
                Ok(condition) => {
                    let mut relation = relation;
                    let plan =
                        Filter::try_new(filter.predicate.clone(), Arc::new(relation.plan.clone()));
                    relation.plan = LogicalPlan::Filter(engine(plan)?);
                    relation.restrict(condition);
                    Ok(Part::Rows(relation))
                }
                Err(refusal) if !relation.dataset().is_open() => Err(refusal.into()),
                Err(_) => {
                    let input = self.above(Part::Rows(relation), "a filter")?;
                    self.filter_above(&filter.predicate, input)
                }
            },
        }
    }

    /// Protected rows under conditions of which some are subqueries. Over open data these are look-ups, and over other
    /// protected rows they choose units.
    fn filter_by_subqueries(
        &mut self,
        predicate: &Expr,
        mut relation: Relation,
    ) -> Result<Part, Refusals> {
        for conjunct in split_conjunction(predicate) {
            relation = match conjunct {
                Expr::InSubquery(InSubquery { expr, subquery, negated })
                    if subquery.outer_ref_columns.is_empty() =>
                {
                    let there = self.rows_of_subquery(&relation, &subquery.subquery)?;
                    if there.dataset().is_open() {
                        let condition = look_up::among(&relation, expr, &there, *negated)?;
                        look_up::looked_up(relation, condition, &there)
                    } else if unit_join::is_meant(&relation, &there, &[])
                        || unit_join::is_about_unit(&relation, expr)
                    {
                        unit_join::among(relation, expr, &there, *negated)?
                    } else {
                        return Err(rows_refused(&relation, "a subquery"));
                    }
                }
                Expr::Exists(Exists { subquery, negated }) => {
                    let (inner, outside) = look_up::uncorrelated(&subquery.subquery);
                    let there = self.rows_of_subquery(&relation, &inner)?;
                    if there.dataset().is_open() {
                        let condition = look_up::exists(&relation, &there, &outside, *negated)?;
                        look_up::looked_up(relation, condition, &there)
                    } else if unit_join::is_meant(&relation, &there, &outside) {
                        unit_join::exists(relation, &there, &outside, *negated)?
                    } else {
                        return Err(rows_refused(&relation, "a subquery"));
                    }
                }
                other => {
                    relation.restrict(relation.condition(other)?);
                    relation
                }
            };
        }
        Ok(Part::Rows(Box::new(relation)))
    }

    /// The rows of a subquery in a condition on protected rows.
    fn rows_of_subquery(
        &mut self,
        relation: &Relation,
        subquery: &LogicalPlan,
    ) -> Result<Relation, Refusals> {
        match self.cut(subquery)? {
            Part::Rows(rows) => Ok(*rows),
            Part::Upper(_) => Err(rows_refused(relation, "a subquery")),
        }
    }

    fn filter_above(&mut self, predicate: &Expr, input: LogicalPlan) -> Result<Part, Refusals> {
        let predicate = self.expression(predicate.clone())?;
        engine(in_subquery::chosen(predicate, input)).map(Part::Upper)
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Part, Refusals> {
        if let Some(filtered) = self.filtered(aggregate)? {
            return self.cut(&filtered);
        }
        if let Some(branches) = engine(union::branches(aggregate))?
            && let Some(added_up) = self.union(aggregate, &branches)?
        {
            return Ok(Part::Upper(added_up));
        }
        if let Some(cells) = self.picked_cell(aggregate) {
            return Ok(Part::Upper(cells));
        }
        match self.cut(&aggregate.input)? {
            Part::Upper(input) => self.aggregate_above(aggregate, input),
            Part::Rows(relation) => self.aggregate_rows(aggregate, relation),
        }
    }

    fn aggregate_above(
        &mut self,
        aggregate: &Aggregate,
        input: LogicalPlan,
    ) -> Result<Part, Refusals> {
        let keys = self.expressions(&aggregate.group_expr)?;
        let measures = self.expressions(&aggregate.aggr_expr)?;
        let (input, keys, measures) = engine(with_columns_for_keys(input, keys, measures))?;
        engine(exact_totals(input, keys, measures)).map(Part::Upper)
    }

    fn window(&mut self, window: &Window) -> Result<Part, Refusals> {
        let part = self.cut(&window.input)?;
        let input = self.above(part, "a window function")?;
        let windows = self.expressions(&window.window_expr)?;
        engine(exact_windows(input, windows)).map(Part::Upper)
    }

    /// The Tabulation becomes a leaf, under the names that the aggregation's columns had. The engine's own column of
    /// the grouping id isn't among them: nothing but its analysis of `grouping` reads it.
    fn tabulated(
        &mut self,
        aggregate: &Aggregate,
        relation: &Relation,
        question: Tabulation,
        outputs: &[Output],
    ) -> Result<Part, Refusals> {
        let schema = Shape::of(&question, relation.dataset())?.table_schema();
        let leaf = format!("leaf_{}", self.leaves.len());
        let scan = self.released(&leaf, &question, relation)?;
        let column = |name| Expr::Column(Column::new(Some(leaf.as_str()), name));
        let named = aggregate.schema.iter().enumerate();
        let named = named.filter(|(_, (qualifier, field))| {
            qualifier.is_some() || field.name() != Aggregate::INTERNAL_GROUPING_ID
        });
        let mut columns = Vec::new();
        let types = EngineTypes::of(aggregate, relation.dataset().is_open());
        for ((place, (qualifier, field)), output) in named.zip(outputs) {
            let other_type = |name: &str| {
                types.other_than(place, schema.field_with_name(name).ok()?.data_type())
            };
            let typed = |name: String, known: Option<DataType>| {
                let other_type = known.or_else(|| other_type(&name));
                let value = column(name);
                other_type.map_or(value.clone(), |data_type| cast(value, data_type))
            };
            let value = match output {
                Output::Key(key) => typed(format!("k{key}"), None),
                Output::Measure(measure) => {
                    let of = question.measures.get(*measure);
                    let known = of.and_then(|m| engines_type(m, relation.dataset()));
                    typed(format!("m{measure}"), known)
                }
                Output::Floating(measure) => cast(column(format!("m{measure}")), DataType::Float64),
                Output::Grouping(keys) => grouping_value(&question, &leaf, keys),
            };
            let measure = match output {
                Output::Measure(measure) => question.measures.get(*measure),
                Output::Key(_) | Output::Floating(_) | Output::Grouping(_) => None,
            };
            let bins = measure.and_then(|m| described_bins(m, relation.dataset()));
            let named = Alias::new(value, qualifier.cloned(), field.name());
            columns.push(Expr::Alias(named.with_metadata(bins)));
        }
        engine(Projection::try_new(columns, Arc::new(scan)))
            .map(|p| Part::Upper(LogicalPlan::Projection(p)))
    }

    /// A node that runs above Tabulations only, with its inputs and subqueries cut.
    fn upper(&mut self, plan: &LogicalPlan, what: &str) -> Result<Part, Refusals> {
        let parts: Result<Vec<Part>, Refusals> =
            plan.inputs().into_iter().map(|input| self.cut(input)).collect();
        self.over(parts?, plan, what)
    }

    /// The same with its inputs cut.
    fn over(&mut self, parts: Vec<Part>, plan: &LogicalPlan, what: &str) -> Result<Part, Refusals> {
        let inputs: Result<Vec<LogicalPlan>, Refusals> =
            parts.into_iter().map(|part| self.above(part, what)).collect();
        let inputs = inputs?;
        let expressions = self.expressions(&plan.expressions())?;
        engine(plan.with_new_exprs(expressions, inputs)).map(Part::Upper)
    }

    /// The part as something that may stand above: rows only if they are open.
    fn above(&mut self, part: Part, what: &str) -> Result<LogicalPlan, Refusals> {
        match part {
            Part::Upper(plan) => Ok(plan),
            Part::Rows(relation) => match OpenDataset::of(Arc::clone(&relation.held.dataset)) {
                Some(open) => self.open_rows(open, &relation),
                None if relation.has_no_rows() => Ok(no_rows::of(&relation.plan)),
                None => Err(rows_refused(&relation, what)),
            },
        }
    }

    /// Rows of an open dataset: the engine's own plan over a leaf in the place of the scan.
    fn open_rows(
        &mut self,
        open: OpenDataset,
        relation: &Relation,
    ) -> Result<LogicalPlan, Refusals> {
        let index = self.leaves.len();
        let columns: Vec<String> = open.get().columns.iter().map(|c| c.name.clone()).collect();
        let schema = open.rows_schema(&columns).ok_or_else(|| {
            refused(RefusalCode::X901, "a dataset doesn't have its own columns.", "")
        })?;
        let replaced = relation.plan.clone().transform_up(|node| match &node {
            LogicalPlan::TableScan(scan) => {
                let leaf =
                    PendingTable::scan(index, Arc::clone(&schema), Some(Arc::clone(open.get())))?;
                let name = scan.table_name.clone();
                Ok(Transformed::yes(LogicalPlanBuilder::from(leaf).alias(name)?.build()?))
            }
            _ => Ok(Transformed::no(node)),
        });
        let plan = engine(replaced)?.data;
        self.leaves.push(Leaf::OpenRows { open, held: Arc::clone(&relation.held) });
        Ok(plan)
    }

    fn expressions(&mut self, exprs: &[Expr]) -> Result<Vec<Expr>, Refusals> {
        exprs.iter().map(|e| self.expression(e.clone())).collect()
    }

    /// An expression with its subqueries cut.
    fn expression(&mut self, expr: Expr) -> Result<Expr, Refusals> {
        let mut refusals = None;
        let transformed = expr.transform_down(|expr| {
            if let Some(refusal) = histogram::above(&expr) {
                refusals = Some(refusal.into());
                return Err(DataFusionError::Plan("refused".to_owned()));
            }
            let outcome = match expr {
                Expr::ScalarSubquery(subquery) => self.subquery(subquery).map(Expr::ScalarSubquery),
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => self
                    .subquery(subquery)
                    .map(|s| Expr::InSubquery(InSubquery::new(expr, s, negated))),
                Expr::Exists(Exists { subquery, negated }) => {
                    self.subquery(subquery).map(|s| Expr::Exists(Exists::new(s, negated)))
                }
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => self
                    .subquery(subquery)
                    .map(|s| Expr::SetComparison(SetComparison::new(expr, s, op, quantifier))),
                other => return Ok(Transformed::no(other)),
            };
            match outcome {
                Ok(expr) => Ok(Transformed::yes(expr)),
                Err(found) => {
                    refusals = Some(found);
                    Err(DataFusionError::Plan("refused".to_owned()))
                }
            }
        });
        match (refusals, transformed) {
            (Some(refusals), _) => Err(refusals),
            (None, transformed) => engine(transformed).map(|t| t.data),
        }
    }

    fn subquery(&mut self, subquery: Subquery) -> Result<Subquery, Refusals> {
        let part = self.cut(&subquery.subquery)?;
        let plan = self.above(part, "a subquery")?;
        Ok(Subquery { subquery: Arc::new(plan), ..subquery })
    }
}

/// Where the bins of a histogram or quantile begin and end, for the column's metadata.
fn described_bins(measure: &Measure, dataset: &Dataset) -> Option<FieldMetadata> {
    let argument = match &measure.kind {
        MeasureKind::Histogram(argument) | MeasureKind::Quantile { argument, .. } => argument,
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::ApproxDistinct(_)
        | MeasureKind::Sum(_)
        | MeasureKind::Mean(_)
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => return None,
    };
    let bins = Bins::of(argument, dataset)?.describe();
    Some(FieldMetadata::from(std::collections::HashMap::from([(BINS.to_owned(), bins)])))
}

fn has_subquery(exprs: &[Expr]) -> bool {
    exprs.iter().any(|expr| {
        expr.exists(|e| {
            Ok(matches!(
                e,
                Expr::ScalarSubquery(_)
                    | Expr::InSubquery(_)
                    | Expr::Exists(_)
                    | Expr::SetComparison(_)
            ))
        })
        .unwrap_or(true)
    })
}

/// Whether open data's Tabulation is admitted, fits into a request, and means what the engine's aggregation would.
fn means_the_same(question: &Tabulation, relation: &Relation) -> bool {
    is_exact(question)
        && fits(question)
        && admit(question.clone(), Arc::clone(&relation.held.dataset)).is_ok()
}

/// Rows of a protected dataset, asked for above a Tabulation: every reason at once.
fn rows_refused(relation: &Relation, what: &str) -> Refusals {
    if let Some(units) = &relation.rolled_up {
        let Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } =
            &units.dataset.protection
        else {
            return refused(RefusalCode::D201, "rows stay at the department.", "");
        };
        let unit = Scalar::Column(name.clone());
        let told = insitu_disclosure::rules::labels::units_used(&unit, &units.dataset);
        return Refusals::collect(told)
            .unwrap_or_else(|| refused(RefusalCode::D201, "rows stay at the department.", ""));
    }
    let name = &relation.dataset().name;
    let mut reasons = Vec::new();
    if matches!(what, "the result" | "`ORDER BY`" | "`LIMIT`") {
        reasons.push(Refusal::new(
            RefusalCode::D201,
            format!("rows of `{name}` stay at the department: only tables leave."),
            "Aggregate: `SELECT ..., count(*) ... GROUP BY ...`.",
        ));
    } else {
        reasons.push(Refusal::new(
            RefusalCode::D208,
            format!("{what} isn't allowed over the rows of `{name}`."),
            "Aggregate each dataset in a CTE first, then combine the released tables.",
        ));
    }
    // A bare scan names every column of the dataset; only a projection tells which are meant.
    let named = match &relation.plan {
        LogicalPlan::Projection(_) => relation.columns.as_slice(),
        _ => &[],
    };
    let uses = named.iter().filter_map(|c| c.scalar.as_ref().ok());
    for scalar in uses.chain(&relation.predicates) {
        reasons.extend(insitu_disclosure::rules::labels::units_used(scalar, relation.dataset()));
    }
    Refusals::collect(reasons)
        .unwrap_or_else(|| refused(RefusalCode::D201, "rows stay at the department.", ""))
}
