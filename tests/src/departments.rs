//! Departments with small data that can be checked by hand.
//!
//! * `health.visits`, person-level, released at the node: see [`health`].
//! * `councils.homes`, households, held by three councils and released at the gateway: see [`councils`].
//! * `surgeries.patients`, held by three surgeries that don't trust each other: see [`surgeries`].
//! * `schools.pupils`, pupils, one row each: see [`schools`].
//! * `ref.areas`, open: see [`reference`].
//! * `clinic.people`, `clinic.episodes` and `clinic.prescriptions`, of the same people: see [`clinic`].

use std::fmt::Write as _;

use crate::federation::Department;

/// People in areas: area `A` has 30 people with two visits each, `B` has 12 with one, `C` has one person
/// with 15 visits, `D` has 9 people with one visit. Costs are 100 pence a visit; `rare` is set for two people in `A`.
/// Two visits in `B` have no person id. Visits are on the first of a month in 2018.
#[must_use]
pub fn health() -> Department {
    let mut csv = "Person,Area,Sex,Age,Date,Cost,Rare,Name\n".to_owned();
    let mut row = |person: &str, area: &str, sex: &str, age: u32, month: u32, rare: &str| {
        let _ = writeln!(
            csv,
            "{person},{area},{sex},{age},2018-{month:02}-01,100,{rare},CANARY-NAME-{person}"
        );
    };
    for person in 0..30 {
        let sex = if person % 2 == 0 { "F" } else { "M" };
        let rare = if person < 2 { "7" } else { "" };
        row(&format!("a{person}"), "A", sex, 20 + person, 1, rare);
        row(&format!("a{person}"), "A", sex, 20 + person, 2, "");
    }
    for person in 0..12 {
        row(&format!("b{person}"), "B", "F", 40, 3, "");
    }
    row("", "B", "F", 40, 3, "");
    row("", "B", "F", 40, 3, "");
    for _ in 0..15 {
        row("c0", "C", "M", 87, 4, "");
    }
    for person in 0..9 {
        row(&format!("d{person}"), "D", "F", 50, 5, "");
    }
    let config = r#"
[node]
id = "health"
department = "Department of Health"

[[dataset]]
name = "health.visits"
description = "Visits to hospital"
source = { format = "csv", path = "visits.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "person"
from = "Person"
type = "text"
label = "unit"
blank = "null"

[[dataset.column]]
name = "area"
from = "Area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "sex"
from = "Sex"
type = "text"
label = "dimension"
domain = ["F", "M", "X"]

[[dataset.column]]
name = "age"
from = "Age"
type = "integer"
label = "dimension"
domain = { first = 0, last = 110 }

[[dataset.column]]
name = "visited"
from = "Date"
type = "date"
label = "filter"
breakpoints = "months"

[[dataset.column]]
name = "cost"
from = "Cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000000 }
measured_in = "pence"

[[dataset.column]]
name = "rare"
from = "Rare"
type = "integer"
label = "measure"
bounds = { low = 0, high = 100 }
blank = "null"

[[dataset.column]]
name = "full_name"
from = "Name"
type = "text"
label = "hidden"
"#;
    Department {
        config: config.to_owned(),
        files: vec![("visits.csv".to_owned(), csv.into_bytes())],
    }
}

/// Three councils. In band `A` they have 4, 5 and 6 homes: each below the threshold, together above it.
/// In band `B` 20 each, in `H` one at the first. Arrears are 1000 pence in `A`, 0 in `B`.
#[must_use]
pub fn councils() -> Vec<Department> {
    let council = |id: &str, name: &str, a: u32, h: u32| {
        let mut csv = "Account,Band,Arrears\n".to_owned();
        for i in 0..a {
            let _ = writeln!(csv, "{id}-a{i},A,1000");
        }
        for i in 0..20 {
            let _ = writeln!(csv, "{id}-b{i},B,0");
        }
        for i in 0..h {
            let _ = writeln!(csv, "{id}-h{i},H,5000");
        }
        let config = format!(
            r#"
[node]
id = "{id}"
department = "{name}"

[[dataset]]
name = "councils.homes"
source = {{ format = "csv", path = "homes.csv" }}
protection = "protected"
unit = "account"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
release = "at-gateway"

[[dataset.column]]
name = "account"
from = "Account"
type = "text"
label = "unit"

[[dataset.column]]
name = "band"
from = "Band"
type = "text"
label = "dimension"
domain = ["A", "B", "C", "H"]

[[dataset.column]]
name = "arrears"
from = "Arrears"
type = "integer"
label = "measure"
bounds = {{ low = 0, high = 1000000 }}
breakpoints = [1, 1000, 2500, 5000]
measured_in = "pence"
"#
        );
        Department { config, files: vec![("homes.csv".to_owned(), csv.into_bytes())] }
    };
    vec![
        council("ashford", "Ashford Council", 4, 1),
        council("brent", "Brent Council", 5, 0),
        council("camden", "Camden Council", 6, 0),
    ]
}

/// Three surgeries that add up their patients, one row each, and are protected from each other: of the others than one, 10
/// to 13 are asked for. Asthma have 20 at each, gout 40 at the first and nobody elsewhere, measles 40, 3 and 2, and mumps
/// 7 at each. A visit costs 100 pence.
#[must_use]
pub fn surgeries() -> Vec<Department> {
    let surgery = |id: &str, patients: [u32; 4]| {
        let mut csv = "Patient,Illness,Cost\n".to_owned();
        for (illness, n) in ["asthma", "gout", "measles", "mumps"].iter().zip(patients) {
            for i in 0..n {
                let _ = writeln!(csv, "{id}-{illness}-{i},{illness},100");
            }
        }
        let config = format!(
            r#"
[node]
id = "{id}"
department = "{id} surgery"

[[dataset]]
name = "surgeries.patients"
source = {{ format = "csv", path = "patients.csv" }}
protection = "protected"
unit = "patient"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
others_min = 10
release = "at-gateway"

[[dataset.column]]
name = "patient"
from = "Patient"
type = "text"
label = "unit"

[[dataset.column]]
name = "illness"
from = "Illness"
type = "text"
label = "dimension"
domain = ["asthma", "gout", "measles", "mumps"]

[[dataset.column]]
name = "cost"
from = "Cost"
type = "integer"
label = "measure"
bounds = {{ low = 0, high = 10000 }}
measured_in = "pence"
"#
        );
        Department { config, files: vec![("patients.csv".to_owned(), csv.into_bytes())] }
    };
    vec![
        surgery("north", [20, 40, 40, 7]),
        surgery("south", [20, 0, 3, 7]),
        surgery("west", [20, 0, 2, 7]),
    ]
}

/// Areas with residents; open. `E` has residents, but no visits.
#[must_use]
pub fn reference() -> Department {
    let csv = "Area,Region,Residents,Hectares\n\
               A,North,\"1,500\",10.5\n\
               B,North,600,20.25\n\
               C,South,250,3\n\
               D,South,400,\n\
               E,South,100,1.75\n";
    let config = r#"
[node]
id = "statistics"
department = "Statistics Office"

[[dataset]]
name = "ref.areas"
source = { format = "csv", path = "areas.csv" }
protection = "open"

[[dataset.column]]
name = "area"
from = "Area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "region"
from = "Region"
type = "text"
label = "dimension"

[[dataset.column]]
name = "residents"
from = "Residents"
type = "integer"
label = "measure"
thousands_separator = ","
bounds = { low = 0, high = 10000 }
breakpoints = [200, 500, 1000]

[[dataset.column]]
name = "hectares"
from = "Hectares"
type = "decimal"
decimal_places = 2
label = "measure"
blank = "null"
"#;
    Department {
        config: config.to_owned(),
        files: vec![("areas.csv".to_owned(), csv.as_bytes().to_vec())],
    }
}

/// Pupils, one row each, with the hours they learn and the marks they get. School `A` has 200: hours from 1 to 20, ten
/// pupils each, and 20 marks, 3 for each hour and 0 to 10 for luck; every tenth has no marks. School `B` has 14 who are
/// like those of `A`, school `C` has 3, and school `D` has 40 with 50 marks each. Hours are from 0 to 40, marks from 0 to
/// 100, years of birth from 2000 to 2010.
#[must_use]
pub fn schools() -> Department {
    let mut csv = "Pupil,School,Hours,Marks,Born\n".to_owned();
    let mut row = |school: &str, i: u32, marks: Option<u32>| {
        let marks = marks.map_or(String::new(), |m| m.to_string());
        let (hours, born) = (1 + i % 20, 2_000 + i % 7);
        let _ = writeln!(csv, "{school}{i},{school},{hours},{marks},{born}");
    };
    let usual = |i: u32| 20 + 3 * (1 + i % 20) + i * 7 % 11;
    for i in 0..200 {
        row("A", i, (i % 10 != 9).then(|| usual(i)));
    }
    for i in 0..14 {
        row("B", i, Some(usual(i)));
    }
    for i in 0..3 {
        row("C", i, Some(usual(i)));
    }
    for i in 0..40 {
        row("D", i, Some(50));
    }
    let config = r#"
[node]
id = "schools"
department = "Department for Education"

[[dataset]]
name = "schools.pupils"
source = { format = "csv", path = "pupils.csv" }
protection = "protected"
unit = "pupil"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "pupil"
from = "Pupil"
type = "text"
label = "unit"

[[dataset.column]]
name = "school"
from = "School"
type = "text"
label = "dimension"
domain = ["A", "B", "C", "D"]

[[dataset.column]]
name = "hours"
from = "Hours"
type = "integer"
label = "measure"
bounds = { low = 0, high = 40 }

[[dataset.column]]
name = "marks"
from = "Marks"
type = "integer"
label = "measure"
bounds = { low = 0, high = 100 }
blank = "null"

[[dataset.column]]
name = "born"
from = "Born"
type = "integer"
label = "measure"
bounds = { low = 2000, high = 2010 }
"#;
    Department {
        config: config.to_owned(),
        files: vec![("pupils.csv".to_owned(), csv.into_bytes())],
    }
}

/// A clinic with three datasets of the same people, `p0` to `p599`, which may be joined by them.
///
/// * `clinic.people`, one row each: every second is a woman, the first 400 are of group `A`, the others of `B`; incomes are
///   from 1000 to 1599.
/// * `clinic.episodes`: `p0` to `p499` have one, two or three in turn, in `East` and `West` in turn, for 100 pence each. Five
///   visitors, who aren't among the people, have one in `East`, and two episodes there have no id.
/// * `clinic.prescriptions`: `p0` to `p299` have one of `x`, `p200` to `p449` two of `y`, `p550` to `p599` one of `x`, and one
///   of `x` has no id.
#[must_use]
pub fn clinic() -> Department {
    let mut people = "person,sex,grp,income\n".to_owned();
    let mut episodes = "person,ward,started,cost\n".to_owned();
    let mut prescriptions = "person,drug,dispensed,strength\n".to_owned();
    for i in 0..600_u32 {
        let (sex, group) = (["F", "M"][usize::from(i % 2 == 1)], if i < 400 { "A" } else { "B" });
        let _ = writeln!(people, "p{i},{sex},{group},{}", 1_000 + i);
        let ward = if i % 2 == 0 { "East" } else { "West" };
        for n in 0..(if i < 500 { 1 + i % 3 } else { 0 }) {
            let _ = writeln!(episodes, "p{i},{ward},2018-{:02}-01,100", 1 + n);
        }
        if !(300..550).contains(&i) {
            let _ = writeln!(prescriptions, "p{i},x,2018-{:02}-15,{}", 1 + i % 12, 10 + i % 5);
        }
        for n in 0..(if (200..450).contains(&i) { 2 } else { 0 }) {
            let _ = writeln!(prescriptions, "p{i},y,2018-{:02}-20,20", 3 + n);
        }
    }
    for i in 0..5 {
        let _ = writeln!(episodes, "visitor{i},East,2018-05-01,100");
    }
    episodes.push_str(",East,2018-06-01,100\n,East,2018-06-01,100\n");
    prescriptions.push_str(",x,2018-06-15,10\n");
    let dataset = |name: &str, one_row: bool, joins: &str, columns: &str| {
        format!(
            r#"
[[dataset]]
name = "clinic.{name}"
source = {{ format = "csv", path = "{name}.csv" }}
protection = "protected"
unit = "person"
unit_unique_per_row = {one_row}
units_at_one_node = true
unit_joins = {joins}
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "person"
type = "text"
label = "unit"
blank = "null"
{columns}"#
        )
    };
    let all = "[\"clinic.people\", \"clinic.episodes\", \"clinic.prescriptions\"]";
    let mut config = "[node]\nid = \"clinic\"\ndepartment = \"Clinic\"\n".to_owned();
    config += &dataset(
        "people",
        true,
        all,
        r#"
[[dataset.column]]
name = "sex"
type = "text"
label = "dimension"
domain = ["F", "M"]

[[dataset.column]]
name = "grp"
type = "text"
label = "dimension"

[[dataset.column]]
name = "income"
type = "integer"
label = "measure"
bounds = { low = 0, high = 10000 }
breakpoints = [1300]
"#,
    );
    config += &dataset(
        "episodes",
        false,
        all,
        r#"
[[dataset.column]]
name = "ward"
type = "text"
label = "dimension"
domain = ["East", "West"]

[[dataset.column]]
name = "started"
type = "date"
label = "filter"
breakpoints = "months"

[[dataset.column]]
name = "cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000 }
"#,
    );
    config += &dataset(
        "prescriptions",
        false,
        all,
        r#"
[[dataset.column]]
name = "drug"
type = "text"
label = "dimension"

[[dataset.column]]
name = "dispensed"
type = "date"
label = "filter"
breakpoints = "months"

[[dataset.column]]
name = "strength"
type = "integer"
label = "measure"
bounds = { low = 0, high = 100 }
breakpoints = [12, 20]
"#,
    );
    let files = [("people", people), ("episodes", episodes), ("prescriptions", prescriptions)];
    let files = files.map(|(name, csv)| (format!("{name}.csv"), csv.into_bytes()));
    Department { config, files: files.into() }
}

/// All of them: health, the three councils, reference.
#[must_use]
pub fn all() -> Vec<Department> {
    let mut all = vec![health()];
    all.extend(councils());
    all.push(reference());
    all
}
