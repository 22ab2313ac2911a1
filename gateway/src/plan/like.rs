//! `LIKE ? ESCAPE '!'`: the pattern that is bound, spelled for the engine's escape, which is a backslash.

use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::expr_rewriter::NamePreserver;
use insitu_engine::logical_expr::{Expr, Like, LogicalPlan};

use crate::gate::with_backslashes;

/// The plan, whose placeholders have values, with all patterns spelled so.
///
/// # Errors
/// A fault of the engine.
pub(crate) fn with_engines_escape(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_down_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|part| Ok(respelled(part)))?;
            let is_new = rewritten.transformed;
            Ok(rewritten.update_data(|expr| if is_new { name.restore(expr) } else { expr }))
        })
    });
    rewritten.map(|rewritten| rewritten.data)
}

fn respelled(expr: Expr) -> Transformed<Expr> {
    let Expr::Like(Like { pattern, escape_char: Some(escape), .. }) = &expr else {
        return Transformed::no(expr);
    };
    let spelled = match pattern.as_ref() {
        Expr::Literal(ScalarValue::Utf8(pattern), metadata) if *escape != '\\' => {
            let pattern = pattern.as_deref().map(|pattern| with_backslashes(pattern, *escape));
            Expr::Literal(ScalarValue::Utf8(pattern), metadata.clone())
        }
        _ => return Transformed::no(expr),
    };
    match expr {
        Expr::Like(like) => {
            let pattern = Box::new(spelled);
            Transformed::yes(Expr::Like(Like { pattern, escape_char: None, ..like }))
        }
        other => Transformed::no(other),
    }
}
