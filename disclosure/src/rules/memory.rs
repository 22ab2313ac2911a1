//! Limit on memory: how much a node gives a question about protected data.
//!
//! Some limit there has to be, and data moves what a question takes. With an exact limit, a question is tuned until it is just
//! answered, and is refused (`L506`) if and only if one further group is there: the victim's. So where memory ends is drawn
//! for each question under the node's key, between half and all of what the node has.
//!
//! | the node has | takes | answer |
//! |---|---|---|
//! | 512 MiB | 200 MiB | the table |
//! | 512 MiB | 300 MiB | the table, or `L506` for one question in six; the same however often it is asked |
//! | 512 MiB | 300 MiB and 1 KiB | the same, but for one question in 260,000 |
//! | 512 MiB | 513 MiB | `L506` |
//!
//! That needs an amount which moves by little with one person: what is counted is what is held, each group and row for as
//! much as it takes at most, never what was reserved for more of them (`node/src/tabulate/memory.rs`).
//!
//! Stops attack 30 at this limit. Doesn't stop: very many pairs of questions, as of the limit on groups; a person of whom
//! much is held, with many rows; how long an answer takes. Source: our own.

use crate::admit::Admitted;
use crate::keyed::{DatasetKeys, digest};
use crate::tabulation::Tabulation;

/// The most bytes that a question may take of `own`, which the node has: from half of it to all, drawn for the question.
#[must_use]
pub fn bytes_max(admitted: &Admitted<Tabulation>, keys: &DatasetKeys, own: usize) -> usize {
    let [_, share] = drawn(admitted, keys);
    let (own, half) = (widened(own), widened(own / 2));
    let above = half.saturating_mul(u128::from(share)) >> 32;
    let drawn = own.saturating_sub(half).saturating_add(above).min(own);
    usize::try_from(drawn).unwrap_or(usize::MAX)
}

fn widened(bytes: usize) -> u128 {
    u128::try_from(bytes).unwrap_or(u128::MAX)
}

/// What is drawn for a question, of 2^32: for the limit on groups, and for that on memory.
pub(super) fn drawn(admitted: &Admitted<Tabulation>, keys: &DatasetKeys) -> [u64; 2] {
    // Not by what the asker says is the most: with that it would choose between what edges.
    let asked = Tabulation { groups_max: 0, ..admitted.tabulation().clone() };
    let drawn = keys.limit_share(digest(format!("{asked:?}").as_bytes()));
    [drawn >> 32, drawn & u64::from(u32::MAX)]
}
