//! Noise for totals.
//!
//! ```text
//! noise    = x · share(x) · draw             x: the largest contribution to the cell
//! share(x) = large + (small - large) · flex / max(x, flex)
//! ```
//!
//! The noise is scaled to the largest contribution, because that is what a total gives away: where
//! one business dominates, the total is nearly its value. The share falls from `small`, up to the
//! flex point, towards `large`, so that noise on a large business stays useful. Multiplied out,
//! `x · share(x) = large · x + (small - large) · min(x, flex)`: never falling in `x`, and free of
//! divisions but the last. The idea is that of the flex function in sdcTools' `cellKey`; its curve
//! is another one.
//!
//! The draw, from -1 to 1, stays away from 0, as noise near zero protects nobody. Evans, Zayatz and
//! Slanta (1998) do so with multipliers near 1.1 or 0.9 and never near 1; here the size of the draw
//! lies between 0.3 and 1 with a density that falls in a straight line to 0 at 1, mirrored for the
//! other sign ("split triangular").
//!
//! What is tied to the people is picked from a published list by their cell key, of 12 bits. Such noise
//! alone would leave a total that can be decoded: somebody who knows everybody but one computes every
//! total there can be, for each of 4096 keys and with or without the victim, and what is shown is one
//! of them in one of both worlds only. So what is tied to the question is drawn finely, from 64 secret
//! bits: every total near the true one can be shown, in either world.
//!
//! All in integers: a total must be the same on every machine.

use std::fmt;

use super::key_space::KeySpace;
use super::keyed_permutation::KeyedPermutation;

/// How much noise totals get, relative to their largest contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MagnitudeNoise {
    small_per_mille: u32,
    large_per_mille: u32,
    flex_point: u128,
}

/// A draw of one. Draws are finer than the last place of a total whose largest contribution is below 10^12.
pub const ONE: i64 = 1_000_000_000_000;

/// Per mille of a share, times parts of a draw.
const SCALE: u128 = 1_000 * ONE.unsigned_abs() as u128;

impl MagnitudeNoise {
    /// Noise of at most `small_per_mille` of the largest contribution if that is no more than
    /// `flex_point`, falling towards `large_per_mille` above. The flex point is in units of the
    /// measure's last decimal place, as contributions are.
    ///
    /// # Errors
    ///
    /// Unless `large_per_mille <= small_per_mille <= 1000`.
    pub const fn new(
        small_per_mille: u32,
        large_per_mille: u32,
        flex_point: u128,
    ) -> Result<MagnitudeNoise, MagnitudeError> {
        if small_per_mille < large_per_mille || 1000 < small_per_mille {
            return Err(MagnitudeError { small_per_mille, large_per_mille });
        }
        Ok(MagnitudeNoise { small_per_mille, large_per_mille, flex_point })
    }

    /// 20 % for small contributions, falling to 3 %.
    pub const fn standard(flex_point: u128) -> MagnitudeNoise {
        MagnitudeNoise { small_per_mille: 200, large_per_mille: 30, flex_point }
    }

    /// The noise to add to a total whose largest contribution has the absolute value
    /// `largest_contribution`, both in units of the measure's last decimal place, rounded half away
    /// from zero. `draw` is from [`Draws`] or [`fine`], in parts of [`ONE`]; beyond ±1 it counts as ±1.
    ///
    /// Exact up to 2^127 for any share; where the noise itself would pass `i128::MAX` (a larger
    /// contribution, and a share of nearly all of it) it stays there.
    pub fn noise(&self, largest_contribution: u128, draw: i64) -> i128 {
        let is_negative = draw < 0;
        let draw = u128::from(draw.unsigned_abs().min(ONE.unsigned_abs()));
        let small_part = largest_contribution.min(self.flex_point);
        let large = u128::from(self.large_per_mille) * draw;
        let extra = u128::from(self.small_per_mille.abs_diff(self.large_per_mille)) * draw;

        // Whole scales and remainders apart: x · 10^15 would overflow, x / 10^15 · 10^15 can't.
        let whole = (largest_contribution / SCALE)
            .saturating_mul(large)
            .saturating_add((small_part / SCALE).saturating_mul(extra));
        let rest = (largest_contribution % SCALE) * large + (small_part % SCALE) * extra;
        let size = whole.saturating_add((rest + SCALE / 2) / SCALE);

        let size = i128::try_from(size).unwrap_or(i128::MAX);
        if is_negative { -size } else { size }
    }

