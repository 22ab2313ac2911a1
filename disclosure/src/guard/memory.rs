//! A guard that forgets when the process ends: for tests, and for data that live no longer.

use std::collections::HashMap;
use std::sync::Mutex;

use super::anchor::{GuardedCell, Released};
use super::decide::Verdict;
use super::error::GuardError;
use super::judge::judge_table;
use super::record::RecordKey;
use super::shelves::Shelves;
use super::{Guard, Making};

/// Anchors in memory alone.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
    anchors_max: u64,
}

#[derive(Debug, Default)]
struct Kept {
    released: HashMap<RecordKey, Released>,
    shelves: Shelves,
    /// Set when anything else than being full was wrong.
    stopped: bool,
}

impl MemoryStore {
    /// An empty guard that keeps at most `anchors_max` cells.
    #[must_use]
    pub fn new(anchors_max: u64) -> Self {
        Self { kept: Mutex::default(), anchors_max }
    }
}

impl Guard for MemoryStore {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        let mut kept = self.kept.lock().map_err(|_| GuardError::Stopped)?;
        made(&mut |cells| kept.judge(cells, self.anchors_max))
    }
}

impl Kept {
    fn judge(
        &mut self,
        cells: &[GuardedCell<'_>],
        anchors_max: u64,
    ) -> Result<Vec<Verdict>, GuardError> {
        let Self { released, shelves, stopped } = self;
        if *stopped {
            return Err(GuardError::Stopped);
        }
        let held = u64::try_from(released.len()).unwrap_or(u64::MAX);
        let recall = |key| Ok(released.get(&key).cloned());
        let judged = judge_table(cells, shelves, held, anchors_max, recall);
        *stopped = !matches!(judged, Ok(_) | Err(GuardError::Full { .. }));
        let judged = judged?;
        let new = judged.new.into_iter();
        released.extend(new.filter_map(|record| Some((record.key(cells)?, record.released))));
        Ok(judged.verdicts)
    }
}
