//! How often each perturbation occurs in a row of a perturbation table.
//!
//! For a true count `n` the perturbation `v` lies in `-min(D, n)..=D`, so no count becomes
//! negative. Among all distributions there with mean 0 and variance `V`, the one of maximum
//! entropy is used: it promises the stated error and nothing else. Its form is
//!
//! ```text
//! p(v)  ∝  t^v · r^((v + m)·(D - v)),      m = min(D, n)
//! ```
//!
//! the usual `exp(μ·v - λ·v²)` with the multipliers `t`, `r` written as bases. The second exponent
//! is never negative, so only powers by repeated multiplication are needed: the result doesn't
//! depend on any machine's `exp`. For fixed `r` the mean grows with `t`; along mean 0 the variance
//! falls with `r`; so two nested bisections find both.
//!
//! The probabilities are then turned into whole numbers of keys. Rounding leaves small errors,
//! which are put right by moving a few keys among -1, 0 and 1: first the total and the mean, then
//! the variance, by taking two keys from 0 and giving one each to -1 and 1 (or back), which changes
//! the sum of squares by 2 and nothing else. The mean is therefore exactly 0, and the sum of
//! squares the even number nearest to `M·V`: exactly `M·V` for the standard table.
//!
//! Sources: Thompson, Broadfoot and Elazar (2013) for the constraints; Giessing (2016) for
//! maximum entropy.

use super::maximum_entropy::MaximumEntropy;

/// How many keys of the row for the count `n` get each perturbation, in ascending order.
///
/// All keys of the row for 0 get 0: nobody is there to protect, and a count that is zero by
/// definition must stay so.
pub(super) fn key_counts(spec: &MaximumEntropy, n: u8) -> Vec<(i8, u32)> {
    let lowest = n.min(spec.largest());
    if lowest == 0 {
        return vec![(0, spec.key_space().keys())];
    }
    let support = Support { below: i32::from(lowest), above: i32::from(spec.largest()) };
    let weights = support.solve(f64::from(spec.variance_thousandths()) / 1000.0);
    encode(spec, support, &weights)
}

fn encode(spec: &MaximumEntropy, support: Support, weights: &[f64]) -> Vec<(i8, u32)> {
    let keys = i64::from(spec.key_space().keys());
    let total: f64 = weights.iter().sum();
    let mut counts: Vec<(i32, i64)> = support
        .values()
        .zip(weights)
        .map(|(v, w)| (v, (w / total * keys as f64).round() as i64))
        .collect();
    let sum = |counts: &[(i32, i64)], power: u32| -> i64 {
        counts.iter().map(|&(v, c)| i64::from(v).pow(power) * c).sum()
    };

    let missing = keys - sum(&counts, 0);
    let tilt = -sum(&counts, 1);
    give(&mut counts, if tilt < 0 { -1 } else { 1 }, tilt.abs());
    give(&mut counts, 0, missing - tilt.abs());

    // The sum of squares has the parity of the sum, which is now 0: it is even.
    let wanted = (keys * i64::from(spec.variance_thousandths()) + 1000) / 2000 * 2;
    let moves = (wanted - sum(&counts, 2)) / 2;
    give(&mut counts, -1, moves);
    give(&mut counts, 0, -2 * moves);
    give(&mut counts, 1, moves);

    counts
        .into_iter()
        .filter_map(|(v, c)| Some((i8::try_from(v).ok()?, u32::try_from(c).ok()?)))
        .collect()
}

fn give(counts: &mut [(i32, i64)], value: i32, keys: i64) {
    for (_, count) in counts.iter_mut().filter(|(v, _)| *v == value) {
        *count += keys;
    }
}

/// The perturbations `-below..=above` a row may hold.
#[derive(Debug, Clone, Copy)]
struct Support {
    below: i32,
    above: i32,
}

impl Support {
    /// More bisection steps than an `f64` has bits in use; the loops stop by themselves.
    const STEPS: u32 = 120;

    /// At this `r` the variance is under the smallest accepted one.
    const SPREAD_MAX: f64 = 16.0;

    /// Below any `t` that a row needs: `16^-(D-1)` is 2^-20 for the largest `D`.
    const TILT_MIN: f64 = 1.0 / (1u64 << 44) as f64;

    fn values(self) -> std::ops::RangeInclusive<i32> {
        -self.below..=self.above
    }

    /// The weights of the values, not normalised, with mean 0 and the given variance.
    fn solve(self, variance: f64) -> Vec<f64> {
        // A larger spread means a smaller variance, hence the turned comparison.
        let spread = bisect(0.0, Self::SPREAD_MAX, |spread| {
            let weights = self.weights(self.tilt(spread), spread);
            self.moment(&weights, 2) > variance
        });
        self.weights(self.tilt(spread), spread)
    }

