//! Statements under way: how many at a time, until when, and how they are cancelled.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use insitu_disclosure::{AnswerTimes, Refusal, RefusalCode, Refusals};
use insitu_proto::request::QueryId;
use rand::RngCore as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::handles::Handle;
use super::limits::Limits;
use crate::analyst::Analyst;
use crate::status::Fault;
use crate::turns::{Turn, Turns};

/// Everything that runs or waits to run.
#[derive(Debug)]
pub(crate) struct Running {
    per_analyst_max: usize,
    /// Places for those that run and those that wait.
    places: Arc<Semaphore>,
    /// Places for those that run, dealt among analysts.
    turns: Arc<Turns>,
    runs: Arc<Mutex<HashMap<u64, Entry>>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    analyst: Analyst,
    ticket: Handle,
    cancel: watch::Sender<bool>,
}

impl Running {
    pub(crate) fn new(limits: Limits) -> Self {
        let (running_max, waiting_max) =
            (limits.statements_running_max, limits.statements_waiting_max);
        Self::with(running_max, waiting_max, limits.per_analyst_max())
    }

    pub(super) fn with(running_max: usize, waiting_max: usize, per_analyst_max: usize) -> Self {
        let places = running_max.saturating_add(waiting_max).min(Semaphore::MAX_PERMITS);
        Self {
            per_analyst_max,
            places: Arc::new(Semaphore::new(places)),
            turns: Arc::new(Turns::new(running_max.min(places))),
            runs: Arc::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Takes a place for a ticket's statement.
    ///
    /// # Errors
    /// L507 when all places are taken, or all that one analyst may have.
    pub(crate) fn start(&self, by: &Analyst, ticket: Handle) -> Result<Run, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let mut runs = lock(&self.runs);
        let theirs = runs.values().filter(|entry| entry.analyst == *by).count();
        if self.per_analyst_max <= theirs {
            return Err(busy().into());
        }
        let (cancel, cancelled) = watch::channel(false);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        runs.insert(id, Entry { analyst: by.clone(), ticket, cancel });
        let runs = Arc::clone(&self.runs);
        let mut query = [0; 16];
        rand::rng().fill_bytes(&mut query);
        Ok(Run {
            id,
            query: QueryId(query),
            runs,
            by: by.clone(),
            turns: Arc::clone(&self.turns),
            turn: None,
            cancelled,
            _place: place,
        })
    }

    /// Cancels whatever runs or waits for an analyst's ticket.
    pub(crate) fn cancel(&self, by: &Analyst, ticket: Handle) {
        let runs = lock(&self.runs);
        for entry in runs.values().filter(|e| e.analyst == *by && e.ticket == ticket) {
            entry.cancel.send_replace(true);
        }
    }
}

/// A statement's place; dropping it gives the place back, whether it ran or not.
#[derive(Debug)]
pub(crate) struct Run {
    id: u64,
    query: QueryId,
    runs: Arc<Mutex<HashMap<u64, Entry>>>,
    by: Analyst,
    turns: Arc<Turns>,
    turn: Option<Turn>,
    cancelled: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Run {
    /// What this run is called in all logs: a ticket that is redeemed twice is two queries.
    pub(crate) const fn query(&self) -> QueryId {
        self.query
    }

    /// Waits for a turn and does the work. The turn is kept afterwards, until the answer is out.
    ///
    /// # Errors
    /// What the work returns; L505 if waiting and work take longer than `time_max`; cancelled.
    pub(crate) async fn work<T>(
        &mut self,
        time_max: Duration,
        work: impl Future<Output = Result<T, Refusals>>,
    ) -> Result<T, Fault> {
        let turn = Arc::clone(&self.turns).take(Some(self.by.clone()));
        let waited = async move {
            let turn = turn.await.ok_or_else(Fault::internal)?;
            Ok::<_, Fault>((turn, unpanicked(work).await?))
        };
        tokio::select! {
            biased;
            () = cancelled(&mut self.cancelled) => Err(Fault::Cancelled),
            done = timeout(time_max, waited) => {
                let (turn, done) = done.map_err(|_| out_of_time())??;
                self.turn = Some(turn);
                Ok(done)
            }
        }
    }

    /// Waits with an outcome until the next of the times at which answers about its datasets may be
    /// sent, counted from when the question came. A turn isn't held meanwhile, so that others run; the
    /// place is, which bounds how many answers wait.
    ///
    /// # Errors
    /// L505 after the last of the times, or where the next comes after `time_max`; cancelled.
    pub(crate) async fn until_sent<T>(
        &mut self,
        times: &AnswerTimes,
        came: Instant,
        time_max: Duration,
        outcome: Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(last) = times.last() else { return outcome };
        let (due, outcome) = match (outcome, times.next(came.elapsed())) {
            // Whoever cancelled waits for nothing.
            (Err(Fault::Cancelled), _) => return Err(Fault::Cancelled),
            (outcome, Some(next)) if next <= time_max => (next, outcome),
            (_, Some(_) | None) => (last.min(time_max), Err(out_of_time().into())),
        };
        self.turn = None;
        tokio::select! {
            biased;
            () = cancelled(&mut self.cancelled) => Err(Fault::Cancelled),
            () = sleep_until(came.checked_add(due).unwrap_or(came)) => outcome,
        }
    }

    /// Returns when somebody cancels the statement; else never.
    pub(crate) async fn cancelled(&mut self) {
        cancelled(&mut self.cancelled).await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.runs).remove(&self.id);
    }
}

/// The work, with a panic in it turned into a fault.
///
/// # Errors
/// What the work returns.
pub(super) async fn unpanicked<T>(
    work: impl Future<Output = Result<T, Refusals>>,
) -> Result<T, Fault> {
    // What the work leaves behind half-done is its own; a caller sees only that it failed.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Fault::internal()),
    }
}

