//! Measures: totals, means and moments of columns that may be aggregated, within declared bounds. Histograms and
//! quantiles have a file of their own: [`super::quantiles`].
//!
//! *Statement*: the argument of `sum`, `avg` and of moments is a `measure` column of an exact type with declared
//! bounds; the argument of `count` is a column. Moments of two columns take two different ones, and the bounds are
//! narrow enough for totals of products to be exact. Moments are of protected data: those of open data are computed
//! from its rows. `approx_distinct` is of open data: which values occur isn't told of protected ones, not even about, and
//! their units are counted exactly. `CASE` doesn't stand inside a measure: `FILTER` makes a
//! cell of its own, with its own contributing units, and is what a gateway makes of `sum(CASE WHEN ... THEN x ELSE 0 END)`. Nor does arithmetic:
//!
//! | question | what it would tell |
//! |---|---|
//! | `sum(arrears + 1)`, where 4 of 13 accounts owe anything | the four's total, though 13 contribute |
//! | `sum(cost * 1000)` | the exact total: rounded at the thousandth of its unit |
//! | `sum(age)` by `age` | the exact count, as the total of a known number |
//!
//! *Stops*: attacks 5 to 7 (one person's value carried out by `CASE`), the three above, and 42
//! (totals that wrap). *Doesn't stop*: one person whose honest value is most of the total; dominance is
//! for that. A measure that has the same value in every row tells the exact count by its total; noise
//! is for that.
//!
//! *Source*: Handbook on SDC, 2nd ed., on magnitude tables.

use crate::dataset::{Bounds, Column, Dataset, ProtectedUnit, Protection};
use crate::function::Function;
use crate::label::Label;
use crate::policy::{Complementary, Noise, Predicates};
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::labels::has_label;
use crate::rules::quantiles;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{
    Association, Literal, Measure, MeasureKind, Scalar, ScalarType, Tabulation,
};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    tabulation.measures.iter().flat_map(|m| measure(m, dataset)).collect()
}

fn measure(measure: &Measure, dataset: &Dataset) -> Vec<Refusal> {
    match &measure.kind {
        MeasureKind::Rows | MeasureKind::Units => Vec::new(),
        MeasureKind::Values(argument) => counted(argument, dataset),
        MeasureKind::ApproxDistinct(_) => about_distinct(dataset),
        MeasureKind::Sum(argument) | MeasureKind::Mean(argument) => added_up(argument, dataset),
        MeasureKind::Histogram(argument) | MeasureKind::Quantile { argument, .. } => {
            quantiles::violations(argument, dataset)
        }
        MeasureKind::Dispersion(of, x) => moment(of.as_str(), &[x], dataset),
        MeasureKind::Association(of, y, x) => moment(of.as_str(), &[y, x], dataset),
    }
}

fn moment(name: &str, arguments: &[&Scalar], dataset: &Dataset) -> Vec<Refusal> {
    if dataset.is_open() {
        return vec![Refusal::new(
            RefusalCode::D206,
            format!("`{name}` of open data is computed from its rows, not tabulated."),
            "Ask for the rows.",
        )];
    }
    let mut found: Vec<Refusal> = arguments.iter().flat_map(|a| added_up(a, dataset)).collect();
    if !found.is_empty() {
        found.dedup();
        return found;
    }
    if let [y, x] = arguments
        && y == x
    {
        // Its products are squares: one number would have two draws of noise.
        found.push(Refusal::new(
            RefusalCode::D206,
            format!("`{name}` takes two different columns."),
            "Use `var_samp` for how one column spreads.",
        ));
    }
    if let [_, _] = arguments
        && let Some(name) = arguments.iter().find_map(|a| held_constant(a, dataset))
    {
        found.push(Refusal::new(
            RefusalCode::D206,
            format!("a condition may hold `{name}` constant, and what `{name}` is multiplied with is then a total in other words."),
            "Use `var_samp` or `sum` of one column; where noise is added to counts, two are offered.",
        ));
    }
    let reaches: Option<Vec<u128>> = arguments.iter().map(|a| reach(a, dataset)).collect();
    let widest = reaches.and_then(|r| r.into_iter().max());
    // The largest square bounds every product.
    if widest.and_then(|w| w.checked_mul(w)).is_none_or(|square| PRODUCT_MAX < square) {
        found.push(Refusal::new(
            RefusalCode::D206,
            format!("the bounds of `{name}`'s argument are too wide for exact totals of squares."),
            "Use `sum` and `avg`, or ask the data owner for narrower bounds.",
        ));
    }
    found
}

