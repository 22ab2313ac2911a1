//! A request to a node: the ticket of a `DoGet`.

use insitu_disclosure::reference::Editions;
use insitu_disclosure::{DatasetName, Scalar, Tabulation};
use prost::Message as _;

use crate::version::{ROWS_LIMIT, VERSION, is_understood};
use crate::{Malformed, decode_exactly, reference, scalar, tabulation, v1};

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
            Self::OpenRows(rows) => {
                let of_limit = if rows.limit.is_some() { ROWS_LIMIT } else { 0 };
                rows.predicate.as_ref().map_or(of_limit, |p| of_limit | scalar::features(p))
            }
        }
    }

    /// Whether these are the editions of its references: each once, and no others.
    fn is_asked_with(&self, editions: &Editions) -> bool {
        match self {
            Self::Tabulation(tabulation) => tabulation.references().keys().eq(editions.keys()),
            Self::OpenRows(_) => editions.is_empty(),
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
    /// How many rows are asked for; `None` for all.
    pub limit: Option<RowsLimit>,
}

/// The first rows of an open dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsLimit {
    /// The most rows.
    pub rows: u64,
    /// Which are first; any rows where it is empty.
    pub order: Vec<Order>,
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column of the dataset.
    pub column: String,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether rows without a value come first.
    pub nulls_first: bool,
}

fn encode_limit(limit: &RowsLimit) -> v1::RowsLimit {
    let order = limit.order.iter().map(|order| v1::Order {
        column: order.column.clone(),
        descending: order.descending,
        nulls_first: order.nulls_first,
    });
    v1::RowsLimit { rows: limit.rows, order: order.collect() }
}

fn decode_limit(message: &v1::RowsLimit) -> RowsLimit {
    let order = message.order.iter().map(|order| Order {
        column: order.column.clone(),
        descending: order.descending,
        nulls_first: order.nulls_first,
    });
    RowsLimit { rows: message.rows, order: order.collect() }
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
    /// The contents that a Tabulation's rows are looked up in, of all its references.
    pub editions: Editions,
}

