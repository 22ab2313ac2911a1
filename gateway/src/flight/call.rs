//! A call by somebody who is logged in, with the options it goes by. Every RPC begins by making one,
//! and whatever answers it takes one: a door that forgot to ask who is there doesn't compile.

use std::time::Instant;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

use super::session::{SessionKey, Sessions};
use crate::analyst::{Analyst, Analysts};
use crate::query::{Options, label};
use crate::status::Fault;

/// Switches status columns on or off for one call, whatever the session says. ADBC sends it for
/// `adbc.flight.sql.rpc.call_header.insitu-statuses`, ODBC for a connection property of this name.
const STATUSES_HEADER: &str = "insitu-statuses";
/// The project and the purpose a call's question is asked for, whatever the session says.
const PROJECT_HEADER: &str = "insitu-project";
const PURPOSE_HEADER: &str = "insitu-purpose";

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
        if let Some(header) = metadata.get(PROJECT_HEADER) {
            let part = "the header `insitu-project` (at most 200 printed ASCII characters)";
            options.project = read_label(header).ok_or(Fault::Malformed(part))?;
        }
        if let Some(header) = metadata.get(PURPOSE_HEADER) {
            let part = "the header `insitu-purpose` (at most 200 printed ASCII characters)";
            options.purpose = read_label(header).ok_or(Fault::Malformed(part))?;
        }
        Ok(Self { analyst, session, options })
    }
}

/// The label in a header, where nothing means none; `None` if it can't be one.
fn read_label(header: &MetadataValue<Ascii>) -> Option<Option<String>> {
    let text = label(header.to_str().ok()?)?;
    Some(Some(text.to_owned()).filter(|text| !text.is_empty()))
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

    #[test]
    fn headers_say_what_one_call_is_asked_for() {
        let login = ("authorization", "Bearer token-of-ada");
        let said = |project, purpose| {
            let headers = [login, (PROJECT_HEADER, project), (PURPOSE_HEADER, purpose)];
            admit(&headers).map(|c| (c.options.project, c.options.purpose))
        };
        let label = |text: &str| Some(text.to_owned());
        assert_eq!(said("P-17", "flood risk"), Ok((label("P-17"), label("flood risk"))));
        assert_eq!(said("", "x"), Ok((None, label("x"))));
        let long = "p".repeat(201);
        assert_eq!(said(&long, "x").unwrap_err().label(), "malformed");
        assert_eq!(said("P-17", "a\tb").unwrap_err().label(), "malformed");
        let mut metadata = MetadataMap::new();
        metadata.insert(login.0, login.1.parse().unwrap());
        metadata.insert(PROJECT_HEADER, MetadataValue::try_from(&b"P\xff"[..]).unwrap());
        let analysts = Analysts::new([("ada", "token-of-ada")]);
        let sessions = Sessions::new(std::time::Duration::from_secs(600));
        let fault = Call::admit(&metadata, &analysts, &sessions).unwrap_err();
        assert_eq!(fault.label(), "malformed");
    }
}
