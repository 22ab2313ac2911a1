//! Which cells of a table are structural zeros: from its keys, its conditions and what the data owner
//! declared, and from no data. See [`crate::impossible`].

use crate::dataset::Dataset;
use crate::impossible::Impossible;
use crate::rules::keys::KeyValues;
use crate::tabulation::canonical::Frame;
use crate::tabulation::{Literal, MeasureKind, Part, ScalarType, Tabulation};

/// Tells structural zeros, part by part: a measure's filter may make a cell impossible.
pub(super) struct StructuralZeros<'a> {
    impossible: &'a [Impossible],
    frames: Vec<Frame<'a>>,
}

impl<'a> StructuralZeros<'a> {
    pub(super) fn of(tabulation: &'a Tabulation, parts: &[Part<'a>], dataset: &'a Dataset) -> Self {
        // The state of the data has no part in it.
        let frame = |part| Frame::of(tabulation, part, dataset, 0);
        Self { impossible: &dataset.impossible, frames: parts.iter().map(frame).collect() }
    }

    /// Whether a part of the cell with these keys is a structural zero.
    pub(super) fn holds(&self, part: usize, keys: &KeyValues) -> bool {
        let frame = self.frames.get(part);
        frame.is_some_and(|frame| self.impossible.iter().any(|i| i.is_all_of(frame, keys)))
    }

    /// Whether it is one in a margin, which has some of the keys only.
    pub(super) fn holds_in_margin(&self, part: usize, keys: &KeyValues, kept: &[usize]) -> bool {
        if self.impossible.is_empty() {
            return false;
        }
        // A key that is summed over leaves any value.
        let keys = keys.iter().enumerate();
        let keys = keys.map(|(k, value)| value.clone().filter(|_| kept.contains(&k))).collect();
        self.holds(part, &keys)
    }
}

/// What a structural zero shows: nothing of counts and totals, and no mean, which nobody has.
pub(super) fn shown(kind: &MeasureKind, shown: ScalarType) -> Option<Literal> {
    match (kind, shown) {
        (MeasureKind::Mean(_), _) => None,
        (
            MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units | MeasureKind::Sum(_),
            ScalarType::Int64,
        ) => Some(Literal::Int64(0)),
        (MeasureKind::Sum(_), ScalarType::Decimal(places)) => {
            Some(Literal::Decimal { value: 0, places })
        }
        (
            MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units | MeasureKind::Sum(_),
            _,
        ) => None,
    }
}
