//! The shown value of a measure, from its shown parts and nothing else.

use super::figure::{Figure, ShownFigure};
use super::remark::Remarks;
use super::{moments, structural};
use crate::dataset::Dataset;
use crate::evidence::PartEvidence;
use crate::rules::measures::origin;
use crate::rules::quantiles;
use crate::shown::{ShownType, ShownValue};
use crate::table::CellStatus;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{Bins, Literal, Measure, MeasureKind, Probability, Scalar, ScalarType};

/// Value and status.
pub(super) fn combine(
    measure: &Measure,
    shown_type: ShownType,
    parts: &[(&ShownFigure, &PartEvidence)],
    dataset: &Dataset,
    remarks: Remarks,
) -> (Option<ShownValue>, CellStatus) {
    // The conditions of bins are of measures, and combinations that can't be are of dimensions: all parts are, or none.
    if parts.iter().any(|(shown, _)| **shown == Err(CellStatus::StructuralZero)) {
        return (structural::shown(measure, shown_type, dataset), CellStatus::StructuralZero);
    }
    let shown = |(shown, _): &(&ShownFigure, &PartEvidence)| shown.ok()?.number();
    match (&measure.kind, shown_type) {
        (MeasureKind::Histogram(_), _) => {
            let bins: Vec<Option<i128>> = parts.iter().map(shown).collect();
            match quantiles::histogram(&bins) {
                Some(counts) => (Some(ShownValue::Counts(counts)), CellStatus::Released),
                None => (None, CellStatus::Suppressed),
            }
        }
        (MeasureKind::Quantile { argument, probability }, _) => {
            let counts: Vec<Option<i128>> = parts.iter().map(shown).collect();
            match quantile(argument, *probability, &counts, dataset) {
                Some(value) => {
                    (Some(ShownValue::Scalar(Literal::Float64(value))), CellStatus::Estimated)
                }
                None => (None, CellStatus::Suppressed),
            }
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_)
            | MeasureKind::Dispersion(..)
            | MeasureKind::Association(..),
            ShownType::Scalar(scalar_type),
        ) => {
            let (value, status) = number(measure, scalar_type, parts, dataset, remarks);
            (value.map(ShownValue::Scalar), status)
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_)
            | MeasureKind::Dispersion(..)
            | MeasureKind::Association(..),
            ShownType::Counts,
        ) => (None, CellStatus::NotAvailable),
    }
}

/// The count of values comes first, then the bins.
fn quantile(
    argument: &Scalar,
    probability: Probability,
    counts: &[Option<i128>],
    dataset: &Dataset,
) -> Option<f64> {
    let bins = Bins::of(argument, dataset)?;
    let (values, of_bins) = counts.split_first()?;
    quantiles::quantile(probability, *values, of_bins, &bins.edges(), bins.places())
}

/// A number. It is suppressed if one of its parts is.
fn number(
    measure: &Measure,
    shown_type: ScalarType,
    parts: &[(&ShownFigure, &PartEvidence)],
    dataset: &Dataset,
    remarks: Remarks,
) -> (Option<Literal>, CellStatus) {
    let mut values = Vec::with_capacity(parts.len());
    for (shown, _) in parts {
        match shown {
            Ok(value) => values.push(*value),
            Err(status) => return (None, *status),
        }
    }
    // Of no values there is no total: NULL, as SQL has it.
    let of_nothing = parts.first().is_none_or(|(_, e)| e.count == 0 && e.nameless.count == 0);
    let value = match (&measure.kind, values.as_slice()) {
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_),
            [count],
        ) => count.number().and_then(|n| i64::try_from(n).ok()).map(Literal::Int64),
        (MeasureKind::Sum(_) | MeasureKind::Mean(_), _) if of_nothing => None,
        (MeasureKind::Sum(_), [sum]) => sum.number().and_then(|sum| exact(sum, shown_type)),
        (MeasureKind::Sum(argument), [count, deviations]) => total(*count, *deviations)
            .and_then(|of| of.sum(argument, dataset))
            .and_then(|sum| exact(sum, shown_type)),
        (MeasureKind::Mean(argument), [count, deviations]) => {
            let places = type_of(argument, dataset).map_or(0, ScalarType::decimal_places);
            total(*count, *deviations).and_then(|of| {
                let sum = of.sum(argument, dataset)?;
                mean(sum, of.count, places, shown_type, LastDigit::of(dataset))
            })
        }
        (MeasureKind::Dispersion(of, x), parts) => moments::dispersion(*of, x, parts, dataset),
        (MeasureKind::Association(of, y, x), parts) => {
            moments::association(*of, y, x, parts, dataset)
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_)
            | MeasureKind::Histogram(_)
            | MeasureKind::Quantile { .. },
            _,
        ) => None,
    };
    match value {
        Some(value) => {
            let status = remarks.status(&measure.kind, &value);
            (Some(value), status)
        }
        None => (None, CellStatus::NotAvailable),
    }
}

/// A total and the count that goes with it.
struct Total {
    count: i128,
    deviations: i128,
}

/// A total with its own count, or else that beside it.
fn total(beside: Figure, deviations: Figure) -> Option<Total> {
    let count = deviations.count().or_else(|| beside.number())?;
    Some(Total { count, deviations: deviations.number()? })
}

impl Total {
    /// The total of so many, from what they have beyond their origin; of those from zero that is all they have.
    fn sum(&self, argument: &Scalar, dataset: &Dataset) -> Option<i128> {
        // A sum of open data is from zero, whatever is declared.
        let origin = if dataset.is_open() { 0 } else { origin(argument, dataset) };
        origin.checked_mul(self.count)?.checked_add(self.deviations)
    }
}

fn exact(value: i128, shown: ScalarType) -> Option<Literal> {
    match shown {
        ScalarType::Int64 => i64::try_from(value).ok().map(Literal::Int64),
        ScalarType::Decimal(places) => Some(Literal::Decimal { value, places }),
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => None,
    }
}

/// What becomes of a mean's digits beyond the type's last place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastDigit {
    /// Rounded half away from zero, as all that is protected.
    Rounded,
    /// Cut off: open data are answered as the engine answers, which computes some means of them from rows.
    CutOff,
}

impl LastDigit {
    fn of(dataset: &Dataset) -> Self {
        if dataset.is_open() { Self::CutOff } else { Self::Rounded }
    }
}

/// The shown total by the shown count.
fn mean(sum: i128, count: i128, places: u8, shown: ScalarType, last: LastDigit) -> Option<Literal> {
    if count == 0 {
        return None;
    }
    match shown {
        ScalarType::Decimal(to) => {
            let factor = power_of_ten(to.checked_sub(places)?);
            let scaled = sum.checked_mul(factor)?;
            let (quotient, rest) = (scaled.checked_div(count)?, scaled.checked_rem(count)?);
            let up = match last {
                LastDigit::Rounded => rest.unsigned_abs().checked_mul(2)? >= count.unsigned_abs(),
                LastDigit::CutOff => false,
            };
            let value = if up { quotient.checked_add(scaled.signum())? } else { quotient };
            Some(Literal::Decimal { value, places: to })
        }
        ScalarType::Float64 => {
            let value = sum as f64 / count as f64;
            value.is_finite().then_some(Literal::Float64(value))
        }
        ScalarType::Boolean | ScalarType::Int64 | ScalarType::Utf8 | ScalarType::Date => None,
    }
}