/// The column, if conditions may stand on it where nothing is added to counts: times a constant, the other column's total
/// is shown as a product, which the guard compares with products only. One person's amount was told to 20 pence by two questions,
/// while nothing was added to totals, either.
fn held_constant<'a>(argument: &'a Scalar, dataset: &Dataset) -> Option<&'a str> {
    let Scalar::Column(name) = argument else { return None };
    let profile = dataset.profile();
    let counts_are_true = match profile.noise {
        Noise::None | Noise::Totals => true,
        Noise::Cell | Noise::CellAndQuestion => false,
    };
    let whole = match profile.predicates {
        Predicates::WholeTables => true,
        Predicates::Free | Predicates::Standard | Predicates::Strict => false,
    };
    let has_breakpoints = dataset.column(name).is_some_and(|c| c.breakpoints.is_some());
    (counts_are_true && !whole && has_breakpoints).then_some(name)
}

fn about_distinct(dataset: &Dataset) -> Vec<Refusal> {
    let fix = match &dataset.protection {
        Protection::Open => return Vec::new(),
        Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } => {
            format!("Use `count(DISTINCT {name})`, which isn't about.")
        }
        Protection::Protected { unit: ProtectedUnit::Row, .. } => {
            "Each row is a unit here: use `count(*)`.".to_owned()
        }
    };
    let message = "only the protected unit is counted distinct.";
    vec![Refusal::new(RefusalCode::D210, message, fix)]
}

fn counted(argument: &Scalar, dataset: &Dataset) -> Vec<Refusal> {
    if dataset.is_open() {
        return Vec::new();
    }
    if let Scalar::Column(name) = argument {
        let is_key = has_label(dataset, name, Label::Dimension);
        return match dataset.profile().complementary {
            // Less the count of rows, its margins are the row of those without a value, which has few.
            Complementary::On if is_key => vec![Refusal::new(
                RefusalCode::D206,
                format!(
                    "`count({name})` tells how many rows have no `{name}`, beside tables that are by it."
                ),
                format!(
                    "Group by `{name}` and use `count(*)`: rows without one are a row of the table."
                ),
            )],
            Complementary::On | Complementary::Off => Vec::new(),
        };
    }
    vec![Refusal::new(
        RefusalCode::D206,
        "`count` takes a column here, not an expression.",
        "Use `count(*) FILTER (WHERE ...)`.",
    )]
}

/// Whether all that a `CASE` comes to is written in the question.
fn are_written(branches: &[(Scalar, Scalar)], otherwise: Option<&Scalar>) -> bool {
    let mut values = branches.iter().map(|(_, value)| value).chain(otherwise);
    values.all(|value| matches!(value, Scalar::Literal(_)))
}

fn added_up(argument: &Scalar, dataset: &Dataset) -> Vec<Refusal> {
    let mut found = Vec::new();
    match type_of(argument, dataset) {
        // `functions` has told about it already.
        Err(_) => return found,
        Ok(found_type) if !found_type.is_exact_number() => found.push(Refusal::new(
            RefusalCode::D206,
            format!("{found_type} can't be added up exactly."),
            "Use a whole or decimal number.",
        )),
        Ok(_) => {}
    }
    if dataset.is_open() {
        return found;
    }
    match argument {
        Scalar::Column(name) if has_label(dataset, name, Label::Measure) => {
            if bounds(argument, dataset).is_none() {
                found.push(Refusal::new(
                    RefusalCode::D206,
                    format!("`{name}` has no declared bounds, so it isn't added up."),
                    "Ask the data owner to declare them.",
                ));
            }
        }
        // Units were refused by `labels` already.
        Scalar::Column(name) if has_label(dataset, name, Label::Unit) => {}
        Scalar::Column(name) => found.push(Refusal::new(
            RefusalCode::D206,
            format!("`{name}` isn't a `measure`, so it isn't added up."),
            format!("Add up a measure: {}.", measures(dataset)),
        )),
        Scalar::Case { branches, otherwise } if are_written(branches, otherwise.as_deref()) => {
            found.push(Refusal::new(
                RefusalCode::D206,
                "`CASE` inside a measure is a number that is written, in a total or a mean: rows for which its conditions hold are counted.",
                "Use `count(*) FILTER (WHERE ...)` for each value, and compute with the released counts.",
            ));
        }
        Scalar::Case { .. } => found.push(Refusal::new(
            RefusalCode::D206,
            "`CASE` inside a measure has one value beside NULL, unless it is added up: it is the measure of the rows for which a condition holds.",
            "Use `sum(x) FILTER (WHERE ...)` for each value, which makes it a cell of its own.",
        )),
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => found.push(Refusal::new(
            RefusalCode::D206,
            "the argument of `sum`, `avg` and of moments is a measure's column, not an expression.",
            format!(
                "Add up the column and compute with the released total. Measures: {}.",
                measures(dataset)
            ),
        )),
    }
    found
}

