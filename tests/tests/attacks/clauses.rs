//! Clauses as oracles: whatever stands above a table sees shown values only.

use super::town::{TOWNS, is_refused, is_refused_as, tells_nothing};

#[test]
fn attack_34_having_as_an_oracle() {
    let sql = "SELECT area FROM health.episodes GROUP BY area HAVING sum(cost) > 100000";
    assert_eq!(TOWNS.truth(0, sql).unwrap(), [["N"], ["Z"]]);
    assert!(tells_nothing(sql).is_empty());
}

#[test]
fn attack_35_order_by_and_limit_as_an_oracle() {
    let sql =
        "SELECT area FROM health.episodes GROUP BY area ORDER BY sum(cost) DESC, area DESC LIMIT 1";
    assert_eq!(TOWNS.truth(0, sql).unwrap(), [["Z"]]);
    // The victim's areas aren't there to be ordered, however many rows are taken.
    for town in 0..2 {
        for order in ["DESC", "DESC NULLS FIRST", "ASC", "ASC NULLS FIRST"] {
            let sql = format!(
                "SELECT area FROM health.episodes GROUP BY area ORDER BY sum(cost) {order} LIMIT 3"
            );
            let told = TOWNS.ask(town, &sql).unwrap();
            assert!(
                !told.is_empty()
                    && told.iter().all(|row| ["A", "B", "C"].contains(&row[0].as_str())),
                "{told:?}"
            );
        }
    }
}

#[test]
fn attack_36_subqueries_as_an_oracle() {
    is_refused(
        "SELECT count(*) FROM ref.areas WHERE EXISTS (SELECT 1 FROM health.episodes WHERE age = 87)",
        "D208|D201|Q104",
    );
    is_refused(
        "SELECT (SELECT cost FROM health.episodes WHERE area = 'E' AND age = 87)",
        "D208|D201|Q104",
    );
    // Above a released table the same is allowed, and compares with NULL.
    let told = tells_nothing(
        "SELECT CASE WHEN (SELECT sum(cost) FROM health.episodes WHERE area = 'Z') > 50000 THEN 1 ELSE 0 END",
    );
    assert_eq!(told, [["0"]]);
}

#[test]
fn attack_37_windows_distinct_and_set_operations() {
    // Which values there are is told of those alone whose counts are shown: area `E` has nine, or ten with the victim.
    for sql in [
        "SELECT DISTINCT area FROM health.episodes",
        "SELECT DISTINCT area, sex FROM health.episodes WHERE age = 87",
        "SELECT count(*) FROM (SELECT DISTINCT area FROM health.episodes) AS t",
        // These compare distinct rows.
        "SELECT area FROM health.episodes INTERSECT SELECT 'Z'",
        "SELECT area FROM health.episodes EXCEPT SELECT 'A'",
    ] {
        tells_nothing(sql);
    }
    for sql in [
        "SELECT DISTINCT person, area FROM health.episodes",
        "SELECT DISTINCT cost FROM health.episodes",
    ] {
        is_refused(sql, "D202|D203");
    }
    for sql in [
        "SELECT area, row_number() OVER (ORDER BY cost DESC) FROM health.episodes",
        "SELECT 'Z' AS area INTERSECT SELECT area FROM health.episodes",
        "SELECT 'Z' AS area EXCEPT SELECT area FROM health.episodes",
        "SELECT area FROM health.episodes UNION SELECT 'A'",
    ] {
        is_refused(sql, "D208|D201|Q104");
    }
}

#[test]
fn attack_38_rows_that_find_no_match() {
    // Area `D` has nobody; `E` has nine, or ten with the victim. Both look alike beside a released table.
    let sql = "SELECT a.area, t.total IS NULL FROM ref.areas a LEFT JOIN \
               (SELECT area, sum(cost) AS total FROM health.episodes WHERE age = 87 GROUP BY area) AS t \
               ON t.area = a.area ORDER BY a.area";
    let told = tells_nothing(sql);
    assert!(told.iter().all(|row| row[1] == "true"), "{told:?}");
    is_refused(
        "SELECT a.area, count(e.cost) FROM ref.areas a LEFT JOIN health.episodes e ON e.area = a.area GROUP BY a.area",
        "D213",
    );
}

#[test]
fn attack_39_samples_and_random_numbers() {
    let unprotected = "SELECT count(*) FROM health.episodes WHERE age = 87";
    for sql in [
        "SELECT count(*) FROM health.episodes TABLESAMPLE SYSTEM (50)",
        "SELECT count(*) FROM health.episodes WHERE random() < 0.5",
        "SELECT count(*) FROM health.episodes WHERE age = 87 AND uuid() < 'f'",
    ] {
        is_refused_as(sql, unprotected, "Q104|Q108|D207");
    }
}
