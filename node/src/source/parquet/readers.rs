//! How the engine gets at a file: each time the file that was checked, without reading again what it says of itself.
//!
//! A small question over small files would spend more time on their footers than on their rows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use insitu_engine::datasource::{
    DefaultParquetFileReaderFactory, ParquetFileReaderFactory, PartitionedFile,
};
use insitu_engine::error::Result;
use insitu_engine::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::super::snapshot::Snapshot;

/// The most memory that a dataset's footers are kept in. Those beyond are read by each query: where files are that large
/// or many, it hardly matters.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Opens a dataset's files.
#[derive(Debug)]
pub(super) struct Readers {
    snapshot: Arc<Snapshot>,
    kept: BTreeMap<Path, Arc<ParquetMetaData>>,
    kept_bytes: usize,
    others: DefaultParquetFileReaderFactory,
}

impl Readers {
    pub(super) fn new(snapshot: Arc<Snapshot>) -> Self {
        let others =
            DefaultParquetFileReaderFactory::new(Arc::clone(&snapshot) as Arc<dyn ObjectStore>);
        Self { snapshot, kept: BTreeMap::new(), kept_bytes: 0, others }
    }

    /// Keeps what a file says of itself, as it was checked, if there is room.
    pub(super) fn keep(&mut self, path: &Path, footer: Arc<ParquetMetaData>) {
        let bytes = self.kept_bytes.saturating_add(footer.memory_size());
        if bytes <= KEPT_BYTES_MAX {
            self.kept_bytes = bytes;
            self.kept.insert(path.clone(), footer);
        }
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = &file.object_meta.location;
        let Some(footer) = self.kept.get(path) else {
            return self.others.create_reader(partition, file, hint, metrics);
        };
        let (snapshot, path, footer) =
            (Arc::clone(&self.snapshot), path.clone(), Arc::clone(footer));
        Ok(Box::new(Reader { snapshot, path, footer }))
    }
}

/// A file whose footer was kept.
struct Reader {
    snapshot: Arc<Snapshot>,
    path: Path,
    footer: Arc<ParquetMetaData>,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.snapshot.get_range(&self.path, range).map_err(parquet_error).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move { self.snapshot.get_ranges(&self.path, &ranges).await.map_err(parquet_error) }
            .boxed()
    }

    /// Looks whether it is still the same file: a question that needs nothing of the file but this would be answered from a
    /// state that is gone.
    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            self.snapshot.head(&self.path).await.map_err(parquet_error)?;
            Ok(Arc::clone(&self.footer))
        }
        .boxed()
    }
}

fn parquet_error(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
