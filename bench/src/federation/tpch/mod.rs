//! TPC-H over eight departments, beside one engine over the union of their rows, and beside peers over the same files.
//!
//! 1. [`tables`]: the two large tables, split by key.
//! 2. [`questions`]: what is asked.
//! 3. [`answers`]: when two answers are the same.
//! 4. [`one_engine`]: the local engine.
//! 5. [`duckdb`], [`postgres`]: peers, where they are installed.
//! 6. [`flight_sql`]: DataFusion with `datafusion-federation`, in builds with the feature `federation-peer`.
//!
//! All are asked in turns, so that what else the machine does falls on all of them, and an answer that isn't that of the local
//! engine ends the benchmark.

mod answers;
mod duckdb;
#[cfg(feature = "federation-peer")]
mod flight_sql;
#[cfg(not(feature = "federation-peer"))]
#[path = "flight_sql_absent.rs"]
mod flight_sql;
mod one_engine;
mod postgres;
mod questions;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Instant;

use insitu_tests::{Analyst, Federation};

use self::answers::{Rows, same};
use self::duckdb::DuckDb;
use self::flight_sql::FlightSql;
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

/// Somebody else who is asked, or why there is nobody; what they answer, or why they don't.
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
    let mut analyst = federation.analyst_without_statuses().await;
    let mut asked = Peers::default();
    if peers {
        asked = Peers {
            duckdb: told(report, "DuckDB", DuckDb::start(&files, venv)),
            postgres: told(report, "PostgreSQL", Postgres::start(&files, scale)),
            flight_sql: told(report, FLIGHT_SQL, FlightSql::over(&departments).await),
        };
    }
    drop(departments);
    let mut ratios = Ratios::default();
    for question in &QUESTIONS {
        ask(report, question, runs, &one, &mut analyst, &mut asked, &mut ratios).await;
    }
    let nodes = format!("{NODES} nodes");
    for (who, name, ratios, target) in [
        (nodes.as_str(), "time", &ratios.time, "1.15"),
        (&nodes, "time without the first 10 ms", &ratios.allowed, "1.15 or +10 ms"),
        (FLIGHT_SQL, "time", &ratios.flight_sql_time, ""),
    ] {
        if ratios.is_empty() {
            continue;
        }
        let answered = match QUESTIONS.len() - ratios.len() {
            0 => String::new(),
            failed => format!(" without {failed} that failed"),
        };
        let name =
            format!("TPC-H {scale}, {who} by one engine, geometric mean of {name}{answered}");
        report.add(Figure::of(name, geometric_mean(ratios), "", target));
    }
    for (who, seconds) in [(nodes.as_str(), ratios.eight_cpu), (FLIGHT_SQL, ratios.flight_sql_cpu)]
    {
        if 0.0 < seconds && 0.0 < ratios.one_cpu {
            let name = format!("TPC-H {scale}, {who} by one engine, processor time of all");
            report.add(Figure::of(name, seconds / ratios.one_cpu, "", ""));
        }
    }
}

/// As figures name it; over as many servers as there are nodes.
const FLIGHT_SQL: &str = "datafusion-federation over 8";

/// Who else is asked.
#[derive(Default)]
struct Peers {
    duckdb: Option<DuckDb>,
    postgres: Option<Postgres>,
    flight_sql: Option<FlightSql>,
}

/// What eight nodes take, by what one engine takes.
#[derive(Default)]
struct Ratios {
    time: Vec<f64>,
    /// 1 where eight nodes take 10 ms more at most.
    allowed: Vec<f64>,
    /// What `datafusion-federation` takes by what one engine takes, of the questions that it answers.
    flight_sql_time: Vec<f64>,
    /// Processor time of all runs of all questions, in seconds: of one run it would be a few ticks of its clock.
    one_cpu: f64,
    eight_cpu: f64,
    flight_sql_cpu: f64,
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

/// A peer, or a line that says why there is none.
fn told<T>(report: &Report, name: &str, started: Peer<T>) -> Option<T> {
    match started {
        Ok(peer) => Some(peer),
        Err(why) => {
            report.note(&format!("{name} is left out: {why}"));
            None
        }
    }
}

async fn ask(
    report: &mut Report,
    question: &Question,
    runs: u32,
    one: &OneEngine,
    analyst: &mut Analyst,
    peers: &mut Peers,
    ratios: &mut Ratios,
) {
    let Peers { duckdb, postgres, flight_sql } = peers;
    let Question { name, sql } = question;
    let [mut local, mut federated, mut in_duckdb] = [Vec::new(), Vec::new(), Vec::new()];
    let mut in_flight_sql = Ok(Vec::new());
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
        ratios.one_cpu += cpu_seconds() - cpu;
        truth = Some(rows);
        let (begun, cpu) = (Instant::now(), cpu_seconds());
        let asked = analyst.ask(sql).await.unwrap();
        federated.push(begun.elapsed());
        ratios.eight_cpu += cpu_seconds() - cpu;
        agree("the federation", &truth, &asked.cells());
        if let Some(duckdb) = duckdb {
            let Reply { seconds, rows } = duckdb.ask(sql);
            in_duckdb.push(std::time::Duration::from_secs_f64(seconds));
            agree("DuckDB", &truth, &rows);
        }
        if let (Some(flight_sql), Ok(times)) = (flight_sql.as_ref(), &mut in_flight_sql) {
            let (begun, cpu) = (Instant::now(), cpu_seconds());
            match flight_sql.ask(sql).await {
                Ok(rows) => {
                    times.push(begun.elapsed());
                    ratios.flight_sql_cpu += cpu_seconds() - cpu;
                    agree(FLIGHT_SQL, &truth, &rows);
                }
                Err(class) => in_flight_sql = Err(class),
            }
        }
    }
    let (one, eight) = (Times::of(local).least(), Times::of(federated).least());
    ratios.time.push(eight / one);
    ratios.allowed.push(if eight <= one + 0.010 { 1.0 } else { eight / one });
    report.add(Figure::ms(format!("TPC-H {name}: one engine"), one, ""));
    report.add(Figure::ms(format!("TPC-H {name}: {NODES} nodes"), eight, "1.15 x or +10 ms"));
    if duckdb.is_some() {
        let least = Times::of(in_duckdb).least();
        report.add(Figure::ms(format!("TPC-H {name}: DuckDB over the union"), least, ""));
    }
    let figure = format!("TPC-H {name}: {FLIGHT_SQL}");
    match in_flight_sql {
        Ok(times) if times.is_empty() => {}
        Ok(times) => {
            let least = Times::of(times).least();
            ratios.flight_sql_time.push(least / one);
            report.add(Figure::ms(figure, least, ""));
        }
        Err(class) => report.add(Figure::failed(figure, &class)),
    }
    if let Some(postgres) = postgres {
        // Once: where it fetches rows it takes as long as all others together.
        let Reply { seconds, rows } = postgres.ask(sql);
        agree("PostgreSQL", &truth, &rows);
        report.add(Figure::ms(format!("TPC-H {name}: postgres_fdw over 3"), seconds, ""));
    }
}
