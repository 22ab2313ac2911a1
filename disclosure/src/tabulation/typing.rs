//! Types of expressions: [`coerce`] fits a question's literals to its columns once, at the gateway;
//! [`type_of`] checks on both sides that everything fits, and changes nothing.

use super::literal::{Literal, ScalarType};
use super::scalar::Scalar;
use crate::dataset::Dataset;
use crate::function::{CastMeaning, Function, cast_literal};
use crate::refusal::{Refusal, RefusalCode};

pub use super::literal::{DECIMAL_PLACES_MAX, civil, parse_date, parse_decimal, power_of_ten};

/// The types a function takes and gives.
pub struct Signature;

impl Signature {
    /// The type of the result for arguments of these types; `None` if the function doesn't take them.
    #[must_use]
    pub fn of(function: Function, args: &[ScalarType]) -> Option<ScalarType> {
        use ScalarType::{Date, Decimal, Float64, Int64, Utf8};
        match (function, args) {
            (
                Function::Add
                | Function::Subtract
                | Function::Multiply
                | Function::Divide
                | Function::Modulo,
                [Int64, Int64],
            ) => Some(Int64),
            (
                Function::Add
                | Function::Subtract
                | Function::Multiply
                | Function::Divide
                | Function::Modulo,
                [Float64, Float64],
            ) => Some(Float64),
            (Function::Add | Function::Subtract, [Decimal(a), Decimal(b)]) => {
                Some(Decimal(*a.max(b)))
            }
            (Function::Multiply, [Decimal(a), Decimal(b)]) => {
                a.checked_add(*b).filter(|p| *p <= DECIMAL_PLACES_MAX).map(Decimal)
            }
            (Function::Negate | Function::Abs, [number]) if number.is_number() => Some(*number),
            (Function::Lower | Function::Upper | Function::Trim, [Utf8])
            | (Function::Substring, [Utf8, Int64, Int64])
            | (Function::Concat, [Utf8, Utf8]) => Some(Utf8),
            (Function::Length, [Utf8])
            | (
                Function::Year
                | Function::Quarter
                | Function::Month
                | Function::DayOfMonth
                | Function::DayOfWeek
                | Function::IsoDayOfWeek
                | Function::DayOfYear
                | Function::Week,
                [Date],
            ) => Some(Int64),
            (Function::StartOfYear | Function::StartOfQuarter | Function::StartOfMonth, [Date]) => {
                Some(Date)
            }
            (
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
                | Function::StartOfMonth
                | Function::DayOfMonth
                | Function::DayOfWeek
                | Function::IsoDayOfWeek
                | Function::DayOfYear
                | Function::Week
                | Function::Concat,
                _,
            ) => None,
        }
    }
}

/// The type of an expression over a Dataset's columns.
///
/// # Errors
/// A column that doesn't exist ([`RefusalCode::Q106`]) or types that don't fit
/// ([`RefusalCode::Q107`]).
pub fn type_of(scalar: &Scalar, dataset: &Dataset) -> Result<ScalarType, Refusal> {
    match scalar {
        Scalar::Column(name) => {
            dataset.column(name).map(|c| c.scalar_type).ok_or_else(|| unknown_column(name, dataset))
        }
        Scalar::Literal(literal) => Ok(literal.scalar_type()),
        Scalar::Compare { left, right, .. } => {
            same_type(type_of(left, dataset)?, type_of(right, dataset)?)?;
            Ok(ScalarType::Boolean)
        }
        Scalar::And(parts) | Scalar::Or(parts) => {
            for part in parts {
                boolean(type_of(part, dataset)?)?;
            }
            Ok(ScalarType::Boolean)
        }
        Scalar::Not(value) => boolean(type_of(value, dataset)?),
        Scalar::IsNull(value) => type_of(value, dataset).map(|_| ScalarType::Boolean),
        Scalar::InList { value, list } => {
            let value_type = type_of(value, dataset)?;
            for literal in list {
                same_type(value_type, literal.scalar_type())?;
            }
            Ok(ScalarType::Boolean)
        }
        Scalar::Like { value, .. } => {
            same_type(ScalarType::Utf8, type_of(value, dataset)?)?;
            Ok(ScalarType::Boolean)
        }
        Scalar::Case { branches, otherwise } => case_type(branches, otherwise.as_deref(), dataset),
        Scalar::Call { function, args } => {
            let types: Vec<ScalarType> =
                args.iter().map(|a| type_of(a, dataset)).collect::<Result<_, _>>()?;
            Signature::of(*function, &types).ok_or_else(|| no_signature(*function, &types))
        }
        Scalar::Cast { value, to } => castable(type_of(value, dataset)?, *to),
        // Whether the key's type is the reference's is known where its content is.
        Scalar::Lookup { key, value_type, .. } => type_of(key, dataset).map(|_| *value_type),
    }
}

