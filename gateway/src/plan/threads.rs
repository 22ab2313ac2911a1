//! Threads that statements are planned on: so many at a time, each with a large stack.
//!
//! A planner can't be stopped. Whoever asked may leave or run out of time while it works on, so a
//! thread's turn belongs to the thread and not to who waits for it: otherwise clients that ask and hang
//! up, as a browser does with each key pressed, could have any number of planners running.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use tokio::sync::{Semaphore, oneshot};

/// The stack a statement is planned on: the planner recurses, and a stack that overflows ends the
/// process. The gate bounds the depth; this is for what it lets through.
const STACK_BYTES: usize = 256 << 20;
/// The most threads at a time.
const THREADS_MAX: usize = 8;

/// The turns for planning.
#[derive(Debug)]
pub(crate) struct PlanningThreads {
    turns: Arc<Semaphore>,
}

impl PlanningThreads {
    pub(crate) fn new() -> Self {
        Self::with(THREADS_MAX)
    }

    fn with(threads_max: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(threads_max)) }
    }

    /// Waits for a turn and does a step of planning on a thread of its own. A panic in it ends the
    /// step, not the gateway. A caller that doesn't wait until the end leaves the turn taken until then.
    ///
    /// # Errors
    /// What the step returns; X901 if it panics; L507 if there is no thread to be had.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Refusals> + Send + 'static,
    ) -> Result<T, Refusals> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| busy())?;
        let (done, result) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("insitu-planning".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(step));
                drop(turn);
                // The asker may have gone away meanwhile.
                let _ = done.send(outcome);
            });
        if thread.is_err() {
            return Err(busy());
        }
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

fn busy() -> Refusals {
    Refusal::new(RefusalCode::L507, "the gateway is busy.", "Try again in a moment.").into()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn a_step_whose_asker_left_keeps_its_turn_until_it_ends() {
        let threads = PlanningThreads::with(1);
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
    async fn a_panic_ends_the_step_and_gives_its_turn_back() {
        let threads = PlanningThreads::with(1);
        let bad = threads.run(|| if true { panic!("on purpose") } else { Ok(()) }).await;
        assert_eq!(bad.unwrap_err().first().code(), RefusalCode::X901);
        assert_eq!(threads.run(|| Ok(1)).await, Ok(1));
    }
}
