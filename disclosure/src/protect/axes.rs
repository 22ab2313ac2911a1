//! Axes: the columns that a table's margins may stand at, and so which margins there are.
//!
//! A key may stand at its own column, at any coarser one that it lies within ([`crate::hierarchy`]), or be summed over. A
//! margin is a set of columns together with all that these lie within, so that a finer table is a larger set:
//!
//! ```text
//! area within district within region; by sex
//!
//! {}   {region}   {region, district}   {region, district, area}    and each of these with sex: 8 tables
//! ```
//!
//! From one to the next there is one more column, and each cell of the one is the sum of those in the next.

use std::collections::BTreeMap;

use crate::dataset::Dataset;
use crate::evidence::key_bytes;
use crate::hierarchy::{Hierarchy, ancestors, at_the_end};
use crate::rules::keys::KeyValues;
use crate::tabulation::{Key, KeySet, Scalar, Tabulation};

/// More columns than this, none of which lies within another, have too many margins.
const FINEST_MAX: usize = 4;

/// The most margins, the table itself included.
const MARGINS_MAX: usize = 64;

/// One of the columns.
struct Axis<'a> {
    scalar: Scalar,
    /// The key that tells its value.
    key: usize,
    /// The way from that key's column to this one; none where it is itself the key.
    way: Vec<&'a Hierarchy>,
    /// Places of the axes that it lies within.
    coarser: Vec<usize>,
}

/// The columns of a table's keys and all that these lie within, in an order of their own: of patterns that cost the same,
/// the one found must not depend on how the question is written, or two of them could be laid side by side.
pub(super) struct Axes<'a>(Vec<Axis<'a>>);

/// A margin: which axes it is by, the coarser ones of each included. Places, ascending.
pub(super) type Margin = Vec<usize>;

impl<'a> Axes<'a> {
    /// Of the keys that this set keeps.
    pub(super) fn of(tabulation: &Tabulation, set: KeySet, dataset: &'a Dataset) -> Self {
        let mut found: BTreeMap<String, (Scalar, usize, Vec<&Hierarchy>)> = BTreeMap::new();
        let keys = || tabulation.keys.iter().enumerate().filter(|(i, _)| set.keeps(*i));
        for (i, key) in keys() {
            found.entry(text(&key.scalar)).or_insert_with(|| (key.scalar.clone(), i, Vec::new()));
        }
        for (i, key) in keys() {
            for (name, way) in coarser(&key.scalar, dataset) {
                let scalar = Scalar::Column(name.to_owned());
                found.entry(text(&scalar)).or_insert_with(|| (scalar, i, way));
            }
        }
        let places: BTreeMap<String, usize> = found.keys().cloned().zip(0..).collect();
        let of = |name: &str| places.get(&text(&Scalar::Column(name.to_owned()))).copied();
        let axes = found.into_values().map(|(scalar, key, way)| {
            let coarser = coarser(&scalar, dataset).into_keys().filter_map(of).collect();
            Axis { scalar, key, way, coarser }
        });
        Self(axes.collect())
    }

