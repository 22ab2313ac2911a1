//! Cells of open data as columns.
//!
//! Nobody contributes to open data, as far as rules go: what is known of a cell are numbers, and cells of several nodes add
//! up number by number. For whole columns that takes a fraction of what it takes cell by cell, and a node's answer needn't
//! become cells at all.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Decimal128Array, Int64Array, RecordBatch,
    RecordBatchOptions,
};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave;

use super::wire::{Item, items};
use super::{Evidence, evidence_schema, read, read_keys};
use crate::admit::Admitted;
use crate::rebuild::{NotRebuildable, rebuild_column};
use crate::tabulation::Tabulation;

/// The cells of an answer about open data, checked: columns of [`evidence_schema`], counts that aren't negative, and
/// only sets that were asked for. A cell may be in it more than once.
#[derive(Debug, Clone)]
pub struct OpenCells {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl OpenCells {
    /// Whether the question's cells can be had as columns: the data are open, and each number of a part adds up.
    #[must_use]
    pub fn answer(admitted: &Admitted<Tabulation>) -> bool {
        admitted.dataset().is_open()
            && items(admitted).iter().all(|item| match item {
                Item::Count | Item::Sum => true,
                Item::Units
                | Item::Absolute
                | Item::Largest
                | Item::Second
                | Item::RecordKeys
                | Item::Question
                | Item::Nameless
                | Item::NamelessSum
                | Item::Sketch
                | Item::Distinct => false,
            })
    }

    /// From batches with [`evidence_schema`], whose nullability may be announced less strictly; `None` if they don't have it,
    /// hold what can't be, or [aren't had as columns](Self::answer).
    #[must_use]
    pub fn read(admitted: &Admitted<Tabulation>, batches: &[RecordBatch]) -> Option<Self> {
        if !Self::answer(admitted) {
            return None;
        }
        let (schema, items) = (evidence_schema(admitted), items(admitted));
        let keys = schema.fields().len().checked_sub(items.len())?;
        let mut checked = Vec::with_capacity(batches.len());
        for batch in batches {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let (fields, columns) = (Arc::clone(&schema), batch.columns().to_vec());
            // Types, and no NULL where there is none.
            let batch = RecordBatch::try_new_with_options(fields, columns, &options).ok()?;
            for (item, column) in items.iter().zip(batch.columns().iter().skip(keys)) {
                if *item == Item::Count {
                    let counts = column.as_primitive_opt::<Int64Type>()?;
                    if counts.values().iter().any(|count| *count < 0) {
                        return None;
                    }
                }
            }
            if !admitted.tabulation().sets.is_empty() {
                read_keys(admitted, &batch)?;
            }
            checked.push(batch);
        }
        Some(Self { schema, batches: checked })
    }

    /// Batches to be sent, made anew value by value.
    ///
    /// # Errors
    /// A column of a type that results don't have.
    pub fn rebuilt(&self) -> Result<(SchemaRef, Vec<RecordBatch>), NotRebuildable> {
        let rebuilt = self.batches.iter().map(|batch| {
            let columns = batch.columns().iter().map(rebuild_column);
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
                .map_err(|_| NotRebuildable)
        });
        Ok((Arc::clone(&self.schema), rebuilt.collect::<Result<_, _>>()?))
    }

    /// The Evidence of several nodes' answers together: what [`super::merge()`] makes of them cell by cell.
    ///
    /// # Errors
    /// A total of more than 38 digits; answers to other questions.
    pub fn together(
        admitted: &Admitted<Tabulation>,
        answers: Vec<Self>,
    ) -> Result<Evidence, NotTogether> {
        let batches = answers.into_iter().flat_map(|answer| answer.batches);
        let batches: Vec<RecordBatch> = batches.filter(|batch| 0 < batch.num_rows()).collect();
        let together = added_up(admitted, &batches)?;
        read(admitted, together.as_slice()).ok_or(NotTogether::Unlike)
    }
}

/// Why answers don't add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTogether {
    /// They aren't answers to this question.
    #[error("answers don't go together")]
    Unlike,
    /// A total has more than 38 digits.
    #[error("a total has more than 38 digits")]
    TooLarge,
}

