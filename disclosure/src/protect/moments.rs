//! Moments from their shown parts.
//!
//! ```text
//! Sxx = XX - X * X / n              Sxy = XY - X * Y / n           the mean of x = a + X / n
//! ```
//!
//! The subtraction is of two large numbers that are nearly equal, so it is done in whole numbers; only its result is
//! rounded to floating point. Noise can bring a variance below zero, which is shown as 0, and a correlation beyond 1,
//! which is shown as 1. Where nothing spreads there is no correlation and no line.

use super::figure::Figure;
use crate::dataset::Dataset;
use crate::rules::measures::origin;
use crate::tabulation::typing::{power_of_ten, type_of};
use crate::tabulation::{Association, Dispersion, Literal, MomentPart, Scalar, ScalarType};

/// A dispersion; `None` where there is none.
pub(super) fn dispersion(
    of: Dispersion,
    x: &Scalar,
    parts: &[Figure],
    dataset: &Dataset,
) -> Option<Literal> {
    let shown = Parts { of: of.made_of(), figures: parts };
    let unit = Scale::of(x, dataset).unit;
    let Spread { about, n } = shown.spread(MomentPart::Xx)?;
    let spread = (about / unit / unit).max(0.0);
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
    parts: &[Figure],
    dataset: &Dataset,
) -> Option<Literal> {
    let shown = Parts { of: of.made_of(), figures: parts };
    let (y, x) = (Scale::of(y, dataset), Scale::of(x, dataset));
    let over = |n: i128| (0 < n).then_some(n as f64);
    let spread = |part, [one, other]: [f64; 2]| {
        let Spread { about, n } = shown.spread(part)?;
        Some(Spread { about: about / one / other, n })
    };
    let squares = |part, unit| {
        let Spread { about, n } = spread(part, [unit, unit])?;
        Some(Spread { about: about.max(0.0), n })
    };
    let sxx = || squares(MomentPart::Xx, x.unit);
    let syy = || squares(MomentPart::Yy, y.unit);
    let sxy = || spread(MomentPart::Xy, [x.unit, y.unit]);
    let slope = || {
        let [sxy, sxx] = alike([sxy()?, sxx()?])?;
        Some(sxy / positive(sxx)?)
    };
    let mean = |part, scale: Scale| scale.mean(shown.get(part)?.number()?, shown.count_of(part)?);
    let mean_x = || mean(MomentPart::X, x);
    let mean_y = || mean(MomentPart::Y, y);
    let correlation = || {
        let [sxy, sxx, syy] = alike([sxy()?, sxx()?, syy()?])?;
        let r = sxy / (positive(sxx)?.sqrt() * positive(syy)?.sqrt());
        Some(r.clamp(-1.0, 1.0))
    };
    let value = match of {
        Association::Pairs => {
            let n = shown.get(MomentPart::Count)?.number()?;
            return i64::try_from(n).ok().map(Literal::Int64);
        }
        Association::CovarianceOfSample => {
            let Spread { about, n } = sxy()?;
            about / over(n.checked_sub(1)?)?
        }
        Association::CovarianceOfPopulation => {
            let Spread { about, n } = sxy()?;
            about / over(n)?
        }
        Association::Correlation => correlation()?,
        Association::Determination => correlation().map(|r| r * r)?,
        Association::Slope => slope()?,
        Association::Intercept => mean_y()? - slope()? * mean_x()?,
        Association::MeanOfX => mean_x()?,
        Association::MeanOfY => mean_y()?,
        Association::SquaresOfX => sxx()?.about,
        Association::SquaresOfY => syy()?.about,
        Association::Products => sxy()?.about,
    };
    finite(value)
}

/// The shown parts of a moment, found by what they are.
#[derive(Clone, Copy)]
struct Parts<'a> {
    of: &'static [MomentPart],
    figures: &'a [Figure],
}

/// Squares or products about the means, of so many.
#[derive(Clone, Copy)]
struct Spread {
    about: f64,
    n: i128,
}

