//! Sharing: what several leaves ask of one dataset, asked at once. Each department is sent one request for it, and
//! reads its rows once.
//!
//! ```text
//! leaf_0  count                 ─┐
//! leaf_1  count where sex = 'F'  ├─►  one request: count, count filter (sex = 'F'), sum filter (sex = 'F')
//! leaf_2  sum   where sex = 'F' ─┘
//! ```
//!
//! Leaves share a request where an answer can't tell whether they did:
//!
//! * **They ask the same.** A CTE used twice, a scalar subquery written twice.
//! * **Of the same rows, by the same keys, other measures.** What is shown of a measure doesn't depend on the
//!   measures beside it, with two exceptions. A row whose key isn't published stands if *some* measure of it is shown,
//!   so every row has to stand anyway ([`rows_stand`]). And a guard judges one grouping set after the other, so there
//!   may be one only.
//! * **Without keys, of other rows.** What all have as a condition stays one; the rest becomes the filter of each
//!   measure. A cell is where its conditions are, wherever they are written
//!   ([`canonical`](insitu_disclosure::tabulation::canonical)): coordinate, noise, contributing units and budget are
//!   those of the question asked alone. That holds without keys, where each node has a cell even of no rows. With
//!   keys a node whose rows don't fulfil a condition has no cell, and adds no share to its noise; for a filter it
//!   has one.
//!
//! The upper plan isn't touched: it has a table for each leaf, which is a [`View`] of the request's. A request that
//! would be refused, or be too long, isn't made of several leaves; then they are asked one by one, all at once.

use std::sync::Arc;

use insitu_disclosure::rules::keys::rows_are_public;
use insitu_disclosure::{Dataset, Input, Measure, Reference, Scalar, Tabulation};

use super::aggregate::conjunction;
use super::leaf::Leaf;
use crate::catalog::{Held, Joined};

/// A Tabulation that departments are asked for, and the leaves it is for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The question.
    pub(crate) tabulation: Tabulation,
    /// Who is asked.
    pub(crate) held: Arc<Held>,
    /// What its rows are joined to by their unit.
    pub(crate) joined: Joined,
    /// What its rows are joined to, whether they are looked up in it or not.
    pub(crate) references: Vec<(Reference, Arc<Held>)>,
    /// One for each different question among the leaves.
    pub(crate) views: Vec<View>,
}

impl Request {
    /// Its rows are joined to these as well: two rows for a key would multiply them, used or not.
    fn join(&mut self, references: &[(Reference, Arc<Held>)]) {
        for (reference, held) in references {
            if self.references.iter().all(|(known, _)| known != reference) {
                self.references.push((reference.clone(), Arc::clone(held)));
            }
        }
    }
}

/// What some leaves, which ask the same, show of a request's table: all its rows and keys, and these measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Numbers of the leaves, ascending.
    pub(crate) leaves: Vec<usize>,
    /// Which of the request's measures are theirs, in their order.
    pub(crate) measures: Vec<usize>,
}

/// The requests for a plan's Tabulations, in the order of their first leaves. `may_be_asked` says whether a question
/// that is made of several would be admitted and isn't too long.
pub(crate) fn share(
    leaves: &[Leaf],
    may_be_asked: impl Fn(&Tabulation, &Held, &Joined) -> bool,
) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let mut questions: Vec<(&Tabulation, usize, usize)> = Vec::new();
    for (index, leaf) in leaves.iter().enumerate() {
        let Leaf::Tabulation { tabulation, held, joined, references } = leaf else { continue };
        if let Some((_, request, view)) =
            questions.iter().find(|(known, ..)| *known == tabulation.as_ref())
        {
            let Some(request) = requests.get_mut(*request) else { continue };
            request.join(references);
            request.views.get_mut(*view).into_iter().for_each(|view| view.leaves.push(index));
            continue;
        }
        let shared = requests.iter().enumerate().find_map(|(at, request)| {
            let (together, measures) = together(&request.tabulation, tabulation, &held.dataset)?;
            may_be_asked(&together, held, joined).then_some((at, together, measures))
        });
        match shared.and_then(|(at, t, m)| requests.get_mut(at).map(|r| (at, r, t, m))) {
            Some((at, request, together, measures)) => {
                questions.push((tabulation, at, request.views.len()));
                request.tabulation = together;
                request.join(references);
                request.views.push(View { leaves: vec![index], measures });
            }
            None => {
                questions.push((tabulation, requests.len(), 0));
                let measures = (0..tabulation.measures.len()).collect();
                requests.push(Request {
                    tabulation: Tabulation::clone(tabulation),
                    held: Arc::clone(held),
                    joined: joined.clone(),
                    references: references.clone(),
                    views: vec![View { leaves: vec![index], measures }],
                });
            }
        }
    }
    requests
}

