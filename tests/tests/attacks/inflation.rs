//! Inflation: making one person look like many.

use insitu_disclosure::keyed::mix;
use insitu_disclosure::rules::noise::{Of, of};
use insitu_disclosure::{PartEvidence, Profile};

use super::lab::{
    Lab, NO_RULES, Person, THRESHOLD_ONLY, VICTIM, What, advantage, is_member, people,
};
use super::town::{TOWNS, is_refused, is_refused_as};

#[test]
fn attack_16_a_union_of_a_dataset_with_itself() {
    let one = "SELECT area FROM health.episodes WHERE area = 'E' AND age = 87";
    let all = [one; 12].join(" UNION ALL ");
    let sql = format!("SELECT count(*) FROM ({all}) AS t");
    assert_eq!(TOWNS.truth(0, &sql).unwrap(), [["12"]], "one person, past any threshold of rows");
    is_refused(&sql, "D208");
}

#[test]
fn attack_17_a_cross_join_with_many_rows() {
    let values: Vec<String> = (0..12).map(|i| format!("({i})")).collect();
    let values = values.join(", ");
    let of_victim = "WHERE area = 'E' AND age = 87";
    let unprotected = format!(
        "SELECT count(*) FROM health.episodes CROSS JOIN (VALUES {values}) AS v (i) {of_victim}"
    );
    is_refused(&unprotected, "D208|Q104|Q105");
    for other in [
        format!(
            "SELECT count(*) FROM health.episodes CROSS JOIN generate_series(1, 12) {of_victim}"
        ),
        format!("SELECT count(*) FROM health.episodes, unnest([1, 2, 3]) {of_victim}"),
    ] {
        is_refused_as(&other, &unprotected, "D208|Q10|L50");
    }
}

#[test]
fn attack_18_a_join_with_many_rows_of_another_table() {
    is_refused(
        "SELECT count(*) FROM health.episodes e JOIN health.episodes o ON o.sex = e.sex \
         WHERE e.age = 87 AND e.area = 'E'",
        "D208|Q104",
    );
    is_refused_as(
        "SELECT count(*) FROM health.episodes e JOIN ref.areas a ON a.area <> e.area WHERE e.age = 87",
        "SELECT count(*) FROM health.episodes WHERE age = 87",
        "D208|D213|Q104",
    );
}

#[test]
fn attack_19_nine_known_people_and_the_victim() {
    // The attacker knows nine people of a group and asks whether the victim is the tenth.
    let guess = |profile, trial: u8| {
        let group = people((0..9).chain(is_member(trial).then_some(VICTIM)));
        Lab::new(profile, trial).ask(What::Rows, "group", &group).is_some_and(|shown| shown > 9)
    };
    assert_eq!(advantage(60, |trial| guess(NO_RULES, trial)), 0.5);
    assert_eq!(advantage(60, |trial| guess(THRESHOLD_ONLY, trial)), 0.5, "a sharp threshold tells");
    // Ten are shown one time in four and nine never: that much is left of it in one question.
    let gained = advantage(60, |trial| guess(Profile::STANDARD, trial));
    println!("attack 19, one question: {gained:.3}");
    assert!(gained <= 0.2, "{gained}");
}

#[test]
fn attack_03_the_rows_of_one_person_in_a_count() {
    // Thirty known people with twelve rows each, and perhaps the victim: one question, how many rows?
    let guess = |of_count, trial: u8| {
        let people = 30 + i64::from(is_member(trial));
        let seed = u64::from(trial);
        let evidence = PartEvidence {
            units: people,
            count: 12 * people,
            largest: [12, 12],
            record_keys: (mix(seed) % 4096).cast_signed(),
            question: mix(seed ^ 5),
            ..PartEvidence::default()
        };
        let shown = i128::from(evidence.count) + of(&evidence, of_count, Profile::STANDARD, None);
        12 * 30 + 6 < shown
    };
    // The noise of a count of people, in rows.
    assert!(0.45 <= advantage(60, |trial| guess(Of::Units, trial)));
    let gained = advantage(60, |trial| guess(Of::Rows, trial));
    println!("attack 3, by rows: {gained:.3}");
    assert!(gained <= 0.2, "{gained}");
}

#[test]
fn attack_19_known_people_and_a_constant_measure() {
    // Forty known people and perhaps the victim, with a measure of 100 for everybody: one question.
    let guess = |profile, trial: u8| {
        let group = (0..40).chain(is_member(trial).then_some(VICTIM)).map(|p| (p, 100));
        let group: Vec<Person> = group.collect();
        let total = Lab::new(profile, trial).ask(What::Sum, "group", &group).unwrap();
        (total as f64 / 100.0).round() > 40.0
    };
    assert_eq!(advantage(60, |trial| guess(NO_RULES, trial)), 0.5);
    let gained = advantage(60, |trial| guess(Profile::STANDARD, trial));
    println!("attack 19, by a constant measure, one question: {gained:.3}");
    assert!(gained <= 0.2, "{gained}");
}

/// A total in one of two worlds: with the victim or without.
struct World {
    total: i128,
    evidence: PartEvidence,
}

impl World {
    fn of(incomes: impl Iterator<Item = i128>) -> Self {
        let incomes: Vec<i128> = incomes.collect();
        let (total, largest) = (incomes.iter().sum(), *incomes.iter().max().unwrap());
        let evidence = PartEvidence {
            units: i64::try_from(incomes.len()).unwrap(),
            absolute: total as u128,
            largest: [largest as u128, 0],
            ..PartEvidence::default()
        };
        Self { total, evidence }
    }

