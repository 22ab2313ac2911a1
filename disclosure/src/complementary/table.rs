//! The checked table, and what an attacker doesn't know of it.

use super::cell::{CellInput, CellState, Relation, Unprotectable};
use super::equations::Equations;
use super::fraction::Fraction;
use super::reach::Room;
use super::work::{Stop, Work};

/// Cells and relations that are consistent: positions exist, margins add up.
#[derive(Debug)]
pub(super) struct CheckedTable<'a> {
    pub(super) cells: &'a [CellInput],
    relations: &'a [Relation],
}

impl<'a> CheckedTable<'a> {
    pub(super) fn check(
        cells: &'a [CellInput],
        relations: &'a [Relation],
        cells_max: usize,
    ) -> Result<Self, Unprotectable> {
        if cells_max < cells.len() {
            return Err(Unprotectable::TooLarge { cells: cells.len(), cells_max });
        }
        for relation in relations {
            let Some(total) = cells.get(relation.total) else {
                return Err(Unprotectable::Inconsistent("a total doesn't exist"));
            };
            let mut sum = 0_i128;
            for part in &relation.parts {
                let Some(cell) = cells.get(*part) else {
                    return Err(Unprotectable::Inconsistent("a part doesn't exist"));
                };
                sum = sum
                    .checked_add(cell.value)
                    .ok_or(Unprotectable::Inconsistent("a sum is too large"))?;
            }
            if sum != total.value {
                return Err(Unprotectable::Inconsistent("a total isn't the sum of its parts"));
            }
        }
        if cells.iter().any(|cell| cell.non_negative && cell.value < 0) {
            return Err(Unprotectable::Inconsistent("a non-negative cell is below 0"));
        }
        Ok(Self { cells, relations })
    }

    /// Positions of the cells for which `wanted` holds.
    pub(super) fn positions(&self, wanted: impl Fn(&CellInput) -> bool) -> Vec<usize> {
        let positions = self.cells.iter().enumerate();
        positions.filter(|(_, cell)| wanted(cell)).map(|(position, _)| position).collect()
    }

    /// Every cell that may be suppressed.
    pub(super) fn suppressible(&self) -> Vec<usize> {
        self.positions(|cell| cell.state != CellState::Fixed)
    }

    /// Information lost if a cell is suppressed on top of those suppressed beforehand.
    pub(super) fn cost(&self, cell: usize) -> u64 {
        match self.cells.get(cell).map(|cell| (cell.state, cell.cost)) {
            Some((CellState::Open, cost)) => cost.max(1),
            Some((CellState::Primary | CellState::Suppressed | CellState::Fixed, _)) | None => 0,
        }
    }
}

/// Unknowns times relations, of 4 bytes each; a search holds about three such systems at a time.
const COEFFICIENTS_MAX: usize = 20_000_000;

/// The cells an attacker doesn't know, and the equations between their deviations.
#[derive(Debug, Clone)]
pub(super) struct Unknowns {
    /// Cell of each column.
    pub(super) cells: Vec<usize>,
    /// Column of each cell.
    columns: Vec<Option<usize>>,
    pub(super) equations: Equations,
    /// Per column, from the true value.
    rooms: Vec<Room>,
}

impl Unknowns {
    pub(super) fn of(
        table: &CheckedTable<'_>,
        cells: Vec<usize>,
        work: &mut Work,
    ) -> Result<Self, Stop> {
        if COEFFICIENTS_MAX < cells.len().saturating_mul(table.relations.len()) {
            return Err(Stop::WorkSpent);
        }
        let mut columns = vec![None; table.cells.len()];
        let mut rooms = Vec::with_capacity(cells.len());
        for (column, cell) in cells.iter().enumerate() {
            if let Some(entry) = columns.get_mut(*cell) {
                *entry = Some(column);
            }
            let known = table.cells.get(*cell).filter(|cell| cell.non_negative);
            rooms.push(Room { down: known.map(|cell| cell.value.saturating_neg()), up: None });
        }
        let column = |cell: usize| columns.get(cell).copied().flatten();
        let relations: Vec<Vec<(usize, i32)>> = table
            .relations
            .iter()
            .map(|relation| {
                let total = column(relation.total).map(|column| (column, 1));
                let parts = relation.parts.iter().filter_map(|part| column(*part));
                total.into_iter().chain(parts.map(|column| (column, -1))).collect()
            })
            .collect();
        let equations = Equations::solve(cells.len(), &relations, work)?;
        Ok(Self { cells, columns, equations, rooms })
    }

    pub(super) fn column(&self, cell: usize) -> Option<usize> {
        self.columns.get(cell).copied().flatten()
    }

    /// The rooms, none for the cells the attacker is taken to know as well.
    pub(super) fn rooms_knowing(&self, known: impl Fn(usize) -> bool) -> Vec<Room> {
        let rooms = self.cells.iter().zip(&self.rooms);
        rooms.map(|(cell, room)| if known(*cell) { Room::NONE } else { *room }).collect()
    }

    /// The cells that deviate now, in the order of the columns.
    pub(super) fn deviations(&self) -> Vec<(usize, Fraction)> {
        let deviations = self.cells.iter().enumerate();
        deviations
            .map(|(column, cell)| (*cell, self.equations.deviation(column)))
            .filter(|(_, deviation)| !deviation.is_zero())
            .collect()
    }
}
