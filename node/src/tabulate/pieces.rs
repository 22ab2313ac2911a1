//! Records of units that may have many, cut into pieces that fit the processor's cache, and added up there.
//!
//! Words are drawn with a key, so they are spread evenly: the records of a large cell are cut by the word's first bits,
//! and a unit's are found in a piece by its last bits. All records of a unit in a cell are in one piece, so pieces can be
//! added up by any thread, and pieces of several partitions' records of a cell are added up together as they are: those
//! that are cut finer lie side by side.
//!
//! **Two units with the same word would be one.** Of ten million units in a cell some two have the same 64 bits once in
//! 370 000 tables, and nobody without the key can look for such. They would count as one unit, with what both
//! contribute: one less towards a threshold, and a larger share towards dominance, so nothing more is shown for it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use insitu_disclosure::keyed::mix;

use super::known::Reused;
use super::layout::{Lanes, Packed, WORD};
use super::records::{Records, Sorted};

/// Records of a piece of what waited together, about. Some ten times as many come together in the end.
const PIECE_RECORDS: usize = 256;
/// Pieces of a cell are at most two to this.
const PIECES_BITS_MAX: u32 = 12;

/// Records by cell and, within large cells, by piece.
pub(super) struct Pieces {
    sorted: Sorted,
    stride: usize,
    /// The first piece of each cell, and behind the last.
    firsts: Vec<u32>,
}

impl Pieces {
    /// All records that wait, of so many lanes each, of so many cells.
    pub(super) fn of(waiting: &mut Records, stride: usize, cells: usize) -> Self {
        let stride = stride.max(1);
        let records = waiting.lanes.len() / stride;
        if waiting.cells.is_empty() {
            waiting.cells.resize(records, 0);
        }
        let mut counts = vec![0_usize; cells];
        for cell in &waiting.cells {
            if let Some(count) = counts.get_mut(index(*cell)) {
                *count = count.saturating_add(1);
            }
        }
        let mut firsts = Vec::with_capacity(cells.saturating_add(1));
        let mut next = 0_u32;
        firsts.push(next);
        for count in counts {
            next = next.saturating_add(1 << bits_for(count));
            firsts.push(next);
        }
        // From here on the place of each record stands where its cell did.
        for (cell, record) in waiting.cells.iter_mut().zip(waiting.lanes.chunks_exact(stride)) {
            let first = index(*cell);
            *cell = match (firsts.get(first), firsts.get(first.saturating_add(1))) {
                (Some(first), Some(end)) => {
                    let bits = end.saturating_sub(*first).trailing_zeros();
                    first.saturating_add(u32::try_from(first_bits(word(record), bits)).unwrap_or(0))
                }
                (_, _) => next,
            };
        }
        Self { sorted: waiting.by_place(stride, index(next)), stride, firsts }
    }

    /// The records of a cell, where there are any.
    pub(super) fn part(self: &Arc<Self>, cell: usize) -> Option<Part> {
        let part = Part { pieces: Arc::clone(self), cell };
        (0 < part.lanes()).then_some(part)
    }

    fn places(&self, cell: usize) -> Range<usize> {
        let first = |cell: usize| self.firsts.get(cell).copied().map_or(0, index);
        first(cell)..first(cell.saturating_add(1))
    }

    fn run(&self, places: Range<usize>) -> &[u64] {
        let end = |place: usize| self.sorted.ends.get(place).copied();
        let start = places.start.checked_sub(1).map_or(Some(0), end);
        let end = places.end.checked_sub(1).map_or(Some(0), end);
        match (start, end) {
            (Some(start), Some(end)) => self.sorted.lanes.get(start..end).unwrap_or_default(),
            (_, _) => &[],
        }
    }
}

/// Some of the records of a cell.
#[derive(Clone)]
pub(super) struct Part {
    pieces: Arc<Pieces>,
    cell: usize,
}

impl Part {
    /// How many lanes they have.
    pub(super) fn lanes(&self) -> usize {
        self.records().len()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lanes() / self.stride()
    }

    fn stride(&self) -> usize {
        self.pieces.stride.max(1)
    }

    /// The records' lanes, in any order.
    fn records(&self) -> &[u64] {
        self.pieces.run(self.pieces.places(self.cell))
    }

    /// Into how many pieces they are cut, as a power of two.
    fn bits(&self) -> u32 {
        self.pieces.places(self.cell).len().trailing_zeros()
    }

