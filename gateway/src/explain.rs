//! `EXPLAIN`, ours: where each part runs and which rules apply, from text, policies and catalogue
//! alone. The engine's own would print what it knows of data.

use std::fmt::Write as _;

use insitu_disclosure::tabulation::Bins;
use insitu_disclosure::{
    Dataset, MeasureKind, ProtectedUnit, Protection, ReleaseMode, Scalar, Tabulation,
};

use crate::catalog::Held;
use crate::plan::Leaf;
use crate::query::Ready;

/// The explanation, some lines of text.
pub(crate) fn explain(ready: &Ready) -> String {
    let mut text = String::new();
    for (index, leaf) in ready.leaves.iter().enumerate() {
        let held = leaf.held();
        let _ = writeln!(text, "leaf_{index}: {}", at(held));
        match leaf {
            Leaf::Tabulation { tabulation, references, .. } => {
                tabulated(&mut text, tabulation, &held.dataset);
                for (_, open) in references {
                    let _ = writeln!(
                        text,
                        "    joined to {}, which is sent to the department once",
                        open.dataset.name
                    );
                }
                rules(&mut text, &held.dataset);
            }
            Leaf::OpenRows { .. } => {
                let need = ready.needs.get(&index);
                let columns = need.map_or(String::new(), |n| n.columns.join(", "));
                let _ = writeln!(text, "  open rows of {}: {columns}", held.dataset.name);
                if let Some(predicate) = need.and_then(|n| n.predicate.as_ref()) {
                    let _ = writeln!(text, "    where {}", show(predicate));
                }
            }
        }
    }
    let _ = writeln!(text, "at the gateway, over released tables only:");
    for line in ready.optimised.display_indent().to_string().lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn at(held: &Held) -> String {
    let departments: Vec<&str> = held.holders.iter().map(|h| h.department.as_str()).collect();
    format!("at {}", departments.join(", "))
}

fn tabulated(text: &mut String, tabulation: &Tabulation, dataset: &Dataset) {
    let _ = writeln!(text, "  Tabulation of {}", tabulation.input.dataset());
    for predicate in tabulation.input.predicates() {
        let _ = writeln!(text, "    where {}", show(predicate));
    }
    if !tabulation.keys.is_empty() {
        let keys: Vec<String> = tabulation.keys.iter().map(|k| show(&k.scalar)).collect();
        let _ = writeln!(text, "    by {}", keys.join(", "));
        let sets = tabulation.sets.iter().map(|set| {
            let kept: Vec<&str> = set.kept(&keys).map(String::as_str).collect();
            format!("({})", kept.join(", "))
        });
        let sets: Vec<String> = sets.collect();
        if !sets.is_empty() {
            let _ = writeln!(text, "    in grouping sets {}", sets.join(", "));
        }
    }
    for measure in &tabulation.measures {
        let what = match &measure.kind {
            MeasureKind::Rows => "count of rows".to_owned(),
            MeasureKind::Values(x) => format!("count of values of {}", show(x)),
            MeasureKind::Units => "count of distinct units".to_owned(),
            MeasureKind::Sum(x) => format!("sum of {}", show(x)),
            MeasureKind::Mean(x) => format!("mean of {}", show(x)),
            MeasureKind::Histogram(x) => format!("histogram of {}, {}", show(x), bins(x, dataset)),
            MeasureKind::Quantile { argument, probability } => {
                let bins = bins(argument, dataset);
                format!("quantile {probability} of {}, estimated from {bins}", show(argument))
            }
            MeasureKind::Dispersion(of, x) => format!("{} of {}", of.as_str(), show(x)),
            MeasureKind::Association(of, y, x) => {
                format!("{} of {} and {}", of.as_str(), show(y), show(x))
            }
        };
        let filter =
            measure.filter.as_ref().map_or(String::new(), |f| format!(", where {}", show(f)));
        let _ = writeln!(text, "    {what}{filter}");
    }
}

/// The counts that a distribution is made of.
fn bins(argument: &Scalar, dataset: &Dataset) -> String {
    let edges = Bins::of(argument, dataset).map(|bins| bins.describe());
    format!("counts between {}", edges.unwrap_or_default())
}

fn rules(text: &mut String, dataset: &Dataset) {
    match &dataset.protection {
        Protection::Open => {
            let _ = writeln!(text, "  open data: nothing is suppressed or rounded");
        }
        Protection::Protected { unit, profile, release, conditions_max, answer_times, .. } => {
            let unit = match unit {
                ProtectedUnit::Row => "row".to_owned(),
                ProtectedUnit::Column { name, .. } => name.clone(),
            };
            let side = match release {
                ReleaseMode::AtNode => "the department protects the table",
                ReleaseMode::AtGateway => "the departments' cells are combined, then protected",
            };
            let _ = writeln!(text, "  {side}, by `{unit}`: {}", profile.describe("units"));
            if let Some(number) = conditions_max {
                let _ = writeln!(
                    text,
                    "  {number} different conditions are answered for each state of the data"
                );
            }
            if answer_times.last().is_some() {
                let _ = writeln!(text, "  answers are sent {answer_times} after the question");
            }
        }
    }
}

/// An expression in SQL's words.
fn show(scalar: &Scalar) -> String {
    let list = |parts: &[Scalar], word: &str| {
        let parts: Vec<String> = parts.iter().map(show).collect();
        format!("({})", parts.join(word))
    };
    match scalar {
        Scalar::Column(name) => name.clone(),
        Scalar::Literal(literal) => literal.to_string(),
        Scalar::Compare { op, left, right } => {
            format!("{} {} {}", show(left), op.as_str(), show(right))
        }
        Scalar::And(parts) => list(parts, " AND "),
        Scalar::Or(parts) => list(parts, " OR "),
        Scalar::Not(value) => format!("NOT ({})", show(value)),
        Scalar::IsNull(value) => format!("{} IS NULL", show(value)),
        Scalar::InList { value, list } => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("{} IN ({})", show(value), list.join(", "))
        }
        Scalar::Like { value, pattern, ignore_case } => {
            let word = if *ignore_case { "ILIKE" } else { "LIKE" };
            format!("{} {word} '{}'", show(value), pattern.replace('\'', "''"))
        }
        Scalar::Case { branches, otherwise } => {
            let mut text = "CASE".to_owned();
            for (when, then) in branches {
                let _ = write!(text, " WHEN {} THEN {}", show(when), show(then));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(text, " ELSE {}", show(otherwise));
            }
            text + " END"
        }
        Scalar::Call { function, args } => {
            let args: Vec<String> = args.iter().map(show).collect();
            format!("{}({})", function.as_str(), args.join(", "))
        }
        Scalar::Cast { value, to } => format!("cast({} to {to})", show(value)),
        Scalar::Lookup { reference, column, value_type: _, key } => {
            let by = show(key);
            // The other column's name is told where it isn't the same.
            let equals =
                if by == reference.key { String::new() } else { format!(" = {}", reference.key) };
            format!("look-up of {column} in {} by {by}{equals}", reference.dataset)
        }
    }
}
