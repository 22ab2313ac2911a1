//! How far apart the sums say that two sets are, and how often they err.

use super::*;
use crate::evidence::SignCounts;
use crate::evidence::made_up::counted;

fn residues(counts: &SignCounts) -> Residues {
    Residues::of(&counts.to_sketch())
}

#[test]
fn residues_measure_close_counters_exactly_however_large() {
    for base in [0, 100, 127, 128, -129, 40_000, i32::MAX - 35, i32::MIN] {
        for gap in [0, 1, 12, 28, 35] {
            let low = |counter: i32| counter.to_le_bytes()[0].cast_signed();
            let (a, b) = ([low(base); 32], [low(base.wrapping_add(gap)); 32]);
            assert_eq!(u64::from(squares(&a, &b)), 32 * (gap * gap) as u64, "{base}, {gap}");
        }
    }
}

#[test]
fn further_sums_are_compared_where_both_have_them() {
    for (n, m) in [(0, 10), (10, 12), (48, 48), (48, 49), (49, 48), (49, 60), (300, 310)] {
        let (a, b) = (residues(&counted(0..n)), residues(&counted(5..5 + m)));
        assert_eq!(a.further.is_some(), n <= 48);
        let gaps = |a: &[i8], b: &[i8]| -> i32 {
            a.iter().zip(b).map(|(a, b)| (i32::from(*a) - i32::from(*b)).pow(2)).sum()
        };
        let first = gaps(&a.first, &b.first) + gaps(&a.second, &b.second);
        let all = match (&a.further, &b.further) {
            (Some(mine), Some(theirs)) => first + gaps(mine, theirs),
            _ => 4 * first,
        };
        assert_eq!(a.squares(&b), all.cast_unsigned(), "{n} and {m}");
    }
}

#[test]
fn equal_sets_differ_by_exactly_0_and_one_unit_by_exactly_1() {
    for size in [0, 10, 47, 48, 49, 500] {
        let a = residues(&counted(0..size));
        assert_eq!(a.squares(&a), 0);
        let b = residues(&counted(0..size + 1));
        assert_eq!(a.squares(&b), 256);
        assert_eq!(b.squares(&a), 256);
    }
}

#[test]
fn small_disjoint_sets_are_hardly_ever_close_by_all_counters() {
    let (mut by_all, mut by_64) = (0, 0);
    for pair in 0..20_000_u64 {
        let start = pair * 1_000_003;
        let a = residues(&counted(start..start + 10));
        let b = residues(&counted(start + 500..start + 510));
        by_all += u32::from(a.squares(&b) < 13 * 256);
        let first = |of: Residues| Residues { further: None, ..of };
        by_64 += u32::from(first(a).squares(&first(b)) < 13 * 256);
    }
    println!("of 20 000 pairs of 10: {by_64} by 64 counters, {by_all} by 256");
    // In the mean 235 and 0.04.
    assert!((160..320).contains(&by_64) && by_all <= 1, "{by_64} and {by_all}");
}

/// Mean, spread and the share of estimates under 13, each from 4000 pairs of sets that share
/// `common` units and differ by `d`.
fn estimates(common: u64, d: u64) -> (f64, f64, f64) {
    let trials = 4000_u64;
    let (mut sum, mut squares, mut under) = (0.0, 0.0, 0.0);
    for trial in 0..trials {
        let start = trial * 1_000 + d * 1_000_000_007;
        let middle = start + 500;
        let common = counted(start..start + common);
        let mut left = common.clone();
        left.merge(&counted(middle..middle + d / 2));
        let mut right = common;
        right.merge(&counted(middle + 200..middle + 200 + d - d / 2));
        let estimate = residues(&left).squares(&residues(&right));
        let value = f64::from(estimate) / 256.0;
        sum += value;
        squares += value * value;
        under += f64::from(u8::from(estimate < 13 * 256));
    }
    let n = trials as f64;
    (sum / n, (squares / n - (sum / n).powi(2)).max(0.0).sqrt(), under / n)
}

#[test]
fn the_estimate_has_the_mean_and_spread_that_the_theory_says() {
    // Common units, counters compared, symmetric difference, and the share of estimates under
    // 13 (wide enough for 4000 trials).
    let shares = [
        (200, 64, 1, 1.0..=1.0),
        (200, 64, 2, 1.0..=1.0),
        (200, 64, 5, 1.0..=1.0),
        (200, 64, 12, 0.66..=0.74),
        (200, 64, 13, 0.48..=0.56),
        (200, 64, 30, 0.0..=0.002),
        (200, 64, 100, 0.0..=0.0),
        // 48 and 49: the one has further counters and the other has not, so none are used.
        (48, 64, 1, 1.0..=1.0),
        (42, 64, 13, 0.48..=0.56),
        (20, 256, 1, 1.0..=1.0),
        (20, 256, 2, 1.0..=1.0),
        (20, 256, 5, 1.0..=1.0),
        (20, 256, 12, 0.80..=0.88),
        (20, 256, 13, 0.46..=0.54),
        (20, 256, 20, 0.0..=0.001),
        (0, 256, 20, 0.0..=0.001),
        (0, 256, 30, 0.0..=0.0),
    ];
    for (common, counters, d, share) in shares {
        let (mean, spread, under) = estimates(common, d);
        let size = d as f64;
        let theory = ((2.0 * size * size - 2.0 * size) / f64::from(counters)).sqrt();
        println!(
            "{counters} counters, d {d}: mean {mean:.2}, spread {spread:.2} ({theory:.2}), \
             under 13 {under:.4}"
        );
        assert!((mean - size).abs() <= 0.08 * theory, "mean {mean} for {d}");
        assert!((spread - theory).abs() <= 0.06 * theory + 1e-9, "spread {spread} for {d}");
        assert!(share.contains(&under), "{under} under 13 for {d}");
    }
}
