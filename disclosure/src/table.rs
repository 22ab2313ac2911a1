//! Tables of cells: what a reader sees. Every measure's value stands beside its status.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, FieldRef, Schema, SchemaRef};

/// Why a cell shows what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellStatus {
    /// The value is shown.
    Released,
    /// `c`: suppressed; the value is NULL, and isn't in any buffer.
    Suppressed,
    /// `x`: there is no value, for a reason that isn't disclosure control: an open total of no rows.
    NotAvailable,
    /// `z`: structural zero: the data owner declared that the cell can't be anything else.
    StructuralZero,
    /// `low`: a total or mean that shows 0 and isn't, for what was added or rounded away.
    Low,
    /// `u`: unreliable; the standard error is large beside the value shown.
    Unreliable,
    /// `e`: the value is shown, and is an estimate: interpolated from shown counts.
    Estimated,
}

impl CellStatus {
    /// The sign shown beside the value: GSS symbols for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "",
            Self::Suppressed => "c",
            Self::NotAvailable => "x",
            Self::StructuralZero => "z",
            Self::Low => "low",
            Self::Unreliable => "u",
            Self::Estimated => "e",
        }
    }

    /// The status with this sign.
    #[must_use]
    pub fn find(sign: &str) -> Option<Self> {
        let all = [
            Self::Released,
            Self::Suppressed,
            Self::NotAvailable,
            Self::StructuralZero,
            Self::Low,
            Self::Unreliable,
            Self::Estimated,
        ];
        all.into_iter().find(|s| s.as_str() == sign)
    }

    /// Whether a value stands beside it. A mean or quantile of nobody has none beside a structural zero.
    #[must_use]
    pub const fn has_value(self) -> bool {
        match self {
            Self::Released
            | Self::StructuralZero
            | Self::Low
            | Self::Unreliable
            | Self::Estimated => true,
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
    /// Shown values; NULL wherever the status has none ([`CellStatus::has_value`]), and of means and
    /// quantiles that are [`CellStatus::StructuralZero`].
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

    /// Suppressed cells, rounded up to a multiple of 5, so that 0 is none. Cells of rows that aren't
    /// there aren't counted: how many small groups there are is nobody's business.
    #[must_use]
    pub fn suppressed_cells(&self) -> usize {
        let statuses = self.measures.iter().flat_map(ProtectedColumn::statuses);
        statuses.filter(|s| **s == CellStatus::Suppressed).count().next_multiple_of(5)
    }

    /// Roughly the memory it takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let measures = self.measures.iter();
        let measures = measures.map(|m| {
            m.values.get_array_memory_size().saturating_add(size_of_val(m.statuses.as_slice()))
        });
        let keys = self.keys.iter().map(|key| key.get_array_memory_size());
        keys.chain(measures).fold(0, usize::saturating_add)
    }

    /// The same rows and keys with these of the measures, in this order, under the names of a table of their own:
    /// `m0`, `m0_status`, .... `None` if one isn't there.
    #[must_use]
    pub fn select(&self, measures: &[usize]) -> Option<Self> {
        let all = self.schema.fields();
        let mut fields: Vec<FieldRef> = all.iter().take(self.keys.len()).cloned().collect();
        let mut selected = Vec::with_capacity(measures.len());
        for (place, measure) in measures.iter().enumerate() {
            selected.push(self.measures.get(*measure)?.clone());
            let at = self.keys.len().checked_add(measure.checked_mul(2)?)?;
            let names = [format!("m{place}"), format!("m{place}_status")];
            for (field, name) in all.iter().skip(at).zip(names) {
                fields.push(Arc::new(field.as_ref().clone().with_name(name)));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        Some(Self { schema, keys: self.keys.clone(), measures: selected, rows: self.rows })
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
