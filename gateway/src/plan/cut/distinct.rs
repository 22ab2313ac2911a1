//! `SELECT DISTINCT` of protected rows: which keys there are.
//!
//! It is the aggregation by all its columns, and by that alone: `SELECT DISTINCT area FROM t` has the rows of `SELECT area FROM
//! t GROUP BY area`, those of a table whose counts are shown, and with the unit among the columns it brings a unit's rows together.

use std::sync::Arc;

use insitu_disclosure::Refusals;
use insitu_engine::common::Column;
use insitu_engine::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};

use super::{Cutter, Part, engine, no_rows};

impl Cutter {
    /// Each row once.
    pub(super) fn distinct(
        &mut self,
        distinct: &Distinct,
        plan: &LogicalPlan,
    ) -> Result<Part, Refusals> {
        let input = match distinct {
            Distinct::All(input) => input,
            Distinct::On(on) => &on.input,
        };
        match (self.cut(input)?, distinct) {
            (Part::Rows(rows), _) if !rows.dataset().is_open() && rows.has_no_rows() => {
                Ok(Part::Upper(no_rows::of(plan)))
            }
            (Part::Rows(rows), Distinct::All(_)) if !rows.dataset().is_open() => {
                let keys = input.schema().iter().map(|field| Expr::Column(Column::from(field)));
                let keys = Aggregate::try_new(Arc::clone(input), keys.collect(), Vec::new());
                self.aggregate_rows(&engine(keys)?, rows)
            }
            (part, Distinct::All(_) | Distinct::On(_)) => self.over(vec![part], plan, "`DISTINCT`"),
        }
    }
}
