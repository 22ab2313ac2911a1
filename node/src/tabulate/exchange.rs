//! Where the partitions of one aggregation hand over units' records to each other.
//!
//! The engine hands on states as bytes: it copies them to sort them by cell, to fill batches, and once more where they
//! are taken in. Of ten million rows that is a gigabyte. So records stay where they are, and a state only says which
//! these are, by a number that is good once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insitu_engine::common::Result;

use super::memory::{Held, Share};
use super::pieces::Part;

/// What was handed over and not yet taken in. One for each aggregation; it goes when the plan goes.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Mutex<Left>>);

struct Left {
    held: Held,
    next: u64,
    lanes: usize,
    parts: HashMap<u64, Part>,
}

/// Records are of single units: nobody's to read.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

// The engine compares aggregates to find equal expressions. Two plans have two exchanges.
impl PartialEq for Exchange {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Exchange {}

impl Hash for Exchange {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Exchange {
    /// Nothing yet. What lies here is held of the share.
    pub(super) fn of(share: &Share) -> Self {
        let (held, parts) = (Held::of(share), HashMap::new());
        Self(Arc::new(Mutex::new(Left { held, next: 0, lanes: 0, parts })))
    }

    /// Hands over; the bytes say which they are.
    pub(super) fn put(&self, parts: Vec<Part>, bytes: &mut Vec<u8>) -> Result<()> {
        let mut left = self.left();
        for part in parts {
            let number = left.next;
            left.next = number.wrapping_add(1);
            left.lanes = left.lanes.saturating_add(part.lanes());
            left.parts.insert(number, part);
            bytes.extend(number.to_le_bytes());
        }
        left.hold()
    }

    /// Takes what these bytes say; `None` if they say nothing that is there.
    pub(super) fn take(&self, bytes: &[u8]) -> Result<Option<Vec<Part>>> {
        let mut left = self.left();
        let taken = left.take(bytes);
        left.hold()?;
        Ok(taken)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    fn take(&mut self, bytes: &[u8]) -> Option<Vec<Part>> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        let mut taken = Vec::with_capacity(numbers.len());
        for number in numbers {
            let part = self.parts.remove(&u64::from_le_bytes(*number))?;
            self.lanes = self.lanes.saturating_sub(part.lanes());
            taken.push(part);
        }
        Some(taken)
    }

    /// Has what lies here held.
    fn hold(&mut self) -> Result<()> {
        self.held.now(self.lanes.saturating_mul(size_of::<u64>()))
    }
}
