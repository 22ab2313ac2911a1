//! Names and files: each once, below the data folder, read in one way.

use super::*;

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
fn files_stay_below_the_data_folder() {
    for path in ["../x.csv", "/x.csv", "a//b.csv", "./a.csv", "a/../../b", "", "a/"] {
        let text = FULL.replace("data/b.csv", path);
        let errors = parse(&text).unwrap_err();
        assert!(errors.to_string().contains("isn't the path of a data file"), "{path}: {errors}");
    }
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
