//! What logs hold: gateway and nodes as processes that log all they can, over data with values that must not be in them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod services;

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use services::{Folder, READY_WITHIN, Service, free_port, insitu, text};

/// Units of the small cells, below the threshold of 12000; at the node, and of those that the gateway adds up.
const SMALL: [u32; 2] = [10_733, 10_739];
/// Units of the large cell of each dataset.
const LARGE: u32 = 13_007;
/// What each unit costs, in pence.
const COST: u32 = 73_517;

/// A name that somebody asks about.
const WORD: &str = "Name-in-a-Condition";

/// What no log but the department's own may hold: ids, labels, hidden values, amounts, true counts and totals of the
/// small cells. Numbers are found as numbers, not within longer ones.
fn canaries() -> Vec<String> {
    let mut canaries = vec!["CANARY".to_owned(), COST.to_string(), LARGE.to_string()];
    for units in SMALL {
        canaries.push(units.to_string());
        canaries.push((u64::from(units) * u64::from(COST)).to_string());
    }
    canaries
}

/// The canaries that are in a text.
fn found(log: &str) -> Vec<String> {
    let holds = |canary: &str| {
        let bytes = log.as_bytes();
        let is_number = canary.parse::<u64>().is_ok();
        let digit =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        let mut places = log.match_indices(canary).map(|(at, _)| at);
        places.any(|at| !is_number || !(digit(at.checked_sub(1)) || digit(Some(at + canary.len()))))
    };
    canaries().into_iter().filter(|canary| holds(canary)).collect()
}

/// People in a small area and in a large one; `tag` keeps the people of two departments apart.
fn rows(tag: &str, small: u32, large: u32) -> String {
    let mut csv = "Person,Name,Area,Cost\n".to_owned();
    for (area, units) in [("CANARY-AREA", small), ("North", large)] {
        for n in 0..units {
            let _ = writeln!(csv, "CANARY-{tag}-{area}-{n},CANARY-NAME-{n},{area},{COST}");
        }
    }
    csv
}

const DATASET: &str = r#"
[[dataset]]
name = "NAME"
source = { format = "csv", path = "FILE" }
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "standard"
threshold_units = 12000
release = "RELEASE"

[[dataset.column]]
name = "person"
from = "Person"
type = "text"
label = "unit"

[[dataset.column]]
name = "name"
from = "Name"
type = "text"

[[dataset.column]]
name = "area"
from = "Area"
type = "text"
label = "dimension"

[[dataset.column]]
name = "cost"
from = "Cost"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000000 }
measured_in = "pence"
"#;

fn dataset(name: &str, file: &str, release: &str) -> String {
    DATASET.replace("NAME", name).replace("FILE", file).replace("RELEASE", release)
}

