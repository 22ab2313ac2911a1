//! Questions about protected data beside the same questions about open data, over the same rows, through
//! a gateway and a node on loopback. The ratio is what protection costs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use insitu_tests::{Department, Federation};
use serde_json::{Value, json};

use crate::people;
use crate::times::{Times, machine, processor_time};

/// How much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rows of each dataset.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Runs of each question.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Areas that people live in.
    #[arg(long, default_value_t = 1_000)]
    areas: u64,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only questions whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// Only units whose name has this in it.
    #[arg(long, default_value = "")]
    units: String,
}

/// Rows of a unit, and the ratio aimed at.
const UNITS: [(&str, u64, f64); 2] = [("one row a unit", 1, 1.3), ("ten rows a unit", 10, 2.5)];

const QUESTIONS: [(&str, &str); 5] = [
    ("count", "SELECT count(*) FROM {}"),
    ("count by month", "SELECT month, count(*) FROM {} GROUP BY month"),
    ("count by area", "SELECT area, count(*) FROM {} GROUP BY area"),
    ("sum by area", "SELECT area, sum(cost) FROM {} GROUP BY area"),
    (
        "three measures by area and month",
        "SELECT area, month, count(*), sum(cost), avg(cost) FROM {} GROUP BY area, month",
    ),
];

/// Asks everything and prints a table.
pub(crate) async fn run(arguments: &Arguments) {
    let mut figures = Vec::new();
    println!(
        "{:<16} {:<34} {:>8} {:>10} {:>7} {:>7} {:>9} {:>10} {:>7}",
        "", "", "open s", "protected", "ratio", "target", "open cpu", "protected", "ratio"
    );
    for (units, rows_per_unit, target) in
        UNITS.into_iter().filter(|(units, ..)| units.contains(&arguments.units))
    {
        let file = people::parquet(arguments.rows, rows_per_unit, arguments.areas);
        let federation = Federation::start(&[department(file, rows_per_unit == 1)]).await;
        let mut analyst = federation.analyst().await;
        for (name, sql) in QUESTIONS.iter().filter(|(n, _)| n.contains(&arguments.only)) {
            let (mut times, mut cpu) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
            // In turns, so that what else the machine does falls on both.
            for _ in 0..arguments.runs {
                for (at, dataset) in ["b.open", "b.protected"].iter().enumerate() {
                    let (begun, cpu_begun) = (Instant::now(), processor_time());
                    analyst.ask(&sql.replace("{}", dataset)).await.unwrap();
                    times[at].push(begun.elapsed());
                    cpu[at].push(processor_time().saturating_sub(cpu_begun));
                }
            }
            let [open, protected] = times.map(Times::of);
            let [open_cpu, protected_cpu] = cpu.map(Times::of);
            let ratio_cpu = protected_cpu.least() / open_cpu.least();
            let ratio = protected.least() / open.least();
            println!(
                "{units:<16} {name:<34} {:>8.3} {:>10.3} {ratio:>7.2} {target:>7.1} {:>9.2} {:>10.2} {ratio_cpu:>7.2}",
                open.least(),
                protected.least(),
                open_cpu.least(),
                protected_cpu.least(),
            );
            figures.push(json!({
                "units": units, "question": name, "open": open.json(), "protected": protected.json(),
                "open_processor": open_cpu.json(), "protected_processor": protected_cpu.json(),
                "ratio": ratio, "ratio_processor": ratio_cpu, "target": target,
            }));
        }
    }
    let report: Value = json!({ "machine": machine(), "rows": arguments.rows, "areas": arguments.areas, "figures": figures });
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    }
}

/// One file, published twice.
fn department(file: Vec<u8>, unique: bool) -> Department {
    let mut config =
        "[node]\nid = \"n\"\ndepartment = \"N\"\nmemory_mib = 8000\nsource_mib_max = 8000\n"
            .to_owned();
    for (name, terms) in [
        ("b.open", "protection = \"open\"".to_owned()),
        (
            "b.protected",
            format!(
                "protection = \"protected\"\nunit = \"id\"\nunit_unique_per_row = {unique}\n\
                 units_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\""
            ),
        ),
    ] {
        let id = if name == "b.open" { "dimension" } else { "unit" };
        let _ = write!(
            config,
            "[[dataset]]\nname = \"{name}\"\nsource = {{ format = \"parquet\", path = \"d.parquet\" }}\n{terms}\n"
        );
        for (column, column_type, label) in [
            ("id", "integer", id),
            ("area", "text", "dimension"),
            ("month", "integer", "dimension"),
            ("cost", "integer", "measure"),
        ] {
            let _ = write!(
                config,
                "[[dataset.column]]\nname = \"{column}\"\ntype = \"{column_type}\"\nlabel = \"{label}\"\n"
            );
            if label == "measure" {
                config.push_str("bounds = { low = 0, high = 100000 }\n");
            }
        }
    }
    Department { config, files: vec![("d.parquet".to_owned(), file)] }
}
