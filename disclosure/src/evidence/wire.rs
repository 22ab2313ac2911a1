//! Evidence as one Arrow batch, and back, checked.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::{Cell, Evidence, MeasureEvidence};
use crate::admit::Admitted;
use crate::function::{from_literals, literal_at};
use crate::tabulation::{MeasureKind, Tabulation};

/// Columns `k0`, ...; `m0_units`, `m0_count` and, for totals and means, `m0_sum`.
#[must_use]
pub fn evidence_schema(admitted: &Admitted<Tabulation>) -> SchemaRef {
    let keys = admitted.key_types().iter().enumerate();
    let mut fields: Vec<Field> =
        keys.map(|(i, t)| Field::new(format!("k{i}"), t.data_type(), true)).collect();
    for (i, measure) in admitted.tabulation().measures.iter().enumerate() {
        fields.push(Field::new(format!("m{i}_units"), DataType::Int64, false));
        fields.push(Field::new(format!("m{i}_count"), DataType::Int64, false));
        if has_sum(&measure.kind) {
            fields.push(Field::new(format!("m{i}_sum"), DataType::Decimal128(38, 0), false));
        }
    }
    Arc::new(Schema::new(fields))
}

/// Whether a measure's Evidence has a total.
#[must_use]
pub(super) const fn has_sum(kind: &MeasureKind) -> bool {
    match kind {
        MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units => false,
        MeasureKind::Sum(_) | MeasureKind::Mean(_) => true,
    }
}

/// The batch that carries Evidence; built value by value, so that its buffers hold nothing else.
///
/// # Errors
/// Cells that don't fit the Tabulation, which would be a fault of the node.
pub fn write(
    admitted: &Admitted<Tabulation>,
    evidence: &Evidence,
) -> Result<RecordBatch, ArrowError> {
    let cells = &evidence.cells;
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (i, scalar_type) in admitted.key_types().iter().enumerate() {
        let values = cells.iter().map(|c| c.keys.get(i).cloned().flatten());
        columns.push(from_literals(values, *scalar_type));
    }
    for (i, measure) in admitted.tabulation().measures.iter().enumerate() {
        let of = |c: &Cell| c.measures.get(i).copied().unwrap_or_default();
        columns.push(Arc::new(cells.iter().map(|c| Some(of(c).units)).collect::<Int64Array>()));
        columns.push(Arc::new(cells.iter().map(|c| Some(of(c).count)).collect::<Int64Array>()));
        if has_sum(&measure.kind) {
            let sums: Decimal128Array = cells.iter().map(|c| Some(of(c).sum)).collect();
            columns.push(Arc::new(sums.with_precision_and_scale(38, 0)?));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(cells.len()));
    RecordBatch::try_new_with_options(evidence_schema(admitted), columns, &options)
}

/// Evidence from batches with [`evidence_schema`]; `None` if they don't have it, or count below zero.
#[must_use]
pub fn read(admitted: &Admitted<Tabulation>, batches: &[RecordBatch]) -> Option<Evidence> {
    let schema = evidence_schema(admitted);
    let mut cells = Vec::new();
    for batch in batches {
        if batch.schema().fields() != schema.fields() {
            return None;
        }
        read_batch(admitted, batch, &mut cells)?;
    }
    Some(Evidence { cells })
}

fn read_batch(
    admitted: &Admitted<Tabulation>,
    batch: &RecordBatch,
    cells: &mut Vec<Cell>,
) -> Option<()> {
    let keys = admitted.key_types().len();
    let mut measures: Vec<(&Int64Array, &Int64Array, Option<&Decimal128Array>)> = Vec::new();
    let mut columns = batch.columns().iter().skip(keys);
    for measure in &admitted.tabulation().measures {
        let units = columns.next()?.as_primitive_opt::<Int64Type>()?;
        let count = columns.next()?.as_primitive_opt::<Int64Type>()?;
        let sum = if has_sum(&measure.kind) {
            Some(columns.next()?.as_primitive_opt::<Decimal128Type>()?)
        } else {
            None
        };
        let complete = units.null_count() == 0
            && count.null_count() == 0
            && sum.is_none_or(|s| s.null_count() == 0);
        if !complete {
            return None;
        }
        measures.push((units, count, sum));
    }
    for row in 0..batch.num_rows() {
        let keys = batch.columns().iter().take(keys).map(|k| literal_at(k, row)).collect();
        let mut of_cell = Vec::with_capacity(measures.len());
        for (units, count, sum) in &measures {
            let evidence = MeasureEvidence {
                units: units.value(row),
                count: count.value(row),
                sum: sum.map_or(0, |s| s.value(row)),
            };
            // More units than rows can't be: a unit contributes by a row.
            if evidence.units < 0 || evidence.count < evidence.units {
                return None;
            }
            of_cell.push(evidence);
        }
        cells.push(Cell { keys, measures: of_cell });
    }
    Some(())
}
