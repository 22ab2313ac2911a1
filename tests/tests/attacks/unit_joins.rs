//! Two datasets of the same people as tools: what is known of somebody in the one picks them out in the other.

use std::fmt::Write as _;

use insitu_tests::{Cells, Department, Federation};

/// 300 people with an episode each, and 240 of them with a prescription of `x`; the 13 of ward `Z` have none, but perhaps
/// the victim, who is one of them.
struct Town {
    victim_has_x: bool,
}

impl Town {
    fn ward(person: u32) -> &'static str {
        match person {
            0..13 => "Z",
            _ if person.is_multiple_of(2) => "A",
            _ => "B",
        }
    }

    fn has_x(&self, person: u32) -> bool {
        if person == 0 { self.victim_has_x } else { (13..253).contains(&person) }
    }

    fn department(&self) -> Department {
        let mut episodes = "person,ward,cost\n".to_owned();
        let mut prescriptions = "person,drug\n".to_owned();
        for person in 0..300_u32 {
            let _ = writeln!(episodes, "p{person},{},{}", Self::ward(person), 100 + person);
            let drug = if self.has_x(person) { "x" } else { "y" };
            let _ = writeln!(prescriptions, "p{person},{drug}");
        }
        let dataset = |name: &str, other: &str, dimension: &str, more: &str| {
            format!(
                r#"
[[dataset]]
name = "health.{name}"
source = {{ format = "csv", path = "{name}.csv" }}
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
unit_joins = ["health.{other}"]
profile = "standard"
release = "at-node"
[[dataset.column]]
name = "person"
type = "text"
label = "unit"
[[dataset.column]]
name = "{dimension}"
type = "text"
label = "dimension"
{more}"#
            )
        };
        let cost = "[[dataset.column]]\nname = \"cost\"\ntype = \"integer\"\nlabel = \"measure\"\n\
                    bounds = { low = 0, high = 1000 }\n";
        let config = format!(
            "[node]\nid = \"health\"\ndepartment = \"Department of Health\"\n{}{}",
            dataset("episodes", "prescriptions", "ward", cost),
            dataset("prescriptions", "episodes", "drug", "")
        );
        let files = [("episodes.csv", episodes), ("prescriptions.csv", prescriptions)];
        let files = files.map(|(name, csv)| (name.to_owned(), csv.into_bytes()));
        Department { config, files: files.into() }
    }

    /// What is counted without any rule: people of these wards, of whom it holds that they have `x`.
    fn truth(&self, in_wards: impl Fn(&str) -> bool) -> usize {
        (0..300).filter(|p| in_wards(Self::ward(*p)) && self.has_x(*p)).count()
    }

    async fn ask(&self, questions: &[&str]) -> Vec<Cells> {
        let federation = Federation::start(&[self.department()]).await;
        let mut analyst = federation.analyst().await;
        let mut told = Vec::new();
        for sql in questions {
            told.push(analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}: {told}")));
        }
        told
    }
}

const WITH_X: &str =
    "EXISTS (SELECT 1 FROM health.prescriptions p WHERE p.person = e.person AND p.drug = 'x')";

#[test]
fn attack_62_singling_out_through_a_second_dataset() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(singling_out());
}

async fn singling_out() {
    let [with, without] = [true, false].map(|victim_has_x| Town { victim_has_x });
    // Without the rules: who knows that nobody else of the ward has x reads off a count, or off a difference of two.
    let of_ward = |town: &Town| town.truth(|ward| ward == "Z");
    assert_eq!([of_ward(&with), of_ward(&without)], [1, 0]);
    let difference = |town: &Town| town.truth(|_| true) - town.truth(|ward| ward != "Z");
    assert_eq!([difference(&with), difference(&without)], [1, 0]);

    // With the rules: the second dataset's filter is a filter of the first's people.
    let everybody =
        format!("SELECT count(DISTINCT e.person), count(*) FROM health.episodes e WHERE {WITH_X}");
    let but_the_ward = format!("{everybody} AND e.ward <> 'Z'");
    let ward = format!("{everybody} AND e.ward = 'Z'");
    let not_x = format!("{everybody} AND e.ward = 'Z'").replace("EXISTS", "NOT EXISTS");
    let by_ward =
        format!("SELECT e.ward, sum(e.cost) FROM health.episodes e WHERE {WITH_X} GROUP BY e.ward");
    let by_join = "SELECT p.drug, count(*) FROM health.prescriptions p WHERE EXISTS \
                   (SELECT 1 FROM health.episodes e WHERE e.person = p.person AND e.ward = 'Z') GROUP BY p.drug";
    for questions in [
        vec![everybody.as_str(), &but_the_ward],
        vec![&but_the_ward, &everybody],
        vec![&ward],
        vec![&by_ward],
        vec![by_join],
    ] {
        let told = with.ask(&questions).await;
        let same: Vec<bool> = if let [first, second] = told.as_slice() {
            // The guard shows for both what it showed first: their difference is nobody, whoever is there.
            vec![first == second]
        } else {
            // The victim's cell isn't shown, and neither is that it is there.
            let others = without.ask(&questions).await;
            let z = |cells: &Cells| -> Vec<String> {
                let of_z = cells.iter().filter(|row| row[0] == "Z" || row[0] == "x");
                of_z.flatten()
                    .filter(|cell| !matches!(cell.as_str(), "Z" | "x" | "[c]"))
                    .cloned()
                    .collect()
            };
            told.iter().chain(&others).map(|cells| z(cells).is_empty()).collect()
        };
        assert!(same.iter().all(|same| *same), "{questions:?}: {told:?}");
    }
    // A cell of one is suppressed, and of all but one is shown like that of all.
    for town in [&with, &without] {
        let told = town.ask(&[&ward, &not_x]).await;
        assert_eq!(told[0], [["[c]", "[c]"]]);
    }
    let all = "SELECT count(DISTINCT e.person) FROM health.episodes e WHERE e.ward = 'Z'";
    let not_x = not_x.replace(", count(*)", "");
    // 12 of 13 are as near as 13 of 13; whom a join leaves is a set that was chosen, with a wide edge.
    for town in [&with, &without] {
        let told = town.ask(&[all, &not_x]).await;
        assert!(told[1] == told[0] || told[1] == [["[c]"]], "{told:?}");
    }
}
