//! Whether a cell is suppressed, asked with many sets of people of whom all is known but the victim. Simulations; seeds are the
//! trials' numbers.

use insitu_disclosure::{Preset, Profile};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::lab::{Lab, VICTIM, What, is_member, people};

/// How many sets of known people the attacker of attack 29 has.
const SETS: [usize; 4] = [1, 5, 12, 20];

const TRIALS: u8 = 200;

/// What is gained by asking with so many different sets of so many known people, and the victim, by how many of them are shown.
/// 60 known people have it. Of 200 victims half do. The attacker knows how often such sets are shown with one more and without,
/// and says whichever is the likelier.
fn by_different_sets(lab: &dyn Fn(u8) -> Lab, known: u64) -> [f64; 4] {
    let [without, with] = [known, known + 1].map(|units| chance(lab, units));
    let everybody: Vec<u64> = (0..60).collect();
    let mut right = [0_u32; 4];
    for trial in 0..TRIALS {
        let of_trial = lab(trial);
        let mut random = StdRng::seed_from_u64(u64::from(trial) + 1_000);
        let shown: Vec<bool> = (0..SETS[3])
            .map(|set| {
                let sample = everybody.choose_multiple(&mut random, known as usize).copied();
                let group = people(sample.chain(is_member(trial).then_some(VICTIM)));
                of_trial.ask(What::Rows, &format!("set {set}"), &group).is_some()
            })
            .collect();
        for (right, sets) in right.iter_mut().zip(SETS) {
            let weight = |shown: &bool| {
                if *shown { (with / without).ln() } else { ((1.0 - with) / (1.0 - without)).ln() }
            };
            let likelier = 0.0 < shown.iter().take(sets).map(weight).sum::<f64>();
            *right += u32::from(likelier == is_member(trial));
        }
    }
    right.map(|right| f64::from(right) / f64::from(TRIALS) - 0.5)
}

/// How often a set of so many is shown, never quite 0 or 1.
fn chance(lab: &dyn Fn(u8) -> Lab, units: u64) -> f64 {
    let (mut shown, mut asked) = (0.01, 0.02);
    for seed in 200..210 {
        let lab = lab(seed);
        for set in 0..40 {
            let group = people((0..units).map(|person| 1_000 + set * units + person));
            shown += f64::from(u8::from(lab.ask(What::Rows, &format!("{set}"), &group).is_some()));
            asked += 1.0;
        }
    }
    shown / asked
}

/// In part: where a breakdown shows the sets, nine pass never and ten one time in four, drawn anew for each nine, so that a cell
/// that is shown is certainty; there are as many as the columns' values make. Sets that are put together have a wide edge
/// without a place where one more matters much.
#[test]
fn attack_29_suppression_as_a_bit_with_different_nines() {
    let [strict, midpoint] = [Preset::Strict, Preset::Midpoint6].map(Preset::profile);
    let wide = Profile { threshold_blur_chosen: 31, ..Profile::STANDARD };
    let of = |name: &str, profile: Profile, named: bool, beyond: &[u64]| {
        let lab = |seed| {
            let lab = Lab::new(profile, seed);
            if named { lab.named() } else { lab }
        };
        let mut worst = [0.0_f64; 4];
        for beyond in beyond {
            let known = u64::from(profile.threshold_units) - 1 + beyond;
            let gained = by_different_sets(&lab, known);
            println!("attack 29, sets of {known} known: {SETS:?}, {name}: {gained:.3?}");
            worst = std::array::from_fn(|i| worst[i].max(gained[i]));
        }
        worst
    };
    let named = of("standard, named", Profile::STANDARD, true, &[0, 1]);
    assert!(named[0] <= 0.2 && 0.4 <= named[2], "it succeeds: {named:?}");
    let of_midpoint = of("midpoint-6, named", midpoint, true, &[0]);
    assert_eq!(of_midpoint, [0.5; 4], "without blur one question decides");
    for (name, profile, beyond, at_most) in [
        ("standard", Profile::STANDARD, &[0, 7, 11][..], [0.1, 0.17, 0.25, 0.3]),
        ("strict", strict, &[7], [0.1, 0.17, 0.25, 0.3]),
        ("midpoint-6", midpoint, &[7], [0.1, 0.17, 0.25, 0.3]),
        ("standard, 31", wide, &[15], [0.1, 0.12, 0.17, 0.2]),
    ] {
        let gained = of(name, profile, false, beyond);
        assert!(gained.iter().zip(at_most).all(|(g, most)| *g <= most), "{name}: {gained:?}");
    }
}
