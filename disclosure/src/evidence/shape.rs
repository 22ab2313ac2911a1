//! What has to be known of a part: it follows from the part and the data owner's terms, so that
//! a node that answers and a gateway that reads agree without saying so.

use super::Adds;
use crate::dataset::{Dataset, ProtectedUnit, Protection};
use crate::policy::DifferenceGuard;
use crate::tabulation::{Part, PartKind};

/// What has to be known of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether a column of its own is there")]
pub struct PartShape {
    /// Whether it counts or adds up.
    pub adds: Adds,
    /// Who contributes; not for open data.
    pub units: bool,
    /// How much each unit contributes, where that isn't one row each.
    pub contributions: bool,
    /// Record keys and the question's share.
    pub noise: bool,
    /// The difference sketch.
    pub sketch: bool,
    /// Whether there may be rows without a unit's id.
    pub nameless: bool,
    /// The sketch of different values; never of protected data.
    pub distinct: bool,
}

impl PartShape {
    /// What has to be known of this part.
    #[must_use]
    pub fn of(part: &Part<'_>, dataset: &Dataset) -> Self {
        let adds = match part.kind {
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => Adds::Rows,
            PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
                Adds::Amounts
            }
        };
        let profile = dataset.profile();
        match &dataset.protection {
            Protection::Open => Self {
                adds,
                units: false,
                contributions: false,
                noise: false,
                sketch: false,
                nameless: false,
                distinct: part.kind == PartKind::Distinct,
            },
            Protection::Protected { unit, .. } => {
                let many_rows = match unit {
                    ProtectedUnit::Row => false,
                    // Rows without an id are one unit, and many rows.
                    ProtectedUnit::Column { .. } => part.kind != PartKind::Units,
                };
                Self {
                    adds,
                    units: true,
                    contributions: many_rows || adds == Adds::Amounts,
                    noise: profile.draws(),
                    sketch: profile.guard == DifferenceGuard::On,
                    nameless: matches!(unit, ProtectedUnit::Column { .. }),
                    distinct: false,
                }
            }
        }
    }
}