/// The names of the measures there are.
pub(super) fn measures(dataset: &Dataset) -> String {
    let names: Vec<String> = dataset
        .columns
        .iter()
        .filter(|c| c.label == Label::Measure)
        .take(20)
        .map(|c| format!("`{}`", c.name))
        .collect();
    if names.is_empty() { "this dataset has none".to_owned() } else { names.join(", ") }
}

/// The bounds of a column's values, where they are declared.
#[must_use]
pub const fn column_bounds(column: &Column) -> Option<Bounds> {
    column.bounds
}

/// Where a measure's deviations are from: the bound nearest to zero, where zero is outside and it does no harm.
///
/// It would do harm under infusion where another total of the same unit's amounts can be asked for, of rows or rolled up:
/// what is infused from two origins, by one factor or two, is narrowed by both together. And where nothing is added to
/// totals, one of values and one of deviations would be two numbers that tell the same, rounded or not, and be compared with
/// releases apart: all values, less the deviations of all but somebody, are that one's amount.
#[must_use]
pub fn origin(scalar: &Scalar, dataset: &Dataset) -> i128 {
    match bounds(scalar, dataset) {
        Some(bounds) if is_from_its_bound(scalar, dataset) => bounds.origin(),
        Some(_) | None => 0,
    }
}

/// The largest deviation from there, without its sign; `None` where no bounds follow.
#[must_use]
pub fn reach(scalar: &Scalar, dataset: &Dataset) -> Option<u128> {
    let bounds = bounds(scalar, dataset)?;
    let from_zero = bounds.low.unsigned_abs().max(bounds.high.unsigned_abs());
    Some(if is_from_its_bound(scalar, dataset) { bounds.reach() } else { from_zero })
}

fn is_from_its_bound(scalar: &Scalar, dataset: &Dataset) -> bool {
    let profile = dataset.profile();
    match profile.noise {
        // Moments of open data are computed from its rows.
        Noise::None => dataset.is_open(),
        Noise::Totals | Noise::Cell | Noise::CellAndQuestion => {
            profile.infusion_percent == 0 || is_only_amount(scalar, dataset)
        }
    }
}

/// Whether a unit has one amount of the measure, and no total of it can be asked for by itself.
fn is_only_amount(scalar: &Scalar, dataset: &Dataset) -> bool {
    dataset.units_have_one_row()
        && scalar.columns().into_iter().all(|name| {
            let column = dataset.column(name);
            // A rolled-up total isn't a column of the Dataset: it has a name like no other.
            !name.contains('#') && column.is_some_and(|column| column.unit_totals.is_none())
        })
}

/// The bounds of arithmetic over bounded columns, by interval arithmetic, in units of the result's
/// last decimal place; `None` where they don't follow or don't fit.
#[must_use]
pub fn bounds(scalar: &Scalar, dataset: &Dataset) -> Option<Bounds> {
    match scalar {
        Scalar::Column(name) => column_bounds(dataset.column(name)?),
        Scalar::Literal(Literal::Int64(v)) => Some(Bounds { low: (*v).into(), high: (*v).into() }),
        Scalar::Literal(Literal::Decimal { value, .. }) => {
            Some(Bounds { low: *value, high: *value })
        }
        Scalar::Cast { value, to } => {
            let from = type_of(value, dataset).ok()?.decimal_places();
            rescale(bounds(value, dataset)?, from, to.decimal_places())
        }
        Scalar::Call { function, args } => match (function, args.as_slice()) {
            (Function::Add | Function::Subtract, [left, right]) => {
                let places = type_of(scalar, dataset).ok()?.decimal_places();
                let l = at_places(left, places, dataset)?;
                let r = at_places(right, places, dataset)?;
                if *function == Function::Add {
                    interval(&[l.low.checked_add(r.low)?, l.high.checked_add(r.high)?])
                } else {
                    interval(&[l.low.checked_sub(r.high)?, l.high.checked_sub(r.low)?])
                }
            }
            (Function::Multiply, [left, right]) => {
                let (l, r) = (bounds(left, dataset)?, bounds(right, dataset)?);
                interval(&[
                    l.low.checked_mul(r.low)?,
                    l.low.checked_mul(r.high)?,
                    l.high.checked_mul(r.low)?,
                    l.high.checked_mul(r.high)?,
                ])
            }
            (Function::Negate, [value]) => {
                let b = bounds(value, dataset)?;
                interval(&[b.low.checked_neg()?, b.high.checked_neg()?])
            }
            (Function::Abs, [value]) => {
                let b = bounds(value, dataset)?;
                interval(&[0, b.low.checked_abs()?, b.high.checked_abs()?])
            }
            // With another number of arguments; without bounds of a result.
            (
                Function::Add
                | Function::Subtract
                | Function::Multiply
                | Function::Negate
                | Function::Abs
                | Function::Divide
                | Function::Modulo
                | Function::Lower
                | Function::Upper
                | Function::Trim
                | Function::Length
                | Function::Substring
                | Function::Year
                | Function::Quarter
                | Function::Month
                | Function::StartOfYear
                | Function::StartOfQuarter
                | Function::StartOfMonth
                | Function::DayOfMonth
                | Function::DayOfWeek
                | Function::IsoDayOfWeek
                | Function::DayOfYear
                | Function::Week
                | Function::Concat,
                _,
            ) => None,
        },
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Lookup { .. } => None,
    }
}

