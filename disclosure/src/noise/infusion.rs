//! Noise infusion: each unit's amount is off by a factor of its own before anything is added up.
//!
//! ```text
//! x'(u)  = x(u) + (x(u) - n(u) o) e(u)      n: the unit's rows, o: the declared bound nearest to zero, or zero
//! |e(u)| = p (1 + min(a, b))                a, b even in 0 .. 1; as often negative: from p to 2p, smaller ones more often
//! squares are multiplied by (1 + e)^2 / (1 + s^2), products by (1 + e)(1 + f); s^2 = 11/6 p^2 is the mean of e^2
//! ```
//!
//! The factor is drawn from the unit's secret word and the measure's column, and from nothing else: not from the cell, the
//! question, the state of the data or the measure's name in a query. So whatever is done with any number of answers, totals of
//! other partitions, differences, averages over wordings: what they tell of an amount in the end is `x'`, and that is at least
//! `p` off. Factors are 1 in the mean, so totals of many are what they were.
//!
//! One amount must not be infused in two ways with one factor: two equations would tell both. So
//!
//! * `o` is a bound only where a unit has one row, and no total of its rows can be asked for. Elsewhere a total of rows and
//!   a roll-up's total of the same rows, which has bounds of its own, would have two. There `o` is zero, within moments, too:
//!   see [`crate::rules::measures::origin`].
//! * An amount at a bound isn't infused. It may have been clamped to it, which somebody may know; with what it became the factor
//!   would be known, and then what other bounds leave of the same unit.
//!
//! Whole numbers stay whole: what is left over is rounded up or down by the unit's own draw, up as often as it is large.
//!
//! *Source*: Evans, Zayatz and Slanta, "Using noise for disclosure limitation of establishment tabular data", Journal of
//! Official Statistics 14 (1998); used for the Quarterly Workforce Indicators and County Business Patterns of the United
//! States' Census Bureau, there called noise infusion.

use crate::dataset::{Bounds, Dataset};
use crate::keyed::{digest, mix};
use crate::tabulation::{Part, PartKind, RollUp, Scalar};

/// Bits behind the point of a factor.
const BITS: u32 = 31;
const ONE: i64 = 1 << BITS;
const BELOW_ONE: u64 = ONE.cast_unsigned() - 1;

/// How the contributions to a part are infused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Infusion {
    /// Not at all: counts, open data, and profiles that add no noise.
    None,
    /// Amounts.
    Amounts {
        /// The measure's.
        factor: Factor,
        /// What a row has in any case, as everybody knows.
        origin: i128,
        /// What a row has at a bound.
        ends: Ends,
    },
    /// Squares of amounts.
    Squares {
        /// The measure's.
        factor: Factor,
        /// What its square is divided by, as a multiplier in parts of 2^32: 1 / (1 + s^2).
        in_mean: u64,
        /// What a row has at a bound.
        ends: Ends,
    },
    /// Products of two measures' amounts.
    Products(Factor, Factor),
}

/// What a row adds whose amount is at its lower, or its upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ends(Option<[i128; 2]>);

impl Ends {
    /// Of amounts within these bounds, from an origin.
    #[must_use]
    pub fn of(bounds: Option<Bounds>, origin: i128) -> Self {
        let from = |end: i128| end.saturating_sub(origin);
        Self(bounds.map(|bounds| [from(bounds.low), from(bounds.high)]))
    }

    fn squares(self) -> Self {
        Self(self.0.map(|ends| ends.map(|end| end.saturating_mul(end))))
    }

    /// Whether each of so many rows is at the same end.
    #[inline]
    fn are_met(self, rows: i64, amount: i128) -> bool {
        let Some(ends) = self.0 else { return false };
        // Nearly always one.
        if rows == 1 {
            return ends.contains(&amount);
        }
        let rows = i128::from(rows);
        ends.iter().any(|end| end.checked_mul(rows) == Some(amount))
    }
}

/// Which factor a unit has in a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Factor {
    /// Tells measures apart; public.
    measure: u64,
    /// The least that it is off, in parts of 2^32.
    least: u64,
}

