//! Nearly equal sets, of people nobody knows: that one answer is withheld, or repeated, and the other isn't. Simulations; seeds
//! are the trials' numbers.
//!
//! Who asks can describe the victim, and nobody else. Where the victim has nothing of what is counted, all and all but the
//! victim are the same people, and answers are alike; so each pair that differs speaks for the victim's being among them.

use insitu_disclosure::policy::DifferenceGuard;
use insitu_disclosure::{Preset, Profile};
use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{Rng as _, SeedableRng as _};

use super::lab::{Lab, NO_RULES, Person, VICTIM, What, is_member, people};

const TRIALS: u8 = 48;

/// How many of the pairs of a trial differ, of so many.
type Differing = fn(&Lab, trial: u8, pairs: u64) -> u64;

/// How much better than by guessing one is who takes the victim for a member from so many differing pairs on: the best number
/// of them for these trials.
fn gain(profile: Profile, pairs: u64, differing: Differing) -> f64 {
    let of = |member: bool| -> Vec<u64> {
        let trials = (0..TRIALS).filter(|trial| is_member(*trial) == member);
        trials.map(|trial| differing(&Lab::new(profile, trial), trial, pairs)).collect()
    };
    let (members, others) = (of(true), of(false));
    let right = |least: u64| {
        let from = |all: &[u64]| all.iter().filter(|n| least <= **n).count();
        from(&members) + others.len() - from(&others)
    };
    let best = (0..=pairs + 1).map(right).max().unwrap_or(0);
    println!(
        "- {pairs} pairs: {} differ where the victim is in, {} where not",
        members.iter().sum::<u64>(),
        others.iter().sum::<u64>()
    );
    best as f64 / f64::from(TRIALS) - 0.5
}

/// A few of many people, with the victim if it is a member, and without.
fn some(from: &[Person], number: usize, trial: u8, random: &mut StdRng) -> [Vec<Person>; 2] {
    let others: Vec<Person> = sample(random, from.len(), number).iter().map(|i| from[i]).collect();
    let mut all = others.clone();
    all.extend(people(is_member(trial).then_some(VICTIM)));
    [all, others]
}

/// Pairs of sets about as small as are just shown.
fn at_the_threshold(lab: &Lab, trial: u8, pairs: u64) -> u64 {
    let (town, mut random) = (people(0..100), StdRng::seed_from_u64(trial.into()));
    let differs = (0..pairs).filter(|pair| {
        let number = random.random_range(9..=27);
        let [all, others] = some(&town, number, trial, &mut random);
        lab.ask(What::Rows, &format!("all {pair}"), &all)
            != lab.ask(What::Rows, &format!("not {pair}"), &others)
    });
    differs.count() as u64
}

/// Pairs that leave about thirteen people out of a set that was shown, about as many as the guard takes for nearly the same; the
/// second of each also so many known members.
fn at_the_bound(lab: &Lab, trial: u8, pairs: u64, known: usize) -> u64 {
    let (town, mut random) = (people(0..80), StdRng::seed_from_u64(trial.into()));
    let mut everybody = town.clone();
    everybody.extend(people(is_member(trial).then_some(VICTIM)));
    lab.ask(What::Rows, "everybody", &everybody);
    let differs = (0..pairs).filter(|pair| {
        let number = 80 - random.random_range(9..=17);
        let [all, others] = some(&town, number, trial, &mut random);
        lab.ask(What::Rows, &format!("all {pair}"), &all)
            != lab.ask(What::Rows, &format!("not {pair}"), &others[known..])
    });
    differs.count() as u64
}

#[test]
fn attack_28_nearly_equal_sets_at_the_threshold() {
    assert_eq!(gain(NO_RULES, 3, at_the_threshold), 0.5);
    for preset in [Preset::Standard, Preset::Strict, Preset::Midpoint6] {
        let profile = preset.profile();
        let without = Profile { guard: DifferenceGuard::Off, ..profile };
        for pairs in [1, 10, 40] {
            let (alone, guarded) =
                (gain(without, pairs, at_the_threshold), gain(profile, pairs, at_the_threshold));
            println!(
                "attack 28, {preset:?}, {pairs} pairs at the threshold: {alone:.2}, {guarded:.2}"
            );
            assert!(guarded <= 0.1, "{guarded}");
        }
    }
}

#[test]
fn attack_28_nearly_equal_sets_at_the_bound_of_the_guard() {
    for preset in [Preset::Standard, Preset::Strict, Preset::Midpoint6] {
        for pairs in [1, 10, 20] {
            let gained = gain(preset.profile(), pairs, |lab, t, n| at_the_bound(lab, t, n, 0));
            println!("attack 28, {preset:?}, {pairs} pairs at the guard's bound: {gained:.2}");
            assert!(gained <= 0.25, "{gained}");
        }
    }
}

