//! Questions about what is looked up, beside the same about a stored column.

use insitu_tests::Cells;

/// A question of the joined region, and the same of the stored one.
pub(crate) const PAIRS: [(&str, &str); 17] = [
    (
        "SELECT a.region, count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area GROUP BY 1",
        "SELECT region, count(*) FROM town.people WHERE region IS NOT NULL GROUP BY region",
    ),
    (
        "SELECT a.region, count(*) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY 1",
        "SELECT region, count(*) FROM town.people GROUP BY region",
    ),
    (
        "SELECT region, sum(income), avg(income) FROM ref.areas RIGHT JOIN (SELECT area, income FROM town.people) p ON p.area = areas.area GROUP BY region",
        "SELECT region, sum(income), avg(income) FROM town.people GROUP BY region",
    ),
    (
        "SELECT count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area WHERE a.region = 'North'",
        "SELECT count(*) FROM town.people WHERE region = 'North'",
    ),
    (
        "SELECT count(*) FROM town.people WHERE area IN (SELECT area FROM ref.areas WHERE region IN ('South', 'West'))",
        "SELECT count(*) FROM town.people WHERE region IN ('South', 'West')",
    ),
    (
        "SELECT count(*), sum(income) FROM town.people p WHERE EXISTS (SELECT 1 FROM ref.areas a WHERE a.area = p.area AND a.region LIKE '%o%th')",
        "SELECT count(*), sum(income) FROM town.people WHERE region LIKE '%o%th'",
    ),
    (
        "SELECT count(*) FROM town.people p WHERE NOT EXISTS (SELECT a.residents FROM ref.areas a WHERE p.area = a.area AND a.region = 'North') AND sex = 'F'",
        "SELECT count(*) FROM town.people WHERE (region IS NULL OR region <> 'North') AND sex = 'F'",
    ),
    (
        "SELECT sex, count(*) FROM town.people p WHERE NOT EXISTS (SELECT 1 FROM ref.areas a WHERE p.area = a.area) GROUP BY sex",
        "SELECT sex, count(*) FROM town.people WHERE region IS NULL GROUP BY sex",
    ),
    (
        "SELECT sex, count(*) FILTER (WHERE a.region = 'South'), count(*) FILTER (WHERE a.area IS NULL) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY sex",
        "SELECT sex, count(*) FILTER (WHERE region = 'South'), count(*) FILTER (WHERE region IS NULL) FROM town.people GROUP BY sex",
    ),
    (
        "SELECT a.region, p.sex, count(*), grouping(a.region) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY CUBE (a.region, p.sex)",
        "SELECT region, sex, count(*), grouping(region) FROM town.people GROUP BY CUBE (region, sex)",
    ),
    (
        "SELECT a.region, histogram(p.income), median(p.income) FROM town.people p JOIN ref.areas a ON a.area = p.area GROUP BY a.region",
        "SELECT region, histogram(income), median(income) FROM town.people WHERE region IS NOT NULL GROUP BY region",
    ),
    (
        "SELECT a.region, stddev_samp(p.income) FROM town.people p LEFT JOIN ref.areas a ON a.area = p.area GROUP BY a.region",
        "SELECT region, stddev_samp(income) FROM town.people GROUP BY region",
    ),
    (
        "WITH n AS (SELECT area, upper(region) AS big FROM ref.areas WHERE region <> 'South') SELECT n.big, count(*) FROM town.people p LEFT JOIN n ON p.area = n.area GROUP BY n.big",
        "SELECT CASE WHEN region <> 'South' THEN upper(region) END, count(*) FROM town.people GROUP BY 1",
    ),
    (
        "SELECT a.region, count(*) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area AND p.sex = 'M' GROUP BY a.region",
        "SELECT CASE WHEN sex = 'M' THEN region END, count(*) FROM town.people GROUP BY 1",
    ),
    (
        "SELECT a.area, count(*) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY a.area",
        "SELECT CASE WHEN region IS NOT NULL THEN area END, count(*) FROM town.people GROUP BY 1",
    ),
    (
        "SELECT b.region, count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area JOIN ref.areas b ON a.area = b.area WHERE a.residents < 300 GROUP BY b.region",
        "SELECT region, count(*) FROM town.people WHERE area IN ('A', 'B') GROUP BY region",
    ),
    (
        "SELECT CASE WHEN a.residents / 100 <= 2 THEN 'few' ELSE 'many' END, count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area GROUP BY 1",
        "SELECT CASE WHEN area IN ('A', 'B') THEN 'few' ELSE 'many' END, count(*) FROM town.people WHERE region IS NOT NULL GROUP BY 1",
    ),
];

/// Whether a statement's answer is that of another about the same people. Counts depend on who is in a cell, and not on how it was
/// asked for; part of a total's noise is drawn for the question, and what hangs on one is near.
pub(crate) fn are_alike(sql: &str, answer: &Cells, other: &Cells) -> bool {
    let of_totals = ["sum(", "avg(", "stddev"].iter().any(|f| sql.contains(f));
    let near = |(one, other): (&String, &String)| {
        let numbers = one.parse::<f64>().ok().zip(other.parse::<f64>().ok());
        one == other
            || (of_totals && numbers.is_some_and(|(one, other)| (one / other - 1.0).abs() < 0.15))
    };
    let rows = answer.iter().zip(other);
    answer.len() == other.len()
        && rows.into_iter().all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(near))
}
