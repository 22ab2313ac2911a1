//! Where a cell is: one coordinate for one population, however it was asked for.
//!
//! `GROUP BY region` has a cell for Wales; `WHERE region = 'Wales'` is that cell; so is
//! `WHERE region IN ('Wales')`; so is the margin for Wales of `GROUP BY CUBE (region, sex)`. They get one
//! coordinate, and so one noise. What a predicate says of one column becomes the set of values it leaves:
//!
//! * exactly the key's value, where the column is itself a key: the condition is true of every row of the cell. A measure's
//!   own filter isn't: where it isn't true of the key's value it leaves nobody, and stands beside the key;
//! * the values listed, where the conditions are `c = v` and `c IN (...)`;
//! * otherwise the conditions as they are written, in a fixed form. A published domain doesn't help: rows may have
//!   no value, or one outside it, and two populations must never share a coordinate.
//!
//! A look-up of a column is like a column: `GROUP BY p.region` after a join has the cell that `WHERE p.region = 'Wales'`
//! is, and so has `WHERE lsoa IN (SELECT lsoa FROM ons.population WHERE region = 'Wales')`. That there is a row to look up
//! is said by an inner join and not by a left one; where another column of the same row is fixed, it says nothing more.
//! The reference is told by its name, its key and the column, not by its content
//! ([why](../../../../docs/disclosure/noise.md)).
//!
//! What rows are joined to by their unit is part of every cell's place, with its conditions in the same form and the state
//! of its data.
//!
//! That a moment takes only rows where a second column has a value is a condition like one that is written.
//!
//! Two ways of asking that aren't recognised as one only cost noise of a second draw: the cell key,
//! which depends on the units alone, still is the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::interpret::truth;
use super::{Comparison, Input, KeySet, Literal, Part, Reference, RollUp, Scalar, Tabulation};
use crate::dataset::Dataset;
use crate::evidence::{key_bytes, put_key_bytes};
use crate::keyed::digest;
use crate::rules::keys::KeyValues;

/// A cell's coordinate: 128 bits of a digest over its canonical description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinate(u128);

impl Coordinate {
    /// The digest's bytes, little end first.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The digest as a number.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

/// What is the same for all cells of a part: computed once for a table.
#[derive(Debug)]
pub struct Frame<'a> {
    tabulation: &'a Tabulation,
    /// What each key is, and what its text begins with.
    keys: Vec<(Option<Axis>, Vec<u8>)>,
    /// Predicates over exactly one axis, by axis.
    of_axes: OfAxes<'a>,
    /// Those of them that are the part's own: rows for which they aren't true are in the cell all the same.
    of_part: OfAxes<'a>,
    /// All others, as text.
    others: Vec<Vec<u8>>,
    heading: String,
}

impl<'a> Frame<'a> {
    /// The frame of one part of a Tabulation, over a state of the data.
    #[must_use]
    pub fn of(
        tabulation: &'a Tabulation,
        part: &'a Part<'_>,
        dataset: &'a Dataset,
        snapshot: u64,
    ) -> Self {
        let conjuncts =
            |predicate: &'a Scalar| predicate.conjuncts().into_iter().map(Cow::Borrowed);
        let of_rows = tabulation.input.predicates().into_iter().flat_map(conjuncts);
        let filter = part.filter.as_deref().into_iter().flat_map(conjuncts);
        let is_there =
            |beside: &Scalar| Scalar::Not(Box::new(Scalar::IsNull(Box::new(beside.clone()))));
        let beside = part.beside.map(|beside| Cow::Owned(is_there(beside)));
        let (of_part, _) = by_axis(filter.clone().chain(beside.clone()));
        let (of_axes, others) = by_axis(of_rows.chain(filter).chain(beside));
        let rows = roll_up_text(&tabulation.input).into_iter();
        let rows = rows.chain(unit_joins_text(&tabulation.input));
        // By a digest, so that it can't be read as something else.
        let rows: String = rows.map(|text| format!(" {:032x}", digest(&text))).collect();
        let heading = format!("{} {snapshot} {}{rows}", dataset.name, part.name(dataset));
        let keys = tabulation.keys.iter().map(|key| match Axis::of(&key.scalar) {
            Some(axis) => {
                let begins = format!("{}=", axis.name).into_bytes();
                (Some(axis), begins)
            }
            None => (None, format!("{:?}=", key.scalar).into_bytes()),
        });
        let others = others.into_iter().map(String::into_bytes).collect();
        Self { tabulation, keys: keys.collect(), of_axes, of_part, others, heading }
    }

