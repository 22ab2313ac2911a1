//! The command as its users run it: separate processes, exit codes, messages. Needs no engine of its
//! own, so that it links in a moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod services;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use services::{Folder, READY_WITHIN, Service, fails_with, free_port, insitu, text};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples")
}

/// The samples in a folder of their own, on ports that are free, with fresh secrets.
fn copied_samples() -> (Folder, String) {
    let folder = Folder::new("samples");
    let (clients, nodes) = (free_port().to_string(), free_port().to_string());
    for entry in fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let config = fs::read_to_string(&path).unwrap();
            folder.write(&name, config.replace("50051", &clients).replace("50060", &nodes));
        }
    }
    for entry in fs::read_dir(samples().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("data/{}", path.file_name().unwrap().to_str().unwrap());
        folder.write(&name, fs::read(&path).unwrap());
    }
    for name in ["analyst", "leeds-1", "kirklees-1", "reference-1"] {
        folder.secret(&format!("secrets/{name}"), &format!("a-secret-for-{name}-of-the-test"));
    }
    (folder, format!("grpc://127.0.0.1:{clients}"))
}

#[test]
fn the_samples_start_as_separate_processes_and_answer() {
    let (folder, gateway) = copied_samples();
    let at = folder.0.as_path();
    let _services = [
        Service::start(&["gateway", "--config", "gateway.toml"], at),
        Service::start(&["node", "--config", "node-leeds.toml"], at),
        Service::start(&["node", "--config", "node-kirklees.toml"], at),
        Service::start(&["node", "--config", "reference-node.toml"], at),
    ];
    let token = at.join("secrets/analyst");
    let ask = |sql: &str| {
        insitu(&[
            "query",
            "--gateway",
            &gateway,
            "--token-file",
            token.to_str().unwrap(),
            "--format",
            "csv",
            sql,
        ])
    };
    let sql = "SELECT band, count(*) AS accounts, sum(arrears) AS owed FROM councils.council_tax \
               GROUP BY band ORDER BY band";
    let started = Instant::now();
    let output = loop {
        let output = ask(sql);
        if output.status.success() {
            break output;
        }
        assert!(started.elapsed() < READY_WITHIN, "{}", text(&output.stderr));
        std::thread::sleep(Duration::from_millis(100));
    };
    let csv = text(&output.stdout);
    // Every node made a secret of its own, so the noise isn't known, only how far it can reach
    // (docs/disclosure/noise.md): 6 on a count of 120; on a total of 3,262,474, six times the mean
    // contribution of those who owe (90,624) and twice the share (20 %) of the largest (179,951).
    let band_a = csv.lines().find(|line| line.starts_with("A,")).unwrap();
    let fields: Vec<&str> = band_a.split(',').collect();
    let (accounts, owed) = (fields[1].parse::<i64>().unwrap(), fields[3].parse::<i64>().unwrap());
    assert!((110..=130).contains(&accounts) && accounts % 5 == 0, "{csv}");
    assert!((3_262_474 - 615_730..=3_262_474 + 615_730).contains(&owed), "{csv}");
    assert!(csv.contains("H,,c,,c"), "{csv}");
    assert!(at.join("gateway-state").is_dir(), "what was released is remembered");
    // A wrong token gets nothing, whatever is asked.
    let wrong = folder.secret("secrets/wrong", "not-the-token-of-anybody");
    fails_with(
        &["query", "--gateway", &gateway, "--token-file", wrong.to_str().unwrap(), "SELECT 1"],
        &["A301"],
    );
    // A refused question ends with 1, and the next one works.
    let refused = ask("SELECT account_id FROM councils.council_tax");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("D201"));
    assert!(ask("SELECT count(*) FROM councils.council_tax").status.success());
    assert!(ask("SELECT ward, households FROM reference.wards ORDER BY ward").status.success());
    // As a document an explanation says of both what would become of them, and so does the exit code.
    let explain = |sql: &str| {
        let at = ["--gateway", &gateway, "--token-file", token.to_str().unwrap()];
        insitu(&[&["explain", "--format", "json"], &at[..], &[sql]].concat())
    };
    for (sql, code, words) in [
        (
            "SELECT count(*) FROM councils.council_tax",
            0,
            ["\"outcome\": \"asked\"", "\"at-gateway\""],
        ),
        (
            "SELECT account_id FROM councils.council_tax",
            1,
            ["\"outcome\": \"refused\"", "\"D201\""],
        ),
    ] {
        let output = explain(sql);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        let document = text(&output.stdout);
        assert!(words.iter().all(|word| document.contains(word)), "{document}");
    }
    // What a question is asked for is recorded with it, and not with the next one.
    let labels = ["--project", "P-17", "--purpose", "arrears by ward"];
    let connection = ["query", "--gateway", &gateway, "--token-file", token.to_str().unwrap()];
    let question = ["SELECT count(*) FROM councils.council_tax"];
    let labelled = insitu(&[&connection[..], &labels, &question].concat());
    assert!(labelled.status.success(), "{}", text(&labelled.stderr));
    let log = fs::read_to_string(at.join("gateway.log")).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("a statement ended")).collect();
    let (last, before) = lines.split_last().unwrap();
    for field in
        ["query=", r#"analyst="analyst""#, r#"project="P-17""#, r#"purpose="arrears by ward""#]
    {
        assert!(last.contains(field), "no {field} in: {last}");
    }
    assert!(before.iter().all(|line| !line.contains("project=")), "{log}");
    let long = "p".repeat(201);
    let output = insitu(&[&connection[..], &["--project", &long], &question].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("insitu-project"), "{}", text(&output.stderr));
}

