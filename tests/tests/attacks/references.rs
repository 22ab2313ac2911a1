//! References as tools: rows are joined to a table of the attacker's choice.

use super::town::{TOWNS, is_refused_as, is_suppressed, tells_nothing};

#[test]
fn attack_59_a_table_of_persons() {
    let of_victim = "SELECT count(*) FROM health.episodes WHERE person = 'victim'";
    // The key of the reference could be a list of names.
    for sql in [
        "SELECT count(*) FROM health.episodes e JOIN ref.areas a ON e.person = a.area",
        "SELECT a.region, count(*) FROM health.episodes e LEFT JOIN ref.areas a ON e.person = a.area GROUP BY a.region",
        "SELECT count(*) FROM health.episodes WHERE person IN (SELECT area FROM ref.areas)",
        "SELECT count(*) FROM health.episodes e WHERE EXISTS (SELECT 1 FROM ref.areas a WHERE a.area = upper(e.person))",
    ] {
        is_refused_as(sql, of_victim, "D202");
    }
}

#[test]
fn attack_60_a_cut_between_breakpoints() {
    // Each value of a measure, or each day, could be a key of the reference.
    is_refused_as(
        "SELECT a.area, count(*) FROM health.episodes e JOIN ref.areas a ON e.cost = a.residents GROUP BY a.area",
        "SELECT count(*) FROM health.episodes WHERE cost = 9000",
        "D213",
    );
    is_refused_as(
        "SELECT count(*) FROM health.episodes e JOIN ref.areas a ON e.area = a.area AND e.cost > a.residents",
        "SELECT count(*) FROM health.episodes WHERE cost > 1500",
        "D204",
    );
    // What is looked up is added up as little as any expression.
    is_refused_as(
        "SELECT sum(a.residents) FROM health.episodes e JOIN ref.areas a ON e.area = a.area",
        "SELECT count(*) FROM health.episodes WHERE area = 'E'",
        "D206",
    );
}

#[test]
fn attack_61_a_reference_that_singles_out() {
    // No two areas have the same number of residents: a condition on it picks one area.
    for join in [
        "JOIN ref.areas a ON e.area = a.area WHERE a.residents = 100 AND",
        "LEFT JOIN ref.areas a ON e.area = a.area WHERE a.residents < 200 AND",
        "WHERE e.area IN (SELECT area FROM ref.areas WHERE residents = 100) AND",
        "WHERE NOT EXISTS (SELECT 1 FROM ref.areas a WHERE a.area = e.area AND a.residents > 200) AND",
    ] {
        is_suppressed(&format!("SELECT count(*) FROM health.episodes e {join} e.age = 87"));
    }
    let by = tells_nothing(
        "SELECT a.residents, count(*), count(DISTINCT e.person) FROM health.episodes e JOIN ref.areas a ON e.area = a.area WHERE e.age = 87 GROUP BY a.residents",
    );
    assert!(by.is_empty(), "a row of suppressed cells would tell that the key occurs: {by:?}");
    // Whoever isn't in the reference isn't told apart either: the victim's other rows are in such areas.
    let elsewhere = "SELECT count(*) FROM health.episodes e WHERE NOT EXISTS (SELECT 1 FROM ref.areas a WHERE a.area = e.area)";
    is_suppressed(elsewhere);
    // A reference of the analyst's own is none, in whatever form.
    let of_victim = "SELECT count(*) FROM health.episodes WHERE age = 87 AND area = 'E'";
    for (sql, code) in [
        (
            "SELECT count(*) FROM health.episodes e JOIN (VALUES ('E', 'x')) AS t (area, mine) ON e.area = t.area",
            "D208|Q104",
        ),
        (
            "WITH t AS (SELECT 'E' AS area, 87 AS age) SELECT count(*) FROM health.episodes e JOIN t ON e.area = t.area",
            "D208",
        ),
        (
            "SELECT count(*) FROM health.episodes e JOIN (SELECT area, count(*) AS n FROM ref.areas GROUP BY area) t ON e.area = t.area",
            "D208",
        ),
        (
            "SELECT count(*) FROM health.episodes e JOIN (SELECT area FROM health.episodes WHERE age = 87) t ON e.area = t.area",
            "D208",
        ),
        // Two rows for a key: each row of the department would count twice.
        ("SELECT count(*) FROM health.episodes e JOIN ref.areas a ON e.area = a.region", "Q111"),
    ] {
        is_refused_as(sql, of_victim, code);
    }
    // Asked first of one town and then of the other, nothing was left behind that tells.
    assert_eq!(TOWNS.ask(0, elsewhere), TOWNS.ask(1, elsewhere));
}
