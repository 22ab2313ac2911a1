//! Grouping sets: which of the keys a cell keeps.
//!
//! ```text
//! GROUP BY ROLLUP (area, sex)      ()            the total
//!                                  (area)        a margin: one cell for each area
//!                                  (area, sex)   the finest cells
//! ```
//!
//! A key that a cell doesn't keep is *rolled up*: the cell is over all its values. That isn't the same as a
//! cell of the rows without a value, so a cell's set stands beside its keys.

use super::{KEYS_MAX, Key};

/// A set of a Tabulation's keys, by position. Sets are ordered from the coarsest to the finest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySet {
    /// How many there are; first, so that the order is by it.
    kept: u32,
    /// Bit `i` stands for key `i`.
    mask: u16,
}

impl KeySet {
    /// No keys: the set of a total.
    pub const NONE: Self = Self { kept: 0, mask: 0 };

    /// The first `keys` keys: all of a Tabulation's, which has at most [`KEYS_MAX`].
    #[must_use]
    pub const fn all(keys: usize) -> Self {
        // All sixteen bits, the upper ones shifted away; all of them where there are no keys.
        match u16::MAX.checked_shr(KEYS_MAX.saturating_sub(keys) as u32) {
            Some(mask) => Self::of_mask(mask),
            None => Self::NONE,
        }
    }

    /// The set with these bits: bit `i` stands for key `i`.
    #[must_use]
    pub const fn of_mask(mask: u16) -> Self {
        Self { kept: mask.count_ones(), mask }
    }

    /// The keys at these positions; `None` if one is beyond the last there may be.
    #[must_use]
    pub fn of(positions: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut mask = 0;
        for position in positions {
            let position = u32::try_from(position).ok()?;
            mask |= 1_u16.checked_shl(position)?;
        }
        Some(Self::of_mask(mask))
    }

    /// The bits: bit `i` is set if key `i` is kept.
    #[must_use]
    pub const fn mask(self) -> u16 {
        self.mask
    }

    /// How many keys are kept.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.kept
    }

    /// Whether none is kept.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.mask == 0
    }

    /// Whether the key at this position is kept.
    #[must_use]
    pub fn keeps(self, position: usize) -> bool {
        u32::try_from(position)
            .ok()
            .and_then(|p| 1_u16.checked_shl(p))
            .is_some_and(|bit| self.mask & bit != 0)
    }

    /// Whether all of these keys are among the other's.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        self.mask & !other.mask == 0
    }

    /// Both sets' keys.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self::of_mask(self.mask | other.mask)
    }

    /// The kept ones of a list that goes along with the keys.
    pub fn kept<T>(self, of_keys: &[T]) -> impl Iterator<Item = &T> {
        of_keys.iter().enumerate().filter(move |(i, _)| self.keeps(*i)).map(|(_, of_key)| of_key)
    }
}

/// Whether grouping sets are written in the one form there is: none, where each cell keeps all keys; else
/// several, each once, from the coarsest to the finest, and every key is kept by one of them.
#[must_use]
pub fn are_canonical(sets: &[KeySet], keys: &[Key]) -> bool {
    let ascending = sets.iter().zip(sets.iter().skip(1)).all(|(a, b)| a < b);
    let used = sets.iter().fold(KeySet::NONE, |used, set| used.union(*set));
    sets.is_empty() || (2 <= sets.len() && ascending && used == KeySet::all(keys.len()))
}

#[cfg(test)]
mod tests {
    use super::super::Scalar;
    use super::*;

    fn set(positions: &[usize]) -> KeySet {
        KeySet::of(positions.iter().copied()).unwrap()
    }

    #[test]
    fn a_set_is_its_positions() {
        assert_eq!(KeySet::all(0), KeySet::NONE);
        assert_eq!(KeySet::all(2), set(&[1, 0]));
        assert_eq!(KeySet::all(16).mask(), u16::MAX);
        assert_eq!(KeySet::all(99), KeySet::all(16), "more are refused before");
        assert_eq!(KeySet::of([16]), None);
        assert!(set(&[0, 3]).keeps(3) && !set(&[0, 3]).keeps(1) && !set(&[0, 3]).keeps(16));
        assert!(set(&[1]).is_within(set(&[0, 1])) && !set(&[0, 1]).is_within(set(&[1])));
        assert_eq!(set(&[0, 2]).kept(&["a", "b", "c"]).collect::<Vec<_>>(), [&"a", &"c"]);
    }

    #[test]
    fn coarser_sets_come_first() {
        let mut sets = [set(&[0, 1]), set(&[1]), set(&[0]), KeySet::NONE, set(&[2])];
        sets.sort();
        assert_eq!(sets, [KeySet::NONE, set(&[0]), set(&[1]), set(&[2]), set(&[0, 1])]);
    }

    #[test]
    fn there_is_one_form_of_the_same_sets() {
        let keys: Vec<Key> =
            ["a", "b"].map(|k| Key { scalar: Scalar::Column(k.to_owned()) }).into();
        assert!(are_canonical(&[], &keys));
        assert!(are_canonical(&[KeySet::NONE, set(&[0]), set(&[0, 1])], &keys));
        assert!(are_canonical(&[set(&[0]), set(&[1])], &keys));
        for (sets, why) in [
            (vec![set(&[0, 1])], "all keys are no grouping sets"),
            (vec![set(&[0, 1]), set(&[0])], "finest first"),
            (vec![set(&[0]), set(&[0]), set(&[1])], "twice the same"),
            (vec![KeySet::NONE, set(&[0])], "a key that no set keeps"),
            (vec![set(&[0, 1]), set(&[0, 2])], "a key that there isn't"),
        ] {
            assert!(!are_canonical(&sets, &keys), "{why}");
        }
    }
}
