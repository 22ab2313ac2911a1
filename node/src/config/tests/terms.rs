//! Terms of disclosure: none has a default, and a profile is only tightened.

use super::*;

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
        "profile = \"strict\"\nothers_min = 9",
        &[
            "19:14: `others_min` is 9, below the profile's 10; write 10 or more: a profile is only tightened",
            "20:19: `threshold_units` is 12, below the profile's 20; write 20 or more: a profile is only tightened",
        ],
    );
    check(
        "profile = \"standard\"",
        "profile = \"none\"",
        &["18:11: `none` isn't known as `profile`; write one of `standard`, `strict`, `ons-ckm`, \
             `round-5`, `midpoint-6`, `exact`"],
    );
}

#[test]
fn units_of_others_are_asked_for_where_cells_are_added_up() {
    let with = |release: &str| {
        let terms = format!("release = \"{release}\"\nothers_min = 10");
        parse(&FULL.replace("release = \"at-gateway\"", &terms))
    };
    let config = with("at-gateway").unwrap();
    let [descriptor] = config.datasets.as_slice() else { panic!() };
    assert_eq!(descriptor.dataset.profile().others_min, 10);
    let told = with("at-node").unwrap_err().to_string();
    assert!(
        told.contains("`others_min` has no place here: a node protects its own tables alone"),
        "{told}"
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
fn a_budget_and_answer_times_are_read() {
    let written = FULL.replace(
        "release = \"at-gateway\"",
        "release = \"at-gateway\"\nconditions_max = 20\nanswer_times = [\"500ms\", \"5s\", \"30s\"]",
    );
    let config = parse(&written).unwrap();
    let dataset = &config.datasets[0].dataset;
    assert_eq!(dataset.conditions_max(), Some(20));
    assert_eq!(dataset.answer_times().ms(), [500, 5_000, 30_000]);
    let without = parse(FULL).unwrap();
    assert_eq!(without.datasets[0].dataset.conditions_max(), None);
    assert_eq!(without.datasets[0].dataset.answer_times().last(), None);
}

#[test]
fn answer_times_that_could_not_hold_are_refused() {
    for (times, expect) in [
        ("[]", "`answer_times` aren't 1 to 8 ascending times of an hour at most"),
        (r#"["5s", "1s"]"#, "`answer_times` aren't 1 to 8 ascending times of an hour at most"),
        (r#"["1s", "1000ms"]"#, "`answer_times` aren't 1 to 8 ascending times of an hour at most"),
        (r#"["5"]"#, "`5` isn't a time"),
        (r#"["0s"]"#, "`0s` isn't a time"),
        (r#"["-1s"]"#, "`-1s` isn't a time"),
        (r#"["1.5s"]"#, "`1.5s` isn't a time"),
        (r#"["9999999999s"]"#, "`9999999999s` isn't a time"),
        (r#"["5m"]"#, "`5m` isn't a time"),
        (
            r#"["1s", "31s"]"#,
            "the last of `answer_times` is after the 30 seconds that a query may take",
        ),
    ] {
        let line = format!("release = \"at-gateway\"\nanswer_times = {times}");
        let errors = parse(&FULL.replace("release = \"at-gateway\"", &line)).unwrap_err();
        let problems: Vec<&str> = errors.iter().map(|error| error.problem.as_str()).collect();
        assert_eq!(problems, [expect], "{times}");
    }
    for number in ["0", "1000001", "-3"] {
        let line = format!("release = \"at-gateway\"\nconditions_max = {number}");
        let errors = parse(&FULL.replace("release = \"at-gateway\"", &line)).unwrap_err();
        assert!(errors.to_string().contains("write a number from 1 to 1000000"), "{errors}");
    }
}

#[test]
fn a_cell_key_method_of_ones_own_takes_a_profile_with_noise() {
    let own = "p_table = \"own.csv\"\nrecord_key = \"own_key\"\nprofile = ";
    let column = "[[dataset.column]]\nname = \"own_key\"\ntype = \"integer\"\n";
    let problems = |profile: &str| -> Vec<String> {
        // One row for each unit, which `exact` and `round-5` take, and no number that isn't theirs.
        let text = FULL
            .replace("profile = \"standard\"", &format!("{own}\"{profile}\""))
            .replace("unit_unique_per_row = false", "unit_unique_per_row = true")
            .replace("threshold_units = 12\n", "")
            .replace("rounding_base = 10\n", "");
        let text = format!("{text}\n{column}");
        let errors = parse(&text).err();
        let found = errors.iter().flat_map(|errors| errors.iter());
        found.map(|error| error.problem.clone()).collect()
    };
    let refused = |key: &str| {
        format!(
            "`{key}` has no place here: this profile adds no noise, so that it would have no effect"
        )
    };
    // Record keys also draw how wide the edge of a chosen set is, of which whole tables have none.
    for (profile, keys) in
        [("exact", &["p_table", "record_key"][..]), ("round-5", &["p_table", "record_key"])]
    {
        let found = problems(profile);
        for key in ["p_table", "record_key"] {
            let expect = keys.contains(&key);
            assert_eq!(found.contains(&refused(key)), expect, "{profile}: {found:?}");
        }
    }
    let found = problems("midpoint-6");
    let of_counts = "`p_table` has no place here: this profile adds no noise to counts, which such a table is for";
    assert!(found.iter().any(|problem| problem == of_counts), "{found:?}");
    assert!(!found.contains(&refused("record_key")), "{found:?}");
    for profile in ["standard", "strict", "ons-ckm"] {
        let found = problems(profile);
        assert!(!found.iter().any(|problem| problem.contains("no noise")), "{profile}: {found:?}");
    }
}

#[test]
fn amounts_may_be_further_off_where_they_are_off_at_all() {
    let problems = |profile: &str, percent: u32| -> Vec<String> {
        let text = FULL
            .replace(
                "profile = \"standard\"",
                &format!("profile = \"{profile}\"\ninfusion_percent = {percent}"),
            )
            .replace("unit_unique_per_row = false", "unit_unique_per_row = true")
            .replace("threshold_units = 12\n", "")
            .replace("rounding_base = 10\n", "");
        let errors = parse(&text).err();
        let found = errors.iter().flat_map(|errors| errors.iter());
        found.map(|error| error.problem.clone()).collect()
    };
    for profile in ["standard", "strict", "ons-ckm", "midpoint-6"] {
        assert_eq!(problems(profile, 10), Vec::<String>::new());
        assert_eq!(problems(profile, 40), Vec::<String>::new());
        assert_eq!(problems(profile, 9), ["`infusion_percent` is 9, below the profile's 10"]);
        assert_eq!(problems(profile, 41).len(), 1, "twice that would be nearly all of it");
    }
    for profile in ["exact", "round-5"] {
        let found = problems(profile, 10);
        assert!(found.iter().any(|problem| problem.contains("adds no noise")), "{found:?}");
    }
}

#[test]
fn a_wider_edge_for_chosen_sets_takes_a_profile_that_answers_them() {
    let problems = |profile: &str, blur: &str| -> Vec<String> {
        let text = FULL
            .replace("profile = \"standard\"", &format!("profile = \"{profile}\"\n{blur}"))
            .replace("unit_unique_per_row = false", "unit_unique_per_row = true")
            .replace("threshold_units = 12\n", "")
            .replace("rounding_base = 10\n", "");
        let errors = parse(&text).err();
        let found = errors.iter().flat_map(|errors| errors.iter());
        found.map(|error| error.problem.clone()).collect()
    };
    for profile in ["standard", "strict", "ons-ckm", "midpoint-6"] {
        assert_eq!(problems(profile, "threshold_blur_chosen = 15"), Vec::<String>::new());
        let found = problems(profile, "threshold_blur_chosen = 14");
        assert_eq!(found, ["`threshold_blur_chosen` is 14, below the profile's 15"], "{profile}");
    }
    for profile in ["exact", "round-5"] {
        let found = problems(profile, "threshold_blur_chosen = 15");
        assert!(found.iter().any(|problem| problem.contains("whole tables only")), "{found:?}");
    }
}

#[test]
fn combinations_that_cant_be_are_of_dimensions_and_their_codes() {
    let with = |line: &str| format!("profile = \"standard\"\n{line}");
    let problems = |line: &str| -> Vec<String> {
        let errors = parse(&FULL.replace("profile = \"standard\"", &with(line))).err();
        let found = errors.iter().flat_map(|errors| errors.iter());
        found.map(|error| error.problem.clone()).collect()
    };
    assert_eq!(problems("impossible = [{ band = [\"A\"] }]"), Vec::<String>::new());
    for (line, expect) in [
        ("impossible = [{}]", "the combination names no column: every row would be it"),
        (
            "impossible = [{ bands = [\"A\"] }]",
            "the combination names no column: there is no `bands`",
        ),
        ("impossible = [{ arrears = [5] }]", "`arrears` is a `measure`, which has no codes"),
        ("impossible = [{ band = [\"Z\"] }]", "'Z' isn't in the domain of `band`"),
        ("impossible = [{ band = [] }]", "`band` lists 0 values"),
    ] {
        assert_eq!(problems(line), [expect], "{line}");
    }
    let open = FULL
        .replace("\"protected\"", "\"open\"")
        .replace("profile = \"standard\"", "impossible = [{ band = [\"A\"] }]");
    let errors = parse(&open).unwrap_err().to_string();
    assert!(errors.contains("`impossible` has no place here"), "{errors}");
}

/// Two datasets with the same columns, and what they say of `unit_joins`.
fn two(first: &str, second: &str) -> String {
    let dataset = |name: &str, joins: &str| {
        format!(
            "[[dataset]]\nname = \"{name}\"\n{joins}\nsource = {{ format = \"csv\", path = \"a.csv\" }}\n\
             protection = \"protected\"\nunit = \"id\"\nunit_unique_per_row = false\nunits_at_one_node = true\n\
             profile = \"standard\"\nrelease = \"at-node\"\n\
             [[dataset.column]]\nname = \"id\"\ntype = \"text\"\nlabel = \"unit\"\n"
        )
    };
    let node = "[node]\nid = \"n\"\ndepartment = \"N\"\n";
    format!("{node}{}{}", dataset("a.one", first), dataset("a.two", second))
}

#[test]
fn a_join_by_the_unit_is_allowed_on_both_sides_or_not_at_all() {
    let names = |list: &str| format!("unit_joins = {list}");
    let config = parse(&two(&names("[\"a.two\", \"a.one\"]"), &names("[\"a.one\"]"))).unwrap();
    let [one, other] = config.datasets.as_slice() else { panic!() };
    assert!(one.dataset.may_be_joined_with(&other.dataset.name));
    assert!(other.dataset.may_be_joined_with(&one.dataset.name));
    assert!(one.dataset.may_be_joined_with(&one.dataset.name), "with itself, where it says so");
    assert!(!other.dataset.may_be_joined_with(&other.dataset.name));
    let none = parse(&two("", "")).unwrap();
    assert!(!none.datasets[0].dataset.may_be_joined_with(&none.datasets[1].dataset.name));
    for (first, second, expect) in [
        ("[\"a.two\"]", "[]", "`a.two` doesn't name `a.one` in its `unit_joins`"),
        ("[\"a.three\"]", "[]", "`a.three` isn't a dataset of this node"),
        ("[\"two\"]", "[]", "`two` isn't the name of a dataset"),
    ] {
        let errors = parse(&two(&names(first), &names(second))).unwrap_err();
        assert_eq!(errors.iter().map(|e| e.problem.as_str()).collect::<Vec<_>>(), [expect]);
        assert_eq!(errors.iter().next().unwrap().position, Some(Position { line: 6, column: 15 }));
    }
}

#[test]
fn ids_of_two_kinds_are_not_joined_and_neither_is_a_dataset_whose_rows_are_units() {
    let both = two("unit_joins = [\"a.two\"]", "unit_joins = [\"a.one\"]");
    let (before, after) = both.rsplit_once("type = \"text\"").unwrap();
    let numbers = format!("{before}type = \"integer\"{after}");
    let errors = parse(&numbers).unwrap_err();
    assert!(errors.iter().all(|e| e.fix == "declare ids of one type"), "{errors}");
    let rows = both
        .replace("unit = \"id\"\nunit_unique_per_row = false", "unit = \"row\"")
        .replace("label = \"unit\"", "label = \"dimension\"");
    let errors = parse(&rows).unwrap_err();
    assert!(errors.iter().all(|e| e.problem.contains("don't both have a column")), "{errors}");
    let open = two("unit_joins = []", "").replacen("\"protected\"", "\"open\"", 1);
    let errors = parse(&open).unwrap_err();
    let expect = "`unit_joins` has no place here: an `open` dataset protects nobody";
    assert!(errors.iter().any(|e| e.problem == expect), "{errors}");
}
