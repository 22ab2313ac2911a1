//! What is computed from protected tables is protected.

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::Protected;
use crate::rebuild::{NotRebuildable, rebuild};
use crate::table::Table;

/// The right to call a computation's result protected: it comes with the tables that the computation
/// is given, and there is one for each computation.
#[derive(Debug)]
pub struct Derivation(());

impl Derivation {
    /// Opens protected tables for a computation over nothing but them and open data.
    #[must_use]
    pub fn open(tables: Vec<Protected<Table>>) -> (Vec<Table>, Self) {
        (tables.into_iter().map(|t| t.0).collect(), Self(()))
    }

    /// What the computation made of protected tables is protected, since it has seen nothing else
    /// (post-processing). Every batch is made anew on the way, and gets the announced schema.
    ///
    /// # Errors
    /// A column of a type that has no rebuilding, or batches that don't have the schema's types.
    pub fn close(
        self,
        batches: &[RecordBatch],
        schema: &SchemaRef,
    ) -> Result<Protected<Vec<RecordBatch>>, NotRebuildable> {
        let rebuilt = batches.iter().map(|batch| {
            let batch = rebuild(batch)?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().to_vec();
            RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)
                .map_err(|_| NotRebuildable)
        });
        rebuilt.collect::<Result<Vec<_>, _>>().map(Protected)
    }
}
