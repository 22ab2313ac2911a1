//! `GROUPING SETS`, `ROLLUP` and `CUBE` of a raw aggregation as the sets of a Tabulation, and `grouping(...)` over
//! them.
//!
//! The engine resolves `grouping` in an analysis that comes after the cut, from a column of its own aggregation.
//! Where a Tabulation stands there is no such aggregation any more: the cut reads the leaf's column instead.

use std::sync::Arc;

use insitu_disclosure::tabulation::{KEYS_MAX, KeySet, SETS_MAX};
use insitu_disclosure::{Refusal, RefusalCode, SET_COLUMN, Tabulation};
use insitu_engine::common::tree_node::{Transformed, TreeNode as _};
use insitu_engine::common::{Column, DataFusionError, ScalarValue};
use insitu_engine::logical_expr::expr::{AggregateFunction, Case};
use insitu_engine::logical_expr::{Expr, GroupingSet, LogicalPlan, Projection, lit};

/// The most arguments of `grouping`: its value is a 32-bit number with a bit for each.
const ARGUMENTS_MAX: usize = 31;

/// The keys of a `GROUP BY`, each once, and the grouping sets over them; none where all cells keep all keys.
pub(super) fn keys_and_sets(group_by: &[Expr]) -> Result<(Vec<&Expr>, Vec<KeySet>), Refusal> {
    let mut keys: Vec<&Expr> = Vec::new();
    let mut place = |expr| match keys.iter().position(|known| *known == expr) {
        Some(place) => place,
        None => {
            keys.push(expr);
            keys.len().saturating_sub(1)
        }
    };
    // The engine has multiplied out what stands beside a grouping set, so that it is the only expression.
    let [Expr::GroupingSet(grouping)] = group_by else {
        group_by.iter().for_each(|expr| {
            place(expr);
        });
        return Ok((keys, Vec::new()));
    };
    let lists: Vec<Vec<usize>> = match grouping {
        GroupingSet::GroupingSets(lists) => {
            lists.iter().map(|exprs| exprs.iter().map(&mut place).collect()).collect()
        }
        GroupingSet::Rollup(exprs) => {
            let places: Vec<usize> = exprs.iter().map(&mut place).collect();
            (0..=places.len()).map(|kept| places.iter().take(kept).copied().collect()).collect()
        }
        GroupingSet::Cube(exprs) => {
            let places: Vec<usize> = exprs.iter().map(&mut place).collect();
            subsets(&places)?
        }
    };
    if KEYS_MAX < keys.len() {
        return Err(too_many(KEYS_MAX, "keys"));
    }
    let sets: Option<Vec<KeySet>> = lists.into_iter().map(KeySet::of).collect();
    let mut sets = sets.ok_or_else(|| too_many(KEYS_MAX, "keys"))?;
    let all = sets.len();
    sets.sort_unstable();
    sets.dedup();
    if sets.len() < all {
        return Err(Refusal::new(
            RefusalCode::Q104,
            "the same grouping set stands there twice, which would give each of its rows twice.",
            "Name each set once; `ROLLUP`, `CUBE` and further keys are multiplied out.",
        ));
    }
    if SETS_MAX < sets.len() {
        return Err(too_many(SETS_MAX, "grouping sets"));
    }
    // The only set keeps every key that is named: a plain grouping.
    let plain = sets == [KeySet::all(keys.len())];
    Ok((keys, if plain { Vec::new() } else { sets }))
}

/// All subsets. The gate counts them too; here nothing is written out before.
fn subsets(places: &[usize]) -> Result<Vec<Vec<usize>>, Refusal> {
    let mut sets = vec![Vec::new()];
    for place in places {
        let with: Vec<Vec<usize>> = sets
            .iter()
            .map(|set: &Vec<usize>| set.iter().copied().chain([*place]).collect())
            .collect();
        sets.extend(with);
        if SETS_MAX < sets.len() {
            return Err(too_many(SETS_MAX, "grouping sets"));
        }
    }
    Ok(sets)
}

fn too_many(limit: usize, what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::L503,
        format!("a table has at most {limit} {what}."),
        "Group by fewer columns, or ask twice.",
    )
}

/// The keys that `grouping(...)` is about, by position; `None` for another aggregate.
pub(super) fn grouping_function(
    expr: &Expr,
    keys: &[&Expr],
) -> Option<Result<Vec<usize>, Refusal>> {
    match expr {
        Expr::Alias(alias) => grouping_function(&alias.expr, keys),
        Expr::AggregateFunction(function) if function.func.name() == "grouping" => {
            Some(arguments(function, keys))
        }
        _ => None,
    }
}

fn arguments(function: &AggregateFunction, keys: &[&Expr]) -> Result<Vec<usize>, Refusal> {
    let params = &function.params;
    let plain = !params.distinct
        && params.filter.is_none()
        && params.order_by.is_empty()
        && params.null_treatment.is_none();
    if !plain || params.args.is_empty() || ARGUMENTS_MAX < params.args.len() {
        return Err(Refusal::new(
            RefusalCode::Q109,
            format!("`grouping` has 1 to {ARGUMENTS_MAX} keys as its arguments, and nothing else."),
            "Write `grouping(a)` or `grouping(a, b)`.",
        ));
    }
    let position = |arg: &Expr| {
        keys.iter().position(|key| *key == arg).ok_or_else(|| {
            Refusal::new(
                RefusalCode::Q109,
                format!("`{}` isn't a key, so `grouping` says nothing of it.", arg.schema_name()),
                "Name expressions of the `GROUP BY`.",
            )
        })
    };
    params.args.iter().map(position).collect()
}

