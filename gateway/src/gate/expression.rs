//! Expressions: the variants that are offered, by name, and every other one refused, by name too.

use insitu_disclosure::Refusal;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr, Ident, Interval,
    TypedString, UnaryOperator, Value, ValueWithSpan,
};

use super::refusals::{not_offered, quote};
use super::shape::{Part, Reading};
use super::{calls, types};

const IN_YOUR_TOOL: &str = "Do this step in your own tool, on the released table.";

/// Reads one expression.
pub(super) fn read<'a>(expr: &'a Expr, reading: &mut Reading<'a>) {
    match expr {
        Expr::Identifier(name) => read_column(name, reading),
        Expr::CompoundIdentifier(parts) => {
            reading.refuse_if(parts.len() > 4, || {
                not_offered(
                    &format!("the name {}", quote(&expr.to_string())),
                    "Name a column as `table.column`.",
                )
            });
        }
        Expr::Value(value) => read_value(value, reading),
        Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax }) => {
            reading.refusals.extend(types::check_literal(data_type).err());
            reading.refuse_if(*uses_odbc_syntax, || {
                not_offered("`{…}`", "Write `DATE '2024-03-31'`.")
            });
            read_value(value, reading);
        }
        Expr::Interval(interval) => read_interval(interval, reading),
        Expr::Nested(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner) => reading.expr(inner),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            reading.exprs([left.as_ref(), right.as_ref()]);
        }
        Expr::BinaryOp { left, op, right } => read_binary(left, op, right, reading),
        Expr::UnaryOp { op, expr } => read_unary(*op, expr, reading),
        Expr::Between { expr, negated: _, low, high } => {
            reading.exprs([expr.as_ref(), low.as_ref(), high.as_ref()]);
        }
        Expr::InList { expr, list, negated: _ } => {
            reading.exprs(std::iter::once(expr.as_ref()).chain(list))
        }
        Expr::Like { negated: _, any, expr, pattern, escape_char }
        | Expr::ILike { negated: _, any, expr, pattern, escape_char } => {
            reading.exprs([expr.as_ref(), pattern.as_ref()]);
            reading
                .refuse_if(*any, || not_offered("`LIKE ANY`", "Combine several `LIKE` with `OR`."));
            read_escape(escape_char.as_deref(), pattern, reading);
        }
        Expr::InSubquery { expr, subquery, negated: _ } => {
            reading.expr(expr);
            reading.parts.push(Part::Subquery(subquery));
        }
        Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => {
            reading.parts.push(Part::Subquery(subquery));
        }
        Expr::Function(function) => calls::read(function, reading),
        Expr::Case { .. }
        | Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. } => read_form(expr, reading),
        refused => reading.refusals.push(refuse(refused)),
    }
}

/// Reads an expression that has a grammar of its own.
fn read_form<'a>(expr: &'a Expr, reading: &mut Reading<'a>) {
    match expr {
        Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
            for CaseWhen { condition, result } in conditions {
                reading.exprs([condition, result]);
            }
            reading.exprs(operand.as_deref().into_iter().chain(else_result.as_deref()));
        }
        Expr::Cast { kind, expr, data_type, format } => {
            match kind {
                CastKind::Cast | CastKind::TryCast | CastKind::DoubleColon | CastKind::SafeCast => {
                }
            }
            reading.expr(expr);
            reading.refusals.extend(types::check_cast(data_type).err());
            reading.refuse_if(format.is_some(), || {
                not_offered("`FORMAT` in a `CAST`", "Leave it out.")
            });
        }
        Expr::Extract { field, syntax: _, expr } => {
            reading.expr(expr);
            read_field(field, reading);
        }
        Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
            reading.expr(expr);
            let plain = matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime));
            reading.refuse_if(!plain, || {
                not_offered("an option of `ceil` or `floor`", "Use `round(a, 2)` or `date_trunc`.")
            });
        }
        Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
            reading.expr(expr);
            reading.exprs(substring_from.as_deref().into_iter().chain(substring_for.as_deref()));
        }
        Expr::Trim { expr, trim_where: _, trim_what, trim_characters } => {
            reading.expr(expr);
            reading.exprs(trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten()));
        }
        refused => reading.refusals.push(refuse(refused)),
    }
}

