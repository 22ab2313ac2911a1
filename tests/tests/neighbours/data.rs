//! The database, and who is taken out of it: people chosen to be awkward.

use std::fmt::Write as _;

use insitu_tests::Department;

/// One visit: a row.
#[derive(Debug, Clone)]
struct Visit {
    area: String,
    region: &'static str,
    sex: &'static str,
    age: String,
    date: String,
    cost: String,
    rare: String,
    days: String,
}

/// A person with all visits; without an id the text is empty.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: String,
    visits: Vec<Visit>,
}

fn visit(area: &str, region: &'static str, sex: &'static str, age: i32, date: &str) -> Visit {
    Visit {
        area: area.to_owned(),
        region,
        sex,
        age: age.to_string(),
        date: date.to_owned(),
        cost: "100".to_owned(),
        rare: String::new(),
        days: "1".to_owned(),
    }
}

fn with_cost(visit: Visit, cost: i64) -> Visit {
    Visit { cost: cost.to_string(), ..visit }
}

fn person(id: &str, visits: Vec<Visit>) -> Person {
    Person { id: id.to_owned(), visits }
}

/// So many people in an area with one to three visits each, of varying age, sex, month and cost.
fn crowd(people: &mut Vec<Person>, area: &str, region: &'static str, number: i32) {
    for i in 0..number {
        let sex = if i % 2 == 0 { "F" } else { "M" };
        let visits = (0..=(i % 3)).map(|v| {
            let date = format!("2018-{:02}-{:02}", 1 + (i + v) % 12, 1 + (i * 7 + v) % 28);
            let visit = visit(area, region, sex, 18 + (i * 5) % 60, &date);
            let visit = Visit { days: (1 + (i * 3 + v) % 9).to_string(), ..visit };
            with_cost(visit, 50 + i64::from((i * 37 + v * 11) % 400))
        });
        people.push(person(&format!("{}{i}", area.to_lowercase()), visits.collect()));
    }
}

/// The people of the database `D`.
pub(super) fn people() -> Vec<Person> {
    let mut people = Vec::new();
    // On both sides of the threshold's edge, which lies between 10 and 13 people.
    for (area, region, number) in [
        ("A", "North", 60),
        ("B", "North", 12),
        ("D", "South", 9),
        ("E", "South", 10),
        ("F", "South", 11),
        ("G", "West", 13),
        ("H", "West", 14),
        ("I", "North", 40),
        ("J", "South", 30),
        ("K", "West", 20),
    ] {
        crowd(&mut people, area, region, number);
    }
    let usual = || visit("A", "North", "F", 40, "2018-05-05");
    // Ten people have a rare value, so that one less is below the threshold.
    for i in 0..10 {
        people[i * 3].visits[0].rare = format!("{}", i % 4);
    }
    people.push(person("alone", vec![visit("C", "West", "M", 87, "2018-04-04"); 15]));
    people.push(person("spelling", vec![visit("Ünï\"'%_", "West", "F", 33, "2018-04-04")]));
    people.push(person("number", vec![visit("42", "North", "F", 44, "2018-02-28")]));
    people.push(person("lower", vec![visit("a", "North", "F", 44, "2018-02-28")]));
    people.push(person("spaces", vec![visit(" A ", "North", "F", 44, "2018-02-28")]));
    people.push(person(
        "dominant",
        vec![with_cost(visit("I", "North", "F", 50, "2018-06-06"), 900_000)],
    ));
    people.push(person(
        "second",
        vec![with_cost(visit("J", "South", "F", 50, "2018-06-06"), 80_000)],
    ));
    people
        .push(person("third", vec![with_cost(visit("J", "South", "M", 51, "2018-06-06"), 70_000)]));
    people.push(person(
        "beyond",
        vec![with_cost(visit("K", "West", "M", 52, "2018-07-07"), 5_000_000)],
    ));
    people.push(person("owed", vec![with_cost(visit("K", "West", "M", 53, "2018-07-07"), -5_000)]));
    people.push(person("free", vec![with_cost(visit("K", "West", "F", 54, "2018-07-07"), 0)]));
    people.push(person("frequent", vec![visit("J", "South", "M", 61, "2018-08-08"); 80]));
    people.push(person("duplicate", vec![usual(); 5]));
    let blank = Visit {
        area: String::new(),
        region: "",
        sex: "",
        age: String::new(),
        date: String::new(),
        cost: String::new(),
        rare: String::new(),
        days: String::new(),
    };
    people.push(person("longest", vec![Visit { days: "365".to_owned(), ..usual() }]));
    people.push(person("no-days", vec![Visit { days: String::new(), ..usual() }]));
    people.push(person("nothing", vec![blank.clone()]));
    people.push(person("twice-nothing", vec![blank.clone(), blank.clone(), blank]));
    people.push(person("no-sex", vec![Visit { sex: "", ..usual() }]));
    people.push(person("no-area", vec![Visit { area: String::new(), ..usual() }]));
    people.push(person("no-age", vec![Visit { age: String::new(), ..usual() }]));
    people.push(person("no-date", vec![Visit { date: String::new(), ..usual() }]));
    people.push(person("no-cost", vec![Visit { cost: String::new(), ..usual() }]));
    people.push(person("only-x", vec![visit("A", "North", "X", 45, "2018-09-09")]));
    people.push(person("only-east", vec![visit("A", "East", "F", 45, "2018-09-09")]));
    people.push(person("newborn", vec![visit("A", "North", "F", 0, "2018-01-01")]));
    people.push(person("oldest", vec![visit("A", "North", "M", 110, "2018-12-31")]));
    for (id, age) in [("29", 29), ("30", 30), ("59", 59), ("60", 60)] {
        people
            .push(person(&format!("age-{id}"), vec![visit("B", "North", "F", age, "2018-03-01")]));
    }
    people.push(person("first-day", vec![visit("G", "West", "F", 36, "2018-02-01")]));
    people.push(person("last-day", vec![visit("G", "West", "F", 36, "2018-01-31")]));
    people.push(person("another-year", vec![visit("A", "North", "F", 36, "1999-12-31")]));
    let moved = ["A", "B", "C2", "D", "E", "F", "G", "H", "I", "J", "K"];
    let moves = moved.iter().map(|area| visit(area, "South", "M", 47, "2018-10-10"));
    people.push(person("everywhere", moves.collect()));
    people.push(person(
        "two-sexes",
        vec![
            visit("E", "South", "F", 20, "2018-10-10"),
            visit("E", "South", "M", 21, "2018-11-10"),
        ],
    ));
    people.push(person("rarest", vec![Visit { rare: "97".to_owned(), ..usual() }]));
    people.push(person("zero-rare", vec![Visit { rare: "0".to_owned(), ..usual() }]));
    // Three rows without an id count as one person together.
    people.push(person("", vec![visit("B", "North", "F", 40, "2018-03-03"); 3]));
    people
}

