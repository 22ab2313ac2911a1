//! What it costs that the data are at several departments. Gateway, nodes and clients are in one process, and speak over
//! loopback.
//!
//! 1. [`departments`]: the same made-up people, published by any number of nodes.
//! 2. [`fan_out`]: planning, and the smallest question, by the number of nodes.
//! 3. [`load`]: many clients at once.
//! 4. [`overhead`]: eight nodes beside one engine over all their rows.
//! 5. [`wire`]: bytes that nodes send, and how fast rows reach a client.
//! 6. [`tpch`]: TPC-H beside one engine, DuckDB, `datafusion-federation` and PostgreSQL.
//! 7. [`memory`]: of a gateway, by the number of nodes and of groups.
//! 8. [`report`]: figures, as they are found.

mod departments;
mod fan_out;
mod load;
mod memory;
mod overhead;
mod report;
mod tpch;
mod wire;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

pub(crate) use self::memory::gateway;
use self::report::Report;
use crate::times::machine;

/// How much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rows over all nodes, where the number of rows matters.
    #[arg(long, default_value_t = 4_000_000)]
    rows: u64,
    /// Runs of each question.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Numbers of nodes.
    #[arg(long, value_delimiter = ',', default_values_t = [2, 8, 32, 300])]
    nodes: Vec<usize>,
    /// Seconds that the load lasts.
    #[arg(long, default_value_t = 5)]
    load_seconds: u64,
    /// TPC-H's scale: 1 has six million lines.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Without peers beside TPC-H: DuckDB, `datafusion-federation`, PostgreSQL.
    #[arg(long)]
    no_peers: bool,
    /// Where DuckDB's Python environment is, or is made.
    #[arg(long, default_value = "target/bench-python")]
    venv: PathBuf,
    /// Prints the figures again, as a table for `docs/benchmarks.md`.
    #[arg(long)]
    markdown: bool,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::ALL)]
    parts: Vec<Part>,
}

/// What is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    FanOut,
    Load,
    Overhead,
    Wire,
    Memory,
    Tpch,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::FanOut, Self::Load, Self::Overhead, Self::Wire, Self::Memory, Self::Tpch];
}

/// Measures the parts and prints a line for each figure.
pub(crate) async fn run(arguments: &Arguments) {
    println!("{:<58} {:>14} {:>14}", "", "measured", "target");
    let mut report = Report::default();
    for part in &arguments.parts {
        let begun = Instant::now();
        match part {
            Part::FanOut => fan_out::run(&mut report, &arguments.nodes).await,
            Part::Load => load::run(&mut report, arguments.load_seconds).await,
            Part::Overhead => overhead::run(&mut report, arguments.rows, arguments.runs).await,
            Part::Wire => wire::run(&mut report, arguments.runs).await,
            Part::Memory => memory::run(&mut report).await,
            Part::Tpch => {
                let Arguments { scale, runs, no_peers, venv, .. } = arguments;
                tpch::run(&mut report, *scale, *runs, !no_peers, venv).await;
            }
        }
        report.note(&format!("{part:?}: {:.0} s", begun.elapsed().as_secs_f64()));
    }
    if arguments.markdown {
        println!("\n{}", report.markdown());
    }
    let json: Value = json!({
        "machine": machine(),
        "rows": arguments.rows,
        "scale": arguments.scale,
        "figures": report.json(),
    });
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
    }
}
