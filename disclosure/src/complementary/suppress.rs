//! Complementary suppression of one table.
//!
//! Suppression is NP-hard to do at least cost, so this is a heuristic with a bound on its work; what
//! it returns has passed the audit.

use std::collections::BTreeSet;

use super::audit::audit;
use super::cell::{CellInput, Limits, Relation, Unprotectable};
use super::pattern::Pattern;
use super::requirement::Requirement;
use super::search::{Effort, Search};
use super::table::{CheckedTable, Unknowns};
use super::work::{Stop, Work};

/// Patterns built from the beginning, each in another order.
const STARTS_MAX: u64 = 16;

/// Which cells to suppress, primary ones included: one flag per cell.
///
/// The same input gives the same answer on every machine, and every answer passes [`audit`] with the
/// same limits. Margins are cells like any other and are suppressed where nothing else protects.
///
/// # Errors
///
/// [`Unprotectable`]: then nothing of the table may be published.
pub fn suppress(
    cells: &[CellInput],
    relations: &[Relation],
    limits: &Limits,
) -> Result<Vec<bool>, Unprotectable> {
    let table = CheckedTable::check(cells, relations, limits.cells_max)?;
    let mut requirements =
        Requirement::of(&table, limits.requirements_max).ok_or(Unprotectable::WorkSpent)?;
    let mut work = Work::new(limits.search_work_max);
    let mut best = None;
    match search(&table, &requirements, &mut work) {
        Ok(Found::Pattern(found)) => best = found,
        Ok(Found::Exposed(exposed)) => {
            lower(&table, &mut requirements, &exposed, &mut work)?;
            if let Ok(Found::Pattern(found)) = search(&table, &requirements, &mut work) {
                best = found;
            }
        }
        // Out of work before any pattern was complete.
        Err(Stop::WorkSpent | Stop::Overflow) => {}
    }
    if let Some(pattern) = best {
        let chosen = flags(&table, &pattern.complementary);
        if passes(cells, relations, &chosen, limits)? {
            return Ok(chosen);
        }
    }
    // Hide all that may be hidden, if that is safe.
    let everything = flags(&table, &table.suppressible().into_iter().collect());
    if passes(cells, relations, &everything, limits)? {
        return Ok(everything);
    }
    Err(Unprotectable::WorkSpent)
}

fn passes(
    cells: &[CellInput],
    relations: &[Relation],
    chosen: &[bool],
    limits: &Limits,
) -> Result<bool, Unprotectable> {
    let intervals = audit(cells, relations, chosen, limits)?;
    Ok(intervals.iter().all(|interval| interval.protected))
}

fn flags(table: &CheckedTable<'_>, complementary: &BTreeSet<usize>) -> Vec<bool> {
    let cells = table.cells.iter().enumerate();
    cells
        .map(|(position, cell)| cell.state.is_hidden() || complementary.contains(&position))
        .collect()
}

/// How a search ended.
enum Found {
    /// The best complete pattern within the work allowed; none if there was none in time.
    Pattern(Option<Pattern>),
    /// These requirements, by position, don't hold even when all that may be hidden is.
    Exposed(Vec<usize>),
}

fn search(
    table: &CheckedTable<'_>,
    requirements: &[Requirement],
    work: &mut Work,
) -> Result<Found, Stop> {
    let mut search = Search::new(table, requirements, work)?;
    let mut best: Option<Pattern> = None;
    for start in 0..STARTS_MAX {
        let order = order(requirements, start);
        let effort = if start == 0 { Effort::QUICK } else { Effort::CAREFUL };
        match attempt(&mut search, &order, effort, &mut best, work) {
            Ok(true) => {}
            Ok(false) => {
                let exposed = exposed(table, requirements, work)?;
                return Ok(if exposed.is_empty() {
                    Found::Pattern(best)
                } else {
                    Found::Exposed(exposed)
                });
            }
            // Out of work: the last complete pattern stays.
            Err(Stop::WorkSpent | Stop::Overflow) => break,
        }
        if best.as_ref().is_some_and(|best| best.complementary.is_empty()) {
            break;
        }
    }
    Ok(Found::Pattern(best))
}

