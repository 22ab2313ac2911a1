//! An explanation for people to read.

use std::fmt::Write as _;

use super::{Explanation, Measured, MeasuredKind, Protected, Request, RolledUp};

/// The text, in lines.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    for request in &explanation.requests {
        match request {
            Request::Tabulation {
                leaves,
                departments,
                dataset,
                joined_to,
                unit_joins,
                roll_up,
                conditions,
                keys,
                grouping_sets,
                measures,
                protection,
                request_bytes_max: _,
            } => {
                let _ = writeln!(text, "{}: at {}", leaves.join(", "), departments.join(", "));
                let _ = writeln!(text, "  Tabulation of {dataset}");
                for open in joined_to {
                    let _ = writeln!(
                        text,
                        "    joined to {open}, which is sent to the department once"
                    );
                }
                for join in unit_joins {
                    let condition = join.condition.as_ref();
                    let condition = condition.map_or(String::new(), |c| format!(", where {c}"));
                    let _ = writeln!(text, "    {} {}{condition}", join.words, join.dataset);
                }
                if let Some(roll_up) = roll_up {
                    rolled_up(&mut text, roll_up);
                }
                for condition in conditions {
                    let _ = writeln!(text, "    where {condition}");
                }
                if !keys.is_empty() {
                    let _ = writeln!(text, "    by {}", keys.join(", "));
                    let sets = grouping_sets.iter().map(|set| format!("({})", set.join(", ")));
                    let sets: Vec<String> = sets.collect();
                    if !sets.is_empty() {
                        let _ = writeln!(text, "    in grouping sets {}", sets.join(", "));
                    }
                }
                for measure in measures {
                    let filter =
                        measure.filter.as_ref().map_or(String::new(), |f| format!(", where {f}"));
                    let chosen = if measure.chosen == Some(true) { ", of chosen sets" } else { "" };
                    let _ = write!(text, "    {}{filter}{chosen}", measured(measure));
                    // Of one leaf it is plain which measure is whose.
                    if 1 < leaves.len() {
                        let _ = write!(text, ": {}", measure.columns.join(", "));
                    }
                    text.push('\n');
                }
                rules(&mut text, protection);
            }
            Request::OpenRows {
                leaf,
                departments,
                dataset,
                columns,
                condition,
                rows_max,
                order,
                request_bytes_max: _,
            } => {
                let _ = writeln!(text, "{leaf}: at {}", departments.join(", "));
                let _ = writeln!(text, "  open rows of {dataset}: {}", columns.join(", "));
                if let Some(condition) = condition {
                    let _ = writeln!(text, "    where {condition}");
                }
                if let Some(rows) = rows_max {
                    let by = order.join(", ");
                    let by = if by.is_empty() { by } else { format!(" by {by}") };
                    let _ = writeln!(text, "    the first {rows} of each department{by}");
                }
            }
        }
    }
    let _ = writeln!(text, "at the gateway, over released tables only:");
    for line in &explanation.upper_plan {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn rolled_up(text: &mut String, roll_up: &RolledUp) {
    let kept = roll_up.dimensions.iter().map(|name| format!(" and {name}"));
    let _ = writeln!(text, "    rolled up to each unit{}", kept.collect::<String>());
    for condition in &roll_up.conditions {
        let _ = writeln!(text, "      where {condition}");
    }
    for count in &roll_up.counts {
        let of = match &count.values_of {
            None => "rows".to_owned(),
            Some(column) => format!("values of {column}"),
        };
        let filter = count.filter.as_ref().map_or(String::new(), |f| format!(", where {f}"));
        let _ = writeln!(text, "      {}: count of {of}{filter}", count.column);
    }
    for total in &roll_up.totals {
        let filter = total.filter.as_ref().map_or(String::new(), |f| format!(", where {f}"));
        let _ = writeln!(text, "      {}: sum of {}{filter}", total.column, total.of);
    }
}

fn measured(measure: &Measured) -> String {
    let of = measure.arguments.join(" and ");
    let bins = measure.bins.as_deref().unwrap_or_default();
    match measure.kind {
        MeasuredKind::Rows => "count of rows".to_owned(),
        MeasuredKind::Values => format!("count of values of {of}"),
        MeasuredKind::Units => "count of distinct units".to_owned(),
        MeasuredKind::ApproxDistinct => format!("sketch of the distinct values of {of}"),
        MeasuredKind::Sum => format!("sum of {of}"),
        MeasuredKind::Mean => format!("mean of {of}"),
        MeasuredKind::Histogram => format!("histogram of {of}, counts between {bins}"),
        MeasuredKind::Quantile => {
            let probability = measure.probability.as_deref().unwrap_or_default();
            format!("quantile {probability} of {of}, estimated from counts between {bins}")
        }
        MeasuredKind::Moment => format!("{} of {of}", measure.moment.unwrap_or_default()),
    }
}

fn rules(text: &mut String, protection: &Protected) {
    match protection {
        Protected::Open => {
            let _ = writeln!(text, "  open data: nothing is suppressed or rounded");
        }
        Protected::Protected {
            unit,
            release: _,
            protected_by,
            rules,
            numbers: _,
            conditions_max,
            rows_about,
            answer_times_ms: _,
            answer_times,
        } => {
            let side = match protected_by {
                super::Side::Department => "the department protects the table",
                super::Side::Gateway => "the departments' cells are combined, then protected",
            };
            let _ = writeln!(text, "  {side}, by `{unit}`: {rules}");
            if let Some(number) = conditions_max {
                let _ = writeln!(
                    text,
                    "  {number} different conditions are answered for each state of the data"
                );
            }
            if let Some(rows) = rows_about {
                let _ = writeln!(
                    text,
                    "  about {rows} rows: a table with too few of them for its cells is refused"
                );
            }
            if let Some(answer_times) = answer_times {
                let _ = writeln!(text, "  answers are sent {answer_times} after the question");
            }
        }
    }
}
