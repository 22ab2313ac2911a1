//! Whether an expression over open data means the same at a department as in the engine. Where it may not, nothing is cut or
//! sent: the rows are fetched, and the engine's own meaning is the answer.
//!
//! 1. [`in_wide_types`]: a cast to a type that a question doesn't have, in those that it has; numbers written with a point that
//!    are calculated with, in the engine's type.
//! 2. [`is_certain`]: what is left over.
//! 3. [`at_least`]: a condition on rows, where what is calculated with floating point may be infinite.

use arrow_schema::DataType;
use insitu_disclosure::function::CastMeaning;
use insitu_disclosure::tabulation::typing::{DECIMAL_PLACES_MAX, power_of_ten, type_of};
use insitu_disclosure::{Dataset, Refusal, RefusalCode, Scalar, ScalarType};
use insitu_engine::common::ScalarValue;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::logical_expr::expr::ScalarFunction;
use insitu_engine::logical_expr::{Between, BinaryExpr, Case, Expr, cast, lit};

/// The Refusal that stands for an uncertain meaning. Rows are fetched instead, so that it isn't told.
pub(super) fn uncertain() -> Refusal {
    Refusal::new(
        RefusalCode::D207,
        "an expression may mean something else at a department than in the engine.",
        "Apply it to the released table.",
    )
}

/// The expression with casts to narrow types, such as `INT`, made in the widest one of the kind: a value beyond the narrow
/// type's limits is NULL, as in `TRY_CAST`. `None` where a cast has no such form.
pub(super) fn in_wide_types(expr: &Expr) -> Option<Expr> {
    let is_narrow = |e: &Expr| narrow_cast(e).is_some();
    // The value is written three times: one within another would grow by powers.
    let nested = expr.exists(|e| Ok(is_narrow(e) && within(e, &is_narrow)));
    if nested.unwrap_or(true) {
        return None;
    }
    let mut has_form = true;
    let wide = expr.clone().transform_up(|e| {
        let e = match e {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.is_numerical_operators() => {
                let (left, right) = (Box::new(in_floats(*left)), Box::new(in_floats(*right)));
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            other => other,
        };
        let Some((value, to)) = narrow_cast(&e) else { return Ok(Transformed::no(e)) };
        match within_limits(value, to) {
            Some(wide) => Ok(Transformed::yes(wide)),
            None => {
                has_form = false;
                Ok(Transformed::no(e))
            }
        }
    });
    wide.ok().map(|wide| wide.data).filter(|_| has_form)
}

/// A number that is calculated with, in floating point where it is written with a point: `n * 0.1 = 0.3` is false for 3, whoever
/// computes it. As a literal of a question it would be the decimal 0.1.
fn in_floats(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(_)), _) => cast(expr, DataType::Float64),
        Expr::Negative(inner) => Expr::Negative(Box::new(in_floats(*inner))),
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let branches = when_then_expr.into_iter();
            let branches = branches.map(|(when, then)| (when, Box::new(in_floats(*then))));
            let otherwise = else_expr.map(|otherwise| Box::new(in_floats(*otherwise)));
            Expr::Case(Case::new(expr, branches.collect(), otherwise))
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if ["coalesce", "nullif", "abs"].contains(&func.name()) =>
        {
            let args = args.into_iter().map(in_floats).collect();
            Expr::ScalarFunction(ScalarFunction { func, args })
        }
        other => other,
    }
}

fn within(expr: &Expr, found: &impl Fn(&Expr) -> bool) -> bool {
    match expr {
        Expr::Cast(cast) => cast.expr.exists(|e| Ok(found(e))).unwrap_or(true),
        Expr::TryCast(cast) => cast.expr.exists(|e| Ok(found(e))).unwrap_or(true),
        _ => false,
    }
}

/// What is cast, and to which type that isn't a question's own.
fn narrow_cast(expr: &Expr) -> Option<(&Expr, &DataType)> {
    let (value, to) = match expr {
        Expr::Cast(cast) => (&cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&cast.expr, cast.field.data_type()),
        _ => return None,
    };
    let texts = [DataType::LargeUtf8, DataType::Utf8View];
    let own = ScalarType::of(to).is_some() || texts.contains(to);
    (!own).then_some((value.as_ref(), to))
}

