//! Configurations that are read, and errors that say where and how to mend them.

use std::path::Path;

use insitu_disclosure::dataset::{
    Bounds, Breakpoints, Domain, ProtectedUnit, Protection, ReleaseMode,
};
use insitu_disclosure::label::Label;
use insitu_disclosure::policy::Profile;
use insitu_disclosure::tabulation::{Literal, ScalarType};

use super::*;
use crate::dataset::{Blank, Derivation, Place, Source};

/// A configuration without errors; tests change a line of it.
const FULL: &str = r#"[node]
id = "leeds-1"
department = "Leeds City Council"
memory_mib = 256

[uplink]
gateway = "gateway.example:50060"
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

#[test]
fn reads_everything_that_is_written() {
    let config = parse(FULL).unwrap();
    assert_eq!(config.node.id, "leeds-1");
    assert_eq!((config.node.memory_mib, config.node.source_mib_max), (256, 1_024));
    assert_eq!((config.node.query_seconds_max, config.node.groups_max), (30, 100_000));
    let link = config.link.unwrap();
    assert_eq!(link.secret_file(), Path::new("etc/secrets/leeds.secret"));
    assert!(matches!(link, Link::Uplink { gateway, .. } if gateway == "gateway.example:50060"));
    assert_eq!(config.data_folder, Path::new("etc"));
    let [descriptor] = config.datasets.as_slice() else { panic!() };
    let dataset = &descriptor.dataset;
    assert_eq!(dataset.name.to_string(), "councils.council_tax");
    assert_eq!(
        dataset.protection,
        Protection::Protected {
            unit: ProtectedUnit::Column { name: "account".to_owned(), unique_per_row: false },
            profile: Profile { threshold_units: 12, rounding_base: 10, ..Profile::STANDARD },
            release: ReleaseMode::AtGateway,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
        }
    );
    let [account, band, age, moved_in, arrears, notes] = dataset.columns.as_slice() else {
        panic!()
    };
    assert_eq!((account.label, notes.label), (Label::Unit, Label::Hidden));
    let codes = ["A", "B"].map(|code| Literal::Utf8(code.to_owned())).to_vec();
    assert_eq!(band.domain, Some(Domain::Codes(codes)));
    assert_eq!(age.domain, Some(Domain::Range(0, 105)));
    assert_eq!(moved_in.breakpoints, Some(Breakpoints::Months));
    assert_eq!(arrears.scalar_type, ScalarType::Decimal(2));
    assert_eq!(arrears.bounds, Some(Bounds { low: 0, high: 500_050 }));
    let cuts = [0, 50, 100].map(|value| Literal::Decimal { value, places: 2 }).to_vec();
    assert_eq!(arrears.breakpoints, Some(Breakpoints::Listed(cuts)));
    assert_eq!(arrears.measured_in.as_deref(), Some("pounds"));
}

#[test]
fn hidden_columns_are_declared_but_never_read() {
    let config = parse(FULL).unwrap();
    let Source::Csv(source) = &config.datasets[0].source else { panic!() };
    let names: Vec<&str> = source.columns.iter().map(|c| c.column.name.as_str()).collect();
    assert_eq!(names, ["account", "band", "age", "moved_in", "arrears"]);
    assert_eq!((source.header, source.delimiter, source.misfits_max), (true, b';', 3));
    let [account, band, age, moved_in, arrears] = source.columns.as_slice() else { panic!() };
    assert_eq!(account.place, Place::Header("account".to_owned()));
    assert_eq!(band.place, Place::Header("Council tax band".to_owned()));
    assert_eq!(band.derivation, Some(Derivation::Upper));
    assert_eq!((age.place.clone(), age.domain_closed), (Place::Position(3), true));
    assert!(moved_in.date_format.is_some());
    assert_eq!(arrears.thousands_separator, Some(','));
}

#[test]
fn a_blank_is_null_in_text_and_units_and_a_misfit_elsewhere() {
    let text = FULL.replace("blank = \"null\"\n", "");
    let config = parse(&text).unwrap();
    let Source::Csv(source) = &config.datasets[0].source else { panic!() };
    let blanks: Vec<Blank> = source.columns.iter().map(|column| column.blank).collect();
    assert_eq!(blanks, [Blank::Null, Blank::Null, Blank::Misfit, Blank::Misfit, Blank::Misfit]);
}

