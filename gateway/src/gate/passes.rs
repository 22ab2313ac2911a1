//! What an analyst may write: statements that must pass, and what the gate makes of them.

use super::{Gated, Limits, check};

/// The statement's form after the gate, or the refusals as text.
fn passed(sql: &str) -> Result<Gated, String> {
    check(sql.as_bytes(), &Limits::STANDARD).map_err(|refusals| refusals.to_string())
}

/// What the gate hands on.
fn printed(sql: &str) -> String {
    passed(sql).map_or_else(|refusals| refusals, |gated| gated.sql().to_owned())
}

/// The tables that a statement reads.
fn relations(sql: &str) -> Vec<String> {
    passed(sql).map_or_else(
        |refusals| vec![refusals],
        |gated| gated.relations().iter().map(ToString::to_string).collect(),
    )
}

/// Ordinary statements, each with the habit it stands for.
const ORDINARY: &[(&str, &str)] = &[
    ("no table", "SELECT 1"),
    ("lower case, semicolon", "select 1 ;"),
    ("count by key", "SELECT region, count(*) FROM hmrc.paye GROUP BY region"),
    ("three-part name", "SELECT count(*) FROM uk.hmrc.paye"),
    ("comments", "-- how many\nSELECT /* all of them */ count(*) FROM paye -- end\n;;"),
    ("quoted names", "SELECT \"Local Authority\", `sex` FROM \"ons\".\"Census 2021\""),
    (
        "keywords as columns",
        "SELECT year, month, date, name, type, status, value, id, region FROM t",
    ),
    ("qualified keywords", "SELECT t.order, t.position, t.case, t.year FROM t"),
    ("aliases", "SELECT p.sex AS s, count(*) AS n FROM person AS p GROUP BY p.sex"),
    ("aliases without AS", "SELECT sum(pay) total, count(*) count FROM paye p"),
    ("where", "SELECT count(*) FROM p WHERE age >= 18 AND (sex = 'F' OR NOT retired) AND x <> 3"),
    ("between", "SELECT count(*) FROM p WHERE age BETWEEN 18 AND 64 AND y NOT BETWEEN 1 AND 2"),
    ("like", "SELECT count(*) FROM p WHERE soc LIKE '21%' OR soc ILIKE '%x!_%' ESCAPE '!'"),
    ("in list", "SELECT count(*) FROM p WHERE sic IN ('62', '63') AND a NOT IN (1, -2)"),
    ("null tests", "SELECT count(*) FROM p WHERE a IS NULL OR b IS NOT NULL OR c IS NOT TRUE"),
    ("distinct from", "SELECT count(*) FROM p WHERE (a IS DISTINCT FROM b) AND c = 1"),
    ("arithmetic", "SELECT sum(pay) / nullif(count(*), 0) * 100 % 7 - -1 FROM paye"),
    ("two minuses", "SELECT - -a, - - - 2, -(-b), a - -1 FROM t WHERE - -k = 1"),
    ("text", "SELECT lower(trim(name)) || '-' || substr(code, 1, 3) FROM t"),
    ("text forms", "SELECT substring(a FROM 2 FOR 3), trim(BOTH ' ' FROM a), left(a, 1) FROM t"),
    ("replace", "SELECT replace(postcode, ' ', ''), concat_ws(', ', a, b) FROM t"),
    ("quotes in text", "SELECT count(*) FROM t WHERE a = 'O''Brien' OR b = '''' OR c = ''"),
    (
        "numbers",
        "SELECT round(avg(x), 2), ceil(a), floor(b), abs(c), power(2, 10), 1.5e3, .5 FROM t",
    ),
    ("choices", "SELECT coalesce(a, b, 0), greatest(a, b), least(a, b), nvl(a, b) FROM t"),
    (
        "case",
        "SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' ELSE 'old' END FROM t",
    ),
    ("case of value", "SELECT CASE sex WHEN 'F' THEN 1 ELSE 0 END FROM t"),
    (
        "casts",
        "SELECT CAST(a AS DECIMAL(10, 2)), b::int, TRY_CAST(c AS DATE), d::double precision FROM t",
    ),
    (
        "dates",
        "SELECT 1 FROM t WHERE d >= DATE '2018-01-01' AND d < TIMESTAMP '2019-01-01 00:00:00'",
    ),
    (
        "intervals",
        "SELECT d + INTERVAL '1' DAY, d - INTERVAL '2 months', d + INTERVAL 3 HOUR FROM t",
    ),
    (
        "date parts",
        "SELECT EXTRACT(YEAR FROM d), date_part('month', d), date_trunc('quarter', d) FROM t",
    ),
    ("having", "SELECT region FROM t GROUP BY region HAVING count(*) >= 10 AND avg(pay) > 100"),
    ("filter", "SELECT count(*) FILTER (WHERE sex = 'F') FROM t"),
    ("distinct", "SELECT DISTINCT region FROM t"),
    ("count distinct", "SELECT count(DISTINCT id), sum(DISTINCT x) FROM t"),
    ("quantiles", "SELECT median(pay), percentile_cont(0.9) WITHIN GROUP (ORDER BY pay) FROM t"),
    ("extremes, for open data", "SELECT min(pay), max(pay), stddev(pay), corr(a, b) FROM t"),
    (
        "group by number, all",
        "SELECT a, count(*) FROM t GROUP BY 1 UNION ALL SELECT a, count(*) FROM u GROUP BY ALL",
    ),
    ("rollup", "SELECT a, b, grouping(a), count(*) FROM t GROUP BY ROLLUP (a, b)"),
    ("cube", "SELECT a, b, c, count(*) FROM t GROUP BY CUBE (a, b), c"),
    ("rollup of an expression", "SELECT count(*) FROM t GROUP BY ROLLUP (((k + 1) % 2), (b, c))"),
    ("cube of conditions", "SELECT count(*) FROM t GROUP BY CUBE(((k = 1) = z)), ((a)), (b + 1)"),
    ("sets of expressions", "SELECT count(*) FROM t GROUP BY GROUPING SETS (((k + 1) % 2), ())"),
    ("grouping sets", "SELECT a, b, count(*) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())"),
    ("order, limit", "SELECT a FROM t ORDER BY a DESC NULLS LAST, 2 LIMIT 10 OFFSET 5"),
    (
        "parameters",
        "SELECT count(*) FROM t WHERE a = $1 AND b BETWEEN $2 AND $3 AND c <> $1 LIMIT $4",
    ),
    ("join on", "SELECT count(*) FROM a JOIN b ON a.id = b.id AND b.year = 2018"),
    (
        "outer joins",
        "SELECT count(*) FROM a LEFT JOIN b ON a.id = b.id FULL OUTER JOIN c ON c.id = a.id",
    ),
    ("commas", "SELECT count(*) FROM a, b AS x, c JOIN d ON c.id = d.id WHERE k = l AND a.m = d.m"),
    (
        "a row beside all",
        "WITH t AS (SELECT sum(n) AS s FROM a), u AS (SELECT * FROM t) SELECT n / s FROM a, u CROSS JOIN (SELECT 1) AS v",
    ),
    ("join using", "SELECT count(*) FROM a INNER JOIN b USING (id, year) LEFT JOIN c USING (id)"),
    ("semi join", "SELECT count(*) FROM a LEFT SEMI JOIN b ON a.id = b.id"),
    ("self-join", "SELECT count(*) FROM t AS a JOIN t AS b ON a.mother = b.id"),
    (
        "derived table",
        "SELECT avg(n) FROM (SELECT region, count(*) AS n FROM t GROUP BY region) AS x",
    ),
    ("values", "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, s)"),
    ("cte", "WITH a AS (SELECT id, sum(pay) AS pay FROM paye GROUP BY id) SELECT avg(pay) FROM a"),
    ("cte with columns", "WITH a (x, y) AS (SELECT 1, 2) SELECT x + y FROM a"),
    (
        "chain of ctes",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a), c AS (SELECT x FROM b) SELECT x FROM c",
    ),
    (
        "scalar subquery",
        "SELECT (SELECT count(*) FROM a) * 1.0 / (SELECT count(*) FROM b) AS share",
    ),
    ("in subquery", "SELECT count(*) FROM a WHERE id IN (SELECT id FROM b WHERE x > 1)"),
    ("exists", "SELECT count(*) FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)"),
    ("set operations", "(SELECT a FROM t UNION SELECT a FROM u) EXCEPT SELECT a FROM v"),
    (
        "window",
        "SELECT rank() OVER (PARTITION BY a ORDER BY n DESC), lag(n, 1) OVER (ORDER BY a) FROM t",
    ),
    (
        "window frame",
        "SELECT sum(n) OVER (ORDER BY y ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM t",
    ),
    ("named window", "SELECT sum(n) OVER w, avg(n) OVER w FROM t WINDOW w AS (PARTITION BY a)"),
    ("qualify", "SELECT a, row_number() OVER (ORDER BY n) AS r FROM t QUALIFY r <= 3"),
    (
        "ordered aggregate",
        "SELECT string_agg(a, ', ' ORDER BY a), first_value(a ORDER BY b DESC) FROM t",
    ),
    ("function in quotes", "SELECT \"count\"(*), \"ceil\"(a) FROM t"),
    ("accents", "SELECT count(*) FROM t WHERE lieu = 'Ynys Môn' AND été = 1"),
];

