//! Answers of two projects put together. Noise and guard are the dataset's: whoever asks, and for what, is no part of them.

use insitu_disclosure::Profile;
use insitu_tests::{Analyst, Federation};

use super::lab::{Lab, VICTIM, What, advantage, is_member, people};
use super::town;

/// Projects with keys and a guard of their own, had they any: the same people through each.
fn mean_over_projects(trial: u8, projects: u8, members: &[u64]) -> f64 {
    let of_trial = u64::from(trial) * 10_000;
    let members = people(members.iter().map(|number| of_trial + number));
    let shown = (0..projects).filter_map(|project| {
        Lab::new(Profile::STANDARD, project).ask(What::Rows, "all", &members)
    });
    let shown: Vec<i64> = shown.collect();
    shown.iter().sum::<i64>() as f64 / shown.len() as f64
}

/// Thirty pairs of questions, the second without the victim; `apart`: in a project of its own.
fn from_pairs(trial: u8, apart: bool) -> bool {
    let one = Lab::new(Profile::STANDARD, trial);
    let other = Lab::new(Profile::STANDARD, trial.wrapping_add(100));
    let total: i64 = (0..30_u64)
        .filter_map(|pair| {
            let known = people(pair * 1_000..pair * 1_000 + 40 + pair % 5);
            let mut all = known.clone();
            all.extend(people(is_member(trial).then_some(VICTIM)));
            let second = if apart { &other } else { &one };
            let all = one.ask(What::Rows, &format!("all {pair}"), &all)?;
            Some(all - second.ask(What::Rows, &format!("not {pair}"), &known)?)
        })
        .sum();
    15 < total
}

#[test]
fn attack_57_projects_with_keys_of_their_own() {
    let members =
        |trial: u8| (0..40).chain(is_member(trial).then_some(5_000)).collect::<Vec<u64>>();
    let averaged =
        |projects| advantage(40, |t| 40.5 < mean_over_projects(t, projects, &members(t)));
    let (alone, together) = (averaged(1), averaged(60));
    println!(
        "attack 57, the same question: {alone:.3} of one project, {together:.3} the mean of sixty"
    );
    assert!(alone <= 0.2 && 0.35 <= together, "{alone} {together}");
    let apart = advantage(80, |t| from_pairs(t, true));
    let judged = advantage(80, |t| from_pairs(t, false));
    println!("attack 57, 30 pairs: {apart:.3} over two projects, {judged:.3} judged as one");
    assert!(0.1 < apart && judged <= 0.05, "{apart} {judged}");
}

#[test]
fn attack_57_answers_of_two_projects_put_together() {
    const OTHER: &str = "token-of-somebody-else";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let federation = Federation::start_with(&[town::department(true)], |settings| {
            settings.analysts.push(("somebody else".to_owned(), OTHER.to_owned()));
        })
        .await;
        let mut one = federation.analyst().await;
        one.tell("insitu-project", "P-1");
        let mut of_the_same_analyst = federation.analyst().await;
        of_the_same_analyst.tell("insitu-project", "P-2");
        let mut other = Analyst::connect(federation.address(), OTHER).await;
        other.tell("insitu-project", "P-2");
        // The same question: the same bytes, so that there is nothing to average.
        let sql = "SELECT sex, count(*), count(DISTINCT person), sum(cost) FROM health.episodes WHERE area IN ('A', 'B') \
                   GROUP BY sex ORDER BY sex";
        let first = one.ask(sql).await.unwrap();
        assert!(!first.cells().concat().iter().all(|cell| cell == "[c]"), "{:?}", first.cells());
        for analyst in [&mut of_the_same_analyst, &mut other] {
            assert_eq!(analyst.ask(sql).await.unwrap().batches, first.batches);
        }
        // Twenty times five people less of a hundred, asked by the other: the second answer is the first, as if one had
        // asked both. Twenty answers without a guard would be spread over 85 to 105.
        let all = "SELECT count(DISTINCT person) FROM health.episodes WHERE area = 'A'";
        let all = one.cells(all).await.unwrap();
        for age in (20..80).step_by(3) {
            let sql = format!(
                "SELECT count(DISTINCT person) FROM health.episodes WHERE area = 'A' AND age <> {age}"
            );
            assert_eq!(other.cells(&sql).await.unwrap(), all, "{age}");
        }
    });
}
