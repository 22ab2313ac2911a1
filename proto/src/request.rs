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
    /// The features it relies on.
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
        if question.features() != message.required_features {
            return Err(Malformed::Field("required features"));
        }
        Ok(Self { query_id: QueryId(query_id), time_ms_max: message.time_ms_max, question })
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::{Association, Dispersion, Input, Measure, MeasureKind};

    use super::*;
    use crate::version::FEATURE_MOMENTS;

    fn request(kind: MeasureKind) -> NodeRequest {
        let dataset = DatasetName::parse("health.visits").unwrap();
        let tabulation = Tabulation {
            input: Input::Scan { dataset, fingerprint: 7 },
            keys: Vec::new(),
            measures: vec![Measure { kind, filter: None }],
            groups_max: 10,
        };
        let question = Question::Tabulation(tabulation);
        NodeRequest { query_id: QueryId([1; 16]), time_ms_max: 1_000, question }
    }

    fn column(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    #[test]
    fn moments_come_through_and_say_that_they_are_relied_on() {
        let moments = Dispersion::ALL.map(|of| MeasureKind::Dispersion(of, column("cost")));
        let of_two =
            Association::ALL.map(|of| MeasureKind::Association(of, column("cost"), column("days")));
        for kind in moments.into_iter().chain(of_two) {
            let request = request(kind);
            let bytes = request.encode().unwrap();
            assert_eq!(NodeRequest::decode(&bytes), Ok(request));
            let message: v1::NodeRequest = decode_exactly(&bytes).unwrap();
            assert_eq!(message.required_features, FEATURE_MOMENTS);
        }
    }

    #[test]
    fn a_question_without_moments_is_understood_by_peers_without_them() {
        let bytes = request(MeasureKind::Sum(column("cost"))).encode().unwrap();
        let message: v1::NodeRequest = decode_exactly(&bytes).unwrap();
        assert_eq!(message.required_features, 0);
    }

    #[test]
    fn features_that_are_not_those_of_the_question_are_rejected() {
        let variance = MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("cost"));
        for (kind, features) in
            [(variance, 0), (MeasureKind::Rows, FEATURE_MOMENTS), (MeasureKind::Rows, 1 << 63)]
        {
            let bytes = request(kind).encode().unwrap();
            let message: v1::NodeRequest = decode_exactly(&bytes).unwrap();
            let changed = v1::NodeRequest { required_features: features, ..message };
            assert!(NodeRequest::decode(&changed.encode_to_vec()).is_err(), "{features}");
        }
    }
}
