//! A whole table judged: cell by cell in the order given, each against what was kept before and
//! against the cells before it.
//!
//! One function for every kind of guard, so that they cannot come to differ.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hint::black_box;

use super::anchor::{GuardedCell, Released};
use super::by_mark::AsItIs;
use super::decide::{AnchorName, Standing, Verdict};
use super::error::GuardError;
use super::record::{Kept, Record, RecordKey};
use super::residues::Residues;
use super::shelves::Shelves;

/// A judged table, with what must be kept before its answer may leave.
#[derive(Debug)]
pub struct Judged {
    /// One for each cell.
    pub verdicts: Vec<Verdict>,
    /// What is to be kept: of every cell that was not known and is compared, in the order given.
    pub new: Vec<NewRecord>,
}

/// What is to be kept of a cell.
#[derive(Debug)]
pub struct NewRecord {
    /// The cell's place in the table.
    cell: usize,
    order: u64,
    /// The value shown.
    pub released: Released,
    /// What later cells are compared with it as, if they are.
    standing: Option<Standing>,
}

impl NewRecord {
    /// The cell's place in the table that was judged.
    #[must_use]
    pub const fn cell(&self) -> usize {
        self.cell
    }

    /// The key to keep it under, in the table that was judged.
    #[must_use]
    pub fn key(&self, cells: &[GuardedCell<'_>]) -> Option<RecordKey> {
        cells.get(self.cell).map(GuardedCell::key)
    }

    /// The record, of the table that was judged.
    #[must_use]
    pub fn record(&self, cells: &[GuardedCell<'_>]) -> Option<Record> {
        let cell = cells.get(self.cell)?;
        let sketch = cell.sketch();
        let (residues, marks) = (Residues::of(sketch), sketch.marks().copied());
        let kept = self.standing.map(|standing| {
            let left = match standing {
                Standing::Released | Standing::Withheld => None,
                Standing::Echo { left } => Some(left),
            };
            Kept { n: cell.n(), residues, marks, left }
        });
        let (order, released) = (self.order, self.released.clone());
        Some(Record { order, released, sketch: kept })
    }
}

/// Judges a table.
///
/// A cell that [isn't compared](GuardedCell::is_compared) is fresh, and nothing is kept of it. All are looked up, whether
/// anything comes of it or not, so that the time doesn't tell.
///
/// `recall` gives the value kept under a key; `shelves` holds all kept anchors, and gets the new ones; `held` is the
/// number of records kept, and the next record's order; `limit` the most that may be kept.
///
/// # Errors
/// [`GuardError::Full`] when the unknown cells do not all fit: decided before any comparison, from
/// the coordinates alone, those included of which nothing will be kept, so that the refusal says nothing about the units. From then
/// on it is what every table gets, known or not: of few units nothing is kept, so that what is known would tell how many there are.
/// Nothing else has changed then. Also whatever `recall` fails with: `shelves` may hold
/// anchors without a record by then, and mustn't be used any more.
pub fn judge_table(
    cells: &[GuardedCell<'_>],
    shelves: &mut Shelves,
    held: u64,
    limit: u64,
    mut recall: impl FnMut(RecordKey) -> Result<Option<Released>, GuardError>,
) -> Result<Judged, GuardError> {
    if shelves.is_shut() {
        return Err(GuardError::Full { held, limit, needed: 0 });
    }
    // What each cell is known by: the value that is kept, or which of the new records it has.
    let mut known: Vec<Known> = Vec::with_capacity(cells.len());
    let mut new = NewRecords::default();
    let mut apart = 0_u64;
    for cell in cells {
        known.push(match recall(cell.key())? {
            _ if !cell.is_compared() => {
                apart = apart.saturating_add(1);
                Known::Apart
            }
            Some(released) => Known::Kept(released),
            None => Known::New(new.number(cell.key())),
        });
    }
    let needed = u64::try_from(new.numbers.len()).unwrap_or(u64::MAX).saturating_add(apart);
    if needed > 0 && held.saturating_add(needed) > limit {
        shelves.shut();
        return Err(GuardError::Full { held, limit, needed });
    }
    shelves.make_room(new.numbers.len());
    new.records.reserve(new.numbers.len());

    let mut order = held;
    let mut verdicts = Vec::with_capacity(cells.len());
    for (at, (cell, known)) in cells.iter().zip(known).enumerate() {
        let (scope, residues) = (cell.scope(), Residues::of(cell.sketch()));
        let near = black_box(shelves.nearest(cell, &residues));
        let earlier = match known {
            Known::Apart => {
                verdicts.push(Verdict::Fresh);
                continue;
            }
            Known::Kept(released) => Some(released),
            Known::New(number) => new.released(number),
        };
        if let Some(released) = earlier {
            verdicts.push(Verdict::Same(released));
            continue;
        }
        let (verdict, standing) = match near {
            Some(near) => {
                let place = (scope, near.name.coordinate);
                let anchor = match new.numbers.get(&place) {
                    Some(number) => new.released(*number),
                    None => recall(place)?,
                };
                // What is of the same units, as far as the sketch tells, is near to whatever that is near to.
                let is_another = 0 < near.squares;
                let standing = is_another.then_some(Standing::Echo { left: near.left });
                // The shelves are made of the records; an anchor without one is a broken guard.
                (Verdict::Snap(anchor.ok_or(GuardError::Stopped)?), standing)
            }
            None => (Verdict::Fresh, Some(Standing::of(cell.released()))),
        };
        if let Some(standing) = standing {
            let name = AnchorName { coordinate: cell.coordinate(), order, standing };
            shelves.place(scope, cell.n(), residues, cell.sketch().marks().copied(), name);
        }
        let released = match &verdict {
            Verdict::Snap(earlier) | Verdict::Same(earlier) => earlier.clone(),
            Verdict::Fresh => cell.released().clone(),
        };
        new.records.push(NewRecord { cell: at, order, released, standing });
        verdicts.push(verdict);
        order = order.saturating_add(1);
    }
    Ok(Judged { verdicts, new: new.records })
}

/// What a cell is known by.
enum Known {
    /// It isn't compared with any.
    Apart,
    /// It was answered before.
    Kept(Released),
    /// It wasn't: the number of its record.
    New(usize),
}

/// Records of cells that weren't known, numbered as they come.
#[derive(Default)]
struct NewRecords {
    numbers: HashMap<RecordKey, usize, BuildHasherDefault<AsItIs>>,
    records: Vec<NewRecord>,
}

impl NewRecords {
    fn number(&mut self, key: RecordKey) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(key).or_insert(next)
    }

    /// The value of a record, if it was made.
    fn released(&self, number: usize) -> Option<Released> {
        self.records.get(number).map(|record| record.released.clone())
    }
}
