//! A shown number with the count that it goes with.
//!
//! A mean is a total by a count, a variance squares about a mean. The guard repeats what nearly the same people were
//! shown, for each number by itself, so that a total and a count beside it may be of two groups; and of a measure with gaps
//! the count of values repeats that of all rows. So whatever is remembered of a total is remembered with its count, and of
//! squares and products is remembered what they come to about the means. Then a mean or a variance is always one group's.

use super::{PartRules, Shown};
use crate::rules::rounding;
use crate::table::CellStatus;
use crate::tabulation::PartKind;
use crate::tabulation::typing::power_of_ten;

/// A shown number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// A count; or a number of which the count isn't known: it wasn't asked for with it, or not yet remembered.
    Alone(i128),
    /// A total, of so many as are shown.
    Total {
        /// In units of the last decimal place.
        total: i128,
        /// Above 0.
        count: i64,
    },
    /// What squares or products come to about the means, of so many as are shown.
    AboutMeans {
        /// In products of units of the last decimal place.
        about: f64,
        /// Above 0.
        count: i64,
    },
}

/// What is shown of a part in a cell, or why nothing is.
pub(super) type ShownFigure = Result<Figure, CellStatus>;

impl Figure {
    /// A count, a total, or squares as they are; `None` of what is about the means.
    pub(super) const fn number(self) -> Option<i128> {
        match self {
            Self::Alone(number) | Self::Total { total: number, .. } => Some(number),
            Self::AboutMeans { .. } => None,
        }
    }

    /// How many it is of, where that is known.
    pub(super) fn count(self) -> Option<i128> {
        match self {
            Self::Alone(_) => None,
            Self::Total { count, .. } | Self::AboutMeans { count, .. } => Some(count.into()),
        }
    }

    /// A total of so many; alone if that is none.
    pub(super) fn total(total: i128, count: Option<i128>) -> Self {
        match count.and_then(|count| i64::try_from(count).ok()).filter(|count| 0 < *count) {
            Some(count) => Self::Total { total, count },
            None => Self::Alone(total),
        }
    }
}

/// Numbers that nothing is remembered of.
pub(super) fn alone(shown: &[Vec<Shown>]) -> Vec<Vec<ShownFigure>> {
    let of_row = |row: &Vec<Shown>| row.iter().map(|shown| shown.map(Figure::Alone)).collect();
    shown.iter().map(of_row).collect()
}

/// A figure that was shown before, as it may be shown on the terms of today; `None` if it may not. A function of what was
/// shown and of the terms alone, so that it tells nothing new; what was shown on the same terms stays as it is.
///
/// Where it may not, nothing else has to be suppressed with it: what the cell has today passes the rules itself, and what it
/// had was shown.
pub(super) fn again(rules: &PartRules<'_>, earlier: Figure, same_terms: bool) -> Option<Figure> {
    let PartRules { part, profile, places, .. } = rules;
    let count_again = |count: i128| {
        let rounded = rounding::round_count(count, *profile);
        rounding::is_possible_count(rounded, *profile).then_some(rounded)
    };
    match (part.kind, earlier) {
        (
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct,
            Figure::Alone(count),
        ) => count_again(count).map(Figure::Alone),
        (
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct,
            Figure::Total { .. } | Figure::AboutMeans { .. },
        ) => None,
        (_, earlier) if same_terms => Some(earlier),
        (_, Figure::Alone(number)) => {
            Some(Figure::Alone(rounding::round(number, *places, *profile)))
        }
        (_, Figure::Total { total, count }) => {
            let total = rounding::round(total, *places, *profile);
            Some(Figure::total(total, count_again(count.into())))
        }
        (_, Figure::AboutMeans { about, count }) => {
            let step = step(rules) as f64;
            let about = if step <= 1.0 { about } else { (about / step).round() * step };
            let count = i64::try_from(count_again(count.into())?).ok().filter(|n| 0 < *n)?;
            Some(Figure::AboutMeans { about, count })
        }
    }
}

/// Shown totals are multiples of this.
pub(super) fn step(rules: &PartRules<'_>) -> i128 {
    match i128::from(rules.profile.rounding_base) {
        base if 1 < base => base.saturating_mul(power_of_ten(rules.places)),
        _ => 1,
    }
}
