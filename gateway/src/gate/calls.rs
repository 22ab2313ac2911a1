//! Function calls: a name on the list, arguments without frills, and no argument that makes a small
//! call huge.

use insitu_disclosure::Refusal;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, ObjectName, ObjectNamePart, Value, ValueWithSpan,
    WindowType,
};

use super::from::normal;
use super::functions;
use super::query::read_order_key;
use super::refusals::{not_offered, quote};
use super::select::read_window;
use super::shape::Reading;

/// The most bytes of a separator in `concat_ws` and `string_agg`: it is repeated for each value.
const SEPARATOR_BYTES_MAX: usize = 16;

/// Reads one call.
pub(super) fn read<'a>(function: &'a Function, reading: &mut Reading<'a>) {
    let Function {
        name,
        uses_odbc_syntax,
        parameters,
        args,
        within_group,
        filter,
        null_treatment: _,
        over,
    } = function;
    let offered = match plain_name(name) {
        Some((name, quoted)) => check_name(&name, quoted),
        None => Err(functions::refuse(&name.to_string())),
    };
    if let Err(refusal) = offered {
        // The arguments are the caller's own affair; one reason a call is enough.
        reading.refusals.push(refusal);
        return;
    }
    reading.refuse_if(*uses_odbc_syntax, || not_offered("`{fn …}`", "Write `f(a)`."));
    reading.refuse_if(!matches!(parameters, FunctionArguments::None), || {
        not_offered("a call with two argument lists", "Write `f(a, b)`.")
    });
    match args {
        FunctionArguments::List(list) => read_arguments(name, list, reading),
        FunctionArguments::None => {
            reading.refusals.push(not_offered("a call without brackets", "Write `f(a)`."))
        }
        FunctionArguments::Subquery(_) => reading
            .refusals
            .push(not_offered("a query as argument", "Put the subquery in brackets of its own.")),
    }
    within_group.iter().for_each(|key| read_order_key(key, reading));
    reading.exprs(filter.as_deref());
    match over {
        None | Some(WindowType::NamedWindow(_)) => {}
        Some(WindowType::WindowSpec(window)) => read_window(window, reading),
    }
}

/// The normalised name of an offered function, if the call is one of those.
pub(super) fn offered_name(function: &Function) -> Option<String> {
    let (name, _) = plain_name(&function.name)?;
    functions::is_offered(&name).then_some(name)
}

/// The normalised name, and whether it was written in quotes; `None` for `a.b(…)`.
fn plain_name(name: &ObjectName) -> Option<(String, bool)> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => Some((normal(ident), ident.quote_style.is_some())),
        _ => None,
    }
}

fn check_name(name: &str, quoted: bool) -> Result<(), Refusal> {
    if !functions::is_offered(name) {
        return Err(functions::refuse(name));
    }
    if functions::is_special_form(name) && !quoted {
        // The parser read the special form first, and it didn't fit.
        return Err(not_offered(
            &format!("{} with these arguments", quote(name)),
            "Write `ceil(a)`, `floor(a)`, `substr(a, 1, 2)` or `trim(a)`.",
        ));
    }
    Ok(())
}

fn read_arguments<'a>(
    name: &ObjectName,
    list: &'a FunctionArgumentList,
    reading: &mut Reading<'a>,
) {
    let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
    match duplicate_treatment {
        None | Some(DuplicateTreatment::Distinct | DuplicateTreatment::All) => {}
    }
    let name = plain_name(name).map_or_else(String::new, |(name, _)| name);
    let mut plain: Vec<&'a Expr> = Vec::with_capacity(args.len());
    for argument in args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => plain.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => {}
            FunctionArg::Unnamed(
                FunctionArgExpr::Wildcard
                | FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::WildcardWithOptions(_),
            ) => reading.refusals.push(not_offered(
                &format!("`*` in {}", quote(&name)),
                "Name the column; `count(*)` counts rows.",
            )),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => reading
                .refusals
                .push(not_offered("a named argument", "Write the arguments in their order.")),
        }
    }
    reading.refusals.extend(check_growth(&name, &plain).err());
    reading.exprs(plain);
    for clause in clauses {
        match clause {
            FunctionArgumentClause::OrderBy(keys) => {
                keys.iter().for_each(|key| read_order_key(key, reading))
            }
            FunctionArgumentClause::IgnoreOrRespectNulls(_) => {}
            FunctionArgumentClause::Where(_)
            | FunctionArgumentClause::Limit(_)
            | FunctionArgumentClause::OnOverflow(_)
            | FunctionArgumentClause::Having(_)
            | FunctionArgumentClause::Separator(_)
            | FunctionArgumentClause::JsonNullClause(_)
            | FunctionArgumentClause::JsonReturningClause(_) => reading.refusals.push(not_offered(
                "a clause inside a call",
                "Use `FILTER (WHERE …)` after the call.",
            )),
        }
    }
}

/// Arguments that make a value grow beyond what was put in, or that size a buffer directly.
fn check_growth(name: &str, arguments: &[&Expr]) -> Result<(), Refusal> {
    match (name, arguments) {
        // `replace(replace(a, 'a', b), 'b', c)` multiplies lengths.
        ("replace", [_, from, to]) => match (text(from), text(to)) {
            (Some(from), Some(to)) if !from.is_empty() && to.len() <= from.len() => Ok(()),
            _ => Err(not_offered(
                "`replace` with a text that may be longer than the one it replaces",
                "Replace by a literal that isn't longer, or use `CASE`.",
            )),
        },
        ("concat_ws", [separator, ..]) => check_separator(name, separator),
        ("string_agg", [_, separator, ..]) => check_separator(name, separator),
        // The third argument is the size of a buffer that is reserved at once.
        ("approx_percentile_cont", [_, _, _, ..]) => {
            Err(not_offered("the third argument of `approx_percentile_cont`", "Leave it out."))
        }
        _ => Ok(()),
    }
}

fn check_separator(name: &str, separator: &Expr) -> Result<(), Refusal> {
    match text(separator) {
        Some(text) if text.len() <= SEPARATOR_BYTES_MAX => Ok(()),
        _ => Err(not_offered(
            &format!("a long or calculated separator in {}", quote(name)),
            &format!("Write a literal of at most {SEPARATOR_BYTES_MAX} bytes."),
        )),
    }
}

/// The text of a literal, doubled quotes undone.
fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(raw), .. }) => {
            Some(raw.replace("''", "'"))
        }
        _ => None,
    }
}
