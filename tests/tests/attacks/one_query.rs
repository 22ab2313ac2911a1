//! One query: naming the victim, describing the victim, and aggregates that carry one person's value.

use insitu_disclosure::Profile;
use insitu_disclosure::policy::Dominance;

use super::lab::{
    Lab, NO_RULES, Person, THRESHOLD_ONLY, VICTIM, What, advantage, is_member, people,
};
use super::town::{TOWNS, is_refused, is_refused_as, is_suppressed};

#[test]
fn attack_01_naming_the_victim() {
    let count = "SELECT count(*) FROM health.episodes WHERE";
    is_refused(&format!("{count} person = 'victim'"), "D202");
    is_refused(&format!("{count} upper(person) LIKE 'VIC%'"), "D202");
    is_refused(&format!("{count} length(person) = 6"), "D202");
    is_refused_as(
        &format!("{count} md5(person) = 'e8b5'"),
        &format!("{count} person = 'victim'"),
        "D202|Q108",
    );
}

#[test]
fn attack_02_describing_the_victim() {
    is_suppressed(
        "SELECT count(*) FROM health.episodes WHERE area = 'Z' AND age = 87 AND sex = 'M' \
         AND admitted >= DATE '2018-03-01' AND admitted < DATE '2018-04-01'",
    );
}

#[test]
fn attack_03_many_rows_of_one_person() {
    // Twelve rows would pass a threshold of ten rows.
    let sql = "SELECT count(*) FROM health.episodes WHERE area = 'Z'";
    assert_eq!(TOWNS.truth(0, sql).unwrap(), [["12"]]);
    is_suppressed(sql);
    // Nor do they pass for one who is known by their number.
    let visitors = "FROM (SELECT person, count(*) AS n FROM health.episodes GROUP BY person)";
    let sql = format!("SELECT count(*) {visitors} WHERE n = 12");
    assert_eq!(TOWNS.truth(0, &sql).unwrap(), [["1"]]);
    is_suppressed(&sql);
}

#[test]
fn attack_04_rows_without_an_id_are_one_unit() {
    let sql = "SELECT count(*) FROM health.episodes WHERE area = 'N'";
    assert_eq!(TOWNS.truth(0, sql).unwrap(), [["12"]]);
    is_suppressed(sql);
    is_suppressed("SELECT sum(cost) FROM health.episodes WHERE area = 'N'");
}

#[test]
fn attack_05_case_inside_a_sum() {
    // It is the total of those few, who are too few.
    is_suppressed("SELECT sum(CASE WHEN area = 'Z' THEN cost END) FROM health.episodes");
    is_suppressed("SELECT sum(CASE WHEN area = 'Z' THEN cost ELSE 0 END) FROM health.episodes");
    is_suppressed("SELECT avg(CASE WHEN area = 'Z' THEN 1 ELSE 0 END) FROM health.episodes");
    // What others come to doesn't hide that they are few: each is a cell of its own.
    is_suppressed("SELECT sum(CASE WHEN area = 'Z' THEN cost ELSE 1 END) FROM health.episodes");
    is_suppressed("SELECT avg(CASE WHEN area = 'Z' THEN cost ELSE 0 END) FROM health.episodes");
    is_suppressed("SELECT sum(CASE WHEN area = 'Z' THEN cost ELSE -cost END) FROM health.episodes");
    is_suppressed("SELECT count(CASE WHEN area = 'Z' THEN cost ELSE 0 END) FROM health.episodes");
}

#[test]
fn attack_06_a_value_in_the_leading_digits_of_a_sum() {
    let carried = "SELECT sum(cost + CASE WHEN area = 'E' AND icd10 = 'F20' THEN 1000000000000 * age ELSE 0 END) \
                   / 1000000000000 FROM health.episodes";
    // The victim's age, exactly.
    assert_eq!(TOWNS.truth(0, carried).unwrap(), [["87"]]);
    is_refused(carried, "D206");
}

#[test]
fn attack_07_case_inside_a_distinct_count() {
    let few = "SELECT count(DISTINCT CASE WHEN area = 'Z' THEN person END) FROM health.episodes";
    is_suppressed(few);
    let known = "SELECT count(DISTINCT CASE WHEN area = 'Z' THEN person ELSE 'others' END) FROM health.episodes";
    is_refused(known, "D202|D210");
    is_suppressed("SELECT count(CASE WHEN area = 'Z' THEN cost END) FROM health.episodes");
}

