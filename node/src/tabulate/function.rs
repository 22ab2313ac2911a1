//! Total functions as the engine calls them. The engine's own arithmetic, casts and date functions
//! can wrap or fail on a row; these are [`insitu_disclosure::function`]'s, which can't.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Decimal128Array, new_null_array};
use arrow_schema::DataType;
use insitu_disclosure::tabulation::typing::Signature as TotalSignature;
use insitu_disclosure::{Bounds, Function, ScalarType, function};
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::texts;

/// Amounts beyond this aren't added up even of open data: ten thousand million of them still fit
/// into 38 digits. Protected measures have declared bounds far within.
const AMOUNT_MAX: i128 = 1_000_000_000_000_000_000_000_000_000;

/// What a total function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Call(Function),
    Cast(ScalarType),
    /// The number's digits as a whole number of 38 digits, held within bounds.
    Amount {
        low: i128,
        high: i128,
    },
    /// The same for open data, which has no bounds: a number beyond the limits ends the query.
    OpenAmount,
    /// How far the number's digits are from an origin, as a whole number of 38 digits.
    Deviation {
        origin: i128,
    },
    /// The product of two whole numbers of 38 digits.
    Product,
    /// The value itself.
    Opaque,
    /// The value held within bounds, in its own type.
    Clamp {
        low: i128,
        high: i128,
    },
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Total {
    kind: Kind,
    signature: Signature,
}

fn call(kind: Kind, args: Vec<Expr>) -> Expr {
    // The types were settled by admission: any are taken as they come, none is converted.
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let udf = ScalarUDF::new_from_impl(Total { kind, signature });
    udf.call(args)
}

/// A function of the closed list.
pub(super) fn function(function: Function, args: Vec<Expr>) -> Expr {
    call(Kind::Call(function), args)
}

/// The value in another type, NULL where it can't be.
pub(super) fn cast(value: Expr, to: ScalarType) -> Expr {
    call(Kind::Cast(to), vec![value])
}

/// The digits of an exact number, ready to be added up.
pub(super) fn amount(value: Expr) -> Expr {
    call(Kind::Amount { low: -AMOUNT_MAX, high: AMOUNT_MAX }, vec![value])
}

/// The number's digits, where nothing is left out of a total in silence: one beyond [`AMOUNT_MAX`] ends the query with
/// [`TooLarge`]. Only for open data: it hangs on a row.
pub(super) fn open_amount(value: Expr) -> Expr {
    call(Kind::OpenAmount, vec![value])
}

/// A number of open data is too large for totals to be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number is too large to be added up exactly")]
pub(super) struct TooLarge;

/// How far the digits of an exact number are from an origin, ready to be added up.
pub(super) fn deviation(value: Expr, origin: i128) -> Expr {
    call(Kind::Deviation { origin }, vec![value])
}

/// The product of two deviations. Admission made sure that it fits.
pub(super) fn product(left: Expr, right: Expr) -> Expr {
    call(Kind::Product, vec![left, right])
}

/// The value held within its column's bounds.
pub(super) fn clamp(value: Expr, bounds: Bounds) -> Expr {
    call(Kind::Clamp { low: bounds.low, high: bounds.high }, vec![value])
}

/// The value, out of reach of the engine's simplifier.
pub(super) fn opaque(value: Expr) -> Expr {
    call(Kind::Opaque, vec![value])
}

