//! What clients hold at the gateway: tickets, prepared statements, sessions. Each is one analyst's,
//! known by a name that can't be guessed, bounded in number, in weight and in time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use prost::bytes::Bytes;
use rand::TryRngCore as _;
use rand::rngs::OsRng;

use crate::analyst::Analyst;
use crate::status::Fault;

/// 128 random bits: all that a ticket or a prepared statement's handle says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle([u8; 16]);

impl Handle {
    /// A new one, from the operating system's randomness.
    pub(crate) fn random() -> Result<Self, Fault> {
        let mut bits = [0; 16];
        OsRng.try_fill_bytes(&mut bits).map_err(|_| Fault::internal())?;
        Ok(Self(bits))
    }

    /// As a client sends it back.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        bytes.try_into().map(Self).map_err(|_| unknown_handle().into())
    }

    /// As a client gets it.
    pub(crate) fn bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(not shown)")
    }
}

/// What happens when an analyst holds as many as allowed and asks for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// The one that would expire first goes: the client never hears of it unless it comes back. Where all analysts
    /// together hold as many as allowed, one of whoever holds the most.
    Replace,
    /// L507: the client has to close one.
    Refuse,
}

/// How long a thing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// From its making; [`Holdings::renew`] begins it anew.
    SinceMade(Duration),
    /// From its last use.
    SinceUsed(Duration),
}

/// How many, how heavy and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub(crate) per_analyst_max: usize,
    pub(crate) total_max: usize,
    /// In bytes of memory, about. A thing that is heavier is held where it is the only one.
    pub(crate) weight_per_analyst_max: usize,
    pub(crate) weight_total_max: usize,
    pub(crate) life: Life,
    pub(crate) when_full: WhenFull,
}

#[derive(Debug)]
struct Held<T> {
    analyst: Analyst,
    expires: Instant,
    weight: usize,
    thing: T,
}

/// Things of one kind, each one analyst's. Time is passed in.
#[derive(Debug)]
pub(crate) struct Holdings<K, T> {
    rules: Holding,
    held: Mutex<HashMap<K, Held<T>>>,
}

impl<K: Clone + Eq + Hash, T: Clone> Holdings<K, T> {
    pub(crate) fn new(rules: Holding) -> Self {
        Self { rules, held: Mutex::new(HashMap::new()) }
    }

    /// Holds a thing for an analyst, in place of what was held under the key.
    ///
    /// # Errors
    /// L507 when no more may be held.
    pub(crate) fn hold(
        &self,
        key: K,
        by: &Analyst,
        thing: T,
        weight: usize,
        now: Instant,
    ) -> Result<(), Fault> {
        let mut held = self.lock();
        held.remove(&key);
        held.retain(|_, h| now < h.expires);
        while let Some(whose) = self.crowding(&held, by, weight) {
            match self.rules.when_full {
                WhenFull::Refuse => return Err(too_many().into()),
                WhenFull::Replace => {
                    let theirs = held.iter().filter(|(_, h)| h.analyst == whose);
                    let first = theirs.min_by_key(|(_, h)| h.expires).map(|(k, _)| k.clone());
                    if first.and_then(|k| held.remove(&k)).is_none() {
                        break;
                    }
                }
            }
        }
        held.insert(key, Held { analyst: by.clone(), expires: self.expiry(now), weight, thing });
        Ok(())
    }

    /// Says that a thing is heavier or lighter now.
    ///
    /// # Errors
    /// A302 as for [`Self::get`]; L507 where there is no place for what it is heavier by.
    pub(crate) fn reweigh(
        &self,
        key: &K,
        by: &Analyst,
        weight: usize,
        now: Instant,
    ) -> Result<(), Fault> {
        let mut held = self.lock();
        let found = held.get_mut(key).filter(|h| h.analyst == *by && now < h.expires);
        let before = found.map(|h| std::mem::replace(&mut h.weight, weight));
        let before = before.ok_or_else(unknown_handle)?;
        let theirs = Load::of(held.values().filter(|h| h.analyst == *by));
        let is_too_heavy = theirs.is_too_heavy(self.rules.weight_per_analyst_max)
            || Load::of(held.values()).is_too_heavy(self.rules.weight_total_max);
        if before < weight && is_too_heavy {
            if let Some(found) = held.get_mut(key) {
                found.weight = before;
            }
            return Err(too_many().into());
        }
        Ok(())
    }

