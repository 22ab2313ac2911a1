//! How many sets of rows a key makes that its writer chose, by its text alone.

use crate::function::Function;
use crate::tabulation::Scalar;

/// The sets of a key whose number isn't in its text.
pub(super) const SETS_OF_ARITHMETIC: u64 = 10;

/// How many sets of rows a key makes that its writer chose: the table in [`super`].
pub(super) fn sets_of(key: &Scalar) -> u64 {
    if is_of_a_column(key) {
        return 1;
    }
    match key {
        Scalar::Case { branches, otherwise } => {
            let results = branches.iter().map(|(_, then)| sets_of(then));
            let rest = otherwise.as_ref().map_or(1, |rest| sets_of(rest));
            results.fold(rest, u64::saturating_add)
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
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => {
            let (sets, open) = values_of(key);
            if open { sets.saturating_mul(SETS_OF_ARITHMETIC) } else { sets }
        }
    }
}

/// How many values an expression has by its text, and whether those of a column come to it.
fn values_of(scalar: &Scalar) -> (u64, bool) {
    match scalar {
        Scalar::Literal(_) => (1, false),
        Scalar::Column(_) => (1, true),
        Scalar::IsNull(_) => (2, false),
        Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. } => (if is_plain(scalar) { 2 } else { 3 }, false),
        Scalar::Case { branches, otherwise } => {
            let results = branches.iter().map(|(_, then)| then);
            let results = results.chain(otherwise.iter().map(Box::as_ref)).map(values_of);
            let rest = u64::from(otherwise.is_none());
            results.fold((rest, false), |(sum, open), (values, more)| {
                (sum.saturating_add(values), open || more)
            })
        }
        Scalar::Call { .. } | Scalar::Cast { .. } | Scalar::Lookup { .. } => {
            let of_parts = scalar.children().into_iter().map(values_of);
            of_parts.fold((1, false), |(product, open), (values, more)| {
                (product.saturating_mul(values), open || more)
            })
        }
    }
}

/// Whether it is one comparison of columns and values as they are, so that it has no value only where a column has none.
fn is_plain(predicate: &Scalar) -> bool {
    let is_there = |part: &Scalar| matches!(part, Scalar::Column(_) | Scalar::Literal(_));
    match predicate {
        Scalar::Not(inner) => is_plain(inner),
        Scalar::Compare { .. }
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. } => predicate.children().into_iter().all(is_there),
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    }
}

/// Whether it is one of the few coarser forms of a column that there are, none of which lets its writer choose rows.
pub(crate) fn is_of_a_column(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Column(_) => true,
        Scalar::Cast { value, .. } | Scalar::Lookup { key: value, .. } => is_of_a_column(value),
        Scalar::Call { function, args } => match function {
            Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::Length
            | Function::Substring
            | Function::Year
            | Function::Quarter
            | Function::Month
            | Function::StartOfYear
            | Function::StartOfQuarter
            | Function::StartOfMonth => {
                let mut args = args.iter();
                args.next().is_some_and(is_of_a_column)
                    && args.all(|arg| matches!(arg, Scalar::Literal(_)))
            }
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo
            | Function::Negate
            | Function::Abs
            // Of these there would be so many that any days come together somewhere.
            | Function::DayOfMonth
            | Function::DayOfWeek
            | Function::IsoDayOfWeek
            | Function::DayOfYear
            | Function::Week
            | Function::Concat => false,
        },
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. } => false,
    }
}