#[test]
fn all_errors_are_reported_at_once() {
    let text = r#"[node]
id = "Leeds 1"

[[dataset]]
name = "council_tax"
source = { format = "csv", path = "/etc/passwd" }
protection = "secret"

[[dataset.column]]
name = "Band"
type = "txt"
label = "dimenson"
"#;
    let expect = "\
etc/node.toml:1:1: `department` is missing; add the department's name
etc/node.toml:2:6: `Leeds 1` isn't a node's id; write lower-case letters, digits and `-`, a letter first, 63 at most
etc/node.toml:5:8: `council_tax` isn't the name of a dataset; write `schema.table` in lower-case letters, digits and `_`, a letter first in both
etc/node.toml:6:35: `/etc/passwd` isn't the path of a data file; write a path relative to the folder of this configuration (or to `data_folder`), without `..`
etc/node.toml:7:14: `secret` isn't known as `protection`; write one of `open`, `protected`
etc/node.toml:10:8: `Band` isn't the name of a column; write lower-case letters, digits and `_`, a letter first; `from` holds the header as it is in the file
etc/node.toml:11:8: `txt` isn't known as `type`; write one of `boolean`, `integer`, `decimal`, `float`, `text`, `date`, perhaps `text`
etc/node.toml:12:9: `dimenson` isn't known as `label`; write one of `unit`, `dimension`, `filter`, `measure`, `hidden`, perhaps `dimension`";
    assert_eq!(parse(text).unwrap_err().to_string(), expect);
}

#[test]
fn misspelt_keys_and_wrong_forms_are_errors() {
    check(
        "label = \"unit\"",
        "lable = \"unit\"",
        &[
            "27:1: unknown field `lable`, expected one of `name`, `description`, `from`, `position`, `type`, \
           `decimal_places`, `label`, `domain`, `domain_closed`, `breakpoints`, `bounds`, `measured_in`, `blank`, \
           `thousands_separator`, `date_format`, `derive`; did you mean `label`?",
        ],
    );
    check(
        "memory_mib = 256",
        "memory_mib = \"lots\"",
        &["4:14: invalid type: string \"lots\", expected a whole number; correct it here"],
    );
    check(
        "memory_mib = 256",
        "memory_mib = 1",
        &["4:14: `memory_mib` is 1; write a number from 16 to 1048576"],
    );
    check("[uplink]", "[uplink", &["6:8: unclosed table, expected `]`; correct it here"]);
    check("id = \"leeds-1\"", "id = \"a\"\nid = \"b\"", &["3:1: duplicate key; correct it here"]);
}

#[test]
fn terms_of_a_protected_dataset_have_no_defaults() {
    for (line, expect) in [
        ("unit = \"account\"\n", "`unit` is missing"),
        ("unit_unique_per_row = false\n", "`unit_unique_per_row` is missing"),
        ("units_at_one_node = true\n", "`units_at_one_node` is missing"),
        ("profile = \"standard\"\n", "`profile` is missing"),
        ("release = \"at-gateway\"\n", "`release` is missing"),
        ("protection = \"protected\"\n", "`protection` is missing"),
    ] {
        let errors = parse(&FULL.replace(line, "")).unwrap_err();
        assert!(errors.iter().all(|error| error.problem == expect), "{errors}");
        assert_eq!(errors.iter().next().unwrap().position, Some(Position { line: 10, column: 1 }));
    }
}

#[test]
fn profiles_are_only_tightened() {
    check(
        "threshold_units = 12",
        "threshold_units = 9",
        &[
            "19:19: `threshold_units` is 9, below the profile's 10; write 10 or more: a profile is only tightened",
        ],
    );
    check(
        "rounding_base = 10",
        "rounding_base = 7",
        &[
            "20:17: `rounding_base` is 7, not a multiple of the profile's 5; write 5, or a multiple of 5: a profile \
           is only tightened",
        ],
    );
    check(
        "profile = \"standard\"",
        "profile = \"none\"",
        &["18:11: `none` isn't known as `profile`; write one of `standard`, `strict`, \
             `ons-ckm`, `round-5`, `midpoint-6`, `exact`"],
    );
}

