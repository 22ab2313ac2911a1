//! Counts on bit slices, of eight sets side by side.
//!
//! What [`super::sign_counts`] does with one word after the other is done here with eight at a time, which go to eight sets: a
//! compiler makes one instruction of the eight (as of [`super::lot`], the processor at hand is looked at when the program runs).
//! What the eight sets come to, some ten planes of eight words, is then counted together.

use fearless_simd::{Level, Simd as _, dispatch};

use super::sign_counts::BATCH;

/// A word of each set.
type Eight = [u64; BATCH];

/// Words that are brought into the lowest three planes together.
const BLOCK: usize = BATCH * BATCH;
/// With fewer words it isn't worth while to count the eight sets together.
const LEAST: usize = 3 * BLOCK;
/// Planes: digits of counts of up to 2 to the power of them, less one. More words than that are counted in turns.
const PLANES: usize = 12;
/// Blocks of which each set has fewer than that many words.
const TURN: usize = BLOCK * 256;

/// The counts of eight sets, one binary digit a plane, the lowest first.
pub(super) struct WidePlanes {
    planes: [Eight; PLANES],
}

impl WidePlanes {
    /// As many of these words as are counted so in one turn, and the others; `None` if they are too few.
    pub(super) fn turn(words: &[u64]) -> Option<(&[u64], &[u64])> {
        let blocks = words.len().min(TURN) / BLOCK;
        (LEAST <= words.len()).then(|| words.split_at(blocks.saturating_mul(BLOCK)))
    }

    /// The counts of ones of these words: as many as [`WidePlanes::turn`] said.
    pub(super) fn of(words: &[u64]) -> Self {
        let mut planes = [[0; BATCH]; PLANES];
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || {
                for block in words.as_chunks::<BATCH>().0.as_chunks::<BATCH>().0 {
                    add(&mut planes, block);
                }
            }
        ));
        Self { planes }
    }

    /// Each weight, as a power of two, with the words of it that are to be added up.
    pub(super) fn weights(&self) -> impl Iterator<Item = (usize, &Eight)> {
        self.planes.iter().enumerate().filter(|(_, words)| words.iter().any(|word| *word != 0))
    }
}

/// Adds eight words to each set.
// In line always: whatever isn't part of the loop is compiled for the least of processors.
#[inline(always)]
fn add(planes: &mut [Eight; PLANES], block: &[Eight; BATCH]) {
    let [ones, twos, fours, rest @ ..] = planes;
    let [a, b, c, d, e, f, g, h] = block;
    let (p, q) = (full_adders(ones, a, b), full_adders(ones, c, d));
    let (r, s) = (full_adders(ones, e, f), full_adders(ones, g, h));
    let (t, u) = (full_adders(twos, &p, &q), full_adders(twos, &r, &s));
    let mut carry = full_adders(fours, &t, &u);
    for plane in rest {
        carry = half_adders(plane, &carry);
    }
}

/// Adds two words to each of eight planes, position by position, and gives the carries.
#[inline(always)]
fn full_adders(planes: &mut Eight, a: &Eight, b: &Eight) -> Eight {
    let mut carries = [0; BATCH];
    for (((plane, a), b), carry) in planes.iter_mut().zip(a).zip(b).zip(&mut carries) {
        let either = *plane ^ a;
        *carry = (*plane & a) | (either & b);
        *plane = either ^ b;
    }
    carries
}

/// The same of one word.
#[inline(always)]
fn half_adders(planes: &mut Eight, a: &Eight) -> Eight {
    let mut carries = [0; BATCH];
    for ((plane, a), carry) in planes.iter_mut().zip(a).zip(&mut carries) {
        *carry = *plane & a;
        *plane ^= a;
    }
    carries
}

#[cfg(test)]
mod tests {
    use super::super::sign_counts::SignCounts;
    use crate::keyed::mix;

    /// Of numbers of words around those that are counted side by side, and of several turns.
    #[test]
    fn many_words_together_are_what_words_one_by_one_are() {
        for n in [0, 7, 191, 192, 193, 255, 256, 1_000, 4_096, 16_383, 16_384, 16_449, 40_000_u64] {
            for before in [0, 5, 49] {
                let words: Vec<u64> = (0..n + before).map(|i| mix(i ^ 0xABCD)).collect();
                let (first, rest) = words.split_at(usize::try_from(before).unwrap());
                let (mut together, mut one_by_one) = (SignCounts::new(), SignCounts::new());
                together.add_all(first);
                together.add_all(rest);
                words.iter().for_each(|word| one_by_one.add(*word));
                assert_eq!(together.to_sketch(), one_by_one.to_sketch(), "{n} {before}");
            }
            // All of them ones: the largest counts there can be.
            let words = vec![u64::MAX; usize::try_from(n).unwrap()];
            let (mut together, mut one_by_one) = (SignCounts::new(), SignCounts::new());
            together.add_all(&words);
            words.iter().for_each(|word| one_by_one.add(*word));
            assert_eq!(together.to_sketch(), one_by_one.to_sketch(), "{n} of ones");
        }
    }
}
