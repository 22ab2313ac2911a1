//! A department against another: they hold one dataset, the gateway adds their cells up, and one of them makes people up.

use std::fmt::Write as _;

use insitu_disclosure::{Preset, Profile};
use insitu_tests::{Department, Federation, departments};

use super::lab::{Lab, Person, THRESHOLD_ONLY, VICTIM, What, advantage, is_member};

/// Groups of homes. The victim of each second one lives in it.
const GROUPS: u8 = 40;
/// Homes that the hostile council makes up in each.
const FALSE: u32 = 12;
/// What each of them owes, and what a victim does.
const OWED: i64 = 1_000;
const VICTIMS: i64 = 4_321;

/// Two councils under these terms: the first has a home in every second group, the second has made homes up in each.
fn councils(terms: &str) -> Vec<Department> {
    let mut councils = departments::councils();
    councils.truncate(2);
    let groups: Vec<String> = (0..GROUPS).map(|g| format!("\"G{g:02}\"")).collect();
    for (i, council) in councils.iter_mut().enumerate() {
        council.config = council
            .config
            .replace("\"A\", \"B\", \"C\", \"H\"", &groups.join(", "))
            .replace("profile = \"standard\"", terms);
        let mut csv = "Account,Band,Arrears\n".to_owned();
        for group in 0..GROUPS {
            let (rows, owed) = match i {
                0 => (u32::from(is_member(group)), VICTIMS),
                _ => (FALSE, OWED),
            };
            for n in 0..rows {
                let _ = writeln!(csv, "{i}-{group}-{n},G{group:02},{owed}");
            }
        }
        council.files[0].1 = csv.into_bytes();
    }
    councils
}

/// How often the hostile council is right about a victim by what is shown to it, less a half; and of how many victims it
/// knows to the penny what they owe.
async fn gained(terms: &str) -> (f64, usize) {
    let federation = Federation::start(&councils(terms)).await;
    let sql = "SELECT band, count(*), sum(arrears) FROM councils.homes GROUP BY band ORDER BY band";
    let rows = federation.analyst().await.cells(sql).await.unwrap();
    assert_eq!(rows.len(), usize::from(GROUPS), "every group stands in the table, shown or not");
    let less_its_own = |group: u8| {
        let owed = rows[usize::from(group)][2].parse::<i64>().ok()?;
        Some(owed - i64::from(FALSE) * OWED)
    };
    let gain = advantage(GROUPS, |g| less_its_own(g).is_some_and(|left| VICTIMS / 2 < left));
    let exactly = (0..GROUPS).filter(|g| is_member(*g) && less_its_own(*g) == Some(VICTIMS));
    (gain, exactly.count())
}

#[test]
fn attack_54_a_department_that_invents_rows() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // Twelve false homes and one: enough for the threshold, and the rest is subtraction.
        assert_eq!(gained("profile = \"exact\"").await, (0.5, 20));
        let (standard, exactly) = gained("profile = \"standard\"").await;
        println!("attack 54, asked once: {standard:.3} under `standard` without the rule, {exactly} exactly");
        assert!(0.25 < standard, "{standard}");
        for terms in [
            "profile = \"exact\"\nothers_min = 10",
            "profile = \"standard\"\nothers_min = 10",
        ] {
            assert_eq!(gained(terms).await, (0.0, 0), "{terms}");
        }
    });
}

/// People whom nobody has seen before.
fn made_up(trial: u8, time: u64, n: u64) -> Vec<Person> {
    let first = 10_000_000 + u64::from(trial) * 1_000_000 + time * 1_000;
    (first..first + n).map(|number| (number, i128::from(OWED))).collect()
}

fn victims(trial: u8) -> Vec<Person> {
    is_member(trial).then_some((VICTIM, i128::from(VICTIMS))).into_iter().collect()
}

/// Asks so many times, each time with other false people, and guesses by the mean of what is shown.
fn asked_again(profile: Profile, trial: u8, times: u64) -> bool {
    let lab = Lab::new(profile, trial);
    let shown: Vec<i64> = (0..times)
        .filter_map(|time| {
            let cell = [victims(trial), made_up(trial, time, u64::from(FALSE))];
            lab.shared(What::Sum, "a group", time, &cell)
        })
        .collect();
    if shown.is_empty() {
        return false;
    }
    let mean = shown.iter().sum::<i64>() as f64 / shown.len() as f64;
    (i64::from(FALSE) * OWED + VICTIMS / 2) as f64 <= mean
}

