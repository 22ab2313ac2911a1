//! The cheapest deviation of a table that gives one cell its protection level.
//!
//! A linear programme: each cell used has a price per unit of deviation, either way. Prices are
//! floating point, for they only steer the search; the deviation found is exact, so a price that is
//! off costs information, never protection.
//!
//! Source: J. P. Kelly, B. L. Golden, A. A. Assad, "Cell suppression: disclosure protection for
//! sensitive tabular data", Networks 22 (1992); M. Fischetti, J. J. Salazar, "Models and algorithms
//! for optimizing cell suppression in tabular data with linear constraints", JASA 95 (2000).

use std::cmp::Ordering;

use super::equations::Equations;
use super::fraction::Fraction;
use super::reach::{Room, length};
use super::work::{Stop, Work};

/// The cell to move, how far, and the price of moving the others.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) column: usize,
    /// Signed deviation to reach, not zero.
    pub(super) deviation: i128,
    pub(super) rooms: &'a [Room],
    /// Price per unit of deviation upward and downward.
    pub(super) prices: &'a [(f64, f64)],
    /// Steps without progress after which the solution is taken as it is. Most cells don't deviate
    /// at all, so the method can rearrange equations for long before it sees that nothing is gained.
    pub(super) stalled_max: usize,
}

/// Steps per column before the search is given up: far more than ever needed.
const STEPS_PER_COLUMN_MAX: usize = 20;
/// Moves the target at least cost from the true table. False when it can't be reached.
pub(super) fn cheapest(
    equations: &mut Equations,
    target: &Target<'_>,
    work: &mut Work,
) -> Result<bool, Stop> {
    equations.reset();
    let mut search = Search::new(equations.columns(), target);
    let steps_max = equations.columns().saturating_mul(STEPS_PER_COLUMN_MAX);
    let mut stalled = 0_usize;
    for steps in 0..steps_max {
        if steps.is_multiple_of(STEPS_BETWEEN_SUMS) {
            search.slopes = search.sum_slopes(equations, work)?;
        }
        let Some(entering) = search.entering(equations) else { break };
        let moved = search.step(equations, entering, work)?;
        stalled = if moved { 0 } else { stalled.saturating_add(1) };
        let patience = if search.arrived { target.stalled_max } else { STALLED_ON_THE_WAY_MAX };
        if patience < stalled {
            break;
        }
        if !search.arrived && equations.solved_by(target.column).is_none() {
            search.arrived = equations.set_to(target.column) == target.deviation;
        }
    }
    let reached = equations.deviation(target.column);
    let goal = Fraction::whole(target.deviation);
    Ok(reached.compare(goal) == Ordering::Equal)
}

/// Steps without progress before the target is reached: the search then falls back to the exact one.
const STALLED_ON_THE_WAY_MAX: usize = 200;
/// Slopes are carried from step to step, and summed afresh now and then so that rounding errors
/// don't pile up.
const STEPS_BETWEEN_SUMS: usize = 50;

struct Search<'a> {
    target: &'a Target<'a>,
    /// The side of zero on which each column's price is read; matters at zero only.
    above: Vec<bool>,
    /// What the columns solved for add to the price when each other column rises by one.
    slopes: Vec<f64>,
    /// Once there, the target stays and the rest is made cheaper.
    arrived: bool,
    /// Gain per unit of the target: above any price of a path.
    reward: f64,
}

#[derive(Debug, Clone, Copy)]
struct Entering {
    column: usize,
    rises: bool,
    slope: f64,
}

#[derive(Debug, Clone, Copy)]
struct Stopper {
    length: Fraction,
    /// The equation whose column stops or bends; none = the entering column itself.
    equation: Option<usize>,
    column: usize,
    at: i128,
    /// What the equation is divided by if it is solved for the entering column: small keeps integers
    /// small.
    divisor: u32,
    /// Change of slope when passed; none = can't be passed.
    bend: Option<f64>,
}

