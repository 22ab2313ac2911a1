//! Predicates: dimensions freely, filters and measures at published breakpoints only.
//!
//! *Statement*: in a predicate a `dimension` may stand anywhere. A `filter` or `measure` may only be
//! compared, directly, with one of its published breakpoints, and only so that the cut falls exactly there (`<` and `>=`); a date with
//! monthly breakpoints may also be cut after the last day of a month (`<=` and `>`), and taken by its
//! month, quarter or year. It may be tested for NULL.
//!
//! | predicate, with monthly breakpoints | answer |
//! |---|---|
//! | `admitted >= DATE '2018-02-01'` | allowed |
//! | `admitted <= DATE '2018-01-31'` | allowed: the same cut |
//! | `admitted <= DATE '2018-02-01'` | D204: cuts out a single day |
//! | `cost > 100000` without breakpoints | D204 |
//!
//! Under a profile with strict predicates a condition is a conjunction of `column IN (codes)`, `column = code` and
//! ranges between breakpoints: every population is then a block of the published classification. What a unit's rows are counted by
//! has no condition of its own there: who has none would be all but a block, and several of these any people.
//!
//! Under a profile that answers whole tables only there are no conditions at all.
//!
//! *Stops*: attack 23, moving a threshold day by day (or penny by penny) and taking differences.
//! *Doesn't stop*: differences between the published breakpoints; the difference guard is for those.
//!
//! *Source*: Handbook on SDC, 2nd ed., on differencing in flexible table builders.

use chrono::Datelike;

use crate::dataset::{Breakpoints, Column, Dataset};
use crate::function::Function;
use crate::label::Label;
use crate::policy::Predicates;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::typing::civil;
use crate::tabulation::{Comparison, Literal, RollUp, Scalar, Tabulation};

/// All violations.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    if dataset.is_open() {
        return Vec::new();
    }
    let filters = tabulation.measures.iter().filter_map(|m| m.filter.as_ref());
    let mut found = Vec::new();
    for predicate in tabulation.input.predicates().into_iter().chain(filters) {
        check_condition(predicate, dataset, &mut found);
        match dataset.profile().predicates {
            Predicates::Free | Predicates::Standard => {}
            Predicates::WholeTables => found.push(Refusal::new(
                RefusalCode::D204,
                format!("`{}` is released as whole tables, not for a selection of rows.", dataset.name),
                "Group by the column, and filter the released table: `SELECT ... FROM (SELECT ... GROUP BY ...) WHERE ...`.",
            )),
            Predicates::Strict => {
                let others = predicate.conjuncts().into_iter().filter(|c| !is_block(c));
                found.extend(others.map(|condition| {
                    let fix = if condition.looks_up() {
                        "Join with `LEFT JOIN`, which drops no rows, and group by the joined columns."
                    } else {
                        "Write conditions as `column IN (...)`, `column = ...` or ranges, joined with `AND`."
                    };
                    Refusal::new(
                        RefusalCode::D204,
                        format!(
                            "`{}` is filtered by conjunctions of codes and ranges only.",
                            dataset.name
                        ),
                        fix,
                    )
                }));
            }
        }
    }
    if dataset.profile().predicates == Predicates::Strict
        && tabulation.input.roll_up().is_some_and(|(roll_up, _)| roll_up.is_filtered())
    {
        found.push(Refusal::new(
            RefusalCode::D204,
            format!("a unit's rows in `{}` are counted and added up without `FILTER`.", dataset.name),
            "Keep the column as a key of the inner `GROUP BY`, or put the condition into its `WHERE`.",
        ));
    }
    found.dedup();
    found
}

/// Whether a condition picks codes or a range of one column.
fn is_block(condition: &Scalar) -> bool {
    let is_column = |s: &Scalar| matches!(s, Scalar::Column(_));
    let is_literal = |s: &Scalar| matches!(s, Scalar::Literal(_));
    match condition {
        Scalar::Compare { op, left, right } => {
            let sides =
                (is_column(left) && is_literal(right)) || (is_literal(left) && is_column(right));
            sides && *op != Comparison::NotEqual
        }
        Scalar::InList { value, .. } => is_column(value),
        // Everybody, or nobody: so clients ask for a table's columns.
        Scalar::Literal(_) => true,
        Scalar::Column(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    }
}

/// Checks every part of a condition. Key expressions hold conditions too (`CASE WHEN`), but may use
/// dimensions only, which [`super::keys`] checks.
fn check_condition(scalar: &Scalar, dataset: &Dataset, found: &mut Vec<Refusal>) {
    match scalar {
        Scalar::And(parts) | Scalar::Or(parts) => {
            for part in parts {
                check_condition(part, dataset, found);
            }
        }
        Scalar::Not(part) => check_condition(part, dataset, found),
        Scalar::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
            (Scalar::Column(name), Scalar::Literal(value)) => {
                check_cut(name, *op, value, dataset, found);
            }
            (Scalar::Literal(value), Scalar::Column(name)) => {
                check_cut(name, op.flipped(), value, dataset, found);
            }
            _ => dimensions_only(scalar, dataset, found),
        },
        Scalar::IsNull(value) if matches!(value.as_ref(), Scalar::Column(_)) => {}
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => dimensions_only(scalar, dataset, found),
    }
}