fn within_limits(value: &Expr, to: &DataType) -> Option<Expr> {
    let whole = |low: i64, high: i64| (lit(low), lit(high), DataType::Int64);
    let (low, high, wide) = match to {
        DataType::Int8 => whole(i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => whole(i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => whole(i32::MIN.into(), i32::MAX.into()),
        DataType::UInt8 => whole(0, u8::MAX.into()),
        DataType::UInt16 => whole(0, u16::MAX.into()),
        DataType::UInt32 => whole(0, u32::MAX.into()),
        DataType::Decimal128(digits, places) => {
            let known = u8::try_from(*places).is_ok_and(|p| p <= DECIMAL_PLACES_MAX);
            let most = power_of_ten(*digits).checked_sub(1).filter(|_| known)?;
            let limit = |v: i128| lit(ScalarValue::Decimal128(Some(v), 38, *places));
            (limit(most.checked_neg()?), limit(most), DataType::Decimal128(38, *places))
        }
        // The engine has many more types than a question: what is cast to them stays there.
        _ => return None,
    };
    let wide = cast(value.clone(), wide);
    let fits = Between::new(Box::new(wide.clone()), false, Box::new(low), Box::new(high));
    let fits = Box::new(Expr::Between(fits));
    Some(Expr::Case(Case::new(None, vec![(fits, Box::new(wide))], None)))
}

/// Whether a typed expression has the engine's meaning: every cast in it has, and no decimal is compared with floating point,
/// or stands for it, which the engine does in decimals.
pub(super) fn is_certain(scalar: &Scalar, dataset: &Dataset) -> bool {
    let mixes = match scalar {
        Scalar::Compare { .. } | Scalar::Case { .. } | Scalar::InList { .. } => {
            scalar.children().into_iter().any(|part| is_floated_decimal(part, dataset))
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    };
    let is_read = match scalar {
        Scalar::Cast { value, to } => type_of(value, dataset)
            .is_ok_and(|from| CastMeaning::of(from, *to) == CastMeaning::Engines),
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Lookup { .. } => true,
    };
    !mixes && is_read && scalar.children().into_iter().all(|part| is_certain(part, dataset))
}

/// A condition that chooses rows for the engine to choose from, and not too few. A department has no value where something
/// that is calculated with floating point, or what that comes from, is infinite or no number, and the engine has: such rows
/// are sent. `None` where a condition looks at whether there is a value.
pub(super) fn at_least(condition: Scalar, dataset: &Dataset) -> Option<Scalar> {
    if !calculates_with_floats(&condition, dataset) {
        return Some(condition);
    }
    stays_unknown(&condition, dataset).then(|| {
        let unknown = Scalar::IsNull(Box::new(condition.clone()));
        Scalar::Or(vec![condition, unknown])
    })
}

fn calculates_with_floats(scalar: &Scalar, dataset: &Dataset) -> bool {
    let is_call = matches!(scalar, Scalar::Call { .. });
    is_call && matches!(type_of(scalar, dataset), Ok(ScalarType::Float64))
        || scalar.children().into_iter().any(|part| calculates_with_floats(part, dataset))
}

/// Whether an expression is NULL, or what it would be otherwise, where floating point that it calculates with is NULL.
fn stays_unknown(scalar: &Scalar, dataset: &Dataset) -> bool {
    match scalar {
        Scalar::IsNull(_) | Scalar::Case { .. } | Scalar::Lookup { .. } => {
            !calculates_with_floats(scalar, dataset)
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. } => {
            scalar.children().into_iter().all(|part| stays_unknown(part, dataset))
        }
    }
}

fn is_floated_decimal(scalar: &Scalar, dataset: &Dataset) -> bool {
    match scalar {
        Scalar::Cast { value, to: ScalarType::Float64 } => {
            matches!(type_of(value, dataset), Ok(ScalarType::Decimal(_)))
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    }
}