/// The grouping sets an item of `GROUP BY` stands for, if it is one of the three forms.
pub(super) const fn grouping_sets(expr: &Expr) -> Option<&Vec<Vec<Expr>>> {
    if let Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) = expr {
        Some(sets)
    } else {
        None
    }
}

/// Words that both parsers first try as the beginning of a special form. As names they make the
/// engine's parser try twice at each occurrence, so they are only accepted in quotes.
const FORM_WORDS: [&str; 12] = [
    "case",
    "cast",
    "ceil",
    "exists",
    "extract",
    "floor",
    "interval",
    "not",
    "substr",
    "substring",
    "trim",
    "try_cast",
];

fn read_column(name: &Ident, reading: &mut Reading<'_>) {
    let is_form_word = name.quote_style.is_none()
        && FORM_WORDS.iter().any(|word| name.value.eq_ignore_ascii_case(word));
    reading.refuse_if(is_form_word, || {
        not_offered(
            &format!("the unquoted column name {}", quote(&name.value)),
            &format!("Write it in quotes: `\"{}\"`.", name.value.to_ascii_lowercase()),
        )
    });
}

fn read_value(value: &ValueWithSpan, reading: &mut Reading<'_>) {
    let offered = matches!(
        value.value,
        Value::Number(_, false)
            | Value::SingleQuotedString(_)
            | Value::Boolean(_)
            | Value::Null
            | Value::Placeholder(_)
    );
    reading.refuse_if(!offered, || {
        not_offered(
            &format!("the literal {}", quote(&value.to_string())),
            "Use numbers, `'text'`, `DATE '2024-03-31'`, `TRUE`, `FALSE` and `NULL`.",
        )
    });
}

fn read_interval<'a>(interval: &'a Interval, reading: &mut Reading<'a>) {
    let Interval {
        value,
        leading_field: _,
        leading_precision,
        last_field,
        fractional_seconds_precision,
    } = interval;
    let plain = matches!(
        value.as_ref(),
        Expr::Value(ValueWithSpan {
            value: Value::Number(_, false) | Value::SingleQuotedString(_),
            ..
        })
    ) && leading_precision.is_none()
        && last_field.is_none()
        && fractional_seconds_precision.is_none();
    reading.refuse_if(!plain, || {
        not_offered(
            "this kind of interval",
            "Write `INTERVAL '1' DAY` or `INTERVAL '1 day 2 hours'`.",
        )
    });
}

fn read_binary<'a>(
    left: &'a Expr,
    op: &BinaryOperator,
    right: &'a Expr,
    reading: &mut Reading<'a>,
) {
    reading.exprs([left, right]);
    for operand in [left, right] {
        read_operand(operand, reading);
    }
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::StringConcat
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq
        | BinaryOperator::And
        | BinaryOperator::Or => {}
        // Default deny: some fifty more, most of them one database's own.
        other => reading.refusals.push(not_offered(
            &format!("the operator {}", quote(&other.to_string())),
            "Use the operators of standard SQL.",
        )),
    }
}

fn read_unary<'a>(op: UnaryOperator, expr: &'a Expr, reading: &mut Reading<'a>) {
    reading.expr(expr);
    read_operand(expr, reading);
    match op {
        UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => {}
        // Default deny, as above.
        other => reading.refusals.push(not_offered(
            &format!("the operator {}", quote(&other.to_string())),
            "Use the operators of standard SQL.",
        )),
    }
}

/// `a IS DISTINCT FROM b AND c`: sqlparser 0.62 takes `b AND c` for the right side, 0.63 takes `b`.
/// They print the same, so the two readings can only be told apart by brackets.
fn read_operand(operand: &Expr, reading: &mut Reading<'_>) {
    let ambiguous = matches!(operand, Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..));
    reading.refuse_if(ambiguous, || {
        not_offered(
            "`IS DISTINCT FROM` without brackets beside another operator",
            "Put it in brackets: `(a IS DISTINCT FROM b) AND …`.",
        )
    });
}

