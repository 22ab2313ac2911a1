//! States of the data: tables of two states, of nearly the same units, aren't both released where nothing is added to them.
//!
//! ```text
//! by area, before a load    all units
//! by sex, after it          all units and one who came     the totals differ by what the newcomer has
//! ```
//!
//! No two cells of these are of nearly the same units, so that the guard on cells sees nothing. But all cells of a table
//! together are the whole of the dataset, and where a profile answers whole tables only, that is the same whatever the
//! table is by. So the whole is compared as a cell is: if it differs from an earlier whole by a few units, nothing of the
//! table is shown. Who has a value and how much is compared as well, for each part by itself: where that differs by a few, nothing of
//! the part is shown. The same units under another name of the state are the same whole. The first whole of its kind is kept,
//! so that small loads add up until they are together enough.
//!
//! *Stops*: attack 23 under `exact` and `round-5`. *Doesn't stop*: units whose columns change and who stay: they are in both
//! wholes. An amount that changes is another in each kind of part that adds it up, and compared with that kind only.
//!
//! *Source*: ours; the comparison is the difference guard's, [`crate::guard`].

use super::margins::suppress_slot;
use super::{Keyed, PartRules, Shown};
use crate::admit::Admitted;
use crate::evidence::PartEvidence;
use crate::guard::{GuardError, GuardedCell, Judge, Verdict};
use crate::policy::Complementary;
use crate::rules::guard::Whole;
use crate::tabulation::{PartKind, Tabulation};

/// Suppresses the parts whose whole differs from an earlier one by a few units: all, where the whole of all rows does.
pub(super) fn compare(
    admitted: &Admitted<Tabulation>,
    rules: &[PartRules<'_>],
    cells: &[Keyed],
    shown: &mut [Vec<Shown>],
    judge: &mut Judge<'_>,
) -> Result<(), GuardError> {
    match admitted.dataset().profile().complementary {
        Complementary::On => {}
        Complementary::Off => return Ok(()),
    }
    // Each grouping set has all units in it.
    let Some(set) = cells.first().map(|(_, cell)| cell.set) else { return Ok(()) };
    let of_set = || cells.iter().filter(|(_, cell)| cell.set == set);
    let wholes: Vec<PartEvidence> = (0..rules.len())
        .map(|p| {
            let mut whole = PartEvidence::default();
            of_set().filter_map(|(_, cell)| cell.parts.get(p)).for_each(|part| whole.merge(part));
            whole
        })
        .collect();
    let named = rules.iter().zip(&wholes);
    let named: Vec<Whole<'_>> = named
        .map(|(r, whole)| Whole::of(r.part, admitted.dataset(), whole))
        .collect::<Result<_, _>>()?;
    let guarded: Vec<GuardedCell<'_>> = named.iter().map(|whole| whole.cell.clone()).collect();
    let verdicts = judge(&guarded)?;
    let is_itself = |(verdict, whole): (Verdict, &Whole<'_>)| match verdict {
        Verdict::Fresh => true,
        Verdict::Same(kept) | Verdict::Snap(kept) => kept == *whole.cell.released(),
    };
    let stand: Vec<bool> = verdicts.into_iter().zip(&named).map(is_itself).collect();
    let all_rows = rules.iter().zip(&stand).filter(|(r, _)| r.part.kind == PartKind::Rows);
    // Without the whole of all rows nothing is known of who is in the table.
    let all_rows = all_rows.map(|(_, stands)| *stands).reduce(|a, b| a && b).unwrap_or(false);
    for (p, stands) in stand.into_iter().enumerate() {
        if !(stands && all_rows) {
            shown.iter_mut().filter_map(|row| row.get_mut(p)).for_each(suppress_slot);
        }
    }
    Ok(())
}
