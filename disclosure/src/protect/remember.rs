//! The difference guard over a table: what was shown before is shown again, and what is shown now is remembered.
//!
//! Counts come first, then totals, then squares and products, since what is remembered of the one depends on what is shown
//! of the other.
//!
//! **A mean is of one group, and right.** All counts of people are one scope of the guard: the count of values, beside
//! all rows' count, repeats that, or their difference would tell how many have none. A total by *that* count is no mean. So
//! where means of a column are asked for and no total of it, the total that is remembered is the mean by
//! the shown count: the [`lattice`](super::lattice) brings it there from the people's own count, which nobody is
//! shown. Where the total is asked for, it is shown as it is, and the mean is that by the shown count: total, mean and the
//! people's own count are one equation. Whichever is first is remembered, and the other follows from it.
//!
//! Squares and products are only shown about means, and always brought to the shown count.

use super::figure::{self, Figure, ShownFigure, alone};
use super::lattice::Lattice;
use super::moments::about_means;
use super::{Keyed, PartRules, Shown};
use crate::admit::Admitted;
use crate::evidence::{Cell, PartEvidence};
use crate::guard::{GuardError, GuardedCell, Judge, Verdict};
use crate::policy::Noise;
use crate::rules::guard::{Guarded, drawn_of, of_rows};
use crate::table::CellStatus;
use crate::tabulation::{KeySet, MeasureKind, Part, PartKind, Tabulation};

/// Lets the guard see every value that would be shown, and what is suppressed by a draw; and shows what was shown earlier, or
/// nothing, where it says so.
pub(super) fn remember(
    admitted: &Admitted<Tabulation>,
    rules: &[PartRules<'_>],
    cells: &[Keyed],
    own: &[Vec<Shown>],
    snapshot: u64,
    judge: &mut Judge<'_>,
) -> Result<Vec<Vec<ShownFigure>>, GuardError> {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let guarded =
        rules.iter().map(|r| Guarded::of(tabulation, r.part, r.counts(), dataset, snapshot));
    let guarded: Vec<Guarded<'_>> = guarded.collect();
    let mut release = Remembering { rules, guarded: &guarded, cells, figures: alone(own) };
    let made: Vec<Made> = rules.iter().map(|r| Made::of(r, rules, tabulation)).collect();
    let sets = tabulation.key_sets();
    for stage in [Stage::Counts, Stage::Totals, Stage::Products] {
        let of_stage = made.iter().enumerate().filter(|(_, made)| made.stage() == stage);
        let parts: Vec<usize> = of_stage.map(|(p, _)| p).collect();
        for (p, made) in parts.iter().zip(made.iter().filter(|made| made.stage() == stage)) {
            release.make(*p, made, own);
        }
        release.judge_stage(&sets, &parts, judge)?;
    }
    release.spread_of_ones(&made);
    Ok(release.figures)
}

/// How the guard sees a cell and its part's Evidence, of which this would be shown; `None` if it doesn't.
type Seen<'s> = &'s dyn for<'e> Fn(
    &Guarded<'_>,
    &Cell,
    &'e PartEvidence,
    ShownFigure,
) -> Result<Option<GuardedCell<'e>>, GuardError>;

/// What comes after what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Counts,
    Totals,
    Products,
}

/// What a part's figure is made of, besides its own number: the same for every cell. By the places of other parts.
#[derive(Debug, Clone, Copy)]
enum Made {
    Count,
    Total {
        count: Option<usize>,
        /// Whether the question asks for totals of the column, and not only for means.
        is_asked: bool,
    },
    AboutMeans {
        of: Option<[usize; 3]>,
    },
}

impl Made {
    fn of(rules: &PartRules<'_>, all: &[PartRules<'_>], tabulation: &Tabulation) -> Self {
        let part = rules.part;
        let place = |wanted: &Part<'_>| all.iter().position(|of| of.part == wanted);
        let count = part.within().and_then(|count| place(&count));
        let deviations = |argument, beside| {
            let kind = PartKind::Deviations;
            place(&Part { kind, argument, beside, filter: part.filter.clone(), parameters: 0 })
        };
        match part.kind {
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => Self::Count,
            PartKind::Sum | PartKind::Deviations => {
                let column = part.argument.map(of_rows);
                let is_asked = tabulation.measures.iter().any(|measure| match &measure.kind {
                    MeasureKind::Sum(x) => Some(of_rows(x)) == column,
                    MeasureKind::Rows
                    | MeasureKind::Values(_)
                    | MeasureKind::Units
                    | MeasureKind::ApproxDistinct(_)
                    | MeasureKind::Mean(_)
                    | MeasureKind::Histogram(_)
                    | MeasureKind::Quantile { .. }
                    | MeasureKind::Dispersion(..)
                    | MeasureKind::Association(..) => false,
                });
                Self::Total { count, is_asked }
            }
            PartKind::Squares => {
                let x = deviations(part.argument, part.beside);
                Self::AboutMeans { of: count.zip(x).map(|(count, x)| [count, x, x]) }
            }
            PartKind::Products => {
                let x = deviations(part.argument, part.beside);
                let y = deviations(part.beside, part.argument);
                let of = count.zip(x).zip(y).map(|((count, x), y)| [count, x, y]);
                Self::AboutMeans { of }
            }
        }
    }

    const fn stage(&self) -> Stage {
        match self {
            Self::Count => Stage::Counts,
            Self::Total { .. } => Stage::Totals,
            Self::AboutMeans { .. } => Stage::Products,
        }
    }
}

