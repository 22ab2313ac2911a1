//! Evidence from the engine's batches.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch, RecordBatchOptions};
use insitu_disclosure::evidence::{self, Cell};
use insitu_disclosure::{Admitted, Evidence, Tabulation};

use super::arguments::Arguments;
use super::state;
use crate::references::LookUps;

/// Evidence from what [`super::evidence_plan`] gives; `None` if it doesn't have the planned shape.
pub(crate) fn collect_evidence(
    admitted: &Admitted<Tabulation>,
    batches: Vec<RecordBatch>,
    look_ups: &LookUps,
) -> Option<Evidence> {
    if admitted.dataset().is_open() {
        return open(admitted, batches);
    }
    let asked = Arguments::of(admitted.tabulation(), admitted.dataset(), look_ups);
    let findings = asked.layout.findings.len();
    let mut cells = Vec::new();
    for batch in &batches {
        let keys = evidence::read_keys(admitted, batch)?;
        let mut columns = batch.columns().iter().skip(keys.columns);
        let known = columns.next()?.as_binary_opt::<i64>()?;
        if columns.next().is_some() {
            return None;
        }
        for (row, (set, keys)) in keys.rows.into_iter().enumerate() {
            let findings =
                known.is_valid(row).then(|| state::decode(known.value(row), findings))??;
            let of_part = |at: &usize| findings.get(*at).cloned();
            let parts = asked.of_parts.iter().map(of_part).collect::<Option<_>>()?;
            cells.push(Cell { set, keys, parts });
        }
    }
    Some(Evidence { cells })
}

/// The engine doesn't announce nullability as strictly as the wire does.
fn open(admitted: &Admitted<Tabulation>, batches: Vec<RecordBatch>) -> Option<Evidence> {
    let schema = evidence::evidence_schema(admitted);
    let announced: Option<Vec<_>> = batches
        .into_iter()
        .map(|b| {
            let options = RecordBatchOptions::new().with_row_count(Some(b.num_rows()));
            let columns = b.columns().to_vec();
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).ok()
        })
        .collect();
    evidence::read(admitted, &announced?)
}
