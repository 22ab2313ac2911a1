//! The anchors in memory, so that a look-up reads few.
//!
//! A cell is compared with anchors of nearly its count, and of those with the ones that have a unit in common with it:
//! they share a mark (see [`Marks`]). Anchors are found by their marks, so a look-up among a million takes some
//! microseconds, however many are of the same count.
//!
//! A gateway that adds up several nodes' cells knows no marks. Its anchors lie on shelves by scope and count,
//! and all of nearly the same count are read: side by side in memory, under 10 nanoseconds each.
//!
//! Only the values shown stay on disk. About 100 bytes an anchor, 300 for one of a small cell, and 200 to 400 for its marks.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use crate::evidence::Marks;

use super::anchor::GuardedCell;
use super::by_mark::ByMark;
use super::decide::{AnchorName, Bound, Candidate, Nearest, WINDOW, closer, nearest};
use super::residues::{FurtherResidues, HalfResidues, Residues};

/// Anchors of one scope and one count, whose marks aren't known. The lists run in parallel, so that a scan reads mostly
/// first halves. The further residues are there for all or for none, as the count says.
#[derive(Clone, Debug, Default)]
struct Shelf {
    first: Vec<HalfResidues>,
    second: Vec<HalfResidues>,
    further: Vec<FurtherResidues>,
    names: Vec<AnchorName>,
}

impl Shelf {
    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        let mut further = self.further.iter();
        let parts = self.first.iter().zip(&self.second).zip(&self.names);
        parts.map(move |((first, second), name)| Candidate {
            first,
            second,
            further: further.next(),
            name,
        })
    }
}

/// An anchor whose marks are known.
#[derive(Clone, Debug)]
struct Marked {
    scope: u128,
    n: u64,
    first: HalfResidues,
    second: HalfResidues,
    further: Option<Box<FurtherResidues>>,
    name: AnchorName,
}

impl Marked {
    fn candidate(&self) -> Candidate<'_> {
        let Self { first, second, name, .. } = self;
        Candidate { first, second, further: self.further.as_deref(), name }
    }
}

/// All anchors.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    marked: Vec<Marked>,
    by_mark: ByMark,
    unmarked: BTreeMap<(u128, u64), Shelf>,
    anchors: u64,
    /// Whether a table didn't fit any more.
    shut: bool,
}

impl Shelves {
    /// Nothing is released any more.
    pub const fn shut(&mut self) {
        self.shut = true;
    }

    /// Whether nothing is.
    #[must_use]
    pub const fn is_shut(&self) -> bool {
        self.shut
    }

    /// Makes room for so many anchors at once.
    pub fn make_room(&mut self, anchors: usize) {
        self.by_mark.make_room(anchors);
    }

    /// Puts an anchor where it is found.
    pub fn place(
        &mut self,
        scope: u128,
        n: u64,
        residues: Residues,
        marks: Option<Marks>,
        name: AnchorName,
    ) {
        self.anchors = self.anchors.saturating_add(1);
        let which = u32::try_from(self.marked.len()).ok();
        match marks.zip(which).filter(|_| self.by_mark.has_room()) {
            Some((marks, which)) => {
                self.by_mark.put(scope, n, &marks, which);
                let Residues { first, second, further } = residues;
                let further = further.map(Box::new);
                self.marked.push(Marked { scope, n, first, second, further, name });
            }
            None => {
                let shelf = self.unmarked.entry((scope, n)).or_default();
                shelf.first.push(residues.first);
                shelf.second.push(residues.second);
                shelf.further.extend(residues.further);
                shelf.names.push(name);
            }
        }
    }

    /// The closest anchor of a cell's scope among those of nearly its count which share a mark, or of which no
    /// marks are known. `residues` are its sketch's.
    #[must_use]
    pub fn nearest(&self, cell: &GuardedCell<'_>, residues: &Residues) -> Option<Nearest> {
        // Drawn when there is something to compare with; mostly there isn't.
        let bound = LazyCell::new(|| Bound::of(cell));
        let (scope, sketch) = (cell.scope(), cell.sketch());
        let (n, marks) = (sketch.n(), sketch.marks());
        let reach = WINDOW.saturating_sub(1);
        let (from, to) = (n.saturating_sub(reach), n.saturating_add(reach));
        let unmarked = self.unmarked.range((scope, from)..=(scope, to));
        let best = unmarked.fold(None, |best, ((_, count), shelf)| {
            let bound = bound.squares(n.saturating_add(*count));
            closer(best, nearest(residues, bound, shelf.candidates()))
        });
        let of_marked = |best: Option<Nearest>, anchor: &Marked| {
            if anchor.scope != scope || anchor.n < from || to < anchor.n {
                return best;
            }
            let bound = bound.squares(n.saturating_add(anchor.n));
            closer(best, nearest(residues, bound, std::iter::once(anchor.candidate())))
        };
        let Some(marks) = marks else {
            return self.marked.iter().fold(best, of_marked);
        };
        let mut near: Vec<u32> = Vec::new();
        self.by_mark.near(scope, from, to, marks, &mut near);
        near.sort_unstable();
        near.dedup();
        let anchors =
            near.iter().filter_map(|which| self.marked.get(usize::try_from(*which).ok()?));
        anchors.fold(best, of_marked)
    }

    /// Number of anchors held.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.anchors
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.anchors == 0
    }
}
