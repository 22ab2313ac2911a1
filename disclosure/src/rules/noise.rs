//! Noise: what is added to counts and totals, the same whenever the same is asked.
//!
//! *Statement*: with `n` contributing units, `K` the sum of their record keys, `q` what is drawn for the
//! question, and `x1` the largest contribution,
//!
//! ```text
//! count                      + PT1[pcv(n), K] + PT2[q]
//! count of several rows each, or
//! total                      + (PT1[pcv(n), K] + PT2[q] + u(q)) * mean(|x|) + share(x1) * x1 * (d1[K] + d2(q))
//! total of squares           the same, with twice the share
//! ```
//!
//! where `PT` are maximum-entropy perturbation tables (mean 0, variance 2, at most 3), `d` are
//! split-triangular draws, `u` lies evenly between a half and minus a half, and `share` falls from 20 % to 15 %: see
//! [`crate::noise`]. `u` and `d2` are drawn finely from the 64 bits of `q`, so that every total near the true one can be
//! shown; tables of 4096 keys alone would leave few that can, and each tell of one world only. A total has a count's noise in
//! it, so that a measure that is the same for everybody doesn't count them exactly; and no less than p% of the largest
//! contribution, on the average of draws, lies between a total and what the dominance rule lets through. Twice the share
//! for squares, since the root of a square is known twice as closely as the square. A profile with one
//! layer leaves out of counts what is drawn for the question, and `PT2` of totals; one with noise on totals adds nothing to counts
//! of any kind, and to totals what one layer does. A data owner's own table takes the place
//! of `PT1`.
//!
//! | true | two layers, say 2 and -1 | shown, base 5 |
//! |---|---|---|
//! | 12 | 13 | 15 |
//! | 12, asked again in other words | 13, or 12 with another draw for the question | 15, or 10 |
//!
//! *Stops*: attacks 19, 21, 24, 25, 26, 28, 32: with the other rules, sums and differences of shown cells
//! don't come out exact, and asking again or in other words doesn't average what was added away.
//!
//! *Doesn't stop*: many different questions about nearly the same people, taken together; the guard and
//! limits on what a project asks are for that. It is not differential privacy.
//!
//! *Source*: Fraser and Wooton 2005; Thompson, Broadfoot and Elazar 2013; Giessing 2016; Evans, Zayatz and
//! Slanta 1998.

use std::sync::OnceLock;

use crate::evidence::PartEvidence;
use crate::keyed::mix;
use crate::noise::{
    Draws, KeySpace, Layers, MagnitudeNoise, MaximumEntropy, PerturbationTable, fine, share_of,
};
use crate::policy::{Noise, Profile};

/// Seeds of the tables. They are published: what must stay secret are the keys.
const SEEDS: [u64; 3] = [20_260_801, 20_260_802, 20_260_803];

/// What the two fine draws of a question are told apart by. Published, too.
const FINE: u64 = 0x6669_6e65_2064_7277;
/// The same for the share of the mean.
const SHARE: u64 = 0x7368_6172_6520_6d6e;

/// The tables that every part of the same kind goes through.
struct Tables {
    cell: PerturbationTable,
    question: PerturbationTable,
    cell_draws: Draws,
    /// Of a count, of people and question both; kept, since a pass over the tables takes as long as a step of planning.
    errors_thousandths: ErrorsThousandths,
}

/// Standard errors of counts that went through the tables.
struct ErrorsThousandths {
    of_cell: u64,
    of_both: u64,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let [cell, question, cell_draws] = SEEDS;
        let table = |seed| PerturbationTable::maximum_entropy(&MaximumEntropy::standard(seed));
        let draws = |seed| Draws::split_triangular(KeySpace::STANDARD, seed);
        let (cell, question) = (table(cell), table(question));
        let error = |question| Layers { cell: &cell, question }.standard_error_thousandths();
        let errors_thousandths =
            ErrorsThousandths { of_cell: error(None), of_both: error(Some(&question)) };
        Tables { cell, question, cell_draws: draws(cell_draws), errors_thousandths }
    })
}

/// Whether a number counts, or adds up amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A count of units.
    Units,
    /// A count of rows, to which a unit may contribute several: a total of what each contributes.
    Rows,
    /// A count of values, of which a unit may have several, as others may.
    Values,
    /// A total; up to this contribution the noise is the larger share of it.
    Total {
        /// In units of the last decimal place.
        flex_point: u128,
    },
    /// A total of squares, likewise.
    Squares {
        /// In units of the last decimal place of a square.
        flex_point: u128,
    },
}

