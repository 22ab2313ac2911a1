//! `approx_distinct` over open data: one answer however the rows are split, and how far it is from the truth.

use insitu_tests::{Department, Federation};

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
