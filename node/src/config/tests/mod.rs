//! Configurations that are read, and errors that say where and how to mend them: one document without
//! errors, of which each test changes a line.

mod columns;
mod document;
mod files;
mod link;
mod terms;
mod whole;

use std::path::Path;

use super::*;

/// A configuration without errors; tests change a line of it.
const FULL: &str = r#"[node]
id = "leeds-1"
department = "Leeds City Council"
memory_mib = 256

[uplink]
gateway = "127.0.0.1:50060"
secret_file = "secrets/leeds.secret"

[[dataset]]
name = "councils.council_tax"
description = "Council tax accounts"
source = { format = "csv", files = ["data/a.csv.gz", "data/b.csv"], delimiter = ";" }
protection = "protected"
unit = "account"
unit_unique_per_row = false
units_at_one_node = true
profile = "standard"
threshold_units = 12
rounding_base = 10
release = "at-gateway"
misfits_max = 3

[[dataset.column]]
name = "account"
type = "text"
label = "unit"

[[dataset.column]]
name = "band"
from = "Council tax band"
type = "text"
label = "dimension"
domain = ["A", "B"]
derive = "upper"

[[dataset.column]]
name = "age"
position = 3
type = "integer"
label = "dimension"
domain = { first = 0, last = 105 }
domain_closed = true

[[dataset.column]]
name = "moved_in"
type = "date"
label = "filter"
breakpoints = "months"
date_format = "%d/%m/%Y"

[[dataset.column]]
name = "arrears"
type = "decimal"
decimal_places = 2
label = "measure"
bounds = { low = 0, high = "5000.50" }
breakpoints = [0, "0.50", 1]
measured_in = "pounds"
blank = "null"
thousands_separator = ","

[[dataset.column]]
name = "notes"
type = "text"
"#;

fn parse(text: &str) -> Result<NodeConfig, ConfigErrors> {
    NodeConfig::parse(text, Path::new("etc/node.toml"))
}

/// Replaces a part of [`FULL`] and expects exactly these errors, without the file's name.
#[track_caller]
fn check(from: &str, to: &str, expect: &[&str]) {
    assert!(FULL.contains(from), "{from}");
    let text = FULL.replace(from, to);
    let found = match parse(&text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    };
    let expect: Vec<String> = expect.iter().map(|error| format!("etc/node.toml:{error}")).collect();
    assert_eq!(found, expect, "\n{}", found.join("\n"));
}