#[test]
fn an_open_dataset_has_no_terms() {
    let errors = parse(&FULL.replace("\"protected\"", "\"open\"")).unwrap_err();
    let problems: Vec<&str> = errors.iter().map(|error| error.problem.as_str()).collect();
    for key in [
        "unit",
        "unit_unique_per_row",
        "units_at_one_node",
        "profile",
        "threshold_units",
        "release",
    ] {
        let expect = format!("`{key}` has no place here: an `open` dataset protects nobody");
        assert!(problems.contains(&expect.as_str()), "{errors}");
    }
    assert!(
        problems
            .contains(&"`account` is labelled `unit` in an `open` dataset, which protects nobody")
    );
}

#[test]
fn the_unit_is_one_column_with_that_label() {
    check(
        "unit = \"account\"",
        "unit = \"household\"",
        &[
            "15:8: `unit` names no column: there is no `household`; write `\"row\"`, or the name of a column \
             labelled `unit`",
            "24:1: column `account` is labelled `unit`, but `unit` is `household`; a dataset has one protected \
             unit: name this column there, or hide it",
        ],
    );
    check(
        "label = \"unit\"",
        "label = \"dimension\"",
        &[
            "24:1: column `account` is the protected unit, but isn't labelled `unit`; add `label = \"unit\"` to it",
        ],
    );
    check(
        "unit = \"account\"\n",
        "unit = \"row\"\n",
        &[
            "16:23: `unit_unique_per_row` has no place here: with `unit = \"row\"` each row is one unit anyway; \
             take it out",
            "24:1: column `account` is labelled `unit`, but `unit` is `row`; a dataset has one protected unit: \
             name this column there, or hide it",
        ],
    );
}

#[test]
fn labels_ask_for_what_they_need() {
    check(
        "breakpoints = \"months\"\n",
        "",
        &[
            "45:1: `moved_in` is a `filter` without breakpoints, so it could never be filtered; add `breakpoints`: \
           `\"months\"`, `\"years\"` or a list of values",
        ],
    );
    check(
        "bounds = { low = 0, high = \"5000.50\" }\n",
        "",
        &[
            "52:1: `arrears` is a protected `measure` without bounds; add the smallest and largest plausible value, \
           such as `bounds = { low = 0, high = 100000 }`",
        ],
    );
    check(
        "type = \"decimal\"\ndecimal_places = 2",
        "type = \"float\"",
        &[
            "55:9: `arrears` is a floating-point number, whose sums depend on the order of rows; write `type = \
             \"decimal\"` with `decimal_places`, or hide it",
            "56:10: the column is a floating-point number, which has no bounds; declare bounds for `integer` and \
             `decimal` only",
            "57:15: the column is a floating-point number, which isn't cut at breakpoints; take them out",
        ],
    );
    check(
        "type = \"date\"\nlabel = \"filter\"",
        "type = \"date\"\nlabel = \"measure\"",
        &[
            "45:1: `moved_in` is a protected `measure` without bounds; add the smallest and largest plausible \
             value, such as `bounds = { low = 0, high = 100000 }`",
            "48:9: `moved_in` is a date, which is no `measure`; a measure is `integer` or `decimal`",
        ],
    );
}

#[test]
fn values_are_of_the_columns_type() {
    check(
        "domain = [\"A\", \"B\"]",
        "domain = [\"A\", 1, \"A\", \" \"]",
        &[
            "34:16: `1` isn't a value of the column; the column is text: write `\"A\"` in quotes, not blank",
            "34:19: 'A' is listed twice; take it out here",
            "34:24: `\" \"` isn't a value of the column; the column is text: write `\"A\"` in quotes, not blank",
        ],
    );
    check(
        "{ first = 0, last = 105 }",
        "{ first = 9, last = 1 }",
        &[
            "42:10: the domain has 0 values; write the smallest value first, and 10000 values at most",
        ],
    );
    check(
        "{ first = 0, last = 105 }",
        "{ first = 0, last = 9223372036854775807 }",
        &[
            "42:10: the domain has 9223372036854775808 values; write the smallest value first, and 10000 values at \
           most",
        ],
    );
    check(
        "{ low = 0, high = \"5000.50\" }",
        "{ low = 0.5, high = \"5000.505\" }",
        &[
            "57:18: `0.5` isn't a value of the column; the column is a decimal number with 2 places: write \
             `\"12.50\"` in quotes, or `12`; at most 2 digits after the point",
            "57:30: `\"5000.505\"` isn't a value of the column; the column is a decimal number with 2 places: \
             write `\"12.50\"` in quotes, or `12`; at most 2 digits after the point",
        ],
    );
    check(
        "{ low = 0, high = \"5000.50\" }",
        "{ low = 0, high = 0 }",
        &["57:10: `low` isn't below `high`; write the smallest and the largest plausible value"],
    );
    check(
        "[0, \"0.50\", 1]",
        "[1, 0]",
        &["58:15: the breakpoints aren't in order; write the smallest first"],
    );
    check(
        "breakpoints = \"months\"",
        "breakpoints = [2018-01-01, \"2018-13-01\"]",
        &[
            "49:28: `\"2018-13-01\"` isn't a value of the column; the column is a date: write `\"2018-01-31\"`",
        ],
    );
}