/// The value of `grouping(...)` over these keys, from a leaf's column: a bit for each, the rightmost the lowest, set
/// where the cell is over all values of the key.
pub(super) fn grouping_value(question: &Tabulation, leaf: &str, keys: &[usize]) -> Expr {
    let value = |set: KeySet| {
        keys.iter().fold(0_i32, |value, key| value << 1 | i32::from(!set.keeps(*key)))
    };
    if question.sets.is_empty() {
        return lit(0_i32);
    }
    let branches = question.sets.iter().map(|set| (lit(set.mask()), lit(value(*set))));
    let branches = branches.map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    let set = Expr::Column(Column::new(Some(leaf), SET_COLUMN));
    let unknown = lit(ScalarValue::Int32(None));
    Expr::Case(Case::new(Some(Box::new(set)), branches, Some(Box::new(unknown))))
}

/// An aggregation over rows, with what is calculated in grouping sets made a column of theirs beforehand: the engine forgets
/// what a calculated key of a set is called where it changes its types, as in `ROLLUP (day + 7)`.
pub(super) fn with_columns_for_keys(
    input: LogicalPlan,
    keys: Vec<Expr>,
    measures: Vec<Expr>,
) -> Result<(LogicalPlan, Vec<Expr>, Vec<Expr>), DataFusionError> {
    let [Expr::GroupingSet(sets)] = keys.as_slice() else { return Ok((input, keys, measures)) };
    let is_named = |key: &Expr| {
        let name = key.schema_name().to_string();
        input.schema().fields().iter().any(|field| *field.name() == name)
    };
    let distinct = sets.distinct_expr().into_iter();
    let calculated = distinct.filter(|key| !matches!(key, Expr::Column(_)));
    let calculated: Vec<Expr> = calculated.cloned().collect();
    if calculated.is_empty() || calculated.iter().any(is_named) {
        return Ok((input, keys, measures));
    }
    let as_column = |expr: Expr| {
        let name = expr.schema_name().to_string();
        if calculated.contains(&expr) {
            Transformed::yes(Expr::Column(Column::new_unqualified(name)))
        } else {
            Transformed::no(expr)
        }
    };
    let all = |exprs: &[Expr]| exprs.iter().cloned().map(|e| as_column(e).data).collect();
    let sets = match sets {
        GroupingSet::Rollup(exprs) => GroupingSet::Rollup(all(exprs)),
        GroupingSet::Cube(exprs) => GroupingSet::Cube(all(exprs)),
        GroupingSet::GroupingSets(lists) => {
            GroupingSet::GroupingSets(lists.iter().map(|exprs| all(exprs)).collect())
        }
    };
    // `grouping` names keys.
    let measures: Result<Vec<Expr>, DataFusionError> = measures
        .into_iter()
        .map(|measure| {
            let told = measure.transform_down(|expr| match expr {
                Expr::AggregateFunction(mut function) if function.func.name() == "grouping" => {
                    function.params.args = all(&function.params.args);
                    Ok(Transformed::yes(Expr::AggregateFunction(function)))
                }
                other => Ok(Transformed::no(other)),
            });
            told.map(|told| told.data)
        })
        .collect();
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let columns: Vec<Expr> = columns.chain(calculated.iter().cloned()).collect();
    let input = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?);
    Ok((input, vec![Expr::GroupingSet(sets)], measures?))
}

#[cfg(test)]
mod tests {
    use insitu_engine::logical_expr::{col, cube, grouping_set, rollup};

    use super::*;

    fn masks(group_by: &[Expr]) -> Result<Vec<u16>, String> {
        let sets = keys_and_sets(group_by).map_err(|refusal| refusal.to_string())?.1;
        Ok(sets.into_iter().map(KeySet::mask).collect())
    }

    #[test]
    fn each_form_is_its_sets_from_the_coarsest_to_the_finest() {
        let [a, b, c] = ["a", "b", "c"].map(col);
        assert_eq!(masks(&[a.clone(), b.clone(), a.clone()]), Ok(vec![]));
        assert_eq!(masks(&[rollup(vec![a.clone(), b.clone()])]), Ok(vec![0b00, 0b01, 0b11]));
        assert_eq!(masks(&[cube(vec![a.clone(), b.clone()])]), Ok(vec![0b00, 0b01, 0b10, 0b11]));
        let sets = vec![vec![a.clone(), b.clone()], vec![c.clone(), a.clone()], vec![b.clone()]];
        assert_eq!(masks(&[grouping_set(sets)]), Ok(vec![0b010, 0b011, 0b101]));
        assert_eq!(masks(&[grouping_set(vec![vec![b, a]])]), Ok(vec![]), "a plain grouping");
    }

    #[test]
    fn a_set_that_is_named_twice_is_refused_in_whatever_order() {
        let [a, b] = ["a", "b"].map(col);
        let twice = vec![vec![a.clone(), b.clone()], vec![b, a]];
        assert!(masks(&[grouping_set(twice)]).unwrap_err().contains("Q104"));
    }

    #[test]
    fn sets_are_counted_before_they_are_written_out() {
        let keys: Vec<Expr> = (0..16).map(|i| col(format!("c{i}"))).collect();
        assert_eq!(masks(&[cube(keys[..6].to_vec())]).unwrap().len(), 64);
        for many in [7, 16] {
            assert!(masks(&[cube(keys[..many].to_vec())]).unwrap_err().contains("L503"));
        }
        assert_eq!(masks(&[rollup(keys.clone())]).unwrap().len(), 17);
        let more = keys.into_iter().chain([col("one_more")]).collect();
        assert!(masks(&[rollup(more)]).unwrap_err().contains("L503"));
    }
}
