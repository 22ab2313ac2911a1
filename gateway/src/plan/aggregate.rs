//! An aggregation over a relation as a Tabulation.

use insitu_disclosure::tabulation::GROUPS_MAX;
use insitu_disclosure::tabulation::probability::not_a_share;
use insitu_disclosure::{
    Association, Dispersion, Input, Key, Label, Literal, Measure, MeasureKind, Probability,
    ProtectedUnit, Protection, Refusal, RefusalCode, RollUp, Scalar, ScalarType, Tabulation,
    UnitJoin,
};
use insitu_engine::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use insitu_engine::logical_expr::{Aggregate, Expr};

use super::approx_distinct;
use super::grouping::{grouping_function, keys_and_sets};
use super::histogram;
use super::relation::{ALWAYS, Relation};
use super::roll_up::RolledUp;
use super::unit_join::simplified;

/// A column of an aggregation, in terms of the Tabulation for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// A key, by position.
    Key(usize),
    /// A measure, by position.
    Measure(usize),
    /// The total of whole numbers that stand for floating point, by position.
    Floating(usize),
    /// `grouping(...)` over these keys.
    Grouping(Vec<usize>),
}

/// The Tabulation with the same keys and measures, in order, and what the aggregation's columns are: keys first, then
/// its aggregates. One without measures gets a count of rows, so that its rows are cells with a threshold too.
///
/// # Errors
/// Everything in it that a Tabulation has no word for.
pub(super) fn tabulation(
    aggregate: &Aggregate,
    relation: &Relation,
) -> Result<(Tabulation, Vec<Output>), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let (key_exprs, sets) = keys_and_sets(&aggregate.group_expr).map_err(|r| vec![r])?;
    let mut keys = Vec::new();
    for expr in &key_exprs {
        match relation.scalar(expr) {
            Ok((scalar, _)) => keys.push(Key { scalar }),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let mut outputs: Vec<Output> = (0..key_exprs.len()).map(Output::Key).collect();
    let mut measures = Vec::new();
    for expr in &aggregate.aggr_expr {
        match grouping_function(expr, &key_exprs) {
            Some(Ok(keys)) => outputs.push(Output::Grouping(keys)),
            Some(Err(refusal)) => refusals.push(refusal),
            None => match measure(expr, relation) {
                Ok(measure) => {
                    let whole = in_whole_numbers(&measure, relation);
                    let is_total = matches!(&measure.kind, MeasureKind::Sum(_)) && whole.is_some();
                    let output = if is_total { Output::Floating } else { Output::Measure };
                    outputs.push(output(measures.len()));
                    measures.push(whole.unwrap_or(measure));
                }
                Err(refusal) => refusals.push(refusal),
            },
        }
    }
    if measures.is_empty() {
        measures.push(Measure { kind: MeasureKind::Rows, filter: None });
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let scan = Input::Scan { dataset: relation.dataset().name.clone(), fingerprint: 0 };
    let joins = relation.joined.as_ref().map_or(&[][..], |joined| &joined.joins);
    let joined = |scan: Input, joins: Vec<UnitJoin>| {
        let join = |input, join| Input::UnitJoin { input: Box::new(input), join };
        joins.into_iter().fold(scan, join)
    };
    let input = match &relation.rolled_up {
        None if joins.is_empty() => filtered(scan, &relation.predicates),
        None => {
            let (joins, predicates) = simplified(joins, &relation.predicates, &keys, &measures);
            filtered(joined(scan, joins), &predicates)
        }
        Some(RolledUp { below, roll_up, .. }) => {
            let input = Box::new(filtered(joined(scan, joins.to_vec()), below));
            let roll_up = Input::RollUp { input, roll_up: roll_up.clone() };
            filtered(roll_up, &relation.predicates)
        }
    };
    let question = Tabulation { input, keys, sets, measures, groups_max: GROUPS_MAX };
    Ok((RollUp::without_unused(question), outputs))
}

/// The input under these conditions.
pub(super) fn filtered(input: Input, predicates: &[Scalar]) -> Input {
    match conjunction(predicates) {
        Some(predicate) => Input::Filter { input: Box::new(input), predicate },
        None => input,
    }
}

/// All predicates as one.
pub(super) fn conjunction(predicates: &[Scalar]) -> Option<Scalar> {
    match predicates {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(Scalar::And(several.iter().flat_map(Scalar::conjuncts).cloned().collect())),
    }
}

fn measure(expr: &Expr, relation: &Relation) -> Result<Measure, Refusal> {
    match expr {
        Expr::Alias(alias) => measure(&alias.expr, relation),
        Expr::AggregateFunction(function) => {
            let filter =
                function.params.filter.as_ref().map(|f| relation.condition(f)).transpose()?;
            let filter = filter.filter(|condition| *condition != ALWAYS);
            Ok(Measure { kind: kind(function, relation)?, filter })
        }
        other => Err(Refusal::new(
            RefusalCode::Q109,
            format!("`{}` isn't an aggregate.", other.schema_name()),
            "Use `count`, `sum` or `avg`.",
        )),
    }
}

fn kind(function: &AggregateFunction, relation: &Relation) -> Result<MeasureKind, Refusal> {
    let name = function.func.name();
    let params = &function.params;
    if let Some(units) = &relation.rolled_up
        && name != "count"
        && !is_of_a_total(function, relation)
    {
        return Err(of_rolled_up(name, units));
    }
    if let Some(quantile) = quantile(function, relation) {
        return quantile;
    }
    if let (approx_distinct::NAME, [argument]) = (name, params.args.as_slice())
        && !relation.dataset().is_open()
    {
        return Err(about_distinct(argument, relation));
    }
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(returns_records(name));
    }
    match (name, params.distinct, params.args.as_slice()) {
        ("count", false, []) => Ok(MeasureKind::Rows),
        ("count", false, [argument]) => match relation.scalar(argument)?.0 {
            // `count(*)` is `count(1)` by now.
            Scalar::Literal(literal) if !literal.is_null() => Ok(MeasureKind::Rows),
            scalar => Ok(MeasureKind::Values(scalar)),
        },
        ("count", true, [argument]) => distinct(argument, relation),
        (approx_distinct::NAME, false, [argument]) => {
            approx_distinct::of_open(argument, relation).map(MeasureKind::ApproxDistinct)
        }
        ("sum", false, [argument]) => Ok(MeasureKind::Sum(relation.scalar(argument)?.0)),
        ("avg", false, [argument]) => Ok(MeasureKind::Mean(relation.scalar(argument)?.0)),
        (histogram::NAME, false, [argument]) => {
            Ok(MeasureKind::Histogram(relation.scalar(argument)?.0))
        }
        (name, false, [x]) if let Some(of) = dispersion(name) => {
            Ok(MeasureKind::Dispersion(of, relation.scalar(x)?.0))
        }
        (name, false, [y, x]) if let Some(of) = association(name) => {
            Ok(MeasureKind::Association(of, relation.scalar(y)?.0, relation.scalar(x)?.0))
        }
        (name, true, _)
            if matches!(name, "sum" | "avg" | histogram::NAME)
                || dispersion(name).is_some()
                || association(name).is_some() =>
        {
            Err(tells_which_occur(name))
        }
        ("count", _, _) => Err(Refusal::new(
            RefusalCode::D210,
            "`count` over several columns isn't offered.",
            "Count rows, one column, or distinct units.",
        )),
        (_, _, _) => Err(returns_records(name)),
    }
}

/// Whether an aggregate is of what units' rows come to.
fn is_of_a_total(function: &AggregateFunction, relation: &Relation) -> bool {
    let is_total = |argument: &Expr| match relation.scalar(argument) {
        Ok((Scalar::Column(name), _)) => RollUp::total_of(&name).is_some(),
        Ok(_) | Err(_) => false,
    };
    function.params.args.iter().any(is_total)
}

/// Over one row for each unit only rows, units and totals are measured: how many rows a unit has is no measure with bounds.
fn of_rolled_up(name: &str, units: &RolledUp) -> Refusal {
    let unit = match &units.dataset.protection {
        Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } => name,
        Protection::Protected { unit: ProtectedUnit::Row, .. } | Protection::Open => "unit",
    };
    Refusal::new(
        RefusalCode::D206,
        format!(
            "`{name}` of how many rows there are isn't offered over one row for each `{unit}`: these are counted."
        ),
        format!(
            "Group by the number and count. The mean is `count(*)` by `count(DISTINCT {unit})`, both of the rows themselves."
        ),
    )
}

