//! One `SELECT`: its list, its grouping and its clauses.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, GroupByWithModifier, NamedWindowDefinition, NamedWindowExpr,
    Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, Value,
    WildcardAdditionalOptions, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
};

use super::expression;
use super::limits::Limits;
use super::nesting::too_many;
use super::query::read_order_key;
use super::refusals::not_offered;
use super::shape::{Part, Reading};

/// The farthest that a window frame reaches: the engine adds it to the number of a row, and panics where that overflows.
const FRAME_DISTANCE_MAX: f64 = 1e12;

/// Reads one `SELECT`.
pub(super) fn read<'a>(select: &'a Select, limits: &Limits, reading: &mut Reading<'a>) {
    read_list(&select.projection, limits, reading);
    reading.parts.extend(select.from.iter().map(Part::Tables));
    let commas = select.from.len().saturating_sub(1);
    let joins = select.from.iter().map(|tables| tables.joins.len());
    reading.refuse_if(limits.joins_max < joins.sum::<usize>().saturating_add(commas), || {
        too_many("joins in one `FROM`", limits.joins_max as u64)
    });
    read_clauses(select, reading);
}

/// Reads everything of a `SELECT` but its list and its tables.
pub(super) fn read_clauses<'a>(select: &'a Select, reading: &mut Reading<'a>) {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    reading.exprs(selection.iter().chain(having).chain(qualify));
    read_group_by(group_by, reading);
    for NamedWindowDefinition(_, window) in named_window {
        match window {
            NamedWindowExpr::WindowSpec(spec) => read_window(spec, reading),
            NamedWindowExpr::NamedWindow(_) => reading
                .refusals
                .push(not_offered("a window named after another", "Write the window out.")),
        }
    }
    let refused: [(bool, &str, &str); 12] = [
        (
            !matches!(distinct, None | Some(Distinct::All | Distinct::Distinct)),
            "`DISTINCT ON`",
            "Use `GROUP BY`, or `row_number()` with `QUALIFY`.",
        ),
        (
            !matches!(flavor, SelectFlavor::Standard),
            "`FROM` before `SELECT`",
            "Write `SELECT … FROM …`.",
        ),
        (into.is_some(), "`INTO`", "Results are returned, never stored; leave it out."),
        (top.is_some(), "`TOP`", "Use `LIMIT`."),
        (!optimizer_hints.is_empty() || select_modifiers.is_some(), "a hint", "Leave it out."),
        (exclude.is_some(), "`EXCLUDE`", "Name the columns."),
        (!lateral_views.is_empty(), "`LATERAL VIEW`", "Join on a condition instead."),
        (prewhere.is_some(), "`PREWHERE`", "Use `WHERE`."),
        (!connect_by.is_empty(), "`CONNECT BY`", "Write the levels out as joins."),
        (
            !cluster_by.is_empty() || !sort_by.is_empty(),
            "`CLUSTER BY` or `SORT BY`",
            "Use `ORDER BY`.",
        ),
        (!distribute_by.is_empty(), "`DISTRIBUTE BY`", "Use `GROUP BY`."),
        (value_table_mode.is_some(), "`SELECT AS`", "Name the columns."),
    ];
    for (is_refused, what, fix) in refused {
        reading.refuse_if(is_refused, || not_offered(what, fix));
    }
}

fn read_list<'a>(items: &'a [SelectItem], limits: &Limits, reading: &mut Reading<'a>) {
    reading.refuse_if(items.is_empty(), || {
        not_offered("`SELECT` without a list", "Name the columns, or write `*`.")
    });
    reading.refuse_if(items.len() > limits.items_max, || {
        too_many("items in one `SELECT`", limits.items_max as u64)
    });
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ } => {
                reading.expr(expr);
            }
            SelectItem::ExprWithAliases { .. } => reading
                .refusals
                .push(not_offered("several names for one item", "Give each item one name.")),
            SelectItem::Wildcard(options)
            | SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(_),
                options,
            ) => read_wildcard(options, reading),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                reading.refusals.push(not_offered("`.*` after an expression", "Name the columns."))
            }
        }
    }
}

fn read_wildcard(options: &WildcardAdditionalOptions, reading: &mut Reading<'_>) {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    reading.refuse_if(!plain, || not_offered("an option of `*`", "Name the columns."));
}

/// Reads `GROUP BY`: the only place where `ROLLUP`, `CUBE` and `GROUPING SETS` may stand.
fn read_group_by<'a>(group_by: &'a GroupByExpr, reading: &mut Reading<'a>) {
    let (exprs, modifiers): (&[Expr], &[GroupByWithModifier]) = match group_by {
        GroupByExpr::All(modifiers) => (&[], modifiers),
        GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
    };
    reading.refuse_if(!modifiers.is_empty(), || {
        not_offered("an option of `GROUP BY`", "Write `GROUP BY ROLLUP (a, b)`.")
    });
    for expr in exprs {
        match expression::grouping_sets(expr) {
            Some(sets) => reading.exprs(sets.iter().flatten()),
            None => reading.expr(expr),
        }
    }
}

/// Reads a window, wherever it stands.
pub(super) fn read_window<'a>(window: &'a WindowSpec, reading: &mut Reading<'a>) {
    let WindowSpec { window_name, partition_by, order_by, window_frame } = window;
    reading.refuse_if(window_name.is_some(), || {
        not_offered("a window built upon another", "Write the window out.")
    });
    reading.exprs(partition_by);
    order_by.iter().for_each(|key| read_order_key(key, reading));
    if let Some(WindowFrame { units, start_bound, end_bound }) = window_frame {
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                WindowFrameBound::CurrentRow => {}
                WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => {
                    read_distance(distance.as_deref(), *units, reading);
                }
            }
        }
    }
}

/// A distance in a window frame: a number or an interval, so that it is known before planning.
fn read_distance<'a>(
    distance: Option<&'a Expr>,
    units: WindowFrameUnits,
    reading: &mut Reading<'a>,
) {
    let Some(distance) = distance else { return };
    reading.expr(distance);
    let (is_plain, written) = match distance {
        Expr::Value(value) => (true, number(&value.value)),
        Expr::Interval(interval) => match (units, &*interval.value) {
            // The engine takes the text of one for a number of rows.
            (WindowFrameUnits::Rows | WindowFrameUnits::Groups, _) => (false, None),
            (WindowFrameUnits::Range, Expr::Value(value)) => (true, number(&value.value)),
            (WindowFrameUnits::Range, _) => (true, None),
        },
        _ => (false, None),
    };
    reading.refuse_if(!is_plain, || {
        not_offered(
            "a calculated window frame",
            "Write a number of rows, or over `RANGE` an interval.",
        )
    });
    reading.refuse_if(written.is_some_and(|number| FRAME_DISTANCE_MAX < number), || {
        not_offered(
            "a window frame of more than 1,000,000,000,000 rows or steps",
            "Write `UNBOUNDED PRECEDING` or `UNBOUNDED FOLLOWING`.",
        )
    });
}

/// The number that is written there, if it is one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(text, _) | Value::SingleQuotedString(text) => text.parse().ok(),
        _ => None,
    }
}
