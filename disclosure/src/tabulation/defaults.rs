//! What takes the place of NULL in a condition, in one form: `coalesce(sex, 'X') = 'F'` is true of the people of whom `sex = 'F'`
//! is.
//!
//! | as written | in one form |
//! |---|---|
//! | `coalesce(c, 'X') = 'F'` | `c = 'F' AND c IS NOT NULL` |
//! | `coalesce(c, 'X') = 'X'`, `coalesce(c, 'X') <> 'F'` | `c = 'X' OR c IS NULL`, `c <> 'F' OR c IS NULL` |
//! | `coalesce(c, 'X') NOT IN ('F', 'M')` | `c NOT IN ('F', 'M') OR c IS NULL` |
//! | `CASE WHEN c IS NULL THEN 0 ELSE c END < 18` | `c < 18 OR c IS NULL` |
//!
//! All have a value where there is none. Where only the truth counts, `c = 'F' AND c IS NOT NULL` is `c = 'F'`:
//! [`where_true`].

use std::collections::BTreeMap;

use super::interpret::truth;
use super::{Literal, Scalar};

/// A condition on a value with a default as one on the value itself; `None` of any other.
pub(super) fn on_value_itself(condition: &Scalar) -> Option<Scalar> {
    let (of_value, of_default, value) = without_default(condition)?;
    let is_null = Scalar::IsNull(Box::new(value));
    Some(match truth(&of_default, &BTreeMap::new())? {
        true => Scalar::Or(vec![of_value, is_null]),
        false => Scalar::And(vec![of_value, Scalar::Not(Box::new(is_null))]),
    })
}

/// The same condition on the value, and on the default, which has nothing but literals; and the value.
fn without_default(condition: &Scalar) -> Option<(Scalar, Scalar, Scalar)> {
    let of = |scalar: &Scalar, condition: &dyn Fn(Box<Scalar>) -> Scalar| {
        let (value, default) = with_default(scalar)?;
        let of_default = condition(Box::new(Scalar::Literal(default.clone())));
        Some((condition(Box::new(value.clone())), of_default, value.clone()))
    };
    match condition {
        Scalar::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
            (scalar, Scalar::Literal(_)) => {
                of(scalar, &|left| Scalar::Compare { op: *op, left, right: right.clone() })
            }
            (Scalar::Literal(_), scalar) => {
                of(scalar, &|right| Scalar::Compare { op: *op, left: left.clone(), right })
            }
            (_, _) => None,
        },
        Scalar::InList { value, list } => {
            of(value, &|value| Scalar::InList { value, list: list.clone() })
        }
        Scalar::Like { value, pattern, ignore_case } => of(value, &|value| Scalar::Like {
            value,
            pattern: pattern.clone(),
            ignore_case: *ignore_case,
        }),
        Scalar::Not(inner) => {
            let (of_value, of_default, value) = without_default(inner)?;
            let not = |scalar| Scalar::Not(Box::new(scalar));
            Some((not(of_value), not(of_default), value))
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::IsNull(_)
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => None,
    }
}

/// A value, and the literal that stands for it where there is none.
fn with_default(scalar: &Scalar) -> Option<(&Scalar, &Literal)> {
    let Scalar::Case { branches, otherwise: Some(otherwise) } = scalar else { return None };
    let [(when, then)] = branches.as_slice() else { return None };
    let (of, value, default) = match (when, then, otherwise.as_ref()) {
        (Scalar::IsNull(of), Scalar::Literal(default), value) => (of, value, default),
        (Scalar::Not(null), value, Scalar::Literal(default)) => match null.as_ref() {
            Scalar::IsNull(of) => (of, value, default),
            _ => return None,
        },
        (_, _, _) => return None,
    };
    (of.as_ref() == value).then_some((value, default))
}

