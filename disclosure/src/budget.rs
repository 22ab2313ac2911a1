//! A budget of conditions: how many different ones a dataset answers for one state of its data.
//!
//! *Statement*: a question is charged with its conditions before it runs, each once. If they don't all
//! fit, it is refused, whatever the data. A condition that was charged before costs nothing, and none
//! is ever given back, whether the question was answered, refused while it ran or cancelled.
//!
//! What a [`Condition`] is, and how many a question has, is told there. A breakdown by columns costs what its condition costs,
//! and a table without any costs one. A question that joins by the unit is charged to every dataset that it joins, each
//! under its own budget.
//!
//! *Stops*: attacks that need many sets of people of the attacker's choice: linear reconstruction (31),
//! many trackers (24) in part; and 47, failures that cost nothing. *Doesn't stop*: breakdowns by every
//! combination of columns; the first few questions; what the next state of the data is asked.
//!
//! *Source*: I. Dinur and K. Nissim, *Revealing information while preserving privacy*, PODS 2003: with
//! bounded noise, about as many random questions as there are people give everybody away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::admit::Admitted;
pub use crate::condition::Condition;
use crate::dataset::{Dataset, DatasetName};
use crate::guard::GuardError;
use crate::reference::Editions;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::Tabulation;

/// What came of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// All conditions are paid for, as durably as the budget keeps anything.
    Paid,
    /// They don't all fit; nothing was charged.
    Spent,
}

/// What was charged of one dataset.
pub trait ConditionBudget: Send + Sync + std::fmt::Debug {
    /// Charges a question's conditions on a state of the data, of which at most `conditions_max`
    /// different ones are answered. One step: of two questions at once, one sees the other.
    ///
    /// # Errors
    /// What is charged can't be kept; the question must not run.
    fn charge(
        &self,
        snapshot: u64,
        conditions: &BTreeSet<Condition>,
        conditions_max: u32,
    ) -> Result<Charge, GuardError>;
}

/// Those of the conditions that weren't charged yet, if they fit; `None` if they don't.
#[must_use]
pub fn unpaid(
    paid: &BTreeSet<Condition>,
    conditions: &BTreeSet<Condition>,
    conditions_max: u32,
) -> Option<BTreeSet<Condition>> {
    let unpaid: BTreeSet<Condition> = conditions.difference(paid).copied().collect();
    let after = paid.len().saturating_add(unpaid.len());
    let fits = after <= usize::try_from(conditions_max).unwrap_or(usize::MAX);
    (unpaid.is_empty() || fits).then_some(unpaid)
}

/// A budget that is forgotten when the process ends: for tests, and for data that live no longer.
#[derive(Debug, Default)]
pub struct MemoryBudget(Mutex<BTreeMap<u64, BTreeSet<Condition>>>);

impl ConditionBudget for MemoryBudget {
    fn charge(
        &self,
        snapshot: u64,
        conditions: &BTreeSet<Condition>,
        conditions_max: u32,
    ) -> Result<Charge, GuardError> {
        let mut states = self.0.lock().map_err(|_| GuardError::Stopped)?;
        let paid = states.entry(snapshot).or_default();
        let Some(unpaid) = unpaid(paid, conditions, conditions_max) else {
            return Ok(Charge::Spent);
        };
        paid.extend(unpaid);
        Ok(Charge::Paid)
    }
}

/// A question that was paid for. Only [`charge`] makes one, and what runs a question takes one.
///
/// ```compile_fail
/// // A question can't run unpaid.
/// use insitu_disclosure::{Admitted, Tabulation, budget::Charged};
/// fn free(question: Admitted<Tabulation>) -> Charged {
///     Charged(question)
/// }
/// ```
///
/// ```
/// use std::collections::BTreeMap;
/// use insitu_disclosure::budget::{Account, Charged, Unpaid, charge};
/// use insitu_disclosure::{Admitted, DatasetName, Tabulation, reference::Editions};
/// fn pay(question: Admitted<Tabulation>, accounts: &BTreeMap<DatasetName, Account>) -> Result<Charged, Unpaid> {
///     charge(question, &Editions::new(), accounts)
/// }
/// ```
#[derive(Debug)]
pub struct Charged(Admitted<Tabulation>);

