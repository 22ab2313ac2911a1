//! Histograms and quantiles end to end: how far an estimate is from the truth, that a bin is the count an analyst would
//! write, that a federation's is one department's, and what a client is told beside the numbers.

use std::fmt::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::DataType;
use insitu_tests::{Analyst, Department, Federation};

const PEOPLE: u32 = 3_000;
const HIGH: i64 = 100_000;

/// A person's number, and two amounts: one uniform, one with most people at the low end.
type Person = (u32, i64, i64);

fn people() -> Vec<Person> {
    let person = |i: u32| {
        let share = (f64::from(i) + 0.5) / f64::from(PEOPLE);
        let uniform = (share * HIGH as f64) as i64;
        let skewed = ((-(1.0 - share).ln() * 15_000.0) as i64).min(HIGH);
        (i, uniform, skewed)
    };
    (0..PEOPLE).map(person).collect()
}

/// Twenty bins of 5,000, and for the skewed amounts such that grow.
const UNIFORM_CUTS: [i64; 19] = [
    5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000, 50_000, 55_000, 60_000,
    65_000, 70_000, 75_000, 80_000, 85_000, 90_000, 95_000,
];
const SKEWED_CUTS: [i64; 9] = [1_000, 2_500, 5_000, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000];

fn department(id: &str, people: &[Person], profile: &str, release: &str) -> Department {
    let mut csv = "Person,Sex,Uniform,Skewed\n".to_owned();
    for (person, uniform, skewed) in people {
        let sex = if person % 3 == 0 { "F" } else { "M" };
        let _ = writeln!(csv, "p{person},{sex},{uniform},{skewed}");
    }
    let config = format!(
        r#"
[node]
id = "{id}"
department = "{id}"

[[dataset]]
name = "pay.people"
source = {{ format = "csv", path = "people.csv" }}
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "{profile}"
release = "{release}"

[[dataset.column]]
name = "person"
from = "Person"
type = "text"
label = "unit"

[[dataset.column]]
name = "sex"
from = "Sex"
type = "text"
label = "dimension"
domain = ["F", "M", "X"]

[[dataset.column]]
name = "uniform"
from = "Uniform"
type = "integer"
label = "measure"
bounds = {{ low = 0, high = {HIGH} }}
breakpoints = {UNIFORM_CUTS:?}

[[dataset.column]]
name = "skewed"
from = "Skewed"
type = "decimal"
decimal_places = 2
label = "measure"
bounds = {{ low = 0, high = {HIGH} }}
breakpoints = {SKEWED_CUTS:?}
"#
    );
    Department { config, files: vec![("people.csv".to_owned(), csv.into_bytes())] }
}

async fn one(profile: &str) -> Federation {
    Federation::start(&[department("one", &people(), profile, "at-node")]).await
}

async fn row(analyst: &mut Analyst, sql: &str) -> Vec<String> {
    let rows = analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}: {told}"));
    assert_eq!(rows.len(), 1, "{sql}");
    rows.into_iter().next().unwrap()
}

fn numbers(cells: &[String]) -> Vec<f64> {
    cells.iter().map(|cell| cell.parse().unwrap_or_else(|_| panic!("{cells:?}"))).collect()
}

