//! Logging in: whatever a client shows, it gets a bearer token for its further calls, and a cookie for
//! a session of its own.

use arrow_flight::HandshakeResponse;
use prost::bytes::Bytes;
use tonic::Response;
use tonic::metadata::MetadataMap;

use super::session::new_cookie;
use crate::analyst::Analysts;
use crate::status::Fault;

/// What `Handshake` answers: the token in the headers, where all clients but one look for it, and in
/// the message, where that one does. The client's own messages aren't read.
pub(super) fn shake(
    metadata: &MetadataMap,
    analysts: &Analysts,
) -> Result<Response<HandshakeResponse>, Fault> {
    let (_, bearer) = analysts.log_in(metadata)?;
    let header = bearer.into_header();
    let token = header.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
    let message = HandshakeResponse { protocol_version: 0, payload: Bytes::copy_from_slice(token) };
    let mut response = Response::new(message);
    response.metadata_mut().insert("authorization", header);
    response.metadata_mut().insert("set-cookie", new_cookie()?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str) -> Result<Response<HandshakeResponse>, &'static str> {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", header.parse().unwrap());
        let analysts = Analysts::new([("ada", "token-of-ada")]);
        shake(&metadata, &analysts).map_err(|fault| fault.label())
    }

    #[test]
    fn a_bearer_token_and_a_cookie_come_back() {
        let header = |response: &Response<HandshakeResponse>, name| {
            let value = response.metadata().get(name).map(|v| v.to_str().map(str::to_owned));
            value.unwrap().unwrap()
        };
        let mut cookies = Vec::new();
        for shown in ["Basic YWRhOnRva2VuLW9mLWFkYQ", "Bearer token-of-ada"] {
            let response = check(shown).unwrap();
            assert_eq!(header(&response, "authorization"), "Bearer token-of-ada");
            cookies.push(header(&response, "set-cookie"));
            assert_eq!(response.into_inner().payload, "token-of-ada");
        }
        assert!(cookies.iter().all(|c| c.starts_with("arrow_flight_session_id=")), "{cookies:?}");
        assert_ne!(cookies.first(), cookies.last());
    }

    #[test]
    fn nobody_unknown_logs_in() {
        assert_eq!(check("Bearer wrong").unwrap_err(), "A301");
        assert_eq!(check("Basic YWRhOndyb25n").unwrap_err(), "A301");
    }
}
