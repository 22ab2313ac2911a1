//! A total brought from one count to another, so that it doesn't tell from which.
//!
//! Who have a value are `d`, and what is shown of them is `c`, since nearly the same people were counted before. The mean is
//! the total by `d`, and `d` isn't to be known: by `c - d` people have no value. But a total is whole, and a mean of whole
//! numbers has a denominator: 37.459459... is a number of 37ths. So what is shown is the mean of `c` values that come to
//! a whole number, too:
//!
//! ```text
//! i          the total's place among the numbers it could be      V    even from 0 to 1, drawn from the sketch
//! j          (i + V) * c / d, rounded down                        shown: the number in place j, by c
//! ```
//!
//! `i + V` is as even as totals are, whatever `d` is; so is `j`, and no number shown is likelier of one `d` than of
//! another. Where `c` is `d`, `j` is `i`: what needn't be changed isn't.
//!
//! The numbers it could be are multiples of the rounding base; where nothing is added to totals, of as many
//! zeros at the end as the total has, as far as one place isn't more than what one person has on the average:
//! incomes may all be whole thousands, and so must be what is shown.

/// Places that a total could be in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    step: i128,
    /// Last digits that the numbers of steps may have.
    digits: &'static [i128],
}

const ANY: &[i128] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const COPRIME: &[i128] = &[1, 3, 7, 9];
const EVEN: &[i128] = &[2, 4, 6, 8];
const FIVE: &[i128] = &[5];

/// Parts of a place that are drawn.
const FINE_BITS: u32 = 32;

impl Lattice {
    /// All multiples of a step.
    pub(super) const fn of_steps(step: i128) -> Self {
        Self { step, digits: ANY }
    }

    /// The multiples of a step that are as round as this one, and no further apart than `apart` on the average.
    pub(super) fn as_round_as(number: i128, step: i128, apart: i128) -> Self {
        let mut found = Self::of_steps(step);
        let Some(mut steps) = number.checked_div(step).filter(|steps| *steps != 0) else {
            return found;
        };
        while steps.checked_rem(10) == Some(0) {
            let Some(tenfold) = found.step.checked_mul(10).filter(|tenfold| *tenfold <= apart)
            else {
                return found;
            };
            found.step = tenfold;
            steps = steps.checked_div(10).unwrap_or(1);
        }
        let digits = match steps.rem_euclid(10) {
            5 => FIVE,
            2 | 4 | 6 | 8 => EVEN,
            _ => COPRIME,
        };
        let closer = Self { step: found.step, digits };
        if closer.apart() <= apart as f64 { closer } else { found }
    }

    /// How far apart two of its numbers are on the average.
    pub(super) fn apart(self) -> f64 {
        self.step as f64 * 10.0 / self.digits.len() as f64
    }

    /// The place of one of its numbers.
    fn place(self, number: i128) -> Option<i128> {
        let steps = number.checked_div_euclid(self.step)?;
        let (tens, digit) = (steps.checked_div_euclid(10)?, steps.checked_rem_euclid(10)?);
        let at = self.digits.iter().position(|d| *d == digit)?;
        tens.checked_mul(self.each()?)?.checked_add(i128::try_from(at).ok()?)
    }

    /// The number in a place.
    fn number(self, place: i128) -> Option<i128> {
        let (tens, at) =
            (place.checked_div_euclid(self.each()?)?, place.checked_rem_euclid(self.each()?)?);
        let digit = self.digits.get(usize::try_from(at).ok()?)?;
        tens.checked_mul(10)?.checked_add(*digit)?.checked_mul(self.step)
    }

    fn each(self) -> Option<i128> {
        i128::try_from(self.digits.len()).ok()
    }

    /// A total of `from` as one of `to`; `drawn` is secret, and even.
    pub(super) fn bring(self, total: i128, from: i128, to: i128, drawn: u64) -> Option<i128> {
        let fine = self.fine(total, drawn)?.checked_mul(to)?;
        let place = fine.checked_div_euclid(from.checked_mul(1 << FINE_BITS)?)?;
        self.number(place)
    }

