//! Parquet files as a table with their own names and types.
//!
//! DataFusion's own listing table isn't used: it looks for files at every query, and where it finds
//! none it answers with no rows. Here the files are those that were checked.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_schema::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use futures::future::{BoxFuture, ready};
use insitu_engine::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use insitu_engine::common::{Constraints, DFSchemaRef, ScalarValue, Statistics, not_impl_err};
use insitu_engine::datasource::DataSourceExec;
use insitu_engine::datasource::PartitionedFile;
use insitu_engine::datasource::TableType;
use insitu_engine::datasource::{FileGroup, FileScanConfigBuilder, ParquetSource};
use insitu_engine::datasource::{TableSchema, TableSchemaBuilder};
use insitu_engine::error::Result;
use insitu_engine::execution::object_store::ObjectStoreUrl;
use insitu_engine::logical_expr::dml::InsertOp;
use insitu_engine::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use insitu_engine::physical_plan::ExecutionPlan;
use object_store::ObjectMeta;
use parquet::arrow::RowNumber;

use super::readers::Readers;

/// The column of the number that a file's first row has among those of all files, and of a row's number in its file.
pub(super) const FIRST_ROW: &str = "_first_row";
pub(super) const ROW: &str = "_row";

/// The files.
#[derive(Debug, Clone)]
pub(super) struct ParquetFiles {
    /// The columns that may be read, with the files' names and types; kept as the engine works them out, which takes as long as
    /// a small file takes to be read.
    pub(super) schema: TableSchema,
    /// Where the engine finds the store of the files.
    pub(super) url: ObjectStoreUrl,
    /// The files, as they were checked.
    pub(super) files: Vec<ObjectMeta>,
    /// Where rows are numbered, the number of each file's first.
    pub(super) first_rows: Option<Arc<[i64]>>,
    /// What opens them.
    pub(super) readers: Arc<Readers>,
}

impl ParquetFiles {
    /// The same with their rows numbered: in two columns more. `rows` are those of each file.
    pub(super) fn numbered(&self, rows: &[u64]) -> Self {
        let first = |first: &mut i64, rows: &u64| {
            let next = first.saturating_add(i64::try_from(*rows).unwrap_or(i64::MAX));
            Some(std::mem::replace(first, next))
        };
        let column = |name| Field::new(name, DataType::Int64, false);
        let row = column(ROW).with_extension_type(RowNumber);
        let schema = TableSchemaBuilder::new(Arc::clone(self.schema.file_schema()))
            .with_table_partition_cols(vec![Arc::new(column(FIRST_ROW))])
            .with_virtual_columns(vec![Arc::new(row)])
            .build();
        let first_rows = rows.iter().scan(0, first).collect();
        Self { schema, first_rows: Some(first_rows), ..self.clone() }
    }

    fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = Arc::clone(&self.readers);
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(session.table_options().parquet.clone())
            .with_parquet_file_reader_factory(readers);
        let mut first_rows = self.first_rows.iter().flat_map(|first_rows| first_rows.iter());
        let file = |meta: &ObjectMeta| {
            let mut file = PartitionedFile::new_from_meta(meta.clone());
            file.partition_values.extend(first_rows.next().copied().map(ScalarValue::from));
            file
        };
        let files: FileGroup = self.files.iter().map(file).collect();
        // Without statistics: a count is counted, never taken from a footer.
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(files.split_files(session.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Every method is written out: one left to its default could be a hole. Those that are given expressions are futures that
/// hold none: to prove that an expression may be sent to another thread takes the compiler some seconds each.
#[async_trait]
impl TableProvider for ParquetFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn constraints(&self) -> Option<&Constraints> {
        None
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        None
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    fn get_column_default(&self, _: &str) -> Option<&Expr> {
        None
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.plan(session, projection, limit)
    }

    fn scan_with_args<'a, 'this, 'session, 'future>(
        &'this self,
        session: &'session dyn Session,
        args: ScanArgs<'a>,
    ) -> BoxFuture<'future, Result<ScanResult>>
    where
        'a: 'future,
        'this: 'future,
        'session: 'future,
        Self: 'future,
    {
        let projection = args.projection().map(<[usize]>::to_vec);
        let scanned = self.plan(session, projection.as_ref(), args.limit()).map(Into::into);
        Box::pin(ready(scanned))
    }

    /// Filters stay above the scan, from where the engine pushes what helps down into it.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }

    async fn insert_into(
        &self,
        _: &dyn Session,
        _: Arc<dyn ExecutionPlan>,
        _: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!("a source is read only")
    }

    fn delete_from<'this, 'session, 'future>(
        &'this self,
        _: &'session dyn Session,
        _: Vec<Expr>,
    ) -> BoxFuture<'future, Result<Arc<dyn ExecutionPlan>>>
    where
        'this: 'future,
        'session: 'future,
        Self: 'future,
    {
        Box::pin(ready(not_impl_err!("a source is read only")))
    }

    fn update<'this, 'session, 'future>(
        &'this self,
        _: &'session dyn Session,
        _: Vec<(String, Expr)>,
        _: Vec<Expr>,
    ) -> BoxFuture<'future, Result<Arc<dyn ExecutionPlan>>>
    where
        'this: 'future,
        'session: 'future,
        Self: 'future,
    {
        Box::pin(ready(not_impl_err!("a source is read only")))
    }

    async fn truncate(&self, _: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!("a source is read only")
    }

    fn merge_into<'this, 'session, 'future>(
        &'this self,
        _: &'session dyn Session,
        _: Arc<dyn ExecutionPlan>,
        _: DFSchemaRef,
        _: Expr,
        _: Vec<insitu_engine::logical_expr::dml::MergeIntoClause>,
    ) -> BoxFuture<'future, Result<Arc<dyn ExecutionPlan>>>
    where
        'this: 'future,
        'session: 'future,
        Self: 'future,
    {
        Box::pin(ready(not_impl_err!("a source is read only")))
    }
}
