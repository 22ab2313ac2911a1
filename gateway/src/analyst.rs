//! Authentication begins and ends here: a token becomes an [`Analyst`], and nothing behind this file
//! sees a token again.
//!
//! Digests are kept, not tokens, and all of them are compared, in constant time: neither a copy of
//! the memory nor the time of an answer helps to find a token.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use insitu_disclosure::{Refusal, RefusalCode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// The longest `authorization` header that is looked at.
const HEADER_BYTES_MAX: usize = 8_192;

/// Go's Flight client leaves the padding out, Java's writes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An accredited person. Only [`Analysts::authenticate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Analyst {
    name: Arc<str>,
}

impl Analyst {
    /// As the configuration names them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[cfg(test)]
    pub(crate) fn for_tests(name: &str) -> Self {
        Self { name: name.into() }
    }
}

/// What a client may show from now on, to be sent back in the response to a `Handshake`.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    /// The value of an `authorization` header.
    #[must_use]
    pub fn into_header(self) -> MetadataValue<Ascii> {
        self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(not shown)")
    }
}

/// Everybody who may ask.
pub struct Analysts {
    known: Vec<(Analyst, [u8; 32])>,
}

impl fmt::Debug for Analysts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(analyst, _)| analyst.name())).finish()
    }
}

impl Analysts {
    /// From names and tokens; only the tokens' digests are kept.
    #[must_use]
    pub fn new<N: AsRef<str>, T: AsRef<str>>(entries: impl IntoIterator<Item = (N, T)>) -> Self {
        let analyst = |name: N| Analyst { name: name.as_ref().into() };
        let known = entries.into_iter().map(|(n, token)| (analyst(n), digest(token.as_ref())));
        Self { known: known.collect() }
    }

    /// Who sends this call.
    ///
    /// # Errors
    /// A301 unless there is exactly one `authorization` header and it holds a known token: as
    /// `Bearer TOKEN`, or as `Basic` with the token for a password. The user name beside it isn't
    /// looked at, since the token alone says who it is.
    pub fn authenticate(&self, metadata: &MetadataMap) -> Result<Analyst, Refusal> {
        let token = presented(metadata).ok_or_else(not_logged_in)?;
        self.holder(&token).ok_or_else(unknown_token)
    }

    /// Who logs in, and the header for all further calls: whatever came, a bearer token goes back.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn log_in(&self, metadata: &MetadataMap) -> Result<(Analyst, Bearer), Refusal> {
        let token = presented(metadata).ok_or_else(not_logged_in)?;
        let analyst = self.holder(&token).ok_or_else(unknown_token)?;
        let mut header =
            MetadataValue::try_from(format!("Bearer {token}")).map_err(|_| not_logged_in())?;
        header.set_sensitive(true);
        Ok((analyst, Bearer(header)))
    }

    fn holder(&self, token: &str) -> Option<Analyst> {
        let presented = digest(token);
        let mut holder = None;
        // To the end, always: where the search stops would tell which entry matched.
        for (analyst, known) in &self.known {
            if bool::from(known.ct_eq(&presented)) {
                holder = Some(analyst);
            }
        }
        holder.cloned()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The token in the one `authorization` header.
fn presented(metadata: &MetadataMap) -> Option<String> {
    let mut headers = metadata.get_all("authorization").iter();
    let (header, None) = (headers.next()?, headers.next()) else { return None };
    let header = header.to_str().ok().filter(|h| h.len() <= HEADER_BYTES_MAX)?;
    let (scheme, credentials) = header.split_once(' ')?;
    let credentials = credentials.trim();
    let token = if scheme.eq_ignore_ascii_case("bearer") {
        credentials.to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(BASE64.decode(credentials).ok()?).ok()?;
        decoded.split_once(':')?.1.to_owned()
    } else {
        return None;
    };
    (!token.is_empty()).then_some(token)
}

/// For a token that is nobody's: one text for a wrong one and one that was taken away.
fn unknown_token() -> Refusal {
    Refusal::new(
        RefusalCode::A301,
        "the token isn't known here.",
        "Check that it is whole, and for this gateway; who runs the gateway gives tokens out.",
    )
}

/// One text for no token and one that can't be read.
fn not_logged_in() -> Refusal {
    Refusal::new(
        RefusalCode::A301,
        "not logged in.",
        "Send `authorization: Bearer TOKEN`, or log in with the token as the password.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysts() -> Analysts {
        Analysts::new([("ada", "token-of-ada"), ("ben", "token-of-ben")])
    }

    fn with(headers: &[&str]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for header in headers {
            metadata.append("authorization", header.parse().unwrap());
        }
        metadata
    }

    fn name(headers: &[&str]) -> Option<String> {
        analysts().authenticate(&with(headers)).ok().map(|a| a.name().to_owned())
    }

    #[test]
    fn a_token_says_who_it_is_whichever_way_it_is_shown() {
        assert_eq!(name(&["Bearer token-of-ada"]).as_deref(), Some("ada"));
        assert_eq!(name(&["bearer token-of-ben"]).as_deref(), Some("ben"));
        // "ada:token-of-ada", with and without padding.
        assert_eq!(name(&["Basic YWRhOnRva2VuLW9mLWFkYQ=="]).as_deref(), Some("ada"));
        assert_eq!(name(&["Basic YWRhOnRva2VuLW9mLWFkYQ"]).as_deref(), Some("ada"));
    }

    #[test]
    fn anything_else_is_nobody() {
        for headers in [
            &[][..],
            &["Bearer "],
            &["Bearer token-of-ad"],
            &["Bearer token-of-adam"],
            &["token-of-ada"],
            &["Digest token-of-ada"],
            &["Basic token-of-ada"],
            &["Basic !!!!"],
            &["Bearer token-of-ada", "Bearer token-of-ben"],
        ] {
            assert_eq!(name(headers), None, "{headers:?}");
        }
    }

    #[test]
    fn every_failure_to_log_in_reads_the_same() {
        let refused = |headers: &[&str]| analysts().authenticate(&with(headers)).unwrap_err();
        // Of tokens that aren't one, how nearly they are isn't told. That none was sent the sender knows.
        let unknown = refused(&["Bearer wrong"]);
        for token in ["Bearer token-of-ad", "Bearer token-of-adam"] {
            assert_eq!(refused(&[token]), unknown, "{token}");
        }
        for headers in [&[][..], &["Bearer wrong"], &["Basic !!!!"], &["Digest token-of-ada"]] {
            assert_eq!(refused(headers).code(), RefusalCode::A301, "{headers:?}");
        }
    }

    #[test]
    fn logging_in_gives_the_same_bearer_token_back() {
        for header in ["Bearer token-of-ada", "Basic YWRhOnRva2VuLW9mLWFkYQ"] {
            let (analyst, bearer) = analysts().log_in(&with(&[header])).unwrap();
            assert_eq!(analyst.name(), "ada");
            assert_eq!(bearer.into_header().to_str().unwrap(), "Bearer token-of-ada");
        }
    }

    #[test]
    fn neither_tokens_nor_digests_are_shown() {
        let (_, bearer) = analysts().log_in(&with(&["Bearer token-of-ada"])).unwrap();
        assert!(!format!("{bearer:?}").contains("token-of-ada"));
        assert_eq!(format!("{:?}", analysts()), r#"["ada", "ben"]"#);
    }
}
