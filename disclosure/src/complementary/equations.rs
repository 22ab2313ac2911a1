//! The relations of a table, solved for some of its cells, in exact integers.
//!
//! An attacker subtracts published cells. What is left are equations in the *deviations* of the
//! suppressed cells: how far a candidate value lies from the true one. They are homogeneous (no
//! deviation at all is the true table), so the simplex method starts from a known solution.
//!
//! The coefficients of published tables are 0, 1 and -1 and stay small integers while equations
//! are combined, so exact arithmetic costs little. Every operation is checked: an overflow ends the
//! computation, and the caller then suppresses more.
//!
//! Source: G. B. Dantzig, *Linear Programming and Extensions* (1963), chapters 7 and 18 (bounded
//! variables); J. Edmonds, "Systems of distinct representatives and linear algebra" (1967) for
//! elimination that stays in integers.

use super::fraction::Fraction;
use super::work::{Stop, Work};

/// One equation, solved for one column.
#[derive(Debug, Clone)]
pub(super) struct Equation {
    /// One per column. The coefficient of `solved_for` is above zero.
    pub(super) coefficients: Vec<i32>,
    /// What the coefficients of the columns not solved for leave: coefficient of `solved_for` times
    /// its deviation.
    pub(super) right: i128,
    /// The column that this equation gives.
    pub(super) solved_for: usize,
}

impl Equation {
    pub(super) fn coefficient(&self, column: usize) -> i32 {
        self.coefficients.get(column).copied().unwrap_or(0)
    }

    /// The coefficient of the column solved for, above zero.
    pub(super) fn leading(&self) -> i32 {
        self.coefficient(self.solved_for)
    }

    fn subtract(&mut self, multiple: i128, of: i32) -> Result<(), Stop> {
        let change = i128::from(of).checked_mul(multiple).ok_or(Stop::Overflow)?;
        self.right = self.right.checked_sub(change).ok_or(Stop::Overflow)?;
        Ok(())
    }
}

/// A system of equations in the deviations of columns `0..columns`.
#[derive(Debug, Clone)]
pub(super) struct Equations {
    pub(super) equations: Vec<Equation>,
    /// For each column the equation solved for it, if any.
    solved_by: Vec<Option<usize>>,
    /// The deviation of each column that no equation is solved for: always an integer.
    set_to: Vec<i128>,
}

impl Equations {
    /// Solves the relations, each a list of (column, coefficient) that adds up to zero.
    pub(super) fn solve(
        columns: usize,
        relations: &[Vec<(usize, i32)>],
        work: &mut Work,
    ) -> Result<Self, Stop> {
        let mut equations = Vec::with_capacity(relations.len());
        for relation in relations {
            work.spend(columns)?;
            let mut coefficients = vec![0_i32; columns];
            for &(column, coefficient) in relation {
                if let Some(entry) = coefficients.get_mut(column) {
                    *entry = entry.checked_add(coefficient).ok_or(Stop::Overflow)?;
                }
            }
            equations.push(Equation { coefficients, right: 0, solved_for: usize::MAX });
        }
        let mut system =
            Self { equations, solved_by: vec![None; columns], set_to: vec![0; columns] };
        for index in 0..relations.len() {
            // A unit coefficient keeps the integers small.
            let chosen = system.equations.get(index).and_then(|equation| {
                let unit = equation.coefficients.iter().position(|c| c.abs() == 1);
                unit.or_else(|| equation.coefficients.iter().position(|c| *c != 0))
            });
            if let Some(column) = chosen {
                system.eliminate(index, column, work)?;
            }
        }
        // An equation without coefficients follows from the others.
        system.equations.retain(|equation| equation.solved_for != usize::MAX);
        for (index, equation) in system.equations.iter().enumerate() {
            if let Some(solved_by) = system.solved_by.get_mut(equation.solved_for) {
                *solved_by = Some(index);
            }
        }
        Ok(system)
    }

    pub(super) fn columns(&self) -> usize {
        self.set_to.len()
    }

