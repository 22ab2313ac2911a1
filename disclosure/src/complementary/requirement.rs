//! What must stay possible for an attacker, and the completion of the table that shows it is.

use super::cell::{CellInput, CellState};
use super::fraction::Fraction;
use super::reach::{Room, reach};
use super::table::{CheckedTable, Unknowns};
use super::work::{Stop, Work};

/// Some completion of the table must let `cell` deviate this far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) cell: usize,
    /// Signed, not zero.
    pub(super) deviation: i128,
    /// The singleton cell whose contributor attacks; it has its true value.
    pub(super) knows: Option<usize>,
}

impl Requirement {
    /// Everything asked of a table: each primary cell against the public, then against each lone
    /// contributor.
    pub(super) fn of(table: &CheckedTable<'_>) -> Vec<Self> {
        let primary = table.positions(|cell| cell.state == CellState::Primary);
        let singletons = table.positions(|cell| cell.state == CellState::Primary && cell.singleton);
        let everyone = std::iter::once(None).chain(singletons.into_iter().map(Some));
        everyone
            .flat_map(|knows| {
                primary.iter().filter(move |cell| knows != Some(**cell)).flat_map(move |position| {
                    let cell = table.cells.get(*position);
                    let levels = cell.map(protection_levels).unwrap_or_default();
                    levels
                        .into_iter()
                        .filter(|deviation| *deviation != 0)
                        .map(move |deviation| Self { cell: *position, deviation, knows })
                })
            })
            .collect()
    }

    /// That a deviation reaches the level. Exact, since the level is an integer.
    pub(super) fn is_met_by(&self, deviation: Fraction) -> bool {
        if 0 < self.deviation {
            self.deviation <= deviation.floor()
        } else {
            deviation.ceil() <= self.deviation
        }
    }

    /// Shows that the requirement holds among these unknowns, if it does. `dropped` cells count as
    /// published.
    pub(super) fn shown_by(
        &self,
        unknowns: &mut Unknowns,
        dropped: impl Fn(usize) -> bool,
        work: &mut Work,
    ) -> Result<Option<Completion>, Stop> {
        let Some(column) = unknowns.column(self.cell) else { return Ok(None) };
        let mut rooms = unknowns.rooms_knowing(|cell| self.knows == Some(cell) || dropped(cell));
        let upward = 0 < self.deviation;
        if let Some(room) = rooms.get_mut(column) {
            // Further than needed isn't asked.
            *room = Room { down: Some(self.deviation.min(0)), up: Some(self.deviation.max(0)) };
        }
        unknowns.equations.reset();
        let reached = reach(&mut unknowns.equations, &rooms, column, upward, work);
        if !reached.furthest {
            return Err(Stop::WorkSpent);
        }
        let met = reached.deviation.is_none_or(|deviation| self.is_met_by(deviation));
        Ok(met.then(|| Completion { deviations: unknowns.deviations() }))
    }
}

/// Downward and upward. A primary cell always has some: without levels, one unit upward.
fn protection_levels(cell: &CellInput) -> [i128; 2] {
    let lower = i128::try_from(cell.lower_protection).unwrap_or(i128::MAX);
    let upper = i128::try_from(cell.upper_protection).unwrap_or(i128::MAX);
    let lower = if cell.non_negative { lower.min(cell.value) } else { lower };
    let upper = if lower == 0 && upper == 0 { 1 } else { upper };
    [lower.saturating_neg(), upper]
}

/// Another table that agrees with everything published.
#[derive(Debug)]
pub(super) struct Completion {
    /// The cells in which it differs from the truth, ascending, and by how much.
    pub(super) deviations: Vec<(usize, Fraction)>,
}

impl Completion {
    /// The same deviations the other way round, where no cell falls below 0 by it.
    pub(super) fn mirrored(&self, table: &CheckedTable<'_>) -> Option<Self> {
        let deviations = self.deviations.iter().map(|(cell, by)| {
            let input = table.cells.get(*cell)?;
            let possible = !input.non_negative || by.ceil() <= input.value;
            possible.then_some((*cell, by.negated()))
        });
        Some(Self { deviations: deviations.collect::<Option<_>>()? })
    }

    pub(super) fn uses(&self, cell: usize) -> bool {
        self.deviations.iter().any(|(used, _)| *used == cell)
    }

    /// That it shows a requirement, perhaps one it wasn't made for.
    pub(super) fn shows(&self, requirement: &Requirement) -> bool {
        self.deviations
            .iter()
            .any(|(cell, by)| *cell == requirement.cell && requirement.is_met_by(*by))
            && !requirement.knows.is_some_and(|known| self.uses(known))
    }
}
