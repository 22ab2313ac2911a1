//! A whole table judged: cell by cell in the order given, each against what was kept before and
//! against the cells before it.
//!
//! One function for every kind of guard, so that they cannot come to differ.

use std::collections::{BTreeMap, BTreeSet};

use super::anchor::{GuardedCell, Residues};
use super::decide::{AnchorName, Bound, Verdict, closer};
use super::error::GuardError;
use super::record::{Kept, Record, RecordKey};
use super::shelves::Shelves;

/// A judged table, with what must be kept before its answer may leave.
#[derive(Debug)]
pub struct Judged {
    /// One for each cell.
    pub verdicts: Vec<Verdict>,
    /// Records to keep: every cell that was not known.
    pub records: BTreeMap<RecordKey, Record>,
    /// The new anchors among them.
    pub anchors: Shelves,
}

/// Judges a table.
///
/// `recall` gives the record kept under a key; `shelves` holds all kept anchors; `held` is the
/// number of records kept, and the next record's order; `limit` the most that may be kept.
///
/// # Errors
/// [`GuardError::Full`] when the unknown cells do not all fit: decided before any comparison, from
/// the coordinates alone, so that the refusal says nothing about the units. A table that was
/// answered before is answered still. Also whatever `recall` fails with.
pub fn judge_table(
    cells: &[GuardedCell],
    shelves: &Shelves,
    held: u64,
    limit: u64,
    mut recall: impl FnMut(RecordKey) -> Result<Option<Record>, GuardError>,
) -> Result<Judged, GuardError> {
    let mut known = Vec::with_capacity(cells.len());
    let mut unknown = BTreeSet::new();
    for cell in cells {
        let record = recall(key(cell))?;
        if record.is_none() {
            unknown.insert(key(cell));
        }
        known.push(record);
    }
    let needed = u64::try_from(unknown.len()).unwrap_or(u64::MAX);
    if needed > 0 && held.saturating_add(needed) > limit {
        return Err(GuardError::Full { held, limit, needed });
    }

    let mut order = held;
    let mut verdicts = Vec::with_capacity(cells.len());
    let mut records: BTreeMap<RecordKey, Record> = BTreeMap::new();
    let mut anchors = Shelves::default();
    for (cell, known) in cells.iter().zip(known) {
        if let Some(record) = known.or_else(|| records.get(&key(cell)).cloned()) {
            verdicts.push(Verdict::Same(record.released));
            continue;
        }
        let residues = Residues::of(cell.sketch());
        let (bound, marks) = (Bound::of(cell.sketch()), cell.sketch().marks());
        let near = closer(
            shelves.nearest(cell.scope(), cell.n(), &residues, marks, bound),
            anchors.nearest(cell.scope(), cell.n(), &residues, marks, bound),
        );
        let (verdict, record) = if let Some(near) = near {
            let place = (cell.scope(), near.name.coordinate);
            let anchor = match records.get(&place) {
                Some(record) => Some(record.clone()),
                None => recall(place)?,
            };
            // The shelves are made of the records; an anchor without one is a broken guard.
            let released = anchor.ok_or(GuardError::Stopped)?.released;
            let record = Record { order, released: released.clone(), sketch: None };
            (Verdict::Snap(released), record)
        } else {
            let name = AnchorName { coordinate: cell.coordinate(), order };
            let kept = Kept { n: cell.n(), residues, marks: marks.copied() };
            anchors.place(cell.scope(), kept.n, residues, kept.marks, name);
            let released = cell.released().clone();
            (Verdict::Fresh, Record { order, released, sketch: Some(kept) })
        };
        records.insert(key(cell), record);
        verdicts.push(verdict);
        order = order.saturating_add(1);
    }
    Ok(Judged { verdicts, records, anchors })
}

fn key(cell: &GuardedCell) -> RecordKey {
    (cell.scope(), cell.coordinate())
}