    /// The largest absolute noise for a largest contribution, for the published metadata.
    pub fn largest(&self, largest_contribution: u128) -> i128 {
        self.noise(largest_contribution, ONE)
    }
}

/// The split triangular draw of a word, in parts of [`ONE`]: 0.3 to 1, or the same negative. Words that nobody can tell from
/// random ones give draws that nobody can list.
///
/// The highest bit is the sign. The others, as a quantile, give the size `1 - 0.7 · √(1 - quantile)`, to one part in
/// 10^12.
pub fn fine(word: u64) -> i64 {
    // Of 2^43: with the width's square it fits 128 bits.
    const QUANTILES: u128 = 1 << 43;
    let above = QUANTILES - u128::from((word & (u64::MAX >> 1)) >> 20);
    let width = u128::from(ONE.unsigned_abs()) * 7 / 10;
    let below_one = i64::try_from((width * width * above / QUANTILES).isqrt()).unwrap_or(0);
    let size = ONE - below_one;
    if word >> 63 == 0 { size } else { -size }
}

/// A share of `amount` between a half and minus a half, rounded towards zero: as finely drawn as the word has bits.
pub fn share_of(amount: u128, word: u64) -> i128 {
    let part = word.cast_signed();
    let size = u128::from(part.unsigned_abs());
    let whole = (amount >> 64).saturating_mul(size);
    let rest = (amount & u128::from(u64::MAX)).saturating_mul(size) >> 64;
    let share = i128::try_from(whole.saturating_add(rest)).unwrap_or(i128::MAX);
    if part < 0 { -share } else { share }
}

/// Draws for noise on totals, by key.
#[derive(Debug, Clone)]
pub struct Draws {
    key_space: KeySpace,
    permutation: KeyedPermutation,
    sorted: Vec<i32>,
}

impl Draws {
    /// The smallest absolute draw, per mille.
    pub const SMALLEST_PER_MILLE: i32 = 300;

    /// The largest absolute draw, per mille.
    pub const LARGEST_PER_MILLE: i32 = 1000;

    /// Split triangular draws: of `M` keys, half positive, and the same numbers negative, so the
    /// mean is exactly 0. The seed decides which key gets which draw.
    ///
    /// The size with rank `i` of `M/2` is the quantile at `(i + 1/2) / (M/2)`:
    /// `1000 - 700 · √(1 - quantile)`, rounded up.
    pub fn split_triangular(key_space: KeySpace, seed: u64) -> Draws {
        let half = key_space.keys() / 2;
        let width = (Self::LARGEST_PER_MILLE - Self::SMALLEST_PER_MILLE).unsigned_abs();
        let sizes: Vec<i32> = (0..half)
            .map(|i| {
                let above = u64::from(2 * (half - i) - 1);
                let squared = u64::from(width).pow(2) * above / u64::from(key_space.keys());
                Self::LARGEST_PER_MILLE - i32::try_from(squared.isqrt()).unwrap_or(0)
            })
            .collect();
        let negative = sizes.iter().rev().map(|size| -size);
        Draws {
            key_space,
            permutation: KeyedPermutation::new(key_space, seed, 0),
            sorted: negative.chain(sizes.iter().copied()).collect(),
        }
    }

    /// The number of keys.
    pub fn keys(&self) -> u32 {
        self.key_space.keys()
    }

    /// The draw for `key` in parts of [`ONE`].
    pub fn draw(&self, key: u32) -> i64 {
        i64::from(self.per_mille(key)) * (ONE / 1_000)
    }

    /// The draw for `key`, taken modulo the number of keys: 300 to 1000 per mille, or the same
    /// negative.
    pub fn per_mille(&self, key: u32) -> i32 {
        let place = usize::try_from(self.permutation.place(key)).unwrap_or(0);
        self.sorted.get(place).copied().unwrap_or(Self::LARGEST_PER_MILLE)
    }

