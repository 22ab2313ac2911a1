//! Comparisons in one form, so that two spellings of one condition are one condition: to the noise, to the difference guard
//! and to the budget.
//!
//! | as written | in one form | where |
//! |---|---|---|
//! | `17 >= age` | `age <= 17` | always |
//! | `NOT (age < 18)`, `NOT NOT c` | `age >= 18`, `c` | always: both have no value where there is none |
//! | `age <= 17`, `age > 17` | `age < 18`, `age >= 18` | whole numbers, decimals, dates: nothing is between 17 and 18 |
//! | `age > 17.5`, `paid <= 9.995` | `age >= 18`, `paid < 10.00` | numbers with fewer digits after the point than what they are compared with |
//! | `coalesce(sex, 'X') = 'F'` | `sex = 'F' AND sex IS NOT NULL` | always ([`super::defaults`]) |
//! | `debt = 0`, `debt <> 0` | `debt >= 0 AND debt < 1`, `debt < 0 OR debt >= 1` | columns that are cut at listed breakpoints; `IN` likewise |

use super::typing::{power_of_ten, type_of};
use super::{Comparison, Literal, Scalar, ScalarType, defaults};
use crate::dataset::{Breakpoints, Dataset};
use crate::label::Label;

/// The expression, typed already, with its comparisons in one form.
#[must_use]
pub fn in_one_form(mut scalar: Scalar, dataset: &Dataset) -> Scalar {
    rewrite(&mut scalar, dataset);
    scalar
}

fn rewrite(scalar: &mut Scalar, dataset: &Dataset) {
    if let Some(other) = defaults::on_value_itself(scalar) {
        *scalar = other;
    }
    for child in scalar.children_mut() {
        rewrite(child, dataset);
    }
    let rewritten = match scalar {
        Scalar::Not(inner) => match inner.as_ref() {
            Scalar::Compare { op, left, right } => {
                let op = op.negated();
                let mut other = Scalar::Compare { op, left: left.clone(), right: right.clone() };
                rewrite(&mut other, dataset);
                Some(other)
            }
            Scalar::Not(value) => Some(value.as_ref().clone()),
            _ => None,
        },
        Scalar::Compare { op, left, right } => {
            let (op, value, literal) = match (left.as_ref(), right.as_ref()) {
                (Scalar::Literal(_), Scalar::Literal(_)) => return,
                (value, Scalar::Literal(literal)) => (*op, value, literal),
                (Scalar::Literal(literal), value) => (op.flipped(), value, literal),
                _ => return,
            };
            Some(match between(op, value, literal, dataset) {
                Some((op, value, literal)) => compared(op, &value, &literal, dataset),
                None => compared(op, value, literal, dataset),
            })
        }
        Scalar::InList { value, list } if is_cut_at_values(value, dataset) => {
            let equal = |one: &Literal| compared(Comparison::Equal, value, one, dataset);
            match list.as_slice() {
                [one] => Some(equal(one)),
                several => Some(Scalar::Or(several.iter().map(equal).collect())),
            }
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => None,
    };
    if let Some(rewritten) = rewritten {
        *scalar = rewritten;
    }
}

fn compared(op: Comparison, value: &Scalar, literal: &Literal, dataset: &Dataset) -> Scalar {
    let comparison = |op, literal: &Literal| Scalar::Compare {
        op,
        left: Box::new(value.clone()),
        right: Box::new(Scalar::Literal(literal.clone())),
    };
    match (op, next(literal)) {
        (Comparison::LessOrEqual, Some(next)) => comparison(Comparison::Less, &next),
        (Comparison::Greater, Some(next)) => comparison(Comparison::GreaterOrEqual, &next),
        (Comparison::Equal, Some(next)) if is_cut_at_values(value, dataset) => Scalar::And(vec![
            comparison(Comparison::GreaterOrEqual, literal),
            comparison(Comparison::Less, &next),
        ]),
        (Comparison::NotEqual, Some(next)) if is_cut_at_values(value, dataset) => Scalar::Or(vec![
            comparison(Comparison::Less, literal),
            comparison(Comparison::GreaterOrEqual, &next),
        ]),
        (
            Comparison::Equal
            | Comparison::NotEqual
            | Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual,
            _,
        ) => comparison(op, literal),
    }
}

/// A comparison of a number with one of more digits after the point as one with the number next to it in its own type. None
/// equals such a number: there, and where the value is the same, it stays as it is.
fn between(
    op: Comparison,
    value: &Scalar,
    literal: &Literal,
    dataset: &Dataset,
) -> Option<(Comparison, Scalar, Literal)> {
    let (Scalar::Cast { value, to }, Literal::Decimal { value: cut, places }) = (value, literal)
    else {
        return None;
    };
    let own = type_of(value, dataset).ok()?;
    let own_places = match own {
        ScalarType::Int64 => 0,
        ScalarType::Decimal(places) => places,
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => {
            return None;
        }
    };
    let lost = places.checked_sub(own_places).filter(|_| *to == ScalarType::Decimal(*places))?;
    let step = power_of_ten(lost);
    let (below, rest) = (cut.checked_div_euclid(step)?, cut.checked_rem_euclid(step)?);
    let (op, cut) = match (op, rest) {
        (op, 0) => (op, below),
        (Comparison::Less | Comparison::LessOrEqual, _) => (Comparison::LessOrEqual, below),
        (Comparison::Greater | Comparison::GreaterOrEqual, _) => (Comparison::Greater, below),
        (Comparison::Equal | Comparison::NotEqual, _) => return None,
    };
    let cut = match own {
        ScalarType::Int64 => Literal::Int64(i64::try_from(cut).ok()?),
        ScalarType::Decimal(_)
        | ScalarType::Boolean
        | ScalarType::Float64
        | ScalarType::Utf8
        | ScalarType::Date => Literal::Decimal { value: cut, places: own_places },
    };
    Some((op, value.as_ref().clone(), cut))
}

/// The smallest value of the type above this one.
fn next(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Int64(value) => value.checked_add(1).map(Literal::Int64),
        Literal::Decimal { value, places } => {
            value.checked_add(1).map(|value| Literal::Decimal { value, places: *places })
        }
        Literal::Date(days) => days.checked_add(1).map(Literal::Date),
        Literal::Null(_) | Literal::Boolean(_) | Literal::Float64(_) | Literal::Utf8(_) => None,
    }
}

