//! Threads that plans run on, apart from those that serve the network.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

/// The engine's threads: one for each core, eight at most.
///
/// A node has its own. Nodes of one process may share them: with threads for each, hundreds of nodes would have hundreds
/// of threads for a few cores, each with memory of its own to begin.
#[derive(Debug, Clone)]
pub struct EngineThreads(Arc<Owned>);

/// A `tokio` runtime can't be dropped where it would block, so it is shut down in the background.
#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// More threads than this are of no use to one question.
const THREADS_MAX: usize = 8;

/// The deepest plans that are admitted need less.
const STACK_BYTES: usize = 8 << 20;

impl EngineThreads {
    /// Starts them. They end with the last of their nodes.
    ///
    /// # Errors
    /// The operating system gives no threads.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(Self::parallel())
            .thread_name("insitu-engine")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// How many there are.
    pub(super) fn parallel() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
    }

    /// To spawn tasks on them; none once they end.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.0.0.as_ref().map(Runtime::handle)
    }
}
