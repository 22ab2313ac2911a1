//! Memory: a question made so that it takes much more of a node's where the victim's row is.

use std::fmt::Write as _;

use insitu_tests::{Analyst, Department, Federation};
use tokio::runtime::Runtime;

/// So many people, each in a house of their own; the last is the victim, and has `F20` or not.
fn department(people: usize, has_it: bool) -> Department {
    let config = r#"
[node]
id = "health"
department = "Department of Health"
memory_mib = 16

[[dataset]]
name = "health.people"
source = { format = "csv", path = "people.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
release = "at-node"

[[dataset.column]]
name = "person"
type = "integer"
label = "unit"

[[dataset.column]]
name = "house"
type = "integer"
label = "dimension"

[[dataset.column]]
name = "dx"
type = "text"
label = "dimension"
domain = ["F20", "other"]
"#;
    let mut csv = "person,house,dx\n".to_owned();
    for i in 0..people {
        let dx = if has_it && i + 1 == people { "F20" } else { "other" };
        let _ = writeln!(csv, "{i},{i},{dx}");
    }
    Department { config: config.to_owned(), files: vec![("people.csv".to_owned(), csv.into())] }
}

/// Whether there is an answer, or what there is room for ended before.
async fn is_answered(analyst: &mut Analyst, sql: &str) -> bool {
    match analyst.cells(sql).await {
        Ok(_) => true,
        Err(told) => {
            assert!(told.0.starts_with("L506") || told.0.starts_with("L504"), "{told}");
            false
        }
    }
}

/// For each question whether it is answered where the victim has it, and where not.
fn answered(department: impl Fn(bool) -> Department, questions: &[String]) -> Vec<[bool; 2]> {
    let runtime = Runtime::new().unwrap();
    let mut answered = vec![[false; 2]; questions.len()];
    for (world, has_it) in [true, false].into_iter().enumerate() {
        let department = department(has_it);
        runtime.block_on(async {
            let federation = Federation::start(&[department]).await;
            let mut analyst = federation.analyst().await;
            for (answered, sql) in answered.iter_mut().zip(questions) {
                answered[world] = is_answered(&mut analyst, sql).await;
            }
        });
    }
    answered
}

/// Memory ends for some and not for others, as it is drawn, about as often with the victim as without. The two states of
/// the data have draws of their own, so that no single question can be compared.
fn assert_tells_little(answered: &[[bool; 2]]) {
    let count = |world: usize| answered.iter().filter(|a| a[world]).count();
    let (with, without) = (count(0), count(1));
    println!("attack 30, memory: {with} and {without} of {} answered", answered.len());
    // Two standard deviations of the difference of two numbers of even draws.
    let chance = (2.0 * answered.len() as f64).sqrt();
    let told = with.abs_diff(without) as f64;
    assert!(told <= chance, "answered with the victim {with}, without {without}");
    assert!([with, without].iter().all(|n| (1..answered.len()).contains(n)), "the limit isn't met");
}

/// Conditions that hold for everybody but the victim: counts that are the same in all rows take no room of their own until
/// one row tells them apart. Without the rule each question told, with 512 MiB too.
#[test]
fn attack_30_one_row_that_takes_memory_for_all_groups() {
    let people = 1_300;
    let question = |which: usize| {
        let counts = (0..12).map(|i| {
            let mine = format!("(house <> {} OR dx <> 'F20')", people - 1);
            format!("count(*) FILTER (WHERE {mine} AND house > -{}) AS c{i}", i + 1 + which)
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        format!("SELECT house, count(*) AS n, {counts} FROM health.people GROUP BY house")
    };
    let questions: Vec<String> = (0..32).map(question).collect();
    assert_tells_little(&answered(|has_it| department(people, has_it), &questions));
}

/// So many people with a long text each, protected at the gateway; the victim is among them or not.
fn with_texts(people: usize, is_there: bool) -> Department {
    let config = r#"
[node]
id = "health"
department = "Department of Health"

[[dataset]]
name = "health.notes"
source = { format = "csv", path = "notes.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
release = "at-gateway"

[[dataset.column]]
name = "person"
type = "integer"
label = "unit"

[[dataset.column]]
name = "note"
type = "text"
label = "dimension"
"#;
    let mut csv = "person,note\n".to_owned();
    for i in 0..people + usize::from(is_there) {
        let _ = writeln!(csv, "{i},{i:x>1500}");
    }
    Department { config: config.to_owned(), files: vec![("notes.csv".to_owned(), csv.into())] }
}

/// Texts of suppressed groups travel to a gateway that protects, and the length of an answer ends at a byte. Without the rule texts
/// that were padded until they just fit told in 10 of 10 whether the victim is there.
#[test]
fn attack_30_texts_padded_until_an_answer_just_fits() {
    let question = |which: usize| {
        let long = ["note"; 8].join(" || ");
        format!("SELECT {long} || '{which}' AS t, count(*) AS n FROM health.notes GROUP BY 1")
    };
    let questions: Vec<String> = (0..24).map(question).collect();
    assert_tells_little(&answered(|is_there| with_texts(1_000, is_there), &questions));
}
