//! Cells' keys as columns, and back, checked: the same in Evidence and in protected tables.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt16Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch, UInt16Array};

use super::Cell;
use crate::admit::Admitted;
use crate::function::{from_literals, literal_at};
use crate::rules::keys::KeyValues;
use crate::tabulation::{KeySet, Tabulation};

/// `k0`, ..., and the cells' sets where there are grouping sets.
pub(crate) fn key_columns<'a>(
    admitted: &Admitted<Tabulation>,
    cells: impl Iterator<Item = &'a Cell> + Clone,
) -> Vec<ArrayRef> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (i, scalar_type) in admitted.key_types().iter().enumerate() {
        let values = cells.clone().map(|c| c.keys.get(i).cloned().flatten());
        columns.push(from_literals(values, *scalar_type));
    }
    if !admitted.tabulation().sets.is_empty() {
        columns.push(Arc::new(cells.map(|c| Some(c.set.mask())).collect::<UInt16Array>()));
    }
    columns
}

/// The keys of a batch.
#[derive(Debug)]
pub struct Keys {
    /// Columns they take; what is known of the cells comes after.
    pub columns: usize,
    /// The set and keys of each row.
    pub rows: Vec<(KeySet, KeyValues)>,
}

/// The keys of a batch that begins with the columns `k0`, ... and, where there are grouping sets, `set`; `None` if they
/// can't be: a set that wasn't asked for, or a value of a key that is rolled up.
#[must_use]
pub fn read_keys(admitted: &Admitted<Tabulation>, batch: &RecordBatch) -> Option<Keys> {
    let tabulation = admitted.tabulation();
    let keys = admitted.key_types().len();
    let mut columns = batch.columns().iter();
    let key_columns: Vec<&ArrayRef> = columns.by_ref().take(keys).collect();
    let sets = if tabulation.sets.is_empty() {
        None
    } else {
        Some(columns.next()?.as_primitive_opt::<UInt16Type>()?)
    };
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let set = match sets {
            None => KeySet::all(keys),
            Some(sets) => {
                let set = KeySet::of_mask(sets.is_valid(row).then(|| sets.value(row))?);
                tabulation.sets.contains(&set).then_some(set)?
            }
        };
        let values: KeyValues = key_columns.iter().map(|key| literal_at(key, row)).collect();
        if values.iter().enumerate().any(|(i, value)| value.is_some() && !set.keeps(i)) {
            return None;
        }
        rows.push((set, values));
    }
    Some(Keys { columns: keys.saturating_add(usize::from(sets.is_some())), rows })
}
