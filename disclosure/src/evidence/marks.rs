//! The marks of a few of a set's units, so that sets with a unit in common find each other.
//!
//! Each unit has a mark of 32 secret bits, and a set keeps its eight smallest. **Of two sets that differ by fewer
//! than eight units, both keep one mark that is the same**: of the eight smallest of both sets together at least one
//! belongs to a common unit, and whatever is among the eight smallest of both is among the eight smallest of each. For
//! larger differences it is a matter of chance, and a small one: two sets of 20 that have 11 in common miss each other in
//! one pair of 10 000, larger sets far less often.
//!
//! So a look-up among a million released cells compares those few that share a mark, not all that are of nearly the
//! same size; and sets with nobody in common, however small, are never taken for neighbours.
//!
//! Marks tell of single units: they stay with the node that knows the units, in memory and in its guard's file. They
//! aren't part of the Evidence that goes to a gateway.
//!
//! Source: the bottom-k sketch, E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.

use std::fmt;

use fearless_simd::{Level, Simd as _, dispatch};

use crate::keyed::mix;

/// Marks that a set keeps.
pub const MARKS: usize = 8;

/// Words whose marks are drawn together.
const LOT: usize = 64;

/// The marks of these words, side by side: see [`super::lot`]. Gives the smallest of them.
fn draw(words: &[u64], marks: &mut [u32; LOT]) -> u32 {
    dispatch!(Level::new(), simd => simd.vectorize(
        #[inline(always)]
        || {
            let mut smallest = u32::MAX;
            for (mark, word) in marks.iter_mut().zip(words) {
                // Other bits than those of the record key and of the signs.
                *mark = (mix(*word ^ 0xA076_1D64_78BD_642F) >> 32) as u32;
                smallest = smallest.min(*mark);
            }
            smallest
        }
    ))
}

/// The smallest marks of a set of units, in order; [`u32::MAX`] where there are fewer units.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Marks([u32; MARKS]);

/// Says how many, and nothing of who: a mark is of one unit.
impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marks({})", self.iter().count())
    }
}

impl Marks {
    /// Of no units.
    pub const NONE: Self = Self([u32::MAX; MARKS]);

    /// Adds a unit by its word.
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.add_all(&[word]);
    }

    /// Adds many units by their words.
    #[inline]
    pub fn add_all(&mut self, words: &[u64]) {
        let [.., mut largest] = self.0;
        let mut marks = [u32::MAX; LOT];
        for words in words.chunks(LOT) {
            // Of a set that has many, none of them is small enough.
            if largest <= draw(words, &mut marks) {
                continue;
            }
            for mark in marks.iter().take(words.len()) {
                if *mark < largest {
                    self.insert(*mark);
                    [.., largest] = self.0;
                }
            }
        }
    }

    /// Adds the units of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|mark| self.insert(*mark));
    }

    #[inline(never)]
    fn insert(&mut self, mark: u32) {
        if self.0.contains(&mark) {
            return;
        }
        // What is larger moves up by one place, and the largest out.
        let mut carried = mark;
        for kept in &mut self.0 {
            if carried < *kept {
                std::mem::swap(kept, &mut carried);
            }
        }
    }

    /// The marks there are, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.into_iter().filter(|mark| *mark != u32::MAX)
    }

    /// Their bytes, little end first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; MARKS * 4] {
        let mut bytes = [0; MARKS * 4];
        let (places, _) = bytes.as_chunks_mut::<4>();
        for (place, mark) in places.iter_mut().zip(self.0) {
            *place = mark.to_le_bytes();
        }
        bytes
    }

    /// What [`Marks::to_bytes`] wrote; nothing if they aren't in order.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; MARKS * 4]) -> Option<Self> {
        let mut marks = Self::NONE;
        let (places, _) = bytes.as_chunks::<4>();
        for (mark, place) in marks.0.iter_mut().zip(places) {
            *mark = u32::from_le_bytes(*place);
        }
        let ordered = |a: &u32, b: &u32| a < b || *b == u32::MAX;
        marks.0.is_sorted_by(ordered).then_some(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(units: impl IntoIterator<Item = u64>) -> Marks {
        let mut marks = Marks::NONE;
        units.into_iter().for_each(|unit| marks.add(mix(unit)));
        marks
    }

    fn meet(a: &Marks, b: &Marks) -> bool {
        a.iter().any(|mark| b.iter().any(|other| other == mark))
    }

    #[test]
    fn marks_dont_depend_on_the_order_or_the_split() {
        let all = of(0..100);
        assert_eq!(of((0..100).rev()), all);
        for cut in [0, 1, 7, 50, 100] {
            let (mut a, b) = (of(0..cut), of(cut..100));
            a.merge(&b);
            assert_eq!(a, all);
        }
        assert_eq!(all.iter().count(), MARKS);
        assert_eq!(of(0..3).iter().count(), 3);
    }

    #[test]
    fn sets_that_differ_by_fewer_than_eight_units_always_meet() {
        for start in 0..2_000_u64 {
            let base = start * 1_000;
            for (size, gone, come) in [(8, 0, 7), (10, 3, 4), (10, 7, 0), (20, 7, 0), (500, 4, 3)] {
                let a = of(base..base + size);
                let b = of(base + gone..base + size + come);
                assert!(meet(&a, &b), "{start}: {size} - {gone} + {come}");
            }
        }
    }

    #[test]
    fn sets_that_differ_by_more_seldom_miss_each_other_and_disjoint_ones_always_do() {
        let missed = |size: u64, gone: u64| {
            let misses = (0..20_000_u64).filter(|start| {
                let base = start * 100_000;
                !meet(&of(base..base + size), &of(base + gone..base + size + gone))
            });
            misses.count()
        };
        assert!(missed(20, 9) < 10, "11 of 20 in common: {}", missed(20, 9));
        assert_eq!(missed(20, 6), 0, "14 of 20 in common");
        assert_eq!(missed(200, 9), 0);
        assert_eq!(missed(10, 10), 20_000);
    }

    #[test]
    fn what_is_printed_says_nothing_of_the_units() {
        assert_eq!(format!("{:?} {:?}", of(0..3), of(0..50)), "Marks(3) Marks(8)");
    }

    #[test]
    fn bytes_that_are_no_marks_are_told_apart() {
        for marks in [Marks::NONE, of(0..3), of(0..50)] {
            assert_eq!(Marks::from_bytes(&marks.to_bytes()), Some(marks));
        }
        let mut bytes = of(0..50).to_bytes();
        bytes.rotate_left(4);
        assert_eq!(Marks::from_bytes(&bytes), None);
    }
}
