//! Expressions, literals and types.

use insitu_disclosure::tabulation::DEPTH_MAX;
use insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX;
use insitu_disclosure::{Comparison, Function, Literal, Scalar, ScalarType};

use crate::version::DAYS_AND_CONCAT;
use crate::{Malformed, reference, v1};

/// An expression as a message.
#[must_use]
pub fn encode(scalar: &Scalar) -> v1::Scalar {
    use v1::scalar::Scalar as S;
    let boxed = |s: &Scalar| Some(Box::new(encode(s)));
    let scalar = match scalar {
        Scalar::Column(name) => S::Column(name.clone()),
        Scalar::Literal(literal) => S::Literal(encode_literal(literal)),
        Scalar::Compare { op, left, right } => S::Compare(Box::new(v1::Compare {
            op: encode_comparison(*op).into(),
            left: boxed(left),
            right: boxed(right),
        })),
        Scalar::And(parts) => S::All(v1::Scalars { scalars: parts.iter().map(encode).collect() }),
        Scalar::Or(parts) => S::Any(v1::Scalars { scalars: parts.iter().map(encode).collect() }),
        Scalar::Not(value) => S::Not(Box::new(encode(value))),
        Scalar::IsNull(value) => S::IsNull(Box::new(encode(value))),
        Scalar::InList { value, list } => S::InList(Box::new(v1::InList {
            value: boxed(value),
            list: list.iter().map(encode_literal).collect(),
        })),
        Scalar::Like { value, pattern, ignore_case } => S::Like(Box::new(v1::Like {
            value: boxed(value),
            pattern: pattern.clone(),
            ignore_case: *ignore_case,
        })),
        Scalar::Case { branches, otherwise } => S::Case(Box::new(v1::Case {
            branches: branches
                .iter()
                .map(|(when, then)| v1::Branch {
                    when: Some(encode(when)),
                    then: Some(encode(then)),
                })
                .collect(),
            otherwise: otherwise.as_deref().map(|o| Box::new(encode(o))),
        })),
        Scalar::Call { function, args } => S::Call(v1::Call {
            function: encode_function(*function).into(),
            args: args.iter().map(encode).collect(),
        }),
        Scalar::Cast { value, to } => {
            S::Cast(Box::new(v1::Cast { value: boxed(value), to: Some(encode_type(*to)) }))
        }
        Scalar::Lookup { reference, column, value_type, key } => S::Lookup(Box::new(v1::Lookup {
            reference: Some(reference::encode(reference)),
            column: column.clone(),
            r#type: Some(encode_type(*value_type)),
            key: boxed(key),
        })),
    };
    v1::Scalar { scalar: Some(scalar) }
}

/// An expression from a message.
///
/// # Errors
/// Anything missing, unknown or nested too deeply.
pub fn decode(message: &v1::Scalar) -> Result<Scalar, Malformed> {
    decode_at(message, 0)
}

