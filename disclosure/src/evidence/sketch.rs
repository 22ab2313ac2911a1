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
//! Up to 48 words wait as they are. So the further counters cost nothing until a sketch is asked
//! for, and nothing at all if the set grows. From then on the 64 counters are held on their side
//! ("bit-sliced"): one word, a plane, holds one binary digit of all 64. Words wait until there are
//! eight; seven full adders then bring eight words of weight 1 into the planes of weight 1, 2 and
//! 4 and leave one word of weight 8, which ripples up. That is about two additions of words for a
//! unit, where 64 separate counters would take 64.
//!
//! Sources: N. Alon, Y. Matias, M. Szegedy, "The space complexity of approximating the frequency
//! moments", Journal of Computer and System Sciences 58 (1999), for the sketch; Knuth, The Art of
//! Computer Programming 4A, section 7.1.3, for counting on bit slices; G. Steele, D. Lea,
//! C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, for the mixing.

use std::fmt;

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

/// [`FURTHER_UNITS_MAX`] as a length.
const FEW_MAX: usize = 48;
const _: () = assert!(FEW_MAX as u64 == FURTHER_UNITS_MAX);
// A further counter fits one byte.
const _: () = assert!(FURTHER_UNITS_MAX <= 127);

/// Words that wait before they are added to the planes together.
const BATCH: usize = 8;

/// A set of units on its way to a [`Sketch`].
///
/// Add each distinct unit once: a unit added twice weighs double, and the sketch no longer
/// describes a set.
///
/// Nothing saturates here: a plane is made when a count needs one. About 160 bytes; 400 more from 8
/// to about 48 units, and beyond, 8 for each binary digit of `n`.
#[derive(Clone)]
pub struct SignCounts {
    n: u64,
    marks: Marks,
    waiting: usize,
    batch: [u64; BATCH],
    /// Words that left the batch while there were at most 48 units. Let go of afterwards.
    few: Vec<u64>,
    /// Counts of ones at each of 64 positions. None while there are at most 48 units.
    planes: Planes,
}

impl SignCounts {
    /// No units.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            n: 0,
            marks: Marks::NONE,
            waiting: 0,
            batch: [0; BATCH],
            few: Vec::new(),
            planes: Planes::new(),
        }
    }

    /// Adds one unit's signs: bit j set means +1 in counter j, clear means -1.
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.n = self.n.saturating_add(1);
        self.marks.add(word);
        self.wait(word);
    }

    /// Adds the units of `other`. The two must have no unit in common.
    pub fn merge(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.marks.merge(&other.marks);
        other.words().for_each(|word| self.wait(word));
        self.planes.merge(&other.planes);
        if FURTHER_UNITS_MAX < self.n {
            self.let_go();
        }
    }

    /// Number of units added.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The sums of signs, `2 * ones - n` each.
    ///
    /// A sum beyond `i32` saturates. That takes over 2 147 483 647 units in one cell.
    #[must_use]
    pub fn to_sketch(&self) -> Sketch {
        let mut sketch = Sketch { n: self.n, marks: Some(self.marks), ..Sketch::ZERO };
        sketch.counters = self.sums(|word| word);
        if self.n <= FURTHER_UNITS_MAX {
            // So few units are all there as words.
            let (parts, _) = sketch.further.as_chunks_mut::<COUNTERS>();
            for (part, places) in (1..).zip(parts) {
                *places = self.sums(|word| further_signs(word, part)).map(narrow_further);
            }
        }
        sketch
    }

    /// The words that are in no plane yet.
    fn words(&self) -> impl Iterator<Item = u64> {
        self.few.iter().chain(self.batch.iter().take(self.waiting)).copied()
    }

    /// The 64 sums over the planes and over the signs of the words.
    fn sums(&self, signs: impl Fn(u64) -> u64) -> [i32; COUNTERS] {
        let mut planes = self.planes.clone();
        let mut words = self.words().map(signs);
        // A word of no ones adds nothing, so the last batch may be filled with such.
        for _ in 0..=self.few.len() / BATCH {
            planes.settle(std::array::from_fn(|_| words.next().unwrap_or(0)));
        }
        let n = i128::from(self.n);
        planes.ones().map(|ones| narrow(i128::from(ones).saturating_mul(2).saturating_sub(n)))
    }

    #[inline]
    fn wait(&mut self, word: u64) {
        if let Some(place) = self.batch.get_mut(self.waiting) {
            *place = word;
            self.waiting = self.waiting.saturating_add(1);
        }
        if self.waiting == BATCH {
            self.waiting = 0;
            if FURTHER_UNITS_MAX < self.n && self.few.is_empty() {
                self.planes.settle(self.batch);
            } else {
                self.put_by();
            }
        }
    }

    /// Puts a batch with the few, or counts it with them when they are no longer few.
    #[cold]
    #[inline(never)]
    fn put_by(&mut self) {
        // Little room for a set that stays at ten; then at once all that can be needed.
        let room = if self.few.is_empty() { 2 * BATCH } else { FEW_MAX };
        self.few.reserve_exact(room.saturating_sub(self.few.len()));
        self.few.extend_from_slice(&self.batch);
        if FURTHER_UNITS_MAX < self.n {
            self.let_go();
        }
    }

    /// Counts the words kept for the further counters, and frees their memory.
    fn let_go(&mut self) {
        let few = std::mem::take(&mut self.few);
        let (batches, _) = few.as_chunks::<BATCH>();
        batches.iter().for_each(|batch| self.planes.settle(*batch));
    }
}

