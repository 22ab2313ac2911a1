//! What a measure is made of. A mean is a total and a count; each is a number of its own about a
//! cell, with its own contributing units, its own noise, and its own place among the rules.

use super::moment::MomentPart;
use super::{Measure, MeasureKind, Scalar};
use crate::dataset::{Bounds, Dataset};
use crate::rules::measures::bounds;

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
    /// The total of a number's deviations from its origin.
    Deviations,
    /// The total of the squares of these deviations.
    Squares,
    /// The total of the products of two numbers' deviations.
    Products,
}

/// One number about a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// What is counted or added up.
    pub kind: PartKind,
    /// Of what.
    pub argument: Option<&'a Scalar>,
    /// A second column: only rows where it has a value too take part, and of products it is the other factor.
    pub beside: Option<&'a Scalar>,
    /// Over which of the cell's rows.
    pub filter: Option<&'a Scalar>,
    /// Of squares and products, parameters of the moment they are for; 0 of everything else. See [`crate::rules::dof`].
    pub parameters: u32,
}

/// The origin of a column with these bounds.
fn origin(bounds: Option<Bounds>) -> i128 {
    bounds.map_or(0, Bounds::origin)
}

impl Part<'_> {
    /// The bounds of the column, and of the one beside.
    #[must_use]
    pub fn bounds(&self, dataset: &Dataset) -> (Option<Bounds>, Option<Bounds>) {
        let of = |scalar: Option<&Scalar>| scalar.and_then(|s| bounds(s, dataset));
        (of(self.argument), of(self.beside))
    }

    /// Which number it is. Deviations from zero are the values themselves, so their total is a sum.
    #[must_use]
    pub fn number(&self, dataset: &Dataset) -> PartKind {
        match self.kind {
            PartKind::Deviations if origin(self.bounds(dataset).0) == 0 => PartKind::Sum,
            kind @ (PartKind::Rows
            | PartKind::Values
            | PartKind::Units
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
        let (x, y) = self.bounds(dataset);
        match self.number(dataset) {
            kind @ (PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Sum) => {
                format!("{kind:?} {:?}", self.argument)
            }
            kind @ (PartKind::Deviations | PartKind::Squares) => {
                format!("{kind:?} {:?} from {}", self.argument, origin(x))
            }
            PartKind::Products => format!(
                "{:?} {:?} {:?} from {} {}",
                self.kind,
                self.argument,
                self.beside,
                origin(x),
                origin(y)
            ),
        }
    }
}

impl Measure {
    /// The parts, in order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        let filter = self.filter.as_ref();
        let part = |kind, argument| Part { kind, argument, beside: None, filter, parameters: 0 };
        match &self.kind {
            MeasureKind::Rows => vec![part(PartKind::Rows, None)],
            MeasureKind::Values(x) => vec![part(PartKind::Values, Some(x))],
            MeasureKind::Units => vec![part(PartKind::Units, None)],
            MeasureKind::Sum(x) => vec![part(PartKind::Sum, Some(x))],
            MeasureKind::Mean(x) => {
                vec![part(PartKind::Sum, Some(x)), part(PartKind::Values, Some(x))]
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
    let in_order = match y {
        Some(y) if format!("{y:?}") < format!("{x:?}") => (Some(y), Some(x)),
        _ => (Some(x), y),
    };
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
    Part { kind, argument, beside, filter, parameters }
}
