//! Named profiles.
//!
//! | | `standard` | `strict` | `ons-ckm` | `round-5` | `midpoint-6` | `exact` |
//! |---|---|---|---|---|---|---|
//! | threshold | 10, raised by 0 to 3 | 20, raised by 0 to 3 | 10, after noise | 8 | 7 | 10 |
//! | of chosen sets | raised by 0 to 15 | raised by 0 to 15 | totals: raised by 0 to 15 | - | raised by 0 to 15 | - |
//! | of others | - | 10, raised by 0 to 3 | - | - | - | - |
//! | zeros | small | small | small | shown | shown | small |
//! | noise | two layers | two layers | one layer | - | of totals, as `ons-ckm` | - |
//! | infusion | 10 % | 10 % | 10 % | - | 10 % | - |
//! | rounding | 5 | 5 | - | 5 | 6, midpoints | - |
//! | dominance | p% 10, (2, 90) | p% 10, (1, 50), (2, 67) | - | (2, 90) | (2, 90) | p% 10, (2, 90) |
//! | complementary | - | - | - | on | - | on |
//! | guard | on | on | - | on | on | on |
//! | predicates | standard | strict | standard | whole tables | standard | whole tables |
//!
//! Sources: thresholds of 10, p% 10 and (2, 90) are the defaults of ACRO 1.0.2; 10 after perturbation
//! those of the ONS cell-key package 3.1.0; rounding to 5 with counts of 1 to 7 suppressed is NHS
//! England's practice for HES; midpoint 6 is OpenSAFELY's; (1, 50) and (2, 67) are the Australian
//! Bureau of Statistics'.
//!
//! Complementary suppression protects the cells of a table and of all its margins. A condition makes another table,
//! linked to the first by numbers it doesn't look at, so profiles that rest on it answer whole tables only; they are
//! filtered above, once released. The guard stays on: a count of rows and a count of values, or the same table of two
//! states of the data, can differ by one person. It makes some margins repeat a cell's value.
//!
//! A set that its asker chose, and that no breakdown shows, has a wider edge ([`crate::rules::edge`]). `round-5` and `exact`
//! answer whole tables only, in which there is none.
//!
//! Units of others than one department are asked for under `strict` only: most cells that departments share in unevenly, and
//! all that one of them has alone, are lost by it. Whether departments need protection from each other is for their owners
//! to say, who can tighten any profile.
//!
//! Infusion is Evans, Zayatz and Slanta's (1998), with the factors that they use for an example, 10 % and more, smaller ones more
//! often: what an answer tells of anybody's amount is then no closer than p% allows, however many answers there are.
//!
//! Where nothing is added, `exact` and `round-5` rest on suppression, rounding and the guard alone; so do counts under
//! `midpoint-6`. Its method is one of counts: what protects its totals is what protects those of `ons-ckm`.

use super::{
    Complementary, DifferenceGuard, Dominance, Noise, Predicates, Profile, Rounding, ThresholdOn,
    Zeros,
};

/// A named profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// For most data: noise, rounding, dominance, guard.
    Standard,
    /// For data about rare or sensitive matters.
    Strict,
    /// The cell-key method of the Office for National Statistics, and nothing else.
    OnsCkm,
    /// Rounding to 5 without noise.
    Round5,
    /// Counts are rounded to midpoints of 6 without noise; totals are protected as those of `ons-ckm`.
    Midpoint6,
    /// True values in the cells that are shown.
    Exact,
}