    /// One of two to the power of `bits` pieces: at most as many as it is cut into.
    fn piece(&self, bits: u32, piece: usize) -> &[u64] {
        let Range { start, .. } = self.pieces.places(self.cell);
        let finer = self.bits().saturating_sub(bits);
        let first = start.saturating_add(piece << finer);
        self.pieces.run(first..first.saturating_add(1 << finer))
    }
}

/// Into how many pieces all these parts of a cell can be cut alike, as a power of two.
pub(super) fn bits_of(parts: &[Part]) -> u32 {
    parts.iter().map(Part::bits).min().unwrap_or(0)
}

/// Room that is used again.
#[derive(Default)]
pub(super) struct Room {
    /// Which unit is at which place of a table, counted from one; zero is nobody.
    places: Vec<u32>,
    /// A record for each unit.
    pub(super) units: Vec<u64>,
    pub(super) reused: Reused,
}

/// Adds up each unit's records of one of the pieces of a cell: a record for each is put behind what is in `room.units`.
pub(super) fn add_up(parts: &[Part], bits: u32, piece: usize, lanes: &Lanes, room: &mut Room) {
    let stride = lanes.stride.max(1);
    let counts = parts.iter().map(|part| part.piece(bits, piece).len() / part.stride());
    let count = counts.fold(0, usize::saturating_add);
    if count == 0 {
        return;
    }
    // At least twice the records: some place is always free.
    room.places.clear();
    room.places.resize(count.saturating_mul(2).next_power_of_two(), 0);
    let first = room.units.len();
    let mut record = Vec::new();
    for part in parts {
        let run = part.piece(bits, piece);
        if part.stride() < stride {
            match (stride, lanes.packed.as_slice()) {
                (3, packed) if packed.len() == 2 => add_packed::<3>(run, first, packed, room),
                (4, packed) if packed.len() == 3 => add_packed::<4>(run, first, packed, room),
                (_, []) => add_words(run, first, room),
                (_, packed) => {
                    let mut next = (room.units.len().saturating_sub(first)) / stride;
                    for [word, lane] in run.as_chunks::<2>().0 {
                        record.clear();
                        record.push(*word);
                        record.extend(packed.iter().map(|packed| packed.of(*lane)));
                        add_one(&record, first, lanes, &mut next, room);
                    }
                }
            }
            continue;
        }
        match (stride, lanes.is_plain()) {
            (2, true) => add_run::<2>(run, first, room),
            (3, true) => add_run::<3>(run, first, room),
            (4, true) => add_run::<4>(run, first, room),
            (_, _) => {
                let mut next = (room.units.len().saturating_sub(first)) / stride;
                for record in run.chunks_exact(stride) {
                    add_one(record, first, lanes, &mut next, room);
                }
            }
        }
    }
}

/// Adds a record of any length.
fn add_one(record: &[u64], first: usize, lanes: &Lanes, next: &mut usize, room: &mut Room) {
    let stride = lanes.stride.max(1);
    let Room { places, units, .. } = room;
    let start = |unit: usize| first.saturating_add(unit.saturating_mul(stride));
    match find(places, word(record), next, |unit| units.get(start(unit)).copied()) {
        Some(unit) => {
            if let Some(mine) = units.get_mut(start(unit)..).and_then(|u| u.get_mut(..stride)) {
                lanes.add(mine, record);
            }
        }
        None => units.extend_from_slice(record),
    }
}

/// The same for records of a length that is known when this is compiled, whose lanes behind the word are added up one
/// by one.
fn add_run<const STRIDE: usize>(run: &[u64], first: usize, room: &mut Room) {
    let (records, _) = run.as_chunks::<STRIDE>();
    add_records(records.iter().copied(), first, room);
}

/// The same for rows whose lanes behind the word are packed into one.
fn add_packed<const STRIDE: usize>(run: &[u64], first: usize, packed: &[Packed], room: &mut Room) {
    let mut of = [Packed::AMOUNT; STRIDE];
    for (of, packed) in of.iter_mut().skip(1).zip(packed) {
        *of = *packed;
    }
    let records = run.as_chunks::<2>().0.iter().map(|[word, lane]| {
        let mut record = of.map(|packed| packed.of(*lane));
        if let Some(place) = record.get_mut(WORD) {
            *place = *word;
        }
        record
    });
    add_records(records, first, room);
}

