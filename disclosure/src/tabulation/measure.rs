//! What is asked of each cell.

use super::{Association, Dispersion, Probability, Scalar};

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
    /// `approx_distinct(x)`: about how many different values, from a sketch of them ([`crate::distinct`]). Of open data
    /// only.
    ApproxDistinct(Scalar),
    /// `sum(x)`: a total of exact numbers. Where everybody is known to have something, shown count times that, and the shown
    /// total of what is beyond.
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
    /// `var_samp(x)` and the like: from shown counts, totals and totals of squares.
    Dispersion(Dispersion, Scalar),
    /// `corr(y, x)` and the like, `y` first: over rows that have both.
    Association(Association, Scalar, Scalar),
}

impl MeasureKind {
    /// The arguments, in order.
    #[must_use]
    pub fn arguments(&self) -> Vec<&Scalar> {
        match self {
            Self::Rows | Self::Units => Vec::new(),
            Self::Values(x)
            | Self::ApproxDistinct(x)
            | Self::Sum(x)
            | Self::Mean(x)
            | Self::Histogram(x)
            | Self::Quantile { argument: x, .. }
            | Self::Dispersion(_, x) => vec![x],
            Self::Association(_, y, x) => vec![y, x],
        }
    }

    /// The arguments, in order, to be changed.
    pub(crate) fn arguments_mut(&mut self) -> Vec<&mut Scalar> {
        match self {
            Self::Rows | Self::Units => Vec::new(),
            Self::Values(x)
            | Self::ApproxDistinct(x)
            | Self::Sum(x)
            | Self::Mean(x)
            | Self::Histogram(x)
            | Self::Quantile { argument: x, .. }
            | Self::Dispersion(_, x) => vec![x],
            Self::Association(_, y, x) => vec![y, x],
        }
    }
}
