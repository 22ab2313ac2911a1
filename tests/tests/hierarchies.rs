//! Hierarchies end to end: what codes belong to, from a configuration or a file, at nodes and over them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use insitu_tests::{Cells, Department, Federation};

use crate::oracle::publish::parquet;

/// A person's number, area, region, sex, and how many there are of them.
type People = (&'static str, &'static str, [u64; 2]);

/// Two regions. Of area E3 there are few; E9 is alone in a region of its own.
const PEOPLE: [People; 6] = [
    ("E1", "North", [40, 50]),
    ("E2", "North", [30, 25]),
    ("E3", "North", [2, 3]),
    ("E4", "South", [60, 70]),
    ("E5", "South", [35, 45]),
    ("E9", "Abroad", [20, 30]),
];

/// One of them, three of them the other way round: mistakes.
const MISTAKEN: [People; 1] = [("E1", "South", [2, 1])];

const WRITTEN: &str = r#"within = { region = { North = ["E1", "E2", "E3"], South = ["E4", "E5"], Abroad = ["E9"] } }"#;
const LISTED: &str = r#"within = { region = "lists/areas.csv" }"#;
const LIST: &str = "area,name,region\nE1,One,North\nE2,\"Two, the\",North\nE3,Three,North\n\
                    E4,Four,South\nE5,Five,South\nE4,Four,South\nE9,Nine,Abroad\n";

fn config(id: &str, source: &str, unit: &str, release: &str, within: &str) -> String {
    format!(
        r#"
[node]
id = "{id}"
department = "{id}"

[[dataset]]
name = "county.people"
source = {source}
protection = "protected"
{unit}
units_at_one_node = true
profile = "exact"
release = "{release}"

[[dataset.column]]
name = "id"
type = "integer"
label = "{label}"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"
domain = ["E1", "E2", "E3", "E4", "E5", "E9"]
{within}

[[dataset.column]]
name = "region"
type = "text"
label = "dimension"
domain = ["Abroad", "North", "South"]

[[dataset.column]]
name = "sex"
type = "text"
label = "dimension"
domain = ["F", "M"]
"#,
        label = if unit.contains("\"id\"") { "unit" } else { "hidden" },
    )
}

/// As a CSV file, each row one of them.
fn county(id: &str, people: &[People], release: &str, within: &str) -> Department {
    let mut csv = "id,area,region,sex\n".to_owned();
    for (i, (area, region, sex)) in rows(people).into_iter().enumerate() {
        writeln!(csv, "{i},{area},{region},{sex}").unwrap();
    }
    let source = r#"{ format = "csv", path = "people.csv" }"#;
    let files = [("people.csv", csv), ("lists/areas.csv", LIST.to_owned())];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    Department {
        config: config(id, source, "unit = \"row\"", release, within),
        files: files.into(),
    }
}

fn rows(people: &[People]) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut rows = Vec::new();
    for (area, region, counts) in people {
        for (sex, count) in ["F", "M"].into_iter().zip(counts) {
            rows.extend((0..*count).map(|_| (*area, *region, sex)));
        }
    }
    rows
}

async fn cells(federation: &Federation, by: &str) -> Cells {
    let sql = format!("SELECT {by}, count(*) FROM county.people GROUP BY {by} ORDER BY {by}");
    federation.analyst().await.cells(&sql).await.unwrap()
}

/// Counts that are shown, by key.
async fn shown(federation: &Federation, by: &str) -> BTreeMap<Vec<String>, i64> {
    let rows = cells(federation, by).await.into_iter().filter_map(|mut row| {
        let count = row.pop()?.parse().ok()?;
        Some((row, count))
    });
    rows.collect()
}