fn case_type(
    branches: &[(Scalar, Scalar)],
    otherwise: Option<&Scalar>,
    dataset: &Dataset,
) -> Result<ScalarType, Refusal> {
    let mut result = None;
    for (when, then) in branches {
        boolean(type_of(when, dataset)?)?;
        let then = type_of(then, dataset)?;
        same_type(*result.get_or_insert(then), then)?;
    }
    let result = result.ok_or_else(|| {
        Refusal::new(
            RefusalCode::Q107,
            "a `CASE` has no branch.",
            "Write at least one `WHEN ... THEN ...`.",
        )
    })?;
    if let Some(otherwise) = otherwise {
        same_type(result, type_of(otherwise, dataset)?)?;
    }
    Ok(result)
}

/// The Refusal for a column that isn't there, or is hidden: one text for both.
#[must_use]
pub fn unknown_column(name: &str, dataset: &Dataset) -> Refusal {
    let known = dataset.visible().columns;
    let nearest = known
        .iter()
        .map(|c| (strsim::jaro_winkler(&c.name, &name.to_lowercase()), &c.name))
        .filter(|(similarity, _)| 0.75 <= *similarity)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let fix = match nearest {
        Some((_, nearest)) => format!("Did you mean `{nearest}`?"),
        None => {
            let names: Vec<&str> = known.iter().take(20).map(|c| c.name.as_str()).collect();
            format!("Its columns are: {}.", names.join(", "))
        }
    };
    Refusal::new(RefusalCode::Q106, format!("`{}` has no column `{name}`.", dataset.name), fix)
}

fn same_type(left: ScalarType, right: ScalarType) -> Result<(), Refusal> {
    if left == right {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::Q107,
        format!("{left} and {right} don't fit together."),
        "Write both in the same type, or use `CAST`.",
    ))
}

/// The type that is cast to, if there is such a cast.
fn castable(from: ScalarType, to: ScalarType) -> Result<ScalarType, Refusal> {
    match CastMeaning::of(from, to) {
        CastMeaning::Engines | CastMeaning::OurReading => Ok(to),
        CastMeaning::No => Err(Refusal::new(
            RefusalCode::Q107,
            format!("{from} can't be cast to {to}."),
            "Write `CASE WHEN ... THEN ... END` for what is meant.",
        )),
    }
}

fn boolean(found: ScalarType) -> Result<ScalarType, Refusal> {
    if found == ScalarType::Boolean {
        return Ok(found);
    }
    Err(Refusal::new(
        RefusalCode::Q107,
        format!("a condition is needed where {found} stands."),
        "Compare the value with something.",
    ))
}

fn no_signature(function: Function, types: &[ScalarType]) -> Refusal {
    if let (Function::Divide, [ScalarType::Decimal(_), ScalarType::Decimal(_)]) = (function, types)
    {
        return Refusal::new(
            RefusalCode::Q107,
            "decimal numbers, which those written with a point are, can't be divided at a department.",
            "Divide what is released, such as `sum(x) / 100.0`; in a condition write `x > 2.5 * 100` for `x / 100.0 > 2.5`.",
        );
    }
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    Refusal::new(
        RefusalCode::Q107,
        format!("`{}` doesn't take {}.", function.as_str(), types.join(" and ")),
        "Use `CAST`, or compute with the released table instead.",
    )
}

