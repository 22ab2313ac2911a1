//! A node's memory, and what a question takes of it.
//!
//! What operators really hold grows in steps: tables and lists double. At such a step, which everybody can work out, one group
//! more takes as much again, and whoever is refused for it alone has been found. So for protected data memory isn't
//! counted by what is reserved, but by what is in it: groups, texts, rows, each for as much as it takes at most. That
//! moves by little with one person. And where it ends is drawn for each question
//! ([`insitu_disclosure::rules::memory`]).
//!
//! What questions take of the node's memory together, they take in steps as well, each twice the one before, and the last is
//! what is drawn. So it is drawn, too, whether there is room for one question beside others.
//!
//! | the node has | drawn | held | taken |
//! |---|---|---|---|
//! | 512 | 400 | 3 | 6.25 |
//! | 512 | 400 | 90 | 100 |
//! | 512 | 400 | 399 | 400 |
//! | 512 | 400 | 401 | refused (`L506`) |
//!
//! Open data takes what the engine reserves: there is nobody in it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insitu_engine::common::{DataFusionError, Result};
use insitu_engine::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// The memory of a node, for all its questions together.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes: usize,
    taken: AtomicUsize,
}

impl Memory {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, taken: AtomicUsize::new(0) })
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes as much, if it is there.
    fn take(&self, bytes: usize) -> Result<()> {
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(bytes).filter(|taken| *taken <= self.bytes)
        });
        taken.map(|_| ()).map_err(|_| too_little())
    }

    /// Takes as much in any case.
    fn take_anyway(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        let less = |taken: usize| Some(taken.saturating_sub(bytes));
        // It always gives a number.
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// The first step is what is drawn, halved so many times.
const HALVED: u32 = 6;

/// So many people's groups fit into what a question is sure to get. One whose groups don't is refused by its text alone: with
/// fewer, one person's would be much of it.
const PEOPLE: usize = 64;

/// What a question about protected data takes of the memory. It is given back with the last of its operators.
#[derive(Clone)]
pub(crate) struct Share(Arc<Taken>);

struct Taken {
    memory: Arc<Memory>,
    /// The most.
    drawn: usize,
    /// In how many tables at a time a group is.
    tables: usize,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    held: usize,
    taken: usize,
}

impl Share {
    /// For a question for which this is drawn as the most, and whose groups are in so many tables at a time.
    pub(super) fn new(memory: &Arc<Memory>, drawn: usize, tables: usize) -> Self {
        let (memory, now) = (Arc::clone(memory), Mutex::default());
        Self(Arc::new(Taken { memory, drawn, tables, now }))
    }

    /// In how many tables at a time a group is.
    pub(super) fn tables(&self) -> usize {
        self.0.tables
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.now().held
    }

    /// Whether there would be room for many people's groups, of which each person's take so much. That depends on the
    /// question alone.
    pub(super) fn has_room_for_many(&self, bytes_of_one: usize) -> Result<()> {
        let sure = self.0.memory.bytes / 2;
        if bytes_of_one.saturating_mul(PEOPLE) <= sure { Ok(()) } else { Err(too_little()) }
    }

    /// More is held.
    pub(super) fn hold(&self, bytes: usize) -> Result<()> {
        let Taken { memory, drawn, .. } = &*self.0;
        let mut now = self.now();
        let held = now.held.saturating_add(bytes);
        if now.taken < held || now.taken == 0 {
            let steps = (0..=HALVED).rev().map(|halved| drawn >> halved);
            let step = steps.into_iter().find(|step| held <= *step).ok_or_else(too_little)?;
            memory.take(step.saturating_sub(now.taken))?;
            now.taken = step.max(now.taken);
        }
        now.held = held;
        Ok(())
    }

    /// Less is held. What was taken stays with the question: a limit that came and went would be met by chance.
    pub(super) fn let_go(&self, bytes: usize) {
        let mut now = self.now();
        now.held = now.held.saturating_sub(bytes);
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let now = self.now.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.memory.give_back(now.taken);
    }
}

/// How much is held is nobody's to read.
impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").finish_non_exhaustive()
    }
}

