//! Hierarchies: what the codes of a column belong to in a coarser one, by public code lists.
//!
//! *Statement*: a data owner declares for a dimension the coarser dimension it lies within, and which code each of
//! its codes belongs to there. A code that isn't listed, and no value, belong to no value. A row that says otherwise is
//! a mistake in the data: it isn't counted, in no cell and no margin. So the coarser table is the sum of the
//! finer one, whatever the data say, and both are protected as one table with margins:
//! see [`crate::protect`].
//!
//! | `within = { region = { North = ["E01", "E02"] } }` | `region` | |
//! |---|---|---|
//! | `area` E01 | North | counted |
//! | `area` E01 | South | a mistake |
//! | `area` E01 | no value | a mistake |
//! | `area` E09, not listed | no value | counted |
//!
//! A hierarchy may have several levels (`area` within `district` within `region`) and a column several parents (`area`
//! within `region` and within `board`). Where two ways lead to one column, they lead to the same code.
//!
//! *Stops*: attack 32 by a coarser column, a region less its areas. *Doesn't stop*: a column that is a function of another
//! without anybody having said so.
//!
//! *Source*: hierarchical code lists and hierarchical tables, in A. Hundepool et al., *Statistical Disclosure Control*
//! (Wiley 2012), chapter 4, and tau-Argus user's manual.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};

use crate::dataset::{Column, DOMAIN_VALUES_MAX, DatasetName};
use crate::evidence::key_bytes;
use crate::function::from_literals;
use crate::label::Label;
use crate::reference::{LookUp, ReferenceContent};
use crate::tabulation::{Literal, Reference, ScalarType};

/// The most hierarchies of a dataset.
pub const HIERARCHIES_MAX: usize = 16;

/// What the codes of a column belong to in one coarser column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    column: String,
    within: String,
    /// Codes of the finer column, in their order, each with the one it belongs to.
    codes: Vec<(Literal, Literal)>,
    index: Arc<Index>,
}

/// The same codes, to be found fast: one by one and by the column.
#[derive(Debug, PartialEq, Eq)]
struct Index {
    parents: HashMap<Vec<u8>, Literal>,
    within_type: ScalarType,
    look_up: LookUp,
}

/// Two are the same if their codes are: an engine may then look once for both.
impl Hash for Hierarchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.within.hash(state);
        self.index.look_up.hash(state);
    }
}

/// Why hierarchies can't be declared so. Codes are public, so they are named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HierarchyError {
    /// More than [`HIERARCHIES_MAX`].
    #[error("{0} hierarchies are declared, more than {HIERARCHIES_MAX}")]
    TooMany(usize),
    /// No codes, or more than a dimension may have.
    #[error("`{column}` within `{within}` lists {codes} codes, not 1 to {DOMAIN_VALUES_MAX}")]
    Codes {
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
        /// How many are listed.
        codes: usize,
    },
    /// A code in two places.
    #[error("`{column}` has {code} in two codes of `{within}`")]
    TwoParents {
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
        /// The code.
        code: Literal,
    },
    /// Something that isn't a dimension of the dataset.
    #[error("`{0}` is no dimension of the dataset")]
    NoDimension(String),
    /// A value of another type, or one that a column can't be grouped by.
    #[error("`{0}` lists a code of another type than the column's")]
    Type(String),
    /// A code that isn't among the published ones.
    #[error("{code} isn't in the domain of `{column}`")]
    Domain {
        /// The column.
        column: String,
        /// The code.
        code: Literal,
    },
    /// A published code of the coarser column in which nothing lies.
    #[error(
        "no code of `{column}` lies within {code} of `{within}`: its rows would be counted nowhere"
    )]
    Empty {
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
        /// The code.
        code: Literal,
    },
    /// The same two columns twice.
    #[error("`{column}` is declared twice to lie within `{within}`")]
    Twice {
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
    },
    /// A column that lies within itself.
    #[error("`{0}` lies within itself")]
    Circular(String),
    /// Two ways from a column to a coarser one that lead to different codes.
    #[error("{code} of `{column}` belongs to two codes of `{within}`, by different ways")]
    WaysDiffer {
        /// The finer column.
        column: String,
        /// The coarser column.
        within: String,
        /// The code.
        code: Literal,
    },
}

