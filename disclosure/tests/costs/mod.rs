//! What questions are charged with.

use std::collections::BTreeSet;

use insitu_disclosure::budget::Condition;
use insitu_disclosure::reference::Editions;
use insitu_disclosure::{Input, Key, KeySet, Scalar, Tabulation};
use proptest::prelude::*;

use super::arbitrary::{scan, tabulation};
use super::{any_keys, column};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a question is charged with doesn't depend on the order in which it says things, nor on what it
    /// breaks down by, and every question has its price.
    #[test]
    fn a_question_costs_the_same_in_another_order(question in tabulation(), by in any_keys()) {
        let conditions = Condition::of(&question, &Editions::new());
        let mut turned = question.clone();
        turned.keys.reverse();
        turned.measures.reverse();
        let keys = question.keys.len();
        let turn = |set: &KeySet| {
            let kept = (0..keys).filter(|at| set.keeps(*at)).map(|at| keys - 1 - at);
            KeySet::of(kept.chain(keys..keys + by.len())).unwrap()
        };
        turned.sets = question.sets.iter().map(turn).collect();
        turned.keys.extend(by.iter().map(|name| Key { scalar: column(name) }));
        let mut predicates = question.input.predicates();
        predicates.reverse();
        turned.input = predicates.into_iter().fold(scan(), |input, predicate| Input::Filter {
            input: Box::new(input),
            predicate: predicate.clone(),
        });
        prop_assert_eq!(Condition::of(&turned, &Editions::new()), conditions.clone());
        let Some(conditions) = conditions else { return Ok(()) };
        prop_assert_eq!(conditions.is_empty(), question.measures.is_empty());
        if question.keys.iter().all(|key| matches!(key.scalar, Scalar::Column(_))) {
            prop_assert!(conditions.len() <= question.measures.len());
        }
        // Grouping sets cost what they cost one by one.
        let mut one_by_one = BTreeSet::new();
        for set in question.key_sets() {
            let keys = set.kept(&question.keys).cloned().collect();
            let alone = Tabulation { keys, sets: Vec::new(), ..question.clone() };
            one_by_one.extend(Condition::of(&alone, &Editions::new()).unwrap());
        }
        prop_assert_eq!(one_by_one, conditions);
    }
}
