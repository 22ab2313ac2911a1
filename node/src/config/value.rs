//! Domains, breakpoints and bounds: values written in the configuration, in the column's own type.

use std::collections::HashSet;

use insitu_disclosure::dataset::{Bounds, Breakpoints, DOMAIN_VALUES_MAX, Domain};
use insitu_disclosure::tabulation::{Literal, ScalarType};
use toml::{Spanned, Value};

use super::document::{BoundsTable, BreakpointsForm, DomainForm, RangeTable};
use super::problems::{Problems, Span};

/// Reads `domain`.
pub(super) fn domain(
    form: &Spanned<DomainForm>,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Domain> {
    match form.get_ref() {
        DomainForm::Codes(values) => {
            listed(values, &form.span(), "domain", scalar_type, problems).map(Domain::Codes)
        }
        DomainForm::Range(range) => self::range(range, &form.span(), scalar_type, problems),
    }
}

fn range(
    table: &RangeTable,
    at: &Span,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Domain> {
    let fix = "write `{ first = 0, last = 105 }`";
    let first = problems.required(&table.first, at, "first", fix);
    let last = problems.required(&table.last, at, "last", fix);
    if scalar_type != ScalarType::Int64 {
        problems.report(
            at,
            format!("the column is {scalar_type}, its domain a range"),
            "list the values",
        );
        return None;
    }
    let (first, last) = (first?.get_ref().0, last?.get_ref().0);
    let values = i128::from(last) - i128::from(first) + 1;
    let values_max = i128::try_from(DOMAIN_VALUES_MAX).unwrap_or(i128::MAX);
    if (1..=values_max).contains(&values) {
        return Some(Domain::Range(first, last));
    }
    problems.report(
        at,
        format!("the domain has {} values", values.max(0)),
        format!("write the smallest value first, and {DOMAIN_VALUES_MAX} values at most"),
    );
    None
}

/// Reads `breakpoints`.
pub(super) fn breakpoints(
    form: &Spanned<BreakpointsForm>,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Breakpoints> {
    match form.get_ref() {
        BreakpointsForm::Word(word) => {
            let word = Spanned::new(form.span(), word.clone());
            let choices = [("months", ()), ("years", ())];
            problems.choice(&word, "breakpoints", &choices)?;
            if scalar_type != ScalarType::Date {
                let problem =
                    format!("the column is {scalar_type}, its breakpoints `{}`", word.get_ref());
                problems.report(&form.span(), problem, "list the values it may be cut at");
                return None;
            }
            Some(if word.get_ref() == "months" { Breakpoints::Months } else { Breakpoints::Years })
        }
        BreakpointsForm::Listed(values) => {
            if !is_ordered(scalar_type) {
                let problem =
                    format!("the column is {scalar_type}, which isn't cut at breakpoints");
                problems.report(&form.span(), problem, "take them out");
                return None;
            }
            let listed = listed(values, &form.span(), "breakpoints", scalar_type, problems)?;
            if !is_ascending(&listed) {
                problems.report(
                    &form.span(),
                    "the breakpoints aren't in order",
                    "write the smallest first",
                );
                return None;
            }
            Some(Breakpoints::Listed(listed))
        }
    }
}

fn is_ascending(values: &[Literal]) -> bool {
    let ordinals: Vec<Option<i128>> = values.iter().map(ordinal).collect();
    ordinals.is_sorted_by(|a, b| a.is_some() && a < b)
}

/// Reads `bounds`, in the column's unit of measurement.
pub(super) fn bounds(
    form: &Spanned<BoundsTable>,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Bounds> {
    let at = form.span();
    let BoundsTable { low, high } = form.get_ref();
    let fix = "write `{ low = 0, high = 100 }`";
    let low = problems.required(low, &at, "low", fix);
    let high = problems.required(high, &at, "high", fix);
    if !scalar_type.is_exact_number() {
        let problem = format!("the column is {scalar_type}, which has no bounds");
        problems.report(&at, problem, "declare bounds for `integer` and `decimal` only");
        return None;
    }
    let low = low.and_then(|value| literal(value, scalar_type, problems)).and_then(|v| ordinal(&v));
    let high =
        high.and_then(|value| literal(value, scalar_type, problems)).and_then(|v| ordinal(&v));
    let (low, high) = (low?, high?);
    if low < high {
        return Some(Bounds { low, high });
    }
    problems.report(
        &at,
        "`low` isn't below `high`",
        "write the smallest and the largest plausible value",
    );
    None
}

/// A value of an ordered type as one whole number: days, or the digits of an exact number.
fn ordinal(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Int64(value) => Some(i128::from(*value)),
        Literal::Decimal { value, .. } => Some(*value),
        Literal::Date(days) => Some(i128::from(*days)),
        Literal::Null(_) | Literal::Boolean(_) | Literal::Float64(_) | Literal::Utf8(_) => None,
    }
}

/// Whether values of the type can be cut at breakpoints.
pub(super) const fn is_ordered(scalar_type: ScalarType) -> bool {
    match scalar_type {
        ScalarType::Int64 | ScalarType::Decimal(_) | ScalarType::Date => true,
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 => false,
    }
}

/// Codes of a dimension, distinct, at least one.
pub(super) fn codes(
    values: &[Spanned<Value>],
    at: &Span,
    key: &str,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Vec<Literal>> {
    listed(values, at, key, scalar_type, problems)
}

/// Distinct values, at least one.
fn listed(
    values: &[Spanned<Value>],
    at: &Span,
    key: &str,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Vec<Literal>> {
    if values.is_empty() || DOMAIN_VALUES_MAX < values.len() {
        problems.report(
            at,
            format!("`{key}` lists {} values", values.len()),
            format!("list from 1 to {DOMAIN_VALUES_MAX} values"),
        );
        return None;
    }
    let mut seen = HashSet::new();
    let literals: Vec<Option<Literal>> =
        values.iter().map(|value| literal(value, scalar_type, problems)).collect();
    for (value, literal) in values.iter().zip(&literals) {
        if let Some(literal) = literal
            && !seen.insert(literal.to_string())
        {
            problems.report(
                &value.span(),
                format!("{literal} is listed twice"),
                "take it out here",
            );
        }
    }
    literals.into_iter().collect()
}

/// A value as the column's type. Numbers and dates are written bare, decimal numbers in quotes:
/// a bare `0.1` is a binary fraction, which isn't the number it looks like.
fn literal(
    value: &Spanned<Value>,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<Literal> {
    let found = match (value.get_ref(), scalar_type) {
        (Value::String(text), ScalarType::Utf8) => {
            (!text.trim().is_empty()).then(|| Literal::Utf8(text.clone()))
        }
        (Value::String(text), ScalarType::Decimal(_) | ScalarType::Date) => {
            Literal::parse(text, scalar_type)
        }
        (Value::Datetime(date), ScalarType::Date) => Literal::parse(&date.to_string(), scalar_type),
        (
            Value::Integer(number),
            ScalarType::Int64 | ScalarType::Decimal(_) | ScalarType::Float64,
        ) => Literal::Int64(*number).convert(scalar_type),
        (Value::Float(number), ScalarType::Float64) => {
            number.is_finite().then_some(Literal::Float64(*number))
        }
        (Value::Boolean(flag), ScalarType::Boolean) => Some(Literal::Boolean(*flag)),
        (
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_),
            _,
        ) => None,
    };
    if found.is_none() {
        let fix = format!("the column is {scalar_type}: write {}", example(scalar_type));
        problems.report(
            &value.span(),
            format!("`{}` isn't a value of the column", value.get_ref()),
            fix,
        );
    }
    found
}

fn example(scalar_type: ScalarType) -> String {
    match scalar_type {
        ScalarType::Boolean => "`true` or `false`".to_owned(),
        ScalarType::Int64 => "`105`".to_owned(),
        ScalarType::Decimal(places) => {
            format!("`\"12.50\"` in quotes, or `12`; at most {places} digits after the point")
        }
        ScalarType::Float64 => "`12.5`".to_owned(),
        ScalarType::Utf8 => "`\"A\"` in quotes, not blank".to_owned(),
        ScalarType::Date => "`\"2018-01-31\"`".to_owned(),
    }
}
