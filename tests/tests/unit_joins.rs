//! Joins of two protected datasets by their unit, end to end: what is counted, wherever people live, under the terms of
//! both and from the budgets of both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use insitu_tests::{Cells, Department, Federation, departments};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const PEOPLE: usize = 900;

/// What is known of somebody.
#[derive(Debug)]
struct Person {
    /// Not of everybody.
    region: Option<&'static str>,
    /// Sex and cost of each visit.
    visits: Vec<(&'static str, i64)>,
    drugs: Vec<&'static str>,
}

fn people() -> Vec<Person> {
    let mut random = StdRng::seed_from_u64(21);
    let mut one = |_| {
        let region = random
            .random_bool(0.8)
            .then(|| if random.random_bool(0.6) { "North" } else { "South" });
        let sex = if random.random_bool(0.5) { "F" } else { "M" };
        let visits = (0..random.random_range(0..=4)).map(|_| (sex, random.random_range(10..500)));
        let visits = visits.collect();
        let number = random.random_range(0..=3);
        let drugs = (0..number).map(|_| ["x", "y", "z"][random.random_range(0..3)]).collect();
        Person { region, visits, drugs }
    };
    (0..PEOPLE).map(&mut one).collect()
}

/// The people at so many nodes, each at one of them; with more than one, the last has none. Some visits and prescriptions at
/// the first have no id.
fn departments(people: &[Person], nodes: usize) -> Vec<Department> {
    let homes = nodes.saturating_sub(1).max(1);
    let of = |node: usize| {
        let mut csv = [
            "person,region\n".to_owned(),
            "person,sex,cost\n".to_owned(),
            "person,drug\n".to_owned(),
        ];
        for (id, person) in people.iter().enumerate().filter(|(id, _)| id % homes == node) {
            if let Some(region) = person.region {
                let _ = writeln!(csv[0], "p{id},{region}");
            }
            for (sex, cost) in &person.visits {
                let _ = writeln!(csv[1], "p{id},{sex},{cost}");
            }
            for drug in &person.drugs {
                let _ = writeln!(csv[2], "p{id},{drug}");
            }
        }
        if node == 0 {
            csv[1].push_str(&",F,20\n".repeat(WITHOUT_ID));
            csv[2].push_str(&",x\n".repeat(40));
        }
        let config = CONFIG.replace("NODE", &node.to_string());
        let files = ["people.csv", "visits.csv", "drugs.csv"].into_iter().zip(csv);
        let files = files.map(|(name, csv)| (name.to_owned(), csv.into_bytes())).collect();
        Department { config, files }
    };
    (0..nodes).map(of).collect()
}

/// Visits without an id, which count as one unit.
const WITHOUT_ID: usize = 30;

const CONFIG: &str = r#"
[node]
id = "nNODE"
department = "Part NODE"

[[dataset]]
name = "health.people"
source = { format = "csv", path = "people.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
unit_joins = ["health.visits", "health.drugs"]
release = "at-gateway"
profile = "midpoint-6"
[[dataset.column]]
name = "person"
type = "text"
label = "unit"
[[dataset.column]]
name = "region"
type = "text"
label = "dimension"

[[dataset]]
name = "health.visits"
source = { format = "csv", path = "visits.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
unit_joins = ["health.people", "health.drugs"]
release = "at-gateway"
profile = "midpoint-6"
[[dataset.column]]
name = "person"
type = "text"
label = "unit"
blank = "null"
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

[[dataset]]
name = "health.drugs"
source = { format = "csv", path = "drugs.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
unit_joins = ["health.visits", "health.people"]
release = "at-gateway"
profile = "midpoint-6"
[[dataset.column]]
name = "person"
type = "text"
label = "unit"
blank = "null"
[[dataset.column]]
name = "drug"
type = "text"
label = "dimension"
"#;

fn midpoint(n: i64) -> i64 {
    if n == 0 { 0 } else { (n + 5) / 6 * 6 - 3 }
}

/// Of each key the people and the rows, as they are shown without noise.
fn shown<K: ToString + Ord>(cells: BTreeMap<K, (i64, i64)>) -> Cells {
    let row = |(key, (people, rows)): (K, (i64, i64))| {
        vec![key.to_string(), midpoint(people).to_string(), midpoint(rows).to_string()]
    };
    cells.into_iter().map(row).collect()
}

/// The people, and their visits, by sex, of those for whom it holds; with those without an id, or not.
fn by_sex(people: &[Person], of: impl Fn(&Person) -> bool, nobodies: bool) -> Cells {
    let mut cells: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for person in people.iter().filter(|person| of(person)) {
        let Some((sex, _)) = person.visits.first() else { continue };
        let cell = cells.entry(sex).or_default();
        *cell = (cell.0 + 1, cell.1 + person.visits.len() as i64);
    }
    if nobodies {
        let cell = cells.get_mut("F").unwrap();
        *cell = (cell.0 + 1, cell.1 + WITHOUT_ID as i64);
    }
    shown(cells)
}

/// A fresh federation: its guard has seen nothing else.
async fn ask(departments: &[Department], sql: &str) -> Cells {
    let federation = Federation::start(departments).await;
    let mut analyst = federation.analyst().await;
    analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}: {told}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_chosen_by_what_another_dataset_says_of_them_wherever_they_live() {
    let people = people();
    let has = |drug: &'static str| move |person: &Person| person.drugs.contains(&drug);
    let select = "SELECT v.sex, count(DISTINCT v.person), count(*) FROM health.visits v";
    let by = "GROUP BY v.sex ORDER BY v.sex";
    let exists = |not: &str, drug: &str| {
        format!(
            "{not} EXISTS (SELECT 1 FROM health.drugs d WHERE d.person = v.person AND d.drug = '{drug}')"
        )
    };
    let x_not_y = |p: &Person| has("x")(p) && !has("y")(p);
    for nodes in [1, 3] {
        let all = departments(&people, nodes);
        for (condition, expect) in [
            (exists("", "x"), by_sex(&people, has("x"), false)),
            (
                "v.person IN (SELECT person FROM health.drugs WHERE drug <> 'x')".to_owned(),
                by_sex(&people, |p| p.drugs.iter().any(|drug| *drug != "x"), false),
            ),
            (exists("NOT", "x"), by_sex(&people, |p| !has("x")(p), true)),
            (
                format!("{} AND {}", exists("", "x"), exists("NOT", "y")),
                by_sex(&people, x_not_y, false),
            ),
            (
                "NOT EXISTS (SELECT 1 FROM health.people p WHERE p.person = v.person)".to_owned(),
                by_sex(&people, |p| p.region.is_none(), true),
            ),
        ] {
            let sql = format!("{select} WHERE {condition} {by}");
            assert_eq!(ask(&all, &sql).await, expect, "{nodes} nodes: {condition}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_described_by_the_one_row_that_a_person_has_elsewhere() {
    let people = people();
    let mut cells: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for person in people.iter().filter(|person| !person.visits.is_empty()) {
        let cell = cells.entry(person.region.unwrap_or("none").to_owned()).or_default();
        *cell = (cell.0 + 1, cell.1 + person.visits.len() as i64);
    }
    let known: BTreeMap<_, _> =
        cells.iter().filter(|(r, _)| *r != "none").map(|(r, c)| (r.clone(), *c)).collect();
    let of_nobody = cells.get_mut("none").unwrap();
    *of_nobody = (of_nobody.0 + 1, of_nobody.1 + WITHOUT_ID as i64);
    let select = "count(DISTINCT v.person), count(*) FROM health.visits v";
    let on = "health.people p ON p.person = v.person GROUP BY 1 ORDER BY 1";
    for nodes in [1, 3] {
        let all = departments(&people, nodes);
        let inner = format!("SELECT p.region, {select} JOIN {on}");
        assert_eq!(ask(&all, &inner).await, shown(known.clone()));
        let left = format!("SELECT coalesce(p.region, 'none'), {select} LEFT JOIN {on}");
        assert_eq!(ask(&all, &left).await, shown(cells.clone()));
        // The other way round: people with a visit, whatever their number of visits.
        let regions: BTreeMap<_, _> = known
            .iter()
            .map(|(region, (people, _))| (region.clone(), (*people, *people)))
            .collect();
        let semi = "SELECT p.region, count(DISTINCT p.person), count(*) FROM health.people p \
                    WHERE p.person IN (SELECT person FROM health.visits) GROUP BY 1 ORDER BY 1";
        assert_eq!(ask(&all, semi).await, shown(regions));
    }
    let ids: BTreeSet<usize> = (0..PEOPLE).filter(|id| people[*id].region.is_some()).collect();
    assert!(ids.len() < PEOPLE, "somebody isn't known there");
}

/// With `unit_bounds`, under this profile.
fn with_totals(people: &[Person], nodes: usize, profile: &str) -> Vec<Department> {
    let bounds = "bounds = { low = 0, high = 500 }\n";
    let totals = format!(
        "{bounds}unit_bounds = {{ low = 0, high = 20000 }}\nunit_breakpoints = [500, 1000]\n"
    );
    let changed = |mut d: Department| {
        d.config = d.config.replace(bounds, &totals).replace("midpoint-6", profile);
        assert!(d.config.contains("unit_breakpoints"));
        d
    };
    departments(people, nodes).into_iter().map(changed).collect()
}

/// How many people there are of each key, as they are shown.
fn counted<K: ToString + Ord>(keys: impl Iterator<Item = K>) -> Cells {
    let mut cells: BTreeMap<K, i64> = BTreeMap::new();
    keys.for_each(|key| *cells.entry(key).or_default() += 1);
    let row = |(key, n): (K, i64)| vec![key.to_string(), midpoint(n).to_string()];
    cells.into_iter().map(row).collect()
}

const CHOSEN: &str =
    "EXISTS (SELECT 1 FROM health.drugs d WHERE d.person = v.person AND d.drug = 'x')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_whom_another_dataset_chooses_or_describes_are_brought_together() {
    let people = people();
    let has_x = |p: &&Person| p.drugs.contains(&"x");
    let seen = || people.iter().filter(|p| !p.visits.is_empty());
    let by_number = |condition: &str| {
        format!(
            "SELECT n, count(*) FROM (SELECT v.person, count(*) AS n FROM health.visits v {condition} GROUP BY v.person) \
             GROUP BY n ORDER BY n"
        )
    };
    let with_x = counted(seen().filter(has_x).map(|p| p.visits.len()));
    // Those without an id are one unit, of many visits: a cell of one that isn't shown.
    let without_x = counted(seen().filter(|p| !has_x(p)).map(|p| p.visits.len()));
    let known = || seen().filter(|p| p.region.is_some());
    let by_region = known().map(|p| (p.region.unwrap(), p.visits.len()));
    let by_region = counted(by_region.map(|(region, n)| format!("{region} {n}")));
    let total = |p: &Person| p.visits.iter().map(|(_, cost)| cost).sum::<i64>();
    let dear = seen().filter(has_x).filter(|p| 1_000 <= total(p)).count();
    for nodes in [1, 3] {
        let all = with_totals(&people, nodes, "midpoint-6");
        assert_eq!(ask(&all, &by_number(&format!("WHERE {CHOSEN}"))).await, with_x);
        assert_eq!(ask(&all, &by_number(&format!("WHERE NOT {CHOSEN}"))).await, without_x);
        // Joined columns that nobody uses choose as a semi join does; conditions on them choose further.
        let join = "JOIN health.people p ON p.person = v.person";
        let all_known = counted(known().map(|p| p.visits.len()));
        assert_eq!(ask(&all, &by_number(join)).await, all_known);
        let north = known().filter(|p| p.region == Some("North"));
        let north = counted(north.map(|p| p.visits.len()));
        let of_north = by_number(&format!("{join} WHERE p.region = 'North'"));
        assert_eq!(ask(&all, &of_north).await, north);
        // What describes people is kept.
        let sql = format!(
            "SELECT concat(region, ' ', n), c FROM (SELECT region, n, count(*) AS c FROM (SELECT v.person, p.region, \
             count(*) AS n FROM health.visits v {join} GROUP BY v.person, p.region) GROUP BY region, n) ORDER BY 1"
        );
        assert_eq!(ask(&all, &sql).await, by_region);
        // A join leaves all of a person's visits or none, so what they come to is cut where the owner says.
        let sql = format!(
            "SELECT count(*) FROM (SELECT v.person, sum(v.cost) AS total FROM health.visits v WHERE {CHOSEN} \
             GROUP BY v.person) WHERE total >= 1000"
        );
        let shown = midpoint(i64::try_from(dear).unwrap()).to_string();
        assert_eq!(ask(&all, &sql).await, [[shown]]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_brought_together_have_one_noise_however_they_are_chosen() {
    let all = with_totals(&people(), 1, "standard");
    let spelled = [
        format!("health.visits v WHERE {CHOSEN}"),
        "health.visits v WHERE v.person IN (SELECT person FROM health.drugs WHERE drug = 'x')"
            .to_owned(),
    ];
    let known = [
        "health.visits v JOIN health.people p ON p.person = v.person",
        "health.visits v WHERE EXISTS (SELECT 1 FROM health.people p WHERE p.person = v.person)",
        "health.visits v WHERE v.person IN (SELECT person FROM health.people)",
    ];
    for spelled in [spelled.to_vec(), known.map(str::to_owned).to_vec()] {
        let mut answers = Vec::new();
        for rows in spelled {
            let sql = format!(
                "SELECT n, count(*) FROM (SELECT v.person, count(*) AS n FROM {rows} GROUP BY v.person) GROUP BY n ORDER BY n"
            );
            answers.push(ask(&all, &sql).await);
        }
        assert!(3 <= answers[0].len(), "{answers:?}");
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    }
    // A cut of what some of somebody's visits come to stays refused, whoever is chosen.
    let federation = Federation::start(&all).await;
    let mut analyst = federation.analyst().await;
    let some = format!(
        "SELECT count(*) FROM (SELECT v.person, sum(v.cost) AS total FROM health.visits v WHERE {CHOSEN} AND v.sex = 'F' \
         GROUP BY v.person) WHERE total >= 1000"
    );
    let told = analyst.refused(&some).await;
    assert!(told.contains("D204"), "{told}");
    // Nobody is listed, and nothing is joined to what was brought together.
    for (sql, code) in [
        (format!("SELECT v.person, count(*) FROM health.visits v WHERE {CHOSEN} GROUP BY v.person"), "D202"),
        (
            "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM health.visits GROUP BY person) v WHERE EXISTS \
             (SELECT 1 FROM health.drugs d WHERE d.person = v.person) GROUP BY n"
                .to_owned(),
            "D215",
        ),
    ] {
        let told = analyst.refused(&sql).await;
        assert!(told.contains(code), "{sql}: {told}");
    }
}

/// The clinic with another line among the terms of one of its datasets.
fn clinic_with(dataset: &str, line: &str) -> Department {
    changed(dataset, "release = ", &format!("{line}\nrelease = "))
}

const WITH_X: &str = "SELECT count(DISTINCT e.person) FROM clinic.episodes e \
                      WHERE EXISTS (SELECT 1 FROM clinic.prescriptions p WHERE p.person = e.person AND p.drug = 'x')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stricter_terms_of_both_datasets_hold() {
    let strict = clinic_with("prescriptions", "threshold_units = 400\nrounding_base = 20");
    let federation = Federation::start(&[strict]).await;
    let mut analyst = federation.analyst().await;
    let asked = analyst.ask(WITH_X).await.unwrap();
    let metadata = |name: &str| asked.schema.metadata().get(name).cloned().unwrap();
    assert_eq!(metadata("insitu.threshold_units"), "400");
    assert_eq!(metadata("insitu.rounding_base"), "20");
    assert_eq!(asked.cells(), [["[c]"]], "300 people");
    let alone = analyst.ask("SELECT count(DISTINCT person) FROM clinic.episodes").await.unwrap();
    assert_eq!(alone.schema.metadata()["insitu.threshold_units"], "10");
    assert_ne!(alone.cells(), [["[c]"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_paid_from_the_budgets_of_both_datasets() {
    for (dataset, free) in [
        ("episodes", "SELECT count(*) FROM clinic.prescriptions"),
        ("prescriptions", "SELECT count(*) FROM clinic.episodes"),
    ] {
        let federation = Federation::start(&[clinic_with(dataset, "conditions_max = 2")]).await;
        let mut analyst = federation.analyst().await;
        let first = analyst.cells(WITH_X).await.unwrap();
        analyst.cells(&format!("{WITH_X} AND e.ward = 'East'")).await.unwrap();
        let told = analyst.refused(&WITH_X.replace("'x'", "'y'")).await;
        let expect = format!(
            "D211: Clinic answers 2 different conditions for each state of `clinic.{dataset}`"
        );
        assert!(told.starts_with(&expect), "{told}");
        let told = analyst.refused(&format!("SELECT count(*) FROM clinic.{dataset}")).await;
        assert!(told.starts_with(&expect), "{told}");
        analyst.cells(free).await.unwrap();
        assert_eq!(analyst.cells(WITH_X).await.unwrap(), first, "what was paid for is answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_datasets_measures_and_other_terms_are_refused() {
    let clinic = departments::clinic();
    for (clinic, sql, expect) in [
        (
            clinic.clone(),
            "SELECT sum(p.income) FROM clinic.episodes e JOIN clinic.people p ON p.person = e.person",
            "D206",
        ),
        (
            clinic,
            "SELECT p.income, count(*) FROM clinic.episodes e JOIN clinic.people p ON p.person = e.person GROUP BY p.income",
            "D203",
        ),
        (
            one_at_gateway("prescriptions"),
            WITH_X,
            "D215: `clinic.episodes` is released `at-node`, and `clinic.prescriptions` `at-gateway`",
        ),
        (
            with_profile("prescriptions", "strict"),
            WITH_X,
            "D215: `clinic.episodes` is filtered by codes and ranges only",
        ),
        (
            with_profile("episodes", "ons-ckm"),
            WITH_X,
            "D215: `clinic.episodes` has no difference guard, which `clinic.prescriptions` rests on",
        ),
    ] {
        let federation = Federation::start(&[clinic]).await;
        let told = federation.analyst().await.refused(sql).await;
        assert!(told.starts_with(expect), "{sql}: {told}");
    }
}

fn one_at_gateway(dataset: &str) -> Department {
    changed(dataset, "release = \"at-node\"", "release = \"at-gateway\"")
}

fn with_profile(dataset: &str, profile: &str) -> Department {
    changed(dataset, "profile = \"standard\"", &format!("profile = \"{profile}\""))
}

/// The clinic with one line of one dataset changed.
fn changed(dataset: &str, line: &str, to: &str) -> Department {
    let mut clinic = departments::clinic();
    let at = clinic.config.find(&format!("name = \"clinic.{dataset}\"\n")).unwrap();
    let (before, after) = clinic.config.split_at(at);
    clinic.config = format!("{before}{}", after.replacen(line, to, 1));
    clinic
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_one_data_owner_does_not_allow_is_no_configuration() {
    let one_sided = changed("people", "\"clinic.episodes\", ", "");
    let told = insitu_node::config::NodeConfig::parse(&one_sided.config, "node.toml".as_ref());
    let told = told.unwrap_err().to_string();
    assert!(told.contains("`clinic.people` doesn't name"), "{told}");
    // A federation in which nothing is said answers each dataset by itself.
    let mut silent = departments::clinic();
    let lines = silent.config.lines().filter(|line| !line.starts_with("unit_joins"));
    silent.config = lines.map(|line| format!("{line}\n")).collect();
    let federation = Federation::start(&[silent]).await;
    let mut analyst = federation.analyst().await;
    let told = analyst.refused(WITH_X).await;
    assert!(
        told.starts_with("D215: `clinic.episodes` and `clinic.prescriptions` aren't joined"),
        "{told}"
    );
    analyst.cells("SELECT count(*) FROM clinic.episodes").await.unwrap();
}
