//! Functions of other databases that are, under another name, exactly what is offered: they are written out as that before
//! anything looks at them.
//!
//! | written | read as |
//! |---|---|
//! | `year(d)`, `quarter`, `month`, `day`, `dayofmonth`, `dayofyear`, `weekofyear`, `hour`, `minute` | `date_part('year', d)`, … |
//! | `iif(c, a, b)`, `if(c, a, b)` | `CASE WHEN c THEN a ELSE b END` |
//! | `nvl2(a, b, c)` | `CASE WHEN a IS NOT NULL THEN b ELSE c END` |
//! | `mod(a, b)` | `(a % b)` |
//! | `count_if(c)`, `countif(c)` | `count(*) FILTER (WHERE c)` |
//! | `ceiling`, `ucase`, `lcase`, `instr` | `ceil`, `upper`, `lower`, `strpos` |
//! | `stdev`, `stdevp`, `varp` | `stddev_samp`, `stddev_pop`, `var_pop` |
//!
//! Whatever means another thing somewhere, such as `variance`, which is of a sample or not, or `len`, which counts the blanks
//! at the end or not, is refused with the names to choose from (`functions.rs`).

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Value,
};

use super::from::normal;

/// The expression under the names that are offered; `None` of any other.
pub(super) fn in_offered_names(expr: &Expr) -> Option<Expr> {
    let Expr::Function(call) = expr else { return None };
    let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
    let name = normal(name);
    if let Some(offered) = aggregate(&name) {
        return Some(Expr::Function(Function { name: called(offered), ..call.clone() }));
    }
    let is_plain = call.over.is_none()
        && call.filter.is_none()
        && call.null_treatment.is_none()
        && call.within_group.is_empty()
        && matches!(call.parameters, FunctionArguments::None)
        && !call.uses_odbc_syntax;
    let args = arguments(call).filter(|_| is_plain)?;
    let renamed = |offered| Expr::Function(Function { name: called(offered), ..call.clone() });
    match (name.as_str(), args.as_slice()) {
        (name, [date]) if let Some(part) = date_part(name) => {
            let part = Expr::value(Value::SingleQuotedString(part.to_owned()));
            let args = vec![part, (*date).clone()];
            Some(Expr::Function(Function {
                name: called("date_part"),
                args: listed(args),
                ..call.clone()
            }))
        }
        ("iif" | "if", [condition, yes, no]) => Some(choice((*condition).clone(), yes, no)),
        ("nvl2", [value, known, unknown]) => {
            let value = Expr::Nested(Box::new((*value).clone()));
            Some(choice(Expr::IsNotNull(Box::new(value)), known, unknown))
        }
        ("mod", [left, right]) => {
            let [left, right] =
                [left, right].map(|side| Box::new(Expr::Nested(Box::new((*side).clone()))));
            let rest = Expr::BinaryOp { left, op: BinaryOperator::Modulo, right };
            Some(Expr::Nested(Box::new(rest)))
        }
        ("count_if" | "countif", [condition]) => Some(Expr::Function(Function {
            name: called("count"),
            args: FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)],
                clauses: Vec::new(),
            }),
            filter: Some(Box::new((*condition).clone())),
            ..call.clone()
        })),
        ("ceiling", [value]) => Some(Expr::Ceil {
            expr: Box::new((*value).clone()),
            field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
        }),
        ("ucase", [_]) => Some(renamed("upper")),
        ("lcase", [_]) => Some(renamed("lower")),
        ("instr", [_, _]) => Some(renamed("strpos")),
        (_, _) => None,
    }
}

/// An aggregate's name here. What stands beside it stays.
fn aggregate(name: &str) -> Option<&'static str> {
    match name {
        "stdev" => Some("stddev_samp"),
        "stdevp" => Some("stddev_pop"),
        "varp" => Some("var_pop"),
        _ => None,
    }
}

fn date_part(name: &str) -> Option<&'static str> {
    match name {
        "year" => Some("year"),
        "quarter" => Some("quarter"),
        "month" => Some("month"),
        "weekofyear" => Some("week"),
        "day" | "dayofmonth" => Some("day"),
        "dayofyear" => Some("doy"),
        "hour" => Some("hour"),
        "minute" => Some("minute"),
        _ => None,
    }
}

