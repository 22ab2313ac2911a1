//! Questions whose answers must agree with each other, whatever the data: a condition, its negation and its being
//! unknown share the rows out; a count of rows for which it holds is the sum of ones; rows dealt to other nodes, and
//! nodes in another order, change nothing.
//!
//! `INSITU_PREDICATES` tries so many conditions instead of 200.

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringArray, UInt64Array, new_null_array,
};
use arrow_schema::Schema;
use arrow_select::take::take_record_batch;
use datafusion::prelude::SessionContext;
use insitu_tests::{Analyst, Cells, Department, Federation};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::oracle::publish::parts_of;

pub(crate) const ROWS: usize = 400;
const DATASET: &str = "m.facts";

pub(crate) fn rows(random: &mut StdRng) -> RecordBatch {
    fn some<T>(random: &mut StdRng, draw: impl Fn(&mut StdRng) -> T) -> Vec<Option<T>> {
        (0..ROWS).map(|_| random.random_bool(0.85).then(|| draw(random))).collect()
    }
    let floats = [0.0, -0.0, 1.5, -2.25, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let texts = ["a", "ab", "aB", "b_c", "100%", "", "Größe", "%"];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(Int64Array::from(some(random, |r| r.random_range(-6_i64..=6))))),
        ("b", Arc::new(Int64Array::from(some(random, |r| r.random_range(-900_i64..=900))))),
        (
            "x",
            Arc::new(
                Decimal128Array::from(some(random, |r| r.random_range(-700_i128..=700)))
                    .with_precision_and_scale(38, 2)
                    .unwrap(),
            ),
        ),
        ("f", Arc::new(Float64Array::from(some(random, |r| *floats.choose(r).unwrap())))),
        ("t", Arc::new(StringArray::from(some(random, |r| *texts.choose(r).unwrap())))),
        ("d", Arc::new(Date32Array::from(some(random, |r| r.random_range(16_000..=17_000))))),
        ("z", Arc::new(BooleanArray::from(some(random, |r| r.random_bool(0.5))))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

/// Rows of NULLs.
pub(crate) fn nulls(like: &RecordBatch, n: usize) -> RecordBatch {
    let columns = like.columns().iter().map(|c| new_null_array(c.data_type(), n)).collect();
    RecordBatch::try_new(like.schema(), columns).unwrap()
}

/// The rows dealt to so many nodes.
pub(crate) fn dealt(all: &RecordBatch, nodes: u64, random: &mut StdRng) -> Vec<RecordBatch> {
    let mut at = vec![Vec::new(); usize::try_from(nodes).unwrap()];
    for row in 0..u64::try_from(all.num_rows()).unwrap() {
        at[random.random_range(0..usize::try_from(nodes).unwrap())].push(row);
    }
    at.into_iter().map(|at| take_record_batch(all, &UInt64Array::from(at)).unwrap()).collect()
}

/// A department for each part, in this order of nodes.
fn departments(parts: &[RecordBatch]) -> Vec<Department> {
    parts_of(DATASET, parts)
}

/// A random condition over the columns.
fn condition(random: &mut StdRng, depth: usize) -> String {
    let compare = |r: &mut StdRng| *["=", "<>", "<", "<=", ">", ">="].choose(r).unwrap();
    if 0 < depth && random.random_bool(0.6) {
        let one = condition(random, depth - 1);
        return match random.random_range(0..4) {
            0 => format!("NOT ({one})"),
            1 => format!("({one}) IS NULL"),
            2 => format!("({one}) AND ({})", condition(random, depth - 1)),
            _ => format!("({one}) OR ({})", condition(random, depth - 1)),
        };
    }
    let op = compare(random);
    let n: i32 = random.random_range(-6..=6);
    match random.random_range(0..22) {
        0 => format!("a {op} {n}"),
        1 => format!("b {op} a"),
        2 => format!("x {op} {n}.25"),
        3 => format!("f {op} {n}.5"),
        4 => format!("f {op} -0.0"),
        5 => format!("t {op} 'ab'"),
        6 => format!("t LIKE '{}'", ["a%", "%b", "_", "%\\%%", "%ö%", ""].choose(random).unwrap()),
        7 => format!("t ILIKE '{}'", ["A%", "%B", "gr%"].choose(random).unwrap()),
        8 => format!("t NOT IN ('a', 'b_c', '{n}')"),
        9 => format!("a IN ({n}, 3, NULL)"),
        10 => format!("d {op} DATE '2014-{:02}-15'", random.random_range(1..=12)),
        11 => "z".to_owned(),
        12 => format!("a BETWEEN {n} AND b"),
        13 => format!("a * 2 - b {op} {n}"),
        14 => format!("abs(b) % 7 {op} {}", n.abs()),
        15 => format!("coalesce(a, b, 0) {op} {n}"),
        16 => format!("nullif(a, {n}) IS NULL"),
        17 => format!("length(t) {op} {}", n.abs()),
        18 => format!("upper(t) {op} 'AB'"),
        19 => format!("date_part('year', d) {op} 2014"),
        20 => format!("CASE WHEN z THEN a {op} {n} ELSE b IS NULL END"),
        _ => format!("x + a {op} {n}.5"),
    }
}

async fn one_engine(all: &RecordBatch) -> SessionContext {
    let engine = SessionContext::new();
    engine.sql("CREATE SCHEMA m").await.unwrap();
    engine.register_batch(DATASET, all.clone()).unwrap();
    engine
}

/// One row of whole numbers.
async fn numbers(analyst: &mut Analyst, sql: &str) -> Vec<i64> {
    let cells = analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    cells.concat().iter().map(|n| n.parse().unwrap_or_else(|_| panic!("{n}: {sql}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_its_negation_and_the_unknown_share_the_rows_out() {
    let tried = std::env::var("INSITU_PREDICATES").map_or(200, |n| n.parse().unwrap());
    let mut random = StdRng::seed_from_u64(51);
    let all = rows(&mut random);
    let mut parts = dealt(&all, 3, &mut random);
    parts.push(all.slice(0, 0));
    let federation = Federation::start(&departments(&parts)).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let engine = one_engine(&all).await;
    let total = i64::try_from(all.num_rows()).unwrap();
    let conditions: Vec<String> = (0..tried).map(|i| condition(&mut random, i % 3)).collect();
    let mut holds = 0;
    for few in conditions.chunks(4) {
        let each = few.iter().map(|p| {
            format!(
                "count(*) FILTER (WHERE {p}), count(*) FILTER (WHERE NOT ({p})), \
                 count(*) FILTER (WHERE ({p}) IS NULL), sum(CASE WHEN {p} THEN 1 ELSE 0 END)"
            )
        });
        let sql = format!("SELECT {} FROM {DATASET}", each.collect::<Vec<_>>().join(", "));
        let arms = few.iter().enumerate();
        let arms =
            arms.map(|(i, p)| format!("SELECT {i} AS i, count(*) AS n FROM {DATASET} WHERE {p}"));
        let arms = arms.collect::<Vec<_>>().join(" UNION ALL ");
        let arms = format!("SELECT n FROM ({arms}) t ORDER BY i");
        let arms = numbers(&mut analyst, &arms).await;
        let shared: Vec<Vec<i64>> = match analyst.cells(&sql).await {
            Ok(cells) => {
                let found: Vec<i64> = cells[0].iter().map(|n| n.parse().unwrap()).collect();
                found.chunks(4).map(<[i64]>::to_vec).collect()
            }
            // Together they may be more than fits into a request.
            Err(told) => {
                assert!(told.0.starts_with("L501"), "{sql}: {told}");
                let mut shared = Vec::new();
                for one in few {
                    let counts = format!(
                        "SELECT count(*) FILTER (WHERE {one}), count(*) FILTER (WHERE NOT ({one})), \
                         count(*) FILTER (WHERE ({one}) IS NULL) FROM {DATASET}"
                    );
                    let ones =
                        format!("SELECT sum(CASE WHEN {one} THEN 1 ELSE 0 END) FROM {DATASET}");
                    let mut found = numbers(&mut analyst, &counts).await;
                    found.extend(numbers(&mut analyst, &ones).await);
                    shared.push(found);
                }
                shared
            }
        };
        let truths = few.iter().map(|p| format!("count(*) FILTER (WHERE {p})"));
        let truths = format!("SELECT {} FROM {DATASET}", truths.collect::<Vec<_>>().join(", "));
        let truths = text(engine.sql(&truths).await.unwrap().collect().await.unwrap());
        for (i, p) in few.iter().enumerate() {
            let [yes, no, unknown, ones] = shared[i][..] else { panic!("{p}") };
            assert_eq!(yes + no + unknown, total, "{p}");
            assert_eq!(yes, ones, "{p}");
            assert_eq!(yes, arms[i], "{p}");
            assert_eq!(yes.to_string(), truths[0][i], "one engine: {p}");
            holds += usize::from(0 < yes && yes < total);
        }
        // `min` is the engine's, over rows that were fetched.
        let p = &few[0];
        let fetched = format!("SELECT count(*), min(a) FROM {DATASET} WHERE {p}");
        let cells = analyst.cells(&fetched).await.unwrap_or_else(|e| panic!("{fetched}: {e}"));
        assert_eq!(cells[0][0], arms[0].to_string(), "over rows: {p}");
    }
    assert!(conditions.len() / 2 < holds, "only {holds} conditions tell rows apart");
}

fn text(batches: Vec<RecordBatch>) -> Cells {
    let schema = Arc::new(Schema::empty());
    insitu_tests::Asked { schema, batches, query_id: String::new() }.cells()
}

/// Questions with one right answer, to the last digit.
const EXACT: [&str; 9] = [
    "SELECT count(*), count(a), sum(a), sum(x), avg(b), avg(x) FROM m.facts",
    "SELECT t, count(*), sum(b), min(b), max(x) FROM m.facts GROUP BY t ORDER BY t NULLS FIRST",
    "SELECT f, count(*) FROM m.facts GROUP BY f ORDER BY f, 2",
    "SELECT min(f), max(f), count(f), count(DISTINCT t), bool_or(z), min(t), max(d) FROM m.facts",
    "SELECT z, a, count(*), sum(x) FROM m.facts GROUP BY ROLLUP (z, a) ORDER BY grouping(z, a), z, a",
    "SELECT date_part('year', d) AS y, count(*), sum(b) FILTER (WHERE z) FROM m.facts GROUP BY 1 ORDER BY 1",
    "SELECT a, sum(x) AS s FROM m.facts WHERE NOT (t LIKE 'a%') GROUP BY a HAVING count(*) > 3 ORDER BY a LIMIT 5",
    "SELECT m.a, n.s FROM (SELECT DISTINCT a FROM m.facts) m JOIN (SELECT a, sum(b) AS s FROM m.facts GROUP BY a) n \
     ON m.a = n.a ORDER BY 1",
    "SELECT a, b, x, f, t, d, z FROM m.facts WHERE b > 850 ORDER BY a, b, x, f, t, d, z",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_dealt_to_other_nodes_give_the_same_answers() {
    let mut random = StdRng::seed_from_u64(52);
    let all = rows(&mut random);
    let nulls = nulls(&all, 3);
    let everything = arrow_select::concat::concat_batches(&all.schema(), [&all, &nulls]).unwrap();
    let engine = one_engine(&everything).await;
    let mut expected = Vec::new();
    for sql in EXACT {
        expected.push(text(engine.sql(sql).await.unwrap().collect().await.unwrap()));
    }
    for nodes in [1, 2, 3, 8] {
        let mut parts = dealt(&all.slice(1, ROWS - 1), nodes, &mut random);
        // A node with one row, one without any, and one with NULLs alone.
        parts.extend([all.slice(0, 1), all.slice(0, 0), nulls.clone()]);
        let federation = Federation::start(&departments(&parts)).await;
        let mut analyst = federation.analyst_without_statuses().await;
        for (sql, expected) in EXACT.iter().zip(&expected) {
            let got = analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            assert_eq!(got, *expected, "{nodes} nodes: {sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_in_another_order_give_the_same_bytes() {
    let mut random = StdRng::seed_from_u64(53);
    let all = rows(&mut random);
    let mut parts = dealt(&all, 4, &mut random);
    let mut answers: Vec<Vec<String>> = Vec::new();
    for _ in 0..3 {
        parts.rotate_left(1);
        let federation = Federation::start(&departments(&parts)).await;
        let mut analyst = federation.analyst_without_statuses().await;
        let mut bytes = Vec::new();
        for sql in EXACT {
            let asked = analyst.ask(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            let columns = asked.batches.iter().flat_map(RecordBatch::columns);
            bytes.push(columns.map(bytes_of).collect());
        }
        answers.push(bytes);
    }
    for two in answers.windows(2) {
        for (sql, (one, other)) in EXACT.iter().zip(two[0].iter().zip(&two[1])) {
            assert!(one.contains("buffer [["), "nothing was compared: {sql}");
            assert!(one == other, "{sql}\n{one}\n{other}");
        }
    }
}

/// Columns have the names that one engine gives them, so that a program finds them however its data are held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_are_named_as_one_engine_names_them() {
    let mut random = StdRng::seed_from_u64(56);
    let all = rows(&mut random);
    let engine = one_engine(&all).await;
    let federation = Federation::start(&departments(&[all])).await;
    let mut analyst = federation.analyst_without_statuses().await;
    for sql in [
        "SELECT sum(a) FROM m.facts",
        "SELECT count(*), count(a), avg(x), sum(a) FILTER (WHERE z), min(t), approx_distinct(b) FROM m.facts",
        "SELECT t, sum(a), sum(a + 1) AS plus FROM m.facts GROUP BY t",
        "SELECT f.t, sum(f.a), count(DISTINCT f.t) FROM m.facts AS f GROUP BY f.t",
        "SELECT upper(t), sum(b) FROM m.facts GROUP BY upper(t)",
        "SELECT z, grouping(z), count(*) FROM m.facts GROUP BY ROLLUP (z)",
        "SELECT a, b + 1, row_number() OVER (ORDER BY a) FROM m.facts",
        "WITH c AS (SELECT a, sum(b) FROM m.facts GROUP BY a) SELECT * FROM c",
        "SELECT sum(a) FROM (SELECT a FROM m.facts UNION ALL SELECT b FROM m.facts)",
    ] {
        let names = |schema: &Schema| -> Vec<String> {
            schema.fields().iter().map(|f| f.name().clone()).collect()
        };
        let ours = names(&analyst.ask(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")).schema);
        let engines = names(engine.sql(sql).await.unwrap().schema().as_arrow());
        println!("{sql}: {engines:?}");
        assert_eq!(ours, engines, "{sql}");
    }
}

/// What is NULL, and every buffer byte by byte.
fn bytes_of(column: &ArrayRef) -> String {
    let data = column.to_data();
    let nulls: Option<Vec<bool>> = data.nulls().map(|n| n.iter().collect());
    let buffers: Vec<&[u8]> = data.buffers().iter().map(|b| b.as_slice()).collect();
    format!("nulls {nulls:?} buffer {buffers:?}\n")
}

#[test]
fn the_conditions_use_every_column() {
    let mut random = StdRng::seed_from_u64(51);
    let all = rows(&mut random);
    let text: String = (0..200).map(|i| condition(&mut random, i % 3) + " ; ").collect();
    for field in all.schema().fields() {
        let name: &str = field.name();
        assert!(text.contains(&format!("{name} ")) || text.contains(&format!("{name})")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantiles_called_approximate_are_the_exact_ones_however_rows_are_dealt() {
    let mut random = StdRng::seed_from_u64(54);
    let all = rows(&mut random);
    let approximate = "SELECT t, approx_median(x), approx_median(f), approx_percentile_cont(b, 0.3), \
        approx_percentile_cont(0.9) WITHIN GROUP (ORDER BY a DESC) FROM m.facts GROUP BY t ORDER BY t";
    let exact = "SELECT t, percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(x AS DOUBLE)), percentile_cont(0.5) WITHIN GROUP (ORDER BY f), \
        percentile_cont(0.3) WITHIN GROUP (ORDER BY b), percentile_cont(0.9) WITHIN GROUP (ORDER BY a DESC) \
        FROM m.facts GROUP BY t ORDER BY t";
    let mut answers = Vec::new();
    for nodes in [1, 3] {
        let federation = Federation::start(&departments(&dealt(&all, nodes, &mut random))).await;
        let mut analyst = federation.analyst_without_statuses().await;
        for sql in [approximate, exact] {
            answers.push(analyst.cells(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")));
        }
    }
    assert!(answers[0].len() > 2);
    for two in answers.windows(2) {
        assert_eq!(two[0], two[1]);
    }
}
