//! Holds an owner to `unit_unique_per_row = true`.
//!
//! With it, rows are counted for units. Were it wrong, one person with ten rows would pass a
//! threshold of ten people; so it is checked on the data once, before anything is answered.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use insitu_engine::catalog::TableProvider;
use insitu_engine::execution::runtime_env::RuntimeEnv;

use super::budget::Budget;
use super::error::SourceError;

/// Units seen so far, by two independent hashes of 64 bits: 16 bytes whatever an id's length, and
/// with a billion units two of them look alike once in 10^20 tries. If they do, the Dataset isn't
/// served, which is the safe side.
struct Seen {
    hashers: [RandomState; 2],
    hashes: HashSet<[u64; 2]>,
}

impl Seen {
    fn new() -> Self {
        Self { hashers: [RandomState::new(), RandomState::new()], hashes: HashSet::new() }
    }

    /// Whether the unit is new.
    fn add(&mut self, unit: impl Hash) -> bool {
        let [first, second] = &self.hashers;
        self.hashes.insert([first.hash_one(&unit), second.hash_one(&unit)])
    }

    /// Memory in use, roughly: tables of hashes are at least half full.
    fn bytes(&self) -> usize {
        self.hashes.capacity().saturating_mul(2 * size_of::<[u64; 2]>())
    }
}

/// Looks through the unit's column. Rows without a unit don't count.
pub(super) async fn check(
    table: &Arc<dyn TableProvider>,
    unit: &str,
    runtime: &Arc<RuntimeEnv>,
    budget: &Budget,
) -> Result<(), SourceError> {
    let session = SessionContext::new_with_config_rt(SessionConfig::new(), Arc::clone(runtime));
    let units = session.read_table(Arc::clone(table))?.select_columns(&[unit])?;
    let mut batches = units.execute_stream().await?;
    let mut seen = Seen::new();
    while let Some(batch) = batches.try_next().await? {
        for column in batch.columns() {
            if !all_new(column, &mut seen) {
                return Err(SourceError::UnitRepeated { column: unit.to_owned() });
            }
        }
        if !budget.has(seen.bytes()) {
            return Err(SourceError::UnitsTooMany {
                column: unit.to_owned(),
                mib_max: budget.mib_max(),
            });
        }
    }
    Ok(())
}

/// Units are text or whole numbers; the configuration sees to it.
fn all_new(units: &dyn Array, seen: &mut Seen) -> bool {
    if let Some(texts) = units.as_string_opt::<i32>() {
        return texts.iter().flatten().all(|text| seen.add(text));
    }
    units
        .as_primitive_opt::<Int64Type>()
        .is_some_and(|numbers| numbers.iter().flatten().all(|number| seen.add(number)))
}