/// One batch with each set and keys once; none if there are no rows. NaN, and zeros of either sign, are left as they are, to
/// be found equal or not cell by cell.
fn added_up(
    admitted: &Admitted<Tabulation>,
    batches: &[RecordBatch],
) -> Result<Option<RecordBatch>, NotTogether> {
    if batches.is_empty() {
        return Ok(None);
    }
    let (schema, items) = (evidence_schema(admitted), items(admitted));
    let keys = schema.fields().len().checked_sub(items.len()).ok_or(NotTogether::Unlike)?;
    let Places { cells, first_of } = places(batches, keys).ok_or(NotTogether::Unlike)?;
    let of_batches = |at: usize| {
        let columns = batches.iter().map(|batch| batch.columns().get(at));
        columns.collect::<Option<Vec<&ArrayRef>>>().ok_or(NotTogether::Unlike)
    };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for key in 0..keys {
        let of_batches = of_batches(key)?;
        let of_batches: Vec<&dyn Array> = of_batches.iter().map(|column| column.as_ref()).collect();
        columns.push(interleave(&of_batches, &first_of).map_err(|_| NotTogether::Unlike)?);
    }
    for (at, item) in (keys..).zip(&items) {
        let (of_batches, cells, number) = (of_batches(at)?, &cells, first_of.len());
        columns.push(if *item == Item::Count {
            // No more rows are counted than 63 bits hold.
            let add = |a: i64, b: i64| Some(a.saturating_add(b));
            let totals = totals::<Int64Type>(&of_batches, cells, number, add)?;
            Arc::new(Int64Array::from(totals))
        } else {
            let totals = totals::<Decimal128Type>(&of_batches, cells, number, i128::checked_add)?;
            if totals.iter().any(|total| DIGITS_38 <= total.unsigned_abs()) {
                return Err(NotTogether::TooLarge);
            }
            let totals = Decimal128Array::from(totals).with_precision_and_scale(38, 0);
            Arc::new(totals.map_err(|_| NotTogether::Unlike)?)
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(first_of.len()));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map(Some)
        .map_err(|_| NotTogether::Unlike)
}

/// The least number with more than 38 digits.
const DIGITS_38: u128 = 10_u128.pow(38);

/// A total for each cell.
fn totals<T: ArrowPrimitiveType>(
    of_batches: &[&ArrayRef],
    cells: &[Vec<usize>],
    number: usize,
    add: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> Result<Vec<T::Native>, NotTogether> {
    let mut totals = vec![T::Native::default(); number];
    for (cells, column) in cells.iter().zip(of_batches) {
        let values = column.as_primitive_opt::<T>().ok_or(NotTogether::Unlike)?.values();
        for (cell, value) in cells.iter().zip(values) {
            let total = totals.get_mut(*cell).ok_or(NotTogether::Unlike)?;
            *total = add(*total, *value).ok_or(NotTogether::TooLarge)?;
        }
    }
    Ok(totals)
}

/// Which rows are of one cell.
struct Places {
    /// Of each batch, the cell of each row.
    cells: Vec<Vec<usize>>,
    /// Of each cell, the batch and the row where it is first.
    first_of: Vec<(usize, usize)>,
}

fn places(batches: &[RecordBatch], keys: usize) -> Option<Places> {
    if keys == 0 {
        let cells = batches.iter().map(|batch| vec![0; batch.num_rows()]).collect();
        return Some(Places { cells, first_of: vec![(0, 0)] });
    }
    let of_keys = batches.first()?.columns().iter().take(keys);
    let fields = of_keys.map(|key| SortField::new(key.data_type().clone())).collect();
    let converter = RowConverter::new(fields).ok()?;
    let rows: Option<Vec<Rows>> = batches
        .iter()
        .map(|batch| converter.convert_columns(batch.columns().get(..keys)?).ok())
        .collect();
    let rows = rows?;
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    let (mut cells, mut first_of) = (Vec::with_capacity(batches.len()), Vec::new());
    for (b, rows) in rows.iter().enumerate() {
        let mut of_batch = Vec::with_capacity(rows.num_rows());
        for (r, row) in rows.iter().enumerate() {
            of_batch.push(*known.entry(row.data()).or_insert_with(|| {
                first_of.push((b, r));
                first_of.len().saturating_sub(1)
            }));
        }
        cells.push(of_batch);
    }
    Some(Places { cells, first_of })
}