    /// The values that a cell with these keys has on each axis.
    pub(super) fn values(&self, keys: &KeyValues) -> KeyValues {
        let value = |axis: &Axis<'_>| {
            let key = keys.get(axis.key).cloned().flatten();
            at_the_end(&axis.way, key.as_ref()).cloned()
        };
        self.0.iter().map(value).collect()
    }

    /// The margin by all of them: the table itself.
    pub(super) fn all(&self) -> Margin {
        (0..self.0.len()).collect()
    }

    /// All margins, the coarser ones first; `None` if they are too many.
    pub(super) fn margins(&self) -> Option<Vec<Margin>> {
        if FINEST_MAX < self.finest(&self.all()).len() {
            return None;
        }
        let mut order: Vec<usize> = self.all();
        // What an axis lies within comes before it: that has fewer to lie within.
        order.sort_by_key(|i| (self.0.get(*i).map_or(0, |axis| axis.coarser.len()), *i));
        let mut margins: Vec<Margin> = vec![Vec::new()];
        for place in order {
            let with: Vec<Margin> =
                margins.iter().filter_map(|margin| self.with(margin, place)).collect();
            margins.extend(with);
            if MARGINS_MAX < margins.len() {
                return None;
            }
        }
        margins.sort_by_key(|margin| (margin.len(), margin.clone()));
        Some(margins)
    }

    /// A margin with one more axis; `None` if it isn't by all that this one lies within.
    pub(super) fn with(&self, margin: &Margin, place: usize) -> Option<Margin> {
        let axis = self.0.get(place)?;
        let holds = axis.coarser.iter().all(|coarser| margin.contains(coarser));
        let mut with: Margin = margin.iter().copied().chain([place]).collect();
        with.sort_unstable();
        holds.then_some(with)
    }

    /// Those of a margin's axes that no other of its axes lies within: they tell all the others.
    pub(super) fn finest(&self, margin: &Margin) -> Vec<usize> {
        let is_coarser = |place: &usize| {
            let others = margin.iter().filter_map(|other| self.0.get(*other));
            others.into_iter().any(|axis| axis.coarser.contains(place))
        };
        margin.iter().copied().filter(|place| !is_coarser(place)).collect()
    }

    /// The names of a margin's finest axes.
    #[cfg(test)]
    pub(super) fn names(&self, margin: &Margin) -> Vec<String> {
        let names = self.finest(margin).into_iter().map(|place| &self.0[place].scalar);
        names.flat_map(Scalar::columns).map(str::to_owned).collect()
    }

    /// Where a cell with these values is in a margin by these axes, its finest.
    pub(super) fn place(finest: &[usize], values: &KeyValues) -> Vec<u8> {
        key_bytes(&Self::kept(finest, values))
    }

    /// The values on these axes.
    pub(super) fn kept(axes: &[usize], values: &KeyValues) -> KeyValues {
        axes.iter().map(|place| values.get(*place).cloned().flatten()).collect()
    }

    /// The question for a margin by itself, by these axes.
    pub(super) fn question(&self, finest: &[usize], tabulation: &Tabulation) -> Tabulation {
        let keys = finest.iter().filter_map(|place| self.0.get(*place));
        let keys = keys.map(|axis| Key { scalar: axis.scalar.clone() }).collect();
        Tabulation { keys, sets: Vec::new(), ..tabulation.clone() }
    }

    /// The values on all axes of cells of that question; none on those that aren't the margin's.
    pub(super) fn values_of(
        &self,
        finest: &[usize],
        cells: Vec<KeyValues>,
        dataset: &Dataset,
    ) -> Vec<KeyValues> {
        let mut from: Vec<(usize, usize, Vec<&Hierarchy>)> = Vec::new();
        for (key, place) in finest.iter().enumerate() {
            let Some(axis) = self.0.get(*place) else { continue };
            from.push((*place, key, Vec::new()));
            for (name, way) in coarser(&axis.scalar, dataset) {
                let scalar = Scalar::Column(name.to_owned());
                let of_coarser = self.0.iter().position(|axis| axis.scalar == scalar);
                from.extend(of_coarser.map(|place| (place, key, way)));
            }
        }
        let values = |keys: KeyValues| {
            let mut values: KeyValues = vec![None; self.0.len()];
            for (place, key, way) in &from {
                let value = keys.get(*key).and_then(Option::as_ref);
                if let Some(slot) = values.get_mut(*place) {
                    *slot = at_the_end(way, value).cloned();
                }
            }
            values
        };
        cells.into_iter().map(values).collect()
    }
}

fn text(scalar: &Scalar) -> String {
    format!("{scalar:?}")
}

/// What a key lies within, if it is a column.
fn coarser<'a>(scalar: &Scalar, dataset: &'a Dataset) -> BTreeMap<&'a str, Vec<&'a Hierarchy>> {
    match scalar {
        Scalar::Column(name) => ancestors(&dataset.hierarchies, name),
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => BTreeMap::new(),
    }
}
