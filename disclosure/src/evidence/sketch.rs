//! The difference sketch: how far apart two sets of units are, without keeping the units.
//!
//! Each unit has 64 secret signs, one bit each of a keyed hash. A cell's sketch is the 64 sums of
//! those signs as +1 or -1. Units common to two cells cancel when the sketches are subtracted, so
//! each squared difference has as its mean the number of units in one cell but not in both. The
//! mean over k counters has standard deviation `sqrt((2d^2 - 2d) / k)`. It is exactly 0 for equal
//! sets and exactly 1 for sets that differ by one unit.
//!
//! **Small sets have 192 further counters.** Two sets of 10 with nobody in common differ by only
//! 20. Of such pairs 64 counters put one in 85 under 13, and 256 counters one in 500 000. Larger
//! sets differ by more and need no more than 64. The signs of the further counters are mixed from
//! the unit's own 64, so nothing more is hashed or passed on. Whether a sketch has them follows
//! from the number of units alone: it cannot depend on how the set was put together.
//!
//! Sketches add, so any split of the units over nodes or threads gives the same one.
//!
//! Sources: N. Alon, Y. Matias, M. Szegedy, "The space complexity of approximating the frequency
//! moments", Journal of Computer and System Sciences 58 (1999), for the sketch; G. Steele, D. Lea,
//! C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, for the mixing.

use super::marks::Marks;

/// Number of counters that every sketch has.
pub const COUNTERS: usize = 64;

/// Number of further counters, in sketches of at most [`FURTHER_UNITS_MAX`] units.
pub const FURTHER_COUNTERS: usize = 192;

/// Most units of a set whose sketch has the further counters.
///
/// A set compared by 64 counters has at least 49, and one compared with it within the difference
/// guard's window at least 10: with nobody in common they differ by 59 or more, and 64 counters put
/// 59 under the guard's bound 4 times in a thousand million.
pub const FURTHER_UNITS_MAX: u64 = 48;

/// Bytes of an encoded sketch: the number of units in 8, 64 counters in 4 each, 192 in 1 each.
pub const SKETCH_BYTES: usize = 8 + COUNTERS * 4 + FURTHER_COUNTERS;

/// The sums of signs of a set of units, and their number.
///
/// Always of some set, as far as sums can tell: what was decoded was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch {
    pub(super) n: u64,
    pub(super) counters: [i32; COUNTERS],
    /// Zeros in sketches of more than 48 units, so that equal sets have equal sketches.
    pub(super) further: [i8; FURTHER_COUNTERS],
    /// Where the units are known: not in a sketch that came over the wire, nor in sums with such.
    pub(super) marks: Option<Marks>,
}

impl Sketch {
    /// The sketch of no units.
    pub const ZERO: Self = Self {
        n: 0,
        counters: [0; COUNTERS],
        further: [0; FURTHER_COUNTERS],
        marks: Some(Marks::NONE),
    };

    /// Number of units.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The 64 sums that every sketch has.
    #[must_use]
    pub const fn counters(&self) -> &[i32; COUNTERS] {
        &self.counters
    }

    /// The further sums: of a set of at most 48 units.
    #[must_use]
    pub const fn further(&self) -> Option<&[i8; FURTHER_COUNTERS]> {
        if self.n <= FURTHER_UNITS_MAX { Some(&self.further) } else { None }
    }

    /// The marks of a few of the units, where they are known.
    #[must_use]
    pub const fn marks(&self) -> Option<&Marks> {
        self.marks.as_ref()
    }

    /// The sketch with these marks, as they were kept beside it.
    #[must_use]
    pub const fn with_marks(self, marks: Option<Marks>) -> Self {
        Self { marks, ..self }
    }

