//! Code lists: what they say of codes, what is told of them, and of rows that contradict them.

use super::super::mistakes;
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
