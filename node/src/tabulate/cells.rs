//! Cells on their way to Evidence: what is known of each, and the rows that aren't in it yet.

use std::mem::size_of;
use std::sync::Arc;

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray, LargeBinaryArray};
use insitu_disclosure::evidence::SKETCH_BYTES;
use insitu_engine::arrow::buffer::{Buffer, OffsetBuffer};
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::EmitTo;

use super::batch::{Batch, unexpected};
use super::known::{Known, Reading};
use super::layout::{Counted, Finding, Lanes, Layout};
use super::records::{Records, Sorted, add_up};
use super::state;

/// What is known of cells, and records that wait to be added to it.
pub(super) struct Cells {
    layout: Arc<Layout>,
    lanes: Lanes,
    readings: Vec<Reading>,
    /// For each finding, of each cell; of no cell where it is like another's.
    known: Vec<Vec<Known>>,
    /// Which finding's numbers are this one's too, so far: a count of values, while every row has a value.
    alike: Vec<Option<usize>>,
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
        let rows = Finding { counted: Counted::Every, amount: None };
        let rows = layout.findings.iter().position(|f| *f == rows && !layout.many_rows);
        let alike = |f: &Finding| match (f.counted, f.amount) {
            (Counted::If(_), None) => rows,
            (Counted::Every, _) | (Counted::If(_), Some(_)) => None,
        };
        let lanes = Lanes::of(layout);
        Self {
            readings: Reading::of(layout, &lanes),
            lanes,
            alike: layout.findings.iter().map(alike).collect(),
            layout: Arc::clone(layout),
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
        for (known, alike) in self.known.iter_mut().zip(&self.alike) {
            if alike.is_none() {
                known.resize_with(cells, Known::default);
            }
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
        for (at, finding) in layout.findings.iter().enumerate() {
            if batch.leaves_out(*finding) {
                self.tell_apart(at);
            }
        }
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

    /// From now on this finding isn't like another.
    fn tell_apart(&mut self, finding: usize) {
        let Some(other) = self.alike.get_mut(finding).and_then(Option::take) else { return };
        // Of what waits it was.
        self.settle();
        let known = self.known.get(other).cloned().unwrap_or_default();
        if let Some(place) = self.known.get_mut(finding) {
            *place = known;
        }
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
            if self.alike.get(finding).is_some_and(Option::is_none) {
                for (cell, run) in sorted.runs().enumerate() {
                    self.add_run(finding, cell, run);
                }
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
        if let (Some(known), Some(reading), false) =
            (known, self.readings.get(finding), records.is_empty())
        {
            known.add(records, reading, &mut self.signs);
        }
    }

    /// Adds a record of rows without a unit's id.
    fn add_nameless(&mut self, record: &[u64], cell: usize) {
        for (known, reading) in self.known.iter_mut().zip(&self.readings) {
            if let Some(known) = known.get_mut(cell) {
                known.add_nameless(record, reading);
            }
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
        let take = |known: &mut Vec<Known>| match known.is_empty() {
            true => Vec::new(),
            false => emit_to.take_needed(known),
        };
        let of_findings: Vec<Vec<Known>> = self.known.iter_mut().map(take).collect();
        self.cells = self.cells.saturating_sub(first);
        let of = |finding: usize, cell: usize| of_findings.get(finding).and_then(|f| f.get(cell));
        let mut cells = LargeBinaryBuilder::new();
        let mut bytes = Vec::new();
        for cell in 0..first {
            bytes.clear();
            // Of most cells nothing is known while their units' records are still to be added up.
            if all || !(0..of_findings.len()).all(|f| of(f, cell).is_none_or(Known::is_nothing)) {
                for (finding, alike) in self.alike.iter().enumerate() {
                    // All of a cell's findings have equally many bytes.
                    let length = bytes.len().checked_div(finding).unwrap_or(0);
                    let written = alike.map(|other| other.saturating_mul(length));
                    let written = written.map(|start| start..start.saturating_add(length));
                    match written.filter(|range| range.end <= bytes.len() && 0 < length) {
                        Some(written) => bytes.extend_from_within(written),
                        None => of(alike.unwrap_or(finding), cell)
                            .into_iter()
                            .for_each(|known| known.write(sketch, &mut bytes)),
                    }
                }
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
        let not_one = || DataFusionError::Internal("a state isn't one".to_owned());
        let findings: Vec<&[u8]> =
            state::split(bytes, self.known.len()).ok_or_else(not_one)?.collect();
        for (finding, bytes) in findings.iter().enumerate() {
            let alike = self.alike.get(finding).copied().flatten();
            if alike.is_some_and(|other| findings.get(other) != Some(bytes)) {
                self.tell_apart(finding);
            }
        }
        for ((known, alike), bytes) in self.known.iter_mut().zip(&self.alike).zip(findings) {
            if let (Some(known), None) = (known.get_mut(cell), alike) {
                known.merge(bytes).ok_or_else(not_one)?;
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