const P10_AND_2_90: Dominance = Dominance { p_percent: 10, one_percent: 100, two_percent: 90 };
const TWO_90: Dominance = Dominance { p_percent: 0, one_percent: 100, two_percent: 90 };

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Strict, Self::OnsCkm, Self::Round5, Self::Midpoint6, Self::Exact];

    /// The word used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Strict => "strict",
            Self::OnsCkm => "ons-ckm",
            Self::Round5 => "round-5",
            Self::Midpoint6 => "midpoint-6",
            Self::Exact => "exact",
        }
    }

    /// Its numbers.
    #[must_use]
    pub const fn profile(self) -> Profile {
        match self {
            Self::Standard => Profile {
                threshold_units: 10,
                threshold_blur: 3,
                threshold_blur_chosen: 15,
                others_min: 0,
                threshold_on: ThresholdOn::Units,
                zeros: Zeros::Small,
                noise: Noise::CellAndQuestion,
                infusion_percent: 10,
                rounding_base: 5,
                rounding: Rounding::Nearest,
                dominance: P10_AND_2_90,
                complementary: Complementary::Off,
                guard: DifferenceGuard::On,
                predicates: Predicates::Standard,
                degrees_of_freedom: 10,
            },
            Self::Strict => Profile {
                threshold_units: 20,
                others_min: 10,
                dominance: Dominance { p_percent: 10, one_percent: 50, two_percent: 67 },
                predicates: Predicates::Strict,
                ..Self::Standard.profile()
            },
            Self::OnsCkm => Profile {
                threshold_blur: 0,
                threshold_on: ThresholdOn::Perturbed,
                noise: Noise::Cell,
                rounding_base: 1,
                dominance: Dominance::OFF,
                guard: DifferenceGuard::Off,
                ..Self::Standard.profile()
            },
            Self::Round5 => Profile {
                threshold_units: 8,
                threshold_blur: 0,
                threshold_blur_chosen: 0,
                zeros: Zeros::Shown,
                noise: Noise::None,
                infusion_percent: 0,
                dominance: TWO_90,
                complementary: Complementary::On,
                predicates: Predicates::WholeTables,
                ..Self::Standard.profile()
            },
            Self::Midpoint6 => Profile {
                threshold_units: 7,
                threshold_blur_chosen: 15,
                noise: Noise::Totals,
                infusion_percent: 10,
                rounding_base: 6,
                rounding: Rounding::Midpoint,
                complementary: Complementary::Off,
                predicates: Predicates::Standard,
                ..Self::Round5.profile()
            },
            Self::Exact => Profile {
                threshold_blur: 0,
                threshold_blur_chosen: 0,
                noise: Noise::None,
                infusion_percent: 0,
                rounding_base: 1,
                complementary: Complementary::On,
                predicates: Predicates::WholeTables,
                ..Self::Standard.profile()
            },
        }
    }
}

impl Profile {
    /// The preset `standard`.
    pub const STANDARD: Self = Preset::Standard.profile();

    /// Whether protected data may be released under these numbers: a department may be stricter than
    /// a preset in anything, and looser than all of them in nothing.
    #[must_use]
    pub fn protects(self) -> bool {
        Preset::ALL.into_iter().any(|preset| self.is_at_least(preset.profile()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_protects_and_open_data_do_not() {
        for preset in Preset::ALL {
            assert!(preset.profile().protects(), "{}", preset.as_str());
            assert!(!Profile::OPEN.is_at_least(preset.profile()));
        }
        assert!(!Profile::OPEN.protects());
        let without_noise =
            Profile { noise: Noise::None, infusion_percent: 0, ..Profile::STANDARD };
        assert!(!without_noise.protects(), "rounding and threshold alone are no preset");
    }

    #[test]
    fn counts_alone_may_go_without_noise() {
        let midpoint = Preset::Midpoint6.profile();
        assert!(!Profile { noise: Noise::None, ..midpoint }.protects());
        assert!(!Profile { infusion_percent: 0, ..midpoint }.protects());
        assert!(Profile { noise: Noise::Cell, ..midpoint }.is_at_least(midpoint));
    }

    #[test]
    fn strict_is_stricter_than_standard() {
        assert!(Preset::Strict.profile().is_at_least(Profile::STANDARD));
        assert!(!Profile::STANDARD.is_at_least(Preset::Strict.profile()));
    }
}
