//! The threshold as a bit, asked with many sets of known people. A simulation; seeds are the trials' numbers.

use insitu_disclosure::{Preset, Profile};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::lab::{Lab, VICTIM, What, is_member, people};

/// How many sets of known people the attacker of attack 29 has.
const SETS: [usize; 4] = [1, 5, 12, 20];

/// What is gained by asking with so many different sets of known people, each one fewer than the threshold, and the victim: if
/// any of these cells is shown, the victim has what they have. 60 known people have it. Of 200 victims half do.
fn by_different_nines(profile: Profile) -> [f64; 4] {
    let nine = usize::try_from(profile.threshold_units).unwrap() - 1;
    let known: Vec<u64> = (0..60).collect();
    let mut right = [0_u32; 4];
    for trial in 0..200 {
        let lab = Lab::new(profile, trial);
        let mut random = StdRng::seed_from_u64(u64::from(trial) + 1_000);
        let first_shown = (0..SETS[3]).find(|set| {
            let nine = known.choose_multiple(&mut random, nine).copied();
            let group = people(nine.chain(is_member(trial).then_some(VICTIM)));
            lab.ask(What::Rows, &format!("set {set}"), &group).is_some()
        });
        for (right, sets) in right.iter_mut().zip(SETS) {
            *right += u32::from(first_shown.is_some_and(|at| at < sets) == is_member(trial));
        }
    }
    right.map(|right| f64::from(right) / 200.0 - 0.5)
}

/// Succeeds: nine pass never and ten one time in four, which is drawn anew for each nine, so that a cell that is shown is
/// certainty. Against it stand the number of conditions, a larger blur, and labels that let nobody list known people.
#[test]
fn attack_29_suppression_as_a_bit_with_different_nines() {
    let [strict, midpoint] = [Preset::Strict, Preset::Midpoint6].map(Preset::profile);
    let blurred = |profile, threshold_blur| Profile { threshold_blur, ..profile };
    let all = [
        ("standard", Profile::STANDARD),
        ("standard, blur 7", blurred(Profile::STANDARD, 7)),
        ("standard, blur 15", blurred(Profile::STANDARD, 15)),
        ("standard, blur 31", blurred(Profile::STANDARD, 31)),
        ("strict", strict),
        ("midpoint-6", midpoint),
        ("midpoint-6, blur 3", blurred(midpoint, 3)),
        ("midpoint-6, blur 7", blurred(midpoint, 7)),
        ("midpoint-6, blur 15", blurred(midpoint, 15)),
    ];
    let all = all.map(|(name, profile)| {
        let gained = by_different_nines(profile);
        println!("attack 29, sets of known people: {SETS:?}, {name}: {gained:.3?}");
        gained
    });
    let [standard, _, blur_15, blur_31, strict, midpoint, midpoint_3, _, midpoint_15] = all;
    assert!(standard[0] <= 0.2 && strict[0] <= 0.2, "one set: {standard:?} {strict:?}");
    assert!(standard[2] >= 0.4 && strict[2] >= 0.4, "it succeeds: {standard:?} {strict:?}");
    assert_eq!(midpoint, [0.5; 4], "without blur one question decides");
    assert!(midpoint_3[0] <= 0.2 && midpoint_15[1] <= 0.2, "{midpoint_3:?} {midpoint_15:?}");
    assert!(blur_15[1] <= 0.2 && blur_31[3] <= 0.25, "{blur_15:?} {blur_31:?}");
}
