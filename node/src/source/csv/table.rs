//! Files become a table in memory.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use insitu_disclosure::keyed::StateDigest;
use insitu_engine::catalog::TableProvider;
use insitu_engine::datasource::MemTable;
use insitu_engine::error::DataFusionError;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::super::budget::Budget;
use super::super::error::SourceError;
use super::super::record::{RECORD, RowWords};
use super::super::snapshot::Snapshot;
use super::column::ColumnReader;
use super::layout::Layout;
use super::record::{Flaw, Record, RecordReader};
use super::text::{PIECE_BYTES, TextReader};
use crate::dataset::{CsvSource, Misfit, MisfitReason, Misfits, ReadReport};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Partitions of the table: a query reads them at the same time.
const PARTITIONS: usize = 2;

/// Reads all files.
pub(in crate::source) async fn read(
    source: &CsvSource,
    snapshot: &Snapshot,
    budget: &mut Budget,
    words: Option<RowWords>,
    digest: &mut StateDigest,
) -> Result<(Arc<dyn TableProvider>, ReadReport), SourceError> {
    let mut rows = Rows::new(source, budget, words, digest);
    for path in &source.files {
        rows.read_file(path, snapshot).await?;
    }
    rows.finish()
}

/// The table in the making.
struct Rows<'a> {
    source: &'a CsvSource,
    budget: &'a mut Budget,
    /// Makes words of rows, where rows are units.
    words: Option<RowWords>,
    /// The words of pending rows.
    pending_words: Vec<u64>,
    digest: &'a mut StateDigest,
    schema: SchemaRef,
    columns: Vec<ColumnReader>,
    /// Rows in `columns` that aren't in a batch yet.
    pending: usize,
    partitions: [Vec<RecordBatch>; PARTITIONS],
    rows: u64,
    rows_left_out: u64,
    misfits: Misfits,
}

impl<'a> Rows<'a> {
    fn new(
        source: &'a CsvSource,
        budget: &'a mut Budget,
        words: Option<RowWords>,
        digest: &'a mut StateDigest,
    ) -> Self {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let fields: Vec<Field> = source
            .columns
            .iter()
            .map(|form| field(&form.column.name, form.column.scalar_type.data_type()))
            .collect();
        let record = words.as_ref().map(|_| Field::new(RECORD, DataType::UInt64, false));
        let fields: Vec<Field> = fields.into_iter().chain(record).collect();
        Self {
            source,
            budget,
            words,
            pending_words: Vec::new(),
            digest,
            schema: Arc::new(Schema::new(fields)),
            columns: source
                .columns
                .iter()
                .map(|form| ColumnReader::new(form, BATCH_ROWS))
                .collect(),
            pending: 0,
            partitions: [const { Vec::new() }; PARTITIONS],
            rows: 0,
            rows_left_out: 0,
            misfits: Misfits::default(),
        }
    }

    /// Reads a file as it streams in: it is never in memory as a whole.
    async fn read_file(&mut self, path: &Path, snapshot: &Snapshot) -> Result<(), SourceError> {
        let file = path.to_string();
        let unreadable = |error| SourceError::of_store(path.as_ref(), error);
        let mut chunks = snapshot.get(path).await.map_err(unreadable)?.into_stream();
        let mut text = TextReader::new(file.clone());
        let mut records = RecordReader::new(file.clone(), self.source.delimiter);
        let mut layout = None;
        let mut sink = |record: Record<'_>| self.read_record(record, &file, &mut layout);
        while let Some(chunk) = chunks.try_next().await.map_err(unreadable)? {
            for piece in chunk.chunks(PIECE_BYTES) {
                records.push(&text.push(piece)?, &mut sink)?;
                // Other work of this thread shall not wait for a large file.
                tokio::task::yield_now().await;
            }
        }
        records.push(&text.finish()?, &mut sink)?;
        records.finish(&mut sink)
    }

