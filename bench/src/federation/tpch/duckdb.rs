//! DuckDB over the same Parquet files: a process of Python, with the package in an environment of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};

use super::{Files, Peer, Reply};

/// Pinned, so that figures of two days are of one program.
const VERSION: &str = "2.0.0";

/// DuckDB, waiting for questions. Ends with the benchmark.
pub(super) struct DuckDb {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl DuckDb {
    pub(super) fn start(files: &Files, venv: &Path) -> Peer<Self> {
        let python = environment(venv)?;
        let script = files.folder.path().join("duckdb_peer.py");
        std::fs::write(&script, include_str!("duckdb.py")).map_err(|e| e.to_string())?;
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let questions = process.stdin.take().ok_or("it has no input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("it has no output")?);
        let mut started = Self { process, questions, answers };
        let tables: Map<String, Value> = files
            .paths
            .iter()
            .map(|(table, paths)| (table.name().to_owned(), json!(paths)))
            .collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let told = started.exchange(&json!({ "threads": threads, "tables": tables }))?;
        match told["version"].as_str() {
            Some(VERSION) => Ok(started),
            other => Err(format!("its version is {other:?} and not {VERSION}")),
        }
    }

    pub(super) fn ask(&mut self, sql: &str) -> Reply {
        let told = self.exchange(&json!(sql)).unwrap();
        let rows = serde_json::from_value(told["rows"].clone()).unwrap();
        Reply { seconds: told["seconds"].as_f64().unwrap(), rows }
    }

    fn exchange(&mut self, line: &Value) -> Result<Value, String> {
        writeln!(self.questions, "{line}").map_err(|e| e.to_string())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|e| e.to_string())?;
        serde_json::from_str(&answer).map_err(|_| "it ended".to_owned())
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python of an environment with DuckDB in it, made if it isn't there.
fn environment(venv: &Path) -> Result<PathBuf, String> {
    let python = venv.join("bin/python");
    let run = |command: &mut Command, what: &str| match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => Err(what.to_owned()),
    };
    if !python.exists() {
        run(
            Command::new("python3").args(["-m", "venv"]).arg(venv),
            "there is no Python 3 with `venv`",
        )?;
    }
    let wanted = format!("duckdb=={VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted.as_str()];
    run(Command::new(&python).args(pip), "the package isn't to be had")?;
    Ok(python)
}
