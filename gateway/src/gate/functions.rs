//! The closed list of functions. The gate lets no other name pass, and the engine's registry is
//! built from the same table, so that neither can drift from the other.
//!
//! What isn't here is left out for a reason: functions that build values far larger than their
//! arguments (`repeat('x', 2000000000)` took 7.7 GiB), that run a pattern the analyst wrote, whose
//! answer changes from call to call, or that tell about the server. `min` and `max` are here: on
//! open data they are harmless, and on protected data a later rule refuses them with an
//! explanation.

use insitu_disclosure::{Refusal, RefusalCode};

use super::refusals::quote;

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// One value from the values of one row.
    Scalar,
    /// One value from many rows; with `OVER` also a window function.
    Aggregate,
    /// One value from a row's neighbours, with `OVER`.
    Window,
}

/// A function on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// The name as SQL writes it, lower case.
    pub name: &'static str,
    /// How it is called; a name may be listed as more than one kind.
    pub kind: FunctionKind,
}

const fn scalar(name: &'static str) -> Offered {
    Offered { name, kind: FunctionKind::Scalar }
}

const fn aggregate(name: &'static str) -> Offered {
    Offered { name, kind: FunctionKind::Aggregate }
}

const fn window(name: &'static str) -> Offered {
    Offered { name, kind: FunctionKind::Window }
}

/// Every function offered. Names only the engine knows are looked up there, aliases included.
pub const OFFERED: &[Offered] = &[
    // Numbers.
    scalar("abs"),
    scalar("ceil"),
    scalar("floor"),
    scalar("round"),
    scalar("trunc"),
    scalar("signum"),
    scalar("sqrt"),
    scalar("cbrt"),
    scalar("power"),
    scalar("pow"),
    scalar("exp"),
    scalar("ln"),
    scalar("log"),
    scalar("log2"),
    scalar("log10"),
    // Choices.
    scalar("coalesce"),
    scalar("nullif"),
    scalar("nvl"),
    scalar("ifnull"),
    scalar("greatest"),
    scalar("least"),
    // Text. None makes a text longer than its arguments together; `calls.rs` sees to `replace`.
    scalar("lower"),
    scalar("upper"),
    scalar("initcap"),
    scalar("trim"),
    scalar("btrim"),
    scalar("ltrim"),
    scalar("rtrim"),
    scalar("length"),
    scalar("char_length"),
    scalar("character_length"),
    scalar("substr"),
    scalar("substring"),
    scalar("left"),
    scalar("right"),
    scalar("reverse"),
    scalar("replace"),
    scalar("concat"),
    scalar("concat_ws"),
    scalar("split_part"),
    scalar("strpos"),
    scalar("contains"),
    scalar("starts_with"),
    scalar("ends_with"),
    // Dates.
    scalar("date_trunc"),
    scalar("date_part"),
    scalar("make_date"),
    // Aggregates.
    aggregate("count"),
    aggregate("sum"),
    aggregate("avg"),
    aggregate("mean"),
    aggregate("min"),
    aggregate("max"),
    aggregate("median"),
    aggregate("stddev"),
    aggregate("stddev_pop"),
    aggregate("stddev_samp"),
    aggregate("var"),
    aggregate("var_pop"),
    aggregate("var_samp"),
    aggregate("corr"),
    aggregate("covar"),
    aggregate("covar_pop"),
    aggregate("covar_samp"),
    aggregate("regr_avgx"),
    aggregate("regr_avgy"),
    aggregate("regr_count"),
    aggregate("regr_intercept"),
    aggregate("regr_r2"),
    aggregate("regr_slope"),
    aggregate("regr_sxx"),
    aggregate("regr_sxy"),
    aggregate("regr_syy"),
    aggregate("approx_distinct"),
    aggregate("approx_median"),
    aggregate("approx_percentile_cont"),
    aggregate("percentile_cont"),
    aggregate("quantile_cont"),
    aggregate("histogram"),
    aggregate("bool_and"),
    aggregate("bool_or"),
    aggregate("bit_and"),
    aggregate("bit_or"),
    aggregate("bit_xor"),
    aggregate("string_agg"),
    aggregate("any_value"),
    aggregate("first_value"),
    aggregate("last_value"),
    aggregate("nth_value"),
    aggregate("grouping"),
    // Window functions.
    window("row_number"),
    window("rank"),
    window("dense_rank"),
    window("percent_rank"),
    window("cume_dist"),
    window("ntile"),
    window("lag"),
    window("lead"),
    window("first_value"),
    window("last_value"),
    window("nth_value"),
];

