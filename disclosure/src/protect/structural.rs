//! Which cells of a table are structural zeros: from its keys, its conditions and what the data owner
//! declared, and from no data. See [`crate::impossible`] and [`crate::hierarchy`].

use std::collections::{BTreeSet, HashSet};

use crate::dataset::Dataset;
use crate::evidence::key_bytes;
use crate::hierarchy::{Hierarchy, ancestors, at_the_end};
use crate::impossible::Impossible;
use crate::rules::keys::KeyValues;
use crate::shown::{ShownType, ShownValue};
use crate::tabulation::canonical::Frame;
use crate::tabulation::{
    Association, Bins, KeySet, Literal, Measure, MeasureKind, Part, Scalar, ScalarType, Tabulation,
};

/// Tells structural zeros, part by part: a measure's filter may make a cell impossible.
pub(super) struct StructuralZeros<'a> {
    impossible: &'a [Impossible],
    hierarchies: &'a [Hierarchy],
    tied: Vec<Tied<'a>>,
    frames: Vec<Frame<'a>>,
}

/// Two columns that a hierarchy ties, and which of their codes are anybody's together.
struct Tied<'a> {
    columns: [&'a str; 2],
    pairs: HashSet<Vec<u8>>,
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
        let (impossible, hierarchies) = (&dataset.impossible, &dataset.hierarchies);
        Self { impossible, hierarchies, tied: tied(tabulation, hierarchies), frames }
    }

    /// Whether a part of the cell that keeps the keys of this set, with these values, is a structural zero.
    pub(super) fn holds(&self, part: usize, set: KeySet, keys: &KeyValues) -> bool {
        if self.impossible.is_empty() && self.tied.is_empty() {
            return false;
        }
        let Some(frame) = self.frames.get(part) else { return false };
        let left = |name: &str| self.left(frame, name, set, keys);
        let never_together = |tied: &Tied<'_>| {
            let codes = tied.columns.map(|name| only(frame.values_left(name, set, keys)));
            codes.iter().all(Option::is_some) && !tied.pairs.contains(&key_bytes(&codes))
        };
        self.impossible.iter().any(|i| i.is_all_of(left)) || self.tied.iter().any(never_together)
    }

    /// The values that keys and conditions leave of a column, be it by what they leave of a finer one.
    fn left(
        &self,
        frame: &Frame<'_>,
        name: &str,
        set: KeySet,
        keys: &KeyValues,
    ) -> Option<Vec<Literal>> {
        let by_a_finer = || {
            let finer = self.hierarchies.iter().filter(|h| h.within() == name);
            let mut left = finer.filter_map(|h| {
                let finer = self.left(frame, h.column(), set, keys)?;
                finer.iter().map(|code| h.parent(Some(code)).cloned()).collect()
            });
            left.next()
        };
        frame.values_left(name, set, keys).or_else(by_a_finer)
    }
}

/// The value, if there is one only.
fn only(values: Option<Vec<Literal>>) -> Option<Literal> {
    let mut values = values?.into_iter();
    values.next().filter(|_| values.next().is_none())
}

/// The columns that a question names and hierarchies tie, two by two: the one lies within the other, or a third within both.
fn tied<'a>(tabulation: &Tabulation, hierarchies: &'a [Hierarchy]) -> Vec<Tied<'a>> {
    if hierarchies.is_empty() {
        return Vec::new();
    }
    let filters = tabulation.measures.iter().filter_map(|m| m.filter.as_ref());
    let conditions = tabulation.input.predicates().into_iter().chain(filters);
    let keys = tabulation.keys.iter().map(|key| &key.scalar);
    let named: BTreeSet<&str> = keys.chain(conditions).flat_map(Scalar::columns).collect();
    let finer: BTreeSet<&str> = hierarchies.iter().map(Hierarchy::column).collect();
    let mut tied = Vec::new();
    for column in finer {
        let mut ways: Vec<(&str, Vec<&Hierarchy>)> =
            ancestors(hierarchies, column).into_iter().collect();
        ways.push((column, Vec::new()));
        ways.retain(|(name, _)| named.contains(name));
        let of_column = || hierarchies.iter().filter(|h| h.column() == column);
        for (i, (one, to_one)) in ways.iter().enumerate() {
            for (other, to_other) in ways.iter().skip(i.saturating_add(1)) {
                let codes = of_column().flat_map(Hierarchy::codes);
                let pairs = codes.map(|(code, _)| {
                    let at = |way: &[&Hierarchy]| at_the_end(way, Some(code)).cloned();
                    key_bytes(&[at(to_one), at(to_other)])
                });
                tied.push(Tied { columns: [one, other], pairs: pairs.collect() });
            }
        }
    }
    tied
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
