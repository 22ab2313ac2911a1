//! One part of one cell through the rules on cells, in their order.

use super::{PartRules, Shown};
use crate::evidence::PartEvidence;
use crate::rules::{CELL_RULES, CellRule, dominance, noise, rounding, threshold};
use crate::table::CellStatus;
use crate::tabulation::PartKind;

/// The value to show, or why there is none.
pub(super) fn show(rules: &PartRules<'_>, evidence: &PartEvidence) -> Shown {
    let PartRules { part, shape, profile, places, flex_point, perturbation, .. } = rules;
    let evidence = evidence.clone().settled(shape.adds);
    let mut value = match part.kind {
        PartKind::Rows | PartKind::Values => i128::from(evidence.count),
        PartKind::Units => i128::from(evidence.units),
        PartKind::Sum => evidence.sum,
    };
    let is_count = match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units => true,
        PartKind::Sum => false,
    };
    if is_count && threshold::shows_zero(&evidence, *profile) {
        return Ok(0);
    }
    for rule in CELL_RULES {
        match rule {
            CellRule::Threshold => {
                let [largest, _] = evidence.largest;
                if !threshold::passes(&evidence, *profile, is_count && largest <= 1) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::Dominance => {
                if shape.contributions && dominance::is_dominated(&evidence, profile.dominance) {
                    return Err(CellStatus::Suppressed);
                }
            }
            CellRule::Noise => {
                let of = if is_count {
                    noise::Of::Count
                } else {
                    noise::Of::Total { flex_point: *flex_point }
                };
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