#[test]
fn a_node_that_lost_state_does_not_start_until_somebody_accepts_it() {
    let (folder, _) = copied_samples();
    let at = folder.0.as_path();
    let config = at.join("node-leeds.toml");
    let config = config.to_str().unwrap();
    let node = ["node", "--config", config];
    drop(Service::start(&["node", "--config", "node-leeds.toml"], at));
    let state = at.join("leeds-1-state");
    let secret = fs::read(state.join("secret")).unwrap();
    fs::remove_file(state.join("secret")).unwrap();
    fails_with(&node, &["leeds-1-state", "`secret` is missing", "insitu state reset"]);
    assert!(!state.join("secret").exists(), "no new one is made");
    let shown = insitu(&["state", "show", "--config", config]);
    assert!(text(&shown.stdout).contains("secret: missing"), "{}", text(&shown.stdout));
    // Without the word nothing is changed.
    let reset = ["state", "reset", "--config", config, "--everything"];
    fails_with(&reset, &["nothing was changed", "noise is another", "--accept-loss"]);
    fails_with(&node, &["`secret` is missing"]);
    let accepted = insitu(&[&reset[..], &["--accept-loss"]].concat());
    assert!(accepted.status.success(), "{}", text(&accepted.stderr));
    drop(Service::start(&["node", "--config", "node-leeds.toml"], at));
    assert_ne!(fs::read(state.join("secret")).unwrap(), secret);
    let log = fs::read_to_string(at.join("node-leeds.log")).unwrap();
    assert!(log.contains("a loss of state was accepted here"), "{log}");
    // A gateway's folder is looked after in the same way.
    let gateway = at.join("gateway.toml");
    let gateway = gateway.to_str().unwrap();
    drop(Service::start(&["gateway", "--config", "gateway.toml"], at));
    // Nothing was released yet, so without the manifest nothing is left.
    fs::remove_file(at.join("gateway-state/manifest")).unwrap();
    fails_with(
        &["gateway", "--config", gateway],
        &["gateway-state is empty", "insitu state reset"],
    );
    let taken = ["state", "reset", "--config", gateway, "--manifest", "--accept-loss"];
    assert!(insitu(&taken).status.success());
    drop(Service::start(&["gateway", "--config", "gateway.toml"], at));
}

