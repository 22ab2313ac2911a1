//! Any question a peer could put together crosses the wire as it is or is rejected, and admission has
//! an answer to it.

use insitu_disclosure::reference::Edition;
use insitu_disclosure::{Profile, admit};
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::tabulation;
use proptest::prelude::*;

#[path = "../../../disclosure/tests/arbitrary/mod.rs"]
mod arbitrary;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_question_arrives_as_it_was_sent_or_is_rejected(question in arbitrary::tabulation()) {
        let message = tabulation::encode(&question);
        if let Ok(arrived) = tabulation::decode(&message) {
            // Numbers that aren't equal to themselves have to be compared as text.
            prop_assert_eq!(format!("{arrived:?}"), format!("{question:?}"));
            let _ = admit(arrived, arbitrary::dataset(Profile::STANDARD));
        }
    }

    /// A byte changed, cut off or added: another question or none, never a panic.
    #[test]
    fn a_changed_request_is_another_question_or_none(
        question in arbitrary::tabulation(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<bool>(),
    ) {
        let editions = question.references().into_keys().map(|r| (r, Edition([5; 32]))).collect();
        let request = NodeRequest { query_id: QueryId([1; 16]), time_ms_max: 1, question: Question::Tabulation(question), editions };
        if let Ok(mut bytes) = request.encode() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.truncate(at + 1);
            }
            if let Ok(NodeRequest { question: Question::Tabulation(question), .. }) = NodeRequest::decode(&bytes) {
                let _ = admit(question, arbitrary::dataset(Profile::STANDARD));
            }
        }
    }
}

/// The type has no other values, so that nobody can ask, whatever admission would say.
#[test]
fn a_quantile_nearer_to_an_end_does_not_cross_the_wire() {
    use insitu_disclosure::{Measure, MeasureKind, Probability, Scalar, Tabulation};
    let kind = MeasureKind::Quantile {
        argument: Scalar::Column("cost".to_owned()),
        probability: Probability::HALF,
    };
    let asked = Tabulation {
        input: arbitrary::scan(),
        keys: Vec::new(),
        sets: Vec::new(),
        measures: vec![Measure { kind, filter: None }],
        groups_max: 1,
    };
    let mut message = tabulation::encode(&asked);
    assert_eq!(tabulation::decode(&message).unwrap(), asked);
    for (millionths, taken) in [
        (50_000, true),
        (950_000, true),
        (49_999, false),
        (950_001, false),
        (1_000_000, false),
        (0, false),
    ] {
        if let Some(insitu_proto::v1::measure::Kind::Quantile(quantile)) =
            &mut message.measures[0].kind
        {
            quantile.probability = millionths;
        }
        assert_eq!(tabulation::decode(&message).is_ok(), taken, "{millionths}");
    }
}
