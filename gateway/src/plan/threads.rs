//! Threads that statements are planned on: so many at a time, each with a large stack.
//!
//! A planner can't be stopped. Whoever asked may leave or run out of time while it works on, so a
//! thread's turn belongs to the thread and not to who waits for it: otherwise clients that ask and hang
//! up, as a browser does with each key pressed, could have any number of planners running. Turns are dealt among analysts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use tokio::sync::oneshot;

use crate::turns::{Asker, Turns};

/// The stack a statement is planned on: the planner recurses, and a stack that overflows ends the
/// process. The gate bounds the depth; this is for what it lets through.
const STACK_BYTES: usize = 256 << 20;
/// The most threads at a time.
const THREADS_MAX: usize = 8;
/// How long a thread that has nothing to do waits for the next step. A new thread has to touch a new stack and take new
/// memory, which takes as long as a part of planning a small statement.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How many steps a thread does at most: what a deep statement made of its stack is given back some time.
const STEPS_MAX: usize = 1_000;

/// The threads, and turns for them.
#[derive(Debug)]
pub(crate) struct PlanningThreads {
    turns: Arc<Turns>,
    idle: Arc<Idle>,
}

/// A step of planning, with what tells its outcome.
type Step = Box<dyn FnOnce(&Home) + Send>;

/// Threads that wait for a step, the one that waits shortest last.
#[derive(Debug, Default)]
struct Idle {
    waiting: Mutex<Vec<(u64, mpsc::Sender<Step>)>>,
    next: AtomicU64,
}

impl PlanningThreads {
    pub(crate) fn new() -> Self {
        Self::with(THREADS_MAX)
    }

    fn with(threads_max: usize) -> Self {
        Self { turns: Arc::new(Turns::new(threads_max)), idle: Arc::default() }
    }

    /// The threads for whoever asks.
    pub(crate) const fn of(&self, by: Asker) -> ThreadsFor<'_> {
        ThreadsFor { threads: self, by }
    }
}

/// The threads, as somebody has their turns at them.
#[derive(Debug)]
pub(crate) struct ThreadsFor<'a> {
    threads: &'a PlanningThreads,
    by: Asker,
}

impl ThreadsFor<'_> {
    /// Waits for a turn and does a step of planning on a thread of its own. A panic in it ends the
    /// step, not the gateway. A caller that doesn't wait until the end leaves the turn taken until then.
    ///
    /// # Errors
    /// What the step returns; X901 if it panics; L507 if there is no thread to be had.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Refusals> + Send + 'static,
    ) -> Result<T, Refusals> {
        let turn = Arc::clone(&self.threads.turns).take(self.by.clone()).await.ok_or_else(busy)?;
        let (done, result) = oneshot::channel();
        let step: Step = Box::new(move |home| {
            let outcome = catch_unwind(AssertUnwindSafe(step));
            // First the thread is free, then its turn, then whoever asked goes on and may come again.
            home.free();
            drop(turn);
            // The asker may have gone away meanwhile.
            let _ = done.send(outcome);
        });
        self.threads.idle.begin(step)?;
        match result.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => {
                tracing::error!("the planner panicked");
                Err(Refusal::new(
                    RefusalCode::X901,
                    "the planner failed on this statement.",
                    "Write it in another way.",
                )
                .into())
            }
        }
    }
}

impl Idle {
    /// Gives a step to a thread that waits, or to a new one.
    fn begin(self: &Arc<Self>, step: Step) -> Result<(), Refusals> {
        let waiting = self.lock().pop();
        let step = match waiting {
            // A thread that waits takes what it is sent, or has ended by a panic.
            Some((_, thread)) => match thread.send(step) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(step)) => step,
            },
            None => step,
        };
        let (sender, steps) = mpsc::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let home = Home { number, sender, steps, left: STEPS_MAX, idle: Arc::clone(self) };
        let thread = std::thread::Builder::new()
            .name("insitu-planning".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || home.live(step));
        thread.map(|_| ()).map_err(|_| busy())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, mpsc::Sender<Step>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread takes its steps from.
struct Home {
    number: u64,
    sender: mpsc::Sender<Step>,
    steps: mpsc::Receiver<Step>,
    /// How many more it may do.
    left: usize,
    idle: Arc<Idle>,
}

impl Home {
    fn live(mut self, first: Step) {
        let mut step = Some(first);
        while let Some(now) = step {
            self.left = self.left.saturating_sub(1);
            now(&self);
            step = if self.left == 0 { None } else { self.next() };
        }
    }

    /// The thread may be given its next step from now on.
    fn free(&self) {
        if 0 < self.left {
            self.idle.lock().push((self.number, self.sender.clone()));
        }
    }

