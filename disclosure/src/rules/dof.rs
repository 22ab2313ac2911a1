//! Degrees of freedom: a moment is shown only of more units than it has parameters, by enough.
//!
//! *Statement*: to the squares and products of a moment with `p` parameters at least `p + degrees_of_freedom` distinct units
//! contribute, raised by as many as the cell's threshold is; and `p` is no more than a third of them. A variance has one
//! parameter, its mean; a covariance, a correlation and a regression line have two. `regr_count`, `regr_avgx` and
//! `regr_avgy` are a count and means, and have none. Nor have the counts and totals within a moment: they are shown
//! elsewhere under the rules for counts and totals.
//!
//! ```text
//! n >= p + degrees_of_freedom + mix(K) mod (threshold_blur + 1)     and     100 p <= 33 n
//! ```
//!
//! | `corr`, degrees of freedom 10, without blur | shown |
//! |---|---|
//! | 2 units | `[c]`: 1 or -1, whatever they have |
//! | 11 units | `[c]` |
//! | 12 units | the coefficient |
//!
//! *Stops*: attack 15: a coefficient of few points says what the points are, and each parameter that is fitted leaves
//! one point less unknown. *Doesn't stop*: who knows all points but two, and has total and squares without noise,
//! solves for both; noise is for that.
//!
//! *Source*: ACRO 1.0.2, 10 degrees of freedom at the least; the Five Safes' rule of thumb that a model has at most a third
//! as many parameters as observations; Handbook on SDC, 2nd ed., on analytical output.

use super::edge::Edge;
use super::threshold::raised;
use crate::evidence::PartEvidence;
use crate::policy::Profile;

/// Most parameters for a hundred units.
const PARAMETERS_PERCENT: u64 = 33;

/// Whether enough distinct units contribute to the squares or products of a moment with so many parameters. Everything
/// else has none, and passes.
#[must_use]
pub fn passes(evidence: &PartEvidence, profile: Profile, edge: Edge, parameters: u32) -> bool {
    if parameters == 0 {
        return true;
    }
    let least = parameters.saturating_add(profile.degrees_of_freedom);
    u64::try_from(evidence.units).is_ok_and(|units| {
        let share = u64::from(parameters).saturating_mul(100);
        // Raised like the threshold: a sharp edge would tell for sure whether somebody is the twelfth.
        raised(least, evidence, profile, edge) <= units
            && share <= units.saturating_mul(PARAMETERS_PERCENT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    fn cell(units: i64, record_keys: i64) -> PartEvidence {
        PartEvidence { units, count: units, record_keys, ..PartEvidence::default() }
    }

    #[test]
    fn a_variance_needs_eleven_units_and_a_correlation_twelve() {
        let exact = Preset::Exact.profile();
        for (parameters, least) in [(1, 11), (2, 12)] {
            assert!(passes(&cell(least, 0), exact, Edge::Named, parameters));
            assert!(!passes(&cell(least - 1, 0), exact, Edge::Named, parameters));
        }
        assert!(
            passes(&cell(0, 0), exact, Edge::Named, 0),
            "a count and a mean are for the threshold"
        );
    }

    #[test]
    fn parameters_are_at_most_a_third_of_the_units() {
        let few = Profile { degrees_of_freedom: 1, ..Preset::Exact.profile() };
        assert!(!passes(&cell(6, 0), few, Edge::Named, 2), "2 of 6 are 33.3 %");
        assert!(passes(&cell(7, 0), few, Edge::Named, 2));
    }

    #[test]
    fn the_edge_is_blurred_as_the_threshold_is() {
        let shown = |units, parameters| {
            (0..1_000)
                .filter(|k| passes(&cell(units, *k), Profile::STANDARD, Edge::Named, parameters))
                .count()
        };
        assert_eq!((shown(11, 2), shown(15, 2)), (0, 1_000));
        // A quarter more with each unit; a standard deviation is below 16.
        for (units, expect) in [(12, 250), (13, 500), (14, 750)] {
            assert!(shown(units, 2).abs_diff(expect) < 64, "{units}: {}", shown(units, 2));
        }
    }
}
