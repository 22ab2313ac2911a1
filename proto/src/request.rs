//! A request to a node: the ticket of a `DoGet`.

use insitu_disclosure::{DatasetName, Scalar, Tabulation};
use prost::Message as _;

use crate::version::{GROUPING_SETS, VERSION, is_understood};
use crate::{Malformed, decode_exactly, scalar, tabulation, v1};

/// The longest request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 2_048;

/// 16 random bytes that name a query on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryId(pub [u8; 16]);

impl QueryId {
    /// The id with this text: 32 hexadecimal digits, as it is shown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = is_digits.then(|| u128::from_str_radix(text, 16).ok())??;
        Some(Self(bits.to_be_bytes()))
    }
}

impl std::fmt::Display for QueryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// A table.
    Tabulation(Tabulation),
    /// Rows of an open dataset.
    OpenRows(OpenRows),
}

impl Question {
    /// The features a node has to know to understand it.
    const fn features(&self) -> u64 {
        match self {
            Self::Tabulation(tabulation) if !tabulation.sets.is_empty() => GROUPING_SETS,
            Self::Tabulation(_) | Self::OpenRows(_) => 0,
        }
    }
}

/// Rows of an open dataset: some columns, perhaps under a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRows {
    /// The dataset; a node answers only if it is open.
    pub dataset: DatasetName,
    /// Fingerprint of its descriptor as the asker knew it.
    pub fingerprint: u64,
    /// Names of the columns wanted, in order.
    pub columns: Vec<String>,
    /// Condition on a row.
    pub predicate: Option<Scalar>,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRequest {
    /// Names the query.
    pub query_id: QueryId,
    /// Time left for the answer, in milliseconds.
    pub time_ms_max: u32,
    /// What is asked.
    pub question: Question,
}

impl NodeRequest {
    /// The request's bytes.
    ///
    /// # Errors
    /// A question that doesn't fit into [`REQUEST_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        use v1::node_request::Request as R;
        let request = match &self.question {
            Question::Tabulation(t) => R::Tabulation(tabulation::encode(t)),
            Question::OpenRows(rows) => R::OpenRows(v1::OpenRows {
                dataset: rows.dataset.to_string(),
                fingerprint: rows.fingerprint,
                columns: rows.columns.clone(),
                predicate: rows.predicate.as_ref().map(scalar::encode),
            }),
        };
        let bytes = v1::NodeRequest {
            version: VERSION,
            required_features: self.question.features(),
            query_id: self.query_id.0.to_vec(),
            time_ms_max: self.time_ms_max,
            request: Some(request),
        }
        .encode_to_vec();
        if bytes.len() <= REQUEST_BYTES_MAX {
            Ok(bytes)
        } else {
            Err(Malformed::TooLong(REQUEST_BYTES_MAX))
        }
    }

    /// A request from its bytes.
    ///
    /// # Errors
    /// Anything this version wouldn't have written itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        use v1::node_request::Request as R;
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(Malformed::TooLong(REQUEST_BYTES_MAX));
        }
        let message: v1::NodeRequest = decode_exactly(bytes)?;
        if !is_understood(message.version, message.required_features) {
            return Err(Malformed::Unknown);
        }
        let query_id: [u8; 16] =
            message.query_id.as_slice().try_into().map_err(|_| Malformed::Field("query id"))?;
        let question = match message.request.as_ref().ok_or(Malformed::Field("request"))? {
            R::Tabulation(t) => Question::Tabulation(tabulation::decode(t)?),
            R::OpenRows(rows) => Question::OpenRows(OpenRows {
                dataset: tabulation::dataset_name(&rows.dataset)?,
                fingerprint: rows.fingerprint,
                columns: rows.columns.clone(),
                predicate: rows.predicate.as_ref().map(scalar::decode).transpose()?,
            }),
        };
        if message.required_features != question.features() {
            return Err(Malformed::Field("features"));
        }
        Ok(Self { query_id: QueryId(query_id), time_ms_max: message.time_ms_max, question })
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::{Input, Key, KeySet, Measure, MeasureKind};

    use super::*;

    fn request(sets: &[u16]) -> NodeRequest {
        let key = |name: &str| Key { scalar: Scalar::Column(name.to_owned()) };
        let tabulation = Tabulation {
            input: Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 1 },
            keys: vec![key("area"), key("sex")],
            sets: sets.iter().map(|mask| KeySet::of_mask(*mask)).collect(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 10,
        };
        let question = Question::Tabulation(tabulation);
        NodeRequest { query_id: QueryId([7; 16]), time_ms_max: 5, question }
    }

    fn message(sets: &[u16]) -> v1::NodeRequest {
        v1::NodeRequest::decode(request(sets).encode().unwrap().as_slice()).unwrap()
    }

    #[test]
    fn grouping_sets_arrive_as_they_were_sent() {
        for sets in [&[][..], &[0, 1, 3], &[0xFFFF]] {
            let sent = request(sets);
            assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
        }
    }

    #[test]
    fn only_a_question_with_grouping_sets_needs_the_feature() {
        assert_eq!(message(&[]).required_features, 0, "what an older node answers too");
        assert_eq!(message(&[0, 3]).required_features, GROUPING_SETS);
        let mut unannounced = message(&[0, 3]);
        unannounced.required_features = 0;
        let mut idle = message(&[]);
        idle.required_features = GROUPING_SETS;
        for changed in [unannounced, idle] {
            let decoded = NodeRequest::decode(&changed.encode_to_vec());
            assert_eq!(decoded, Err(Malformed::Field("features")));
        }
    }

    #[test]
    fn a_set_of_keys_that_there_cannot_be_is_rejected() {
        let mut changed = message(&[0, 3]);
        if let Some(v1::node_request::Request::Tabulation(tabulation)) = &mut changed.request {
            tabulation.sets = vec![1 << 16];
        }
        let decoded = NodeRequest::decode(&changed.encode_to_vec());
        assert_eq!(decoded, Err(Malformed::Field("sets")));
    }
}
