//! A guard that forgets when the process ends: for tests, and for data that live no longer.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Guard;
use super::anchor::GuardedCell;
use super::decide::Verdict;
use super::error::GuardError;
use super::judge::judge_table;
use super::record::{Record, RecordKey};
use super::shelves::Shelves;

/// Anchors in memory alone.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
    anchors_max: u64,
}

#[derive(Debug, Default)]
struct Kept {
    records: BTreeMap<RecordKey, Record>,
    shelves: Shelves,
}

impl MemoryStore {
    /// An empty guard that keeps at most `anchors_max` cells.
    #[must_use]
    pub fn new(anchors_max: u64) -> Self {
        Self { kept: Mutex::default(), anchors_max }
    }
}

impl Guard for MemoryStore {
    fn judge(&self, cells: &[GuardedCell]) -> Result<Vec<Verdict>, GuardError> {
        let mut kept = self.kept.lock().map_err(|_| GuardError::Stopped)?;
        let held = u64::try_from(kept.records.len()).unwrap_or(u64::MAX);
        let recall = |key| Ok(kept.records.get(&key).cloned());
        let judged = judge_table(cells, &kept.shelves, held, self.anchors_max, recall)?;
        kept.records.extend(judged.records);
        kept.shelves.absorb(judged.anchors);
        Ok(judged.verdicts)
    }
}
