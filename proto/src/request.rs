//! A request to a node: the ticket of a `DoGet`.

use insitu_disclosure::{DatasetName, Scalar, Tabulation};
use prost::Message as _;

use crate::version::{VERSION, is_understood};
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
    fn features(&self) -> u64 {
        match self {
            Self::Tabulation(tabulation) => tabulation::features(tabulation),
            Self::OpenRows(_) => 0,
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
    use insitu_disclosure::{Association, Dispersion, Input, Key, KeySet, Measure, MeasureKind};

    use super::*;
    use crate::version::{GROUPING_SETS, MOMENTS};

    fn request(sets: &[u16]) -> NodeRequest {
        asking(sets, MeasureKind::Rows)
    }

    fn asking(sets: &[u16], kind: MeasureKind) -> NodeRequest {
        let key = |name: &str| Key { scalar: Scalar::Column(name.to_owned()) };
        let tabulation = Tabulation {
            input: Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 1 },
            keys: vec![key("area"), key("sex")],
            sets: sets.iter().map(|mask| KeySet::of_mask(*mask)).collect(),
            measures: vec![Measure { kind, filter: None }],
            groups_max: 10,
        };
        let question = Question::Tabulation(tabulation);
        NodeRequest { query_id: QueryId([7; 16]), time_ms_max: 5, question }
    }

    fn message_of(request: &NodeRequest) -> v1::NodeRequest {
        v1::NodeRequest::decode(request.encode().unwrap().as_slice()).unwrap()
    }

    fn message(sets: &[u16]) -> v1::NodeRequest {
        message_of(&request(sets))
    }

    fn column(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    #[test]
    fn grouping_sets_arrive_as_they_were_sent() {
        for sets in [&[][..], &[0, 1, 3], &[0xFFFF]] {
            let sent = request(sets);
            assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
        }
    }

    #[test]
    fn moments_come_through_and_say_that_they_are_needed() {
        let moments = Dispersion::ALL.map(|of| MeasureKind::Dispersion(of, column("cost")));
        let of_two =
            Association::ALL.map(|of| MeasureKind::Association(of, column("cost"), column("days")));
        for kind in moments.into_iter().chain(of_two) {
            for (sets, features) in [(&[][..], MOMENTS), (&[0, 3], GROUPING_SETS | MOMENTS)] {
                let sent = asking(sets, kind.clone());
                assert_eq!(message_of(&sent).required_features, features);
                assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
            }
        }
    }

    #[test]
    fn only_a_question_with_grouping_sets_needs_the_feature() {
        assert_eq!(message(&[]).required_features, 0, "what an older node answers too");
        assert_eq!(message(&[0, 3]).required_features, GROUPING_SETS);
        let sum = asking(&[], MeasureKind::Sum(column("cost")));
        assert_eq!(message_of(&sum).required_features, 0);
    }

    #[test]
    fn features_that_are_not_those_of_the_question_are_rejected() {
        let variance = MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("cost"));
        let with_sets = &[0, 3][..];
        for (sets, kind, features) in [
            (with_sets, MeasureKind::Rows, 0),
            (with_sets, MeasureKind::Rows, MOMENTS),
            (&[], MeasureKind::Rows, GROUPING_SETS),
            (&[], MeasureKind::Rows, MOMENTS),
            (&[], variance.clone(), 0),
            (&[], variance.clone(), GROUPING_SETS),
            (with_sets, variance.clone(), GROUPING_SETS),
            (with_sets, variance, MOMENTS),
        ] {
            let message = message_of(&asking(sets, kind));
            let changed = v1::NodeRequest { required_features: features, ..message };
            let decoded = NodeRequest::decode(&changed.encode_to_vec());
            assert_eq!(decoded, Err(Malformed::Field("features")), "{features}");
        }
        let unknown = v1::NodeRequest { required_features: 1 << 63, ..message(&[]) };
        assert!(NodeRequest::decode(&unknown.encode_to_vec()).is_err());
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
