//! Units brought together before they are tabulated: people by how many visits they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use insitu_tests::{Cells, Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A visit: whose, the clinic, the visitor's sex, and what it cost, if that is known.
type Visit = (usize, &'static str, &'static str, Option<i64>);

const PEOPLE: usize = 900;

/// People with one to nine visits.
fn visits() -> Vec<Visit> {
    let mut random = StdRng::seed_from_u64(12);
    let mut all = Vec::new();
    for person in 0..PEOPLE {
        let sex = if random.random_bool(0.5) { "F" } else { "M" };
        for _ in 0..random.random_range(1..=9) {
            let clinic = if random.random_bool(0.7) { "North" } else { "South" };
            let cost = random.random_bool(0.8).then(|| random.random_range(10..500));
            all.push((person, clinic, sex, cost));
        }
    }
    all
}

/// The visits at so many departments, each person's at one of them; with more than one, the last has none.
fn departments(visits: &[Visit], nodes: usize, terms: &str) -> Vec<Department> {
    let homes = nodes.saturating_sub(1).max(1);
    let of = |node: usize| {
        let mut csv = "person,clinic,sex,cost\n".to_owned();
        for (person, clinic, sex, cost) in visits.iter().filter(|(p, ..)| p % homes == node) {
            let cost = cost.map_or(String::new(), |cost| cost.to_string());
            let _ = writeln!(csv, "p{person},{clinic},{sex},{cost}");
        }
        let config = format!("[node]\nid = \"n{node}\"\ndepartment = \"Part {node}\"\n{CONFIG}");
        let config = config.replace("TERMS", terms);
        Department { config, files: vec![("visits.csv".to_owned(), csv.into_bytes())] }
    };
    (0..nodes).map(of).collect()
}

const CONFIG: &str = r#"
[[dataset]]
name = "health.visits"
source = { format = "csv", path = "visits.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
release = "at-gateway"
TERMS

[[dataset.column]]
name = "person"
type = "text"
label = "unit"

[[dataset.column]]
name = "clinic"
type = "text"
label = "dimension"
domain = ["North", "South"]

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
breakpoints = [100, 250]
unit_bounds = { low = 0, high = 1800 }
unit_breakpoints = [200, 600, 1000, 1500]
blank = "null"
"#;

/// Counts are rounded without noise, and what is shown of them follows from the truth; totals are near it.
const ROUNDED: &str = "profile = \"midpoint-6\"";

fn midpoint(n: i64) -> i64 {
    if n == 0 { 0 } else { (n + 5) / 6 * 6 - 3 }
}

/// Of some hundred people: what noise and infusion leave.
fn is_near(shown: &str, truth: i64) -> bool {
    let off = shown.parse::<f64>().unwrap() / truth as f64 - 1.0;
    off.abs() < 0.05
}

async fn ask(departments: &[Department], sql: &str) -> Cells {
    let federation = Federation::start(departments).await;
    let mut analyst = federation.analyst().await;
    analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}: {told}"))
}