/// Whether it is a column that is compared at listed breakpoints only.
fn is_cut_at_values(value: &Scalar, dataset: &Dataset) -> bool {
    let Scalar::Column(name) = value else { return false };
    dataset.column(name).is_some_and(|column| {
        matches!(column.label, Label::Filter | Label::Measure)
            && matches!(column.breakpoints, Some(Breakpoints::Listed(_)))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dataset::{Column, DatasetName, Protection};
    use crate::tabulation::ScalarType;
    use crate::tabulation::interpret::truth;

    fn dataset() -> Dataset {
        let column = |name: &str, scalar_type, label, cuts: &[i64]| Column {
            name: name.to_owned(),
            scalar_type,
            label,
            domain: None,
            breakpoints: (!cuts.is_empty())
                .then(|| Breakpoints::Listed(cuts.iter().copied().map(Literal::Int64).collect())),
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        Dataset {
            name: DatasetName::new("a", "b").unwrap(),
            description: None,
            columns: vec![
                column("age", ScalarType::Int64, Label::Dimension, &[]),
                column("share", ScalarType::Float64, Label::Dimension, &[]),
                column("debt", ScalarType::Int64, Label::Measure, &[0, 1]),
                column("paid", ScalarType::Decimal(2), Label::Measure, &[]),
                column("day", ScalarType::Date, Label::Filter, &[]),
            ],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        }
    }

    fn compare(name: &str, op: Comparison, literal: Literal) -> Scalar {
        let left = Box::new(Scalar::Column(name.to_owned()));
        Scalar::Compare { op, left, right: Box::new(Scalar::Literal(literal)) }
    }

    fn form(scalar: &Scalar) -> Scalar {
        in_one_form(scalar.clone(), &dataset())
    }

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    /// Columns, and three neighbouring values of each.
    fn values() -> Vec<(&'static str, [Literal; 3])> {
        let paid = |value| Literal::Decimal { value, places: 2 };
        vec![
            ("age", [17, 18, 19].map(Literal::Int64)),
            ("debt", [-1, 0, 1].map(Literal::Int64)),
            ("share", [17.0, 17.5, 18.0].map(Literal::Float64)),
            ("paid", [99, 100, 101].map(paid)),
            ("day", [-1, 0, 1].map(Literal::Date)),
            ("age", [i64::MAX - 2, i64::MAX - 1, i64::MAX].map(Literal::Int64)),
        ]
    }

    #[test]
    fn the_other_form_is_true_of_the_same_rows() {
        for (name, values) in values() {
            for (op, cut) in ALL.into_iter().flat_map(|op| values.iter().map(move |v| (op, v))) {
                let plain = compare(name, op, cut.clone());
                let flipped = Scalar::Compare {
                    op: op.flipped(),
                    left: Box::new(Scalar::Literal(cut.clone())),
                    right: Box::new(Scalar::Column(name.to_owned())),
                };
                for written in [plain.clone(), flipped.clone()] {
                    let negated = Scalar::Not(Box::new(written.clone()));
                    let twice = Scalar::Not(Box::new(negated.clone()));
                    for scalar in [written, negated, twice] {
                        for row in values.iter().map(Some).chain([None]) {
                            let row: BTreeMap<&str, Literal> =
                                row.map(|value| (name, value.clone())).into_iter().collect();
                            assert_eq!(
                                truth(&scalar, &row),
                                truth(&form(&scalar), &row),
                                "{scalar:?} {row:?}"
                            );
                        }
                    }
                }
                assert_eq!(form(&flipped), form(&plain));
                assert_eq!(form(&form(&plain)), form(&plain));
            }
        }
    }

    /// A number as a comparison with more digits after the point has it.
    fn wider(name: &str, op: Comparison, cut: i128, places: u8) -> Scalar {
        let value = Box::new(Scalar::Column(name.to_owned()));
        let to = ScalarType::Decimal(places);
        let left = Box::new(Scalar::Cast { value, to });
        let right = Box::new(Scalar::Literal(Literal::Decimal { value: cut, places }));
        Scalar::Compare { op, left, right }
    }

    #[test]
    fn a_number_between_two_values_cuts_where_its_neighbours_do() {
        let paid = |value| Literal::Decimal { value, places: 2 };
        for op in ALL {
            for cut in -25..=25_i128 {
                for (name, places, values) in [
                    ("age", 1, [-2, -1, 0, 1, 2].map(Literal::Int64)),
                    ("paid", 3, [-2, -1, 0, 1, 2].map(paid)),
                ] {
                    let written = wider(name, op, cut, places);
                    for row in values.iter().map(Some).chain([None]) {
                        let row: BTreeMap<&str, Literal> =
                            row.map(|value| (name, value.clone())).into_iter().collect();
                        let (one, other) = (truth(&written, &row), truth(&form(&written), &row));
                        assert_eq!(one, other, "{written:?} {row:?}");
                    }
                    assert_eq!(form(&form(&written)), form(&written));
                }
            }
        }
        let age = |op, cut| compare("age", op, Literal::Int64(cut));
        for (op, cut, expect) in [
            (Comparison::Greater, 175, age(Comparison::GreaterOrEqual, 18)),
            (Comparison::GreaterOrEqual, 175, age(Comparison::GreaterOrEqual, 18)),
            (Comparison::Less, 175, age(Comparison::Less, 18)),
            (Comparison::LessOrEqual, 175, age(Comparison::Less, 18)),
            (Comparison::Greater, 180, age(Comparison::GreaterOrEqual, 19)),
            (Comparison::Equal, 180, age(Comparison::Equal, 18)),
            (Comparison::Less, -5, age(Comparison::Less, 0)),
        ] {
            assert_eq!(form(&wider("age", op, cut, 1)), expect);
        }
        // One that loses digits is no such number.
        let fewer = wider("paid", Comparison::Less, 5, 1);
        assert_eq!(form(&fewer), fewer);
    }

    #[test]
    fn two_spellings_of_a_cut_are_one() {
        let age = |op, value| compare("age", op, Literal::Int64(value));
        let below = age(Comparison::Less, 18);
        let not = |scalar| Scalar::Not(Box::new(scalar));
        assert_eq!(form(&age(Comparison::LessOrEqual, 17)), below);
        assert_eq!(form(&not(age(Comparison::Greater, 17))), below);
        assert_eq!(form(&not(age(Comparison::GreaterOrEqual, 18))), below);
        assert_eq!(form(&not(not(age(Comparison::LessOrEqual, 17)))), below);
        // Between two of these there are others.
        let share = compare("share", Comparison::LessOrEqual, Literal::Float64(17.0));
        assert_eq!(form(&share), share);
        // There is nothing above.
        let all = age(Comparison::LessOrEqual, i64::MAX);
        assert_eq!(form(&all), all);
    }

    #[test]
    fn a_value_between_two_breakpoints_is_a_range_and_that_of_a_dimension_a_value() {
        let debt = |op, value| compare("debt", op, Literal::Int64(value));
        let range = vec![debt(Comparison::GreaterOrEqual, 0), debt(Comparison::Less, 1)];
        assert_eq!(form(&debt(Comparison::Equal, 0)), Scalar::And(range.clone()));
        let list = |values: &[i64]| Scalar::InList {
            value: Box::new(Scalar::Column("debt".to_owned())),
            list: values.iter().copied().map(Literal::Int64).collect(),
        };
        assert_eq!(form(&list(&[0])), Scalar::And(range));
        assert!(matches!(form(&list(&[0, 1])), Scalar::Or(ranges) if ranges.len() == 2));
        let age = compare("age", Comparison::Equal, Literal::Int64(18));
        assert_eq!(form(&age), age);
    }
}
