//! Who is next, to be planned or to run: turns are dealt among analysts, not among statements.
//!
//! A turn that is free goes to the waiting analyst with the fewest, and of one analyst's statements to the
//! first. The last free turn is kept for somebody who has none: so who asks for one thing at a time doesn't wait
//! for who asks for many.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::analyst::Analyst;

/// Who wants a turn; `None` for nobody in particular, as from a program that asks in the same process.
pub(crate) type Asker = Option<Analyst>;

/// Turns for one kind of work.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Whether there is more than one, so that one can be kept.
    several: bool,
    dealt: Mutex<Dealt>,
}

#[derive(Debug)]
struct Dealt {
    free: usize,
    /// How many each asker has, of those that have any.
    held: HashMap<Asker, usize>,
    /// In the order they came.
    waiting: VecDeque<(Asker, oneshot::Sender<Turn>)>,
}

/// A turn; dropping it gives it to whoever is next.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    by: Asker,
}

impl Turns {
    pub(crate) fn new(number: usize) -> Self {
        let dealt = Dealt { free: number, held: HashMap::new(), waiting: VecDeque::new() };
        Self { several: 1 < number, dealt: Mutex::new(dealt) }
    }

    /// Waits for a turn; who stops waiting isn't dealt one. `None` can't be: the sender waits with the others.
    pub(crate) async fn take(self: Arc<Self>, by: Asker) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        self.lock().waiting.push_back((by, sender));
        self.deal();
        drop(self);
        turn.await.ok()
    }

    /// Deals free turns, as long as somebody waits who may have one.
    fn deal(self: &Arc<Self>) {
        // Turns of those who left in this moment come back after the lock is.
        let mut unwanted = Vec::new();
        let mut dealt = self.lock();
        dealt.waiting.retain(|(_, sender)| !sender.is_closed());
        while let Some((by, sender)) = dealt.next(self.several) {
            dealt.free = dealt.free.saturating_sub(1);
            let held = dealt.held.entry(by.clone()).or_default();
            *held = held.saturating_add(1);
            unwanted.extend(sender.send(Turn { turns: Arc::clone(self), by }).err());
        }
        drop(dealt);
        drop(unwanted);
    }

    fn lock(&self) -> MutexGuard<'_, Dealt> {
        self.dealt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dealt {
    /// Who gets the next turn.
    fn next(&mut self, several: bool) -> Option<(Asker, oneshot::Sender<Turn>)> {
        let held = |by: &Asker| self.held.get(by).copied().unwrap_or(0);
        let waiting = self.waiting.iter().map(|(by, _)| held(by)).enumerate();
        // Of those with as few, the first.
        let (place, fewest) = waiting.min_by_key(|(_, held)| *held)?;
        let is_kept = several && self.free == 1 && 0 < fewest;
        if self.free == 0 || is_kept { None } else { self.waiting.remove(place) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut dealt = self.turns.lock();
        dealt.free = dealt.free.saturating_add(1);
        let left = dealt.held.get_mut(&self.by).map(|held| {
            *held = held.saturating_sub(1);
            *held
        });
        if left == Some(0) {
            dealt.held.remove(&self.by);
        }
        drop(dealt);
        self.turns.deal();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::*;

    fn take(turns: &Arc<Turns>, by: &str) -> BoxFuture<'static, Option<Turn>> {
        Arc::clone(turns).take(Some(Analyst::for_tests(by))).boxed()
    }

    /// The turn, if it is there at once.
    fn now(waiting: &mut BoxFuture<'static, Option<Turn>>) -> Option<Turn> {
        waiting.now_or_never().flatten()
    }

    #[test]
    fn the_last_free_turn_is_for_somebody_who_has_none() {
        let turns = Arc::new(Turns::new(4));
        let mut adas: Vec<_> = (0..6).map(|_| take(&turns, "ada")).collect();
        let mut running: Vec<Turn> = adas.iter_mut().filter_map(now).collect();
        assert_eq!(running.len(), 3);
        let ben = now(&mut take(&turns, "ben")).expect("one was kept");
        let mut cy = take(&turns, "cy");
        assert!(now(&mut cy).is_none(), "all are taken");
        // The next is Cy's, who has none, though Ada's others came first; the one after is Ada's again.
        running.pop();
        let cy = now(&mut cy).expect("dealt to who has fewest");
        assert!(adas.iter_mut().skip(3).all(|waiting| now(waiting).is_none()));
        drop((ben, cy));
        let more: Vec<Turn> = adas.iter_mut().skip(3).filter_map(now).collect();
        assert_eq!(more.len(), 1, "three are Ada's, and one is kept");
    }

    #[test]
    fn the_only_turn_is_anybodys() {
        let turns = Arc::new(Turns::new(1));
        let first = now(&mut take(&turns, "ada")).unwrap();
        let (mut second, mut third) = (take(&turns, "ada"), take(&turns, "ada"));
        assert!(now(&mut second).is_none() && now(&mut third).is_none());
        drop(first);
        assert!(now(&mut third).is_none(), "in the order they came");
        assert!(now(&mut second).is_some());
    }

    #[test]
    fn who_stops_waiting_takes_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let first = now(&mut take(&turns, "ada")).unwrap();
        let (mut second, mut third) = (take(&turns, "ada"), take(&turns, "ben"));
        assert!(now(&mut second).is_none() && now(&mut third).is_none());
        drop(second);
        drop(first);
        assert!(now(&mut third).is_some());
        // One that was dealt and never looked at comes back, too.
        let mut fourth = take(&turns, "ada");
        assert!(now(&mut fourth).is_some());
        assert_eq!(turns.lock().free, 1);
        assert!(turns.lock().held.is_empty() && turns.lock().waiting.is_empty());
    }
}
