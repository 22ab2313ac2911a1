//! How many requests a node answers at this moment. A question that nobody waits for any more must
//! cost a department nothing, and a gauge is how that can be seen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests under way.
#[derive(Debug, Default)]
pub(crate) struct Activity(AtomicUsize);

impl Activity {
    /// Counts a request until what is returned is dropped: when the answer is there, and just as well
    /// when whoever asked hangs up.
    pub(crate) fn begin(&self) -> Busy<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Busy(&self.0)
    }

    /// Requests that are being answered.
    pub(crate) fn requests(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
#[derive(Debug)]
#[must_use]
pub(crate) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_until_it_is_dropped() {
        let activity = Activity::default();
        let (first, second) = (activity.begin(), activity.begin());
        assert_eq!(activity.requests(), 2);
        drop(first);
        assert_eq!(activity.requests(), 1);
        drop(second);
        assert_eq!(activity.requests(), 0);
    }
}
