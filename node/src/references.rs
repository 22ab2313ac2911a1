//! What the gateway sent to look up in: contents of references, in memory only, the ones used last.
//!
//! A content is open data of another department, so nothing is lost with it: the gateway sends it again. A question
//! names the contents it needs by their digests; one that is missing is asked for (`proto::refusal`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_flight::FlightData;
use futures::{Stream, StreamExt as _};
use insitu_disclosure::reference::{Edition, Editions, LookUp, ReferenceContent};
use insitu_disclosure::{Reference, Refusal, RefusalCode};
use insitu_proto::frames::{FrameError, decode_reference};
use insitu_proto::reference::Header;
use insitu_proto::warrant::Warranted;
use tokio::sync::Semaphore;
use tonic::Status;

use crate::warrants::Shown;

/// The tables of a question, by reference.
pub(crate) type LookUps = BTreeMap<Reference, Arc<LookUp>>;

/// Contents that were sent, up to so many bytes.
#[derive(Debug)]
pub(crate) struct References {
    bytes_max: usize,
    /// The one used last is the last.
    kept: Mutex<Vec<Arc<LookUp>>>,
    /// One content is received at a time: until it is checked, it takes memory beside those that are kept.
    receiving: Semaphore,
}

/// A content on its way: what it is said to be is what the call's Warrant is for.
#[derive(Debug)]
pub(crate) struct Lent<S> {
    header: Result<Warranted<Header>, NotTaken>,
    /// The message that the header came with.
    first: Option<FlightData>,
    rest: S,
}

impl<S: Stream<Item = Result<FlightData, Status>> + Send + Unpin> Lent<S> {
    /// Waits for the first message, which says what comes, and shows the Warrant for it.
    ///
    /// # Errors
    /// A Warrant that isn't for it.
    pub(crate) async fn begin(
        shown: Shown,
        mut messages: S,
        time_max: Duration,
    ) -> Result<Self, Status> {
        let came = tokio::time::timeout(time_max, messages.next()).await;
        let (first, otherwise) = match came {
            Ok(Some(Ok(first))) => (Some(first), NotTaken::Invalid("header")),
            Ok(Some(Err(_)) | None) => (None, NotTaken::Invalid("nothing came")),
            Err(_) => (None, NotTaken::OutOfTime),
        };
        let command = first.as_ref().and_then(|m| m.flight_descriptor.as_ref()).map(|d| &*d.cmd);
        let header = shown.header(command.unwrap_or_default())?.ok_or(otherwise);
        Ok(Self { header, first, rest: messages })
    }
}

/// Why a content wasn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// What came isn't the content that its header names.
    #[error("not the content that it is said to be: {0}")]
    Invalid(&'static str),
    /// It doesn't fit into the memory there is for contents.
    #[error("larger than the memory for references")]
    TooLarge,
    /// It didn't come to its end in time.
    #[error("out of time")]
    OutOfTime,
}

impl NotTaken {
    /// What the gateway is told.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::Invalid(_) => Refusal::new(
                RefusalCode::N404,
                "a reference's content isn't what it is said to be.",
                "Send it as it is announced.",
            ),
            Self::TooLarge => Refusal::new(
                RefusalCode::L506,
                "a reference's content needs more memory than there is for references.",
                "Ask the data owner for a larger `reference_mib_max`.",
            ),
            Self::OutOfTime => Refusal::new(
                RefusalCode::L505,
                "a reference's content didn't come in time.",
                "Send it again.",
            ),
        }
    }
}

