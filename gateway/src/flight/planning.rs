//! Planning: short work that reads nothing, so many at a time, until a deadline.
//!
//! Each plan takes a thread with a large stack, and clients plan without limit otherwise: a browser asks
//! for the schema of a statement with each key pressed.

use std::future::Future;
use std::time::Duration;

use insitu_disclosure::Refusals;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::running::{busy, out_of_time, unpanicked};
use crate::status::Fault;

/// The most statements that are planned at a time.
const PLANNED_MAX: usize = 8;
/// The most that wait for their turn: a plan takes milliseconds.
const WAITING_MAX: usize = 120;

/// The turns for planning.
#[derive(Debug)]
pub(crate) struct Planning {
    places: Semaphore,
    turns: Semaphore,
}

impl Planning {
    pub(crate) fn new() -> Self {
        let places = Semaphore::new(PLANNED_MAX.saturating_add(WAITING_MAX));
        Self { places, turns: Semaphore::new(PLANNED_MAX) }
    }

    /// Does the work when it is its turn. A panic stays in it.
    ///
    /// # Errors
    /// What the work returns; L507 if too many wait; L505 if all takes longer than `time_max`.
    pub(crate) async fn turn<T>(
        &self,
        time_max: Duration,
        work: impl Future<Output = Result<T, Refusals>>,
    ) -> Result<T, Fault> {
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let waited = async {
            let _turn = self.turns.acquire().await.map_err(|_| Fault::internal())?;
            unpanicked(work).await
        };
        timeout(time_max, waited).await.map_err(|_| out_of_time())?
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn plans_beyond_the_places_are_shed_and_turns_are_waited_for() {
        let planning = Planning::new();
        let soon = Duration::from_millis(30);
        let never = || planning.turn(soon, pending::<Result<(), Refusals>>());
        let ended = join_all((0..PLANNED_MAX + WAITING_MAX + 3).map(|_| never())).await;
        let label = |r: Result<(), Fault>| r.unwrap_err().label();
        let labels: Vec<_> = ended.into_iter().map(label).collect();
        assert_eq!(labels.iter().filter(|l| **l == "L507").count(), 3);
        assert_eq!(labels.iter().filter(|l| **l == "L505").count(), PLANNED_MAX + WAITING_MAX);
        assert_eq!(planning.turn(soon, async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_panic_stays_in_the_plan() {
        let bad = async { if true { panic!("on purpose") } else { Ok(()) } };
        let ended = Planning::new().turn(Duration::from_secs(9), bad).await;
        assert_eq!(ended.unwrap_err().label(), "X901");
    }
}
