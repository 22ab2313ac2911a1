//! Refusals on their way through a status' details.

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use prost::Message as _;

use crate::{Malformed, decode_exactly, v1};

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
    v1::RefusalDetails { refusals }.encode_to_vec()
}

/// Refusals from the details' bytes; codes this build doesn't know are rejected.
///
/// # Errors
/// Anything that isn't a list of known Refusals.
pub fn decode(bytes: &[u8]) -> Result<Refusals, Malformed> {
    let details: v1::RefusalDetails = decode_exactly(bytes)?;
    let refusals = details
        .refusals
        .iter()
        .map(|r| {
            let code = RefusalCode::find(&r.code).ok_or(Malformed::Unknown)?;
            Ok(Refusal::new(code, &r.message, &r.fix))
        })
        .collect::<Result<Vec<_>, Malformed>>()?;
    Refusals::collect(refusals).ok_or(Malformed::Field("refusals"))
}
