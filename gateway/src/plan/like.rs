//! `LIKE` with an `ESCAPE` of its own, with the pattern spelled for the engine's, which is a backslash.

use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::{Expr, Like, LogicalPlan};

/// The plan with patterns that are literals spelled so. What escapes in another pattern isn't known before it runs; that
/// stays as it is.
pub(super) fn escaped(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_down_with_subqueries(|plan| {
        plan.map_expressions(|expr| expr.transform_down(|expr| Ok(respelled(expr))))
    })?;
    Ok(plan.data)
}

fn respelled(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::Like(Like {
            negated,
            expr,
            pattern,
            escape_char: Some(escape),
            case_insensitive,
        }) if escape != '\\' => {
            let (pattern, escape_char) = match *pattern {
                Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) => {
                    let text = ScalarValue::Utf8(Some(with_backslashes(&text, escape)));
                    (Expr::Literal(text, metadata), None)
                }
                other => (other, Some(escape)),
            };
            let pattern = Box::new(pattern);
            Transformed::yes(Expr::Like(Like {
                negated,
                expr,
                pattern,
                escape_char,
                case_insensitive,
            }))
        }
        other => Transformed::no(other),
    }
}

/// What the pattern stands for, with a backslash before what is meant as it is.
fn with_backslashes(pattern: &str, escape: char) -> String {
    let mut spelled = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        // At the end it escapes nothing.
        let meant = if character == escape { characters.next() } else { None };
        match (character, meant) {
            (_, Some(meant @ ('%' | '_' | '\\'))) => spelled.extend(['\\', meant]),
            (_, Some(meant)) => spelled.push(meant),
            ('\\', None) => spelled.push_str("\\\\"),
            (character, None) => spelled.push(character),
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::with_backslashes;

    #[test]
    fn what_is_escaped_is_meant_as_it_is() {
        for (pattern, expected) in [
            ("a!%b%", "a\\%b%"),
            ("!_!!_", "\\_!_"),
            ("a\\b!\\", "a\\\\b\\\\"),
            ("a!b!", "ab!"),
            ("%%", "%%"),
        ] {
            assert_eq!(with_backslashes(pattern, '!'), expected, "{pattern}");
        }
    }
}
