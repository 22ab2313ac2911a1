//! Arithmetic of the upper plan with whole numbers and decimals: where a result doesn't fit its type, the query ends. The
//! engine's own wraps around, and makes decimals of more digits than their type has.
//!
//! A rule, before all others, so that what is calculated while planning is calculated like this, too: it puts functions in
//! the operators' places, under the same names. `IS TRUE` and its like are among them: the engine plans these as something
//! that may be NULL after it said that it can't be, and then stops where one stands twice. So is `nullif` of floating point.
//! What the engine simplifies wrongly is put out of its reach along with that (`opaque`, `round`).

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Decimal128Type;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::arrow::compute::kernels::{cmp, numeric};
use insitu_engine::arrow::compute::nullif;
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{DFSchema, DataFusionError, Result};
use insitu_engine::logical_expr::expr_rewriter::NamePreserver;
use insitu_engine::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use insitu_engine::logical_expr::utils::merge_schema;
use insitu_engine::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable as _, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use insitu_engine::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::floats::of_one_form;
use super::{opaque, round};

// No statement can call these: the gate's list of functions hasn't got them.
pub(super) const ADD: &str = "checked_add";
pub(super) const SUBTRACT: &str = "checked_subtract";
pub(super) const MULTIPLY: &str = "checked_multiply";
pub(super) const DIVIDE: &str = "checked_divide";
pub(super) const MODULO: &str = "checked_modulo";
pub(super) const NEGATE: &str = "checked_negate";
pub(super) const IS_TRUE: &str = "is_true";
pub(super) const IS_FALSE: &str = "is_false";
pub(super) const IS_NOT_TRUE: &str = "is_not_true";
pub(super) const IS_NOT_FALSE: &str = "is_not_false";
pub(super) const IS_UNKNOWN: &str = "is_unknown";
pub(super) const IS_NOT_UNKNOWN: &str = "is_not_unknown";
pub(super) const NULL_IF: &str = "nullif_of_floats";

/// A calculated number doesn't fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a calculated number is too large for its type")]
pub(super) struct TooLarge;

/// The rule's name.
pub(super) const NAME: &str = "checked_arithmetic";

/// The rule.
pub(super) fn rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(Rule)
}

#[derive(Debug)]
struct Rule;

