//! Is what a federation answers over open data what one engine answers? What others wrote is the oracle: the
//! records of DataFusion's own test suite, asked of departments that hold its tables.
//!
//! ```text
//! .slt file ─ `records` ─ set-up ─► `local`: one engine makes the tables
//!                       │                │ `publish`: open datasets, in three layouts
//!                       └ questions ─►  federation ─► `verdict` ─► `oracle/verdicts.txt`
//! ```
//!
//! * `records`: a test file as set-up statements and questions.
//! * `local`: the engine that makes its tables.
//! * `publish`: tables at departments.
//! * `naming`: a question about tables of other names.
//! * `render`: values as the suite's runner writes them.
//! * `verdict`: what a question came to.
//! * `run`: a file from end to end.
//!
//! A question's verdict is *equal*, *refused* with a code of the closed list, or *not applicable*, with a reason. One
//! that is answered otherwise, or ends in a fault, is *different*, and fails the test.

mod local;
mod naming;
pub(crate) mod publish;
mod records;
mod render;
mod run;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use verdict::{Verdict, Verdicts};

/// Files that are read at a time. Each has a federation of its own.
const FILES_AT_ONCE: usize = 2;

/// The folder of test files that others wrote.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// Every record in every file: equal, refused or not applicable, and never different.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_departments_answer_is_what_one_engine_answers() {
    let suite = folder().join("datafusion-55.2");
    let only = std::env::var("INSITU_ORACLE_FILE").ok();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&suite)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "slt"))
        .filter(|path| only.as_ref().is_none_or(|o| path.ends_with(o)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no test file");
    let mut judged: Vec<(String, Verdicts)> = futures::stream::iter(files)
        .map(|file| async move {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let verdicts = tokio::spawn(async move { run::judge(&file).await }).await.unwrap();
            (name, verdicts)
        })
        .buffer_unordered(FILES_AT_ONCE)
        .collect()
        .await;
    judged.sort_by(|a, b| a.0.cmp(&b.0));
    let total = verdict::counted(judged.iter().map(|(_, verdicts)| verdicts));
    println!("{} files: {total}", judged.len());
    let golden = folder().join("verdicts.txt");
    let mut text = std::fs::read_to_string(&golden).unwrap_or_default();
    if std::env::var_os("INSITU_ORACLE_UPDATE").is_some() {
        assert!(std::env::var_os("INSITU_ORACLE").is_none(), "the list is of the sample");
        let mut parts = if only.is_some() { verdict::parts(&text) } else { BTreeMap::new() };
        for (name, verdicts) in &judged {
            let sampled = verdicts.iter().filter(|(line, _)| line.is_multiple_of(run::SAMPLE));
            parts.insert(name.clone(), verdict::listed(name, &sampled.cloned().collect()));
        }
        text = verdict::written(&parts);
        std::fs::write(&golden, &text).unwrap();
    }
    let known = verdict::known(&text);
    let mut surprises = Vec::new();
    for (name, verdicts) in &judged {
        let known = known.get(name);
        for (line, verdict) in verdicts {
            let words = known.and_then(|k| k.get(line)).map_or("equal", String::as_str);
            match verdict {
                Verdict::Different(told) => surprises.push(told.clone()),
                // The list is of the sample.
                _ if !line.is_multiple_of(run::SAMPLE) => {}
                found if alike(words, found) => {}
                found => {
                    surprises.push(format!("{name}:{line} is {}, and was {words}", found.words()))
                }
            }
        }
    }
    assert!(surprises.is_empty(), "{} surprises:\n{}", surprises.len(), surprises.join("\n"));
}

/// Whether a verdict is the known one. With all layouts at once the ways in which an answer may be right are one.
fn alike(known: &str, found: &Verdict) -> bool {
    let right = ["equal", "digits", "order", "types", "open"];
    let layouts = std::env::var("INSITU_ORACLE").is_ok_and(|mode| mode == "layouts");
    let found = found.words();
    known == found || (layouts && right.contains(&known) && right.contains(&found.as_str()))
}
