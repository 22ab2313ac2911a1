//! The decision: which earlier release a new cell is too close to.
//!
//! Pure: it reads a cell and candidates, and nothing else.

use crate::evidence::{Difference, Sketch};

use super::anchor::{FurtherResidues, HalfResidues, Released, Residues, squares};

/// Candidates are anchors whose count differs by less than this.
///
/// Counts can only differ by as much as the sets do, so the largest bound (19.25) would seem
/// enough. But the counts are exact while the estimate is blurred, and a sharp edge would tell:
/// take from an anchor as many known members as the edge allows, and the victim. The count falls
/// beyond the edge if the victim is a member (never snapped), and not if he is none. At twice the
/// bound the estimate has long since settled the matter: of pairs that differ by 40, 1 in 100 000
/// is snapped.
pub const WINDOW: u64 = 40;

/// A cell's bound: an estimate under it is a snap.
///
/// **Drawn, between 7 and 19.25.** With one bound for all, the snap itself would answer: leave out
/// nearly as many known members as the bound allows, and the victim decides between snap and fresh.
/// Spread over 12 units, one person moves the chance of a snap by a twelfth at most. The middle is
/// 13, what the noise can reach (3 + 3 on each of two answers, and one).
///
/// **Drawn from the sketch**, so by a secret of the node and by nothing the analyst can vary: the
/// same people asked for in other words, or in another measure, have the same bound. A draw by the
/// question could be repeated in other words until it comes out low.
///
/// **Smaller for small cells**: between a quarter and eleven sixteenths of the two counts together
/// while they are under 28. Two cells of 10 with nobody in common differ by 20; a bound of 19 would
/// take them for neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Place between the smallest and the largest bound, in 65 536ths.
    drawn: u16,
}

/// The two counts together, as far as the bound follows them. Under 8, a bound under 2 would tell
/// sets apart that differ by one unit.
const COUNTS_LEAST: u64 = 8;
const COUNTS_MOST: u64 = 28;

impl Bound {
    /// The bound of the cell with this sketch.
    #[must_use]
    pub fn of(sketch: &Sketch) -> Self {
        let counters = sketch.counters().iter().map(|counter| u64::from(counter.cast_unsigned()));
        let [low, high, ..] = counters.fold(sketch.n(), stir).to_le_bytes();
        Self { drawn: u16::from_le_bytes([low, high]) }
    }

    /// The bound against an anchor, in 256ths of a unit: `counts` are the units of both together.
    #[must_use]
    pub fn squares(self, counts: u64) -> u32 {
        let counts = u32::try_from(counts.clamp(COUNTS_LEAST, COUNTS_MOST)).unwrap_or(28);
        // From 64 to 176 of 256.
        let share = u32::from(self.drawn).saturating_mul(112).saturating_add(64 << 16);
        counts.saturating_mul(share) >> 16
    }
}

/// Stirs a number into what was stirred so far. One-way enough: what goes in is secret.
const fn stir(so_far: u64, number: u64) -> u64 {
    let mut z = (so_far ^ number).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What to show for a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing released before is close: show the cell's own value. It is now an anchor.
    Fresh,
    /// This question was answered before: show what was shown then.
    ///
    /// Also when the units now differ. The coordinate contains the snapshot, so a changed dataset
    /// has other coordinates; the same coordinate with other units means that data were changed
    /// under a snapshot's name, and the old answer is the one that gives away nothing of the
    /// change.
    Same(Released),
    /// An earlier release is of almost the same units: show its value, as though it were new.
    Snap(Released),
}

/// Names an anchor to those who hold its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorName {
    /// Digest of the canonical question.
    pub coordinate: u128,
    /// Place in the order of release.
    pub order: u64,
}

/// The closest anchor found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Estimated difference, under the cell's [`Bound`].
    pub difference: Difference,
    /// Which anchor.
    pub name: AnchorName,
}

