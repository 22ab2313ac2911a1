//! The decision: which earlier release a new cell is too close to.
//!
//! Pure: it reads a cell and candidates, and nothing else.

use crate::evidence::Sketch;

use super::anchor::{GuardedCell, Released};
use super::residues::{FurtherResidues, HalfResidues, Residues, squares};

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
/// **Three quarters of the draw follow the sketch, smoothly**: the sum of its counters, in its standard deviation, which one
/// unit more or less hardly moves. Were it drawn anew for every set, a cell near its bound and the same cell without the
/// victim would be told apart by one being snapped and the other fresh, one time in two, and never where the victim is in
/// neither: ten such pairs told all.
///
/// **One quarter follows the question**, with the sketch, so that it is secret: for the same people it is another one in
/// other words. So that one cell is snapped and another fresh is no proof that they are of other people. It can't be asked
/// for until it comes out low: the first fresh cell is an anchor, near which all others are snapped.
///
/// **Smaller for small cells**: between a quarter and eleven sixteenths of the two counts together
/// while they are under 28. Two cells of 10 with nobody in common differ by 20; a bound of 19 would
/// take them for neighbours. **Smaller still below the threshold**: a cell of nine repeats what a nearly equal one of ten
/// shows, or whether somebody is the tenth would be told; one of four, never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Place between the smallest and the largest bound, in 65 536ths.
    drawn: u16,
    /// How much of it a cell below the threshold has, in 256ths.
    share: u16,
}

/// The two counts together, as far as the bound follows them. Under 8, a bound under 2 would tell
/// sets apart that differ by one unit.
const COUNTS_LEAST: u64 = 8;
const COUNTS_MOST: u64 = 28;

/// All of a bound.
const WHOLE: u16 = 256;

impl Bound {
    /// The bound of a cell.
    #[must_use]
    pub fn of(cell: &GuardedCell<'_>) -> Self {
        let by_question = unit_interval(stirred(cell.sketch(), cell.coordinate()));
        let drawn = even(0.75 * smooth(cell.sketch()) + 0.25 * by_question);
        // Both are within 0 and 65 535.
        Self { drawn: (drawn * 65_535.0) as u16, share: share(cell.n(), cell.least()) }
    }

    /// The bound against an anchor, in 256ths of a unit: `counts` are the units of both together.
    #[must_use]
    pub fn squares(self, counts: u64) -> u32 {
        let counts = u32::try_from(counts.clamp(COUNTS_LEAST, COUNTS_MOST)).unwrap_or(28);
        // From 64 to 176 of 256.
        let part = u32::from(self.drawn).saturating_mul(112).saturating_add(64 << 16);
        (counts.saturating_mul(part) >> 16).saturating_mul(u32::from(self.share)) >> 8
    }
}

/// Of a cell of `n` units where `least` are shown, in 256ths: all, or as much as it has of these; nothing up to three tenths.
///
/// Slowly less, or where nearness ends one person would decide: with nothing up to six tenths and all of it at the threshold, seven
/// known people near a set of twelve were shown in half of all trials with the victim, and never without. Below four tenths there is
/// nothing that it could be near to.
#[must_use]
pub fn share(n: u64, least: u64) -> u16 {
    if least <= n {
        return WHOLE;
    }
    if n.saturating_mul(10) <= least.saturating_mul(3) {
        return 0;
    }
    let share = n.saturating_mul(u64::from(WHOLE)).checked_div(least);
    share.and_then(|share| u16::try_from(share).ok()).unwrap_or(WHOLE)
}

/// A draw from 0 to 1 that a unit more or less hardly moves: the normal distribution's share below the sum of all counters,
/// which is normal, with as many units as variance times the number of counters.
fn smooth(sketch: &Sketch) -> f64 {
    let deviation = (sketch.counters().len() as f64 * sketch.n().max(1) as f64).sqrt();
    // The logistic distribution, within a hundredth of the normal one.
    1.0 / (1.0 + (-1.702 * sketch.total() as f64 / deviation).exp())
}

/// A number of the sketch and the question, as even as any and as secret as the sketch.
pub(crate) fn stirred(sketch: &Sketch, coordinate: u128) -> u64 {
    let [low, high] = [coordinate as u64, (coordinate >> 64) as u64];
    let (eights, _) = sketch.counters().as_chunks::<8>();
    let counters = eights.iter().map(|eight| u64::from_le_bytes(eight.map(i8::cast_unsigned)));
    counters.chain([low, high]).fold(sketch.n(), stir)
}

/// From 0 to below 1.
fn unit_interval(drawn: u64) -> f64 {
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}

/// What is even from 0 to 1, of a number that is three quarters of one even draw and a quarter of another.
fn even(sum: f64) -> f64 {
    let end = |x: f64| x * x / 0.375;
    let share = if sum < 0.25 {
        end(sum)
    } else if sum < 0.75 {
        (sum - 0.125) / 0.75
    } else {
        1.0 - end(1.0 - sum)
    };
    share.clamp(0.0, 1.0)
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
    /// What it stands for.
    pub standing: Standing,
}

/// What a kept cell stands for, and so how near is nearly equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A release of its own.
    Released,
    /// Suppressed, although another draw might have shown it.
    Withheld,
    /// It repeats another. What is nearly equal to it repeats the same; or it could be told by that whom they differ by.
    Echo {
        /// How much further what repeats the same may be, in 256ths of a unit.
        left: u32,
    },
}

impl Standing {
    /// Of a cell that is near to none, of which this was shown.
    #[must_use]
    pub const fn of(released: &Released) -> Self {
        if released.is_withheld() { Self::Withheld } else { Self::Released }
    }