/// Who is taken out: everybody named above, and of each crowd the first people and the last.
pub(super) fn victims() -> Vec<String> {
    let mut victims: Vec<String> = people()
        .into_iter()
        .map(|p| p.id)
        .filter(|id| !id.chars().nth(1).is_some_and(|c| c.is_ascii_digit()))
        .collect();
    let of_crowds = [
        "a0", "a1", "a2", "a3", "a59", "b0", "b11", "d0", "d8", "e0", "e1", "e9", "f0", "f10",
        "g0", "g2", "g12", "h0", "h13", "i0", "i39", "j0", "k0", "k19",
    ];
    victims.extend(of_crowds.map(str::to_owned));
    victims
}

fn csv<'a>(people: impl Iterator<Item = &'a Person>) -> Vec<u8> {
    let mut csv = "Person,Area,Region,Sex,Age,Date,Cost,Rare,Days,Name\n".to_owned();
    for person in people {
        for v in &person.visits {
            let area = format!("\"{}\"", v.area.replace('"', "\"\""));
            let area = if v.area.is_empty() { String::new() } else { area };
            let _ = writeln!(
                csv,
                "{},{area},{},{},{},{},{},{},{},CANARY-{}",
                person.id, v.region, v.sex, v.age, v.date, v.cost, v.rare, v.days, person.id
            );
        }
    }
    csv.into_bytes()
}

/// Which people are in a database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Among<'a> {
    All,
    AllBut(&'a str),
    Only(&'a str),
}

/// The department over a database, with a preset and a release mode.
pub(crate) fn department(among: Among<'_>, preset: &str, release: &str) -> Department {
    let people = people();
    let chosen = people.iter().filter(|p| match among {
        Among::All => true,
        Among::AllBut(id) => p.id != id,
        Among::Only(id) => p.id == id,
    });
    let mut config = CONFIG.replace("PRESET", preset).replace("RELEASE", release);
    if matches!(preset, "round-5" | "exact") {
        // What rests on margins that add up takes units with one row each: each visit is one here.
        config = config
            .replace("unit = \"person\"\nunit_unique_per_row = false", "unit = \"row\"")
            .replace("label = \"unit\"", "label = \"hidden\"")
            .replace("name = \"area\"\n", &format!("name = \"area\"\ndomain = {AREAS:?}\n"));
    }
    Department { config, files: vec![("visits.csv".to_owned(), csv(chosen))] }
}

/// What is published of the areas where tables are whole: one has nobody, and some that people have aren't among them.
pub(crate) const AREAS: [&str; 12] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];

const CONFIG: &str = r#"
[node]
id = "health"
department = "Department of Health"

[[dataset]]
name = "health.visits"
source = { format = "csv", path = "visits.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
profile = "PRESET"
release = "RELEASE"

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
blank = "null"

[[dataset.column]]
name = "region"
from = "Region"
type = "text"
label = "dimension"
domain = ["North", "South", "West", "East"]
blank = "null"

[[dataset.column]]
name = "sex"
from = "Sex"
type = "text"
label = "dimension"
domain = ["F", "M", "X"]
blank = "null"

[[dataset.column]]
name = "age"
from = "Age"
type = "integer"
label = "dimension"
domain = { first = 0, last = 110 }
blank = "null"

[[dataset.column]]
name = "visited"
from = "Date"
type = "date"
label = "filter"
breakpoints = "months"
blank = "null"

[[dataset.column]]
name = "cost"
from = "Cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000000 }
breakpoints = [100, 200, 300, 1000]
unit_bounds = { low = 0, high = 2000000 }
unit_breakpoints = [100, 200, 300, 1000]
measured_in = "pence"
blank = "null"

[[dataset.column]]
name = "rare"
from = "Rare"
type = "integer"
label = "measure"
bounds = { low = 0, high = 100 }
blank = "null"

[[dataset.column]]
name = "days"
from = "Days"
type = "integer"
label = "measure"
bounds = { low = 1, high = 365 }
measured_in = "days"
blank = "null"

[[dataset.column]]
name = "full_name"
from = "Name"
type = "text"
label = "hidden"
"#;
