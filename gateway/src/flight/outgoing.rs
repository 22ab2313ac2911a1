//! An answer on its way to the client, with somebody watching.
//!
//! A stream that isn't read isn't polled, and so can't end itself: a task beside it makes the messages
//! and gives up on a client that stops reading. What it held is free then, not when the connection
//! ends. Whatever stops an answer half-way, the client's stream ends with an error: a part never looks
//! like the whole.

use std::pin::Pin;
use std::time::Duration;

use arrow_flight::FlightData;
use futures::Stream;
use insitu_disclosure::{Refusal, RefusalCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tonic::Status;

use super::encode::Messages;
use super::limits::{CLIENT_IDLE_MAX, SENDING_MAX};
use super::running::Run;
use crate::status::Fault;

/// What `DoGet` returns.
pub(crate) type FlightDataStream =
    Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send + 'static>>;

/// How long a client is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    idle_max: Duration,
    total_max: Duration,
}

enum Piece {
    Message(Box<FlightData>),
    /// Only after it an answer is complete.
    End,
}

/// Sends an answer that is small and already there.
pub(crate) fn at_once(messages: Messages) -> FlightDataStream {
    Box::pin(futures::stream::iter(messages.map(|m| m.map_err(Status::from))))
}

/// Sends a statement's answer. Its place among the running is given back when the last message is
/// out, when the client leaves or doesn't read, and when it is cancelled.
pub(crate) fn watched(messages: Messages, run: Run) -> FlightDataStream {
    send(messages, run, Patience { idle_max: CLIENT_IDLE_MAX, total_max: SENDING_MAX })
}

fn send(messages: Messages, run: Run, patience: Patience) -> FlightDataStream {
    // Two messages at most wait for the client.
    let (pieces, incoming) = mpsc::channel(2);
    let (failed, failure) = oneshot::channel();
    let query = run.query();
    tokio::spawn(async move {
        if let Err(fault) = produce(messages, run, patience, pieces).await {
            // Nobody hears it if the client left.
            let _ = failed.send(fault);
        }
    });
    let state = Some((incoming, failure));
    Box::pin(futures::stream::unfold(state, move |state| async move {
        let (mut incoming, mut failure) = state?;
        match incoming.recv().await {
            Some(Piece::Message(message)) => Some((Ok(*message), Some((incoming, failure)))),
            Some(Piece::End) => None,
            None => {
                // Without a reason the task has panicked.
                let fault = (&mut failure).await.unwrap_or_else(|_| Fault::internal()).of(query);
                tracing::info!(%query, outcome = fault.label(), "an answer was cut off");
                Some((Err(fault.into()), None))
            }
        }
    }))
}

async fn produce(
    messages: Messages,
    mut run: Run,
    patience: Patience,
    pieces: mpsc::Sender<Piece>,
) -> Result<(), Fault> {
    let until = Instant::now() + patience.total_max;
    let ended = std::iter::once(Ok(Piece::End));
    for piece in messages.map(|m| m.map(|m| Piece::Message(Box::new(m)))).chain(ended) {
        let left = until.saturating_duration_since(Instant::now()).min(patience.idle_max);
        let piece = piece?;
        tokio::select! {
            biased;
            () = run.cancelled() => return Err(Fault::Cancelled),
            sent = timeout(left, pieces.send(piece)) => match sent {
                Ok(Ok(())) => {}
                // The client left; there is nobody to tell.
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err(not_read().into()),
            },
        }
    }
    Ok(())
}

fn not_read() -> Refusal {
    Refusal::new(
        RefusalCode::L505,
        "the answer wasn't read in time.",
        "Run the statement again and read its rows without long pauses.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema, SchemaRef};
    use futures::StreamExt as _;
    use insitu_disclosure::protect::Derivation;
    use tonic::Code;

    use super::super::encode;
    use super::super::handles::Handle;
    use super::super::running::Running;
    use super::*;
    use crate::analyst::Analyst;

    fn messages(batches: usize) -> Messages {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let column = Arc::new(StringArray::from(vec!["x"])) as _;
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
        let protected =
            Derivation::open(Vec::new()).1.close(&vec![batch; batches], &schema).unwrap();
        encode::answer(&schema, &protected, 0).unwrap()
    }

    struct Place {
        running: Running,
        ada: Analyst,
        ticket: Handle,
    }

    /// One place, so that a second start tells whether the first was given back.
    fn place() -> Place {
        Place {
            running: Running::with(1, 0, 1),
            ada: Analyst::for_tests("ada"),
            ticket: Handle::random().unwrap(),
        }
    }

    impl Place {
        fn start(&self) -> Result<Run, Fault> {
            self.running.start(&self.ada, self.ticket)
        }

        async fn comes_back(&self) -> bool {
            for _ in 0..200 {
                if self.start().is_ok() {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            false
        }
    }

    #[tokio::test]
    async fn a_complete_answer_ends_without_an_error_and_gives_its_place_back() {
        let place = place();
        let sent: Vec<_> = watched(messages(5), place.start().unwrap()).collect().await;
        assert_eq!(sent.len(), 6);
        assert!(sent.iter().all(Result::is_ok));
        assert!(place.comes_back().await);
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_place_back() {
        let place = place();
        let mut stream = watched(messages(50), place.start().unwrap());
        assert!(stream.next().await.unwrap().is_ok());
        assert!(place.start().is_err());
        drop(stream);
        assert!(place.comes_back().await);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_loses_its_place_and_is_told() {
        let place = place();
        let soon = Duration::from_millis(30);
        let patience = Patience { idle_max: soon, total_max: soon * 1_000 };
        let stream = send(messages(50), place.start().unwrap(), patience);
        assert!(place.comes_back().await);
        let sent: Vec<_> = stream.collect().await;
        assert!(sent.len() < 50);
        let status = sent.last().unwrap().as_ref().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn a_client_that_reads_too_slowly_in_all_is_told() {
        let place = place();
        let patience =
            Patience { idle_max: Duration::from_secs(9), total_max: Duration::from_millis(30) };
        let stream = send(messages(50), place.start().unwrap(), patience);
        let slow = stream.then(|message| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            message
        });
        let sent: Vec<_> = slow.collect().await;
        assert!(sent.last().unwrap().is_err());
    }

    #[tokio::test]
    async fn a_cancelled_answer_ends_with_an_error() {
        let place = place();
        let mut stream = watched(messages(50), place.start().unwrap());
        assert!(stream.next().await.unwrap().is_ok());
        place.running.cancel(&place.ada, place.ticket);
        assert!(place.comes_back().await);
        let rest: Vec<_> = stream.collect().await;
        assert_eq!(rest.last().unwrap().as_ref().unwrap_err().code(), Code::Cancelled);
    }
}