    /// Reads a record: of a file's first, its header.
    fn read_record(
        &mut self,
        record: Record<'_>,
        file: &str,
        layout: &mut Option<Layout>,
    ) -> Result<(), SourceError> {
        let layout = match layout {
            Some(layout) => layout,
            None => {
                let layout = layout.insert(Layout::of(&record, self.source, file)?);
                if self.source.header {
                    return Ok(());
                }
                layout
            }
        };
        match misfit(&record, layout) {
            Some(reason) => {
                self.rows_left_out += 1;
                let misfit =
                    Misfit { file: file.to_owned(), line: record.line, column: None, reason };
                // One row left out is one row; behind a stray quote it may be half the file.
                if reason == MisfitReason::UnclosedQuote || record.has_line_break() {
                    self.misfits.add_stray_quote(misfit);
                } else {
                    self.misfits.add(|| misfit);
                }
                Ok(())
            }
            None => self.read_row(record, file, layout),
        }
    }

    fn read_row(
        &mut self,
        record: Record<'_>,
        file: &str,
        layout: &Layout,
    ) -> Result<(), SourceError> {
        if let Some(words) = &mut self.words {
            let fields = layout.indexes.iter().map(|i| record.field(*i).unwrap_or_default());
            self.pending_words.push(words.word(fields));
        }
        for (column, index) in self.columns.iter_mut().zip(&layout.indexes) {
            let field = record.field(*index).unwrap_or_default();
            self.digest.write(field);
            if let Err(reason) = column.read(field) {
                let misfit = || Misfit {
                    file: file.to_owned(),
                    line: record.line,
                    column: Some(column.name_in_file()),
                    reason,
                };
                // A value that doesn't fit and goes over several lines may be rows between two stray quotes.
                if field.trim_ascii().iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
                    self.misfits.add_stray_quote(misfit());
                } else {
                    self.misfits.add(misfit);
                }
            }
        }
        self.rows += 1;
        self.pending += 1;
        if self.pending < BATCH_ROWS { Ok(()) } else { self.end_batch() }
    }

    /// Moves pending rows into a batch.
    fn end_batch(&mut self) -> Result<(), SourceError> {
        if self.pending == 0 {
            return Ok(());
        }
        self.pending = 0;
        let mut arrays: Vec<ArrayRef> = self.columns.iter_mut().map(ColumnReader::take).collect();
        if self.words.is_some() {
            arrays.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.pending_words))));
        }
        if self.unfit() {
            // The Dataset won't be served; only misfits are still looked for.
            return Ok(());
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(DataFusionError::from)?;
        self.budget.take(batch.get_array_memory_size())?;
        // To the partition with fewer batches: they take turns.
        if let Some(partition) = self.partitions.iter_mut().min_by_key(|batches| batches.len()) {
            partition.push(batch);
        }
        Ok(())
    }

    /// Whether more doesn't fit than the owner allows.
    const fn unfit(&self) -> bool {
        self.source.misfits_max < self.misfits.total() || self.misfits.stray_quote().is_some()
    }

    fn finish(mut self) -> Result<(Arc<dyn TableProvider>, ReadReport), SourceError> {
        self.end_batch()?;
        if self.unfit() {
            return Err(SourceError::Misfits { misfits: self.misfits });
        }
        let report = ReadReport {
            rows: self.rows,
            rows_left_out: self.rows_left_out,
            misfits: self.misfits,
            columns: self.columns.into_iter().map(ColumnReader::into_quality).collect(),
        };
        let table = MemTable::try_new(self.schema, self.partitions.into())?;
        Ok((Arc::new(table), report))
    }
}

/// Why a record's fields can't be told apart, if they can't.
fn misfit(record: &Record<'_>, layout: &Layout) -> Option<MisfitReason> {
    match record.flaw {
        Some(Flaw::TextAfterQuote) => Some(MisfitReason::TextAfterQuote),
        Some(Flaw::UnclosedQuote) => Some(MisfitReason::UnclosedQuote),
        None => (record.len() != layout.fields)
            .then(|| MisfitReason::FieldCount { found: record.len(), expected: layout.fields }),
    }
}
