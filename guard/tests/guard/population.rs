//! Units, their signs and their cells, from stated seeds.

use insitu_disclosure::evidence::SignCounts;
use insitu_disclosure::guard::{GuardedCell, Released};

/// A fixed mixing of two numbers; stands in for a keyed hash.
pub(crate) fn mix(seed: u64, value: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(value).wrapping_add(1);
    z = (z ^ (z >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of numbers from a seed.
pub(crate) struct Draws {
    seed: u64,
    drawn: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.drawn += 1;
        mix(self.seed, self.drawn) % limit
    }
}

/// A cell of these units in scope 1, with its value as 8 bytes.
pub(crate) fn cell(coordinate: u128, units: &[u64], value: i64) -> GuardedCell<'static> {
    scoped(1, coordinate, units, value)
}

pub(crate) fn scoped(
    scope: u128,
    coordinate: u128,
    units: &[u64],
    value: i64,
) -> GuardedCell<'static> {
    let mut counts = SignCounts::new();
    units.iter().for_each(|&unit| counts.add(mix(77, unit)));
    let value = Released::new(value.to_le_bytes()).unwrap();
    GuardedCell::new(scope, coordinate, counts.n(), counts.to_sketch(), value).unwrap()
}

pub(crate) fn value(released: &Released) -> i64 {
    i64::from_le_bytes(released.bytes().try_into().unwrap())
}

pub(crate) fn range(start: u64, end: u64) -> Vec<u64> {
    (start..end).collect()
}
