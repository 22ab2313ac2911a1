//! Planning: short work that reads nothing, so many who wait for it, until a deadline.
//!
//! How many plan at a time is up to the planning threads (`plan`): a thread that nobody waits for any
//! more works on. Here it is decided who may queue for one.

use std::future::Future;
use std::time::Duration;

use insitu_disclosure::Refusals;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::running::{busy, out_of_time, unpanicked};
use crate::status::Fault;

/// The most statements that are planned or wait for it: a plan takes milliseconds.
const PLACES: usize = 128;

/// The places of those who wait for a plan.
#[derive(Debug)]
pub(crate) struct Planning {
    places: Semaphore,
}

impl Planning {
    pub(crate) fn new() -> Self {
        Self { places: Semaphore::new(PLACES) }
    }

    /// Does the work if there is a place. A panic stays in it.
    ///
    /// # Errors
    /// What the work returns; L507 if too many wait; L505 if all takes longer than `time_max`.
    pub(crate) async fn plan<T>(
        &self,
        time_max: Duration,
        work: impl Future<Output = Result<T, Refusals>>,
    ) -> Result<T, Fault> {
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        timeout(time_max, unpanicked(work)).await.map_err(|_| out_of_time())?
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn plans_beyond_the_places_are_shed_and_places_come_back() {
        let planning = Planning::new();
        let soon = Duration::from_millis(30);
        let never = || planning.plan(soon, pending::<Result<(), Refusals>>());
        let ended = join_all((0..PLACES + 3).map(|_| never())).await;
        let label = |r: Result<(), Fault>| r.unwrap_err().label();
        let labels: Vec<_> = ended.into_iter().map(label).collect();
        assert_eq!(labels.iter().filter(|l| **l == "L507").count(), 3);
        assert_eq!(labels.iter().filter(|l| **l == "L505").count(), PLACES);
        assert_eq!(planning.plan(soon, async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_panic_stays_in_the_plan() {
        let bad = async { if true { panic!("on purpose") } else { Ok(()) } };
        let ended = Planning::new().plan(Duration::from_secs(9), bad).await;
        assert_eq!(ended.unwrap_err().label(), "X901");
    }
}
