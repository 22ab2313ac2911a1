//! The generator of everything random here: SplitMix64, whose output no library upgrade changes.
//!
//! Not for secrets: it makes invented data repeatable, and nothing else may use it. The method is
//! Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
//!
//! The distributions use only addition, multiplication and division, which IEEE 754 fixes to the
//! last bit. `f64::exp` and `f64::ln` may differ between machines, and one differing penny would
//! make two demos disagree.

/// A stream of numbers that follows from its seed and its name.
#[derive(Clone, Debug)]
pub(crate) struct Seeded {
    state: u64,
}

/// The step of the state: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Seeded {
    /// The stream of that name. A dataset takes its own, so that a change to one leaves the others.
    pub(crate) fn stream(seed: u64, name: &str) -> Self {
        let mut seeded = Self { state: seed };
        for byte in name.bytes() {
            seeded.state ^= u64::from(byte);
            seeded.state = seeded.bits();
        }
        seeded
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number in `0..bound`; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: as even as `%` for bounds this small, without a division.
        let product = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A whole number in `low..=high`, as a column holds it; `low` if they are the wrong way round.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(0);
        low + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// True `per_mille` times out of 1,000.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of the choices, by weight; `None` only if there are none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[(u64, T)]) -> Option<T> {
        let total = choices.iter().map(|&(weight, _)| weight).sum();
        let mut left = self.below(total);
        for &(weight, choice) in choices {
            if left < weight {
                return Some(choice);
            }
            left -= weight;
        }
        None
    }

    /// A lognormal amount: half of all amounts lie below the median, two thirds within a factor
    /// e^`spread` of it, and a few are very large.
    pub(crate) fn lognormal(&mut self, median: i64, spread: f64) -> i64 {
        let factor = exp(spread * self.normal());
        (median as f64 * factor) as i64
    }

    /// Nearly standard normal: the sum of twelve uniform numbers, less 6 (never beyond ±6).
    fn normal(&mut self) -> f64 {
        let mut sum = 0_u64;
        for _ in 0..3 {
            let bits = self.bits();
            sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        }
        sum as f64 / 65_536.0 - 6.0
    }
}

/// The exponential function as (1 + x/1024)^1024, in ten squarings: within 2 % for |x| < 6.
fn exp(x: f64) -> f64 {
    (0..10).fold(1.0 + x / 1024.0, |power, _| power * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_splitmix64() {
        // Published test vector: seed 1234567.
        let mut seeded = Seeded { state: 1_234_567 };
        let expect =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([seeded.bits(), seeded.bits(), seeded.bits()], expect);
    }

    #[test]
    fn streams_of_other_names_and_seeds_differ() {
        let first = |seed, name| Seeded::stream(seed, name).bits();
        assert_eq!(first(1, "health"), first(1, "health"));
        assert_ne!(first(1, "health"), first(1, "dwp"));
        assert_ne!(first(1, "health"), first(2, "health"));
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        let mut seeded = Seeded::stream(1, "bounds");
        let drawn: Vec<i64> = (0..10_000).map(|_| seeded.between(-3, 3)).collect();
        assert_eq!(drawn.iter().min(), Some(&-3));
        assert_eq!(drawn.iter().max(), Some(&3));
        assert_eq!(seeded.below(0), 0);
        assert_eq!(seeded.between(5, 1), 5);
        assert_eq!(seeded.pick::<u8>(&[]), None);
    }

    #[test]
    fn choices_come_in_proportion() {
        let mut seeded = Seeded::stream(1, "pick");
        let rare = (0..10_000).filter(|_| seeded.pick(&[(99, 'a'), (1, 'b')]) == Some('b')).count();
        assert!((60..140).contains(&rare), "{rare}");
        let likely = (0..10_000).filter(|_| seeded.chance(900)).count();
        assert!((8_850..9_150).contains(&likely), "{likely}");
    }

    #[test]
    fn lognormal_has_its_median_and_a_long_tail() {
        let mut seeded = Seeded::stream(1, "lognormal");
        let mut amounts: Vec<i64> = (0..10_001).map(|_| seeded.lognormal(100_000, 1.0)).collect();
        amounts.sort_unstable();
        assert!((95_000..105_000).contains(&amounts[5_000]), "{}", amounts[5_000]);
        assert!((900_000..1_200_000).contains(&amounts[9_900]), "{}", amounts[9_900]);
        assert!(amounts[0] > 0);
    }
}