impl Factor {
    /// Of a measure by its columns, off by at least so many per cent (at most 40, so that twice that is below the whole).
    #[must_use]
    pub fn of(scalar: &Scalar, percent: u32) -> Self {
        let columns = scalar.columns();
        let mut names: Vec<&str> = columns.into_iter().map(of_base).collect();
        names.sort_unstable();
        let bytes = names.join("\0");
        // The lower half of a digest.
        let measure = (digest(bytes.as_bytes()) & u128::from(u64::MAX)) as u64;
        let percent = u64::from(percent.min(INFUSION_PERCENT_MAX));
        Self { measure, least: (percent << 32) / 100 }
    }

    /// What a unit's factor is off, in parts of 2^31, and the bits it was drawn from.
    #[inline]
    const fn off(self, word: u64) -> (i64, u64) {
        let bits = mix(word.wrapping_add(self.measure));
        let (a, b) = ((bits >> 1) & BELOW_ONE, bits >> 33);
        let less = if a < b { a } else { b };
        // Below 2^31 times 0.8.
        let size = ((self.least * (ONE.cast_unsigned() + less)) >> 32).cast_signed();
        (if bits & 1 == 0 { size } else { -size }, bits)
    }

    /// The mean of the square of a factor, in parts of 2^31: 1 + 11/6 p^2.
    fn mean_square(self) -> u64 {
        let least = u128::from(self.least);
        ONE.cast_unsigned() + (least * least * 11 / (6 << 33)) as u64
    }

    fn squares(self, ends: Ends) -> Infusion {
        let in_mean = (1_u128 << (32 + BITS)) / u128::from(self.mean_square());
        Infusion::Squares { factor: self, in_mean: in_mean as u64, ends: ends.squares() }
    }
}

/// The most that the least may be.
pub const INFUSION_PERCENT_MAX: u32 = 40;

/// The column of the rows that a column of rolled-up ones is made of: whoever asks numbers those, and a new number must
/// not be a new factor.
fn of_base(column: &str) -> &str {
    match (RollUp::total_of(column), column.split_once('#')) {
        (Some(measure), _) => measure,
        (None, Some((counted, _))) => counted,
        (None, None) => column,
    }
}

impl Infusion {
    /// Of a part of a dataset's tables.
    #[must_use]
    pub fn of(part: &Part<'_>, dataset: &Dataset) -> Self {
        let percent = dataset.profile().infusion_percent;
        let (Some(argument), 1..) = (part.argument, percent) else { return Self::None };
        let ((bounds, _), (origin, _)) = (part.bounds(dataset), part.origins(dataset));
        let factor = Factor::of(argument, percent);
        let deviations = Ends::of(bounds, origin);
        match part.kind {
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => Self::None,
            PartKind::Sum => Self::Amounts { factor, origin, ends: Ends::of(bounds, 0) },
            PartKind::Deviations => Self::Amounts { factor, origin: 0, ends: deviations },
            PartKind::Squares => factor.squares(deviations),
            PartKind::Products => match part.beside.map(|beside| Factor::of(beside, percent)) {
                Some(other) if other != factor => Self::Products(factor, other),
                Some(_) | None => factor.squares(deviations),
            },
        }
    }

    /// What becomes of the amount that a unit's rows come to.
    #[inline]
    #[must_use]
    pub fn amount(self, word: u64, rows: i64, amount: i128) -> i128 {
        let (off, bits, of) = match self {
            Self::None => return amount,
            Self::Amounts { ends, .. } | Self::Squares { ends, .. }
                if ends.are_met(rows, amount) =>
            {
                return amount;
            }
            Self::Amounts { factor, origin, ends: _ } => {
                let (off, bits) = factor.off(word);
                let public = if origin == 0 { 0 } else { origin.saturating_mul(i128::from(rows)) };
                (off, bits, amount.saturating_sub(public))
            }
            Self::Squares { factor, in_mean, ends: _ } => {
                let (off, bits) = factor.off(word);
                let square = u128::from(product(off, off)) * u128::from(in_mean);
                ((square >> 32) as i64 - ONE, bits, amount)
            }
            Self::Products(first, second) => {
                let ((off, bits), (other, _)) = (first.off(word), second.off(word));
                (product(off, other).cast_signed() - ONE, bits, amount)
            }
        };
        amount.saturating_add(share(of, off, up(bits, amount as u64)))
    }

