//! The words of many units, drawn side by side.
//!
//! Of a table with ten million rows as many words are drawn, and nothing of that depends on the row before. So the ids of
//! many units are first put into blocks of eight bytes, as SipHash takes them, and words of ids of equally many blocks
//! are drawn by one loop, which a compiler makes work on four or eight rows at a time. Processors differ in how: the one at hand is
//! looked at when the program runs, so one build serves all.
//!
//! Words are SipHash-2-4's, whichever way they are drawn.
//!
//! Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", Indocrypt 2012.

use std::fmt;

use fearless_simd::{Level, Simd as _, dispatch};
use siphasher::sip::SipHasher24;

/// Ids whose words are drawn together.
const TOGETHER: usize = 256;
/// Bytes of a block; bits of a byte.
const WIDTH: usize = 8;

/// Draws the words of units. It has no printed form.
pub struct UnitWords {
    one: SipHasher24,
    /// Where each word's four numbers begin, from the key.
    start: [u64; 4],
    processor: Level,
}

impl fmt::Debug for UnitWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnitWords(not shown)")
    }
}

impl UnitWords {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let one = SipHasher24::new_with_key(key);
        let (halves, _) = key.as_chunks::<8>();
        let mut halves = halves.iter().map(|half| u64::from_le_bytes(*half));
        let [k0, k1] = [(); 2].map(|()| halves.next().unwrap_or(0));
        // The paper's constants: "somepseudorandomlygeneratedbytes".
        let start = [
            k0 ^ 0x736F_6D65_7073_6575,
            k1 ^ 0x646F_7261_6E64_6F6D,
            k0 ^ 0x6C79_6765_6E65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        Self { one, start, processor: Level::new() }
    }

    /// The word of a unit, by the bytes that identify it.
    #[must_use]
    pub fn of(&self, unit: &[u8]) -> u64 {
        self.one.hash(unit)
    }

    /// The words of units that are identified by as many bytes each: side by side under 24, one by one from there on.
    #[must_use]
    pub fn of_numbers<T: Copy, const BYTES: usize>(
        &self,
        units: &[T],
        bytes: impl Fn(T) -> [u8; BYTES],
    ) -> Vec<u64> {
        match BYTES / 8 {
            0 => self.of_alike::<1, _, BYTES>(units, bytes),
            1 => self.of_alike::<2, _, BYTES>(units, bytes),
            2 => self.of_alike::<3, _, BYTES>(units, bytes),
            _ => units.iter().map(|unit| self.of(&bytes(*unit))).collect(),
        }
    }

    fn of_alike<const BLOCKS: usize, T: Copy, const BYTES: usize>(
        &self,
        units: &[T],
        bytes: impl Fn(T) -> [u8; BYTES],
    ) -> Vec<u64> {
        let mut words = vec![0; units.len()];
        let mut blocks = [[0; BLOCKS]; TOGETHER];
        for (units, words) in units.chunks(TOGETHER).zip(words.chunks_mut(TOGETHER)) {
            for (blocks, unit) in blocks.iter_mut().zip(units) {
                *blocks = blocks_of(&bytes(*unit)).unwrap_or([0; BLOCKS]);
            }
            self.draw(&blocks, words);
        }
        words
    }