impl Charged {
    /// The question.
    #[must_use]
    pub fn into_admitted(self) -> Admitted<Tabulation> {
        self.0
    }
}

/// Why a question wasn't paid for.
#[derive(Debug)]
pub enum Unpaid {
    /// The budget is spent: told to whoever asked.
    Spent(Refusal),
    /// What is charged can't be kept: told to the operator.
    Unkept(GuardError),
}

/// Where a dataset's conditions are charged.
#[derive(Debug, Clone)]
pub struct Account {
    /// The state of its data.
    pub snapshot: u64,
    /// What was charged of it.
    pub budget: Arc<dyn ConditionBudget>,
}

/// Charges a question, whose references have these contents, to the account of each dataset that has a budget: the one
/// whose rows are counted, and those that they are joined to, in the order of their names. Without a budget it costs
/// nothing. What was charged to one of them stays charged if another's budget is spent.
///
/// # Errors
/// A budget that is spent, or can't be kept.
pub fn charge(
    question: Admitted<Tabulation>,
    editions: &Editions,
    accounts: &BTreeMap<DatasetName, Account>,
) -> Result<Charged, Unpaid> {
    charge_admitted(&question, editions, accounts).map(|()| Charged(question))
}

/// The same for whoever charges a question that runs elsewhere: a gateway, of all departments together.
///
/// # Errors
/// As [`charge`].
pub fn charge_admitted(
    question: &Admitted<Tabulation>,
    editions: &Editions,
    accounts: &BTreeMap<DatasetName, Account>,
) -> Result<(), Unpaid> {
    for (dataset, conditions_max) in budgeted(question) {
        let account = accounts.get(&dataset.name).ok_or(Unpaid::Unkept(GuardError::Stopped))?;
        let conditions = Condition::of_joined(question.tabulation(), editions, question.joined());
        // More than an answer has cells fit no budget.
        let conditions = conditions.ok_or_else(|| Unpaid::Spent(spent(dataset)))?;
        match account.budget.charge(account.snapshot, &conditions, conditions_max) {
            Ok(Charge::Paid) => {}
            Ok(Charge::Spent) => return Err(Unpaid::Spent(spent(dataset))),
            Err(error) => return Err(Unpaid::Unkept(error)),
        }
    }
    Ok(())
}

/// The datasets of a question that have a budget, each once and in the order of their names, with how many conditions
/// each answers.
#[must_use]
pub fn budgeted(question: &Admitted<Tabulation>) -> Vec<(&Arc<Dataset>, u32)> {
    let all = std::iter::once(question.base()).chain(question.joined().values());
    let all: BTreeMap<&DatasetName, &Arc<Dataset>> = all.map(|d| (&d.name, d)).collect();
    all.into_values().filter_map(|d| Some((d, d.conditions_max()?))).collect()
}

/// What whoever finds a budget spent can do.
pub const SPENT_FIX: &str = "Ask what was asked before, which is still answered; or ask the data owner for \
                             more, or wait for new data.";

