//! Records of rows, brought together by cell.
//!
//! What is known of a cell takes several hundred bytes. With thousands of cells, row after row in the order they come
//! would fetch all of that from memory each time. So records wait until there are many, and those of a cell are then
//! added together. Where a unit may have many rows, they wait until the end, or until there are so many that it is worth
//! adding up each unit's: see [`super::pieces`].
//!
//! They are brought together by a counting sort, in one step: two, the second among neighbours, take more time even with
//! twelve thousand places. What costs most is memory that is touched for the first time, so room is used again.

use super::layout::Lanes;

/// Records, in the order in which rows came.
#[derive(Default)]
pub(super) struct Records {
    /// The records' lanes, one after the other.
    pub(super) lanes: Vec<u64>,
    /// The cell of each. Not kept while there is one cell.
    pub(super) cells: Vec<u32>,
    /// Room that is used again.
    room: Vec<u64>,
}

/// Records by place: by cell, or by piece of a cell.
pub(super) struct Sorted {
    /// The records' lanes, one after the other.
    pub(super) lanes: Vec<u64>,
    /// Where each place's end, counted in lanes.
    pub(super) ends: Vec<usize>,
}

impl Records {
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
        self.cells.clear();
    }

    /// Waits with the room that others took.
    pub(super) fn reuse(&mut self, sorted: Sorted) {
        self.clear();
        if self.lanes.capacity() == 0 {
            self.lanes = sorted.lanes;
            self.lanes.clear();
        } else {
            self.room = sorted.lanes;
        }
    }

    /// The records by cell, of so many.
    pub(super) fn sorted(&mut self, lanes: &Lanes, cells: usize) -> Sorted {
        if cells <= 1 {
            self.cells.clear();
            let lanes = std::mem::take(&mut self.lanes);
            return Sorted { ends: vec![lanes.len(); cells], lanes };
        }
        self.by_place(lanes.stride, cells)
    }

    /// The records by what stands for their cells: the place of each, of so many.
    pub(super) fn by_place(&mut self, stride: usize, places: usize) -> Sorted {
        let mut ends = vec![0_usize; places];
        for place in &self.cells {
            if let Some(count) = ends.get_mut(at(*place)) {
                *count = count.saturating_add(stride);
            }
        }
        // From how many each place has to where it begins. A record moves that on, to its end.
        let mut sum = 0_usize;
        for count in &mut ends {
            sum = sum.saturating_add(std::mem::replace(count, sum));
        }
        if self.room.capacity() < self.lanes.len() {
            // New memory is zero already.
            self.room = vec![0; self.lanes.len()];
        } else {
            self.room.resize(self.lanes.len(), 0);
        }
        let of = self.cells.iter().map(|place| at(*place));
        scatter(&self.lanes, &mut self.room, stride, of, &mut ends);
        self.clear();
        Sorted { lanes: std::mem::take(&mut self.room), ends }
    }
}

impl Sorted {
    /// The records of each place.
    pub(super) fn runs(&self) -> impl Iterator<Item = &[u64]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.lanes.get(start..*end).unwrap_or_default())
    }
}

fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Each record to the place that `of` says, in the order in which they come. `next` is where each place begins.
fn scatter(
    records: &[u64],
    to: &mut [u64],
    stride: usize,
    of: impl Iterator<Item = usize>,
    next: &mut [usize],
) {
    match stride {
        1 => scatter_records::<1>(records, to, of, next),
        2 => scatter_records::<2>(records, to, of, next),
        3 => scatter_records::<3>(records, to, of, next),
        4 => scatter_records::<4>(records, to, of, next),
        5 => scatter_records::<5>(records, to, of, next),
        6 => scatter_records::<6>(records, to, of, next),
        _ => {
            for (record, place) in records.chunks_exact(stride.max(1)).zip(of) {
                let Some(next) = next.get_mut(place) else { continue };
                let after = next.saturating_add(stride);
                if let Some(to) = to.get_mut(*next..after) {
                    to.copy_from_slice(record);
                }
                *next = after;
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use insitu_disclosure::noise::Infusion;

    use super::super::layout::{Counted, Finding, Layout, Sign, Width};
    use super::*;

    fn lanes(amounts: usize) -> Lanes {
        let counted = Counted::Every;
        let sums = (0..amounts).map(|i| Finding {
            counted,
            amount: Some(i),
            sign: Sign::Contribution,
            infusion: Infusion::None,
        });
        let findings = sums
            .chain([Finding {
                counted,
                amount: None,
                sign: Sign::Contribution,
                infusion: Infusion::None,
            }])
            .collect();
        let amounts = vec![Width::Narrow; amounts];
        let (conditions, many_rows, record_keys, sketch) = (0, true, false, true);
        Lanes::of(&Layout { many_rows, record_keys, sketch, conditions, amounts, findings })
    }

    #[test]
    fn records_come_together_by_cell_in_the_order_they_came() {
        for amounts in [0, 1, 2, 4, 6] {
            let lanes = lanes(amounts);
            // The room is used again.
            let mut records = Records::default();
            for cells in [1, 20, 2_048, 300_000_usize] {
                let cell = |row: u64| usize::try_from(row * 7 % 4_999).unwrap() % cells;
                for row in 0..6_000_u64 {
                    records.lanes.extend((0..lanes.stride as u64).map(|lane| row * 10 + lane));
                    records.cells.push(u32::try_from(cell(row)).unwrap());
                }
                let sorted = records.sorted(&lanes, cells);
                let mut expected: Vec<Vec<u64>> = vec![Vec::new(); cells];
                for row in 0..6_000_u64 {
                    let record = (0..lanes.stride as u64).map(|lane| row * 10 + lane);
                    expected[cell(row)].extend(record);
                }
                assert_eq!(sorted.runs().count(), cells);
                for (run, expected) in sorted.runs().zip(&expected) {
                    assert_eq!(run, expected);
                }
                records.reuse(sorted);
                assert!(records.lanes.is_empty() && records.cells.is_empty());
            }
        }
    }
}
