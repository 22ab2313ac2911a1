//! The audit: what an attacker can compute of every suppressed cell.
//!
//! It starts from the pattern alone and shares nothing with the search but the equations' exact
//! arithmetic. `protected` is said only when a completion was found that reaches the level.

use std::collections::BTreeMap;

use super::cell::{CellInput, CellState, Interval, Limits, Relation, Unprotectable};
use super::reach::reach;
use super::requirement::{Completion, Requirement};
use super::table::{CheckedTable, Unknowns};
use super::work::Work;

/// The feasible interval of every suppressed cell, in the order of the cells, with `protected` for
/// each. A primary cell that isn't suppressed is listed too, as exposed.
///
/// # Errors
///
/// [`Unprotectable::Inconsistent`] and [`Unprotectable::TooLarge`] for tables it can't read;
/// [`Unprotectable::WorkSpent`] when the relations alone exceed the limit.
pub fn audit(
    cells: &[CellInput],
    relations: &[Relation],
    suppressed: &[bool],
    limits: &Limits,
) -> Result<Vec<Interval>, Unprotectable> {
    let table = CheckedTable::check(cells, relations, limits.cells_max)?;
    if suppressed.len() != cells.len() {
        return Err(Unprotectable::Inconsistent("one flag per cell is needed"));
    }
    let mut work = Work::new(limits.audit_work_max);
    let is_hidden = |cell: usize| suppressed.get(cell).copied().unwrap_or(false);
    let hidden = (0..cells.len()).filter(|cell| is_hidden(*cell)).collect();
    let mut unknowns =
        Unknowns::of(&table, hidden, &mut work).map_err(|_| Unprotectable::WorkSpent)?;
    let requirements = Requirement::of(&table);
    // What decides comes first: who is exposed to the public, or to a lone contributor. A completion
    // in which a contributor's own cell keeps its value fools that contributor as well.
    let mut exposed = vec![false; cells.len()];
    let mut evidence: BTreeMap<usize, Vec<Completion>> = BTreeMap::new();
    for requirement in &requirements {
        let known = evidence.entry(requirement.cell).or_default();
        if known.iter().any(|completion| completion.shows(requirement)) {
            continue;
        }
        let shown = requirement.shown_by(&mut unknowns, |_| false, &mut work);
        match shown {
            Ok(Some(completion)) => known.push(completion),
            Ok(None) | Err(_) => {
                if let Some(exposed) = exposed.get_mut(requirement.cell) {
                    *exposed = true;
                }
            }
        }
    }
    unknowns.equations.reset();
    let is_exposed = |cell: usize| exposed.get(cell).copied().unwrap_or(true);
    Ok(cells
        .iter()
        .enumerate()
        .filter(|(position, cell)| is_hidden(*position) || cell.state == CellState::Primary)
        .map(|(position, cell)| {
            let protected = is_hidden(position) && !is_exposed(position);
            interval(&mut unknowns, position, cell, protected, &mut work)
        })
        .collect())
}

/// What the public learns of one cell.
fn interval(
    unknowns: &mut Unknowns,
    position: usize,
    cell: &CellInput,
    protected: bool,
    work: &mut Work,
) -> Interval {
    let Some(column) = unknowns.column(position) else {
        let value = Some(cell.value);
        return Interval { cell: position, low: value, high: value, complete: true, protected };
    };
    let rooms = unknowns.rooms_knowing(|_| false);
    let up = reach(&mut unknowns.equations, &rooms, column, true, work);
    let down = reach(&mut unknowns.equations, &rooms, column, false, work);
    Interval {
        cell: position,
        low: down.deviation.map(|deviation| cell.value.saturating_add(deviation.ceil())),
        high: up.deviation.map(|deviation| cell.value.saturating_add(deviation.floor())),
        complete: up.furthest && down.furthest,
        protected,
    }
}