impl Default for SignCounts {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how many, and nothing of who: the words are secret.
impl fmt::Debug for SignCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignCounts").field("n", &self.n).finish_non_exhaustive()
    }
}

/// The signs of a unit in one of the three further parts (1, 2, 3), mixed from its first 64.
///
/// The mixing is public. It need not be secret: whoever knows the word could hash as well, and
/// whoever does not knows nothing of what is mixed from it.
const fn further_signs(word: u64, part: u64) -> u64 {
    let mut z = word.wrapping_add(part.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Counts of ones at each of 64 positions, one binary digit a word, the lowest first.
#[derive(Clone, Default)]
struct Planes(Vec<u64>);

impl Planes {
    const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds eight words.
    #[inline]
    fn settle(&mut self, batch: [u64; BATCH]) {
        if self.0.len() < 3 {
            self.0.resize(3, 0);
        }
        let [a, b, c, d, e, f, g, h] = batch;
        let Some([ones, twos, fours]) = self.0.first_chunk_mut::<3>() else { return };
        let (p, q) = (full_adder(ones, a, b), full_adder(ones, c, d));
        let (r, s) = (full_adder(ones, e, f), full_adder(ones, g, h));
        let (t, u) = (full_adder(twos, p, q), full_adder(twos, r, s));
        let eights = full_adder(fours, t, u);
        self.ripple(3, eights);
    }

    fn merge(&mut self, other: &Self) {
        let mut carry = 0;
        for (weight, theirs) in other.0.iter().enumerate() {
            match self.0.get_mut(weight) {
                Some(mine) => carry = full_adder(mine, *theirs, carry),
                None => {
                    let mut mine = 0;
                    carry = full_adder(&mut mine, *theirs, carry);
                    self.0.push(mine);
                }
            }
        }
        self.ripple(other.0.len(), carry);
    }

    /// Adds a word to the plane of this weight and carries upwards.
    fn ripple(&mut self, weight: usize, word: u64) {
        let mut carry = word;
        for plane in self.0.iter_mut().skip(weight) {
            if carry == 0 {
                return;
            }
            carry = full_adder(plane, carry, 0);
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    /// The 64 counts. Eight planes at a time give eight digits, which fit a byte, so that eight
    /// positions are put together in one word.
    fn ones(&self) -> [u64; COUNTERS] {
        let mut ones = [0_u64; COUNTERS];
        let (eights, _) = ones.as_chunks_mut::<8>();
        for (digits, shift) in self.0.chunks(8).zip((0..u64::BITS).step_by(8)) {
            for (counts, position) in eights.iter_mut().zip((0..u64::BITS).step_by(8)) {
                let lanes = digits.iter().rev().fold(0_u64, |lanes, plane| {
                    let [byte, ..] = (plane >> position).to_le_bytes();
                    (lanes << 1) | bits_to_bytes(byte)
                });
                for (count, lane) in counts.iter_mut().zip(lanes.to_le_bytes()) {
                    *count |= u64::from(lane) << shift;
                }
            }
        }
        ones
    }
}

/// Eight bytes of 0 or 1, the bits of `byte`, the lowest first.
const fn bits_to_bytes(byte: u8) -> u64 {
    let copies = (byte as u64).wrapping_mul(0x0101_0101_0101_0101);
    // Each byte keeps its own bit; whether it is set is then brought to the top and down.
    let own = copies & 0x8040_2010_0804_0201;
    (own.wrapping_add(0x7F7F_7F7F_7F7F_7F7F) >> 7) & 0x0101_0101_0101_0101
}

/// Adds two words to a plane, position by position, and returns the carries.
#[inline]
fn full_adder(plane: &mut u64, a: u64, b: u64) -> u64 {
    let either = *plane ^ a;
    let carry = (*plane & a) | (either & b);
    *plane = either ^ b;
    carry
}

fn narrow(sum: i128) -> i32 {
    i32::try_from(sum).unwrap_or(if sum < 0 { i32::MIN } else { i32::MAX })
}

fn narrow_further(sum: i32) -> i8 {
    i8::try_from(sum).unwrap_or(if sum < 0 { i8::MIN } else { i8::MAX })
}

/// The sums of signs of a set of units, and their number.
///
/// Always of some set, as far as sums can tell: what was decoded was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch {
    n: u64,
    counters: [i32; COUNTERS],
    /// Zeros in sketches of more than 48 units, so that equal sets have equal sketches.
    further: [i8; FURTHER_COUNTERS],
    /// Where the units are known: not in a sketch that came over the wire, nor in sums with such.
    marks: Option<Marks>,
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
        let counters = self.counters.iter().flat_map(|counter| counter.to_le_bytes());
        let further = self.further.iter().map(|counter| counter.cast_unsigned());
        let mut bytes = [0; SKETCH_BYTES];
        let all = self.n.to_le_bytes().into_iter().chain(counters).chain(further);
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
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