impl NodeRequest {
    /// The request's bytes.
    ///
    /// # Errors
    /// A question that doesn't fit into [`REQUEST_BYTES_MAX`], or editions of other references than it has.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        use v1::node_request::Request as R;
        if !self.question.is_asked_with(&self.editions) {
            return Err(Malformed::Field("editions"));
        }
        let request = match &self.question {
            Question::Tabulation(t) => R::Tabulation(tabulation::encode(t)),
            Question::OpenRows(rows) => R::OpenRows(v1::OpenRows {
                dataset: rows.dataset.to_string(),
                fingerprint: rows.fingerprint,
                columns: rows.columns.clone(),
                predicate: rows.predicate.as_ref().map(scalar::encode),
                limit: rows.limit.as_ref().map(encode_limit),
            }),
        };
        let bytes = v1::NodeRequest {
            version: VERSION,
            required_features: self.question.features(),
            query_id: self.query_id.0.to_vec(),
            time_ms_max: self.time_ms_max,
            request: Some(request),
            editions: reference::encode_editions(&self.editions),
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
                limit: rows.limit.as_ref().map(decode_limit),
            }),
        };
        if message.required_features != question.features() {
            return Err(Malformed::Field("features"));
        }
        let editions = reference::decode_editions(&message.editions)?;
        if !question.is_asked_with(&editions) {
            return Err(Malformed::Field("editions"));
        }
        let (query_id, time_ms_max) = (QueryId(query_id), message.time_ms_max);
        Ok(Self { query_id, time_ms_max, question, editions })
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::reference::Edition;
    use insitu_disclosure::{
        Association, Dispersion, Function, Input, Key, KeySet, Measure, MeasureKind, Reference,
        RollUp, ScalarType, UnitJoin, UnitJoinKind, UnitTotal,
    };

    use super::*;
    use crate::version::{
        DAYS_AND_CONCAT, GROUPING_SETS, MOMENTS, REFERENCES, ROLL_UPS, UNIT_JOINS, UNIT_TOTALS,
    };

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
        let editions = Editions::new();
        NodeRequest { query_id: QueryId([7; 16]), time_ms_max: 5, question, editions }
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
    fn only_a_question_with_later_functions_needs_the_feature() {
        let of = |function| Scalar::Call { function, args: vec![column("seen")] };
        for (function, features) in [(Function::Month, 0), (Function::DayOfWeek, DAYS_AND_CONCAT)] {
            let sent = asking(&[], MeasureKind::Values(of(function)));
            assert_eq!(message_of(&sent).required_features, features);
            assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
            let rows = OpenRows {
                dataset: DatasetName::parse("a.b").unwrap(),
                fingerprint: 1,
                columns: vec!["seen".to_owned()],
                predicate: Some(Scalar::IsNull(Box::new(of(function)))),
                limit: None,
            };
            let sent = NodeRequest { question: Question::OpenRows(rows), ..request(&[]) };
            assert_eq!(message_of(&sent).required_features, features);
        }
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
    fn a_roll_up_that_adds_up_says_so_and_arrives() {
        let rolled_up = |totals: Vec<UnitTotal>| {
            let mut sent = request(&[]);
            if let Question::Tabulation(tabulation) = &mut sent.question {
                let (dimensions, counts) = (vec!["area".to_owned()], Vec::new());
                let roll_up = RollUp { dimensions, counts, totals };
                tabulation.input =
                    Input::RollUp { input: Box::new(tabulation.input.clone()), roll_up };
            }
            sent
        };
        let filter = Some(Scalar::IsNull(Box::new(column("area"))));
        let total = |filter| UnitTotal { of: "cost".to_owned(), filter };
        for (totals, features) in [
            (vec![], ROLL_UPS),
            (vec![total(None)], ROLL_UPS | UNIT_TOTALS),
            (vec![total(None), total(filter)], ROLL_UPS | UNIT_TOTALS),
        ] {
            let sent = rolled_up(totals);
            assert_eq!(message_of(&sent).required_features, features);
            assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
        }
        // An older node refuses the feature; none overlooks what it doesn't know.
        let unsaid = message_of(&rolled_up(vec![total(None)]));
        let unsaid = v1::NodeRequest { required_features: ROLL_UPS, ..unsaid };
        let decoded = NodeRequest::decode(&unsaid.encode_to_vec());
        assert_eq!(decoded, Err(Malformed::Field("features")));
    }

    fn reference() -> Reference {
        let dataset = DatasetName::parse("ons.population").unwrap();
        Reference { dataset, key: "lsoa".to_owned() }
    }

    /// By what a reference says of the area.
    fn looking_up() -> NodeRequest {
        let mut sent = request(&[]);
        if let Question::Tabulation(tabulation) = &mut sent.question {
            tabulation.keys.truncate(1);
            tabulation.keys[0].scalar = Scalar::Lookup {
                reference: reference(),
                column: "region".to_owned(),
                value_type: ScalarType::Utf8,
                key: Box::new(column("area")),
            };
        }
        sent.editions = [(reference(), Edition([9; 32]))].into();
        sent
    }

    #[test]
    fn a_question_that_looks_up_says_so_and_arrives() {
        let bytes = looking_up().encode().unwrap();
        assert_eq!(NodeRequest::decode(&bytes), Ok(looking_up()));
        assert_eq!(message_of(&looking_up()).required_features, REFERENCES);
    }

    #[test]
    fn the_editions_are_those_of_the_references_and_no_others() {
        let other = Reference { key: "ward".to_owned(), ..reference() };
        let both: Editions = [(reference(), Edition([9; 32])), (other, Edition([8; 32]))].into();
        for editions in [Editions::new(), both.clone()] {
            let wrong = NodeRequest { editions, ..looking_up() };
            assert_eq!(wrong.encode(), Err(Malformed::Field("editions")));
        }
        let wrong = NodeRequest { editions: both.clone(), ..request(&[]) };
        assert_eq!(wrong.encode(), Err(Malformed::Field("editions")), "nothing is looked up");
        let right = message_of(&looking_up());
        let edition = right.editions[0].clone();
        let too_short = v1::Edition { sha256: vec![9; 31], ..edition.clone() };
        let turned: Vec<v1::Edition> =
            crate::reference::encode_editions(&both).into_iter().rev().collect();
        for editions in [vec![], vec![too_short], vec![edition.clone(), edition.clone()], turned] {
            let changed = v1::NodeRequest { editions, ..right.clone() };
            assert!(NodeRequest::decode(&changed.encode_to_vec()).is_err());
        }
        // A node that doesn't know the feature rejects the request as a whole.
        let unsaid = v1::NodeRequest { required_features: 0, ..right };
        let decoded = NodeRequest::decode(&unsaid.encode_to_vec());
        assert_eq!(decoded, Err(Malformed::Field("features")));
    }

    /// Of people with such a prescription.
    fn joined(kind: UnitJoinKind, predicate: Option<Scalar>) -> NodeRequest {
        let mut sent = request(&[]);
        if let Question::Tabulation(tabulation) = &mut sent.question {
            let dataset = DatasetName::parse("a.prescriptions").unwrap();
            let join = UnitJoin { kind, dataset, fingerprint: u64::MAX, predicate };
            let input = Box::new(tabulation.input.clone());
            tabulation.input = Input::UnitJoin { input, join };
        }
        sent
    }

    #[test]
    fn joins_by_the_unit_arrive_as_they_were_sent_and_need_their_feature() {
        let is_null = || Scalar::IsNull(Box::new(column("drug")));
        for kind in
            [UnitJoinKind::Semi, UnitJoinKind::Anti, UnitJoinKind::Inner, UnitJoinKind::Left]
        {
            for predicate in [None, Some(is_null())] {
                let sent = joined(kind, predicate);
                assert_eq!(message_of(&sent).required_features, UNIT_JOINS);
                assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
            }
        }
        let right = message_of(&joined(UnitJoinKind::Semi, None));
        let unsaid = v1::NodeRequest { required_features: 0, ..right.clone() };
        let decoded = NodeRequest::decode(&unsaid.encode_to_vec());
        assert_eq!(decoded, Err(Malformed::Field("features")));
        // A join that isn't one of the four, or of nothing.
        type Change = fn(&mut v1::UnitJoin);
        let changes: [Change; 4] = [
            |join| join.kind = 0,
            |join| join.kind = 5,
            |join| join.joined = None,
            |join| join.joined.as_mut().unwrap().dataset = "a".to_owned(),
        ];
        for change in changes {
            let mut wrong = right.clone();
            if let Some(v1::node_request::Request::Tabulation(tabulation)) = &mut wrong.request
                && let Some(v1::input::Input::UnitJoin(join)) =
                    &mut tabulation.input.as_mut().unwrap().input
            {
                change(join);
            }
            assert_ne!(wrong, right);
            assert!(NodeRequest::decode(&wrong.encode_to_vec()).is_err());
        }
    }

    #[test]
    fn the_first_rows_are_asked_for_with_their_order_and_need_their_feature() {
        let order = |column: &str, descending, nulls_first| Order {
            column: column.to_owned(),
            descending,
            nulls_first,
        };
        let several = vec![order("area", true, false), order("sex", false, true)];
        for limit in [
            None,
            Some(RowsLimit { rows: 0, order: Vec::new() }),
            Some(RowsLimit { rows: u64::MAX, order: several }),
        ] {
            let features = if limit.is_some() { ROWS_LIMIT } else { 0 };
            let rows = OpenRows {
                dataset: DatasetName::parse("a.b").unwrap(),
                fingerprint: 1,
                columns: vec!["area".to_owned()],
                predicate: None,
                limit,
            };
            let sent = NodeRequest { question: Question::OpenRows(rows), ..request(&[]) };
            assert_eq!(message_of(&sent).required_features, features);
            assert_eq!(NodeRequest::decode(&sent.encode().unwrap()), Ok(sent));
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