#[test]
fn names_and_files_are_unique() {
    check(
        "name = \"band\"",
        "name = \"age\"",
        &[
            "38:8: column `age` is declared twice; give each column its own name; `from` says which header it is \
           read from",
        ],
    );
    check(
        "\"data/b.csv\"",
        "\"data/a.csv.gz\"",
        &["13:54: `data/a.csv.gz` is named twice; take it out here: its rows would count twice"],
    );
    let (node, dataset) = FULL.split_at(FULL.find("[[dataset]]").unwrap());
    let errors = parse(&format!("{node}{dataset}{dataset}")).unwrap_err();
    assert!(
        errors.to_string().contains("dataset `councils.council_tax` is declared twice"),
        "{errors}"
    );
}

#[test]
fn the_units_field_isnt_published_under_another_name() {
    check(
        "from = \"Council tax band\"",
        "from = \"account\"",
        &[
            "29:1: `band` is read from the same field as the unit `account`; hide it: it would publish \
           what identifies people",
        ],
    );
}

#[test]
fn texts_are_one_line_and_not_endless() {
    for (text, expect) in [
        (" ", "`department` is empty"),
        ("a\\nb", "`department` has a line break or control character"),
        (&"x".repeat(2_000), "`department` is very long"),
    ] {
        let errors = parse(&FULL.replace("Leeds City Council", text)).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().problem, expect);
    }
}

#[test]
fn files_stay_below_the_data_folder() {
    for path in ["../x.csv", "/x.csv", "a//b.csv", "./a.csv", "a/../../b", "", "a/"] {
        let text = FULL.replace("data/b.csv", path);
        let errors = parse(&text).unwrap_err();
        assert!(errors.to_string().contains("isn't the path of a data file"), "{path}: {errors}");
    }
}

#[test]
fn readings_suit_the_columns_type() {
    check(
        "derive = \"upper\"",
        "derive = \"reverse\"",
        &[
            "35:10: `reverse` isn't known as `derive`; write one of `trim`, `upper`, `drop-last-word`",
        ],
    );
    check(
        "position = 3",
        "position = 0",
        &["39:12: `position` is 0; write a number from 1 to 16384"],
    );
    check(
        "position = 3",
        "position = 3\nfrom = \"Age\"",
        &[
            "39:12: `from` and `position` are both there; keep `from` for a header's text, `position` where headers \
           are blank or repeated",
        ],
    );
    check(
        "date_format = \"%d/%m/%Y\"",
        "date_format = \"%d/%m/%y\"",
        &[
            "50:15: `%d/%m/%y` doesn't tell one day from another; write day, month and a year of four digits, such \
           as `%d/%m/%Y`",
        ],
    );
    check(
        "derive = \"upper\"",
        "thousands_separator = \",\"\ndate_format = \"%d\"\nmeasured_in = \"x\"",
        &[
            "35:23: `band` is text, which has no thousands; take `thousands_separator` out",
            "36:15: `band` is text; take `date_format` out, or write `type = \"date\"`",
            "37:15: `band` is text, which isn't measured in anything; take `measured_in` out",
        ],
    );
    check(
        "delimiter = \";\"",
        "delimiter = \"ab\"",
        &[
            "13:81: `ab` isn't known as `delimiter`; write one of `,`, `;`, `|`, `:`, `^`, `~`, `\\t`",
        ],
    );
}

#[test]
fn without_a_header_columns_have_positions() {
    let errors =
        parse(&FULL.replace("delimiter = \";\"", "header = false")).unwrap_err().to_string();
    assert!(
        errors.contains("31:8: the files have no header (`header = false`); write `position`"),
        "{errors}"
    );
    assert!(errors.contains("24:1: nothing says where `account` stands"), "{errors}");
    assert!(!errors.contains("`age`"), "{errors}");
}