    /// Adds the sketch of other units, as from another node. Saturates at the ends of `i32`.
    pub fn add(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        for (mine, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *mine = mine.saturating_add(*theirs);
        }
        if self.n <= FURTHER_UNITS_MAX {
            for (mine, theirs) in self.further.iter_mut().zip(&other.further) {
                *mine = mine.saturating_add(*theirs);
            }
        } else {
            self.further = [0; FURTHER_COUNTERS];
        }
        match (&mut self.marks, &other.marks) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, _) | (_, None) => self.marks = None,
        }
    }

    /// Estimate of the number of units in one of the two sets but not in both: from all counters if
    /// both have them, else from the first 64.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Difference {
        let squared = |gap: u32| u64::from(gap).saturating_mul(u64::from(gap));
        let first = self
            .counters
            .iter()
            .zip(&other.counters)
            .fold(0_u64, |sum, (a, b)| sum.saturating_add(squared(a.abs_diff(*b))));
        Difference(match (self.further(), other.further()) {
            (Some(mine), Some(theirs)) => mine
                .iter()
                .zip(theirs)
                .fold(first, |sum, (a, b)| sum.saturating_add(squared(u32::from(a.abs_diff(*b))))),
            (None, _) | (_, None) => first.saturating_mul(4),
        })
    }

    /// Encodes the number of units in 8 bytes, the 64 counters in 4 each, little end first, and the
    /// further counters in 1 each, zeros where there are none. The marks stay behind.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SKETCH_BYTES] {
        let mut bytes = [0; SKETCH_BYTES];
        if let Some((n, rest)) = bytes.split_first_chunk_mut::<8>()
            && let Some((counters, further)) = rest.split_first_chunk_mut::<{ COUNTERS * 4 }>()
        {
            *n = self.n.to_le_bytes();
            for (place, counter) in counters.as_chunks_mut::<4>().0.iter_mut().zip(&self.counters) {
                *place = counter.to_le_bytes();
            }
            for (place, counter) in further.iter_mut().zip(&self.further) {
                *place = counter.cast_unsigned();
            }
        }
        bytes
    }

    /// Decodes what [`Sketch::to_bytes`] wrote, or nothing if the bytes cannot be of any set: a sum
    /// of more signs than there are units, or of another parity, or a further sum where there are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SKETCH_BYTES]) -> Option<Self> {
        let (n, rest) = bytes.split_first_chunk::<8>()?;
        let (counters, further) = rest.split_first_chunk::<{ COUNTERS * 4 }>()?;
        let n = u64::from_le_bytes(*n);
        let marks = (n == 0).then_some(Marks::NONE);
        let mut sketch = Self { n, marks, ..Self::ZERO };
        let (places, _) = counters.as_chunks::<4>();
        for (counter, place) in sketch.counters.iter_mut().zip(places) {
            *counter = i32::from_le_bytes(*place);
        }
        for (counter, byte) in sketch.further.iter_mut().zip(further) {
            *counter = byte.cast_signed();
        }
        sketch.is_of_some_set().then_some(sketch)
    }

    fn is_of_some_set(&self) -> bool {
        // From here on a sum may have saturated, and then has lost its parity.
        let saturates = u64::from(i32::MAX.unsigned_abs());
        let fits = |size: u64| size <= self.n && (saturates <= self.n || size % 2 == self.n % 2);
        let counters = self.counters.iter().all(|sum| fits(sum.unsigned_abs().into()));
        let mut further = self.further.iter();
        let further = if self.n <= FURTHER_UNITS_MAX {
            further.all(|sum| fits(sum.unsigned_abs().into()))
        } else {
            further.all(|sum| *sum == 0)
        };
        counters && further
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self::ZERO
    }
}

/// An estimated number of units, held in 256ths so that no rounding decides anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference(u64);

impl Difference {
    /// From the sum of 256 squared differences, or four times the sum of 64.
    #[must_use]
    pub const fn from_squares(squares: u64) -> Self {
        Self(squares)
    }

    /// Whether the estimate is under `units`.
    #[must_use]
    pub const fn is_under(self, units: u64) -> bool {
        self.0 < units.saturating_mul(256)
    }

    /// The estimate in whole units, rounded down.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0 / 256
    }

    /// The sum of 256 squared differences, or four times the sum of 64.
    #[must_use]
    pub const fn squares(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
