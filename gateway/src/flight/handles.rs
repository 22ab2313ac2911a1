//! What clients hold at the gateway: tickets, prepared statements, sessions. Each is one analyst's,
//! known by a name that can't be guessed, bounded in number and in time.

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

/// How many and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub(crate) per_analyst_max: usize,
    pub(crate) total_max: usize,
    pub(crate) life: Life,
    pub(crate) when_full: WhenFull,
}

#[derive(Debug)]
struct Held<T> {
    analyst: Analyst,
    expires: Instant,
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
    pub(crate) fn hold(&self, key: K, by: &Analyst, thing: T, now: Instant) -> Result<(), Fault> {
        let mut held = self.lock();
        held.remove(&key);
        held.retain(|_, h| now < h.expires);
        let theirs = held.iter().filter(|(_, h)| h.analyst == *by);
        if self.rules.per_analyst_max <= theirs.clone().count() {
            match self.rules.when_full {
                WhenFull::Refuse => return Err(too_many().into()),
                WhenFull::Replace => {
                    let first = theirs.min_by_key(|(_, h)| h.expires).map(|(k, _)| k.clone());
                    first.map(|k| held.remove(&k));
                }
            }
        }
        if self.rules.total_max <= held.len() {
            match self.rules.when_full {
                WhenFull::Refuse => return Err(too_many().into()),
                // Of whoever holds the most, so that nobody crowds out others.
                WhenFull::Replace => {
                    let most = holds_most(&held);
                    let theirs = held.iter().filter(|(_, h)| Some(&h.analyst) == most.as_ref());
                    let first = theirs.min_by_key(|(_, h)| h.expires).map(|(k, _)| k.clone());
                    first.map(|k| held.remove(&k));
                }
            }
        }
        held.insert(key, Held { analyst: by.clone(), expires: self.expiry(now), thing });
        Ok(())
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

    fn expiry(&self, now: Instant) -> Instant {
        let (Life::SinceMade(life) | Life::SinceUsed(life)) = self.rules.life;
        now.checked_add(life).unwrap_or(now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Held<T>>> {
        // No code that may panic runs while the lock is held by an insertion or a removal.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The analyst with the most things.
fn holds_most<K, T>(held: &HashMap<K, Held<T>>) -> Option<Analyst> {
    let mut each: HashMap<&str, (usize, &Analyst)> = HashMap::new();
    for Held { analyst, .. } in held.values() {
        let (things, _) = each.entry(analyst.name()).or_insert((0, analyst));
        *things = things.saturating_add(1);
    }
    each.into_values().max_by_key(|(things, _)| *things).map(|(_, analyst)| analyst.clone())
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
        Holdings::new(Holding { per_analyst_max: 2, total_max: 3, life, when_full })
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
        held.hold(1, &ada, "a", now).unwrap();
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
            held.hold(1, &ada, "a", now).unwrap();
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
        held.hold(1, &ada, "a", now).unwrap();
        held.renew(&1, &ada, now + LIFE / 2).unwrap();
        assert_eq!(held.get(&1, &ada, now + LIFE), Some("a"));
    }

    #[test]
    fn an_analyst_holds_so_many_and_no_more() {
        let (ada, ben, _) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Refuse);
        held.hold(1, &ada, "a", now).unwrap();
        held.hold(2, &ada, "b", now).unwrap();
        assert_eq!(code(held.hold(3, &ada, "c", now).unwrap_err()), "L507");
        held.hold(3, &ben, "c", now).unwrap();
        // What expired counts no longer.
        held.hold(4, &ada, "d", now + LIFE).unwrap();
    }

    #[test]
    fn where_all_is_full_whoever_holds_the_most_makes_room() {
        let (ada, ben, cyd) = people();
        let now = Instant::now();
        let held = holdings(Life::SinceMade(LIFE), WhenFull::Replace);
        held.hold(1, &ben, "other", now).unwrap();
        held.hold(2, &ada, "a", now + LIFE / 4).unwrap();
        held.hold(3, &ada, "b", now + LIFE / 2).unwrap();
        held.hold(4, &cyd, "new", now + LIFE / 2).unwrap();
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
        held.hold(1, &ben, "other", now).unwrap();
        held.hold(2, &ada, "a", now).unwrap();
        held.hold(3, &ada, "b", now + LIFE / 4).unwrap();
        held.hold(4, &ada, "c", now + LIFE / 2).unwrap();
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
        held.hold(1, &ada, "a", now).unwrap();
        held.hold(2, &ben, "b", now).unwrap();
        held.hold(3, &ben, "c", now).unwrap();
        assert_eq!(code(held.hold(4, &cyd, "d", now).unwrap_err()), "L507");
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
