//! The aggregate's arguments of a batch of rows, and records of them.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, BooleanArray, Decimal128Array, Int64Array, UInt64Array};
use insitu_engine::common::{DataFusionError, Result};

use super::layout::{CountAt, Counted, Finding, Lanes, Layout, SumAt, WORD, Width, in_lanes};

/// The arguments: words, record keys where there are any, conditions, amounts.
pub(super) struct Batch<'a> {
    words: &'a UInt64Array,
    record_keys: Option<&'a Int64Array>,
    /// Without NULL, which is no.
    conditions: Vec<BooleanArray>,
    amounts: Vec<Amounts<'a>>,
    findings: &'a [Finding],
    /// Whether every row counts for something.
    every: bool,
    many_rows: bool,
}

enum Amounts<'a> {
    Narrow(&'a Int64Array),
    Wide(&'a Decimal128Array),
}

/// Rows of a batch: those of units, and those without a unit's id.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) named: Vec<u32>,
    pub(super) nameless: Vec<u32>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(values: &'a [ArrayRef], layout: &'a Layout) -> Result<Self> {
        let mut rest = values.iter();
        let mut next = || rest.next().ok_or_else(unexpected);
        let words = next()?.as_primitive_opt::<UInt64Type>().ok_or_else(unexpected)?;
        let record_keys = if layout.record_keys {
            Some(next()?.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?)
        } else {
            None
        };
        let mut conditions = Vec::with_capacity(layout.conditions);
        for _ in 0..layout.conditions {
            let condition = next()?.as_boolean_opt().ok_or_else(unexpected)?;
            conditions.push(match condition.nulls() {
                None => condition.clone(),
                Some(nulls) => BooleanArray::new(condition.values() & nulls.inner(), None),
            });
        }
        let mut amounts = Vec::with_capacity(layout.amounts.len());
        for width in &layout.amounts {
            let array = next()?;
            amounts.push(match width {
                Width::Narrow => {
                    Amounts::Narrow(array.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?)
                }
                Width::Wide => Amounts::Wide(
                    array.as_primitive_opt::<Decimal128Type>().ok_or_else(unexpected)?,
                ),
            });
        }
        // The largest of a unit's record keys may stand in a row that counts for nothing.
        let every = layout.findings.iter().any(|f| f.counted == Counted::Every)
            || (layout.many_rows && layout.record_keys);
        let (findings, many_rows) = (layout.findings.as_slice(), layout.many_rows);
        Ok(Self { words, record_keys, conditions, amounts, findings, every, many_rows })
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether it doesn't count every row of the batch.
    pub(super) fn leaves_out(&self, finding: Finding) -> bool {
        match finding.counted {
            Counted::Every => false,
            Counted::If(i) => self.conditions.get(i).is_none_or(|c| c.true_count() != c.len()),
        }
    }

    /// The rows that count for something, and are wanted.
    pub(super) fn rows(&self, wanted: Option<&BooleanArray>) -> Rows {
        let holds_everywhere = |c: &BooleanArray| c.true_count() == c.len();
        let anything = if self.every || self.conditions.iter().any(holds_everywhere) {
            None
        } else {
            let any = self.conditions.iter().map(|c| c.values().clone());
            any.reduce(|a, b| &a | &b).map(|any| BooleanArray::new(any, None))
        };
        let holds =
            |of: Option<&BooleanArray>, at| of.is_none_or(|b| b.is_valid(at) && b.value(at));
        let kept = |at: usize| holds(anything.as_ref(), at) && holds(wanted, at);
        let mut rows = Rows::default();
        let none_left_out = anything.is_none() && wanted.is_none();
        if none_left_out && self.words.null_count() == 0 {
            rows.named.extend((0_u32..).take(self.len()));
            return rows;
        }
        rows.named.reserve(self.len());
        for (at, row) in (0..self.len()).zip(0_u32..) {
            if !none_left_out && !kept(at) {
                continue;
            }
            if self.words.is_null(at) { rows.nameless.push(row) } else { rows.named.push(row) }
        }
        rows
    }

    /// Puts a record for each of these rows behind the others.
    pub(super) fn records(&self, rows: &[u32], lanes: &Lanes, records: &mut Vec<u64>) {
        if lanes.stride == 1 && rows.len() == self.len() {
            records.extend_from_slice(self.words.values());
            return;
        }
        let first = records.len();
        let new = rows.len().saturating_mul(lanes.stride);
        records.resize(first.saturating_add(new), 0);
        let records = records.get_mut(first..).unwrap_or_default();
        let all_rows = rows.len() == self.len();
        let mut put = Put { records, stride: lanes.stride, rows, all_rows };
        put.all(WORD, self.words.values(), |word| word);
        if let (Some(lane), Some(keys)) = (lanes.record_key, self.record_keys) {
            // A record without a key counts, and adds nothing to the cell's; it is less than any other of its unit.
            let none = if self.many_rows { NO_RECORD_KEY } else { 0 };
            put.each(lane, |at| {
                (if keys.is_null(at) { none } else { keys.value(at) }).cast_unsigned()
            });
        }
        if let CountAt::Lane { lane, shift, .. } = lanes.every {
            put.each(lane, |_| 1 << shift);
        }
        for (at, condition) in lanes.conditions.iter().zip(&self.conditions) {
            if let CountAt::Lane { lane, shift, .. } = *at {
                if condition.true_count() == condition.len() {
                    put.each(lane, |_| 1 << shift);
                } else {
                    put.each(lane, |at| u64::from(condition.value(at)) << shift);
                }
            }
        }
        for (finding, at) in self.findings.iter().zip(&lanes.sums) {
            let Some(amounts) = finding.amount.and_then(|i| self.amounts.get(i)) else { continue };
            let condition = match finding.counted {
                Counted::Every => None,
                Counted::If(i) => self.conditions.get(i).filter(|c| c.true_count() != c.len()),
            };
            let counts = |at| condition.is_none_or(|c| c.value(at));
            match (*at, amounts) {
                (SumAt::Narrow(lane), Amounts::Narrow(amounts)) => {
                    if condition.is_none() && amounts.null_count() == 0 {
                        put.all(lane, amounts.values(), i64::cast_unsigned);
                    } else {
                        let value = |at| counts(at) && amounts.is_valid(at);
                        put.each(lane, |at| {
                            if value(at) { amounts.value(at).cast_unsigned() } else { 0 }
                        });
                    }
                }
                (SumAt::Packed(lane), Amounts::Narrow(amounts)) => {
                    // Within 32 bits, whatever its sign.
                    let bits = |value: i64| value.cast_unsigned() & u64::from(u32::MAX);
                    if condition.is_none() && amounts.null_count() == 0 {
                        put.each(lane, |at| amounts.values().get(at).map_or(0, |v| bits(*v)));
                    } else {
                        let value = |at| counts(at) && amounts.is_valid(at);
                        put.each(lane, |at| if value(at) { bits(amounts.value(at)) } else { 0 });
                    }
                }
                (SumAt::Wide(lane), Amounts::Wide(amounts)) => {
                    let value =
                        |at| if counts(at) && amounts.is_valid(at) { amounts.value(at) } else { 0 };
                    put.each(lane, |at| low(value(at)));
                    put.each(lane.saturating_add(1), |at| high(value(at)));
                }
                // Lanes and arguments follow from the same layout.
                (SumAt::Narrow(_) | SumAt::Packed(_), Amounts::Wide(_))
                | (SumAt::Wide(_), Amounts::Narrow(_))
                | (SumAt::Nowhere, _) => {}
            }
        }
    }
}

/// A unit's rows of which none has a record key.
pub(super) const NO_RECORD_KEY: i64 = i64::MIN;

/// Puts values of rows into records.
struct Put<'a> {
    records: &'a mut [u64],
    stride: usize,
    rows: &'a [u32],
    /// Whether these are all rows of the batch.
    all_rows: bool,
}

impl Put<'_> {
    /// The value of each row.
    #[inline]
    fn each(&mut self, lane: usize, value: impl Fn(usize) -> u64) {
        for (record, row) in self.records.chunks_exact_mut(self.stride).zip(self.rows) {
            if let (Some(place), Ok(row)) = (record.get_mut(lane), usize::try_from(*row)) {
                *place |= value(row);
            }
        }
    }

    /// Values of all rows of the batch.
    #[inline]
    fn all<T: Copy>(&mut self, lane: usize, values: &[T], bits: impl Fn(T) -> u64) {
        if self.all_rows {
            for (record, value) in self.records.chunks_exact_mut(self.stride).zip(values) {
                if let Some(place) = record.get_mut(lane) {
                    *place = bits(*value);
                }
            }
        } else {
            self.each(lane, |row| values.get(row).map_or(0, |value| bits(*value)));
        }
    }
}

fn low(value: i128) -> u64 {
    let [low, _] = in_lanes(value);
    low
}

fn high(value: i128) -> u64 {
    let [_, high] = in_lanes(value);
    high
}

pub(super) fn unexpected() -> DataFusionError {
    DataFusionError::Internal("an argument isn't of the planned type".to_owned())
}
