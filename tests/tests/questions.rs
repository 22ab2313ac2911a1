//! Any question a peer could put together crosses the wire as it is or is rejected, and admission has
//! an answer to it.

use insitu_disclosure::{Profile, admit};
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::tabulation;
use proptest::prelude::*;

#[path = "../../disclosure/tests/arbitrary/mod.rs"]
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
        let request = NodeRequest { query_id: QueryId([1; 16]), time_ms_max: 1, question: Question::Tabulation(question) };
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
