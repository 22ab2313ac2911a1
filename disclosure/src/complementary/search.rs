//! The search for a cheap pattern.
//!
//! One requirement after another is met by its cheapest deviation, cells suppressed already being
//! free; then cells that aren't needed are published again; then single cells are forbidden and what
//! they served is met anew, as long as that is cheaper.
//!
//! A linear price can't say "the first unit costs all": each solution is priced again so that the
//! cells it used cost exactly their information, and solved once more (slope scaling).
//!
//! Source: Kelly, Golden, Assad (1992), Fischetti and Salazar (2000) as in `cheapest`;
//! D. Kim, P. M. Pardalos, "A solution approach to the fixed charge network flow problem using a
//! dynamic slope scaling procedure", Operations Research Letters 24 (1999).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::cheapest::{Target, cheapest};
use super::pattern::Pattern;
use super::requirement::{Completion, Requirement};
use super::table::{CheckedTable, Unknowns};
use super::work::{Stop, Work};

/// How long to look for the cheapest way to meet one requirement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Solutions per requirement, each priced by the one before.
    rounds_max: usize,
    /// Steps without progress after which a solution is taken as it is.
    stalled_max: usize,
}

impl Effort {
    /// For a first pattern, so that there is one early, in large tables too.
    pub(super) const QUICK: Self = Self { rounds_max: 1, stalled_max: 10 };
    /// For a cheap one.
    pub(super) const CAREFUL: Self = Self { rounds_max: 5, stalled_max: 100 };
}

/// A cell with little room isn't priced at more than this multiple of its cost.
const DEAREST_MULTIPLE: f64 = 1e4;

/// What the search works with; the best pattern is kept by the caller.
pub(super) struct Search<'a> {
    pub(super) table: &'a CheckedTable<'a>,
    pub(super) requirements: &'a [Requirement],
    /// As first solved: small integers.
    fresh: Unknowns,
    unknowns: Unknowns,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        table: &'a CheckedTable<'a>,
        requirements: &'a [Requirement],
        work: &mut Work,
    ) -> Result<Self, Stop> {
        let fresh = Unknowns::of(table, table.suppressible(), work)?;
        let unknowns = fresh.clone();
        Ok(Self { table, requirements, fresh, unknowns })
    }

    /// Meets every requirement of a pattern that isn't shown yet, in the order given, without the
    /// forbidden cell. False when one can't be met.
    pub(super) fn complete(
        &mut self,
        pattern: &mut Pattern,
        order: &[usize],
        forbidden: Option<usize>,
        effort: Effort,
        work: &mut Work,
    ) -> Result<bool, Stop> {
        let open: BTreeSet<usize> = pattern.open().into_iter().collect();
        for index in order.iter().filter(|index| open.contains(index)) {
            let Some(requirement) = self.requirements.get(*index) else { continue };
            work.spend(self.requirements.len())?;
            if pattern.borrow(self.table, *index, requirement) {
                continue;
            }
            match self.meet(pattern, requirement, forbidden, effort, work)? {
                Some(completion) => pattern.add(self.table, *index, Rc::new(completion)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The cheapest completion found for one requirement.
    fn meet(
        &mut self,
        pattern: &Pattern,
        requirement: &Requirement,
        forbidden: Option<usize>,
        effort: Effort,
        work: &mut Work,
    ) -> Result<Option<Completion>, Stop> {
        let Some(column) = self.unknowns.column(requirement.cell) else { return Ok(None) };
        let shut = |cell: usize| requirement.knows == Some(cell) || forbidden == Some(cell);
        let rooms = self.unknowns.rooms_knowing(shut);
        let costs: Vec<f64> = self.costs(pattern);
        let need = approximate(requirement.deviation).abs();
        // Per unit of deviation, in units of the level: a cell with less room than that still costs
        // all of its information.
        let mut prices: Vec<(f64, f64)> = costs
            .iter()
            .zip(&rooms)
            .map(|(cost, room)| (*cost, *cost * multiple(need, room.down)))
            .collect();
        let mut best: Option<(f64, Completion)> = None;
        for _ in 0..effort.rounds_max {
            let target = Target {
                column,
                deviation: requirement.deviation,
                rooms: &rooms,
                prices: &prices,
                stalled_max: effort.stalled_max,
            };
            match cheapest(&mut self.unknowns.equations, &target, work) {
                Ok(true) => {}
                Ok(false) => break,
                Err(Stop::Overflow) => {
                    // Equations combined for long hold large integers: begin anew.
                    self.unknowns = self.fresh.clone();
                    break;
                }
                Err(Stop::WorkSpent) => return Err(Stop::WorkSpent),
            }
            let (cost, changed) = self.price_again(&costs, need, &mut prices);
            let better = best.as_ref().is_none_or(|(least, _)| cost < *least);
            if better {
                best = Some((cost, Completion { deviations: self.unknowns.deviations() }));
            }
            if cost == 0.0 || !changed {
                break;
            }
        }
        match best {
            Some((_, completion)) => Ok(Some(completion)),
            // Exact, where prices have nothing to say: it can't be met, or prices went astray.
            None => requirement.shown_by(&mut self.unknowns, |cell| forbidden == Some(cell), work),
        }
    }

    /// Cost of each column on top of the pattern, the dearest being 1.
    fn costs(&self, pattern: &Pattern) -> Vec<f64> {
        let costs: Vec<f64> = self
            .unknowns
            .cells
            .iter()
            .map(|cell| {
                let free = pattern.complementary.contains(cell);
                if free { 0.0 } else { approximate(i128::from(self.table.cost(*cell))) }
            })
            .collect();
        let dearest = costs.iter().copied().fold(1.0, f64::max);
        costs.into_iter().map(|cost| cost / dearest).collect()
    }

    /// The information the deviations cost; prices follow, and whether any did.
    fn price_again(&self, costs: &[f64], need: f64, prices: &mut [(f64, f64)]) -> (f64, bool) {
        let mut total = 0.0;
        let mut changed = false;
        for (column, (cost, price)) in costs.iter().zip(prices).enumerate() {
            let deviation = self.unknowns.equations.deviation(column);
            if *cost == 0.0 || deviation.is_zero() {
                continue;
            }
            total += cost;
            let units =
                approximate(deviation.numerator) / approximate(i128::from(deviation.denominator));
            let multiple = (need / units.abs()).min(DEAREST_MULTIPLE);
            let side = if 0.0 < units { &mut price.0 } else { &mut price.1 };
            let again = cost * multiple;
            changed |= 1e-6 < (again - *side).abs();
            *side = again;
        }
        (total, changed)
    }
}

/// How many times over a cell's room is needed.
fn multiple(need: f64, room: Option<i128>) -> f64 {
    match room.map(|room| approximate(room).abs()) {
        Some(room) if room < need => (need / room.max(1e-9)).min(DEAREST_MULTIPLE),
        Some(_) | None => 1.0,
    }
}

/// Near enough for a price.
fn approximate(value: i128) -> f64 {
    value as f64
}
