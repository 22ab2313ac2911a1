//! The statements: every shape that is answered, and every shape that is refused.

/// Statements that ask a department. What they answer may be a Refusal too, of the plan above.
pub(super) const ASKED: [&str; 79] = [
    "SELECT sum(CASE WHEN area = 'C' THEN cost ELSE 1 END) FROM health.visits",
    // Counts, sums and means, with keys and without.
    "SELECT count(*) FROM health.visits",
    "SELECT count(DISTINCT person) FROM health.visits",
    "SELECT area, count(*) FROM health.visits GROUP BY area",
    "SELECT area, count(DISTINCT person), count(cost), sum(cost), avg(cost) FROM health.visits GROUP BY area",
    "SELECT sex, count(*), sum(cost) FROM health.visits GROUP BY sex",
    "SELECT region, sex, count(*) FROM health.visits GROUP BY region, sex",
    "SELECT region, area, count(DISTINCT person) FROM health.visits GROUP BY region, area",
    "SELECT age, count(*) FROM health.visits GROUP BY age",
    "SELECT area, count(rare), sum(rare), avg(rare) FROM health.visits GROUP BY area",
    "SELECT count(rare), sum(rare) FROM health.visits",
    "SELECT count(visited), count(area), count(sex) FROM health.visits",
    "SELECT area FROM health.visits GROUP BY area",
    "SELECT sex FROM health.visits GROUP BY sex",
    // Filters.
    "SELECT count(*) FROM health.visits WHERE area = 'C'",
    "SELECT count(*) FROM health.visits WHERE area = 'Nowhere'",
    "SELECT count(*), sum(cost) FROM health.visits WHERE sex = 'X'",
    "SELECT count(*) FROM health.visits WHERE area = 'C' AND sex = 'M' AND age = 87",
    "SELECT count(*) FROM health.visits WHERE NOT (area = 'C' OR area IS NULL)",
    "SELECT count(*) FROM health.visits WHERE age <> 87",
    "SELECT sex, count(*) FROM health.visits WHERE age BETWEEN 30 AND 59 GROUP BY sex",
    "SELECT area, count(*) FROM health.visits WHERE visited >= DATE '2018-02-01' GROUP BY area",
    "SELECT count(*) FROM health.visits WHERE visited <= DATE '2018-01-31'",
    "SELECT count(*) FROM health.visits WHERE date_trunc('quarter', visited) = DATE '2018-01-01'",
    "SELECT count(*) FROM health.visits WHERE extract(year FROM visited) = 1999",
    "SELECT count(*), count(DISTINCT person) FROM health.visits WHERE cost >= 1000",
    "SELECT count(*) FROM health.visits WHERE cost IS NULL",
    "SELECT area, count(*) FROM health.visits WHERE area LIKE '%_%' GROUP BY area",
    "SELECT region, count(*) FROM health.visits WHERE region IN ('North', 'South', 'West', 'East') GROUP BY region",
    "SELECT count(*) FILTER (WHERE sex = 'X'), count(*) FILTER (WHERE area = 'A'), sum(cost) FILTER (WHERE age >= 60), \
     avg(cost) FILTER (WHERE area = 'C') FROM health.visits",
    "SELECT area, count(*) FILTER (WHERE sex = 'F'), count(DISTINCT person) FILTER (WHERE rare IS NOT NULL) \
     FROM health.visits GROUP BY area",
    "SELECT area, sum(CASE WHEN sex = 'X' THEN 1 ELSE 0 END), avg(CASE WHEN sex = 'X' THEN cost END), \
     avg(CASE WHEN age >= 60 THEN 1 ELSE 0 END), count(DISTINCT CASE WHEN area = 'C' THEN person END) \
     FROM health.visits GROUP BY area",
    "SELECT count(*) FROM health.visits WHERE 1 = 0",
    "SELECT region, count(*) FROM health.visits WHERE region = 'East' GROUP BY region",
    // Keys that are expressions: with a domain beneath, and without.
    "SELECT CASE WHEN age < 30 THEN 'under 30' WHEN age < 60 THEN '30 to 59' ELSE '60 and over' END AS band, count(*) \
     FROM health.visits GROUP BY 1",
    "SELECT CASE WHEN area = 'C' THEN 'C' ELSE 'elsewhere' END AS place, count(*), sum(cost) FROM health.visits GROUP BY 1",
    "SELECT age / 10 * 10 AS decade, sex, count(*) FROM health.visits GROUP BY 1, 2",
    "SELECT upper(trim(area)) AS place, count(*) FROM health.visits GROUP BY 1",
    // What would fail on one row: wrong casts, division by zero, overflow, comparisons of casts.
    "SELECT CAST(area AS INT) AS n, count(*) FROM health.visits GROUP BY 1",
    "SELECT count(*) FROM health.visits WHERE CAST(area AS INT) = 42",
    "SELECT 100 / age AS q, count(*) FROM health.visits GROUP BY 1",
    "SELECT count(*) FROM health.visits WHERE 1 / (age - 87) IS NULL",
    "SELECT count(*) FROM health.visits WHERE 1 / (CASE WHEN area = 'C' THEN 0 ELSE 1 END) = 1",
    "SELECT age * 9223372036854775807 AS big, count(*) FROM health.visits GROUP BY 1",
    // Clauses that would be oracles beneath the rules.
    "SELECT area, sum(cost) FROM health.visits GROUP BY area HAVING sum(cost) > 500000",
    "SELECT sex, count(*) FROM health.visits GROUP BY sex HAVING count(*) IS NULL",
    "SELECT area, sum(cost) FROM health.visits GROUP BY area ORDER BY 2 DESC LIMIT 1",
    "SELECT age, count(*) FROM health.visits GROUP BY age ORDER BY 2 DESC NULLS LAST, 1 LIMIT 3",
    "SELECT (SELECT count(*) FROM health.visits WHERE sex = 'X') AS x, (SELECT count(*) FROM health.visits) AS n",
    "SELECT count(*) FROM (SELECT area, count(*) AS n FROM health.visits GROUP BY area) AS t",
    "SELECT 1000 / (n - 15) FROM (SELECT count(*) AS n FROM health.visits WHERE area = 'B') AS t",
    "SELECT CAST(area AS INT) FROM (SELECT area, count(*) FROM health.visits GROUP BY area) AS t",
    // Grouping sets: margins beside their cells.
    "SELECT area, sex, count(*) FROM health.visits GROUP BY ROLLUP (area, sex)",
    "SELECT grouping(region, area), region, area, count(DISTINCT person), avg(cost) FROM health.visits GROUP BY CUBE (region, area)",
    "SELECT sex, region, count(*) FROM health.visits WHERE age >= 18 GROUP BY GROUPING SETS ((sex), (region)) HAVING count(*) > 20",
    "SELECT age, count(rare) FROM health.visits GROUP BY ROLLUP (age) ORDER BY grouping(age) DESC, 2, 1 LIMIT 3",
    // Histograms and quantiles: each bin is a count.
    "SELECT histogram(cost), median(cost) FROM health.visits",
    "SELECT area, histogram(cost), percentile_cont(0.25) WITHIN GROUP (ORDER BY cost DESC) FROM health.visits GROUP BY area",
    "SELECT sex, histogram(cost) FILTER (WHERE region = 'West') FROM health.visits GROUP BY sex",
    "SELECT region, approx_percentile_cont(cost, 0.95) - approx_percentile_cont(cost, 0.05) FROM health.visits GROUP BY region",
    // Moments of one column and of two.
    "SELECT var_samp(cost), stddev_pop(cost), var_pop(days) FROM health.visits",
    "SELECT area, stddev_samp(cost) FROM health.visits GROUP BY area",
    "SELECT sex, corr(days, cost), regr_count(days, cost) FROM health.visits GROUP BY sex",
    "SELECT area, regr_slope(cost, days), regr_intercept(cost, days), regr_r2(cost, days) FROM health.visits GROUP BY area",
    "SELECT stddev(rare), covar_samp(rare, cost) FROM health.visits",
    "SELECT region, regr_avgx(cost, days), regr_avgy(cost, days), regr_sxx(cost, days), regr_syy(cost, days), \
     regr_sxy(cost, days) FROM health.visits GROUP BY region",
    "SELECT var_pop(cost) FILTER (WHERE sex = 'X'), corr(days, cost) FILTER (WHERE age >= 60) FROM health.visits",
    "SELECT area, var_samp(cost) FROM health.visits GROUP BY area HAVING var_samp(cost) > 1000000 ORDER BY 2 DESC LIMIT 1",
    // Units brought together.
    "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM health.visits GROUP BY person) GROUP BY n",
    "SELECT sex, n, count(DISTINCT person) FROM (SELECT person, sex, count(*) FILTER (WHERE cost >= 100) AS n \
     FROM health.visits WHERE area = 'C' OR area = 'A' GROUP BY person, sex) GROUP BY sex, n",
    "SELECT count(*) FROM (SELECT person FROM health.visits GROUP BY person HAVING count(rare) >= 1)",
    // Joins to open data.
    "SELECT a.region, count(*), count(DISTINCT v.person), sum(v.cost) FROM health.visits v LEFT JOIN ref.areas a ON v.area = a.area GROUP BY a.region",
    "SELECT count(*) FROM health.visits WHERE area IN (SELECT area FROM ref.areas WHERE region = 'South')",
    "SELECT v.sex, count(*) FROM health.visits v JOIN ref.areas a ON v.area = a.area AND a.residents < 500 GROUP BY v.sex",
    // What a unit's rows come to.
    "SELECT sum(t), avg(t), count(t), stddev_samp(t), histogram(t), median(t) FROM (SELECT person, sum(cost) AS t \
     FROM health.visits GROUP BY person)",
    "SELECT n >= 2, sum(t), avg(t) FROM (SELECT person, count(*) AS n, sum(cost) FILTER (WHERE area = 'C' OR area = 'A') AS t \
     FROM health.visits GROUP BY person) GROUP BY n >= 2",
    "SELECT count(*), sum(t) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person) WHERE t >= 1000",
    // Brought together of what is looked up, and what is kept looked up.
    "SELECT n, count(*) FROM (SELECT v.person, count(*) AS n FROM health.visits v JOIN ref.areas a ON v.area = a.area \
     WHERE a.region = 'South' GROUP BY v.person) GROUP BY n",
    "SELECT a.region, v.n, count(*), count(DISTINCT v.person) FROM (SELECT person, area, count(*) AS n FROM health.visits \
     GROUP BY person, area) v LEFT JOIN ref.areas a ON v.area = a.area GROUP BY a.region, v.n",
];