/// The arguments of a call without frills.
fn arguments(call: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let plain = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

fn called(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

fn listed(args: Vec<Expr>) -> FunctionArguments {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: args.collect(),
        clauses: Vec::new(),
    })
}

fn choice(condition: Expr, yes: &Expr, no: &Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result: yes.clone() }],
        else_result: Some(Box::new(no.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::limits::Limits;

    #[test]
    fn functions_under_other_names_are_those_that_are_offered() {
        for (written, offered) in [
            ("YEAR(d)", "date_part('year', d)"),
            ("quarter(d)", "date_part('quarter', d)"),
            ("Month(d)", "date_part('month', d)"),
            ("day(d)", "date_part('day', d)"),
            ("weekofyear(d)", "date_part('week', d)"),
            ("IIF(a > 1, 'x', 'y')", "CASE WHEN a > 1 THEN 'x' ELSE 'y' END"),
            ("if(a, if(b, 1, 2), 3)", "CASE WHEN a THEN CASE WHEN b THEN 1 ELSE 2 END ELSE 3 END"),
            ("nvl2(a + 1, 'x', 'y')", "CASE WHEN (a + 1) IS NOT NULL THEN 'x' ELSE 'y' END"),
            ("mod(a + 1, 2) * 3", "((a + 1) % (2)) * 3"),
            ("countif(a > 1)", "count(*) FILTER (WHERE a > 1)"),
            ("ceiling(a)", "ceil(a)"),
            ("ucase(lcase(b))", "upper(lower(b))"),
            ("instr(b, 'x')", "strpos(b, 'x')"),
            ("stdev(a)", "stddev_samp(a)"),
            ("varp(a) FILTER (WHERE b)", "var_pop(a) FILTER (WHERE b)"),
            ("sum(iif(a, 1, 0))", "sum(CASE WHEN a THEN 1 ELSE 0 END)"),
        ] {
            let read = |what: &str| {
                let gated = check(format!("SELECT {what} FROM t").as_bytes(), &Limits::STANDARD);
                gated.map(|gated| gated.sql().to_owned()).map_err(|refusals| refusals.to_string())
            };
            assert_eq!(read(written), read(offered), "{written}");
        }
    }

    #[test]
    fn what_means_other_things_elsewhere_is_refused_with_the_names_here() {
        for (written, named) in [
            ("variance(a)", "`var_samp`"),
            ("len(b)", "`length`"),
            ("isnull(a, 1)", "`coalesce`"),
            ("charindex('x', b)", "`strpos(b, a)`"),
            ("position('x' IN b)", "`strpos(b, a)`"),
            ("decode(a, 1, 2)", "`CASE a WHEN"),
            ("datediff(day, d, e)", "`e - d`"),
            ("date_diff('day', d, e)", "`e - d`"),
            ("dateadd(day, 1, d)", "INTERVAL '1' MONTH"),
            ("add_months(d, 1)", "INTERVAL '1' MONTH"),
            ("dayofweek(d)", "`date_part('dow', d)`"),
            ("weekday(d)", "`date_part('dow', d)`"),
            ("week(d)", "`date_part('week', d)`"),
            ("monthname(d)", "`date_part`"),
            ("strftime(d, '%Y')", "`date_part`"),
            ("to_char(d, 'YYYY')", "`date_part`"),
            ("to_number(b)", "TRY_CAST"),
            ("group_concat(b)", "`string_agg"),
            ("listagg(b, ',')", "`string_agg"),
            ("getdate()", "Write the moment"),
            ("sysdate()", "Write the moment"),
            ("quantile(a, 0.5)", "`percentile_cont"),
            ("year(d, e)", "date_part"),
            ("last_day(d)", "date_trunc('month', d)"),
        ] {
            let refused = check(format!("SELECT {written} FROM t").as_bytes(), &Limits::STANDARD);
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(named), "{written}: {refused}");
        }
    }
}