/// Fits a question's expression to the columns it uses: literals are read in the type of what they
/// stand beside, whole numbers and decimals are brought to one type. Comparing a column with a
/// literal that can't be of the column's type is refused here, before anything is sent.
///
/// # Errors
/// As [`type_of`].
pub fn coerce(scalar: Scalar, dataset: &Dataset) -> Result<(Scalar, ScalarType), Refusal> {
    match scalar {
        Scalar::Column(_) | Scalar::Literal(_) => {
            let found = type_of(&scalar, dataset)?;
            Ok((scalar, found))
        }
        Scalar::Compare { op, left, right } => {
            let (left, right, _) = coerce_pair(*left, *right, dataset)?;
            let compare = Scalar::Compare { op, left: Box::new(left), right: Box::new(right) };
            Ok((compare, ScalarType::Boolean))
        }
        Scalar::And(parts) => {
            Ok((Scalar::And(coerce_conditions(parts, dataset)?), ScalarType::Boolean))
        }
        Scalar::Or(parts) => {
            Ok((Scalar::Or(coerce_conditions(parts, dataset)?), ScalarType::Boolean))
        }
        Scalar::Not(value) => {
            let value = coerce_condition(*value, dataset)?;
            Ok((Scalar::Not(Box::new(value)), ScalarType::Boolean))
        }
        Scalar::IsNull(value) => {
            let (value, _) = coerce(*value, dataset)?;
            Ok((Scalar::IsNull(Box::new(value)), ScalarType::Boolean))
        }
        Scalar::InList { value, list } => {
            let (value, value_type) = coerce(*value, dataset)?;
            let list = list_as(list, value_type)?;
            Ok((Scalar::InList { value: Box::new(value), list }, ScalarType::Boolean))
        }
        Scalar::Like { value, pattern, ignore_case } => {
            let (value, value_type) = coerce(*value, dataset)?;
            same_type(ScalarType::Utf8, value_type)?;
            Ok((Scalar::Like { value: Box::new(value), pattern, ignore_case }, ScalarType::Boolean))
        }
        Scalar::Case { branches, otherwise } => coerce_case(branches, otherwise, dataset),
        Scalar::Call { function, args } => coerce_call(function, args, dataset),
        Scalar::Cast { value, to } => {
            let (value, from) = coerce(*value, dataset)?;
            // A literal is cast here and now, so that the question carries the value.
            if let Scalar::Literal(literal) = &value {
                if literal.is_null() {
                    return Ok((Scalar::Literal(Literal::Null(to)), to));
                }
                if let Some(cast) = cast_literal(literal, to) {
                    return Ok((Scalar::Literal(cast), to));
                }
            }
            castable(from, to)?;
            if from == to {
                Ok((value, to))
            } else {
                Ok((Scalar::Cast { value: Box::new(value), to }, to))
            }
        }
        Scalar::Lookup { reference, column, value_type, key } => {
            let key = Box::new(coerce(*key, dataset)?.0);
            Ok((Scalar::Lookup { reference, column, value_type, key }, value_type))
        }
    }
}

fn coerce_condition(scalar: Scalar, dataset: &Dataset) -> Result<Scalar, Refusal> {
    let (scalar, found) = coerce(scalar, dataset)?;
    if matches!(&scalar, Scalar::Literal(l) if l.is_null()) {
        return Ok(Scalar::Literal(Literal::Null(ScalarType::Boolean)));
    }
    boolean(found)?;
    Ok(scalar)
}

fn coerce_conditions(parts: Vec<Scalar>, dataset: &Dataset) -> Result<Vec<Scalar>, Refusal> {
    parts.into_iter().map(|p| coerce_condition(p, dataset)).collect()
}

/// Brings two expressions to one type.
fn coerce_pair(
    left: Scalar,
    right: Scalar,
    dataset: &Dataset,
) -> Result<(Scalar, Scalar, ScalarType), Refusal> {
    pair(coerce(left, dataset)?, coerce(right, dataset)?, dataset)
}

/// Brings two expressions to one type that were coerced by themselves, each once: twice at each level would be as often as there
/// are expressions in a tree that is full to that depth.
fn pair(
    (left, left_type): (Scalar, ScalarType),
    (right, right_type): (Scalar, ScalarType),
    dataset: &Dataset,
) -> Result<(Scalar, Scalar, ScalarType), Refusal> {
    let (left, right) = match (left, right) {
        (Scalar::Literal(l), right) if !matches!(right, Scalar::Literal(_)) => {
            (fit_literal(&l, right_type)?, right)
        }
        (left, Scalar::Literal(r)) if !matches!(left, Scalar::Literal(_)) => {
            (left, fit_literal(&r, left_type)?)
        }
        (left, right) => (left, right),
    };
    let left_type = type_of(&left, dataset)?;
    let right_type = type_of(&right, dataset)?;
    let common = common_type(left_type, right_type)?;
    let (left, right) = (as_type(left, left_type, common), as_type(right, right_type, common));
    if [&left, &right].into_iter().any(is_beyond) {
        return Err(Refusal::new(
            RefusalCode::Q107,
            format!("a number has too many digits to be compared with {common}."),
            "Write one with fewer digits: 38 together with those after the point of what it is compared with.",
        ));
    }
    Ok((left, right, common))
}