#[test]
fn check_tells_file_line_and_fix() {
    let invalid = samples().join("invalid");
    let mut checked = 0;
    for entry in fs::read_dir(invalid).unwrap() {
        let path = entry.unwrap().path();
        let config = fs::read_to_string(&path).unwrap();
        let expected = config.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        fails_with(&["check", path.to_str().unwrap()], &[expected, ".toml"]);
        checked += 1;
    }
    assert!(checked >= 6);
    let (folder, _) = copied_samples();
    for name in ["gateway.toml", "node-leeds.toml", "node-kirklees.toml", "reference-node.toml"] {
        let path = folder.0.join(name);
        let output = insitu(&["check", path.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    }
    fails_with(&["check", "no-such-file.toml"], &["no-such-file.toml"]);
}

/// A node over one file, with a dataset of one text and one whole-number column.
fn node_over(folder: &Folder, source: &str) -> String {
    folder.secret("link", "a-secret-that-is-long-enough");
    let config = format!(
        r#"
[node]
id = "n"
department = "N"

[uplink]
gateway = "127.0.0.1:1"
secret_file = "link"

[[dataset]]
name = "a.b"
source = {source}
protection = "open"

[[dataset.column]]
name = "area"
from = "area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "n"
from = "n"
type = "integer"
label = "measure"
"#
    );
    folder.write("node.toml", config).to_str().unwrap().to_owned()
}

#[test]
fn a_missing_source_file_is_named() {
    let folder = Folder::new("missing");
    let config = node_over(&folder, r#"{ format = "csv", path = "gone.csv" }"#);
    fails_with(&["node", "--config", &config], &["a.b", "gone.csv"]);
}

#[test]
fn a_row_with_too_many_fields_is_named_by_file_and_row() {
    let folder = Folder::new("fields");
    folder.write("areas.csv", "area,n\nx,1\ny,2,3\nz,4\n");
    let config = node_over(&folder, r#"{ format = "csv", path = "areas.csv" }"#);
    fails_with(&["node", "--config", &config], &["areas.csv", "3"]);
}

#[test]
fn a_value_that_does_not_fit_is_named_by_row_and_column_and_not_shown() {
    let folder = Folder::new("misfit");
    folder.write("areas.csv", "area,n\nx,1\ny,SECRET-42\n");
    let config = node_over(&folder, r#"{ format = "csv", path = "areas.csv" }"#);
    fails_with(&["node", "--config", &config], &["areas.csv:3:n"]);
    let output = insitu(&["node", "--config", &config]);
    assert!(!text(&output.stderr).contains("SECRET-42"));
}

#[test]
fn a_corrupt_parquet_file_is_named() {
    let folder = Folder::new("parquet");
    folder.write("areas.parquet", b"PAR1 this is no parquet file PAR1");
    let config = node_over(&folder, r#"{ format = "parquet", path = "areas.parquet" }"#);
    fails_with(&["node", "--config", &config], &["areas.parquet"]);
    folder.write("areas.parquet", b"");
    fails_with(&["node", "--config", &config], &["areas.parquet"]);
}

#[test]
fn a_port_in_use_is_told() {
    let (folder, _) = copied_samples();
    let config = fs::read_to_string(folder.0.join("gateway.toml")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let listen = config.lines().find(|l| l.starts_with("listen")).unwrap();
    let changed = config.replace(listen, &format!("listen = \"127.0.0.1:{port}\""));
    let path = folder.write("taken.toml", changed);
    fails_with(
        &["gateway", "--config", path.to_str().unwrap()],
        &[&port, "another program uses the port"],
    );
}

#[test]
fn a_gateway_that_is_not_there_is_told() {
    let gateway = format!("grpc://127.0.0.1:{}", free_port());
    let token = Folder::new("token");
    let token = token.secret("t", "a-token-that-is-long-enough");
    fails_with(
        &["query", "--gateway", &gateway, "--token-file", token.to_str().unwrap(), "SELECT 1"],
        &[gateway.trim_start_matches("grpc://")],
    );
}

/// A secret that differs is told in the logs of both sides, whoever dials; and so is an older node's greeting.
#[test]
fn a_gateway_and_a_node_whose_secrets_differ_tell_both_owners() {
    let folder = Folder::new("secrets");
    let at = folder.0.as_path();
    let ports = [(); 3].map(|()| free_port());
    let [clients, nodes, listening] = ports;
    folder.write("areas.csv", "area,n\nx,1\n");
    let config =
        fs::read_to_string(node_over(&folder, r#"{ format = "csv", path = "areas.csv" }"#))
            .unwrap();
    for (id, link) in [
        ("dials", format!("[uplink]\ngateway = \"127.0.0.1:{nodes}\"")),
        ("listens", format!("[listen]\naddress = \"127.0.0.1:{listening}\"")),
    ] {
        folder.secret(&format!("{id}.secret"), &format!("CANARY-the-node-that-{id}"));
        folder.secret(&format!("{id}.there"), &format!("CANARY-the-gateway-where-it-{id}"));
        let config = config
            .replace("\"link\"", &format!("\"{id}.secret\""))
            .replace("[uplink]\ngateway = \"127.0.0.1:1\"", &link)
            .replace("id = \"n\"", &format!("id = \"{id}\""));
        folder.write(&format!("{id}.toml"), config);
    }
    folder.secret("token", "CANARY-token-of-the-analyst");
    let gateway = format!(
        r#"
[gateway]
listen = "127.0.0.1:{clients}"
nodes_listen = "127.0.0.1:{nodes}"

[[analyst]]
name = "ana"
token_file = "token"

[[node]]
id = "dials"
department = "D"
secret_file = "dials.there"
datasets = ["a.b"]

[[node]]
id = "listens"
department = "L"
secret_file = "listens.there"
datasets = ["a.b"]
address = "127.0.0.1:{listening}"
"#
    );
    folder.write("gateway.toml", gateway);
    let _services = [
        Service::start(&["node", "--config", "listens.toml"], at),
        Service::start(&["gateway", "--config", "gateway.toml"], at),
        Service::start(&["node", "--config", "dials.toml"], at),
    ];
    // Version 2 of the greeting, with the secret in it.
    let mut older = TcpStream::connect(("127.0.0.1", nodes)).unwrap();
    older.write_all(b"\0\0\0\x11\x08\x02\x12\x05dials\x1a\x06CANARY").unwrap();
    let mut answer = Vec::new();
    let _ = older.read_to_end(&mut answer);
    assert!(answer.is_empty(), "an older node is told nothing but that");
    let told = |name: &str, words: &str| {
        let log = fs::read_to_string(at.join(name)).unwrap();
        assert!(!log.contains("CANARY"), "{name}: {log}");
        log.contains(words)
    };
    let at_node = "doesn't know the secret of this link";
    let started = Instant::now();
    for (name, words) in [
        ("dials.log", at_node),
        ("listens.log", at_node),
        ("gateway.log", "refused a connection error=it didn't prove that it knows the secret"),
        ("gateway.log", "not connected to a node that listens"),
        (
            "gateway.log",
            "it greets in version 2: bring the gateway and the node to the same version",
        ),
    ] {
        while !told(name, words) {
            assert!(started.elapsed() < READY_WITHIN, "no `{words}` in {name}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn codes_have_pages_and_wrong_usage_ends_with_2() {
    let output = insitu(&["explain", "--code", "D201"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("# D201"));
    assert_eq!(insitu(&["no-such-command"]).status.code(), Some(2));
    assert_ne!(insitu(&["explain", "--code", "D999"]).status.code(), Some(0));
}
