//! What a measure is made of. A mean is a total and a count, a histogram a count for each bin, a moment counts, totals
//! and totals of products; each is a number of its own about a cell, with its own contributing units, its own noise, and its own place among the rules.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::moment::MomentPart;
use super::{Bins, Measure, MeasureKind, Scalar, Tabulation};
use crate::dataset::{Bounds, Dataset};
use crate::policy::Complementary;
use crate::rules::measures::{bounds, origin};

/// What is counted or added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Rows.
    Rows,
    /// Rows with a value.
    Values,
    /// Distinct protected units.
    Units,
    /// Different values, about: a sketch of them. Of open data only.
    Distinct,
    /// The total of a number.
    Sum,
    /// The total of a number's deviations from its origin.
    Deviations,
    /// The total of the squares of these deviations.
    Squares,
    /// The total of the products of two numbers' deviations.
    Products,
}

/// One number about a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// What is counted or added up.
    pub kind: PartKind,
    /// Of what.
    pub argument: Option<&'a Scalar>,
    /// A second column: only rows where it has a value too take part, and of products it is the other factor.
    pub beside: Option<&'a Scalar>,
    /// Over which of the cell's rows: as the question says, or as a bin adds to it.
    pub filter: Option<Cow<'a, Scalar>>,
    /// Of squares and products, parameters of the moment they are for; 0 of everything else. See [`crate::rules::dof`].
    pub parameters: u32,
}

impl<'a> Part<'a> {
    /// The count that this number is of: of a total, of the rows that have a value; of these, of all rows; of all rows,
    /// none. What is known of the number says something of the count, by the bounds.
    #[must_use]
    pub fn within(&self) -> Option<Self> {
        let count = |kind, argument, beside| Self {
            kind,
            argument,
            beside,
            filter: self.filter.clone(),
            parameters: 0,
        };
        match self.kind {
            PartKind::Rows => None,
            PartKind::Values | PartKind::Units | PartKind::Distinct => {
                Some(count(PartKind::Rows, None, None))
            }
            PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
                let (argument, beside) = in_order(self.argument, self.beside);
                Some(count(PartKind::Values, argument, beside))
            }
        }
    }

    /// The bounds of the column, and of the one beside.
    #[must_use]
    pub fn bounds(&self, dataset: &Dataset) -> (Option<Bounds>, Option<Bounds>) {
        let of = |scalar: Option<&Scalar>| scalar.and_then(|s| bounds(s, dataset));
        (of(self.argument), of(self.beside))
    }

    /// Where the deviations of the column are from, and those of the one beside.
    #[must_use]
    pub fn origins(&self, dataset: &Dataset) -> (i128, i128) {
        let of = |scalar: Option<&Scalar>| scalar.map_or(0, |s| origin(s, dataset));
        (of(self.argument), of(self.beside))
    }

    /// Which number it is. Deviations from zero are the values themselves, so their total is a sum.
    #[must_use]
    pub fn number(&self, dataset: &Dataset) -> PartKind {
        match self.kind {
            PartKind::Deviations if self.origins(dataset).0 == 0 => PartKind::Sum,
            kind @ (PartKind::Rows
            | PartKind::Values
            | PartKind::Units
            | PartKind::Distinct
            | PartKind::Sum
            | PartKind::Deviations
            | PartKind::Squares
            | PartKind::Products) => kind,
        }
    }

    /// The number's name: the same for the same number, in whatever measure it is asked for. An origin is named, for
    /// with other bounds it is another number.
    #[must_use]
    pub fn name(&self, dataset: &Dataset) -> String {
        let (x, y) = self.origins(dataset);
        match self.number(dataset) {
            kind @ (PartKind::Rows
            | PartKind::Values
            | PartKind::Units
            | PartKind::Distinct
            | PartKind::Sum) => {
                format!("{kind:?} {:?}", self.argument)
            }
            kind @ (PartKind::Deviations | PartKind::Squares) => {
                format!("{kind:?} {:?} from {}", self.argument, x)
            }
            PartKind::Products => {
                format!("{:?} {:?} {:?} from {} {}", self.kind, self.argument, self.beside, x, y)
            }
        }
    }
}

