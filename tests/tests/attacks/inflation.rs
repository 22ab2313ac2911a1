//! Inflation: making one person look like many.

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
    let gained = advantage(60, |trial| guess(insitu_disclosure::Profile::STANDARD, trial));
    println!("attack 19, one question: {gained:.3}");
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
    let gained = advantage(60, |trial| guess(insitu_disclosure::Profile::STANDARD, trial));
    println!("attack 19, by a constant measure, one question: {gained:.3}");
    assert!(gained <= 0.2, "{gained}");
}

#[test]
fn attack_20_a_list_of_one_real_and_many_false_ids() {
    let ids: Vec<String> = (0..99).map(|i| format!("'nobody-{i}'")).collect();
    let ids = ids.join(", ");
    let sql = format!("SELECT count(*) FROM health.episodes WHERE person IN ('victim', {ids})");
    assert_eq!(TOWNS.truth(0, &sql).unwrap(), [["13"]]);
    is_refused(&sql, "D202");
}
