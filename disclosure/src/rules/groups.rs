//! Limit on groups: how many cells a table may have, and how many may be counted for it.
//!
//! A limit on the cells that are counted, suppressed ones among them, would be a question that no rule on cells sees: with
//! ranges tuned until the cells just fit, whoever alone makes a further cell makes the question fail. So what a table may
//! have is judged by the cells that are shown, which everybody may count; and how many are counted on the way ends
//! at a number between once and twice that, drawn under the node's key for each question. With a question in other
//! words it is drawn anew.
//!
//! | limit | counted | shown | answer |
//! |---|---|---|---|
//! | 1,000 | 900 | 300 | the table |
//! | 1,000 | 1,001 or 1,000 | 300 | the table, but for one question in a thousand |
//! | 1,000 | 1,500 | 300 | the table or `L504`, as it is drawn for the question |
//! | 1,000 | 2,000 | any | `L504` |
//!
//! Stops attack 30 at this limit: of two questions that differ by `k` cells both are answered, or neither, but for one
//! pair in `limit / k`. Doesn't stop: very many pairs; the limit on time (`L505`), which moves with data too. That on memory
//! is drawn likewise: [`super::memory`].
//! Of open data the cells are counted exactly.
//!
//! Source: our own; the limit is one of the resources that attack 46 of the catalogue is about.

use crate::admit::Admitted;
use crate::evidence::{Evidence, evidence_schema};
use crate::keyed::DatasetKeys;
use crate::refusal::{Refusal, RefusalCode, Refusals};
use crate::rules::memory::drawn;
use crate::table::Table;
use crate::tabulation::{Literal, Tabulation};

/// How many cells a node counts for a question: no more than `own`, the node's own limit, for open data; for protected
/// data up to a number from `own` to twice `own` that is drawn for the question. Less where Evidence of so many would be
/// longer than `bytes_max`, the most bytes of an answer.
#[must_use]
pub fn counted_max(
    admitted: &Admitted<Tabulation>,
    keys: &DatasetKeys,
    own: u32,
    bytes_max: usize,
) -> u32 {
    let tabulation = admitted.tabulation();
    if admitted.dataset().is_open() {
        return own.min(tabulation.groups_max);
    }
    let least = own.min(fitting(admitted, bytes_max)).max(1);
    let [share, _] = drawn(admitted, keys);
    let above = u64::from(least).saturating_mul(share) >> 32;
    least.saturating_add(u32::try_from(above).unwrap_or(0))
}

/// Three eighths as many cells as an answer has room for, with texts of [`TEXT_BYTES`]: twice as many leave a quarter for
/// longer ones.
fn fitting(admitted: &Admitted<Tabulation>, bytes_max: usize) -> u32 {
    let schema = evidence_schema(admitted);
    let widths = schema.fields().iter().map(|field| match field.data_type() {
        arrow_schema::DataType::FixedSizeBinary(bytes) => usize::try_from(*bytes).unwrap_or(0),
        other => other.primitive_width().unwrap_or(TEXT_BYTES),
    });
    let cell = widths.fold(0, usize::saturating_add).saturating_mul(8);
    u32::try_from(bytes_max.saturating_mul(3).checked_div(cell).unwrap_or(usize::MAX))
        .unwrap_or(u32::MAX)
}

/// A key's text is taken for as long as this.
const TEXT_BYTES: usize = 64;

/// Refuses Evidence whose keys are longer texts than an answer has room for: those of suppressed cells travel as well, and the length
/// of an answer ends at a byte. So they end before, at a number from an eighth to a quarter of `bytes_max` that is drawn for the
/// question. Without it, texts padded until they just fit told whether one person was among them, 10 of 10.
///
/// # Errors
/// `L504`. Never of open data.
pub fn check_texts(
    admitted: &Admitted<Tabulation>,
    evidence: &Evidence,
    keys: &DatasetKeys,
    bytes_max: usize,
) -> Result<(), Refusals> {
    if admitted.dataset().is_open() {
        return Ok(());
    }
    let least = u64::try_from(bytes_max).unwrap_or(u64::MAX) >> 3;
    // Of the two draws, that of groups.
    let [share, _] = drawn(admitted, keys);
    let most = least.saturating_add(least.saturating_mul(share) >> 32);
    let of = |key: &Option<Literal>| match key {
        Some(Literal::Utf8(text)) => text.len(),
        Some(
            Literal::Null(_)
            | Literal::Boolean(_)
            | Literal::Int64(_)
            | Literal::Decimal { .. }
            | Literal::Float64(_)
            | Literal::Date(_),
        )
        | None => 0,
    };
    let texts = evidence.cells.iter().flat_map(|cell| &cell.keys).map(of);
    if u64::try_from(texts.fold(0, usize::saturating_add)).is_ok_and(|bytes| bytes <= most) {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::L504,
        "the texts of all groups together are too long.",
        "Group by codes, not by texts that are put together, or by fewer columns.",
    )
    .into())
}

/// Refuses a table with more rows than `own` or than the question allows.
///
/// # Errors
/// `L504`.
pub fn check(admitted: &Admitted<Tabulation>, table: &Table, own: u32) -> Result<(), Refusals> {
    let most = own.min(admitted.tabulation().groups_max);
    if u32::try_from(table.rows()).is_ok_and(|rows| rows <= most) {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::L504,
        format!("the answer has more than {most} groups."),
        "Group by fewer or coarser dimensions, or filter.",
    )
    .into())
}