impl Parts<'_> {
    fn get(self, part: MomentPart) -> Option<Figure> {
        let at = self.of.iter().position(|p| *p == part)?;
        self.figures.get(at).copied()
    }

    /// How many a part is of, if any: the count that goes with it, or else the one beside it.
    fn count_of(self, part: MomentPart) -> Option<i128> {
        let own = self.get(part)?.count();
        own.or_else(|| self.get(MomentPart::Count)?.number()).filter(|n| 0 < *n)
    }

    /// A part about the means.
    fn spread(self, part: MomentPart) -> Option<Spread> {
        let n = self.count_of(part)?;
        let number = match self.get(part)? {
            Figure::AboutMeans { about, .. } => return Some(Spread { about, n }),
            Figure::Alone(number) | Figure::Total { total: number, .. } => number,
        };
        let [one, other] = match part {
            MomentPart::Xx => [MomentPart::X, MomentPart::X],
            MomentPart::Yy => [MomentPart::Y, MomentPart::Y],
            MomentPart::Xy => [MomentPart::X, MomentPart::Y],
            MomentPart::Count | MomentPart::X | MomentPart::Y => return None,
        };
        let total = |part| self.get(part)?.number();
        Some(Spread { about: about_means(number, total(one)?, total(other)?, n)?, n })
    }
}

/// What goes into one quotient: as it is, where all are of as many; else of one each less the mean.
fn alike<const N: usize>(spreads: [Spread; N]) -> Option<[f64; N]> {
    let [first, ..] = spreads.as_slice() else { return None };
    if spreads.iter().all(|spread| spread.n == first.n) {
        return Some(spreads.map(|spread| spread.about));
    }
    let several = spreads.iter().all(|spread| 1 < spread.n);
    several.then(|| spreads.map(|Spread { about, n }| about / (n as f64 - 1.0)))
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
        let origin = origin(column, dataset);
        Self { origin, unit: power_of_ten(places) as f64 }
    }

    fn mean(self, deviations: i128, n: i128) -> Option<f64> {
        let total = self.origin.checked_mul(n)?.checked_add(deviations)?;
        Some(total as f64 / n as f64 / self.unit)
    }
}

