//! What is asked of each cell.

use super::{Probability, Scalar};

/// A measure of every cell, over the rows for which `filter` is true.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What is computed.
    pub kind: MeasureKind,
    /// `FILTER (WHERE ...)`: makes it a cell of its own, with its own contributing units.
    pub filter: Option<Scalar>,
}

/// The closed list of measures. Whatever returns the value of a record isn't here.
#[derive(Debug, Clone, PartialEq)]
pub enum MeasureKind {
    /// `count(*)`: rows.
    Rows,
    /// `count(x)`: rows with a value.
    Values(Scalar),
    /// `count(DISTINCT unit)`: protected units.
    Units,
    /// `sum(x)`: a total of exact numbers.
    Sum(Scalar),
    /// `avg(x)`: shown total by shown count.
    Mean(Scalar),
    /// `histogram(x)`: how many values lie in each published bin.
    Histogram(Scalar),
    /// `percentile_cont(p)` and its like: below which value a share of the values lies, estimated from the counts in
    /// the published bins.
    Quantile {
        /// Of what.
        argument: Scalar,
        /// Which share.
        probability: Probability,
    },
}

impl MeasureKind {
    /// The argument, where there is one.
    #[must_use]
    pub const fn argument(&self) -> Option<&Scalar> {
        match self {
            Self::Rows | Self::Units => None,
            Self::Values(x)
            | Self::Sum(x)
            | Self::Mean(x)
            | Self::Histogram(x)
            | Self::Quantile { argument: x, .. } => Some(x),
        }
    }
}