// The engine compares aggregates to find equal expressions. Two questions have two shares.
impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Share {}

impl Hash for Share {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// What one operator holds of a share, until it goes.
#[derive(Debug)]
pub(super) struct Held {
    share: Share,
    bytes: usize,
}

impl Held {
    /// Nothing yet.
    pub(super) fn of(share: &Share) -> Self {
        Self { share: share.clone(), bytes: 0 }
    }

    /// It holds so much now.
    pub(super) fn now(&mut self, bytes: usize) -> Result<()> {
        if self.bytes < bytes {
            self.share.hold(bytes.saturating_sub(self.bytes))?;
        } else {
            self.share.let_go(self.bytes.saturating_sub(bytes));
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.share.let_go(self.bytes);
    }
}

fn too_little() -> DataFusionError {
    DataFusionError::ResourcesExhausted("the question has no more memory".to_owned())
}

/// The engine's pool for open data: what is reserved is taken of the node's memory.
#[derive(Debug)]
pub(super) struct OpenPool {
    pool: FairSpillPool,
    memory: Arc<Memory>,
}

impl OpenPool {
    pub(super) fn new(memory: &Arc<Memory>) -> Self {
        Self { pool: FairSpillPool::new(memory.bytes), memory: Arc::clone(memory) }
    }
}

impl fmt::Display for OpenPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pool)
    }
}

impl MemoryPool for OpenPool {
    fn name(&self) -> &str {
        "open"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.memory.take_anyway(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.memory.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.pool.try_grow(reservation, additional)?;
        let taken = self.memory.take(additional);
        if taken.is_err() {
            self.pool.shrink(reservation, additional);
        }
        taken
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(memory: &Memory) -> usize {
        memory.taken.load(Ordering::Relaxed)
    }

    #[test]
    fn a_share_takes_steps_of_what_is_drawn_and_gives_them_back() {
        let memory = Memory::new(512);
        let share = Share::new(&memory, 400, 1);
        for (held, expected) in [(3, 6), (6, 6), (7, 12), (90, 100), (101, 200), (399, 400)] {
            let mut of_one = Held::of(&share);
            of_one.now(held).unwrap();
            assert_eq!(taken(&memory), expected, "{held}");
        }
        let mut too_much = Held::of(&share);
        assert!(too_much.now(401).is_err());
        // What failed isn't held, and what was taken stays while anybody has the share.
        too_much.now(400).unwrap();
        drop(share);
        assert_eq!(taken(&memory), 400);
        drop(too_much);
        assert_eq!(taken(&memory), 0);
    }

    #[test]
    fn questions_at_the_same_time_have_the_memory_together() {
        let memory = Memory::new(512);
        let [first, second] = [400, 256].map(|drawn| Share::new(&memory, drawn, 1));
        first.hold(200).unwrap();
        second.hold(200).unwrap();
        assert!(first.hold(1).is_err());
        drop(second);
        first.hold(1).unwrap();
        assert!(Share::new(&memory, 512, 1).hold(512).is_err());
    }

    /// Whoever adds a group is refused for it only if the draw falls on it.
    #[test]
    fn one_more_group_hardly_ever_matters() {
        let memory = Memory::new(1 << 20);
        let fits = |drawn: usize, groups: usize| {
            Share::new(&memory, drawn, 1).hold(groups.saturating_mul(512)).is_ok()
        };
        for groups in [1_023, 1_024, 1_025, 1_500, 2_047] {
            let apart = (0..1 << 10)
                .map(|draw| (1 << 19) + (draw << 9))
                .filter(|drawn| fits(*drawn, groups) != fits(*drawn, groups + 1));
            assert!(apart.count() <= 1, "{groups}");
        }
    }

    #[test]
    fn a_question_of_which_one_persons_groups_would_be_much_is_refused_by_its_text() {
        let memory = Memory::new(512 * PEOPLE);
        // Whatever is drawn.
        for drawn in [256 * PEOPLE, 512 * PEOPLE] {
            let share = Share::new(&memory, drawn, 1);
            assert!(share.has_room_for_many(256).is_ok() && share.has_room_for_many(257).is_err());
        }
    }
}
