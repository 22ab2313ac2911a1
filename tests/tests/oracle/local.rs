//! The engine that makes a file's tables, as its set-up statements say.

use std::collections::BTreeSet;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use datafusion::prelude::{SessionConfig, SessionContext};

/// Rows of a table that is published. Larger ones are there to fill memory.
const ROWS_MAX: usize = 20_000;

/// The engine, with what was set up so far.
pub(super) struct Local {
    engine: SessionContext,
    /// The folder of data files.
    data: std::path::PathBuf,
}

impl Local {
    /// An engine with the runner's options; files are looked for in this folder.
    pub(super) fn new(data: &Path) -> Self {
        let config = SessionConfig::new().with_target_partitions(4);
        Self { engine: SessionContext::new_with_config(config), data: data.to_owned() }
    }

    /// Carries a statement out; `false` if it can't be, here.
    pub(super) async fn set_up(&self, sql: &str) -> bool {
        let Some(sql) = self.with_files(sql) else { return false };
        match self.engine.sql(&sql).await {
            Ok(frame) => frame.collect().await.is_ok(),
            Err(_) => false,
        }
    }

    /// The statement with the place of its file; `None` for one that we don't have, and for statements that write.
    fn with_files(&self, sql: &str) -> Option<String> {
        let upper = sql.to_uppercase();
        if upper.trim_start().starts_with("COPY") {
            return None;
        }
        let Some(at) = upper.find("LOCATION") else { return Some(sql.to_owned()) };
        let (before, after) = sql.split_at(at);
        let mut parts = after.splitn(3, '\'');
        let (word, path, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let file = self.data.join(path.rsplit('/').next()?);
        file.is_file().then(|| format!("{before}{word}'{}'{rest}", file.display()))
    }

    /// Names of the tables and views there are.
    pub(super) fn tables(&self) -> BTreeSet<String> {
        let schema = self.engine.catalog("datafusion").and_then(|c| c.schema("public"));
        schema.map(|s| s.table_names().into_iter().collect()).unwrap_or_default()
    }

    /// A table's rows, in its order; `None` if they can't be read, or are too many.
    pub(super) async fn rows(&self, table: &str) -> Option<RecordBatch> {
        let provider = self.engine.table_provider(format!("\"{table}\"")).await.ok()?;
        let schema = provider.schema();
        let frame = self.engine.read_table(provider).ok()?.limit(0, Some(ROWS_MAX + 1)).ok()?;
        let batches = frame.collect().await.ok()?;
        let all = match batches.first() {
            Some(first) => concat_batches(&first.schema(), &batches).ok()?,
            None => RecordBatch::new_empty(schema),
        };
        (all.num_rows() <= ROWS_MAX).then_some(all)
    }
}
