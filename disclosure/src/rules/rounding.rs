//! Rounding: what is shown is a multiple of the base.
//!
//! *Statement*: counts and totals are rounded to the nearest multiple of `rounding_base`, in the
//! column's declared unit of measurement, half away from zero. Means are the shown total by the shown count.
//!
//! | true | base 5 |
//! |---|---|
//! | 12 | 10 |
//! | 13 | 15 |
//! | -13 | -15 |
//!
//! *Stops*: reading a difference of one or two off a pair of tables (attack 21, in part).
//! *Doesn't stop*: a pair that falls on both sides of a rounding edge; the difference guard is for that.
//!
//! *Source*: conventional rounding, Handbook on SDC, 2nd ed.; base 5 as in NHS HES and ACRO.

use crate::policy::Profile;
use crate::tabulation::typing::power_of_ten;

/// The value rounded; `places` digits of it stand after the decimal point.
#[must_use]
pub fn round(value: i128, places: u8, profile: Profile) -> i128 {
    let Some(base) = i128::from(profile.rounding_base).checked_mul(power_of_ten(places)) else {
        return 0;
    };
    if profile.rounding_base <= 1 {
        return value;
    }
    let remainder = value.checked_rem(base).unwrap_or(0);
    let towards_zero = value.saturating_sub(remainder);
    if remainder.unsigned_abs().saturating_mul(2) < base.unsigned_abs() {
        towards_zero
    } else {
        towards_zero.saturating_add(base.saturating_mul(remainder.signum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_multiple_half_away_from_zero() {
        for (value, places, expect) in [
            (12, 0, 10),
            (13, 0, 15),
            (-13, 0, -15),
            (0, 0, 0),
            (250, 2, 500),
            (249, 2, 0),
            (-250, 2, -500),
        ] {
            assert_eq!(round(value, places, Profile::STANDARD), expect, "{value}");
        }
        assert_eq!(round(13, 0, Profile::OPEN), 13);
    }
}
