//! `approx_distinct` over open data: one answer however the rows are split, and how far it is from the truth. Departments
//! sketch their rows, and what they send doesn't grow with them.

use std::fmt::Write as _;

use insitu_disclosure::reference::Editions;
use insitu_disclosure::{
    DatasetName, Input, Key, Literal, Measure, MeasureKind, Scalar, Tabulation,
};
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::{v1, version};
use insitu_tests::{Department, Federation};
use prost::Message as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::metamorphic::{ROWS, dealt, nulls, rows};
use crate::oracle::publish::parts_of;

/// The crimes of West Yorkshire in three Julys, as published.
const FILES: [(&str, &[u8]); 3] = [
    (
        "2016.csv.gz",
        include_bytes!("../../deploy/demo/police-2016-07-west-yorkshire-street.csv.gz"),
    ),
    (
        "2017.csv.gz",
        include_bytes!("../../deploy/demo/police-2017-07-west-yorkshire-street.csv.gz"),
    ),
    (
        "2018.csv.gz",
        include_bytes!("../../deploy/demo/police-2018-07-west-yorkshire-street.csv.gz"),
    ),
];

/// Columns of many values and of few.
const COLUMNS: [(&str, &str); 6] = [
    ("crime", "Crime ID"),
    ("longitude", "Longitude"),
    ("latitude", "Latitude"),
    ("street", "Location"),
    ("lsoa", "LSOA code"),
    ("kind", "Crime type"),
];

