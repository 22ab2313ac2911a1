//! What the parts of a Tabulation ask of each row, as the engine's expressions.

use insitu_disclosure::evidence::PartShape;
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::tabulation::typing::type_of;
use insitu_disclosure::tabulation::{Part, PartKind};
use insitu_disclosure::{Dataset, ProtectedUnit, Protection, Scalar, ScalarType, Tabulation};
use insitu_engine::logical_expr::{Expr, lit};

use super::expression::{clamped_expression, expression};
use super::function::{amount, deviation, open_amount, product};
use super::layout::{Counted, Finding, Layout, Sign, Width};
use crate::references::LookUps;

/// What is asked of each row of protected data.
#[derive(Debug)]
pub(super) struct Arguments {
    /// What is found out from it.
    pub(super) layout: Layout,
    /// Which finding each part is.
    pub(super) of_parts: Vec<usize>,
    /// Conditions under which rows count.
    pub(super) conditions: Vec<Expr>,
    /// Amounts, where they count.
    pub(super) amounts: Vec<Expr>,
}

impl Arguments {
    /// What this Tabulation asks.
    pub(super) fn of(tabulation: &Tabulation, dataset: &Dataset, look_ups: &LookUps) -> Self {
        let expression = |scalar: &Scalar| expression(scalar, look_ups);
        let (many_rows, record_keys) = match &dataset.protection {
            Protection::Open => (false, false),
            Protection::Protected { unit, record_key, .. } => {
                let many_rows = match unit {
                    ProtectedUnit::Row => false,
                    ProtectedUnit::Column { unique_per_row, .. } => !unique_per_row,
                };
                (many_rows, record_key.is_some())
            }
        };
        let parts = tabulation.parts(dataset).distinct;
        let sketch = parts.iter().any(|part| PartShape::of(part, dataset).sketch);
        let (mut conditions, mut amounts) = (Vec::new(), Vec::new());
        let (mut widths, mut findings) = (Vec::new(), Vec::new());
        let mut of_parts = Vec::with_capacity(parts.len());
        for part in &parts {
            let (present, added) = match narrow_amount(part, dataset, look_ups) {
                Some(narrow) => (part.argument.map(expression), Some((narrow, Width::Narrow))),
                None => {
                    let argument = argument(part, dataset, look_ups);
                    let added = argument.clone().filter(|_| adds_up(part.kind));
                    (argument, added.map(|wide| (wide, Width::Wide)))
                }
            };
            let counted = match condition(part, present, look_ups) {
                None => Counted::Every,
                Some(condition) => Counted::If(place(&mut conditions, condition)),
            };
            let amount = added.map(|(expr, width)| {
                let at = place(&mut amounts, expr);
                if at == widths.len() {
                    widths.push(width);
                }
                at
            });
            let sign = match part.kind {
                PartKind::Units if many_rows => Sign::Unit,
                // A unit's only row is the unit.
                PartKind::Units | PartKind::Rows | PartKind::Values => Sign::Contribution,
                PartKind::Distinct
                | PartKind::Sum
                | PartKind::Deviations
                | PartKind::Squares
                | PartKind::Products => Sign::Contribution,
            };
            let infusion = Infusion::of(part, dataset);
            of_parts.push(place(&mut findings, Finding { counted, amount, sign, infusion }));
        }
        let layout = Layout {
            many_rows,
            record_keys,
            sketch,
            conditions: conditions.len(),
            amounts: widths,
            findings,
        };
        Self { layout, of_parts, conditions, amounts }
    }
}

/// Where it is among those known, at the end if it is new.
fn place<T: PartialEq>(known: &mut Vec<T>, wanted: T) -> usize {
    match known.iter().position(|k| *k == wanted) {
        Some(at) => at,
        None => {
            known.push(wanted);
            known.len().saturating_sub(1)
        }
    }
}

const fn adds_up(kind: PartKind) -> bool {
    match kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => false,
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => true,
    }
}

/// Whether a row counts, where not every row does: `present` has a value, and so has what is beside it, under the
/// part's filter.
pub(super) fn condition(
    part: &Part<'_>,
    present: Option<Expr>,
    look_ups: &LookUps,
) -> Option<Expr> {
    let expression = |scalar: &Scalar| expression(scalar, look_ups);
    let has_value = |value: Expr| Expr::IsNotNull(Box::new(value));
    let filter = part.filter.as_deref().map(expression);
    let beside = part.beside.map(expression).map(has_value);
    [filter, present.map(has_value), beside].into_iter().flatten().reduce(Expr::and)
}

/// What has to be there for a row to count, and what it adds where the part adds up.
pub(super) fn argument(part: &Part<'_>, dataset: &Dataset, look_ups: &LookUps) -> Option<Expr> {
    let (of_argument, of_beside) = part.origins(dataset);
    let deviation =
        |x: &Scalar, origin| deviation(clamped_expression(x, dataset, look_ups), origin);
    let x = part.argument?;
    match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => {
            Some(expression(x, look_ups))
        }
        // What is declared of open data's values bounds nothing: its rows can be had as they are.
        PartKind::Sum if dataset.is_open() => Some(open_amount(expression(x, look_ups))),
        PartKind::Sum => Some(amount(clamped_expression(x, dataset, look_ups))),
        PartKind::Deviations => Some(deviation(x, of_argument)),
        PartKind::Squares => {
            let deviation = deviation(x, of_argument);
            Some(product(deviation.clone(), deviation))
        }
        PartKind::Products => {
            Some(product(deviation(x, of_argument), deviation(part.beside?, of_beside)))
        }
    }
}

/// The total of a column of whole numbers with bounds of at most 32 bits is added up as it is, or from its origin. It has a
/// value exactly where the column has.
fn narrow_amount(part: &Part<'_>, dataset: &Dataset, look_ups: &LookUps) -> Option<Expr> {
    let origin = match part.kind {
        PartKind::Sum => 0,
        PartKind::Deviations => part.origins(dataset).0,
        PartKind::Rows
        | PartKind::Values
        | PartKind::Units
        | PartKind::Distinct
        | PartKind::Squares
        | PartKind::Products => return None,
    };
    let x = part.argument?;
    let (bounds, _) = part.bounds(dataset);
    let narrow = |bound: i128| i32::try_from(bound).is_ok();
    // An origin is 0 or one of the bounds, so that what is left has 32 bits, too.
    let is_narrow = bounds.is_some_and(|b| narrow(b.low) && narrow(b.high))
        && matches!(x, Scalar::Column(_))
        && type_of(x, dataset) == Ok(ScalarType::Int64);
    let origin = i64::try_from(origin).ok().filter(|_| is_narrow)?;
    let value = clamped_expression(x, dataset, look_ups);
    Some(if origin == 0 { value } else { value - lit(origin) })
}
