//! What it costs that the data are at several departments. Gateway, nodes and clients are in one process, and speak over
//! loopback.
//!
//! 1. [`departments`]: the same made-up people, published by any number of nodes.
//! 2. [`fan_out`]: planning, and the smallest question, by the number of nodes.
//! 3. [`load`]: many clients at once.
//! 4. [`overhead`]: eight nodes beside one engine over all their rows.
//! 5. [`wire`]: bytes that nodes send, and how fast rows reach a client.

mod departments;
mod fan_out;
mod load;
mod overhead;
mod wire;

use std::path::PathBuf;

use serde_json::{Value, json};

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
}

impl Part {
    const ALL: [Self; 4] = [Self::FanOut, Self::Load, Self::Overhead, Self::Wire];
}

/// Measures the parts and prints a line for each figure.
pub(crate) async fn run(arguments: &Arguments) {
    println!("{:<54} {:>12} {:>12}", "", "measured", "target");
    let mut figures = Vec::new();
    for part in &arguments.parts {
        let found = match part {
            Part::FanOut => fan_out::run(&arguments.nodes).await,
            Part::Load => load::run(arguments.load_seconds).await,
            Part::Overhead => overhead::run(arguments.rows, arguments.runs).await,
            Part::Wire => wire::run(arguments.runs).await,
        };
        for figure in found {
            println!("{:<54} {:>12} {:>12}", figure.name, figure.shown, figure.target);
            figures.push(figure.json());
        }
    }
    let report: Value = json!({ "machine": machine(), "rows": arguments.rows, "figures": figures });
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    }
}

/// A figure with what is aimed at, in its own unit.
struct Figure {
    name: String,
    value: f64,
    shown: String,
    target: String,
}

impl Figure {
    /// A time in milliseconds.
    fn ms(name: impl Into<String>, seconds: f64, target: &str) -> Self {
        let value = seconds * 1_000.0;
        Self {
            name: name.into(),
            value,
            shown: format!("{value:.2} ms"),
            target: target.to_owned(),
        }
    }

    /// A number with its unit.
    fn of(name: impl Into<String>, value: f64, unit: &str, target: &str) -> Self {
        let shown = format!("{value:.2} {unit}").trim().to_owned();
        Self { name: name.into(), value, shown, target: target.to_owned() }
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "shown": self.shown, "target": self.target })
    }
}