fn decode_at(message: &v1::Scalar, depth: usize) -> Result<Scalar, Malformed> {
    use v1::scalar::Scalar as S;
    if depth > DEPTH_MAX {
        return Err(Malformed::Field("scalar depth"));
    }
    let below = |m: &v1::Scalar| decode_at(m, depth.saturating_add(1));
    let required = |m: &Option<Box<v1::Scalar>>| match m {
        Some(m) => below(m).map(Box::new),
        None => Err(Malformed::Field("scalar")),
    };
    let each = |m: &[v1::Scalar]| m.iter().map(below).collect::<Result<Vec<_>, _>>();
    Ok(match message.scalar.as_ref().ok_or(Malformed::Field("scalar"))? {
        S::Column(name) => Scalar::Column(name.clone()),
        S::Literal(literal) => Scalar::Literal(decode_literal(literal)?),
        S::Compare(m) => Scalar::Compare {
            op: decode_comparison(m.op)?,
            left: required(&m.left)?,
            right: required(&m.right)?,
        },
        S::All(m) => Scalar::And(each(&m.scalars)?),
        S::Any(m) => Scalar::Or(each(&m.scalars)?),
        S::Not(m) => Scalar::Not(Box::new(below(m)?)),
        S::IsNull(m) => Scalar::IsNull(Box::new(below(m)?)),
        S::InList(m) => Scalar::InList {
            value: required(&m.value)?,
            list: m.list.iter().map(decode_literal).collect::<Result<_, _>>()?,
        },
        S::Like(m) => Scalar::Like {
            value: required(&m.value)?,
            pattern: m.pattern.clone(),
            ignore_case: m.ignore_case,
        },
        S::Case(m) => Scalar::Case {
            branches: m
                .branches
                .iter()
                .map(|b| {
                    let when = b.when.as_ref().ok_or(Malformed::Field("when"))?;
                    let then = b.then.as_ref().ok_or(Malformed::Field("then"))?;
                    Ok((below(when)?, below(then)?))
                })
                .collect::<Result<_, _>>()?,
            otherwise: m.otherwise.as_deref().map(|o| below(o).map(Box::new)).transpose()?,
        },
        S::Call(m) => Scalar::Call { function: decode_function(m.function)?, args: each(&m.args)? },
        S::Cast(m) => Scalar::Cast {
            value: required(&m.value)?,
            to: decode_type(m.to.as_ref().ok_or(Malformed::Field("type"))?)?,
        },
        S::Lookup(m) => Scalar::Lookup {
            reference: reference::decode(m.reference.as_ref())?,
            column: reference::column_name(&m.column)?,
            value_type: decode_type(m.r#type.as_ref().ok_or(Malformed::Field("type"))?)?,
            key: required(&m.key)?,
        },
    })
}

const fn encode_comparison(op: Comparison) -> v1::Comparison {
    match op {
        Comparison::Equal => v1::Comparison::Equal,
        Comparison::NotEqual => v1::Comparison::NotEqual,
        Comparison::Less => v1::Comparison::Less,
        Comparison::LessOrEqual => v1::Comparison::LessOrEqual,
        Comparison::Greater => v1::Comparison::Greater,
        Comparison::GreaterOrEqual => v1::Comparison::GreaterOrEqual,
    }
}

fn decode_comparison(op: i32) -> Result<Comparison, Malformed> {
    match v1::Comparison::try_from(op).map_err(|_| Malformed::Unknown)? {
        v1::Comparison::Unspecified => Err(Malformed::Field("comparison")),
        v1::Comparison::Equal => Ok(Comparison::Equal),
        v1::Comparison::NotEqual => Ok(Comparison::NotEqual),
        v1::Comparison::Less => Ok(Comparison::Less),
        v1::Comparison::LessOrEqual => Ok(Comparison::LessOrEqual),
        v1::Comparison::Greater => Ok(Comparison::Greater),
        v1::Comparison::GreaterOrEqual => Ok(Comparison::GreaterOrEqual),
    }
}

const fn encode_function(function: Function) -> v1::Function {
    match function {
        Function::Add => v1::Function::AddV1,
        Function::Subtract => v1::Function::SubtractV1,
        Function::Multiply => v1::Function::MultiplyV1,
        Function::Divide => v1::Function::DivideV1,
        Function::Modulo => v1::Function::ModuloV1,
        Function::Negate => v1::Function::NegateV1,
        Function::Abs => v1::Function::AbsV1,
        Function::Lower => v1::Function::LowerV1,
        Function::Upper => v1::Function::UpperV1,
        Function::Trim => v1::Function::TrimV1,
        Function::Length => v1::Function::LengthV1,
        Function::Substring => v1::Function::SubstringV1,
        Function::Year => v1::Function::YearV1,
        Function::Quarter => v1::Function::QuarterV1,
        Function::Month => v1::Function::MonthV1,
        Function::StartOfYear => v1::Function::StartOfYearV1,
        Function::StartOfQuarter => v1::Function::StartOfQuarterV1,
        Function::StartOfMonth => v1::Function::StartOfMonthV1,
        Function::DayOfMonth => v1::Function::DayOfMonthV1,
        Function::DayOfWeek => v1::Function::DayOfWeekV1,
        Function::IsoDayOfWeek => v1::Function::IsoDayOfWeekV1,
        Function::DayOfYear => v1::Function::DayOfYearV1,
        Function::Week => v1::Function::WeekV1,
        Function::Concat => v1::Function::ConcatV1,
    }
}

/// The features that an expression needs.
pub(crate) fn features(scalar: &Scalar) -> u64 {
    let own = match scalar {
        Scalar::Call { function, .. } => match function {
            Function::DayOfMonth
            | Function::DayOfWeek
            | Function::IsoDayOfWeek
            | Function::DayOfYear
            | Function::Week
            | Function::Concat => DAYS_AND_CONCAT,
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo
            | Function::Negate
            | Function::Abs
            | Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::Length
            | Function::Substring
            | Function::Year
            | Function::Quarter
            | Function::Month
            | Function::StartOfYear
            | Function::StartOfQuarter
            | Function::StartOfMonth => 0,
        },
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
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => 0,
    };
    scalar.children().into_iter().map(features).fold(own, |all, one| all | one)
}

fn decode_function(function: i32) -> Result<Function, Malformed> {
    let known = v1::Function::try_from(function).map_err(|_| Malformed::Unknown)?;
    Function::ALL
        .into_iter()
        .find(|f| encode_function(*f) == known)
        .ok_or(Malformed::Field("function"))
}

/// A type as a message.
#[must_use]
pub fn encode_type(scalar_type: ScalarType) -> v1::Type {
    use v1::r#type::Type as T;
    let message = match scalar_type {
        ScalarType::Boolean => T::Boolean(v1::Unit {}),
        ScalarType::Int64 => T::Int64(v1::Unit {}),
        ScalarType::Decimal(places) => T::Decimal(places.into()),
        ScalarType::Float64 => T::Float64(v1::Unit {}),
        ScalarType::Utf8 => T::Utf8(v1::Unit {}),
        ScalarType::Date => T::Date(v1::Unit {}),
    };
    v1::Type { r#type: Some(message) }
}

/// A type from a message.
///
/// # Errors
/// A missing type, or more decimal places than there are.
pub fn decode_type(message: &v1::Type) -> Result<ScalarType, Malformed> {
    use v1::r#type::Type as T;
    Ok(match message.r#type.as_ref().ok_or(Malformed::Field("type"))? {
        T::Boolean(_) => ScalarType::Boolean,
        T::Int64(_) => ScalarType::Int64,
        T::Decimal(places) => ScalarType::Decimal(decode_places(*places)?),
        T::Float64(_) => ScalarType::Float64,
        T::Utf8(_) => ScalarType::Utf8,
        T::Date(_) => ScalarType::Date,
    })
}

fn decode_places(places: u32) -> Result<u8, Malformed> {
    u8::try_from(places)
        .ok()
        .filter(|p| *p <= DECIMAL_PLACES_MAX)
        .ok_or(Malformed::Field("decimal places"))
}

/// A decimal number as a message.
#[must_use]
pub fn encode_decimal(value: i128, places: u8) -> v1::Decimal {
    v1::Decimal { value: value.to_be_bytes().to_vec(), places: places.into() }
}

/// A decimal number from a message.
///
/// # Errors
/// Not 16 bytes, or too many places.
pub fn decode_decimal(message: &v1::Decimal) -> Result<(i128, u8), Malformed> {
    let bytes: [u8; 16] =
        message.value.as_slice().try_into().map_err(|_| Malformed::Field("decimal"))?;
    Ok((i128::from_be_bytes(bytes), decode_places(message.places)?))
}

/// A literal as a message.
#[must_use]
pub fn encode_literal(literal: &Literal) -> v1::Literal {
    use v1::literal::Literal as L;
    let message = match literal {
        Literal::Null(t) => L::Null(encode_type(*t)),
        Literal::Boolean(v) => L::Boolean(*v),
        Literal::Int64(v) => L::Int64(*v),
        Literal::Decimal { value, places } => L::Decimal(encode_decimal(*value, *places)),
        Literal::Float64(v) => L::Float64(*v),
        Literal::Utf8(v) => L::Utf8(v.clone()),
        Literal::Date(v) => L::Date(*v),
    };
    v1::Literal { literal: Some(message) }
}

/// A literal from a message.
///
/// # Errors
/// A missing value, or a number that isn't finite.
pub fn decode_literal(message: &v1::Literal) -> Result<Literal, Malformed> {
    use v1::literal::Literal as L;
    Ok(match message.literal.as_ref().ok_or(Malformed::Field("literal"))? {
        L::Null(t) => Literal::Null(decode_type(t)?),
        L::Boolean(v) => Literal::Boolean(*v),
        L::Int64(v) => Literal::Int64(*v),
        L::Decimal(d) => {
            let (value, places) = decode_decimal(d)?;
            Literal::Decimal { value, places }
        }
        L::Float64(v) if v.is_finite() => Literal::Float64(*v),
        L::Float64(_) => return Err(Malformed::Field("float64")),
        L::Utf8(v) => Literal::Utf8(v.clone()),
        L::Date(v) => Literal::Date(*v),
    })
}
