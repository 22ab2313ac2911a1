//! Complementary suppression of a table, together with all its margins: those asked for and those that could be.
//!
//! Whoever asks for a table by region and age may ask for regions, for ages and for the total, too. So each of these
//! tables is protected from the coarsest to the finest. What a coarser table suppresses stays protected in the finer
//! one; what it shows counts as known there. A coarser table's pattern doesn't depend on the finer one, so it is the
//! same when it is asked for by itself.
//!
//! ```text
//! ()  ─►  (region)  ─►  (age)  ─►  (region, age): asked for
//! ```
//!
//! *Stops*: attack 32, a suppressed cell as a margin less its other cells. *Doesn't stop*: tables that are linked by
//! other conditions; the difference guard and strict predicates are for those.

use std::collections::{BTreeMap, HashMap};

use super::show::show;
use super::structural::StructuralZeros;
use super::{PartRules, Shown};
use crate::admit::Admitted;
use crate::complementary::{CellInput, CellState, Limits, Relation, Unprotectable, suppress};
use crate::evidence::{Cell, PartEvidence, key_bytes};
use crate::policy::{Dominance, Zeros};
use crate::rules::dominance;
use crate::rules::keys::{KeyValues, public_rows};
use crate::table::CellStatus;
use crate::tabulation::{KeySet, PartKind, Tabulation};

/// More keys than this have too many margins.
const KEYS_MAX: usize = 4;

/// A table over some of the keys.
struct Level {
    /// The cells' keys, `None` for those summed over, as bytes.
    places: HashMap<Vec<u8>, usize>,
    cells: Vec<(Vec<usize>, KeyValues, PartEvidence)>,
    /// What of it can't be anything but 0, as everybody knows.
    structural: Vec<bool>,
    /// What of it the rules on single cells suppress.
    primary: Vec<bool>,
    /// What of it is suppressed, once that is decided.
    suppressed: Vec<bool>,
}

/// Suppresses what else has to be, in one part of a table. `cells` and `shown` go together. Each grouping set is
/// decided as the table that it is by itself: it shows the same cells, whatever else is asked for with it.
pub(super) fn complement(
    rules: &PartRules<'_>,
    zeros: &StructuralZeros<'_>,
    admitted: &Admitted<Tabulation>,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    shown: &mut [Vec<Shown>],
) {
    let tabulation = admitted.tabulation();
    for set in tabulation.key_sets().into_iter().filter(|set| !set.is_empty()) {
        let of_set = by_itself(tabulation, set, cells, part);
        let is_zero = |keys: &KeyValues, kept: &[usize]| {
            zeros.holds_in_margin(part, &of_set.order, keys, kept)
        };
        let public = |kept: &[usize]| public_places(admitted, &of_set.order, kept);
        let known = Known { is_zero: &is_zero, public: &public };
        let keys = of_set.order.len();
        let pattern =
            if keys <= KEYS_MAX { decide(rules, &known, &of_set.cells, 0, keys) } else { None };
        for (c, at) in of_set.places.into_iter().enumerate() {
            // Without a pattern that is known to be safe, nothing is shown.
            let hidden = pattern.as_ref().is_none_or(|p| p.get(c).copied().unwrap_or(true));
            if let (true, Some(slot)) = (hidden, shown.get_mut(at).and_then(|r| r.get_mut(part))) {
                suppress_slot(slot);
            }
        }
    }
}

/// The table of one set.
struct OfSet {
    /// Which of the Tabulation's keys stands where.
    order: Vec<usize>,
    /// Each cell's place among all.
    places: Vec<usize>,
    /// With just these keys and one part.
    cells: Vec<(Vec<u8>, Cell)>,
}

/// The table of one set, by itself. Keys are in an order of their own, and cells in that of their keys: of patterns
/// that cost the same, the one found must not depend on how the question is written, or two of them could be laid
/// side by side.
fn by_itself(
    tabulation: &Tabulation,
    set: KeySet,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
) -> OfSet {
    let keys = tabulation.keys.iter().enumerate().filter(|(i, _)| set.keeps(*i));
    let mut order: Vec<(String, usize)> =
        keys.map(|(i, key)| (format!("{:?}", key.scalar), i)).collect();
    order.sort();
    let order: Vec<usize> = order.into_iter().map(|(_, i)| i).collect();
    let of_set = cells.iter().enumerate().filter(|(_, (_, cell))| cell.set == set);
    let mut table: Vec<(usize, (Vec<u8>, Cell))> = of_set
        .map(|(at, (_, cell))| {
            let keys: KeyValues =
                order.iter().map(|i| cell.keys.get(*i).cloned().flatten()).collect();
            let parts = cell.parts.get(part).cloned().into_iter().collect();
            (at, (key_bytes(&keys), Cell { set: KeySet::all(order.len()), keys, parts }))
        })
        .collect();
    table.sort_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
    let (places, cells) = table.into_iter().unzip();
    OfSet { order, places, cells }
}