/// Whether it is a number that has no value in the type it is needed in: compared as NULL, it would be neither above nor below.
fn is_beyond(side: &Scalar) -> bool {
    let Scalar::Cast { value, to: ScalarType::Decimal(_) } = side else { return false };
    matches!(value.as_ref(), Scalar::Literal(literal) if !literal.is_null() && literal.scalar_type().is_number())
}

/// The literal in the type of its neighbour; a number that would lose digits keeps its own type,
/// and the neighbour is widened instead.
fn fit_literal(literal: &Literal, neighbour: ScalarType) -> Result<Scalar, Refusal> {
    // NULL of a type that somebody wrote: `n * CAST(NULL AS DOUBLE)` is no whole number either.
    if literal.is_null() && literal.scalar_type().is_number() && neighbour.is_number() {
        return Ok(Scalar::Literal(literal.clone()));
    }
    match literal.convert(neighbour) {
        Some(fitted) => Ok(Scalar::Literal(fitted)),
        None if literal.scalar_type().is_number() && neighbour.is_number() => {
            Ok(Scalar::Literal(literal.clone()))
        }
        None => literal_as(literal, neighbour).map(Scalar::Literal),
    }
}

/// The list in the type of what is looked for in it, without the numbers that no value of the type is, unless there are no
/// others.
fn list_as(list: Vec<Literal>, wanted: ScalarType) -> Result<Vec<Literal>, Refusal> {
    let has_places = |l: &Literal| matches!(l, Literal::Decimal { .. });
    let is_another = |l: &Literal| has_places(l) && l.convert(wanted).is_none();
    let all_are = !wanted.is_number() || list.iter().all(is_another);
    let list = list.iter().filter(|l| all_are || !is_another(l));
    list.map(|l| literal_as(l, wanted)).collect()
}

fn literal_as(literal: &Literal, wanted: ScalarType) -> Result<Literal, Refusal> {
    literal.convert(wanted).ok_or_else(|| {
        let example = match wanted {
            ScalarType::Boolean => "true",
            ScalarType::Int64 => "42",
            ScalarType::Decimal(_) | ScalarType::Float64 => "4.2",
            ScalarType::Utf8 => "'E01011229'",
            ScalarType::Date => "DATE '2018-01-31'",
        };
        Refusal::new(
            RefusalCode::Q107,
            format!("{literal} isn't {wanted}."),
            format!("Write it like {example}."),
        )
    })
}

fn common_type(left: ScalarType, right: ScalarType) -> Result<ScalarType, Refusal> {
    use ScalarType::{Decimal, Float64, Int64};
    match (left, right) {
        (l, r) if l == r => Ok(l),
        (Decimal(a), Decimal(b)) => Ok(Decimal(a.max(b))),
        (Int64, Decimal(places)) | (Decimal(places), Int64) => Ok(Decimal(places)),
        (Float64, Int64 | Decimal(_)) | (Int64 | Decimal(_), Float64) => Ok(Float64),
        (l, r) => same_type(l, r).map(|()| l),
    }
}

fn as_type(scalar: Scalar, from: ScalarType, to: ScalarType) -> Scalar {
    if from == to {
        return scalar;
    }
    if let Scalar::Literal(literal) = &scalar
        && let Some(converted) = literal.convert(to)
    {
        return Scalar::Literal(converted);
    }
    Scalar::Cast { value: Box::new(scalar), to }
}

fn coerce_case(
    branches: Vec<(Scalar, Scalar)>,
    otherwise: Option<Box<Scalar>>,
    dataset: &Dataset,
) -> Result<(Scalar, ScalarType), Refusal> {
    let mut common: Option<ScalarType> = None;
    let mut typed = Vec::with_capacity(branches.len());
    for (when, then) in branches {
        let when = coerce_condition(when, dataset)?;
        let (then, then_type) = coerce(then, dataset)?;
        if !matches!(&then, Scalar::Literal(l) if l.is_null()) {
            common = Some(common.map_or(Ok(then_type), |c| common_type(c, then_type))?);
        }
        typed.push((when, then, then_type));
    }
    let otherwise = otherwise.map(|o| coerce(*o, dataset)).transpose()?;
    if let Some((scalar, found)) = &otherwise
        && !matches!(scalar, Scalar::Literal(l) if l.is_null())
    {
        common = Some(common.map_or(Ok(*found), |c| common_type(c, *found))?);
    }
    let common = common.unwrap_or(ScalarType::Utf8);
    let branches = typed
        .into_iter()
        .map(|(when, then, then_type)| (when, as_type(then, then_type, common)))
        .collect();
    let otherwise = otherwise.map(|(scalar, found)| Box::new(as_type(scalar, found, common)));
    Ok((Scalar::Case { branches, otherwise }, common))
}