    /// The coordinate of the cell that keeps the keys of this set, with these values. A key that is rolled up
    /// isn't part of it, so that a margin is where the question for it alone has it.
    #[must_use]
    pub fn coordinate(&self, set: KeySet, keys: &KeyValues) -> Coordinate {
        let mut texts: Vec<Cow<'_, [u8]>> = Vec::new();
        let mut fixed: Fixed<'_> = BTreeMap::new();
        for ((axis, begins), value) in set.kept(&self.keys).zip(set.kept(keys)) {
            if let (Some(axis), false) = (axis, self.of_axes.is_empty()) {
                fixed.insert(axis, value.as_ref());
            }
            let mut text = Vec::with_capacity(begins.len().saturating_add(24));
            text.extend_from_slice(begins);
            put_key_bytes(std::slice::from_ref(value), &mut text);
            texts.push(Cow::Owned(text));
        }
        if !self.of_axes.is_empty() {
            texts.extend(axes_texts(&self.of_axes, &fixed).into_iter().map(Cow::Owned));
            for (axis, conditions) in &self.of_part {
                let Some(value) = fixed.get(axis) else { continue };
                if !conditions.iter().all(|condition| is_true_of(axis, *value, condition)) {
                    let text = axis_texts(axis, conditions).into_iter();
                    texts.extend(text.map(|text| Cow::Owned([b"only ", text.as_slice()].concat())));
                }
            }
        }
        texts.extend(self.others.iter().map(|text| Cow::Borrowed(text.as_slice())));
        // Whatever their order, and each once.
        texts.sort_unstable();
        texts.dedup();
        let length = texts
            .iter()
            .map(|text| text.len().saturating_add(8))
            .fold(self.heading.len(), usize::saturating_add);
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(self.heading.as_bytes());
        for text in texts {
            // Lengths come first, so that no two descriptions run together.
            bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            bytes.extend_from_slice(&text);
        }
        Coordinate(digest(&bytes))
    }
}

impl Frame<'_> {
    /// The values that keys and conditions leave of a column in the cell that keeps the keys of this set, with
    /// these values; `None` where that can't be listed, NULL is among them, or the column is cut in another way.
    /// A key that is rolled up leaves what the conditions leave, as if it weren't asked for.
    #[must_use]
    pub(crate) fn values_left(
        &self,
        name: &str,
        set: KeySet,
        keys: &KeyValues,
    ) -> Option<Vec<Literal>> {
        let axis = Axis::column(name);
        let mut kept = set.kept(&self.tabulation.keys).zip(set.kept(keys));
        match kept.find(|(key, _)| Axis::of(&key.scalar).as_ref() == Some(&axis)) {
            Some((_, value)) => value.clone().map(|value| vec![value]),
            None => listed(&axis, self.of_axes.get(&axis)?),
        }
    }
}

/// What conditions say together, whatever their order and nesting: a text for each column or
/// expression.
#[must_use]
pub fn condition_texts<'a>(predicates: impl Iterator<Item = &'a Scalar>) -> BTreeSet<Vec<u8>> {
    let written = predicates.flat_map(Scalar::conjuncts).map(Cow::Borrowed);
    let (of_axes, others) = by_axis(written);
    let mut texts: BTreeSet<Vec<u8>> = others.into_iter().map(String::into_bytes).collect();
    texts.extend(axes_texts(&of_axes, &BTreeMap::new()));
    texts
}

/// What a roll-up says, whatever the order and nesting of its conditions; `None` of rows as they are.
#[must_use]
pub fn roll_up_text(input: &Input) -> Option<Vec<u8>> {
    input.roll_up().map(|(roll_up, below)| roll_up_text_of(roll_up, below))
}

