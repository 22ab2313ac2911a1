//! Queries: `WITH`, set operations, `VALUES`, `ORDER BY`, `LIMIT`.

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::ast::{
    Cte, Expr, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort,
    Query, SetExpr, SetOperator, SetQuantifier, Value, ValueWithSpan, Values, With,
};

use super::from;
use super::limits::Limits;
use super::nesting::too_many;
use super::refusals::not_offered;
use super::shape::{Part, Reading};

/// Reads a query: its CTEs and its clauses.
pub(super) fn read<'a>(query: &'a Query, limits: &Limits, reading: &mut Reading<'a>) {
    for cte in ctes(query) {
        reading.parts.push(Part::Query(&cte.query));
        read_cte(cte, reading);
    }
    reading.refuse_if(query.with.as_ref().is_some_and(|with| with.recursive), || {
        not_offered("`WITH RECURSIVE`", "Write the steps out as CTEs.")
    });
    let keys = query.order_by.as_ref().map_or(0, |order_by| match &order_by.kind {
        OrderByKind::Expressions(keys) => keys.len(),
        OrderByKind::All(_) => 0,
    });
    reading.refuse_if(keys > limits.order_keys_max, || {
        too_many("keys in one `ORDER BY`", limits.order_keys_max as u64)
    });
    read_clauses(query, reading);
}

/// The CTEs of a query, in the order in which they see each other.
pub(super) fn ctes(query: &Query) -> &[Cte] {
    match &query.with {
        Some(With { with_token: _, recursive: _, cte_tables }) => cte_tables,
        None => &[],
    }
}

fn read_cte<'a>(cte: &'a Cte, reading: &mut Reading<'a>) {
    let Cte { alias, query: _, from, materialized, closing_paren_token: _ } = cte;
    from::read_cte_name(alias, reading);
    reading.refuse_if(from.is_some(), || not_offered("`FROM` after a CTE", "Leave it out."));
    reading.refuse_if(materialized.is_some(), || {
        not_offered("`MATERIALIZED`", "Leave it out; the answer is the same.")
    });
}

/// Reads everything of a query but its CTEs.
pub(super) fn read_clauses<'a>(query: &'a Query, reading: &mut Reading<'a>) {
    let Query {
        with: _,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    reading.parts.push(Part::Body(body));
    if let Some(order_by) = order_by {
        read_order_by(order_by, reading);
    }
    if let Some(limit_clause) = limit_clause {
        read_limit(limit_clause, reading);
    }
    reading.refuse_if(fetch.is_some(), || not_offered("`FETCH`", "Use `LIMIT`."));
    reading.refuse_if(!locks.is_empty(), || {
        not_offered("a lock", "Leave it out; nothing is changed here.")
    });
    reading.refuse_if(for_clause.is_some(), || {
        not_offered("`FOR XML` or `FOR JSON`", "Format the table in your own tool.")
    });
    reading.refuse_if(settings.is_some(), || not_offered("`SETTINGS`", "Leave it out."));
    reading.refuse_if(format_clause.is_some(), || {
        not_offered("`FORMAT`", "Format the table in your own tool.")
    });
    reading.refuse_if(!pipe_operators.is_empty(), || not_offered("`|>`", "Use CTEs."));
}

fn read_order_by<'a>(order_by: &'a OrderBy, reading: &mut Reading<'a>) {
    let OrderBy { kind, interpolate } = order_by;
    reading.refuse_if(interpolate.is_some(), || not_offered("`INTERPOLATE`", "Leave it out."));
    match kind {
        OrderByKind::Expressions(exprs) => exprs.iter().for_each(|e| read_order_key(e, reading)),
        OrderByKind::All(_) => {
            reading.refusals.push(not_offered("`ORDER BY ALL`", "Name the columns to order by."))
        }
    }
}

