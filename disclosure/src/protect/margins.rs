//! Complementary suppression of a table, together with all its margins: those asked for and those that could be.
//!
//! Whoever asks for a table by area and age may ask for areas, for ages and for the total, too; and for regions, where areas
//! lie within these ([`axes`](super::axes)). So each of these tables is protected from the coarsest to the finest. What a
//! coarser table suppresses stays protected in the finer one; what it shows counts as known there. A coarser table's pattern
//! doesn't depend on the finer one, so it is the same when it is asked for by itself.
//!
//! ```text
//! ()  ─►  (region)  ─►  (age)  ─►  (area)  ─►  (region, age)  ─►  (area, age): asked for
//! ```
//!
//! A number is of rows that are counted ([`Part::within`](crate::tabulation::Part::within)): what is suppressed of the count is
//! suppressed of the number as well, and then whatever else its own table needs. Otherwise the two would have two patterns, and a
//! total that is shown, of values that mostly are at a published bound, would be the count that isn't.
//!
//! ```text
//! count(*)  ─►  count(x)  ─►  sum(x)
//! ```
//!
//! *Stops*: attack 32, a suppressed cell as a margin less its other cells. *Doesn't stop*: tables that are linked by
//! other conditions; the difference guard and strict predicates are for those.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::axes::{Axes, Margin};
use super::show::show;
use super::structural::StructuralZeros;
use super::{Keyed, PartRules, Shown};
use crate::admit::Admitted;
use crate::complementary::{CellInput, CellState, Limits, Relation, Unprotectable, suppress};
use crate::evidence::PartEvidence;
use crate::policy::{Dominance, Zeros};
use crate::rules::dominance;
use crate::rules::keys::{KeyValues, public_rows};
use crate::table::CellStatus;
use crate::tabulation::{KeySet, PartKind, Tabulation};

/// A table or one of its margins.
struct Level {
    /// The axes that tell its cells apart.
    finest: Vec<usize>,
    /// Each cell's place, by its values on these.
    places: HashMap<Vec<u8>, usize>,
    /// Each cell's values on all axes that the margin is by.
    cells: Vec<(KeyValues, PartEvidence)>,
    /// What of it can't be anything but 0, as everybody knows.
    structural: Vec<bool>,
    /// What of it the rules on single cells suppress.
    primary: Vec<bool>,
    /// What of it is suppressed because the count that it is of is.
    uncounted: Vec<bool>,
    /// What of it is suppressed, once that is decided.
    suppressed: Vec<bool>,
}

/// What is known of a table before any of its cells is shown.
pub(super) struct Known<'a> {
    pub(super) admitted: &'a Admitted<Tabulation>,
    pub(super) cells: &'a [Keyed],
    /// Which of the cells there are by the data, and not only because everybody knows that they may be, by the bytes of
    /// their sets and keys.
    pub(super) of_data: &'a HashSet<Vec<u8>>,
}

/// Suppresses what else has to be, in those parts of a table that are asked for. The known cells and `shown` go together. Each
/// grouping set is decided as the table that it is by itself: it shows the same cells, whatever else is asked for with it.
pub(super) fn complement(
    rules: &[PartRules<'_>],
    known: &Known<'_>,
    asked: &HashSet<usize>,
    shown: &mut [Vec<Shown>],
) {
    for set in known.admitted.tabulation().key_sets().into_iter().filter(|set| !set.is_empty()) {
        let mut patterns = Patterns { rules, known, set, decided: BTreeMap::new() };
        for part in asked {
            let Some(of_part) = rules.get(*part) else { continue };
            let table = Table::of(of_part, known, set, *part);
            let decided = patterns.of(*part);
            let level = decided.as_ref().and_then(|decided| decided.get(&table.axes.all()));
            for (at, values, _) in &table.cells {
                // Without a pattern that is known to be safe, nothing is shown.
                let hidden = level.and_then(|level| {
                    let at = level.places.get(&Axes::place(&level.finest, values))?;
                    level.suppressed.get(*at).copied()
                });
                let slot = shown.get_mut(*at).and_then(|row| row.get_mut(*part));
                if let (true, Some(slot)) = (hidden.unwrap_or(true), slot) {
                    suppress_slot(slot);
                }
            }
        }
    }
}

/// A table and all its margins, as decided.
type Decided = BTreeMap<Margin, Level>;

/// The patterns of a grouping set's parts, each decided once.
struct Patterns<'a> {
    rules: &'a [PartRules<'a>],
    known: &'a Known<'a>,
    set: KeySet,
    decided: BTreeMap<usize, Option<Rc<Decided>>>,
}

