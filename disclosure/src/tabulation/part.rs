//! What a measure is made of. A mean is a total and a count; each is a number of its own about a
//! cell, with its own contributing units, its own noise, and its own place among the rules.

use super::{Measure, MeasureKind, Scalar};

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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// What is counted or added up.
    pub kind: PartKind,
    /// Of what.
    pub argument: Option<&'a Scalar>,
    /// Over which of the cell's rows.
    pub filter: Option<&'a Scalar>,
}

impl Measure {
    /// The parts, in order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        let filter = self.filter.as_ref();
        let part = |kind, argument| Part { kind, argument, filter };
        match &self.kind {
            MeasureKind::Rows => vec![part(PartKind::Rows, None)],
            MeasureKind::Values(x) => vec![part(PartKind::Values, Some(x))],
            MeasureKind::Units => vec![part(PartKind::Units, None)],
            MeasureKind::Sum(x) => vec![part(PartKind::Sum, Some(x))],
            MeasureKind::Mean(x) => {
                vec![part(PartKind::Sum, Some(x)), part(PartKind::Values, Some(x))]
            }
        }
    }
}
