//! The shown value of a measure, from its shown parts and nothing else.

use super::Shown;
use super::remark::Remarks;
use super::structural;
use crate::dataset::Dataset;
use crate::evidence::PartEvidence;
use crate::table::CellStatus;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{Literal, Measure, MeasureKind, ScalarType};

/// Value and status. A measure is suppressed if one of its parts is.
pub(super) fn combine(
    measure: &Measure,
    shown_type: ScalarType,
    parts: &[(&Shown, &PartEvidence)],
    dataset: &Dataset,
    remarks: Remarks,
) -> (Option<Literal>, CellStatus) {
    let mut values = Vec::with_capacity(parts.len());
    for (shown, _) in parts {
        match shown {
            Ok(value) => values.push(*value),
            Err(CellStatus::StructuralZero) => {
                let value = structural::shown(&measure.kind, shown_type);
                return (value, CellStatus::StructuralZero);
            }
            Err(status) => return (None, *status),
        }
    }
    // Of no values there is no total: NULL, as SQL has it.
    let of_nothing = parts.first().is_none_or(|(_, e)| e.count == 0 && e.nameless.count == 0);
    let value = match (&measure.kind, values.as_slice()) {
        (MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units, [count]) => {
            i64::try_from(*count).ok().map(Literal::Int64)
        }
        (MeasureKind::Sum(_) | MeasureKind::Mean(_), _) if of_nothing => None,
        (MeasureKind::Sum(_), [sum]) => exact(*sum, shown_type),
        (MeasureKind::Mean(argument), [sum, count]) => {
            let places = type_of(argument, dataset).map_or(0, ScalarType::decimal_places);
            mean(*sum, *count, places, shown_type)
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_),
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

fn exact(value: i128, shown: ScalarType) -> Option<Literal> {
    match shown {
        ScalarType::Int64 => i64::try_from(value).ok().map(Literal::Int64),
        ScalarType::Decimal(places) => Some(Literal::Decimal { value, places }),
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => None,
    }
}

/// The shown total by the shown count, rounded half away from zero in the type's last place.
fn mean(sum: i128, count: i128, places: u8, shown: ScalarType) -> Option<Literal> {
    if count == 0 {
        return None;
    }
    match shown {
        ScalarType::Decimal(to) => {
            let factor = power_of_ten(to.checked_sub(places)?);
            let scaled = sum.checked_mul(factor)?;
            let (quotient, rest) = (scaled.checked_div(count)?, scaled.checked_rem(count)?);
            let up = rest.unsigned_abs().checked_mul(2)? >= count.unsigned_abs();
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