async fn cancelled(signal: &mut watch::Receiver<bool>) {
    if signal.wait_for(|cancelled| *cancelled).await.is_err() {
        // The sender is gone with its entry, and with it whoever could cancel.
        std::future::pending::<()>().await;
    }
}

fn lock(runs: &Mutex<HashMap<u64, Entry>>) -> MutexGuard<'_, HashMap<u64, Entry>> {
    runs.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn busy() -> Refusal {
    let message = "too many statements are running.";
    Refusal::new(RefusalCode::L507, message, "Try again in a moment.")
}

pub(super) fn out_of_time() -> Refusal {
    Refusal::new(
        RefusalCode::L505,
        "the answer wasn't complete by the deadline.",
        "Ask for less at once, or set a longer deadline.",
    )
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn ada() -> Analyst {
        Analyst::for_tests("ada")
    }

    fn ticket() -> Handle {
        Handle::random().unwrap()
    }

    #[tokio::test]
    async fn those_beyond_the_places_are_shed_and_places_come_back() {
        let running = Running::with(1, 1, 9);
        let first = running.start(&ada(), ticket()).unwrap();
        let second = running.start(&ada(), ticket()).unwrap();
        assert_eq!(running.start(&ada(), ticket()).unwrap_err().label(), "L507");
        drop(first);
        drop(second);
        assert!(running.start(&ada(), ticket()).is_ok());
        assert!(lock(&running.runs).is_empty());
    }

    #[tokio::test]
    async fn one_analyst_does_not_take_every_place() {
        let running = Running::with(4, 4, 1);
        let _first = running.start(&ada(), ticket()).unwrap();
        assert_eq!(running.start(&ada(), ticket()).unwrap_err().label(), "L507");
        assert!(running.start(&Analyst::for_tests("ben"), ticket()).is_ok());
    }

    #[tokio::test]
    async fn a_turn_is_waited_for_until_the_deadline() {
        let running = Running::with(1, 1, 9);
        let mut first = running.start(&ada(), ticket()).unwrap();
        assert_eq!(first.work(LONG, async { Ok(1) }).await, Ok(1));
        let mut second = running.start(&ada(), ticket()).unwrap();
        let soon = Duration::from_millis(20);
        assert_eq!(second.work(soon, async { Ok(2) }).await.unwrap_err().label(), "L505");
        drop(first);
        assert_eq!(second.work(LONG, async { Ok(2) }).await, Ok(2));
    }

    #[tokio::test]
    async fn those_who_wait_get_their_turns_in_the_order_they_came() {
        let running = Running::with(1, 4, 9);
        let mut first = running.start(&ada(), ticket()).unwrap();
        assert_eq!(first.work(LONG, async { Ok(()) }).await, Ok(()));
        let order = Mutex::new(Vec::new());
        let mut runs: Vec<Run> = (0..4).map(|_| running.start(&ada(), ticket()).unwrap()).collect();
        let waiting = runs.drain(..).enumerate().map(|(number, mut run)| {
            let order = &order;
            async move {
                let work = async {
                    order.lock().unwrap().push(number);
                    Ok(())
                };
                run.work(LONG, work).await.unwrap();
            }
        });
        let waiting = futures::future::join_all(waiting);
        let end = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        tokio::join!(waiting, end);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn one_analysts_many_statements_keep_no_other_waiting() {
        let limits =
            Limits { deadline_max: LONG, statements_running_max: 16, statements_waiting_max: 32 };
        let running = Running::new(limits);
        let mut adas: Vec<Run> = (0..limits.per_analyst_max())
            .map(|_| running.start(&ada(), ticket()).unwrap())
            .collect();
        let never = || pending::<Result<(), Refusals>>();
        let slow = futures::future::join_all(adas.iter_mut().map(|run| run.work(LONG, never())));
        let ben = async {
            tokio::task::yield_now().await;
            let mut run = running.start(&Analyst::for_tests("ben"), ticket()).unwrap();
            run.work(LONG, async { Ok(1) }).await
        };
        tokio::select! {
            biased;
            _ = slow => panic!("Ada's never end"),
            answered = ben => assert_eq!(answered, Ok(1)),
        }
    }

    #[tokio::test]
    async fn who_leaves_while_waiting_gives_the_place_back_at_once() {
        let running = Running::with(1, 1, 9);
        let mut first = running.start(&ada(), ticket()).unwrap();
        assert_eq!(first.work(LONG, async { Ok(()) }).await, Ok(()));
        let waits = async {
            let mut second = running.start(&ada(), ticket()).unwrap();
            second.work(LONG, async { Ok(()) }).await
        };
        assert!(timeout(Duration::from_millis(20), waits).await.is_err(), "it waits, and leaves");
        assert!(running.start(&ada(), ticket()).is_ok());
    }

    #[test]
    fn an_analysts_share_is_never_all_there_is() {
        let share = |statements_running_max, statements_waiting_max| {
            let deadline_max = LONG;
            Limits { deadline_max, statements_running_max, statements_waiting_max }
                .per_analyst_max()
        };
        assert_eq!([share(16, 32), share(16, 0), share(2, 0), share(1, 0)], [16, 15, 1, 1]);
    }

    #[tokio::test]
    async fn a_panic_stays_in_the_statement() {
        let running = Running::with(1, 1, 9);
        let mut run = running.start(&ada(), ticket()).unwrap();
        let bad = async { if true { panic!("on purpose") } else { Ok(()) } };
        assert_eq!(run.work(LONG, bad).await.unwrap_err().label(), "X901");
    }

    /// Lower bounds only: a busy machine makes everything later, and nothing earlier.
    const SOON: Duration = Duration::from_millis(60);

    fn times(ms: &[u32]) -> AnswerTimes {
        AnswerTimes::new(ms.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_outcome_waits_for_its_time_without_a_turn_and_keeps_its_place() {
        let running = Running::with(1, 1, 9);
        let mut first = running.start(&ada(), ticket()).unwrap();
        for outcome in [Ok(1), Err(Fault::internal())] {
            let came = Instant::now();
            let done = first.work(LONG, async { Ok(1) }).await.and(outcome.clone());
            let sent = first.until_sent(&times(&[60, 600_000]), came, LONG, done).await;
            assert_eq!(sent, outcome);
            assert!(SOON <= came.elapsed());
        }
        let mut second = running.start(&ada(), ticket()).unwrap();
        assert_eq!(second.work(LONG, async { Ok(2) }).await, Ok(2), "the turn is free");
        assert_eq!(running.start(&ada(), ticket()).unwrap_err().label(), "L507");
    }

    #[tokio::test]
    async fn what_cannot_be_sent_in_time_is_out_of_time_and_no_sooner() {
        let running = Running::with(1, 1, 9);
        let mut run = running.start(&ada(), ticket()).unwrap();
        let came = Instant::now();
        let late = run.until_sent(&times(&[600_000]), came, SOON, Ok(1)).await;
        assert_eq!(late.unwrap_err().label(), "L505");
        assert!(SOON <= came.elapsed());
        let late = run.until_sent(&times(&[20]), came, LONG, Ok(1)).await;
        assert_eq!(late.unwrap_err().label(), "L505");
    }

    #[tokio::test]
    async fn an_outcome_that_waits_can_be_cancelled() {
        let running = Running::with(1, 1, 9);
        let mine = ticket();
        let mut run = running.start(&ada(), mine).unwrap();
        let times = times(&[600_000]);
        let waits = run.until_sent(&times, Instant::now(), LONG, Ok(1));
        let (sent, ()) = tokio::join!(waits, async { running.cancel(&ada(), mine) });
        assert_eq!(sent, Err(Fault::Cancelled));
    }

    #[tokio::test]
    async fn a_ticket_is_cancelled_by_its_analyst_while_it_runs_or_waits() {
        let running = Running::with(1, 9, 9);
        let (mine, other) = (ticket(), ticket());
        let mut runs = running.start(&ada(), mine).unwrap();
        let mut waits = running.start(&ada(), mine).unwrap();
        let mut stays = running.start(&ada(), other).unwrap();
        running.cancel(&Analyst::for_tests("ben"), mine);
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, runs.cancelled()).await.is_err());
        running.cancel(&ada(), mine);
        let never = || pending::<Result<(), Refusals>>();
        assert_eq!(runs.work(LONG, never()).await, Err(Fault::Cancelled));
        assert_eq!(waits.work(LONG, never()).await, Err(Fault::Cancelled));
        assert_eq!(stays.work(soon, never()).await.unwrap_err().label(), "L505");
    }
}
