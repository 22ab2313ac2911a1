//! A coarser column: asked by region, and by the areas within regions, under profiles that show true numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use insitu_tests::{Department, Federation};

const REGIONS: usize = 40;

/// Regions of four to six areas, of which one has few people, each with an income.
pub(crate) struct County {
    /// By area: its region, and its people's incomes in pence.
    areas: BTreeMap<String, (String, Vec<u64>)>,
}

impl County {
    pub(crate) fn new() -> Self {
        let mut state = 7_u64;
        let mut below = |end: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        let mut areas = BTreeMap::new();
        for region in 0..REGIONS {
            for area in 0..4 + below(3) {
                let people = if area == 0 { 2 + below(7) } else { 15 + below(60) };
                let incomes = (0..people).map(|_| 1_500_000 + below(2_000_000)).collect();
                areas.insert(format!("A{region:02}{area}"), (format!("R{region:02}"), incomes));
            }
        }
        Self { areas }
    }

    /// Its department; whether the regions of areas are declared.
    pub(crate) fn department(&self, profile: &str, release: &str, declared: bool) -> Department {
        let (mut csv, mut list) = ("area,region,income\n".to_owned(), "area,region\n".to_owned());
        for (area, (region, incomes)) in &self.areas {
            writeln!(list, "{area},{region}").unwrap();
            for income in incomes {
                writeln!(csv, "{area},{region},{income}").unwrap();
            }
        }
        let within = if declared { "within = { region = \"areas.csv\" }" } else { "" };
        // Of whole tables everybody knows the rows.
        let areas: Vec<&String> = self.areas.keys().collect();
        let regions: Vec<String> = (0..REGIONS).map(|region| format!("R{region:02}")).collect();
        let config = format!(
            r#"
[node]
id = "county"
department = "County"

[[dataset]]
name = "county.incomes"
source = {{ format = "csv", path = "incomes.csv" }}
protection = "protected"
unit = "row"
units_at_one_node = true
profile = "{profile}"
release = "{release}"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"
domain = {areas:?}
{within}

[[dataset.column]]
name = "region"
type = "text"
label = "dimension"
domain = {regions:?}

[[dataset.column]]
name = "income"
type = "integer"
label = "measure"
measured_in = "pence"
bounds = {{ low = 0, high = 10000000 }}
"#
        );
        let files = [("incomes.csv", csv), ("areas.csv", list)];
        let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
        Department { config, files: files.into() }
    }
}

/// What is shown by a column; suppressed values aren't among it.
async fn shown(federation: &Federation, by: &str, measure: &str) -> BTreeMap<String, i128> {
    let sql = format!("SELECT {by}, {measure} FROM county.incomes GROUP BY {by}");
    let cells = federation.analyst().await.cells(&sql).await.unwrap();
    let rows = cells.into_iter().filter_map(|row| Some((row[0].clone(), row[1].parse().ok()?)));
    rows.collect()
}

/// In how many regions the attacker is within `error` of the one area that isn't shown, and how many values are shown.
async fn remainders(profile: &str, measure: &str, declared: bool, error: i128) -> (usize, usize) {
    let county = County::new();
    let federation = Federation::start(&[county.department(profile, "at-node", declared)]).await;
    let regions = shown(&federation, "region", measure).await;
    let areas = shown(&federation, "area", measure).await;
    let true_value = |area: &str| {
        let incomes = &county.areas[area].1;
        let count = i128::try_from(incomes.len()).unwrap();
        if measure == "count(*)" { count } else { incomes.iter().map(|i| i128::from(*i)).sum() }
    };
    let mut known = 0;
    for (region, total) in &regions {
        let of_region = county.areas.iter().filter(|(_, (of, _))| of == region);
        let hidden: BTreeSet<&String> = of_region
            .clone()
            .map(|(area, _)| area)
            .filter(|area| !areas.contains_key(*area))
            .collect();
        if let [area] = hidden.iter().collect::<Vec<_>>()[..] {
            let others: i128 = of_region.filter_map(|(area, _)| areas.get(area)).sum();
            known += usize::from((total - others - true_value(area)).abs() <= error);
        }
    }
    (known, regions.len() + areas.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_32_a_region_less_its_shown_areas() {
    for (profile, measure, error, without) in [
        ("exact", "count(*)", 0, 35),
        ("exact", "sum(income)", 0, 35),
        // To 5 pence each: the region's total is up to 2 pence off, and so is each of up to five others.
        ("round-5", "sum(income)", 12, 25),
    ] {
        let undeclared = remainders(profile, measure, false, error).await;
        let declared = remainders(profile, measure, true, error).await;
        println!(
            "attack 32, {profile}, {measure}: {} of {REGIONS} areas known; declared {}; values shown {} and {}",
            undeclared.0, declared.0, undeclared.1, declared.1
        );
        assert!(without <= undeclared.0, "{profile} {measure}: {undeclared:?}");
        assert_eq!(declared.0, 0, "{profile} {measure}: {declared:?}");
    }
}