    /// The words of units that are identified by texts; anything for `None`.
    #[must_use]
    pub fn of_texts<'a>(&self, units: impl ExactSizeIterator<Item = Option<&'a str>>) -> Vec<u64> {
        let mut words = vec![0; units.len()];
        let mut units = units.map(|unit| unit.map(str::as_bytes));
        let mut lot: Vec<Option<&[u8]>> = Vec::with_capacity(TOGETHER);
        let mut texts: Vec<&[u8]> = Vec::with_capacity(TOGETHER);
        for words in words.chunks_mut(TOGETHER) {
            lot.clear();
            lot.extend(units.by_ref().take(words.len()));
            // Whether somebody's id is missing must not take time: there the first id of the lot is worked on once more, for
            // a word that nobody reads.
            let first = lot.iter().flatten().next().copied().unwrap_or_default();
            texts.clear();
            texts.extend(lot.iter().map(|unit| unit.unwrap_or(first)));
            // Ids of one kind are nearly always of about the same length. One of another number of blocks makes its lot go
            // one by one, some 3 microseconds more: how long ids are is told by that, not whose they are.
            let drawn = match first.len() / 8 {
                0 => self.of_blocks::<1>(&texts, words),
                1 => self.of_blocks::<2>(&texts, words),
                2 => self.of_blocks::<3>(&texts, words),
                3 => self.of_blocks::<4>(&texts, words),
                _ => None,
            };
            if drawn.is_none() {
                for (word, text) in words.iter_mut().zip(&texts) {
                    *word = self.of(text);
                }
            }
        }
        words
    }

    /// Nothing if one has another number of blocks.
    fn of_blocks<const BLOCKS: usize>(&self, units: &[&[u8]], words: &mut [u64]) -> Option<()> {
        let mut blocks = [[0; BLOCKS]; TOGETHER];
        for (blocks, unit) in blocks.iter_mut().zip(units) {
            *blocks = blocks_of(unit)?;
        }
        self.draw(&blocks, words);
        Some(())
    }

    fn draw<const BLOCKS: usize>(&self, blocks: &[[u64; BLOCKS]], words: &mut [u64]) {
        let start = self.start;
        dispatch!(self.processor, simd => simd.vectorize(
            #[inline(always)]
            || {
                for (word, blocks) in words.iter_mut().zip(blocks) {
                    *word = sip(start, *blocks);
                }
            },
        ));
    }
}

/// A unit's bytes as blocks: the last has the length in its last byte. Nothing if they aren't so many.
#[inline]
fn blocks_of<const BLOCKS: usize>(unit: &[u8]) -> Option<[u64; BLOCKS]> {
    let (whole, rest) = unit.as_chunks::<8>();
    if whole.len().saturating_add(1) != BLOCKS {
        return None;
    }
    let mut blocks = [0; BLOCKS];
    for (block, bytes) in blocks.iter_mut().zip(whole) {
        *block = u64::from_le_bytes(*bytes);
    }
    let last = blocks.last_mut()?;
    *last = match unit.last_chunk::<8>() {
        None => rest.iter().rev().fold(0, |last, byte| (last << 8) | u64::from(*byte)),
        // The last eight bytes in one, those of the block before shifted out.
        Some(bytes) => {
            let before = WIDTH.saturating_sub(rest.len()).saturating_mul(WIDTH);
            u32::try_from(before)
                .ok()
                .and_then(|n| u64::from_le_bytes(*bytes).checked_shr(n))
                .unwrap_or(0)
        }
    };
    let [length, ..] = unit.len().to_le_bytes();
    *last |= u64::from(length) << 56;
    Some(blocks)
}

/// Two rounds for each block, and four at the end.
// In line always: whatever isn't part of the loop is compiled for the least of processors.
#[inline(always)]
fn sip<const BLOCKS: usize>(start: [u64; 4], blocks: [u64; BLOCKS]) -> u64 {
    let [mut a, mut b, mut c, mut d] = start;
    for block in blocks {
        d ^= block;
        [a, b, c, d] = round(round([a, b, c, d]));
        a ^= block;
    }
    c ^= 0xFF;
    [a, b, c, d] = round(round(round(round([a, b, c, d]))));
    a ^ b ^ c ^ d
}

