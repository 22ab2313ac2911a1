//! Of two profiles, the stricter of each number.

use super::{Dominance, Profile};

impl Profile {
    /// The stricter of each number, for a table over several Datasets or several nodes.
    ///
    /// Of two rounding bases that don't divide each other neither is coarser for every value, so
    /// the least common multiple is taken: a multiple of it is a multiple of both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            threshold_units: self.threshold_units.max(other.threshold_units),
            threshold_blur: self.threshold_blur.max(other.threshold_blur),
            threshold_blur_chosen: self.threshold_blur_chosen.max(other.threshold_blur_chosen),
            others_min: self.others_min.max(other.others_min),
            threshold_on: self.threshold_on.max(other.threshold_on),
            zeros: self.zeros.max(other.zeros),
            noise: self.noise.max(other.noise),
            infusion_percent: self.infusion_percent.max(other.infusion_percent),
            rounding_base: least_common_multiple(self.rounding_base, other.rounding_base),
            rounding: self.rounding.max(other.rounding),
            dominance: Dominance {
                p_percent: self.dominance.p_percent.max(other.dominance.p_percent),
                one_percent: self.dominance.one_percent.min(other.dominance.one_percent),
                two_percent: self.dominance.two_percent.min(other.dominance.two_percent),
            },
            complementary: self.complementary.max(other.complementary),
            guard: self.guard.max(other.guard),
            predicates: self.predicates.max(other.predicates),
            degrees_of_freedom: self.degrees_of_freedom.max(other.degrees_of_freedom),
        }
    }

    /// Whether every number is at least as strict as `other`'s.
    #[must_use]
    pub fn is_at_least(self, other: Self) -> bool {
        self.strictest(other) == self
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
    use super::super::Preset;
    use super::*;

    #[test]
    fn strictest_takes_the_larger_threshold_and_a_common_multiple() {
        let a = Profile { threshold_units: 10, rounding_base: 5, ..Profile::STANDARD };
        let b = Profile { threshold_units: 8, rounding_base: 6, ..Profile::STANDARD };
        let both = a.strictest(b);
        assert_eq!((both.threshold_units, both.rounding_base), (10, 30));
    }

    #[test]
    fn strictest_is_a_bound_of_both_and_does_not_depend_on_order() {
        for a in Preset::ALL.map(Preset::profile) {
            assert_eq!(a.strictest(a), a);
            for b in Preset::ALL.map(Preset::profile) {
                let both = a.strictest(b);
                assert_eq!(both, b.strictest(a));
                assert!(both.is_at_least(a) && both.is_at_least(b));
                for c in Preset::ALL.map(Preset::profile) {
                    assert_eq!(both.strictest(c), a.strictest(b.strictest(c)));
                }
            }
        }
    }
}