    /// Back to the true table: every deviation zero.
    pub(super) fn reset(&mut self) {
        self.set_to.fill(0);
        for equation in &mut self.equations {
            equation.right = 0;
        }
    }

    /// The equation solved for a column.
    pub(super) fn solved_by(&self, column: usize) -> Option<usize> {
        self.solved_by.get(column).copied().flatten()
    }

    /// The deviation a column is set to; meaningful where no equation is solved for it.
    pub(super) fn set_to(&self, column: usize) -> i128 {
        self.set_to.get(column).copied().unwrap_or(0)
    }

    /// The deviation of any column.
    pub(super) fn deviation(&self, column: usize) -> Fraction {
        match self.solved_by(column).and_then(|index| self.equations.get(index)) {
            Some(equation) => Fraction {
                numerator: equation.right,
                denominator: i64::from(equation.leading()).max(1),
            },
            None => Fraction::whole(self.set_to(column)),
        }
    }

    /// Moves a column that no equation is solved for to another deviation.
    pub(super) fn set(&mut self, column: usize, value: i128) -> Result<(), Stop> {
        let change = value.checked_sub(self.set_to(column)).ok_or(Stop::Overflow)?;
        for equation in &mut self.equations {
            let coefficient = equation.coefficient(column);
            if coefficient != 0 {
                equation.subtract(change, coefficient)?;
            }
        }
        if let Some(entry) = self.set_to.get_mut(column) {
            *entry = value;
        }
        Ok(())
    }

    /// Solves equation `index` for `column` instead; the column that it gave is set to `left_at`.
    pub(super) fn exchange(
        &mut self,
        index: usize,
        column: usize,
        left_at: i128,
        work: &mut Work,
    ) -> Result<(), Stop> {
        let Some(leaving) = self.equations.get(index).map(|equation| equation.solved_for) else {
            return Ok(());
        };
        self.set(column, 0)?;
        self.eliminate(index, column, work)?;
        if let Some(entry) = self.solved_by.get_mut(leaving) {
            *entry = None;
        }
        if let Some(entry) = self.solved_by.get_mut(column) {
            *entry = Some(index);
        }
        self.set(leaving, left_at)
    }

    /// Makes `column` occur in equation `index` only.
    fn eliminate(&mut self, index: usize, column: usize, work: &mut Work) -> Result<(), Stop> {
        let Some(source) = self.equations.get_mut(index) else { return Ok(()) };
        if source.coefficient(column) < 0 {
            for entry in &mut source.coefficients {
                *entry = entry.checked_neg().ok_or(Stop::Overflow)?;
            }
            source.right = source.right.checked_neg().ok_or(Stop::Overflow)?;
        }
        source.solved_for = column;
        let source = source.clone();
        let entries: Vec<(usize, i64)> = source
            .coefficients
            .iter()
            .enumerate()
            .filter(|(_, entry)| **entry != 0)
            .map(|(position, entry)| (position, i64::from(*entry)))
            .collect();
        let leading = i64::from(source.leading());
        work.spend(self.columns().saturating_add(self.equations.len()))?;
        for (position, equation) in self.equations.iter_mut().enumerate() {
            let coefficient = i64::from(equation.coefficient(column));
            if position != index && coefficient != 0 {
                work.spend(entries.len())?;
                combine(equation, &source, &entries, leading, coefficient, work)?;
            }
        }
        Ok(())
    }
}

