//! Reference data that a question's rows are looked up in.
//!
//! A join of protected rows to an open dataset, by a column of which the open dataset has each value once, adds
//! columns to the rows and no rows: it is a function of the column joined by. So a Tabulation has it as an
//! expression, [`Scalar::Lookup`], and all rules treat it as the long `CASE` that it stands for. What the function
//! gives for each value isn't part of the question: it is the reference's
//! [content](crate::reference::ReferenceContent), which travels once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::typing::type_of;
use super::{Scalar, ScalarType, Tabulation};
use crate::dataset::{Dataset, DatasetName};
use crate::refusal::{Refusal, RefusalCode};

/// An open dataset, and its column that rows are looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The open dataset.
    pub dataset: DatasetName,
    /// Its column with each value once.
    pub key: String,
}

impl fmt::Display for Reference {
    /// `ons.population by lsoa`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.dataset, self.key)
    }
}

/// The most references of a Tabulation.
pub const REFERENCES_MAX: usize = 8;

/// Columns of a reference by name, with their types; without its key.
pub type ReferenceColumns = BTreeMap<String, ScalarType>;

impl Tabulation {
    /// Every expression over the rows that are tabulated: above a roll-up, where there is one.
    pub(crate) fn scalars_above(&self) -> impl Iterator<Item = &Scalar> {
        let of_measures = self.measures.iter();
        let of_measures = of_measures.flat_map(|m| m.filter.iter().chain(m.kind.arguments()));
        let keys = self.keys.iter().map(|k| &k.scalar);
        self.input.predicates().into_iter().chain(keys).chain(of_measures)
    }

    /// Every expression of the question, but for conditions on rows that are joined by their unit.
    pub fn scalars(&self) -> impl Iterator<Item = &Scalar> {
        let below = self.input.roll_up().map(|(roll_up, below)| roll_up.scalars(below));
        self.scalars_above().chain(below.into_iter().flatten())
    }

    /// The references it uses, with the columns it uses of each. A column that two look-ups give different types is
    /// here once; admission refuses it.
    #[must_use]
    pub fn references(&self) -> BTreeMap<Reference, ReferenceColumns> {
        let mut found: BTreeMap<Reference, ReferenceColumns> = BTreeMap::new();
        for scalar in self.scalars() {
            scalar.visit_lookups(&mut |reference, column, value_type| {
                let columns = found.entry(reference.clone()).or_default();
                if column != reference.key {
                    columns.insert(column.to_owned(), value_type);
                }
            });
        }
        found
    }

    /// The columns that the content of each reference has for this question, with their types: the key first, then the
    /// others in the order of their names. The key's type is that of what is looked up: a column of `dataset`, the rows that
    /// are tabulated, or of `rows`, those below a roll-up.
    ///
    /// # Errors
    /// Types that don't fit.
    pub fn contents(&self, dataset: &Dataset, rows: &Dataset) -> Result<Contents, Refusal> {
        let mut contents = Contents::new();
        for (reference, columns) in self.references() {
            let keys = self.scalars().filter_map(|scalar| scalar.looked_up_in(&reference));
            let mut types = keys.map(|key| type_of(key, dataset).or_else(|_| type_of(key, rows)));
            // A reference is found at a look-up.
            let Some(key_type) = types.next().transpose()? else { continue };
            // Above a roll-up and below it, each is right by itself.
            for other in types {
                if other? != key_type {
                    return Err(Refusal::new(
                        RefusalCode::D213,
                        format!("`{reference}` is joined by columns of types that don't fit."),
                        "Join columns of the same exact type.",
                    ));
                }
            }
            let mut typed = vec![(reference.key.clone(), key_type)];
            typed.extend(columns);
            contents.insert(reference, typed);
        }
        Ok(contents)
    }
}

/// The columns of each reference's content, with their types, the key first.
pub type Contents = BTreeMap<Reference, Vec<(String, ScalarType)>>;

impl Scalar {
    /// What is looked up in the reference, anywhere in the expression.
    fn looked_up_in(&self, wanted: &Reference) -> Option<&Self> {
        match self {
            Self::Lookup { reference, key, .. } if reference == wanted => Some(key),
            other => other.children().into_iter().find_map(|child| child.looked_up_in(wanted)),
        }
    }

    /// Whether a look-up stands anywhere in the expression.
    #[must_use]
    pub fn looks_up(&self) -> bool {
        !self.references().is_empty()
    }

    /// The references that the expression uses.
    #[must_use]
    pub fn references(&self) -> BTreeSet<Reference> {
        let mut found = BTreeSet::new();
        self.visit_lookups(&mut |reference, _, _| {
            found.insert(reference.clone());
        });
        found
    }

    /// Calls `visit` with the reference, the column and its type, of each look-up.
    pub(crate) fn visit_lookups(&self, visit: &mut impl FnMut(&Reference, &str, ScalarType)) {
        if let Self::Lookup { reference, column, value_type, .. } = self {
            visit(reference, column, *value_type);
        }
        for child in self.children() {
            child.visit_lookups(visit);
        }
    }
}