    /// Estimates under this are near, for a bound; in 256ths of a unit.
    ///
    /// Half of the bound around what was withheld: a whole isn't withheld because a half of it was. All of it around an echo, but
    /// no further than is left; and the same units, always.
    const fn limit(self, bound: u32) -> u32 {
        match self {
            Self::Released => bound,
            Self::Withheld => bound.div_ceil(2),
            Self::Echo { left } if bound < left => bound,
            Self::Echo { left: 0 } => 1,
            Self::Echo { left } => left,
        }
    }

    /// How much is left around what repeats this within a limit and differs by so much: one and a half limits are the end.
    /// Otherwise a long row of sets, each with one person more, would all show the first's value.
    const fn left(self, limit: u32, squares: u32) -> u32 {
        match self {
            Self::Released | Self::Withheld => {
                limit.saturating_add(limit.div_ceil(2)).saturating_sub(squares)
            }
            Self::Echo { left } => left.saturating_sub(squares),
        }
    }
}

/// The closest anchor found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Estimated difference, in 256ths of a unit, under the cell's [`Bound`].
    pub squares: u32,
    /// Which anchor.
    pub name: AnchorName,
    /// How much further what repeats the same may be, in 256ths of a unit.
    pub left: u32,
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

/// The kept cell with the smallest estimated difference under its [limit](Standing) for the bound (in 256ths of a unit), the
/// earliest of equals.
///
/// The result does not depend on the order of the candidates.
#[must_use]
pub fn nearest<'a>(
    cell: &Residues,
    bound: u32,
    candidates: impl Iterator<Item = Candidate<'a>>,
) -> Option<Nearest> {
    let mut best: Option<(u32, AnchorName, u32)> = None;
    // Of those found so far; none is that far.
    let mut most = u32::MAX;
    for candidate in candidates {
        let limit = candidate.name.standing.limit(bound);
        let Some(within) = limit.checked_sub(1) else { continue };
        // From the limit and not from what was found: the result must not depend on the order.
        let limits = Limits::of(limit);
        let found = squares_up_to(most.min(within), limits, cell, &candidate);
        let Some(squares) = found else { continue };
        let earlier = |kept: &(u32, AnchorName, u32)| {
            (kept.0, kept.1.order) < (squares, candidate.name.order)
        };
        if !best.as_ref().is_some_and(earlier) {
            let left = candidate.name.standing.left(limit, squares);
            best = Some((squares, *candidate.name, left));
            most = squares;
        }
    }
    best.map(|(squares, name, left)| Nearest { squares, name, left })
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
    let key = |near: &Nearest| (near.squares, near.name.order);
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
        AnchorName { coordinate: u128::from(order) + 100, order, standing: Standing::Released }
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
        let of = |drawn| Bound { drawn, share: WHOLE };
        let (least, most) = (of(0), of(u16::MAX));
        let units = |bound: Bound, counts| f64::from(bound.squares(counts)) / 256.0;
        for (counts, from, to) in [(28, 7.0, 19.25), (u64::MAX, 7.0, 19.25), (20, 5.0, 13.75)] {
            assert!((units(least, counts) - from).abs() < 0.01, "{counts}");
            assert!((units(most, counts) - to).abs() < 0.01, "{counts}");
        }
        assert!(units(least, 0) > 1.0, "one unit is never told apart");
    }

    /// A set of so many units, asked about in some words.
    fn set(units: std::ops::Range<u64>, seed: u64, coordinate: u128) -> GuardedCell<'static> {
        let mut counts = SignCounts::new();
        let n = units.end - units.start;
        // Mixed before: of neighbouring seeds the units would be the same, in another order.
        units.for_each(|unit| counts.add(stir(stir(seed, 0), unit)));
        GuardedCell::new(1, coordinate, n, counts.to_sketch(), Released::withheld()).unwrap()
    }

    #[test]
    fn bounds_are_spread_evenly_and_equal_for_equal_sets_in_equal_words() {
        let mut twelfths = [0; 12];
        for seed in 0..6000_u64 {
            let bound = Bound::of(&set(0..20, seed, 5));
            assert_eq!(bound, Bound::of(&set(0..20, seed, 5)));
            twelfths[usize::from(bound.drawn) * 12 / 65_536] += 1;
        }
        // 500 each, with a standard deviation of 21.
        assert!(twelfths.iter().all(|count| (410..590).contains(count)), "{twelfths:?}");
    }

    #[test]
    fn a_unit_or_the_words_move_a_bound_by_a_little() {
        let apart = |one: GuardedCell<'_>, other: GuardedCell<'_>| {
            f64::from(Bound::of(&one).drawn.abs_diff(Bound::of(&other).drawn)) / 65_536.0
        };
        for (n, by_unit) in [(15, 0.16), (100, 0.14), (1_000, 0.13)] {
            let seeds = || 0..400_u64;
            let unit: f64 = seeds().map(|s| apart(set(0..n, s, 5), set(1..n, s, 5))).sum();
            let words: f64 = seeds().map(|s| apart(set(0..n, s, 5), set(0..n, s, 6))).sum();
            // A third of the width would be by chance.
            assert!(unit / 400.0 < by_unit && words / 400.0 < 0.12, "{n}: {unit} {words}");
            assert!(10.0 < words, "{words}");
        }
    }

    #[test]
    fn below_the_threshold_a_bound_is_smaller_and_there_is_none_from_three_tenths_of_it() {
        let shares = [0, 3, 4, 5, 7, 9, 10, 40].map(|n| share(n, 10));
        assert_eq!(shares, [0, 0, 102, 128, 179, 230, 256, 256]);
        assert_eq!((share(0, 0), share(3, 0), share(u64::MAX, 10)), (256, 256, 256));
    }
}
