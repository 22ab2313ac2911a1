//! Expressions of a Tabulation as the engine's. Comparisons and logic are the engine's own: on equal
//! types, which admission made sure of, they can't fail, and the engine can push them into a file.

use insitu_disclosure::rules::measures::column_bounds;
use insitu_disclosure::{Comparison, Dataset, Literal, Scalar};
use insitu_engine::common::{Column, ScalarValue};
use insitu_engine::logical_expr::expr::{Case, InList, Like};
use insitu_engine::logical_expr::{BinaryExpr, Expr, Operator, lit};

use super::function;
use super::look_up::looked_up;
use crate::references::LookUps;

/// The engine's expression.
pub(super) fn expression(scalar: &Scalar, look_ups: &LookUps) -> Expr {
    let expression = |scalar: &Scalar| expression(scalar, look_ups);
    match scalar {
        Scalar::Column(name) => Expr::Column(Column::from_name(name)),
        Scalar::Literal(value) => literal(value),
        Scalar::Compare { op, left, right } => {
            binary(expression(left), operator(*op), expression(right))
        }
        Scalar::And(parts) => {
            chain(&conditions(parts, Operator::And, look_ups), Operator::And, true)
        }
        Scalar::Or(parts) => chain(&conditions(parts, Operator::Or, look_ups), Operator::Or, false),
        Scalar::Not(value) => Expr::Not(Box::new(expression(value))),
        Scalar::IsNull(value) => Expr::IsNull(Box::new(expression(value))),
        Scalar::InList { value, list } => Expr::InList(InList::new(
            Box::new(expression(value)),
            list.iter().map(literal).collect(),
            false,
        )),
        Scalar::Like { value, pattern, ignore_case } => Expr::Like(Like::new(
            false,
            Box::new(expression(value)),
            Box::new(lit(pattern.as_str())),
            None,
            *ignore_case,
        )),
        Scalar::Case { branches, otherwise } => Expr::Case(Case::new(
            None,
            branches
                .iter()
                .map(|(when, then)| (Box::new(expression(when)), Box::new(expression(then))))
                .collect(),
            otherwise.as_ref().map(|o| Box::new(expression(o))),
        )),
        Scalar::Call { function: f, args } => {
            function::function(*f, args.iter().map(expression).collect())
        }
        Scalar::Cast { value, to } => function::cast(expression(value), *to),
        Scalar::Lookup { reference, column, value_type, key } => match look_ups.get(reference) {
            Some(table) => looked_up(table, column, *value_type, expression(key)),
            // Every reference's table is found before a plan is made.
            None => literal(&Literal::Null(*value_type)),
        },
    }
}

/// The expression with every bounded column held within its bounds.
pub(super) fn clamped_expression(scalar: &Scalar, dataset: &Dataset, look_ups: &LookUps) -> Expr {
    let expression = |scalar: &Scalar| expression(scalar, look_ups);
    let clamped = |scalar: &Scalar| clamped_expression(scalar, dataset, look_ups);
    match scalar {
        Scalar::Column(name) => match dataset.column(name).and_then(column_bounds) {
            Some(bounds) => function::clamp(expression(scalar), bounds),
            None => expression(scalar),
        },
        Scalar::Call { function: f, args } => {
            function::function(*f, args.iter().map(clamped).collect())
        }
        Scalar::Cast { value, to } => function::cast(clamped(value), *to),
        // Admission lets nothing else stand in a measure of protected data; open data has no bounds.
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Lookup { .. } => expression(scalar),
    }
}

/// The parts of a chain. Where several list values of the same thing, the engine's simplifier makes one list of two, and takes
/// what is NULL for something that is in neither: it may not look into these, but where that does no harm.
fn conditions(parts: &[Scalar], op: Operator, look_ups: &LookUps) -> Vec<Expr> {
    let all: Vec<Listed<'_>> = parts.iter().flat_map(listed).collect();
    let is_mistaken = |one: &Listed<'_>| {
        let alike = || all.iter().filter(|other| other.value == one.value);
        // Lists without what is in any of several, and with what is in any, are one list.
        alike().count() > 1 && !alike().all(|other| other.is_negated == (op == Operator::And))
    };
    parts
        .iter()
        .map(|part| {
            let condition = expression(part, look_ups);
            let mistaken = listed(part).iter().any(is_mistaken);
            if mistaken { function::opaque(condition) } else { condition }
        })
        .collect()
}

/// A list of values, or equalities that come to one.
struct Listed<'a> {
    value: &'a Scalar,
    is_negated: bool,
}

fn listed(condition: &Scalar) -> Vec<Listed<'_>> {
    match condition {
        Scalar::InList { value, .. } => vec![Listed { value, is_negated: false }],
        Scalar::Not(condition) => listed(condition)
            .into_iter()
            .map(|list| Listed { is_negated: !list.is_negated, ..list })
            .collect(),
        Scalar::Or(parts) => parts
            .iter()
            .filter_map(|part| match part {
                Scalar::InList { value, .. } => Some(value),
                Scalar::Compare { op: Comparison::Equal, left, right } => {
                    match (left.as_ref(), right.as_ref()) {
                        (Scalar::Column(_), Scalar::Literal(_)) => Some(left),
                        (Scalar::Literal(_), Scalar::Column(_)) => Some(right),
                        (_, _) => None,
                    }
                }
                Scalar::Column(_)
                | Scalar::Literal(_)
                | Scalar::Compare { .. }
                | Scalar::And(_)
                | Scalar::Or(_)
                | Scalar::Not(_)
                | Scalar::IsNull(_)
                | Scalar::Like { .. }
                | Scalar::Case { .. }
                | Scalar::Call { .. }
                | Scalar::Cast { .. }
                | Scalar::Lookup { .. } => None,
            })
            .map(|value| Listed { value, is_negated: false })
            .collect(),
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => Vec::new(),
    }
}

/// A balanced tree, so that a long chain isn't a deep one.
fn chain(parts: &[Expr], op: Operator, identity: bool) -> Expr {
    match parts {
        [] => lit(identity),
        [only] => only.clone(),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            binary(chain(left, op, identity), op, chain(right, op, identity))
        }
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

const fn operator(op: Comparison) -> Operator {
    match op {
        Comparison::Equal => Operator::Eq,
        Comparison::NotEqual => Operator::NotEq,
        Comparison::Less => Operator::Lt,
        Comparison::LessOrEqual => Operator::LtEq,
        Comparison::Greater => Operator::Gt,
        Comparison::GreaterOrEqual => Operator::GtEq,
    }
}

fn literal(value: &Literal) -> Expr {
    lit(match value {
        Literal::Null(t) => ScalarValue::try_from(&t.data_type()).unwrap_or(ScalarValue::Null),
        Literal::Boolean(v) => ScalarValue::Boolean(Some(*v)),
        Literal::Int64(v) => ScalarValue::Int64(Some(*v)),
        Literal::Decimal { value, places } => {
            ScalarValue::Decimal128(Some(*value), 38, i8::try_from(*places).unwrap_or(0))
        }
        Literal::Float64(v) => ScalarValue::Float64(Some(*v)),
        Literal::Utf8(v) => ScalarValue::Utf8(Some(v.clone())),
        Literal::Date(v) => ScalarValue::Date32(Some(*v)),
    })
}