/// Where the smallest bin begins that holds the value, and how wide it is.
fn bin(value: i64, cuts: &[i64]) -> (i64, i64) {
    let edges: Vec<i64> = [0].into_iter().chain(cuts.iter().copied()).chain([HIGH]).collect();
    let pair = edges.windows(2).find(|pair| value < pair[1]).unwrap();
    (pair[0], pair[1] - pair[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_estimate_is_off_by_less_than_a_bin() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    let shares = [5_usize, 10, 25, 50, 75, 90, 95];
    for (name, cuts) in [("uniform", &UNIFORM_CUTS[..]), ("skewed", &SKEWED_CUTS[..])] {
        let asked =
            shares.map(|p| format!("approx_percentile_cont({name}, {}.{:02})", p / 100, p % 100));
        let sql = format!("SELECT {} FROM pay.people", asked.join(", "));
        let estimates = numbers(&row(&mut analyst, &sql).await);
        assert!(estimates.is_sorted(), "{estimates:?}");
        let mut values: Vec<i64> =
            people().iter().map(|p| if name == "uniform" { p.1 } else { p.2 }).collect();
        values.sort_unstable();
        for (share, estimate) in shares.iter().zip(&estimates) {
            let truth = values[values.len() * share / 100];
            let (_, width) = bin(truth, cuts);
            let error = (estimate - truth as f64).abs() / width as f64;
            println!("{name} P{share}: {truth} {estimate} {error:.3} of a bin");
            assert!(error < 1.0, "{name} P{share}: {truth} {estimate}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bin_shows_what_the_count_written_by_hand_shows() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    for (of_rows, more) in [("", ""), (" WHERE sex = 'F'", ""), ("", " AND sex = 'F'")] {
        let filter =
            if more.is_empty() { String::new() } else { " FILTER (WHERE sex = 'F')".to_owned() };
        let sql = format!("SELECT histogram(skewed){filter} FROM pay.people{of_rows}");
        let shown = row(&mut analyst, &sql).await[0].clone();
        let mut by_hand = Vec::new();
        // Each in a question of its own, after the histogram or in a gateway that never saw one.
        let fresh = one("standard").await;
        let mut other = fresh.analyst().await;
        for i in 0..=SKEWED_CUTS.len() {
            let from = i.checked_sub(1).map(|i| format!("skewed >= {}", SKEWED_CUTS[i]));
            let below = SKEWED_CUTS.get(i).map(|cut| format!("skewed < {cut}"));
            let bin: Vec<String> = from.into_iter().chain(below).collect();
            let sql = format!(
                "SELECT count(skewed) FILTER (WHERE {}{more}) FROM pay.people{of_rows}",
                bin.join(" AND ")
            );
            let after = row(&mut analyst, &sql).await[0].clone();
            assert_eq!(after, row(&mut other, &sql).await[0], "{sql}");
            by_hand.push(if after == "[c]" { "NULL".to_owned() } else { after });
        }
        assert_eq!(shown, format!("[{}]", by_hand.join(", ")), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_federations_distribution_is_that_of_one_department() {
    let people = people();
    let held_by = |node: usize| -> Vec<Person> {
        people.iter().filter(|p| (p.0 as usize * 31) % 97 % 3 == node).copied().collect()
    };
    // Without noise: what is exact doesn't depend on the split.
    let parts: Vec<Department> = (0..3)
        .map(|i| department(&format!("part-{i}"), &held_by(i), "midpoint-6", "at-gateway"))
        .collect();
    let several = Federation::start(&parts).await;
    let single = one("midpoint-6").await;
    let sql = "SELECT sex, histogram(skewed), median(skewed), percentile_cont(0.9) WITHIN GROUP (ORDER BY uniform), \
               histogram(uniform) FILTER (WHERE skewed >= 20000) FROM pay.people GROUP BY sex ORDER BY sex";
    let of_several = several.analyst().await.cells(sql).await.unwrap();
    assert_eq!(of_several, single.analyst().await.cells(sql).await.unwrap());
    assert!(
        of_several[0][1].starts_with('[') && of_several[0][2].parse::<f64>().is_ok(),
        "{of_several:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quantile_has_many_names_and_one_value() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    let spellings = [
        "percentile_cont(0.25) WITHIN GROUP (ORDER BY uniform)",
        "percentile_cont(0.75) WITHIN GROUP (ORDER BY uniform DESC)",
        "percentile_cont(uniform, 0.25)",
        "approx_percentile_cont(uniform, 0.25)",
        "approx_percentile_cont(0.25) WITHIN GROUP (ORDER BY uniform)",
        "approx_percentile_cont(0.75) WITHIN GROUP (ORDER BY uniform DESC)",
        "quantile_cont(0.25) WITHIN GROUP (ORDER BY uniform)",
        "quantile_cont(uniform, 0.250)",
    ];
    let mut quarter = Vec::new();
    for spelling in spellings {
        quarter.extend(row(&mut analyst, &format!("SELECT {spelling} FROM pay.people")).await);
    }
    assert!(quarter.iter().all(|cell| *cell == quarter[0]), "{quarter:?}");
    assert!((20_000.0..30_000.0).contains(&numbers(&quarter)[0]), "{quarter:?}");
    let sql = "SELECT median(uniform), approx_median(uniform), percentile_cont(0.5) WITHIN GROUP (ORDER BY uniform) \
               FROM pay.people";
    let half = row(&mut analyst, sql).await;
    assert!(half.iter().all(|cell| *cell == half[0]), "{half:?}");
    let sql = "SELECT median(uniform) FILTER (WHERE sex = 'F') AS a FROM pay.people";
    let of_rows = "SELECT median(uniform) AS a FROM pay.people WHERE sex = 'F'";
    assert_eq!(row(&mut analyst, sql).await, row(&mut analyst, of_rows).await);
}

/// The first batch's columns by name.
async fn columns(analyst: &mut Analyst, sql: &str) -> (RecordBatch, Vec<String>) {
    let asked = analyst.ask(sql).await.unwrap();
    let names = asked.schema.fields().iter().map(|f| f.name().clone()).collect();
    (asked.batches[0].clone(), names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gets_a_list_with_its_bins_and_an_estimate_that_says_so() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT sex, histogram(skewed) AS bins, median(skewed) AS half FROM pay.people GROUP BY sex ORDER BY sex";
    let (batch, names) = columns(&mut analyst, sql).await;
    assert_eq!(names, ["sex", "bins", "bins_status", "half", "half_status"]);
    let schema = batch.schema();
    let edges = "0.00, 1000.00, 2500.00, 5000.00, 10000.00, 15000.00, 20000.00, 30000.00, 50000.00, 75000.00, \
                 100000.00";
    for field in ["bins", "half"] {
        let field = schema.field_with_name(field).unwrap();
        assert_eq!(field.metadata().get("insitu.bins").map(String::as_str), Some(edges));
    }
    assert!(matches!(batch.column(1).data_type(), DataType::List(_)));
    let lists = batch.column(1).as_list::<i32>();
    let first = lists.value(0);
    let counts = first.as_primitive::<Int64Type>();
    // One more than breakpoints; the last bin has three women in it.
    assert_eq!(counts.len(), SKEWED_CUTS.len() + 1);
    assert!(counts.is_valid(0) && counts.value(0) > 0);
    assert!(counts.is_null(9), "{counts:?}");
    assert_eq!(batch.column(2).as_string::<i32>().value(0), "");
    let half = batch.column(3).as_primitive::<Float64Type>();
    assert!(half.is_valid(0));
    assert_eq!(batch.column(4).as_string::<i32>().value(0), "e");
    // Nobody is X: the row stands, and nothing is in it.
    assert!(lists.is_null(2) && half.is_null(2));
    assert_eq!(batch.column(2).as_string::<i32>().value(2), "c");
    assert_eq!(batch.column(4).as_string::<i32>().value(2), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_computed_with_an_estimate_is_one_unless_something_is_missing() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    let status = async |analyst: &mut Analyst, expression: &str| {
        let sql = format!("SELECT {expression} AS a FROM pay.people");
        let (batch, _) = columns(analyst, &sql).await;
        (batch.column(0).is_valid(0), batch.column(1).as_string::<i32>().value(0).to_owned())
    };
    let range = "percentile_cont(0.9) WITHIN GROUP (ORDER BY uniform) - median(uniform)";
    assert_eq!(status(&mut analyst, range).await, (true, "e".to_owned()));
    assert_eq!(status(&mut analyst, "median(uniform) / count(*)").await, (true, "e".to_owned()));
    for missing in ["count(*) FILTER (WHERE sex = 'X')", "median(uniform) FILTER (WHERE sex = 'X')"]
    {
        for both in [format!("median(uniform) + {missing}"), format!("{missing} + median(uniform)")]
        {
            assert_eq!(status(&mut analyst, &both).await, (false, "c".to_owned()), "{both}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_a_histogram_is_a_value_like_any_other() {
    let federation = one("standard").await;
    let mut analyst = federation.analyst().await;
    // Filtered, ordered by its neighbour, put together with another.
    let sql = "WITH h AS (SELECT sex, histogram(uniform) AS bins, count(*) AS n FROM pay.people GROUP BY sex) \
               SELECT sex, bins FROM h WHERE bins IS NOT NULL ORDER BY n DESC";
    let rows = analyst.cells(sql).await.unwrap();
    assert_eq!(rows.iter().map(|r| r[0].as_str()).collect::<Vec<_>>(), ["M", "F"]);
    let sql = "SELECT histogram(uniform) AS bins FROM pay.people WHERE sex = 'F' UNION ALL \
               SELECT histogram(uniform) AS bins FROM pay.people WHERE sex = 'M'";
    assert_eq!(analyst.cells(sql).await.unwrap().len(), 2);
    // Whatever else the engine does with a list is an answer or a refusal that teaches, never a fault.
    let h = "WITH h AS (SELECT sex, histogram(uniform) AS bins FROM pay.people GROUP BY sex)";
    for (above, expect) in [
        ("SELECT sex FROM h ORDER BY bins", "3 rows"),
        ("SELECT DISTINCT bins FROM h", "3 rows"),
        ("SELECT bins, count(*) FROM h GROUP BY bins", "3 rows"),
        ("SELECT count(bins) FROM h", "1 rows"),
        ("SELECT CAST(bins AS TEXT) FROM h", "3 rows"),
        ("SELECT bins = bins FROM h", "3 rows"),
        ("SELECT a.sex FROM h a JOIN h b ON a.bins = b.bins", "2 rows"),
        // A list that isn't a histogram's column is no type that clients have.
        ("SELECT max(bins) FROM h", "Q107"),
        ("SELECT coalesce(bins, bins) FROM h", "Q107"),
        ("SELECT array_agg(bins) FROM h", "Q108"),
        ("SELECT bins + 1 FROM h", "Q107"),
        ("SELECT bins[1] FROM h", "Q104"),
    ] {
        let told = match analyst.cells(&format!("{h} {above}")).await {
            Ok(rows) => format!("{} rows", rows.len()),
            Err(told) => told.0,
        };
        assert!(told.starts_with(expect), "{above}: {told}");
    }
    // There is nothing to count by above.
    for sql in [
        "SELECT histogram(n) FROM (SELECT sex, count(*) AS n FROM pay.people GROUP BY sex) t",
        "SELECT histogram(n) OVER () FROM (SELECT sex, count(*) AS n FROM pay.people GROUP BY sex) t",
        "SELECT sex FROM (SELECT sex, count(*) AS n FROM pay.people GROUP BY sex) t GROUP BY sex HAVING histogram(n) IS NULL",
    ] {
        assert!(analyst.refused(sql).await.contains("Q109"), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_says_what_a_quantile_is_made_of() {
    let federation = one("standard").await;
    let explained = federation
        .gateway()
        .explain(b"SELECT histogram(uniform), median(skewed) FROM pay.people", &Default::default())
        .await
        .unwrap();
    assert!(
        explained.contains("histogram of uniform, counts between 0, 5000, 10000"),
        "{explained}"
    );
    assert!(
        explained.contains("quantile 0.5 of skewed, estimated from counts between 0.00, 1000.00"),
        "{explained}"
    );
}