/// Functions that have a grammar of their own and are never called by an unquoted name.
const SPECIAL_FORMS: &[&str] = &["ceil", "floor", "substr", "substring", "trim"];

/// Whether a function of this name (lower case) is on the list.
#[must_use]
pub fn is_offered(name: &str) -> bool {
    OFFERED.iter().any(|offered| offered.name == name)
}

/// Whether the name is an aggregate's.
pub(super) fn is_aggregate(name: &str) -> bool {
    OFFERED.iter().any(|offered| offered.name == name && offered.kind == FunctionKind::Aggregate)
}

/// Whether an unquoted call of this name should have been read as a special form.
pub(super) fn is_special_form(name: &str) -> bool {
    SPECIAL_FORMS.contains(&name)
}

/// Why a function isn't offered, and what to use instead.
pub(super) fn refuse(name: &str) -> Refusal {
    for known in LEFT_OUT {
        if known.matches(name) {
            return Refusal::new(
                RefusalCode::Q108,
                format!("the function {} isn't offered: {}.", quote(name), known.reason),
                known.fix,
            );
        }
    }
    let fix = match nearest(name) {
        Some(near) => format!("Perhaps you mean `{near}`."),
        None => "Do this step in your own tool, on the released table.".to_owned(),
    };
    Refusal::new(RefusalCode::Q108, format!("the function {} isn't offered.", quote(name)), fix)
}

/// The offered name that differs least, if the difference can be a slip.
fn nearest(name: &str) -> Option<&'static str> {
    let slips_max = name.chars().count().div_ceil(4).min(2);
    OFFERED
        .iter()
        .map(|offered| (strsim::osa_distance(offered.name, name), offered.name))
        .filter(|(slips, _)| *slips <= slips_max)
        .min()
        .map(|(_, near)| near)
}

/// A function, or a family by its first letters, that was left out for a reason worth telling.
struct LeftOut {
    /// The name; with `*` at the end the beginning of many.
    name: &'static str,
    reason: &'static str,
    fix: &'static str,
}

impl LeftOut {
    fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.name,
        }
    }
}

const HUGE: &str = "it can build a value of any size";
const PATTERN: &str = "a pattern can take any time to match";
const CHANGES: &str = "its answer changes from call to call";
const SERVER: &str = "it tells about the server, not about the data";
const NO_ARRAYS: &str = "arrays aren't offered";
const IN_YOUR_TOOL: &str = "Do this step in your own tool, on the released table.";
const WRITE_THE_DATE: &str = "Write the moment you mean, such as `DATE '2024-03-31'`.";
const USE_LIKE: &str = "Use `LIKE`, `starts_with` or `contains`.";
const WITHIN_SETS: &str = "it stands in `GROUP BY`, and not within other grouping sets";
const WRITE_SETS: &str = "Write its sets out: `GROUPING SETS ((a, b), (a), ())`.";
const USE_DATE_PART: &str = "Use `date_part('year', d)` or `EXTRACT(YEAR FROM d)`.";
const NO_FORMATS: &str = "a format can make a value of any size";
const USE_PARTS: &str = "Use `date_part` or `date_trunc`.";
const OTHER_NAME: &str = "it has another name here";
const VARIES: &str = "databases don't agree on what it counts from";
const BY_INTERVALS: &str = "days and intervals are added and subtracted";
const ADD_AN_INTERVAL: &str = "Use `d + INTERVAL '1' MONTH`.";
const SUBTRACT_DAYS: &str = "Use `e - d`: between two dates that is a number of days.";

const fn left_out(name: &'static str, reason: &'static str, fix: &'static str) -> LeftOut {
    LeftOut { name, reason, fix }
}

