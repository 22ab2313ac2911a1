//! Planning: short work that reads nothing, so many who wait for it, until a deadline.
//!
//! How many plan at a time is up to the planning threads (`plan`): a thread that nobody waits for any
//! more works on. Here it is decided who may queue for one: no analyst can take all places.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use insitu_disclosure::Refusals;
use tokio::time::timeout;

use super::running::{busy, out_of_time, unpanicked};
use crate::analyst::Analyst;
use crate::status::Fault;

/// The most statements of one analyst that are planned or wait for it: a plan takes milliseconds.
const PLACES: usize = 128;
/// The most of all analysts.
const PLACES_OF_ALL: usize = 4 * PLACES;

/// The places of those who wait for a plan.
#[derive(Debug, Default)]
pub(crate) struct Planning {
    /// How many each analyst has, of those that have any.
    taken: Mutex<HashMap<Analyst, usize>>,
}

/// A place; it is free when this is dropped.
struct Place<'a> {
    planning: &'a Planning,
    by: &'a Analyst,
}

impl Planning {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn place<'a>(&'a self, by: &'a Analyst) -> Option<Place<'a>> {
        let mut taken = self.lock();
        let of_all: usize = taken.values().sum();
        let own = taken.get(by).copied().unwrap_or(0);
        if PLACES <= own || PLACES_OF_ALL <= of_all {
            return None;
        }
        taken.insert(by.clone(), own.saturating_add(1));
        drop(taken);
        Some(Place { planning: self, by })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Analyst, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does an analyst's work if there is a place. A panic stays in it.
    ///
    /// # Errors
    /// What the work returns; L507 if too many wait; L505 if all takes longer than `time_max`.
    pub(crate) async fn plan<T>(
        &self,
        by: &Analyst,
        time_max: Duration,
        work: impl Future<Output = Result<T, Refusals>>,
    ) -> Result<T, Fault> {
        let _place = self.place(by).ok_or_else(busy)?;
        timeout(time_max, unpanicked(work)).await.map_err(|_| out_of_time())?
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.planning.lock();
        let left = taken.get(self.by).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            taken.remove(self.by);
        } else {
            taken.insert(self.by.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn one_analysts_plans_beyond_the_places_are_shed_and_nobody_elses() {
        let planning = Planning::new();
        let [ada, ben] = ["ada", "ben"].map(Analyst::for_tests);
        let soon = Duration::from_millis(30);
        let never = || planning.plan(&ada, soon, pending::<Result<(), Refusals>>());
        let many = join_all((0..PLACES + 3).map(|_| never()));
        let bens = planning.plan(&ben, soon, async { Ok(1) });
        let (ended, bens) = tokio::join!(many, bens);
        assert_eq!(bens, Ok(1));
        let label = |r: Result<(), Fault>| r.unwrap_err().label();
        let labels: Vec<_> = ended.into_iter().map(label).collect();
        assert_eq!(labels.iter().filter(|l| **l == "L507").count(), 3);
        assert_eq!(labels.iter().filter(|l| **l == "L505").count(), PLACES);
        // Places come back.
        assert_eq!(planning.plan(&ada, soon, async { Ok(1) }).await, Ok(1));
        assert!(planning.lock().is_empty());
    }

    #[tokio::test]
    async fn all_analysts_together_have_so_many_places() {
        let planning = Planning::new();
        let soon = Duration::from_millis(30);
        let analysts: Vec<Analyst> =
            (0..6).map(|n| Analyst::for_tests(&format!("analyst {n}"))).collect();
        let never = |by| planning.plan(by, soon, pending::<Result<(), Refusals>>());
        let all = analysts.iter().flat_map(|by| (0..PLACES).map(move |_| by)).map(never);
        let ended = join_all(all).await;
        let shed = ended.into_iter().filter(|r| r.clone().unwrap_err().label() == "L507");
        assert_eq!(shed.count(), 6 * PLACES - PLACES_OF_ALL);
    }

    #[tokio::test]
    async fn a_panic_stays_in_the_plan() {
        let bad = async { if true { panic!("on purpose") } else { Ok(()) } };
        let ada = Analyst::for_tests("ada");
        let ended = Planning::new().plan(&ada, Duration::from_secs(9), bad).await;
        assert_eq!(ended.unwrap_err().label(), "X901");
    }
}
