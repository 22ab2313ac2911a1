//! Made-up units for tests: their signs, without a key.

use super::SignCounts;

/// A fixed mixing of a unit's number into sign bits; stands in for the keyed hash.
pub(crate) fn signs(unit: u64) -> u64 {
    let mut z = unit.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The sums of these units' signs.
pub(crate) fn counted(units: impl IntoIterator<Item = u64>) -> SignCounts {
    let mut counts = SignCounts::new();
    units.into_iter().for_each(|unit| counts.add(signs(unit)));
    counts
}
