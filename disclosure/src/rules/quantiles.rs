//! Histograms and quantiles: made of shown counts in the published bins, and of nothing else.
//!
//! *Statement*: `histogram(x)` and the quantiles of `x` are offered for a `measure` with declared bounds and at least 3
//! published breakpoints within them. Each bin is the count `count(x) FILTER (WHERE x >= a AND x < b)`, with its own units,
//! threshold, noise and rounding, and shows what that question shows. A quantile is computed from shown counts:
//!
//! ```text
//! m_i   the shown count of bin i; of each of the h suppressed bins  max(0, N - sum of the shown) / h
//! N     the shown count of values
//! q     = a + (b - a) * (p * M - m_0 - ... - m_(i-1)) / m_i        M = m_0 + m_1 + ...
//!       in the first bin i = [a, b) at which the sum of the m reaches p * M
//! ```
//!
//! It is suppressed if `N * min(p, 1 - p) < 10`, if bin `i` is, or if all are. It has one digit more than the
//! column: it is an estimate, and its status says so.
//!
//! | costs, breakpoints 100, 250, 1000 | shown counts | |
//! |---|---|---|
//! | `histogram(cost)` | 40, 80, `c`, 35 | `[40, 80, NULL, 35]` |
//! | `median(cost)`, `N` = 170 | 40, 80, (15), 35 | 184.4: 45 of the 80 values from 100 to 250 |
//! | `percentile_cont(0.75)` | the sum reaches 127.5 in the hidden bin | `[c]` |
//! | `percentile_cont(0.99)` | | refused |
//!
//! *Stops*: attack 14: a quantile at the end, or of few, is somebody's value. Quantiles are from P5 to P95
//! ([`Probability`] has no other values), and none is a value of the data. *Doesn't stop*: what counts at the published
//! breakpoints tell; a histogram is those counts. A hidden bin is about the count of values less the shown bins, give or take
//! the noise: so these measures aren't offered where nothing is added and complementary suppression is to see to that.
//!
//! *Source*: linear interpolation within classes, as for grouped data in any textbook; 10 values on either side is the
//! threshold of ACRO 1.0.2; percentiles near the ends as maxima and minima: Handbook on SDC, 2nd ed.; `e` for estimates: the
//! Government Statistical Service's symbols for tables.

use crate::dataset::Dataset;
use crate::label::Label;
use crate::policy::{Complementary, Predicates};
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::input::not_cut;
use crate::rules::labels::has_label;
use crate::rules::measures::measures;
use crate::tabulation::probability::MILLION;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{BINS_MAX, BREAKPOINTS_MIN, Bins, Probability, RollUp, Scalar};

/// The fewest values on either side of a quantile, going by the shown count.
pub const VALUES_BEYOND_MIN: i128 = 10;

/// All violations of a histogram's or quantile's argument.
#[must_use]
pub fn violations(argument: &Scalar, dataset: &Dataset) -> Vec<Refusal> {
    // `functions` has told about wrong types, `labels` about units.
    if type_of(argument, dataset).is_err() {
        return Vec::new();
    }
    let mut found = Vec::new();
    match argument {
        Scalar::Column(name) if has_label(dataset, name, Label::Unit) => return found,
        Scalar::Column(name) => match Bins::of(argument, dataset) {
            Some(bins) if BINS_MAX < bins.count() => found.push(Refusal::new(
                RefusalCode::L503,
                format!("`{name}` has {} bins, and a histogram has at most {BINS_MAX}.", bins.count()),
                "Ask the data owner to publish fewer breakpoints, or count with `FILTER (WHERE ...)`.",
            )),
            Some(_) => {}
            None => found.push(without_bins(name, dataset)),
        },
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => found.push(Refusal::new(
            RefusalCode::D206,
            "the argument of `histogram` and of a quantile is a measure's column, not an expression.",
            format!("Name the column, and use `FILTER (WHERE ...)`. Measures: {}.", measures(dataset)),
        )),
    }
    found.extend(whole_tables(dataset));
    found
}

