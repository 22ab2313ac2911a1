//! Rounding: what is shown is a multiple of the base.
//!
//! *Statement*: counts and totals are rounded to the nearest multiple of `rounding_base`, in the
//! column's declared unit of measurement, half away from zero. Means are the shown total by the shown
//! count. With midpoints a count becomes the middle of the interval it lies in: 1 to 6 is 3, 7 to 12 is
//! 9; zero stays zero.
//!
//! ```text
//! nearest:   base * round(x / base)         midpoint:   base * ceil(x / base) - base / 2
//! ```
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
//! *Source*: conventional rounding, Handbook on SDC, 2nd ed.; base 5 as in NHS HES and ACRO; midpoint 6
//! as in OpenSAFELY.

use crate::policy::{Profile, Rounding, Zeros};
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

/// A count rounded.
#[must_use]
pub fn round_count(count: i128, profile: Profile) -> i128 {
    match profile.rounding {
        Rounding::Nearest => round(count, 0, profile),
        Rounding::Midpoint => {
            let base = i128::from(profile.rounding_base.max(1));
            if count <= 0 {
                return 0;
            }
            let steps = count.saturating_add(base).saturating_sub(1).checked_div(base).unwrap_or(0);
            steps.saturating_mul(base).saturating_sub(base.checked_div(2).unwrap_or(0))
        }
    }
}

/// Whether a count can be the outcome of the rules on cells.
#[must_use]
pub fn is_possible_count(shown: i128, profile: Profile) -> bool {
    if shown == 0 {
        return profile.zeros == Zeros::Shown;
    }
    i128::from(profile.threshold_units) <= shown && round_count(shown, profile) == shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

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

    #[test]
    fn midpoints_tell_the_interval_only() {
        let profile = Preset::Midpoint6.profile();
        for (count, expect) in [(0, 0), (1, 3), (6, 3), (7, 9), (12, 9), (13, 15), (600, 597)] {
            assert_eq!(round_count(count, profile), expect, "{count}");
        }
        assert!(is_possible_count(9, profile));
        assert!(!is_possible_count(3, profile), "below the threshold");
        assert!(!is_possible_count(10, profile), "no midpoint");
        assert!(!is_possible_count(0, Profile::STANDARD));
    }
}
