//! `round` in the upper plan: the engine's, whose type doesn't change while a statement is planned.
//!
//! The places of a rounded decimal hang on the second argument where that is a literal. The engine takes its literal for one
//! only after it made the types of a comparison equal, so that these were no longer equal when it ran. Here a literal is
//! one from the start, and anything else never is: [`by_row`].

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::logical_expr::expr::ScalarFunction;
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::far_digits::{self, Truncating};

const NAME: &str = "round";

/// The engine's function, or the same function with a type that stays and with answers for places far away.
pub(super) fn mended(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match function.name() {
        NAME => Arc::new(rounding(function, false)),
        "trunc" => Arc::new(ScalarUDF::new_from_impl(Truncating(function))),
        _ => function,
    }
}

/// A call whose places aren't written as a literal, as one that never takes them for such; `None` for all else.
pub(super) fn by_row(expr: &Expr) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let is_literal = matches!(args.get(1), None | Some(Expr::Literal(..)));
    if func.name() != NAME || is_literal {
        return None;
    }
    Some(rounding(Arc::clone(func), true).call(args.clone()))
}

fn rounding(engines: Arc<ScalarUDF>, by_row: bool) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Rounding { engines, by_row, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounding {
    engines: Arc<ScalarUDF>,
    /// Whether places are those of each row, whatever is found out about them.
    by_row: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &str {
        if self.by_row { "round_by_row" } else { NAME }
    }

    /// That of the function as it is written: other expressions of the plan name columns by it.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{NAME}({})", names.join(",")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Places are taken as they are written, as whole numbers of 64 bits.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (value, places) = match arg_types {
            [value] => (value, None),
            [value, places] => (value, Some(places)),
            _ => return Err(misused("it takes a number and the places to round it to")),
        };
        let value = if value.is_integer() || value.is_decimal() || *value == DataType::Float32 {
            value.clone()
        } else if value.is_floating() || value.is_null() {
            DataType::Float64
        } else {
            return Err(misused("it takes numbers"));
        };
        match places {
            None => Ok(vec![value]),
            Some(places) if places.is_integer() || places.is_null() => {
                Ok(vec![value, DataType::Int64])
            }
            Some(_) => Err(misused("the places to round to are a whole number")),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type of `round` hangs on its places".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if !self.by_row {
            return self.engines.return_field_from_args(args);
        }
        let unknown = vec![None; args.arg_fields.len()];
        let args = ReturnFieldArgs { arg_fields: args.arg_fields, scalar_arguments: &unknown };
        self.engines.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        far_digits::invoke(args, |args| self.of_places(args))
    }
}

impl Rounding {
    /// The engine's, which takes places of 32 bits.
    fn of_places(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs {
            mut args,
            mut arg_fields,
            number_rows,
            return_field,
            config_options,
        } = args;
        if let Some(places) = args.get_mut(1) {
            *places = places.cast_to(&DataType::Int32, None)?;
        }
        if let Some(field) = arg_fields.get_mut(1) {
            *field = Arc::new(Field::new(field.name(), DataType::Int32, field.is_nullable()));
        }
        let args =
            ScalarFunctionArgs { args, arg_fields, number_rows, return_field, config_options };
        self.engines.invoke_with_args(args)
    }
}

fn misused(what: &str) -> DataFusionError {
    DataFusionError::Plan(format!("the signature of `round` doesn't fit: {what}"))
}
