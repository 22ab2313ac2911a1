//! Which cells of a table are structural zeros: from its keys, its conditions and what the data owner
//! declared, and from no data. See [`crate::impossible`].

use crate::dataset::Dataset;
use crate::impossible::Impossible;
use crate::rules::keys::KeyValues;
use crate::shown::{ShownType, ShownValue};
use crate::tabulation::canonical::Frame;
use crate::tabulation::{
    Association, Bins, KeySet, Literal, Measure, MeasureKind, Part, ScalarType, Tabulation,
};

/// Tells structural zeros, part by part: a measure's filter may make a cell impossible.
pub(super) struct StructuralZeros<'a> {
    impossible: &'a [Impossible],
    keys: usize,
    frames: Vec<Frame<'a>>,
}

impl<'a> StructuralZeros<'a> {
    pub(super) fn of(
        tabulation: &'a Tabulation,
        parts: &'a [Part<'a>],
        dataset: &'a Dataset,
    ) -> Self {
        // The state of the data has no part in it.
        let frame = |part| Frame::of(tabulation, part, dataset, 0);
        let frames = parts.iter().map(frame).collect();
        Self { impossible: &dataset.impossible, keys: tabulation.keys.len(), frames }
    }

    /// Whether a part of the cell that keeps the keys of this set, with these values, is a structural zero.
    pub(super) fn holds(&self, part: usize, set: KeySet, keys: &KeyValues) -> bool {
        let frame = self.frames.get(part);
        frame.is_some_and(|frame| self.impossible.iter().any(|i| i.is_all_of(frame, set, keys)))
    }

    /// Whether it is one in a margin of a table whose keys stand in this order, by their places among the
    /// Tabulation's. The margin keeps some of the table's keys only; any other leaves any value.
    pub(super) fn holds_in_margin(
        &self,
        part: usize,
        order: &[usize],
        keys: &KeyValues,
        kept: &[usize],
    ) -> bool {
        if self.impossible.is_empty() {
            return false;
        }
        let at = |k: &usize| Some((*order.get(*k)?, keys.get(*k)?.clone()));
        let Some(kept) = kept.iter().map(at).collect::<Option<Vec<_>>>() else { return false };
        let Some(set) = KeySet::of(kept.iter().map(|(i, _)| *i)) else { return false };
        let mut of_tabulation: KeyValues = vec![None; self.keys];
        for (i, value) in kept {
            if let Some(slot) = of_tabulation.get_mut(i) {
                *slot = value;
            }
        }
        self.holds(part, set, &of_tabulation)
    }
}

/// What a structural zero shows: nothing of counts and totals, and no mean, quantile or moment, which nobody has.
pub(super) fn shown(
    measure: &Measure,
    shown_type: ShownType,
    dataset: &Dataset,
) -> Option<ShownValue> {
    match (&measure.kind, shown_type) {
        (MeasureKind::Mean(_) | MeasureKind::Quantile { .. } | MeasureKind::Dispersion(..), _) => {
            None
        }
        (MeasureKind::Histogram(argument), ShownType::Counts) => {
            let bins = Bins::of(argument, dataset)?;
            Some(ShownValue::Counts(vec![Some(0); bins.count()]))
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Association(Association::Pairs, _, _),
            ShownType::Scalar(ScalarType::Int64),
        ) => Some(ShownValue::Scalar(Literal::Int64(0))),
        (MeasureKind::Sum(_), ShownType::Scalar(ScalarType::Decimal(places))) => {
            Some(ShownValue::Scalar(Literal::Decimal { value: 0, places }))
        }
        (
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Histogram(_)
            | MeasureKind::Association(..),
            ShownType::Scalar(_) | ShownType::Counts,
        ) => None,
    }
}