    /// The same of an amount of 64 bits, in less time.
    #[inline]
    #[must_use]
    pub fn narrow(self, word: u64, rows: i64, amount: i64) -> i64 {
        let wide = || {
            let infused = self.amount(word, rows, i128::from(amount));
            i64::try_from(infused).unwrap_or(i64::MAX)
        };
        match self {
            Self::Amounts { factor, origin: 0, ends }
                if !ends.are_met(rows, i128::from(amount)) =>
            {
                let (off, bits) = factor.off(word);
                let up = i128::from(up(bits, amount.cast_unsigned()));
                // Less than the amount: it fits.
                let share = (i128::from(amount) * i128::from(off) + up) >> BITS;
                amount.saturating_add(share as i64)
            }
            Self::None | Self::Amounts { .. } | Self::Squares { .. } | Self::Products(..) => wide(),
        }
    }
}

/// How amounts of few bits are infused, many side by side: what [`Infusion::amount`] says, without a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NarrowInfusion {
    factor: Factor,
    origin: i64,
    ends: [i64; 2],
    /// All bits, or none where no bounds are known.
    has_ends: u64,
}

impl Infusion {
    /// For amounts of few bits, if these are to be infused.
    pub(crate) fn narrow_form(self) -> Option<NarrowInfusion> {
        let Self::Amounts { factor, origin, ends: Ends(ends) } = self else { return None };
        let narrow = |value: i128| i32::try_from(value).ok().map(i64::from);
        let has_ends = if ends.is_some() { u64::MAX } else { 0 };
        let [low, high] = ends.unwrap_or_default();
        let (origin, ends) = (narrow(origin)?, [narrow(low)?, narrow(high)?]);
        Some(NarrowInfusion { factor, origin, ends, has_ends })
    }
}

impl NarrowInfusion {
    /// What becomes of the amount that a unit's rows come to. The other number isn't zero if that can't be told so.
    // In line always: whatever isn't part of a loop is compiled for the least of processors.
    #[inline(always)]
    pub(crate) const fn infuse(self, word: u64, rows: i64, amount: i64) -> (i64, u64) {
        let bits = mix(word.wrapping_add(self.factor.measure));
        let (a, b) = ((bits >> 1) & BELOW_ONE, bits >> 33);
        let less = if a < b { a } else { b };
        let size = self.factor.least.wrapping_mul(ONE.cast_unsigned().wrapping_add(less)) >> 32;
        let size = size.cast_signed();
        let off = if bits & 1 == 0 { size } else { size.wrapping_neg() };
        let of = amount.wrapping_sub(self.origin.wrapping_mul(rows));
        // Hardly anybody's: who has little and who has much take the same time.
        let beyond = (of.unsigned_abs() >> 62) | (rows.cast_unsigned() >> 31);
        // In two pieces, as of any amount.
        let (whole, rest) = (of >> BITS, of & BELOW_ONE.cast_signed());
        let rest = rest.wrapping_mul(off).wrapping_add(up(bits, amount.cast_unsigned()) as i64);
        let share = whole.wrapping_mul(off).wrapping_add(rest >> BITS);
        let [low, high] = self.ends;
        let is_low = low.wrapping_mul(rows) == amount;
        let is_high = high.wrapping_mul(rows) == amount;
        let is_met = ((is_low | is_high) as u64).wrapping_neg() & self.has_ends;
        let infused = amount.wrapping_add(share);
        (if is_met == 0 { infused } else { amount }, beyond)
    }
}

