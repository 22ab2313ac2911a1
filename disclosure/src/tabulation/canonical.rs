//! Where a cell is: one coordinate for one population, however it was asked for.
//!
//! `GROUP BY region` has a cell for Wales; `WHERE region = 'Wales'` is that cell; so is
//! `WHERE region IN ('Wales')`; so is the margin for Wales of `GROUP BY CUBE (region, sex)`. They get one
//! coordinate, and so one noise. What a predicate says of one column becomes the set of values it leaves:
//!
//! * exactly the key's value, where the column is itself a key: the condition is true of every row of the cell;
//! * the values listed, where the conditions are `c = v` and `c IN (...)`;
//! * otherwise the conditions as they are written, in a fixed form. A published domain doesn't help: rows may have
//!   no value, or one outside it, and two populations must never share a coordinate.
//!
//! That a moment takes only rows where a second column has a value is a condition like one that is written.
//!
//! Two ways of asking that aren't recognised as one only cost noise of a second draw: the cell key,
//! which depends on the units alone, still is the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Input, Key, KeySet, Literal, Part, Scalar, Tabulation};
use crate::dataset::Dataset;
use crate::evidence::key_bytes;
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
    /// Predicates over exactly one column, by column.
    of_columns: OfColumns<'a>,
    /// All others, as text.
    others: BTreeSet<String>,
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
        let predicates = tabulation.input.predicates().into_iter().chain(part.filter.as_deref());
        let written = predicates.flat_map(Scalar::conjuncts).map(Cow::Borrowed);
        let is_there =
            |beside: &Scalar| Scalar::Not(Box::new(Scalar::IsNull(Box::new(beside.clone()))));
        let beside = part.beside.map(|beside| Cow::Owned(is_there(beside)));
        let (of_columns, others) = by_column(written.chain(beside));
        let rolled_up = roll_up_text(&tabulation.input).map_or(String::new(), |text| {
            // By a digest, so that it can't be read as something else.
            format!(" {:032x}", digest(&text))
        });
        let heading = format!("{} {snapshot} {}{rolled_up}", dataset.name, part.name(dataset));
        Self { tabulation, of_columns, others, heading }
    }

    /// The coordinate of the cell that keeps the keys of this set, with these values. A key that is rolled up
    /// isn't part of it, so that a margin is where the question for it alone has it.
    #[must_use]
    pub fn coordinate(&self, set: KeySet, keys: &KeyValues) -> Coordinate {
        let mut texts: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut fixed: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in set.kept(&self.tabulation.keys).zip(set.kept(keys)) {
            let mut text = match &key.scalar {
                Scalar::Column(name) => {
                    fixed.insert(name);
                    format!("{name}=").into_bytes()
                }
                expression => format!("{expression:?}=").into_bytes(),
            };
            text.extend(key_bytes(std::slice::from_ref(value)));
            texts.insert(text);
        }
        for (name, conditions) in &self.of_columns {
            if fixed.contains(name.as_str()) {
                continue;
            }
            texts.extend(column_texts(name, conditions));
        }
        texts.extend(self.others.iter().map(|o| o.clone().into_bytes()));
        let mut bytes = self.heading.clone().into_bytes();
        for text in texts {
            // Lengths come first, so that no two descriptions run together.
            bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            bytes.extend(text);
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
        let is_key = |key: &Key| matches!(&key.scalar, Scalar::Column(column) if column == name);
        let mut kept = set.kept(&self.tabulation.keys).zip(set.kept(keys));
        match kept.find(|(key, _)| is_key(key)) {
            Some((_, value)) => value.clone().map(|value| vec![value]),
            None => listed(name, self.of_columns.get(name)?),
        }
    }
}

/// What conditions say together, whatever their order and nesting: a text for each column or
/// expression.
#[must_use]
pub fn condition_texts<'a>(predicates: impl Iterator<Item = &'a Scalar>) -> BTreeSet<Vec<u8>> {
    let written = predicates.flat_map(Scalar::conjuncts).map(Cow::Borrowed);
    let (of_columns, others) = by_column(written);
    let mut texts: BTreeSet<Vec<u8>> = others.into_iter().map(String::into_bytes).collect();
    for (name, conditions) in &of_columns {
        texts.extend(column_texts(name, conditions));
    }
    texts
}

/// What a roll-up says, whatever the order and nesting of its conditions; `None` of rows as they are.
#[must_use]
pub fn roll_up_text(input: &Input) -> Option<Vec<u8>> {
    let (roll_up, below) = input.roll_up()?;
    let mut texts: Vec<Vec<u8>> = Vec::new();
    texts.extend(roll_up.dimensions.iter().map(|name| format!("keeps {name}").into_bytes()));
    for count in &roll_up.counts {
        texts.push(format!("counts {:?}", count.values_of).into_bytes());
        texts.extend(condition_texts(count.filter.iter()));
    }
    texts.push(b"of".to_vec());
    texts.extend(condition_texts(below.predicates().into_iter()));
    let mut bytes = Vec::new();
    for text in texts {
        // Lengths come first, so that no two descriptions run together.
        bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend(text);
    }
    Some(bytes)
}

/// Conditions over exactly one column, by column.
type OfColumns<'a> = BTreeMap<String, Vec<Cow<'a, Scalar>>>;

/// Conditions over exactly one column, by column, and all others as text.
fn by_column<'a>(
    conjuncts: impl Iterator<Item = Cow<'a, Scalar>>,
) -> (OfColumns<'a>, BTreeSet<String>) {
    let mut of_columns = OfColumns::new();
    let mut others = BTreeSet::new();
    for conjunct in conjuncts {
        let columns = conjunct.columns();
        let mut names = columns.iter();
        match (names.next(), names.next()) {
            (Some(only), None) => {
                of_columns.entry((*only).to_owned()).or_default().push(conjunct);
            }
            (None, _) | (Some(_), Some(_)) => {
                others.insert(format!("{conjunct:?}"));
            }
        }
    }
    (of_columns, others)
}

/// What conditions say of one column: the values they leave, or the conditions as they are written.
fn column_texts(name: &str, conditions: &[Cow<'_, Scalar>]) -> Vec<Vec<u8>> {
    match listed(name, conditions) {
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

/// The values that conditions of the forms `c = v` and `c IN (...)` leave of a column; `None` if one
/// has another form.
fn listed(name: &str, conditions: &[Cow<'_, Scalar>]) -> Option<Vec<Literal>> {
    let mut left: Option<Vec<Literal>> = None;
    for condition in conditions {
        let values = values_of(name, condition)?;
        left = Some(match left {
            None => values,
            Some(left) => left.into_iter().filter(|v| values.contains(v)).collect(),
        });
    }
    left
}

fn values_of(name: &str, condition: &Scalar) -> Option<Vec<Literal>> {
    let is_column = |s: &Scalar| matches!(s, Scalar::Column(n) if n == name);
    match condition {
        Scalar::Compare { op: Comparison::Equal, left, right } => {
            match (left.as_ref(), right.as_ref()) {
                (c, Scalar::Literal(v)) | (Scalar::Literal(v), c) if is_column(c) => {
                    Some(vec![v.clone()])
                }
                _ => None,
            }
        }
        Scalar::InList { value, list } if is_column(value) => Some(list.clone()),
        Scalar::Or(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(|p| values_of(name, p)).collect();
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
        | Scalar::Cast { .. } => None,
    }
}