/// One pattern from the beginning; kept where it is cheaper. False when there is none.
fn attempt(
    search: &mut Search<'_>,
    order: &[usize],
    effort: Effort,
    best: &mut Option<Pattern>,
    work: &mut Work,
) -> Result<bool, Stop> {
    let mut pattern = Pattern::primary(search.requirements.len());
    if !search.complete(&mut pattern, order, None, effort, work)? {
        return Ok(false);
    }
    keep_cheaper(search.table, best, &pattern);
    pattern.prune(search.table, search.requirements, work)?;
    keep_cheaper(search.table, best, &pattern);
    let improved = improve(search, &mut pattern, order, effort, work);
    keep_cheaper(search.table, best, &pattern);
    improved.map(|()| true)
}

fn keep_cheaper(table: &CheckedTable<'_>, best: &mut Option<Pattern>, pattern: &Pattern) {
    if best.as_ref().is_none_or(|best| pattern.cost(table) < best.cost(table)) {
        *best = Some(pattern.clone());
    }
}

/// The order in which requirements are met: large levels first, small levels first, then shuffled;
/// the public's always before those of lone contributors.
fn order(requirements: &[Requirement], start: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..requirements.len()).collect();
    order.sort_by_cached_key(|index| {
        requirements.get(*index).map(|requirement| {
            let level = requirement.deviation.unsigned_abs();
            let place = match start {
                0 | 1 => u128::MAX.saturating_sub(level),
                2 => level,
                // Both levels of a cell stay together.
                3.. => u128::from(shuffled(start, requirement.cell)),
            };
            (requirement.knows, place, requirement.cell)
        })
    });
    order
}

/// A number that looks random and is the same everywhere (the finaliser of SplitMix64: Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn shuffled(start: u64, cell: usize) -> u64 {
    let cell = u64::try_from(cell).unwrap_or(u64::MAX);
    let mut z = start.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(cell);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Forbids one complementary cell at a time, dearest first, and meets what it served anew; keeps
/// what is cheaper until nothing is.
fn improve(
    search: &mut Search<'_>,
    best: &mut Pattern,
    order: &[usize],
    effort: Effort,
    work: &mut Work,
) -> Result<(), Stop> {
    loop {
        let before = best.cost(search.table);
        let mut dearest: Vec<usize> = best.complementary.iter().copied().collect();
        dearest.sort_by_key(|cell| (std::cmp::Reverse(search.table.cost(*cell)), *cell));
        for cell in dearest {
            if !best.complementary.contains(&cell) {
                continue;
            }
            let mut trial = best.without(&[cell]);
            if !search.complete(&mut trial, order, Some(cell), effort, work)? {
                continue;
            }
            trial.prune(search.table, search.requirements, work)?;
            if trial.cost(search.table) < best.cost(search.table) {
                *best = trial;
            }
        }
        if before <= best.cost(search.table) {
            return Ok(());
        }
    }
}

/// Requirements that don't hold even when all that may be hidden is.
fn exposed(
    table: &CheckedTable<'_>,
    requirements: &[Requirement],
    work: &mut Work,
) -> Result<Vec<usize>, Stop> {
    let mut unknowns = Unknowns::of(table, table.suppressible(), work)?;
    let mut exposed = Vec::new();
    for (index, requirement) in requirements.iter().enumerate() {
        if requirement.shown_by(&mut unknowns, |_| false, work)?.is_none() {
            exposed.push(index);
        }
    }
    Ok(exposed)
}

/// Asks of cells decided before no more than they have with all hidden that may be. A primary cell
/// among the exposed makes the table unprotectable.
fn lower(
    table: &CheckedTable<'_>,
    requirements: &mut Vec<Requirement>,
    exposed: &[usize],
    work: &mut Work,
) -> Result<(), Unprotectable> {
    let of = |index: &usize| requirements.get(*index).filter(|requirement| requirement.firm);
    let cells: BTreeSet<usize> = exposed.iter().filter_map(of).map(|r| r.cell).collect();
    if !cells.is_empty() {
        return Err(Unprotectable::NoRoom { cells: cells.into_iter().collect() });
    }
    let mut lowered = || -> Result<Vec<Requirement>, Stop> {
        let mut unknowns = Unknowns::of(table, table.suppressible(), work)?;
        let mut lowered = Vec::with_capacity(requirements.len());
        let exposed: BTreeSet<usize> = exposed.iter().copied().collect();
        for (index, requirement) in requirements.iter().enumerate() {
            if exposed.contains(&index) {
                lowered.extend(requirement.as_far_as(&mut unknowns, work)?);
            } else {
                lowered.push(*requirement);
            }
        }
        Ok(lowered)
    };
    // Out of work: they stay as they are, and the search for them ends at once.
    if let Ok(lowered) = lowered() {
        *requirements = lowered;
    }
    Ok(())
}