/// What a roll-up of these rows says.
#[must_use]
pub(crate) fn roll_up_text_of(roll_up: &RollUp, below: &Input) -> Vec<u8> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    texts.extend(roll_up.dimensions.iter().map(|name| format!("keeps {name}").into_bytes()));
    for count in &roll_up.counts {
        texts.push(format!("counts {:?}", count.values_of).into_bytes());
        texts.extend(condition_texts(count.filter.iter()));
    }
    for total in &roll_up.totals {
        texts.push(format!("adds {}", total.of).into_bytes());
        texts.extend(condition_texts(total.filter.iter()));
    }
    texts.push(b"of".to_vec());
    texts.extend(condition_texts(below.predicates().into_iter()));
    together(texts)
}

/// What joins by the unit say, whatever their order, and the order and nesting of their conditions; `None` without any.
/// The states of the joined Datasets aren't in it.
#[must_use]
pub fn unit_joins_text(input: &Input) -> Option<Vec<u8>> {
    let joins = input.unit_joins();
    let each = joins.iter().map(|join| {
        let named = format!("joined {} {}", join.kind.as_str(), join.dataset).into_bytes();
        let conditions = condition_texts(join.predicate.iter());
        together(std::iter::once(named).chain(conditions))
    });
    let each: BTreeSet<Vec<u8>> = each.collect();
    (!each.is_empty()).then(|| together(each))
}

fn together(texts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        // Lengths come first, so that no two descriptions run together.
        bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend(text);
    }
    bytes
}

/// What keys and conditions can be about: a column, or what a reference says of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Axis {
    name: String,
    /// The reference's row that is looked up: the reference, and the column it is looked up by.
    row: Option<(Reference, String)>,
    /// Whether it is the reference's key, which is there wherever the row is.
    is_key: bool,
}

impl Axis {
    fn column(name: &str) -> Self {
        Self { name: name.to_owned(), row: None, is_key: false }
    }

    /// What an expression is, if it is an axis itself.
    fn of(scalar: &Scalar) -> Option<Self> {
        match scalar {
            Scalar::Column(name) => Some(Self::column(name)),
            Scalar::Lookup { reference, column, key, .. } => match key.as_ref() {
                // No column's name has a space.
                Scalar::Column(by) => Some(Self {
                    name: format!("{column} of {reference} = {by}"),
                    row: Some((reference.clone(), by.clone())),
                    is_key: *column == reference.key,
                }),
                _ => None,
            },
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
            | Scalar::Cast { .. } => None,
        }
    }

    /// All that an expression is about.
    fn within(scalar: &Scalar, found: &mut BTreeSet<Self>) {
        if let Some(axis) = Self::of(scalar) {
            found.insert(axis);
            return;
        }
        for child in scalar.children() {
            Self::within(child, found);
        }
    }

    /// Whether it is something of the same row of the same reference.
    fn is_beside(&self, other: &Self) -> bool {
        self.row.is_some() && self.row == other.row && self != other
    }
}

/// Conditions over exactly one axis, by axis.
type OfAxes<'a> = BTreeMap<Axis, Vec<Cow<'a, Scalar>>>;

/// Conditions over exactly one axis, by axis, and all others as text. One that always holds says nothing.
fn by_axis<'a>(conjuncts: impl Iterator<Item = Cow<'a, Scalar>>) -> (OfAxes<'a>, BTreeSet<String>) {
    let mut of_axes = OfAxes::new();
    let mut others = BTreeSet::new();
    let always = Scalar::Literal(Literal::Boolean(true));
    for conjunct in conjuncts.filter(|conjunct| **conjunct != always) {
        let mut axes = BTreeSet::new();
        Axis::within(&conjunct, &mut axes);
        match (axes.pop_first(), axes.is_empty()) {
            (Some(only), true) => of_axes.entry(only).or_default().push(conjunct),
            (None, _) | (Some(_), false) => {
                others.insert(format!("{conjunct:?}"));
            }
        }
    }
    (of_axes, others)
}

