//! Refusals on their way through a status' details; and what a node says that it needs a reference's content first.

use insitu_disclosure::reference::Edition;
use insitu_disclosure::tabulation::REFERENCES_MAX;
use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use prost::Message as _;

use crate::{Malformed, decode_exactly, reference, v1};

/// The details' bytes.
#[must_use]
pub fn encode(refusals: &Refusals) -> Vec<u8> {
    let refusals = refusals
        .iter()
        .map(|r| v1::RefusalDetail {
            code: r.code().as_str().to_owned(),
            message: r.message().to_owned(),
            fix: r.fix().to_owned(),
        })
        .collect();
    v1::RefusalDetails { refusals, missing: Vec::new() }.encode_to_vec()
}

/// The details' bytes of a node that doesn't have these contents.
#[must_use]
pub fn encode_missing(missing: &[Edition]) -> Vec<u8> {
    let missing = missing.iter().map(|edition| edition.0.to_vec()).collect();
    v1::RefusalDetails { refusals: Vec::new(), missing }.encode_to_vec()
}

/// Why a node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It refuses.
    Refused(Refusals),
    /// It needs these contents first.
    Missing(Vec<Edition>),
}

impl From<Refusals> for Unanswered {
    fn from(refusals: Refusals) -> Self {
        Self::Refused(refusals)
    }
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What a node says, from the details' bytes; codes this build doesn't know are rejected.
///
/// # Errors
/// Anything that isn't a list of known Refusals, or of editions.
pub fn decode(bytes: &[u8]) -> Result<Unanswered, Malformed> {
    let details: v1::RefusalDetails = decode_exactly(bytes)?;
    if !details.missing.is_empty() {
        if !details.refusals.is_empty() || REFERENCES_MAX < details.missing.len() {
            return Err(Malformed::Field("missing"));
        }
        let editions = details.missing.iter().map(|bytes| reference::edition(bytes));
        return editions.collect::<Result<_, _>>().map(Unanswered::Missing);
    }
    let refusals = details
        .refusals
        .iter()
        .map(|r| {
            let code = RefusalCode::find(&r.code).ok_or(Malformed::Unknown)?;
            Ok(Refusal::new(code, &r.message, &r.fix))
        })
        .collect::<Result<Vec<_>, Malformed>>()?;
    let refusals = Refusals::collect(refusals).ok_or(Malformed::Field("refusals"))?;
    Ok(Unanswered::Refused(refusals))
}
