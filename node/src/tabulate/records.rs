//! Records of rows, brought together by cell and by unit.
//!
//! What is known of a cell takes several hundred bytes. With thousands of cells, row after row in the order they come
//! would fetch all of that from memory each time. So records wait until there are many, and those of a cell are then
//! added together. Where a unit may have many rows, they wait until the end, or until there are so many that it is worth
//! adding up each unit's.
//!
//! Words are drawn with a key, so they are spread evenly: the records of large cells are cut by the word's first bits
//! into pieces that fit the processor's cache, and a unit's are found in a piece by its last bits.
//!
//! **Two units with the same word would be one.** Of ten million units in a cell some two have the same 64 bits once in
//! 370 000 tables, and nobody without the key can look for such. They would count as one unit, with what both
//! contribute: one less towards a threshold, and a larger share towards dominance, so nothing more is shown for it.

use super::layout::{Lanes, WORD};

/// Records, in the order in which rows came.
#[derive(Default)]
pub(super) struct Records {
    /// The records' lanes, one after the other.
    pub(super) lanes: Vec<u64>,
    /// The cell of each. Not kept while there is one cell.
    pub(super) cells: Vec<u32>,
}

/// Records by cell.
pub(super) struct Sorted {
    /// The records' lanes, one after the other.
    pub(super) lanes: Vec<u64>,
    /// Where each cell's end, counted in lanes.
    ends: Vec<usize>,
}

/// Records of a piece, some of them.
const PIECE_RECORDS: usize = 2_048;
/// Pieces are at most two to this.
const PIECES_BITS_MAX: u32 = 12;

impl Records {
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
        self.cells.clear();
    }

    /// Waits with the room that others took.
    pub(super) fn reuse(&mut self, sorted: Sorted) {
        if self.lanes.capacity() < sorted.lanes.capacity() {
            self.lanes = sorted.lanes;
        }
        self.clear();
    }

    /// Bytes, as many as while they are brought together.
    pub(super) fn size(&self) -> usize {
        let bytes = self.lanes.capacity().saturating_mul(8);
        bytes.saturating_add(self.cells.capacity().saturating_mul(4)).saturating_mul(2)
    }

    /// The records by cell, of so many.
    pub(super) fn sorted(&mut self, lanes: &Lanes, cells: usize) -> Sorted {
        if cells <= 1 {
            self.cells.clear();
            let lanes = std::mem::take(&mut self.lanes);
            return Sorted { ends: vec![lanes.len(); cells], lanes };
        }
        let of = self.cells.iter().map(|cell| usize::try_from(*cell).unwrap_or(usize::MAX));
        let sorted = scatter(&self.lanes, lanes.stride, of, cells);
        self.clear();
        sorted
    }

    /// The records of the first so many cells; the others wait on, and count from there.
    pub(super) fn first(&mut self, lanes: &Lanes, cells: usize, first: usize) -> Sorted {
        let mut sorted = self.sorted(lanes, cells);
        if first < cells {
            let stride = lanes.stride.max(1);
            let start = first.checked_sub(1).and_then(|i| sorted.ends.get(i)).copied().unwrap_or(0);
            for (run, cell) in sorted.runs().skip(first).zip(0_u32..) {
                self.lanes.extend_from_slice(run);
                self.cells.resize(self.lanes.len() / stride, cell);
            }
            sorted.lanes.truncate(start);
            sorted.ends.truncate(first);
        }
        sorted
    }
}

impl Sorted {
    /// The records of each cell.
    pub(super) fn runs(&self) -> impl Iterator<Item = &[u64]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.lanes.get(start..*end).unwrap_or_default())
    }
}

/// Each record to the place that `of` says, in the order in which they come: a counting sort.
fn scatter(
    records: &[u64],
    stride: usize,
    of: impl Iterator<Item = usize> + Clone,
    places: usize,
) -> Sorted {
    let mut ends = vec![0_usize; places];
    for place in of.clone() {
        if let Some(count) = ends.get_mut(place) {
            *count = count.saturating_add(stride);
        }
    }
    // Where each place begins; a record moves that on, to its end.
    let mut sum = 0_usize;
    for count in &mut ends {
        sum = sum.saturating_add(std::mem::replace(count, sum));
    }
    let mut lanes = vec![0_u64; records.len()];
    match stride {
        1 => scatter_records::<1>(records, &mut lanes, of, &mut ends),
        2 => scatter_records::<2>(records, &mut lanes, of, &mut ends),
        3 => scatter_records::<3>(records, &mut lanes, of, &mut ends),
        4 => scatter_records::<4>(records, &mut lanes, of, &mut ends),
        5 => scatter_records::<5>(records, &mut lanes, of, &mut ends),
        6 => scatter_records::<6>(records, &mut lanes, of, &mut ends),
        _ => {
            for (record, place) in records.chunks_exact(stride.max(1)).zip(of) {
                let Some(next) = ends.get_mut(place) else { continue };
                let after = next.saturating_add(stride);
                if let Some(to) = lanes.get_mut(*next..after) {
                    to.copy_from_slice(record);
                }
                *next = after;
            }
        }
    }
    Sorted { lanes, ends }
}

/// Records of a length that is known when this is compiled: no call for each.
fn scatter_records<const STRIDE: usize>(
    records: &[u64],
    to: &mut [u64],
    of: impl Iterator<Item = usize>,
    next: &mut [usize],
) {
    let (records, _) = records.as_chunks::<STRIDE>();
    for (record, place) in records.iter().zip(of) {
        let Some(next) = next.get_mut(place) else { continue };
        let to = to.get_mut(*next..).and_then(|to| to.first_chunk_mut::<STRIDE>());
        if let Some(to) = to {
            *to = *record;
        }
        *next = next.saturating_add(STRIDE);
    }
}