/// `equation * keep - source * take`, with `keep` and `take` chosen so that the column vanishes.
fn combine(
    equation: &mut Equation,
    source: &Equation,
    entries: &[(usize, i64)],
    leading: i64,
    coefficient: i64,
    work: &mut Work,
) -> Result<(), Stop> {
    let shared = greatest_common_divisor(leading, coefficient);
    let keep = leading.checked_div(shared).ok_or(Stop::Overflow)?;
    let take = coefficient.checked_div(shared).ok_or(Stop::Overflow)?;
    let dense = equation.coefficients.len() < entries.len().saturating_mul(DENSE_SHARE);
    if keep == 1 && take.abs() == 1 && dense {
        add_or_subtract(equation, source, take == 1)?;
    } else if keep == 1 {
        for &(position, value) in entries {
            if let Some(entry) = equation.coefficients.get_mut(position) {
                *entry = narrow(i64::from(*entry).saturating_sub(take.saturating_mul(value)))?;
            }
        }
    } else {
        work.spend(equation.coefficients.len())?;
        for (entry, value) in equation.coefficients.iter_mut().zip(&source.coefficients) {
            if *entry != 0 || *value != 0 {
                let kept = i64::from(*entry).saturating_mul(keep);
                *entry = narrow(kept.saturating_sub(take.saturating_mul(i64::from(*value))))?;
            }
        }
        equation.right = equation.right.checked_mul(i128::from(keep)).ok_or(Stop::Overflow)?;
    }
    let change = source.right.checked_mul(i128::from(take)).ok_or(Stop::Overflow)?;
    equation.right = equation.right.checked_sub(change).ok_or(Stop::Overflow)?;
    if keep != 1 {
        lowest_terms(equation);
    }
    Ok(())
}

/// An equation counts as dense when more than one in this many coefficients isn't zero: then it is
/// faster to pass over all of them in order.
const DENSE_SHARE: usize = 6;

/// The most frequent combination by far. The overflow is looked at once, at the end, so that several
/// coefficients are done at a time.
fn add_or_subtract(equation: &mut Equation, source: &Equation, minus: bool) -> Result<(), Stop> {
    let pairs = equation.coefficients.iter_mut().zip(&source.coefficients);
    let mut overflow = false;
    if minus {
        for (entry, value) in pairs {
            let (difference, over) = entry.overflowing_sub(*value);
            *entry = difference;
            overflow |= over;
        }
    } else {
        for (entry, value) in pairs {
            let (sum, over) = entry.overflowing_add(*value);
            *entry = sum;
            overflow |= over;
        }
    }
    if overflow { Err(Stop::Overflow) } else { Ok(()) }
}

/// Divides an equation by what its coefficients share. The right-hand side is a combination of them
/// with integer deviations, so it divides as well.
fn lowest_terms(equation: &mut Equation) {
    let mut shared = 0_u32;
    for entry in equation.coefficients.iter().filter(|entry| **entry != 0) {
        let (mut left, mut right) = (shared, entry.unsigned_abs());
        while left != 0 {
            (left, right) = (right.checked_rem(left).unwrap_or(0), left);
        }
        shared = right;
        if shared == 1 {
            return;
        }
    }
    let Ok(divisor) = i32::try_from(shared) else { return };
    if 1 < divisor {
        for entry in equation.coefficients.iter_mut().filter(|entry| **entry != 0) {
            *entry = entry.checked_div(divisor).unwrap_or(0);
        }
        equation.right = equation.right.checked_div(i128::from(divisor)).unwrap_or(0);
    }
}

fn narrow(value: i64) -> Result<i32, Stop> {
    i32::try_from(value).map_err(|_| Stop::Overflow)
}

fn greatest_common_divisor(left: i64, right: i64) -> i64 {
    let (mut left, mut right) = (left.saturating_abs(), right.saturating_abs());
    while right != 0 {
        (left, right) = (right, left.checked_rem(right).unwrap_or(0));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::super::work::Stop;
    use super::{Equation, add_or_subtract};

    fn equation(coefficients: Vec<i32>) -> Equation {
        Equation { coefficients, right: 0, solved_for: 0 }
    }

    #[test]
    fn a_coefficient_too_large_ends_the_computation() {
        let source = equation(vec![1, i32::MAX, 0]);
        for (start, minus) in [(1, false), (-2, true)] {
            let mut sum = equation(vec![1, start, 1]);
            assert_eq!(add_or_subtract(&mut sum, &source, minus), Err(Stop::Overflow));
        }
        let mut sum = equation(vec![1, 0, 1]);
        assert_eq!(add_or_subtract(&mut sum, &source, false), Ok(()));
    }
}
