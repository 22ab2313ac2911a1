//! References, their editions, and the header that a content begins with.

use insitu_disclosure::dataset::is_identifier;
use insitu_disclosure::reference::{Edition, Editions, ReferenceContent};
use insitu_disclosure::tabulation::REFERENCES_MAX;
use insitu_disclosure::{Reference, ScalarType};
use prost::Message as _;

use crate::request::QueryId;
use crate::version::{REFERENCES, VERSION, is_understood};
use crate::{Malformed, decode_exactly, scalar, tabulation, v1};

/// The longest header of a content, in bytes.
pub const HEADER_BYTES_MAX: usize = 16 << 10;

/// A reference as a message.
#[must_use]
pub fn encode(reference: &Reference) -> v1::Reference {
    v1::Reference { dataset: reference.dataset.to_string(), key: reference.key.clone() }
}

/// A reference from a message.
///
/// # Errors
/// A missing reference, or names that no dataset and no column has.
pub fn decode(message: Option<&v1::Reference>) -> Result<Reference, Malformed> {
    let message = message.ok_or(Malformed::Field("reference"))?;
    let dataset = tabulation::dataset_name(&message.dataset)?;
    Ok(Reference { dataset, key: column_name(&message.key)? })
}

/// A column's name from a message.
///
/// # Errors
/// A name that no column has.
pub fn column_name(text: &str) -> Result<String, Malformed> {
    is_identifier(text).then(|| text.to_owned()).ok_or(Malformed::Field("column"))
}

/// An edition from its bytes.
///
/// # Errors
/// Not 32 bytes.
pub fn edition(bytes: &[u8]) -> Result<Edition, Malformed> {
    bytes.try_into().map(Edition).map_err(|_| Malformed::Field("edition"))
}

fn encode_edition(reference: &Reference, edition: Edition) -> v1::Edition {
    v1::Edition { reference: Some(encode(reference)), sha256: edition.0.to_vec() }
}

/// Editions as messages, in the order of their references.
#[must_use]
pub fn encode_editions(editions: &Editions) -> Vec<v1::Edition> {
    editions.iter().map(|(reference, edition)| encode_edition(reference, *edition)).collect()
}

/// Editions from messages.
///
/// # Errors
/// Too many, or not in the order of their references, each once.
pub fn decode_editions(messages: &[v1::Edition]) -> Result<Editions, Malformed> {
    if REFERENCES_MAX < messages.len() {
        return Err(Malformed::Field("editions"));
    }
    let decoded = messages.iter().map(|m| Ok((decode(m.reference.as_ref())?, edition(&m.sha256)?)));
    let editions: Editions = decoded.collect::<Result<_, Malformed>>()?;
    if encode_editions(&editions) == messages {
        Ok(editions)
    } else {
        Err(Malformed::Field("editions"))
    }
}

/// What a content begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Names the sending on both sides.
    pub query_id: QueryId,
    /// Whose content it is.
    pub reference: Reference,
    /// Which content it is said to be.
    pub edition: Edition,
    /// Its columns, the key first.
    pub columns: Vec<(String, ScalarType)>,
}

impl Header {
    /// The header of a content.
    #[must_use]
    pub fn of(query_id: QueryId, content: &ReferenceContent) -> Self {
        Self {
            query_id,
            reference: content.reference().clone(),
            edition: content.edition(),
            columns: content.columns().to_vec(),
        }
    }

    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let column = |(name, scalar_type): &(String, ScalarType)| v1::ReferenceColumn {
            name: name.clone(),
            r#type: Some(scalar::encode_type(*scalar_type)),
        };
        v1::ReferenceHeader {
            version: VERSION,
            query_id: self.query_id.0.to_vec(),
            edition: Some(encode_edition(&self.reference, self.edition)),
            columns: self.columns.iter().map(column).collect(),
        }
        .encode_to_vec()
    }

    /// A header from its bytes.
    ///
    /// # Errors
    /// Anything this version wouldn't have written itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if HEADER_BYTES_MAX < bytes.len() {
            return Err(Malformed::TooLong(HEADER_BYTES_MAX));
        }
        let message: v1::ReferenceHeader = decode_exactly(bytes)?;
        if !is_understood(message.version, REFERENCES) {
            return Err(Malformed::Unknown);
        }
        let query_id: [u8; 16] =
            message.query_id.as_slice().try_into().map_err(|_| Malformed::Field("query id"))?;
        let named = message.edition.as_ref().ok_or(Malformed::Field("edition"))?;
        let column = |c: &v1::ReferenceColumn| {
            let scalar_type = c.r#type.as_ref().ok_or(Malformed::Field("type"))?;
            Ok((column_name(&c.name)?, scalar::decode_type(scalar_type)?))
        };
        Ok(Self {
            query_id: QueryId(query_id),
            reference: decode(named.reference.as_ref())?,
            edition: edition(&named.sha256)?,
            columns: message.columns.iter().map(column).collect::<Result<_, Malformed>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::DatasetName;

    use super::*;
    use crate::refusal::{self, Unanswered};

    fn header() -> Header {
        let dataset = DatasetName::parse("ons.population").unwrap();
        Header {
            query_id: QueryId([7; 16]),
            reference: Reference { dataset, key: "lsoa".to_owned() },
            edition: Edition([9; 32]),
            columns: vec![
                ("lsoa".to_owned(), ScalarType::Utf8),
                ("area".to_owned(), ScalarType::Decimal(2)),
            ],
        }
    }

    #[test]
    fn a_header_arrives_as_it_was_sent_or_is_rejected() {
        let bytes = header().encode();
        assert_eq!(Header::decode(&bytes), Ok(header()));
        let message = <v1::ReferenceHeader as prost::Message>::decode(bytes.as_slice()).unwrap();
        let changes: [fn(&mut v1::ReferenceHeader); 6] = [
            |m| m.version = 99,
            |m| m.query_id.push(0),
            |m| m.edition = None,
            |m| m.columns[0].name = "Not a name".to_owned(),
            |m| m.columns[0].r#type = None,
            |m| m.edition.as_mut().unwrap().reference.as_mut().unwrap().dataset.clear(),
        ];
        for change in changes {
            let mut changed = message.clone();
            change(&mut changed);
            assert!(Header::decode(&changed.encode_to_vec()).is_err(), "{changed:?}");
        }
        let mut unknown = bytes;
        unknown.extend([0xF8, 0x01, 1]);
        assert_eq!(Header::decode(&unknown), Err(Malformed::Unknown));
        assert!(Header::decode(&vec![0; HEADER_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_node_refuses_or_asks_for_contents_and_never_both() {
        let editions = vec![Edition([1; 32]), Edition([2; 32])];
        let missing = refusal::encode_missing(&editions);
        assert_eq!(refusal::decode(&missing), Ok(Unanswered::Missing(editions.clone())));
        let mut message = <v1::RefusalDetails as prost::Message>::decode(&*missing).unwrap();
        message.missing[0].pop();
        assert!(refusal::decode(&message.encode_to_vec()).is_err());
        let many = refusal::encode_missing(&[Edition([1; 32]); REFERENCES_MAX + 1]);
        assert!(refusal::decode(&many).is_err());
        let detail = v1::RefusalDetail { code: "D213".into(), ..v1::RefusalDetail::default() };
        let both = v1::RefusalDetails { refusals: vec![detail], missing: vec![vec![1; 32]] };
        assert!(refusal::decode(&both.encode_to_vec()).is_err());
        assert!(refusal::decode(&[]).is_err());
    }
}