impl Hierarchy {
    /// What each code belongs to; a pair may be listed several times.
    ///
    /// # Errors
    /// No codes or too many, a code in two places, or a value that no column can be grouped by.
    pub fn new(
        column: &str,
        within: &str,
        codes: impl IntoIterator<Item = (Literal, Literal)>,
    ) -> Result<Self, HierarchyError> {
        let (column, within) = (column.to_owned(), within.to_owned());
        if column == within {
            return Err(HierarchyError::Circular(column));
        }
        let mut parents: HashMap<Vec<u8>, Literal> = HashMap::new();
        let mut listed = Vec::new();
        for (code, parent) in codes {
            let place = key_bytes(&[Some(code.clone())]);
            match parents.get(&place) {
                None => {
                    parents.insert(place, parent.clone());
                    listed.push((code, parent));
                }
                Some(before) if *before == parent => {}
                Some(_) => return Err(HierarchyError::TwoParents { column, within, code }),
            }
        }
        let Some((code, parent)) = listed.first().filter(|_| listed.len() <= DOMAIN_VALUES_MAX)
        else {
            return Err(HierarchyError::Codes { column, within, codes: listed.len() });
        };
        let (code_type, within_type) = (code.scalar_type(), parent.scalar_type());
        let other = |a: &Literal, t: ScalarType| a.is_null() || a.scalar_type() != t;
        if listed.iter().any(|(code, _)| other(code, code_type)) {
            return Err(HierarchyError::Type(column));
        }
        if listed.iter().any(|(_, parent)| other(parent, within_type)) {
            return Err(HierarchyError::Type(within));
        }
        let codes = from_literals(listed.iter().map(|(code, _)| Some(code.clone())), code_type);
        let wrong = || HierarchyError::Type(column.clone());
        let order = arrow_ord::sort::sort_to_indices(&codes, None, None).map_err(|_| wrong())?;
        let order = order.values().iter().filter_map(|i| usize::try_from(*i).ok());
        let codes: Vec<_> = order.filter_map(|i| listed.get(i).cloned()).collect();
        let look_up = look_up(&column, &within, &codes).ok_or_else(wrong)?;
        let index = Arc::new(Index { parents, within_type, look_up });
        Ok(Self { column, within, codes, index })
    }

    /// The finer column.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The coarser column.
    #[must_use]
    pub fn within(&self) -> &str {
        &self.within
    }

    /// The finer column's codes, in their order, each with the one it belongs to.
    #[must_use]
    pub fn codes(&self) -> &[(Literal, Literal)] {
        &self.codes
    }

    /// What a code belongs to; no value, where it isn't listed or there is none.
    #[must_use]
    pub fn parent(&self, code: Option<&Literal>) -> Option<&Literal> {
        self.index.parents.get(&key_bytes(&[Some(code?.clone())]))
    }

    /// Whether each row's code of the coarser column is the one that its code of the finer column belongs to; `None` of
    /// columns of other types or lengths.
    #[must_use]
    pub fn holds(&self, column: &ArrayRef, within: &ArrayRef) -> Option<BooleanArray> {
        let Index { within_type, look_up, .. } = self.index.as_ref();
        let parents = look_up.evaluate(&self.within, *within_type, column);
        arrow_ord::cmp::not_distinct(&parents, within).ok()
    }
}

/// The codes as a content that is looked up in.
fn look_up(column: &str, within: &str, codes: &[(Literal, Literal)]) -> Option<LookUp> {
    let (code, parent) = codes.first()?;
    let columns =
        vec![(column.to_owned(), code.scalar_type()), (within.to_owned(), parent.scalar_type())];
    let finer = from_literals(codes.iter().map(|(c, _)| Some(c.clone())), code.scalar_type());
    let coarser = from_literals(codes.iter().map(|(_, p)| Some(p.clone())), parent.scalar_type());
    let batch =
        RecordBatch::try_from_iter_with_nullable([(column, finer, true), (within, coarser, true)]);
    // It is of no dataset; a name is what tells it from others.
    let dataset = DatasetName::new("hierarchy", column)?;
    let reference = Reference { dataset, key: column.to_owned() };
    ReferenceContent::received(reference, columns, &[batch.ok()?]).ok().map(LookUp::of)
}

/// The hierarchies of a dataset with these columns, in the one order there is.
///
/// # Errors
/// Columns or codes that the dataset doesn't have, and what can't all be true together.
pub fn declared(
    mut hierarchies: Vec<Hierarchy>,
    columns: &[Column],
) -> Result<Vec<Hierarchy>, HierarchyError> {
    if HIERARCHIES_MAX < hierarchies.len() {
        return Err(HierarchyError::TooMany(hierarchies.len()));
    }
    hierarchies.sort_by(|a, b| (&a.column, &a.within).cmp(&(&b.column, &b.within)));
    for (one, next) in hierarchies.iter().zip(hierarchies.iter().skip(1)) {
        if (&one.column, &one.within) == (&next.column, &next.within) {
            let (column, within) = (one.column.clone(), one.within.clone());
            return Err(HierarchyError::Twice { column, within });
        }
    }
    for hierarchy in &hierarchies {
        fits(hierarchy, columns)?;
        if ancestors(&hierarchies, &hierarchy.column).contains_key(hierarchy.column()) {
            return Err(HierarchyError::Circular(hierarchy.column.clone()));
        }
    }
    for hierarchy in &hierarchies {
        ways_agree(hierarchy, &hierarchies)?;
    }
    Ok(hierarchies)
}