/// Adds up each unit's records of a cell, and puts one for each behind what is in `units`.
pub(super) fn add_up(records: &[u64], lanes: &Lanes, places: &mut Vec<u32>, units: &mut Vec<u64>) {
    let count = records.len() / lanes.stride.max(1);
    let pieces = count / PIECE_RECORDS;
    if pieces <= 1 {
        add_up_piece(records, lanes, places, units);
        return;
    }
    let bits = pieces.next_power_of_two().trailing_zeros().min(PIECES_BITS_MAX);
    let shift = u64::BITS.saturating_sub(bits);
    let words = records.chunks_exact(lanes.stride.max(1)).map(word);
    let of = words.map(|word| usize::try_from(word >> shift).unwrap_or(usize::MAX));
    for piece in scatter(records, lanes.stride, of, 1 << bits).runs() {
        add_up_piece(piece, lanes, places, units);
    }
}

/// The same for a few thousand records. `places` says which unit is at which place of a table, counted from one; zero
/// is nobody.
fn add_up_piece(records: &[u64], lanes: &Lanes, places: &mut Vec<u32>, units: &mut Vec<u64>) {
    let stride = lanes.stride.max(1);
    let count = records.len() / stride;
    if count <= 1 {
        units.extend_from_slice(records);
        return;
    }
    // At least twice the records: some place is always free.
    let size = count.saturating_mul(2).next_power_of_two();
    places.clear();
    places.resize(size, 0);
    let last = size.saturating_sub(1);
    let first_unit = units.len();
    let mut next = 0_u32;
    for record in records.chunks_exact(stride) {
        let word = word(record);
        let mut at = usize::try_from(word & (u64::MAX >> 1)).unwrap_or(usize::MAX) & last;
        while let Some(place) = places.get_mut(at) {
            if *place == 0 {
                next = next.saturating_add(1);
                *place = next;
                units.extend_from_slice(record);
                break;
            }
            let before = usize::try_from(place.saturating_sub(1)).unwrap_or(usize::MAX);
            let start = first_unit.saturating_add(before.saturating_mul(stride));
            let known = units.get_mut(start..start.saturating_add(stride));
            match known {
                Some(known) if known.first() == Some(&word) => {
                    lanes.add(known, record);
                    break;
                }
                Some(_) | None => at = at.saturating_add(1) & last,
            }
        }
    }
}

fn word(record: &[u64]) -> u64 {
    record.get(WORD).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insitu_disclosure::keyed::mix;

    use super::super::layout::{Counted, Finding, Layout, Width};
    use super::*;

    fn lanes(amounts: Vec<Width>) -> Lanes {
        let counted = Counted::Every;
        let sums = (0..amounts.len()).map(|i| Finding { counted, amount: Some(i) });
        let findings = sums.chain([Finding { counted, amount: None }]).collect();
        let (conditions, many_rows) = (0, true);
        Lanes::of(&Layout {
            many_rows,
            record_keys: false,
            sketch: true,
            conditions,
            amounts,
            findings,
        })
    }

    #[test]
    fn records_come_together_by_cell_in_the_order_they_came() {
        for amounts in [0, 1, 2, 4, 6] {
            let lanes = lanes(vec![Width::Narrow; amounts]);
            let mut records = Records::default();
            for row in 0..1_000_u64 {
                records.lanes.extend((0..lanes.stride as u64).map(|lane| row * 10 + lane));
                records.cells.push(u32::try_from(row * 7 % 13).unwrap());
            }
            let sorted = records.sorted(&lanes, 20);
            let runs: Vec<&[u64]> = sorted.runs().collect();
            assert_eq!(runs.len(), 20);
            for (cell, run) in runs.iter().enumerate() {
                let rows = (0..1_000_u64).filter(|row| row * 7 % 13 == cell as u64);
                let expected: Vec<u64> = rows
                    .flat_map(|row| (0..lanes.stride as u64).map(move |l| row * 10 + l))
                    .collect();
                assert_eq!(*run, expected);
            }
        }
    }

    #[test]
    fn each_units_records_are_added_up_whether_there_are_few_or_many() {
        let lanes = lanes(vec![Width::Narrow, Width::Wide]);
        for rows in [0, 1, 2, 100, 5_000, 60_000_u64] {
            let mut records = Vec::new();
            let mut expected: BTreeMap<u64, [u64; 2]> = BTreeMap::new();
            for row in 0..rows {
                // Some words differ in their first bits alone, some in their last.
                let unit = row % (rows / 3 + 1);
                let word = if unit % 2 == 0 { mix(unit) } else { unit << 50 };
                records.extend([word, 1, row, row, 0]);
                let [count, sum] = expected.entry(word).or_default();
                *count += 1;
                *sum += row;
            }
            let mut units = vec![77];
            add_up(&records, &lanes, &mut Vec::new(), &mut units);
            assert_eq!(units.first(), Some(&77), "what was there stays");
            let found: BTreeMap<u64, [u64; 2]> =
                units[1..].chunks_exact(5).map(|r| (r[0], [r[1], r[2]])).collect();
            assert_eq!(found.len() * 5 + 1, units.len(), "each unit once");
            assert_eq!(found, expected);
            assert!(units[1..].chunks_exact(5).all(|r| r[2] == r[3] && r[4] == 0));
        }
    }
}
