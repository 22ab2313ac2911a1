//! Cells on their way to Evidence: what is known of each, and the rows that aren't in it yet.

use std::mem::size_of;
use std::sync::Arc;

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray, LargeBinaryArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;
use insitu_disclosure::evidence::{
    Adds, Contribution, PartEvidence, SKETCH_BYTES, SignCounts, Sketch, UnitWord,
};
use insitu_disclosure::keyed::mix;

use super::batch::{Batch, NO_RECORD_KEY, unexpected};
use super::layout::{CountAt, Lanes, Layout, SumAt, WORD, in_lanes, wide};
use super::records::{Records, Sorted, add_up};
use super::state;

/// What is known of one finding of one cell so far.
#[derive(Clone, Default)]
struct Known {
    evidence: PartEvidence,
    /// Signs of units added one by one; they join the sketch at the end.
    signs: SignCounts,
}

/// What is known of cells, and records that wait to be added to it.
pub(super) struct Cells {
    layout: Arc<Layout>,
    lanes: Lanes,
    /// For each finding, of each cell.
    known: Vec<Vec<Known>>,
    cells: usize,
    waiting: Records,
    /// Where units may have many rows: so many lanes wait until each unit's are added up, at first
    add_up_first: usize,
    /// and from now on.
    add_up_at: usize,
    /// Room that is used again.
    places: Vec<u32>,
    units: Vec<u64>,
    signs: Vec<u64>,
}

/// Records wait until there are so many for each cell,
const WAITING_PER_CELL: usize = 32;
/// or so many in all, if that isn't few for the cells there are.
const WAITING_MAX: usize = 1 << 19;
/// A record waits for no more than so many cells to be looked through.
const CELLS_PER_WAITING: usize = 4;
/// Where a unit may have many rows: lanes that wait before each unit's are first added up, 16 MiB.
const ADD_UP_AT: usize = 1 << 21;

impl Cells {
    pub(super) fn new(layout: &Arc<Layout>) -> Self {
        Self {
            layout: Arc::clone(layout),
            lanes: Lanes::of(layout),
            known: layout.findings.iter().map(|_| Vec::new()).collect(),
            cells: 0,
            waiting: Records::default(),
            add_up_first: ADD_UP_AT,
            add_up_at: ADD_UP_AT,
            places: Vec::new(),
            units: Vec::new(),
            signs: Vec::new(),
        }
    }

    /// Has units' records added up as soon as so many lanes wait.
    #[cfg(test)]
    pub(super) fn add_up_at(&mut self, lanes: usize) {
        (self.add_up_first, self.add_up_at) = (lanes, lanes);
    }

    /// There are so many cells from now on.
    pub(super) fn resize(&mut self, cells: usize) {
        self.cells = cells;
        for known in &mut self.known {
            known.resize_with(cells, Known::default);
        }
    }

    /// Takes in a batch of rows. `cells` says which cell each is of, where there is more than one.
    pub(super) fn update(
        &mut self,
        values: &[ArrayRef],
        cells: Option<&[usize]>,
        wanted: Option<&BooleanArray>,
    ) -> Result<()> {
        let layout = Arc::clone(&self.layout);
        let batch = Batch::of(values, &layout)?;
        let rows = batch.rows(wanted);
        // A record has room for 32 bits of a cell's number.
        let known = u32::try_from(self.cells).map_err(|_| unexpected())?;
        let cell = |row: &u32| match cells {
            None => 0,
            Some(cells) => {
                let at = usize::try_from(*row).unwrap_or(usize::MAX);
                cells.get(at).map_or(known, |cell| u32::try_from(*cell).unwrap_or(known))
            }
        };
        if !rows.nameless.is_empty() {
            let mut records = Vec::new();
            batch.records(&rows.nameless, &self.lanes, &mut records);
            for (record, row) in records.chunks_exact(self.lanes.stride).zip(&rows.nameless) {
                self.add_nameless(record, usize::try_from(cell(row)).unwrap_or(usize::MAX));
            }
        }
        batch.records(&rows.named, &self.lanes, &mut self.waiting.lanes);
        if cells.is_some() {
            let before = self.waiting.cells.len();
            self.waiting.cells.extend(rows.named.iter().map(cell));
            if self.waiting.cells.iter().skip(before).any(|cell| known <= *cell) {
                return Err(unexpected());
            }
        }
        self.settle_if_many();
        Ok(())
    }

