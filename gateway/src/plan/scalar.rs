//! The engine's expressions as expressions of a Tabulation. Every variant is named; what a Tabulation
//! has no word for is refused.

use insitu_disclosure::{Comparison, Function, Literal, Refusal, RefusalCode, Scalar, ScalarType};
use insitu_engine::common::{Column, ScalarValue};
use insitu_engine::logical_expr::{BinaryExpr, Case, Expr, Operator};

use super::checked;
use super::literal::literal_of;
use super::opaque;

/// Resolves a column of the plan to an expression over the dataset.
pub(super) type Resolve<'a> = &'a dyn Fn(&Column) -> Result<Scalar, Refusal>;

/// The expression.
///
/// # Errors
/// A construct that has no word below a Tabulation.
pub(super) fn to_scalar(expr: &Expr, resolve: Resolve<'_>) -> Result<Scalar, Refusal> {
    let boxed = |e: &Expr| to_scalar(e, resolve).map(Box::new);
    let not = |s: Scalar| Scalar::Not(Box::new(s));
    let is_null = |e: &Expr| boxed(e).map(Scalar::IsNull);
    match expr {
        Expr::Alias(alias) => to_scalar(&alias.expr, resolve),
        Expr::Column(column) => resolve(column),
        Expr::Literal(value, _) => literal(value),
        Expr::BinaryExpr(binary) => binary_scalar(binary, resolve),
        Expr::Like(like) => {
            if !matches!(like.escape_char, None | Some('\\')) {
                return Err(no_word("`LIKE` with an `ESCAPE` of its own"));
            }
            let pattern = match to_scalar(&like.pattern, resolve)? {
                Scalar::Literal(Literal::Utf8(pattern)) => pattern,
                // Nothing is known to be like an unknown pattern.
                Scalar::Literal(Literal::Null(_)) => {
                    return Ok(Scalar::Literal(Literal::Null(ScalarType::Boolean)));
                }
                _ => return Err(no_word("`LIKE` with a pattern that isn't a literal")),
            };
            let like_scalar = Scalar::Like {
                value: boxed(&like.expr)?,
                pattern,
                ignore_case: like.case_insensitive,
            };
            Ok(if like.negated { not(like_scalar) } else { like_scalar })
        }
        Expr::Not(value) => boxed(value).map(Scalar::Not),
        Expr::IsNull(value) => is_null(value),
        Expr::IsNotNull(value) => is_null(value).map(not),
        Expr::IsUnknown(value) => is_null(value),
        Expr::IsNotUnknown(value) => is_null(value).map(not),
        Expr::IsTrue(value) => truth(to_scalar(value, resolve)?, false),
        Expr::IsFalse(value) => truth(not(to_scalar(value, resolve)?), false),
        Expr::IsNotTrue(value) => truth(to_scalar(value, resolve)?, false).map(not),
        Expr::IsNotFalse(value) => truth(not(to_scalar(value, resolve)?), false).map(not),
        Expr::Negative(value) => negative(to_scalar(value, resolve)?),
        Expr::Between(between) => {
            let value = to_scalar(&between.expr, resolve)?;
            let inside = Scalar::And(vec![
                compare(
                    Comparison::GreaterOrEqual,
                    value.clone(),
                    to_scalar(&between.low, resolve)?,
                ),
                compare(Comparison::LessOrEqual, value, to_scalar(&between.high, resolve)?),
            ]);
            Ok(if between.negated { not(inside) } else { inside })
        }
        Expr::Case(case) => case_scalar(case, resolve),
        Expr::Cast(cast) => {
            let to = cast_type(cast.field.data_type())?;
            Ok(Scalar::Cast { value: boxed(&cast.expr)?, to })
        }
        Expr::TryCast(cast) => {
            let to = cast_type(cast.field.data_type())?;
            Ok(Scalar::Cast { value: boxed(&cast.expr)?, to })
        }
        Expr::InList(list) => {
            let value = boxed(&list.expr)?;
            let literals = list
                .list
                .iter()
                .map(|item| match to_scalar(item, resolve)? {
                    Scalar::Literal(literal) => Ok(literal),
                    _ => Err(no_word("`IN` over a list that doesn't hold literals only")),
                })
                .collect::<Result<Vec<_>, _>>()?;
            let listed = Scalar::InList { value, list: literals };
            Ok(if list.negated { not(listed) } else { listed })
        }
        Expr::ScalarFunction(call) => {
            let args =
                call.args.iter().map(|a| to_scalar(a, resolve)).collect::<Result<Vec<_>, _>>()?;
            function(call.func.name(), args)
        }
        Expr::Placeholder(_) => Err(Refusal::new(
            RefusalCode::Q110,
            "a placeholder has no value.",
            "Bind a value to each `$n`.",
        )),
        Expr::ScalarSubquery(_)
        | Expr::InSubquery(_)
        | Expr::Exists(_)
        | Expr::SetComparison(_) => Err(shape("a subquery")),
        Expr::OuterReferenceColumn(..) => Err(shape("a correlated subquery")),
        Expr::AggregateFunction(_) => Err(shape("an aggregate within an aggregate")),
        Expr::WindowFunction(_) => Err(shape("a window function")),
        Expr::GroupingSet(_) => Err(shape("`GROUPING SETS`, `ROLLUP` or `CUBE`")),
        Expr::SimilarTo(_) => Err(no_word("`SIMILAR TO`")),
        Expr::ScalarVariable(..) => Err(no_word("a variable")),
        Expr::Unnest(_) => Err(no_word("`unnest`")),
        Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => {
            Err(no_word("a lambda"))
        }
        #[expect(deprecated, reason = "named so that no variant is forgotten")]
        Expr::Wildcard { .. } => Err(no_word("`*`")),
    }
}