/// An anchor to compare with: the parts of its residues, and its name.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Counters 0 to 31.
    pub first: &'a HalfResidues,
    /// Counters 32 to 63.
    pub second: &'a HalfResidues,
    /// The further counters, if it has them.
    pub further: Option<&'a FurtherResidues>,
    /// Which anchor.
    pub name: &'a AnchorName,
}

/// The anchor with the smallest estimated difference under the bound (in 256ths of a unit), the
/// earliest of equals.
///
/// The result does not depend on the order of the candidates.
#[must_use]
pub fn nearest<'a>(
    cell: &Residues,
    bound: u32,
    candidates: impl Iterator<Item = Candidate<'a>>,
) -> Option<Nearest> {
    let mut best: Option<(u32, AnchorName)> = None;
    let mut most = bound.checked_sub(1)?;
    // From the bound and not from what was found: the result must not depend on the order.
    let limits = Limits::of(bound);
    for candidate in candidates {
        let Some(squares) = squares_up_to(most, limits, cell, &candidate) else { continue };
        let earlier =
            |kept: &(u32, AnchorName)| (kept.0, kept.1.order) < (squares, candidate.name.order);
        if !best.as_ref().is_some_and(earlier) {
            best = Some((squares, *candidate.name));
            most = squares;
        }
    }
    best.map(|(squares, name)| Nearest {
        difference: Difference::from_squares(u64::from(squares)),
        name,
    })
}

/// What the parts of a candidate may come to.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The first 32 counters: an estimate of two and a half bounds.
    first: u32,
    /// The first 64: an estimate of one and three quarters.
    both: u32,
}

impl Limits {
    /// For a bound in 256ths of a unit.
    ///
    /// What is far beyond the bound by some counters is not compared by the others. That is part of
    /// the rule, and keeps a look-up among many small cells quick. It hardly changes a verdict: of
    /// pairs that differ by just the bound, which is a matter of chance anyway, 1 in 5000 is passed
    /// over; of those that differ by four fifths of it, 1 in ten million.
    const fn of(bound: u32) -> Self {
        let sixteenth = bound / 16;
        Self { first: sixteenth.saturating_mul(5), both: sixteenth.saturating_mul(7) }
    }
}

/// The squared differences in 256ths of a unit if they are at most `most`. Gives up as soon as the
/// part that was read is too much, so that of most candidates the rest is never read.
#[inline]
fn squares_up_to(
    most: u32,
    limits: Limits,
    cell: &Residues,
    candidate: &Candidate<'_>,
) -> Option<u32> {
    let within = |sum: u32, limit: u32| (sum <= limit).then_some(sum);
    let first = within(squares(&cell.first, candidate.first), limits.first)?;
    let both = first.saturating_add(squares(&cell.second, candidate.second));
    let both = within(both, limits.both)?;
    match (&cell.further, candidate.further) {
        (Some(mine), Some(theirs)) => within(both.saturating_add(squares(mine, theirs)), most),
        (None, _) | (_, None) => within(both.saturating_mul(4), most),
    }
}

