//! Evidence as one Arrow batch, and back, checked.
//!
//! The keys `k0`, ..., with grouping sets `set`, then for each part what its [`PartShape`] says:
//!
//! | column | type | of |
//! |---|---|---|
//! | `p0_count` | Int64 | every part |
//! | `p0_sum` | Decimal(38, 0) | parts that add up |
//! | `p0_units` | Int64 | protected data |
//! | `p0_absolute`, `p0_largest`, `p0_second` | Decimal(38, 0) | where contributions aren't one row each |
//! | `p0_record_keys` Int64, `p0_question` UInt64 | | where there is noise |
//! | `p0_nameless` Int64, `p0_nameless_sum` Decimal(38, 0) | | where units have ids; the sum where parts add up |
//! | `p0_sketch` | FixedSizeBinary(272) | where released cells are remembered |
//! | `p0_distinct` | Binary, 4,098 bytes at most | about how many different values open data have |

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, FixedSizeBinaryArray, Int64Array, RecordBatch,
    RecordBatchOptions, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::{
    Adds, Cell, Evidence, Nameless, PartEvidence, PartShape, SKETCH_BYTES, Sketch, key_columns,
    read_keys,
};
use crate::admit::{Admitted, key_fields};
use crate::distinct::DistinctSketch;
use crate::tabulation::Tabulation;

/// A number of a part that has a column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Count,
    Sum,
    Units,
    Absolute,
    Largest,
    Second,
    RecordKeys,
    Question,
    Nameless,
    NamelessSum,
    Sketch,
    Distinct,
}

impl Item {
    /// The items of a part, in the order of their columns.
    fn of(shape: PartShape) -> Vec<Self> {
        let amounts = shape.adds == Adds::Amounts;
        let wanted = [
            (true, Self::Count),
            (amounts, Self::Sum),
            (shape.units, Self::Units),
            (shape.contributions, Self::Absolute),
            (shape.contributions, Self::Largest),
            (shape.contributions, Self::Second),
            (shape.noise, Self::RecordKeys),
            (shape.noise, Self::Question),
            (shape.nameless, Self::Nameless),
            (shape.nameless && amounts, Self::NamelessSum),
            (shape.sketch, Self::Sketch),
            (shape.distinct, Self::Distinct),
        ];
        wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, item)| item).collect()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Units => "units",
            Self::Absolute => "absolute",
            Self::Largest => "largest",
            Self::Second => "second",
            Self::RecordKeys => "record_keys",
            Self::Question => "question",
            Self::Nameless => "nameless",
            Self::NamelessSum => "nameless_sum",
            Self::Sketch => "sketch",
            Self::Distinct => "distinct",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Count | Self::Units | Self::RecordKeys | Self::Nameless => DataType::Int64,
            Self::Sum | Self::Absolute | Self::Largest | Self::Second | Self::NamelessSum => {
                DataType::Decimal128(38, 0)
            }
            Self::Question => DataType::UInt64,
            Self::Sketch => DataType::FixedSizeBinary(SKETCH_WIDTH),
            Self::Distinct => DataType::Binary,
        }
    }
}

const SKETCH_WIDTH: i32 = SKETCH_BYTES as i32;

fn shapes(admitted: &Admitted<Tabulation>) -> Vec<PartShape> {
    let parts = admitted.tabulation().parts(admitted.dataset()).distinct;
    parts.iter().map(|p| PartShape::of(p, admitted.dataset())).collect()
}

/// What the columns after the keys hold, in order.
pub(super) fn items(admitted: &Admitted<Tabulation>) -> Vec<Item> {
    shapes(admitted).into_iter().flat_map(Item::of).collect()
}

/// The columns, in order.
#[must_use]
pub fn evidence_schema(admitted: &Admitted<Tabulation>) -> SchemaRef {
    let sets = !admitted.tabulation().sets.is_empty();
    let mut fields = key_fields(admitted.key_types(), sets);
    for (i, shape) in shapes(admitted).into_iter().enumerate() {
        for item in Item::of(shape) {
            fields.push(Field::new(format!("p{i}_{}", item.name()), item.data_type(), false));
        }
    }
    Arc::new(Schema::new(fields))
}