/// A condition of which only the truth counts, without what is said by it already: that there is a value, beside what is true of
/// some value only.
#[must_use]
pub fn where_true(condition: Scalar) -> Scalar {
    match condition {
        Scalar::And(parts) => {
            let mut all: Vec<Scalar> = Vec::with_capacity(parts.len());
            for part in parts {
                match where_true(part) {
                    Scalar::And(parts) => all.extend(parts),
                    part => all.push(part),
                }
            }
            let said = |place: usize| {
                let Some(value) = all.get(place).and_then(is_there) else { return false };
                let mut others = all.iter().enumerate().filter(|(other, _)| *other != place);
                others.any(|(_, other)| is_there(other).is_none() && needs(other, value))
            };
            let said: Vec<bool> = (0..all.len()).map(said).collect();
            let mut said = said.into_iter();
            all.retain(|_| said.next() != Some(true));
            match (all.pop(), all.is_empty()) {
                (Some(only), true) => only,
                (Some(last), false) => {
                    all.push(last);
                    Scalar::And(all)
                }
                (None, _) => Scalar::And(all),
            }
        }
        Scalar::Or(parts) => Scalar::Or(parts.into_iter().map(where_true).collect()),
        other => other,
    }
}

/// The value that a condition says is there.
fn is_there(condition: &Scalar) -> Option<&Scalar> {
    let Scalar::Not(null) = condition else { return None };
    match null.as_ref() {
        Scalar::IsNull(value) => Some(value),
        _ => None,
    }
}

/// Whether a condition isn't true where there is no such value.
fn needs(condition: &Scalar, value: &Scalar) -> bool {
    match condition {
        Scalar::And(parts) => parts.iter().any(|part| needs(part, value)),
        Scalar::Or(parts) => !parts.is_empty() && parts.iter().all(|part| needs(part, value)),
        other => is_unknown_without(other, value),
    }
}

