//! A profile in words, for those who read its tables: the method and its numbers are public (Kerckhoffs).

use std::fmt::Write as _;

use super::{
    Complementary, DifferenceGuard, Dominance, Noise, Profile, Rounding, ThresholdOn, Zeros,
};

impl Profile {
    /// One sentence without a full stop; `units` names what is counted, such as `persons`.
    #[must_use]
    pub fn describe(self, units: &str) -> String {
        if self.threshold_units == 0 {
            return "nothing is suppressed, added or rounded".to_owned();
        }
        let threshold = self.threshold_units;
        let mut text = match self.threshold_on {
            ThresholdOn::Units if self.threshold_blur == 0 => {
                format!("at least {threshold} {units}")
            }
            ThresholdOn::Units => {
                let highest = threshold.saturating_add(self.threshold_blur);
                format!("at least {threshold} to {highest} {units}")
            }
            ThresholdOn::Perturbed => format!("at least {threshold} {units} after noise"),
        };
        match self.zeros {
            Zeros::Shown => text.push_str(" or none"),
            Zeros::Small => {}
        }
        if self.threshold_blur < self.threshold_blur_chosen {
            let highest = threshold.saturating_add(self.threshold_blur_chosen);
            let of = match self.threshold_on {
                ThresholdOn::Units => "of chosen sets",
                ThresholdOn::Perturbed => "for totals of chosen sets",
            };
            let _ = write!(text, ", {threshold} to {highest} {of}");
        }
        if 0 < self.others_min {
            let (least, blur) = (self.others_min, self.threshold_blur);
            let most = least.saturating_add(blur);
            let range = if blur == 0 { least.to_string() } else { format!("{least} to {most}") };
            let _ = write!(text, ", {range} of them without any one department");
        }
        let Dominance { one_percent, two_percent, .. } = self.dominance;
        if one_percent < 100 {
            let _ = write!(text, "; no one holds more than {one_percent} % of a total");
        }
        if two_percent < 100 {
            let _ = write!(text, "; no two hold {two_percent} % of a total");
        }
        match self.noise {
            Noise::None => {}
            Noise::Totals => text.push_str("; noise on totals, by cell key and question"),
            Noise::Cell => text.push_str("; noise by cell key, of totals by question too"),
            Noise::CellAndQuestion => text.push_str("; noise by cell key and question"),
        }
        if 0 < self.infusion_percent {
            let (least, most) = (self.infusion_percent, self.infusion_percent.saturating_mul(2));
            let _ = write!(text, "; each amount {least} to {most} % off");
        }
        match self.rounding {
            _ if self.rounding_base <= 1 => {}
            Rounding::Nearest => {
                let _ = write!(text, "; rounded to {}", self.rounding_base);
            }
            Rounding::Midpoint => {
                let _ = write!(text, "; rounded to midpoints of {}", self.rounding_base);
            }
        }
        match self.complementary {
            Complementary::Off => {}
            Complementary::On => text.push_str("; complementary suppression"),
        }
        match self.guard {
            DifferenceGuard::Off => {}
            DifferenceGuard::On => text.push_str("; difference guard"),
        }
        text
    }

    /// What a table says of itself in its schema: names and values. The standard error of a count is
    /// that of the datasets asked, whose owners may have tables of perturbations of their own:
    /// [`crate::Dataset::count_standard_error_thousandths`].
    #[must_use]
    pub fn metadata(self, count_standard_error_thousandths: u64) -> Vec<(String, String)> {
        let Dominance { p_percent, one_percent, two_percent } = self.dominance;
        let error = count_standard_error_thousandths;
        let whole = error.checked_div(1_000).unwrap_or(0);
        let part = error.checked_rem(1_000).unwrap_or(0).checked_div(10).unwrap_or(0);
        let entries = [
            ("method", self.describe("units")),
            ("threshold_units", self.threshold_units.to_string()),
            ("threshold_blur", self.threshold_blur.to_string()),
            ("threshold_blur_chosen", self.threshold_blur_chosen.to_string()),
            ("others_min", self.others_min.to_string()),
            ("infusion_percent", self.infusion_percent.to_string()),
            ("rounding_base", self.rounding_base.to_string()),
            ("p_percent", p_percent.to_string()),
            ("one_percent", one_percent.to_string()),
            ("two_percent", two_percent.to_string()),
            ("degrees_of_freedom", self.degrees_of_freedom.to_string()),
            ("count_standard_error", format!("{whole}.{part:02}")),
        ];
        entries.into_iter().map(|(name, value)| (format!("insitu.{name}"), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Preset;
    use super::*;

    #[test]
    fn says_what_a_reader_has_to_know() {
        for (profile, expect) in [
            (
                Profile::STANDARD,
                "at least 10 to 13 persons, 10 to 25 of chosen sets; no two hold 90 % of a total; noise by cell key and \
                 question; each amount 10 to 20 % off; rounded to 5; difference guard",
            ),
            (
                Preset::Strict.profile(),
                "at least 20 to 23 persons, 20 to 35 of chosen sets, 10 to 13 of them without any one department; no one holds more than 50 % of \
                 a total; no two hold 67 % of a total; noise by cell key and question; each amount 10 to 20 % off; rounded to 5; difference guard",
            ),
            (
                Preset::OnsCkm.profile(),
                "at least 10 persons after noise, 10 to 25 for totals of chosen sets; noise by cell key, of totals by \
                 question too; each amount 10 to 20 % off",
            ),
            (
                Preset::Midpoint6.profile(),
                "at least 7 persons or none, 7 to 22 of chosen sets; no two hold 90 % of a total; noise on totals, by cell key and question; each amount \
                 10 to 20 % off; rounded to midpoints of 6; difference guard",
            ),
            (Profile::OPEN, "nothing is suppressed, added or rounded"),
        ] {
            assert_eq!(profile.describe("persons"), expect);
        }
    }
}
