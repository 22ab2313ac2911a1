//! A node's own protected table, checked at the gateway for everything that can be seen from outside.

use std::ops::RangeInclusive;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

use super::Protected;
use super::remark::Remarks;
use super::structural::{self, StructuralZeros};
use crate::admit::Admitted;
use crate::dataset::Dataset;
use crate::evidence::{Cell, key_columns, read_keys};
use crate::rules::{quantiles, rounding};
use crate::shown::ShownValue;
use crate::table::{CellStatus, ProtectedColumn, Table};
use crate::tabulation::{
    Association, Bins, Literal, Measure, MeasureKind, Parts, Scalar, Tabulation,
};

/// What an association can be, whatever the data; `None` of a count.
fn association_values(of: Association) -> Option<RangeInclusive<f64>> {
    match of {
        Association::Pairs => None,
        Association::Correlation => Some(-1.0..=1.0),
        Association::Determination => Some(0.0..=1.0),
        Association::SquaresOfX | Association::SquaresOfY => Some(0.0..=f64::MAX),
        Association::CovarianceOfSample
        | Association::CovarianceOfPopulation
        | Association::Slope
        | Association::Intercept
        | Association::MeanOfX
        | Association::MeanOfY
        | Association::Products => Some(f64::MIN..=f64::MAX),
    }
}

/// A protected table as a node released it, checked for everything that can be seen of it from
/// outside: its shape, that a suppressed cell holds no value, that shown counts are possible
/// under the profile, and that moments are possible at all. `None` if it isn't what was asked for.
#[must_use]
pub fn receive(
    admitted: &Admitted<Tabulation>,
    batches: &[RecordBatch],
) -> Option<Protected<Table>> {
    let schema = admitted.table_schema();
    let dataset = admitted.dataset();
    let remarks = Remarks::of(dataset);
    let Parts { distinct, of_measures } = admitted.tabulation().parts(dataset);
    let zeros = StructuralZeros::of(admitted.tabulation(), &distinct, dataset);
    let mut cells: Vec<Cell> = Vec::new();
    let mut columns: Vec<(Vec<Option<ShownValue>>, Vec<CellStatus>)> =
        vec![(Vec::new(), Vec::new()); admitted.measure_types().len()];
    for batch in batches {
        if batch.schema().fields() != schema.fields() {
            return None;
        }
        let keys = read_keys(admitted, batch)?;
        let mut from = batch.columns().iter().skip(keys.columns);
        let measures = admitted.tabulation().measures.iter().zip(admitted.measure_types());
        let measures = measures.zip(&of_measures);
        for ((values, statuses), ((measure, shown_type), parts)) in columns.iter_mut().zip(measures)
        {
            // Either all parts of a measure are structural zeros or none is.
            let part = *parts.first()?;
            let shown = from.next()?;
            let signs = from.next()?.as_string_opt::<i32>()?;
            for row in 0..batch.num_rows() {
                let status = CellStatus::find(signs.is_valid(row).then(|| signs.value(row))?)?;
                let value = shown_type.value_at(shown, row);
                let (set, of_row) = keys.rows.get(row)?;
                let is_zero = zeros.holds(part, *set, of_row);
                let as_declared = match (is_zero, status == CellStatus::StructuralZero) {
                    (true, true) => value == structural::shown(measure, *shown_type, dataset),
                    (false, false) => {
                        is_possible(value.as_ref(), status, measure, dataset, remarks)
                    }
                    (true, false) | (false, true) => false,
                };
                if !as_declared {
                    return None;
                }
                values.push(value);
                statuses.push(status);
            }
        }
        let of_keys = keys.rows.into_iter();
        cells.extend(of_keys.map(|(set, keys)| Cell { set, keys, parts: Vec::new() }));
    }
    let keys = key_columns(admitted, cells.iter());
    let measures = columns
        .into_iter()
        .zip(admitted.measure_types())
        .map(|((v, statuses), t)| ProtectedColumn { values: t.column(v.into_iter()), statuses });
    let table = Table { schema, keys, measures: measures.collect(), rows: cells.len() };
    Some(Protected(table))
}

/// Whether this may stand there, if the cell isn't a structural zero.
fn is_possible(
    value: Option<&ShownValue>,
    status: CellStatus,
    measure: &Measure,
    dataset: &Dataset,
    remarks: Remarks,
) -> bool {
    let Some(value) = value else { return !status.has_value() };
    let is_count = |n: i64| rounding::is_possible_count(i128::from(n), dataset.profile());
    match (&measure.kind, status, value) {
        (_, CellStatus::Suppressed | CellStatus::NotAvailable | CellStatus::StructuralZero, _) => {
            false
        }
        // What is remarked of a value follows from the value.
        (
            kind @ (MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::Association(Association::Pairs, _, _)),
            CellStatus::Released | CellStatus::Low | CellStatus::Unreliable,
            ShownValue::Scalar(count @ Literal::Int64(n)),
        ) => is_count(*n) && remarks.status(kind, count) == status,
        (
            kind @ (MeasureKind::Sum(_) | MeasureKind::Mean(_)),
            CellStatus::Released | CellStatus::Low | CellStatus::Unreliable,
            ShownValue::Scalar(number),
        ) => remarks.status(kind, number) == status,
        (
            MeasureKind::Dispersion(..),
            CellStatus::Released,
            ShownValue::Scalar(Literal::Float64(value)),
        ) => value.is_finite() && 0.0 <= *value,
        (
            MeasureKind::Association(of, _, _),
            CellStatus::Released,
            ShownValue::Scalar(Literal::Float64(value)),
        ) => {
            value.is_finite()
                && association_values(*of).is_some_and(|values| values.contains(value))
        }
        (MeasureKind::Histogram(argument), CellStatus::Released, ShownValue::Counts(counts)) => {
            let bins = Bins::of(argument, dataset).map_or(0, |bins| bins.count());
            counts.len() == bins
                && counts.iter().any(Option::is_some)
                && counts.iter().flatten().all(|n| is_count(*n))
        }
        (
            MeasureKind::Quantile { argument, .. },
            CellStatus::Estimated,
            ShownValue::Scalar(Literal::Float64(value)),
        ) => is_within(*value, argument, dataset),
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            // Of open data, which no node protects.
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_)
            | MeasureKind::Histogram(_)
            | MeasureKind::Quantile { .. }
            | MeasureKind::Dispersion(..)
            | MeasureKind::Association(..),
            CellStatus::Released | CellStatus::Low | CellStatus::Unreliable | CellStatus::Estimated,
            ShownValue::Scalar(_) | ShownValue::Counts(_),
        ) => false,
    }
}

/// Whether it lies between the first edge of the bins and the last.
fn is_within(value: f64, argument: &Scalar, dataset: &Dataset) -> bool {
    let Some(bins) = Bins::of(argument, dataset) else { return false };
    let edges = bins.edges();
    let edge = |edge: i128| quantiles::in_column_unit(edge as f64, bins.places());
    match (edges.first(), edges.last()) {
        (Some(low), Some(high)) => (edge(*low)..=edge(*high)).contains(&value),
        _ => false,
    }
}