#[test]
fn attack_08_filter_that_names_or_describes_the_victim() {
    is_refused("SELECT count(*) FILTER (WHERE person = 'victim') FROM health.episodes", "D202");
    is_suppressed("SELECT count(*) FILTER (WHERE area = 'Z' AND age = 87) FROM health.episodes");
}

#[test]
fn attack_09_a_rare_value_in_a_large_group() {
    is_suppressed("SELECT avg(rare), sum(rare), count(rare) FROM health.episodes");
}

#[test]
fn attack_10_aggregates_of_bits() {
    is_refused("SELECT bool_or(area = 'Z') FROM health.episodes", "D205|Q108");
    is_refused("SELECT bit_xor(age) FROM health.episodes", "D205|Q108");
}

#[test]
fn attack_11_keys_that_single_out() {
    is_refused("SELECT cost, count(*) FROM health.episodes GROUP BY cost", "D203");
    // The victim's group has no row, although nothing is known to be in it or not.
    let sql =
        "SELECT CASE WHEN area = 'Z' THEN 1 ELSE 0 END, count(*) FROM health.episodes GROUP BY 1";
    assert_eq!([0, 1].map(|town| TOWNS.truth(town, sql).unwrap().len()), [2, 1]);
    let of_one = |sql| TOWNS.ask(0, sql).unwrap();
    assert!(of_one(sql).iter().all(|row| row[0] == "0"), "{:?}", of_one(sql));
}

#[test]
fn attack_12_dominance() {
    let victim_costs = 500_000;
    let mut firm: Vec<Person> = (0..14).map(|i| (i, 100)).collect();
    firm.push((VICTIM, victim_costs));
    // Without: the total is the victim's cost within a third of a per cent.
    let without = Lab::new(Profile { dominance: Dominance::OFF, ..THRESHOLD_ONLY }, 12);
    let total = without.ask(What::Sum, "Z", &firm).unwrap();
    let error = (i128::from(total) - victim_costs) as f64 / victim_costs as f64;
    assert!(error.abs() < 0.003, "{error}");
    // With: the same whatever the victim costs.
    let shown: Vec<_> = [50_000, victim_costs, 1_000_000]
        .map(|cost| {
            firm[14].1 = cost;
            Lab::new(Profile::STANDARD, 12).ask(What::Sum, "Z", &firm)
        })
        .into();
    assert_eq!(shown, [None; 3]);
}

#[test]
fn attack_13_aggregates_that_are_somebodys_value() {
    for aggregate in ["max(cost)", "max(age)", "max(person)"] {
        is_refused(&format!("SELECT {aggregate} FROM health.episodes"), "D205|D202");
    }
    for aggregate in
        ["last_value(icd10 ORDER BY age)", "string_agg(icd10, ',')", "array_agg(icd10)"]
    {
        is_refused(&format!("SELECT {aggregate} FROM health.episodes"), "D205|Q104|Q108");
    }
}

#[test]
fn attack_13_what_somebodys_rows_come_to() {
    let of = |above: &str, below: &str| {
        above.replace(
            "TOTALS",
            &format!(
                "(SELECT person, sum(cost) AS t FROM health.episodes {below} GROUP BY person)"
            ),
        )
    };
    // As a key, exact, it names one person; so does a cut of the analyst's choice.
    is_refused(&of("SELECT t, count(*) FROM TOTALS GROUP BY t", ""), "D203");
    is_refused(&of("SELECT t / 1000, count(*) FROM TOTALS GROUP BY t / 1000", ""), "D203");
    is_refused(&of("SELECT max(t) FROM TOTALS", ""), "D205");
    is_refused(&of("SELECT count(*) FROM TOTALS WHERE t > 108000", ""), "D204");
    is_refused(&of("SELECT count(*) FROM TOTALS WHERE t BETWEEN 116999 AND 117001", ""), "D204");
    is_refused(&of("SELECT count(DISTINCT t) FROM TOTALS", ""), "D210");
    is_refused(&of("SELECT sum(t * 1000) FROM TOTALS", ""), "D206");
    // The largest and smallest of somebody's values are single records.
    is_refused(&of("SELECT sum(t) FROM TOTALS", "").replace("sum(cost)", "max(cost)"), "D20");
    // At a published breakpoint there are the victim and those without an id; of one person there is no total.
    is_suppressed(&of("SELECT count(*) FROM TOTALS WHERE t >= 10000", ""));
    is_suppressed(&of("SELECT sum(t), avg(t), count(t) FROM TOTALS", "WHERE age = 87"));
    // A bin of one person.
    for town in 0..2 {
        let bins = TOWNS.ask(town, &of("SELECT histogram(t) FROM TOTALS", "")).unwrap();
        assert!(bins[0][0].ends_with("NULL]"), "{bins:?}");
    }
}

