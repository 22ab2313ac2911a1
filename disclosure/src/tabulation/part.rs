//! What a measure is made of. A mean is a total and a count, a histogram a count for each bin; each is a number of its
//! own about a cell, with its own contributing units, its own noise, and its own place among the rules.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Bins, Measure, MeasureKind, Scalar, Tabulation};
use crate::dataset::Dataset;

/// What is counted or added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Rows.
    Rows,
    /// Rows with a value.
    Values,
    /// Distinct protected units.
    Units,
    /// The total of a number.
    Sum,
}

/// One number about a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// What is counted or added up.
    pub kind: PartKind,
    /// Of what.
    pub argument: Option<&'a Scalar>,
    /// Over which of the cell's rows: as the question says, or as a bin adds to it.
    pub filter: Option<Cow<'a, Scalar>>,
}

impl Measure {
    /// The parts, in order. Bins are those that the Dataset's owner published.
    #[must_use]
    pub fn parts(&self, dataset: &Dataset) -> Vec<Part<'_>> {
        let filter = self.filter.as_ref();
        let part = |kind, argument| Part { kind, argument, filter: filter.map(Cow::Borrowed) };
        match &self.kind {
            MeasureKind::Rows => vec![part(PartKind::Rows, None)],
            MeasureKind::Values(x) => vec![part(PartKind::Values, Some(x))],
            MeasureKind::Units => vec![part(PartKind::Units, None)],
            MeasureKind::Sum(x) => vec![part(PartKind::Sum, Some(x))],
            MeasureKind::Mean(x) => {
                vec![part(PartKind::Sum, Some(x)), part(PartKind::Values, Some(x))]
            }
            MeasureKind::Histogram(x) => self.bin_parts(x, dataset),
            MeasureKind::Quantile { argument: x, .. } => {
                let mut parts = vec![part(PartKind::Values, Some(x))];
                parts.extend(self.bin_parts(x, dataset));
                parts
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
            filter: Some(Cow::Owned(both(bin))),
        };
        conditions.into_iter().flatten().map(of_bin).collect()
    }
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
    /// The parts of all measures. Quartiles, a median and a histogram of one column share theirs, as do a total and a mean.
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
        Parts { distinct, of_measures }
    }
}
