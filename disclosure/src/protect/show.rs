//! One part of one cell through the rules on cells, in their order.

use super::{PartRules, Shown};
use crate::evidence::PartEvidence;
use crate::rules::edge::Edge;
use crate::rules::{CELL_RULES, CellRule, dof, dominance, noise, others, rounding, threshold};
use crate::table::CellStatus;
use crate::tabulation::PartKind;

/// The value to show, or why there is none.
pub(super) fn show(rules: &PartRules<'_>, edge: Edge, evidence: &PartEvidence) -> Shown {
    let PartRules { part, shape, profile, places, flex_point, perturbation, .. } = rules;
    let evidence = evidence.settled(shape.adds);
    let mut value = match part.kind {
        PartKind::Rows | PartKind::Values => i128::from(evidence.count),
        PartKind::Units => i128::from(evidence.units),
        PartKind::Distinct => i128::from(evidence.distinct_values()),
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            evidence.sum
        }
    };
    let is_count = is_count(part.kind);
    let of = match part.kind {
        PartKind::Rows | PartKind::Values => noise::Of::Rows,
        PartKind::Units => noise::Of::Units,
        PartKind::Distinct => noise::Of::Values,
        PartKind::Sum | PartKind::Deviations | PartKind::Products => {
            noise::Of::Total { flex_point: *flex_point }
        }
        PartKind::Squares => noise::Of::Squares { flex_point: *flex_point },
    };
    if is_count && threshold::shows_zero(&evidence, *profile) {
        return Ok(0);
    }
    for rule in CELL_RULES {
        match rule {
            CellRule::Threshold => {
                let [largest, _] = evidence.largest;
                if !threshold::passes(&evidence, *profile, edge, is_count && largest <= 1) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::Others => {
                if !others::passes(&evidence, *profile, edge) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::Dominance => {
                let limits = dominance::limits_of(part.kind, profile.dominance);
                if shape.contributions && dominance::is_dominated(&evidence, limits, edge) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::DegreesOfFreedom => {
                if !dof::passes(&evidence, *profile, edge, part.parameters) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::Noise => {
                value = value.saturating_add(noise::of(&evidence, of, *profile, *perturbation));
            }
            CellRule::Rounding => {
                value = if is_count {
                    rounding::round_count(value, *profile)
                } else {
                    rounding::round(value, *places, *profile)
                };
                // Noise and a base larger than the threshold can bring a count below it.
                if is_count && value < i128::from(profile.threshold_units) {
                    return Err(CellStatus::Suppressed);
                }
            }
        }
    }
    Ok(value)
}

const fn is_count(kind: PartKind) -> bool {
    match kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => true,
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => false,
    }
}
