//! What a `CASE` of columns and numbers comes to: totals of columns and counts of rows, each a cell of its own, and what is
//! calculated with them once they are released.
//!
//! | as written | asked |
//! |---|---|
//! | `sum(CASE WHEN a THEN x WHEN b THEN 2 END)` | `sum(x)` and `count(x)` under `a`, and twice `count(*)` under `b` |
//! | `sum(CASE WHEN a THEN x ELSE -y END)` | the total of `x` under `a` less that of `y` of all others |
//! | `avg(CASE WHEN a THEN x ELSE 0 END)` | `sum(x)` under `a` by `count(x)` under `a` and `count(*)` of all others |
//! | `count(CASE WHEN a THEN x ELSE 0 END)` | these two counts |
//!
//! A column's values are counted because a total of none has no value, and adds nothing to the others. Of one that isn't
//! shown there is no total: its count isn't 0, or isn't shown either.

use arrow_schema::DataType;
use insitu_engine::common::ScalarValue;
use insitu_engine::functions::core::expr_fn::nullif;
use insitu_engine::logical_expr::{Expr, cast, lit, when};

use super::conditional::{added_up, of_type};

/// What is made of totals and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// What all come to; of no rows 0.
    Total,
    /// What all come to; of no rows NULL.
    TotalOfSome,
    Mean,
    Count,
}

impl Of {
    /// What an aggregate of this name is, of a `CASE` with or without 0.
    pub(super) fn the(name: &str, has_zero: bool) -> Option<Self> {
        match name {
            "sum" if has_zero => Some(Self::Total),
            "sum" => Some(Self::TotalOfSome),
            "avg" => Some(Self::Mean),
            "count" => Some(Self::Count),
            _ => None,
        }
    }
}

/// How an aggregate follows from totals of columns, each with a count of its values, from counts of numbers, and from the
/// count of all rows that have a number. The measures are in this order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixed {
    pub(super) of: Of,
    /// Whether each total is added or taken away.
    pub(super) signs: Vec<f64>,
    /// What each count of a number is multiplied by.
    pub(super) factors: Vec<f64>,
}

impl Mixed {
    /// The column of this type; `None` if measures are missing.
    pub(super) fn value(&self, measures: &[Expr], wanted: &DataType) -> Option<Expr> {
        let (of_columns, of_numbers) =
            measures.split_at_checked(self.signs.len().checked_mul(2)?)?;
        let (columns, _) = of_columns.as_chunks::<2>();
        let (numbers, rest) = of_numbers.split_at_checked(self.factors.len())?;
        let values = columns.iter().map(|[_, values]| values).chain(rest).cloned();
        let all = values.reduce(|all, count| all + count)?;
        let counted_in = match self.of {
            Of::Total | Of::TotalOfSome => wanted,
            Of::Mean => &DataType::Float64,
            Of::Count => return Some(all),
        };
        let zero = lit(ScalarValue::new_zero(counted_in).ok()?);
        let of_its_type = |value: &Expr| cast(value.clone(), counted_in.clone());
        let totals = columns.iter().map(|[total, values]| {
            let is_of_none = values.clone().eq(lit(0_i64));
            when(is_of_none, zero.clone()).otherwise(of_its_type(total)).ok()
        });
        let counts = numbers.iter().map(|count| Some(of_its_type(count)));
        let terms: Vec<Expr> = totals.chain(counts).collect::<Option<_>>()?;
        let factors = [self.signs.as_slice(), &self.factors].concat();
        let total = added_up(&terms, &factors, counted_in, |term| term)?;
        match self.of {
            Of::Total => Some(total),
            Of::TotalOfSome => when(all.not_eq(lit(0_i64)), total).end().ok(),
            Of::Mean => {
                let all = cast(nullif(all, lit(0_i64)), DataType::Float64);
                Some(of_type(total / all, &DataType::Float64, wanted))
            }
            Of::Count => None,
        }
    }
}
