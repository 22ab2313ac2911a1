//! Running: errors, overflow and side effects that hang on one row.

use std::time::Duration;

use insitu_disclosure::{AnswerTimes, Profile};
use insitu_tests::Federation;

use super::lab::{Lab, What, people};
use super::town::{TOWNS, is_refused, is_refused_as, is_suppressed};

#[test]
fn attack_40_a_cast_that_prints_a_value() {
    let sql = "SELECT count(*) FROM health.episodes WHERE area = 'Z' AND CAST(icd10 AS INT) = 1";
    let printed = TOWNS.truth(0, sql).unwrap_err();
    assert!(printed.contains("F20"), "unprotected, the error quotes the diagnosis: {printed}");
    is_suppressed(sql);
    let above = "SELECT CAST(area AS INT) FROM (SELECT area, count(*) FROM health.episodes GROUP BY area) AS t";
    let told = TOWNS.ask(0, above).unwrap_err();
    assert!(["'A'", "'Z'", "'N'"].iter().all(|area| !told.contains(area)), "{told}");
}

#[test]
fn attack_41_a_division_that_fails_on_the_victim() {
    let sql = "SELECT count(*) FROM health.episodes \
               WHERE 1 / (CASE WHEN area = 'Z' THEN 0 ELSE 1 END) = 5";
    assert!(TOWNS.truth(0, sql).is_err() && TOWNS.truth(1, sql).is_ok());
    is_suppressed(sql);
}

#[test]
fn attack_42_whole_numbers_that_wrap() {
    // `sum` over a factor would wrap to a number that gives the victim away.
    is_refused("SELECT sum(cost * 9223372036854775807) FROM health.episodes", "D206");
    is_suppressed(
        "SELECT count(*) FROM health.episodes WHERE area = 'Z' AND age * 107000000000000000 < 0",
    );
}

#[test]
fn attack_43_floating_point_that_cancels() {
    is_refused("SELECT sum(CAST(cost AS DOUBLE) * 1e300) FROM health.episodes", "D206");
    is_refused("SELECT avg(sqrt(8999 - cost)) FROM health.episodes", "D206|D207|Q108");
}

#[test]
fn attack_44_regular_expressions() {
    let unprotected = "SELECT count(*) FROM health.episodes WHERE icd10 LIKE 'F2%'";
    for sql in [
        "SELECT count(*) FROM health.episodes WHERE icd10 ~ '^F2'",
        "SELECT count(*) FROM health.episodes WHERE icd10 SIMILAR TO 'F2%'",
        "SELECT count(*) FROM health.episodes WHERE regexp_like(icd10, '(F+)+$')",
    ] {
        is_refused_as(sql, unprotected, "Q104|Q108|Q109|D207");
    }
}

#[test]
fn attack_45_statements_that_write_or_read_elsewhere() {
    let unprotected = "SELECT * FROM health.episodes";
    for sql in [
        "COPY health.episodes TO 'episodes.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.target_partitions = 1",
        "SELECT * FROM 'episodes.csv'",
        "INSERT INTO health.episodes SELECT * FROM health.episodes",
    ] {
        is_refused_as(sql, unprotected, "Q10");
    }
}

#[test]
fn attack_46_how_long_an_answer_takes() {
    // Work that takes longer where the victim is: by a little, or by a thousand times as much as a heavy
    // expression can make it.
    let times = AnswerTimes::new(vec![1_000, 5_000, 30_000]).unwrap();
    for (without, with) in [(12, 13), (40, 900), (1_200, 4_800), (5_100, 29_000)] {
        let [without, with] = [without, with].map(Duration::from_millis);
        let sent = |ready| (AnswerTimes::at_once().next(ready), times.next(ready));
        assert_ne!(sent(without).0, sent(with).0, "without the rule the time tells");
        assert_eq!(sent(without).1, sent(with).1, "with it the time is the same");
    }
    // What it doesn't stop: work that can be made to end on two sides of a time.
    assert_ne!(times.next(Duration::from_millis(999)), times.next(Duration::from_millis(1_001)));
}

#[test]
fn attack_47_failures_cost_as_much_as_answers() {
    // A question that fails is charged: a second one finds the budget spent.
    TOWNS.block_on(async {
        let mut department = super::town::department(true);
        department.config = department
            .config
            .replace("release = ", "conditions_max = 1\nrelease = ")
            .replace("id = \"health\"", "id = \"health\"\ngroups_max = 5");
        let federation = Federation::start(&[department]).await;
        let mut analyst = federation.analyst().await;
        let failed = "SELECT age, count(*) FROM health.episodes WHERE area = 'A' GROUP BY age";
        assert!(analyst.refused(failed).await.starts_with("L504"));
        let next = "SELECT count(*) FROM health.episodes WHERE area = 'B'";
        assert!(analyst.refused(next).await.starts_with("D211"));
        analyst.cells("SELECT count(*) FROM health.episodes WHERE area = 'A'").await.unwrap();
    });
    // And one that is suppressed, which tells a little.
    let lab = Lab::with_budget(Profile::STANDARD, 47, Some(1));
    assert_eq!(lab.ask(What::Rows, "nobody", &people([])), None);
    assert_eq!(lab.ask(What::Rows, "many", &people(0..100)), None);
    let unlimited = Lab::new(Profile::STANDARD, 47);
    assert!(unlimited.ask(What::Rows, "many", &people(0..100)).is_some());
}
