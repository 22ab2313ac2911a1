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
use super::{PartRules, Shown};
use crate::complementary::{CellInput, CellState, Limits, Relation, suppress};
use crate::evidence::{Cell, PartEvidence, key_bytes};
use crate::policy::{Dominance, Zeros};
use crate::rules::dominance;
use crate::rules::keys::KeyValues;
use crate::table::CellStatus;
use crate::tabulation::{KeySet, PartKind, Tabulation};

/// More keys than this have too many margins.
const KEYS_MAX: usize = 4;

/// A table over some of the keys.
struct Level {
    /// The cells' keys, `None` for those summed over, as bytes.
    places: HashMap<Vec<u8>, usize>,
    cells: Vec<(Vec<usize>, KeyValues, PartEvidence)>,
    /// What of it is suppressed, once that is decided.
    suppressed: Vec<bool>,
}

/// Suppresses what else has to be, in one part of a table. `cells` and `shown` go together. Each grouping set is
/// decided as the table that it is by itself: it shows the same cells, whatever else is asked for with it.
pub(super) fn complement(
    rules: &PartRules<'_>,
    tabulation: &Tabulation,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    shown: &mut [Vec<Shown>],
) {
    for set in tabulation.key_sets().into_iter().filter(|set| !set.is_empty()) {
        let (places, table) = by_itself(tabulation, set, cells, part);
        let keys = usize::try_from(set.len()).unwrap_or(usize::MAX);
        let pattern = if keys <= KEYS_MAX { decide(rules, &table, 0, keys) } else { None };
        for (c, at) in places.into_iter().enumerate() {
            // Without a pattern that is known to be safe, nothing is shown.
            let hidden = pattern.as_ref().is_none_or(|p| p.get(c).copied().unwrap_or(true));
            if let (true, Some(slot)) = (hidden, shown.get_mut(at).and_then(|r| r.get_mut(part))) {
                *slot = Err(CellStatus::Suppressed);
            }
        }
    }
}

/// The table of one set, with just its keys and this part, and before it each cell's place among `cells`. Keys are in
/// an order of their own, and cells in that of their keys: of patterns that cost the same, the one found must not
/// depend on how the question is written, or two of them could be laid side by side.
fn by_itself(
    tabulation: &Tabulation,
    set: KeySet,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
) -> (Vec<usize>, Vec<(Vec<u8>, Cell)>) {
    let keys = tabulation.keys.iter().enumerate().filter(|(i, _)| set.keeps(*i));
    let mut order: Vec<(String, usize)> =
        keys.map(|(i, key)| (format!("{:?}", key.scalar), i)).collect();
    order.sort();
    let of_set = cells.iter().enumerate().filter(|(_, (_, cell))| cell.set == set);
    let mut table: Vec<(usize, (Vec<u8>, Cell))> = of_set
        .map(|(at, (_, cell))| {
            let keys: KeyValues =
                order.iter().map(|(_, i)| cell.keys.get(*i).cloned().flatten()).collect();
            let parts = cell.parts.get(part).cloned().into_iter().collect();
            (at, (key_bytes(&keys), Cell { set: KeySet::all(order.len()), keys, parts }))
        })
        .collect();
    table.sort_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
    table.into_iter().unzip()
}

