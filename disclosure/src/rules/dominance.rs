//! Dominance: a total isn't shown if one or two units hold most of it.
//!
//! *Statement*: with contributions `x1 >= x2 >= ...` (without their signs) and their sum `T`, a total, or a count of rows
//! to which units contribute several, is suppressed if
//!
//! ```text
//! p%        T - x1 - x2  <  p/100 * x1      the second largest could tell the largest within p%
//! (1, k)    x1           >  k/100 * T
//! (2, k)    x1 + x2      >= k/100 * T     (and T > 0)
//! ```
//!
//! | contributions, (2, 90) and p% 10 | shown |
//! |---|---|
//! | 12 of 100 | the total |
//! | 5000, 300, 12 of 10 | `[c]`: x1 + x2 is 97.8 % |
//! | 1000, 1000, 12 of 5 | `[c]` |
//!
//! *Stops*: attack 12: a large business or a frequent attender read off a total, by anybody, or more
//! closely by the second largest who knows its own. *Doesn't stop*: a coalition of three or more
//! contributors; nor an estimate from a total that noise covers only in part.
//!
//! Of a total of squares, a contribution's root is known twice as closely as the contribution is. So that the root isn't
//! known within p %, the p% rule asks `(1 + p/100)^2 - 1` of the squares: 21 % for 10.
//!
//! Of a set that its asker chose the limits are tightened, by a number drawn for its units ([`Edge`]): what the others must
//! hold beside the largest is up to four times as much. A sharp limit is a scale: known people whose contributions are known
//! are added until the total is shown, and then the largest contribution is known as well as theirs.
//!
//! At 90 % the (2, k) rule decides wherever p% 10 would; p% is there for owners who loosen neither but raise k.
//!
//! *Source*: Handbook on SDC, 2nd ed., sections on the p% and (n, k) rules; defaults and strictness of the comparisons as in ACRO 1.0.2;
//! (1, 50) and (2, 67) from the Australian Bureau of Statistics.

use super::edge::{Edge, THOUSAND};
use crate::evidence::PartEvidence;
use crate::policy::Dominance;
use crate::tabulation::PartKind;

/// The limits for a part of this kind.
#[must_use]
pub fn limits_of(kind: PartKind, limits: Dominance) -> Dominance {
    match kind {
        PartKind::Squares => {
            let p = limits.p_percent;
            let more = p.saturating_mul(p).div_ceil(100);
            Dominance { p_percent: p.saturating_mul(2).saturating_add(more), ..limits }
        }
        PartKind::Rows
        | PartKind::Values
        | PartKind::Units
        | PartKind::Distinct
        | PartKind::Sum
        | PartKind::Deviations
        | PartKind::Products => limits,
    }
}