/// Whether a condition is unknown where there is no such value.
fn is_unknown_without(condition: &Scalar, value: &Scalar) -> bool {
    let is_value = |scalar: &Scalar| match scalar {
        Scalar::Cast { value: of, .. } => of.as_ref() == value || scalar == value,
        other => other == value,
    };
    match condition {
        Scalar::Compare { left, right, .. } => is_value(left) || is_value(right),
        Scalar::InList { value: of, .. } | Scalar::Like { value: of, .. } => is_value(of),
        Scalar::Not(inner) => match inner.as_ref() {
            // `NOT` of each is unknown then, too.
            Scalar::Or(parts) | Scalar::And(parts) => {
                !parts.is_empty() && parts.iter().all(|part| is_unknown_without(part, value))
            }
            inner => is_unknown_without(inner, value),
        },
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::IsNull(_)
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tabulation::Comparison;

    fn column() -> Scalar {
        Scalar::Column("sex".to_owned())
    }

    fn text(value: &str) -> Literal {
        Literal::Utf8(value.to_owned())
    }

    fn not(scalar: Scalar) -> Scalar {
        Scalar::Not(Box::new(scalar))
    }

    fn is_null() -> Scalar {
        Scalar::IsNull(Box::new(column()))
    }

    /// Both spellings of a default.
    fn defaults(default: &str) -> [Scalar; 2] {
        let default = Scalar::Literal(text(default));
        [
            Scalar::Case {
                branches: vec![(not(is_null()), column())],
                otherwise: Some(Box::new(default.clone())),
            },
            Scalar::Case {
                branches: vec![(is_null(), default)],
                otherwise: Some(Box::new(column())),
            },
        ]
    }

    fn compare(op: Comparison, left: Scalar, right: Scalar) -> Scalar {
        Scalar::Compare { op, left: Box::new(left), right: Box::new(right) }
    }

    /// Conditions on a value, by all words for them.
    fn conditions(value: &Scalar) -> Vec<Scalar> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let literal = Scalar::Literal(text("F"));
        let compared = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]
            .into_iter()
            .flat_map(|op| {
                [
                    compare(op, value.clone(), literal.clone()),
                    compare(op, literal.clone(), value.clone()),
                ]
            });
        let null = Literal::Null(crate::tabulation::ScalarType::Utf8);
        let lists = [vec![text("F"), text("M")], vec![text("X")], vec![text("F"), null]];
        let listed =
            lists.into_iter().map(|list| Scalar::InList { value: Box::new(value.clone()), list });
        let like = Scalar::Like {
            value: Box::new(value.clone()),
            pattern: "F%".to_owned(),
            ignore_case: false,
        };
        let plain: Vec<Scalar> = compared.chain(listed).chain([like]).collect();
        let negated: Vec<Scalar> = plain.iter().cloned().map(not).collect();
        [plain, negated].concat()
    }

    fn truth_of(condition: &Scalar, value: Option<&str>) -> Option<bool> {
        truth(condition, &value.map(|value| ("sex", text(value))).into_iter().collect())
    }

    const VALUES: [Option<&str>; 5] = [None, Some("F"), Some("M"), Some("X"), Some("A")];

    #[test]
    fn a_condition_with_a_default_is_one_on_the_value_for_every_value_and_none() {
        let mut rewritten = 0;
        for default in ["X", "F", "M"] {
            for value in defaults(default) {
                for condition in conditions(&value) {
                    let Some(other) = on_value_itself(&condition) else { continue };
                    rewritten += 1;
                    for value in VALUES {
                        let (expected, found) =
                            (truth_of(&condition, value), truth_of(&other, value));
                        assert_eq!(found, expected, "{condition:?} {value:?}");
                        let (expected, found) = (
                            truth_of(&not(condition.clone()), value),
                            truth_of(&not(other.clone()), value),
                        );
                        assert_eq!(found, expected, "NOT {condition:?} {value:?}");
                        let only_truth = truth_of(&where_true(other.clone()), value) == Some(true);
                        assert_eq!(only_truth, truth_of(&condition, value) == Some(true));
                    }
                }
            }
        }
        // All but those where the default is neither in a list nor not, which has NULL.
        assert_eq!(rewritten, 2 * (3 * 32 - 2 * 2));
    }

    #[test]
    fn where_only_truth_counts_it_is_what_is_written_without_a_default() {
        for value in defaults("X") {
            let equal = |value| compare(Comparison::Equal, value, Scalar::Literal(text("F")));
            let plain = equal(column());
            assert_eq!(where_true(on_value_itself(&equal(value.clone())).unwrap()), plain);
            let unequal = on_value_itself(&not(equal(value))).unwrap();
            assert_eq!(where_true(unequal), Scalar::Or(vec![not(plain.clone()), is_null()]));
        }
    }

    /// What is said already goes where only truth counts, and nothing else does.
    #[test]
    fn the_same_rows_are_chosen_where_only_truth_counts() {
        let parts = conditions(&column());
        let several = |one: &Scalar, other: &Scalar| {
            [
                Scalar::And(vec![one.clone(), not(is_null())]),
                Scalar::And(vec![not(is_null()), Scalar::Or(vec![one.clone(), other.clone()])]),
                Scalar::Or(vec![one.clone(), Scalar::And(vec![other.clone(), not(is_null())])]),
                Scalar::And(vec![not(is_null()), not(Scalar::Or(vec![one.clone(), is_null()]))]),
                Scalar::And(vec![not(is_null()), Scalar::Or(vec![one.clone(), is_null()])]),
                not(Scalar::And(vec![one.clone(), not(is_null())])),
            ]
        };
        for condition in parts.iter().zip(parts.iter().rev()).flat_map(|(a, b)| several(a, b)) {
            for value in VALUES {
                let expected = truth_of(&condition, value) == Some(true);
                let found = truth_of(&where_true(condition.clone()), value) == Some(true);
                assert_eq!(found, expected, "{condition:?} {value:?}");
            }
        }
        let there = Scalar::And(vec![not(is_null()), not(is_null())]);
        assert_eq!(truth_of(&where_true(there), None), Some(false));
    }
}
