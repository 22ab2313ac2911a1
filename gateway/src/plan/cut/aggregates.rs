//! Aggregations: of one dataset's rows, those that are more than one question, and one cell of a table.

use insitu_disclosure::{RefusalCode, Refusals};
use insitu_engine::logical_expr::{Aggregate, LogicalPlan};

use super::super::aggregate::tabulation;
use super::super::conditional;
use super::super::correlated::correlated;
use super::super::leaf::Leaf;
use super::super::relation::Relation;
use super::super::roll_up::rolled_up;
use super::super::union;
use super::rows::may_be_rows;
use super::{Cutter, Part, engine, means_the_same, refused, rows_refused};

impl Cutter {
    /// An aggregation of protected rows whose aggregates of `CASE` are such under `FILTER`; `None` of any other.
    pub(super) fn filtered(
        &mut self,
        aggregate: &Aggregate,
    ) -> Result<Option<LogicalPlan>, Refusals> {
        let Some(filtered) = engine(conditional::filtered(aggregate))? else { return Ok(None) };
        let first = self.leaves.len();
        let mut is_of_protected_rows = |input: &LogicalPlan| {
            if !may_be_rows(input) {
                return false;
            }
            let part = self.cut(input);
            // This was only to see what it is.
            self.leaves.truncate(first);
            matches!(part, Ok(Part::Rows(relation)) if !relation.dataset().is_open())
        };
        let protected = match engine(union::branches(aggregate))? {
            Some(branches) => branches.iter().any(|branch| is_of_protected_rows(&branch.input)),
            None => is_of_protected_rows(&aggregate.input),
        };
        Ok(protected.then_some(filtered))
    }

    /// An aggregation over the rows of several datasets; `None` if it isn't over such rows, or if open rows have to be
    /// fetched for it.
    pub(super) fn union(
        &mut self,
        aggregate: &Aggregate,
        branches: &[Aggregate],
    ) -> Result<Option<LogicalPlan>, Refusals> {
        if !branches.iter().all(|branch| may_be_rows(&branch.input)) {
            return Ok(None);
        }
        let first = self.leaves.len();
        let mut relations = Vec::with_capacity(branches.len());
        for branch in branches {
            let part = self.cut(&branch.input);
            // This was only to see what it is.
            self.leaves.truncate(first);
            let Part::Rows(relation) = part? else { return Ok(None) };
            relations.push(*relation);
        }
        let all_open = relations.iter().all(|r| r.dataset().is_open());
        if all_open && !union::all_add_up(aggregate) {
            return Ok(None);
        }
        if !all_open {
            if relations.iter().any(|r| r.dataset().is_open()) {
                return Ok(None);
            }
            union::refuse(union::violations(aggregate, &relations))?;
        }
        let mut tables = Vec::with_capacity(branches.len());
        for branch in branches {
            match self.aggregate(branch)? {
                Part::Upper(table) => tables.push(table),
                // A unit's rows are brought together within one dataset.
                Part::Rows(relation) => return Err(rows_refused(&relation, "a set operation")),
            }
        }
        if !all_open {
            return engine(union::of_protected(aggregate, first, tables)).map(Some);
        }
        let mut asked = self.leaves.iter().skip(first);
        let tabulated = asked.all(|leaf| matches!(leaf, Leaf::Tabulation { .. }));
        let total = if tabulated { engine(union::of_open(aggregate, tables))? } else { None };
        if total.is_none() {
            self.leaves.truncate(first);
        }
        Ok(total)
    }

    /// An aggregation over the rows of one dataset: a Tabulation, if it can be one, or a unit's rows brought together.
    pub(super) fn aggregate_rows(
        &mut self,
        aggregate: &Aggregate,
        relation: Box<Relation>,
    ) -> Result<Part, Refusals> {
        if let Some(units) = rolled_up(aggregate, &relation) {
            return Ok(Part::Rows(Box::new(units)));
        }
        let refusals = match tabulation(aggregate, &relation) {
            Ok((question, outputs)) => {
                if !relation.dataset().is_open() || means_the_same(&question, &relation) {
                    return self.tabulated(aggregate, &relation, question, &outputs);
                }
                Vec::new()
            }
            Err(refusals) => refusals,
        };
        if relation.dataset().is_open() {
            let input = self.above(Part::Rows(relation), "an aggregation")?;
            return self.aggregate_above(aggregate, input);
        }
        Err(Refusals::collect(refusals).unwrap_or_else(|| {
            refused(
                RefusalCode::D208,
                "this aggregation isn't offered over protected data.",
                "Use `count`, `sum`, `avg`, `histogram` or `percentile_cont`.",
            )
        }))
    }

    /// A total of open rows that agree with the row around them, as one cell of a Tabulation; `None` where it isn't that.
    pub(super) fn picked_cell(&mut self, aggregate: &Aggregate) -> Option<LogicalPlan> {
        let found = correlated(aggregate).filter(|found| may_be_rows(&found.tabulated.input))?;
        let leaves = self.leaves.len();
        let cells = match self.cut(&found.tabulated.input) {
            Ok(Part::Rows(relation)) if relation.dataset().is_open() => {
                match tabulation(&found.tabulated, &relation) {
                    Ok((question, outputs)) if means_the_same(&question, &relation) => {
                        self.tabulated(&found.tabulated, &relation, question, &outputs)
                    }
                    Ok(_) | Err(_) => return None,
                }
            }
            Ok(Part::Rows(_) | Part::Upper(_)) | Err(_) => {
                self.leaves.truncate(leaves);
                return None;
            }
        };
        match cells {
            Ok(Part::Upper(cells)) => found.above(cells).ok(),
            Ok(Part::Rows(_)) | Err(_) => {
                self.leaves.truncate(leaves);
                None
            }
        }
    }
}
