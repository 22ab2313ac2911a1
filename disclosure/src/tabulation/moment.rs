//! Moments: how values spread, and how two columns go together.
//!
//! None is computed from values. Each is made of counts, totals, and totals of squares and products, which are parts
//! like any other (see [`super::Part`]); what is shown follows from the shown parts.
//!
//! ```text
//! n    rows with a value, or with both          X, Y          totals of the deviations x - a, y - b
//! XX, YY, XY   totals of their products         Sxx = XX - X * X / n,   Sxy = XY - X * Y / n
//! ```
//!
//! `a` and `b` are the columns' origins ([`crate::Bounds::origin`]): public, and the same for every cell.

/// How the values of one column spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dispersion {
    /// `var_samp(x)`: `Sxx / (n - 1)`.
    VarianceOfSample,
    /// `var_pop(x)`: `Sxx / n`.
    VarianceOfPopulation,
    /// `stddev_samp(x)`: the root of the sample's variance.
    DeviationOfSample,
    /// `stddev_pop(x)`: the root of the population's variance.
    DeviationOfPopulation,
}

/// How the values of two columns go together, over rows that have both. `y` comes first, as SQL has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Association {
    /// `covar_samp(y, x)`: `Sxy / (n - 1)`.
    CovarianceOfSample,
    /// `covar_pop(y, x)`: `Sxy / n`.
    CovarianceOfPopulation,
    /// `corr(y, x)`: Pearson's coefficient, `Sxy / sqrt(Sxx * Syy)`.
    Correlation,
    /// `regr_slope(y, x)`: of the least-squares line of `y` on `x`, `Sxy / Sxx`.
    Slope,
    /// `regr_intercept(y, x)`: where that line meets `x = 0`.
    Intercept,
    /// `regr_r2(y, x)`: the square of the correlation.
    Determination,
    /// `regr_count(y, x)`: rows that have both.
    Pairs,
    /// `regr_avgx(y, x)`: the mean of `x` over rows that have both.
    MeanOfX,
    /// `regr_avgy(y, x)`: the mean of `y` over rows that have both.
    MeanOfY,
    /// `regr_sxx(y, x)`: `Sxx`.
    SquaresOfX,
    /// `regr_syy(y, x)`: `Syy`.
    SquaresOfY,
    /// `regr_sxy(y, x)`: `Sxy`.
    Products,
}

/// A number that moments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MomentPart {
    /// `n`
    Count,
    /// `X`
    X,
    /// `Y`
    Y,
    /// `XX`
    Xx,
    /// `YY`
    Yy,
    /// `XY`
    Xy,
}

use MomentPart::{Count, X, Xx, Xy, Y, Yy};

impl Dispersion {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::VarianceOfSample,
        Self::VarianceOfPopulation,
        Self::DeviationOfSample,
        Self::DeviationOfPopulation,
    ];

    /// The name in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VarianceOfSample => "var_samp",
            Self::VarianceOfPopulation => "var_pop",
            Self::DeviationOfSample => "stddev_samp",
            Self::DeviationOfPopulation => "stddev_pop",
        }
    }

    /// What it is made of; the column is `x`.
    #[must_use]
    pub const fn made_of(self) -> &'static [MomentPart] {
        match self {
            Self::VarianceOfSample
            | Self::VarianceOfPopulation
            | Self::DeviationOfSample
            | Self::DeviationOfPopulation => &[Count, X, Xx],
        }
    }

    /// Parameters that are fitted: the mean. See [`crate::rules::dof`].
    #[must_use]
    pub const fn parameters(self) -> u32 {
        match self {
            Self::VarianceOfSample
            | Self::VarianceOfPopulation
            | Self::DeviationOfSample
            | Self::DeviationOfPopulation => 1,
        }
    }
}

impl Association {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CovarianceOfSample,
        Self::CovarianceOfPopulation,
        Self::Correlation,
        Self::Slope,
        Self::Intercept,
        Self::Determination,
        Self::Pairs,
        Self::MeanOfX,
        Self::MeanOfY,
        Self::SquaresOfX,
        Self::SquaresOfY,
        Self::Products,
    ];

    /// The name in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CovarianceOfSample => "covar_samp",
            Self::CovarianceOfPopulation => "covar_pop",
            Self::Correlation => "corr",
            Self::Slope => "regr_slope",
            Self::Intercept => "regr_intercept",
            Self::Determination => "regr_r2",
            Self::Pairs => "regr_count",
            Self::MeanOfX => "regr_avgx",
            Self::MeanOfY => "regr_avgy",
            Self::SquaresOfX => "regr_sxx",
            Self::SquaresOfY => "regr_syy",
            Self::Products => "regr_sxy",
        }
    }

    /// What it is made of.
    #[must_use]
    pub const fn made_of(self) -> &'static [MomentPart] {
        match self {
            Self::CovarianceOfSample | Self::CovarianceOfPopulation | Self::Products => {
                &[Count, X, Y, Xy]
            }
            Self::Correlation | Self::Determination => &[Count, X, Y, Xx, Yy, Xy],
            Self::Slope | Self::Intercept => &[Count, X, Y, Xx, Xy],
            Self::Pairs => &[Count],
            Self::MeanOfX => &[Count, X],
            Self::MeanOfY => &[Count, Y],
            Self::SquaresOfX => &[Count, X, Xx],
            Self::SquaresOfY => &[Count, Y, Yy],
        }
    }

    /// Parameters that are fitted: two means, or a line. A count and means are held to what `count` and `avg` are.
    #[must_use]
    pub const fn parameters(self) -> u32 {
        match self {
            Self::CovarianceOfSample
            | Self::CovarianceOfPopulation
            | Self::Correlation
            | Self::Slope
            | Self::Intercept
            | Self::Determination
            | Self::SquaresOfX
            | Self::SquaresOfY
            | Self::Products => 2,
            Self::Pairs | Self::MeanOfX | Self::MeanOfY => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_moment_has_a_name_of_its_own_and_counts_first() {
        let names: BTreeSet<&str> = Dispersion::ALL
            .map(Dispersion::as_str)
            .into_iter()
            .chain(Association::ALL.map(Association::as_str))
            .collect();
        assert_eq!(names.len(), Dispersion::ALL.len() + Association::ALL.len());
        let parts = Dispersion::ALL.map(Dispersion::made_of).into_iter();
        for parts in parts.chain(Association::ALL.map(Association::made_of)) {
            assert_eq!(parts.first(), Some(&Count), "{parts:?}");
            let once: BTreeSet<String> = parts.iter().map(|p| format!("{p:?}")).collect();
            assert_eq!(once.len(), parts.len(), "{parts:?}");
        }
    }
}
