//! What is to be known of a value that is shown.
//!
//! *Statement*: a total or mean that shows 0 under a profile that adds noise or rounds is `low`: each who
//! contributes does so with another amount than 0, or the threshold would have suppressed it. (Amounts
//! above and below 0 may cancel; whether they do isn't told.) A count other than 0 whose standard error
//! is above 20 % of what it shows is `u`.
//!
//! | `standard`, standard error 2.45 | shown |
//! |---|---|
//! | count 10 | `10 [u]`: 24 % |
//! | count 15 | `15`: 16 % |
//! | total 0 | `0 [low]` |
//!
//! Nothing but shown values and published numbers enters, so that a status tells no more than the value
//! beside it, and whoever receives a table can tell whether it is right. A total's standard error
//! depends on its largest contribution, which isn't public: totals, means and moments are never `u`. The
//! standard error is for units with one row each; a count of several rows each has a larger one. A
//! histogram's bins are counts without a status of their own, and a quantile is `e` in any case.
//!
//! *Source*: symbols of the Government Statistical Service, "Using symbols in tables" (2021); 20 % is
//! the usual limit of the coefficient of variation of "reliable" estimates in UK surveys.

use crate::dataset::Dataset;
use crate::policy::Noise;
use crate::table::CellStatus;
use crate::tabulation::{Association, Literal, MeasureKind};

/// A shown count is unreliable where its standard error is above this share of it.
const UNRELIABLE_PER_CENT: u64 = 20;

/// What the remarks on a dataset's values depend on: the same for every cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remarks {
    /// That what is shown is changed at all.
    changed: bool,
    count_error_thousandths: u64,
}

impl Remarks {
    pub(super) fn of(dataset: &Dataset) -> Self {
        let profile = dataset.profile();
        Self {
            changed: profile.noise != Noise::None || 1 < profile.rounding_base,
            count_error_thousandths: dataset.count_standard_error_thousandths(),
        }
    }

    /// The status of the shown value of a count, total or mean.
    pub(super) fn status(self, kind: &MeasureKind, shown: &Literal) -> CellStatus {
        if !self.changed {
            return CellStatus::Released;
        }
        match kind {
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::Association(Association::Pairs, _, _) => match shown {
                Literal::Int64(count) if *count != 0 && self.is_unreliable(*count) => {
                    CellStatus::Unreliable
                }
                Literal::Int64(_)
                | Literal::Null(_)
                | Literal::Boolean(_)
                | Literal::Decimal { .. }
                | Literal::Float64(_)
                | Literal::Utf8(_)
                | Literal::Date(_) => CellStatus::Released,
            },
            MeasureKind::Sum(_) | MeasureKind::Mean(_) => {
                if is_zero(shown) {
                    CellStatus::Low
                } else {
                    CellStatus::Released
                }
            }
            // Bins have no status of their own, and that a quantile is an estimate is said of all.
            MeasureKind::Histogram(_)
            | MeasureKind::Quantile { .. }
            // Of open data only, whose values aren't changed.
            | MeasureKind::ApproxDistinct(_)
            // The standard error of a moment depends on the largest contributions, which aren't public.
            | MeasureKind::Dispersion(..)
            | MeasureKind::Association(..) => CellStatus::Released,
        }
    }

    fn is_unreliable(self, count: i64) -> bool {
        let allowed = count.unsigned_abs().saturating_mul(UNRELIABLE_PER_CENT).saturating_mul(10);
        allowed < self.count_error_thousandths
    }
}

fn is_zero(value: &Literal) -> bool {
    match value {
        Literal::Int64(value) => *value == 0,
        Literal::Decimal { value, .. } => *value == 0,
        Literal::Float64(value) => *value == 0.0,
        Literal::Null(_) | Literal::Boolean(_) | Literal::Utf8(_) | Literal::Date(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tabulation::{Scalar, ScalarType};

    /// Of `standard`.
    const REMARKS: Remarks = Remarks { changed: true, count_error_thousandths: 2_450 };

    fn amount() -> Scalar {
        Scalar::Column("amount".to_owned())
    }

    #[test]
    fn a_count_is_unreliable_where_its_error_is_above_a_fifth_of_it() {
        let status = |count| REMARKS.status(&MeasureKind::Rows, &Literal::Int64(count));
        assert_eq!(status(10), CellStatus::Unreliable);
        assert_eq!(status(12), CellStatus::Unreliable);
        assert_eq!(status(13), CellStatus::Released);
        // Nobody, where that is shown, is nobody.
        assert_eq!(status(0), CellStatus::Released);
        let exact = Remarks { changed: false, count_error_thousandths: 1 };
        assert_eq!(exact.status(&MeasureKind::Rows, &Literal::Int64(1)), CellStatus::Released);
    }

    #[test]
    fn a_total_or_mean_that_shows_nothing_is_low_unless_it_is_exact() {
        let zeros =
            [Literal::Int64(0), Literal::Decimal { value: 0, places: 2 }, Literal::Float64(0.0)];
        let exact = Remarks { changed: false, ..REMARKS };
        for zero in zeros {
            for kind in [MeasureKind::Sum(amount()), MeasureKind::Mean(amount())] {
                assert_eq!(REMARKS.status(&kind, &zero), CellStatus::Low);
                assert_eq!(exact.status(&kind, &zero), CellStatus::Released);
            }
        }
        let five = Literal::Int64(5);
        assert_eq!(REMARKS.status(&MeasureKind::Sum(amount()), &five), CellStatus::Released);
        let none = Literal::Null(ScalarType::Int64);
        assert_eq!(REMARKS.status(&MeasureKind::Sum(amount()), &none), CellStatus::Released);
    }
}
