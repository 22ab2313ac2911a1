//! Combinations of codes that can't be: structural zeros.
//!
//! *Statement*: a data owner declares combinations, each a conjunction of columns with some of their
//! codes. A row in which every column has one of its codes is a mistake in the data: it isn't counted,
//! in no cell and no margin. A cell all of whose rows would be such rows shows a count or total of 0
//! with the status `z`, whatever the data say, and of a histogram in each bin; a mean or quantile is
//! NULL with `z`.
//!
//! | `impossible = [ { sex = ["M"], procedure = ["caesarean"] } ]` | F | M |
//! |---|---|---|
//! | caesarean | 120 | `0 [z]` |
//! | appendectomy | 45 | 50 |
//!
//! That such a cell is empty is public, so it isn't suppressed, nothing is added to it, and it protects
//! no other cell: complementary suppression takes it for known. Were the mistaken rows left in the
//! margins, a margin less its other cells would tell how many there are.
//!
//! *Stops*: nothing. It is for readers: `[c]` in a cell that can't be reads as if there were a few.
//!
//! *Doesn't stop*: a data owner who declares combinations that do occur; their rows are lost to every
//! table.
//!
//! *Source*: structural zeros in the *Handbook on Statistical Disclosure Control*, 2nd ed.; the symbol
//! is that of the Government Statistical Service for "not applicable".

use crate::tabulation::{Literal, Scalar};

/// The most combinations of a dataset.
pub const COMBINATIONS_MAX: usize = 100;

/// Codes of different dimensions that never occur together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// Dimensions, in the order of their names, each with at least one code.
    codes: Vec<(String, Vec<Literal>)>,
}

impl Impossible {
    /// `None` unless there is a column, each column once, and each with a code.
    #[must_use]
    pub fn new(mut codes: Vec<(String, Vec<Literal>)>) -> Option<Self> {
        codes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = codes.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        let empty = codes.is_empty() || codes.iter().any(|(_, codes)| codes.is_empty());
        (!twice && !empty).then_some(Self { codes })
    }

    /// Dimensions, in the order of their names, each with its codes.
    #[must_use]
    pub fn codes(&self) -> &[(String, Vec<Literal>)] {
        &self.codes
    }

    /// True of the rows that can't be; NULL or false of all others.
    #[must_use]
    pub fn condition(&self) -> Scalar {
        let one_of = |(name, codes): &(String, Vec<Literal>)| Scalar::InList {
            value: Box::new(Scalar::Column(name.clone())),
            list: codes.clone(),
        };
        Scalar::And(self.codes.iter().map(one_of).collect())
    }

    /// Whether every row of a cell would be one that can't be, by the values that are left of each column.
    #[must_use]
    pub(crate) fn is_all_of(&self, left: impl Fn(&str) -> Option<Vec<Literal>>) -> bool {
        self.codes.iter().all(|(name, codes)| {
            // Of no value at all nobody can say that it is impossible.
            left(name)
                .is_some_and(|left| !left.is_empty() && left.iter().all(|v| codes.contains(v)))
        })
    }
}
