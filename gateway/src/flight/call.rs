//! A call by somebody who is logged in, with the options it goes by. Every RPC begins by making one,
//! and whatever answers it takes one: a door that forgot to ask who is there doesn't compile.

use std::time::Instant;

use tonic::metadata::MetadataMap;

use super::session::{SessionKey, Sessions};
use crate::analyst::{Analyst, Analysts};
use crate::query::Options;
use crate::status::Fault;

/// Switches status columns on or off for one call, whatever the session says. ADBC sends it for
/// `adbc.flight.sql.rpc.call_header.insitu-statuses`, ODBC for a connection property of this name.
const STATUSES_HEADER: &str = "insitu-statuses";

/// Who calls, and how they want to be answered.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Who calls.
    pub(crate) analyst: Analyst,
    /// The session the call belongs to.
    pub(crate) session: SessionKey,
    /// The session's options, with those of this call's headers over them.
    pub(crate) options: Options,
}

impl Call {
    /// Admits a call.
    ///
    /// # Errors
    /// A301 for anybody unknown; a header that can't be read.
    pub(crate) fn admit(
        metadata: &MetadataMap,
        analysts: &Analysts,
        sessions: &Sessions,
    ) -> Result<Self, Fault> {
        let analyst = analysts.authenticate(metadata)?;
        let session = SessionKey::of(metadata, &analyst);
        let mut options = sessions.options(&session, Instant::now());
        if let Some(header) = metadata.get(STATUSES_HEADER) {
            options.statuses = match header.as_bytes() {
                b"on" => true,
                b"off" => false,
                _ => return Err(Fault::Malformed("the header `insitu-statuses` (`on` or `off`)")),
            };
        }
        Ok(Self { analyst, session, options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(headers: &[(&'static str, &str)]) -> Result<Call, Fault> {
        let analysts = Analysts::new([("ada", "token-of-ada")]);
        let mut metadata = MetadataMap::new();
        for (name, value) in headers {
            metadata.insert(*name, value.parse().unwrap());
        }
        Call::admit(&metadata, &analysts, &Sessions::new(std::time::Duration::from_secs(600)))
    }

    #[test]
    fn nobody_unknown_is_admitted() {
        assert_eq!(admit(&[]).unwrap_err().label(), "A301");
        assert_eq!(admit(&[("authorization", "Bearer no")]).unwrap_err().label(), "A301");
        assert_eq!(admit(&[("insitu-statuses", "on")]).unwrap_err().label(), "A301");
    }

    #[test]
    fn a_header_switches_statuses_for_one_call() {
        let login = ("authorization", "Bearer token-of-ada");
        let statuses =
            |value| admit(&[login, (STATUSES_HEADER, value)]).map(|c| c.options.statuses);
        assert_eq!(admit(&[login]).unwrap().options, Options::default());
        assert_eq!(statuses("on"), Ok(true));
        assert_eq!(statuses("off"), Ok(false));
        assert_eq!(statuses("yes").unwrap_err().label(), "malformed");
    }
}
