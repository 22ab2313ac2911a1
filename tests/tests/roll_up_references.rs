//! Units brought together of rows that are looked up in open data, and looked up by what is kept of them: cell for cell what
//! stored columns say.

use insitu_tests::{Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::reference_pairs::are_alike;
use crate::references::{AREAS, areas, people, town};

/// Questions of people brought together, by what is looked up of their rows, or of what is kept; and of stored columns.
const ROLLED_UP: [(&str, &str); 6] = [
    (
        "SELECT n, count(*) FROM (SELECT p.person, count(*) AS n FROM town.people p JOIN ref.areas a ON p.area = a.area \
         WHERE a.region = 'North' GROUP BY p.person) GROUP BY n",
        "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM town.people WHERE region = 'North' GROUP BY person) \
         GROUP BY n",
    ),
    (
        "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM town.people WHERE area IN \
         (SELECT area FROM ref.areas WHERE region LIKE '%uth') GROUP BY person) GROUP BY n",
        "SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM town.people WHERE region LIKE '%uth' GROUP BY person) \
         GROUP BY n",
    ),
    (
        "SELECT n, m, count(*) FROM (SELECT p.person, count(*) FILTER (WHERE a.region = 'North') AS n, count(*) AS m \
         FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY p.person) GROUP BY n, m",
        "SELECT n, m, count(*) FROM (SELECT person, count(*) FILTER (WHERE region = 'North') AS n, count(*) AS m \
         FROM town.people GROUP BY person) GROUP BY n, m",
    ),
    (
        "SELECT a.region, p.n, count(*) FROM (SELECT person, area, count(*) AS n FROM town.people GROUP BY person, area) p \
         JOIN ref.areas a ON p.area = a.area GROUP BY a.region, p.n",
        "SELECT region, n, count(*) FROM (SELECT person, area, region, count(*) AS n FROM town.people \
         GROUP BY person, area, region) WHERE region IS NOT NULL GROUP BY region, n",
    ),
    (
        "SELECT p.n, count(*) FILTER (WHERE a.region = 'South') FROM (SELECT q.person, q.area, count(*) AS n FROM town.people q \
         JOIN ref.areas b ON q.area = b.area WHERE b.residents < 500 GROUP BY q.person, q.area) p \
         JOIN ref.areas a ON p.area = a.area GROUP BY p.n",
        "SELECT n, count(*) FILTER (WHERE area IN ('C', 'D')) FROM (SELECT person, area, count(*) AS n FROM town.people \
         WHERE area IN ('A', 'B', 'C', 'D') GROUP BY person, area) GROUP BY n",
    ),
    (
        "SELECT count(*), sum(total) FROM (SELECT p.person, sum(p.income) AS total FROM town.people p \
         JOIN ref.areas a ON p.area = a.area WHERE a.region = 'North' GROUP BY p.person)",
        "SELECT count(*), sum(total) FROM (SELECT person, sum(income) AS total FROM town.people WHERE region = 'North' \
         GROUP BY person)",
    ),
];

/// People with one to four rows, of any areas, each at one of these nodes.
fn towns(nodes: usize, profile: &str, release: &str) -> Vec<Department> {
    let mut homes = vec![Vec::new(); nodes];
    let mut random = StdRng::seed_from_u64(7);
    for (at, one) in people(3).into_iter().enumerate() {
        let (person, _) = one.split_once(',').unwrap();
        for other in
            people(4).into_iter().skip(at % 5).step_by(211).take(random.random_range(1..=4))
        {
            let (_, rest) = other.split_once(',').unwrap();
            homes[at % nodes].push(format!("{person},{rest}"));
        }
    }
    let several = |mut town: Department| {
        town.config =
            town.config.replace("unit_unique_per_row = true", "unit_unique_per_row = false");
        let bounds = "bounds = { low = 0, high = 1000 }\n";
        let of_units = format!("{bounds}unit_bounds = {{ low = 0, high = 4000 }}\n");
        town.config = town.config.replace(bounds, &of_units);
        assert!(town.config.contains("unit_bounds"));
        town
    };
    let towns = homes.iter().enumerate().map(|(n, rows)| several(town(n, rows, profile, release)));
    towns.chain([areas(&AREAS)]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_looked_up_are_brought_together_and_what_is_kept_is_looked_up() {
    for (profile, nodes) in [("ons-ckm", 1), ("midpoint-6", 1), ("midpoint-6", 3)] {
        let release = if nodes == 1 { "at-node" } else { "at-gateway" };
        let federation = Federation::start(&towns(nodes, profile, release)).await;
        let mut analyst = federation.analyst().await;
        for (looked_up, stored) in &ROLLED_UP {
            let mut answers = Vec::new();
            for sql in [looked_up, stored] {
                let cells = analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}\n{told}"));
                let mut cells = cells;
                cells.sort();
                answers.push(cells);
            }
            assert!(
                are_alike(looked_up, &answers[0], &answers[1]),
                "{profile}, {nodes} nodes\n{looked_up}\n{stored}\n{answers:?}"
            );
            let shown = answers[0].iter().flatten().filter(|cell| cell.parse::<f64>().is_ok());
            assert!(1 < shown.count(), "{looked_up}: {:?}", answers[0]);
        }
    }
    // Who forbids joins to reference data forbids them there, too.
    let mut forbidden = towns(1, "midpoint-6", "at-node");
    forbidden[0].config = forbidden[0]
        .config
        .replace("release = \"at-node\"\n", "release = \"at-node\"\nreference_joins = false\n");
    let federation = Federation::start(&forbidden).await;
    let mut analyst = federation.analyst().await;
    for (looked_up, stored) in ROLLED_UP {
        let told = analyst.refused(looked_up).await;
        assert_eq!(told.matches("D213: ").count(), 1, "{looked_up}: {told}");
        analyst.cells(stored).await.unwrap();
    }
}