impl Patterns<'_> {
    /// A part's, after that of the count that it is of; `None` if its tables are too many, or that count isn't known.
    fn of(&mut self, part: usize) -> Option<Rc<Decided>> {
        if let Some(decided) = self.decided.get(&part) {
            return decided.clone();
        }
        let rules = self.rules.get(part)?;
        let count = match rules.part.within() {
            None => None,
            Some(count) => {
                let at = self.rules.iter().position(|of| *of.part == count)?;
                Some(self.of(at)?)
            }
        };
        let table = Table::of(rules, self.known, self.set, part);
        let decided = table.decide(count.as_deref()).map(Rc::new);
        self.decided.insert(part, decided.clone());
        decided
    }
}

/// Suppresses what isn't known to everybody.
pub(super) fn suppress_slot(slot: &mut Shown) {
    if *slot != Err(CellStatus::StructuralZero) {
        *slot = Err(CellStatus::Suppressed);
    }
}

/// The table of one grouping set, by itself.
struct Table<'a> {
    rules: &'a PartRules<'a>,
    admitted: &'a Admitted<Tabulation>,
    axes: Axes<'a>,
    /// Each cell's place among all, its values on the axes, and what the data say of it, if they do.
    cells: Vec<(usize, KeyValues, Option<&'a PartEvidence>)>,
}

impl<'a> Table<'a> {
    fn of(rules: &'a PartRules<'a>, known: &Known<'a>, set: KeySet, part: usize) -> Self {
        let Known { admitted, cells, of_data } = *known;
        let axes = Axes::of(admitted.tabulation(), set, admitted.dataset());
        let of_set = cells.iter().enumerate().filter(|(_, (_, cell))| cell.set == set);
        let cells = of_set.map(|(at, (place, cell))| {
            let evidence = cell.parts.get(part).filter(|_| of_data.contains(place));
            (at, axes.values(&cell.keys), evidence)
        });
        let cells = cells.collect();
        Self { rules, admitted, axes, cells }
    }

    /// The table and all its margins, each decided after the coarser ones and after those of the count that the number is of;
    /// `None` if they are too many.
    fn decide(&self, count: Option<&Decided>) -> Option<Decided> {
        let mut decided = Decided::new();
        for margin in self.axes.margins()? {
            let mut level = self.level(&margin);
            if let Some(counted) = count.and_then(|count| count.get(&margin)) {
                for (place, at) in &level.places {
                    let hidden = counted.places.get(place).and_then(|c| counted.suppressed.get(*c));
                    if let (Some(true), Some(slot)) = (hidden, level.uncounted.get_mut(*at)) {
                        *slot = true;
                    }
                }
            }
            level.suppressed = self.protect(&level, &margin, &decided);
            decided.insert(margin, level);
        }
        Some(decided)
    }

    /// A margin as it is where it is asked for by itself, by adding up: each unit is in one cell only, so that this is
    /// exact. It has a cell where the data have one, and its own public ones. The table may not have these: it has a row
    /// for each public value only if all of its keys have public values.
    fn level(&self, margin: &Margin) -> Level {
        let finest = self.axes.finest(margin);
        let (dataset, rules) = (self.admitted.dataset(), self.rules);
        let mut totals: BTreeMap<Vec<u8>, (KeyValues, PartEvidence)> = BTreeMap::new();
        for (_, values, evidence) in &self.cells {
            let Some(evidence) = evidence else { continue };
            totals
                .entry(Axes::place(&finest, values))
                .and_modify(|(_, total)| total.merge(evidence))
                .or_insert_with(|| (values.clone(), (*evidence).clone()));
        }
        let question = self.axes.question(&finest, self.admitted.tabulation());
        let all = KeySet::all(finest.len());
        let public = public_rows(&question, all, dataset).unwrap_or_default();
        for values in self.axes.values_of(&finest, public, dataset) {
            let place = Axes::place(&finest, &values);
            totals.entry(place).or_insert_with(|| (values, PartEvidence::default()));
        }
        let zeros = StructuralZeros::of(&question, std::slice::from_ref(rules.part), dataset);
        let edge = rules.widest_edge();
        let mut level = Level {
            finest,
            places: HashMap::new(),
            cells: Vec::new(),
            structural: Vec::new(),
            primary: Vec::new(),
            uncounted: Vec::new(),
            suppressed: Vec::new(),
        };
        // In the order of their places, as they are where it is asked for by itself.
        for (at, (place, (values, evidence))) in totals.into_iter().enumerate() {
            let structural = zeros.holds(0, all, &Axes::kept(&level.finest, &values));
            level.structural.push(structural);
            level.primary.push(!structural && show(rules, edge, &evidence).is_err());
            level.uncounted.push(false);
            level.places.insert(place, at);
            level.cells.push((values, evidence));
        }
        level
    }
}

