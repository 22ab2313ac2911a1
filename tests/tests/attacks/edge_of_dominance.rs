//! Whether a total is suppressed for dominance, asked with sets of known people: a scale for the victim's value. A simulation;
//! seeds are the trials' numbers.

use std::ops::Range;

use insitu_disclosure::{Preset, Profile};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::lab::{Lab, Person, VICTIM, What};

/// The attacker knows 1000 people and what they cost: from 20 on, each 0.6 % more than the one before, up to 8000.
fn known(person: u64) -> i128 {
    (20.0 * 1.006_f64.powi(person as i32)) as i128
}

/// 25 people who cost about this much together, other ones each time.
fn people_who_cost(total: f64, random: &mut StdRng) -> Vec<Person> {
    let middle = ((total / 25.0 / 20.0).ln() / 1.006_f64.ln()).clamp(40.0, 959.0);
    let mut numbers = Vec::new();
    while numbers.len() < 25 {
        let number = (middle + random.random_range(-40.0..40.0)) as u64;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers.into_iter().map(|number| (number, known(number))).collect()
}

/// How many times the victim would have to cost of what is estimated, or the other way round, after so many sets, for the
/// middle one of the trials. `shown_at` is the chance that a total is shown whose others are so many times what the limit asks;
/// the next set's are about `aims` times what it would ask of the cost that is likeliest.
fn error(
    lab: impl Fn(u8) -> Lab,
    sets: u32,
    shown_at: impl Fn(f64) -> f64,
    aims: Range<f64>,
) -> f64 {
    let mut errors: Vec<f64> = (0..60)
        .map(|trial| {
            let lab = lab(trial);
            let mut random = StdRng::seed_from_u64(u64::from(trial) + 5_000);
            let cost = 20_000.0 * 50.0_f64.powf(random.random_range(0.05..0.95));
            // How likely each cost is, in steps of half a per cent.
            let costs: Vec<f64> = (0..785).map(|i| 20_000.0 * 1.005_f64.powi(i)).collect();
            let mut weights = vec![0.0_f64; costs.len()];
            for set in 0..sets {
                let guess = middle(&costs, &weights);
                // (2, 90): the others must be a ninth of the victim and the largest of them.
                let aim = guess / 9.0 * random.random_range(aims.clone());
                let mut group = people_who_cost(aim, &mut random);
                let (rest, largest) = rest_and_largest(&group);
                group.push((VICTIM, cost as i128));
                let shown = lab.ask(What::Sum, &format!("set {set}"), &group).is_some();
                for (cost, weight) in costs.iter().zip(&mut weights) {
                    let chance = shown_at(rest * 9.0 / (cost + largest)).clamp(0.001, 0.999);
                    *weight += if shown { chance } else { 1.0 - chance }.ln();
                }
            }
            let estimate = middle(&costs, &weights);
            (estimate / cost).max(cost / estimate)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

fn rest_and_largest(group: &[Person]) -> (f64, f64) {
    let largest = group.iter().map(|(_, cost)| *cost).max().unwrap() as f64;
    (group.iter().map(|(_, cost)| *cost as f64).sum::<f64>() - largest, largest)
}

/// The cost below which half of the probability is.
fn middle(costs: &[f64], logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let half = weights.iter().sum::<f64>() / 2.0;
    let mut below = 0.0;
    let found = weights.iter().position(|weight| {
        below += weight;
        half <= below
    });
    costs[found.unwrap()]
}

/// A limit without an edge is a scale, and the victim's cost is read off it to a few per cent, as closely as there are
/// known people to put on it. With the edge it takes many sets to come near what noise leaves of one total. And what is on the
/// scale is the infused cost, so that however many sets there are, what they tell is at least 10 % off.
#[test]
fn attack_12_a_limit_on_dominance_as_a_scale() {
    let sharp = |times: f64| if times <= 1.0 { 0.0 } else { 1.0 };
    let wide = |times: f64| {
        let place = (times.ln() / 4.0_f64.ln()).clamp(0.0, 1.0);
        (std::f64::consts::FRAC_PI_2 * place).sin().powi(2)
    };
    let bare = Profile { infusion_percent: 0, ..Profile::STANDARD };
    let mut found = Vec::new();
    for sets in [12, 40] {
        let without = error(|trial| Lab::new(bare, trial).named(), sets, sharp, 0.99..1.01);
        let edge = error(|trial| Lab::new(bare, trial), sets, wide, 1.0..2.5);
        let infused =
            error(|trial| Lab::new(Profile::STANDARD, trial).named(), sets, sharp, 0.99..1.01);
        let both = error(|trial| Lab::new(Profile::STANDARD, trial), sets, wide, 1.0..2.5);
        println!(
            "attack 12, {sets} sets: known within {without:.3} times, {edge:.3} with the edge, {infused:.3} with infusion, \
             {both:.3} with both"
        );
        // Its edges are those of `standard`, and so is its infusion.
        let midpoint = Preset::Midpoint6.profile();
        let of_midpoint = error(|trial| Lab::new(midpoint, trial), sets, wide, 1.0..2.5);
        println!("attack 12, {sets} sets: midpoint-6 {of_midpoint:.3}");
        assert!(1.1 < of_midpoint, "{of_midpoint}");
        found.push([without, edge, infused, both]);
    }
    let [after_12, after_40]: [[f64; 4]; 2] = found.as_slice().try_into().unwrap();
    assert!(after_12[0] < 1.08 && after_40[0] < 1.03, "a scale: {found:?}");
    assert!(1.1 < after_12[1] && 1.04 < after_40[1], "{found:?}");
    for [_, _, infused, both] in [after_12, after_40] {
        assert!(1.1 < infused && 1.1 < both, "{found:?}");
    }
}