/// Whether columns and codes are the dataset's.
fn fits(hierarchy: &Hierarchy, columns: &[Column]) -> Result<(), HierarchyError> {
    let Hierarchy { column: finer, within: coarser, codes, .. } = hierarchy;
    let column = |name: &String| {
        let is_meant = |c: &&Column| c.name == *name && c.label == Label::Dimension;
        let found = columns.iter().find(is_meant);
        found.ok_or_else(|| HierarchyError::NoDimension(name.clone()))
    };
    let in_domain = |of: &Column, code: &Literal| {
        if code.scalar_type() != of.scalar_type {
            return Err(HierarchyError::Type(of.name.clone()));
        }
        match &of.domain {
            Some(domain) if !domain.contains(code) => {
                Err(HierarchyError::Domain { column: of.name.clone(), code: code.clone() })
            }
            Some(_) | None => Ok(()),
        }
    };
    let (of_finer, of_coarser) = (column(finer)?, column(coarser)?);
    for (code, parent) in codes {
        in_domain(of_finer, code)?;
        in_domain(of_coarser, parent)?;
    }
    let some_within: BTreeSet<Vec<u8>> =
        codes.iter().map(|(_, parent)| key_bytes(&[Some(parent.clone())])).collect();
    let published = of_coarser.domain.as_ref().map(|domain| domain.values());
    let is_empty = |code: &Literal| !some_within.contains(&key_bytes(&[Some(code.clone())]));
    match published.into_iter().flatten().find(is_empty) {
        Some(code) => {
            let (column, within) = (finer.clone(), coarser.clone());
            Err(HierarchyError::Empty { column, within, code })
        }
        None => Ok(()),
    }
}

/// Whether every way from this hierarchy's finer column leads each of its codes to one code of any coarser column.
fn ways_agree(hierarchy: &Hierarchy, all: &[Hierarchy]) -> Result<(), HierarchyError> {
    for (code, _) in &hierarchy.codes {
        // Several codes of a column, by how it was come to, are at most as many as there are hierarchies.
        let mut found: BTreeMap<&str, Option<&Literal>> = BTreeMap::new();
        let mut next: Vec<(&str, Option<&Literal>)> = vec![(&hierarchy.column, Some(code))];
        while let Some((column, code_there)) = next.pop() {
            for step in all.iter().filter(|h| h.column == column) {
                let parent = step.parent(code_there);
                match found.insert(&step.within, parent) {
                    None => next.push((&step.within, parent)),
                    Some(before) if before == parent => {}
                    Some(_) => {
                        return Err(HierarchyError::WaysDiffer {
                            column: hierarchy.column.clone(),
                            within: step.within.clone(),
                            code: code.clone(),
                        });
                    }
                }
            }
        }
    }
    Ok(())
}

/// All columns that a column lies within, near and far, each with one way to it, from the nearest on.
#[must_use]
pub(crate) fn ancestors<'a>(
    all: &'a [Hierarchy],
    column: &str,
) -> BTreeMap<&'a str, Vec<&'a Hierarchy>> {
    let mut found: BTreeMap<&str, Vec<&Hierarchy>> = BTreeMap::new();
    let mut next: Vec<(&str, Vec<&Hierarchy>)> = vec![(column, Vec::new())];
    while let Some((column, way)) = next.pop() {
        for step in all.iter().filter(|h| h.column == column) {
            if !found.contains_key(step.within()) {
                let way: Vec<&Hierarchy> = way.iter().copied().chain([step]).collect();
                found.insert(step.within(), way.clone());
                next.push((step.within(), way));
            }
        }
    }
    found
}