    /// The next step; `None` if there was none for long.
    fn next(&self) -> Option<Step> {
        if let Ok(step) = self.steps.recv_timeout(IDLE_MAX) {
            return Some(step);
        }
        let mut waiting = self.idle.lock();
        let place = waiting.iter().position(|(number, _)| *number == self.number);
        if let Some(place) = place {
            waiting.remove(place);
            return None;
        }
        drop(waiting);
        // Somebody took it from the list in this moment, and is about to send.
        self.steps.recv().ok()
    }
}

fn busy() -> Refusals {
    Refusal::new(RefusalCode::L507, "the gateway is busy.", "Try again in a moment.").into()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::timeout;

    use super::*;
    use crate::analyst::Analyst;

    const SOON: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn one_analysts_many_steps_keep_anothers_waiting_for_one_at_the_most() {
        let threads = PlanningThreads::with(2);
        let [ada, ben] = ["ada", "ben"].map(|name| threads.of(Some(Analyst::for_tests(name))));
        let ended = Arc::new(Mutex::new(Vec::new()));
        let step = |name: &'static str| {
            let ended = Arc::clone(&ended);
            move || {
                ended.lock().unwrap().push(name);
                Ok(())
            }
        };
        let (end, until) = mpsc::channel::<()>();
        // One of Ada's runs, one turn is kept, and twenty wait.
        let first = ada.run(move || {
            let _ = until.recv();
            Ok(())
        });
        let many = join_all((0..20).map(|_| ada.run(step("ada"))));
        let bens = async {
            tokio::task::yield_now().await;
            ben.run(step("ben")).await.unwrap();
            assert!(ended.lock().unwrap().iter().all(|name| *name == "ben"), "before all of Ada's");
            drop(end);
        };
        let (first, many, ()) = tokio::join!(first, many, bens);
        assert!(first.is_ok() && many.iter().all(Result::is_ok));
        assert_eq!(ended.lock().unwrap().len(), 21);
    }

    #[tokio::test]
    async fn a_step_whose_asker_left_keeps_its_turn_until_it_ends() {
        let threads = PlanningThreads::with(1);
        let threads = threads.of(None);
        let (end, ended) = mpsc::channel();
        let first = threads.run(move || {
            ended.recv().unwrap();
            Ok(1)
        });
        assert!(timeout(SOON, first).await.is_err(), "the asker leaves");
        assert!(timeout(SOON, threads.run(|| Ok(2))).await.is_err(), "the step goes on");
        end.send(()).unwrap();
        assert_eq!(threads.run(|| Ok(3)).await, Ok(3));
    }

    #[tokio::test]
    async fn who_leaves_while_waiting_takes_no_turn() {
        let threads = PlanningThreads::with(1);
        let threads = threads.of(None);
        let (end, ended) = mpsc::channel();
        let first = threads.run(move || {
            ended.recv().unwrap();
            Ok(1)
        });
        assert!(timeout(SOON, first).await.is_err());
        let (ran, has_run) = mpsc::channel();
        let second = threads.run(move || {
            ran.send(()).unwrap();
            Ok(2)
        });
        assert!(timeout(SOON, second).await.is_err());
        end.send(()).unwrap();
        assert_eq!(threads.run(|| Ok(3)).await, Ok(3));
        assert!(has_run.try_recv().is_err(), "nobody waited for it, so it never began");
    }

    #[tokio::test]
    async fn a_thread_that_is_free_does_the_next_step_and_no_other() {
        let threads = PlanningThreads::with(3);
        let threads = threads.of(None);
        let here = || Ok(std::thread::current().id());
        let first = threads.run(here).await;
        let _: Result<(), _> =
            threads.run(|| if true { panic!("on purpose") } else { Ok(()) }).await;
        assert_eq!(threads.run(here).await, first, "also after a panic");
        let (end, ended) = mpsc::channel::<()>();
        let busy = threads.run(move || {
            let _ = ended.recv();
            here()
        });
        let meanwhile = async {
            let other = threads.run(here).await;
            drop(end);
            other
        };
        let (busy, other) = tokio::join!(busy, meanwhile);
        assert_eq!(busy, first);
        assert_ne!(other, first);
    }

    #[tokio::test]
    async fn a_thread_that_did_many_steps_is_replaced() {
        let threads = PlanningThreads::with(1);
        let threads = threads.of(None);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..=STEPS_MAX {
            seen.insert(threads.run(|| Ok(std::thread::current().id())).await.unwrap());
        }
        assert_eq!(seen.len(), 2);
    }

    #[tokio::test]
    async fn a_panic_ends_the_step_and_gives_its_turn_back() {
        let threads = PlanningThreads::with(1);
        let threads = threads.of(None);
        let bad = threads.run(|| if true { panic!("on purpose") } else { Ok(()) }).await;
        assert_eq!(bad.unwrap_err().first().code(), RefusalCode::X901);
        assert_eq!(threads.run(|| Ok(1)).await, Ok(1));
    }
}