fn at_places(scalar: &Scalar, places: u8, dataset: &Dataset) -> Option<Bounds> {
    let from = type_of(scalar, dataset).ok()?.decimal_places();
    rescale(bounds(scalar, dataset)?, from, places)
}

fn rescale(bounds: Bounds, from: u8, to: u8) -> Option<Bounds> {
    let factor = power_of_ten(from.abs_diff(to));
    if from <= to {
        Some(Bounds {
            low: bounds.low.checked_mul(factor)?,
            high: bounds.high.checked_mul(factor)?,
        })
    } else {
        Some(Bounds {
            low: bounds.low.checked_div(factor)?,
            high: bounds.high.checked_div(factor)?,
        })
    }
}

fn interval(ends: &[i128]) -> Option<Bounds> {
    Some(Bounds { low: *ends.iter().min()?, high: *ends.iter().max()? })
}

/// More rows than any department holds: totals are proved to fit their type for so many.
pub const ROWS_MAX: i128 = 10_000_000_000;

/// The largest product of two deviations, in units of its last decimal place: the total of [`ROWS_MAX`] of them has 38
/// digits at most.
pub const PRODUCT_MAX: u128 = 1_000_000_000_000_000_000_000_000_000;

/// The type of a measure's shown value, or of each where it has several ([`crate::ShownType`]). It follows from
/// declared bounds, never from the data.
#[must_use]
pub fn shown_type(measure: &Measure, dataset: &Dataset) -> ScalarType {
    match &measure.kind {
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::ApproxDistinct(_)
        | MeasureKind::Histogram(_)
        | MeasureKind::Association(Association::Pairs, _, _) => ScalarType::Int64,
        // As the engine has it over open data: estimates have no exact digits to keep, roots and ratios aren't decimals.
        MeasureKind::Quantile { .. }
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => ScalarType::Float64,
        MeasureKind::Sum(argument) => match type_of(argument, dataset) {
            Ok(ScalarType::Decimal(places)) => ScalarType::Decimal(places),
            Ok(
                ScalarType::Int64
                | ScalarType::Boolean
                | ScalarType::Float64
                | ScalarType::Utf8
                | ScalarType::Date,
            )
            | Err(_) => {
                let fits = bounds(argument, dataset).is_some_and(|b| {
                    let largest = b.low.unsigned_abs().max(b.high.unsigned_abs());
                    largest.saturating_mul(ROWS_MAX.unsigned_abs())
                        < u128::from(i64::MAX.unsigned_abs())
                });
                if fits { ScalarType::Int64 } else { ScalarType::Decimal(0) }
            }
        },
        MeasureKind::Mean(argument) => match type_of(argument, dataset) {
            Ok(ScalarType::Decimal(places)) => ScalarType::Decimal(
                places.saturating_add(4).min(crate::tabulation::typing::DECIMAL_PLACES_MAX),
            ),
            Ok(
                ScalarType::Int64
                | ScalarType::Boolean
                | ScalarType::Float64
                | ScalarType::Utf8
                | ScalarType::Date,
            )
            | Err(_) => ScalarType::Float64,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_total_of_products_has_38_digits() {
        let largest = PRODUCT_MAX.checked_mul(ROWS_MAX.unsigned_abs());
        assert!(largest.is_some_and(|total| total < 10_u128.pow(38)));
    }

    #[test]
    fn deviations_are_from_zero_or_from_the_bound_nearest_to_it() {
        for (low, high, origin, reach) in [
            (0, 100, 0, 100),
            (-30, 50, 0, 50),
            (-50, 30, 0, 50),
            (60, 250, 60, 190),
            (-250, -60, -60, 190),
            (7, 7, 7, 0),
            (i128::MIN, i128::MAX, 0, 1 << 127),
        ] {
            let bounds = Bounds { low, high };
            assert_eq!((bounds.origin(), bounds.reach()), (origin, reach), "{low} {high}");
        }
    }
}