/// The values of a cell's keys, by axis; `None` is NULL.
type Fixed<'a> = BTreeMap<&'a Axis, Option<&'a Literal>>;

/// Whether the condition is certain to be true of every row whose axis has this value.
fn is_true_of(axis: &Axis, value: Option<&Literal>, condition: &Scalar) -> bool {
    if axis.row.is_some() {
        return value.is_some_and(|value| {
            is_there(axis, condition)
                || values_of(axis, condition).is_some_and(|values| values.contains(value))
        });
    }
    let row = value.map(|value| (axis.name.as_str(), value.clone()));
    truth(condition, &row.into_iter().collect()) == Some(true)
}

/// What conditions say of the axes that aren't fixed by keys.
fn axes_texts(of_axes: &OfAxes<'_>, fixed: &Fixed<'_>) -> BTreeSet<Vec<u8>> {
    let others = of_axes.iter().filter(|(axis, _)| !fixed.contains_key(axis));
    let needed = others.filter(|(axis, conditions)| {
        let only_there = axis.is_key && conditions.iter().all(|c| is_there(axis, c));
        let has_value = |other: &Axis| {
            fixed
                .get(other)
                .map(|value| value.is_some())
                .unwrap_or_else(|| of_axes.get(other).is_some_and(|c| listed(other, c).is_some()))
        };
        let mut beside =
            fixed.keys().copied().chain(of_axes.keys()).filter(|other| axis.is_beside(other));
        // A value of the row says that the row is there.
        !(only_there && beside.any(has_value))
    });
    needed.flat_map(|(axis, conditions)| axis_texts(axis, conditions)).collect()
}

/// Whether the condition is that the axis has a value.
fn is_there(axis: &Axis, condition: &Scalar) -> bool {
    match condition {
        Scalar::Not(null) => match null.as_ref() {
            Scalar::IsNull(value) => Axis::of(value).as_ref() == Some(axis),
            _ => false,
        },
        _ => false,
    }
}

/// What conditions say of one axis: the values they leave, or the conditions as they are written.
fn axis_texts(axis: &Axis, conditions: &[Cow<'_, Scalar>]) -> Vec<Vec<u8>> {
    let name = &axis.name;
    match listed(axis, conditions) {
        Some(values) => vec![values_text(name, &values)],
        None => conditions.iter().map(|c| format!("{name}:{c:?}").into_bytes()).collect(),
    }
}

/// A single value reads as a key's does.
fn values_text(name: &str, values: &[Literal]) -> Vec<u8> {
    let each: BTreeSet<Vec<u8>> =
        values.iter().map(|v| key_bytes(std::slice::from_ref(&Some(v.clone())))).collect();
    let mut text = format!("{name}=").into_bytes();
    text.extend(each.into_iter().flatten());
    text
}

/// The values that conditions of the forms `c = v` and `c IN (...)` leave of an axis; `None` if one
/// has another form.
fn listed(axis: &Axis, conditions: &[Cow<'_, Scalar>]) -> Option<Vec<Literal>> {
    let mut left: Option<Vec<Literal>> = None;
    for condition in conditions {
        let values = values_of(axis, condition)?;
        left = Some(match left {
            None => values,
            Some(left) => left.into_iter().filter(|v| values.contains(v)).collect(),
        });
    }
    left
}

fn values_of(axis: &Axis, condition: &Scalar) -> Option<Vec<Literal>> {
    let is_axis = |s: &Scalar| Axis::of(s).as_ref() == Some(axis);
    match condition {
        Scalar::Compare { op: Comparison::Equal, left, right } => {
            match (left.as_ref(), right.as_ref()) {
                (c, Scalar::Literal(v)) | (Scalar::Literal(v), c) if is_axis(c) => {
                    Some(vec![v.clone()])
                }
                _ => None,
            }
        }
        Scalar::InList { value, list } if is_axis(value) => Some(list.clone()),
        Scalar::Or(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(|p| values_of(axis, p)).collect();
            each.map(|each| each.concat())
        }
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => None,
    }
}