/// Suppresses what isn't known to everybody.
pub(super) fn suppress_slot(slot: &mut Shown) {
    if *slot != Err(CellStatus::StructuralZero) {
        *slot = Err(CellStatus::Suppressed);
    }
}

/// What everybody knows of a table's margins.
struct Known<'a> {
    /// Structural zeros, by a cell's keys and which of them are kept.
    is_zero: &'a dyn Fn(&KeyValues, &[usize]) -> bool,
    /// The keys of the cells that a margin has whether somebody is in them or not, by which keys are kept.
    public: &'a dyn Fn(&[usize]) -> Vec<KeyValues>,
}

/// The rows that the margin over some keys of a table in this order has by itself because they are public. The table may
/// not have them: it has a row for each public value only if all of its keys have public values.
fn public_places(
    admitted: &Admitted<Tabulation>,
    order: &[usize],
    kept: &[usize],
) -> Vec<KeyValues> {
    let positions = kept.iter().map(|k| order.get(*k).copied()).collect::<Option<Vec<_>>>();
    let Some(set) = positions.and_then(KeySet::of) else { return Vec::new() };
    let rows = public_rows(admitted.tabulation(), set, admitted.dataset()).unwrap_or_default();
    let in_order = |row: KeyValues| order.iter().map(|i| row.get(*i).cloned().flatten()).collect();
    rows.into_iter().map(in_order).collect()
}

/// Which cells of a table's margins are suppressed, by which keys they keep, each by its place.
#[cfg(test)]
pub(super) fn margins(
    rules: &PartRules<'_>,
    zeros: &StructuralZeros<'_>,
    admitted: &Admitted<Tabulation>,
    cells: &[(Vec<u8>, Cell)],
) -> BTreeMap<Vec<usize>, BTreeMap<Vec<u8>, bool>> {
    let set = KeySet::all(admitted.tabulation().keys.len());
    let of_set = by_itself(admitted.tabulation(), set, cells, 0);
    let is_zero =
        |keys: &KeyValues, kept: &[usize]| zeros.holds_in_margin(0, &of_set.order, keys, kept);
    let public = |kept: &[usize]| public_places(admitted, &of_set.order, kept);
    let known = Known { is_zero: &is_zero, public: &public };
    let decided = decide_levels(rules, &known, &of_set.cells, 0, of_set.order.len());
    let hidden = |level: Level| {
        let places = level.places.into_iter();
        places.map(|(place, at)| (place, level.suppressed[at])).collect()
    };
    let decided = decided.unwrap_or_default().into_iter();
    decided.map(|(kept, level)| (kept, hidden(level))).collect()
}

/// Whether each of `cells` is suppressed; `None` if no pattern was found.
fn decide(
    rules: &PartRules<'_>,
    known: &Known<'_>,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    keys: usize,
) -> Option<Vec<bool>> {
    let decided = decide_levels(rules, known, cells, part, keys)?;
    let all: Vec<usize> = (0..keys).collect();
    let finest = decided.get(&all)?;
    let of_cell = |cell: &Cell| {
        let at = finest.places.get(&place(&cell.keys, &all))?;
        finest.suppressed.get(*at).copied()
    };
    cells.iter().map(|(_, cell)| of_cell(cell)).collect()
}

/// The table and all its margins, by which keys they keep.
fn decide_levels(
    rules: &PartRules<'_>,
    known: &Known<'_>,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    keys: usize,
) -> Option<BTreeMap<Vec<usize>, Level>> {
    let mut decided: BTreeMap<Vec<usize>, Level> = BTreeMap::new();
    for kept in subsets(keys) {
        let mut level = level(cells, part, &kept, (known.public)(&kept))?;
        let is_zero = |keys| (known.is_zero)(keys, &kept);
        level.structural = level.cells.iter().map(|(_, keys, _)| is_zero(keys)).collect();
        let of = level.cells.iter().zip(&level.structural);
        let edge = rules.widest_edge();
        level.primary =
            of.map(|((_, _, e), zero)| !zero && show(rules, edge, e).is_err()).collect();
        level.suppressed = protect_level(rules, &level, &kept, &decided);
        decided.insert(kept, level);
    }
    Some(decided)
}

/// All sets of keys, the smaller ones first.
fn subsets(keys: usize) -> Vec<Vec<usize>> {
    let mut sets = vec![Vec::new()];
    for key in 0..keys {
        let with: Vec<Vec<usize>> = sets
            .iter()
            .map(|set| {
                let mut set = set.clone();
                set.push(key);
                set
            })
            .collect();
        sets.extend(with);
    }
    sets.sort_by_key(|set| (set.len(), set.clone()));
    sets
}