impl<'a> Search<'a> {
    fn new(columns: usize, target: &'a Target<'a>) -> Self {
        let most = target.prices.iter().fold(1.0_f64, |most, (up, down)| most.max(*up).max(*down));
        let mut above = vec![true; columns];
        if let Some(side) = above.get_mut(target.column) {
            *side = 0 < target.deviation;
        }
        Self { target, above, slopes: Vec::new(), arrived: false, reward: most * 1e4 }
    }

    /// The room of a column; the target's is the way to its goal.
    fn room(&self, column: usize) -> Room {
        if column == self.target.column {
            let goal = self.target.deviation;
            return Room { down: Some(goal.min(0)), up: Some(goal.max(0)) };
        }
        self.target.rooms.get(column).copied().unwrap_or(Room::NONE)
    }

    /// Price per unit upward and downward from zero.
    fn prices(&self, column: usize) -> (f64, f64) {
        if column == self.target.column {
            // Toward the goal is a gain, away from it a loss of the same size.
            let gain = if 0 < self.target.deviation { -self.reward } else { self.reward };
            return (gain, -gain);
        }
        self.target.prices.get(column).copied().unwrap_or((0.0, 0.0))
    }

    fn is_above(&self, column: usize) -> bool {
        self.above.get(column).copied().unwrap_or(true)
    }

    /// The price per unit on the side of zero where a column is.
    fn price(&self, column: usize) -> f64 {
        let (up, down) = self.prices(column);
        if self.is_above(column) { up } else { -down }
    }

    fn sum_slopes(&self, equations: &Equations, work: &mut Work) -> Result<Vec<f64>, Stop> {
        let mut slopes = vec![0.0_f64; equations.columns()];
        for equation in &equations.equations {
            let price = self.price(equation.solved_for);
            if price == 0.0 {
                continue;
            }
            work.spend(slopes.len())?;
            let per_unit = price / f64::from(equation.leading());
            for (slope, coefficient) in slopes.iter_mut().zip(&equation.coefficients) {
                *slope -= per_unit * f64::from(*coefficient);
            }
        }
        Ok(slopes)
    }

    /// The column, and its direction, that lowers the price fastest.
    fn entering(&self, equations: &Equations) -> Option<Entering> {
        let mut best: Option<Entering> = None;
        for (column, slope) in self.slopes.iter().enumerate() {
            if equations.solved_by(column).is_some()
                || (self.arrived && column == self.target.column)
            {
                continue;
            }
            let at = equations.set_to(column);
            let (up, down) = self.prices(column);
            let room = self.room(column);
            let rising = slope + if at < 0 { -down } else { up };
            let falling = -slope + if 0 < at { -up } else { down };
            let tolerance = 1e-9 * (1.0 + up.abs() + down.abs() + slope.abs());
            for (rises, slope) in [(true, rising), (false, falling)] {
                let allowed = if rises {
                    room.up.is_none_or(|end| at < end)
                } else {
                    room.down.is_none_or(|end| end < at)
                };
                if allowed && slope < -tolerance && best.is_none_or(|best| slope < best.slope) {
                    best = Some(Entering { column, rises, slope });
                }
            }
        }
        best
    }

    /// Moves a column past every bend that still leaves a gain, and stops at the next. True when the
    /// table moved.
    fn step(
        &mut self,
        equations: &mut Equations,
        entering: Entering,
        work: &mut Work,
    ) -> Result<bool, Stop> {
        // Reading the equations and choosing, in the unit of work.
        let read = equations.equations.len().saturating_mul(8).saturating_add(equations.columns());
        work.spend(read)?;
        let mut stoppers = self.stoppers(equations, entering)?;
        stoppers.sort_by(|left, right| {
            let ties = |stopper: &Stopper| (stopper.divisor, stopper.column);
            left.length.compare(right.length).then_with(|| ties(left).cmp(&ties(right)))
        });
        let mut slope = entering.slope;
        let tolerance = 1e-9 * (1.0 + slope.abs());
        let mut stopped = None;
        for stopper in stoppers {
            match stopper.bend {
                Some(bend) if slope + bend < -tolerance => {
                    slope += bend;
                    self.turn(equations, &stopper, work)?;
                }
                Some(_) | None => {
                    stopped = Some(stopper);
                    break;
                }
            }
        }
        // Prices aren't below zero, so a gain always ends; if rounding says otherwise, stay.
        let Some(stopped) = stopped else { return Err(Stop::Overflow) };
        match stopped.equation {
            Some(index) => {
                let from = equations.set_to(entering.column);
                if let Some(side) = self.above.get_mut(entering.column) {
                    // Still at zero, it is on the side it was heading for; else where it arrives.
                    *side = entering.rises;
                }
                equations.exchange(index, entering.column, stopped.at, work)?;
                let arrives = equations.deviation(entering.column).numerator;
                if let Some(side) = self.above.get_mut(entering.column)
                    && (arrives != 0 || from != 0)
                {
                    *side = 0 < arrives || (arrives == 0 && 0 < from);
                }
                self.carry(equations, index, entering.column);
            }
            None => equations.set(entering.column, stopped.at)?,
        }
        Ok(!stopped.length.is_zero())
    }