fn no_word(what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D207,
        format!("{what} can't be evaluated at a department."),
        "Apply it to the released table, or use comparisons, `IN`, `BETWEEN`, `LIKE`, `CASE`, arithmetic and date parts.",
    )
}

fn shape(what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D208,
        format!("{what} isn't allowed beneath the table of a protected dataset."),
        "Aggregate each dataset in a CTE first, then combine the released tables.",
    )
}

fn literal(value: &ScalarValue) -> Result<Scalar, Refusal> {
    if matches!(value, ScalarValue::Float64(Some(number)) if !number.is_finite()) {
        return Err(no_word("a number that isn't finite, such as `power(10, 400)`,"));
    }
    literal_of(value)
        .map(Scalar::Literal)
        .ok_or_else(|| no_word("an interval or a value of such a type"))
}

fn compare(op: Comparison, left: Scalar, right: Scalar) -> Scalar {
    Scalar::Compare { op, left: Box::new(left), right: Box::new(right) }
}

/// The value if it is known, else a fixed truth.
fn truth(value: Scalar, unknown: bool) -> Result<Scalar, Refusal> {
    let otherwise = Some(Box::new(Scalar::Literal(Literal::Boolean(unknown))));
    let yes = Scalar::Literal(Literal::Boolean(true));
    Ok(Scalar::Case { branches: vec![(value, yes)], otherwise })
}

fn negative(value: Scalar) -> Result<Scalar, Refusal> {
    Ok(match value {
        Scalar::Literal(Literal::Int64(v)) => {
            let negated = v.checked_neg().ok_or_else(|| no_word("a number so small"))?;
            Scalar::Literal(Literal::Int64(negated))
        }
        Scalar::Literal(Literal::Decimal { value, places }) => {
            Scalar::Literal(Literal::Decimal { value: value.saturating_neg(), places })
        }
        Scalar::Literal(Literal::Float64(v)) => Scalar::Literal(Literal::Float64(-v)),
        other => Scalar::Call { function: Function::Negate, args: vec![other] },
    })
}

fn binary_scalar(binary: &BinaryExpr, resolve: Resolve<'_>) -> Result<Scalar, Refusal> {
    // Chains of AND and OR become one flat list, however the parser nested them.
    if matches!(binary.op, Operator::And | Operator::Or) {
        let parts = junction(binary, resolve)?;
        return Ok(if binary.op == Operator::And { Scalar::And(parts) } else { Scalar::Or(parts) });
    }
    let left = to_scalar(&binary.left, resolve)?;
    let right = to_scalar(&binary.right, resolve)?;
    let call = |function, left, right| Scalar::Call { function, args: vec![left, right] };
    Ok(match binary.op {
        Operator::Eq => compare(Comparison::Equal, left, right),
        Operator::NotEq => compare(Comparison::NotEqual, left, right),
        Operator::Lt => compare(Comparison::Less, left, right),
        Operator::LtEq => compare(Comparison::LessOrEqual, left, right),
        Operator::Gt => compare(Comparison::Greater, left, right),
        Operator::GtEq => compare(Comparison::GreaterOrEqual, left, right),
        Operator::Plus => call(Function::Add, left, right),
        Operator::Minus => call(Function::Subtract, left, right),
        Operator::Multiply => call(Function::Multiply, left, right),
        Operator::Divide => call(Function::Divide, left, right),
        Operator::Modulo => call(Function::Modulo, left, right),
        Operator::StringConcat => call(Function::Concat, left, right),
        Operator::And | Operator::Or => return Err(no_word("this condition")),
        Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom
        | Operator::RegexMatch
        | Operator::RegexIMatch
        | Operator::RegexNotMatch
        | Operator::RegexNotIMatch
        | Operator::LikeMatch
        | Operator::ILikeMatch
        | Operator::NotLikeMatch
        | Operator::NotILikeMatch
        | Operator::BitwiseAnd
        | Operator::BitwiseOr
        | Operator::BitwiseXor
        | Operator::BitwiseShiftRight
        | Operator::BitwiseShiftLeft
        | Operator::AtArrow
        | Operator::ArrowAt
        | Operator::Arrow
        | Operator::LongArrow
        | Operator::HashArrow
        | Operator::HashLongArrow
        | Operator::AtAt
        | Operator::IntegerDivide
        | Operator::HashMinus
        | Operator::AtQuestion
        | Operator::Question
        | Operator::QuestionAnd
        | Operator::QuestionPipe
        | Operator::Colon => return Err(no_word(&format!("the operator `{}`", binary.op))),
    })
}