/// Whether each of `cells` is suppressed; `None` if no pattern was found.
fn decide(
    rules: &PartRules<'_>,
    cells: &[(Vec<u8>, Cell)],
    part: usize,
    keys: usize,
) -> Option<Vec<bool>> {
    let mut decided: BTreeMap<Vec<usize>, Level> = BTreeMap::new();
    for kept in subsets(keys) {
        let mut level = level(cells, part, &kept)?;
        level.suppressed = protect_level(rules, &level, &kept, &decided);
        decided.insert(kept, level);
    }
    let all: Vec<usize> = (0..keys).collect();
    let finest = decided.get(&all)?;
    let of_cell = |cell: &Cell| {
        let at = finest.places.get(&place(&cell.keys, &all))?;
        finest.suppressed.get(*at).copied()
    };
    cells.iter().map(|(_, cell)| of_cell(cell)).collect()
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

/// The table over these keys, by adding up. Each unit is in one cell only, so that this is exact. Its cells are in
/// the order of their places, as they are where it is asked for by itself.
fn level(cells: &[(Vec<u8>, Cell)], part: usize, kept: &[usize]) -> Option<Level> {
    let mut totals: BTreeMap<Vec<u8>, (KeyValues, PartEvidence)> = BTreeMap::new();
    for (_, cell) in cells {
        let evidence = cell.parts.get(part)?;
        totals
            .entry(place(&cell.keys, kept))
            .and_modify(|(_, total)| total.merge(evidence))
            .or_insert_with(|| (cell.keys.clone(), evidence.clone()));
    }
    let mut level = Level { places: HashMap::new(), cells: Vec::new(), suppressed: Vec::new() };
    for (at, (place, (keys, evidence))) in totals.into_iter().enumerate() {
        level.places.insert(place, at);
        level.cells.push((kept.to_vec(), keys, evidence));
    }
    Some(level)
}

/// The pattern of one table; everything in it that isn't a public zero, where none is safe.
fn protect_level(
    rules: &PartRules<'_>,
    level: &Level,
    kept: &[usize],
    decided: &BTreeMap<Vec<usize>, Level>,
) -> Vec<bool> {
    let primary: Vec<bool> = level.cells.iter().map(|(_, _, e)| show(rules, e).is_err()).collect();
    let everything = || vec![true; level.cells.len()];
    let mut inputs: Vec<CellInput> = Vec::new();
    for ((_, _, evidence), primary) in level.cells.iter().zip(&primary) {
        let state = match (primary, evidence.count == 0 && rules.profile.zeros == Zeros::Shown) {
            (true, _) => CellState::Primary,
            (false, true) => CellState::Fixed,
            (false, false) => CellState::Open,
        };
        inputs.push(input(rules, evidence, state));
    }
    // Every table over fewer of these keys is known as far as it is shown.
    let mut offsets: BTreeMap<&Vec<usize>, usize> = BTreeMap::new();
    for (keys, margin) in decided.iter().filter(|(keys, _)| keys.iter().all(|k| kept.contains(k))) {
        offsets.insert(keys, inputs.len());
        for ((_, _, evidence), hidden) in margin.cells.iter().zip(&margin.suppressed) {
            let state = if *hidden { CellState::Primary } else { CellState::Fixed };
            inputs.push(input(rules, evidence, state));
        }
    }
    let mut relations = Vec::new();
    for (keys, offset) in &offsets {
        let Some(margin) = decided.get(*keys) else { return everything() };
        for more in kept.iter().filter(|k| !keys.contains(k)) {
            let mut finer: Vec<usize> = keys.iter().copied().chain([*more]).collect();
            finer.sort_unstable();
            let (from, first) = match offsets.get(&finer) {
                Some(first) => match decided.get(&finer) {
                    Some(from) => (from, *first),
                    None => return everything(),
                },
                // The table itself.
                None => (level, 0),
            };
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
                    .map(|(i, parts)| Relation { total: offset.saturating_add(i), parts }),
            );
        }
    }
    match suppress(&inputs, &relations, &Limits::STANDARD) {
        Ok(pattern) => pattern.into_iter().take(level.cells.len()).collect(),
        Err(_) => everything(),
    }
}

fn input(rules: &PartRules<'_>, evidence: &PartEvidence, state: CellState) -> CellInput {
    let evidence = evidence.clone().settled(rules.shape.adds);
    let value = match rules.part.kind {
        PartKind::Rows | PartKind::Values => i128::from(evidence.count),
        PartKind::Units => i128::from(evidence.units),
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            evidence.sum
        }
    };
    let [largest, _] = evidence.largest;
    let threshold = u128::from(rules.profile.threshold_units);
    let (lower_protection, upper_protection, non_negative) = match rules.part.kind {
        // From nobody up to what would be shown.
        PartKind::Rows | PartKind::Values | PartKind::Units => {
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
