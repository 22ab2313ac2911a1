//! Open data: the one type whose rows may travel.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};

use crate::dataset::Dataset;
use crate::rebuild::{NotRebuildable, rebuild};

/// A Dataset that was found to be open. Whatever hands out rows takes this type and no other.
///
/// ```compile_fail
/// // INVARIANT(AI-4): a dataset that wasn't found to be open has no rows to send.
/// use std::sync::Arc;
/// use insitu_disclosure::{Dataset, OpenDataset};
/// fn declare(dataset: Arc<Dataset>) -> Option<OpenDataset> {
///     Some(OpenDataset(dataset))
/// }
/// ```
///
/// ```
/// use std::sync::Arc;
/// use insitu_disclosure::{Dataset, OpenDataset};
/// fn find(dataset: Arc<Dataset>) -> Option<OpenDataset> {
///     OpenDataset::of(dataset)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct OpenDataset(Arc<Dataset>);

impl OpenDataset {
    /// `None` unless the Dataset is open.
    #[must_use]
    pub fn of(dataset: Arc<Dataset>) -> Option<Self> {
        dataset.is_open().then_some(Self(dataset))
    }

    /// The Dataset.
    #[must_use]
    pub const fn get(&self) -> &Arc<Dataset> {
        &self.0
    }

    /// The shape of rows with these columns, in this order; `None` if one doesn't exist.
    #[must_use]
    pub fn rows_schema(&self, columns: &[String]) -> Option<SchemaRef> {
        let field = |name: &String| {
            self.0.column(name).map(|c| Field::new(&c.name, c.scalar_type.data_type(), true))
        };
        let fields: Option<Vec<Field>> = columns.iter().map(field).collect();
        fields.map(|fields| Arc::new(Schema::new(fields)))
    }

    /// Rows of this Dataset, made anew for sending.
    ///
    /// # Errors
    /// Batches that don't have the shape of [`Self::rows_schema`] for these columns.
    pub fn rows(
        &self,
        columns: &[String],
        batches: &[RecordBatch],
    ) -> Result<OpenRows, NotRebuildable> {
        let schema = self.rows_schema(columns).ok_or(NotRebuildable)?;
        let mut rebuilt = Vec::with_capacity(batches.len());
        for batch in batches {
            let batch = rebuild(batch)?;
            let same = batch.schema_ref().fields().iter().map(|f| f.data_type());
            if !same.eq(schema.fields().iter().map(|f| f.data_type())) {
                return Err(NotRebuildable);
            }
            let options =
                arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            rebuilt.push(
                RecordBatch::try_new_with_options(
                    Arc::clone(&schema),
                    batch.columns().to_vec(),
                    &options,
                )
                .map_err(|_| NotRebuildable)?,
            );
        }
        Ok(OpenRows { schema, batches: rebuilt })
    }
}

/// Rows of an open Dataset. Only [`OpenDataset::rows`] makes one.
#[derive(Debug, Clone)]
pub struct OpenRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl OpenRows {
    /// Shape of the rows.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }
}