/// Whether one or two units hold too much.
#[must_use]
pub fn is_dominated(evidence: &PartEvidence, limits: Dominance, edge: Edge) -> bool {
    // Of numbers beyond 2^88 the last digits decide nothing; so no product below overflows.
    let beyond = u128::BITS.saturating_sub(evidence.absolute.leading_zeros()).saturating_sub(88);
    let scaled = |value: u128| value.checked_shr(beyond).unwrap_or(0);
    let [largest, second] = evidence.largest.map(scaled);
    let total = scaled(evidence.absolute);
    let two = largest.saturating_add(second);
    let rest = total.saturating_sub(two);
    let others = total.saturating_sub(largest);
    // The rules as what the rest must be by what is held, which is what is tightened.
    let tightened = edge.tightened_by(evidence.record_keys);
    let held = |value: u128, percent: u32| {
        value.saturating_mul(u128::from(percent)).saturating_mul(tightened)
    };
    let left = |value: u128, percent: u32| {
        value.saturating_mul(u128::from(percent)).saturating_mul(THOUSAND)
    };
    let beside = |percent: u32| 100_u32.saturating_sub(percent);
    let Dominance { p_percent, one_percent, two_percent } = limits;
    left(rest, 100) < held(largest, p_percent)
        || (one_percent < 100 && left(others, one_percent) < held(largest, beside(one_percent)))
        || (two_percent < 100
            && 0 < total
            && left(rest, two_percent) <= held(two, beside(two_percent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    fn check(contributions: &[u128], preset: Preset, expect: bool) {
        let mut sizes = contributions.to_vec();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let evidence = PartEvidence {
            absolute: sizes.iter().sum(),
            largest: [sizes[0], sizes[1]],
            ..PartEvidence::default()
        };
        let dominated = is_dominated(&evidence, preset.profile().dominance, Edge::Named);
        assert_eq!(dominated, expect, "{contributions:?} {}", preset.as_str());
    }

    #[test]
    fn suppresses_what_one_or_two_hold() {
        let with = |first: &[u128], others: u128| [first, &[others; 12]].concat();
        check(&[100; 12], Preset::Standard, false);
        check(&with(&[5000, 300], 10), Preset::Standard, true);
        check(&with(&[1000, 1000], 5), Preset::Standard, true);
        // Exactly 90 % is too much, as in ACRO.
        check(&with(&[540, 540], 10), Preset::Round5, true);
        check(&with(&[539, 540], 10), Preset::Round5, false);
        check(&with(&[130, 10], 10), Preset::Strict, false);
        check(&with(&[151, 10], 10), Preset::Strict, true);
        check(&with(&[151, 10], 10), Preset::Standard, false);
        check(&with(&[1_000_000, 0], 1), Preset::OnsCkm, false);
    }

    #[test]
    fn the_second_largest_cannot_tell_the_largest_within_p_percent() {
        let limits = Dominance { p_percent: 10, one_percent: 100, two_percent: 100 };
        let cell = |rest: u128| PartEvidence {
            absolute: 1_200 + 300 + rest,
            largest: [1_200, 300],
            ..PartEvidence::default()
        };
        assert!(is_dominated(&cell(119), limits, Edge::Named));
        assert!(!is_dominated(&cell(120), limits, Edge::Named), "exactly 10 % is enough");
    }

    #[test]
    fn of_squares_it_is_the_root_that_is_not_known_within_p_percent() {
        let limits = Dominance { p_percent: 10, one_percent: 100, two_percent: 100 };
        let squares = limits_of(PartKind::Squares, limits);
        assert_eq!(squares, Dominance { p_percent: 21, ..limits });
        assert_eq!(limits_of(PartKind::Sum, limits), limits);
        // The second largest, 300, takes its own square off the total, and knows that 1000 is below the root of the rest.
        let cell = |rest: u128| PartEvidence {
            absolute: 1_000_000 + 90_000 + rest,
            largest: [1_000_000, 90_000],
            ..PartEvidence::default()
        };
        assert!(is_dominated(&cell(209_999), squares, Edge::Named));
        assert!(!is_dominated(&cell(210_000), squares, Edge::Named), "the root is 1100, 10 % off");
        assert_eq!(limits_of(PartKind::Squares, Dominance::OFF), Dominance::OFF);
    }

    #[test]
    fn nothing_contributed_is_not_dominated() {
        assert!(!is_dominated(
            &PartEvidence::default(),
            Preset::Strict.profile().dominance,
            Edge::Named
        ));
    }

    #[test]
    fn a_chosen_set_needs_up_to_four_times_as_much_beside_the_largest() {
        let cell = |rest: u128, record_keys| PartEvidence {
            absolute: 9_000 + rest,
            largest: [9_000, 0],
            record_keys,
            ..PartEvidence::default()
        };
        let limits = Preset::Standard.profile().dominance;
        let shown = |rest, edge| {
            let is_shown = |keys: &i64| !is_dominated(&cell(rest, *keys), limits, edge);
            (0..2_000).filter(is_shown).count()
        };
        assert_eq!((shown(1_000, Edge::Named), shown(1_001, Edge::Named)), (0, 2_000));
        assert_eq!((shown(1_000, Edge::Chosen), shown(4_001, Edge::Chosen)), (0, 2_000));
        // The middle of the logarithm; a standard deviation is 22.
        assert!(shown(2_000, Edge::Chosen).abs_diff(1_000) < 110, "{}", shown(2_000, Edge::Chosen));
        // What is suppressed of a named set is suppressed of it chosen.
        for rest in (0..5_000).step_by(100) {
            assert!((0..100).all(|keys| is_dominated(&cell(rest, keys), limits, Edge::Chosen)
                || !is_dominated(&cell(rest, keys), limits, Edge::Named)));
        }
    }

    #[test]
    fn the_largest_numbers_there_are_decide_as_others_do() {
        let limits = Preset::Standard.profile().dominance;
        let cell = |others: u128| PartEvidence {
            absolute: u128::MAX,
            largest: [u128::MAX - others, 0],
            ..PartEvidence::default()
        };
        for edge in [Edge::Named, Edge::Chosen] {
            assert!(is_dominated(&cell(u128::MAX / 100 * 9), limits, edge));
            assert!(!is_dominated(&cell(u128::MAX / 100 * 60), limits, edge));
        }
    }
}