fn shown(counts: BTreeMap<Vec<String>, i64>) -> Cells {
    let row = |(key, n): (Vec<String>, i64)| {
        key.into_iter().chain([midpoint(n).to_string()]).collect::<Vec<String>>()
    };
    counts.into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_by_how_many_visits_they_have_wherever_they_live() {
    let visits = visits();
    let mut of_person: BTreeMap<usize, i64> = BTreeMap::new();
    for (person, ..) in &visits {
        *of_person.entry(*person).or_default() += 1;
    }
    let mut people: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for n in of_person.values() {
        *people.entry(vec![n.to_string()]).or_default() += 1;
    }
    let sql = "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM health.visits GROUP BY person) \
               GROUP BY n ORDER BY n";
    for nodes in [1, 3] {
        assert_eq!(ask(&departments(&visits, nodes, ROUNDED), sql).await, shown(people.clone()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_have_their_own_conditions_and_dimensions_are_kept() {
    let visits = visits();
    // Visits to the north that cost something known, below 250 and at all; by sex.
    let mut of_person: BTreeMap<(usize, &str), (i64, i64)> = BTreeMap::new();
    for (person, _, sex, cost) in visits.iter().filter(|(_, clinic, ..)| *clinic == "North") {
        let (cheap, known) = of_person.entry((*person, *sex)).or_default();
        *cheap += i64::from(cost.is_some_and(|cost| cost < 250));
        *known += i64::from(cost.is_some());
    }
    let mut people: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for ((_, sex), (cheap, known)) in of_person {
        if 2 <= known {
            *people.entry(vec![sex.to_owned(), (0 < cheap).to_string()]).or_default() += 1;
        }
    }
    let sql = "WITH people AS (SELECT sex, count(*) FILTER (WHERE cost < 250) AS cheap, count(*) AS unused, \
               count(cost) AS known, person FROM health.visits WHERE clinic = 'North' GROUP BY person, sex) \
               SELECT sex, cheap > 0, count(DISTINCT person) FROM people WHERE known >= 2 GROUP BY sex, cheap > 0 \
               ORDER BY 1, 2";
    for nodes in [1, 3] {
        assert_eq!(ask(&departments(&visits, nodes, ROUNDED), sql).await, shown(people.clone()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_people_are_those_with_a_visit_and_several_totals_are_asked_at_once() {
    let visits = visits();
    let people: BTreeSet<usize> = visits.iter().map(|(person, ..)| *person).collect();
    let often = "HAVING count(*) >= 5";
    let from = "FROM (SELECT person FROM health.visits GROUP BY person";
    let sql = format!(
        "SELECT (SELECT count(*) {from})) AS all_of_them, (SELECT count(*) {from} {often})) AS often"
    );
    let mut of_person: BTreeMap<usize, i64> = BTreeMap::new();
    for (person, ..) in &visits {
        *of_person.entry(*person).or_default() += 1;
    }
    let at_least_five = of_person.values().filter(|n| 5 <= **n).count();
    let shown = [people.len(), at_least_five].map(|n| midpoint(n as i64).to_string());
    assert_eq!(ask(&departments(&visits, 2, ROUNDED), &sql).await, [shown]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_people_have_the_same_noise_however_the_roll_up_is_written() {
    let department = departments(&visits(), 1, "profile = \"standard\"");
    let federation = Federation::start(&department).await;
    let mut analyst = federation.analyst().await;
    let of = |below: &str, conditions: &str| {
        format!(
            "SELECT n, count(*) FROM (SELECT {below} FROM health.visits WHERE {conditions} GROUP BY person) \
             GROUP BY n ORDER BY n"
        )
    };
    let first = of("person, count(*) AS n", "clinic = 'North' AND sex = 'F'");
    let first = analyst.cells(&first).await.unwrap();
    assert!(first.iter().any(|row| row[1] != "[c]"), "{first:?}");
    for (below, conditions) in [
        ("count(*) AS n, person", "sex = 'F' AND clinic = 'North'"),
        (
            "count(clinic) AS other, count(cost) AS another, person, count(*) AS n",
            "sex IN ('F') AND clinic = 'North'",
        ),
    ] {
        assert_eq!(analyst.cells(&of(below, conditions)).await.unwrap(), first, "{below}");
    }
}

/// What was shown of some people is shown of the same people, whether their visits are counted through or they are brought
/// together first: how many visits somebody has doesn't make another of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_counted_by_their_ids_and_brought_together_are_the_same_to_the_guard() {
    let department = departments(&visits(), 1, "profile = \"standard\"");
    let federation = Federation::start(&department).await;
    let mut analyst = federation.analyst().await;
    let mut different = Vec::new();
    let each = ["sex = 'F'", "sex = 'M'", "clinic = 'North'", "clinic = 'South'"];
    let costs = ["cost >= 100", "cost < 100", "cost >= 250", "cost < 250"];
    for of in each.iter().flat_map(|of| costs.map(|cost| format!("{of} AND {cost}"))) {
        let ids = format!("SELECT count(DISTINCT person) FROM health.visits WHERE {of}");
        let together = format!(
            "SELECT count(n) FROM (SELECT person, count(*) AS n FROM health.visits WHERE {of} GROUP BY person) \
             WHERE n >= 1"
        );
        let [ids, together] =
            [analyst.cells(&ids).await.unwrap(), analyst.cells(&together).await.unwrap()];
        if ids != together {
            different.push((of, ids, together));
        }
    }
    assert!(different.is_empty(), "{different:?}");
}

/// What each person's visits under a condition come to, within the declared bounds; `None` where no cost is known.
fn totals(visits: &[Visit], of: impl Fn(&Visit) -> bool) -> BTreeMap<usize, Option<i64>> {
    let mut totals: BTreeMap<usize, Option<i64>> = BTreeMap::new();
    for visit in visits {
        let total = totals.entry(visit.0).or_default();
        if let (Some(cost), true) = (visit.3, of(visit)) {
            *total = Some(total.unwrap_or_default() + cost);
        }
    }
    totals.into_values().map(|t| t.map(|t| t.min(1800))).enumerate().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_peoples_visits_come_to_is_a_measure_wherever_they_live() {
    let visits = visits();
    let all = totals(&visits, |_| true);
    let known: Vec<i64> = all.values().flatten().copied().collect();
    assert!(known.contains(&1800) && known.len() < all.len(), "some are held, some unknown");
    let sum: i64 = known.iter().sum();
    let count = midpoint(known.len() as i64);
    let rolled_up = "(SELECT person, sum(cost) AS total FROM health.visits GROUP BY person)";
    let between =
        |from: i64, to: i64| known.iter().filter(|t| from <= **t && **t < to).count() as i64;
    let bins = [(0, 200), (200, 600), (600, 1000), (1000, 1500), (1500, 1801)];
    let bins: Vec<i64> = bins.iter().map(|(from, to)| midpoint(between(*from, *to))).collect();
    let shown: Vec<String> = bins.iter().map(ToString::to_string).collect();
    for nodes in [1, 3] {
        let federation = Federation::start(&departments(&visits, nodes, ROUNDED)).await;
        let mut analyst = federation.analyst().await;
        let sql = format!("SELECT sum(total), avg(total), count(total) FROM {rolled_up}");
        let shown_totals = analyst.cells(&sql).await.unwrap().remove(0);
        let [total, mean, of] = [0, 1, 2].map(|i| shown_totals[i].as_str());
        assert!(is_near(total, sum), "{nodes}: {total} {sum}");
        let quotient = total.parse::<f64>().unwrap() / count as f64;
        assert_eq!([mean, of], [quotient.to_string(), count.to_string()], "{nodes}");
        let sql = format!("SELECT histogram(total) FROM {rolled_up}");
        assert_eq!(analyst.cells(&sql).await.unwrap(), [[format!("[{}]", shown.join(", "))]]);
        // A bin is the count at its breakpoints.
        let sql = format!(
            "SELECT count(*) FILTER (WHERE total < 200), count(*) FILTER (WHERE total >= 200 AND total < 600), \
             count(total) FILTER (WHERE total >= 1500) FROM {rolled_up}"
        );
        let each = [0, 1, 4].map(|i| shown[i].clone());
        assert_eq!(analyst.cells(&sql).await.unwrap(), [each]);
        let sql = format!("SELECT median(total) FROM {rolled_up}");
        let median = analyst.cells(&sql).await.unwrap()[0][0].replace(" [e]", "");
        let median: f64 = median.parse().unwrap();
        let below =
            known.iter().filter(|t| (**t as f64) < median).count() as f64 / known.len() as f64;
        assert!((0.45..0.55).contains(&below), "{median}: {below}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_some_of_the_visits_come_to_is_added_up_and_never_cut() {
    let visits = visits();
    let north = totals(&visits, |(_, clinic, ..)| *clinic == "North");
    let mut of_person: BTreeMap<usize, i64> = BTreeMap::new();
    for (person, ..) in &visits {
        *of_person.entry(*person).or_default() += 1;
    }
    let mut sums: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for (person, n) in &of_person {
        *sums.entry(vec![(5 <= *n).to_string()]).or_default() += north[person].unwrap_or_default();
    }
    let sql = "SELECT n >= 5, sum(north) FROM (SELECT person, count(*) AS n, sum(cost) AS unused, \
               sum(cost) FILTER (WHERE clinic = 'North') AS north FROM health.visits GROUP BY person) GROUP BY n >= 5 ORDER BY 1";
    for nodes in [1, 3] {
        let shown = ask(&departments(&visits, nodes, ROUNDED), sql).await;
        assert_eq!(shown.len(), sums.len());
        for (row, (key, sum)) in shown.iter().zip(&sums) {
            assert!(row[0] == key[0] && is_near(&row[1], *sum), "{row:?} {sum}");
        }
    }
    let federation = Federation::start(&departments(&visits, 1, ROUNDED)).await;
    let mut analyst = federation.analyst().await;
    for (below, keys) in [
        ("sum(cost) FILTER (WHERE clinic = 'North') AS t FROM health.visits", "person"),
        ("sum(cost) AS t FROM health.visits WHERE clinic = 'North'", "person"),
        ("sex, sum(cost) AS t FROM health.visits", "person, sex"),
    ] {
        let rolled_up = format!("(SELECT person, {below} GROUP BY {keys})");
        analyst.cells(&format!("SELECT sum(t), avg(t), count(t) FROM {rolled_up}")).await.unwrap();
        for above in ["count(*) FILTER (WHERE t >= 200)", "histogram(t)", "median(t)"] {
            let told = analyst.refused(&format!("SELECT {above} FROM {rolled_up}")).await;
            assert!(told.contains("D204: what a unit's `cost` comes to"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_of_rows_and_one_of_units_are_one_number_to_the_guard() {
    let mut department = departments(&visits(), 1, "profile = \"standard\"");
    // Wide enough for everybody: the same people come to the same.
    department[0].config = department[0].config.replace("high = 1800", "high = 5000");
    let federation = Federation::start(&department).await;
    let mut analyst = federation.analyst().await;
    // What was released of their rows is repeated for the same brought together.
    let rows = analyst.cells("SELECT sum(cost) FROM health.visits").await.unwrap();
    let units = "SELECT sum(total) FROM (SELECT person, sum(cost) AS total FROM health.visits GROUP BY person)";
    assert_eq!(analyst.cells(units).await.unwrap(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_whose_bounds_are_not_declared_is_refused() {
    let mut department = departments(&visits(), 1, ROUNDED);
    for department in &mut department {
        let kept = department.config.lines().filter(|line| !line.starts_with("unit_b"));
        department.config = kept.collect::<Vec<_>>().join("\n");
    }
    let federation = Federation::start(&department).await;
    let mut analyst = federation.analyst().await;
    let sql =
        "SELECT sum(t) FROM (SELECT person, sum(cost) AS t FROM health.visits GROUP BY person)";
    let told = analyst.refused(sql).await;
    assert!(
        told.starts_with("D206: `cost` isn't added up for each unit")
            && told.contains("unit_bounds"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lists_people_or_their_values_is_refused() {
    let department = departments(&visits(), 1, "profile = \"standard\"");
    let federation = Federation::start(&department).await;
    let mut analyst = federation.analyst().await;
    let rolled_up = "(SELECT person, count(*) AS n FROM health.visits GROUP BY person)";
    for (sql, code) in [
        // By itself it lists people.
        ("SELECT person, count(*) FROM health.visits GROUP BY person", "D202"),
        ("SELECT n FROM ROLLED", "D202"),
        ("SELECT n FROM ROLLED ORDER BY n DESC LIMIT 1", "D202"),
        ("SELECT DISTINCT person, n FROM ROLLED", "D20"),
        ("SELECT n, row_number() OVER (ORDER BY n) FROM ROLLED", "D202"),
        // Values of a single person.
        ("SELECT max(n) FROM ROLLED", "D206"),
        ("SELECT avg(n) FROM ROLLED", "D206"),
        ("SELECT sum(n) FROM ROLLED", "D206"),
        ("SELECT person, count(*) FROM ROLLED GROUP BY person", "D202"),
        ("SELECT count(*) FROM ROLLED WHERE person = 'p1'", "D202"),
        // What may not be asked of the rows may not be asked below either.
        (
            "SELECT count(*) FROM (SELECT person, count(*) AS n FROM health.visits WHERE person = 'p1' GROUP BY person) GROUP BY n",
            "D202",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM health.visits WHERE cost < 101 GROUP BY person) GROUP BY n",
            "D204",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, count(*) FILTER (WHERE cost < 101) AS n FROM health.visits GROUP BY person) GROUP BY n",
            "D204",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, cost, count(*) AS n FROM health.visits GROUP BY person, cost) GROUP BY n",
            "D20",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, max(cost) AS n FROM health.visits GROUP BY person) GROUP BY n",
            "D20",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, sum(cost) AS n FROM health.visits GROUP BY person) GROUP BY n",
            "D20",
        ),
        (
            "SELECT n, count(*) FROM (SELECT person, sum(cost) AS n FROM health.visits GROUP BY person) GROUP BY CASE WHEN n < 200 THEN 1 END, n",
            "D203",
        ),
        (
            "SELECT max(n) FROM (SELECT person, sum(cost) AS n FROM health.visits GROUP BY person)",
            "D205",
        ),
        (
            "SELECT sum(n) FROM (SELECT person, min(cost) AS n FROM health.visits GROUP BY person)",
            "D20",
        ),
        (
            "SELECT n FROM (SELECT person, sum(cost) AS n FROM health.visits GROUP BY person)",
            "D202",
        ),
        (
            "SELECT count(*) FROM (SELECT person, sum(cost) AS n FROM health.visits GROUP BY person) WHERE n < 201",
            "D204",
        ),
        // Once only.
        (
            "SELECT m, count(*) FROM (SELECT person, count(*) AS m FROM ROLLED GROUP BY person) GROUP BY m",
            "D20",
        ),
    ] {
        let sql = sql.replace("ROLLED", rolled_up);
        let told = analyst.refused(&sql).await;
        assert!(told.contains(code), "{sql}: {told}");
    }
}