/// `approx_distinct(x)`: units are counted exactly, and which other values there are isn't told, not even about.
fn about_distinct(argument: &Expr, relation: &Relation) -> Refusal {
    match distinct(argument, relation) {
        Ok(_) => Refusal::new(
            RefusalCode::D210,
            format!("`{}` isn't needed: units are counted, and not about.", approx_distinct::NAME),
            format!("Use `count(DISTINCT {argument})`."),
        ),
        Err(refusal) => refusal,
    }
}

fn tells_which_occur(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::D210,
        format!("`{name}(DISTINCT ...)` would tell which values occur."),
        format!("Use `{name}` without `DISTINCT`."),
    )
}

/// A quantile, by any of its names; `None` for another aggregate. `percentile_cont(p) WITHIN GROUP (ORDER BY x)` comes
/// as `percentile_cont(x, p)` with an order, in which largest first counts from above.
fn quantile(
    function: &AggregateFunction,
    relation: &Relation,
) -> Option<Result<MeasureKind, Refusal>> {
    let name = function.func.name();
    let params = &function.params;
    let (argument, share) = match (name, params.args.as_slice()) {
        ("median" | "approx_median", [argument]) => (argument, None),
        ("percentile_cont" | "approx_percentile_cont", [argument, share]) => {
            (argument, Some(share))
        }
        _ => return None,
    };
    Some(quantile_of(name, argument, share, params, relation))
}

