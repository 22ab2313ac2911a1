//! Tables without rows, by which clients learn what columns there are: `SELECT * FROM t WHERE 1 = 0`, `SELECT * FROM t LIMIT 0`.
//!
//! No department is asked, and there is nothing to protect: the columns and their types are published. Only rows that were asked
//! for as they are become such a table. An aggregation is a Tabulation whatever its rows are, under the same rules and with the
//! same types; but where whole tables alone are released, which have no conditions, one of nobody is made here, too: no cell of
//! any key, and a total that isn't shown, as departments would answer.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt16Array, new_null_array};
use arrow_schema::SchemaRef;
use insitu_disclosure::policy::Predicates;
use insitu_disclosure::tabulation::KeySet;
use insitu_disclosure::{CellStatus, Input, Refusals, SET_COLUMN, Tabulation, admit};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::datasource::{MemTable, provider_as_source, source_as_provider};
use insitu_engine::logical_expr::{
    Distinct, EmptyRelation, Expr, Limit, LogicalPlan, LogicalPlanBuilder, TableScan,
};

use super::super::relation::Relation;
use super::{Cutter, Part};

/// A table with the columns of a plan.
pub(super) fn of(plan: &LogicalPlan) -> LogicalPlan {
    let schema = Arc::clone(plan.schema());
    LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })
}

/// Whether a question is about nobody, and of a dataset that has no conditions to ask it under. The rest of the question is
/// judged as ever.
///
/// # Errors
/// What is refused whatever the condition is.
pub(super) fn is_of_nobody(
    question: &Tabulation,
    relation: &Relation,
) -> std::result::Result<bool, Refusals> {
    let dataset = relation.dataset();
    let whole_tables = dataset.profile().predicates == Predicates::WholeTables;
    let Input::Filter { input, .. } = &question.input else { return Ok(false) };
    if !whole_tables || !relation.has_no_rows() || relation.joined.is_some() {
        return Ok(false);
    }
    let of_all = Tabulation { input: input.as_ref().clone(), ..question.clone() };
    admit(of_all, Arc::clone(&relation.held.dataset))?;
    Ok(true)
}

/// The scan of that table, under this name.
pub(super) fn cells(name: &str, schema: &SchemaRef, question: &Tabulation) -> Result<LogicalPlan> {
    let totals = question.key_sets().into_iter().filter(|set| set.is_empty());
    let sets: Vec<u16> = totals.map(KeySet::mask).collect();
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            if field.name() == SET_COLUMN {
                Arc::new(UInt16Array::from(sets.clone()))
            } else if field.is_nullable() {
                new_null_array(field.data_type(), sets.len())
            } else {
                Arc::new(StringArray::from(vec![CellStatus::Suppressed.as_str(); sets.len()]))
            }
        })
        .collect();
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    let table = MemTable::try_new(Arc::clone(schema), vec![vec![batch]])?;
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()
}

/// Whether a scan is of such a table.
pub(in super::super) fn is_of_cells(scan: &TableScan) -> bool {
    let provider = source_as_provider(&scan.source);
    provider.is_ok_and(|provider| {
        let any: &dyn Any = provider.as_ref();
        any.is::<MemTable>()
    })
}

impl Cutter {
    /// A number of rows of what is released; none of protected rows, too.
    pub(super) fn limit(&mut self, limit: &Limit, plan: &LogicalPlan) -> Result<Part, Refusals> {
        let part = match limit.input.as_ref() {
            LogicalPlan::Sort(sort) if is_zero(limit) => match self.cut(&sort.input)? {
                // Nor is there anything to put in an order.
                part @ Part::Rows(_) if is_protected(&part) => part,
                part => self.over(vec![part], &limit.input, "`ORDER BY`")?,
            },
            // Nor anything to have once.
            LogicalPlan::Distinct(Distinct::All(rows)) if is_zero(limit) => match self.cut(rows)? {
                part @ Part::Rows(_) if is_protected(&part) => part,
                part => self.over(vec![part], &limit.input, "`DISTINCT`")?,
            },
            other => self.cut(other)?,
        };
        if is_zero(limit) && is_protected(&part) {
            return Ok(Part::Upper(of(plan)));
        }
        self.over(vec![part], plan, "`LIMIT`")
    }
}

fn is_protected(part: &Part) -> bool {
    match part {
        Part::Rows(rows) => !rows.dataset().is_open(),
        Part::Upper(_) => false,
    }
}

fn is_zero(limit: &Limit) -> bool {
    match limit.fetch.as_deref() {
        Some(Expr::Literal(ScalarValue::Int64(Some(count)), _)) => *count == 0,
        Some(Expr::Literal(ScalarValue::UInt64(Some(count)), _)) => *count == 0,
        Some(_) | None => false,
    }
}
