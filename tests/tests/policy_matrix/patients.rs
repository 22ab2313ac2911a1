//! A second dataset of the same people, one row each, for joins by them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insitu_tests::Department;

use crate::neighbours::data::AREAS;

/// With what else is known of the same people, one row each; where visits have people, both may be joined by them. One
/// person isn't known there.
pub(super) fn with_patients(mut department: Department, preset: &str) -> Department {
    let visits = String::from_utf8(department.files[0].1.clone()).unwrap();
    let ids = visits.lines().skip(1).map(|line| line.split(',').next().unwrap());
    let ids: BTreeSet<&str> = ids.filter(|id| !id.is_empty() && *id != "alone").collect();
    let mut csv = "Person,Smoker,Income\n".to_owned();
    for (i, id) in ids.into_iter().enumerate() {
        let _ = writeln!(csv, "{id},{},{}", ["yes", "no"][i % 2], 100 + i);
    }
    department.files.push(("patients.csv".to_owned(), csv.into_bytes()));
    let mut joins = "";
    if department.config.contains("unit = \"person\"") {
        joins = "unit_joins = [\"health.visits\"]";
        department.config = department
            .config
            .replace("release = ", "unit_joins = [\"health.patients\"]\nrelease = ");
    }
    let patients = PATIENTS.replace("PRESET", preset).replace("JOINS", joins);
    department.config.push_str(&patients);
    // Areas aren't published here, under any profile.
    department.config = department.config.replace(&format!("domain = {AREAS:?}\n"), "");
    department
}

const PATIENTS: &str = r#"
[[dataset]]
name = "health.patients"
source = { format = "csv", path = "patients.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "PRESET"
release = "at-node"
JOINS

[[dataset.column]]
name = "person"
from = "Person"
type = "text"
label = "unit"

[[dataset.column]]
name = "smoker"
from = "Smoker"
type = "text"
label = "dimension"
domain = ["yes", "no"]

[[dataset.column]]
name = "income"
from = "Income"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000 }
"#;
