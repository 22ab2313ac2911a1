//! `UNION ALL` of like datasets beneath an aggregation: each department counts for itself, and the tables are added up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insitu_tests::{Department, Federation};

/// Whose, region, sex, cost.
type Row = (String, &'static str, &'static str, i64);

/// `health.visits`: 60 people in the north and 40 in the south, twice each; 40 in the east.
fn health() -> Vec<Row> {
    let of = |i: usize, region| {
        let cost = 100 + i64::try_from(i).unwrap() % 50;
        (format!("p{i}"), region, if i.is_multiple_of(2) { "F" } else { "M" }, cost)
    };
    let regions = [("North", 60, 2), ("South", 40, 2), ("East", 40, 1)];
    let rows = regions.iter().flat_map(|(region, people, rows)| {
        (0..*people).flat_map(move |i| vec![of(i, *region); *rows])
    });
    rows.collect()
}

/// `social.visits`: 33 people in the north, 4 in the south, none in the east, 30 in the west.
fn social() -> Vec<Row> {
    let of = |i: usize, region| {
        let cost = 50 + i64::try_from(i).unwrap() % 30;
        (format!("c{i}"), region, if i.is_multiple_of(3) { "F" } else { "M" }, cost)
    };
    let regions = [("North", 33), ("South", 4), ("West", 30)];
    regions.iter().flat_map(|(region, people)| (0..*people).map(move |i| of(i, *region))).collect()
}

/// The rows of a dataset at so many departments, each person's at one of them.
fn held(dataset: &str, rows: &[Row], nodes: usize, terms: &str) -> Vec<Department> {
    let schema = dataset.split('.').next().unwrap();
    let of = |node: usize| {
        let mut csv = "id,region,sex,cost\n".to_owned();
        let number = |id: &str| id.split_at(1).1.parse::<usize>().unwrap();
        for (id, region, sex, cost) in rows.iter().filter(|(id, ..)| number(id) % nodes == node) {
            let _ = writeln!(csv, "{id},{region},{sex},{cost}");
        }
        let config = format!(
            "[node]\nid = \"{schema}-{node}\"\ndepartment = \"{schema} {node}\"\n\n[[dataset]]\nname = \"{dataset}\"\n\
             source = {{ format = \"csv\", path = \"rows.csv\" }}\n{terms}\n{COLUMNS}"
        );
        let open = terms.contains("\"open\"");
        let config =
            if open { config.replace("label = \"unit\"", "label = \"dimension\"") } else { config };
        Department { config, files: vec![("rows.csv".to_owned(), csv.into_bytes())] }
    };
    (0..nodes).map(of).collect()
}

const COLUMNS: &str = r#"
[[dataset.column]]
name = "id"
type = "text"
label = "unit"

[[dataset.column]]
name = "region"
type = "text"
label = "dimension"

[[dataset.column]]
name = "sex"
type = "text"
label = "dimension"
domain = ["F", "M"]

[[dataset.column]]
name = "cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 500 }
breakpoints = [75]
"#;

fn protected(profile: &str, release: &str) -> String {
    format!(
        "protection = \"protected\"\nunit = \"id\"\nunit_unique_per_row = false\nunits_at_one_node = true\n\
         profile = \"{profile}\"\nrelease = \"{release}\""
    )
}

const BOTH: &str = "(SELECT region, sex, cost FROM health.visits UNION ALL SELECT region, sex, cost FROM social.visits)";

fn midpoint(n: i64) -> i64 {
    if n == 0 { 0 } else { (n + 5) / 6 * 6 - 3 }
}

/// Keys and counts as they follow from the truth, and totals near it: of few people, infused and with noise.
fn are_shown(rows: &[Vec<String>], expected: &[(&str, i64, i64)]) -> bool {
    let is_shown = |(row, (key, count, sum)): (&Vec<String>, &(&str, i64, i64))| {
        let off = row[2].parse::<f64>().map(|total| total / *sum as f64 - 1.0);
        row[0] == *key && row[1] == count.to_string() && off.is_ok_and(|off| off.abs() < 0.2)
    };
    rows.len() == expected.len() && rows.iter().zip(expected).all(is_shown)
}

