//! A node that answers with something else: an error that names it, never a panic, and the next
//! query works.

use arrow_flight::FlightData;
use bytes::Bytes;
use insitu_disclosure::ScalarType;
use insitu_proto::frames::{FrameError, decode};
use insitu_proto::request::{NodeRequest, QueryId};
use insitu_proto::v1::AnswerKind;
use proptest::prelude::*;

const ID: QueryId = QueryId([7; 16]);

fn schema() -> arrow_schema::SchemaRef {
    let field = |name, t: ScalarType| arrow_schema::Field::new(name, t.data_type(), true);
    arrow_schema::Schema::new(vec![field("area", ScalarType::Utf8), field("n", ScalarType::Int64)])
        .into()
}

/// A valid answer of two rows, as a node would send it.
fn valid() -> Vec<FlightData> {
    use insitu_disclosure::*;
    let column = |name: &str, scalar_type| Column {
        name: name.to_owned(),
        scalar_type,
        label: Label::Dimension,
        domain: None,
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let dataset = Dataset {
        name: DatasetName::new("a", "b").unwrap(),
        description: None,
        columns: vec![column("area", ScalarType::Utf8), column("n", ScalarType::Int64)],
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Open,
        snapshot: 0,
    };
    let open = OpenDataset::of(dataset.into()).unwrap();
    let batch = arrow_array::RecordBatch::try_new(
        schema(),
        vec![
            std::sync::Arc::new(arrow_array::StringArray::from(vec!["x", "y"])),
            std::sync::Arc::new(arrow_array::Int64Array::from(vec![1, 2])),
        ],
    )
    .unwrap();
    let rows = open.rows(&["area".to_owned(), "n".to_owned()], &[batch]).unwrap();
    insitu_proto::frames::encode_open_rows(ID, &rows).unwrap()
}

fn read(messages: Vec<FlightData>) -> Result<usize, FrameError> {
    let stream = futures::stream::iter(messages.into_iter().map(Ok));
    let answer = futures::executor::block_on(decode(stream, ID, AnswerKind::OpenRows, &schema()))?;
    Ok(answer.batches.iter().map(|b| b.num_rows()).sum())
}

#[test]
fn a_valid_answer_is_read() {
    assert_eq!(read(valid()).unwrap(), 2);
}

#[test]
fn an_answer_without_its_receipt_is_not_complete() {
    let mut cut = valid();
    cut.pop();
    assert!(matches!(read(cut), Err(FrameError::Incomplete)));
    let mut without_batch = valid();
    without_batch.remove(1);
    assert!(matches!(read(without_batch), Err(FrameError::Malformed("receipt"))));
    let mut more = valid();
    more.push(more[1].clone());
    assert!(matches!(read(more), Err(FrameError::Malformed(_))));
}

#[test]
fn an_answer_to_another_question_or_of_another_kind_is_refused() {
    let stream = || futures::stream::iter(valid().into_iter().map(Ok));
    let schema = schema();
    let other = decode(stream(), QueryId([8; 16]), AnswerKind::OpenRows, &schema);
    assert!(futures::executor::block_on(other).is_err());
    let other = decode(stream(), ID, AnswerKind::Protected, &schema);
    assert!(futures::executor::block_on(other).is_err());
}

#[test]
fn a_second_schema_is_refused() {
    let mut twice = valid();
    let schema = twice[0].clone();
    twice.insert(1, schema);
    assert!(read(twice).is_err());
}

/// This many cases, or as many as `PROPTEST_CASES` says where that is more.
fn cases(least: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: config.cases.max(least), ..config }
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// Any byte of a valid answer changed: an error, never a panic, and never another answer.
    #[test]
    fn a_changed_byte_is_an_error(message in 0_usize..3, part in 0_usize..3, at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut messages = valid();
        let message = message.min(messages.len() - 1);
        let target = match part {
            0 => &mut messages[message].data_header,
            1 => &mut messages[message].data_body,
            _ => &mut messages[message].app_metadata,
        };
        if !target.is_empty() {
            let mut bytes = target.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            *target = Bytes::from(bytes);
            prop_assert!(read(messages).is_err());
        }
    }

    /// Arbitrary bytes in the place of messages.
    #[test]
    fn arbitrary_messages_are_an_error(header in proptest::collection::vec(any::<u8>(), 0..200), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut messages = valid();
        messages[1].data_header = Bytes::from(header);
        messages[1].data_body = Bytes::from(body);
        prop_assert!(read(messages).is_err());
    }

    /// A request is what this version writes, or it is rejected.
    #[test]
    fn arbitrary_requests_are_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(request) = NodeRequest::decode(&bytes) {
            prop_assert_eq!(request.encode().unwrap(), bytes);
        }
    }
}
