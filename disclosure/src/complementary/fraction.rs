//! Exact fractions, just enough to compare step lengths and to read a deviation.
//!
//! A rounding error here could call a cell protected that isn't, so there is none.

use std::cmp::Ordering;

/// `numerator / denominator`, the denominator above zero, not necessarily in lowest terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction {
    pub(super) numerator: i128,
    /// Above zero. A coefficient of the equations, so it fits 32 bits.
    pub(super) denominator: i64,
}

impl Fraction {
    pub(super) fn whole(value: i128) -> Self {
        Self { numerator: value, denominator: 1 }
    }

    /// The integer at or below.
    pub(super) fn floor(self) -> i128 {
        self.numerator.checked_div_euclid(i128::from(self.denominator)).unwrap_or(0)
    }

    /// The integer at or above.
    pub(super) fn ceil(self) -> i128 {
        if self.remainder() == 0 { self.floor() } else { self.floor().saturating_add(1) }
    }

    pub(super) fn negated(self) -> Self {
        Self { numerator: self.numerator.saturating_neg(), denominator: self.denominator }
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    fn remainder(self) -> i128 {
        self.numerator.checked_rem_euclid(i128::from(self.denominator)).unwrap_or(0)
    }

    /// Compares exactly. The cross product nearly always fits; where it doesn't, whole parts come
    /// first, then the remainders, which are below their denominators.
    pub(super) fn compare(self, other: Self) -> Ordering {
        let left = self.numerator.checked_mul(i128::from(other.denominator));
        let right = other.numerator.checked_mul(i128::from(self.denominator));
        if let (Some(left), Some(right)) = (left, right) {
            return left.cmp(&right);
        }
        self.floor().cmp(&other.floor()).then_with(|| {
            let left = self.remainder().saturating_mul(i128::from(other.denominator));
            let right = other.remainder().saturating_mul(i128::from(self.denominator));
            left.cmp(&right)
        })
    }
}
