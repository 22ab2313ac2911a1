//! Tables without rows, by which clients learn what columns there are: `SELECT * FROM t WHERE 1 = 0`, `SELECT * FROM t LIMIT 0`.
//!
//! No department is asked, and there is nothing to protect: the columns and their types are published. Only rows that were asked
//! for as they are become such a table. An aggregation is a Tabulation whatever its rows are, under the same rules and with the
//! same types.

use std::sync::Arc;

use insitu_disclosure::Refusals;
use insitu_engine::common::ScalarValue;
use insitu_engine::logical_expr::{EmptyRelation, Expr, Limit, LogicalPlan};

use super::{Cutter, Part};

/// A table with the columns of a plan.
pub(super) fn of(plan: &LogicalPlan) -> LogicalPlan {
    let schema = Arc::clone(plan.schema());
    LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })
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
