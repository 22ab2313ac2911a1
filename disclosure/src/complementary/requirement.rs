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
    /// Holds in full or the table can't be protected. Otherwise, as far as it does with everything
    /// hidden that may be: see [`CellState::Suppressed`].
    pub(super) firm: bool,
}

impl Requirement {
    /// Everything asked of a table: each cell with levels against the public, then against each lone
    /// contributor. None if there are more than `requirements_max`.
    pub(super) fn of(table: &CheckedTable<'_>, requirements_max: usize) -> Option<Vec<Self>> {
        let hidden = table.positions(|cell| match cell.state {
            CellState::Primary | CellState::Suppressed => true,
            CellState::Open | CellState::Fixed => false,
        });
        let of_cell = |position: &usize| table.cells.get(*position).map(|cell| (*position, cell));
        let singletons = hidden.iter().filter_map(of_cell).filter(|(_, cell)| cell.singleton);
        let singletons = singletons.map(|(position, _)| Some(position));
        let asked: Vec<Self> = hidden
            .iter()
            .filter_map(of_cell)
            .flat_map(|(position, cell)| {
                let firm = cell.state == CellState::Primary;
                let levels = protection_levels(cell, firm).into_iter();
                levels.filter(|deviation| *deviation != 0).map(move |deviation| Self {
                    cell: position,
                    deviation,
                    knows: None,
                    firm,
                })
            })
            .collect();
        let attackers: Vec<Option<usize>> = std::iter::once(None).chain(singletons).collect();
        if requirements_max < asked.len().saturating_mul(attackers.len()) {
            return None;
        }
        let of_attacker = |knows: Option<usize>| {
            asked
                .iter()
                .filter(move |asked| knows != Some(asked.cell))
                .map(move |asked| Self { knows, ..*asked })
        };
        Some(attackers.into_iter().flat_map(of_attacker).collect())
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
        let Some(reached) = self.furthest(unknowns, dropped, work)? else { return Ok(None) };
        let met = self.is_met_by(reached);
        Ok(met.then(|| Completion { deviations: unknowns.deviations() }))
    }

    /// What of it holds among these unknowns, none for nothing of it.
    pub(super) fn as_far_as(
        &self,
        unknowns: &mut Unknowns,
        work: &mut Work,
    ) -> Result<Option<Self>, Stop> {
        let reached = self.furthest(unknowns, |_| false, work)?;
        let deviation =
            reached.map_or(0, |by| if 0 < self.deviation { by.floor() } else { by.ceil() });
        Ok((deviation != 0).then_some(Self { deviation, ..*self }))
    }

    /// How far the cell comes towards the level; none if it isn't an unknown. The unknowns are left
    /// at the completion that shows it.
    fn furthest(
        &self,
        unknowns: &mut Unknowns,
        dropped: impl Fn(usize) -> bool,
        work: &mut Work,
    ) -> Result<Option<Fraction>, Stop> {
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
        Ok(Some(reached.deviation.unwrap_or(Fraction::whole(self.deviation))))
    }
}

/// Downward and upward. A primary cell always has some: without levels, one unit upward.
fn protection_levels(cell: &CellInput, always: bool) -> [i128; 2] {
    let lower = i128::try_from(cell.lower_protection).unwrap_or(i128::MAX);
    let upper = i128::try_from(cell.upper_protection).unwrap_or(i128::MAX);
    let lower = if cell.non_negative { lower.min(cell.value) } else { lower };
    let upper = if always && lower == 0 && upper == 0 { 1 } else { upper };
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
