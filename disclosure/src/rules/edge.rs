//! Edge: how sharply a rule that suppresses parts cells that pass from cells that don't.
//!
//! *Statement*: a set of people that a column's value names, as a breakdown shows it, has a narrow edge, and one that the
//! asker chose a wide one: the threshold of a chosen set is raised by up to `threshold_blur_chosen`, and its limits on
//! dominance are tightened by up to [`TIGHTENED_MAX`] times. By how much is drawn from the units' secret keys, one draw
//! for the same people however asked: what is suppressed of a named set is suppressed of the same set chosen. Which sets
//! are chosen: [`Edge::of`](crate::condition).
//!
//! ```text
//! u = draw(K), uniform from 0 to 1
//! named    least + floor((b + 1) u)                                      b = threshold_blur
//! chosen   least + floor((c + 1) 2/pi asin(sqrt(u)))                     c = threshold_blur_chosen, if above b
//!          limits on dominance by 4^(2/pi asin(sqrt(v)))                 v = another draw(K), uniform from 0 to 1
//! ```
//!
//! | chance that a chosen set is shown, threshold 10, c = 15: `n` | 9 | 10 | 12 | 14 | 17 | 20 | 23 | 25 |
//! |---|---|---|---|---|---|---|---|---|
//! | | 0 | 0.01 | 0.08 | 0.22 | 0.5 | 0.78 | 0.96 | 1 |
//!
//! **Why that shape.** Whoever asks with many sets that have *n* known people, and the victim or not, sees how often they
//! are shown, with chance `p(n)` or `p(n + 1)`. What one answer tells of it is Fisher's information `p'^2 / (p (1 - p))`. Raised
//! evenly it has no bound where `p` comes near 0 and 1: one cell shown of nine known people is certainty. With
//! `p = sin^2(pi/2 x)` it is the same everywhere: `(pi / (c + 1))^2`, the least that its largest can be for the width.
//!
//! *Stops*: attack 29 asked with different nines, in part, and the same at the edge of dominance (12): without it, what
//! the known others must add up to so that the total is shown tells the largest contribution to the last digit.
//!
//! *Doesn't stop*: as many sets as it takes. What is learnt grows with the root of their number; a budget bounds that.
//! Named sets, of which there are as many as columns' values make.
//!
//! *Source*: the transformation `asin(sqrt(p))` that gives a proportion the same variance everywhere: M. S. Bartlett, *The
//! square root transformation in analysis of variance*, JRSS Supplement 3 (1936); F. J. Anscombe, Biometrika 35 (1948).

use crate::keyed::mix;
use crate::policy::Profile;

/// By how many times limits on dominance are tightened at the most.
pub const TIGHTENED_MAX: u32 = 4;

/// Thousandths of a limit.
pub(super) const THOUSAND: u128 = 1_000;

/// Tells the draw for dominance from the one for thresholds.
const FOR_DOMINANCE: u64 = 0x5b1c_e37a_0d94_62f8;

/// How sharp the edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// The set is one that a breakdown shows.
    Named,
    /// The asker chose it among many.
    Chosen,
}

impl Edge {
    /// By how many units a least number is raised for units with this sum of record keys.
    pub(super) fn raised_by(self, record_keys: i64, profile: Profile) -> u64 {
        // Not from the question: every new wording would draw again, until one is shown.
        let drawn = mix(u64::from_le_bytes(record_keys.to_le_bytes()));
        let steps = u64::from(profile.threshold_blur).saturating_add(1);
        let named = drawn.checked_rem(steps).unwrap_or(0);
        match self {
            Self::Named => named,
            Self::Chosen if profile.threshold_blur_chosen <= profile.threshold_blur => named,
            Self::Chosen => {
                // The same draw, finer: what is named is its first digit to the base of `steps`.
                let finer =
                    unit_interval(drawn.checked_div(steps).unwrap_or(0).wrapping_mul(steps));
                let u = (named as f64 + finer) / steps as f64;
                let raised = (f64::from(profile.threshold_blur_chosen) + 1.0) * place(u);
                (raised as u64).min(u64::from(profile.threshold_blur_chosen)).max(named)
            }
        }
    }

    /// By how many thousandths limits on dominance are tightened for units with this sum of record keys: 1000 to 4000.
    pub(super) fn tightened_by(self, record_keys: i64) -> u128 {
        match self {
            Self::Named => THOUSAND,
            Self::Chosen => {
                let drawn = mix(u64::from_le_bytes(record_keys.to_le_bytes()) ^ FOR_DOMINANCE);
                let times = f64::from(TIGHTENED_MAX).powf(place(unit_interval(drawn)));
                (times * THOUSAND as f64) as u128
            }
        }
    }
}

/// The place within an edge, from 0 to 1, of a number that is uniform from 0 to 1: as often below `x` as `sin^2(pi/2 x)` says.
fn place(uniform: f64) -> f64 {
    uniform.clamp(0.0, 1.0).sqrt().asin() / std::f64::consts::FRAC_PI_2
}

/// From 0 to below 1.
fn unit_interval(drawn: u64) -> f64 {
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    const STANDARD: Profile = Profile::STANDARD;

    #[test]
    fn a_named_set_is_raised_evenly_and_a_chosen_one_by_the_sine() {
        let mut named = [0_u32; 4];
        let mut chosen = [0_u32; 16];
        for keys in 0..100_000 {
            named[usize::try_from(Edge::Named.raised_by(keys, STANDARD)).unwrap()] += 1;
            chosen[usize::try_from(Edge::Chosen.raised_by(keys, STANDARD)).unwrap()] += 1;
        }
        for times in named {
            assert!(times.abs_diff(25_000) < 700, "{named:?}");
        }
        let mut shown = 0.0;
        for (k, times) in chosen.into_iter().enumerate() {
            shown += f64::from(times) / 100_000.0;
            let expect = (std::f64::consts::FRAC_PI_2 * (k as f64 + 1.0) / 16.0).sin().powi(2);
            assert!((shown - expect).abs() < 0.008, "{k}: {shown} for {expect}");
        }
    }

    #[test]
    fn what_is_raised_for_a_name_is_raised_for_a_choice() {
        for (blur, of_chosen) in [(3, 15), (3, 4), (15, 16), (0, 15), (7, 3)] {
            let profile =
                Profile { threshold_blur: blur, threshold_blur_chosen: of_chosen, ..STANDARD };
            for keys in 0..5_000 {
                let named = Edge::Named.raised_by(keys, profile);
                let chosen = Edge::Chosen.raised_by(keys, profile);
                assert!(named <= chosen && chosen <= u64::from(blur.max(of_chosen)));
            }
        }
        let exact = Preset::Exact.profile();
        assert!((0..100).all(|keys| Edge::Chosen.raised_by(keys, exact) == 0));
    }

    #[test]
    fn limits_are_tightened_up_to_four_times_by_the_sine_of_the_logarithm() {
        let all: Vec<u128> = (0..40_000).map(|keys| Edge::Chosen.tightened_by(keys)).collect();
        assert!(all.iter().all(|times| (1_000..4_000).contains(times)));
        for (below, expect) in [(1_414, 0.146), (2_000, 0.5), (2_828, 0.854)] {
            let share = all.iter().filter(|times| **times < below).count() as f64 / 40_000.0;
            assert!((share - expect).abs() < 0.012, "{below}: {share}");
        }
        assert_eq!(Edge::Named.tightened_by(7), 1_000);
    }
}
