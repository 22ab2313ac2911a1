//! Moments from their shown parts.
//!
//! ```text
//! Sxx = XX - X * X / n              Sxy = XY - X * Y / n           the mean of x = a + X / n
//! ```
//!
//! The subtraction is of two large numbers that are nearly equal, so it is done in whole numbers; only its result is
//! rounded to floating point. Noise can bring a variance below zero, which is shown as 0, and a correlation beyond 1,
//! which is shown as 1. Where nothing spreads there is no correlation and no line.

use crate::dataset::{Bounds, Dataset};
use crate::rules::measures::bounds;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{Association, Dispersion, Literal, MomentPart, Scalar, ScalarType};

/// A dispersion; `None` where there is none.
pub(super) fn dispersion(
    of: Dispersion,
    x: &Scalar,
    parts: &[i128],
    dataset: &Dataset,
) -> Option<Literal> {
    let shown = Parts { of: of.made_of(), values: parts };
    let n = shown.count()?;
    let spread = squares(shown, MomentPart::X, MomentPart::Xx, Scale::of(x, dataset))?;
    let over = |n: i128| (0 < n).then_some(n as f64);
    let value = match of {
        Dispersion::VarianceOfSample => spread / over(n.checked_sub(1)?)?,
        Dispersion::VarianceOfPopulation => spread / over(n)?,
        Dispersion::DeviationOfSample => (spread / over(n.checked_sub(1)?)?).sqrt(),
        Dispersion::DeviationOfPopulation => (spread / over(n)?).sqrt(),
    };
    finite(value)
}

/// An association; `None` where there is none.
pub(super) fn association(
    of: Association,
    y: &Scalar,
    x: &Scalar,
    parts: &[i128],
    dataset: &Dataset,
) -> Option<Literal> {
    let shown = Parts { of: of.made_of(), values: parts };
    let (y, x) = (Scale::of(y, dataset), Scale::of(x, dataset));
    let n = shown.get(MomentPart::Count)?;
    let over = |n: i128| (0 < n).then_some(n as f64);
    let sxx = || squares(shown, MomentPart::X, MomentPart::Xx, x);
    let syy = || squares(shown, MomentPart::Y, MomentPart::Yy, y);
    let sxy = || {
        let (both, of_x, of_y) =
            (shown.get(MomentPart::Xy)?, shown.get(MomentPart::X)?, shown.get(MomentPart::Y)?);
        Some(about_means(both, of_x, of_y, shown.count()?)? / x.unit / y.unit)
    };
    let slope = || Some(sxy()? / positive(sxx()?)?);
    let mean_x = || x.mean(shown.get(MomentPart::X)?, shown.count()?);
    let mean_y = || y.mean(shown.get(MomentPart::Y)?, shown.count()?);
    let correlation = || {
        let r = sxy()? / (positive(sxx()?)?.sqrt() * positive(syy()?)?.sqrt());
        Some(r.clamp(-1.0, 1.0))
    };
    let value = match of {
        Association::Pairs => return i64::try_from(n).ok().map(Literal::Int64),
        Association::CovarianceOfSample => sxy()? / over(n.checked_sub(1)?)?,
        Association::CovarianceOfPopulation => sxy()? / over(n)?,
        Association::Correlation => correlation()?,
        Association::Determination => correlation().map(|r| r * r)?,
        Association::Slope => slope()?,
        Association::Intercept => mean_y()? - slope()? * mean_x()?,
        Association::MeanOfX => mean_x()?,
        Association::MeanOfY => mean_y()?,
        Association::SquaresOfX => sxx()?,
        Association::SquaresOfY => syy()?,
        Association::Products => sxy()?,
    };
    finite(value)
}

/// The shown parts of a moment, found by what they are.
#[derive(Clone, Copy)]
struct Parts<'a> {
    of: &'static [MomentPart],
    values: &'a [i128],
}

impl Parts<'_> {
    fn get(self, part: MomentPart) -> Option<i128> {
        let at = self.of.iter().position(|p| *p == part)?;
        self.values.get(at).copied()
    }

    /// How many, if any.
    fn count(self) -> Option<i128> {
        self.get(MomentPart::Count).filter(|n| 0 < *n)
    }
}

/// How a column's digits are read: where its deviations are from, and how many of them are one unit of measurement.
#[derive(Clone, Copy)]
struct Scale {
    origin: i128,
    unit: f64,
}

impl Scale {
    fn of(column: &Scalar, dataset: &Dataset) -> Self {
        let places = type_of(column, dataset).map_or(0, ScalarType::decimal_places);
        let origin = bounds(column, dataset).map_or(0, Bounds::origin);
        Self { origin, unit: power_of_ten(places) as f64 }
    }

    fn mean(self, deviations: i128, n: i128) -> Option<f64> {
        let total = self.origin.checked_mul(n)?.checked_add(deviations)?;
        Some(total as f64 / n as f64 / self.unit)
    }
}

/// `Sxx` in the square of the unit of measurement; not below zero.
fn squares(shown: Parts<'_>, total: MomentPart, squares: MomentPart, scale: Scale) -> Option<f64> {
    let (total, squares) = (shown.get(total)?, shown.get(squares)?);
    let about = about_means(squares, total, total, shown.count()?)? / scale.unit / scale.unit;
    Some(about.max(0.0))
}

/// `products - a * b / n`, exact up to the last step; `0 < n`.
fn about_means(products: i128, a: i128, b: i128, n: i128) -> Option<f64> {
    let parts = |value: i128| Some((value.checked_div_euclid(n)?, value.checked_rem_euclid(n)?));
    let ((a_whole, a_rest), (b_whole, b_rest)) = (parts(a)?, parts(b)?);
    // a * b / n = a_whole * b + a_rest * b_whole + a_rest * b_rest / n
    let whole =
        products.checked_sub(a_whole.checked_mul(b)?)?.checked_sub(a_rest.checked_mul(b_whole)?)?;
    let rest = a_rest.checked_mul(b_rest)?;
    let whole = whole.checked_sub(rest.checked_div(n)?)?;
    Some(whole as f64 - rest.checked_rem(n)? as f64 / n as f64)
}

fn positive(value: f64) -> Option<f64> {
    (0.0 < value).then_some(value)
}

fn finite(value: f64) -> Option<Literal> {
    value.is_finite().then_some(Literal::Float64(value))
}