/// Statements that are refused, whatever the data.
pub(super) const REFUSED: [&str; 46] = [
    "SELECT * FROM health.visits",
    "SELECT area FROM health.visits WHERE age = 87 LIMIT 1",
    "SELECT count(*) FROM health.visits WHERE person = 'alone'",
    "SELECT count(*) FROM health.visits WHERE upper(person) LIKE 'ALONE%'",
    "SELECT person, count(*) FROM health.visits GROUP BY person",
    "SELECT count(person) FROM health.visits",
    "SELECT cost, count(*) FROM health.visits GROUP BY cost",
    "SELECT visited, count(*) FROM health.visits GROUP BY visited",
    "SELECT CASE WHEN cost > 899999 THEN 1 ELSE 0 END, count(*) FROM health.visits GROUP BY 1",
    "SELECT count(*) FROM health.visits WHERE visited = DATE '2018-01-31'",
    "SELECT count(*) FROM health.visits WHERE cost > 899999",
    "SELECT count(*) FROM health.visits WHERE cost + 1 > 100",
    "SELECT max(cost) FROM health.visits",
    "SELECT area, min(cost), median(cost) FROM health.visits GROUP BY area",
    "SELECT approx_percentile_cont(cost, 0.99) FROM health.visits",
    "SELECT median(rare) FROM health.visits",
    "SELECT histogram(age) FROM health.visits",
    "SELECT array_agg(area) FROM health.visits",
    "SELECT first_value(cost ORDER BY cost DESC) FROM health.visits",
    "SELECT bool_or(area = 'C') FROM health.visits",
    "SELECT stddev(DISTINCT cost) FROM health.visits",
    "SELECT corr(cost, cost) FROM health.visits",
    "SELECT var_samp(cost + 1) FROM health.visits",
    "SELECT median(CASE WHEN area = 'C' THEN cost ELSE 1 END) FROM health.visits",
    "SELECT sum(1000 / (cost - 100)) FROM health.visits",
    "SELECT sum(rare + 1) FROM health.visits",
    "SELECT sum(area) FROM health.visits",
    "SELECT count(DISTINCT area) FROM health.visits",
    "SELECT DISTINCT area, cost FROM health.visits",
    "SELECT area, row_number() OVER (ORDER BY cost) FROM health.visits",
    "SELECT a.area FROM health.visits a JOIN health.visits b ON a.area = b.area",
    "SELECT area, person, count(*) FROM health.visits GROUP BY ROLLUP (area, person)",
    "SELECT area, count(*) FROM health.visits GROUP BY GROUPING SETS ((area), (area))",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM health.visits WHERE area = 'C')",
    "SELECT full_name, count(*) FROM health.visits GROUP BY full_name",
    "SELECT count(*) FROM health.visits WHERE aera = 'C'",
    "SELECT count(*) FROM health.visit",
    "SELECT count(*) FROM health.visits WHERE age = 'old'",
    "SELECT count(*) FROM health.visits WHERE regexp_like(area, 'C')",
    "EXPLAIN ANALYZE SELECT count(*) FROM health.visits",
    "SELECT count(*) FROM health.visits TABLESAMPLE SYSTEM (10)",
    "SELECT area, count(*) FROM health.visits",
    "SELECT t, count(*) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person) GROUP BY t",
    "SELECT max(t) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person)",
    "SELECT histogram(t) FROM (SELECT person, sum(cost) AS t FROM health.visits WHERE area = 'C' GROUP BY person)",
    "SELECT approx_distinct(area), approx_distinct(person) FROM health.visits",
];

/// Statements with placeholders: prepared, never bound.
pub(super) const PREPARED: [&str; 3] = [
    "SELECT area, count(*) FROM health.visits WHERE age < $1 GROUP BY area",
    "SELECT count(*) FROM health.visits WHERE area = $1 AND visited >= $2",
    "SELECT sum(cost) FROM health.visits WHERE person = $1",
];