    /// The `t` that gives mean 0.
    fn tilt(self, spread: f64) -> f64 {
        if self.below == self.above {
            // Exactly, so that the row is exactly symmetric.
            return 1.0;
        }
        bisect(Self::TILT_MIN, 1.0, |tilt| self.moment(&self.weights(tilt, spread), 1) < 0.0)
    }

    /// `t^(v + m) · r^((v + m)·(D - v))` for each value; the factor `t^m` cancels.
    fn weights(self, tilt: f64, spread: f64) -> Vec<f64> {
        self.values()
            .map(|v| {
                let from_lowest = v + self.below;
                power(tilt, from_lowest) * power(spread, from_lowest * (self.above - v))
            })
            .collect()
    }

    fn moment(self, weights: &[f64], order: i32) -> f64 {
        let total: f64 = weights.iter().sum();
        let weighted: f64 =
            self.values().zip(weights).map(|(v, w)| power(f64::from(v), order) * w).sum();
        weighted / total
    }
}

/// `base^exponent` by repeated multiplication. `f64::powi` may differ between machines.
fn power(base: f64, exponent: i32) -> f64 {
    let mut result = 1.0;
    let mut square = base;
    let mut rest = exponent.max(0);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

/// The point in `low..high` up to which `holds` holds.
fn bisect(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..Support::STEPS {
        let middle = low + (high - low) / 2.0;
        if middle <= low || high <= middle {
            break;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::super::key_space::KeySpace;
    use super::{MaximumEntropy, key_counts};

    /// Changing any of these numbers changes published figures: it needs a new seed or version.
    #[test]
    fn the_standard_rows_are_pinned() {
        let spec = MaximumEntropy::standard(1);
        let rows: Vec<Vec<u32>> =
            (0..=4).map(|n| key_counts(&spec, n).into_iter().map(|(_, c)| c).collect()).collect();
        assert_eq!(
            rows,
            [
                vec![4096],
                vec![2355, 644, 322, 292, 483],
                vec![687, 953, 1005, 781, 464, 206],
                vec![153, 458, 887, 1100, 887, 458, 153],
                vec![153, 458, 887, 1100, 887, 458, 153],
            ]
        );
    }

    /// The narrow key space is the hard one. A coarse grid, as the tests aren't optimised; the limits
    /// were chosen with every variance in steps of a thousandth at 1024 keys.
    #[test]
    fn every_accepted_description_gives_rows_with_exact_total_mean_and_variance() {
        for keys in [1024, 65536] {
            let key_space = KeySpace::new(keys).unwrap();
            for largest in 1..=MaximumEntropy::LARGEST_MAX {
                let most = 750 * u32::from(largest);
                let step = usize::try_from((most / 3).max(97)).unwrap();
                for variance in (MaximumEntropy::VARIANCE_MIN..most).step_by(step).chain([most]) {
                    let spec = MaximumEntropy::new(variance, largest, key_space, 100, 1).unwrap();
                    for n in 1..=largest {
                        check_row(&spec, n);
                    }
                }
            }
        }
    }

    fn check_row(spec: &MaximumEntropy, n: u8) {
        let row = key_counts(spec, n);
        let keys = i64::from(spec.key_space().keys());
        let sum = |power: u32| -> i64 {
            row.iter().map(|&(v, c)| i64::from(v).pow(power) * i64::from(c)).sum()
        };
        assert_eq!(sum(0), keys, "{spec:?} n {n}: {row:?}");
        assert_eq!(sum(1), 0, "{spec:?} n {n}: {row:?}");
        let wanted = keys * i64::from(spec.variance_thousandths());
        assert!((sum(2) * 1000 - wanted).abs() <= 1000, "{spec:?} n {n}: {row:?}");
        assert!(row.iter().all(|&(v, _)| -i16::from(n) <= i16::from(v)), "{spec:?} n {n}");
    }

    /// The second difference of the logarithms is constant exactly for the maximum-entropy form.
    /// Whole keys can only be as smooth as rounding and the few moved keys permit.
    #[test]
    fn the_standard_rows_have_the_form_of_maximum_entropy() {
        for n in 1..=3 {
            let row = key_counts(&MaximumEntropy::standard(1), n);
            let logs: Vec<f64> = row.iter().map(|&(_, c)| f64::from(c).ln()).collect();
            let curvatures: Vec<f64> = logs.windows(3).map(|w| w[0] - 2.0 * w[1] + w[2]).collect();
            let widest = curvatures.iter().copied().fold(f64::MIN, f64::max)
                - curvatures.iter().copied().fold(f64::MAX, f64::min);
            assert!(widest < 0.05, "n {n}: {curvatures:?}");
        }
    }

    #[test]
    fn the_full_row_is_symmetric() {
        let row = key_counts(&MaximumEntropy::standard(1), 3);
        let mut turned: Vec<(i8, u32)> = row.iter().map(|&(v, c)| (-v, c)).collect();
        turned.reverse();
        assert_eq!(row, turned);
    }
}