impl ScalarUDFImpl for Total {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Call(function) => function.as_str(),
            Kind::Cast(_) => "total_cast",
            Kind::Amount { .. } | Kind::OpenAmount => "amount",
            Kind::Deviation { .. } => "deviation",
            Kind::Product => "product",
            Kind::Opaque => "opaque",
            Kind::Clamp { .. } => "clamp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Call(function) => {
                let types: Option<Vec<_>> = arg_types.iter().map(texts::type_of).collect();
                types
                    .and_then(|types| TotalSignature::of(function, &types))
                    .unwrap_or(ScalarType::Boolean)
                    .data_type()
            }
            Kind::Cast(to) => to.data_type(),
            Kind::Amount { .. } | Kind::OpenAmount | Kind::Deviation { .. } | Kind::Product => {
                DataType::Decimal128(38, 0)
            }
            Kind::Opaque | Kind::Clamp { .. } => {
                arg_types.first().map_or(DataType::Null, texts::plain_type)
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays: Vec<ArrayRef> =
            args.args.iter().map(|a| texts::plain(a.to_array(rows)?)).collect::<Result<_>>()?;
        let array = match (self.kind, arrays.first()) {
            (Kind::Call(function), _) => function::evaluate(function, &arrays, rows),
            (Kind::Cast(to), Some(value)) => function::cast(value, to),
            (Kind::Amount { low, high }, Some(value)) => amounts(value, low, high),
            (Kind::OpenAmount, Some(value)) => {
                let amounts = amounts(value, -AMOUNT_MAX, AMOUNT_MAX);
                if amounts.null_count() != value.logical_null_count() {
                    return Err(DataFusionError::External(Box::new(TooLarge)));
                }
                amounts
            }
            (Kind::Deviation { origin }, Some(value)) => deviations(value, origin),
            (Kind::Product, Some(left)) => match arrays.get(1) {
                Some(right) => products(left, right),
                None => new_null_array(args.return_field.data_type(), rows),
            },
            (Kind::Opaque, Some(value)) => Arc::clone(value),
            (Kind::Clamp { low, high }, Some(value)) => clamped(value, low, high),
            (
                Kind::Cast(_)
                | Kind::Amount { .. }
                | Kind::OpenAmount
                | Kind::Deviation { .. }
                | Kind::Product
                | Kind::Opaque
                | Kind::Clamp { .. },
                None,
            ) => new_null_array(args.return_field.data_type(), rows),
        };
        Ok(ColumnarValue::Array(array))
    }
}

/// Amounts beyond the limits are NULL.
fn amounts(value: &ArrayRef, low: i128, high: i128) -> ArrayRef {
    let within = |v: i128| (low <= v && v <= high).then_some(v);
    let digits: Decimal128Array = if let Some(values) = value.as_primitive_opt::<Int64Type>() {
        values.unary(i128::from)
    } else if let Some(values) = value.as_primitive_opt::<Decimal128Type>() {
        if values.values().iter().all(|v| within(*v).is_some()) {
            values.clone()
        } else {
            values.iter().map(|v| v.and_then(within)).collect()
        }
    } else {
        return new_null_array(&DataType::Decimal128(38, 0), value.len());
    };
    Arc::new(digits.with_data_type(DataType::Decimal128(38, 0)))
}

/// A deviation that doesn't fit is NULL.
fn deviations(value: &ArrayRef, origin: i128) -> ArrayRef {
    let digits = amounts(value, -AMOUNT_MAX, AMOUNT_MAX);
    let Some(digits) = digits.as_primitive_opt::<Decimal128Type>() else {
        return new_null_array(&DataType::Decimal128(38, 0), value.len());
    };
    let from_origin: Decimal128Array =
        digits.iter().map(|v| v.and_then(|v| v.checked_sub(origin))).collect();
    Arc::new(from_origin.with_data_type(DataType::Decimal128(38, 0)))
}

/// A product is NULL where a factor is, or where it doesn't fit.
fn products(left: &ArrayRef, right: &ArrayRef) -> ArrayRef {
    let (Some(left), Some(right)) =
        (left.as_primitive_opt::<Decimal128Type>(), right.as_primitive_opt::<Decimal128Type>())
    else {
        return new_null_array(&DataType::Decimal128(38, 0), left.len());
    };
    let product = |(l, r): (Option<i128>, Option<i128>)| l?.checked_mul(r?);
    let products: Decimal128Array = left.iter().zip(right.iter()).map(product).collect();
    Arc::new(products.with_data_type(DataType::Decimal128(38, 0)))
}

fn clamped(value: &ArrayRef, low: i128, high: i128) -> ArrayRef {
    if let Some(values) = value.as_primitive_opt::<Int64Type>() {
        let low = i64::try_from(low).unwrap_or(i64::MIN);
        let high = i64::try_from(high).unwrap_or(i64::MAX);
        Arc::new(values.unary::<_, Int64Type>(|v| v.max(low).min(high)))
    } else if let Some(values) = value.as_primitive_opt::<Decimal128Type>() {
        let clamped = values.unary::<_, Decimal128Type>(|v| v.max(low).min(high));
        Arc::new(clamped.with_data_type(value.data_type().clone()))
    } else {
        new_null_array(value.data_type(), value.len())
    }
}