    /// What is added for one key of the people and one word of the question.
    fn noise(&self, record_keys: i64, question: u64) -> i128 {
        let evidence = PartEvidence { record_keys, question, ..self.evidence.clone() };
        of(&evidence, Of::Total { flex_point: 10_000 }, Profile::STANDARD, None)
    }

    /// How many of these words, for each of the 4096 keys, give a total this near to what is shown.
    fn reach(&self, shown: i128, words: &[u64], near: i128) -> Vec<f64> {
        let none = self.noise(0, 0);
        let mut by_word: Vec<i128> = words.iter().map(|q| self.noise(0, *q) - none).collect();
        by_word.sort_unstable();
        let within = |need: i128| {
            let below = by_word.partition_point(|n| *n < need - near);
            (by_word.partition_point(|n| *n <= need + near) - below) as f64
        };
        (0..4096).map(|key| within(shown - self.total - self.noise(key, 0))).collect()
    }
}

/// In the last decimal place: what can be listed is far apart.
const MILLION: u64 = 1_000_000;

/// Totals of several incomes of forty known people and perhaps the victim, whose incomes are known, too: who is
/// among them? The attacker lists what noise can make of either world. Tells whether it is right.
fn is_listed(
    trial: u64,
    measures: u64,
    words: &[u64],
    near: i128,
    drawn: impl Fn(u64) -> u64,
) -> bool {
    let (is_member, key) = (trial.is_multiple_of(2), (mix(trial ^ 77) % 4096).cast_signed());
    let mut likely = [vec![1.0; 4096], vec![1.0; 4096]];
    for measure in 0..measures {
        let income = |person: u64| {
            i128::from(
                MILLION * (100_000 + mix(1_000 * trial + 100_000 * measure + person) % 800_000),
            )
        };
        let world = |with: bool| World::of((0..40).chain(with.then_some(VICTIM)).map(income));
        let true_world = world(is_member);
        let question = drawn(mix(trial << 20 | measure));
        // Rounded to 5, as `standard` does.
        let shown = (true_world.total + true_world.noise(key, question) + 2).div_euclid(5) * 5;
        for (likely, with) in likely.iter_mut().zip([false, true]) {
            let reached = world(with).reach(shown, words, near);
            likely.iter_mut().zip(reached).for_each(|(all, one)| *all *= one);
        }
    }
    let [without, with] = likely.map(|by_key| by_key.iter().sum::<f64>());
    (without < with) == is_member
}

/// The tables are published: of draws with 4096 values, the totals that noise can reach in one world are
/// hardly ever reached in the other. Of draws from 64 secret bits the attacker can only say how likely.
#[test]
fn attack_19_totals_that_the_noise_could_reach() {
    let gain = |measures, trials, words: &[u64], near, drawn: fn(u64) -> u64| {
        let right = (0..trials).filter(|t| is_listed(*t, measures, words, near, drawn)).count();
        right as f64 / trials as f64 - 0.5
    };
    // Without the rule: what is drawn for the question is one of 4096 words, which can be listed.
    let listed: Vec<u64> = (0..4096).map(mix).collect();
    let few = gain(1, 40, &listed, 2, |word| mix(word % 4096));
    assert!(0.45 <= few, "{few}");
    // With it the words can't be listed: others of the kind say how noise is spread.
    let [one, five] = [1, 5]
        .map(|measures| gain(measures, 40, &listed, 20_000 * i128::from(MILLION), |word| word));
    println!(
        "attack 19, by the totals that can be: one {one:.3}, five measures {five:.3}; listed {few:.3}"
    );
    assert!(one <= 0.2, "{one}");
    assert!(five <= 0.4, "{five}");
}

/// The same through the rules on cells.
#[test]
fn attack_19_a_total_among_those_that_could_be_listed() {
    let listed: Vec<u64> = (0..4096).map(mix).collect();
    let gained = advantage(60, |trial| {
        let income =
            |person: u64| i128::from(100_000 + mix(person ^ u64::from(trial) << 8) % 800_000);
        let world = |with: bool| (0..40).chain(with.then_some(VICTIM)).map(move |p| (p, income(p)));
        let group: Vec<Person> = world(is_member(trial)).collect();
        let shown = Lab::new(Profile::STANDARD, trial).ask(What::Sum, "group", &group).unwrap();
        let [without, with] = [false, true].map(|with| {
            let world = World::of(world(with).map(|(_, income)| income));
            // First what can be listed; where neither world is, how likely each is.
            [2, 20_000]
                .map(|near| world.reach(i128::from(shown), &listed, near).iter().sum::<f64>())
        });
        if without[0] == 0.0 && with[0] == 0.0 {
            without[1] < with[1]
        } else {
            without[0] < with[0]
        }
    });
    println!("attack 19, by a total among those that could be listed: {gained:.3}");
    assert!(gained <= 0.25, "{gained}");
}

#[test]
fn attack_20_a_list_of_one_real_and_many_false_ids() {
    let ids: Vec<String> = (0..99).map(|i| format!("'nobody-{i}'")).collect();
    let ids = ids.join(", ");
    let sql = format!("SELECT count(*) FROM health.episodes WHERE person IN ('victim', {ids})");
    assert_eq!(TOWNS.truth(0, &sql).unwrap(), [["13"]]);
    is_refused(&sql, "D202");
}