#[test]
fn ordinary_statements_pass() {
    for (habit, sql) in ORDINARY {
        assert_eq!(passed(sql).err(), None, "{habit}: {sql}");
    }
}

#[test]
fn what_passed_passes_again_unchanged() {
    for (habit, sql) in ORDINARY {
        let once = printed(sql);
        assert_eq!(printed(&once), once, "{habit}");
    }
}

#[test]
fn a_long_but_flat_statement_passes() {
    let whens: String = (0..250).map(|n| format!(" WHEN soc = '{n}' THEN {n}")).collect();
    assert_eq!(passed(&format!("SELECT CASE{whens} ELSE 0 END FROM t")).err(), None);
    let codes: Vec<String> = (0..3_000).map(|n| format!("'{n}'")).collect();
    assert_eq!(passed(&format!("SELECT 1 FROM t WHERE a IN ({})", codes.join(", "))).err(), None);
    let items: Vec<String> = (0..200).map(|n| format!("sum(a{n}) AS s{n}")).collect();
    assert_eq!(passed(&format!("SELECT {} FROM t", items.join(", "))).err(), None);
    let terms = vec!["a = 1"; 100].join(" AND ");
    assert_eq!(passed(&format!("SELECT 1 FROM t WHERE {terms}")).err(), None);
    let arms = vec!["SELECT a FROM t"; 32].join(" UNION ALL ");
    assert_eq!(passed(&arms).err(), None);
}

