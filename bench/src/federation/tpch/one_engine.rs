//! One engine over the union: the same version of it, over the same files, with its own defaults.

use std::sync::Arc;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use insitu_tests::{Asked, Department};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::answers::Rows;
use super::tables::Table;

/// The engine.
pub(super) struct OneEngine(SessionContext);

impl OneEngine {
    /// Over all departments' files, in memory as theirs are.
    pub(super) async fn over(departments: &[Department]) -> Self {
        let store = Arc::new(InMemory::new());
        for (node, department) in departments.iter().enumerate() {
            for (name, file) in &department.files {
                let table = name.trim_end_matches(".parquet");
                let path = Path::from(format!("{table}/{node}.parquet"));
                store.put(&path, file.clone().into()).await.unwrap();
            }
        }
        let context = SessionContext::new();
        let url = "memory://tpch".try_into().unwrap();
        let store: Arc<dyn ObjectStore> = store;
        context.runtime_env().register_object_store(&url, store);
        for table in Table::ALL {
            let (name, options) = (table.name(), ParquetReadOptions::default());
            let url = format!("memory://tpch/{name}/");
            context.register_parquet(name, url, options).await.unwrap();
        }
        Self(context)
    }

    /// Asks it.
    pub(super) async fn ask(&self, sql: &str) -> Rows {
        let frame = self.0.sql(&sql.replace("tpch.", "")).await.unwrap();
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.unwrap();
        Asked { schema, batches, query_id: String::new() }.cells()
    }
}
