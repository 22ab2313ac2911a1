//! Threshold: a cell shows a measure only if enough distinct units contribute to it.
//!
//! *Statement*: for each part of a measure, at least `threshold_units` distinct protected units
//! contribute: those with a row for a count of rows, with a value for a count of values, with a total
//! other than zero for a total or mean. The threshold of a cell is raised by 0 to `threshold_blur`
//! units, drawn from the units' secret keys: the same people get the same, in whatever words. A cell to which nobody
//! contributes is small, like any other, unless the profile shows zeros.
//!
//! A set that its asker chose has a wider [`Edge`].
//!
//! ```text
//! n >= threshold_units + (mix(K) mod (threshold_blur + 1))
//! ```
//!
//! | 12 rows of one person, threshold 10 | shown |
//! |---|---|
//! | counting rows | 12: one person's year of treatment |
//! | counting units | `[c]` |
//!
//! *Stops*: attacks 2, 3, 4, 9, 33: small groups, inflated groups, rare values in large groups; and,
//! by the blur, 29: a cell that turns from suppressed to shown tells that it has 10 units or 13, not which.
//!
//! *Doesn't stop*: differences between two large cells; noise and the difference guard are for those.
//!
//! *Source*: minimum frequency rule, Handbook on SDC, 2nd ed.; 10 is the default of ACRO 1.0.2 and of
//! the ONS cell-key package, which holds the count after noise against it (`ons-ckm`).

use crate::evidence::PartEvidence;
use crate::policy::{Profile, ThresholdOn, Zeros};
use crate::rules::edge::Edge;

/// Whether enough distinct units contribute. Where the count after noise decides, this lets it pass, if it is `counted`:
/// a count of units with one row each. A total has no count that could be held against the threshold later.
#[must_use]
pub fn passes(evidence: &PartEvidence, profile: Profile, edge: Edge, counted: bool) -> bool {
    match profile.threshold_on {
        ThresholdOn::Perturbed if counted => true,
        ThresholdOn::Perturbed | ThresholdOn::Units => {
            let least = raised(profile.threshold_units, evidence, profile, edge);
            u64::try_from(evidence.units).is_ok_and(|units| least <= units)
        }
    }
}

/// Whether it is a count of nobody that may be shown.
#[must_use]
pub fn shows_zero(evidence: &PartEvidence, profile: Profile) -> bool {
    profile.zeros == Zeros::Shown && evidence.units == 0 && evidence.count == 0
}

/// A least number of units, raised by what is drawn for the cell.
pub(super) fn raised(least: u32, evidence: &PartEvidence, profile: Profile, edge: Edge) -> u64 {
    u64::from(least).saturating_add(edge.raised_by(evidence.record_keys, profile))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    fn cell(units: i64, record_keys: i64) -> PartEvidence {
        PartEvidence { units, count: units, record_keys, ..PartEvidence::default() }
    }

    #[test]
    fn ten_units_are_enough_and_nine_are_not() {
        let exact = Preset::Exact.profile();
        assert!(passes(&cell(10, 0), exact, Edge::Named, true));
        assert!(!passes(&cell(9, 0), exact, Edge::Named, true));
        assert!(!passes(&cell(0, 0), exact, Edge::Named, true));
        assert!(passes(&cell(0, 0), Profile::OPEN, Edge::Named, true));
    }

    #[test]
    fn a_blurred_threshold_lies_between_ten_and_thirteen() {
        let shown = |units| {
            (0..1_000)
                .filter(|q| passes(&cell(units, *q), Profile::STANDARD, Edge::Named, true))
                .count()
        };
        assert_eq!(shown(9), 0);
        assert_eq!(shown(13), 1_000);
        // A quarter, a half, three quarters; a standard deviation is below 16.
        for (units, expect) in [(10, 250), (11, 500), (12, 750)] {
            assert!(shown(units).abs_diff(expect) < 64, "{units}: {}", shown(units));
        }
    }

    #[test]
    fn another_wording_draws_no_other_threshold() {
        let worded = |question| PartEvidence { question, ..cell(11, 5) };
        let first = passes(&worded(0), Profile::STANDARD, Edge::Named, true);
        assert!(
            (1..100).all(|q| passes(&worded(q), Profile::STANDARD, Edge::Named, true) == first)
        );
    }

    #[test]
    fn nobody_is_shown_only_where_the_profile_shows_zeros() {
        assert!(shows_zero(&cell(0, 0), Preset::Round5.profile()));
        assert!(!shows_zero(&cell(1, 0), Preset::Round5.profile()));
        assert!(!shows_zero(&cell(0, 0), Profile::STANDARD));
    }
}
