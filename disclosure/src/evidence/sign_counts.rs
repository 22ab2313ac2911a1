//! A set of units on its way to a sketch: who is in it, as sums of secret signs.
//!
//! Up to 48 words wait as they are. So the further counters cost nothing until a sketch is asked
//! for, and nothing at all if the set grows. From then on the 64 counters are held on their side
//! ("bit-sliced"): one word, a plane, holds one binary digit of all 64. Words wait until there are
//! eight; seven full adders then bring eight words of weight 1 into the planes of weight 1, 2 and
//! 4 and leave one word of weight 8, which ripples up. That is about two additions of words for a
//! unit, where 64 separate counters would take 64. Of many words that come together, eight words of
//! weight 8 are brought into the next three planes in the same way before one of weight 64 ripples. Of hundreds of words eight
//! sets are counted side by side first ([`super::wide_planes`]).
//!
//! Source: Knuth, The Art of Computer Programming 4A, section 7.1.3, for counting on bit slices.

use std::fmt;

use super::marks::Marks;
use super::sketch::{COUNTERS, FURTHER_UNITS_MAX, Sketch};
use super::wide_planes::WidePlanes;

/// [`FURTHER_UNITS_MAX`] as a length.
const FEW_MAX: usize = 48;
const _: () = assert!(FEW_MAX as u64 == FURTHER_UNITS_MAX);
// A further counter fits one byte.
const _: () = assert!(FURTHER_UNITS_MAX <= 127);

/// Words that wait before they are added to the planes together.
pub(super) const BATCH: usize = 8;

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
    pub(super) few: Vec<u64>,
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

    /// Adds the signs of many units: what [`SignCounts::add`] does for each, in less time.
    pub fn add_all(&mut self, words: &[u64]) {
        self.n = self.n.saturating_add(u64::try_from(words.len()).unwrap_or(u64::MAX));
        self.marks.add_all(words);
        let gap = BATCH.saturating_sub(self.waiting) % BATCH;
        let (first, rest) = words.split_at(gap.min(words.len()));
        first.iter().for_each(|word| self.wait(*word));
        let mut rest = rest;
        if FURTHER_UNITS_MAX < self.n && self.waiting == 0 {
            self.let_go();
            while let Some((turn, after)) = WidePlanes::turn(rest) {
                let counted = WidePlanes::of(turn);
                counted.weights().for_each(|(weight, words)| self.planes.settle_at(weight, *words));
                rest = after;
            }
            let (batches, last) = rest.as_chunks::<BATCH>();
            let (blocks, batches) = batches.as_chunks::<BATCH>();
            blocks.iter().for_each(|block| self.planes.settle_block(block));
            batches.iter().for_each(|batch| self.planes.settle(*batch));
            rest = last;
        }
        rest.iter().for_each(|word| self.wait(*word));
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
    #[must_use]
    pub fn to_sketch(&self) -> Sketch {
        let mut sketch = Sketch { n: self.n, marks: Some(self.marks), ..Sketch::ZERO };
        let sums = self.sums(|word| word);
        sketch.total = sums.iter().fold(0, |total: i64, sum| total.saturating_add(*sum));
        sketch.counters = sums.map(low);
        if self.n <= FURTHER_UNITS_MAX {
            // So few units are all there as words.
            let (parts, _) = sketch.further.as_chunks_mut::<COUNTERS>();
            for (part, places) in (1..).zip(parts) {
                *places = self.sums(|word| further_signs(word, part)).map(low);
            }
        }
        sketch
    }

    /// The words that are in no plane yet.
    fn words(&self) -> impl Iterator<Item = u64> {
        self.few.iter().chain(self.batch.iter().take(self.waiting)).copied()
    }

    /// The 64 sums over the planes and over the signs of the words.
    fn sums(&self, signs: impl Fn(u64) -> u64) -> [i64; COUNTERS] {
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
pub(super) const fn further_signs(word: u64, part: u64) -> u64 {
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
        let Some(low) = self.0.first_chunk_mut::<3>() else { return };
        let eights = into_three(low, batch);
        self.ripple(3, eights);
    }

    /// Adds eight words of two to the power of this weight.
    fn settle_at(&mut self, weight: usize, batch: [u64; BATCH]) {
        let end = weight.saturating_add(3);
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        let planes = self.0.get_mut(weight..).and_then(|planes| planes.first_chunk_mut::<3>());
        let Some(planes) = planes else { return };
        let eights = into_three(planes, batch);
        self.ripple(end, eights);
    }

    /// Adds eight times eight words.
    fn settle_block(&mut self, block: &[[u64; BATCH]; BATCH]) {
        if self.0.len() < 6 {
            self.0.resize(6, 0);
        }
        let Some((low, rest)) = self.0.split_first_chunk_mut::<3>() else { return };
        let Some(high) = rest.first_chunk_mut::<3>() else { return };
        let eights = block.map(|batch| into_three(low, batch));
        let sixty_fours = into_three(high, eights);
        self.ripple(6, sixty_fours);
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

/// Adds eight words of one weight to the planes of this weight, twice and four times it; returns what is carried, of
/// eight times the weight.
#[inline]
fn into_three(planes: &mut [u64; 3], batch: [u64; BATCH]) -> u64 {
    let [ones, twos, fours] = planes;
    let [a, b, c, d, e, f, g, h] = batch;
    let (p, q) = (full_adder(ones, a, b), full_adder(ones, c, d));
    let (r, s) = (full_adder(ones, e, f), full_adder(ones, g, h));
    let (t, u) = (full_adder(twos, p, q), full_adder(twos, r, s));
    full_adder(fours, t, u)
}

/// Adds two words to a plane, position by position, and returns the carries.
#[inline]
fn full_adder(plane: &mut u64, a: u64, b: u64) -> u64 {
    let either = *plane ^ a;
    let carry = (*plane & a) | (either & b);
    *plane = either ^ b;
    carry
}

fn narrow(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// Modulo 256, from -128 to 127.
fn low(sum: i64) -> i8 {
    let [low, ..] = sum.to_le_bytes();
    low.cast_signed()
}
