//! How far the value of one suppressed cell can lie from the truth, as an attacker sees it.
//!
//! The primal simplex method with bounded variables, in exact integers: no tolerance, so "reaches
//! its protection level" means just that. Each step keeps a completion of the table that agrees with
//! everything published; if the work runs out, what the last whole step reached is still possible.
//!
//! Source: G. B. Dantzig, *Linear Programming and Extensions* (1963), chapter 18; R. G. Bland, "New
//! finite pivoting rules for the simplex method" (1977), which is why it always ends.

use std::cmp::Ordering;

use super::equations::Equations;
use super::fraction::Fraction;
use super::work::{Stop, Work};

/// How far a deviation may go: `down <= 0 <= up`, none = without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) down: Option<i128>,
    pub(super) up: Option<i128>,
}

impl Room {
    /// The attacker knows the value.
    pub(super) const NONE: Self = Self { down: Some(0), up: Some(0) };

    fn allows(self, value: i128, upward: bool) -> bool {
        if upward {
            self.up.is_none_or(|up| value < up)
        } else {
            self.down.is_none_or(|down| down < value)
        }
    }
}

/// Steps without progress after which Bland's rule takes over.
const STALLED_MAX: usize = 30;

/// How far one search came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    /// The deviation reached; none = any.
    pub(super) deviation: Option<Fraction>,
    /// That it can't go further. False when the work ran out.
    pub(super) furthest: bool,
}

/// Moves `column` as far up (or down) as the equations and rooms allow, from where they stand.
pub(super) fn reach(
    equations: &mut Equations,
    rooms: &[Room],
    column: usize,
    upward: bool,
    work: &mut Work,
) -> Reached {
    if work.spend(1).is_err() {
        // Work that ended once may have left equations half combined: nothing is read off them.
        return Reached { deviation: Some(Fraction::whole(0)), furthest: false };
    }
    let mut stalled = 0_usize;
    loop {
        let careful = stalled > STALLED_MAX;
        let Some((entering, rises)) = entering(equations, rooms, column, upward, careful) else {
            return Reached { deviation: Some(equations.deviation(column)), furthest: true };
        };
        let so_far = Reached { deviation: Some(equations.deviation(column)), furthest: false };
        if work.spend(equations.columns()).is_err() {
            work.end();
            return so_far;
        }
        match step(equations, rooms, entering, rises, careful, work) {
            Ok(Some(Progress::Moved)) => stalled = 0,
            Ok(Some(Progress::Stalled)) => stalled = stalled.saturating_add(1),
            Ok(None) => return Reached { deviation: None, furthest: true },
            // The equations may be half combined now; what the last whole step reached stays true.
            Err(Stop::WorkSpent | Stop::Overflow) => {
                work.end();
                return so_far;
            }
        }
    }
}

/// The column to move, and whether up, so that `column` comes further.
fn entering(
    equations: &Equations,
    rooms: &[Room],
    column: usize,
    upward: bool,
    careful: bool,
) -> Option<(usize, bool)> {
    let room = |candidate: usize| rooms.get(candidate).copied().unwrap_or(Room::NONE);
    let Some(equation) = equations.solved_by(column).and_then(|i| equations.equations.get(i))
    else {
        return room(column).allows(equations.set_to(column), upward).then_some((column, upward));
    };
    let mut best: Option<(usize, bool, u32)> = None;
    for (candidate, &coefficient) in equation.coefficients.iter().enumerate() {
        if coefficient == 0 || candidate == column {
            continue;
        }
        let rises = (coefficient < 0) == upward;
        let size = coefficient.unsigned_abs();
        if best.is_none_or(|(_, _, most)| size > most)
            && room(candidate).allows(equations.set_to(candidate), rises)
        {
            best = Some((candidate, rises, size));
            if careful {
                break;
            }
        }
    }
    best.map(|(candidate, rises, _)| (candidate, rises))
}

enum Progress {
    Moved,
    Stalled,
}

/// Moves one column until something stops it; none when nothing ever does.
fn step(
    equations: &mut Equations,
    rooms: &[Room],
    entering: usize,
    rises: bool,
    careful: bool,
    work: &mut Work,
) -> Result<Option<Progress>, Stop> {
    let own = rooms.get(entering).copied().unwrap_or(Room::NONE);
    let from = equations.set_to(entering);
    let own_end = if rises { own.up } else { own.down };
    let mut first: Option<Block> = match own_end {
        Some(end) => {
            let length = end.checked_sub(from).ok_or(Stop::Overflow)?;
            let length = Fraction::whole(length.checked_abs().ok_or(Stop::Overflow)?);
            Some(Block { length, equation: None, end, rank: (0, entering) })
        }
        None => None,
    };
    for (index, equation) in equations.equations.iter().enumerate() {
        let coefficient = equation.coefficient(entering);
        if coefficient == 0 {
            continue;
        }
        let room = rooms.get(equation.solved_for).copied().unwrap_or(Room::NONE);
        let solved_rises = (coefficient < 0) == rises;
        let Some(end) = (if solved_rises { room.up } else { room.down }) else { continue };
        let length = length(equation.right, equation.leading(), coefficient, end)?;
        // A small divisor keeps the integers small; Bland's rule looks at the column alone.
        let divisor = if careful { 0 } else { coefficient.unsigned_abs() };
        let rank = (divisor, equation.solved_for);
        let block = Block { length, equation: Some(index), end, rank };
        let earlier =
            first.is_none_or(|block_first| match block.length.compare(block_first.length) {
                Ordering::Less => true,
                Ordering::Equal => block.rank < block_first.rank,
                Ordering::Greater => false,
            });
        if earlier {
            first = Some(block);
        }
    }
    let Some(block) = first else { return Ok(None) };
    match block.equation {
        Some(index) => equations.exchange(index, entering, block.end, work)?,
        None => equations.set(entering, block.end)?,
    }
    Ok(Some(if block.length.is_zero() { Progress::Stalled } else { Progress::Moved }))
}

#[derive(Debug, Clone, Copy)]
struct Block {
    length: Fraction,
    equation: Option<usize>,
    end: i128,
    /// Order among blocks met at the same length.
    rank: (u32, usize),
}

/// The step after which the column an equation is solved for arrives at `end`.
pub(super) fn length(
    right: i128,
    leading: i32,
    coefficient: i32,
    end: i128,
) -> Result<Fraction, Stop> {
    let there = end.checked_mul(i128::from(leading)).ok_or(Stop::Overflow)?;
    let distance = there.checked_sub(right).and_then(i128::checked_abs).ok_or(Stop::Overflow)?;
    Ok(Fraction { numerator: distance, denominator: i64::from(coefficient.unsigned_abs()) })
}
