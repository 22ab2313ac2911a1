//! Functions and frames that are used as the engine doesn't take them: what it says, and what is told instead.
//!
//! A closed list. Each text here begins what the engine says of the statement alone, and no value ever stands before it, so
//! that it tells one fault of a statement from another and nothing of the data. Nothing of the engine's own text is kept.

use insitu_disclosure::{Refusal, RefusalCode};
use insitu_engine::common::DataFusionError;
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::logical_expr::{Expr, LogicalPlan};

struct Misuse {
    /// How the engine's sentence begins.
    begins: &'static str,
    code: RefusalCode,
    message: &'static str,
    fix: &'static str,
}

const NO_OPERATOR: &str = "Physical plan does not support logical expression";

const CALCULATED: &str = "a calculated argument of `ntile`, `lag`, `lead` or `nth_value` isn't offered: of how many parts, or of how many rows on.";
const WRITE_NUMBER: &str = "Write a number: `ntile(4)`, `lag(x, 1)`.";

const MISUSES: [Misuse; 12] = [
    Misuse {
        begins: "Invalid window frame: start bound (",
        code: RefusalCode::Q109,
        message: "a window frame begins after it ends.",
        fix: "Write the earlier bound first: `BETWEEN 1 PRECEDING AND CURRENT ROW`.",
    },
    Misuse {
        begins: "There is only support Literal types for field at idx",
        code: RefusalCode::Q104,
        message: CALCULATED,
        fix: WRITE_NUMBER,
    },
    Misuse {
        begins: "Expected a signed integer literal for the second argument of nth_value",
        code: RefusalCode::Q104,
        message: CALCULATED,
        fix: WRITE_NUMBER,
    },
    Misuse {
        begins: "NTILE requires a positive integer",
        code: RefusalCode::Q107,
        message: "`ntile` takes a number of parts, from 1.",
        fix: "Write it: `ntile(4)`.",
    },
    Misuse {
        begins: "Percentile value must be between",
        code: RefusalCode::Q107,
        message: "a percentile is a number from 0 to 1.",
        fix: "Write `0.95` for the 95th.",
    },
    Misuse {
        begins: "Percentile value for",
        code: RefusalCode::Q104,
        message: "a calculated percentile isn't offered.",
        fix: "Write a number from 0 to 1.",
    },
    Misuse {
        begins: "Date part ",
        code: RefusalCode::Q104,
        message: "a date has other parts here.",
        fix: "Use `year`, `isoyear`, `quarter`, `month`, `week`, `day`, `doy`, `dow`, `isodow`, `hour`, `minute`, `second` or `epoch`.",
    },
    Misuse {
        begins: "date_part requires non-empty constant string",
        code: RefusalCode::Q104,
        message: "a calculated part of a date isn't offered.",
        fix: "Write it: `date_part('year', d)`.",
    },
    Misuse {
        begins: "Unsupported date_trunc granularity",
        code: RefusalCode::Q104,
        message: "`date_trunc` cuts to other units here.",
        fix: "Use `year`, `quarter`, `month`, `week`, `day`, `hour`, `minute` or `second`.",
    },
    // Of `b.i`, where `b` is the alias of a table around a subquery and a column of a table within it.
    Misuse {
        begins: "Cannot access field at argument",
        code: RefusalCode::Q109,
        message: "in a name of two parts the first is a column, which has no parts: a table of the subquery has a column named as another \
                  table is.",
        fix: "Give that other table another alias, which no column has.",
    },
    Misuse {
        begins: NO_OPERATOR,
        code: RefusalCode::Q104,
        message: "the statement uses something that the engine can't run: `IN` a subquery outside `WHERE`, or a subquery within an aggregate, \
                  with `LIMIT`, or compared with the rows around it by other than `=`.",
        fix: "Write the subquery as a join with a CTE.",
    },
    Misuse {
        begins: "COUNT DISTINCT with multiple arguments",
        code: RefusalCode::Q104,
        message: "`count(DISTINCT …)` of several columns isn't offered.",
        fix: "Count the rows of a subquery: `SELECT count(*) FROM (SELECT DISTINCT a, b FROM …) AS t`.",
    },
];

/// What is told of an expression that is left in an optimised plan and that the engine has no operator for: found when the
/// statement is planned, and not when it is run, so that what is explained as asked is answered.
pub(super) fn left_over(optimised: &LogicalPlan) -> Result<Option<Refusal>, DataFusionError> {
    let mut found = false;
    optimised.apply_with_subqueries(|node| {
        let adds_up = matches!(node, LogicalPlan::Aggregate(_));
        node.apply_expressions(|expr| {
            found |= expr.exists(|part| {
                Ok(match part {
                    Expr::Exists(_) | Expr::InSubquery(_) => true,
                    Expr::ScalarSubquery(of) => !of.outer_ref_columns.is_empty(),
                    Expr::AggregateFunction(_) => !adds_up,
                    _ => false,
                })
            })?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    let misuse = MISUSES.iter().find(|misuse| misuse.begins == NO_OPERATOR).filter(|_| found);
    Ok(misuse.map(|misuse| Refusal::new(misuse.code, misuse.message, misuse.fix)))
}

/// What is told of the engine's error, if it is one of these.
pub(super) fn refusal(error: &DataFusionError) -> Option<Refusal> {
    let (DataFusionError::NotImplemented(text)
    | DataFusionError::Plan(text)
    | DataFusionError::Execution(text)) = error
    else {
        return None;
    };
    let misuse = MISUSES.iter().find(|misuse| text.starts_with(misuse.begins))?;
    Some(Refusal::new(misuse.code, misuse.message, misuse.fix))
}
