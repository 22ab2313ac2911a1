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
//! **The sums are kept modulo 256.** Cells are compared by differences, and those of cells that differ by few units are
//! small, however large the sums: with 20 units one beyond 127 would be of 28 standard deviations. Beside them is what the 64
//! come to, whole, for what is drawn by it.
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

/// Bytes of an encoded sketch: the number of units in 8, what 64 counters come to in 8, these and 192 further in 1 each.
pub const SKETCH_BYTES: usize = 8 + 8 + COUNTERS + FURTHER_COUNTERS;

/// The sums of signs of a set of units, and their number.
///
/// Always of some set, as far as sums can tell: what was decoded was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch {
    pub(super) n: u64,
    /// What the 64 sums come to.
    pub(super) total: i64,
    /// The 64 sums modulo 256.
    pub(super) counters: [i8; COUNTERS],
    /// Zeros in sketches of more than 48 units, so that equal sets have equal sketches.
    pub(super) further: [i8; FURTHER_COUNTERS],
    /// Where the units are known: not in a sketch that came over the wire, nor in sums with such.
    pub(super) marks: Option<Marks>,
}

impl Sketch {
    /// The sketch of no units.
    pub const ZERO: Self = Self {
        n: 0,
        total: 0,
        counters: [0; COUNTERS],
        further: [0; FURTHER_COUNTERS],
        marks: Some(Marks::NONE),
    };

    /// Number of units.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// What the 64 sums come to that every sketch has.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// These sums modulo 256, from -128 to 127.
    #[must_use]
    pub const fn counters(&self) -> &[i8; COUNTERS] {
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

    /// Adds the sketch of other units, as from another node.
    pub fn add(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.total = self.total.saturating_add(other.total);
        for (mine, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *mine = mine.wrapping_add(*theirs);
        }
        if self.n <= FURTHER_UNITS_MAX {
            for (mine, theirs) in self.further.iter_mut().zip(&other.further) {
                *mine = mine.wrapping_add(*theirs);
            }
        } else {
            self.further = [0; FURTHER_COUNTERS];
        }
        match (&mut self.marks, &other.marks) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, _) | (_, None) => self.marks = None,
        }
    }

    /// Encodes the number of units and what the 64 counters come to in 8 bytes each, little end first, then these and the
    /// further counters in 1 each, zeros where there are none. The marks stay behind.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SKETCH_BYTES] {
        let mut bytes = [0; SKETCH_BYTES];
        if let Some((n, rest)) = bytes.split_first_chunk_mut::<8>()
            && let Some((total, places)) = rest.split_first_chunk_mut::<8>()
        {
            *n = self.n.to_le_bytes();
            *total = self.total.to_le_bytes();
            for (place, counter) in places.iter_mut().zip(self.counters.iter().chain(&self.further))
            {
                *place = counter.cast_unsigned();
            }
        }
        bytes
    }

    /// Decodes what [`Sketch::to_bytes`] wrote, or nothing if the bytes cannot be of any set: a sum
    /// of more signs than there are units, or of another parity, sums that come to something else, or a further sum where there
    /// are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SKETCH_BYTES]) -> Option<Self> {
        let (n, rest) = bytes.split_first_chunk::<8>()?;
        let (total, rest) = rest.split_first_chunk::<8>()?;
        let (counters, further) = rest.split_first_chunk::<COUNTERS>()?;
        let further = further.first_chunk::<FURTHER_COUNTERS>()?;
        let n = u64::from_le_bytes(*n);
        let sketch = Self {
            n,
            total: i64::from_le_bytes(*total),
            counters: counters.map(u8::cast_signed),
            further: further.map(u8::cast_signed),
            marks: (n == 0).then_some(Marks::NONE),
        };
        sketch.is_of_some_set().then_some(sketch)
    }

    fn is_of_some_set(&self) -> bool {
        // What a sum modulo 256 shows of its size ends at 127.
        let fits = |sum: &i8| {
            let size = u64::from(sum.unsigned_abs());
            (size <= self.n || 127 < self.n) && size % 2 == self.n % 2
        };
        let further = if self.n <= FURTHER_UNITS_MAX {
            self.further.iter().all(fits)
        } else {
            self.further.iter().all(|sum| *sum == 0)
        };
        let most = self.n.saturating_mul(COUNTERS as u64);
        // From here on totals may have saturated.
        let saturates = i64::MAX.unsigned_abs();
        let [low, ..] = self.total.to_le_bytes();
        let sums = self.counters.iter().fold(0_u8, |sum, c| sum.wrapping_add(c.cast_unsigned()));
        self.counters.iter().all(fits)
            && further
            && self.total.unsigned_abs() <= most
            && (low == sums || saturates <= most)
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