#[inline(always)]
const fn round([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
    let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
    let a = a.rotate_left(32);
    let (a, c) = (a.wrapping_add(d), c.wrapping_add(b));
    let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
    [a, b, c.rotate_left(32), d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's own vector: the key 00 01 .. 0f, the bytes 00 01 .. 0e.
    #[test]
    fn words_are_those_of_the_paper() {
        let key = std::array::from_fn(|i| i as u8);
        let words = UnitWords::new(&key);
        let bytes: [u8; 15] = std::array::from_fn(|i| i as u8);
        assert_eq!(words.of(&bytes), 0xA129_CA61_49BE_45E5);
        assert_eq!(words.of_numbers(&[()], |()| bytes), [0xA129_CA61_49BE_45E5]);
    }

    #[test]
    fn words_drawn_together_are_those_drawn_one_by_one() {
        let words = UnitWords::new(&[7; 16]);
        let numbers: Vec<i64> = (-300..300).chain([i64::MIN, i64::MAX]).collect();
        let one_by_one: Vec<u64> = numbers.iter().map(|n| words.of(&n.to_le_bytes())).collect();
        assert_eq!(words.of_numbers(&numbers, i64::to_le_bytes), one_by_one);
        let wide: Vec<u64> =
            numbers.iter().map(|n| words.of(&i128::from(*n).to_le_bytes())).collect();
        assert_eq!(words.of_numbers(&numbers, |n| i128::from(n).to_le_bytes()), wide);
        let days: Vec<u64> = (0..99_i32).map(|n| words.of(&n.to_le_bytes())).collect();
        assert_eq!(words.of_numbers(&(0..99).collect::<Vec<i32>>(), i32::to_le_bytes), days);
        let long: Vec<u64> = numbers.iter().map(|n| words.of(&[*n as u8; 40])).collect();
        assert_eq!(words.of_numbers(&numbers, |n| [n as u8; 40]), long);
    }

    /// What is beneath a gap is drawn like an id of its lot, wherever the gap is: nothing goes one by one for it.
    #[test]
    fn a_gap_has_the_length_of_its_lot() {
        let words = UnitWords::new(&[9; 16]);
        let ids: Vec<String> = (0..600).map(|n| format!("person-{n:05}")).collect();
        let first_of_lot = |at: usize| words.of(ids[at / TOGETHER * TOGETHER].as_bytes());
        for gap in [1, 17, 255, 257, 599] {
            let units = ids.iter().enumerate().map(|(at, id)| (at != gap).then_some(id.as_str()));
            let drawn = words.of_texts(units);
            assert_eq!(drawn[gap], first_of_lot(gap), "{gap}");
            assert!((0..600).all(|at| at == gap || drawn[at] == words.of(ids[at].as_bytes())));
        }
        // The first of a lot may be the gap, and so may all.
        let without_first =
            std::iter::once(None).chain(ids.iter().skip(1).map(|id| Some(id.as_str())));
        let units: Vec<Option<&str>> = without_first.collect();
        let drawn = words.of_texts(units.iter().copied());
        assert_eq!(drawn[0], words.of(ids[1].as_bytes()));
        assert_eq!(words.of_texts([None; 3].into_iter()), [words.of(b""); 3]);
    }

    /// Of every length, all of one length and lengths mixed, with gaps.
    #[test]
    fn words_of_texts_are_those_drawn_one_by_one() {
        let words = UnitWords::new(&[9; 16]);
        let long = "αβγδ 0123456789 abcdefghijklmnop QRSTUVWXYZ".repeat(7);
        let cut = |length: usize| long.get(..length).filter(|t| !t.is_empty());
        let alike = (0..300).map(|length| vec![cut(length); 600]);
        let mixed = (0..600).map(|i| if i % 7 == 3 { None } else { cut(i % 290) }).collect();
        for texts in alike.chain([mixed]) {
            let drawn = words.of_texts(texts.iter().copied());
            assert_eq!(drawn.len(), texts.len());
            for (text, word) in texts.iter().zip(drawn) {
                if let Some(text) = text {
                    assert_eq!(word, words.of(text.as_bytes()), "{text}");
                }
            }
        }
    }
}
