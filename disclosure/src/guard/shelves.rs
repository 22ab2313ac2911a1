//! The anchors' residues in memory, by scope and count.
//!
//! A look-up compares a cell with every anchor of nearly its count. Read one by one from a tree on
//! disk they cost about 400 nanoseconds each; side by side in memory under 10. So the
//! durable store loads them when it opens, and only the values shown stay on disk.
//! About 100 bytes an anchor, 300 for one of a small cell.

use std::collections::BTreeMap;

use super::anchor::{FurtherResidues, HalfResidues, Residues};
use super::decide::{AnchorName, Bound, Candidate, Nearest, WINDOW, closer, nearest};

/// Anchors of one scope and one count. The lists run in parallel, so that a scan reads mostly
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

/// All anchors, shelved by scope and count.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    shelves: BTreeMap<(u128, u64), Shelf>,
    anchors: u64,
}

impl Shelves {
    /// Puts an anchor on its shelf.
    pub fn place(&mut self, scope: u128, n: u64, residues: Residues, name: AnchorName) {
        let shelf = self.shelves.entry((scope, n)).or_default();
        shelf.first.push(residues.first);
        shelf.second.push(residues.second);
        shelf.further.extend(residues.further);
        shelf.names.push(name);
        self.anchors = self.anchors.saturating_add(1);
    }

    /// Moves all anchors of `other` here.
    pub fn absorb(&mut self, other: Self) {
        for (key, mut more) in other.shelves {
            let shelf = self.shelves.entry(key).or_default();
            shelf.first.append(&mut more.first);
            shelf.second.append(&mut more.second);
            shelf.further.append(&mut more.further);
            shelf.names.append(&mut more.names);
        }
        self.anchors = self.anchors.saturating_add(other.anchors);
    }

    /// The closest anchor of this scope among those of nearly this count.
    #[must_use]
    pub fn nearest(
        &self,
        scope: u128,
        n: u64,
        residues: &Residues,
        bound: Bound,
    ) -> Option<Nearest> {
        let reach = WINDOW.saturating_sub(1);
        let span = (scope, n.saturating_sub(reach))..=(scope, n.saturating_add(reach));
        self.shelves.range(span).fold(None, |best, ((_, count), shelf)| {
            let bound = bound.squares(n.saturating_add(*count));
            closer(best, nearest(residues, bound, shelf.candidates()))
        })
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
