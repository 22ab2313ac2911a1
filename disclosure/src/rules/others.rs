//! Others: a cell that several departments share in needs enough units of others than any one of them.
//!
//! *Statement*: where several departments hold a dataset, all of them but any single one contribute together at least
//! `others_min` distinct protected units to each part of a measure. It is enough to leave out the largest: who contributes
//! less leaves more. The least number of a cell is raised by 0 to `threshold_blur` units: by the most of what is drawn from
//! each department's own units. Nobody is few: a cell of one department alone is suppressed. Rows without a unit's id are
//! no cover, and don't count.
//!
//! ```text
//! n - max(n_i)  >=  others_min + max(mix(K_i) mod (threshold_blur + 1))
//! ```
//!
//! | units by department, `others_min` 10 without blur | without the largest | shown |
//! |---|---|---|
//! | 12, of which nobody exists, and 1 | 1 | `[c]` |
//! | 40 and 0 | 0 | `[c]` |
//! | 4, 5 and 6 | 9 | `[c]` |
//! | 2 at each of seven | 12 | 14 |
//!
//! *Stops*: attack 54: a department adds people it made up to one of another's, until there are enough for the threshold,
//! and takes its own off what is shown. Whatever a department says of itself, what is left when it is taken off is at least
//! `others_min` units of others: by a large `n` it becomes the largest, and what is left is all the others; by a small one
//! somebody else is, and what is left is still less than all the others. Were a cell of one department shown, a department
//! could ask of any description whether another has anybody like that: shown if not, suppressed if there are a few.
//!
//! *Doesn't stop*: two departments that put together what they know: then it is as if they were one. A department's
//! false people as cover for a third's few beside a large one's: what is drawn for the others can't be drawn anew, so that
//! this is worth as much as any blurred edge; without blur the edge is sharp. The gateway, which sees everything.
//!
//! *Source*: the threshold rule of the Handbook on SDC, 2nd ed., for a contributor, or a coalition of them, that takes its
//! own contributions off the cell's: here a department stands for all of its units, as one coalition.

use super::edge::Edge;
use crate::evidence::PartEvidence;
use crate::policy::Profile;

/// Whether all departments but any one contribute enough, where several hold the dataset.
#[must_use]
pub fn passes(evidence: &PartEvidence, profile: Profile, edge: Edge) -> bool {
    let Some(others) = evidence.shares.without_the_largest() else { return true };
    if profile.others_min == 0 {
        return true;
    }
    // Of the largest of all draws a department that changes its own can only raise: it can't roll for the others.
    let raised =
        evidence.shares.iter().map(|share| edge.raised_by(share.record_keys, profile)).max();
    let least = u64::from(profile.others_min).saturating_add(raised.unwrap_or(0));
    u64::try_from(others).is_ok_and(|others| least <= others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Shares;
    use crate::policy::Preset;

    fn cell(shares: &[(i64, i64)]) -> PartEvidence {
        PartEvidence { shares: Shares::of(shares), ..PartEvidence::default() }
    }

    fn ten(blur: u32) -> Profile {
        Profile { others_min: 10, threshold_blur: blur, ..Preset::Exact.profile() }
    }

    #[test]
    fn enough_is_left_whoever_is_taken_off() {
        for (units, expect) in [
            (&[12, 1][..], false),
            (&[40, 0][..], false),
            (&[40, 9][..], false),
            (&[40, 10][..], true),
            (&[4, 5, 6][..], false),
            (&[2; 7][..], true),
            (&[5, 5, 5][..], true),
            // A department that says it has nobody, or everybody.
            (&[0, 12, 9][..], false),
            (&[1 << 40, 12][..], true),
            (&[1 << 40, 9][..], false),
        ] {
            let shares: Vec<(i64, i64)> = units.iter().map(|n| (*n, 0)).collect();
            assert_eq!(passes(&cell(&shares), ten(0), Edge::Named), expect, "{units:?}");
            for (i, _) in units.iter().enumerate() {
                let left: i64 =
                    units.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, n)| n).sum();
                assert!(!expect || 10 <= left, "{units:?} without {i}");
            }
        }
    }

    #[test]
    fn a_dataset_of_one_department_and_a_profile_without_it_pass() {
        assert!(passes(&cell(&[]), ten(3), Edge::Named));
        assert!(passes(&cell(&[(9, 0), (1, 0)]), Profile::STANDARD, Edge::Named));
    }

    #[test]
    fn the_edge_lies_between_ten_and_thirteen_and_can_only_be_raised_by_others() {
        let shown =
            |others: i64, keys: i64| passes(&cell(&[(40, 5), (others, keys)]), ten(3), Edge::Named);
        for (others, least, most) in [(9, 0, 0), (13, 1_000, 1_000)] {
            let times = (0..1_000).filter(|keys| shown(others, *keys)).count();
            assert!((least..=most).contains(&times), "{others}: {times}");
        }
        // A third department of nobody that changes its key shows no cell that was hidden without it.
        for keys in 0..200 {
            for others in 10..13 {
                let with = |third| {
                    passes(&cell(&[(40, 5), (others, keys), (0, third)]), ten(3), Edge::Named)
                };
                assert!((0..50).all(|third| !with(third) || shown(others, keys)));
            }
        }
    }
}