/// The same people as a Parquet file, which isn't held in memory.
fn parquet() -> Vec<u8> {
    let text = |of: &dyn Fn(u32) -> String| -> ArrayRef {
        Arc::new((0..LARGE).map(|n| Some(of(n))).collect::<StringArray>())
    };
    let costs: ArrayRef = Arc::new(Int64Array::from(vec![i64::from(COST); LARGE as usize]));
    let columns = [
        ("Person", text(&|n| format!("CANARY-FILE-{n}"))),
        ("Name", text(&|n| format!("CANARY-NAME-{n}"))),
        ("Area", text(&|_| "CANARY-AREA".to_owned())),
        ("Cost", costs),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The configuration of a node, and its secret.
fn node(folder: &Folder, id: &str, gateway: u16, datasets: &[String]) {
    folder.secret(&format!("{id}.secret"), &format!("CANARY-secret-of-the-link-of-{id}"));
    let config = format!(
        "[node]\nid = \"{id}\"\ndepartment = \"{id}\"\ngroups_max = 3\n\n[uplink]\n\
         gateway = \"127.0.0.1:{gateway}\"\nsecret_file = \"{id}.secret\"\n"
    );
    folder.write(&format!("{id}.toml"), config + &datasets.concat());
}

#[test]
fn attack_51_logs_of_the_gateway_and_of_another_department() {
    // The search finds what is logged: each canary by itself, however it stands in a line.
    for canary in canaries() {
        assert!(found(&format!("TRACE cell {{ units: {canary}, key: 7 }}")).contains(&canary));
        assert!(found(&format!("DEBUG [\"{canary}\"]")).contains(&canary));
    }
    assert!(found("len=410733 or 107330 rows, 1073").is_empty(), "a longer number is another");

    let folder = Folder::new("logs");
    let at = folder.0.as_path();
    let (clients, nodes) = (free_port(), free_port());
    folder.write("own.csv", rows("OWN", SMALL[0], LARGE));
    folder.write("part.csv", rows("PART", SMALL[1], LARGE - 7));
    // The other department's part has neither the small area nor the amounts.
    folder.write("other.csv", "Person,Name,Area,Cost\no1,x,North,5\no2,x,North,5\n");
    let shared = |file: &str| dataset("shared.visits", file, "at-gateway");
    folder.write("file.parquet", parquet());
    let file = dataset("clinic.file", "file.parquet", "at-node").replace("csv", "parquet");
    let own = [dataset("clinic.visits", "own.csv", "at-node"), shared("part.csv"), file];
    node(&folder, "clinic", nodes, &own);
    node(&folder, "hospital", nodes, &[shared("other.csv")]);
    let token = folder.secret("analyst.token", "CANARY-token-of-the-analyst");
    let registered = |id: &str, datasets: &str| {
        format!(
            "\n[[node]]\nid = \"{id}\"\ndepartment = \"{id}\"\nsecret_file = \"{id}.secret\"\n\
             datasets = [{datasets}]\n"
        )
    };
    let gateway =
        format!(
            "[gateway]\nlisten = \"127.0.0.1:{clients}\"\nnodes_listen = \"127.0.0.1:{nodes}\"\n\n\
         [[analyst]]\nname = \"ana\"\ntoken_file = \"analyst.token\"\n"
        ) + &registered("clinic", "\"clinic.visits\", \"shared.visits\", \"clinic.file\"")
            + &registered("hospital", "\"shared.visits\"");
    folder.write("gateway.toml", gateway);
    let all = Some("trace");
    let services = [
        Service::logging(&["gateway", "--config", "gateway.toml"], at, all),
        Service::logging(&["node", "--config", "clinic.toml"], at, all),
        Service::logging(&["node", "--config", "hospital.toml"], at, all),
    ];
    let address = format!("grpc://127.0.0.1:{clients}");
    let ask = |sql: &str| {
        let connection = ["--gateway", &address, "--token-file", token.to_str().unwrap()];
        let output = insitu(&[&["query"], &connection[..], &["--format", "csv", sql]].concat());
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    let started = Instant::now();
    while !ask("SELECT count(*) FROM shared.visits").0 {
        assert!(started.elapsed() < READY_WITHIN, "not everybody is connected");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    for name in ["clinic.visits", "shared.visits"] {
        // Answered in part and suppressed in part; suppressed; refused for what it asks; refused by a limit on the way.
        let (answered, told) =
            ask(&format!("SELECT area, count(*), sum(cost), avg(cost) FROM {name} GROUP BY area"));
        assert!(answered && told.contains("North"), "{told}");
        assert!(!told.contains("CANARY-AREA"), "{told}");
        let (answered, told) = ask(&format!("SELECT count(*) FROM {name} WHERE area < 'D'"));
        assert!(answered && found(&told).is_empty(), "{told}");
        // A word of the question's own, which no log holds either.
        let (answered, told) = ask(&format!("SELECT count(*) FROM {name} WHERE area = '{WORD}'"));
        assert!(answered, "{told}");
        for (sql, code) in [
            (format!("SELECT person, cost FROM {name}"), "D202"),
            (format!("SELECT count(*) FROM {name} WHERE cost = 5"), "D204"),
            (
                format!(
                    "SELECT area, length(area), substr(area, 2), count(*) FROM {name} GROUP BY ROLLUP (area, length(area), substr(area, 2))"
                ),
                "L504",
            ),
        ] {
            let (answered, told) = ask(&sql);
            assert!(!answered && told.contains(code), "{sql}: {told}");
        }
    }
    // What goes wrong inside: a file that isn't any more what it was when the node started.
    folder.write("file.parquet", "PAR1 CANARY-CHANGED ".repeat(50_000));
    let (answered, told) = ask("SELECT area, count(*) FROM clinic.file GROUP BY area");
    assert!(!answered && told.contains("X901") && found(&told).is_empty(), "{told}");
    drop(services);
    let log = |name: &str| fs::read_to_string(at.join(name).with_extension("log")).unwrap();
    for (name, words) in [("gateway", "a statement ended"), ("hospital", "connected")] {
        let log = log(name);
        assert!(
            log.contains(words) && log.contains("TRACE"),
            "{name} logs all it can: {} bytes",
            log.len()
        );
        assert_eq!(found(&log), Vec::<String>::new(), "{name}: {}", around(&log));
        assert!(!log.contains(WORD), "{name} has logged a word of the question");
    }
    // A department's own log is for its data owner. Of these questions it holds none either.
    // But for how much was read, which the data owner is told at start.
    let own = log("clinic");
    let (at_start, own): (Vec<&str>, Vec<&str>) =
        own.lines().partition(|line| line.contains(" read node="));
    assert_eq!(at_start.len(), 3, "{at_start:?}");
    let own = own.join("\n");
    assert!(own.contains("the engine failed"), "the fault is told to the department itself");
    assert_eq!(found(&own), Vec::<String>::new(), "{}", around(&own));
    assert!(!own.contains(WORD), "a node has logged a word of the question");
}

/// The lines that hold a canary, as far as a person reads.
fn around(log: &str) -> String {
    let lines = log.lines().filter(|line| !found(line).is_empty());
    lines.take(5).map(|line| line.chars().take(300).collect::<String>() + "\n").collect()
}
