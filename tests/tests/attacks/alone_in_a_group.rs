//! One person alone in a group of a whole table: what complementary suppression takes away from others for that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insitu_tests::{Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Towns, each a dataset of its own.
const TOWNS: usize = 24;

/// What the victim has as an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    /// A published one, where nobody else is.
    Published,
    /// One that isn't published.
    Unlisted,
    /// None.
    Missing,
}

/// Which areas are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Nowhere,
    /// Those with people, and perhaps one that has hardly anybody.
    Published {
        with_empty_area: bool,
    },
}

/// Towns of a few areas with enough people, and perhaps one with few; in each the victim, or nobody else.
fn towns(profile: &str, victim: Option<Area>, listed: Listed) -> Department {
    let mut config = "[node]\nid = \"towns\"\ndepartment = \"Towns\"\n".to_owned();
    let mut files = Vec::new();
    for town in 0..TOWNS {
        let mut random = StdRng::seed_from_u64(town as u64);
        let areas: Vec<String> = (0..random.random_range(3..7)).map(|a| format!("A{a}")).collect();
        let mut csv = "area,note\n".to_owned();
        for (at, area) in areas.iter().enumerate() {
            let few = at == 0 && town % 3 == 0;
            let people = if few { random.random_range(2..9) } else { random.random_range(15..80) };
            for _ in 0..people {
                writeln!(csv, "{area},x").unwrap();
            }
        }
        match victim {
            Some(Area::Published) => csv.push_str("Z,x\n"),
            Some(Area::Unlisted) => csv.push_str("Y,x\n"),
            Some(Area::Missing) => csv.push_str(",x\n"),
            None => {}
        }
        let domain = match listed {
            Listed::Nowhere => String::new(),
            Listed::Published { with_empty_area } => {
                let mut published = areas.clone();
                published.extend(with_empty_area.then(|| "Z".to_owned()));
                format!("domain = {published:?}")
            }
        };
        write!(
            config,
            r#"
[[dataset]]
name = "town.t{town}"
source = {{ format = "csv", path = "t{town}.csv" }}
protection = "protected"
unit = "row"
units_at_one_node = true
profile = "{profile}"
release = "at-node"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"
blank = "null"
{domain}

[[dataset.column]]
name = "note"
type = "text"
"#
        )
        .unwrap();
        files.push((format!("t{town}.csv"), csv.into_bytes()));
    }
    Department { config, files }
}

/// What is shown of each town, by area.
async fn shown(department: Department) -> Vec<BTreeMap<String, String>> {
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst().await;
    let mut all = Vec::new();
    for town in 0..TOWNS {
        let sql = format!("SELECT area, count(*) FROM town.t{town} GROUP BY area");
        let cells = analyst.cells(&sql).await.unwrap();
        all.push(cells.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect());
    }
    all
}

/// In how many towns the answer tells whether the victim is there.
async fn told(profile: &str, victim: Area) -> usize {
    let with_empty_area = victim == Area::Published;
    let listed = Listed::Published { with_empty_area };
    let with = shown(towns(profile, Some(victim), listed)).await;
    let without = shown(towns(profile, None, listed)).await;
    with.iter().zip(&without).filter(|(with, without)| with != without).count()
}

/// While every row was a row of some table, one person in an area that isn't published, or without one, took another area's count
/// away in each town that had no small area: 16 of 24 under `exact` and 17 under `round-5`, as where no values were published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_33_alone_in_a_group_of_a_whole_table() {
    for profile in ["exact", "round-5"] {
        for victim in [Area::Unlisted, Area::Missing] {
            assert_eq!(told(profile, victim).await, 0, "{profile} {victim:?}");
        }
    }
    // Of areas that everybody knows of, nobody and one person are alike; where zeros are shown, that nobody is there is shown.
    let found = [told("exact", Area::Published).await, told("round-5", Area::Published).await];
    println!("attack 33, alone in a published area: {found:?} of {TOWNS}");
    assert_eq!(found, [0, TOWNS]);
}

/// Nor is there a table by a column without published values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_33_a_key_without_published_values() {
    for profile in ["exact", "round-5"] {
        let town = towns(profile, Some(Area::Unlisted), Listed::Nowhere);
        let federation = Federation::start(&[town]).await;
        let mut analyst = federation.analyst().await;
        for sql in [
            "SELECT area, count(*) FROM town.t0 GROUP BY area",
            "SELECT area, count(*) FROM town.t0 GROUP BY ROLLUP (area)",
            "SELECT DISTINCT area FROM town.t0",
        ] {
            let told = analyst.refused(sql).await;
            assert!(told.starts_with("D203: `area` has no published values"), "{sql}: {told}");
        }
        assert!(analyst.cells("SELECT count(*) FROM town.t0").await.is_ok());
    }
}
