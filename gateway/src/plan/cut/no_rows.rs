//! Tables without rows, by which clients learn what columns there are: `SELECT * FROM t WHERE 1 = 0`, `SELECT * FROM t LIMIT 0`.
//!
//! No department is asked, and there is nothing to protect: the columns and their types are published. Only rows that were asked
//! for as they are become such a table. An aggregation is a Tabulation whatever its rows are, under the same rules and with the
//! same types; but where whole tables alone are released, which have no conditions, one of nobody is made here, too: no cell of
//! any key, and a total that isn't shown, as departments would answer. So is one of several measures, `count(*) FILTER (WHERE
//! FALSE)`, in every row of the others.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt16Array, new_null_array};
use arrow_schema::SchemaRef;
use insitu_disclosure::policy::Predicates;
use insitu_disclosure::tabulation::KeySet;
use insitu_disclosure::{
    CellStatus, Input, Measure, MeasureKind, Refusals, SET_COLUMN, Shape, Tabulation, admit,
};
use insitu_engine::common::{Column, Result, ScalarValue};
use insitu_engine::datasource::{MemTable, provider_as_source, source_as_provider};
use insitu_engine::logical_expr::{
    Distinct, EmptyRelation, Expr, Limit, LogicalPlan, LogicalPlanBuilder, TableScan,
};

use super::super::leaf::{Leaf, PendingTable};
use super::super::relation::{NEVER, Relation};
use super::{Cutter, Part, engine};

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
fn is_of_nobody(question: &Tabulation, relation: &Relation) -> std::result::Result<bool, Refusals> {
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

/// A question of which the text says that some measures are of nobody, by what is asked of departments and what isn't.
struct Split {
    /// The question without these measures; a count of rows, if there are no others.
    asked: Tabulation,
    /// These measures of all rows, as one cell.
    nobodys: Tabulation,
    /// Where each measure of the question is.
    places: Vec<Place>,
}

/// A measure's place among those that are asked, or among those of nobody.
enum Place {
    Asked(usize),
    Nobodys(usize),
}

impl Split {
    /// `None` if there is no such measure, or the dataset has conditions to ask it under.
    fn of(
        question: &Tabulation,
        relation: &Relation,
    ) -> std::result::Result<Option<Self>, Refusals> {
        let dataset = relation.dataset();
        let whole_tables = dataset.profile().predicates == Predicates::WholeTables;
        let is_nobodys = |measure: &Measure| measure.filter.as_ref() == Some(&NEVER);
        if !whole_tables || relation.joined.is_some() || !question.measures.iter().any(is_nobodys) {
            return Ok(None);
        }
        let (mut asked, mut nobodys, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for measure in &question.measures {
            if is_nobodys(measure) {
                places.push(Place::Nobodys(nobodys.len()));
                nobodys.push(Measure { filter: None, ..measure.clone() });
            } else {
                places.push(Place::Asked(asked.len()));
                asked.push(measure.clone());
            }
        }
        let measures = [asked.as_slice(), &nobodys].concat();
        // The rest of the question is judged as ever.
        if !relation.has_no_rows() {
            let of_all = Tabulation { measures, ..question.clone() };
            admit(of_all, Arc::clone(&relation.held.dataset))?;
        }
        if asked.is_empty() {
            asked.push(Measure { kind: MeasureKind::Rows, filter: None });
        }
        let one_cell = Tabulation { keys: Vec::new(), sets: Vec::new(), ..question.clone() };
        let nobodys = Tabulation { measures: nobodys, ..one_cell };
        let asked = Tabulation { measures: asked, ..question.clone() };
        Ok(Some(Self { asked, nobodys, places }))
    }

    /// The table of the whole question, of this schema, under this name.
    fn together(
        &self,
        name: &str,
        schema: &SchemaRef,
        asked: LogicalPlan,
        nobodys: LogicalPlan,
    ) -> Result<LogicalPlan> {
        let statuses: Vec<String> =
            (0..self.places.len()).map(|place| format!("m{place}_status")).collect();
        let columns = schema.fields().iter().filter(|field| !statuses.contains(field.name()));
        let columns: Vec<Expr> = columns
            .map(|field| {
                let mut measures = self.places.iter().enumerate();
                let measure = measures.find(|(place, _)| *field.name() == format!("m{place}"));
                let (table, column) = match measure {
                    Some((_, Place::Nobodys(place))) => (nobodys_of(name), format!("m{place}")),
                    Some((_, Place::Asked(place))) => (name.to_owned(), format!("m{place}")),
                    None => (name.to_owned(), field.name().clone()),
                };
                let column = Expr::Column(Column::new(Some(table), column));
                column.alias_qualified(Some(name), field.name())
            })
            .collect();
        LogicalPlanBuilder::from(asked).cross_join(nobodys)?.project(columns)?.build()
    }
}

fn nobodys_of(name: &str) -> String {
    format!("{name}_nobody")
}

/// The scan of that table, under this name.
fn cells(name: &str, schema: &SchemaRef, question: &Tabulation) -> Result<LogicalPlan> {
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
    /// The scan of a question's table, under this name; what departments are asked for becomes a leaf.
    pub(super) fn released(
        &mut self,
        name: &str,
        question: &Tabulation,
        relation: &Relation,
    ) -> std::result::Result<LogicalPlan, Refusals> {
        let dataset = relation.dataset();
        let schema = Shape::of(question, dataset)?.table_schema();
        if let Some(split) = Split::of(question, relation)? {
            let asked = self.released(name, &split.asked, relation)?;
            let of_nobody = Shape::of(&split.nobodys, dataset)?.table_schema();
            let nobodys = engine(cells(&nobodys_of(name), &of_nobody, &split.nobodys))?;
            return engine(split.together(name, &schema, asked, nobodys));
        }
        if is_of_nobody(question, relation)? {
            return engine(cells(name, &schema, question));
        }
        let scan = engine(PendingTable::scan(self.leaves.len(), schema, None))?;
        self.leaves.push(Leaf::Tabulation {
            joined: relation.joined.as_ref().map(|j| j.held.of(question)).unwrap_or_default(),
            tabulation: Box::new(question.clone()),
            held: Arc::clone(&relation.held),
            references: relation.references.clone(),
        });
        Ok(scan)
    }

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
