//! The numbers a data owner decided on: a named preset, tightened per Dataset.

use serde::{Deserialize, Serialize};

/// The numbers the rules on cells work with. Numbers, not code paths: a profile is data.
///
/// Sources: threshold 10 and base 5 are the defaults of ACRO 1.0.2 and of the ONS cell-key package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Distinct protected units that must contribute to a measure of a cell before it is shown.
    /// 0 for open data.
    pub threshold_units: u32,
    /// Counts and totals are rounded to a multiple of this, in the column's declared unit of
    /// measurement; 1 leaves them as they are.
    pub rounding_base: u32,
}

impl Profile {
    /// The preset for protected data: at least 10 units, base 5.
    pub const STANDARD: Self = Self { threshold_units: 10, rounding_base: 5 };
    /// Published data: no protection.
    pub const OPEN: Self = Self { threshold_units: 0, rounding_base: 1 };

    /// The stricter of each number, for a table over several Datasets or several nodes.
    ///
    /// Of two rounding bases that don't divide each other neither is coarser for every value, so
    /// the least common multiple is taken: a multiple of it is a multiple of both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            threshold_units: self.threshold_units.max(other.threshold_units),
            rounding_base: least_common_multiple(self.rounding_base, other.rounding_base),
        }
    }

    /// Whether every number is at least as strict as `other`'s.
    #[must_use]
    pub fn is_at_least(self, other: Self) -> bool {
        other.threshold_units <= self.threshold_units
            && self.rounding_base.checked_rem(other.rounding_base) == Some(0)
    }
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x.checked_rem(y).unwrap_or(0));
    }
    a.checked_div(x).unwrap_or(a).saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strictest_takes_the_larger_threshold_and_a_common_multiple() {
        let a = Profile { threshold_units: 10, rounding_base: 5 };
        let b = Profile { threshold_units: 8, rounding_base: 6 };
        assert_eq!(a.strictest(b), Profile { threshold_units: 10, rounding_base: 30 });
        assert_eq!(a.strictest(b), b.strictest(a));
        assert_eq!(a.strictest(a), a);
        assert!(a.strictest(b).is_at_least(a) && a.strictest(b).is_at_least(b));
    }

    #[test]
    fn standard_is_stricter_than_open() {
        assert_eq!(Profile::STANDARD.strictest(Profile::OPEN), Profile::STANDARD);
        assert!(!Profile::OPEN.is_at_least(Profile::STANDARD));
    }
}