    fn settle_if_many(&mut self) {
        if self.layout.many_rows {
            if self.add_up_at <= self.waiting.lanes.len() {
                self.add_up_units();
                // If most were of units of their own, it isn't worth while before there are twice as many.
                self.add_up_at = self.waiting.lanes.len().saturating_mul(2).max(self.add_up_first);
            }
        } else {
            let waiting = self.waiting.lanes.len() / self.lanes.stride.max(1);
            let enough = self.cells.saturating_mul(WAITING_PER_CELL).min(WAITING_MAX);
            if enough.max(self.cells / CELLS_PER_WAITING) <= waiting {
                self.settle();
            }
        }
    }

    /// Adds up each unit's records; they go on waiting.
    fn add_up_units(&mut self) {
        let keyed = !self.waiting.cells.is_empty();
        let sorted = self.waiting.sorted(&self.lanes, self.cells);
        let mut units = Vec::new();
        for (run, cell) in sorted.runs().zip(0_u32..) {
            let before = units.len();
            add_up(run, &self.lanes, &mut self.places, &mut units);
            if keyed {
                let new = units.len().saturating_sub(before) / self.lanes.stride.max(1);
                self.waiting.cells.resize(self.waiting.cells.len().saturating_add(new), cell);
            }
        }
        self.waiting.lanes = units;
    }

    /// Adds the records that wait to what is known of their cells.
    fn settle(&mut self) {
        if self.waiting.lanes.is_empty() {
            return;
        }
        let sorted = self.waiting.sorted(&self.lanes, self.cells);
        // One finding after the other: what is known of it of all cells is near.
        for finding in 0..self.known.len() {
            for (cell, run) in sorted.runs().enumerate() {
                self.add_run(finding, cell, run);
            }
        }
        self.waiting.reuse(sorted);
    }

    /// Adds up each unit's records, and adds them to what is known of their cells, for the first so many.
    fn settle_units(&mut self, first: usize) {
        let sorted = self.waiting.first(&self.lanes, self.cells, first);
        let mut units = std::mem::take(&mut self.units);
        for (cell, run) in sorted.runs().enumerate() {
            units.clear();
            add_up(run, &self.lanes, &mut self.places, &mut units);
            for finding in 0..self.known.len() {
                self.add_run(finding, cell, &units);
            }
        }
        self.units = units;
    }

    /// Adds units' records to a finding of a cell.
    fn add_run(&mut self, finding: usize, cell: usize, records: &[u64]) {
        let known = self.known.get_mut(finding).and_then(|known| known.get_mut(cell));
        let (Some(known), Some(found)) = (known, self.layout.findings.get(finding)) else { return };
        if records.is_empty() {
            return;
        }
        let (lanes, signs) = (&self.lanes, &mut self.signs);
        let sum_at = lanes.sums.get(finding).copied().unwrap_or(SumAt::Nowhere);
        let count_at = lanes.count_of(*found);
        let rows_are_units = !self.layout.many_rows && lanes.record_key.is_none();
        // Each closure is compiled for itself, so that a count asks nothing about amounts.
        match (count_at, sum_at) {
            (CountAt::One, SumAt::Nowhere) if lanes.stride == 1 => {
                known.evidence.add_rows(records);
                if self.layout.sketch {
                    known.signs.add_all(records);
                }
                return;
            }
            (_, SumAt::Nowhere) if rows_are_units => {
                let counted = records.chunks_exact(lanes.stride.max(1));
                let counted = counted.filter(|record| count(record, count_at) != 0);
                signs.clear();
                signs.extend(counted.map(|record| lane(record, WORD)));
                known.evidence.add_rows(signs);
            }
            (_, SumAt::Nowhere) => {
                known.add(records, lanes, found.adds(), signs, |r| (count(r, count_at), 0));
            }
            (_, SumAt::Narrow(_) | SumAt::Wide(_)) => {
                let of = |r: &[u64]| (count(r, count_at), sum(r, sum_at));
                known.add(records, lanes, found.adds(), signs, of);
            }
        }
        if self.layout.sketch {
            known.signs.add_all(signs);
        }
    }

