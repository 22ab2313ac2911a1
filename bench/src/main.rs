//! Benchmarks: what protection and federation cost. `cargo run --release -p insitu-bench -- --help`.
//!
//! 1. [`people`]: made-up rows in Parquet, the same in every run.
//! 2. [`protection`]: questions about protected data beside the same questions about open data.
//! 3. [`federation`]: planning, fan-out, load, bytes and the client's edge; eight nodes beside one engine.
//! 4. [`times`]: repeated runs, quantiles, and the machine.

// A benchmark may assume, as a test may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod federation;
mod people;
mod protection;
mod times;

use clap::{Parser, Subcommand};

/// The command's, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Protected questions beside open ones, over the same rows.
    Protection(protection::Arguments),
    /// What it costs that the data are at several departments.
    Federation(federation::Arguments),
    /// A gateway alone, started by the benchmark of its memory.
    #[command(hide = true)]
    Gateway {
        /// How many nodes may connect.
        #[arg(long)]
        nodes: usize,
    },
}

fn main() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match Arguments::parse().bench {
        Bench::Protection(arguments) => runtime.block_on(protection::run(&arguments)),
        Bench::Federation(arguments) => runtime.block_on(federation::run(&arguments)),
        Bench::Gateway { nodes } => runtime.block_on(federation::gateway(nodes)),
    }
}