/// The batch that carries Evidence; built value by value, so that its buffers hold nothing else.
///
/// # Errors
/// Cells that don't fit the Tabulation, or totals of more than 38 digits.
pub fn write(
    admitted: &Admitted<Tabulation>,
    evidence: &Evidence,
) -> Result<RecordBatch, ArrowError> {
    let cells = &evidence.cells;
    let mut columns = key_columns(admitted, cells.iter());
    let none = PartEvidence::default();
    for (i, shape) in shapes(admitted).into_iter().enumerate() {
        let parts: Vec<&PartEvidence> =
            cells.iter().map(|c| c.parts.get(i).unwrap_or(&none)).collect();
        for item in Item::of(shape) {
            columns.push(column(item, &parts)?);
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(cells.len()));
    RecordBatch::try_new_with_options(evidence_schema(admitted), columns, &options)
}

fn column(item: Item, parts: &[&PartEvidence]) -> Result<ArrayRef, ArrowError> {
    let whole = |of: fn(&PartEvidence) -> i64| -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(parts.iter().map(|p| of(p)).map(Some).collect::<Int64Array>()))
    };
    let wide = |of: fn(&PartEvidence) -> i128| -> Result<ArrayRef, ArrowError> {
        let values: Decimal128Array = parts.iter().map(|p| of(p)).map(Some).collect();
        Ok(Arc::new(values.with_precision_and_scale(38, 0)?))
    };
    let signed = |size: u128| i128::try_from(size).unwrap_or(i128::MAX);
    match item {
        Item::Count => whole(|p| p.count),
        Item::Units => whole(|p| p.units),
        Item::RecordKeys => whole(|p| p.record_keys),
        Item::Nameless => whole(|p| p.nameless.count),
        Item::Sum => wide(|p| p.sum),
        Item::NamelessSum => wide(|p| p.nameless.sum),
        Item::Absolute | Item::Largest | Item::Second => {
            let sizes = parts.iter().map(|p| {
                let [largest, second] = p.largest;
                match item {
                    Item::Absolute => signed(p.absolute),
                    Item::Largest => signed(largest),
                    Item::Second
                    | Item::Count
                    | Item::Sum
                    | Item::Units
                    | Item::RecordKeys
                    | Item::Question
                    | Item::Nameless
                    | Item::NamelessSum
                    | Item::Sketch
                    | Item::Distinct => signed(second),
                }
            });
            let values: Decimal128Array = sizes.map(Some).collect();
            Ok(Arc::new(values.with_precision_and_scale(38, 0)?))
        }
        Item::Question => {
            Ok(Arc::new(parts.iter().map(|p| Some(p.question)).collect::<UInt64Array>()))
        }
        Item::Sketch => {
            let none = Sketch::ZERO;
            let sketches =
                parts.iter().map(|p| Some(p.sketch.as_deref().unwrap_or(&none).to_bytes()));
            // With the width said, no cells are a column too: whether there are any must not show as a failure.
            let column =
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(sketches, SKETCH_WIDTH)?;
            Ok(Arc::new(column))
        }
        Item::Distinct => {
            let none = DistinctSketch::default();
            let sketches = parts.iter().map(|p| p.distinct.as_deref().unwrap_or(&none).to_bytes());
            Ok(Arc::new(BinaryArray::from_iter_values(sketches)))
        }
    }
}

/// Evidence from batches with [`evidence_schema`]; `None` if they don't have it, or hold what can't be.
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
    let keys = read_keys(admitted, batch)?;
    let mut columns = batch.columns().iter().skip(keys.columns);
    if columns.clone().any(|c| c.null_count() != 0) {
        return None;
    }
    let shapes = shapes(admitted);
    let first = cells.len();
    let none = vec![PartEvidence::default(); shapes.len()];
    cells.extend(keys.rows.into_iter().map(|(set, keys)| Cell { set, keys, parts: none.clone() }));
    for (i, shape) in shapes.iter().enumerate() {
        for item in Item::of(*shape) {
            let column = columns.next()?;
            for (row, cell) in cells.iter_mut().skip(first).enumerate() {
                take(item, column, row, cell.parts.get_mut(i)?)?;
            }
        }
        for cell in cells.iter_mut().skip(first) {
            let part = cell.parts.get_mut(i)?;
            finish(*shape, part)?;
        }
    }
    Some(())
}

fn take(item: Item, column: &ArrayRef, row: usize, part: &mut PartEvidence) -> Option<()> {
    let whole = || Some(column.as_primitive_opt::<Int64Type>()?.value(row));
    let wide = || Some(column.as_primitive_opt::<Decimal128Type>()?.value(row));
    let [largest, second] = &mut part.largest;
    match item {
        Item::Count => part.count = whole()?,
        Item::Units => part.units = whole()?,
        Item::RecordKeys => part.record_keys = whole()?,
        Item::Nameless => part.nameless.count = whole()?,
        Item::Sum => part.sum = wide()?,
        Item::NamelessSum => part.nameless.sum = wide()?,
        Item::Absolute => part.absolute = u128::try_from(wide()?).ok()?,
        Item::Largest => *largest = u128::try_from(wide()?).ok()?,
        Item::Second => *second = u128::try_from(wide()?).ok()?,
        Item::Question => part.question = column.as_primitive_opt::<UInt64Type>()?.value(row),
        Item::Sketch => {
            let bytes = column.as_fixed_size_binary_opt()?.value(row);
            part.sketch = Some(Box::new(Sketch::from_bytes(bytes.try_into().ok()?)?));
        }
        Item::Distinct => {
            let bytes = column.as_binary_opt::<i32>()?.value(row);
            part.distinct = Some(Box::new(DistinctSketch::from_bytes(bytes)?));
        }
    }
    Some(())
}

/// What isn't sent because it follows, and whether the numbers go together.
fn finish(shape: PartShape, part: &mut PartEvidence) -> Option<()> {
    if !shape.units {
        part.units = part.count;
    }
    if shape.units && !shape.contributions {
        let units = u128::try_from(part.units).ok()?;
        part.absolute = units;
        part.largest = [units.min(1), u128::from(2 <= units)];
    }
    let Nameless { count: nameless, .. } = part.nameless;
    let [largest, second] = part.largest;
    // A unit contributes by a row, and the largest is one of those that make up the whole.
    let possible = 0 <= part.units
        && 0 <= nameless
        && part.units <= part.count
        && part.sketch.as_ref().is_none_or(|s| i64::try_from(s.n()) == Ok(part.units))
        && part.distinct.as_ref().is_none_or(|s| may_be_of(s, part.count))
        && second <= largest
        && largest.saturating_add(second) <= part.absolute.max(largest)
        && (!shape.units || (part.units == 0) == (part.absolute == 0));
    possible.then_some(())
}

/// Whether so many values may have given this sketch: each fills a register at most, and the first of all fills one.
fn may_be_of(sketch: &DistinctSketch, values: i64) -> bool {
    let registers = sketch.registers();
    i64::try_from(registers).is_ok_and(|filled| filled <= values)
        && (registers == 0) == (values == 0)
}