    /// Lets go what expired; it goes by itself only when something else is held.
    pub(crate) fn sweep(&self, now: Instant) {
        let expired: Vec<_> = self.lock().extract_if(|_, h| h.expires <= now).collect();
        // Plans take their time to let go, and nobody waits for it.
        drop(expired);
    }

    /// The thing under the key, if it is this analyst's. Another's, an expired one and one that never
    /// was look alike: `None`.
    pub(crate) fn get(&self, key: &K, by: &Analyst, now: Instant) -> Option<T> {
        let mut held = self.lock();
        let found = held.get_mut(key).filter(|h| h.analyst == *by && now < h.expires)?;
        if let Life::SinceUsed(_) = self.rules.life {
            found.expires = self.expiry(now);
        }
        Some(found.thing.clone())
    }

    /// Begins the thing's life anew; `None` as for [`Self::get`].
    pub(crate) fn renew(&self, key: &K, by: &Analyst, now: Instant) -> Option<()> {
        let mut held = self.lock();
        let found = held.get_mut(key).filter(|h| h.analyst == *by && now < h.expires)?;
        found.expires = self.expiry(now);
        Some(())
    }

    /// Changes the thing; `None` as for [`Self::get`].
    pub(crate) fn change(
        &self,
        key: &K,
        by: &Analyst,
        now: Instant,
        change: impl FnOnce(&mut T),
    ) -> Option<()> {
        let mut held = self.lock();
        let found = held.get_mut(key).filter(|h| h.analyst == *by && now < h.expires)?;
        change(&mut found.thing);
        Some(())
    }

    /// Lets the thing go; `None` as for [`Self::get`].
    pub(crate) fn release(&self, key: &K, by: &Analyst, now: Instant) -> Option<T> {
        let mut held = self.lock();
        held.get(key).filter(|h| h.analyst == *by && now < h.expires)?;
        held.remove(key).map(|h| h.thing)
    }

    /// Whose things leave no place for one more, if any do.
    fn crowding(&self, held: &HashMap<K, Held<T>>, by: &Analyst, weight: usize) -> Option<Analyst> {
        let Holding { per_analyst_max, total_max, .. } = self.rules;
        let Holding { weight_per_analyst_max, weight_total_max, .. } = self.rules;
        let theirs = Load::of(held.values().filter(|h| h.analyst == *by));
        if theirs.is_full(per_analyst_max, weight_per_analyst_max, weight) {
            return Some(by.clone());
        }
        let all = Load::of(held.values());
        // Of whoever holds the most, so that nobody crowds out others.
        all.is_full(total_max, weight_total_max, weight)
            .then(|| loaded_most(held, total_max <= all.things))
            .flatten()
    }