/// What is added up of the rows that count, by a key.
fn truth(rows: &[Row], key: impl Fn(&Row) -> &'static str) -> BTreeMap<&'static str, (i64, i64)> {
    let mut all: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for row in rows {
        let (count, sum) = all.entry(key(row)).or_default();
        *count += 1;
        *sum += row.3;
    }
    all
}

async fn federation(nodes: usize, release: &str, profile: &str) -> Federation {
    let social_release = if nodes == 1 { release } else { "at-gateway" };
    let departments = [
        held("health.visits", &health(), 1, &protected(profile, release)),
        held("social.visits", &social(), nodes, &protected(profile, social_release)),
    ];
    Federation::start(&departments.concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_union_is_the_sum_of_what_each_dataset_shows_however_it_is_held() {
    let [one, other] = [health(), social()].map(|rows| truth(&rows, |r| r.2));
    let by_sex = ["F", "M"].map(|sex| {
        let (a, b) = (one[sex], other[sex]);
        (sex, midpoint(a.0) + midpoint(b.0), a.1 + b.1)
    });
    let by_region = [health(), social()].map(|rows| truth(&rows, |r| r.1)["North"].0);
    let north = by_region.map(midpoint).iter().sum::<i64>().to_string();
    for (nodes, release) in [(1, "at-node"), (1, "at-gateway"), (2, "at-node"), (3, "at-gateway")] {
        let federation = federation(nodes, release, "midpoint-6").await;
        let mut analyst = federation.analyst().await;
        let sql = format!("SELECT sex, count(*), sum(cost) FROM {BOTH} GROUP BY sex ORDER BY sex");
        let first = analyst.cells(&sql).await.unwrap();
        assert!(are_shown(&first, &by_sex), "{nodes} {release}: {first:?} {by_sex:?}");
        // The same in other words, with what goes row by row above the union.
        let sql = "WITH v AS (SELECT * FROM (SELECT sex AS s, cost AS c, region AS r FROM health.visits) AS h UNION ALL \
                   SELECT sex, cost, region FROM social.visits) \
                   SELECT upper(s) AS k, count(c), sum(c) FROM v WHERE r IS NOT NULL GROUP BY upper(s) ORDER BY 1";
        let again = analyst.cells(sql).await.unwrap();
        assert!(are_shown(&again, &by_sex), "{nodes} {release}: {again:?} {by_sex:?}");
        // A row stands where one has it, a value where both show one: four people in the south aren't shown, nor
        // passed off as none, and look like nobody in the east.
        let sql = format!("SELECT region, count(*) FROM {BOTH} GROUP BY region ORDER BY region");
        let rows = [["East", "[c]"], ["North", north.as_str()], ["South", "[c]"], ["West", "[c]"]];
        assert_eq!(analyst.cells(&sql).await.unwrap(), rows, "{nodes} {release}");
        let sql = format!(
            "SELECT count(*) FILTER (WHERE region = 'North'), count(*) FILTER (WHERE region = 'South'), \
             sum(cost) FILTER (WHERE region = 'South'), count(*) FILTER (WHERE cost < 75) FROM {BOTH}"
        );
        let cells = analyst.cells(&sql).await.unwrap();
        assert_eq!(cells[0][..3], [north.as_str(), "[c]", "[c]"], "{nodes} {release}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_union_shows_the_very_numbers_that_the_datasets_show_alone() {
    // With noise and a guard: the same coordinate, the same budget, the same answer.
    let federation = federation(2, "at-node", "standard").await;
    let mut analyst = federation.analyst().await;
    let alone = |schema: &str| {
        format!("SELECT sum(cost), count(*), count(cost) FROM {schema}.visits WHERE sex = 'M'")
    };
    let mut sums = [0_i64; 3];
    for schema in ["health", "social"] {
        let shown = analyst.cells(&alone(schema)).await.unwrap();
        for (sum, cell) in sums.iter_mut().zip(&shown[0]) {
            *sum += cell.parse::<i64>().unwrap();
        }
    }
    let sql = format!("SELECT sum(cost), count(*), count(cost) FROM {BOTH} WHERE sex = 'M'");
    assert_eq!(analyst.cells(&sql).await.unwrap(), [sums.map(|s| s.to_string())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_add_up_is_refused() {
    let open = held("open.visits", &social(), 1, "protection = \"open\"");
    let departments = [
        held("health.visits", &health(), 1, &protected("standard", "at-node")),
        held("social.visits", &social(), 1, &protected("standard", "at-gateway")),
        open.into_iter().collect(),
    ];
    let federation = Federation::start(&departments.concat()).await;
    let mut analyst = federation.analyst().await;
    let ids = "(SELECT id, cost FROM health.visits UNION ALL SELECT id, cost FROM social.visits)";
    let itself = "(SELECT region FROM health.visits WHERE sex = 'F' UNION ALL SELECT region FROM health.visits WHERE cost < 75)";
    let nested = format!("(SELECT region FROM {BOTH} UNION ALL SELECT region FROM social.visits)");
    let mixed = "(SELECT region FROM health.visits UNION ALL SELECT region FROM open.visits)";
    for (sql, told) in [
        (format!("SELECT count(DISTINCT id) FROM {ids}"), "D210: distinct units of several datasets"),
        (format!("SELECT id, count(*) FROM {ids} GROUP BY id"), "D202"),
        (format!("SELECT sex, avg(cost) FROM {BOTH} GROUP BY sex"), "D208: `avg` isn't offered"),
        (format!("SELECT median(cost) FROM {BOTH}"), "D208"),
        (format!("SELECT max(cost) FROM {BOTH}"), "D208"),
        (format!("SELECT region, sex, count(*) FROM {BOTH} GROUP BY ROLLUP (region, sex)"), "D208: grouping sets"),
        (format!("SELECT region FROM {BOTH} GROUP BY region"), "D208: which keys occur"),
        (format!("SELECT count(*) FROM {itself}"), "count twice"),
        (format!("SELECT count(*) FROM {nested}"), "count twice"),
        (format!("SELECT count(*) FROM {mixed}"), "D208"),
        (format!("SELECT region FROM {BOTH}"), "D208"),
        ("SELECT count(*) FROM (SELECT region FROM health.visits UNION SELECT region FROM social.visits)".to_owned(), "D208"),
        (format!("SELECT count(*) FROM {BOTH} WHERE cost < 76"), "D204"),
        (format!("SELECT cost, count(*) FROM {BOTH} GROUP BY cost"), "D203"),
        (format!("SELECT sum(cost + 1) FROM {BOTH}"), "D206"),
        (
            "SELECT count(*) FROM (SELECT cost AS x FROM health.visits UNION ALL SELECT sex FROM social.visits)".to_owned(),
            "Q107: `x` has different types",
        ),
    ] {
        let refused = analyst.refused(&sql).await;
        assert!(refused.contains(told), "{sql}: {refused}");
    }
    // Tables that were released are added up as ever.
    let above = "SELECT sum(n) FROM (SELECT count(*) AS n FROM health.visits UNION ALL SELECT count(*) FROM open.visits)";
    assert_eq!(analyst.cells(above).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_datasets_are_counted_where_they_are_and_added_up_exactly() {
    let open = "protection = \"open\"";
    let mut all: BTreeMap<&str, (i64, i64)> = truth(&health(), |r| r.1);
    for (key, (count, sum)) in truth(&social(), |r| r.1) {
        let both = all.entry(key).or_default();
        *both = (both.0 + count, both.1 + sum);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(key, (count, sum))| vec![(*key).to_owned(), count.to_string(), sum.to_string()])
        .collect();
    for nodes in [1, 3] {
        let departments = [
            held("health.visits", &health(), nodes, open),
            held("social.visits", &social(), 1, open),
        ];
        let federation = Federation::start(&departments.concat()).await;
        let mut analyst = federation.analyst_without_statuses().await;
        let sql = format!(
            "SELECT region, count(*), sum(cost) FROM {BOTH} GROUP BY region ORDER BY region"
        );
        assert_eq!(analyst.cells(&sql).await.unwrap(), rows, "{nodes}");
        let plan = analyst.cells(&format!("EXPLAIN {sql}")).await.unwrap().concat().join("\n");
        assert!(plan.contains("Tabulation of") && !plan.contains("open rows of"), "{plan}");
        // Of no rows, too; and what doesn't add up is computed from rows.
        let sql =
            format!("SELECT count(*), sum(cost), count(cost) FROM {BOTH} WHERE region = 'Nowhere'");
        assert_eq!(analyst.cells(&sql).await.unwrap(), [["0", "NULL", "0"]]);
        let sql = format!("SELECT max(cost), count(DISTINCT region), min(sex) FROM {BOTH}");
        assert_eq!(analyst.cells(&sql).await.unwrap(), [["149", "4", "F"]]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_names_every_department_and_its_own_request() {
    let federation = federation(2, "at-node", "standard").await;
    let mut analyst = federation.analyst_without_statuses().await;
    let sql = format!("EXPLAIN SELECT sex, count(*) FROM {BOTH} GROUP BY sex");
    let plan = analyst.cells(&sql).await.unwrap().concat().join("\n");
    for said in
        ["health.visits", "social.visits", "health 0", "social 0", "social 1", "leaf_0", "leaf_1"]
    {
        assert!(plan.contains(said), "{said}: {plan}");
    }
}

/// `police.visits`: 25 people each in the north and the west, 30 without a region.
fn police() -> Vec<Row> {
    let rows = [("North", 25), ("West", 25), ("", 30)].iter().flat_map(|(region, people)| {
        (0..*people)
            .map(move |i| (format!("q{i}"), *region, if i % 2 == 0 { "F" } else { "M" }, 60))
    });
    rows.collect()
}

/// Datasets whose regions have no value where none is written.
fn with_blanks(departments: Vec<Department>) -> Vec<Department> {
    let blank = |mut d: Department| {
        d.config = d.config.replace(
            "name = \"region\"\ntype = \"text\"\nlabel = \"dimension\"\n",
            "name = \"region\"\ntype = \"text\"\nlabel = \"dimension\"\nblank = \"null\"\n",
        );
        assert!(d.config.contains("blank"));
        d
    };
    departments.into_iter().map(blank).collect()
}

const THREE: &str = "(SELECT region, sex, cost FROM health.visits UNION ALL SELECT region, sex, cost FROM social.visits \
                     UNION ALL SELECT region, sex, cost FROM police.visits)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_some_datasets_lack_stands_without_a_value_and_says_so() {
    let terms = protected("midpoint-6", "at-node");
    let departments = [
        held("health.visits", &health(), 1, &terms),
        held("social.visits", &social(), 1, &terms),
        held("police.visits", &police(), 1, &terms),
    ];
    let federation = Federation::start(&with_blanks(departments.concat())).await;
    let mut analyst = federation.analyst().await;
    // Everybody is there in the north only. Nobody is in a dataset's other regions, or too few, and one can't tell.
    let north: i64 = [120, 33, 25].map(midpoint).iter().sum();
    let all = ["East", "North", "South", "West", "NULL"];
    let expected: Vec<[String; 2]> = all
        .iter()
        .map(|region| {
            let shown = if *region == "North" { north.to_string() } else { "[c]".to_owned() };
            [(*region).to_owned(), shown]
        })
        .collect();
    let sql = format!("SELECT region, count(*) FROM {THREE} GROUP BY region ORDER BY region");
    assert_eq!(analyst.cells(&sql).await.unwrap(), expected);
    // In any order of the branches, and by several keys.
    for turned in [1, 2] {
        let mut arms: Vec<&str> = THREE.trim_matches(['(', ')']).split(" UNION ALL ").collect();
        arms.rotate_left(turned);
        let turned = sql.replace(THREE, &format!("({})", arms.join(" UNION ALL ")));
        assert_eq!(analyst.cells(&turned).await.unwrap(), expected, "{turned}");
    }
    let sql = format!(
        "SELECT region, sex, count(*), sum(cost) FROM {THREE} WHERE region IS NULL OR region = 'East' \
         GROUP BY region, sex ORDER BY region, sex"
    );
    let rows: Vec<[&str; 4]> = ["East", "NULL"]
        .iter()
        .flat_map(|region| ["F", "M"].map(|sex| [*region, sex, "[c]", "[c]"]))
        .collect();
    assert_eq!(analyst.cells(&sql).await.unwrap(), rows);
    // What is computed from it isn't known either; and a published value keeps its row although nobody shows it.
    let sql = format!(
        "SELECT region, sum(cost) / count(*) AS mean FROM {THREE} GROUP BY region \
         HAVING count(*) IS NULL ORDER BY region LIMIT 2"
    );
    assert_eq!(analyst.cells(&sql).await.unwrap(), [["East", "[c]"], ["South", "[c]"]]);
    let sql = format!(
        "SELECT sex, count(*) FROM {THREE} WHERE region = 'Nowhere' GROUP BY sex ORDER BY sex"
    );
    // These profiles show zeros there, and zeros are added up.
    assert_eq!(analyst.cells(&sql).await.unwrap(), [["F", "0"], ["M", "0"]]);
    // Nothing is told of the datasets that their own tables don't tell.
    let mut shown = Vec::new();
    for schema in ["health", "social", "police"] {
        let alone =
            format!("SELECT region, count(*) FROM {schema}.visits GROUP BY region ORDER BY region");
        let rows = analyst.cells(&alone).await.unwrap();
        assert!(rows.iter().all(|row| row[1] != "[c]"), "{rows:?}");
        shown.extend(rows.into_iter().map(|row| row[0].clone()));
    }
    assert!(all.iter().all(|region| shown.iter().any(|s| s == region)), "{shown:?}");
}
