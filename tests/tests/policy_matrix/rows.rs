//! The shapes of questions: the rows of the matrix.

/// A shape of question: the rule it is about, what it is, and a statement; of two, whether the second
/// gives another answer than the first.
pub(super) type Row = (&'static str, &'static str, &'static [&'static str]);

pub(super) const ROWS: &[Row] = &[
    ("measure", "count of rows", &["SELECT region, count(*) FROM health.visits GROUP BY region"]),
    (
        "measure",
        "count of values",
        &["SELECT region, count(cost) FROM health.visits GROUP BY region"],
    ),
    (
        "measure",
        "count of units",
        &["SELECT region, count(DISTINCT person) FROM health.visits GROUP BY region"],
    ),
    ("measure", "sum", &["SELECT region, sum(cost) FROM health.visits GROUP BY region"]),
    ("measure", "mean", &["SELECT region, avg(cost) FROM health.visits GROUP BY region"]),
    (
        "measure",
        "histogram",
        &["SELECT region, histogram(cost) FROM health.visits GROUP BY region"],
    ),
    ("measure", "quantile", &["SELECT region, median(cost) FROM health.visits GROUP BY region"]),
    (
        "measure",
        "dispersion",
        &["SELECT region, stddev_samp(cost) FROM health.visits GROUP BY region"],
    ),
    ("measure", "association", &["SELECT sex, corr(days, cost) FROM health.visits GROUP BY sex"]),
    (
        "quantiles",
        "towards the end",
        &["SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY cost) FROM health.visits"],
    ),
    ("quantiles", "at the end", &["SELECT approx_percentile_cont(cost, 1.0) FROM health.visits"]),
    ("quantiles", "without breakpoints", &["SELECT median(rare) FROM health.visits"]),
    ("quantiles", "of a dimension", &["SELECT histogram(age) FROM health.visits"]),
    ("quantiles", "of few", &["SELECT median(cost) FROM health.visits WHERE area = 'C'"]),
    ("quantiles", "a bin of few", &["SELECT histogram(cost) FROM health.visits WHERE area = 'J'"]),
    ("measure", "FILTER", &["SELECT count(*) FILTER (WHERE sex = 'F') FROM health.visits"]),
    (
        "roll-ups",
        "people by number of visits",
        &[
            "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM health.visits GROUP BY person) GROUP BY n",
        ],
    ),
    (
        "roll-ups",
        "people with some visits",
        &[
            "SELECT count(*) FROM (SELECT person FROM health.visits GROUP BY person HAVING count(*) >= 1)",
        ],
    ),
    (
        "roll-ups",
        "cut below elsewhere",
        &[
            "SELECT count(*) FROM (SELECT person FROM health.visits WHERE cost >= 101 GROUP BY person)",
        ],
    ),
    (
        "unit-joins",
        "EXISTS in another dataset",
        &[
            "SELECT count(*) FROM health.visits v WHERE EXISTS (SELECT 1 FROM health.patients p WHERE p.person = v.person AND p.smoker = 'yes')",
        ],
    ),
    (
        "unit-joins",
        "in other words",
        &[
            "SELECT count(*) FROM health.visits v WHERE v.person IN (SELECT person FROM health.patients WHERE smoker = 'yes')",
            "SELECT count(*) FROM health.patients p JOIN health.visits v ON p.person = v.person WHERE p.smoker = 'yes'",
        ],
    ),
    (
        "unit-joins",
        "NOT EXISTS, of few",
        &[
            "SELECT count(*) FROM health.visits v WHERE NOT EXISTS (SELECT 1 FROM health.patients p WHERE p.person = v.person)",
        ],
    ),
    (
        "unit-joins",
        "columns of one row a unit",
        &[
            "SELECT p.smoker, count(*) FROM health.visits v LEFT JOIN health.patients p ON p.person = v.person GROUP BY p.smoker",
        ],
    ),
    (
        "unit-joins",
        "columns of many rows a unit",
        &[
            "SELECT v.sex, count(*) FROM health.patients p LEFT JOIN health.visits v ON v.person = p.person GROUP BY v.sex",
        ],
    ),
    (
        "unit-joins",
        "its measures",
        &[
            "SELECT sum(p.income) FROM health.visits v JOIN health.patients p ON p.person = v.person",
        ],
    ),
    (
        "unit-joins",
        "by something else",
        &["SELECT count(*) FROM health.visits v JOIN health.patients p ON p.smoker = v.sex"],
    ),
    (
        "functions",
        "types that don't fit",
        &["SELECT count(*) FROM health.visits WHERE age = 'old'"],
    ),
    (
        "functions",
        "wrong cast of a key",
        &["SELECT CAST(area AS INT) AS n, count(*) FROM health.visits GROUP BY 1"],
    ),
    (
        "functions",
        "division by zero",
        &["SELECT count(*) FROM health.visits WHERE 1 / (age - 40) IS NULL"],
    ),
    (
        "functions",
        "too deep",
        &[
            "SELECT count(*) FROM health.visits WHERE abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(\
      abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(age))))))))))))))))))))))))))))))))) = 1",
        ],
    ),
    (
        "functions",
        "a function that isn't offered",
        &["SELECT count(*) FROM health.visits WHERE regexp_like(area, 'A')"],
    ),
    (
        "functions",
        "beneath, one for results only",
        &["SELECT count(*) FROM health.visits WHERE reverse(area) = 'A'"],
    ),
    ("labels", "a unit compared", &["SELECT count(*) FROM health.visits WHERE person = 'alone'"]),
    ("labels", "a unit as key", &["SELECT person, count(*) FROM health.visits GROUP BY person"]),
    (
        "labels",
        "a unit in FILTER",
        &["SELECT count(*) FILTER (WHERE person = 'alone') FROM health.visits"],
    ),
    (
        "labels",
        "a hidden column",
        &["SELECT full_name, count(*) FROM health.visits GROUP BY full_name"],
    ),
    ("input", "a dimension", &["SELECT count(*) FROM health.visits WHERE sex = 'F'"]),
    ("input", "a disjunction", &["SELECT count(*) FROM health.visits WHERE sex = 'F' OR age < 40"]),
    (
        "input",
        "a filter at a breakpoint",
        &["SELECT count(*) FROM health.visits WHERE visited >= DATE '2018-02-01'"],
    ),
    (
        "input",
        "a filter elsewhere",
        &["SELECT count(*) FROM health.visits WHERE visited >= DATE '2018-02-02'"],
    ),
    (
        "input",
        "a measure at a breakpoint",
        &["SELECT count(*) FROM health.visits WHERE cost >= 100"],
    ),
    ("input", "a measure elsewhere", &["SELECT count(*) FROM health.visits WHERE cost >= 101"]),
    ("input", "rows", &["SELECT area FROM health.visits"]),
    (
        "input",
        "DISTINCT, as GROUP BY",
        &[
            "SELECT area FROM health.visits GROUP BY area ORDER BY area",
            "SELECT DISTINCT area FROM health.visits ORDER BY area",
        ],
    ),
    (
        "input",
        "a join beneath",
        &["SELECT count(*) FROM health.visits a JOIN health.visits b ON a.area = b.area"],
    ),
    ("input", "a window", &["SELECT area, row_number() OVER (ORDER BY cost) FROM health.visits"]),
    ("input", "tables that don't add up", &["SELECT count(*) FROM councils.homes"]),
    (
        "sparsity",
        "more cells than rows for them",
        &["SELECT sex, count(*) FROM health.sparse GROUP BY sex"],
    ),
    ("sparsity", "a single total", &["SELECT count(*) FROM health.sparse"]),
    ("keys", "with a domain", &["SELECT sex, count(*) FROM health.visits GROUP BY sex"]),
    ("keys", "without a domain", &["SELECT area, count(*) FROM health.visits GROUP BY area"]),
    (
        "keys",
        "an expression",
        &["SELECT age / 10 AS decade, count(*) FROM health.visits GROUP BY 1"],
    ),
    ("keys", "a filter", &["SELECT visited, count(*) FROM health.visits GROUP BY visited"]),
    (
        "keys",
        "ROLLUP",
        &["SELECT region, sex, count(*) FROM health.visits GROUP BY ROLLUP (region, sex)"],
    ),
    (
        "keys",
        "CUBE without a domain",
        &["SELECT area, region, sum(cost) FROM health.visits GROUP BY CUBE (area, region)"],
    ),
    (
        "keys",
        "a margin, in other words",
        &[
            "SELECT count(*) FROM health.visits GROUP BY ROLLUP (sex) HAVING grouping(sex) = 1",
            "SELECT count(*) FROM health.visits",
        ],
    ),
    (
        "keys",
        "a unit in a grouping set",
        &["SELECT count(*) FROM health.visits GROUP BY GROUPING SETS ((sex), (person))"],
    ),
    (
        "keys",
        "more than 64 grouping sets",
        &[
            "SELECT count(*) FROM health.visits GROUP BY CUBE (area, region, sex, age, upper(area), upper(region), upper(sex))",
        ],
    ),
    ("keys", "a measure", &["SELECT cost, count(*) FROM health.visits GROUP BY cost"]),
    ("measures", "max", &["SELECT max(cost) FROM health.visits"]),
    (
        "measures",
        "CASE within",
        &["SELECT sum(CASE WHEN sex = 'F' THEN cost ELSE 1 END) FROM health.visits"],
    ),
    (
        "measures",
        "CASE that is a FILTER",
        &[
            "SELECT sum(CASE WHEN sex = 'F' THEN cost ELSE 0 END), avg(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) FROM health.visits",
        ],
    ),
    ("measures", "arithmetic within", &["SELECT sum(cost * 1000) FROM health.visits"]),
    ("measures", "DISTINCT values", &["SELECT count(DISTINCT area) FROM health.visits"]),
    (
        "references",
        "a key that is looked up",
        &[
            "SELECT a.region, count(*) FROM health.visits v LEFT JOIN ref.areas a ON v.area = a.area GROUP BY a.region",
        ],
    ),
    (
        "references",
        "a condition that is looked up",
        &[
            "SELECT count(*) FROM health.visits v JOIN ref.areas a ON v.area = a.area WHERE a.region = 'North'",
        ],
    ),
    (
        "references",
        "in other words",
        &[
            "SELECT count(*) FROM health.visits WHERE area IN (SELECT area FROM ref.areas WHERE region = 'North')",
            "SELECT count(*) FROM health.visits v LEFT JOIN ref.areas a ON a.area = v.area WHERE a.region IN ('North')",
        ],
    ),
    (
        "references",
        "by a unit",
        &["SELECT count(*) FROM health.visits v JOIN ref.areas a ON v.person = a.area"],
    ),
    (
        "references",
        "by a measure",
        &["SELECT count(*) FROM health.visits v JOIN ref.areas a ON v.cost = a.residents"],
    ),
    (
        "references",
        "two rows for a key",
        &[
            "SELECT region, count(*) FROM health.visits v LEFT JOIN (SELECT region AS r FROM ref.areas) a ON v.area = a.r GROUP BY region",
        ],
    ),
    (
        "references",
        "as a measure",
        &["SELECT sum(a.residents) FROM health.visits v LEFT JOIN ref.areas a ON v.area = a.area"],
    ),
    ("threshold", "nobody", &["SELECT count(*) FROM health.visits WHERE area = 'Nowhere'"]),
    ("threshold", "one person, 15 rows", &["SELECT count(*) FROM health.visits WHERE area = 'C'"]),
    (
        "threshold",
        "9 people and one",
        &["SELECT count(DISTINCT person) FROM health.visits WHERE area = 'D'"],
    ),
    (
        "threshold",
        "14 people and one",
        &["SELECT count(DISTINCT person) FROM health.visits WHERE area = 'H'"],
    ),
    (
        "threshold",
        "few values in a large group",
        &["SELECT count(rare) FROM health.visits WHERE sex = 'F'"],
    ),
    (
        "threshold",
        "a total of one person",
        &["SELECT sum(cost) FROM health.visits WHERE area = 'C'"],
    ),
    (
        "threshold",
        "zeros by a key without a domain",
        &["SELECT area, count(rare) FROM health.visits GROUP BY area"],
    ),
    (
        "threshold",
        "a total of nobody",
        &["SELECT sum(cost) FROM health.visits WHERE area = 'Nowhere'"],
    ),
    (
        "others",
        "20 of each, 15 of all, 30 of one",
        &["SELECT band, count(*) FROM councils.shared GROUP BY band"],
    ),
    ("others", "30 of one", &["SELECT count(*) FROM councils.shared WHERE band = 'C'"]),
    ("dominance", "one holds most", &["SELECT sum(cost) FROM health.visits WHERE area = 'I'"]),
    ("dominance", "one has most rows", &["SELECT count(*) FROM health.visits WHERE area = 'J'"]),
    ("dominance", "nobody does", &["SELECT sum(cost) FROM health.visits WHERE area = 'A'"]),
    (
        "dof",
        "variance of two values",
        &["SELECT var_samp(rare) FROM health.visits WHERE sex = 'F'"],
    ),
    (
        "dof",
        "a line through few points",
        &["SELECT regr_slope(cost, days) FROM health.visits WHERE area = 'D'"],
    ),
    (
        "noise",
        "the same, asked twice",
        &["SELECT count(*) FROM health.visits", "SELECT count(*) FROM health.visits"],
    ),
    (
        "noise",
        "the same, in other words",
        &[
            "SELECT sum(cost) FROM health.visits WHERE region IN ('North')",
            "SELECT sum(cost) FROM health.visits WHERE region = 'North'",
        ],
    ),
    ("rounding", "a total", &["SELECT sum(cost) FROM health.visits WHERE sex = 'F' AND age >= 0"]),
    (
        "guard",
        "one person more",
        &[
            "SELECT count(DISTINCT person) FROM health.visits WHERE region <> 'West' OR area <> 'Nowhere'",
            "SELECT count(DISTINCT person) FROM health.visits WHERE (region <> 'West' OR area <> 'Nowhere') AND area <> 'C'",
        ],
    ),
    (
        "budget",
        "the one condition, broken down",
        &["SELECT sex, count(*) FROM health.rationed GROUP BY sex"],
    ),
    ("budget", "one condition more", &["SELECT count(*) FROM health.rationed WHERE sex = 'F'"]),
    (
        "above",
        "HAVING",
        &["SELECT sex, count(*) FROM health.visits GROUP BY sex HAVING count(*) IS NULL"],
    ),
    (
        "above",
        "ORDER BY, LIMIT",
        &["SELECT age, count(*) FROM health.visits GROUP BY age ORDER BY 2 LIMIT 1"],
    ),
    (
        "roll-ups",
        "what people's visits come to",
        &[
            "SELECT sum(t), avg(t), count(t) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person)",
        ],
    ),
    (
        "roll-ups",
        "the same in bins",
        &[
            "SELECT histogram(t) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person)",
        ],
    ),
    (
        "roll-ups",
        "of some visits, in bins",
        &[
            "SELECT histogram(t) FROM (SELECT person, sum(cost) AS t FROM health.visits WHERE area = 'A' GROUP BY person)",
        ],
    ),
    (
        "roll-ups",
        "the same as a key",
        &[
            "SELECT t, count(*) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person) GROUP BY t",
        ],
    ),
    (
        "roll-ups",
        "without bounds for it",
        &["SELECT sum(t) FROM (SELECT person, sum(days) AS t FROM health.visits GROUP BY person)"],
    ),
    (
        "unions",
        "like datasets",
        &[
            "SELECT count(*), sum(cost) FROM (SELECT cost FROM health.visits UNION ALL SELECT cost FROM health.sparse)",
        ],
    ),
    (
        "unions",
        "few in them",
        &[
            "SELECT count(*) FROM (SELECT area FROM health.visits UNION ALL SELECT area FROM health.sparse) WHERE area = 'C'",
        ],
    ),
    (
        "unions",
        "distinct units",
        &[
            "SELECT count(DISTINCT person) FROM (SELECT person FROM health.visits UNION ALL SELECT person FROM health.sparse)",
        ],
    ),
    (
        "unions",
        "a dataset with itself",
        &[
            "SELECT count(*) FROM (SELECT sex FROM health.visits UNION ALL SELECT sex FROM health.visits)",
        ],
    ),
    ("measures", "approx_distinct", &["SELECT approx_distinct(area) FROM health.visits"]),
];
