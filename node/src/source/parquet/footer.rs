//! What a Parquet file says of itself: its columns and how many rows it has.
//!
//! A damaged footer makes arrow 59.3 panic (`arrow-ipc/src/convert.rs`, on the schema that writers
//! embed), so it is read where a panic stays an error.

use std::panic::catch_unwind;
use std::sync::Arc;

use arrow_schema::Schema;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::super::error::SourceError;
use super::super::snapshot::Snapshot;

/// How much of a file's end is read first; most footers are shorter.
const TAIL_BYTES: u64 = 64 * 1024;
/// The longest footer that is read.
const FOOTER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file's footer.
#[derive(Debug)]
pub(super) struct Footer {
    /// The file's columns, as Arrow has them.
    pub(super) schema: Schema,
    /// The file's rows.
    pub(super) rows: u64,
    /// All of it.
    pub(super) metadata: Arc<ParquetMetaData>,
}

/// Reads a file's footer.
pub(super) async fn read(snapshot: &Snapshot, path: &Path) -> Result<Footer, SourceError> {
    let size = snapshot.meta(path)?.size;
    if size == 0 {
        return Err(SourceError::Empty { file: path.to_string() });
    }
    let mut wanted = TAIL_BYTES.min(size);
    // Twice: how long the footer is stands at its end.
    for _ in 0..2 {
        let tail = snapshot
            .get_range(path, size.saturating_sub(wanted)..size)
            .await
            .map_err(|error| SourceError::of_store(path.as_ref(), error))?;
        match catch_unwind(|| decode(&tail, size)) {
            Ok(Ok(footer)) => return Ok(footer),
            Ok(Err(ParquetError::NeedMoreData(bytes))) => {
                wanted = u64::try_from(bytes).unwrap_or(u64::MAX);
                if size.min(FOOTER_BYTES_MAX) < wanted {
                    break;
                }
            }
            Ok(Err(error)) => return Err(broken(path, error.to_string())),
            Err(_) => return Err(broken(path, "its footer is damaged".to_owned())),
        }
    }
    Err(broken(path, format!("its footer claims {wanted} bytes")))
}

/// Reads the footer at the end of a file of this size.
fn decode(tail: &Bytes, size: u64) -> Result<Footer, ParquetError> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(tail, size)?;
    let metadata = reader.finish()?;
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let rows = u64::try_from(file.num_rows()).unwrap_or(0);
    Ok(Footer { schema, rows, metadata: Arc::new(metadata) })
}

fn broken(path: &Path, detail: String) -> SourceError {
    SourceError::NotParquet { file: path.to_string(), detail: detail.replace('\n', " ") }
}
