//! Cells on their way to Evidence: what is known of each, and the rows that aren't in it yet.

use std::mem::size_of;
use std::sync::Arc;

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray};
use insitu_disclosure::evidence::Sketch;
use insitu_disclosure::noise::Infusion;
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::EmitTo;

use super::batch::{Batch, unexpected};
use super::exchange::Exchange;
use super::jobs::Adding;
use super::known::{Known, Reading};
use super::layout::{Counted, Finding, Lanes, Layout, Sign};
use super::pieces::{Part, Pieces, Room, add_up, bits_of, is_worth_adding_up};
use super::records::Records;
use super::state;
use super::unwanted::StillWanted;

/// What is known of cells, and records that wait to be added to it.
pub(super) struct Cells {
    layout: Arc<Layout>,
    /// Of units, and of rows that wait.
    lanes: Lanes,
    of_rows: Lanes,
    readings: Vec<Reading>,
    /// For each finding, of each cell; of no cell where it is like another's.
    known: Vec<Vec<Known>>,
    /// Which finding's numbers are this one's too, so far: a count of values, while every row has a value.
    alike: Vec<Option<usize>>,
    cells: usize,
    waiting: Records,
    /// Records that have come to wait so far.
    came: usize,
    /// Where units may have many rows: records of each cell that are cut into pieces.
    parts: Vec<Vec<Part>>,
    /// Lanes of these.
    parts_lanes: usize,
    /// So many rows wait until they are cut.
    cut_at: usize,
    /// So many lanes wait until each unit's are added up, at first
    add_up_first: usize,
    /// and from now on.
    add_up_at: usize,
    exchange: Exchange,
    wanted: StillWanted,
    /// Room that is used again.
    room: Room,
}

/// Records wait until there are so many for each cell,
const WAITING_PER_CELL: usize = 256;
/// or so many in all, if that isn't few for the cells there are.
const WAITING_MAX: usize = 1 << 19;
/// A record waits for no more than so many cells to be looked through.
const CELLS_PER_WAITING: usize = 4;
/// Where a unit may have many rows: so many rows wait before they are cut into pieces, while they are in the
/// processor's caches,
const CUT_AT: usize = 1 << 17;
/// or so many for each cell, since each cell's are a part of their own.
const CUT_PER_CELL: usize = 64;
/// Lanes that are kept before each unit's are first added up, 64 MiB.
const ADD_UP_AT: usize = 1 << 23;

impl Cells {
    pub(super) fn new(layout: &Arc<Layout>, exchange: &Exchange, wanted: &StillWanted) -> Self {
        let rows = Finding {
            counted: Counted::Every,
            amount: None,
            sign: Sign::Contribution,
            infusion: Infusion::None,
        };
        let rows = layout.findings.iter().position(|f| *f == rows && !layout.many_rows);
        let alike = |f: &Finding| match (f.counted, f.amount) {
            (Counted::If(_), None) => rows,
            (Counted::Every, _) | (Counted::If(_), Some(_)) => None,
        };
        let lanes = Lanes::of(layout);
        Self {
            readings: Reading::of(layout, &lanes),
            lanes,
            of_rows: Lanes::of_rows(layout),
            alike: layout.findings.iter().map(alike).collect(),
            layout: Arc::clone(layout),
            known: layout.findings.iter().map(|_| Vec::new()).collect(),
            cells: 0,
            waiting: Records::default(),
            came: 0,
            parts: Vec::new(),
            parts_lanes: 0,
            cut_at: CUT_AT,
            add_up_first: ADD_UP_AT,
            add_up_at: ADD_UP_AT,
            exchange: exchange.clone(),
            wanted: wanted.clone(),
            room: Room::default(),
        }
    }