const LEFT_OUT: &[LeftOut] = &[
    left_out("repeat", HUGE, IN_YOUR_TOOL),
    left_out("lpad", HUGE, IN_YOUR_TOOL),
    left_out("rpad", HUGE, IN_YOUR_TOOL),
    left_out("space", HUGE, IN_YOUR_TOOL),
    left_out("range", HUGE, IN_YOUR_TOOL),
    left_out("generate_series", HUGE, IN_YOUR_TOOL),
    left_out("array_repeat", HUGE, IN_YOUR_TOOL),
    left_out("array_resize", HUGE, IN_YOUR_TOOL),
    left_out("factorial", HUGE, IN_YOUR_TOOL),
    left_out("string_to_array", NO_ARRAYS, "Use `split_part`."),
    left_out("array_*", NO_ARRAYS, IN_YOUR_TOOL),
    left_out("list_*", NO_ARRAYS, IN_YOUR_TOOL),
    left_out("make_array", NO_ARRAYS, IN_YOUR_TOOL),
    left_out("unnest", NO_ARRAYS, IN_YOUR_TOOL),
    left_out("regexp_*", PATTERN, USE_LIKE),
    left_out("levenshtein", "its time grows with the square of the texts", IN_YOUR_TOOL),
    left_out("random", CHANGES, IN_YOUR_TOOL),
    left_out("rand", CHANGES, IN_YOUR_TOOL),
    left_out("uuid", CHANGES, IN_YOUR_TOOL),
    left_out("gen_random_uuid", CHANGES, IN_YOUR_TOOL),
    left_out("now", CHANGES, WRITE_THE_DATE),
    left_out("today", CHANGES, WRITE_THE_DATE),
    left_out("getdate", CHANGES, WRITE_THE_DATE),
    left_out("current_date", CHANGES, WRITE_THE_DATE),
    left_out("current_time*", CHANGES, WRITE_THE_DATE),
    left_out("localtime*", CHANGES, WRITE_THE_DATE),
    left_out("current_*", SERVER, IN_YOUR_TOOL),
    left_out("session_user", SERVER, IN_YOUR_TOOL),
    left_out("system_user", SERVER, IN_YOUR_TOOL),
    left_out("version", SERVER, IN_YOUR_TOOL),
    left_out("input_file_name", SERVER, IN_YOUR_TOOL),
    left_out("arrow_*", "it depends on how the engine stores values", "Use `CAST`."),
    left_out("sysdate*", CHANGES, WRITE_THE_DATE),
    left_out("curdate", CHANGES, WRITE_THE_DATE),
    left_out("to_char", NO_FORMATS, USE_PARTS),
    left_out("date_format", NO_FORMATS, USE_PARTS),
    left_out("format_*", NO_FORMATS, USE_PARTS),
    left_out("strftime", NO_FORMATS, USE_PARTS),
    left_out("monthname", "months have numbers here", USE_PARTS),
    left_out("dayname", "days have numbers here", "Use `date_part('dow', d)`: 0 is Sunday."),
    left_out("dayofweek", VARIES, "Use `date_part('dow', d)`: 0 is Sunday."),
    left_out("weekday", VARIES, "Use `date_part('dow', d)`: 0 is Sunday."),
    left_out("week", VARIES, "Use `date_part('week', d)`: weeks as ISO 8601 has them."),
    left_out("yearweek", VARIES, "Use `date_part('isoyear', d)` and `date_part('week', d)`."),
    left_out("datediff", BY_INTERVALS, SUBTRACT_DAYS),
    left_out("date_diff", BY_INTERVALS, SUBTRACT_DAYS),
    left_out("timestampdiff", BY_INTERVALS, SUBTRACT_DAYS),
    left_out("dateadd", BY_INTERVALS, ADD_AN_INTERVAL),
    left_out("date_add", BY_INTERVALS, ADD_AN_INTERVAL),
    left_out("date_sub", BY_INTERVALS, ADD_AN_INTERVAL),
    left_out("add_months", BY_INTERVALS, ADD_AN_INTERVAL),
    left_out(
        "last_day",
        BY_INTERVALS,
        "Use `date_trunc('month', d) + INTERVAL '1 month' - INTERVAL '1 day'`.",
    ),
    left_out(
        "to_number",
        "a text that isn't a number would stop the query",
        "Use `TRY_CAST(a AS INT)`.",
    ),
    left_out(
        "to_date",
        "a text that isn't a date would stop the query",
        "Use `TRY_CAST(a AS DATE)`.",
    ),
    left_out(
        "to_timestamp*",
        "a text that isn't a time would stop the query",
        "Use `TRY_CAST(a AS TIMESTAMP)`.",
    ),
    left_out("year", "dates are taken apart by one function", USE_DATE_PART),
    left_out("month", "dates are taken apart by one function", USE_DATE_PART),
    left_out("day", "dates are taken apart by one function", USE_DATE_PART),
    left_out("quarter", "dates are taken apart by one function", USE_DATE_PART),
    left_out("mod", "there is an operator for it", "Use `a % b`."),
    left_out("sign", OTHER_NAME, "Use `signum`."),
    left_out("ceiling", OTHER_NAME, "Use `ceil`."),
    left_out("truncate", OTHER_NAME, "Use `trunc`."),
    left_out("len", OTHER_NAME, "Use `length`."),
    left_out("instr", OTHER_NAME, "Use `strpos`."),
    left_out("isnull", OTHER_NAME, "Use `a IS NULL` or `coalesce`."),
    left_out("charindex", OTHER_NAME, "Use `strpos(b, a)`."),
    left_out("locate", OTHER_NAME, "Use `strpos(b, a)`."),
    left_out("substring_index", OTHER_NAME, "Use `split_part`."),
    left_out("group_concat", OTHER_NAME, "Use `string_agg(a, ',')`."),
    left_out("listagg", OTHER_NAME, "Use `string_agg(a, ',')`."),
    left_out(
        "variance",
        "it is of a sample or not",
        "Use `var_samp`, or `var_pop` of all there is.",
    ),
    left_out(
        "std",
        "it is of a sample or not",
        "Use `stddev_samp`, or `stddev_pop` of all there is.",
    ),
    left_out("quantile", OTHER_NAME, "Use `percentile_cont(0.5) WITHIN GROUP (ORDER BY a)`."),
    left_out("percentile", OTHER_NAME, "Use `percentile_cont(0.5) WITHIN GROUP (ORDER BY a)`."),
    left_out("percentile_approx", OTHER_NAME, "Use `approx_percentile_cont(a, 0.5)`."),
    left_out("percentile_disc", "it isn't one of the engine's", "Use `percentile_cont`."),
    left_out("mode", "it isn't one of the engine's", "Count each value, then take the first."),
    left_out("convert", OTHER_NAME, "Use `CAST(a AS …)`."),
    left_out("if", OTHER_NAME, "Use `CASE WHEN … THEN … ELSE … END`."),
    left_out("iif", OTHER_NAME, "Use `CASE WHEN … THEN … ELSE … END`."),
    left_out("decode", OTHER_NAME, "Use `CASE a WHEN … THEN … END`."),
    left_out("rollup", WITHIN_SETS, WRITE_SETS),
    left_out("cube", WITHIN_SETS, WRITE_SETS),
    left_out("md5", "pseudonyms are made by the departments", IN_YOUR_TOOL),
    left_out("sha*", "pseudonyms are made by the departments", IN_YOUR_TOOL),
    left_out("digest", "pseudonyms are made by the departments", IN_YOUR_TOOL),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_each_name_once_a_kind_in_lower_case() {
        for (position, offered) in OFFERED.iter().enumerate() {
            assert_eq!(offered.name, offered.name.to_ascii_lowercase());
            assert!(!OFFERED[..position].contains(offered), "{offered:?}");
        }
    }

    #[test]
    fn nothing_is_both_offered_and_left_out() {
        for offered in OFFERED {
            for known in LEFT_OUT {
                assert!(!known.matches(offered.name), "{}", offered.name);
            }
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_name_meant() {
        assert!(refuse("medain").fix().contains("`median`"));
        assert!(refuse("lowr").fix().contains("`lower`"));
        assert!(!refuse("st_transform").fix().contains("Perhaps"));
    }
}