/// What a code belongs to, at the end of a way.
#[must_use]
pub(crate) fn at_the_end<'a>(
    way: &[&'a Hierarchy],
    code: Option<&'a Literal>,
) -> Option<&'a Literal> {
    way.iter().fold(code, |code, step| step.parent(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Domain;

    fn text(code: &str) -> Literal {
        Literal::Utf8(code.to_owned())
    }

    fn hierarchy(column: &str, within: &str, codes: &[(&str, &str)]) -> Hierarchy {
        let codes = codes.iter().map(|(code, parent)| (text(code), text(parent)));
        Hierarchy::new(column, within, codes).unwrap()
    }

    /// Dimensions; `region` has the published values N and S.
    fn columns() -> Vec<Column> {
        let column = |name: &str, label| Column {
            name: name.to_owned(),
            scalar_type: ScalarType::Utf8,
            label,
            domain: (name == "region").then(|| Domain::Codes(vec![text("N"), text("S")])),
            breakpoints: None,
            bounds: None,
            unit_totals: None,
            measured_in: None,
            description: None,
        };
        let dimensions = ["area", "district", "region", "board"];
        let dimensions = dimensions.map(|name| column(name, Label::Dimension));
        dimensions.into_iter().chain([column("secret", Label::Hidden)]).collect()
    }

    const AREAS: &[(&str, &str)] = &[("E1", "D1"), ("E2", "D1"), ("E3", "D2")];
    const DISTRICTS: &[(&str, &str)] = &[("D1", "N"), ("D2", "S")];

    #[test]
    fn the_order_of_codes_and_hierarchies_does_not_matter() {
        let backwards: Vec<_> = AREAS.iter().rev().copied().collect();
        let twice: Vec<_> = AREAS.iter().chain(AREAS).copied().collect();
        let areas = hierarchy("area", "district", AREAS);
        assert_eq!(areas, hierarchy("area", "district", &backwards));
        assert_eq!(areas, hierarchy("area", "district", &twice));
        let districts = hierarchy("district", "region", DISTRICTS);
        let one = declared(vec![areas.clone(), districts.clone()], &columns()).unwrap();
        assert_eq!(one, declared(vec![districts, areas], &columns()).unwrap());
        let ways = ancestors(&one, "area");
        assert_eq!(ways.keys().copied().collect::<Vec<_>>(), ["district", "region"]);
        assert_eq!(at_the_end(&ways["region"], Some(&text("E3"))), Some(&text("S")));
        assert_eq!(at_the_end(&ways["region"], Some(&text("E9"))), None);
    }

    #[test]
    fn rows_agree_with_it_or_not() {
        let areas = hierarchy("area", "district", AREAS);
        let column = |codes: &[Option<&str>]| {
            from_literals(codes.iter().map(|code| code.map(text)), ScalarType::Utf8)
        };
        let finer = column(&[Some("E1"), Some("E1"), Some("E1"), Some("E9"), Some("E9"), None]);
        let coarser = column(&[Some("D1"), Some("D2"), None, None, Some("D1"), Some("D1")]);
        let holds = areas.holds(&finer, &coarser).unwrap();
        let holds: Vec<bool> = holds.iter().map(Option::unwrap).collect();
        assert_eq!(holds, [true, false, false, true, false, false]);
    }

    #[test]
    fn what_cannot_be_declared_is_told() {
        let of = |hierarchies: &[Hierarchy]| {
            declared(hierarchies.to_vec(), &columns()).unwrap_err().to_string()
        };
        let areas = hierarchy("area", "district", AREAS);
        let districts = hierarchy("district", "region", DISTRICTS);
        for (hierarchies, expect) in [
            (
                vec![areas.clone(), areas.clone()],
                "`area` is declared twice to lie within `district`",
            ),
            (
                vec![areas.clone(), hierarchy("district", "area", &[("D1", "E1")])],
                "`area` lies within itself",
            ),
            (vec![hierarchy("area", "secret", AREAS)], "`secret` is no dimension of the dataset"),
            (
                vec![hierarchy("district", "region", &[("D1", "W"), ("D2", "S")])],
                "'W' isn't in the domain of `region`",
            ),
            (
                vec![hierarchy("district", "region", &DISTRICTS[..1])],
                "no code of `district` lies within 'S' of `region`: its rows would be counted nowhere",
            ),
            (
                vec![
                    areas.clone(),
                    districts.clone(),
                    hierarchy("area", "region", &[("E1", "N"), ("E2", "S"), ("E3", "S")]),
                ],
                "'E2' of `area` belongs to two codes of `region`, by different ways",
            ),
            (
                vec![
                    areas.clone(),
                    districts,
                    hierarchy("area", "board", &[("E9", "B")]),
                    hierarchy("board", "region", &[("B", "N"), ("C", "S")]),
                ],
                "'E9' of `area` belongs to two codes of `region`, by different ways",
            ),
        ] {
            assert_eq!(of(&hierarchies), expect);
        }
        let new = |codes: &[(&str, &str)]| {
            let codes = codes.iter().map(|(code, parent)| (text(code), text(parent)));
            Hierarchy::new("area", "region", codes).unwrap_err().to_string()
        };
        assert_eq!(new(&[]), "`area` within `region` lists 0 codes, not 1 to 10000");
        assert_eq!(new(&[("E1", "N"), ("E1", "S")]), "`area` has 'E1' in two codes of `region`");
        let number = Hierarchy::new("area", "district", [(Literal::Int64(1), text("D1"))]).unwrap();
        assert_eq!(of(&[number]), "`area` lists a code of another type than the column's");
        assert_eq!(of(&vec![areas; 17]), "17 hierarchies are declared, more than 16");
    }
}
