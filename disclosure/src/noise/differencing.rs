//! How often a pair of questions that differ by one person gives that person away.
//!
//! The attacker knows everybody else: `n - 1` people have the attribute. Question A selects them
//! and the victim, if the victim has it; question B selects them without the victim. So A and B
//! are the same people unless the victim is in. Both worlds are equally likely, and the attacker
//! picks the likelier one given what is shown (Bayes), which is the best anyone can do.
//!
//! With the cell's layer alone the same people always get the same noise: shown values that differ
//! prove that the victim is in. The question's layer takes that proof away, but not all of the
//! evidence: pairs about the same victim add up, and so do differently worded questions about the
//! same people. That is why a difference guard stands behind the noise; it isn't part of this
//! simulation.

use super::keyed_permutation::SplitMix64;
use super::{Layers, MaximumEntropy, PerturbationTable};

/// Perturbations with their probabilities.
type Probabilities = Vec<(i64, f64)>;

fn probabilities(table: &PerturbationTable) -> Probabilities {
    let keys = table.keys();
    let pcv = table.widest_pcv();
    (-3..=3)
        .map(|value| {
            let count = (0..keys).filter(|k| table.perturbation(pcv, *k) == value).count();
            (value, count as f64 / f64::from(keys))
        })
        .collect()
}

/// How the attack is carried out.
#[derive(Clone, Copy)]
struct Attack {
    /// Pairs of questions, each with other people around the same victim.
    pairs: u32,
    /// Wordings of each question that select the same people but have another coordinate.
    wordings: u32,
    /// 1, or the base to which the shown counts are rounded.
    rounding_base: i64,
}

struct Simulation<'a> {
    layers: Layers<'a>,
    cell: Probabilities,
    question: Probabilities,
}

impl Simulation<'_> {
    /// How often the attacker is right, per mille.
    fn right_per_mille(&self, attack: Attack, trials: u32) -> u32 {
        let mut stream = SplitMix64::new(20);
        let right: u32 = (0..trials)
            .map(|trial| {
                let victim_in = trial % 2 == 0;
                let evidence = self.evidence(attack, victim_in, &mut stream);
                // Evidence for neither world is worth half a right answer.
                if evidence == 0.0 { 1 } else { 2 * u32::from((evidence > 0.0) == victim_in) }
            })
            .sum();
        right * 500 / trials
    }

    /// The logarithm of how much likelier what is shown is with the victim in.
    fn evidence(&self, attack: Attack, victim_in: bool, stream: &mut SplitMix64) -> f64 {
        let record_key = stream.next() as u32 & 4095;
        let mut evidence = 0.0;
        for _ in 0..attack.pairs {
            let others = 20 + stream.next() % 1000;
            let others_key = stream.next() as u32 & 4095;
            let (n, key) = if victim_in {
                (others + 1, others_key + record_key)
            } else {
                (others, others_key)
            };
            let a = self.likelihoods(attack, others, n, key, stream);
            let b = self.likelihoods(attack, others, others, others_key, stream);
            // Indexed by the offset from `others` before the question's layer, from -3 on.
            let from = |v: i64| (v + 3) as usize;
            let out: f64 = self.cell.iter().map(|(v, p)| p * a[from(*v)] * b[from(*v)]).sum();
            let in_a: f64 = self.cell.iter().map(|(v, p)| p * a[from(v + 1)]).sum();
            let in_b: f64 = self.cell.iter().map(|(v, p)| p * b[from(*v)]).sum();
            evidence += (in_a * in_b).ln() - out.ln();
        }
        evidence
    }

    /// Asks about `n` people in every wording; how likely the answers are if the count with the
    /// cell's noise is `others - 3`, ..., `others + 4`.
    fn likelihoods(
        &self,
        attack: Attack,
        others: u64,
        n: u64,
        key: u32,
        stream: &mut SplitMix64,
    ) -> [f64; 8] {
        let base = attack.rounding_base;
        let show = |count: i64| (count + base / 2) / base * base;
        let mut likelihoods = [1.0; 8];
        for _ in 0..attack.wordings {
            let shown = show(n as i64 + self.layers.perturb(n, key, stream.next() as u32));
            for (likelihood, offset) in likelihoods.iter_mut().zip(-3..) {
                *likelihood *= self
                    .question
                    .iter()
                    .filter(|(noise, _)| show(others as i64 + offset + noise) == shown)
                    .map(|(_, p)| p)
                    .sum::<f64>();
            }
        }
        likelihoods
    }
}