/// Both questions as one, and where the measures of the second are among its. Those of the first keep their places.
/// `None` if their answers could differ from those asked for one by one.
fn together(
    first: &Tabulation,
    second: &Tabulation,
    dataset: &Dataset,
) -> Option<(Tabulation, Vec<usize>)> {
    // Every part is named: a new one has to be thought about here.
    let Tabulation { input, keys, sets, measures: _, groups_max } = second;
    let same_cells = first.keys == *keys && first.sets == *sets && first.groups_max == *groups_max;
    if !same_cells || scan(&first.input) != scan(input) {
        return None;
    }
    let (input, of_first, of_second) = if keys.is_empty() {
        filtered(first, second)
    } else if first.input == *input {
        (first.input.clone(), first.measures.clone(), second.measures.clone())
    } else {
        return None;
    };
    let mut measures = of_first;
    let own = measures.len();
    let mut places = Vec::with_capacity(of_second.len());
    for measure in of_second {
        let known = measures.iter().position(|m| *m == measure);
        places.push(known.unwrap_or(measures.len()));
        if known.is_none() {
            measures.push(measure);
        }
    }
    let same = measures.len() == own && (0..own).all(|place| places.contains(&place));
    let one_by_one = first.sets.len() <= 1 && rows_stand(first, dataset);
    (same || one_by_one).then(|| (Tabulation { input, measures, ..first.clone() }, places))
}

/// Whether the rows of a question's table are the same whatever is measured: they are published, or nothing is
/// suppressed.
fn rows_stand(tabulation: &Tabulation, dataset: &Dataset) -> bool {
    let published = |set| rows_are_public(tabulation, set, dataset);
    dataset.is_open() || tabulation.key_sets().into_iter().all(published)
}

/// The input that holds the rows of both, and the measures of both, each with what else its rows fulfil as a filter.
fn filtered(first: &Tabulation, second: &Tabulation) -> (Input, Vec<Measure>, Vec<Measure>) {
    let [of_first, of_second] = [first, second].map(|t| conjuncts(&t.input));
    let common: Vec<Scalar> =
        of_first.iter().filter(|c| of_second.contains(c)).map(|c| (*c).clone()).collect();
    let measures = |tabulation: &Tabulation, conjuncts: &[&Scalar]| {
        let rest: Vec<Scalar> =
            conjuncts.iter().filter(|c| !common.contains(c)).map(|c| (*c).clone()).collect();
        let filtered = |measure: &Measure| {
            let own = measure.filter.iter().flat_map(Scalar::conjuncts).cloned();
            let all: Vec<Scalar> = rest.iter().cloned().chain(own).collect();
            Measure { kind: measure.kind.clone(), filter: conjunction(&all) }
        };
        tabulation.measures.iter().map(filtered).collect()
    };
    let (of_first, of_second) = (measures(first, &of_first), measures(second, &of_second));
    let scan = scan(&first.input).clone();
    let input = match conjunction(&common) {
        Some(predicate) => Input::Filter { input: Box::new(scan), predicate },
        None => scan,
    };
    (input, of_first, of_second)
}

/// Where the rows come from, before any condition on them: what is below a roll-up, and what rows are joined to by their
/// unit, stays as it is.
fn scan(input: &Input) -> &Input {
    match input {
        Input::Scan { .. } | Input::UnitJoin { .. } | Input::RollUp { .. } => input,
        Input::Filter { input, predicate: _ } => scan(input),
    }
}

fn conjuncts(input: &Input) -> Vec<&Scalar> {
    input.predicates().into_iter().flat_map(Scalar::conjuncts).collect()
}