/// Which cells of a table's margins are suppressed, by the columns that these are by, each cell by its place.
#[cfg(test)]
pub(super) fn margins(
    rules: &[PartRules<'_>],
    known: &Known<'_>,
) -> BTreeMap<Vec<String>, BTreeMap<Vec<u8>, bool>> {
    let set = KeySet::all(known.admitted.tabulation().keys.len());
    let table = Table::of(&rules[0], known, set, 0);
    let hidden = |(margin, level): (&Margin, &Level)| {
        let places = level.places.iter();
        let hidden = places.map(|(place, at)| (place.clone(), level.suppressed[*at])).collect();
        (table.axes.names(margin), hidden)
    };
    let decided = Patterns { rules, known, set, decided: BTreeMap::new() }.of(0);
    decided.unwrap_or_default().iter().map(hidden).collect()
}

/// How a table is looked at: as it should be, then, where that can't be had, as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Public zeros are shown, and every primary cell keeps its levels.
    Usual,
    /// Public zeros may be suppressed as well, and primary cells keep their levels as far as they do
    /// with nothing of this table shown.
    LastResort,
}

impl Table<'_> {
    /// The pattern of one table; everything in it, where none is safe.
    ///
    /// The table is solved together with every coarser one, which are out already, so
    /// that what it publishes narrows nothing that was protected:
    ///
    /// * A primary cell of a coarser table is asked for its levels, here as there. A completion of all
    ///   these tables that reaches a level shows, whatever else is published, that it is possible.
    /// * A complementary cell of a coarser table has no levels of its own: it is there for primary cells,
    ///   which are asked for theirs. It may become computable only where that opens none of them.
    /// * A level that is out of reach with nothing of this table shown was lost before, to margins that
    ///   were decided one by one: suppressing this whole table wouldn't bring it back. It is asked for
    ///   what is left of it, so that whatever is computed of that cell was known without this table.
    ///   Public zeros tell something, too, so what is left is measured with them suppressed.
    fn protect(&self, level: &Level, of: &Margin, decided: &Decided) -> Vec<bool> {
        let mut pattern = Err(Unprotectable::WorkSpent);
        for attempt in [Attempt::Usual, Attempt::LastResort] {
            let (inputs, relations) = self.problem(level, of, decided, attempt);
            pattern = suppress(&inputs, &relations, &Limits::STANDARD);
            match &pattern {
                Err(Unprotectable::NoRoom { .. }) => {}
                Ok(_)
                | Err(
                    Unprotectable::Inconsistent(_)
                    | Unprotectable::TooLarge { .. }
                    | Unprotectable::WorkSpent,
                ) => break,
            }
        }
        match pattern {
            Ok(pattern) => pattern.into_iter().take(level.cells.len()).collect(),
            // Public zeros, too: nobody has looked at what they would give away. Structural ones are no news.
            Err(_) => level.structural.iter().map(|zero| !zero).collect(),
        }
    }

    /// The table with every coarser one. Its own cells come first.
    fn problem(
        &self,
        level: &Level,
        of: &Margin,
        decided: &Decided,
        attempt: Attempt,
    ) -> (Vec<CellInput>, Vec<Relation>) {
        let rules = self.rules;
        let mut inputs: Vec<CellInput> = Vec::new();
        let open = |evidence| input(rules, evidence, CellState::Open);
        let dearest = level.cells.iter().map(|(_, e)| open(e).cost).max().unwrap_or(0);
        let own = level.cells.iter().zip(&level.structural).zip(&level.primary);
        for ((((_, evidence), structural), primary), uncounted) in own.zip(&level.uncounted) {
            let public_zero = evidence.count == 0 && rules.profile.zeros == Zeros::Shown;
            let state = match (primary, public_zero, attempt) {
                _ if *structural => CellState::Fixed,
                // A total of nobody isn't shown, but the count beside it is: it hides nothing.
                (true, true, _) => CellState::Fixed,
                (true, false, Attempt::Usual) => CellState::Primary,
                (true, false, Attempt::LastResort) => CellState::Suppressed,
                (false, true, Attempt::Usual) => CellState::Fixed,
                (false, false, _) if *uncounted => CellState::Suppressed,
                (false, true, Attempt::LastResort) | (false, false, _) => CellState::Open,
            };
            let mut input = input(rules, evidence, state);
            if *uncounted && !primary {
                (input.lower_protection, input.upper_protection) = (0, 0);
            }
            if public_zero {
                // It holds little information, but everybody expects to see it: the last to go.
                input.cost = dearest;
            }
            inputs.push(input);
        }
        // Every coarser table is known as far as it is shown.
        let mut margins: BTreeMap<&Margin, (&Level, usize)> = BTreeMap::new();
        let is_coarser = |margin: &Margin| margin.iter().all(|axis| of.contains(axis));
        for (by, margin) in decided.iter().filter(|(by, _)| is_coarser(by)) {
            margins.insert(by, (margin, inputs.len()));
            let cells = margin.cells.iter().zip(&margin.suppressed).zip(&margin.primary);
            for (((_, evidence), hidden), primary) in cells {
                let state = match (hidden, primary, attempt) {
                    (false, _, _) => CellState::Fixed,
                    (true, true, Attempt::Usual) => CellState::Primary,
                    (true, true, Attempt::LastResort) | (true, false, _) => CellState::Suppressed,
                };
                let mut input = input(rules, evidence, state);
                if !primary {
                    (input.lower_protection, input.upper_protection) = (0, 0);
                }
                inputs.push(input);
            }
        }
        let mut relations = Vec::new();
        for (by, (margin, offset)) in &margins {
            // What has one more axis is the next finer.
            for more in of.iter().filter(|axis| !by.contains(axis)) {
                let Some(finer) = self.axes.with(by, *more) else { continue };
                // None is the table itself.
                let (from, first) = margins.get(&finer).copied().unwrap_or((level, 0));
                let mut parts: Vec<Vec<usize>> = vec![Vec::new(); margin.cells.len()];
                for (i, (values, _)) in from.cells.iter().enumerate() {
                    let total = margin.places.get(&Axes::place(&margin.finest, values));
                    if let Some(of_total) = total.and_then(|t| parts.get_mut(*t)) {
                        of_total.push(first.saturating_add(i));
                    }
                }
                relations.extend(
                    parts
                        .into_iter()
                        .enumerate()
                        // A public row of the margin with nobody in it: which finer rows it has isn't public, so that it isn't
                        // known from there that it is empty.
                        .filter(|(_, parts)| !parts.is_empty())
                        .map(|(i, parts)| Relation { total: offset.saturating_add(i), parts }),
                );
            }
        }
        (inputs, relations)
    }
}