fn quantile_of(
    name: &str,
    argument: &Expr,
    share: Option<&Expr>,
    params: &AggregateFunctionParams,
    relation: &Relation,
) -> Result<MeasureKind, Refusal> {
    if params.distinct {
        return Err(tells_which_occur(name));
    }
    if params.null_treatment.is_some() {
        return Err(returns_records(name));
    }
    let descending = match params.order_by.as_slice() {
        [] => false,
        [order] if share.is_some() && order.expr == *argument => !order.asc,
        _ => return Err(returns_records(name)),
    };
    let probability = match share.map(|share| relation.scalar(share)).transpose()? {
        None => Probability::HALF,
        Some((Scalar::Literal(literal), _)) => Probability::written(&literal)?,
        Some(_) => return Err(not_a_share()),
    };
    let probability = if descending { probability.from_above() } else { probability };
    Ok(MeasureKind::Quantile { argument: relation.scalar(argument)?.0, probability })
}

/// The dispersion of this name, as the engine spells it: `var` is the sample's, and so are its other spellings by now.
fn dispersion(name: &str) -> Option<Dispersion> {
    match name {
        "var" => Some(Dispersion::VarianceOfSample),
        "var_pop" => Some(Dispersion::VarianceOfPopulation),
        "stddev" => Some(Dispersion::DeviationOfSample),
        "stddev_pop" => Some(Dispersion::DeviationOfPopulation),
        _ => None,
    }
}

/// The association of this name.
fn association(name: &str) -> Option<Association> {
    Association::ALL.into_iter().find(|of| of.as_str() == name)
}