fn check_cut(
    name: &str,
    op: Comparison,
    value: &Literal,
    dataset: &Dataset,
    found: &mut Vec<Refusal>,
) {
    let Some(column) = dataset.column(name) else { return };
    match column.label {
        // Units were refused by `labels`; hidden columns aren't found.
        Label::Dimension | Label::Unit | Label::Hidden => {}
        Label::Filter | Label::Measure => {
            let allowed = column.breakpoints.as_ref().is_some_and(|b| is_cut(b, op, value));
            if !allowed {
                found.push(refused(column));
            }
        }
    }
}

/// Whether the comparison cuts exactly at a breakpoint.
fn is_cut(breakpoints: &Breakpoints, op: Comparison, value: &Literal) -> bool {
    let before = match op {
        Comparison::Less | Comparison::GreaterOrEqual => true,
        Comparison::LessOrEqual | Comparison::Greater => false,
        Comparison::Equal | Comparison::NotEqual => return false,
    };
    match breakpoints {
        Breakpoints::Listed(values) => before && values.contains(value),
        Breakpoints::Months | Breakpoints::Years => {
            let Literal::Date(days) = value else { return false };
            // `<= d` cuts where `< d + 1` does.
            let cut = if before { Some(*days) } else { days.checked_add(1) };
            cut.and_then(civil).is_some_and(|date| {
                date.day() == 1 && (*breakpoints == Breakpoints::Months || date.month() == 1)
            })
        }
    }
}

/// Every filter or measure within must be rounded to its breakpoints by a function.
fn dimensions_only(scalar: &Scalar, dataset: &Dataset, found: &mut Vec<Refusal>) {
    match scalar {
        Scalar::Column(name) => {
            if let Some(column) = dataset.column(name)
                && matches!(column.label, Label::Filter | Label::Measure)
            {
                found.push(refused(column));
            }
        }
        Scalar::Call { function, args } => {
            if let [Scalar::Column(name)] = args.as_slice()
                && let Some(column) = dataset.column(name)
                && rounds_to(*function, column.breakpoints.as_ref())
            {
                return;
            }
            for arg in args {
                dimensions_only(arg, dataset, found);
            }
        }
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => {
            for child in scalar.children() {
                dimensions_only(child, dataset, found);
            }
        }
    }
}

/// Whether the function's value changes at breakpoints only.
fn rounds_to(function: Function, breakpoints: Option<&Breakpoints>) -> bool {
    match breakpoints {
        Some(Breakpoints::Months) => matches!(
            function,
            Function::Year
                | Function::Quarter
                | Function::Month
                | Function::StartOfYear
                | Function::StartOfQuarter
                | Function::StartOfMonth
        ),
        Some(Breakpoints::Years) => matches!(function, Function::Year | Function::StartOfYear),
        Some(Breakpoints::Listed(_)) | None => false,
    }
}

/// Why a unit's total isn't cut: see [`RollUp::is_whole`].
pub(super) fn not_cut(of: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D204,
        format!(
            "what a unit's `{of}` comes to is cut at published breakpoints, and only where it is of all of the unit's rows."
        ),
        "Bring together all rows, without conditions or further keys, if the data owner publishes `unit_breakpoints`; else use `sum` and `avg` of the total.",
    )
}

fn refused(column: &Column) -> Refusal {
    let name = &column.name;
    let label = column.label.as_str();
    if let (Some(of), None) = (RollUp::total_of(name), &column.breakpoints) {
        return not_cut(of);
    }
    match &column.breakpoints {
        Some(breakpoints) => Refusal::new(
            RefusalCode::D204,
            format!("`{name}` is a `{label}`: it is filtered at its published breakpoints only."),
            format!("Use `{name} < B` or `{name} >= B` where B is {}.", breakpoints.describe()),
        ),
        None => Refusal::new(
            RefusalCode::D204,
            format!(
                "`{name}` is a `{label}` without published breakpoints, so it can't be filtered."
            ),
            "Filter by dimensions.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Literal {
        crate::tabulation::Literal::parse(text, crate::tabulation::ScalarType::Date)
            .unwrap_or(Literal::Null(crate::tabulation::ScalarType::Date))
    }

    #[test]
    fn monthly_breakpoints_cut_between_months_only() {
        for (op, day, expect) in [
            (Comparison::GreaterOrEqual, "2018-02-01", true),
            (Comparison::Less, "2018-02-01", true),
            (Comparison::LessOrEqual, "2018-01-31", true),
            (Comparison::Greater, "2018-01-31", true),
            (Comparison::LessOrEqual, "2018-02-01", false),
            (Comparison::Less, "2018-02-02", false),
            (Comparison::Equal, "2018-02-01", false),
        ] {
            assert_eq!(is_cut(&Breakpoints::Months, op, &date(day)), expect, "{op:?} {day}");
        }
        assert!(!is_cut(&Breakpoints::Years, Comparison::Less, &date("2018-02-01")));
        assert!(is_cut(&Breakpoints::Years, Comparison::Less, &date("2018-01-01")));
    }
}