#[test]
fn the_deepest_that_passes_fits_a_small_stack() {
    let whole = [
        format!("SELECT a{} FROM t", " + a".repeat(245)),
        format!("SELECT 1 FROM t WHERE a{}", " AND a".repeat(245)),
        format!("SELECT a{} FROM t", "::int".repeat(245)),
        format!("SELECT {}a{} FROM t", "(".repeat(44), ")".repeat(44)),
        format!("SELECT {}a{} FROM t", "abs(".repeat(44), ")".repeat(44)),
        format!("SELECT {}a{} FROM t", "CASE WHEN b THEN ".repeat(30), " END".repeat(30)),
        format!("{}SELECT a FROM t{}", "(".repeat(40), ")".repeat(40)),
        format!("SELECT a FROM {}t{}", "(".repeat(40), ")".repeat(40)),
    ];
    for sql in whole {
        let shown = sql.clone();
        let thread = std::thread::Builder::new()
            .stack_size(2 * 1024 * 1024)
            .spawn(move || passed(&sql).err());
        assert_eq!(thread.unwrap().join().unwrap(), None, "{shown}");
    }
}

#[test]
fn aggregates_end_the_growth_of_an_expression() {
    // Nothing is moved beneath a sum, so using it twice is no more than two columns.
    let steps: String = (1..=20)
        .map(|n| format!(", c{n} AS (SELECT k, sum(x) + sum(x) AS x FROM c{} GROUP BY k)", n - 1))
        .collect();
    let sums = format!("WITH c0 AS (SELECT k, x FROM t){steps} SELECT k FROM c20 WHERE x > 0");
    assert_eq!(passed(&sums).err(), None);
    // Columns that are passed on as they are stay one column each.
    let steps: String = (1..=20).map(|n| format!(", c{n} AS (SELECT * FROM c{})", n - 1)).collect();
    let wide = format!("WITH c0 AS (SELECT a, b, c, a + b AS d FROM t){steps} SELECT d FROM c20");
    assert_eq!(passed(&wide).err(), None);
}