fn input(rules: &PartRules<'_>, evidence: &PartEvidence, state: CellState) -> CellInput {
    let evidence = evidence.settled(rules.shape.adds);
    let value = match rules.part.kind {
        PartKind::Rows | PartKind::Values => i128::from(evidence.count),
        PartKind::Units => i128::from(evidence.units),
        PartKind::Distinct => i128::from(evidence.distinct_values()),
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            evidence.sum
        }
    };
    let [largest, _] = evidence.largest;
    let threshold = u128::from(rules.profile.threshold_units);
    // From nobody up to what would be shown.
    let size = value.unsigned_abs();
    let as_a_count = (size, threshold.saturating_sub(size).max(1), true);
    let (lower_protection, upper_protection, non_negative) = match rules.part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => as_a_count,
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products
            if rules.of_ones =>
        {
            as_a_count
        }
        // The largest contribution isn't known more closely than within p%.
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            let Dominance { p_percent, .. } = rules.profile.dominance;
            let limits = Dominance { p_percent: p_percent.max(10), ..Dominance::OFF };
            let percent = u128::from(dominance::limits_of(rules.part.kind, limits).p_percent);
            let level = largest.saturating_mul(percent).div_ceil(100).max(1);
            (level, level, rules.non_negative)
        }
    };
    CellInput {
        value,
        cost: u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX >> 16).min(u64::MAX >> 16),
        state,
        lower_protection,
        upper_protection,
        non_negative,
        singleton: evidence.units == 1,
    }
}
