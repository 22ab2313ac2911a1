//! Which key gets which value of a row.
//!
//! A row of a perturbation table is a sorted list of `M` values, read through a permutation of the
//! keys. Each row has its own permutation, computed from the table's seed and the row's number,
//! so a table of 750 rows takes the memory of a few.
//!
//! The permutation is a Feistel network (Luby and Rackoff 1988): the key is cut in a high and a low
//! half, and in turn each half is changed by a mix of the other, six times. Every such step can be
//! undone, so the whole is one to one on `0..M`, whatever the mix is. Over the standard table the
//! correlations between rows, and between a row and itself moved along, are then as small as with
//! shuffled rows. With an affine map `a·key + b`, which would be cheaper, a row is a straight walk
//! through the sorted list, and rows whose multipliers happen to be related nearly repeat each
//! other (correlation 0.6); with four rounds a row still resembles itself, moved 64 keys along.
//!
//! A permutation this small is enough because it isn't the secret. The table is public; what the
//! analyst doesn't know is the key, and keys come from a keyed hash or a sum of them, so they are
//! uniform whatever the permutation is. It only has to keep rows from moving together.
//!
//! The numbers come from SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
//! number generators"), which needs only integers and is the same on every machine.

use super::key_space::KeySpace;

/// The step between two states of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser: spreads every bit of `word` over all 64.
pub(super) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// A stream of numbers that its seed determines.
#[derive(Debug, Clone)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) const fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_STEP);
        mix(self.0)
    }
}

/// A permutation of the keys of one row.
#[derive(Debug, Clone)]
pub(super) struct KeyedPermutation {
    space: KeySpace,
    /// For each pair of rounds, what is mixed in when the high and when the low half changes.
    rounds: [(u64, u64); 3],
}

impl KeyedPermutation {
    /// The permutation of row `row` in the table with seed `seed`.
    pub(super) const fn new(space: KeySpace, seed: u64, row: u64) -> KeyedPermutation {
        // The row is mixed before it meets the seed: neighbouring seeds must not give the same
        // rows one place further on.
        let mut stream = SplitMix64::new(mix(seed ^ mix(row.wrapping_add(GOLDEN_STEP))));
        let rounds = [Self::pair(&mut stream), Self::pair(&mut stream), Self::pair(&mut stream)];
        KeyedPermutation { space, rounds }
    }

    const fn pair(stream: &mut SplitMix64) -> (u64, u64) {
        (stream.next(), stream.next())
    }

    /// The place in the sorted row that `key` (taken modulo `M`) stands for.
    pub(super) fn place(&self, key: u32) -> u32 {
        let low_bits = self.space.bits() / 2;
        let low_mask = (1 << low_bits) - 1;
        let high_mask = (1 << (self.space.bits() - low_bits)) - 1;
        let key = self.space.reduce(key);
        let (mut high, mut low) = (key >> low_bits, key & low_mask);
        for (for_high, for_low) in self.rounds {
            high ^= mix(for_high ^ u64::from(low)) as u32 & high_mask;
            low ^= mix(for_low ^ u64::from(high)) as u32 & low_mask;
        }
        high << low_bits | low
    }
}

#[cfg(test)]
mod tests {
    use super::{KeySpace, KeyedPermutation, SplitMix64};

    /// The first outputs for seed 1234567, as published with many implementations.
    #[test]
    fn splitmix_matches_its_published_vector() {
        let mut stream = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| stream.next()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn every_place_is_reached_exactly_once() {
        for keys in [1024, 2048, 4096, 65536] {
            let space = KeySpace::new(keys).unwrap();
            for row in 0..8 {
                let permutation = KeyedPermutation::new(space, 42, row);
                let mut seen = vec![false; keys as usize];
                for key in 0..keys {
                    let place = permutation.place(key) as usize;
                    assert!(!seen[place], "row {row}: place {place} is reached twice");
                    seen[place] = true;
                }
            }
        }
    }

    #[test]
    fn rows_and_seeds_get_their_own_permutation() {
        let places = |seed, row| {
            let permutation = KeyedPermutation::new(KeySpace::STANDARD, seed, row);
            (0..64).map(|key| permutation.place(key)).collect::<Vec<_>>()
        };
        assert_eq!(places(7, 5), places(7, 5));
        assert_ne!(places(7, 5), places(7, 6));
        assert_ne!(places(7, 5), places(8, 5));
        assert_ne!(places(7, 6), places(8, 5));
    }
}