    /// Has rows cut as soon as so many wait, and as many for each cell as ever.
    #[cfg(test)]
    pub(super) fn cut_at(&mut self, rows: usize) {
        self.cut_at = rows;
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
                // Room for a quarter more, not for as many again.
                if known.capacity() < cells {
                    let enough = cells.max(known.len().saturating_add(known.len() / 4));
                    known.reserve_exact(enough.saturating_sub(known.len()));
                }
                known.resize_with(cells, Known::default);
            }
        }
        if self.layout.many_rows {
            self.parts.resize_with(cells, Vec::new);
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
        batch.records(&rows.named, &self.of_rows, &mut self.waiting.lanes);
        self.came = self.came.saturating_add(rows.named.len());
        if let Some(cells) = cells {
            let before = self.waiting.cells.len();
            if rows.named.len() == cells.len() {
                let all = cells.iter().map(|cell| u32::try_from(*cell).unwrap_or(known));
                self.waiting.cells.extend(all);
            } else {
                self.waiting.cells.extend(rows.named.iter().map(cell));
            }
            let new = self.waiting.cells.get(before..).unwrap_or_default();
            if new.iter().fold(0, |most: u32, cell| most.max(*cell)) >= known && !new.is_empty() {
                return Err(unexpected());
            }
        }
        self.settle_if_many()
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

    fn settle_if_many(&mut self) -> Result<()> {
        if self.layout.many_rows {
            if self.add_up_at <= self.lanes_kept() {
                self.add_up_units()?;
                // If most were of units of their own, it isn't worth while before there are twice as many.
                self.add_up_at = self.lanes_kept().saturating_mul(2).max(self.add_up_first);
            }
            let waiting = self.waiting.lanes.len() / self.of_rows.stride.max(1);
            if self.cut_at.max(self.cells.saturating_mul(CUT_PER_CELL)) <= waiting {
                self.cut();
            }
        } else {
            let waiting = self.waiting.lanes.len() / self.lanes.stride.max(1);
            if waiting_max(self.cells) <= waiting {
                self.settle();
            }
        }
        Ok(())
    }

    /// Lanes of records that are of units with perhaps more of them.
    const fn lanes_kept(&self) -> usize {
        self.waiting.lanes.len().saturating_add(self.parts_lanes)
    }

    /// Cuts the records that wait into pieces.
    fn cut(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.put_by(&mut waiting, self.of_rows.stride);
        self.waiting = waiting;
    }

    fn put_by(&mut self, records: &mut Records, stride: usize) {
        if records.lanes.is_empty() {
            return;
        }
        self.parts_lanes = self.parts_lanes.saturating_add(records.lanes.len());
        let pieces = Arc::new(Pieces::of(records, stride, self.cells));
        for (cell, parts) in self.parts.iter_mut().enumerate() {
            parts.extend(pieces.part(cell));
        }
    }

    /// Adds up each unit's records, if it has many: one is left of each.
    fn add_up_units(&mut self) -> Result<()> {
        self.cut();
        if !is_worth_adding_up(&self.parts, self.lanes.stride) {
            return Ok(());
        }
        let stride = self.lanes.stride.max(1);
        let mut left = Records::default();
        self.room.units.clear();
        for (parts, cell) in self.parts.iter_mut().zip(0_u32..) {
            let parts = std::mem::take(parts);
            let bits = bits_of(&parts);
            for piece in 0..1_usize << bits {
                self.wanted.look()?;
                add_up(&parts, bits, piece, &self.lanes, &mut self.room);
            }
            left.cells.resize(self.room.units.len() / stride, cell);
        }
        self.parts_lanes = 0;
        left.lanes = std::mem::take(&mut self.room.units);
        self.put_by(&mut left, stride);
        Ok(())
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
    fn settle_units(&mut self, first: usize) -> Result<()> {
        self.cut();
        let cells = self.take_parts(first);
        let Self { lanes, readings, wanted, known, room, .. } = self;
        Adding { lanes, readings, wanted }.add(&cells, known, room)
    }

    /// The parts of the first cells, which are let go.
    fn take_parts(&mut self, first: usize) -> Vec<Vec<Part>> {
        let cells: Vec<Vec<Part>> = self.parts.drain(..first.min(self.parts.len())).collect();
        let lanes = cells.iter().flatten().map(Part::lanes).fold(0, usize::saturating_add);
        self.parts_lanes = self.parts_lanes.saturating_sub(lanes);
        cells
    }

    /// Adds units' records to a finding of a cell.
    fn add_run(&mut self, finding: usize, cell: usize, records: &[u64]) {
        let known = self.known.get_mut(finding).and_then(|known| known.get_mut(cell));
        if let (Some(known), Some(reading), false) =
            (known, self.readings.get(finding), records.is_empty())
        {
            known.add(records, reading, &mut self.room.reused);
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
    pub(super) fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let first = self.emitted(emit_to);
        if self.layout.many_rows {
            self.settle_units(first)?;
        } else {
            self.settle();
        }
        Ok(self.known_bytes(emit_to, first, true))
    }

    /// What [`Cells::merge`] takes in: what is known of the cells and, where units may have many rows, which of their
    /// records lie on the exchange.
    pub(super) fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let first = self.emitted(emit_to);
        if !self.layout.many_rows {
            return Ok(vec![self.evaluate(emit_to)?]);
        }
        self.cut();
        let mut records = LargeBinaryBuilder::new();
        let mut bytes = Vec::new();
        for parts in self.take_parts(first) {
            bytes.clear();
            self.exchange.put(parts, &mut bytes)?;
            records.append_value(&bytes);
        }
        Ok(vec![self.known_bytes(emit_to, first, false), Arc::new(records.finish())])
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
        if self.cells == 0 {
            self.came = 0;
        }
        let of = |finding: usize, cell: usize| of_findings.get(finding).and_then(|f| f.get(cell));
        // Room for all that is known, where anything is of every cell: bytes that move take new memory each time.
        let of_a_cell = self.layout.findings.len().saturating_mul(state::bytes_of(sketch));
        let room = if all || !self.layout.many_rows { first.saturating_mul(of_a_cell) } else { 0 };
        let mut cells = LargeBinaryBuilder::with_capacity(first, room);
        let mut bytes = Vec::with_capacity(of_a_cell);
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
                let taken = self.exchange.take(records.value(at))?.ok_or_else(not_one)?;
                let lanes = taken.iter().map(Part::lanes).fold(0, usize::saturating_add);
                self.parts_lanes = self.parts_lanes.saturating_add(lanes);
                self.parts.get_mut(cell).ok_or_else(unexpected)?.extend(taken);
            }
        }
        self.settle_if_many()
    }

    fn merge_known(&mut self, bytes: &[u8], cell: usize) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
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

    /// Bytes held, if there are so many cells: of what is in it, not of what there is room for, which doubles with one more.
    /// Findings that are alike so far count, each: one row tells them apart.
    pub(super) fn held(&self, cells: usize) -> usize {
        let known = known_bytes(&self.layout).saturating_mul(cells);
        let stride = self.of_rows.stride;
        let records = match self.layout.many_rows {
            // As many as may wait, not as do: findings that are told apart have them added early. They are brought together
            // beside themselves.
            false => {
                let record = stride.saturating_mul(16).saturating_add(size_of::<u32>());
                self.came.min(waiting_max(cells)).saturating_mul(record)
            }
            // Those that wait to be cut as much as those that are, with room for half as much again.
            true => self.lanes_kept().saturating_mul(12),
        };
        known.saturating_add(records)
    }

    /// Bytes held, for the engine, which has no part in where memory ends.
    pub(super) fn size(&self) -> usize {
        self.held(self.cells)
    }
}

/// So many records of so many cells wait until they are added.
fn waiting_max(cells: usize) -> usize {
    let enough = cells.saturating_mul(WAITING_PER_CELL).min(WAITING_MAX);
    enough.max(cells / CELLS_PER_WAITING)
}

/// Bytes of what is known of a cell at most, with the room that [`Cells::resize`] leaves for more of them.
pub(super) fn known_bytes(layout: &Layout) -> usize {
    // What is elsewhere is bounded: its signs, which are of rows, or its sketch, which is of other partitions. Where records are
    // handed over and added up at the end, both.
    let (elsewhere, parts) = match layout.many_rows {
        false => (size_of::<Sketch>(), 0),
        true => (size_of::<Sketch>().saturating_mul(2), size_of::<Vec<Part>>()),
    };
    let known = size_of::<Known>().saturating_add(elsewhere);
    let findings = known.saturating_mul(layout.findings.len());
    let each = findings.saturating_add(parts);
    each.saturating_add(each / 4)
}

fn not_one() -> DataFusionError {
    DataFusionError::Internal("a state isn't one".to_owned())
}