    /// The root mean square draw, per mille, rounded up, for the published metadata.
    pub fn standard_error_per_mille(&self) -> u64 {
        let squares: u64 = self.sorted.iter().map(|d| u64::from(d.unsigned_abs()).pow(2)).sum();
        squares.div_ceil(u64::from(self.keys())).saturating_sub(1).isqrt() + 1
    }
}

/// The shares of [`MagnitudeNoise`] don't fall, or are more than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MagnitudeError {
    /// The share for small contributions.
    pub small_per_mille: u32,
    /// The share for large contributions.
    pub large_per_mille: u32,
}

impl fmt::Display for MagnitudeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "noise shares `{}` for small and `{}` for large contributions do not fall from at most \
             1000 per mille",
            self.small_per_mille, self.large_per_mille
        )
    }
}

impl std::error::Error for MagnitudeError {}

#[cfg(test)]
mod tests {
    use super::{Draws, KeySpace, MagnitudeNoise, ONE, fine, share_of};

    /// A draw of so many per mille.
    const fn per_mille(draw: i64) -> i64 {
        draw * (ONE / 1_000)
    }

    const NOISE: MagnitudeNoise = MagnitudeNoise::standard(100_000);

    /// Contributions on a scale from nothing to 2^120, with their neighbours.
    fn contributions() -> impl Iterator<Item = u128> {
        (0..=120).flat_map(|bits| {
            let power = 1u128 << bits;
            [power - 1, power, power + 1, power + power / 3]
        })
    }

    #[test]
    fn the_share_falls_from_20_to_3_per_cent() {
        for (x, expected) in [
            (0, 0),
            (1_000, 200),
            (100_000, 20_000),
            (200_000, 23_000),
            (1_000_000, 47_000),
            (100_000_000, 3_017_000),
        ] {
            assert_eq!(NOISE.noise(x, ONE), expected, "contribution {x}");
        }
        assert_eq!(NOISE.noise(100_000, per_mille(300)), 6_000);
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let noise = MagnitudeNoise::new(500, 500, 0).unwrap();
        assert_eq!((noise.noise(1, ONE), noise.noise(1, -ONE)), (1, -1));
        assert_eq!((noise.noise(1, per_mille(998)), noise.noise(1, -per_mille(998))), (0, 0));
        assert_eq!((noise.noise(3, ONE), noise.noise(5, -ONE)), (2, -3));
    }

    #[test]
    fn noise_is_symmetric_in_the_draw_and_grows_with_it() {
        for x in contributions() {
            let mut before = 0;
            for draw in (0..=1000).step_by(125).map(per_mille) {
                let noise = NOISE.noise(x, draw);
                assert_eq!(NOISE.noise(x, -draw), -noise);
                assert!(before <= noise, "contribution {x}, draw {draw}");
                before = noise;
            }
        }
    }

