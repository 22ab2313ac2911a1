//! Evidence of all who hold a dataset, with what each department contributes: what protection works on.

use std::collections::{BTreeMap, HashSet};

use super::merge::{cell_bytes, merge, merge_by_key};
use super::{Cell, Evidence};
use crate::admit::Admitted;
use crate::tabulation::Tabulation;

/// What each of several departments contributes to a part of a cell, by its place among them. Empty where one department
/// holds all, where the rule doesn't ask for it, and in a cell that nobody has. It merges like all of [`super::PartEvidence`],
/// so that a margin's is known as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shares(Vec<Share>);

/// What one department contributes to a part of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Its distinct units. Those without an id aren't among them: they are no cover for anybody.
    pub units: i64,
    /// The sum of their record keys.
    pub record_keys: i64,
}

impl Shares {
    /// Of the department at this place among so many, the others having nothing.
    fn of_one(place: usize, departments: usize, share: Share) -> Self {
        let mut shares = vec![Share::default(); departments];
        if let Some(mine) = shares.get_mut(place) {
            *mine = share;
        }
        Self(shares)
    }

    /// Of departments with these units and sums of record keys.
    #[cfg(test)]
    pub(crate) fn of(shares: &[(i64, i64)]) -> Self {
        Self(
            shares
                .iter()
                .map(|(units, record_keys)| Share { units: *units, record_keys: *record_keys })
                .collect(),
        )
    }

    /// Takes over what another part of the rows gave.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), Share::default());
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.units = mine.units.saturating_add(theirs.units);
            mine.record_keys = mine.record_keys.saturating_add(theirs.record_keys);
        }
    }

    /// One for each department.
    pub fn iter(&self) -> impl Iterator<Item = Share> {
        self.0.iter().copied()
    }

    /// What all but the largest contribute together, in units; `None` where it isn't asked.
    #[must_use]
    pub fn without_the_largest(&self) -> Option<i64> {
        let largest = self.iter().map(|share| share.units).max()?;
        let all = self.iter().map(|share| share.units).fold(0, i64::saturating_add);
        Some(all.saturating_sub(largest))
    }
}

/// All of a Tabulation's Evidence. Who makes it has to say whose it is, so that the rule on departments
/// ([`crate::rules::others`]) can't be forgotten.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pooled(Evidence);

impl Pooled {
    /// Of one department, that holds all of the dataset.
    #[must_use]
    pub const fn of_one_department(evidence: Evidence) -> Self {
        Self(evidence)
    }

    /// Of every department that holds part of the dataset, each answer with its department's name. Several answers
    /// under one name are one department's.
    #[must_use]
    pub fn of_departments<D: Ord>(
        admitted: &Admitted<Tabulation>,
        answers: impl IntoIterator<Item = (D, Evidence)>,
    ) -> Self {
        if admitted.dataset().profile().others_min == 0 {
            return Self(merge(answers.into_iter().map(|(_, evidence)| evidence)));
        }
        let mut by_department: BTreeMap<D, Vec<Evidence>> = BTreeMap::new();
        for (department, evidence) in answers {
            by_department.entry(department).or_default().push(evidence);
        }
        let departments = by_department.len();
        let asked = 1 < departments;
        let of_departments = by_department.into_values().enumerate().map(|(place, answers)| {
            let mut evidence = merge(answers);
            if asked {
                let parts = evidence.cells.iter_mut().flat_map(|cell| &mut cell.parts);
                for part in parts {
                    let share = Share { units: part.units, record_keys: part.record_keys };
                    part.shares = Shares::of_one(place, departments, share);
                }
            }
            evidence
        });
        Self(merge(of_departments.collect::<Vec<_>>()))
    }

    /// The bytes of the set and keys of each of its cells.
    pub(crate) fn places(&self) -> HashSet<Vec<u8>> {
        self.0.cells.iter().map(|cell| cell_bytes(cell.set, &cell.keys)).collect()
    }

    /// Its cells and these, each with the bytes of its set and keys, in key order.
    pub(crate) fn with(self, others: Vec<Cell>) -> Vec<(Vec<u8>, Cell)> {
        merge_by_key([Evidence { cells: others }, self.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(units: &[i64]) -> Shares {
        Shares(units.iter().map(|n| Share { units: *n, record_keys: n.wrapping_mul(7) }).collect())
    }

    #[test]
    fn all_but_the_largest_whoever_that_is() {
        for (units, expect) in [
            (&[][..], None),
            (&[9, 1][..], Some(1)),
            (&[1, 9][..], Some(1)),
            (&[0, 40][..], Some(0)),
            (&[2; 7][..], Some(12)),
            (&[4, 5, 6][..], Some(9)),
            (&[i64::MAX, i64::MAX, 3][..], Some(0)),
        ] {
            assert_eq!(shares(units).without_the_largest(), expect, "{units:?}");
        }
    }

    #[test]
    fn shares_merge_in_any_order_and_split() {
        let parts = [shares(&[1, 0, 4]), shares(&[0, 2, 0]), Shares::default(), shares(&[3, 3, 3])];
        let all = |order: [usize; 4]| {
            order.iter().fold(Shares::default(), |mut sum, at| {
                sum.merge(&parts[*at]);
                sum
            })
        };
        let expect = shares(&[4, 5, 7]);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            assert_eq!(all(order), expect);
        }
        let mut left = parts[0].clone();
        left.merge(&parts[1]);
        let mut right = parts[3].clone();
        right.merge(&parts[2]);
        right.merge(&left);
        assert_eq!(right, expect);
    }
}