#[test]
fn attack_54_false_people_made_up_anew() {
    // New people are no repetition: neither noise nor guard know them again, and the noise averages out.
    let rule = Profile { others_min: 10, ..Profile::STANDARD };
    assert_eq!(advantage(20, |t| asked_again(THRESHOLD_ONLY, t, 1)), 0.5);
    let without = advantage(40, |t| asked_again(Profile::STANDARD, t, 40));
    println!("attack 54, asked 40 times under `standard`: {without:.3} without the rule");
    assert!(0.45 <= without, "{without}");
    assert_eq!(advantage(40, |t| asked_again(rule, t, 40)), 0.0);
}

#[test]
fn attack_54_whether_others_have_anybody() {
    // Were cells of one department shown, a department of many could ask of any group whether others have anybody in it.
    let others = |trial: u8| i64::from(is_member(trial));
    let nobody_excepted = |others: i64| others == 0 || 10 <= others;
    assert_eq!(advantage(40, |t| !nobody_excepted(others(t))), 0.5);
    let shown = |profile, trial: u8| {
        let lab = Lab::new(profile, trial);
        lab.shared(What::Rows, "a group", 0, &[victims(trial), made_up(trial, 0, 40)])
    };
    assert!((0..40).all(|trial| shown(Profile::STANDARD, trial).is_some()), "forty are enough");
    for rule in [Profile { others_min: 10, ..Profile::STANDARD }, Preset::Strict.profile()] {
        assert!((0..40).all(|trial| shown(rule, trial).is_none()), "a few and nobody look alike");
    }
}

#[test]
fn attack_54_false_people_as_cover_beside_a_large_department() {
    // A third department has forty people, whom the hostile one leaves out of account: nine false people and the victim
    // would be ten others. It makes people up until the cell is shown, and guesses by how many it took.
    let least = |profile: Profile, trial: u8| {
        let lab = Lab::new(profile, trial).named();
        (7..=13_u64).find(|n| {
            (0..16).any(|time| {
                let large = (0..40).map(|p| (p, i128::from(OWED))).collect();
                let cell = [victims(trial), made_up(trial, 100 * n + time, *n), large];
                lab.shared(What::Rows, "a group", 0, &cell).is_some()
            })
        })
    };
    let sharp = Profile { others_min: 10, ..THRESHOLD_ONLY };
    assert_eq!(advantage(20, |t| least(sharp, t) == Some(9)), 0.5, "without blur the edge tells");
    // The likeliest by the number it took: of the others' draws the largest counts, and the hostile one's can't lower it.
    let blurred = Profile { others_min: 10, ..Profile::STANDARD };
    let gained = advantage(120, |t| matches!(least(blurred, t), Some(9 | 11 | 12)));
    println!("attack 54, as cover beside forty: {gained:.3} with a blurred edge");
    assert!(gained <= 0.25, "{gained}");
}

#[test]
fn attack_54_differences_of_large_cells_with_false_people() {
    // Not stopped. All, and all but the victim's group, are cells of a hundred real people. The hostile department has
    // thirty false ones in the group, so that the guard doesn't take the two for one, and makes everybody up anew each time.
    let guess = |profile: Profile, trial: u8| {
        let lab = Lab::new(profile, trial).named();
        let real: Vec<Person> = (0..100).map(|p| (p, i128::from(OWED))).collect();
        let all: Vec<Person> = real.iter().copied().chain(victims(trial)).collect();
        let differences = (0..40).filter_map(|time| {
            let [elsewhere, in_the_group] =
                [(0, 20), (1, 30)].map(|(i, n)| made_up(trial, 2 * time + i, n));
            let both = [elsewhere.clone(), in_the_group].concat();
            let all = lab.shared(What::Rows, "all", time, &[all.clone(), both])?;
            let rest =
                lab.shared(What::Rows, "all but the group", time, &[real.clone(), elsewhere])?;
            Some(all - rest - 30)
        });
        let differences: Vec<i64> = differences.collect();
        differences.len() as f64 / 2.0 < differences.iter().sum::<i64>() as f64
    };
    assert_eq!(advantage(20, |t| guess(THRESHOLD_ONLY, t)), 0.5);
    let rule = Profile { others_min: 10, ..Profile::STANDARD };
    let [without, with] = [Profile::STANDARD, rule].map(|p| advantage(60, |t| guess(p, t)));
    println!(
        "attack 54, 40 differences of large cells: {without:.3} without the rule, {with:.3} with it"
    );
    assert_eq!(without, with, "the rule isn't about large cells");
    assert!((0.1..=0.45).contains(&with), "{with}");
}
