//! An answer kept back until one of the times at which answers about its dataset may be sent.

use std::future::Future;
use std::time::Duration;

use insitu_disclosure::AnswerTimes;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The work wasn't done in time, or its outcome couldn't be sent in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late;

/// Does the work, and gives its outcome, good or bad, at the next of the times after `arrived`, but no
/// later than `time_max`. Dropping the future ends both the work and the waiting, which holds nothing
/// but the outcome.
///
/// # Errors
/// [`Late`] at the last of the times, or at `time_max` where that comes before the next of them.
pub(crate) async fn paced<T>(
    times: &AnswerTimes,
    arrived: Instant,
    time_max: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Late> {
    let Some(last) = times.last() else { return Ok(work.await) };
    let until = |time: Duration| arrived.checked_add(time).unwrap_or(arrived);
    let outcome = timeout_at(until(last.min(time_max)), work).await.map_err(|_| Late)?;
    match times.next(arrived.elapsed()).filter(|next| *next <= time_max) {
        Some(next) => {
            sleep_until(until(next)).await;
            Ok(outcome)
        }
        // Too late for the last time, or the next comes after whoever asked has given up.
        None => {
            drop(outcome);
            sleep_until(until(last.min(time_max))).await;
            Err(Late)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    // Lower bounds only: a busy machine makes everything later, and nothing earlier.
    const SOON: Duration = Duration::from_millis(60);
    const LONG: Duration = Duration::from_secs(600);

    fn times(ms: &[u32]) -> AnswerTimes {
        AnswerTimes::new(ms.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_is_ready_at_once_waits_and_what_fails_waits_as_long() {
        for outcome in [Ok(1), Err("failed")] {
            let arrived = Instant::now();
            let paced = paced(&times(&[60, 600_000]), arrived, LONG, async { outcome }).await;
            assert_eq!(paced, Ok(outcome));
            assert!(SOON <= arrived.elapsed());
        }
    }

    #[tokio::test]
    async fn the_times_count_from_the_questions_arrival() {
        let arrived = Instant::now().checked_sub(Duration::from_millis(200)).unwrap();
        let missed = paced(&times(&[100, 260]), arrived, LONG, async { 1 }).await;
        assert!(matches!(missed, Ok(1) | Err(Late)));
        assert!(Duration::from_millis(260) <= arrived.elapsed());
    }

    #[tokio::test]
    async fn work_that_takes_longer_than_the_last_time_ends_there() {
        let arrived = Instant::now();
        let never = std::future::pending::<()>();
        assert_eq!(paced(&times(&[20, 60]), arrived, LONG, never).await, Err(Late));
        assert!(SOON <= arrived.elapsed());
    }

    #[tokio::test]
    async fn an_outcome_that_could_only_be_sent_too_late_is_dropped_and_late_is_told_in_time() {
        let arrived = Instant::now();
        assert_eq!(paced(&times(&[600_000]), arrived, SOON, async { 1 }).await, Err(Late));
        assert!(SOON <= arrived.elapsed());
    }

    #[tokio::test]
    async fn without_times_nothing_waits() {
        let at_once = AnswerTimes::at_once();
        let never_waited = paced(&at_once, Instant::now(), LONG, async { 1 });
        // Ready when first looked at: a timer isn't.
        assert_eq!(futures::FutureExt::now_or_never(never_waited), Some(Ok(1)));
    }

    /// Tells when it is dropped.
    struct Held<'a>(&'a AtomicBool);

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn whoever_stops_waiting_frees_the_outcome_and_the_work_is_freed_before() {
        let (work, outcome) = (AtomicBool::new(false), AtomicBool::new(false));
        let times = times(&[600_000]);
        let (held, result) = (Held(&work), Held(&outcome));
        let doing = async move {
            // Kept by the work until it is dropped, as the engine's tasks are.
            let _held = &held;
            result
        };
        let mut waiting = Box::pin(paced(&times, Instant::now(), LONG, doing));
        assert!(tokio::time::timeout(SOON, &mut waiting).await.is_err());
        assert!(work.load(Ordering::SeqCst) && !outcome.load(Ordering::SeqCst));
        drop(waiting);
        assert!(outcome.load(Ordering::SeqCst));
    }
}