const BY: [&str; 6] = ["area", "region", "area, sex", "region, sex", "region, area", "sex"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_is_the_same_however_it_is_declared_and_wherever_it_is_released() {
    let all: Vec<People> = PEOPLE.into_iter().chain(MISTAKEN).collect();
    let mut first = None;
    for (release, within) in
        [("at-node", WRITTEN), ("at-node", LISTED), ("at-gateway", WRITTEN), ("at-gateway", LISTED)]
    {
        let federation = Federation::start(&[county("county", &all, release, within)]).await;
        let mut tables = Vec::new();
        for by in BY {
            tables.push(cells(&federation, by).await);
        }
        assert_eq!(*first.get_or_insert(tables.clone()), tables, "{release} {within}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_less_its_shown_areas_is_no_single_area() {
    let area = |of: &BTreeMap<Vec<String>, i64>| {
        let of_north = ["E1", "E2"].map(|area| of.get(&vec![area.to_owned()]).copied());
        of_north.into_iter().flatten().sum::<i64>()
    };
    let undeclared = Federation::start(&[county("county", &PEOPLE, "at-node", "")]).await;
    let regions = shown(&undeclared, "region").await;
    let areas = shown(&undeclared, "area").await;
    // The cheapest that could be hidden beside E3 is E9, of another region.
    assert_eq!(regions[&vec!["North".to_owned()]] - area(&areas), 5, "the five of E3");
    let declared = Federation::start(&[county("county", &PEOPLE, "at-node", WRITTEN)]).await;
    assert_eq!(shown(&declared, "region").await, regions);
    let areas = shown(&declared, "area").await;
    assert_eq!(regions[&vec!["North".to_owned()]] - area(&areas), 60, "E2 is hidden with E3");
    // By both it is the table by area, with those who can't be beside it.
    let by_both = shown(&declared, "region, area").await;
    let by_area = by_both.into_iter().map(|(key, count)| (vec![key[1].clone()], count));
    assert_eq!(by_area.collect::<BTreeMap<_, _>>(), areas);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_contradict_a_hierarchy_are_counted_nowhere() {
    let all: Vec<People> = PEOPLE.into_iter().chain(MISTAKEN).collect();
    let mistaken = Federation::start(&[county("county", &all, "at-node", WRITTEN)]).await;
    let right = Federation::start(&[county("county", &PEOPLE, "at-node", WRITTEN)]).await;
    for by in BY {
        assert_eq!(cells(&mistaken, by).await, cells(&right, by).await, "{by}");
    }
    let undeclared = Federation::start(&[county("county", &all, "at-node", "")]).await;
    assert_eq!(shown(&undeclared, "region").await[&vec!["South".to_owned()]], 213);
    assert_eq!(shown(&right, "region").await[&vec!["South".to_owned()]], 210);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_parquet_files_are_compared_as_well() {
    let all: Vec<People> = PEOPLE.into_iter().chain(MISTAKEN).collect();
    let rows = rows(&all);
    let texts = |texts: Vec<Option<&str>>| Arc::new(StringArray::from(texts)) as _;
    let ids = Int64Array::from_iter_values(0..i64::try_from(rows.len()).unwrap());
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(ids) as _),
        ("area", texts(rows.iter().map(|row| Some(row.0)).collect())),
        ("region", texts(rows.iter().map(|row| Some(row.1).filter(|r| !r.is_empty())).collect())),
        ("sex", texts(rows.iter().map(|row| Some(row.2)).collect())),
    ]);
    let source = r#"{ format = "parquet", path = "people.parquet" }"#;
    let unit = "unit = \"id\"\nunit_unique_per_row = true";
    let department = Department {
        config: config("county", source, unit, "at-node", WRITTEN),
        files: vec![("people.parquet".to_owned(), parquet(&batch.unwrap()))],
    };
    let of_parquet = Federation::start(&[department]).await;
    let of_csv = Federation::start(&[county("county", &PEOPLE, "at-node", WRITTEN)]).await;
    for by in BY {
        assert_eq!(cells(&of_parquet, by).await, cells(&of_csv, by).await, "{by}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_departments_add_up_if_they_declare_the_same() {
    let (north, south) = PEOPLE.split_at(3);
    let other = WRITTEN.replace("\"E4\", \"E5\"", "\"E4\"");
    for (second, agree) in [(LISTED, true), (other.as_str(), false), ("", false)] {
        let departments = [
            county("north", north, "at-gateway", WRITTEN),
            county("south", south, "at-gateway", second),
        ];
        let federation = Federation::start(&departments).await;
        let asked = federation.analyst().await;
        let sql = "SELECT region, count(*) FROM county.people GROUP BY region ORDER BY region";
        if agree {
            let one = Federation::start(&[county("county", &PEOPLE, "at-gateway", WRITTEN)]).await;
            for by in BY {
                assert_eq!(cells(&federation, by).await, cells(&one, by).await, "{by}");
            }
        } else {
            let mut asked = asked;
            let refused = asked.refused(sql).await;
            assert!(refused.contains("N404"), "{refused}");
        }
    }
}
