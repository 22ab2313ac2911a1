//! Bins: a measure's values sorted between its published breakpoints.
//!
//! ```text
//! low          b1          b2          b3         high
//!  |    bin 0   |   bin 1   |   bin 2   |   bin 3   |      closed below; the last one above, too
//! ```
//!
//! A value beyond the declared bounds is held within them, so the first bin has everything below `b1`, and the last
//! everything from the last breakpoint on. A bin's condition is written just as an analyst would write it: both are
//! the same question, and have the same answer.

use super::{Comparison, Literal, Scalar};
use crate::dataset::{Breakpoints, Dataset};
use crate::label::Label;

/// With fewer breakpoints than this there is no distribution to speak of.
pub const BREAKPOINTS_MIN: usize = 3;
/// The most bins of a measure.
pub const BINS_MAX: usize = 64;

/// The bins of a measure's values.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins<'a> {
    argument: &'a Scalar,
    /// The breakpoints within the bounds, ascending: in units of the last decimal place, and as declared.
    cuts: Vec<(i128, Literal)>,
    low: i128,
    high: i128,
    places: u8,
}

impl<'a> Bins<'a> {
    /// The bins of a column's values; `None` unless it is a measure of exact numbers with declared bounds and at least
    /// [`BREAKPOINTS_MIN`] listed breakpoints within them.
    #[must_use]
    pub fn of(argument: &'a Scalar, dataset: &Dataset) -> Option<Self> {
        let Scalar::Column(name) = argument else { return None };
        let column = dataset.column(name)?;
        let (Label::Measure, Some(bounds), Some(Breakpoints::Listed(listed))) =
            (column.label, column.bounds, &column.breakpoints)
        else {
            return None;
        };
        let places = column.scalar_type.decimal_places();
        let mut cuts: Vec<(i128, Literal)> = listed
            .iter()
            .filter(|literal| literal.scalar_type() == column.scalar_type)
            .filter_map(|literal| Some((digits(literal)?, literal.clone())))
            .filter(|(at, _)| bounds.low < *at && *at <= bounds.high)
            .collect();
        cuts.sort_by_key(|(at, _)| *at);
        cuts.dedup_by_key(|(at, _)| *at);
        let bins = Self { argument, cuts, low: bounds.low, high: bounds.high, places };
        (BREAKPOINTS_MIN <= bins.cuts.len()).then_some(bins)
    }

    /// How many there are: one more than breakpoints.
    #[must_use]
    pub fn count(&self) -> usize {
        self.cuts.len().saturating_add(1)
    }

    /// Where bins begin and end, ascending, in units of the last decimal place; one more than there are bins.
    #[must_use]
    pub fn edges(&self) -> Vec<i128> {
        let cuts = self.cuts.iter().map(|(at, _)| *at);
        std::iter::once(self.low).chain(cuts).chain([self.high]).collect()
    }

    /// Decimal places of the edges.
    #[must_use]
    pub const fn places(&self) -> u8 {
        self.places
    }

    /// The edges in words: `0, 100, 250, 1000, 5000`.
    #[must_use]
    pub fn describe(&self) -> String {
        let text = |value| Literal::Decimal { value, places: self.places }.to_string();
        self.edges().into_iter().map(text).collect::<Vec<_>>().join(", ")
    }

    /// The condition of each bin, in order.
    #[must_use]
    pub fn conditions(&self) -> Vec<Scalar> {
        let compare = |op, (_, cut): &(i128, Literal)| Scalar::Compare {
            op,
            left: Box::new(self.argument.clone()),
            right: Box::new(Scalar::Literal(cut.clone())),
        };
        let from = |cut| compare(Comparison::GreaterOrEqual, cut);
        let below = |cut| compare(Comparison::Less, cut);
        let between = self.cuts.iter().zip(self.cuts.iter().skip(1));
        let between = between.map(|(a, b)| Scalar::And(vec![from(a), below(b)]));
        let (first, last) = (self.cuts.first().map(below), self.cuts.last().map(from));
        first.into_iter().chain(between).chain(last).collect()
    }
}

/// An exact number in units of its last decimal place.
const fn digits(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Int64(value) => Some(*value as i128),
        Literal::Decimal { value, .. } => Some(*value),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Float64(_)
        | Literal::Utf8(_)
        | Literal::Date(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dataset::{Bounds, Column, DatasetName, Protection};
    use crate::tabulation::ScalarType;
    use crate::tabulation::interpret::truth;

    fn dataset(scalar_type: ScalarType, bounds: (i128, i128), cuts: Vec<Literal>) -> Dataset {
        let column = Column {
            name: "cost".to_owned(),
            scalar_type,
            label: Label::Measure,
            domain: None,
            breakpoints: Some(Breakpoints::Listed(cuts)),
            bounds: Some(Bounds { low: bounds.0, high: bounds.1 }),
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: vec![column],
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot: 0,
        }
    }

    fn whole(cuts: &[i64]) -> Dataset {
        let cuts = cuts.iter().map(|v| Literal::Int64(*v)).collect();
        dataset(ScalarType::Int64, (0, 1_000), cuts)
    }

    #[test]
    fn every_value_is_in_one_bin_whatever_the_bounds() {
        let argument = Scalar::Column("cost".to_owned());
        let dataset = whole(&[10, 100, 500]);
        let bins = Bins::of(&argument, &dataset).unwrap();
        assert_eq!(bins.edges(), [0, 10, 100, 500, 1_000]);
        assert_eq!(bins.describe(), "0, 10, 100, 500, 1000");
        let conditions = bins.conditions();
        assert_eq!(conditions.len(), bins.count());
        for (value, bin) in [
            (-5, 0),
            (0, 0),
            (9, 0),
            (10, 1),
            (99, 1),
            (100, 2),
            (499, 2),
            (500, 3),
            (1_000, 3),
            (7_000, 3),
        ] {
            let row = BTreeMap::from([("cost", Literal::Int64(value))]);
            let among: Vec<usize> =
                (0..4).filter(|i| truth(&conditions[*i], &row) == Some(true)).collect();
            assert_eq!(among, [bin], "{value}");
        }
        // No value is in none.
        assert!(conditions.iter().all(|c| truth(c, &BTreeMap::new()).is_none()));
    }

    #[test]
    fn breakpoints_outside_of_the_bounds_or_twice_make_no_bin() {
        let argument = Scalar::Column("cost".to_owned());
        let edges = |cuts: &[i64]| Bins::of(&argument, &whole(cuts)).map(|bins| bins.edges());
        assert_eq!(edges(&[500, 0, 10, 10, -3, 100, 1_001]), Some(vec![0, 10, 100, 500, 1_000]));
        assert_eq!(edges(&[10, 100, 1_000]), Some(vec![0, 10, 100, 1_000, 1_000]));
        assert_eq!(edges(&[10, 100]), None, "too few");
        assert_eq!(edges(&[0, 10, 100, 2_000]), None, "too few within the bounds");
    }

    #[test]
    fn decimals_are_cut_at_their_own_places() {
        let argument = Scalar::Column("cost".to_owned());
        let cut = |value| Literal::Decimal { value, places: 2 };
        let cuts = vec![cut(50), cut(100), cut(999)];
        let dataset = dataset(ScalarType::Decimal(2), (-100, 1_000), cuts);
        let bins = Bins::of(&argument, &dataset).unwrap();
        assert_eq!(bins.describe(), "-1.00, 0.50, 1.00, 9.99, 10.00");
        let expression = Scalar::Cast { value: Box::new(argument.clone()), to: ScalarType::Int64 };
        assert_eq!(Bins::of(&expression, &dataset), None);
    }
}
