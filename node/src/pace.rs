//! An answer kept back until one of the times at which answers about its dataset may be sent.

use std::future::Future;
use std::iter::successors;
use std::time::Duration;

use insitu_disclosure::AnswerTimes;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The work wasn't done in time, or its outcome couldn't be sent in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late;

/// So long before one of the times an answer is finished, and no longer than a quarter of it.
const FINISHING: Duration = Duration::from_millis(250);

/// Does the work, and gives its outcome, good or bad, at the next of the times after `arrived`, but no
/// later than `time_max`. It is finished shortly before that time, and not when the work is done: what is written down while
/// finishing would otherwise tell whoever stops waiting, and asks again, whether the work was done by then. Dropping the
/// future ends the work, the waiting, which holds nothing but the outcome, and the finishing.
///
/// # Errors
/// [`Late`] at the last of the times, or at `time_max` where that comes before the next of them.
pub(crate) async fn paced<W, T, F: Future<Output = T>>(
    times: &AnswerTimes,
    arrived: Instant,
    time_max: Duration,
    work: impl Future<Output = W>,
    finish: impl FnOnce(W) -> F,
) -> Result<T, Late> {
    let Some(last) = times.last() else { return Ok(finish(work.await).await) };
    let until = |time: Duration| arrived.checked_add(time).unwrap_or(arrived);
    let end = last.min(time_max);
    let done = timeout_at(until(end), work).await.map_err(|_| Late)?;
    let next = |ready: Duration| times.next(ready).filter(|next| *next <= time_max);
    // The next that leaves time to finish.
    let ready = arrived.elapsed();
    let time = successors(next(ready), |time| next(time.saturating_add(INSTANT)))
        .find(|time| ready <= begun_before(*time));
    let Some(time) = time else {
        // Too late for the last time, or the next comes after whoever asked has given up.
        drop(done);
        sleep_until(until(end)).await;
        return Err(Late);
    };
    sleep_until(until(begun_before(time))).await;
    let outcome = timeout_at(until(end), finish(done)).await.map_err(|_| Late)?;
    // Finishing may have taken longer than it should.
    match next(time.max(arrived.elapsed())) {
        Some(next) => {
            sleep_until(until(next)).await;
            Ok(outcome)
        }
        None => {
            drop(outcome);
            sleep_until(until(end)).await;
            Err(Late)
        }
    }
}

/// The smallest difference of two times.
const INSTANT: Duration = Duration::from_nanos(1);

/// When an answer is finished that is sent at this time.
fn begun_before(time: Duration) -> Duration {
    time.saturating_sub(FINISHING.min(time / 4))
}

#[cfg(test)]
mod tests {
    use std::future::ready;
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
            let paced = paced(&times(&[60, 3_000]), arrived, LONG, async { outcome }, ready).await;
            assert_eq!(paced, Ok(outcome));
            assert!(SOON <= arrived.elapsed());
        }
    }

    #[tokio::test]
    async fn the_times_count_from_the_questions_arrival() {
        let arrived = Instant::now().checked_sub(Duration::from_millis(200)).unwrap();
        let missed = paced(&times(&[100, 260]), arrived, LONG, async { 1 }, ready).await;
        assert!(matches!(missed, Ok(1) | Err(Late)));
        assert!(Duration::from_millis(260) <= arrived.elapsed());
    }

    #[tokio::test]
    async fn work_that_takes_longer_than_the_last_time_ends_there() {
        let arrived = Instant::now();
        let never = std::future::pending::<()>();
        assert_eq!(paced(&times(&[20, 60]), arrived, LONG, never, ready).await, Err(Late));
        assert!(SOON <= arrived.elapsed());
    }

    #[tokio::test]
    async fn an_outcome_that_could_only_be_sent_too_late_is_dropped_and_late_is_told_in_time() {
        let arrived = Instant::now();
        assert_eq!(paced(&times(&[600_000]), arrived, SOON, async { 1 }, ready).await, Err(Late));
        assert!(SOON <= arrived.elapsed());
    }

    #[tokio::test]
    async fn without_times_nothing_waits() {
        let at_once = AnswerTimes::at_once();
        let never_waited = paced(&at_once, Instant::now(), LONG, async { 1 }, ready);
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
        let mut waiting = Box::pin(paced(&times, Instant::now(), LONG, doing, ready));
        assert!(tokio::time::timeout(SOON, &mut waiting).await.is_err());
        assert!(work.load(Ordering::SeqCst) && !outcome.load(Ordering::SeqCst));
        drop(waiting);
        assert!(outcome.load(Ordering::SeqCst));
    }

    /// Whether something is written down of work that takes so long for somebody who stops waiting then, where answers are
    /// sent after two seconds.
    async fn written_down(work: Duration, stops_at: Duration) -> bool {
        let written = AtomicBool::new(false);
        let times = times(&[2_000]);
        let working = tokio::time::sleep(work);
        let finish = |()| {
            written.store(true, Ordering::SeqCst);
            ready(())
        };
        let waiting = paced(&times, Instant::now(), LONG, working, finish);
        let _stopped = tokio::time::timeout(stops_at, waiting).await;
        written.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn whether_work_is_done_is_not_told_by_what_is_written_down() {
        let ms = Duration::from_millis;
        // Quick work and slow work, of which the one is done when the asker stops waiting.
        let (quick, slow) = (written_down(ms(10), ms(300)), written_down(ms(600), ms(300)));
        // Done after the answer would have to be finished: too late.
        let (waited, late) = (written_down(ms(10), LONG), written_down(ms(1_800), LONG));
        assert_eq!(tokio::join!(quick, slow, waited, late), (false, false, true, false));
    }

    #[tokio::test]
    async fn what_takes_long_to_finish_is_sent_at_the_next_time() {
        let (times, arrived) = (times(&[400, 2_000]), Instant::now());
        let finish = |()| tokio::time::sleep(Duration::from_millis(300));
        assert_eq!(paced(&times, arrived, LONG, ready(()), finish).await, Ok(()));
        assert!(Duration::from_secs(2) <= arrived.elapsed());
    }
}
