//! Attacks. `THREATS.md` is the map: every attack has a number, the rules that stop it, and a test named
//! after it. Each test has two halves: without the rule the attack succeeds, with it the attack gains nothing,
//! and what is gained is a number. One file for each attacker model.
//!
//! A test marked `ignore` is an attack that succeeds today: it says what should hold, and fails.

mod alone_in_a_group;
mod amounts;
mod clauses;
pub(crate) mod coarser;
mod departments;
mod different_nines;
mod edge_of_dominance;
mod federation;
mod gaps;
mod grand_totals;
mod inflation;
mod lab;
mod memory;
mod metadata;
mod nearly_equal;
mod one_query;
mod projects;
mod references;
mod running;
mod several_queries;
mod town;
mod unit_joins;

/// Attacks without a test that shows them stopped, and why: none is.
const NOT_COVERED: &[(u32, &str)] = &[];

const SOURCES: [&str; 18] = [
    include_str!("alone_in_a_group.rs"),
    include_str!("amounts.rs"),
    include_str!("grand_totals.rs"),
    include_str!("one_query.rs"),
    include_str!("inflation.rs"),
    include_str!("several_queries.rs"),
    include_str!("clauses.rs"),
    include_str!("coarser.rs"),
    include_str!("running.rs"),
    include_str!("memory.rs"),
    include_str!("metadata.rs"),
    include_str!("federation.rs"),
    include_str!("gaps.rs"),
    include_str!("references.rs"),
    include_str!("unit_joins.rs"),
    include_str!("departments.rs"),
    include_str!("projects.rs"),
    include_str!("../../../cli/tests/logs.rs"),
];

const THREATS: &str = include_str!("../../../THREATS.md");

/// Names of the tests of an attack, with whether they are ignored.
fn tests_of(number: u32) -> Vec<(String, bool)> {
    let start = format!("fn attack_{number:02}_");
    let lines: Vec<&str> = SOURCES.iter().flat_map(|source| source.lines()).collect();
    let named = lines.iter().enumerate().filter(|(_, line)| line.starts_with(&start));
    named
        .map(|(at, line)| {
            let name = line.trim_start_matches("fn ").split('(').next().unwrap().to_owned();
            (name, lines[at - 1].starts_with("#[ignore"))
        })
        .collect()
}

#[test]
fn every_attack_is_covered_or_said_not_to_be() {
    for number in 1..=62 {
        let covered = tests_of(number).iter().any(|(_, ignored)| !ignored);
        let said = NOT_COVERED.iter().any(|(n, _)| *n == number);
        assert!(covered != said, "attack {number}: covered {covered}, listed as not {said}");
    }
}

#[test]
fn threats_names_every_test_of_an_attack() {
    for number in 1..=62 {
        assert!(THREATS.contains(&format!("| {number} |")), "attack {number} isn't in THREATS.md");
        for (name, _) in tests_of(number) {
            assert!(THREATS.contains(&format!("`{name}`")), "THREATS.md doesn't name `{name}`");
        }
    }
}
