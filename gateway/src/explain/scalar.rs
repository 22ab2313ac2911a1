//! An expression in SQL's words.

use std::fmt::Write as _;

use insitu_disclosure::Scalar;

/// The expression, with brackets where they matter.
pub(super) fn show(scalar: &Scalar) -> String {
    let list = |parts: &[Scalar], word: &str| {
        let parts: Vec<String> = parts.iter().map(show).collect();
        format!("({})", parts.join(word))
    };
    match scalar {
        Scalar::Column(name) => name.clone(),
        Scalar::Literal(literal) => literal.to_string(),
        Scalar::Compare { op, left, right } => {
            format!("{} {} {}", show(left), op.as_str(), show(right))
        }
        Scalar::And(parts) => list(parts, " AND "),
        Scalar::Or(parts) => list(parts, " OR "),
        Scalar::Not(value) => format!("NOT ({})", show(value)),
        Scalar::IsNull(value) => format!("{} IS NULL", show(value)),
        Scalar::InList { value, list } => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("{} IN ({})", show(value), list.join(", "))
        }
        Scalar::Like { value, pattern, ignore_case } => {
            let word = if *ignore_case { "ILIKE" } else { "LIKE" };
            format!("{} {word} '{}'", show(value), pattern.replace('\'', "''"))
        }
        Scalar::Case { branches, otherwise } => {
            let mut text = "CASE".to_owned();
            for (when, then) in branches {
                let _ = write!(text, " WHEN {} THEN {}", show(when), show(then));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(text, " ELSE {}", show(otherwise));
            }
            text + " END"
        }
        Scalar::Call { function, args } => {
            let args: Vec<String> = args.iter().map(show).collect();
            format!("{}({})", function.as_str(), args.join(", "))
        }
        Scalar::Cast { value, to } => format!("cast({} to {to})", show(value)),
        Scalar::Lookup { reference, column, value_type: _, key } => {
            let by = show(key);
            // The other column's name is told where it isn't the same.
            let equals =
                if by == reference.key { String::new() } else { format!(" = {}", reference.key) };
            format!("look-up of {column} in {} by {by}{equals}", reference.dataset)
        }
    }
}