    #[test]
    fn noise_never_falls_with_the_contribution_and_its_share_never_grows() {
        let mut all: Vec<u128> = contributions().collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (na, nb) = (NOISE.noise(a, ONE) as u128, NOISE.noise(b, ONE) as u128);
            assert!(na <= nb, "{a}, {b}");
            // Shares in parts of 2^120, allowing for the rounding of both.
            if a > 100_000 && b < 1 << 60 {
                assert!(nb * a <= na * b + a + b, "{a}, {b}");
            }
        }
    }

    #[test]
    fn agrees_with_the_plain_formula_where_that_fits() {
        for x in contributions().filter(|x| *x < 1 << 90) {
            for draw in [300, 533, 999, 1000] {
                let amount = 30 * x + 170 * x.min(100_000);
                let expected = (amount * draw + 500_000) / 1_000_000;
                assert_eq!(NOISE.noise(x, per_mille(draw as i64)) as u128, expected, "{x}, {draw}");
            }
        }
    }

    #[test]
    fn nothing_overflows_up_to_the_largest_number() {
        for (small, large, flex) in
            [(200, 30, 1 << 119), (1000, 1000, u128::MAX), (1000, 0, u128::MAX), (0, 0, 0)]
        {
            let noise = MagnitudeNoise::new(small, large, flex).unwrap();
            for x in contributions().chain([u128::MAX / 2, u128::MAX - 1, u128::MAX]) {
                for draw in [i64::MIN, -ONE, 0, ONE, i64::MAX] {
                    let size = noise.noise(x, draw).unsigned_abs();
                    assert!(size <= x, "{x}, {draw}");
                }
            }
        }
        let all = MagnitudeNoise::new(1000, 1000, 0).unwrap();
        assert_eq!(all.noise(1 << 120, ONE), 1 << 120);
        assert_eq!(all.noise(u128::MAX, ONE), i128::MAX);
        assert_eq!(all.noise(u128::MAX, -ONE), -i128::MAX);
    }

    #[test]
    fn refuses_shares_that_grow_or_are_more_than_the_whole() {
        assert!(MagnitudeNoise::new(30, 200, 1).is_err());
        assert!(MagnitudeNoise::new(1001, 30, 1).is_err());
        assert_eq!(MagnitudeNoise::new(200, 30, 9), Ok(MagnitudeNoise::standard(9)));
    }

    #[test]
    fn draws_are_symmetric_and_stay_away_from_zero() {
        let draws = Draws::split_triangular(KeySpace::STANDARD, 1);
        let mut all: Vec<i32> = (0..4096).map(|key| draws.per_mille(key)).collect();
        all.sort_unstable();
        assert_eq!(all.iter().sum::<i32>(), 0);
        assert!(all.iter().zip(all.iter().rev()).all(|(a, b)| *a == -b));
        assert!(all.iter().all(|d| 300 <= d.abs() && d.abs() <= 1000));
        // The mean of a density that falls from 300 to 1000 is a third of the way: 533.
        let mean = all.iter().map(|d| d.abs()).sum::<i32>() / 4096;
        assert!((532..=535).contains(&mean), "{mean}");
    }

    #[test]
    fn smaller_draws_are_more_frequent() {
        let draws = Draws::split_triangular(KeySpace::STANDARD, 1);
        let within = |low: i32| {
            (0..4096).filter(|k| (low..low + 100).contains(&draws.per_mille(*k).abs())).count()
        };
        let classes: Vec<usize> = (3..10).map(|c| within(c * 100)).collect();
        assert!(classes.windows(2).all(|w| w[0] > w[1]), "{classes:?}");
    }

    #[test]
    fn draws_are_pinned_and_follow_the_seed() {
        let first = |seed| {
            let draws = Draws::split_triangular(KeySpace::STANDARD, seed);
            (0..6).map(|key| draws.per_mille(key)).collect::<Vec<_>>()
        };
        assert_eq!(first(1), [394, 809, 430, 427, -672, -491]);
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn fine_draws_have_the_distribution_of_those_by_key() {
        let words = (0..100_000_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let all: Vec<i64> = words.map(fine).collect();
        assert!(all.iter().all(|d| per_mille(300) <= d.abs() && d.abs() <= ONE));
        let mean = all.iter().map(|d| i128::from(d.abs())).sum::<i128>() / 100_000;
        assert!((532..=535).contains(&(mean / 1_000_000_000)), "{mean}");
        let signed = all.iter().map(|d| i128::from(*d)).sum::<i128>() / 100_000;
        assert!(signed.abs() < 2_000_000_000, "{signed}");
        let different: std::collections::BTreeSet<&i64> = all.iter().collect();
        assert!(different.len() > 99_000, "{}", different.len());
        assert_eq!((fine(0), fine(1 << 63)), (per_mille(300), -per_mille(300)));
        assert!(ONE - fine(u64::MAX >> 1) < 1_000_000);
    }

    #[test]
    fn a_share_is_at_most_a_half_either_way() {
        assert_eq!(share_of(1_000, u64::MAX >> 1), 499);
        assert_eq!(share_of(1_000, 1 << 63), -500);
        assert_eq!(share_of(1_000, 1 << 62), 250);
        assert_eq!((share_of(0, 7), share_of(1_000, 0)), (0, 0));
        assert_eq!(share_of(u128::MAX, 1 << 63), -i128::MAX);
        assert_eq!(share_of(1 << 100, 1 << 62), 1 << 98);
    }
}
