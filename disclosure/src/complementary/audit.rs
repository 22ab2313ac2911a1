//! The audit: what an attacker can compute of every suppressed cell.
//!
//! It starts from the pattern alone and shares nothing with the search but the equations' exact
//! arithmetic. `protected` is said only when a completion was found that reaches the level.

use std::collections::BTreeMap;

use super::cell::{CellInput, Interval, Limits, Relation, Unprotectable};
use super::reach::reach;
use super::requirement::{Completion, Requirement};
use super::table::{CheckedTable, Unknowns};
use super::work::{Stop, Work};

/// The feasible interval of every suppressed cell, in the order of the cells, with `protected` for
/// each. A cell suppressed beforehand that isn't suppressed is listed too, as exposed.
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
    let requirements =
        Requirement::of(&table, limits.requirements_max).ok_or(Unprotectable::WorkSpent)?;
    let mut all_hidden = AllHidden { table: &table, unknowns: None };
    // What decides comes first: who is exposed to the public, or to a lone contributor. A completion
    // in which a contributor's own cell keeps its value fools that contributor as well.
    let mut exposed = vec![false; cells.len()];
    let mut evidence: BTreeMap<usize, Vec<Completion>> = BTreeMap::new();
    for requirement in &requirements {
        let known = evidence.entry(requirement.cell).or_default();
        if known.iter().any(|completion| completion.shows(requirement)) {
            continue;
        }
        match holds(requirement, &mut unknowns, &mut all_hidden, &mut work) {
            Ok(Held::Shown(completion)) => known.push(completion),
            Ok(Held::NothingAsked) => {}
            Ok(Held::No) | Err(Stop::WorkSpent | Stop::Overflow) => {
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
        .filter(|(position, cell)| is_hidden(*position) || cell.state.is_hidden())
        .map(|(position, cell)| {
            let protected = is_hidden(position) && !is_exposed(position);
            interval(&mut unknowns, position, cell, protected, &mut work)
        })
        .collect())
}

/// The table with everything suppressed that may be, for the cells that are asked for no more than
/// holds there; made when first needed.
struct AllHidden<'a> {
    table: &'a CheckedTable<'a>,
    unknowns: Option<Unknowns>,
}

enum Held {
    Shown(Completion),
    /// Nothing of it holds even with all hidden.
    NothingAsked,
    No,
}

fn holds(
    requirement: &Requirement,
    unknowns: &mut Unknowns,
    all_hidden: &mut AllHidden<'_>,
    work: &mut Work,
) -> Result<Held, Stop> {
    if let Some(completion) = requirement.shown_by(unknowns, |_| false, work)? {
        return Ok(Held::Shown(completion));
    }
    if requirement.firm {
        return Ok(Held::No);
    }
    let all = match &mut all_hidden.unknowns {
        Some(all) => all,
        none => {
            let table = all_hidden.table;
            none.insert(Unknowns::of(table, table.suppressible(), work)?)
        }
    };
    let Some(lowered) = requirement.as_far_as(all, work)? else { return Ok(Held::NothingAsked) };
    Ok(lowered.shown_by(unknowns, |_| false, work)?.map_or(Held::No, Held::Shown))
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