/// A table on its way through the guard.
struct Remembering<'r> {
    rules: &'r [PartRules<'r>],
    guarded: &'r [Guarded<'r>],
    cells: &'r [Keyed],
    /// What is shown so far.
    figures: Vec<Vec<ShownFigure>>,
}

impl Remembering<'_> {
    /// The figures of a part that would be shown of cells that are near to none.
    fn make(&mut self, p: usize, made: &Made, own: &[Vec<Shown>]) {
        let Some(rules) = self.rules.get(p) else { return };
        for ((own, figures), (_, cell)) in own.iter().zip(&mut self.figures).zip(self.cells) {
            let (Some(Ok(number)), Some(evidence)) = (own.get(p), cell.parts.get(p)) else {
                continue;
            };
            let maker = Maker { rules, evidence, number: *number, own, figures };
            let figure = match made {
                Made::Count => None,
                Made::Total { count, is_asked } => Some(maker.total(*count, *is_asked)),
                Made::AboutMeans { of } => of.and_then(|of| maker.about_means(of)),
            };
            if let (Some(figure), Some(slot)) = (figure, figures.get_mut(p)) {
                *slot = Ok(figure);
            }
        }
    }

    /// Has the cells of a stage's parts judged.
    fn judge_stage(
        &mut self,
        sets: &[KeySet],
        parts: &[usize],
        judge: &mut Judge<'_>,
    ) -> Result<(), GuardError> {
        let seen: Seen<'_> =
            &|guarded, cell, evidence, figure| guarded.cell(cell, evidence, figure).map(Some);
        let mut guarded = parts.iter().filter_map(|p| self.guarded.get(*p));
        // One grouping set after the other, as if each were asked for by itself: cells that are judged at once are each also
        // judged against those before them.
        if !guarded.any(Guarded::may_count_units) {
            return self.judge(sets, parts, seen, judge);
        }
        for set in sets {
            self.judge(&[*set], parts, seen, judge)?;
            self.judge(&[*set], parts, &|g, c, e, f| g.cell_of_units(c, e, f), judge)?;
        }
        Ok(())
    }

    /// The squares of ones are ones: what they come to about the mean follows from the total that is shown, or they would be a
    /// count that is compared with no other.
    fn spread_of_ones(&mut self, made: &[Made]) {
        for (p, (rules, made)) in self.rules.iter().zip(made).enumerate() {
            let (PartKind::Squares, Made::AboutMeans { of: Some([count, x, _]) }) =
                (rules.part.kind, made)
            else {
                continue;
            };
            if !self.rules.get(*x).is_some_and(PartRules::counts) {
                continue;
            }
            for figures in &mut self.figures {
                let shown = |p: usize| figures.get(p)?.ok();
                let found = shown(p).and_then(|_| shown(*x)).and_then(|ones| {
                    let (total, n) =
                        (ones.number()?, ones.count().or_else(|| shown(*count)?.number())?);
                    let about = about_means(total, total, total, n)?;
                    Some(Figure::AboutMeans { about, count: i64::try_from(n).ok()? })
                });
                if let (Some(found), Some(slot)) = (found, figures.get_mut(p)) {
                    *slot = Ok(found);
                }
            }
        }
    }

    /// Has the cells of these sets and parts judged, part by part.
    fn judge(
        &mut self,
        sets: &[KeySet],
        parts: &[usize],
        seen: Seen<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<(), GuardError> {
        if parts.is_empty() {
            return Ok(());
        }
        let (mut judged, mut of) = (Vec::new(), Vec::new());
        for set in sets {
            for p in parts {
                let of_set =
                    self.cells.iter().enumerate().filter(|(_, (_, cell))| cell.set == *set);
                for (c, (_, cell)) in of_set {
                    let (Some(figure), Some(guarded), Some(evidence)) = (
                        self.figures.get(c).and_then(|row| row.get(*p)),
                        self.guarded.get(*p),
                        cell.parts.get(*p),
                    ) else {
                        continue;
                    };
                    if !guarded.is_judged(*figure) {
                        continue;
                    }
                    let Some(cell) = seen(guarded, cell, evidence, *figure)? else { continue };
                    judged.push(cell);
                    of.push((c, *p));
                }
            }
        }
        for ((c, p), verdict) in of.into_iter().zip(judge(&judged)?) {
            let (Verdict::Same(earlier) | Verdict::Snap(earlier)) = verdict else { continue };
            let (Some(slot), Some(rules), Some(guarded)) = (
                self.figures.get_mut(c).and_then(|row| row.get_mut(p)),
                self.rules.get(p),
                self.guarded.get(p),
            ) else {
                continue;
            };
            *slot = guarded
                .repeated(&earlier, *slot)
                .and_then(|(earlier, same_terms)| figure::again(rules, earlier, same_terms))
                .ok_or(CellStatus::Suppressed);
        }
        Ok(())
    }
}