/// Runs the attack on one layer and on two; right answers per mille.
fn check(attack: Attack, trials: u32, one_layer: u32, two_layers: u32) {
    let table = |seed| PerturbationTable::maximum_entropy(&MaximumEntropy::standard(seed));
    let (cell, question) = (table(1), table(2));
    let one = Simulation {
        layers: Layers { cell: &cell, question: None },
        cell: probabilities(&cell),
        question: vec![(0, 1.0)],
    };
    let two = Simulation {
        layers: Layers { cell: &cell, question: Some(&question) },
        cell: probabilities(&cell),
        question: probabilities(&question),
    };
    let found = (one.right_per_mille(attack, trials), two.right_per_mille(attack, trials));
    println!(
        "pairs {}, wordings {}, rounded to {}: one layer {}, two layers {} per mille",
        attack.pairs, attack.wordings, attack.rounding_base, found.0, found.1
    );
    // Four standard deviations of a share of half, per mille.
    let most = (2000.0 / f64::from(trials).sqrt()) as u32;
    assert!(found.0.abs_diff(one_layer) <= most, "one layer: {}", found.0);
    assert!(found.1.abs_diff(two_layers) <= most, "two layers: {}", found.1);
}

#[test]
fn one_pair_decides_with_one_layer_and_hardly_with_two() {
    check(Attack { pairs: 1, wordings: 1, rounding_base: 1 }, 10_000, 915, 626);
}

#[test]
fn two_pairs_settle_it_with_one_layer() {
    check(Attack { pairs: 2, wordings: 1, rounding_base: 1 }, 5_000, 985, 690);
}

#[test]
fn thirty_pairs_wear_two_layers_out() {
    check(Attack { pairs: 30, wordings: 1, rounding_base: 1 }, 1_000, 1000, 988);
}

#[test]
fn rewording_one_pair_thirty_times_removes_the_question_layer() {
    check(Attack { pairs: 1, wordings: 30, rounding_base: 1 }, 1_000, 905, 895);
}

#[test]
fn rounding_to_five_hides_some_of_it() {
    check(Attack { pairs: 1, wordings: 1, rounding_base: 5 }, 10_000, 678, 587);
}

#[test]
fn thirty_pairs_tell_less_after_rounding_to_five() {
    check(Attack { pairs: 30, wordings: 1, rounding_base: 5 }, 1_000, 1000, 926);
}

/// The same for an attacker who doesn't know the others and sees the difference only, computed
/// from the probabilities. The likelier world for each difference is right with half the sum of the
/// greater probabilities; "in if the difference is positive", an attack without a model, less often.
#[test]
fn the_difference_alone_tells_less() {
    let table = PerturbationTable::maximum_entropy(&MaximumEntropy::standard(1));
    let noise = probabilities(&table);
    let negated: Probabilities = noise.iter().map(|(v, p)| (-v, *p)).collect();
    let difference = sum(&noise, &negated);
    let (zero, one) = (vec![(0, 1.0)], vec![(1, 1.0)]);
    let at = |all: &Probabilities, d: i64| -> f64 {
        all.iter().filter(|(v, _)| *v == d).map(|(_, p)| p).sum()
    };
    let likelier = |without: &Probabilities, with: &Probabilities| -> f64 {
        (-20..=20).map(|d| at(without, d).max(at(with, d))).sum::<f64>() * 500.0
    };
    let by_sign = |without: &Probabilities, with: &Probabilities| -> f64 {
        (-20..=20).map(|d| at(if d > 0 { with } else { without }, d)).sum::<f64>() * 500.0
    };
    let one_layer = (zero, sum(&one, &difference));
    let two_layers = (difference.clone(), sum(&one, &sum(&difference, &difference)));
    let found = [
        likelier(&one_layer.0, &one_layer.1),
        likelier(&two_layers.0, &two_layers.1),
        by_sign(&two_layers.0, &two_layers.1),
    ];
    println!("difference alone: one layer, two layers, two layers by sign: {found:.1?} per mille");
    let expected = [913.5, 608.7, 583.2];
    assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1.0), "{found:?}");
}

/// The distribution of the sum of two independent perturbations.
fn sum(a: &Probabilities, b: &Probabilities) -> Probabilities {
    (-20..=20)
        .map(|total| {
            let p = a.iter().flat_map(|(x, p)| b.iter().map(move |(y, q)| (x + y, p * q)));
            (total, p.filter(|(v, _)| *v == total).map(|(_, p)| p).sum())
        })
        .collect()
}