/// `products - a * b / n`, exact up to the last step; `0 < n`.
pub(super) fn about_means(products: i128, a: i128, b: i128, n: i128) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Bounds;
    use crate::dataset::{Column, DatasetName, Protection};
    use crate::label::Label;

    /// Amounts of two decimal places from 0, and whole numbers from 60.
    fn dataset() -> Dataset {
        let column = |name: &str, scalar_type, low, high| Column {
            name: name.to_owned(),
            scalar_type,
            label: Label::Measure,
            domain: None,
            breakpoints: None,
            bounds: Some(Bounds { low, high }),
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: vec![
                column("paid", ScalarType::Decimal(2), 0, 1_000_000),
                column("pressure", ScalarType::Int64, 60, 250),
            ],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        }
    }

    fn of_one(of: Dispersion, column: &str, parts: &[i128]) -> Option<f64> {
        let parts: Vec<Figure> = parts.iter().copied().map(Figure::Alone).collect();
        let value = dispersion(of, &Scalar::Column(column.to_owned()), &parts, &dataset());
        value.map(|v| if let Literal::Float64(v) = v { v } else { f64::NAN })
    }

    /// Of `paid` on `pressure`.
    fn of_two(of: Association, parts: &[(MomentPart, i128)]) -> Option<Literal> {
        let column = |name: &str| Scalar::Column(name.to_owned());
        let value = |p: &MomentPart| parts.iter().find(|(q, _)| q == p).map_or(0, |(_, v)| *v);
        let parts: Vec<Figure> = of.made_of().iter().map(value).map(Figure::Alone).collect();
        association(of, &column("paid"), &column("pressure"), &parts, &dataset())
    }

    fn number(value: Option<Literal>) -> Option<f64> {
        match value? {
            Literal::Float64(v) => Some(v),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn of_1_2_3_4_the_variance_is_one_and_two_thirds() {
        // In hundredths: 100, 200, 300, 400.
        let parts = [4, 1_000, 300_000];
        assert_eq!(of_one(Dispersion::VarianceOfSample, "paid", &parts), Some(5.0 / 3.0));
        assert_eq!(of_one(Dispersion::VarianceOfPopulation, "paid", &parts), Some(1.25));
        let root = of_one(Dispersion::DeviationOfPopulation, "paid", &parts).unwrap();
        assert!((root - 1.25_f64.sqrt()).abs() < 1e-15);
        let root = of_one(Dispersion::DeviationOfSample, "paid", &parts).unwrap();
        assert!((root - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn below_zero_is_zero_and_of_one_or_none_there_is_none() {
        assert_eq!(of_one(Dispersion::VarianceOfSample, "paid", &[10, 1_000, 99_000]), Some(0.0));
        assert_eq!(of_one(Dispersion::DeviationOfSample, "paid", &[10, 1_000, -5]), Some(0.0));
        assert_eq!(of_one(Dispersion::VarianceOfSample, "paid", &[1, 100, 10_000]), None);
        assert_eq!(of_one(Dispersion::VarianceOfPopulation, "paid", &[1, 100, 10_000]), Some(0.0));
        for n in [0, -5] {
            assert_eq!(of_one(Dispersion::VarianceOfPopulation, "paid", &[n, 100, 10_000]), None);
        }
        assert_eq!(of_one(Dispersion::VarianceOfSample, "paid", &[]), None, "not all parts");
    }

    #[test]
    fn a_line_through_four_points_is_found_with_its_units_and_origins() {
        // pressure 70, 80, 90, 100 (10, 20, 30, 40 from 60); paid 1.50 + 0.05 * pressure.
        let paid = [500, 550, 600, 650];
        let from_60 = [10, 20, 30, 40];
        let all = [
            (MomentPart::Count, 4),
            (MomentPart::X, from_60.iter().sum()),
            (MomentPart::Y, paid.iter().sum()),
            (MomentPart::Xx, from_60.iter().map(|x| x * x).sum()),
            (MomentPart::Yy, paid.iter().map(|y| y * y).sum()),
            (MomentPart::Xy, from_60.iter().zip(paid).map(|(x, y)| x * y).sum()),
        ];
        for (of, expect) in [
            (Association::Slope, 0.05),
            (Association::Intercept, 1.5),
            (Association::Correlation, 1.0),
            (Association::Determination, 1.0),
            (Association::CovarianceOfSample, 25.0 / 3.0),
            (Association::CovarianceOfPopulation, 6.25),
            (Association::MeanOfX, 85.0),
            (Association::MeanOfY, 5.75),
            (Association::SquaresOfX, 500.0),
            (Association::SquaresOfY, 1.25),
            (Association::Products, 25.0),
        ] {
            let shown = number(of_two(of, &all)).unwrap();
            assert!((shown - expect).abs() < 1e-12, "{of:?}: {shown}");
        }
        assert_eq!(of_two(Association::Pairs, &all), Some(Literal::Int64(4)));
    }

    #[test]
    fn noise_never_makes_a_correlation_beyond_one_nor_a_line_where_nothing_spreads() {
        let shown = |xx, xy, of| {
            let parts = [
                (MomentPart::Count, 10),
                (MomentPart::X, 100),
                (MomentPart::Y, 100),
                (MomentPart::Xx, xx),
                (MomentPart::Yy, 1_100),
                (MomentPart::Xy, xy),
            ];
            number(of_two(of, &parts))
        };
        for (xy, expect) in [(5_000, 1.0), (-5_000, -1.0)] {
            assert_eq!(shown(1_100, xy, Association::Correlation), Some(expect));
            assert_eq!(shown(1_100, xy, Association::Determination), Some(1.0));
        }
        for nothing_spreads in [1_000, 900] {
            for of in [
                Association::Correlation,
                Association::Determination,
                Association::Slope,
                Association::Intercept,
            ] {
                assert_eq!(shown(nothing_spreads, 1_050, of), None, "{of:?}");
            }
            assert_eq!(shown(nothing_spreads, 1_050, Association::SquaresOfX), Some(0.0));
        }
    }

    #[test]
    fn a_small_spread_far_from_the_origin_loses_no_digits() {
        // Ten thousand million rows of 10^13 or 10^13 + 2, half each: about the mean each is 1.
        let (n, large) = (10_000_000_000_i128, 10_000_000_000_000_i128);
        let total = n * large + n;
        let squares = n / 2 * (large * large) + n / 2 * ((large + 2) * (large + 2));
        assert_eq!(about_means(squares, total, total, n), Some(1e10));
        // In floating point, whose steps are 10^20 there, all of it would be lost.
        assert_ne!(squares as f64 - total as f64 * (total as f64 / n as f64), 1e10);
        // What can't be is no value.
        assert_eq!(about_means(i128::MIN, i128::MAX, i128::MAX, 1), None);
        assert_eq!(about_means(0, -7, 3, 2), Some(10.5));
    }
}