/// The Refusal where a budget is spent. It is the same for everybody.
#[must_use]
pub fn spent(dataset: &Dataset) -> Refusal {
    let number = dataset.conditions_max().unwrap_or(0);
    Refusal::new(
        RefusalCode::D211,
        format!(
            "`{}` answers {number} different conditions for each state of its data, and these were asked.",
            dataset.name
        ),
        SPENT_FIX,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetName;
    use crate::tabulation::{Comparison, Input, Key, Literal, Measure, MeasureKind, Scalar};

    fn column(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    fn is(name: &str, value: i64) -> Scalar {
        Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(column(name)),
            right: Box::new(Scalar::Literal(Literal::Int64(value))),
        }
    }

    /// A question over these rows, by these keys, with a count for each filter.
    fn question(
        predicates: &[Scalar],
        keys: &[Scalar],
        filters: &[Option<Scalar>],
    ) -> BTreeSet<Condition> {
        let scan = Input::Scan { dataset: DatasetName::new("a", "b").unwrap(), fingerprint: 0 };
        let input = predicates.iter().fold(scan, |input, predicate| Input::Filter {
            input: Box::new(input),
            predicate: predicate.clone(),
        });
        let keys = keys.iter().map(|scalar| Key { scalar: scalar.clone() }).collect();
        let count =
            |filter: &Option<Scalar>| Measure { kind: MeasureKind::Rows, filter: filter.clone() };
        let measures = filters.iter().map(count).collect();
        let asked = Tabulation { input, keys, sets: Vec::new(), measures, groups_max: 1 };
        Condition::of(&asked, &Editions::new()).unwrap()
    }

    #[test]
    fn other_words_for_one_condition_are_one() {
        let one = question(&[is("a", 1), is("b", 2)], &[], &[None]);
        assert_eq!(one.len(), 1);
        let both = Scalar::And(vec![is("b", 2), is("a", 1)]);
        for other in [
            question(&[is("b", 2), is("a", 1)], &[], &[None]),
            question(std::slice::from_ref(&both), &[], &[None]),
            question(&[is("a", 1)], &[], &[Some(is("b", 2))]),
            question(&[], &[], &[Some(both)]),
            question(&[is("a", 1), is("b", 2)], &[], &[None, None]),
        ] {
            assert_eq!(other, one);
        }
        let list = Scalar::InList { value: Box::new(column("a")), list: vec![Literal::Int64(1)] };
        assert_eq!(question(&[list, is("b", 2)], &[], &[None]), one);
    }

    #[test]
    fn a_breakdown_costs_what_its_condition_costs_and_a_choice_in_a_key_is_one() {
        let whole = question(&[], &[], &[None]);
        assert_eq!(whole.len(), 1);
        assert_eq!(question(&[], &[column("a"), column("b")], &[None]), whole);
        let chosen = question(&[], &[is("a", 1)], &[None]);
        assert_eq!(chosen.len(), 2, "where it is, and the rest");
        assert!(chosen.is_disjoint(&whole));
        assert!(chosen.is_disjoint(&question(&[is("a", 1)], &[], &[None])));
    }

    #[test]
    fn each_filter_is_a_condition_of_its_own() {
        let three = question(&[is("a", 1)], &[], &[None, Some(is("b", 2)), Some(is("b", 3))]);
        assert_eq!(three.len(), 3);
        assert!(three.is_superset(&question(&[is("a", 1)], &[], &[None])));
    }

    #[test]
    fn a_question_is_paid_whole_or_not_at_all_and_repeats_are_free() {
        let budget = MemoryBudget::default();
        let ask = |snapshot, values: &[i64]| {
            let filters: Vec<_> = values.iter().map(|value| Some(is("a", *value))).collect();
            budget.charge(snapshot, &question(&[], &[], &filters), 3).unwrap()
        };
        assert_eq!(ask(1, &[1, 2]), Charge::Paid);
        assert_eq!(ask(1, &[1, 3, 4]), Charge::Spent);
        assert_eq!(ask(1, &[2, 3]), Charge::Paid, "what was refused cost nothing");
        assert_eq!(ask(1, &[4]), Charge::Spent);
        assert_eq!(ask(1, &[3, 2, 1]), Charge::Paid);
        assert_eq!(ask(2, &[4]), Charge::Paid, "new data, new budget");
        assert_eq!(ask(1, &[4]), Charge::Spent, "and the old is as it was");
    }
}