#[test]
fn attack_14_a_quantile_at_the_end_is_the_maximum() {
    for quantile in [
        "approx_percentile_cont(cost, 1.0)",
        "approx_percentile_cont(cost, 0.999)",
        "percentile_cont(1.0) WITHIN GROUP (ORDER BY cost)",
        "percentile_cont(0.0) WITHIN GROUP (ORDER BY cost DESC)",
    ] {
        is_refused(&format!("SELECT {quantile} FROM health.episodes"), "D205");
    }
}

#[test]
fn attack_14_a_quantile_of_few_is_somebodys_value() {
    is_suppressed("SELECT median(cost) FROM health.episodes WHERE area = 'Z'");
    is_suppressed("SELECT median(cost) FROM health.episodes WHERE area = 'N'");
    is_suppressed(
        "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY cost) FROM health.episodes WHERE area = 'E'",
    );
    // Everybody in a group of one, but for those who don't count.
    is_suppressed("SELECT median(cost) FILTER (WHERE age = 87) FROM health.episodes");
}

#[test]
fn attack_14_a_bin_of_one_person() {
    // Nobody else costs more than 1000: without the rule the last bin counts the victim's rows.
    let by_hand = "SELECT count(cost) FILTER (WHERE cost >= 1000) FROM health.episodes";
    let gained = TOWNS.attack("SELECT histogram(cost) FROM health.episodes", by_hand);
    assert_eq!(gained.unprotected, 0.5);
    let last = [0, 1].map(|town| {
        let told = TOWNS.ask(town, "SELECT histogram(cost) FROM health.episodes").unwrap();
        let bins = told[0][0].trim_matches(['[', ']']).to_owned();
        bins.split(", ").map(|bin| bin == "NULL").collect::<Vec<_>>()
    });
    assert_eq!(last[0], last[1], "which bins are shown doesn't tell");
    assert_eq!(last[0].last(), Some(&true), "{last:?}");
    assert!(last[0].iter().any(|hidden| !hidden), "{last:?}");
    // The unprotected engine has no histograms: the counts of the bins come to this.
    let of_one = "SELECT count(cost) FROM health.episodes WHERE area = 'Z'";
    let gained =
        TOWNS.attack("SELECT histogram(cost) FROM health.episodes WHERE area = 'Z'", of_one);
    assert_eq!((gained.unprotected, gained.protected), (0.5, 0.0));
    assert_eq!(gained.told.unwrap(), [["[c]"]]);
}

/// How many more the count of values is than the shown bins: what is left for the bin that is hidden.
fn left_over(profile: Profile, trial: u8) -> i64 {
    let lab = Lab::new(profile, trial);
    let bins: Vec<Vec<Person>> = (0..5).map(|bin| people(bin * 100..bin * 100 + 40)).collect();
    let mut all = bins.concat();
    all.extend(people(is_member(trial).then_some(VICTIM)));
    let shown: i64 = bins
        .iter()
        .enumerate()
        .map(|(bin, members)| lab.ask(What::Values(0), &format!("bin {bin}"), members).unwrap())
        .sum();
    lab.ask(What::Values(0), "all", &all).unwrap() - shown
}

#[test]
fn attack_14_a_hidden_bin_as_what_the_others_leave() {
    let gained = |profile| advantage(200, |trial| 0 < left_over(profile, trial));
    assert_eq!(gained(THRESHOLD_ONLY), 0.5);
    let with_noise = gained(Profile::STANDARD);
    println!("attack 14, the hidden bin of one: advantage {with_noise:.3}");
    assert!(with_noise.abs() < 0.15, "{with_noise}");
}