impl Measure {
    /// The parts, in order. Bins are those that the Dataset's owner published.
    #[must_use]
    pub fn parts(&self, dataset: &Dataset) -> Vec<Part<'_>> {
        let filter = self.filter.as_ref();
        let part = |kind, argument| Part {
            kind,
            argument,
            beside: None,
            filter: filter.map(Cow::Borrowed),
            parameters: 0,
        };
        match &self.kind {
            MeasureKind::Rows => vec![part(PartKind::Rows, None)],
            MeasureKind::Values(x) => vec![part(PartKind::Values, Some(x))],
            MeasureKind::Units => vec![part(PartKind::Units, None)],
            MeasureKind::ApproxDistinct(x) => vec![part(PartKind::Distinct, Some(x))],
            // How many there are, and what they have beyond the bound that everybody is known to have: as moments do, so
            // that the same people's total is one number, whatever it is asked for.
            MeasureKind::Sum(x) | MeasureKind::Mean(x) if has_public_part(x, dataset) => {
                vec![part(PartKind::Values, Some(x)), part(PartKind::Deviations, Some(x))]
            }
            MeasureKind::Sum(x) => vec![part(PartKind::Sum, Some(x))],
            MeasureKind::Mean(x) => {
                vec![part(PartKind::Values, Some(x)), part(PartKind::Sum, Some(x))]
            }
            MeasureKind::Histogram(x) => self.bin_parts(x, dataset),
            MeasureKind::Quantile { argument: x, .. } => {
                let mut parts = vec![part(PartKind::Values, Some(x))];
                parts.extend(self.bin_parts(x, dataset));
                parts
            }
            MeasureKind::Dispersion(of, x) => {
                let all = of.made_of().iter();
                all.map(|p| of_moment(*p, x, None, filter, of.parameters())).collect()
            }
            MeasureKind::Association(of, y, x) => {
                let all = of.made_of().iter();
                all.map(|p| of_moment(*p, x, Some(y), filter, of.parameters())).collect()
            }
        }
    }

    /// `count(x) FILTER (WHERE x >= a AND x < b)` for each bin; none if there are no bins, which admission refuses.
    fn bin_parts<'a>(&'a self, argument: &'a Scalar, dataset: &Dataset) -> Vec<Part<'a>> {
        let conditions = Bins::of(argument, dataset).map(|bins| bins.conditions());
        let both = |bin: Scalar| match &self.filter {
            Some(filter) => Scalar::And(vec![filter.clone(), bin]),
            None => bin,
        };
        let of_bin = |bin| Part {
            kind: PartKind::Values,
            argument: Some(argument),
            beside: None,
            filter: Some(Cow::Owned(both(bin))),
            parameters: 0,
        };
        conditions.into_iter().flatten().map(of_bin).collect()
    }
}

/// Whether everybody is known to have so much of a measure at the least (or, below zero, at most): that isn't protected, nor
/// infused, and follows from a count.
fn has_public_part(scalar: &Scalar, dataset: &Dataset) -> bool {
    !dataset.is_open() && origin(scalar, dataset) != 0
}

/// The parts of all measures of a Tabulation.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    /// Each part once, in the order in which measures need them: Evidence has one entry for each.
    pub distinct: Vec<Part<'a>>,
    /// For each measure, where its parts are among these.
    pub of_measures: Vec<Vec<usize>>,
}

impl Tabulation {
    /// The parts of all measures; and where whole tables are protected with all their margins, the counts that these are part of
    /// ([`Part::within`]), whether they are asked for or not: who is in a table isn't told by every measure. Quartiles, a median and a histogram of one column share theirs, as do a total and a mean,
    /// and a correlation and a line of the same two columns. Parts that differ in anything at all are two, so that each
    /// is held to the parameters of its own moment.
    #[must_use]
    pub fn parts(&self, dataset: &Dataset) -> Parts<'_> {
        let mut distinct = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut place = |part: Part<'_>| {
            let next = known.len();
            *known.entry(format!("{part:?}")).or_insert(next)
        };
        let mut of_measures = Vec::with_capacity(self.measures.len());
        for measure in &self.measures {
            let mut places = Vec::new();
            for part in measure.parts(dataset) {
                let at = place(part.clone());
                if at == distinct.len() {
                    distinct.push(part);
                }
                places.push(at);
            }
            of_measures.push(places);
        }
        if dataset.profile().complementary == Complementary::On {
            let mut at = 0;
            while let Some(part) = distinct.get(at) {
                if let Some(count) = part.within()
                    && place(count.clone()) == distinct.len()
                {
                    distinct.push(count);
                }
                at = at.saturating_add(1);
            }
        }
        Parts { distinct, of_measures }
    }
}

/// Two columns in the one order in which what they have in common names them.
fn in_order<'a>(
    one: Option<&'a Scalar>,
    other: Option<&'a Scalar>,
) -> (Option<&'a Scalar>, Option<&'a Scalar>) {
    match (one, other) {
        (Some(x), Some(y)) if format!("{y:?}") < format!("{x:?}") => (Some(y), Some(x)),
        as_they_are => as_they_are,
    }
}

/// A moment's part, written so that one number has one spelling: what two columns have in common names them in one
/// order, whichever is `x`. Parameters are of what only moments are made of: counts and totals are the same numbers
/// elsewhere, and what is suppressed of them, and for them, may not depend on who asks.
fn of_moment<'a>(
    part: MomentPart,
    x: &'a Scalar,
    y: Option<&'a Scalar>,
    filter: Option<&'a Scalar>,
    parameters: u32,
) -> Part<'a> {
    let in_order = in_order(Some(x), y);
    let (kind, (argument, beside)) = match part {
        MomentPart::Count => (PartKind::Values, in_order),
        MomentPart::X => (PartKind::Deviations, (Some(x), y)),
        MomentPart::Y => (PartKind::Deviations, (y, Some(x))),
        MomentPart::Xx => (PartKind::Squares, (Some(x), y)),
        MomentPart::Yy => (PartKind::Squares, (y, Some(x))),
        MomentPart::Xy => (PartKind::Products, in_order),
    };
    let parameters = match part {
        MomentPart::Count | MomentPart::X | MomentPart::Y => 0,
        MomentPart::Xx | MomentPart::Yy | MomentPart::Xy => parameters,
    };
    Part { kind, argument, beside, filter: filter.map(Cow::Borrowed), parameters }
}