    /// A column passes zero: its price is read on the other side from here on.
    fn turn(
        &mut self,
        equations: &Equations,
        stopper: &Stopper,
        work: &mut Work,
    ) -> Result<(), Stop> {
        let before = self.price(stopper.column);
        if let Some(side) = self.above.get_mut(stopper.column) {
            *side = !*side;
        }
        let change = self.price(stopper.column) - before;
        if let Some(equation) = stopper.equation.and_then(|index| equations.equations.get(index)) {
            work.spend(self.slopes.len())?;
            let per_unit = change / f64::from(equation.leading());
            for (slope, coefficient) in self.slopes.iter_mut().zip(&equation.coefficients) {
                *slope -= per_unit * f64::from(*coefficient);
            }
        }
        Ok(())
    }

    /// The slopes after `column` took the place of another in equation `index`.
    fn carry(&mut self, equations: &Equations, index: usize, column: usize) {
        let Some(equation) = equations.equations.get(index) else { return };
        let gain = self.slopes.get(column).copied().unwrap_or(0.0) + self.price(column);
        let per_unit = gain / f64::from(equation.leading());
        for (slope, coefficient) in self.slopes.iter_mut().zip(&equation.coefficients) {
            *slope -= per_unit * f64::from(*coefficient);
        }
    }

    /// Where the slope changes or the move ends, in no order.
    fn stoppers(&self, equations: &Equations, entering: Entering) -> Result<Vec<Stopper>, Stop> {
        let mut stoppers = Vec::new();
        let from = equations.set_to(entering.column);
        let (up, down) = self.prices(entering.column);
        let room = self.room(entering.column);
        let crosses_zero = if entering.rises { from < 0 } else { 0 < from };
        let own = |at: i128, bend: Option<f64>| -> Result<Stopper, Stop> {
            let distance =
                at.checked_sub(from).and_then(i128::checked_abs).ok_or(Stop::Overflow)?;
            let length = Fraction::whole(distance);
            Ok(Stopper { length, equation: None, column: entering.column, at, divisor: 0, bend })
        };
        if crosses_zero {
            stoppers.push(own(0, Some(up + down))?);
        }
        if let Some(end) = if entering.rises { room.up } else { room.down } {
            stoppers.push(own(end, None)?);
        }
        for (index, equation) in equations.equations.iter().enumerate() {
            let coefficient = equation.coefficient(entering.column);
            if coefficient == 0 {
                continue;
            }
            let column = equation.solved_for;
            let rises = (coefficient < 0) == entering.rises;
            let room = self.room(column);
            let mut push = |at: i128, bend: Option<f64>| -> Result<(), Stop> {
                let length = length(equation.right, equation.leading(), coefficient, at)?;
                let equation = Some(index);
                let divisor = coefficient.unsigned_abs();
                stoppers.push(Stopper { length, equation, column, at, divisor, bend });
                Ok(())
            };
            if rises != self.is_above(column) {
                let (up, down) = self.prices(column);
                let rate = f64::from(coefficient.abs()) / f64::from(equation.leading());
                push(0, Some((up + down) * rate))?;
            }
            if let Some(end) = if rises { room.up } else { room.down } {
                push(end, None)?;
            }
        }
        Ok(stoppers)
    }
}