    fn expiry(&self, now: Instant) -> Instant {
        let (Life::SinceMade(life) | Life::SinceUsed(life)) = self.rules.life;
        now.checked_add(life).unwrap_or(now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Held<T>>> {
        // No code that may panic runs while the lock is held by an insertion or a removal.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much some things are together.
#[derive(Debug, Default, Clone, Copy)]
struct Load {
    things: usize,
    weight: usize,
}

impl Load {
    fn of<'a, T: 'a>(held: impl Iterator<Item = &'a Held<T>>) -> Self {
        held.fold(Self::default(), Self::with)
    }

    fn with<T>(self, held: &Held<T>) -> Self {
        Self {
            things: self.things.saturating_add(1),
            weight: self.weight.saturating_add(held.weight),
        }
    }

    /// Whether one more has no place beside these.
    fn is_full(self, things_max: usize, weight_max: usize, one_more: usize) -> bool {
        let together = Self {
            things: self.things.saturating_add(1),
            weight: self.weight.saturating_add(one_more),
        };
        things_max < together.things || together.is_too_heavy(weight_max)
    }

    /// One thing alone never is.
    const fn is_too_heavy(self, weight_max: usize) -> bool {
        1 < self.things && weight_max < self.weight
    }
}

/// The analyst with the most things, or with the heaviest.
fn loaded_most<K, T>(held: &HashMap<K, Held<T>>, by_number: bool) -> Option<Analyst> {
    let mut each: HashMap<&str, (Load, &Analyst)> = HashMap::new();
    for one in held.values() {
        let (load, _) = each.entry(one.analyst.name()).or_insert((Load::default(), &one.analyst));
        *load = load.with(one);
    }
    let size = |load: Load| if by_number { load.things } else { load.weight };
    each.into_values().max_by_key(|(load, _)| size(*load)).map(|(_, analyst)| analyst.clone())
}

/// One text for a handle that expired, was closed or altered, or is somebody else's.
pub(crate) fn unknown_handle() -> Refusals {
    Refusal::new(
        RefusalCode::A302,
        "this ticket or prepared statement isn't known, or no longer.",
        "Run the statement again.",
    )
    .into()
}

fn too_many() -> Refusal {
    Refusal::new(
        RefusalCode::L507,
        "too many statements are open.",
        "Close those you no longer need, or try again in a moment.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(10);

    fn holdings(life: Life, when_full: WhenFull) -> Holdings<u32, &'static str> {
        let (weight_per_analyst_max, weight_total_max) = (20, 30);
        Holdings::new(Holding {
            per_analyst_max: 2,
            total_max: 3,
            weight_per_analyst_max,
            weight_total_max,
            life,
            when_full,
        })
    }

    fn people() -> (Analyst, Analyst, Analyst) {
        (Analyst::for_tests("ada"), Analyst::for_tests("ben"), Analyst::for_tests("cyd"))
    }

    fn code(fault: Fault) -> &'static str {
        fault.label()
    }

    #[test]
    fn a_thing_is_its_analysts_alone() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 1, now).unwrap();
        assert_eq!(held.get(&1, &ada, now), Some("a"));
        assert_eq!(held.get(&1, &ben, now), None);
        assert_eq!(held.change(&1, &ben, now, |t| *t = "b"), None);
        assert_eq!(held.renew(&1, &ben, now), None);
        assert_eq!(held.release(&1, &ben, now), None);
        assert_eq!(held.release(&1, &ada, now), Some("a"));
        assert_eq!(held.get(&1, &ada, now), None);
    }

    #[test]
    fn a_thing_expires_by_its_making_or_by_its_last_use() {
        let (ada, ..) = people();
        let now = Instant::now();
        for (life, alive_after) in [(Life::SinceMade(LIFE), false), (Life::SinceUsed(LIFE), true)] {
            let held = holdings(life, WhenFull::Refuse);
            held.hold(1, &ada, "a", 1, now).unwrap();
            assert_eq!(held.get(&1, &ada, now + LIFE / 2), Some("a"));
            assert_eq!(held.get(&1, &ada, now + LIFE).is_some(), alive_after, "{life:?}");
            assert_eq!(held.get(&1, &ada, now + LIFE * 3), None);
        }
    }

    #[test]
    fn renewing_begins_a_life_anew() {
        let (ada, ..) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 1, now).unwrap();
        held.renew(&1, &ada, now + LIFE / 2).unwrap();
        assert_eq!(held.get(&1, &ada, now + LIFE), Some("a"));
    }