    /// Adds a record of rows without a unit's id.
    fn add_nameless(&mut self, record: &[u64], cell: usize) {
        let findings = self.layout.findings.iter().zip(&self.lanes.sums);
        for (known, (finding, sum_at)) in self.known.iter_mut().zip(findings) {
            let Some(known) = known.get_mut(cell) else { continue };
            let count = count(record, self.lanes.count_of(*finding));
            let sum = if count == 0 { 0 } else { sum(record, *sum_at) };
            known.evidence.add_nameless(Contribution { count, sum });
        }
    }

    /// What cells have come to: the bytes of each finding, one after the other.
    pub(super) fn evaluate(&mut self, emit_to: EmitTo) -> ArrayRef {
        let first = self.emitted(emit_to);
        if self.layout.many_rows {
            self.settle_units(first);
        } else {
            self.settle();
        }
        self.known_bytes(emit_to, first, true)
    }

    /// What [`Cells::merge`] takes in: what is known of the cells and, where units may have many rows, their records.
    pub(super) fn state(&mut self, emit_to: EmitTo) -> Vec<ArrayRef> {
        let first = self.emitted(emit_to);
        if !self.layout.many_rows {
            return vec![self.evaluate(emit_to)];
        }
        if self.cells == 1 {
            // Whoever takes them in has nobody to share the work with.
            self.add_up_units();
        }
        let sorted = self.waiting.first(&self.lanes, self.cells, first);
        let records = records_bytes(sorted);
        vec![self.known_bytes(emit_to, first, false), Arc::new(records)]
    }

    fn emitted(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.cells,
            EmitTo::First(first) => first.min(self.cells),
        }
    }

    /// The bytes of what is known of the first cells, which are let go: of all, or of those of which anything is.
    fn known_bytes(&mut self, emit_to: EmitTo, first: usize, all: bool) -> ArrayRef {
        let sketch = self.layout.sketch;
        let of_findings: Vec<Vec<Known>> =
            self.known.iter_mut().map(|known| emit_to.take_needed(known)).collect();
        self.cells = self.cells.saturating_sub(first);
        let mut cells = LargeBinaryBuilder::new();
        let mut bytes = Vec::new();
        for cell in 0..first {
            bytes.clear();
            let of_cell = || of_findings.iter().filter_map(|known| known.get(cell));
            // Of most cells nothing is known while their units' records are still to be added up.
            if all || of_cell().any(|known| known.evidence != PartEvidence::default()) {
                of_cell().for_each(|known| known.write(sketch, &mut bytes));
            }
            cells.append_value(&bytes);
        }
        Arc::new(cells.finish())
    }

    /// Takes in what [`Cells::state`] gave elsewhere. `cells` as in [`Cells::update`].
    pub(super) fn merge(&mut self, values: &[ArrayRef], cells: Option<&[usize]>) -> Result<()> {
        let column = |i: usize| values.get(i).and_then(|v| v.as_binary_opt::<i64>());
        let states = column(0).ok_or_else(unexpected)?;
        let records = match self.layout.many_rows {
            true => Some(column(1).ok_or_else(unexpected)?),
            false => None,
        };
        for at in 0..states.len() {
            let cell = match cells {
                None => 0,
                Some(cells) => *cells.get(at).ok_or_else(unexpected)?,
            };
            if states.is_valid(at) {
                self.merge_known(states.value(at), cell)?;
            }
            if let Some(records) = records.filter(|records| records.is_valid(at)) {
                let (lanes, _) = records.value(at).as_chunks::<8>();
                self.waiting.lanes.extend(lanes.iter().map(|lane| u64::from_ne_bytes(*lane)));
                if cells.is_some() {
                    let cell = u32::try_from(cell).map_err(|_| unexpected())?;
                    let waiting = self.waiting.lanes.len() / self.lanes.stride.max(1);
                    self.waiting.cells.resize(waiting, cell);
                }
            }
        }
        self.settle_if_many();
        Ok(())
    }

    fn merge_known(&mut self, bytes: &[u8], cell: usize) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let findings = state::decode(bytes, self.known.len())
            .ok_or_else(|| DataFusionError::Internal("a state isn't one".to_owned()))?;
        for (known, found) in self.known.iter_mut().zip(&findings) {
            if let Some(known) = known.get_mut(cell) {
                known.evidence.merge(found);
            }
        }
        Ok(())
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        // What is known of a cell elsewhere is bounded: its signs and its sketch.
        let known = size_of::<Known>().saturating_add(SKETCH_BYTES.saturating_mul(2));
        let cells = self.known.iter().map(Vec::capacity).fold(0, usize::saturating_add);
        let room = self.units.capacity().saturating_add(self.signs.capacity()).saturating_mul(8);
        let places = self.places.capacity().saturating_mul(4);
        let sizes = [known.saturating_mul(cells), self.waiting.size(), room, places];
        sizes.into_iter().fold(0, usize::saturating_add)
    }
}

