//! TPC-H over eight departments, beside one engine over the union of their rows, and beside peers over the same files.
//!
//! 1. [`tables`]: the two large tables, split by key.
//! 2. [`questions`]: what is asked.
//! 3. [`answers`]: when two answers are the same.
//! 4. [`one_engine`]: the local engine.
//! 5. [`duckdb`], [`postgres`]: peers, where they are installed.
//!
//! All are asked in turns, so that what else the machine does falls on all of them, and an answer that isn't that of the local
//! engine ends the benchmark.

mod answers;
mod duckdb;
mod one_engine;
mod postgres;
mod questions;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Instant;

use insitu_tests::{Analyst, Federation};

use self::answers::{Rows, same};
use self::duckdb::DuckDb;
use self::one_engine::OneEngine;
use self::postgres::Postgres;
use self::questions::{QUESTIONS, Question};
use self::tables::{Table, department};
use super::report::{Figure, Report};
use crate::times::{Times, cpu_seconds};

const NODES: usize = 8;

/// What somebody answered, in how many seconds of the clock.
struct Reply {
    seconds: f64,
    rows: Rows,
}

/// Somebody who is asked through a process of theirs, or why there is nobody.
type Peer<T> = Result<T, String>;

/// Where the peers' files are: the Parquet files of each table.
struct Files {
    folder: tempfile::TempDir,
    paths: Vec<(Table, Vec<PathBuf>)>,
}

pub(super) async fn run(report: &mut Report, scale: f64, runs: u32, peers: bool, venv: &Path) {
    let (files, departments) = {
        let folder = tempfile::Builder::new().prefix("insitu-bench-").tempdir().unwrap();
        let mut paths = Table::ALL.map(|table| (table, Vec::new()));
        let mut departments = Vec::new();
        for node in 0..NODES {
            let mut held = Vec::new();
            for (table, paths) in &mut paths {
                let file = table.parquet(scale, node, NODES);
                let path = folder.path().join(format!("{}-{node}.parquet", table.name()));
                std::fs::write(&path, &file).unwrap();
                paths.push(path);
                held.push((*table, file));
            }
            departments.push(department(node, held));
        }
        (Files { folder, paths: paths.to_vec() }, departments)
    };
    let one = OneEngine::over(&departments).await;
    let federation = Federation::untapped(&departments).await;
    drop(departments);
    let mut analyst = federation.analyst_without_statuses().await;
    let mut duckdb = told(report, "DuckDB", peers, || DuckDb::start(&files, venv));
    let mut postgres = told(report, "PostgreSQL", peers, || Postgres::start(&files, scale));
    let mut ratios = Ratios::default();
    for question in &QUESTIONS {
        ask(report, question, runs, &one, &mut analyst, &mut duckdb, &mut postgres, &mut ratios)
            .await;
    }
    for (name, ratios, target) in [
        ("time", &ratios.time, "1.15"),
        ("processor time", &ratios.processor, ""),
        ("time without the first 10 ms", &ratios.allowed, "1.15 or +10 ms"),
    ] {
        let name = format!("TPC-H {scale}, {NODES} nodes by one engine, geometric mean of {name}");
        report.add(Figure::of(name, geometric_mean(ratios), "", target));
    }
}

/// What eight nodes take, by what one engine takes.
#[derive(Default)]
struct Ratios {
    time: Vec<f64>,
    processor: Vec<f64>,
    /// 1 where eight nodes take 10 ms more at most.
    allowed: Vec<f64>,
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

/// A peer, or a line that says why there is none.
fn told<T>(
    report: &Report,
    name: &str,
    wanted: bool,
    start: impl FnOnce() -> Peer<T>,
) -> Option<T> {
    if !wanted {
        return None;
    }
    match start() {
        Ok(peer) => Some(peer),
        Err(why) => {
            report.note(&format!("{name} is left out: {why}"));
            None
        }
    }
}

#[allow(clippy::too_many_arguments)]
async fn ask(
    report: &mut Report,
    question: &Question,
    runs: u32,
    one: &OneEngine,
    analyst: &mut Analyst,
    duckdb: &mut Option<DuckDb>,
    postgres: &mut Option<Postgres>,
    ratios: &mut Ratios,
) {
    let Question { name, sql } = question;
    let [mut local, mut federated, mut in_duckdb] = [Vec::new(), Vec::new(), Vec::new()];
    let [mut local_cpu, mut federated_cpu] = [f64::INFINITY; 2];
    let mut truth = None;
    let agree = |who: &str, truth: &Option<Rows>, rows: &Rows| {
        let truth = truth.as_ref().unwrap();
        assert!(
            same(truth, rows),
            "{who} answers question {name} with\n{rows:?}\nand not with\n{truth:?}"
        );
    };
    for _ in 0..runs {
        let (begun, cpu) = (Instant::now(), cpu_seconds());
        let rows = one.ask(sql).await;
        local.push(begun.elapsed());
        local_cpu = local_cpu.min(cpu_seconds() - cpu);
        truth = Some(rows);
        let (begun, cpu) = (Instant::now(), cpu_seconds());
        let asked = analyst.ask(sql).await.unwrap();
        federated.push(begun.elapsed());
        federated_cpu = federated_cpu.min(cpu_seconds() - cpu);
        agree("the federation", &truth, &asked.cells());
        if let Some(duckdb) = duckdb {
            let Reply { seconds, rows } = duckdb.ask(sql);
            in_duckdb.push(std::time::Duration::from_secs_f64(seconds));
            agree("DuckDB", &truth, &rows);
        }
    }
    let (one, eight) = (Times::of(local).least(), Times::of(federated).least());
    ratios.time.push(eight / one);
    ratios.processor.push(federated_cpu / local_cpu);
    ratios.allowed.push(if eight <= one + 0.010 { 1.0 } else { eight / one });
    report.add(Figure::ms(format!("TPC-H {name}: one engine"), one, ""));
    report.add(Figure::ms(format!("TPC-H {name}: {NODES} nodes"), eight, "1.15 x or +10 ms"));
    if duckdb.is_some() {
        let least = Times::of(in_duckdb).least();
        report.add(Figure::ms(format!("TPC-H {name}: DuckDB over the union"), least, ""));
    }
    if let Some(postgres) = postgres {
        // Once: where it fetches rows it takes as long as all others together.
        let Reply { seconds, rows } = postgres.ask(sql);
        agree("PostgreSQL", &truth, &rows);
        report.add(Figure::ms(format!("TPC-H {name}: postgres_fdw over 3"), seconds, ""));
    }
}