/// A node with these files.
fn department(node: usize, files: &[(&str, &[u8])]) -> Department {
    let names: Vec<String> = files.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let mut config = format!(
        "[node]\nid = \"n{node}\"\ndepartment = \"Part {node}\"\n\n[[dataset]]\nname = \"police.crimes\"\n\
         source = {{ format = \"csv\", files = [{}] }}\nprotection = \"open\"\n",
        names.join(", ")
    );
    for (name, from) in COLUMNS {
        config += &format!(
            "\n[[dataset.column]]\nname = \"{name}\"\nfrom = \"{from}\"\ntype = \"text\"\nlabel = \"dimension\"\nblank = \"null\"\n"
        );
    }
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
    Department { config, files: files.collect() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_answer_however_the_rows_are_split_and_near_the_truth() {
    let apart: Vec<Department> = FILES
        .iter()
        .enumerate()
        .map(|(n, file)| department(n, std::slice::from_ref(file)))
        .collect();
    let of = |function: &str| {
        let each = COLUMNS.map(|(name, _)| function.replace('#', name));
        format!("SELECT {} FROM police.crimes", each.join(", "))
    };
    let mut answers = Vec::new();
    for departments in [vec![department(0, &FILES)], apart] {
        let federation = Federation::start(&departments).await;
        let mut analyst = federation.analyst_without_statuses().await;
        let mut estimates = analyst.cells(&of("approx_distinct(#)")).await.unwrap().concat();
        // By a key there are as many sketches as groups.
        let by_kind =
            "SELECT kind, approx_distinct(street) FROM police.crimes GROUP BY kind ORDER BY kind";
        estimates.extend(analyst.cells(by_kind).await.unwrap().concat());
        if answers.is_empty() {
            let mut squares = 0.0;
            for ((name, _), estimate) in COLUMNS.iter().zip(&estimates) {
                let exact = format!("SELECT count(DISTINCT {name}) FROM police.crimes");
                let exact: f64 = analyst.cells(&exact).await.unwrap()[0][0].parse().unwrap();
                let error = estimate.parse::<f64>().unwrap() / exact - 1.0;
                println!("{name}: {exact}, estimated {estimate}, {:.2} %", 100.0 * error);
                squares += error * error;
            }
            let error = (squares / 6.0).sqrt();
            println!("root mean square {:.2} %", 100.0 * error);
            assert!(error <= 0.016, "{error}");
        }
        answers.push(estimates);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_type_are_counted_and_null_is_none() {
    let csv = "a,b,c,d,e\n1,1.50,x,2020-01-01,true\n1,2.50,y,2020-01-02,false\n2,1.50,,2020-01-01,\n,,,,\n";
    let mut config = "[node]\nid = \"n\"\ndepartment = \"D\"\n\n[[dataset]]\nname = \"o.values\"\n\
                      source = { format = \"csv\", path = \"v.csv\" }\nprotection = \"open\"\n"
        .to_owned();
    for (name, of) in [
        ("a", "integer\""),
        ("b", "decimal\"\ndecimal_places = 2"),
        ("c", "text\""),
        ("d", "date\""),
        ("e", "boolean\""),
    ] {
        config += &format!(
            "\n[[dataset.column]]\nname = \"{name}\"\ntype = \"{of}\nlabel = \"dimension\"\nblank = \"null\"\n"
        );
    }
    let department = Department { config, files: vec![("v.csv".to_owned(), csv.into())] };
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT approx_distinct(a), approx_distinct(b), approx_distinct(c), approx_distinct(d), approx_distinct(e), \
               approx_distinct(a * 1.5), approx_distinct(a) FILTER (WHERE a > 1), approx_distinct(a) FILTER (WHERE a > 9) \
               FROM o.values";
    assert_eq!(analyst.cells(sql).await.unwrap(), [["2", "2", "2", "2", "2", "2", "1", "0"]]);
    let sql = "SELECT approx_distinct(CAST(a AS DOUBLE)), approx_distinct(CAST(d AS TIMESTAMP)), approx_distinct(NULL) FROM o.values";
    assert_eq!(analyst.cells(sql).await.unwrap(), [["2", "2", "0"]]);
}

/// Of each type, derived, filtered, by keys and by sets of them; beside other measures; of which there is nothing.
const SKETCHED: [&str; 9] = [
    "SELECT approx_distinct(a), approx_distinct(b), approx_distinct(x), approx_distinct(f), approx_distinct(t), \
     approx_distinct(d), approx_distinct(z) FROM #",
    "SELECT approx_distinct(a * 3), approx_distinct(upper(t)), approx_distinct(x + a), approx_distinct(length(t)), \
     approx_distinct(coalesce(a, b)), approx_distinct(CASE WHEN z THEN a ELSE b END), approx_distinct(date_part('year', d)) FROM #",
    "SELECT approx_distinct(b) FILTER (WHERE a > 0), approx_distinct(b) FILTER (WHERE z), approx_distinct(b) FILTER (WHERE a > 99), \
     count(*), sum(b), avg(b) FROM # WHERE NOT (t LIKE 'a%')",
    "SELECT t, approx_distinct(b), count(b), approx_distinct(x) FILTER (WHERE z) FROM # GROUP BY t ORDER BY t NULLS FIRST",
    "SELECT z, a, approx_distinct(b), approx_distinct(f) FROM # GROUP BY CUBE (z, a) ORDER BY grouping(z, a), z, a",
    "SELECT f, approx_distinct(f) FROM # GROUP BY f ORDER BY f",
    "SELECT approx_distinct(b) FROM # WHERE a > 99",
    "SELECT a, approx_distinct(b) AS n FROM # GROUP BY a HAVING approx_distinct(b) > 25 ORDER BY n DESC, a LIMIT 4",
    "SELECT 2 * approx_distinct(b), approx_distinct(b) / 7 FROM #",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn departments_sketch_what_the_gateway_would_from_their_rows() {
    let mut random = StdRng::seed_from_u64(54);
    let all = rows(&mut random);
    let nulls = nulls(&all, 3);
    let mut expected: Vec<Vec<Vec<String>>> = Vec::new();
    for nodes in [1, 2, 3, 8] {
        let mut parts = dealt(&all.slice(1, ROWS - 1), nodes, &mut random);
        // A node with one row, one without any, and one with NULLs alone.
        parts.extend([all.slice(0, 1), all.slice(0, 0), nulls.clone()]);
        let federation = Federation::start(&parts_of("m.facts", &parts)).await;
        let mut analyst = federation.analyst_without_statuses().await;
        for (i, sql) in SKETCHED.iter().enumerate() {
            let sketched = sql.replace('#', "m.facts");
            let answer = analyst.ask(&sketched).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            let types = |schema: &arrow_schema::Schema| -> Vec<arrow_schema::DataType> {
                schema.fields().iter().map(|f| f.data_type().clone()).collect()
            };
            let types_of_sketched = types(&answer.schema);
            let cells = answer.cells();
            let plan = analyst.cells(&format!("EXPLAIN {sketched}")).await.unwrap().concat();
            let plan = plan.join("\n");
            assert!(plan.contains("sketch of the distinct values of"), "{plan}");
            assert!(!plan.contains("open rows"), "{plan}");
            if nodes == 1 {
                // A limit is of rows, so these are fetched, and sketched by the engine's aggregation.
                let fetched = sql.replace('#', "(SELECT * FROM m.facts LIMIT 1000000) AS r");
                let plan = analyst.cells(&format!("EXPLAIN {fetched}")).await.unwrap().concat();
                assert!(plan.join("\n").contains("open rows of m.facts"), "{plan:?}");
                let answer = analyst.ask(&fetched).await.unwrap();
                assert_eq!(types(&answer.schema), types_of_sketched, "{sql}");
                expected.push(answer.cells());
            }
            assert_eq!(cells, expected[i], "{nodes} nodes: {sql}");
        }
    }
    assert!(expected.iter().all(|cells| !cells.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_a_tabulation_has_other_bytes_for_are_sketched_from_rows() {
    let mut random = StdRng::seed_from_u64(55);
    let all = rows(&mut random);
    let federation = Federation::start(&parts_of("m.facts", &[all])).await;
    let mut analyst = federation.analyst_without_statuses().await;
    for of in ["date_trunc('month', d)", "CAST(d AS TIMESTAMP)", "CAST(a AS REAL)", "NULL"] {
        let sql = format!("SELECT approx_distinct({of}) FROM m.facts");
        let plan = analyst.cells(&format!("EXPLAIN {sql}")).await.unwrap().concat().join("\n");
        let fetched = sql.replace("m.facts", "(SELECT * FROM m.facts LIMIT 1000000) AS r");
        assert_eq!(
            analyst.cells(&sql).await.unwrap(),
            analyst.cells(&fetched).await.unwrap(),
            "{of}"
        );
        assert!(plan.contains("open rows of m.facts"), "{of}: {plan}");
    }
}

/// So many rows with so many different values each, in two groups.
fn many(rows: usize, different: usize) -> Department {
    let mut csv = "group,value\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(csv, "g{},{}", row % 2, row % different);
    }
    let mut config = "[node]\nid = \"n\"\ndepartment = \"D\"\n\n[[dataset]]\nname = \"o.many\"\n\
                      source = { format = \"csv\", path = \"v.csv\" }\nprotection = \"open\"\n"
        .to_owned();
    for (name, of) in [("group", "text"), ("value", "integer")] {
        config += &format!(
            "\n[[dataset.column]]\nname = \"{name}\"\ntype = \"{of}\"\nlabel = \"dimension\"\n"
        );
    }
    Department { config, files: vec![("v.csv".to_owned(), csv.into_bytes())] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_does_not_grow_with_rows() {
    let sql = "SELECT \"group\", approx_distinct(value) FROM o.many GROUP BY \"group\" ORDER BY 1";
    let mut sent = Vec::new();
    for (rows, different) in [(200, 100), (20_000, 100), (20_000, 20_000), (60_000, 60_000)] {
        let federation = Federation::start(&[many(rows, different)]).await;
        let mut analyst = federation.analyst_without_statuses().await;
        analyst.cells(sql).await.unwrap();
        federation.tap(0).clear();
        // The gateway may keep the answer: another question.
        let cells = analyst.cells(&sql.replace("(value)", "(value + 0)")).await.unwrap();
        let each = f64::from(u32::try_from(different).unwrap()) / 2.0;
        for row in cells {
            let error = row[1].parse::<f64>().unwrap() / each - 1.0;
            assert!(error.abs() < 0.05, "{row:?} of {each}");
        }
        sent.push(federation.tap(0).sent().len());
    }
    let [few, few_of_more_rows, most, more] = sent[..] else { panic!("{sent:?}") };
    println!("bytes: {sent:?}");
    // A keep-alive ping more or less.
    assert!(few.abs_diff(few_of_more_rows) <= 128 && few < 2_500, "{sent:?}");
    assert!(most.abs_diff(more) <= 128 && more < 2 * 4_098 + 2_500, "{sent:?}");
}

/// Of many groups most have few values: an answer with sketches of every size, of more than one message holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_every_size_arrive() {
    let mut csv = "group,value\n".to_owned();
    // 1,100 groups with a full sketch each beside each other, of four million bytes, and 5,000 of a value or two.
    for row in 0..330_000 {
        let _ = writeln!(csv, "a{},{row}", row % 1_100);
    }
    for row in 0..7_500 {
        let _ = writeln!(csv, "b{},{row}", row % 5_000);
    }
    let mut department = many(0, 1);
    department.files[0].1 = csv.into_bytes();
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = "SELECT left(\"group\", 1) AS kind, count(*), sum(n), max(n) FROM (SELECT \"group\", \
               approx_distinct(value) AS n FROM o.many GROUP BY \"group\") GROUP BY 1 ORDER BY 1";
    let cells = analyst.cells(sql).await.unwrap();
    let numbers =
        |row: &[String]| row[1..].iter().map(|n| n.parse().unwrap()).collect::<Vec<f64>>();
    let [a, b] = [numbers(&cells[0]), numbers(&cells[1])];
    assert_eq!((a[0], b[0]), (1_100.0, 5_000.0), "{cells:?}");
    assert!(
        (a[1] / 330_000.0 - 1.0).abs() < 0.01 && (b[1] / 7_500.0 - 1.0).abs() < 0.01,
        "{cells:?}"
    );
    assert!(2.0 <= b[2] && b[2] <= 3.0, "{cells:?}");
}

fn asking(measure: MeasureKind) -> NodeRequest {
    let column = |name: &str| Scalar::Column(name.to_owned());
    let filter = Scalar::Compare {
        op: insitu_disclosure::Comparison::Less,
        left: Box::new(column("year")),
        right: Box::new(Scalar::Literal(Literal::Int64(2018))),
    };
    let question = Tabulation {
        input: Input::Scan {
            dataset: DatasetName::new("police", "crimes").unwrap(),
            fingerprint: 1,
        },
        keys: vec![Key { scalar: column("kind") }],
        sets: Vec::new(),
        measures: vec![Measure { kind: measure, filter: Some(filter) }],
        groups_max: 100,
    };
    NodeRequest {
        query_id: QueryId([7; 16]),
        time_ms_max: 5_000,
        question: Question::Tabulation(question),
        editions: Editions::new(),
    }
}

/// Written down once: what is sent is what other versions read.
#[test]
fn a_question_about_distinct_values_has_these_bytes_and_needs_its_feature() {
    let request = asking(MeasureKind::ApproxDistinct(Scalar::Column("street".to_owned())));
    let bytes = request.encode().unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = format!("{}/tests/golden/approx_distinct.hex", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(hex, std::fs::read_to_string(golden).unwrap().trim());
    assert_eq!(NodeRequest::decode(&bytes), Ok(request));
    let message = v1::NodeRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(message.required_features, version::DISTINCT_SKETCHES);
    // An older node refuses the feature; none overlooks what it doesn't know.
    let without = version::FEATURES & !version::DISTINCT_SKETCHES;
    assert_ne!(message.required_features & !without, 0);
    for features in [0, version::MOMENTS, version::FEATURES] {
        let wrong = v1::NodeRequest { required_features: features, ..message.clone() };
        assert!(NodeRequest::decode(&wrong.encode_to_vec()).is_err(), "{features}");
    }
    let other = asking(MeasureKind::Rows).encode().unwrap();
    let other = v1::NodeRequest::decode(other.as_slice()).unwrap();
    assert_eq!(other.required_features, 0, "what an older node answers too");
}
