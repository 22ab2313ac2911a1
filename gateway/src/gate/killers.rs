//! Statements known to kill: each by name, with the code that answers it.
//!
//! Every one is a few bytes to a few kilobytes that occupied a planner for seconds to hours, took
//! gigabytes, or overflowed a stack, or is the same idea in another spelling. Each runs on a thread
//! with a 2 MiB stack, the size of a worker's. Add a statement here when it has been seen to do
//! harm; a killer stays on the list even if the engine is mended.

use insitu_disclosure::RefusalCode;

use super::{Limits, check};

/// A name, the statement, and the code that must answer it.
type Killer = (&'static str, String, RefusalCode);

/// `part`, `times` times.
fn times(times: usize, part: &str) -> String {
    part.repeat(times)
}

/// `start` and `end` around `middle`, `depth` times.
fn nest(depth: usize, start: &str, middle: &str, end: &str) -> String {
    format!("{}{middle}{}", start.repeat(depth), end.repeat(depth))
}

/// A `SELECT` of an expression that is nested.
fn nested(depth: usize, start: &str, middle: &str, end: &str) -> String {
    format!("SELECT {}", nest(depth, start, middle, end))
}

/// `first`, then `step` for 1 to `count`, with `#` for the number and `^` for the one before it.
fn chain(first: &str, count: usize, step: &str) -> String {
    let mut text = first.to_owned();
    for n in 1..=count {
        text.push_str(&step.replace('#', &n.to_string()).replace('^', &(n - 1).to_string()));
    }
    text
}

/// So many derived tables, each `FROM` the one in it. Ten overflowed a worker's stack.
fn derived(depth: usize) -> String {
    let tables: String = (0..depth).map(|n| format!(") t{n}")).collect();
    format!("SELECT * FROM {}a{tables}", times(depth, "(SELECT * FROM "))
}

/// The same with brackets around each of them.
fn derived_in_brackets(depth: usize, brackets: usize) -> String {
    let tables: String =
        (0..depth).map(|n| format!("{}) t{n}", times(brackets - 1, ")"))).collect();
    format!(
        "SELECT * FROM {}a{tables}",
        times(depth, &format!("{}SELECT * FROM ", times(brackets, "(")))
    )
}

/// Too long, or not text.
fn size() -> Vec<Killer> {
    use RefusalCode::{L501, Q102};
    vec![
        ("1 MB of SQL", format!("SELECT {}", times(1 << 19, "1 ")), L501),
        ("64 KiB and one byte", format!("SELECT 1{}", times(64 * 1024 - 7, " ")), L501),
        ("8,000 tokens in a list", format!("SELECT 1 WHERE a IN (1{})", times(20_000, ",1")), L501),
        ("sum of 30,000 terms", format!("SELECT 1{}", times(30_000, "+1")), L501),
        ("AND of 9,000 terms", format!("SELECT a{}", times(9_000, " AND a")), L501),
        ("name of 5,000 parts", format!("SELECT a{}", times(5_000, ".a")), L501),
        ("casts × 5,000", format!("SELECT 1{}", times(5_000, "::int")), L501),
        ("60 KB name", format!("SELECT {}", times(60_000, "a")), L501),
        ("60 KB number", format!("SELECT {}", times(60_000, "9")), L501),
        ("text left open", "SELECT 'abc".to_owned(), Q102),
        ("name left open", "SELECT \"abc".to_owned(), Q102),
        ("comment left open", "SELECT 1 /* abc".to_owned(), Q102),
        ("comments inside each other", format!("SELECT 1 {}", times(16_000, "/*/")), Q102),
        ("dollar quote left open", "SELECT $a$ abc".to_owned(), Q102),
        ("NUL", "SELECT 'a\0b'".to_owned(), Q102),
        ("text turned round", "SELECT 'a\u{202e}b'".to_owned(), Q102),
        ("semicolons only", times(60_000, ";"), L501),
    ]
}

/// Long chains: a tree as deep as the chain is long.
fn chains() -> Vec<Killer> {
    use RefusalCode::L502;
    vec![
        ("INTERVAL × 400", format!("SELECT {}'1' day", times(400, "INTERVAL ")), L502),
        ("interval, lower case × 33", format!("SELECT {}'1' day", times(33, "interval\n")), L502),
        ("INTERVAL with signs × 400", format!("SELECT {}'1' day", times(400, "INTERVAL -")), L502),
        ("INTERVAL in brackets × 400", nested(400, "INTERVAL (", "'1'", ")"), L502),
        (
            "INTERVAL in WHERE × 400",
            format!("SELECT 1 WHERE a < {}'1'", times(400, "INTERVAL ")),
            L502,
        ),
        ("sum of 2,000 terms", format!("SELECT 1{}", times(2_000, "+1")), L502),
        ("differences × 2,000", format!("SELECT 1{}", times(2_000, "-a")), L502),
        ("products × 2,000", format!("SELECT 1{}", times(2_000, "*a")), L502),
        ("concatenations × 2,000", format!("SELECT 'a'{}", times(2_000, "||'a'")), L502),
        ("AND of 2,000 terms", format!("SELECT a{}", times(2_000, " AND a")), L502),
        ("OR of 2,000 terms", format!("SELECT a{}", times(2_000, " OR a")), L502),
        ("OR of 1,000 pairs", format!("SELECT 1 WHERE a{}", times(1_000, " OR a AND b")), L502),
        ("AND of 1,000 terms", format!("SELECT a{}", times(1_000, " AND a")), L502),
        ("casts × 1,000", format!("SELECT a{}", times(1_000, "::int")), L502),
        ("IS NULL × 1,000", format!("SELECT a{}", times(1_000, " IS NULL")), L502),
        ("BETWEEN × 500", format!("SELECT a{}", times(500, " BETWEEN 1 AND 2")), L502),
        ("IN (1) × 1,000", format!("SELECT a{}", times(1_000, " IN (1)")), L502),
        ("AND of 300 terms", format!("SELECT a{}", times(300, " AND a")), L502),
        (
            "sum of 2,000 terms in FILTER",
            format!("SELECT sum(a) FILTER (WHERE 1{})", times(2_000, "+1")),
            L502,
        ),
        (
            "sum of 2,000 terms in ORDER BY",
            format!("SELECT 1 ORDER BY 1{}", times(2_000, "+1")),
            L502,
        ),
        (
            "sum of 2,000 terms in ON",
            format!("SELECT 1 FROM a JOIN b ON a.x = b.x{}", times(2_000, "+1")),
            L502,
        ),
        ("comparisons × 2,000", format!("SELECT 1{}", times(2_000, " = 1")), L502),
        ("LIKE × 2,000", format!("SELECT a{}", times(2_000, " LIKE 'a'")), L502),
        ("BETWEEN × 1,500", format!("SELECT a{}", times(1_500, " BETWEEN 1 AND 2")), L502),
        ("IS NULL × 2,000", format!("SELECT a{}", times(2_000, " IS NULL")), L502),
        ("IN (1) × 1,500", format!("SELECT a{}", times(1_500, " IN (1)")), L502),
        ("casts × 1,500", format!("SELECT a{}", times(1_500, "::int")), L502),
        ("NOT × 5,000", format!("SELECT {}a", times(5_000, "NOT ")), L502),
        ("minus × 5,000", format!("SELECT {}1", times(5_000, "- ")), L502),
        ("NOT - NOT - × 1,000", format!("SELECT {}1", times(1_000, "NOT - ")), L502),
    ]
}

/// Things inside each other.
fn nests() -> Vec<Killer> {
    use RefusalCode::{L501, L502, Q102, Q104};
    vec![
        ("brackets, 60 KB", nested(30_000, "(", "1", ")"), L501),
        ("brackets × 3,000", nested(3_000, "(", "1", ")"), L502),
        ("brackets × 60", nested(60, "(", "1", ")"), L502),
        ("brackets left open × 3,000", format!("SELECT {}", times(3_000, "(")), L502),
        ("brackets closed × 3,000", format!("SELECT {}", times(3_000, ")")), Q102),
        ("calls × 400", nested(400, "abs(", "1", ")"), L502),
        ("calls × 60", nested(60, "abs(", "1", ")"), L502),
        ("CASE × 400", nested(400, "CASE WHEN a THEN ", "1", " END"), L502),
        ("CASE in its condition × 400", nested(400, "CASE WHEN ", "a", " THEN 1 END"), L502),
        ("CASE of CASE × 400", nested(400, "CASE ", "a", " WHEN 1 THEN 1 END"), L502),
        ("CASE left open × 2,000", format!("SELECT {}", times(2_000, "CASE ")), L502),
        ("CAST × 400", nested(400, "CAST(", "1", " AS INT)"), L502),
        ("CAST × 45", nested(45, "1 + CAST(", "1", " AS INT)"), L502),
        ("EXTRACT × 400", nested(400, "EXTRACT(YEAR FROM ", "d", ")"), L502),
        (
            "ARRAY<ARRAY< × 400",
            format!("SELECT CAST(a AS {})", nest(400, "ARRAY<", "INT", ">")),
            L502,
        ),
        ("STRUCT<STRUCT< × 400", format!("SELECT {}", nest(400, "STRUCT<", "INT", ">")), L502),
        (
            "Nullable(Nullable( × 400",
            format!("SELECT CAST(a AS {})", nest(400, "Nullable(", "INT", ")")),
            L502,
        ),
        ("type[][] × 2,000", format!("SELECT a::int{}", times(2_000, "[]")), Q104),
        ("subscripts × 2,000", format!("SELECT a{}", times(2_000, "[1]")), Q104),
        ("arrays × 400", nested(400, "[", "1", "]"), Q104),
        ("JSON arrows × 2,000", format!("SELECT a{}", times(2_000, "->'b'")), Q104),
        ("JSON colons × 2,000", format!("SELECT a:b{}", times(2_000, ".b")), Q104),
        ("maps × 400", nested(400, "{'a': ", "1", "}"), Q104),
        ("lambdas × 400", format!("SELECT {}1", times(400, "x -> ")), Q104),
        ("pipes × 1,000", format!("SELECT 1{}", times(1_000, " |> WHERE true")), Q104),
        ("name of 1,000 parts", format!("SELECT a{}", times(1_000, ".a")), Q104),
        ("derived tables × 10", derived(10), L502),
        ("derived tables × 9", derived(9), L502),
        ("derived tables × 7", derived(7), L502),
        ("derived tables × 7, in brackets", derived_in_brackets(7, 8), L502),
    ]
}

/// A parser that tries twice at each level: 2ⁿ steps.
fn speculation() -> Vec<Killer> {
    use RefusalCode::{L502, Q102, Q104};
    let table = |depth, table: &str| format!("SELECT 1 FROM {}", nest(depth, "(", table, ")"));
    vec![
        ("position(position( × 40", format!("SELECT {}", nest(40, "position(", "a", ")")), Q104),
        ("case-case- × 15", format!("SELECT {}c", times(15, "case-")), Q104),
        ("case-case- × 60", format!("SELECT {}c", times(60, "case-")), L502),
        ("IF(current_time( × 40", format!("SELECT {}x", times(40, "IF(current_time(")), L502),
        (
            "IN ((SELECT … × 20",
            format!("SELECT 1 WHERE {}", times(20, "a IN ((SELECT 1 WHERE ")),
            L502,
        ),
        (
            "IN ((SELECT … × 10",
            format!("SELECT 1 WHERE {}", times(10, "a IN ((SELECT 1 WHERE ")),
            L502,
        ),
        ("join in brackets × 60", table(60, "a JOIN b ON a.x = b.x"), L502),
        ("join in brackets × 30", table(30, "a JOIN b ON a.x = b.x"), Q104),
        ("table in brackets × 3,000", table(3_000, "a"), L502),
        (
            "struct(struct( × 40",
            format!("SELECT {}", nest(40, "struct(", "a", ")")),
            RefusalCode::Q108,
        ),
        ("WITH a (WITH a ( × 40", format!("{}SELECT 1", times(40, "WITH a (")), Q102),
    ]
}

/// `c0` to `cn`, each CTE made from the one before it.
fn chained(n: usize, step: &str) -> String {
    chain("WITH c0 AS (SELECT x FROM t)", n, step)
}

/// CTEs: small text, large plan.
fn ctes() -> Vec<Killer> {
    use RefusalCode::{L502, L503};
    let joined = ", c# AS (SELECT a.x FROM c^ AS a JOIN c^ AS b ON a.x = b.x)";
    let united = ", c# AS (SELECT x FROM c^ UNION SELECT x FROM c^)";
    let asked = ", c# AS (SELECT (SELECT max(x) FROM c^) + (SELECT min(x) FROM c^) AS x)";
    let nested = ", c# AS (SELECT (SELECT max(x) FROM c^) AS x)";
    let summed = ", c# AS (SELECT x + x AS x FROM c^)";
    let renamed = ", c# (x) AS (SELECT d.x || d.x FROM c^ AS d)";
    let text = times(6_000, "a");
    let grown = chain("", 9, ", c# AS (SELECT x || x AS x FROM c^)");
    let terms = vec!["x"; 100].join(" + ");
    let read = |n, step, tail: &str| format!("{} SELECT 1 FROM c{n}{tail}", chained(n, step));
    vec![
        ("18 CTEs, each twice the one before", read(18, joined, ""), L503),
        ("18 CTEs by UNION", read(18, united, ""), L503),
        ("18 CTEs nobody reads", format!("{} SELECT 1", chained(18, united)), L503),
        ("18 CTEs by subquery", read(18, asked, ""), L503),
        ("9 CTEs, each in a subquery", read(9, nested, ""), L502),
        ("40 CTEs, one upon the other", read(40, ", c# AS (SELECT x FROM c^)", ""), L502),
        ("columns doubled by 25 CTEs, under a filter", read(25, summed, " WHERE x > 0"), L503),
        ("columns doubled under other names", read(25, renamed, " WHERE x > 0"), L503),
        (
            "columns × 100 by derived tables",
            nest(3, &format!("SELECT {terms} AS x FROM ("), "SELECT x FROM t", ") AS a"),
            L503,
        ),
        (
            "a long text doubled by CTEs",
            format!("WITH c0 AS (SELECT '{text}' AS x){grown} SELECT x FROM c9"),
            L503,
        ),
        (
            "60 WITH inside each other",
            nest(60, "WITH a AS (", "SELECT 1", ") SELECT * FROM a"),
            L502,
        ),
    ]
}

/// Subqueries inside each other: 2ⁿ steps of planning.
fn subqueries() -> Vec<Killer> {
    use RefusalCode::L502;
    vec![
        ("22 scalar subqueries", nested(22, "(SELECT ", "1", ")"), L502),
        ("6 scalar subqueries", nested(6, "(SELECT ", "1", ")"), L502),
        ("22 derived tables", nest(22, "SELECT * FROM (", "SELECT 1", ") AS a"), L502),
        ("6 derived tables", nest(6, "SELECT * FROM (", "SELECT 1", ") AS a"), L502),
        ("22 EXISTS", nest(22, "SELECT 1 WHERE EXISTS (", "SELECT 1", ")"), L502),
        ("22 IN subqueries", nest(22, "SELECT 1 WHERE 1 IN (", "SELECT 1", ")"), L502),
    ]
}

/// Too many of something.
fn wide() -> Vec<Killer> {
    use RefusalCode::{L501, L503};
    let joined =
        |n| format!("SELECT 1 FROM t AS a0 {}", chain("", n, "JOIN t AS a# ON a#.x = a^.x "));
    let grouped = |by: &str, more: usize, end: &str| {
        format!("SELECT 1 FROM t GROUP BY {by}(a{}){end}", times(more, ", a"))
    };
    let sets = times(64, ", (a)");
    let windows = vec!["sum(a) OVER (ORDER BY b)"; 201].join(", ");
    let subqueries = format!("({}), ", joined(8)).repeat(5);
    vec![
        ("UNION of 33", chain("SELECT 1", 32, " UNION SELECT #"), L503),
        ("UNION of 2,000", chain("SELECT 1", 1_999, " UNION SELECT #"), L503),
        ("UNION of 1,300 lists", chain("SELECT 1, 2", 1_299, " UNION SELECT #, 2"), L503),
        ("UNION of 3,000", chain("SELECT 1", 2_999, " UNION SELECT #"), L501),
        ("EXCEPT of 1,000", chain("SELECT 1", 999, " EXCEPT SELECT #"), L503),
        ("INTERSECT of 1,000", chain("SELECT 1", 999, " INTERSECT SELECT #"), L503),
        ("9 joins", joined(9), L503),
        ("500 joins", joined(500), L503),
        ("40 joins in subqueries", format!("SELECT {subqueries}1"), L503),
        ("CUBE of 30", grouped("CUBE ", 29, ""), L503),
        ("CUBE of 100", grouped("CUBE ", 99, ""), L503),
        ("CUBE times CUBE", grouped("CUBE ", 3, ", CUBE (b, c, d)"), L503),
        ("ROLLUP of 64", grouped("ROLLUP ", 63, ""), L503),
        ("65 grouping sets", format!("SELECT 1 FROM t GROUP BY GROUPING SETS ((a){sets})"), L503),
        (
            "33 keys to order by",
            format!("SELECT a FROM t ORDER BY a + 0{} LIMIT 1", chain("", 32, ", a + #")),
            L503,
        ),
        ("201 items", format!("SELECT a{}", times(200, ", a")), L503),
        ("3,900 items", format!("SELECT a{}", times(3_899, ", a")), L503),
        ("5,000 items", format!("SELECT a{}", times(4_999, ", a")), L501),
        ("201 windows", format!("SELECT {windows}"), L503),
        ("1,001 rows of VALUES", format!("VALUES (1){}", times(1_000, ", (1)")), L503),
        ("5,000 rows of VALUES", format!("VALUES (1){}", times(4_999, ", (1)")), L501),
    ]
}

/// Functions and joins that fill memory or never stop.
fn running() -> Vec<Killer> {
    use RefusalCode::{Q104, Q108};
    let statements: &[(&'static str, &str, RefusalCode)] = &[
        ("repeat", "SELECT repeat('x', 2000000000)", Q108),
        ("repeat, quoted", "SELECT \"repeat\"('x', 2000000000)", Q108),
        ("repeat, qualified", "SELECT a.repeat('x', 2000000000)", Q108),
        ("repeat in ORDER BY", "SELECT 1 ORDER BY length(repeat('x', 2000000000))", Q108),
        ("repeat in ON", "SELECT 1 FROM a JOIN b ON a.x = b.x AND repeat('x', 9) = 'x'", Q108),
        ("repeat in VALUES", "VALUES (repeat('x', 2000000000))", Q108),
        ("repeat in a window", "SELECT sum(a) OVER (PARTITION BY repeat('x', 9)) FROM t", Q108),
        ("repeat in FILTER", "SELECT count(*) FILTER (WHERE repeat('x', 9) = 'x') FROM t", Q108),
        ("repeat in ROLLUP", "SELECT 1 FROM t GROUP BY ROLLUP (repeat('x', 9))", Q108),
        ("lpad", "SELECT lpad('a', 2147483647, 'b')", Q108),
        ("rpad", "SELECT rpad('a', 2147483647, 'b')", Q108),
        ("space", "SELECT space(2000000000)", Q108),
        ("array_repeat", "SELECT array_repeat(1, 2000000000)", Q108),
        ("array_resize", "SELECT array_resize(a, 2000000000)", Q108),
        ("range", "SELECT range(1, 2000000000)", Q108),
        ("generate_series", "SELECT generate_series(1, 2000000000)", Q108),
        ("regexp_replace", "SELECT regexp_replace(a, '(a+)+$', 'b')", Q108),
        ("levenshtein", "SELECT levenshtein(a, b)", Q108),
        ("to_char", "SELECT to_char(a, '%Y')", Q108),
        ("string_to_array", "SELECT string_to_array(a, ',')", Q108),
        ("random", "SELECT random()", Q108),
        ("uuid", "SELECT uuid()", Q108),
        ("now", "SELECT now()", Q108),
        ("current_date", "SELECT current_date", Q108),
        ("version", "SELECT version()", Q108),
        ("replace that lengthens", "SELECT replace(replace('aa', 'a', 'bbb'), 'b', 'ccc')", Q104),
        ("replace by a column", "SELECT replace(a, 'b', c)", Q104),
        ("buffer of 4 billion", "SELECT approx_percentile_cont(a, 0.5, 4000000000) FROM t", Q104),
        ("regular expression", "SELECT 1 WHERE a ~ '(a+)+$'", Q104),
        ("SIMILAR TO", "SELECT 1 WHERE a SIMILAR TO '(a+)+'", Q104),
        ("generate_series as a table", "SELECT * FROM generate_series(1, 500000000)", Q104),
        ("range as a table", "SELECT * FROM range(1, 500000000)", Q104),
        ("unnest as a table", "SELECT * FROM unnest(a)", Q104),
        (
            "WITH RECURSIVE",
            "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a",
            Q104,
        ),
        ("CROSS JOIN", "SELECT count(*) FROM a CROSS JOIN b", Q104),
        (
            "CROSS JOIN of what is one row elsewhere",
            "WITH b AS (SELECT count(*) FROM a) SELECT 1 FROM a CROSS JOIN (WITH b AS (SELECT x FROM a) SELECT x FROM b) AS c",
            Q104,
        ),
        (
            "CROSS JOIN of groups",
            "SELECT 1 FROM a CROSS JOIN (SELECT sum(x) FROM b GROUP BY y) AS c",
            Q104,
        ),
        (
            "CROSS JOIN beneath a row",
            "SELECT 1 FROM (SELECT count(*) FROM a CROSS JOIN b) AS c",
            Q104,
        ),
        ("join by comma", "SELECT count(*) FROM a, b", Q104),
        ("join by comma on an inequality", "SELECT 1 FROM a, b WHERE a.x < b.x AND a.x = 1", Q104),
        ("one comma too many", "SELECT 1 FROM a, b, c WHERE a.k = b.k", Q104),
        ("join without condition", "SELECT count(*) FROM a JOIN b", Q104),
        ("NATURAL JOIN", "SELECT count(*) FROM a NATURAL JOIN b", Q104),
        ("join on true", "SELECT count(*) FROM a JOIN b ON true", Q104),
        ("join on 1 = 1", "SELECT count(*) FROM a JOIN b ON 1 = 1", Q104),
        ("join on one side", "SELECT count(*) FROM a JOIN b ON a.x = a.y AND a.x = 1", Q104),
        ("join on an inequality", "SELECT count(*) FROM a JOIN b ON a.x < b.x", Q104),
        ("join on other tables", "SELECT 1 FROM a JOIN b ON a.x = b.x JOIN c ON a.y = b.y", Q104),
        ("join on OR", "SELECT count(*) FROM a JOIN b ON a.x = b.x OR a.y = b.y", Q104),
        ("TABLESAMPLE", "SELECT count(*) FROM t TABLESAMPLE (10 PERCENT)", Q104),
        ("LATERAL", "SELECT * FROM a JOIN LATERAL (SELECT 1) AS b ON a.x = b.x", Q104),
        ("PIVOT", "SELECT * FROM t PIVOT (sum(a) FOR b IN (1, 2))", Q104),
        ("ASOF JOIN", "SELECT * FROM a ASOF JOIN b ON a.x = b.x", Q104),
        ("a file", "SELECT * FROM '/etc/passwd'", Q104),
        ("a file in quotes", "SELECT * FROM \"/etc/passwd\"", Q104),
        ("an address", "SELECT * FROM \"s3://bucket/a.parquet\"", Q104),
        (
            "a CTE named like a qualified table",
            "WITH \"a.b\" AS (SELECT 1) SELECT * FROM a.b",
            Q104,
        ),
        ("a variable", "SELECT @@version", Q104),
        (
            "a frame of ROWS to the end of counting",
            "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN CURRENT ROW AND 18446744073709551615 FOLLOWING) FROM t",
            Q104,
        ),
        (
            "a frame of GROUPS to the end of counting",
            "SELECT sum(a) OVER (ORDER BY b GROUPS BETWEEN CURRENT ROW AND 18446744073709551615 FOLLOWING) FROM t",
            Q104,
        ),
        (
            "a frame of ROWS written as an interval",
            "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN CURRENT ROW AND INTERVAL '18446744073709551615' FOLLOWING) FROM t",
            Q104,
        ),
        (
            "a frame of ROWS in a named window",
            "SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY b ROWS 18446744073709551615 PRECEDING)",
            Q104,
        ),
        (
            "a frame of RANGE beyond any number",
            "SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN CURRENT ROW AND 1e300 FOLLOWING) FROM t",
            Q104,
        ),
        ("IS DISTINCT FROM, two readings", "SELECT a IS DISTINCT FROM b AND c FROM t", Q104),
    ];
    statements.iter().map(|(name, sql, code)| (*name, (*sql).to_owned(), *code)).collect()
}

/// What isn't one question.
fn statements() -> Vec<Killer> {
    use RefusalCode::{Q101, Q102, Q103, Q104};
    let statements: &[(&'static str, &str, RefusalCode)] = &[
        ("nothing", "", Q101),
        ("a comment", "-- nothing", Q101),
        ("two statements", "SELECT 1; DROP TABLE t", Q101),
        ("EXPLAIN", "EXPLAIN ANALYZE SELECT 1", Q103),
        ("COPY", "COPY t TO '/tmp/x'", Q103),
        ("SET", "SET datafusion.execution.batch_size = 1", Q103),
        ("CREATE", "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", Q103),
        ("INSERT behind WITH", "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Q103),
        ("DELETE in WITH", "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", Q103),
        ("SELECT INTO", "SELECT * INTO u FROM t", Q104),
        ("FOR UPDATE", "SELECT * FROM t FOR UPDATE", Q104),
        ("FROM alone", "FROM t", Q104),
        ("FROM alone, inside", "SELECT * FROM (FROM t) AS a", Q104),
        ("TABLE t", "TABLE t", Q104),
        ("no SELECT", "hello", Q102),
    ];
    statements.iter().map(|(name, sql, code)| (*name, (*sql).to_owned(), *code)).collect()
}

/// Every killer.
pub(super) fn corpus() -> Vec<Killer> {
    [
        size(),
        chains(),
        nests(),
        speculation(),
        ctes(),
        subqueries(),
        wide(),
        running(),
        statements(),
    ]
    .concat()
}

/// Runs the gate as a worker thread would, on 2 MiB.
fn answer(sql: Vec<u8>) -> Result<String, String> {
    let thread = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || check(&sql, &Limits::STANDARD));
    let outcome = thread.map_err(|error| error.to_string())?.join();
    match outcome.map_err(|_| "panicked".to_owned())? {
        Ok(gated) => Ok(gated.sql().to_owned()),
        Err(refusals) => Err(refusals.to_string()),
    }
}

#[test]
fn every_killer_is_refused_with_its_code() {
    let mut wrong = Vec::new();
    for (name, sql, code) in corpus() {
        let answer = answer(sql.into_bytes());
        if !answer.as_ref().err().is_some_and(|text| text.starts_with(code.as_str())) {
            wrong.push(format!("{name}: expected {code:?}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let latin_1 = b"SELECT 'Ynys M\xf4n'".to_vec();
    assert!(answer(latin_1).is_err_and(|text| text.starts_with("Q102")));
}

#[test]
fn the_corpus_is_large_enough_and_names_are_distinct() {
    let corpus = corpus();
    assert!(corpus.len() >= 40);
    for (position, (name, ..)) in corpus.iter().enumerate() {
        assert!(!corpus.iter().skip(position + 1).any(|(other, ..)| other == name), "{name}");
    }
}

#[test]
fn every_answer_is_a_sentence_that_names_a_way_out() {
    for (name, sql, _) in corpus() {
        let Err(refusals) = check(sql.as_bytes(), &Limits::STANDARD) else { continue };
        for refusal in refusals.iter() {
            assert!(refusal.message().ends_with('.'), "{name}: {}", refusal.message());
            assert!(!refusal.fix().is_empty(), "{name}: {}", refusal.message());
            assert!(
                refusal.message().matches('`').count() % 2 == 0,
                "{name}: {}",
                refusal.message()
            );
        }
        assert!(refusals.to_string().len() < 3_000, "{name}");
    }
}