#[test]
fn comments_and_blanks_go_and_literals_stay() {
    assert_eq!(
        printed("select /* a */ 'it''s ''''', 1 -- b\n from  T ; ;"),
        "SELECT 'it''s ''''', 1 FROM T"
    );
}

#[test]
fn words_that_are_not_grammar_become_names_in_quotes() {
    assert_eq!(
        printed("SELECT Region, position, Struct AS Final, replace(a, 'b', 'c') FROM t"),
        "SELECT \"region\", \"position\", \"struct\" AS \"final\", replace(a, 'b', 'c') FROM t"
    );
}

#[test]
fn words_that_made_a_parser_try_twice_are_disarmed() {
    // As they stand these take the engine's parser 2⁶⁰ steps; as quoted names, one each.
    let differences = format!("SELECT a{} FROM t", ".not-b".repeat(60));
    assert_eq!(
        printed(&differences),
        format!("SELECT a.\"not\" - {}b FROM t", "b.\"not\" - ".repeat(59))
    );
}

#[test]
fn relations_are_the_tables_and_not_the_ctes() {
    assert_eq!(
        relations(
            "WITH a AS (SELECT * FROM HMRC.Paye), \
             b AS (SELECT * FROM a JOIN \"ONS\".\"Person\" AS p ON a.id = p.id) \
             SELECT (SELECT count(*) FROM dwp.benefit) FROM b WHERE x IN (SELECT x FROM a)"
        ),
        ["hmrc.paye", "ONS.Person", "dwp.benefit"]
    );
}

#[test]
fn a_cte_is_seen_after_it_and_within_its_query_only() {
    // In its own body the name is the table's; after the query it is the table's again.
    assert_eq!(relations("WITH t AS (SELECT * FROM t) SELECT * FROM t"), ["t"]);
    assert_eq!(
        relations(
            "SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT * FROM a) AS d JOIN a ON a.x = d.x"
        ),
        ["a"]
    );
    // A qualified name is never a CTE's.
    assert_eq!(relations("WITH t AS (SELECT 1) SELECT * FROM s.t"), ["s.t"]);
}

#[test]
fn parameters_are_counted_once_each() {
    let count = |sql: &str| passed(sql).map(|gated| gated.parameters());
    assert_eq!(count("SELECT 1"), Ok(0));
    assert_eq!(count("SELECT a FROM t WHERE a = $2 OR a = $1 OR b = $2"), Ok(2));
    assert!(count("SELECT $1, $3").is_err_and(|text| text.starts_with("Q110")));
    assert_eq!(count("SELECT a FROM t WHERE a = ? OR b = ?"), Ok(2));
    assert!(count("SELECT ?, $1").is_err_and(|text| text.starts_with("Q110")));
    assert!(count("SELECT $name").is_err_and(|text| text.starts_with("Q110")));
}