#[test]
fn parquet_takes_no_settings_of_csv() {
    let errors =
        parse(&FULL.replace("format = \"csv\"", "format = \"parquet\"")).unwrap_err().to_string();
    for key in [
        "delimiter",
        "misfits_max",
        "derive",
        "position",
        "date_format",
        "blank",
        "thousands_separator",
        "domain_closed",
    ] {
        assert!(errors.contains(&format!("`{key}` has no place here")), "{key}: {errors}");
    }
}

#[test]
fn a_node_meets_the_gateway_one_way() {
    check(
        "[uplink]",
        "[listen]\naddress = \"127.0.0.1:0\"\nsecret_file = \"x\"\n[uplink]",
        &[
            "6:1: `[uplink]` and `[listen]` are both there; keep `[uplink]` if the node dials out, `[listen]` if the \
           gateway dials in",
        ],
    );
    check(
        "gateway.example:50060",
        "http://gateway.example:50060",
        &[
            "7:11: `http://gateway.example:50060` isn't the address of a gateway; write host and port, without \
           `http://`, such as `gateway.example:50060`",
        ],
    );
    check(
        "secret_file = \"secrets/leeds.secret\"\n",
        "",
        &[
            "6:1: `secret_file` is missing; add the path of a file that holds the secret of this link; the gateway \
           has the same",
        ],
    );
}

#[test]
fn an_embedded_node_needs_no_link_but_one_that_runs_alone_does() {
    let without = FULL.replace(
        "[uplink]\ngateway = \"gateway.example:50060\"\nsecret_file = \"secrets/leeds.secret\"\n",
        "",
    );
    assert!(parse(&without).unwrap().link.is_none());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    std::fs::write(&path, &without).unwrap();
    let errors = NodeConfig::load(&path).unwrap_err().to_string();
    assert!(
        errors.contains("node.toml: nothing says how to meet the gateway; add `[uplink]`"),
        "{errors}"
    );
    std::fs::write(&path, FULL.replace("memory_mib = 256", "data_folder = \"/srv\"")).unwrap();
    let config = NodeConfig::load(&path).unwrap();
    assert_eq!(config.data_folder, Path::new("/srv"));
    assert_eq!(config.link.unwrap().secret_file(), dir.path().join("secrets/leeds.secret"));
    let errors = NodeConfig::load(&dir.path().join("none.toml")).unwrap_err().to_string();
    assert!(errors.contains("none.toml: can't be read"), "{errors}");
}

#[test]
fn an_empty_document_says_what_it_lacks() {
    let errors = parse("").unwrap_err().to_string();
    assert_eq!(
        errors,
        "etc/node.toml:1:1: `[node]` is missing; add `[node]` with `id` and `department`\n\
         etc/node.toml:1:1: no dataset is declared; add a `[[dataset]]`"
    );
}

#[test]
fn a_damaged_document_is_an_error_with_a_place() {
    for (end, _) in FULL.char_indices() {
        let (start, rest) = FULL.split_at(end);
        for text in [start.to_owned(), format!("{start}\u{0}{rest}")] {
            if let Err(errors) = parse(&text) {
                assert!(errors.iter().all(|error| error.position.is_some()), "{errors}");
                assert!(errors.iter().all(|error| !error.to_string().contains('\n')), "{errors}");
            }
        }
    }
}

/// The demo's nodes.
const DEMO: [&str; 7] = ["police", "ons", "health", "dwp", "leeds", "bradford", "kirklees"];

#[test]
fn configurations_of_the_demo_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/demo/nodes");
    let mut councils = Vec::new();
    for name in DEMO {
        let path = folder.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let config = NodeConfig::parse(&text, &path).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.node.id, format!("{name}-1"));
        assert_eq!(config.datasets.len(), 1);
        assert!(config.link.is_none());
        councils.extend(config.datasets.into_iter().map(|descriptor| descriptor.dataset));
    }
    councils.retain(|dataset| dataset.name.schema() == "councils");
    assert_eq!(councils.len(), 3);
    assert!(
        councils.windows(2).all(|pair| pair[0] == pair[1]),
        "one dataset, declared alike at three nodes"
    );
}