fn without_bins(name: &str, dataset: &Dataset) -> Refusal {
    let is_cut = dataset.column(name).is_some_and(|c| c.breakpoints.is_some());
    if let (Some(of), false) = (RollUp::total_of(name), is_cut) {
        return not_cut(of);
    }
    if !has_label(dataset, name, Label::Measure) {
        return Refusal::new(
            RefusalCode::D206,
            format!("`{name}` isn't a `measure`, so it has no histogram and no quantiles."),
            format!("Group by it and count, or ask of a measure: {}.", measures(dataset)),
        );
    }
    Refusal::new(
        RefusalCode::D206,
        format!(
            "`{name}` doesn't have {BREAKPOINTS_MIN} published breakpoints within declared bounds, so it has no histogram and no quantiles."
        ),
        "Ask the data owner to publish breakpoints, or use `avg`.",
    )
}

/// A bin is a condition, and the bins add up to the count of values: complementary suppression doesn't look at either.
fn whole_tables(dataset: &Dataset) -> Option<Refusal> {
    let profile = dataset.profile();
    let whole = match (profile.predicates, profile.complementary) {
        (Predicates::WholeTables, _) | (_, Complementary::On) => true,
        (Predicates::Free | Predicates::Standard | Predicates::Strict, Complementary::Off) => false,
    };
    whole.then(|| {
        Refusal::new(
            RefusalCode::D204,
            format!(
                "`{}` is released as whole tables, and a histogram's bins are selections of rows.",
                dataset.name
            ),
            "Use `avg`, or ask the data owner for the column in bands, as a dimension.",
        )
    })
}

/// The counts of a histogram; `None` if no bin is shown.
#[must_use]
pub fn histogram(bins: &[Option<i128>]) -> Option<Vec<Option<i64>>> {
    let shown = |bin: &Option<i128>| bin.and_then(|n| i64::try_from(n).ok());
    bins.iter().any(Option::is_some).then(|| bins.iter().map(shown).collect())
}

/// The quantile in the column's unit, from the shown count of values and the shown counts of its bins; `None` if it is
/// suppressed. `edges` are those of [`Bins::edges`], with so many decimal `places`.
#[must_use]
pub fn quantile(
    probability: Probability,
    values: Option<i128>,
    bins: &[Option<i128>],
    edges: &[i128],
    places: u8,
) -> Option<f64> {
    let (share, million) = (i128::from(probability.millionths()), i128::from(MILLION));
    let values = values?;
    let beyond = values.saturating_mul(share.min(million.saturating_sub(share)));
    if beyond < VALUES_BEYOND_MIN.saturating_mul(million) {
        return None;
    }
    // All counts times the number of hidden bins, so that whole numbers do.
    let shown: i128 = bins.iter().flatten().sum();
    let hidden = i128::try_from(bins.iter().filter(|bin| bin.is_none()).count()).ok()?;
    let of_hidden = values.saturating_sub(shown).max(0);
    let mass = |bin: &Option<i128>| match bin {
        Some(count) => count.saturating_mul(hidden.max(1)),
        None => of_hidden,
    };
    let all: i128 = bins.iter().map(mass).sum();
    // And times a million, as the share is.
    let wanted = all.saturating_mul(share);
    let mut below = 0_i128;
    for ((bin, from), to) in bins.iter().zip(edges).zip(edges.iter().skip(1)) {
        let here = mass(bin).saturating_mul(million);
        let reached = below.saturating_add(here);
        if 0 < here && wanted <= reached {
            // In a hidden bin nothing is known of where.
            if bin.is_none() {
                return None;
            }
            let part = wanted.saturating_sub(below) as f64 / here as f64;
            let (from, to) = (*from as f64, *to as f64);
            let value = (from + (to - from) * part).clamp(from, to);
            return Some(in_column_unit(value, places));
        }
        below = reached;
    }
    None
}