fn read_escape<'a>(escape: Option<&'a Expr>, pattern: &'a Expr, reading: &mut Reading<'a>) {
    let text = |expr: &'a Expr| match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    };
    let Some(escape) = escape else { return };
    let Some(escape) = text(escape) else {
        reading.refusals.push(not_offered("a calculated `ESCAPE`", "Write `ESCAPE '\\'`."));
        return;
    };
    let is_bound =
        matches!(pattern, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }));
    // The engine has one of its own; others are written out where the pattern is known.
    reading.refuse_if(escape != "\\" && !is_bound && text(pattern).is_none(), || {
        not_offered(
            "an `ESCAPE` for a pattern that isn't a text",
            "Write the pattern as a text or a parameter, or use `ESCAPE '\\'`.",
        )
    });
}

fn read_field(field: &DateTimeField, reading: &mut Reading<'_>) {
    let offered = matches!(
        field,
        DateTimeField::Year
            | DateTimeField::Quarter
            | DateTimeField::Month
            | DateTimeField::Week(None)
            | DateTimeField::Day
            | DateTimeField::Hour
            | DateTimeField::Minute
            | DateTimeField::Second
            | DateTimeField::Dow
            | DateTimeField::Doy
            | DateTimeField::Isodow
            | DateTimeField::Isoyear
            | DateTimeField::Epoch
    );
    reading.refuse_if(!offered, || {
        not_offered(
            &format!("the field {} in `EXTRACT`", quote(&field.to_string())),
            "Use `YEAR`, `QUARTER`, `MONTH`, `WEEK`, `DAY`, `DOW`, `HOUR`, `MINUTE` or `SECOND`.",
        )
    });
}

/// Why a variant isn't offered. It names them all, so that a new one stops the build.
fn refuse(expr: &Expr) -> Refusal {
    let (what, fix) = match expr {
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => (
            "`ROLLUP`, `CUBE` or `GROUPING SETS` inside an expression",
            "Write it directly after `GROUP BY`.",
        ),
        Expr::Tuple(_) => ("a row of values", "Compare the columns one by one."),
        Expr::AnyOp { .. } | Expr::AllOp { .. } | Expr::InUnnest { .. } | Expr::MemberOf(_) => {
            ("`ANY (…)` or `ALL (…)`", "Use `IN (…)`, or compare with `(SELECT max(a) …)`.")
        }
        Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            ("matching by regular expression", "Use `LIKE`.")
        }
        Expr::Position { .. } => ("`position(a IN b)`", "Use `strpos(b, a)`."),
        Expr::Overlay { .. } => ("`overlay`", "Use `substr` and `||`."),
        Expr::AtTimeZone { .. } => ("`AT TIME ZONE`", "Use the times as they are published."),
        Expr::Collate { .. } => ("`COLLATE`", "Use `lower(a)` to ignore case."),
        Expr::Convert { .. } => ("`CONVERT`", "Use `CAST(a AS …)`."),
        Expr::CompoundFieldAccess { .. }
        | Expr::JsonAccess { .. }
        | Expr::Array(_)
        | Expr::Struct { .. }
        | Expr::Named { .. }
        | Expr::Dictionary(_)
        | Expr::Map(_) => ("a value with parts", "Datasets have plain columns only."),
        Expr::IsJson { .. } | Expr::IsNormalized { .. } => ("this kind of `IS`", IN_YOUR_TOOL),
        Expr::Prefixed { .. } | Expr::MatchAgainst { .. } | Expr::Lambda(_) => {
            ("this kind of expression", IN_YOUR_TOOL)
        }
        Expr::OuterJoin(_) | Expr::Prior(_) => ("this kind of join", "Write `LEFT JOIN … ON …`."),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {
            ("`*` inside an expression", "Name the columns.")
        }
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Interval(_)
        | Expr::Nested(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Case { .. }
        | Expr::Cast { .. }
        | Expr::InSubquery { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Function(_)
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. } => ("this expression", IN_YOUR_TOOL),
    };
    not_offered(what, fix)
}