    #[test]
    fn an_analyst_holds_so_many_and_no_more() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 1, now).unwrap();
        held.hold(2, &ada, "b", 1, now).unwrap();
        assert_eq!(code(held.hold(3, &ada, "c", 1, now).unwrap_err()), "L507");
        held.hold(3, &ben, "c", 1, now).unwrap();
        // What expired counts no longer.
        held.hold(4, &ada, "d", 1, now + LIFE).unwrap();
    }

    #[test]
    fn where_all_is_full_whoever_holds_the_most_makes_room() {
        let (ada, ben, cyd) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Replace);
        held.hold(1, &ben, "other", 1, now).unwrap();
        held.hold(2, &ada, "a", 1, now + LIFE / 4).unwrap();
        held.hold(3, &ada, "b", 1, now + LIFE / 2).unwrap();
        held.hold(4, &cyd, "new", 1, now + LIFE / 2).unwrap();
        assert_eq!(held.get(&2, &ada, now), None, "the first of hers");
        assert_eq!(held.get(&3, &ada, now), Some("b"));
        assert_eq!(held.get(&1, &ben, now), Some("other"), "older, and his only one");
        assert_eq!(held.get(&4, &cyd, now), Some("new"));
    }

    #[test]
    fn or_the_oldest_makes_room() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Replace);
        held.hold(1, &ben, "other", 1, now).unwrap();
        held.hold(2, &ada, "a", 1, now).unwrap();
        held.hold(3, &ada, "b", 1, now + LIFE / 4).unwrap();
        held.hold(4, &ada, "c", 1, now + LIFE / 2).unwrap();
        let later = now + LIFE / 2;
        assert_eq!(held.get(&2, &ada, later), None);
        assert_eq!(held.get(&3, &ada, later), Some("b"));
        assert_eq!(held.get(&4, &ada, later), Some("c"));
        assert_eq!(held.get(&1, &ben, later), Some("other"));
    }

    #[test]
    fn all_together_hold_so_many_and_no_more() {
        let (ada, ben, cyd) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 1, now).unwrap();
        held.hold(2, &ben, "b", 1, now).unwrap();
        held.hold(3, &ben, "c", 1, now).unwrap();
        assert_eq!(code(held.hold(4, &cyd, "d", 1, now).unwrap_err()), "L507");
    }

    #[test]
    fn an_analysts_oldest_make_room_for_what_is_heavy() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Replace);
        held.hold(1, &ada, "a", 10, now).unwrap();
        held.hold(2, &ada, "b", 10, now + LIFE / 4).unwrap();
        held.hold(3, &ben, "other", 5, now).unwrap();
        held.hold(4, &ada, "c", 20, now + LIFE / 2).unwrap();
        assert_eq!([1, 2].map(|key| held.get(&key, &ada, now)), [None, None]);
        assert_eq!(held.get(&4, &ada, now), Some("c"));
        assert_eq!(held.get(&3, &ben, now), Some("other"));
        // Alone it may be heavier.
        held.hold(5, &ada, "d", 25, now + LIFE / 2).unwrap();
        assert_eq!(held.get(&5, &ada, now), Some("d"));
    }

    #[test]
    fn or_nothing_heavy_is_taken() {
        let (ada, ..) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 15, now).unwrap();
        assert_eq!(code(held.hold(2, &ada, "b", 6, now).unwrap_err()), "L507");
        held.hold(2, &ada, "b", 5, now).unwrap();
    }

    #[test]
    fn where_all_are_too_heavy_whoever_holds_the_heaviest_makes_room() {
        let (ada, ben, cyd) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Replace);
        held.hold(1, &ada, "a", 20, now + LIFE / 2).unwrap();
        held.hold(2, &ben, "other", 5, now).unwrap();
        held.hold(3, &cyd, "new", 10, now + LIFE / 2).unwrap();
        assert_eq!(held.get(&1, &ada, now), None);
        assert_eq!(held.get(&2, &ben, now), Some("other"));
        assert_eq!(held.get(&3, &cyd, now), Some("new"));
    }

    #[test]
    fn what_is_held_may_become_heavier_where_there_is_a_place() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 10, now).unwrap();
        held.hold(2, &ada, "b", 5, now).unwrap();
        held.reweigh(&2, &ada, 10, now).unwrap();
        assert_eq!(code(held.reweigh(&2, &ada, 11, now).unwrap_err()), "L507");
        held.reweigh(&1, &ada, 5, now).unwrap();
        held.reweigh(&2, &ada, 15, now).unwrap();
        assert_eq!(code(held.reweigh(&1, &ben, 1, now).unwrap_err()), "A302");
        assert_eq!(code(held.reweigh(&1, &ada, 1, now + LIFE).unwrap_err()), "A302");
    }

    #[test]
    fn what_expired_is_let_go() {
        let (ada, ..) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", 1, now).unwrap();
        held.hold(2, &ada, "b", 1, now + LIFE / 2).unwrap();
        held.sweep(now + LIFE);
        assert_eq!(held.lock().keys().collect::<Vec<_>>(), [&2]);
    }

    #[test]
    fn handles_differ_come_back_as_they_went_and_are_not_shown() {
        let (one, other) = (Handle::random().unwrap(), Handle::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(Handle::read(&one.bytes()).unwrap(), one);
        assert_eq!(code(Handle::read(&one.bytes()[1..]).unwrap_err()), "A302");
        assert_eq!(format!("{one:?}"), "Handle(not shown)");
    }
}