fn coerce_call(
    function: Function,
    args: Vec<Scalar>,
    dataset: &Dataset,
) -> Result<(Scalar, ScalarType), Refusal> {
    let args = match (function, <[Scalar; 2]>::try_from(args)) {
        (Function::Multiply, Ok([left, right])) => {
            // Decimals multiply place by place: only whole numbers beside a decimal are widened.
            let (left, left_type) = coerce(left, dataset)?;
            let (right, right_type) = coerce(right, dataset)?;
            match (left_type, right_type) {
                (ScalarType::Int64, ScalarType::Decimal(_)) => {
                    vec![as_type(left, left_type, ScalarType::Decimal(0)), right]
                }
                (ScalarType::Decimal(_), ScalarType::Int64) => {
                    vec![left, as_type(right, right_type, ScalarType::Decimal(0))]
                }
                (ScalarType::Decimal(_), ScalarType::Decimal(_)) => vec![left, right],
                (
                    ScalarType::Int64
                    | ScalarType::Decimal(_)
                    | ScalarType::Boolean
                    | ScalarType::Float64
                    | ScalarType::Utf8
                    | ScalarType::Date,
                    _,
                ) => {
                    let (left, right, _) = pair((left, left_type), (right, right_type), dataset)?;
                    vec![left, right]
                }
            }
        }
        (
            Function::Add | Function::Subtract | Function::Divide | Function::Modulo,
            Ok([left, right]),
        ) => {
            let (left, left_type) = coerce(left, dataset)?;
            let (right, right_type) = coerce(right, dataset)?;
            match (left_type, right_type) {
                // A number written with a point is no whole number, even if it is 2.0: `n / 2.0` isn't `n / 2`.
                (ScalarType::Int64, ScalarType::Decimal(_)) if is_value(&right) => {
                    vec![as_type(left, left_type, right_type), right]
                }
                (ScalarType::Decimal(_), ScalarType::Int64) if is_value(&left) => {
                    let right = as_type(right, right_type, left_type);
                    vec![left, right]
                }
                (
                    ScalarType::Int64
                    | ScalarType::Decimal(_)
                    | ScalarType::Boolean
                    | ScalarType::Float64
                    | ScalarType::Utf8
                    | ScalarType::Date,
                    _,
                ) => {
                    let (left, right, _) = pair((left, left_type), (right, right_type), dataset)?;
                    vec![left, right]
                }
            }
        }
        (
            Function::Negate
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
            | Function::StartOfMonth
            | Function::DayOfMonth
            | Function::DayOfWeek
            | Function::IsoDayOfWeek
            | Function::DayOfYear
            | Function::Week
            | Function::Concat,
            Ok(args),
        ) => coerce_each(args.into(), dataset)?,
        // Another number of arguments: the signature refuses what doesn't fit.
        (_, Err(args)) => coerce_each(args, dataset)?,
    };
    let types: Vec<ScalarType> =
        args.iter().map(|a| type_of(a, dataset)).collect::<Result<_, _>>()?;
    let result = Signature::of(function, &types).ok_or_else(|| no_signature(function, &types))?;
    Ok((Scalar::Call { function, args }, result))
}

fn is_value(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Literal(literal) if !literal.is_null())
}

fn coerce_each(args: Vec<Scalar>, dataset: &Dataset) -> Result<Vec<Scalar>, Refusal> {
    args.into_iter().map(|a| coerce(a, dataset).map(|(a, _)| a)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, DatasetName, Protection};
    use crate::label::Label;

    /// Twice at each level would be longer than there is time: 60 columns added up.
    #[test]
    fn a_chain_of_operators_is_coerced_once() {
        let column = Column {
            name: "n".to_owned(),
            scalar_type: ScalarType::Int64,
            label: Label::Dimension,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        let dataset = Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: vec![column],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        };
        let n = || Scalar::Column("n".to_owned());
        for function in [Function::Add, Function::Subtract, Function::Multiply] {
            let chain = (0..60).fold(n(), |sum, _| Scalar::Call { function, args: vec![n(), sum] });
            assert_eq!(coerce(chain.clone(), &dataset).unwrap(), (chain, ScalarType::Int64));
        }
    }
}