/// The closer of two, the earlier of equals.
#[must_use]
pub fn closer(a: Option<Nearest>, b: Option<Nearest>) -> Option<Nearest> {
    let key = |near: &Nearest| (near.difference, near.name.order);
    match (a, b) {
        (Some(a), Some(b)) => Some(if key(&b) < key(&a) { b } else { a }),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::SignCounts;

    fn at(gap: i8) -> Residues {
        Residues { first: [gap; 32], second: [gap; 32], further: None }
    }

    fn small(gap: i8, further: i8) -> Residues {
        Residues { further: Some([further; 192]), ..at(gap) }
    }

    fn name(order: u64) -> AnchorName {
        AnchorName { coordinate: u128::from(order) + 100, order }
    }

    fn candidate((residues, name): &(Residues, AnchorName)) -> Candidate<'_> {
        let Residues { first, second, further } = residues;
        Candidate { first, second, further: further.as_ref(), name }
    }

    fn choose_for(cell: &Residues, anchors: &[(Residues, AnchorName)]) -> Option<u64> {
        nearest(cell, 13 * 256, anchors.iter().map(candidate)).map(|near| near.name.order)
    }

    fn choose(anchors: &[(Residues, AnchorName)]) -> Option<u64> {
        choose_for(&at(0), anchors)
    }

    #[test]
    fn nothing_released_before_means_nothing_is_near() {
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn an_estimate_of_the_bound_is_not_near_and_one_just_under_is() {
        let mut edge = at(3);
        edge.first[..16].fill(5);
        assert_eq!(at(0).squares(&edge), 4 * (48 * 9 + 16 * 25));
        assert_eq!(choose(&[(edge, name(0))]), None, "an estimate of 13");
        edge.first[0] = 4;
        assert_eq!(choose(&[(edge, name(0))]), Some(0));
    }

    #[test]
    fn two_small_cells_are_compared_by_all_their_counters() {
        let anchors = [(small(4, 3), name(0)), (small(2, 4), name(1))];
        assert_eq!(choose_for(&small(0, 0), &anchors[..1]), Some(0), "16 by 64, 10.75 by all");
        assert_eq!(choose_for(&small(0, 0), &anchors[1..]), None, "4 by 64, 13 by all");
        assert_eq!(choose_for(&small(0, 0), &anchors), Some(0));
    }

    #[test]
    fn a_small_and_a_large_cell_are_compared_by_64_counters() {
        let anchors = [(small(4, 0), name(0)), (small(2, 90), name(1))];
        assert_eq!(choose(&anchors), Some(1));
        assert_eq!(choose_for(&small(0, 0), &[(at(2), name(2)), (at(4), name(3))]), Some(2));
    }

    #[test]
    fn the_smallest_difference_wins_whatever_the_order() {
        let (far, near) = ((at(3), name(0)), (at(1), name(1)));
        assert_eq!(choose(&[far, near]), Some(1));
        assert_eq!(choose(&[near, far]), Some(1));
    }

    #[test]
    fn of_equally_near_anchors_the_earliest_release_wins() {
        let (early, late) = ((at(2), name(3)), (at(-2), name(8)));
        assert_eq!(choose(&[early, late]), Some(3));
        assert_eq!(choose(&[late, early]), Some(3));
        let one = |a: &(Residues, AnchorName)| nearest(&at(0), 3328, [candidate(a)].into_iter());
        assert_eq!(closer(one(&late), one(&early)), one(&early));
        assert_eq!(closer(None, one(&late)), one(&late));
    }

    #[test]
    fn a_bound_is_from_7_to_19_units_and_less_for_small_counts() {
        let (least, most) = (Bound { drawn: 0 }, Bound { drawn: u16::MAX });
        let units = |bound: Bound, counts| f64::from(bound.squares(counts)) / 256.0;
        for (counts, from, to) in [(28, 7.0, 19.25), (u64::MAX, 7.0, 19.25), (20, 5.0, 13.75)] {
            assert!((units(least, counts) - from).abs() < 0.01, "{counts}");
            assert!((units(most, counts) - to).abs() < 0.01, "{counts}");
        }
        assert!(units(least, 0) > 1.0, "one unit is never told apart");
    }

    #[test]
    fn bounds_are_spread_evenly_and_equal_for_equal_sets() {
        let mut twelfths = [0; 12];
        for start in 0..6000_u64 {
            let mut counts = SignCounts::new();
            (0..20).for_each(|unit| counts.add(stir(start, unit)));
            let bound = Bound::of(&counts.to_sketch());
            assert_eq!(bound, Bound::of(&counts.to_sketch()));
            twelfths[usize::from(bound.drawn) * 12 / 65_536] += 1;
        }
        // 500 each, with a standard deviation of 21.
        assert!(twelfths.iter().all(|count| (410..590).contains(count)), "{twelfths:?}");
    }
}