fn returns_records(name: &str) -> Refusal {
    let (message, fix) = match name {
        "min" | "max" => (
            format!("`{name}` is the value of a single record."),
            "Use `avg`, a quantile from 0.05 to 0.95, or `histogram`.",
        ),
        _ => (
            format!("`{name}` can return single records, so it isn't offered over protected data."),
            "Use `count`, `sum` or `avg`.",
        ),
    };
    Refusal::new(RefusalCode::D205, message, fix)
}

/// `count(DISTINCT x)`: only over the protected unit.
fn distinct(argument: &Expr, relation: &Relation) -> Result<MeasureKind, Refusal> {
    let dataset = relation.dataset();
    let (scalar, _) = relation.scalar(argument)?;
    if let Scalar::Column(name) = &scalar
        && dataset.column(name).is_some_and(|c| c.label == Label::Unit)
    {
        return Ok(MeasureKind::Units);
    }
    let fix = match &dataset.protection {
        Protection::Protected { unit: ProtectedUnit::Column { name, .. }, .. } => {
            format!(
                "Use `count(DISTINCT {name})`, or group by the column and count the released rows."
            )
        }
        Protection::Protected { unit: ProtectedUnit::Row, .. } => {
            "Each row is a unit here: use `count(*)`.".to_owned()
        }
        Protection::Open => "Group by the column and count the rows.".to_owned(),
    };
    Err(Refusal::new(RefusalCode::D210, "only the protected unit is counted distinct.", fix))
}

/// A total or mean of open data's `CASE` over numbers such as 1.0, as one over 1: floating point isn't added up at
/// departments, and so few digits are the same in both.
fn in_whole_numbers(measure: &Measure, relation: &Relation) -> Option<Measure> {
    if !relation.dataset().is_open() {
        return None;
    }
    let kind = match &measure.kind {
        MeasureKind::Sum(argument) => MeasureKind::Sum(whole(argument)?),
        MeasureKind::Mean(argument) => MeasureKind::Mean(whole(argument)?),
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::ApproxDistinct(_)
        | MeasureKind::Histogram(_)
        | MeasureKind::Quantile { .. }
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => return None,
    };
    Some(Measure { kind, filter: measure.filter.clone() })
}

/// So large may a number be that as many rows as there can be come to less than 2 to the power of 53.
const ADDEND_MAX: f64 = 1_000_000.0;

fn whole(scalar: &Scalar) -> Option<Scalar> {
    match scalar {
        Scalar::Literal(Literal::Float64(v)) if v.fract() == 0.0 && v.abs() <= ADDEND_MAX => {
            Some(Scalar::Literal(Literal::Int64(*v as i64)))
        }
        Scalar::Literal(Literal::Null(ScalarType::Float64)) => {
            Some(Scalar::Literal(Literal::Null(ScalarType::Int64)))
        }
        Scalar::Case { branches, otherwise } => {
            let whole_branch = |(when, then): &(Scalar, Scalar)| Some((when.clone(), whole(then)?));
            let branches = branches.iter().map(whole_branch).collect::<Option<Vec<_>>>()?;
            let otherwise = match otherwise {
                Some(value) => Some(Box::new(whole(value)?)),
                None => None,
            };
            Some(Scalar::Case { branches, otherwise })
        }
        Scalar::Literal(_)
        | Scalar::Column(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => None,
    }
}

/// Whether a Tabulation over open data means exactly what the engine's own aggregation would.
pub(super) fn is_exact(tabulation: &Tabulation) -> bool {
    tabulation.measures.iter().all(|m| match &m.kind {
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::ApproxDistinct(_)
        | MeasureKind::Sum(_)
        | MeasureKind::Mean(_)
        // Whether the bins are published is for admission.
        | MeasureKind::Histogram(_) => true,
        MeasureKind::Units
        // Over open rows a quantile needs no estimate.
        | MeasureKind::Quantile { .. }
        // The engine rounds in another order; its own results stay as they are.
        | MeasureKind::Dispersion(..)
        | MeasureKind::Association(..) => false,
    }) && !tabulation.keys.iter().any(|k| matches!(k.scalar, Scalar::Literal(Literal::Null(_))))
}