/// A value in units of the last decimal place in the column's own unit, with one digit more.
#[must_use]
pub fn in_column_unit(value: f64, places: u8) -> f64 {
    (value * 10.0).round() / power_of_ten(places.saturating_add(1)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [i128; 5] = [0, 100, 250, 1_000, 5_000];

    fn at(millionths: u32, values: i128, bins: &[Option<i128>]) -> Option<f64> {
        quantile(Probability::new(millionths).unwrap(), Some(values), bins, &EDGES, 0)
    }

    #[test]
    fn a_quantile_lies_within_its_bin_as_far_as_its_share_goes() {
        let bins = [Some(100), Some(100), Some(100), Some(100)];
        for (share, expect) in [
            (50_000, 20.0),
            (125_000, 50.0),
            (250_000, 100.0),
            (375_000, 175.0),
            (500_000, 250.0),
            (750_000, 1_000.0),
            (950_000, 4_200.0),
        ] {
            assert_eq!(at(share, 400, &bins), Some(expect), "{share}");
        }
    }

    #[test]
    fn the_table_in_the_statement_is_what_comes_out() {
        let bins = [Some(40), Some(80), None, Some(35)];
        assert_eq!(histogram(&bins), Some(vec![Some(40), Some(80), None, Some(35)]));
        // 85 of 170 values: 45 of the 80 in the second bin.
        assert_eq!(at(500_000, 170, &bins), Some(184.4));
        assert_eq!(at(750_000, 170, &bins), None);
        assert_eq!(at(800_000, 170, &bins), Some(1_114.3));
    }

    #[test]
    fn hidden_bins_share_what_the_shown_ones_leave_and_no_less_than_nothing() {
        // 30 for two hidden bins.
        assert_eq!(at(500_000, 130, &[None, Some(100), None, Some(0)]), Some(175.0));
        // Noise: more in the bins than in all.
        assert_eq!(at(500_000, 90, &[None, Some(100), None, Some(0)]), Some(175.0));
        assert_eq!(at(500_000, 200, &[None; 4]), None, "all hidden");
        assert_eq!(histogram(&[None; 4]), None);
    }

    #[test]
    fn fewer_than_ten_values_on_a_side_are_too_few() {
        let bins = |n| [Some(n), Some(0), Some(0), Some(0)];
        for (share, enough) in [(50_000, 200), (100_000, 100), (500_000, 20), (900_000, 100)] {
            assert!(at(share, enough, &bins(enough)).is_some(), "{share}");
            assert_eq!(at(share, enough - 1, &bins(enough - 1)), None, "{share}");
        }
        let half = Probability::HALF;
        assert_eq!(quantile(half, None, &bins(100), &EDGES, 0), None, "the count is suppressed");
    }

    #[test]
    fn an_empty_bin_is_passed_over() {
        assert_eq!(at(500_000, 200, &[Some(100), Some(0), None, Some(100)]), Some(100.0));
    }

    #[test]
    fn places_are_those_of_the_column_and_one_more() {
        let bins = [Some(30), Some(70), Some(0), Some(0)];
        let two_places = quantile(Probability::HALF, Some(100), &bins, &EDGES, 2);
        // 1.00 and 20 of 70 parts of the 1.50 to 2.50.
        assert_eq!(two_places, Some(1.429));
        assert_eq!(at(500_000, 100, &bins), Some(142.9));
    }

    #[test]
    fn extreme_counts_and_edges_do_not_overflow() {
        let edges = [i128::MIN, -1, 0, 1, i128::MAX];
        let bins = [Some(i128::from(i64::MAX)); 4];
        let value = quantile(Probability::HALF, Some(i128::MAX), &bins, &edges, 18);
        assert!(value.is_some_and(f64::is_finite));
    }
}
