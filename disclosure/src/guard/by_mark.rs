//! Anchors by the marks of their units.
//!
//! A mark, a scope and a span of 256 counts give a number; under it stand the anchors that have them, one linked to the
//! one before. Whoever looks for anchors of nearly a count reads one span for each mark, or two. Where a unit is in many
//! releases, most are of other counts, and aren't read.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::evidence::{MARKS, Marks};
use crate::keyed::mix;

/// Counts of a span, as a power of two.
const SPAN_BITS: u32 = 8;

/// No link.
const NOTHING: u32 = u32::MAX;

/// Which anchors have which marks.
#[derive(Clone, Debug, Default)]
pub(super) struct ByMark {
    /// The last link of each number.
    last: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
    links: Vec<Link>,
}

/// An anchor, and the link before.
#[derive(Clone, Copy, Debug)]
struct Link {
    anchor: u32,
    /// [`NOTHING`] where there is none.
    before: u32,
}

/// The number of a mark in a scope and of a span of counts. What falls together is told apart when the anchor is read.
const fn number_of(scope: u128, span: u64, mark: u32) -> u64 {
    let folded = (scope ^ (scope >> 64)) as u64;
    mix(mix(folded ^ span) ^ mark as u64)
}

impl ByMark {
    /// Whether another anchor can be put here.
    pub(super) fn has_room(&self) -> bool {
        u32::try_from(self.links.len().saturating_add(MARKS)).is_ok()
    }

    /// Makes room for so many anchors at once.
    pub(super) fn make_room(&mut self, anchors: usize) {
        let links = anchors.saturating_mul(MARKS);
        self.last.reserve(links);
        self.links.reserve(links);
    }

    /// Puts an anchor where it is found.
    pub(super) fn put(&mut self, scope: u128, n: u64, marks: &Marks, anchor: u32) {
        for mark in marks.iter() {
            let Ok(next) = u32::try_from(self.links.len()) else { return };
            let before = self.last.insert(number_of(scope, n >> SPAN_BITS, mark), next);
            let before = before.unwrap_or(NOTHING);
            self.links.push(Link { anchor, before });
        }
    }

    /// Tells `near` of anchors: all that share a mark and have a count within these, each perhaps more than once, and some
    /// others.
    pub(super) fn near(&self, scope: u128, from: u64, to: u64, marks: &Marks, near: &mut Vec<u32>) {
        for span in from >> SPAN_BITS..=to >> SPAN_BITS {
            for mark in marks.iter() {
                let last = self.last.get(&number_of(scope, span, mark));
                let mut at = last.copied().unwrap_or(NOTHING);
                while let Some(Link { anchor, before }) = self.link(at) {
                    near.push(anchor);
                    at = before;
                }
            }
        }
    }

    fn link(&self, at: u32) -> Option<Link> {
        self.links.get(usize::try_from(at).ok()?).copied()
    }
}

/// For numbers that are well mixed as they are, and digests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = mix(self.0 ^ (number ^ (number >> 64)) as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(units: std::ops::Range<u64>) -> Marks {
        let mut marks = Marks::NONE;
        units.for_each(|unit| marks.add(mix(unit)));
        marks
    }

    #[test]
    fn anchors_are_found_by_a_mark_a_scope_and_a_count() {
        let mut by_mark = ByMark::default();
        for (anchor, (scope, n, first)) in
            [(1, 20, 0), (1, 270, 0), (1, 4_000, 0), (2, 20, 0), (1, 20, 900)].iter().enumerate()
        {
            let anchor = u32::try_from(anchor).unwrap();
            by_mark.put(*scope, *n, &marks(*first..first + 20), anchor);
        }
        let found = |scope, from, to, first: u64| {
            let mut near: Vec<u32> = Vec::new();
            by_mark.near(scope, from, to, &marks(first..first + 20), &mut near);
            near.sort_unstable();
            near.dedup();
            near
        };
        assert_eq!(found(1, 0, 59, 0), [0]);
        assert_eq!(found(1, 200, 278, 0), [0, 1], "of two spans");
        assert_eq!(found(1, 3_961, 4_039, 0), [2]);
        assert_eq!(found(2, 0, 59, 0), [3]);
        assert_eq!(found(1, 0, 59, 900), [4]);
        assert!(found(1, 0, 59, 500).is_empty());
        assert!(found(1, u64::MAX - 78, u64::MAX, 0).is_empty());
    }
}