impl References {
    /// Room for so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::new(Vec::new()), receiving: Semaphore::new(1) }
    }

    /// The tables of these editions, or those that aren't here.
    pub(crate) fn find(&self, editions: &Editions) -> Result<LookUps, Vec<Edition>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut missing) = (LookUps::new(), Vec::new());
        for (reference, edition) in editions {
            let is_it = |table: &Arc<LookUp>| {
                table.edition() == *edition && table.content().reference() == reference
            };
            match kept.iter().position(is_it) {
                Some(place) => {
                    let table = kept.remove(place);
                    found.insert(reference.clone(), Arc::clone(&table));
                    kept.push(table);
                }
                None => missing.push(*edition),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(missing) }
    }

    /// Keeps a table; those that were used longest ago make room. Questions that run keep theirs.
    fn keep(&self, table: LookUp) -> Result<(), NotTaken> {
        if self.bytes_max < table.bytes() {
            return Err(NotTaken::TooLarge);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.edition() != table.edition());
        kept.push(Arc::new(table));
        let bytes = |kept: &[Arc<LookUp>]| {
            kept.iter().map(|table| table.bytes()).fold(0, usize::saturating_add)
        };
        while self.bytes_max < bytes(&kept) && !kept.is_empty() {
            kept.remove(0);
        }
        Ok(())
    }

    /// Receives a content and keeps it, if it is what its header says.
    pub(crate) async fn receive(
        &self,
        lent: Lent<impl Stream<Item = Result<FlightData, Status>> + Send + Unpin>,
        time_max: Duration,
    ) -> Result<Header, NotTaken> {
        let header = lent.header?.into_inner();
        let receiving = async {
            let _alone = self.receiving.acquire().await.map_err(|_| NotTaken::OutOfTime)?;
            let messages = futures::stream::iter(lent.first.map(Ok)).chain(lent.rest);
            self.receive_alone(header, messages).await
        };
        tokio::time::timeout(time_max, receiving).await.unwrap_or(Err(NotTaken::OutOfTime))
    }

    async fn receive_alone(
        &self,
        header: Header,
        messages: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin,
    ) -> Result<Header, NotTaken> {
        // What doesn't fit isn't read to its end; messages add a little to the values.
        let bytes_max = self.bytes_max.saturating_mul(2);
        let batches =
            decode_reference(messages, &header, bytes_max).await.map_err(|error| match error {
                FrameError::Status(_) | FrameError::Incomplete => NotTaken::Invalid("incomplete"),
                FrameError::Malformed(what) => NotTaken::Invalid(what),
                FrameError::TooLarge => NotTaken::TooLarge,
            })?;
        let named = header.clone();
        // Hashing takes a while: away from the threads that serve the network.
        let checking = tokio::task::spawn_blocking(move || {
            let Header { query_id: _, reference, edition, columns } = named;
            let content = ReferenceContent::received(reference, columns, &batches).ok()?;
            (content.edition() == edition).then(|| LookUp::of(content))
        });
        match checking.await {
            Ok(Some(table)) => self.keep(table).map(|()| header),
            Ok(None) => Err(NotTaken::Invalid("form or digest")),
            Err(_) => Err(NotTaken::Invalid("checking it panicked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use insitu_disclosure::{DatasetName, ScalarType};
    use insitu_proto::frames::encode_reference;
    use insitu_proto::request::QueryId;
    use insitu_proto::warrant::Asked;

    use super::*;

    /// A content with so many keys.
    fn content(table: &str, keys: i64) -> ReferenceContent {
        let dataset = DatasetName::new("ref", table).unwrap();
        let reference = Reference { dataset, key: "code".to_owned() };
        let columns = [("code", ScalarType::Int64), ("name", ScalarType::Utf8)];
        let codes: ArrayRef = Arc::new(Int64Array::from_iter_values(0..keys));
        let names: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..keys).map(|i| format!("name {i}"))));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("code", codes, true),
            ("name", names, true),
        ]);
        let columns = columns.map(|(name, t)| (name.to_owned(), t)).to_vec();
        ReferenceContent::received(reference, columns, &[batch.unwrap()]).unwrap()
    }

    fn messages(content: &ReferenceContent) -> Vec<FlightData> {
        encode_reference(QueryId([3; 16]), content).unwrap()
    }

    /// Sends them with a Warrant for the first.
    async fn send(to: &References, messages: Vec<FlightData>) -> Result<(), NotTaken> {
        let command = messages.first().and_then(|m| m.flight_descriptor.clone());
        let shown = shown_for(&command.unwrap_or_default().cmd);
        let stream = futures::stream::iter(messages.into_iter().map(Ok));
        let lent = Lent::begin(shown, stream, Duration::from_secs(10)).await.unwrap();
        to.receive(lent, Duration::from_secs(10)).await.map(|_| ())
    }

    fn shown_for(command: &[u8]) -> Shown {
        crate::warrants::shown_for(&Asked::Put { query_id: QueryId([3; 16]), command })
    }

    fn editions(contents: &[&ReferenceContent]) -> Editions {
        contents.iter().map(|c| (c.reference().clone(), c.edition())).collect()
    }

    #[tokio::test]
    async fn a_content_is_asked_for_until_it_came() {
        let references = References::new(1 << 20);
        let sent = content("a", 5_000);
        let wanted = editions(&[&sent]);
        assert_eq!(references.find(&wanted), Err(vec![sent.edition()]));
        let parts = messages(&sent);
        assert!(4 < parts.len(), "in messages that a node reads");
        assert!(parts.iter().all(|m| m.data_body.len() <= 32 << 10));
        send(&references, parts).await.unwrap();
        let found = references.find(&wanted).unwrap();
        assert_eq!(found[sent.reference()].content().batch(), sent.batch());
    }

    #[tokio::test]
    async fn what_was_used_longest_ago_makes_room() {
        let (a, b, c) = (content("a", 1_000), content("b", 1_000), content("c", 1_000));
        let references = References::new(LookUp::of(a.clone()).bytes() * 5 / 2);
        send(&references, messages(&a)).await.unwrap();
        send(&references, messages(&b)).await.unwrap();
        assert!(references.find(&editions(&[&a])).is_ok(), "a is used, b is older now");
        send(&references, messages(&c)).await.unwrap();
        assert!(references.find(&editions(&[&a, &c])).is_ok());
        assert_eq!(references.find(&editions(&[&a, &b])), Err(vec![b.edition()]));
        let large = content("d", 10_000);
        assert_eq!(send(&references, messages(&large)).await, Err(NotTaken::TooLarge));
        assert!(references.find(&editions(&[&a, &c])).is_ok(), "nothing made room for nothing");
    }

    #[tokio::test]
    async fn what_is_not_the_content_named_is_not_taken() {
        let references = References::new(1 << 20);
        let (right, other) = (content("a", 100), content("a", 101));
        let header = |m: &[FlightData]| m[0].flight_descriptor.clone();
        // Another content under this one's name.
        let mut swapped = messages(&other);
        swapped[0].flight_descriptor = header(&messages(&right));
        // A byte that changed on its way.
        let mut corrupt = messages(&right);
        let mut body = corrupt[1].data_body.to_vec();
        *body.last_mut().unwrap() ^= 1;
        corrupt[1].data_body = body.into();
        let mut unfinished = messages(&right);
        unfinished.pop();
        let mut without = messages(&right);
        without[0].flight_descriptor = None;
        let mut twice = messages(&right);
        twice.insert(1, twice[1].clone());
        for (sent, why) in [
            (swapped, "form or digest"),
            (corrupt, "receipt"),
            (unfinished, "incomplete"),
            (without, "header"),
            (twice, "receipt"),
            (Vec::new(), "nothing came"),
        ] {
            assert_eq!(send(&references, sent).await, Err(NotTaken::Invalid(why)));
            assert!(references.find(&editions(&[&right])).is_err(), "{why}");
        }
        send(&references, messages(&right)).await.unwrap();
        assert!(references.find(&editions(&[&right])).is_ok(), "and the right one is taken");
    }

    #[tokio::test]
    async fn what_the_warrant_is_not_for_is_not_begun() {
        let sent = messages(&content("a", 10));
        let other = messages(&content("a", 11));
        let command = |m: &[FlightData]| m[0].flight_descriptor.clone().unwrap().cmd;
        let query_id = QueryId([4; 16]);
        let another_query =
            crate::warrants::shown_for(&Asked::Put { query_id, command: &command(&sent) });
        let soon = Duration::from_secs(10);
        for shown in [shown_for(&command(&other)), shown_for(b""), another_query] {
            let stream = futures::stream::iter(sent.clone().into_iter().map(Ok));
            let refused = Lent::begin(shown, stream, soon).await.map(|_| ()).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::Unauthenticated);
        }
        // Used once.
        let shown = shown_for(&command(&sent));
        for taken in [true, false] {
            let stream = futures::stream::iter(sent.clone().into_iter().map(Ok));
            assert_eq!(Lent::begin(shown.clone(), stream, soon).await.is_ok(), taken);
        }
    }

    #[tokio::test]
    async fn a_sender_that_stops_does_not_keep_others_waiting_for_ever() {
        let references = References::new(1 << 20);
        let first = messages(&content("a", 10)).remove(0);
        let command = first.flight_descriptor.clone().unwrap().cmd;
        let soon = Duration::from_millis(20);
        let stalled = futures::stream::iter([Ok(first)]).chain(futures::stream::pending());
        let lent = Lent::begin(shown_for(&command), stalled, soon).await.unwrap();
        let stalled = references.receive(lent, soon).await;
        assert_eq!(stalled.map(|_| ()), Err(NotTaken::OutOfTime));
        let nothing = Lent::begin(shown_for(b""), futures::stream::pending(), soon).await.unwrap();
        let nothing = references.receive(nothing, soon).await;
        assert_eq!(nothing.map(|_| ()), Err(NotTaken::OutOfTime));
        send(&references, messages(&content("a", 10))).await.unwrap();
    }
}
