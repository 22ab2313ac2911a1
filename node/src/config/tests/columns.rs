//! Columns: what each label asks for, and values in the column's own type.

use super::*;

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
fn breakpoints_of_a_units_total_need_its_bounds() {
    check(
        "bounds = { low = 0, high = \"5000.50\" }\n",
        "bounds = { low = 0, high = \"5000.50\" }\nunit_breakpoints = [\"10.00\"]\n",
        &[
            "58:20: `unit_breakpoints` has no place here: they are of totals for which no `unit_bounds` are declared; \
             take it out",
        ],
    );
    check(
        "bounds = { low = 0, high = \"5000.50\" }\n",
        "bounds = { low = 0, high = \"5000.50\" }\nunit_bounds = { low = 5, high = 1 }\n",
        &["58:15: `low` isn't below `high`; write the smallest and the largest plausible value"],
    );
    check(
        "bounds = { low = 0, high = \"5000.50\" }\n",
        "bounds = { low = 0, high = \"5000.50\" }\nunit_bounds = { low = 0, high = 90000 }\nunit_breakpoints = [\"10.00\"]\n",
        &[],
    );
}

/// The whole document with what `band` and `age` lie within, and columns for that.
fn with_within(of_band: &str, of_age: &str) -> String {
    let coarser = |name: &str, domain: &str| {
        format!(
            "\n[[dataset.column]]\nname = \"{name}\"\ntype = \"text\"\nlabel = \"dimension\"\n{domain}\n"
        )
    };
    let text = FULL
        .replace("derive = \"upper\"", &format!("derive = \"upper\"\n{of_band}"))
        .replace("domain_closed = true", &format!("domain_closed = true\n{of_age}"));
    format!("{text}{}{}", coarser("group", "domain = [\"low\", \"high\"]"), coarser("decade", ""))
}

#[test]
fn what_codes_belong_to_is_written_out_or_in_a_file() {
    let text = with_within(
        "within = { group = { low = [\"A\"], high = [\"B\"] } }",
        "within = { decade = \"lists/ages.csv\", group = \"lists/ages.csv\" }",
    );
    let config = parse(&text).unwrap();
    let descriptor = &config.datasets[0];
    let [bands] = &descriptor.dataset.hierarchies[..] else { panic!() };
    assert_eq!((bands.column(), bands.within()), ("band", "group"));
    let codes: Vec<String> = bands.codes().iter().map(|(c, p)| format!("{c} {p}")).collect();
    assert_eq!(codes, ["'A' 'low'", "'B' 'high'"]);
    let lists = descriptor.code_lists.iter();
    let lists: Vec<_> = lists.map(|l| format!("{} {} {}", l.column, l.within, l.file)).collect();
    assert_eq!(lists, ["age decade lists/ages.csv", "age group lists/ages.csv"]);
}

#[test]
fn what_codes_cannot_belong_to_is_told() {
    let problems = |of_band: &str, of_age: &str| -> Vec<String> {
        let errors = parse(&with_within(of_band, of_age)).err();
        let found = errors.iter().flat_map(|errors| errors.iter());
        found.map(|error| error.problem.clone()).collect()
    };
    let lies = "within = { group = { low = [\"A\"], high = [\"B\"] } }";
    for (of_band, of_age, expect) in [
        (
            "within = { group = { low = [\"A\"], high = [\"A\"] } }",
            "",
            "`band` has 'A' in two codes of `group`",
        ),
        (
            "within = { group = { low = [\"A\"], high = [\"Z\"] } }",
            "",
            "'Z' isn't in the domain of `band`",
        ),
        (
            "within = { group = { low = [\"A\"], top = [\"B\"] } }",
            "",
            "'top' isn't in the domain of `group`",
        ),
        (
            "within = { group = { low = [\"A\", \"B\"] } }",
            "",
            "no code of `band` lies within 'high' of `group`: its rows would be counted nowhere",
        ),
        ("within = { group = {} }", "", "`band` within `group` lists 0 codes, not 1 to 10000"),
        (
            "within = { arrears = \"a.csv\" }",
            "",
            "`arrears` is no dimension that a column could lie within",
        ),
        (
            "within = { town = \"a.csv\" }",
            "",
            "`town` is no dimension that a column could lie within",
        ),
        ("within = { band = { A = [\"A\"], B = [\"B\"] } }", "", "`band` lies within itself"),
        ("within = { group = \"../a.csv\" }", "", "`../a.csv` isn't the path of a data file"),
        (lies, "within = { band = { Z = [1] } }", "'Z' isn't in the domain of `band`"),
        (lies, "within = { decade = { old = [\"x\"] } }", "`\"x\"` isn't a value of the column"),
    ] {
        let found = problems(of_band, of_age);
        assert_eq!(found.first().map(String::as_str), Some(expect), "{of_band} {of_age}");
    }
    let measure =
        FULL.replace("blank = \"null\"", "blank = \"null\"\nwithin = { band = \"a.csv\" }");
    let errors = parse(&measure).unwrap_err().to_string();
    assert!(errors.contains("`within` has no place here: `arrears` is a `measure`"), "{errors}");
    let open = with_within(lies, "").replace("\"protected\"", "\"open\"");
    let errors = parse(&open).unwrap_err().to_string();
    assert!(errors.contains("`within` has no place here: an `open` dataset"), "{errors}");
}
