//! Running: errors, overflow and side effects that hang on one row.

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
