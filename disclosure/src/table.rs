//! Tables of cells: what a reader sees. Every measure's value stands beside its status.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, SchemaRef};

/// Why a cell shows what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellStatus {
    /// The value is shown.
    Released,
    /// `c`: suppressed; the value is NULL, and isn't in any buffer.
    Suppressed,
    /// `x`: there is no value, for a reason that isn't disclosure control: an open total of no rows.
    NotAvailable,
    /// `e`: the value is shown, and is an estimate: interpolated from shown counts.
    Estimated,
    // `z` structural zero, `low` rounds to zero, `u` unreliable: their rules make them.
}

impl CellStatus {
    /// The sign shown beside the value: GSS symbols for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "",
            Self::Suppressed => "c",
            Self::NotAvailable => "x",
            Self::Estimated => "e",
        }
    }

    /// The status with this sign.
    #[must_use]
    pub fn find(sign: &str) -> Option<Self> {
        [Self::Released, Self::Suppressed, Self::NotAvailable, Self::Estimated]
            .into_iter()
            .find(|s| s.as_str() == sign)
    }

    /// Whether a value stands beside it.
    #[must_use]
    pub const fn has_value(self) -> bool {
        match self {
            Self::Released | Self::Estimated => true,
            Self::Suppressed | Self::NotAvailable => false,
        }
    }
}

/// A measure's values with their statuses; as many of one as of the other.
#[derive(Debug, Clone)]
pub struct ProtectedColumn {
    pub(crate) values: ArrayRef,
    pub(crate) statuses: Vec<CellStatus>,
}

impl ProtectedColumn {
    /// Shown values; NULL wherever the status has none ([`CellStatus::has_value`]).
    #[must_use]
    pub const fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// A status for each value.
    #[must_use]
    pub fn statuses(&self) -> &[CellStatus] {
        &self.statuses
    }
}

/// A table of keys and measures, in key order; of grouping sets the coarser first. Outside this crate it exists only as
/// [`crate::Protected`]`<Table>`.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) schema: SchemaRef,
    /// Keys, and with grouping sets the cells' sets.
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) measures: Vec<ProtectedColumn>,
    pub(crate) rows: usize,
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Columns `k0`, ..., perhaps `set`, `m0`, `m0_status`, ...; see [`crate::Admitted::table_schema`].
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The measures.
    #[must_use]
    pub fn measures(&self) -> &[ProtectedColumn] {
        &self.measures
    }

    /// The table in one batch.
    ///
    /// # Errors
    /// Columns that don't fit the schema, which would be a fault of this crate.
    pub fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        let mut columns = self.keys.clone();
        for measure in &self.measures {
            columns.push(Arc::clone(&measure.values));
            let signs = measure.statuses.iter().map(|s| Some(s.as_str()));
            columns.push(Arc::new(signs.collect::<StringArray>()));
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