/// The share of the largest contribution that noise is in proportion to: of small ones.
const SMALL_PER_MILLE: u32 = 200;
/// Of large ones: with draws of 0.56 in the mean and two layers, more than the p% within which the largest may be known.
const LARGE_PER_MILLE: u32 = 150;
/// Contributions of so many rows or fewer get the larger share of noise.
const FLEX_ROWS: u128 = 10;

/// What is added, in units of the last decimal place.
#[must_use]
pub fn of(
    evidence: &PartEvidence,
    of: Of,
    profile: Profile,
    own: Option<&PerturbationTable>,
) -> i128 {
    let two_layers = match (profile.noise, of) {
        (Noise::None, _) | (Noise::Totals, Of::Units | Of::Rows | Of::Values) => return 0,
        (Noise::CellAndQuestion, _) => true,
        (Noise::Cell, _) | (Noise::Totals, Of::Total { .. } | Of::Squares { .. }) => false,
    };
    let tables = tables();
    let cell = own.unwrap_or(&tables.cell);
    let [largest, _] = evidence.largest;
    // Not of counts of one layer: these are as their method says.
    let is_fine = match of {
        Of::Units | Of::Rows | Of::Values => two_layers,
        Of::Total { .. } | Of::Squares { .. } => true,
    };
    let scaled = |flex_point, times: u32| {
        // The default can't occur: the shares are in order.
        let (small, large) = (SMALL_PER_MILLE * times, LARGE_PER_MILLE * times);
        let noise = MagnitudeNoise::new(small, large, flex_point)
            .unwrap_or_else(|_| MagnitudeNoise::standard(flex_point));
        let cell_key = reduced_key(evidence.record_keys, tables.cell_draws.keys());
        let of_cell = noise.noise(largest, tables.cell_draws.draw(cell_key));
        let of_question =
            if is_fine { noise.noise(largest, fine(mix(evidence.question ^ FINE))) } else { 0 };
        of_cell.saturating_add(of_question)
    };
    let layers = Layers { cell, question: two_layers.then_some(&tables.question) };
    let n = evidence.units.unsigned_abs();
    let cell_key = reduced_key(evidence.record_keys, cell.keys());
    let question_key = reduced(evidence.question, tables.question.keys());
    let added = i128::from(layers.perturb(n, cell_key, question_key));
    match of {
        // A unit with one row changes a count by one, which the tables are for.
        Of::Units => added,
        Of::Rows | Of::Values if largest <= 1 => added,
        Of::Values => added.saturating_add(scaled(FLEX_ROWS, 1)),
        Of::Rows => {
            let rows = u128::from(evidence.count.unsigned_abs());
            amount(added, scaled(FLEX_ROWS, 1), rows, evidence, is_fine)
        }
        Of::Total { flex_point } => {
            amount(added, scaled(flex_point, 1), evidence.absolute, evidence, is_fine)
        }
        Of::Squares { flex_point } => {
            amount(added, scaled(flex_point, 2), evidence.absolute, evidence, is_fine)
        }
    }
}

/// A count's noise, in units of the mean contribution to what all of them come to, and what is scaled to the largest.
fn amount(
    added: i128,
    scaled: i128,
    absolute: u128,
    evidence: &PartEvidence,
    is_fine: bool,
) -> i128 {
    let units = u128::from(evidence.units.unsigned_abs());
    let mean = absolute.checked_div(units).unwrap_or(0);
    // Between the whole means of a count's noise.
    let between = if is_fine { share_of(mean, mix(evidence.question ^ SHARE)) } else { 0 };
    let mean = i128::try_from(mean).unwrap_or(i128::MAX);
    added.saturating_mul(mean).saturating_add(between).saturating_add(scaled)
}

/// Keys below zero wrap upwards, as in the ONS package for Python.
fn reduced_key(sum: i64, keys: u32) -> u32 {
    u32::try_from(sum.checked_rem_euclid(i64::from(keys)).unwrap_or(0)).unwrap_or(0)
}

fn reduced(bits: u64, keys: u32) -> u32 {
    u32::try_from(bits.checked_rem(u64::from(keys)).unwrap_or(0)).unwrap_or(0)
}

