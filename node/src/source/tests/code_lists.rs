//! Code lists: what they say of codes, what is told of them, of rows that contradict them, and of columns without one.

use super::super::{mistakes, undeclared};
use super::*;

/// A protected dataset of areas within districts within regions.
fn declared(of_area: &str, of_district: &str) -> String {
    let column = |name: &str, within: &str| {
        format!(
            "[[dataset.column]]\nname = \"{name}\"\ntype = \"text\"\nlabel = \"dimension\"\n{within}\n"
        )
    };
    let terms = "protection = \"protected\"\nunit = \"row\"\nunits_at_one_node = true\n\
                 profile = \"exact\"\nrelease = \"at-node\"";
    format!(
        "[[dataset]]\nname = \"d.t\"\nsource = {{ format = \"csv\", path = \"t.csv\" }}\n{terms}\n{}{}{}",
        column("area", of_area),
        column("district", of_district),
        column("region", "")
    )
}

const FILES: [&str; 2] = ["within = { district = \"a.csv\" }", "within = { region = \"a.csv\" }"];
const ROWS: &str = "area,district,region\nE1,D1,N\nE2,D1,N\nE3,D2,S\n,,\nE9,,\n";
const LIST: &str =
    "\u{feff}region , area,note,district\r\nN,E1,\"a, b\",D1\r\n N,E2,,D1\r\nS,E3,,D2\r\n,E9,,\r\n";

#[tokio::test]
async fn one_file_serves_a_whole_hierarchy() {
    let of = |rows: &str| {
        let rows = rows.to_owned();
        async move {
            let files = [("t.csv", rows.as_bytes()), ("a.csv", LIST.as_bytes())];
            let (loaded, session) = load_one(&declared(FILES[0], FILES[1]), &files).await.unwrap();
            let hierarchies = &loaded.dataset.hierarchies;
            let names: Vec<_> = hierarchies.iter().map(|h| (h.column(), h.within())).collect();
            assert_eq!(names, [("area", "district"), ("district", "region")]);
            let codes = hierarchies.iter().map(|h| h.codes().len());
            assert_eq!(codes.collect::<Vec<_>>(), [3, 2]);
            mistakes::are_in(&loaded.table, hierarchies, &opened(&session)).await.unwrap()
        }
    };
    assert!(!of(ROWS).await);
    for mistake in ["E1,D2,S", "E1,,", "E9,D1,N", ",D1,N", "E1,D1,S", "E1,D1,"] {
        assert!(of(&format!("{ROWS}{mistake}\n")).await, "{mistake}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_list_is_told() {
    let none = "";
    for (list, within, expect) in [
        (none, FILES, "`a.csv` is empty"),
        ("area,region\nE1,N\n", FILES, "its header has no `district`"),
        ("area,district,region\n", FILES, "`area` within `district` lists 0 codes"),
        ("area,district,region\nE1,D1,N\nE1,D2,N\n", FILES, "`area` has 'E1' in two codes"),
        ("area,district,region\nE1,\"D1\"x,N\n", FILES, "line 2 has a stray quote"),
        ("area,district,region\nE1\n", FILES, "line 2 has no value of the column's type"),
        (
            "area,district,region\nE1,D1,N\nE2,D2,N\n",
            ["within = { district = \"a.csv\", region = { S = [\"E1\"] } }", FILES[1]],
            "'E1' of `area` belongs to two codes of `region`, by different ways",
        ),
        (
            "area,district,region\nE1,D1,N\n",
            [FILES[0], "within = { area = \"a.csv\" }"],
            "`area` lies within itself",
        ),
    ] {
        let files = [("t.csv", ROWS.as_bytes()), ("a.csv", list.as_bytes())];
        let message = failure(&declared(within[0], within[1]), &files).await;
        assert!(message.contains(expect), "{message}");
    }
    let message = failure(&declared(FILES[0], ""), &[("t.csv", ROWS.as_bytes())]).await;
    assert!(message.starts_with("`a.csv` doesn't exist"), "{message}");
}

#[tokio::test]
async fn a_column_that_is_a_function_of_another_is_told_unless_it_is_declared() {
    let list = "area,district,region\nE1,D1,N\nE2,D1,N\nE3,D2,S\nE4,D2,S\n";
    let rows = list.repeat(10).replace("area,district,region\n", "");
    let rows = format!("area,district,region\n{rows}");
    let told = |within: [&str; 2], rows: &str| {
        let (dataset, rows) = (declared(within[0], within[1]), rows.to_owned());
        async move {
            let files = [("t.csv", rows.as_bytes()), ("a.csv", list.as_bytes())];
            let (loaded, session) = load_one(&dataset, &files).await.unwrap();
            let found =
                undeclared::functions(&loaded.table, &loaded.dataset, &opened(&session)).await;
            let found = found.unwrap().into_iter();
            found.map(|[column, within]| format!("{column} {within}")).collect::<Vec<_>>()
        }
    };
    let none = ["", ""];
    let all = ["area district", "area region", "district region"];
    assert_eq!(told(none, &rows).await, all, "districts and regions are the same here");
    assert_eq!(told(FILES, &rows).await, Vec::<String>::new());
    assert_eq!(told([FILES[0], ""], &rows).await, all[1..]);
    // A single row that says otherwise; no value is one, too.
    assert_eq!(told(none, &format!("{rows}E1,D1,S\n")).await, all[..1]);
    assert_eq!(told(none, &format!("{rows}E1,D1,\n")).await, ["area district", "region district"]);
    // Values of few rows each, and a column of one value.
    assert_eq!(told(none, list).await, Vec::<String>::new());
    let one = "E1,D1,N\nE2,D1,N\n".repeat(10);
    assert_eq!(told(none, &format!("area,district,region\n{one}")).await, Vec::<String>::new());
}

#[tokio::test]
async fn rows_that_no_row_of_a_whole_table_is_for_are_found() {
    for (rows, expect) in [
        ("E1,,\nE2,,\n", false),
        ("E1,,\nE3,,\n", true),
        ("E1,,\n,D1,N\n", true),
        // Of a column without published values nothing is asked.
        ("E1,D7,\nE2,D8,N\n", false),
    ] {
        let rows = format!("area,district,region\n{rows}");
        let files = [("t.csv", rows.as_bytes())];
        let text = declared("domain = [\"E1\", \"E2\"]", "");
        let (loaded, session) = load_one(&text, &files).await.unwrap();
        let found =
            mistakes::are_unpublished(&loaded.table, &loaded.dataset, &opened(&session)).await;
        assert_eq!(found.unwrap(), expect, "{rows}");
    }
}
