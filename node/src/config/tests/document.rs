//! The document as a whole: every error at once, each with its place.

use super::*;

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
           `decimal_places`, `label`, `domain`, `domain_closed`, `within`, `breakpoints`, `bounds`, `unit_bounds`, \
           `unit_breakpoints`, `measured_in`, `blank`, `thousands_separator`, `date_format`, `derive`; did you mean `label`?",
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
    check(
        "memory_mib = 256",
        "spill_mib = 64",
        &[
            "4:13: `spill_mib` is there without `spill_folder`; add the folder, such as `spill_folder = \"/var/tmp/insitu\"`",
        ],
    );
    check("[uplink]", "[uplink", &["6:8: unclosed table, expected `]`; correct it here"]);
    check("id = \"leeds-1\"", "id = \"a\"\nid = \"b\"", &["3:1: duplicate key; correct it here"]);
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
