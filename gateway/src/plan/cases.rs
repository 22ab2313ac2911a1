//! What a `CASE` within an aggregate comes to, row by row: NULL, 0, a number that is written, or another value.
//!
//! `CASE value WHEN …`, truth values as numbers, casts of a `CASE`, and `coalesce` of one with 0 are read as a `CASE` with
//! conditions, too.

use arrow_schema::DataType;
use insitu_engine::common::{Column, DFSchema, ScalarValue};
use insitu_engine::logical_expr::utils::split_conjunction;
use insitu_engine::logical_expr::{
    BinaryExpr, Case, Cast, Expr, ExprSchemable as _, Operator, TryCast, lit,
};

use super::folded::folded;
use super::literal::{WHOLE_MAX, is_comparison};

/// Which rows.
pub(super) enum Rows {
    All,
    None,
    Where(Expr),
}

/// What a branch of a `CASE` comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Null,
    Zero,
    Value(Expr),
}

impl Piece {
    pub(super) fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Literal(value, _) if value.is_null() => Self::Null,
            Expr::Cast(Cast { expr, .. }) if matches!(Self::of(expr), Self::Null) => Self::Null,
            expr if factor(expr) == Some(0.0) => Self::Zero,
            Expr::Literal(..) => Self::Value(expr.clone()),
            expr => match folded(expr.clone(), &|_| None) {
                // What is made of literals alone.
                literal @ Expr::Literal(..) => Self::of(&literal),
                _ => Self::Value(expr.clone()),
            },
        }
    }

    pub(super) const fn is_zero(&self) -> bool {
        match self {
            Self::Zero => true,
            Self::Null | Self::Value(_) => false,
        }
    }

    pub(super) const fn is_not_null(&self) -> bool {
        match self {
            Self::Zero | Self::Value(_) => true,
            Self::Null => false,
        }
    }

    /// Whether it is the same for all rows.
    pub(super) const fn is_written(&self) -> bool {
        match self {
            Self::Null | Self::Zero => true,
            Self::Value(value) => matches!(value, Expr::Literal(..)),
        }
    }
}

/// The number that is written.
pub(super) fn factor(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) if value.data_type().is_numeric() => {
            match value.cast_to(&DataType::Float64) {
                // Beyond, a number may not be the one that is written.
                Ok(ScalarValue::Float64(number)) => number.filter(|n| n.abs() < WHOLE_MAX),
                Ok(_) | Err(_) => None,
            }
        }
        Expr::Negative(inner) => factor(inner).map(|number| -number),
        _ => None,
    }
}

/// A `CASE`, or what is one in other words.
#[derive(Debug, PartialEq)]
pub(super) struct Cases {
    /// Conditions, and what a row comes to for which one is the first that is true.
    branches: Vec<(Expr, Piece)>,
    /// What all other rows come to.
    otherwise: Piece,
}

impl Cases {
    /// All rows come to this.
    pub(super) fn always(expr: &Expr) -> Self {
        Self { branches: Vec::new(), otherwise: Piece::of(expr) }
    }

    /// Of an expression that an aggregate is of; `None` of any other than a `CASE`.
    pub(super) fn of(expr: &Expr, schema: &DFSchema) -> Option<Self> {
        match expr {
            Expr::Case(case) => Some(Self::written(case)),
            Expr::Cast(Cast { expr: of, field }) => {
                let cast = |of: Expr| Expr::Cast(Cast { expr: Box::new(of), field: field.clone() });
                Self::cast(of, field.data_type(), &cast, schema)
            }
            Expr::TryCast(TryCast { expr: of, field }) => {
                let cast =
                    |of: Expr| Expr::TryCast(TryCast { expr: Box::new(of), field: field.clone() });
                Self::cast(of, field.data_type(), &cast, schema)
            }
            expr => {
                let cases = Self::of(with_zero(expr)?, schema)?;
                // A value that a row has not would be 0, too, and count.
                let are_written = cases.pieces().all(Piece::is_written);
                are_written.then(|| cases.without_null())
            }
        }
    }

    /// The same with 0 for NULL.
    fn without_null(self) -> Self {
        let zero = |piece| match piece {
            Piece::Null => Piece::Zero,
            piece @ (Piece::Zero | Piece::Value(_)) => piece,
        };
        self.map(zero)
    }

    fn map(self, of: impl Fn(Piece) -> Piece) -> Self {
        let branches = self.branches.into_iter();
        Self {
            branches: branches.map(|(condition, piece)| (condition, of(piece))).collect(),
            otherwise: of(self.otherwise),
        }
    }

    fn written(case: &Case) -> Self {
        let condition = |when: &Expr| match &case.expr {
            Some(value) => value.as_ref().clone().eq(when.clone()),
            None => when.clone(),
        };
        let branches = case.when_then_expr.iter();
        let branches = branches.map(|(when, then)| (condition(when), Piece::of(then))).collect();
        let otherwise = case.else_expr.as_ref().map_or(Piece::Null, |value| Piece::of(value));
        Self { branches, otherwise }
    }