/// Whoever knows some members leaves these out as well, so that the two sets aren't nearly equal for certain.
#[test]
fn attack_28_nearly_equal_sets_less_known_members() {
    let of: [(usize, Differing); 4] = [
        (1, |lab, trial, pairs| at_the_bound(lab, trial, pairs, 1)),
        (2, |lab, trial, pairs| at_the_bound(lab, trial, pairs, 2)),
        (3, |lab, trial, pairs| at_the_bound(lab, trial, pairs, 3)),
        (6, |lab, trial, pairs| at_the_bound(lab, trial, pairs, 6)),
    ];
    for (known, differing) in of {
        let gained = gain(Profile::STANDARD, 20, differing);
        println!("attack 28, 20 pairs less {known} known members: {gained:.2}");
        assert!(gained <= 0.25, "{gained}");
    }
}

/// How often a few known people are shown, with the victim or without, after a set that is shown and has them in it, this many
/// with these. The victim is in that one, too, or isn't.
fn shown_near(known: u64, shown: u64, member: bool, is_in_both: bool) -> f64 {
    let (mut asked, mut repeated) = (0, 0);
    for trial in (0..TRIALS).filter(|trial| is_member(*trial) == member) {
        let lab = Lab::new(Profile::STANDARD, trial);
        for set in 0..40_u64 {
            let few = people(set * 100..set * 100 + known);
            let others = people(set * 100 + 20..set * 100 + 20 + shown - known);
            let mut with: Vec<Person> = few.clone();
            with.extend(people(member.then_some(VICTIM)));
            let mut more = if is_in_both { with.clone() } else { few };
            more.extend(others);
            if lab.ask(What::Rows, &format!("more {set}"), &more).is_some() {
                asked += 1;
                let of_few = lab.ask(What::Rows, &format!("few {set}"), &with);
                repeated += u32::from(of_few.is_some());
            }
        }
    }
    f64::from(repeated) / f64::from(asked)
}

/// A few known people and perhaps the victim: near to them and some others, who are shown, they may show the same. One person more
/// makes that likelier by hardly more than the threshold's own steps do; few sets of eleven are shown to begin with.
#[test]
fn attack_29_known_people_near_a_set_that_is_shown() {
    for (shown, is_in_both) in [(11, false), (11, true), (13, true)] {
        for known in 4..=9 {
            let of = |member| shown_near(known, shown, member, is_in_both);
            let (with, without) = (of(true), of(false));
            println!(
                "attack 29, {known} near {shown} that are shown, the victim in both {is_in_both}: {with:.2}, {without:.2} \
                 without the victim"
            );
            assert!((with - without).abs() < 0.3, "{with} {without}");
            assert!(5 < known || without == 0.0, "{without}");
        }
    }
}

/// What is kept takes time to keep. A suppressed cell is told to the guard however few it is of, and so is what was asked before; and
/// a guard writes as often as it is told. So the time doesn't tell six people from seven, nor whether a colleague asked.
#[test]
fn attack_46_what_is_kept_of_a_suppressed_cell() {
    for preset in [Preset::Standard, Preset::Strict, Preset::Midpoint6] {
        let told_of = |few: u64| {
            let lab = Lab::new(preset.profile(), 1);
            for spelling in ["a colleague's", "the asker's", "the asker's"] {
                assert_eq!(lab.ask(What::Rows, spelling, &people(0..few)), None);
            }
            lab.told()
        };
        let of_one = told_of(1);
        assert_eq!(of_one[1], 3, "{preset:?}");
        let least = u64::from(preset.profile().threshold_units);
        for few in 2..least {
            assert_eq!(told_of(few), of_one, "{preset:?}, {few}");
        }
    }
}

/// What is repeated doesn't stray: of a row of sets, each with one person more, no value is that of a set far away.
#[test]
fn a_row_of_nearly_equal_sets_shows_what_they_grow_to() {
    let (mut furthest, mut squares) = (0, 0);
    for trial in 0..20 {
        let lab = Lab::new(Profile::STANDARD, trial).named();
        for n in 15..200_u64 {
            let shown = lab.ask(What::Rows, &format!("up to {n}"), &people(0..n)).unwrap();
            let off = shown.abs_diff(n.cast_signed());
            furthest = furthest.max(off);
            squares += off * off;
        }
    }
    let root_mean_square = (squares as f64 / (20.0 * 185.0)).sqrt();
    println!("a row of nearly equal sets: {root_mean_square:.1} off, at most {furthest}");
    assert!(root_mean_square < 15.0 && furthest <= 50, "{root_mean_square} {furthest}");
}

/// What an owner tightens is tight: totals of fifteen, shown from ten people on, aren't repeated where twenty are the least.
#[test]
fn what_was_shown_on_other_terms_is_not_repeated_for_fewer_than_are_shown_today() {
    let tighter = Profile { threshold_units: 20, ..Profile::STANDARD };
    let mut shown = 0;
    for trial in 0..40 {
        let fifteen: Vec<Person> = (0..15).map(|n| (n, 100 + i128::from(n))).collect();
        let lab = Lab::new(Profile::STANDARD, trial).named();
        shown += u32::from(lab.ask(What::Sum, "fifteen", &fifteen).is_some());
        let lab = lab.on_terms(tighter);
        assert_eq!(lab.ask(What::Sum, "fifteen", &fifteen), None);
        assert_eq!(lab.ask(What::Sum, "fourteen", &fifteen[1..]), None);
    }
    assert!(30 < shown, "{shown}");
}
