//! A node's own protected table, checked at the gateway for everything that can be seen from outside.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

use super::Protected;
use super::remark::Remarks;
use super::structural::{self, StructuralZeros};
use crate::admit::Admitted;
use crate::function::{from_literals, literal_at};
use crate::policy::Profile;
use crate::rules::keys::KeyValues;
use crate::rules::rounding;
use crate::table::{CellStatus, ProtectedColumn, Table};
use crate::tabulation::{Literal, Measure, MeasureKind, Tabulation};

/// A protected table as a node released it, checked for everything that can be seen of it from
/// outside: its shape, that a suppressed cell holds no value, and that shown counts are possible
/// under the profile. `None` if it isn't what was asked for.
#[must_use]
pub fn receive(
    admitted: &Admitted<Tabulation>,
    batches: &[RecordBatch],
) -> Option<Protected<Table>> {
    let schema = admitted.table_schema();
    let profile = admitted.dataset().profile();
    let remarks = Remarks::of(admitted.dataset());
    let parts = admitted.tabulation().parts();
    let zeros = StructuralZeros::of(admitted.tabulation(), &parts, admitted.dataset());
    let mut rows = 0_usize;
    let keys_count = admitted.key_types().len();
    let mut keys: Vec<Vec<Option<Literal>>> = vec![Vec::new(); keys_count];
    let mut columns: Vec<(Vec<Option<Literal>>, Vec<CellStatus>)> =
        vec![(Vec::new(), Vec::new()); admitted.measure_types().len()];
    for batch in batches {
        if batch.schema().fields() != schema.fields() {
            return None;
        }
        rows = rows.checked_add(batch.num_rows())?;
        for (key, column) in keys.iter_mut().zip(batch.columns()) {
            key.extend((0..batch.num_rows()).map(|row| literal_at(column, row)));
        }
        let mut from = batch.columns().iter().skip(keys_count);
        let keys_of = |row: usize| -> KeyValues {
            batch.columns().iter().take(keys_count).map(|key| literal_at(key, row)).collect()
        };
        // All parts of a measure have its filter, so that the first speaks for them.
        let mut part = 0_usize;
        for (m, ((values, statuses), measure)) in
            columns.iter_mut().zip(&admitted.tabulation().measures).enumerate()
        {
            let of_measure = part;
            part = part.saturating_add(measure.parts().len());
            let shown_type = *admitted.measure_types().get(m)?;
            let shown = from.next()?;
            let signs = from.next()?.as_string_opt::<i32>()?;
            for row in 0..batch.num_rows() {
                let status = CellStatus::find(signs.is_valid(row).then(|| signs.value(row))?)?;
                let value = literal_at(shown, row);
                let is_zero = zeros.holds(of_measure, &keys_of(row));
                let as_declared = match (is_zero, status == CellStatus::StructuralZero) {
                    (true, true) => value == structural::shown(&measure.kind, shown_type),
                    (false, false) => {
                        is_possible(value.as_ref(), status, measure, profile, remarks)
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
    }
    let keys = keys.into_iter().zip(admitted.key_types()).map(|(k, t)| from_literals(k, *t));
    let measures = columns
        .into_iter()
        .zip(admitted.measure_types())
        .map(|((v, statuses), t)| ProtectedColumn { values: from_literals(v, *t), statuses });
    let table = Table { schema, keys: keys.collect(), measures: measures.collect(), rows };
    Some(Protected(table))
}

fn is_possible(
    value: Option<&Literal>,
    status: CellStatus,
    measure: &Measure,
    profile: Profile,
    remarks: Remarks,
) -> bool {
    match (status, value) {
        // Compared with what was declared, before.
        (CellStatus::StructuralZero, _) => false,
        (CellStatus::Suppressed | CellStatus::NotAvailable, Some(_))
        | (CellStatus::Released | CellStatus::Low | CellStatus::Unreliable, None) => false,
        (CellStatus::Suppressed | CellStatus::NotAvailable, None) => true,
        // What is remarked of a value follows from the value.
        (CellStatus::Released | CellStatus::Low | CellStatus::Unreliable, Some(value))
            if remarks.status(&measure.kind, value) != status =>
        {
            false
        }
        (CellStatus::Released | CellStatus::Low | CellStatus::Unreliable, Some(value)) => {
            match (&measure.kind, value) {
                (
                    MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units,
                    Literal::Int64(n),
                ) => rounding::is_possible_count(i128::from(*n), profile),
                (MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units, _) => false,
                (MeasureKind::Sum(_) | MeasureKind::Mean(_), _) => true,
            }
        }
    }
}
