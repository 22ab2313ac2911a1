//! Threads that upper plans run on, away from those that serve connections.
//!
//! A step of the engine is short as a rule, and some aren't: an order by many keys, a join of all with all. On the threads that
//! answer pings and accept connections one analyst's such step kept everybody waiting, and departments were taken for lost.

use std::future::Future;

use insitu_disclosure::Refusals;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::error::internal;

/// The most threads.
const THREADS_MAX: usize = 8;
/// As the engine of a department has: the engine recurses along a plan.
const STACK_BYTES: usize = 8 << 20;

/// The threads. A runtime can't be dropped where it would block, so it is shut down in the background.
#[derive(Debug)]
pub(crate) struct UpperThreads(Option<Runtime>);

impl UpperThreads {
    /// As many as there are cores.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(crate) fn new() -> std::io::Result<Self> {
        let parallel = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = Builder::new_multi_thread()
            .worker_threads(parallel.min(THREADS_MAX))
            .thread_name("insitu-upper")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()?;
        Ok(Self(Some(threads)))
    }

    /// Does the work there. Who doesn't wait until the end ends it, as soon as it is between two steps.
    ///
    /// # Errors
    /// What the work returns; X901 if it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusals>> + Send + 'static,
    ) -> Result<T, Refusals> {
        let Some(threads) = &self.0 else { return Err(internal()) };
        // Ends its task when it is dropped.
        let mut task = JoinSet::new();
        task.spawn_on(work.in_current_span(), threads.handle());
        match task.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(_)) | None => {
                tracing::error!("an upper plan panicked");
                Err(internal())
            }
        }
    }
}

impl Drop for UpperThreads {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insitu_disclosure::RefusalCode;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    /// On a runtime of one thread, which the work would occupy.
    #[tokio::test]
    async fn work_that_never_waits_keeps_nobody_else_waiting() {
        let threads = UpperThreads::new().unwrap();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let long = threads.run(async move {
            let _ = ended.recv();
            Ok(1)
        });
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(end);
        };
        let (long, ()) = tokio::join!(long, meanwhile);
        assert_eq!(long, Ok(1));
    }

    #[tokio::test]
    async fn who_leaves_ends_the_work() {
        let threads = UpperThreads::new().unwrap();
        let (kept, dropped) = oneshot::channel::<()>();
        let never = threads.run::<()>(async move {
            let _kept = kept;
            std::future::pending().await
        });
        assert!(timeout(Duration::from_millis(20), never).await.is_err());
        assert!(timeout(Duration::from_secs(10), dropped).await.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_and_nothing_else() {
        let threads = UpperThreads::new().unwrap();
        let bad = threads.run::<()>(async { if true { panic!("on purpose") } else { Ok(()) } });
        assert_eq!(bad.await.unwrap_err().first().code(), RefusalCode::X901);
        assert_eq!(threads.run(async { Ok(1) }).await, Ok(1));
    }
}