#[test]
fn attack_15_correlation_of_two_rows() {
    // Two people have the rare value, the victim among them: their correlation is 1 or -1, and the deviation is how far
    // the victim is from the other.
    is_suppressed("SELECT corr(rare, cost), regr_slope(rare, cost) FROM health.episodes");
    is_suppressed("SELECT stddev(rare) FROM health.episodes");
    is_suppressed("SELECT regr_sxx(cost, rare), regr_count(cost, rare) FROM health.episodes");
    // Twelve rows of the victim are one unit, and so are twelve without an id.
    is_suppressed(
        "SELECT var_pop(cost), corr(rare, cost) FROM health.episodes WHERE area IN ('Z', 'N')",
    );
}

/// The victim's cost from the variance of people whose costs are known but for the victim's.
fn solved(variance: f64, known: &[Person]) -> f64 {
    let n = (known.len() + 1) as f64;
    let total: f64 = known.iter().map(|(_, cost)| *cost as f64).sum();
    let squares: f64 = known.iter().map(|(_, cost)| (cost * cost) as f64).sum();
    // n * V = squares + v^2 - (total + v)^2 / n
    let (a, b) = (1.0 - 1.0 / n, -2.0 * total / n);
    let c = squares - total * total / n - n * variance;
    (-b + (b * b - 4.0 * a * c).max(0.0).sqrt()) / (2.0 * a)
}

#[test]
fn attack_15_a_deviation_of_people_known_but_for_one() {
    let known = |number: u64| -> Vec<Person> {
        (0..number).map(|i| (i, 1_000 + i128::from(i * 37 % 400))).collect()
    };
    let victim_costs = 2_400;
    let told = |profile, number: u64, seed| {
        let known = known(number);
        let group = [&known[..], &[(VICTIM, victim_costs)]].concat();
        let variance = Lab::new(profile, seed).variance("group", &group)?;
        Some(solved(variance, &known) / victim_costs as f64 - 1.0)
    };
    // Without the rule, ten people pass the threshold, and nine of them know the tenth.
    let without = told(THRESHOLD_ONLY, 9, 1).unwrap();
    assert!(without.abs() < 1e-9, "{without}");
    // With it, there is nothing to solve.
    let dof = Profile { degrees_of_freedom: 10, ..THRESHOLD_ONLY };
    assert_eq!(told(dof, 9, 1), None);
    // Where there are enough units the rule lets it pass, and the noise is for it.
    assert!(told(dof, 30, 1).unwrap().abs() < 1e-9);
    let errors: Vec<f64> =
        (0..60).filter_map(|seed| told(Profile::STANDARD, 30, seed)).map(f64::abs).collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("attack 15, one of 31: off by {:.1} % in the mean of {}", 100.0 * mean, errors.len());
    assert!(errors.len() == 60 && 0.1 < mean, "{mean}");
}

#[test]
fn attack_15_a_variance_of_nothing_but_equal_values() {
    // Forty people cost 100 each. Does the victim, too, or 300?
    let group = |trial| {
        let victim = if is_member(trial) { 300 } else { 100 };
        let group: Vec<Person> = (0..40).map(|i| (i, 100)).chain([(VICTIM, victim)]).collect();
        group
    };
    let at_300 = 200.0 * 200.0 * 40.0 / 41.0 / 41.0;
    let guess = |profile, trial: u8| {
        Lab::new(profile, trial).variance("group", &group(trial)).unwrap() > at_300 / 2.0
    };
    assert_eq!(advantage(100, |trial| guess(NO_RULES, trial)), 0.5);
    let gained = advantage(100, |trial| guess(Profile::STANDARD, trial));
    // The total of the same people, which was always shown, tells as much.
    let by_total = advantage(100, |trial| {
        let total = Lab::new(Profile::STANDARD, trial).ask(What::Sum, "group", &group(trial));
        total.unwrap() > 4_200
    });
    println!("attack 15, by a constant's variance: {gained:.3}; by its total: {by_total:.3}");
    assert!(gained <= 0.3 && gained <= by_total + 0.1, "{gained} {by_total}");
}