    /// A truth value as a number, or a `CASE` of which each branch is cast. 0 and 1 are the same in all types of numbers.
    fn cast(
        of: &Expr,
        to: &DataType,
        cast: &dyn Fn(Expr) -> Expr,
        schema: &DFSchema,
    ) -> Option<Self> {
        let holds_one = match to {
            DataType::Decimal128(digits, places) => *places < digits.cast_signed(),
            to => to.is_integer() || to.is_floating(),
        };
        if !holds_one {
            return None;
        }
        if let Some(cases) = Self::of(of, schema) {
            return Some(cases.map(|piece| match piece {
                Piece::Value(value) => Piece::of(&cast(value)),
                piece @ (Piece::Null | Piece::Zero) => piece,
            }));
        }
        if !matches!(of.get_type(schema), Ok(DataType::Boolean)) {
            return None;
        }
        let mut branches = vec![(of.clone(), Piece::Value(lit(1_i64)))];
        if of.nullable(schema).unwrap_or(true) {
            branches.push((of.clone().is_null(), Piece::Null));
        }
        Some(Self { branches, otherwise: Piece::Zero })
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.branches.iter().map(|(_, piece)| piece).chain([&self.otherwise])
    }

    /// The values beside 0 and NULL, each once.
    pub(super) fn values(&self) -> Vec<&Expr> {
        let mut values: Vec<&Expr> = Vec::new();
        for piece in self.pieces() {
            match piece {
                Piece::Value(value) if !values.iter().any(|known| is_same(known, value)) => {
                    values.push(value);
                }
                Piece::Null | Piece::Zero | Piece::Value(_) => {}
            }
        }
        values
    }

    /// The rows that come to this value.
    pub(super) fn rows_of(&self, value: &Expr, schema: &DFSchema) -> Rows {
        let is = |piece: &Piece| match piece {
            Piece::Value(other) => is_same(other, value),
            Piece::Null | Piece::Zero => false,
        };
        self.rows(&is, schema)
    }

    /// The rows that come to such a piece.
    pub(super) fn rows(&self, is: &dyn Fn(&Piece) -> bool, schema: &DFSchema) -> Rows {
        let rest = if is(&self.otherwise) { Rows::All } else { Rows::None };
        self.branches.iter().rev().fold(rest, |rest, (condition, piece)| {
            let condition = condition.clone();
            match (is(piece), rest) {
                (true, Rows::All) => Rows::All,
                (true, Rows::None) => Rows::Where(condition),
                (true, Rows::Where(rest)) => Rows::Where(condition.or(rest)),
                (false, Rows::None) => Rows::None,
                (false, Rows::All) => Rows::Where(condition.is_not_true()),
                (false, Rows::Where(rest)) => Rows::Where(without(condition, rest, schema)),
            }
        })
    }
}

/// The rows for which a condition is true and another isn't, in the words in which they would be asked for by themselves: `sex =
/// 'F'` where no other sex is meant, `age >= 18 AND age < 65` where those below 18 came first.
fn without(first: Expr, rest: Expr, schema: &DFSchema) -> Expr {
    let Some((value, ..)) = compared(&first) else { return first.is_not_true().and(rest) };
    let parts = split_conjunction(&rest);
    if parts.iter().any(|part| are_apart(&first, part, schema)) {
        return rest;
    }
    // Where the rest is true there is a value.
    let is_known = parts.iter().any(|part| compared(part).is_some_and(|(of, ..)| of == value));
    match (&first, is_known) {
        (Expr::BinaryExpr(BinaryExpr { left, op, right }), true) => match op.negate() {
            Some(op) => {
                let other = BinaryExpr { left: left.clone(), op, right: right.clone() };
                Expr::BinaryExpr(other).and(rest)
            }
            None => first.is_not_true().and(rest),
        },
        (_, _) => first.is_not_true().and(rest),
    }
}

/// A column that is compared with a literal.
fn compared(condition: &Expr) -> Option<(&Expr, Operator, &ScalarValue)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
    match (left.as_ref(), right.as_ref()) {
        (value @ Expr::Column(_), Expr::Literal(literal, _)) if is_comparison(*op) => {
            (!literal.is_null()).then_some((value, *op, literal))
        }
        (_, _) => None,
    }
}

/// Whether two conditions are equalities of one column with two values.
fn are_apart(one: &Expr, other: &Expr, schema: &DFSchema) -> bool {
    match (compared(one), compared(other)) {
        (Some((one, Operator::Eq, value)), Some((other, Operator::Eq, another))) => {
            let (its, written) = (one.get_type(schema), value.data_type());
            // A day may be written as a text, in more than one way.
            let is_of_type =
                its.is_ok_and(|its| its == written || its.is_numeric() && written.is_numeric());
            one == other && written == another.data_type() && is_of_type && value != another
        }
        (_, _) => false,
    }
}

/// Whether two values are one: the same expression, or the same number.
fn is_same(one: &Expr, other: &Expr) -> bool {
    one == other || factor(one).is_some_and(|number| factor(other) == Some(number))
}

/// What a total with 0 in the place of NULL is of: to it rows without a value add nothing either way.
pub(super) fn or_zero(expr: &Expr) -> Option<&Expr> {
    match with_zero(expr)? {
        of @ (Expr::Column(Column { .. }) | Expr::Case(_) | Expr::Cast(_) | Expr::TryCast(_)) => {
            Some(of)
        }
        // It may have a value where its parts have none.
        _ => None,
    }
}

/// The first of `coalesce(…, 0)`, by any of its names.
fn with_zero(expr: &Expr) -> Option<&Expr> {
    let function = match expr {
        // The engine keeps a function's other name beside it.
        Expr::Alias(alias) => return with_zero(&alias.expr),
        Expr::ScalarFunction(function) => function,
        _ => return None,
    };
    match (function.name(), function.args.as_slice()) {
        ("coalesce" | "nvl" | "ifnull", [of, otherwise]) if factor(otherwise) == Some(0.0) => {
            Some(of)
        }
        _ => None,
    }
}