/// Reads one key of an `ORDER BY`, wherever it stands.
pub(super) fn read_order_key<'a>(key: &'a OrderByExpr, reading: &mut Reading<'a>) {
    let OrderByExpr { expr, options, with_fill } = key;
    let OrderByOptions { sort, nulls_first: _ } = options;
    reading.expr(expr);
    match sort {
        None | Some(OrderBySort::Asc | OrderBySort::Desc) => {}
        Some(OrderBySort::Using(_)) => {
            reading.refusals.push(not_offered("`USING` in `ORDER BY`", "Use `ASC` or `DESC`."));
        }
    }
    reading.refuse_if(with_fill.is_some(), || not_offered("`WITH FILL`", "Leave it out."));
}

fn read_limit<'a>(limit: &'a LimitClause, reading: &mut Reading<'a>) {
    match limit {
        LimitClause::LimitOffset { limit, offset, limit_by } => {
            if let Some(limit) = limit {
                read_row_count(limit, reading);
            }
            if let Some(Offset { value, rows: _ }) = offset {
                read_row_count(value, reading);
            }
            reading.refuse_if(!limit_by.is_empty(), || {
                not_offered("`LIMIT … BY`", "Use `row_number()` with `QUALIFY`.")
            });
        }
        LimitClause::OffsetCommaLimit { .. } => {
            reading.refusals.push(not_offered("`LIMIT m, n`", "Write `LIMIT n OFFSET m`."))
        }
    }
}

/// A number of rows: a plain number or a parameter, so that it is known before planning.
fn read_row_count<'a>(expr: &'a Expr, reading: &mut Reading<'a>) {
    let plain = matches!(
        expr,
        Expr::Value(ValueWithSpan { value: Value::Number(..) | Value::Placeholder(_), .. })
    );
    reading.expr(expr);
    reading.refuse_if(!plain, || {
        not_offered("a calculated `LIMIT` or `OFFSET`", "Write a number or a parameter.")
    });
}

/// Reads a query's body.
pub(super) fn read_body<'a>(body: &'a SetExpr, limits: &Limits, reading: &mut Reading<'a>) {
    match body {
        SetExpr::Select(select) => reading.parts.push(Part::Select(select)),
        SetExpr::Query(query) => reading.parts.push(Part::Query(query)),
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            reading.parts.extend([Part::Body(left), Part::Body(right)]);
            read_set_operator(*op, *set_quantifier, reading);
        }
        SetExpr::Values(values) => read_values(values, limits, reading),
        SetExpr::Table(_) => {
            reading.refusals.push(not_offered("`TABLE t`", "Write `SELECT … FROM t`."));
        }
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            reading.refusals.push(Refusal::new(
                RefusalCode::Q103,
                "a statement that changes data isn't answered; only `SELECT` is.",
                "Ask with `SELECT`.",
            ));
        }
    }
}

fn read_set_operator(op: SetOperator, quantifier: SetQuantifier, reading: &mut Reading<'_>) {
    match op {
        SetOperator::Union | SetOperator::Except | SetOperator::Intersect => {}
        SetOperator::Minus => reading.refusals.push(not_offered("`MINUS`", "Use `EXCEPT`.")),
    }
    let is_all = matches!(quantifier, SetQuantifier::All);
    // The engine joins for these, so that one equal row is as good as several.
    reading.refuse_if(is_all && matches!(op, SetOperator::Except | SetOperator::Intersect), || {
        not_offered(
            "`ALL` after `INTERSECT` or `EXCEPT`",
            "Leave `ALL` out, or number equal rows by `row_number() OVER (PARTITION BY …)` first.",
        )
    });
    match quantifier {
        SetQuantifier::None | SetQuantifier::All | SetQuantifier::Distinct => {}
        SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => reading
            .refusals
            .push(not_offered("`BY NAME`", "List the columns in the same order in each arm.")),
    }
}

fn read_values<'a>(values: &'a Values, limits: &Limits, reading: &mut Reading<'a>) {
    let Values { explicit_row, value_keyword, rows } = values;
    reading.refuse_if(*explicit_row || *value_keyword, || {
        not_offered("this spelling of `VALUES`", "Write `VALUES (1, 2), (3, 4)`.")
    });
    reading.refuse_if(rows.len() > limits.rows_max, || {
        too_many("rows in one `VALUES`", limits.rows_max as u64)
    });
    reading.exprs(rows.iter().flat_map(|row| &row.content));
}
