//! Parts of the upper plan's expressions that the engine's simplifier may not look into, since it mistakes them:
//!
//! 1. Two `IN` lists about one value, or lists of equalities: it makes one of them, and takes a value that is NULL for one
//!    that is in neither. `x NOT IN (1) OR x NOT IN (2)` became true where `x` is NULL.
//! 2. Casts that lose digits, where they are compared: `CAST(x AS INT) = 3` became `x = 3.00`.
//!
//! Each is put within a function that returns its argument. What is sent to a department is sent without.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::common::tree_node::Transformed;
use insitu_engine::common::{Column, DFSchema, DataFusionError, Result};
use insitu_engine::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable as _, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// No statement can call it: the gate's list of functions hasn't got it.
pub(super) const NAME: &str = "opaque";

/// The expression, or the function around it or its parts. Within the parts all is done. Of some
/// nodes expressions name columns.
pub(super) fn shielded(expr: Expr, schema: &DFSchema, names: bool) -> Transformed<Expr> {
    match expr {
        // A list of one subquery is a subquery to the engine.
        Expr::InList(list) if !matches!(list.list.as_slice(), [Expr::ScalarSubquery(_)]) => {
            Transformed::yes(opaque(Expr::InList(list), names))
        }
        Expr::Cast(cast) if loses(&cast.expr, cast.field.data_type(), false, schema) => {
            Transformed::yes(opaque(Expr::Cast(cast), names))
        }
        Expr::TryCast(cast) if loses(&cast.expr, cast.field.data_type(), true, schema) => {
            Transformed::yes(opaque(Expr::TryCast(cast), names))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if choose_alike(&left, op, &right) => {
            let [left, right] = [left, right].map(|part| Box::new(shielded_choice(*part, names)));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        // The rule runs several times.
        Expr::ScalarFunction(mut call)
            if call.func.name() == NAME && call.args.iter().all(is_opaque) =>
        {
            match call.args.pop() {
                Some(inner) => Transformed::yes(inner),
                None => Transformed::no(Expr::ScalarFunction(call)),
            }
        }
        // The engine has many more expressions: they are left as they are.
        other => Transformed::no(other),
    }
}

fn is_opaque(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.name() == NAME)
}

fn opaque(expr: Expr, names: bool) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Opaque { names, signature }).call(vec![expr])
}

/// Whether two conditions, one beside the other, are lists of equalities about one column. Under `OR` they come to stand
/// beneath `AND` where both are negated.
fn choose_alike(left: &Expr, op: Operator, right: &Expr) -> bool {
    let is_negated = |part: &Expr| matches!(part, Expr::Not(_));
    let meet = op == Operator::And || op == Operator::Or && is_negated(left) && is_negated(right);
    meet && {
        let chosen = chosen(left);
        self::chosen(right).into_iter().any(|column| chosen.contains(&column))
    }
}

/// The columns that a condition has lists of equalities about.
fn chosen(condition: &Expr) -> Vec<&Column> {
    match condition {
        Expr::Not(value) => chosen(value),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            [chosen(left), chosen(right)].concat()
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            [left, right].into_iter().flat_map(|part| equal_or_chosen(part)).collect()
        }
        _ => Vec::new(),
    }
}

fn equal_or_chosen(part: &Expr) -> Vec<&Column> {
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(..))
                | (Expr::Literal(..), Expr::Column(column)) => vec![column],
                (_, _) => Vec::new(),
            }
        }
        Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => chosen(part),
        _ => Vec::new(),
    }
}

fn shielded_choice(condition: Expr, names: bool) -> Expr {
    match condition {
        Expr::Not(value) => Expr::Not(Box::new(shielded_choice(*value, names))),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            opaque(Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }), names)
        }
        other => other,
    }
}

/// Whether two values may be one after the cast, or some may be NULL that weren't.
fn loses(value: &Expr, to: &DataType, is_try: bool, schema: &DFSchema) -> bool {
    let Ok(from) = value.get_type(schema) else { return false };
    match (digits(&from), digits(to)) {
        (Some((whole, places)), Some((whole_to, places_to))) => {
            places_to < places || is_try && whole_to < whole
        }
        (_, _) => false,
    }
}

/// The most digits before and after the point.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 | DataType::UInt32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::UInt64 => Some((20, 0)),
        DataType::Decimal32(digits, places)
        | DataType::Decimal64(digits, places)
        | DataType::Decimal128(digits, places)
        | DataType::Decimal256(digits, places) => {
            let (digits, places) = (i16::from(*digits), i16::from(*places));
            Some((digits.saturating_sub(places), places))
        }
        // Casts of other types stay where they are compared.
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Opaque {
    /// Whether other expressions may name a column by it.
    names: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Opaque {
    fn name(&self) -> &str {
        NAME
    }

    /// That of the argument where columns are named by it. Elsewhere another: a cast has the name of what it casts, and a join by
    /// both would have two columns of that name.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [value] if !self.names => Ok(format!("{NAME}({value})")),
            [value] => Ok(value.schema_name().to_string()),
            _ => Err(misused()),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        arg_types.first().cloned().ok_or_else(misused)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let value = args.arg_fields.first().ok_or_else(misused)?;
        Ok(Arc::new(Field::new(NAME, value.data_type().clone(), value.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.args.into_iter().next().ok_or_else(misused)
    }
}

fn misused() -> DataFusionError {
    DataFusionError::Internal("something opaque has no value".to_owned())
}
