//! What a made perturbation table promises, checked over all its rows and keys.

use super::{KeySpace, MaximumEntropy, PerturbationTable, ons_pcv};

fn standard() -> PerturbationTable {
    PerturbationTable::maximum_entropy(&MaximumEntropy::standard(1))
}

/// The values of a row, by key.
fn row(table: &PerturbationTable, pcv: u64) -> Vec<i64> {
    (0..table.keys()).map(|ckey| table.perturbation(pcv, ckey)).collect()
}

fn correlation(a: &[i64], b: &[i64]) -> f64 {
    let product: i64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    let squares = |v: &[i64]| v.iter().map(|x| x * x).sum::<i64>() as f64;
    product as f64 / (squares(a) * squares(b)).sqrt()
}

#[test]
fn every_row_has_mean_zero_and_variance_two() {
    let table = standard();
    for pcv in (1..=12).chain([100, 749, 750]) {
        let values = row(&table, pcv);
        assert_eq!(values.iter().sum::<i64>(), 0, "row {pcv}");
        assert_eq!(values.iter().map(|v| v * v).sum::<i64>(), 2 * 4096, "row {pcv}");
        assert!(values.iter().all(|v| -3 <= *v && *v <= 3), "row {pcv}");
    }
}

#[test]
fn no_count_becomes_negative_and_zero_stays_zero() {
    let table = standard();
    for n in 0..6 {
        let least = row(&table, n).into_iter().min().unwrap();
        assert!(0 <= n as i64 + least, "count {n}");
    }
    assert!(row(&table, 0).into_iter().all(|v| v == 0));
}

#[test]
fn the_summary_of_a_row_is_that_of_its_values() {
    let table = standard();
    for pcv in [0, 1, 2, 3, 4, 750] {
        let values = row(&table, pcv);
        let summary = table.row(pcv);
        assert_eq!(summary.sum, values.iter().sum::<i64>());
        assert_eq!(summary.sum_of_squares as i64, values.iter().map(|v| v * v).sum::<i64>());
    }
    assert_eq!(table.row(3).mean_square_thousandths(), 2000);
    assert_eq!((table.largest(), table.standard_error_thousandths()), (3, 1415));
}

/// The standard deviation of a correlation of 4096 independent pairs is 1/64, 0.0156. The shift
/// stands for a person's record key: the pair of rows an attacker sees by leaving one person out.
#[test]
fn neighbouring_rows_do_not_move_together() {
    let table = standard();
    let rows: Vec<Vec<i64>> = (3..=160).map(|pcv| row(&table, pcv)).collect();
    let mut sizes = Vec::new();
    for (at, a) in rows.iter().enumerate() {
        for b in rows.iter().skip(at + 1).take(2) {
            for shift in [0, 1, 1234] {
                let mut shifted = b.clone();
                shifted.rotate_left(shift);
                sizes.push(correlation(a, &shifted).abs());
            }
        }
    }
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    let most = sizes.iter().copied().fold(0.0, f64::max);
    println!("{} pairs: mean |r| {mean:.4}, largest {most:.4}", sizes.len());
    assert!(most < 0.08 && mean < 0.015, "largest {most:.4}, mean {mean:.4}");
}

#[test]
fn neighbouring_keys_do_not_move_together() {
    let table = standard();
    for pcv in 3..=80 {
        let values = row(&table, pcv);
        for shift in [1, 2, 64, 1024, 2048] {
            let mut shifted = values.clone();
            shifted.rotate_left(shift);
            let r = correlation(&values, &shifted);
            // At distance M/2 every pair occurs twice, so chance alone scatters more widely.
            let most = if shift == 2048 { 0.11 } else { 0.08 };
            assert!(r.abs() < most, "row {pcv}, shift {shift}: {r:.4}");
        }
    }
}

#[test]
fn large_counts_use_every_full_row_again_and_neighbours_never_share_one() {
    let table = standard();
    for n in 0..=750 {
        assert_eq!(table.pcv(n), n);
    }
    for n in 751..20_000 {
        assert!(3 <= table.pcv(n) && table.pcv(n) <= 750, "count {n}");
        assert_ne!(table.pcv(n), table.pcv(n - 1), "count {n}");
        assert_eq!(table.pcv(table.pcv(n)), table.pcv(n), "count {n}");
    }
    assert_eq!((table.pcv(751), table.pcv(752), table.pcv(751 + 748)), (3, 4, 3));
    assert!(table.pcv(u64::MAX) <= 750);
}

#[test]
fn a_count_or_key_out_of_range_still_gets_noise() {
    let table = standard();
    for n in [751, 100_000, u64::MAX] {
        assert_eq!(table.perturbation(n, 17), table.perturbation(table.pcv(n), 17));
        assert_eq!(table.perturbation(n, 17 + 4096), table.perturbation(n, 17));
    }
}

#[test]
fn the_row_of_the_ons_package_is_followed_at_its_edges() {
    let expected = [(0, 0), (1, 1), (750, 750), (751, 501), (1000, 750), (1001, 501)];
    for (n, pcv) in expected {
        assert_eq!(ons_pcv(n), pcv, "count {n}");
    }
    assert!((501..=750).contains(&ons_pcv(u64::MAX)));
}

/// A table's copy in the ONS format gives the same perturbations and the same digest.
#[test]
fn a_made_table_survives_the_way_through_a_file() {
    let spec = MaximumEntropy::new(1500, 2, KeySpace::new(1024).unwrap(), 20, 9).unwrap();
    let made = PerturbationTable::maximum_entropy(&spec);
    let mut text = String::from("pcv,ckey,pvalue\n");
    for pcv in 0..=20 {
        for (ckey, value) in row(&made, pcv).into_iter().enumerate() {
            text.push_str(&format!("{pcv},{ckey},{value}\n"));
        }
    }
    let listed = PerturbationTable::from_csv(&text).unwrap();
    assert_eq!(listed.digest(), made.digest());
    assert_eq!((listed.keys(), listed.largest()), (made.keys(), made.largest()));
    assert_eq!(listed.standard_error_thousandths(), made.standard_error_thousandths());
    for pcv in 0..=20 {
        assert_eq!(row(&listed, pcv), row(&made, pcv));
        assert_eq!(listed.row(pcv), made.row(pcv));
    }
}

#[test]
fn another_seed_moves_the_values_and_changes_no_distribution() {
    let other = PerturbationTable::maximum_entropy(&MaximumEntropy::standard(2));
    for pcv in [1, 2, 3, 500] {
        let (mut a, mut b) = (row(&standard(), pcv), row(&other, pcv));
        assert_ne!(a, b, "row {pcv}");
        a.sort_unstable();
        b.sort_unstable();
        assert_eq!(a, b, "row {pcv}");
    }
}

/// Published counts depend on every entry: this digest may change only with the seed's meaning.
#[test]
fn the_standard_table_is_pinned() {
    assert_eq!(standard().digest(), 17_735_071_027_910_596_507);
}