/// The standard error of a shown count, in thousandths of a unit, rounded up: what noise and rounding add for units
/// with one row each. `own` is the data owner's table of perturbations, which takes the place of ours. Public: profiles
/// and tables are.
#[must_use]
pub fn count_standard_error_thousandths(profile: Profile, own: Option<&PerturbationTable>) -> u64 {
    let tables = tables();
    let ErrorsThousandths { of_cell, of_both } = tables.errors_thousandths;
    let noise = match (profile.noise, own) {
        (Noise::None | Noise::Totals, _) => 0,
        (Noise::Cell, None) => of_cell,
        (Noise::CellAndQuestion, None) => of_both,
        (Noise::Cell, Some(cell)) => Layers { cell, question: None }.standard_error_thousandths(),
        (Noise::CellAndQuestion, Some(cell)) => {
            Layers { cell, question: Some(&tables.question) }.standard_error_thousandths()
        }
    };
    // Rounding to a base b spreads evenly over b values: variance (b^2 - 1) / 12.
    let base = u64::from(profile.rounding_base.max(1));
    let rounding = base.saturating_mul(base).saturating_sub(1).saturating_mul(1_000_000) / 12;
    noise.saturating_mul(noise).saturating_add(rounding).isqrt().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    fn cell(units: i64, record_keys: i64, question: u64, largest: u128) -> PartEvidence {
        PartEvidence {
            units,
            record_keys,
            question,
            largest: [largest, 0],
            ..PartEvidence::default()
        }
    }

    #[test]
    fn the_same_people_asked_in_the_same_way_get_the_same_noise() {
        let standard = Profile::STANDARD;
        let a = of(&cell(50, 12_345, 77, 1), Of::Units, standard, None);
        assert_eq!(a, of(&cell(50, 12_345, 77, 1), Of::Units, standard, None));
        assert!(a.abs() <= 6);
        let one_layer = Preset::OnsCkm.profile();
        let b = of(&cell(50, 12_345, 77, 1), Of::Units, one_layer, None);
        assert_eq!(b, of(&cell(50, 12_345, 78, 1), Of::Units, one_layer, None), "no second layer");
        assert!(b.abs() <= 3);
        assert_eq!(of(&cell(50, 1, 1, 9), Of::Units, Preset::Exact.profile(), None), 0);
    }

    /// A method of counts is left as it is, and totals are as well protected as where counts have noise.
    #[test]
    fn totals_alone_have_what_they_have_with_one_layer() {
        let [midpoint, ons] = [Preset::Midpoint6, Preset::OnsCkm].map(Preset::profile);
        for (i, question) in words() {
            let c = PartEvidence { absolute: 90_000, ..cell(50, i, question, 4_000) };
            for counted in [Of::Units, Of::Rows, Of::Values] {
                assert_eq!(of(&c, counted, midpoint, None), 0);
            }
            for added in [Of::Total { flex_point: 100 }, Of::Squares { flex_point: 10_000 }] {
                assert_eq!(of(&c, added, midpoint, None), of(&c, added, ons, None));
            }
        }
        assert_eq!(count_standard_error_thousandths(midpoint, None), 1_708);
    }

    #[test]
    fn counts_have_mean_zero_and_variance_four() {
        let draws: Vec<i128> = (0..4096_i64)
            .map(|i| cell(50, i, u64::try_from((i * 1_103) % 4096).unwrap(), 1))
            .map(|c| of(&c, Of::Units, Profile::STANDARD, None))
            .collect();
        let sum: i128 = draws.iter().sum();
        let squares: i128 = draws.iter().map(|d| d * d).sum();
        assert_eq!(sum, 0, "every key of both tables is used once");
        let variance = squares as f64 / 4096.0;
        assert!((3.8..4.2).contains(&variance), "{variance}");
    }

    /// Words as a node draws them.
    fn words() -> impl Iterator<Item = (i64, u64)> {
        (0..4096_i64).map(|i| (i, mix(i.unsigned_abs() << 7)))
    }

    #[test]
    fn totals_get_noise_in_proportion_to_the_largest_contribution() {
        let total = Of::Total { flex_point: 1_000 };
        for profile in [Preset::OnsCkm.profile(), Preset::Midpoint6.profile(), Profile::STANDARD] {
            let mut squares = 0.0;
            for (i, question) in words() {
                let added = of(&cell(50, i, question, 100_000), total, profile, None);
                // Two draws of at most a share of 15 %, and of 20 % up to the flex point.
                assert!(added.unsigned_abs() <= 2 * 15_050, "{added}");
                squares += (added as f64).powi(2);
            }
            // 0.56 of the share, by the root of two.
            let typical = (squares / 4096.0).sqrt();
            assert!((11_500.0..12_300.0).contains(&typical), "{typical}");
        }
    }

    #[test]
    fn squares_get_so_much_that_their_roots_are_as_uncertain_as_values() {
        for (i, question) in words() {
            // A square of 100 000, and the flex point's of 1 000, beside the mean contribution of 0.
            let square = cell(50, i, question, 10_000_000_000);
            let squares = Of::Squares { flex_point: 1_000_000 };
            let noise = of(&square, squares, Profile::STANDARD, None);
            let plain = Of::Total { flex_point: 1_000 };
            let of_value = of(&cell(50, i, question, 100_000), plain, Profile::STANDARD, None);
            let root = (1e10 + noise as f64).max(0.0).sqrt() - 1e5;
            // To first order the same; a root gives a little less above and more below.
            let apart = (root - of_value as f64).abs();
            assert!(apart <= 0.5 * of_value.abs() as f64 + 500.0, "{root} {of_value}");
        }
    }

    /// Whoever knows everybody but one can list what tables of 4096 keys can make of a total. Of what is drawn finely
    /// there is no such list: neighbours of the true total are shown as well as itself.
    #[test]
    fn totals_are_not_of_a_few_that_could_be_listed() {
        for profile in [Preset::OnsCkm.profile(), Profile::STANDARD] {
            let total = Of::Total { flex_point: 1_000 };
            let shown: std::collections::BTreeSet<i128> = (0..20_000_u64)
                .map(|i| PartEvidence { absolute: 50_000_000, ..cell(50, 7, mix(i), 1_500_000) })
                .map(|cell| of(&cell, total, profile, None))
                .collect();
            assert!(shown.len() > 19_000, "{}", shown.len());
            // Nor of whole means with gaps between them.
            let steps: Vec<i128> =
                shown.iter().zip(shown.iter().skip(1)).map(|(a, b)| b - a).collect();
            let inner = &steps[steps.len() / 20..steps.len() - steps.len() / 20];
            assert!(inner.iter().all(|step| *step < 50_000), "{:?}", inner.iter().max());
        }
    }

    #[test]
    fn a_constant_measure_counts_no_better_than_a_count() {
        let total = Of::Total { flex_point: 0 };
        let spread: std::collections::BTreeSet<i128> = (0..4096_i64)
            .map(|i| {
                let c = PartEvidence { absolute: 50_000, ..cell(50, i, 0, 1_000) };
                of(&c, total, Profile::STANDARD, None)
            })
            .collect();
        // At least a whole unit either way, and more.
        assert!(spread.first().is_some_and(|low| *low <= -2_000));
        assert!(spread.last().is_some_and(|high| 2_000 <= *high));
    }

    #[test]
    fn rows_are_counted_no_better_than_people() {
        for profile in [Preset::OnsCkm.profile(), Profile::STANDARD] {
            let variance = |of: Of, rows: i64, largest: u128| {
                let added = words().map(|(i, question)| {
                    let cell = PartEvidence { count: 50 * rows, ..cell(50, i, question, largest) };
                    super::of(&cell, of, profile, None) as f64 / rows as f64
                });
                let added: Vec<f64> = added.collect();
                added.iter().map(|d| d * d).sum::<f64>() / 4096.0
            };
            let people = variance(Of::Units, 1, 1);
            assert_eq!(variance(Of::Rows, 1, 1), people, "one row each");
            // Three, or twelve rows each; twelve on the average, and somebody with forty.
            for (rows, largest) in [(3, 3), (12, 12), (12, 40)] {
                let of_rows = variance(Of::Rows, rows, largest);
                assert!(people < of_rows && of_rows < 1.5 * people, "{rows} {largest}: {of_rows}");
                let of_units = variance(Of::Units, rows, largest) * (rows * rows) as f64;
                assert!((of_units - people).abs() < 1e-9, "{of_units}");
            }
        }
    }

    #[test]
    fn the_expected_error_is_the_root_of_both_variances() {
        // Noise 4, rounding to 5: 2.
        let error = count_standard_error_thousandths(Profile::STANDARD, None);
        assert!((2_449..=2_460).contains(&error), "{error}");
    }

    #[test]
    fn the_expected_error_is_that_of_the_owners_own_table() {
        // 6 either way in every row that is listed; the question's layer, if there is one, adds 2.
        let rows = (1..=750).flat_map(|pcv| [(pcv, 0, 6), (pcv, 1, -6)]);
        let lines: String = rows.map(|(pcv, key, by)| format!("{pcv},{key},{by}\n")).collect();
        let own = PerturbationTable::from_csv(&format!("pcv,ckey,pvalue\n{lines}")).unwrap();
        let one_layer = Preset::OnsCkm.profile();
        assert_eq!(count_standard_error_thousandths(one_layer, Some(&own)), 6_001);
        assert_eq!(count_standard_error_thousandths(one_layer, None), 1_416);
        let two = count_standard_error_thousandths(Profile::STANDARD, Some(&own));
        assert!((6_300..6_400).contains(&two), "{two}");
        // Where nothing is added, a table changes nothing.
        let exact = Preset::Exact.profile();
        assert_eq!(count_standard_error_thousandths(exact, Some(&own)), 1);
    }
}
