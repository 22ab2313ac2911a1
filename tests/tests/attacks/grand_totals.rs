//! Everybody by one column, everybody but the victim by another, and the difference of the two grand totals, where counts have
//! no noise: no two cells are of nearly the same people, so that nothing is repeated.

use std::fmt::Write as _;

use insitu_disclosure::policy::Noise;
use insitu_disclosure::{Preset, Profile};
use insitu_tests::{Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::lab::{Lab, Person, VICTIM, What};

const VICTIMS: usize = 40;
const PEOPLE: usize = 480;
const MIDPOINT: Profile = Preset::Midpoint6.profile();

/// As it was: a method of counts, and totals that are rounded only.
const OF_COUNTS_ONLY: Profile = Profile { noise: Noise::None, infusion_percent: 0, ..MIDPOINT };

/// In pence.
fn income(random: &mut StdRng) -> i128 {
    random.random_range(1_500_000..3_500_000)
}

/// How far off each victim's income is found, as a share of it, by so many pairs of columns.
fn simulated(profile: Profile, pairs: u32) -> Vec<f64> {
    (0..VICTIMS as u8)
        .map(|trial| {
            let lab = Lab::new(profile, trial).named();
            let mut random = StdRng::seed_from_u64(u64::from(trial) + 4_200);
            let others: Vec<Person> =
                (0..PEOPLE as u64).map(|person| (person, income(&mut random))).collect();
            let amount = income(&mut random);
            let mut all = others.clone();
            all.push((VICTIM, amount));
            let mut grand_total = |name: &str, people: &[Person]| {
                let mut cells = vec![Vec::new(); 5];
                for person in people {
                    cells[random.random_range(0..5)].push(*person);
                }
                let cells = cells.iter().enumerate();
                let shown = cells
                    .map(|(i, cell)| lab.ask(What::Sum, &format!("{name} {i}"), cell).unwrap());
                shown.sum::<i64>()
            };
            let mut found = 0;
            for pair in 0..pairs {
                found += grand_total(&format!("all {pair}"), &all);
                found -= grand_total(&format!("but the victim {pair}"), &others);
            }
            (found as f64 / f64::from(pairs) / amount as f64 - 1.0).abs()
        })
        .collect()
}

fn within(errors: &[f64], share: f64) -> f64 {
    errors.iter().filter(|error| **error < share).count() as f64 / errors.len() as f64
}

/// Midpoints are a method for counts, and say nothing of totals: one pair told an income to some pence. With the noise and the
/// infusion that totals have elsewhere it tells nothing, and very many pairs tell an infused income.
#[test]
fn attack_27_an_income_by_two_grand_totals_where_counts_have_no_noise() {
    let bare = simulated(OF_COUNTS_ONLY, 1);
    assert!(bare.iter().all(|error| *error < 0.000_02), "within 30 pence or so: {bare:?}");
    for pairs in [1, 30] {
        let protected = simulated(MIDPOINT, pairs);
        let [tenth, fifth] = [0.1, 0.2].map(|share| within(&protected, share));
        println!("attack 27, midpoint-6, {pairs} pairs: within 10 % {tenth:.2}, 20 % {fifth:.2}");
        assert!(tenth <= 0.3, "{tenth}");
    }
    // Without the other noise, what is left is no closer than a tenth.
    let infused = simulated(Profile { noise: Noise::None, ..MIDPOINT }, 1);
    assert_eq!(within(&infused, 0.099_9), 0.0);
}

/// People in places of their own, so that each can be left out, with two columns for each victim.
fn town() -> (Department, Vec<i128>) {
    let mut random = StdRng::seed_from_u64(77);
    let columns: Vec<String> =
        (0..VICTIMS).flat_map(|victim| ["a", "b"].map(|side| format!("{side}{victim}"))).collect();
    let mut csv = format!("ward,trade,{},income\n", columns.join(","));
    let mut incomes = Vec::new();
    for person in 0..PEOPLE {
        write!(csv, "W{},T{}", person % 20, person / 20).unwrap();
        for _ in &columns {
            write!(csv, ",c{}", random.random_range(0..5)).unwrap();
        }
        incomes.push(income(&mut random));
        writeln!(csv, ",{}", incomes[person]).unwrap();
    }
    let mut config = r#"
[node]
id = "town"
department = "Town"

[[dataset]]
name = "town.incomes"
source = { format = "csv", path = "incomes.csv" }
protection = "protected"
unit = "row"
units_at_one_node = true
profile = "midpoint-6"
release = "at-node"

[[dataset.column]]
name = "income"
type = "integer"
label = "measure"
measured_in = "pence"
bounds = { low = 0, high = 10000000 }
"#
    .to_owned();
    for name in columns.iter().map(String::as_str).chain(["ward", "trade"]) {
        let column = "[[dataset.column]]\ntype = \"text\"\nlabel = \"dimension\"";
        writeln!(config, "\n{column}\nname = \"{name}\"").unwrap();
    }
    let files = [("incomes.csv".to_owned(), csv.into_bytes())].into();
    (Department { config, files }, incomes)
}

/// On a real node, two questions for each victim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_27_an_income_by_two_grand_totals_of_a_real_node() {
    let (department, incomes) = town();
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst().await;
    let mut errors = Vec::new();
    for (victim, income) in incomes.iter().enumerate().take(VICTIMS) {
        let mut grand_totals = Vec::new();
        for (side, condition) in [
            ("a", String::new()),
            ("b", format!("WHERE NOT (ward = 'W{}' AND trade = 'T{}')", victim % 20, victim / 20)),
        ] {
            let sql = format!(
                "SELECT {side}{victim}, sum(income) FROM town.incomes {condition} GROUP BY {side}{victim}"
            );
            let cells = analyst.cells(&sql).await.unwrap();
            grand_totals
                .push(cells.iter().map(|row| row[1].parse::<i128>().unwrap()).sum::<i128>());
        }
        let found = (grand_totals[0] - grand_totals[1]) as f64;
        errors.push((found / *income as f64 - 1.0).abs());
    }
    errors.sort_by(f64::total_cmp);
    let pence = errors.iter().filter(|error| **error < 0.000_02).count();
    println!(
        "attack 27, midpoint-6, a node, two questions: within 10 % {:.2}, 20 % {:.2}, half of them within {:.1} times; within 30 pence {pence}",
        within(&errors, 0.1),
        within(&errors, 0.2),
        errors[VICTIMS / 2],
    );
    assert_eq!(pence, 0);
    assert!(within(&errors, 0.1) <= 0.2, "{errors:?}");
}