/// The records of each cell, as bytes; they aren't copied.
fn records_bytes(sorted: Sorted) -> LargeBinaryArray {
    let lengths: Vec<usize> = sorted.runs().map(|run| run.len().saturating_mul(8)).collect();
    let offsets = OffsetBuffer::from_lengths(lengths);
    LargeBinaryArray::new(offsets, Buffer::from_vec(sorted.lanes), None)
}

impl Known {
    /// Adds units by their records; `found` says how many rows of each count, and what they add up to. `signs` is room.
    #[inline]
    fn add(
        &mut self,
        records: &[u64],
        lanes: &Lanes,
        adds: Adds,
        signs: &mut Vec<u64>,
        found: impl Fn(&[u64]) -> (i64, i128),
    ) {
        signs.clear();
        let units = records.chunks_exact(lanes.stride.max(1)).map(|record| {
            let (count, sum) = found(record);
            let record_key = lanes.record_key.map(|at| match lane(record, at).cast_signed() {
                NO_RECORD_KEY => 0,
                key => key,
            });
            (UnitWord { word: lane(record, WORD), record_key }, Contribution { count, sum })
        });
        self.evidence.add_all(units, adds, |word, contribution| {
            signs.push(as_contributed(word, contribution, adds));
        });
    }

    fn write(&self, sketch: bool, bytes: &mut Vec<u8>) {
        let mut evidence = self.evidence.clone();
        if sketch {
            let mut of_units = evidence.sketch.take().map_or(Sketch::ZERO, |s| *s);
            of_units.add(&self.signs.to_sketch());
            evidence.sketch = Some(Box::new(of_units));
        }
        state::encode(&evidence, bytes);
    }
}

/// The unit's word together with how much it contributes: the same people with other amounts aren't the same. One row
/// is the plain word, so that all counts of people compare.
#[inline]
fn as_contributed(word: u64, contribution: Contribution, adds: Adds) -> u64 {
    match adds {
        Adds::Rows if contribution.count == 1 => word,
        Adds::Rows => mix(word ^ mix(contribution.count.cast_unsigned())),
        Adds::Amounts => {
            let [low, high] = in_lanes(contribution.sum);
            // Few amounts have more than 64 bits; zero stays itself when it is mixed.
            let high = if high == 0 { 0 } else { mix(high) };
            mix(word ^ mix(low ^ high))
        }
    }
}

#[inline]
fn lane(record: &[u64], at: usize) -> u64 {
    record.get(at).copied().unwrap_or(0)
}

#[inline]
fn count(record: &[u64], at: CountAt) -> i64 {
    match at {
        CountAt::One => 1,
        CountAt::Lane { lane: at, shift, mask } => {
            ((lane(record, at) >> shift) & mask).cast_signed()
        }
    }
}

#[inline]
fn sum(record: &[u64], at: SumAt) -> i128 {
    match at {
        SumAt::Nowhere => 0,
        SumAt::Narrow(at) => i128::from(lane(record, at).cast_signed()),
        SumAt::Wide(at) => wide([lane(record, at), lane(record, at.saturating_add(1))]),
    }
}