    /// One of its numbers that is stretched by a quotient and moved; as it is, by one and nothing.
    pub(super) fn stretch(
        self,
        number: i128,
        [by, of]: [i128; 2],
        moved: f64,
        drawn: u64,
    ) -> Option<i128> {
        let moved = moved / self.apart();
        // Beyond, the next whole number is hardly another floating point number, and nobody sees places.
        if (1_u64 << 50) as f64 <= moved.abs() {
            return None;
        }
        let unit = of.checked_mul(1 << FINE_BITS)?;
        let fine = self.fine(number, drawn)?.checked_mul(by)?;
        let (whole, rest) = (fine.checked_div_euclid(unit)?, fine.checked_rem_euclid(unit)?);
        let rest = (rest as f64 / unit as f64 + moved - moved.floor()).floor();
        let moved = (moved.floor() as i128).checked_add(rest as i128)?;
        self.number(whole.checked_add(moved)?)
    }

    /// The place of one of its numbers and what is drawn, in parts of a place.
    fn fine(self, number: i128, drawn: u64) -> Option<i128> {
        let drawn = i128::from(drawn >> (u64::BITS.saturating_sub(FINE_BITS)));
        self.place(number)?.checked_mul(1 << FINE_BITS)?.checked_add(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::mix;

    #[test]
    fn brought_to_its_own_count_a_total_stays_as_it_is() {
        for total in [-1_386, -5, 0, 1, 12, 1_385, 1_386, 1_500, 70_000, i128::from(i64::MAX)] {
            for lattice in [Lattice::of_steps(1), Lattice::as_round_as(total, 1, 2_000)] {
                for drawn in [0, 1, u64::MAX / 2, u64::MAX] {
                    assert_eq!(lattice.bring(total, 37, 37, drawn), Some(total), "{lattice:?}");
                }
            }
        }
        let lattice = Lattice::of_steps(500);
        assert_eq!(lattice.bring(18_500, 35, 35, u64::MAX), Some(18_500));
        assert_eq!(lattice.stretch(18_500, [34, 34], 0.0, u64::MAX), Some(18_500));
    }

    #[test]
    fn what_is_shown_is_as_even_whatever_the_count_was() {
        // Of totals that are even over 2000 numbers, how often each last digit of what is shown comes up.
        for from in 35..40_i128 {
            let mut digits = [0_u32; 10];
            for i in 0..200_000_u64 {
                let total = 1_000 + i128::from(i % 2_000);
                let shown = Lattice::of_steps(1).bring(total, from, 40, mix(i)).unwrap();
                digits[usize::try_from(shown % 10).unwrap()] += 1;
                let by = shown as f64 * from as f64 / 40.0;
                assert!((by - total as f64).abs() <= 1.1, "{total} {shown}");
            }
            // A standard deviation of 134.
            assert!(digits.iter().all(|n| (19_400..20_600).contains(n)), "{from}: {digits:?}");
        }
    }

    #[test]
    fn squares_are_stretched_and_moved_to_the_next_place() {
        for i in 0..2_000_u64 {
            let (number, moved) = (i128::from(mix(i) % 90_000), (mix(!i) % 7_000) as f64 / 3.0);
            let shown = Lattice::of_steps(1).stretch(number, [39, 36], moved, mix(i ^ 77)).unwrap();
            let wanted = number as f64 * 39.0 / 36.0 + moved;
            assert!((shown as f64 - wanted).abs() <= 1.1, "{number} {moved} {shown}");
        }
        assert_eq!(Lattice::of_steps(1).stretch(1, [39, 36], 1e18, 0), None);
    }

    #[test]
    fn what_is_shown_is_as_round_as_the_total() {
        let zeros = |mut number: i128| {
            let mut zeros = 0;
            while number % 10 == 0 {
                (number, zeros) = (number / 10, zeros + 1);
            }
            (zeros, number % 2 == 0, number % 5 == 0)
        };
        for i in 0..4_000_u64 {
            let total = 1_000 * i128::from(1_100 + mix(i) % 300);
            let lattice = Lattice::as_round_as(total, 1, 37_000);
            let shown = lattice.bring(total, 37, 40, mix(!i)).unwrap();
            assert_eq!(shown % 1_000, 0, "{total} {shown}");
            if lattice.digits != ANY {
                assert_eq!(zeros(total), zeros(shown), "{total} {shown}");
            }
        }
        // One place isn't more than what one person has.
        assert_eq!(Lattice::as_round_as(100_000, 1, 37).apart(), 10.0);
        assert_eq!(Lattice::as_round_as(12, 1, 1).apart(), 1.0);
    }
}
