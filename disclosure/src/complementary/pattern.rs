//! A choice of suppressed cells, with the completion that shows each requirement to hold.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::requirement::{Completion, Requirement};
use super::table::{CheckedTable, Unknowns};
use super::work::{Stop, Work};

/// Suppressed cells and their evidence: `shown[r]` shows requirement `r`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Beyond the cells suppressed beforehand.
    pub(super) complementary: BTreeSet<usize>,
    shown: Vec<Option<Rc<Completion>>>,
}

impl Pattern {
    /// The cells suppressed beforehand alone, nothing shown.
    pub(super) fn primary(requirements: usize) -> Self {
        Self { complementary: BTreeSet::new(), shown: vec![None; requirements] }
    }

    pub(super) fn cost(&self, table: &CheckedTable<'_>) -> u128 {
        self.complementary.iter().map(|cell| u128::from(table.cost(*cell))).sum()
    }

    /// Requirements that nothing shows yet.
    pub(super) fn open(&self) -> Vec<usize> {
        let shown = self.shown.iter().enumerate();
        shown.filter(|(_, shown)| shown.is_none()).map(|(index, _)| index).collect()
    }

    /// Suppresses what a completion deviates in, and takes it as the evidence of a requirement.
    pub(super) fn add(&mut self, table: &CheckedTable<'_>, index: usize, shown: Rc<Completion>) {
        for (cell, _) in &shown.deviations {
            if 0 < table.cost(*cell) {
                self.complementary.insert(*cell);
            }
        }
        if let Some(entry) = self.shown.get_mut(index) {
            *entry = Some(shown);
        }
    }

    /// Evidence made for another requirement may do for this one as well.
    pub(super) fn borrow(
        &mut self,
        table: &CheckedTable<'_>,
        index: usize,
        requirement: &Requirement,
    ) -> bool {
        let evidence = self.shown.iter().flatten();
        let found =
            evidence.clone().find(|completion| completion.shows(requirement)).cloned().or_else(
                || {
                    evidence
                        .filter(|completion| completion.uses(requirement.cell))
                        .filter_map(|completion| completion.mirrored(table))
                        .find(|completion| completion.shows(requirement))
                        .map(Rc::new)
                },
            );
        let borrowed = found.is_some();
        if let Some(entry) = self.shown.get_mut(index)
            && borrowed
        {
            *entry = found;
        }
        borrowed
    }

    /// Publishes `cells` again, and then every cell that no remaining evidence needs.
    pub(super) fn without(&self, cells: &[usize]) -> Self {
        let mut shown = self.shown.clone();
        for entry in &mut shown {
            if entry.as_ref().is_some_and(|shown| cells.iter().any(|cell| shown.uses(*cell))) {
                *entry = None;
            }
        }
        let needed: BTreeSet<usize> = shown
            .iter()
            .flatten()
            .flat_map(|completion| completion.deviations.iter().map(|(cell, _)| *cell))
            .collect();
        let complementary = self.complementary.intersection(&needed).copied().collect();
        Self { complementary, shown }
    }

    /// Publishes again, dearest first, every cell that the requirements can do without.
    pub(super) fn prune(
        &mut self,
        table: &CheckedTable<'_>,
        requirements: &[Requirement],
        work: &mut Work,
    ) -> Result<(), Stop> {
        let mut hidden = table.positions(|cell| cell.state.is_hidden());
        hidden.extend(&self.complementary);
        hidden.sort_unstable();
        let mut unknowns = Unknowns::of(table, hidden, work)?;
        let mut dearest: Vec<usize> = self.complementary.iter().copied().collect();
        dearest.sort_by_key(|cell| (std::cmp::Reverse(table.cost(*cell)), *cell));
        let mut dropped = BTreeSet::new();
        for cell in dearest {
            dropped.insert(cell);
            let Some(shown) = self.still_shown(requirements, &mut unknowns, &dropped, work)? else {
                dropped.remove(&cell);
                continue;
            };
            self.shown = shown;
            self.complementary.remove(&cell);
        }
        Ok(())
    }

    /// Evidence for every requirement with these cells published; none if there is no such.
    fn still_shown(
        &self,
        requirements: &[Requirement],
        unknowns: &mut Unknowns,
        dropped: &BTreeSet<usize>,
        work: &mut Work,
    ) -> Result<Option<Vec<Option<Rc<Completion>>>>, Stop> {
        work.spend(requirements.len())?;
        let mut shown = self.shown.clone();
        let mut fresh: Vec<Rc<Completion>> = Vec::new();
        for (entry, requirement) in shown.iter_mut().zip(requirements) {
            let holds = entry.as_ref().is_some_and(|completion| {
                !completion.deviations.iter().any(|(cell, _)| dropped.contains(cell))
            });
            if holds {
                continue;
            }
            if let Some(found) = fresh.iter().find(|completion| completion.shows(requirement)) {
                *entry = Some(Rc::clone(found));
                continue;
            }
            let is_dropped = |cell: usize| dropped.contains(&cell);
            let Some(completion) = requirement.shown_by(unknowns, is_dropped, work)? else {
                return Ok(None);
            };
            let completion = Rc::new(completion);
            fresh.push(Rc::clone(&completion));
            *entry = Some(completion);
        }
        Ok(Some(shown))
    }
}
