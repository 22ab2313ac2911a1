//! Threshold: a cell shows a measure only if enough distinct units contribute to it.
//!
//! *Statement*: for each measure, at least `threshold_units` distinct protected units contribute: those
//! with a row for a count of rows, with a value for a count of values, with a value other than zero for a total or mean. A cell to which nobody
//! contributes is small, like any other: zero isn't shown.
//!
//! | 12 rows of one person, threshold 10 | shown |
//! |---|---|
//! | counting rows | 12: one person's year of treatment |
//! | counting units | `[c]` |
//!
//! *Stops*: attacks 2, 3, 4, 9, 33: small groups, inflated groups, rare values in large groups.
//! *Doesn't stop*: differences between two large cells; noise and the difference guard are for those.
//!
//! *Source*: minimum frequency rule, Handbook on SDC, 2nd ed.; 10 is the default of ACRO 1.0.2 and of
//! the ONS cell-key package.

use crate::policy::Profile;

/// Whether `units` distinct contributing units are enough.
#[must_use]
pub fn passes(units: i64, profile: Profile) -> bool {
    i64::from(profile.threshold_units) <= units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_units_are_enough_and_nine_are_not() {
        assert!(passes(10, Profile::STANDARD));
        assert!(!passes(9, Profile::STANDARD));
        assert!(!passes(0, Profile::STANDARD));
        assert!(passes(0, Profile::OPEN));
    }
}