fn junction(binary: &BinaryExpr, resolve: Resolve<'_>) -> Result<Vec<Scalar>, Refusal> {
    let mut parts = Vec::new();
    // Right parts wait on a stack, so that the order written is kept.
    let mut waiting: Vec<&Expr> = vec![&binary.right, &binary.left];
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::BinaryExpr(inner) if inner.op == binary.op => {
                waiting.push(&inner.right);
                waiting.push(&inner.left);
            }
            other => parts.push(to_scalar(other, resolve)?),
        }
    }
    Ok(parts)
}

fn case_scalar(case: &Case, resolve: Resolve<'_>) -> Result<Scalar, Refusal> {
    let base = case.expr.as_ref().map(|e| to_scalar(e, resolve)).transpose()?;
    let branches = case
        .when_then_expr
        .iter()
        .map(|(when, then)| {
            let when = to_scalar(when, resolve)?;
            let when = match &base {
                Some(base) => compare(Comparison::Equal, base.clone(), when),
                None => when,
            };
            Ok((when, to_scalar(then, resolve)?))
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let otherwise =
        case.else_expr.as_ref().map(|e| to_scalar(e, resolve).map(Box::new)).transpose()?;
    Ok(Scalar::Case { branches, otherwise })
}

fn cast_type(data_type: &arrow_schema::DataType) -> Result<ScalarType, Refusal> {
    use arrow_schema::DataType as T;
    match data_type {
        T::Boolean => Ok(ScalarType::Boolean),
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => {
            Ok(ScalarType::Int64)
        }
        T::Float32 | T::Float64 => Ok(ScalarType::Float64),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => Ok(ScalarType::Utf8),
        T::Date32 => Ok(ScalarType::Date),
        T::Decimal128(_, places) => u8::try_from(*places)
            .ok()
            .filter(|p| *p <= insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX)
            .map(ScalarType::Decimal)
            .ok_or_else(|| no_word("a decimal number with so many places")),
        // Default deny: the engine has many more types than a question.
        _ => Err(no_word("a cast to this type")),
    }
}

/// A function of the closed list by its SQL name.
fn function(name: &str, args: Vec<Scalar>) -> Result<Scalar, Refusal> {
    let call = |function| Ok(Scalar::Call { function, args: args.clone() });
    match (name, args.as_slice()) {
        ("abs", [_]) => call(Function::Abs),
        ("lower", [_]) => call(Function::Lower),
        ("upper", [_]) => call(Function::Upper),
        ("btrim" | "trim", [_]) => call(Function::Trim),
        ("character_length" | "char_length" | "length", [_]) => call(Function::Length),
        ("substr" | "substring", [text, start, length]) => substring(text, start, length),
        ("left", [text, length]) => left(text, length),
        ("substr" | "substring", [text, start]) => {
            let is_written = matches!(start, Scalar::Literal(_));
            let all = if is_written { i64::from(i32::MAX) } else { i64::MAX };
            substring(text, start, &Scalar::Literal(Literal::Int64(all)))
        }
        // The optimised plan's names for operators: none can be written.
        (checked::ADD, [_, _]) => call(Function::Add),
        (checked::SUBTRACT, [_, _]) => call(Function::Subtract),
        (checked::MULTIPLY, [_, _]) => call(Function::Multiply),
        (checked::DIVIDE, [_, _]) => call(Function::Divide),
        (checked::MODULO, [_, _]) => call(Function::Modulo),
        (checked::NEGATE, [_]) => call(Function::Negate),
        (opaque::NAME, [value]) => Ok(value.clone()),
        (checked::IS_TRUE, [value]) => truth(value.clone(), false),
        (checked::IS_FALSE, [value]) => truth(Scalar::Not(Box::new(value.clone())), false),
        (checked::IS_NOT_TRUE, [value]) => {
            truth(value.clone(), false).map(|t| Scalar::Not(Box::new(t)))
        }
        (checked::IS_UNKNOWN, [value]) => Ok(Scalar::IsNull(Box::new(value.clone()))),
        (checked::IS_NOT_UNKNOWN, [value]) => {
            Ok(Scalar::Not(Box::new(Scalar::IsNull(Box::new(value.clone())))))
        }
        (checked::IS_NOT_FALSE, [value]) => {
            let is_false = truth(Scalar::Not(Box::new(value.clone())), false);
            is_false.map(|t| Scalar::Not(Box::new(t)))
        }
        ("date_part" | "datepart", [Scalar::Literal(Literal::Utf8(part)), date]) => {
            let function = match part.to_ascii_lowercase().as_str() {
                "year" => Function::Year,
                "quarter" => Function::Quarter,
                "month" => Function::Month,
                "week" => Function::Week,
                "day" => Function::DayOfMonth,
                "dow" => Function::DayOfWeek,
                "isodow" => Function::IsoDayOfWeek,
                "doy" => Function::DayOfYear,
                _ => {
                    return Err(no_word(
                        "a date part other than year, quarter, month, week and day",
                    ));
                }
            };
            Ok(Scalar::Call { function, args: vec![date.clone()] })
        }
        ("date_trunc" | "datetrunc", [Scalar::Literal(Literal::Utf8(unit)), date]) => {
            let function = match unit.to_ascii_lowercase().as_str() {
                "year" => Function::StartOfYear,
                "quarter" => Function::StartOfQuarter,
                "month" => Function::StartOfMonth,
                _ => return Err(no_word("truncating a date to other than year, quarter or month")),
            };
            Ok(Scalar::Call { function, args: vec![date.clone()] })
        }
        ("coalesce" | "nvl" | "ifnull", [first, rest @ ..]) => Ok(coalesce(first, rest)),
        ("concat", [first, rest @ ..]) => {
            // What isn't there is empty here, unlike beside `||`.
            let text =
                |part: &Scalar| coalesce(part, &[Scalar::Literal(Literal::Utf8(String::new()))]);
            Ok(rest.iter().fold(text(first), |before, part| Scalar::Call {
                function: Function::Concat,
                args: vec![before, text(part)],
            }))
        }
        ("nullif" | checked::NULL_IF, [value, other]) => Ok(Scalar::Case {
            branches: vec![(
                Scalar::Not(Box::new(Scalar::Case {
                    branches: vec![(
                        compare(Comparison::Equal, value.clone(), other.clone()),
                        Scalar::Literal(Literal::Boolean(true)),
                    )],
                    otherwise: Some(Box::new(Scalar::Literal(Literal::Boolean(false)))),
                })),
                value.clone(),
            )],
            otherwise: None,
        }),
        _ => Err(no_word(&format!("`{name}`"))),
    }
}

/// So many characters from a start. The engine has no value for a negative number of them, and a department's would be empty.
fn substring(text: &Scalar, start: &Scalar, length: &Scalar) -> Result<Scalar, Refusal> {
    let start = match start {
        // As far before the text as the length reaches, nothing would be left of it.
        Scalar::Literal(Literal::Int64(v)) if *v < i64::from(i32::MIN) => None,
        other => Some(other.clone()),
    };
    match (start, length) {
        (Some(start), Scalar::Literal(Literal::Int64(0..)) | Scalar::Literal(Literal::Null(_))) => {
            Ok(Scalar::Call {
                function: Function::Substring,
                args: vec![text.clone(), start, length.clone()],
            })
        }
        (None | Some(_), _) => Err(no_word("`substr` with a length that isn't a literal from 0")),
    }
}

/// The first characters, or all but so many of the last.
fn left(text: &Scalar, length: &Scalar) -> Result<Scalar, Refusal> {
    let from_first = Scalar::Literal(Literal::Int64(1));
    let length = match length {
        Scalar::Literal(Literal::Int64(0..)) | Scalar::Literal(Literal::Null(_)) => length.clone(),
        // A length below 0 is of no characters, as the engine has it.
        Scalar::Literal(Literal::Int64(less)) => Scalar::Call {
            function: Function::Add,
            args: vec![
                Scalar::Call { function: Function::Length, args: vec![text.clone()] },
                Scalar::Literal(Literal::Int64(*less)),
            ],
        },
        _ => return Err(no_word("`left` with a length that isn't a literal")),
    };
    Ok(Scalar::Call { function: Function::Substring, args: vec![text.clone(), from_first, length] })
}

fn coalesce(first: &Scalar, rest: &[Scalar]) -> Scalar {
    let mut branches = Vec::new();
    let mut last = first;
    for next in rest {
        branches
            .push((Scalar::Not(Box::new(Scalar::IsNull(Box::new(last.clone())))), last.clone()));
        last = next;
    }
    if branches.is_empty() {
        return first.clone();
    }
    Scalar::Case { branches, otherwise: Some(Box::new(last.clone())) }
}