#[inline]
fn add_records<const STRIDE: usize>(
    records: impl Iterator<Item = [u64; STRIDE]>,
    first: usize,
    room: &mut Room,
) {
    let Room { places, units, .. } = room;
    let mut next = units.len().saturating_sub(first) / STRIDE;
    for record in records {
        let known = find(places, word(&record), &mut next, |unit| {
            units.get(first.saturating_add(unit.saturating_mul(STRIDE))).copied()
        });
        let Some(unit) = known else {
            units.extend_from_slice(&record);
            continue;
        };
        let start = first.saturating_add(unit.saturating_mul(STRIDE));
        if let Some(mine) =
            units.get_mut(start..).and_then(|units| units.first_chunk_mut::<STRIDE>())
        {
            for (mine, other) in mine.iter_mut().zip(record).skip(1) {
                *mine = mine.wrapping_add(other);
            }
        }
    }
}

/// The same for words alone, of which each is a row that counts.
fn add_words(words: &[u64], first: usize, room: &mut Room) {
    let Room { places, units, .. } = room;
    let mut next = units.len().saturating_sub(first) / 2;
    for word in words {
        let at = |unit: usize| first.saturating_add(unit.saturating_mul(2));
        match find(places, *word, &mut next, |unit| units.get(at(unit)).copied()) {
            None => units.extend_from_slice(&[*word, 1]),
            Some(unit) => {
                if let Some(count) = units.get_mut(at(unit).saturating_add(1)) {
                    *count = count.wrapping_add(1);
                }
            }
        }
    }
}

/// Which unit has this word; nobody if it is new: it is the next one then.
#[inline]
fn find(
    places: &mut [u32],
    word: u64,
    next: &mut usize,
    word_of: impl Fn(usize) -> Option<u64>,
) -> Option<usize> {
    let last = places.len().saturating_sub(1);
    let mut at = usize::try_from(word & (u64::MAX >> 1)).unwrap_or(usize::MAX) & last;
    while let Some(place) = places.get_mut(at) {
        let Some(unit) = place.checked_sub(1) else {
            *next = next.saturating_add(1);
            *place = u32::try_from(*next).unwrap_or(u32::MAX);
            return None;
        };
        let unit = index(unit);
        if word_of(unit) == Some(word) {
            return Some(unit);
        }
        at = at.saturating_add(1) & last;
    }
    None
}

/// One unit in so many is looked at, to find out how many records the others have: two to the power of this.
const LOOKED_AT_BITS: u32 = 6;
/// Of cells with no more records, one in so many cells is looked at.
const SMALL: usize = 4_096;

/// Whether adding up units would leave less than three quarters of what these cells' records take, if what is left of a unit has
/// so many lanes: of rows that are packed, more. One unit in 64 tells: of a small cell all or none, which follows from its
/// place; of others, by the word's first bits, so that all records of a unit are looked at or none is, and few pieces
/// have to be.
pub(super) fn is_worth_adding_up(cells: &[Vec<Part>], stride: usize) -> bool {
    let mut units: HashSet<(usize, u64)> = HashSet::new();
    let (mut records, mut lanes) = (0_usize, 0_usize);
    for (cell, parts) in cells.iter().enumerate() {
        let drawn = mix(u64::try_from(cell).unwrap_or(0));
        let mine = first_bits(drawn, LOOKED_AT_BITS);
        let of_cell = parts.iter().map(Part::count).fold(0, usize::saturating_add);
        let bits = if of_cell <= SMALL { 0 } else { LOOKED_AT_BITS };
        if bits == 0 && mine != 0 {
            continue;
        }
        for part in parts {
            let cut = part.bits().min(bits);
            let piece = usize::try_from(mine >> bits.saturating_sub(cut)).unwrap_or(0);
            for word in part.piece(cut, piece).chunks_exact(part.stride()).map(word) {
                if bits == 0 || first_bits(word, bits) == mine {
                    records = records.saturating_add(1);
                    lanes = lanes.saturating_add(part.stride());
                    units.insert((cell, word));
                }
            }
        }
    }
    let left = units.len().saturating_mul(stride);
    // Of so few it can't be told; a few units with very many records are the case that matters.
    records < 1 << LOOKED_AT_BITS || left.saturating_mul(4) < lanes.saturating_mul(3)
}

fn bits_for(records: usize) -> u32 {
    let pieces = records / PIECE_RECORDS;
    if pieces <= 1 { 0 } else { pieces.next_power_of_two().trailing_zeros().min(PIECES_BITS_MAX) }
}

/// The first so many bits of a word, at most 63.
fn first_bits(word: u64, bits: u32) -> u64 {
    (word >> 1) >> (u64::BITS - 1).saturating_sub(bits)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[inline]
pub(super) fn word(record: &[u64]) -> u64 {
    record.get(WORD).copied().unwrap_or(0)
}

#[cfg(test)]
#[path = "pieces_tests.rs"]
mod tests;
