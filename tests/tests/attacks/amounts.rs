//! One person's amount, by as many totals as anybody likes. Simulations; seeds are the trials' numbers.

use insitu_disclosure::Profile;
use insitu_disclosure::policy::DifferenceGuard;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::lab::{Lab, NO_RULES, Person, VICTIM, What, advantage, is_member};

const VICTIMS: u8 = 40;

/// 200 people with incomes of all sizes, and the victim, who has a little more than the largest of them: about 4 % of all.
fn town(random: &mut StdRng) -> (Vec<Person>, i128) {
    let income = |random: &mut StdRng| {
        // The sum of twelve even draws is as good as a normal one.
        let normal = (0..12).map(|_| random.random_range(-0.5..0.5)).sum::<f64>();
        (22_000.0 * (0.8 * normal).exp()) as i128
    };
    let others: Vec<Person> = (0..200).map(|person| (person, income(random))).collect();
    let largest = others.iter().map(|(_, income)| *income).max().unwrap();
    (others, largest * 11 / 10)
}

/// The grand total by so many random halvings, each half a question of its own, in the mean.
fn by_halves(lab: &Lab, name: &str, people: &[Person], halvings: u32, seed: &mut StdRng) -> f64 {
    let mut sum = 0;
    for halving in 0..halvings {
        let (one, other): (Vec<Person>, Vec<Person>) =
            people.iter().partition(|_| seed.random_range(0..2) == 0);
        for (half, people) in [one, other].iter().enumerate() {
            sum += lab.ask(What::Sum, &format!("{name} {halving} {half}"), people).unwrap_or(0);
        }
    }
    sum as f64 / f64::from(halvings)
}

/// How far off each victim's amount is found, as a share of it: everybody by some columns, less everybody but the victim by
/// others. No two cells are of nearly the same people, so that nothing is repeated, and every wording has noise of its own.
fn errors(profile: Profile, halvings: u32) -> Vec<f64> {
    (0..VICTIMS)
        .map(|trial| {
            let lab = Lab::new(profile, trial).named();
            let mut random = StdRng::seed_from_u64(u64::from(trial) + 900);
            let (others, amount) = town(&mut random);
            let mut all = others.clone();
            all.push((VICTIM, amount));
            let found = by_halves(&lab, "all", &all, halvings, &mut random)
                - by_halves(&lab, "but the victim", &others, halvings, &mut random);
            (found / amount as f64 - 1.0).abs()
        })
        .collect()
}

fn within(errors: &[f64], share: f64) -> f64 {
    errors.iter().filter(|error| **error < share).count() as f64 / errors.len() as f64
}

/// How often the amount is found within a tenth, as dominance rules forbid for one table. Without infusion the noise of many
/// partitions wears out. With it what is left, however many there are, is somebody's infused amount, a tenth and more off.
#[test]
fn attack_27_an_amount_by_sums_over_other_partitions() {
    let without = Profile { infusion_percent: 0, ..Profile::STANDARD };
    for halvings in [1, 30, 120] {
        let [bare, infused] = [without, Profile::STANDARD].map(|profile| errors(profile, halvings));
        let [known, still_known] = [&bare, &infused].map(|errors| within(errors, 0.1));
        println!(
            "attack 27, {halvings} partitions a side: within 10 % {known:.2}, with infusion {still_known:.2}; within 5 % \
             {:.2}, {:.2}",
            within(&bare, 0.05),
            within(&infused, 0.05)
        );
        if halvings == 120 {
            assert!(0.8 < known, "{known}");
            // What is left of the other noise blurs the infused amount.
            assert!(within(&infused, 0.05) < 0.2 && still_known < 0.45, "{still_known}");
        }
    }
}

/// Were there no rule and no other noise at all, the plain difference of two totals would still be no closer.
#[test]
fn attack_21_an_amount_without_any_other_noise() {
    let differences = |profile| -> Vec<f64> {
        (0..VICTIMS)
            .map(|trial| {
                let lab = Lab::new(profile, trial);
                let (others, amount) = town(&mut StdRng::seed_from_u64(u64::from(trial)));
                let mut all = others.clone();
                all.push((VICTIM, amount));
                let total = |name, people: &[Person]| lab.ask(What::Sum, name, people).unwrap();
                let found = total("all", &all) - total("but the victim", &others);
                (found as f64 / amount as f64 - 1.0).abs()
            })
            .collect()
    };
    assert_eq!(within(&differences(NO_RULES), 0.001), 1.0);
    let infused = differences(Profile { infusion_percent: 10, ..NO_RULES });
    assert_eq!(within(&infused, 0.099_9), 0.0);
    assert_eq!(within(&infused, 0.200_1), 1.0);
}

/// Everybody's total by `sum`, and everybody's but the victim's by the mean of pairs and their number. Where everybody is known
/// to have at least so much, moments are of what is more: the total is that too, so that the guard knows the one by the other.
#[test]
fn attack_27_a_total_and_the_deviations_of_a_moment() {
    let guess = |profile, trial: u8| {
        let lab = Lab::new(profile, trial).costs_from(60);
        let mut random = StdRng::seed_from_u64(u64::from(trial) + 300);
        let differences = (0..15).filter_map(|pair| {
            let known: Vec<Person> =
                (0..40).map(|n| (pair * 1_000 + n, random.random_range(100..200))).collect();
            let mut all = known.clone();
            all.extend(is_member(trial).then_some((VICTIM, 190)));
            let with = lab.ask(What::Sum, &format!("all {pair}"), &all)? as f64;
            Some(with - lab.total_of_pairs(&format!("but the victim {pair}"), &known)?)
        });
        let differences: Vec<f64> = differences.collect();
        differences.iter().sum::<f64>() > 95.0 * differences.len() as f64
    };
    assert_eq!(advantage(20, |t| guess(NO_RULES, t)), 0.5);
    let without = Profile { guard: DifferenceGuard::Off, ..Profile::STANDARD };
    let [alone, guarded] =
        [without, Profile::STANDARD].map(|profile| advantage(40, |t| guess(profile, t)));
    println!(
        "attack 27, totals and deviations, 15 pairs: noise alone {alone:.3}, guard {guarded:.3}"
    );
    assert!(0.1 < alone, "{alone}");
    assert!(guarded <= 0.05, "{guarded}");
}