/// Where a cell is in the table over these keys.
fn place(keys: &KeyValues, kept: &[usize]) -> Vec<u8> {
    let kept: KeyValues = kept.iter().map(|k| keys.get(*k).cloned().flatten()).collect();
    key_bytes(&kept)
}

/// The table over these keys, by adding up. Each unit is in one cell only, so that this is exact. Its cells, the public
/// ones among them, are in the order of their places, as they are where it is asked for by itself.
fn level(
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    kept: &[usize],
    public: Vec<KeyValues>,
) -> Option<Level> {
    let mut totals: BTreeMap<Vec<u8>, (KeyValues, PartEvidence)> = BTreeMap::new();
    for (_, cell) in cells {
        let evidence = cell.parts.get(part)?;
        totals
            .entry(place(&cell.keys, kept))
            .and_modify(|(_, total)| total.merge(evidence))
            .or_insert_with(|| (cell.keys.clone(), evidence.clone()));
    }
    for keys in public {
        totals.entry(place(&keys, kept)).or_insert_with(|| (keys, PartEvidence::default()));
    }
    let mut level = Level {
        places: HashMap::new(),
        cells: Vec::new(),
        structural: Vec::new(),
        primary: Vec::new(),
        suppressed: Vec::new(),
    };
    for (at, (place, (keys, evidence))) in totals.into_iter().enumerate() {
        level.places.insert(place, at);
        level.cells.push((kept.to_vec(), keys, evidence));
    }
    Some(level)
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

/// The pattern of one table; everything in it, where none is safe.
///
/// The table is solved together with every table over fewer of its keys, which are out already, so
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
fn protect_level(
    rules: &PartRules<'_>,
    level: &Level,
    kept: &[usize],
    decided: &BTreeMap<Vec<usize>, Level>,
) -> Vec<bool> {
    let mut pattern = Err(Unprotectable::WorkSpent);
    for attempt in [Attempt::Usual, Attempt::LastResort] {
        let (inputs, relations) = problem(rules, level, kept, decided, attempt);
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

/// The table with every table over fewer of its keys. Its own cells come first.
fn problem(
    rules: &PartRules<'_>,
    level: &Level,
    kept: &[usize],
    decided: &BTreeMap<Vec<usize>, Level>,
    attempt: Attempt,
) -> (Vec<CellInput>, Vec<Relation>) {
    let mut inputs: Vec<CellInput> = Vec::new();
    let open = |evidence| input(rules, evidence, CellState::Open);
    let dearest = level.cells.iter().map(|(_, _, e)| open(e).cost).max().unwrap_or(0);
    let of = level.cells.iter().zip(&level.structural).zip(&level.primary);
    for (((_, _, evidence), structural), primary) in of {
        let public_zero = evidence.count == 0 && rules.profile.zeros == Zeros::Shown;
        let state = match (primary, public_zero, attempt) {
            _ if *structural => CellState::Fixed,
            (true, _, Attempt::Usual) => CellState::Primary,
            (true, _, Attempt::LastResort) => CellState::Suppressed,
            (false, true, Attempt::Usual) => CellState::Fixed,
            (false, true, Attempt::LastResort) | (false, false, _) => CellState::Open,
        };
        let mut input = input(rules, evidence, state);
        if public_zero {
            // It holds little information, but everybody expects to see it: the last to go.
            input.cost = dearest;
        }
        inputs.push(input);
    }
    // Every table over fewer of these keys is known as far as it is shown.
    let mut margins: BTreeMap<&Vec<usize>, (&Level, usize)> = BTreeMap::new();
    for (keys, margin) in decided.iter().filter(|(keys, _)| keys.iter().all(|k| kept.contains(k))) {
        margins.insert(keys, (margin, inputs.len()));
        let cells = margin.cells.iter().zip(&margin.suppressed).zip(&margin.primary);
        for (((_, _, evidence), hidden), primary) in cells {
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
    for (keys, (margin, offset)) in &margins {
        for more in kept.iter().filter(|k| !keys.contains(k)) {
            let mut finer: Vec<usize> = keys.iter().copied().chain([*more]).collect();
            finer.sort_unstable();
            // None is the table itself.
            let (from, first) = margins.get(&finer).copied().unwrap_or((level, 0));
            let mut parts: Vec<Vec<usize>> = vec![Vec::new(); margin.cells.len()];
            for (i, (_, cell_keys, _)) in from.cells.iter().enumerate() {
                let total = margin.places.get(&place(cell_keys, keys));
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
    let (lower_protection, upper_protection, non_negative) = match rules.part.kind {
        // From nobody up to what would be shown.
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => {
            let size = value.unsigned_abs();
            (size, threshold.saturating_sub(size).max(1), true)
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
