//! What departments are asked for TPC-H's 22 queries: `docs/tpch.md` has the list, and says what it means. That the
//! answers are right is checked against another engine, in `tests/python/ground_truth/test_tpch.py`.
//!
//! A plan depends on text, policies and catalogue only, so the tables may be empty here. `INSITU_TPCH_UPDATE=1` writes
//! the list anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use insitu_gateway::query::Options;
use insitu_tests::{Department, Federation};

/// A table: its name, whether it is spread over the first three departments, and its columns: `i` for whole numbers, `m` for
/// amounts with two places, `d` for dates, `t` for text.
const TABLES: [(&str, bool, &str); 8] = [
    ("region", false, "r_regionkey:i r_name:t r_comment:t"),
    ("nation", false, "n_nationkey:i n_name:t n_regionkey:i n_comment:t"),
    (
        "supplier",
        false,
        "s_suppkey:i s_name:t s_address:t s_nationkey:i s_phone:t s_acctbal:m s_comment:t",
    ),
    (
        "customer",
        false,
        "c_custkey:i c_name:t c_address:t c_nationkey:i c_phone:t c_acctbal:m c_mktsegment:t c_comment:t",
    ),
    (
        "part",
        false,
        "p_partkey:i p_name:t p_mfgr:t p_brand:t p_type:t p_size:i p_container:t p_retailprice:m p_comment:t",
    ),
    ("partsupp", false, "ps_partkey:i ps_suppkey:i ps_availqty:i ps_supplycost:m ps_comment:t"),
    (
        "orders",
        true,
        "o_orderkey:i o_custkey:i o_orderstatus:t o_totalprice:m o_orderdate:d o_orderpriority:t o_clerk:t \
         o_shippriority:i o_comment:t",
    ),
    (
        "lineitem",
        true,
        "l_orderkey:i l_partkey:i l_suppkey:i l_linenumber:i l_quantity:m l_extendedprice:m l_discount:m l_tax:m \
         l_returnflag:t l_linestatus:t l_shipdate:d l_commitdate:d l_receiptdate:d l_shipinstruct:t l_shipmode:t \
         l_comment:t",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Four departments with empty tables.
fn departments() -> Vec<Department> {
    let department = |n: usize| {
        let mut config = format!("[node]\nid = \"n{n}\"\ndepartment = \"Part {n}\"\n");
        let mut files = Vec::new();
        for (table, spread, columns) in TABLES {
            if spread != (n < 3) {
                continue;
            }
            let _ = write!(
                config,
                "\n[[dataset]]\nname = \"tpch.{table}\"\nprotection = \"open\"\n\
                 source = {{ format = \"csv\", path = \"{table}.csv\" }}\n"
            );
            let columns: Vec<(&str, &str)> =
                columns.split_whitespace().map(|c| c.split_once(':').unwrap()).collect();
            for (name, kind) in &columns {
                let words = match *kind {
                    "i" => "integer\"",
                    "m" => "decimal\"\ndecimal_places = 2",
                    "d" => "date\"",
                    "t" => "text\"",
                    other => panic!("{other}"),
                };
                let _ = write!(
                    config,
                    "\n[[dataset.column]]\nname = \"{name}\"\ntype = \"{words}\nlabel = \"dimension\"\n"
                );
            }
            let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            files.push((format!("{table}.csv"), format!("{}\n", header.join(",")).into_bytes()));
        }
        Department { config, files }
    };
    (0..4).map(department).collect()
}

/// What one query asks of departments.
#[derive(Debug, Default)]
struct Asked {
    /// What is tabulated.
    tabulations: Vec<String>,
    /// Rows that are fetched: the dataset, the number of its columns, and whether a condition goes along.
    rows: Vec<String>,
    /// Requests to each of the three departments, and to the fourth.
    requests: [usize; 2],
}

impl Asked {
    /// From the gateway's explanation.
    fn of(explanation: &str) -> Self {
        let mut asked = Self::default();
        let mut known = BTreeSet::new();
        let requests = explanation.split("at the gateway, over").next().unwrap();
        // A request begins with the leaves it is for; their names stand beside its measures, too.
        for leaf in format!("\n{requests}").split("\nleaf_").skip(1) {
            let (place, what) = leaf.trim_end().split_once('\n').unwrap();
            // What two leaves read alike is asked for once.
            if !known.insert(what) {
                continue;
            }
            asked.requests[usize::from(!place.contains("Part 0"))] += 1;
            let first = what.lines().next().unwrap().trim();
            if let Some(dataset) = first.strip_prefix("Tabulation of tpch.") {
                let by = what.lines().find_map(|l| l.trim().strip_prefix("by "));
                let by = by.map_or(String::new(), |keys| format!(" by {keys}"));
                asked.tabulations.push(format!("{dataset}{by}"));
            } else {
                let (dataset, columns) =
                    first.strip_prefix("open rows of tpch.").unwrap().split_once(':').unwrap();
                let columns = columns.split(',').filter(|c| !c.trim().is_empty()).count();
                let filtered = if what.contains("where ") { ", filtered" } else { "" };
                asked.rows.push(format!("{dataset} ({columns}{filtered})"));
            }
        }
        asked
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_what_is_asked_is_true() {
    let federation = Federation::start(&departments()).await;
    let mut list = "| query | Tabulations | rows of open data (columns) | requests to each of 1 to 3 | to 4 |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for query in 1..=22 {
        let path = root().join(format!("tests/oracle/tpch/q{query:02}.sql"));
        let sql = std::fs::read(&path).unwrap();
        let explained = federation.gateway().explain(&sql, &Options::default()).await;
        let asked = Asked::of(&explained.unwrap_or_else(|e| panic!("q{query}: {e:?}")));
        let dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
        let _ = writeln!(
            list,
            "| {query} | {} | {} | {} | {} |",
            dash(asked.tabulations.join("; ")),
            dash(asked.rows.join(", ")),
            asked.requests[0],
            asked.requests[1]
        );
    }
    let path = root().join("docs/tpch.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- list -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
    let written = format!("{before}<!-- list -->\n{list}<!-- end -->\n{after}");
    if std::env::var_os("INSITU_TPCH_UPDATE").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == written, "docs/tpch.md says otherwise; INSITU_TPCH_UPDATE=1 writes\n{list}");
}

/// Some of the queries with tables after commas and columns without their tables' names, as the specification has them.
const AS_SPECIFIED: [(usize, &str); 4] = [
    (
        2,
        "SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
         FROM tpch.part, tpch.supplier, tpch.partsupp, tpch.nation, tpch.region
         WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey AND p_size = 15 AND p_type LIKE '%BRASS'
           AND s_nationkey = n_nationkey AND n_regionkey = r_regionkey AND r_name = 'EUROPE'
           AND ps_supplycost = (
             SELECT min(ps_supplycost) FROM tpch.partsupp, tpch.supplier, tpch.nation, tpch.region
             WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey AND s_nationkey = n_nationkey
               AND n_regionkey = r_regionkey AND r_name = 'EUROPE')
         ORDER BY s_acctbal DESC, n_name, s_name, p_partkey LIMIT 100",
    ),
    (
        8,
        "SELECT o_year, sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / sum(volume) AS mkt_share
         FROM (
           SELECT extract(YEAR FROM o_orderdate) AS o_year, l_extendedprice * (1 - l_discount) AS volume,
                  n2.n_name AS nation
           FROM tpch.part, tpch.supplier, tpch.lineitem, tpch.orders, tpch.customer, tpch.nation n1, tpch.nation n2,
                tpch.region
           WHERE p_partkey = l_partkey AND s_suppkey = l_suppkey AND l_orderkey = o_orderkey AND o_custkey = c_custkey
             AND c_nationkey = n1.n_nationkey AND n1.n_regionkey = r_regionkey AND r_name = 'AMERICA'
             AND s_nationkey = n2.n_nationkey AND o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
             AND p_type = 'ECONOMY ANODIZED STEEL') AS all_nations
         GROUP BY o_year ORDER BY o_year",
    ),
    (
        13,
        "SELECT c_count, count(*) AS custdist
         FROM (SELECT c_custkey, count(o_orderkey)
               FROM tpch.customer LEFT OUTER JOIN tpch.orders
                 ON c_custkey = o_custkey AND o_comment NOT LIKE '%special%requests%'
               GROUP BY c_custkey) AS c_orders (c_custkey, c_count)
         GROUP BY c_count ORDER BY custdist DESC, c_count DESC",
    ),
    (
        19,
        "SELECT sum(l_extendedprice * (1 - l_discount)) AS revenue FROM tpch.lineitem, tpch.part
         WHERE (p_partkey = l_partkey AND p_brand = 'Brand#12' AND l_quantity >= 1 AND l_quantity <= 11
                AND p_container IN ('SM CASE', 'SM BOX') AND p_size BETWEEN 1 AND 5
                AND l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = 'DELIVER IN PERSON')
            OR (p_partkey = l_partkey AND p_brand = 'Brand#23' AND l_quantity >= 10 AND l_quantity <= 20
                AND p_container IN ('MED BAG', 'MED BOX') AND p_size BETWEEN 1 AND 10
                AND l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = 'DELIVER IN PERSON')",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_the_specification_writes_them_they_ask_the_same() {
    let federation = Federation::start(&departments()).await;
    let asked = async |sql: &[u8]| {
        let explained = federation.gateway().explain(sql, &Options::default()).await;
        let mut asked = Asked::of(&explained.unwrap_or_else(|e| panic!("{e:?}")));
        asked.rows.sort();
        (asked.tabulations, asked.rows, asked.requests)
    };
    for (query, specified) in AS_SPECIFIED {
        let path = root().join(format!("tests/oracle/tpch/q{query:02}.sql"));
        let joined = asked(&std::fs::read(path).unwrap()).await;
        assert_eq!(asked(specified.as_bytes()).await, joined, "{query}");
    }
}
