//! How far apart two cells are, by the sums of their units' signs.

use crate::evidence::{COUNTERS, FURTHER_COUNTERS, Sketch};

/// A sketch's sums modulo 256: what the guard keeps of it.
///
/// For an estimate under the largest bound (19.25) the squares of 64 counters sum to less than
/// 1232, so no counter differs by more than 35. Such a difference is exact modulo 256, hence no
/// close pair is ever missed. A far pair could look close only if all 64 differences fell within 35
/// of a multiple of 256 at once, and then the guard would snap once too often. A quarter of the
/// bytes on disk, and of the reading. The counters of small cells fit a byte as they are.
///
/// In parts, kept apart in memory: the first settles most pairs, so the others are seldom read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residues {
    /// Counters 0 to 31.
    pub first: HalfResidues,
    /// Counters 32 to 63.
    pub second: HalfResidues,
    /// The further counters, of a cell of at most 48 units.
    pub further: Option<FurtherResidues>,
}

/// Half the residues of the 64 counters that every sketch has.
pub type HalfResidues = [i8; COUNTERS / 2];

/// Residues of the further counters.
pub type FurtherResidues = [i8; FURTHER_COUNTERS];

impl Residues {
    /// The residues of a sketch.
    #[must_use]
    pub fn of(sketch: &Sketch) -> Self {
        let mut low = sketch.counters().iter().copied();
        let mut half = || std::array::from_fn(|_| low.next().unwrap_or(0));
        Self { first: half(), second: half(), further: sketch.further().copied() }
    }

    /// The sum of 256 squared differences, or four times that of 64 where one of the two has no
    /// more. Equals that of whole sums whenever no two differ by more than 127.
    #[must_use]
    pub fn squares(&self, other: &Self) -> u32 {
        let first =
            squares(&self.first, &other.first).saturating_add(squares(&self.second, &other.second));
        match (&self.further, &other.further) {
            (Some(mine), Some(theirs)) => first.saturating_add(squares(mine, theirs)),
            (None, _) | (_, None) => first.saturating_mul(4),
        }
    }
}

/// The squared differences of some residues. At most 192 * 128^2, so nothing wraps; the wrapping
/// operations leave out the checks that would keep the compiler from vector instructions.
#[must_use]
#[inline]
pub fn squares<const N: usize>(a: &[i8; N], b: &[i8; N]) -> u32 {
    let sum = a.iter().zip(b).fold(0_i32, |sum, (a, b)| {
        let gap = i16::from(a.wrapping_sub(*b));
        sum.wrapping_add(i32::from(gap).wrapping_mul(i32::from(gap)))
    });
    sum.cast_unsigned()
}

#[cfg(test)]
#[path = "residues_tests.rs"]
mod tests;