/// How much a rest has to lack of a whole to be rounded down, in parts of 2^31: other bits than the factor's, and others for
/// another amount.
#[inline]
const fn up(bits: u64, amount: u64) -> u64 {
    (bits ^ amount).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

/// Of two factors by what they are off, each below 1.8, in parts of 2^31.
#[inline]
const fn product(off: i64, other: i64) -> u64 {
    ((ONE + off).cast_unsigned() * (ONE + other).cast_unsigned()) >> BITS
}

/// `of * off`, in whole numbers: rounded up where the rest and `up`, below 2^31, come to a whole.
#[inline]
fn share(of: i128, off: i64, up: u64) -> i128 {
    // In two pieces, so that nothing overflows: 96 bits and more by 32, and 31 by 32.
    let (whole, rest) = (of >> BITS, of & i128::from(BELOW_ONE));
    let rest = (rest * i128::from(off) + i128::from(up)) >> BITS;
    whole.saturating_mul(i128::from(off)).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenth(column: &str) -> Factor {
        Factor::of(&Scalar::Column(column.to_owned()), 10)
    }

    fn free(factor: Factor) -> Infusion {
        Infusion::Amounts { factor, origin: 0, ends: Ends::default() }
    }

    fn words(n: u64) -> impl Iterator<Item = u64> {
        (0..n).map(|u| mix(u.wrapping_mul(0xD129_0B26_88F3_A7B5) ^ 77))
    }

    #[test]
    fn nobodys_amount_is_less_than_ten_per_cent_off_and_none_more_than_twenty() {
        let infusion = free(tenth("cost"));
        let mut up = 0_u32;
        for word in words(100_000) {
            let off = infusion.amount(word, 1, 1_000_000_000).abs_diff(1_000_000_000);
            assert!((100_000_000 - 1..=200_000_000).contains(&off), "{off}");
            up += u32::from(1_000_000_000 < infusion.amount(word, 1, 1_000_000_000));
        }
        assert!((49_500..50_500).contains(&up), "{up}");
    }

    /// Within four standard errors: of amounts of all sizes, of squares and of products.
    #[test]
    fn totals_are_what_they_were_in_the_mean() {
        let n = 200_000_u64;
        let (x, y) = (tenth("x"), tenth("y"));
        let all = [
            (free(x), 0.1354),
            (x.squares(Ends::default()), 0.28),
            (Infusion::Products(x, y), 0.20),
        ];
        for (infusion, deviation) in all {
            for amount in [1_i128, 2, 7, 1_000, -3, 1 << 40, -(1 << 100)] {
                let scale = amount as f64;
                let of = |word| infusion.amount(word, 1, amount) as f64 / scale;
                let mean = words(n).map(of).sum::<f64>() / n as f64;
                // Of a 1 it is mostly the rounding.
                let one = (deviation * deviation + 0.25 / scale / scale).sqrt();
                let error = (mean - 1.0).abs() * (n as f64).sqrt() / one;
                assert!(error < 4.0, "{infusion:?} {amount}: {mean}");
            }
        }
    }

    #[test]
    fn the_mean_square_is_that_of_the_draws() {
        let factor = tenth("x");
        let n = 1_000_000;
        let squares = words(n).map(|word| (factor.off(word).0 as f64 / ONE as f64).powi(2));
        let mean = squares.sum::<f64>() / n as f64;
        let stated = factor.mean_square() as f64 / ONE as f64 - 1.0;
        assert!((mean - stated).abs() < 3e-5, "{mean} {stated}");
        assert!((stated - 0.11 / 6.0).abs() < 1e-8, "{stated}");
    }

    /// A variance is of the same factors as the total, so that what is far from zero and close together keeps its own: 170 give
    /// or take 10, where independent factors would give or take 25.
    #[test]
    fn variances_survive() {
        let n = 100_000_u64;
        let (mut sum, mut squares) = (0_i128, 0_i128);
        let factor = tenth("height");
        for (word, place) in words(n).zip(0_i128..) {
            // Even between 152.7 and 187.3 centimetres, in millimetres.
            let x = 1_527 + place * 346 / 100_000;
            sum += free(factor).amount(word, 1, x);
            squares += factor.squares(Ends::default()).amount(word, 1, x * x);
        }
        let mean = sum as f64 / n as f64;
        let deviation = (squares as f64 / n as f64 - mean * mean).sqrt();
        assert!((95.0..105.0).contains(&deviation), "{deviation}");
    }

    #[test]
    fn a_bound_that_everybody_knows_is_not_infused() {
        let infusion =
            Infusion::Amounts { factor: tenth("wage"), origin: 20_000, ends: Ends::default() };
        for word in words(1_000) {
            let off = infusion.amount(word, 3, 65_000).abs_diff(65_000);
            assert!((500..=1_000).contains(&off), "{off}");
        }
    }

    /// What was clamped to a bound is the bound, so that nobody who knows of it learns the factor.
    #[test]
    fn an_amount_at_a_bound_stays() {
        let bounds = Some(Bounds { low: 1_000, high: 90_000 });
        let amounts =
            Infusion::Amounts { factor: tenth("wage"), origin: 0, ends: Ends::of(bounds, 0) };
        let squares = tenth("wage").squares(Ends::of(bounds, 1_000));
        for word in words(100) {
            for (rows, amount) in [(1, 90_000), (3, 270_000), (1, 1_000), (2, 2_000)] {
                assert_eq!(amounts.amount(word, rows, amount), amount);
                assert_eq!(i128::from(amounts.narrow(word, rows, amount as i64)), amount);
                let side_by_side = amounts.narrow_form().unwrap();
                assert_eq!(side_by_side.infuse(word, rows, amount as i64), (amount as i64, 0));
            }
            assert_eq!(squares.amount(word, 1, 89_000 * 89_000), 89_000 * 89_000);
            assert_ne!(amounts.amount(word, 2, 90_000), 90_000);
        }
    }

    #[test]
    fn a_measure_has_one_factor_whatever_it_is_called() {
        let total =
            |position| Factor::of(&Scalar::Column(RollUp::total_column("cost", position)), 10);
        assert_eq!(total(0), tenth("cost"));
        assert_eq!(total(7), tenth("cost"));
        let count = |position| Factor::of(&Scalar::Column(RollUp::count_column(position)), 10);
        assert_eq!(count(0), count(3));
        assert_ne!(tenth("cost"), tenth("costs"));
    }

    #[test]
    fn narrow_amounts_become_what_wide_ones_do() {
        for (origin, rows) in [(0, 1), (18, 1), (18, 40), (-5, 7)] {
            let infusion =
                Infusion::Amounts { factor: tenth("cost"), origin, ends: Ends::default() };
            for (word, place) in words(20_000).zip(0_i64..) {
                let amount = (place - 10_000) * (place % 1_009) * (place % 65_521) * 1_001;
                let wide = infusion.amount(word, rows, i128::from(amount));
                assert_eq!(i128::from(infusion.narrow(word, rows, amount)), wide);
                let (infused, beyond) = infusion.narrow_form().unwrap().infuse(word, rows, amount);
                assert!(beyond != 0 || i128::from(infused) == wide, "{origin} {rows} {amount}");
                assert!(beyond == 0 || 60 < amount.unsigned_abs().max(1).ilog2(), "{amount}");
            }
        }
        let squares = tenth("cost").squares(Ends::default());
        assert_eq!(i128::from(squares.narrow(9, 1, 400)), squares.amount(9, 1, 400));
    }

    #[test]
    fn nothing_overflows() {
        for amount in [i128::MAX, i128::MIN, i128::MAX - 1, 0] {
            for word in words(1_000) {
                let factor = Factor::of(&Scalar::Column("x".to_owned()), 1_000);
                let _ = Infusion::Amounts { factor, origin: i128::MAX, ends: Ends::default() }
                    .amount(word, i64::MAX, amount);
                let _ = free(factor).narrow(word, i64::MAX, amount as i64);
                let _ = factor.squares(Ends::default()).amount(word, 1, amount);
                let other = Factor { measure: 3, ..factor };
                let _ = Infusion::Products(factor, other).amount(word, 1, amount);
            }
        }
    }
}