impl OptimizerRule for Rule {
    fn name(&self) -> &str {
        NAME
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        let names_columns = !matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
        plan.map_expressions(|expr| {
            // An aggregate's name has its filter as the engine shows it, not as it names it.
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| {
                let expr = match round::by_row(&expr) {
                    Some(by_row) => Transformed::yes(by_row),
                    None => checked(expr, &schema)?,
                };
                expr.transform_data(|expr| Ok(opaque::shielded(expr, &schema, names_columns)))
            })?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    }
}

/// The expression, or the function that stands for it.
fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Some(kind) = Kind::of(&expr, schema) else { return Ok(Transformed::no(expr)) };
    let args = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: _, right }) => vec![*left, *right],
        Expr::Negative(value)
        | Expr::IsTrue(value)
        | Expr::IsFalse(value)
        | Expr::IsNotTrue(value)
        | Expr::IsNotFalse(value)
        | Expr::IsUnknown(value)
        | Expr::IsNotUnknown(value) => vec![*value],
        Expr::ScalarFunction(call) => call.args,
        // `Kind::of` has an answer for those above only.
        other => return Ok(Transformed::no(other)),
    };
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(Checked { kind, signature });
    Ok(Transformed::yes(function.call(args)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Add,
    Subtract,
    Multiply,
    /// Of decimals, and [`Kind::Modulo`] likewise: the engine ends the query over whole numbers.
    Divide,
    Modulo,
    Negate,
    IsTrue,
    IsFalse,
    IsNotTrue,
    IsNotFalse,
    IsUnknown,
    IsNotUnknown,
    /// Of floating point: the engine's takes 0.0 and -0.0 for two values, and its `=` for one.
    NullIf,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Option<Self> {
        let type_of = |expr: &Expr| expr.get_type(schema).ok();
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let kind = Self::of_operator(*op)?;
                match (type_of(left)?, type_of(right)?) {
                    (DataType::Decimal128(..), DataType::Decimal128(..)) => Some(kind),
                    (left, right) => {
                        let wraps = matches!(kind, Self::Add | Self::Subtract | Self::Multiply);
                        (wraps && left.is_integer() && left == right).then_some(kind)
                    }
                }
            }
            Expr::Negative(value) => type_of(value)?.is_signed_integer().then_some(Self::Negate),
            Expr::ScalarFunction(call) if call.func.name() == "nullif" => {
                let [left, right] = call.args.as_slice() else { return None };
                let (left, right) = (type_of(left)?, type_of(right)?);
                (left.is_floating() && left == right).then_some(Self::NullIf)
            }
            Expr::IsTrue(_) => Some(Self::IsTrue),
            Expr::IsFalse(_) => Some(Self::IsFalse),
            Expr::IsNotTrue(_) => Some(Self::IsNotTrue),
            Expr::IsNotFalse(_) => Some(Self::IsNotFalse),
            Expr::IsUnknown(_) => Some(Self::IsUnknown),
            Expr::IsNotUnknown(_) => Some(Self::IsNotUnknown),
            // The engine has many more expressions: they are left as they are.
            _ => None,
        }
    }

    fn of_operator(operator: Operator) -> Option<Self> {
        [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Modulo]
            .into_iter()
            .find(|kind| kind.operator() == Some(operator))
    }

    const fn operator(self) -> Option<Operator> {
        match self {
            Self::Add => Some(Operator::Plus),
            Self::Subtract => Some(Operator::Minus),
            Self::Multiply => Some(Operator::Multiply),
            Self::Divide => Some(Operator::Divide),
            Self::Modulo => Some(Operator::Modulo),
            Self::Negate
            | Self::IsTrue
            | Self::IsFalse
            | Self::IsNotTrue
            | Self::IsNotFalse
            | Self::IsUnknown
            | Self::IsNotUnknown
            | Self::NullIf => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    kind: Kind,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Add => ADD,
            Kind::Subtract => SUBTRACT,
            Kind::Multiply => MULTIPLY,
            Kind::Divide => DIVIDE,
            Kind::Modulo => MODULO,
            Kind::Negate => NEGATE,
            Kind::IsTrue => IS_TRUE,
            Kind::IsFalse => IS_FALSE,
            Kind::IsNotTrue => IS_NOT_TRUE,
            Kind::IsNotFalse => IS_NOT_FALSE,
            Kind::IsUnknown => IS_UNKNOWN,
            Kind::IsNotUnknown => IS_NOT_UNKNOWN,
            Kind::NullIf => NULL_IF,
        }
    }

    /// That of the operator: other expressions of the plan name columns by it.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(match (self.kind, names.as_slice()) {
            (Kind::Negate, [value]) => format!("(- {value})"),
            (Kind::IsTrue, [value]) => format!("{value} IS TRUE"),
            (Kind::IsFalse, [value]) => format!("{value} IS FALSE"),
            (Kind::IsNotTrue, [value]) => format!("{value} IS NOT TRUE"),
            (Kind::IsNotFalse, [value]) => format!("{value} IS NOT FALSE"),
            (Kind::IsUnknown, [value]) => format!("{value} IS UNKNOWN"),
            (Kind::IsNotUnknown, [value]) => format!("{value} IS NOT UNKNOWN"),
            (Kind::NullIf, [value, other]) => format!("nullif({value},{other})"),
            (kind, [left, right]) => match kind.operator() {
                Some(operator) => format!("{left} {operator} {right}"),
                None => return Err(misused()),
            },
            (_, _) => return Err(misused()),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match (self.kind.operator(), arg_types) {
            (Some(operator), [left, right]) => {
                BinaryTypeCoercer::new(left, &operator, right).get_result_type()
            }
            (None, [value]) if self.kind == Kind::Negate => Ok(value.clone()),
            (None, [_]) => Ok(DataType::Boolean),
            (None, [value, _]) if self.kind == Kind::NullIf => Ok(value.clone()),
            (Some(_) | None, _) => Err(misused()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let is_number = self.kind.operator().is_some() || self.kind == Kind::Negate;
        let nullable = is_number && args.arg_fields.iter().any(|f| f.is_nullable())
            || self.kind == Kind::NullIf;
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values: Vec<ArrayRef> =
            args.args.iter().map(|a| a.to_array(rows)).collect::<Result<_>>()?;
        let result: ArrayRef = match (self.kind, values.as_slice()) {
            (Kind::Add, [left, right]) => within_type(numeric::add(left, right))?,
            (Kind::Subtract, [left, right]) => within_type(numeric::sub(left, right))?,
            (Kind::Multiply, [left, right]) => within_type(numeric::mul(left, right))?,
            // Division by zero is told as the engine tells it.
            (Kind::Divide, [left, right]) => within_type(Ok(numeric::div(left, right)?))?,
            (Kind::Modulo, [left, right]) => within_type(Ok(numeric::rem(left, right)?))?,
            (Kind::Negate, [value]) => within_type(numeric::neg(value))?,
            (Kind::IsTrue, [value]) => truths(value, |v| v == Some(true))?,
            (Kind::IsFalse, [value]) => truths(value, |v| v == Some(false))?,
            (Kind::IsNotTrue, [value]) => truths(value, |v| v != Some(true))?,
            (Kind::IsNotFalse, [value]) => truths(value, |v| v != Some(false))?,
            (Kind::IsUnknown, [value]) => truths(value, |v| v.is_none())?,
            (Kind::IsNotUnknown, [value]) => truths(value, |v| v.is_some())?,
            (Kind::NullIf, [value, other]) => {
                let equal = cmp::eq(&of_one_form(value), &of_one_form(other))?;
                nullif(value, &equal)?
            }
            (_, _) => return Err(misused()),
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn misused() -> DataFusionError {
    DataFusionError::Internal("a checked operator has the wrong number of operands".to_owned())
}

fn within_type(
    result: std::result::Result<ArrayRef, insitu_engine::arrow::error::ArrowError>,
) -> Result<ArrayRef> {
    let too_large = || DataFusionError::External(Box::new(TooLarge));
    let result = result.map_err(|_| too_large())?;
    if let Some(decimals) = result.as_primitive_opt::<Decimal128Type>() {
        let fits = decimals.validate_decimal_precision(decimals.precision());
        fits.map_err(|_| too_large())?;
    }
    Ok(result)
}

fn truths(value: &ArrayRef, is: impl Fn(Option<bool>) -> bool) -> Result<ArrayRef> {
    // A NULL of no type is unknown everywhere.
    let rows = value.len();
    let truths: BooleanArray = match value.as_boolean_opt() {
        Some(values) => values.iter().map(|v| Some(is(v))).collect(),
        None => (0..rows).map(|_| Some(is(None))).collect(),
    };
    Ok(Arc::new(truths))
}
