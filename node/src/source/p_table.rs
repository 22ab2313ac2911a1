//! A data owner's own table of perturbations.

use std::sync::Arc;

use insitu_disclosure::noise::PerturbationTable;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::error::SourceError;

/// The largest file: a table of 4,096 keys has some forty million bytes.
const BYTES_MAX: u64 = 64 << 20;

/// Reads the table.
pub(super) async fn read(
    file: &Path,
    store: &Arc<dyn ObjectStore>,
) -> Result<PerturbationTable, SourceError> {
    let unreadable = |error| SourceError::of_store(file.as_ref(), error);
    let wrong = |problem: String| SourceError::PTable { file: file.to_string(), problem };
    let meta = store.head(file).await.map_err(unreadable)?;
    if BYTES_MAX < meta.size {
        return Err(wrong(format!("it is longer than {BYTES_MAX} bytes")));
    }
    let bytes = store.get(file).await.map_err(unreadable)?.bytes().await.map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it isn't UTF-8".to_owned()))?;
    PerturbationTable::from_csv(text).map_err(|error| wrong(error.to_string()))
}
