//! How many different keys there are.
//!
//! Record keys are summed modulo this number, and a perturbation table has one column for each
//! key. It is a power of two, so that `hash mod M` is exactly uniform and a permutation of the
//! keys needs no table. Source: Fraser and Wooton (2005), where keys are fixed-width binary
//! numbers.

/// The number of keys, `M`: a power of two from 1024 to 65536.
///
/// Below 1024 a row couldn't hold the wanted distribution closely; above 65536 nothing is gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpace(u32);

impl KeySpace {
    /// 4096 keys: 12 bits, what most offices that use cell keys work with.
    pub const STANDARD: KeySpace = KeySpace(4096);

    /// The fewest keys accepted.
    pub const KEYS_MIN: u32 = 1024;

    /// The most keys accepted.
    pub const KEYS_MAX: u32 = 65536;

    /// `keys` as a key space, or `None` unless it is a power of two from 1024 to 65536.
    pub const fn new(keys: u32) -> Option<KeySpace> {
        if Self::KEYS_MIN <= keys && keys <= Self::KEYS_MAX && keys.is_power_of_two() {
            Some(KeySpace(keys))
        } else {
            None
        }
    }

    /// The number of keys.
    pub const fn keys(self) -> u32 {
        self.0
    }

    /// `key mod M`.
    pub const fn reduce(self, key: u32) -> u32 {
        key & (self.0 - 1)
    }

    /// How many bits a key has.
    pub(super) const fn bits(self) -> u32 {
        self.0.trailing_zeros()
    }
}

#[cfg(test)]
mod tests {
    use super::KeySpace;

    #[test]
    fn accepts_only_powers_of_two_within_its_limits() {
        let accepted: Vec<u32> = (0..=70_000).filter(|&k| KeySpace::new(k).is_some()).collect();
        assert_eq!(accepted, [1024, 2048, 4096, 8192, 16384, 32768, 65536]);
    }

    #[test]
    fn reduces_as_the_remainder_does() {
        for key in [0, 1, 4095, 4096, 4097, u32::MAX] {
            assert_eq!(KeySpace::STANDARD.reduce(key), key % 4096);
        }
    }
}