/// What a figure is made of, in a cell.
struct Maker<'m> {
    rules: &'m PartRules<'m>,
    evidence: &'m PartEvidence,
    /// Its own number, as the rules on cells leave it.
    number: i128,
    /// What the rules leave of all parts of the cell.
    own: &'m [Shown],
    /// What is shown of them so far.
    figures: &'m [ShownFigure],
}

impl Maker<'_> {
    fn own(&self, p: usize) -> Option<i128> {
        self.own.get(p)?.ok()
    }

    fn shown(&self, p: usize) -> Option<i128> {
        self.figures.get(p)?.ok()?.number()
    }

    /// A total with its count; where it isn't asked for, as the mean by the shown count.
    fn total(&self, count: Option<usize>, is_asked: bool) -> Figure {
        let Some(count) = count else { return Figure::Alone(self.number) };
        let (own, shown) = (self.own(count), self.shown(count));
        let brought = match own.zip(shown).filter(|(own, shown)| 0 < *own && 0 < *shown) {
            Some((own, shown)) if !is_asked => {
                let each =
                    self.evidence.absolute.checked_div(self.evidence.units.unsigned_abs().into());
                let drawn = drawn_of(self.evidence, self.rules.shape.adds, self.rules.part.kind);
                self.lattice(each.unwrap_or(0)).bring(self.number, own, shown, drawn)
            }
            _ => None,
        };
        Figure::total(brought.unwrap_or(self.number), shown)
    }

    /// Squares or products about the means, in proportion to the shown count less one: a variance or covariance of the
    /// sample stays what it is.
    fn about_means(&self, [count, x, y]: [usize; 3]) -> Option<Figure> {
        let (own, shown) = (self.own(count)?, self.shown(count)?);
        let own_totals = [self.own(x)?, self.own(y)?];
        let totals = [self.shown(x)?, self.shown(y)?];
        let about = |number: i128, [x, y]: [i128; 2], n: i128| about_means(number, x, y, n);
        if own < 2 || shown < 2 {
            return None;
        }
        let found = about(self.number, own_totals, own)?;
        let about = if own == shown && own_totals == totals {
            found
        } else {
            let by = (shown as f64 - 1.0) / (own as f64 - 1.0);
            let of_means = |[x, y]: [i128; 2], n: i128| x as f64 * y as f64 / n as f64;
            let moved = of_means(totals, shown) - by * of_means(own_totals, own);
            let each = found.abs() / own as f64;
            let drawn = drawn_of(self.evidence, self.rules.shape.adds, self.rules.part.kind);
            let lattice = self.lattice((2.0 * each) as u128);
            let number = lattice.stretch(
                self.number,
                [shown.checked_sub(1)?, own.checked_sub(1)?],
                moved,
                drawn,
            );
            number.and_then(|number| about(number, totals, shown)).unwrap_or(found * by)
        };
        let count = i64::try_from(shown).ok()?;
        Some(Figure::AboutMeans { about, count })
    }

    /// What the number could be, where its places are no further apart than this.
    fn lattice(&self, apart: u128) -> Lattice {
        let step = figure::step(self.rules);
        match self.rules.profile.noise {
            Noise::None => {
                let apart = i128::try_from(apart).unwrap_or(i128::MAX);
                Lattice::as_round_as(self.number, step, apart.max(step))
            }
            Noise::Totals | Noise::Cell | Noise::CellAndQuestion => Lattice::of_steps(step),
        }
    }
}
