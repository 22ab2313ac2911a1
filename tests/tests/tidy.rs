//! The tree keeps its shape: what every file says of itself, how large it is, which crate may know which.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in [
        "disclosure",
        "guard",
        "proto",
        "engine",
        "planner",
        "node",
        "gateway",
        "cli",
        "tests",
        "bench",
    ] {
        rust_files(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    files.into_iter().map(|f| (f.clone(), std::fs::read_to_string(f).unwrap())).collect()
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(f, _)| f)
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(f, text)| (f, text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn crates_know_only_those_beneath() {
    let manifest =
        |name: &str| std::fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    for (name, not) in [
        // INVARIANT(AI-1): the rules do no I/O, wait for nothing, and know no engine.
        (
            "disclosure",
            &["tokio", "tonic", "prost", "datafusion", "futures", "rand", "insitu-proto"][..],
        ),
        // What was released is written by whoever protects, with nothing else in hand.
        (
            "guard",
            &["tokio", "tonic", "datafusion", "insitu-proto", "insitu-node", "insitu-gateway"][..],
        ),
        ("proto", &["datafusion", "tokio.", "insitu-node", "insitu-gateway"][..]),
        ("engine", &["datafusion.", "insitu-"][..]),
        // As a whole DataFusion takes a compiler minutes: what names it waits.
        ("node", &["datafusion.", "insitu-planner", "insitu-gateway"][..]),
        ("gateway", &["datafusion.", "insitu-planner", "insitu-node"][..]),
    ] {
        let manifest = manifest(name);
        let manifest = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for line in manifest.lines() {
            assert!(!not.iter().any(|n| line.starts_with(n)), "`{name}` depends on `{line}`");
        }
    }
}

#[test]
fn the_core_reads_no_clock_and_draws_no_randomness() {
    for (file, text) in sources().iter().filter(|(f, _)| f.starts_with(root().join("disclosure"))) {
        for word in ["SystemTime", "Instant::now", "rand::", "std::fs", "std::net", "async fn"] {
            assert!(!text.contains(word), "`{word}` in {}", file.display());
        }
    }
}
