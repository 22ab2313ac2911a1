//! The numbers of the rules on cells.

use insitu_disclosure::Profile;
use insitu_disclosure::policy::{
    Complementary, DifferenceGuard, Dominance, Noise, Predicates, Rounding, ThresholdOn, Zeros,
};

use crate::{Malformed, v1};

/// Choices of a number on the wire, the first as 1.
fn number<T: PartialEq>(choices: &[T], choice: &T) -> u32 {
    let place = choices.iter().position(|c| c == choice);
    place.and_then(|p| u32::try_from(p.saturating_add(1)).ok()).unwrap_or(0)
}

fn choice<T: Copy>(choices: &[T], number: u32) -> Result<T, Malformed> {
    let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    place.and_then(|p| choices.get(p)).copied().ok_or(Malformed::Field("profile"))
}

const THRESHOLD_ON: [ThresholdOn; 2] = [ThresholdOn::Perturbed, ThresholdOn::Units];
const ZEROS: [Zeros; 2] = [Zeros::Shown, Zeros::Small];
const NOISE: [Noise; 4] = [Noise::None, Noise::Cell, Noise::CellAndQuestion, Noise::Totals];
const ROUNDING: [Rounding; 2] = [Rounding::Nearest, Rounding::Midpoint];
const COMPLEMENTARY: [Complementary; 2] = [Complementary::Off, Complementary::On];
const GUARD: [DifferenceGuard; 2] = [DifferenceGuard::Off, DifferenceGuard::On];
const PREDICATES: [Predicates; 4] =
    [Predicates::Free, Predicates::Standard, Predicates::Strict, Predicates::WholeTables];

/// A profile as a message.
#[must_use]
pub fn encode(profile: Profile) -> v1::Profile {
    v1::Profile {
        threshold_units: profile.threshold_units,
        threshold_blur: profile.threshold_blur,
        threshold_blur_chosen: profile.threshold_blur_chosen,
        threshold_on: number(&THRESHOLD_ON, &profile.threshold_on),
        zeros: number(&ZEROS, &profile.zeros),
        noise: number(&NOISE, &profile.noise),
        infusion_percent: profile.infusion_percent,
        rounding_base: profile.rounding_base,
        rounding: number(&ROUNDING, &profile.rounding),
        p_percent: profile.dominance.p_percent,
        one_percent: profile.dominance.one_percent,
        two_percent: profile.dominance.two_percent,
        complementary: number(&COMPLEMENTARY, &profile.complementary),
        guard: number(&GUARD, &profile.guard),
        predicates: number(&PREDICATES, &profile.predicates),
        degrees_of_freedom: profile.degrees_of_freedom,
        others_min: profile.others_min,
    }
}

/// A profile from a message.
///
/// # Errors
/// A choice that isn't known, shares beyond the whole, or numbers that protect less than any preset: a department may
/// be stricter, and never looser, not even by its own word.
pub fn decode(message: &v1::Profile) -> Result<Profile, Malformed> {
    let profile = Profile {
        threshold_units: message.threshold_units,
        threshold_blur: message.threshold_blur,
        threshold_blur_chosen: message.threshold_blur_chosen,
        threshold_on: choice(&THRESHOLD_ON, message.threshold_on)?,
        zeros: choice(&ZEROS, message.zeros)?,
        noise: choice(&NOISE, message.noise)?,
        infusion_percent: message.infusion_percent,
        rounding_base: message.rounding_base,
        rounding: choice(&ROUNDING, message.rounding)?,
        dominance: Dominance {
            p_percent: message.p_percent,
            one_percent: message.one_percent,
            two_percent: message.two_percent,
        },
        complementary: choice(&COMPLEMENTARY, message.complementary)?,
        guard: choice(&GUARD, message.guard)?,
        predicates: choice(&PREDICATES, message.predicates)?,
        degrees_of_freedom: message.degrees_of_freedom,
        others_min: message.others_min,
    };
    if profile.protects() { Ok(profile) } else { Err(Malformed::Field("profile")) }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::Preset;

    use super::*;

    #[test]
    fn every_preset_comes_through() {
        for preset in Preset::ALL {
            let profile = preset.profile();
            assert_eq!(decode(&encode(profile)), Ok(profile), "{}", preset.as_str());
        }
    }

    #[test]
    fn a_looser_profile_is_rejected() {
        let looser = Profile { threshold_units: 6, ..Profile::STANDARD };
        assert_eq!(decode(&encode(looser)), Err(Malformed::Field("profile")));
        let unknown = v1::Profile { noise: 5, ..encode(Profile::STANDARD) };
        assert_eq!(decode(&unknown), Err(Malformed::Field("profile")));
    }
}
