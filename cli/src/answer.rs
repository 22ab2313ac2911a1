//! An answer as it came from the gateway: batches, some of whose columns tell the status of others.
//!
//! After each protected measure `m` comes a column of text that is `""` where the value is shown,
//! or the sign of why it isn't, or of what is to be known about it. Its field's metadata names `m`.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};

/// The key in a field's metadata that makes it the status column of the measure it names.
const STATUS_OF: &str = "insitu.status_of";

/// An answer, all of it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    suppressed_beneath: usize,
}

/// A column to be shown, and the one that tells its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShownColumn {
    /// Its place in a batch.
    pub(crate) values: usize,
    /// The place of its status column.
    pub(crate) statuses: Option<usize>,
}

impl Answer {
    /// All batches have this schema.
    pub(crate) const fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches, suppressed_beneath: 0 }
    }

    /// An answer computed from tables with so many suppressed cells.
    pub(crate) fn over(self, suppressed_beneath: usize) -> Self {
        Self { suppressed_beneath, ..self }
    }

    /// Suppressed cells of the tables it was computed from, rounded up to a multiple of 5.
    pub(crate) const fn suppressed_beneath(&self) -> usize {
        self.suppressed_beneath
    }

    /// Column names and types, status columns included.
    pub(crate) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows.
    pub(crate) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The columns to be shown, in order, each with its status column.
    pub(crate) fn shown_columns(&self) -> Vec<ShownColumn> {
        let fields = self.schema.fields();
        let measure_of = |place: usize| {
            let field = fields.get(place).filter(|field| *field.data_type() == DataType::Utf8)?;
            let measure = field.metadata().get(STATUS_OF)?;
            // The measure comes first; two of the same name each have theirs right after.
            fields.iter().take(place).rposition(|field| field.name() == measure)
        };
        let statuses: BTreeMap<usize, usize> =
            (0..fields.len()).filter_map(|place| Some((measure_of(place)?, place))).collect();
        let is_status = |place: usize| statuses.values().any(|status| *status == place);
        (0..fields.len())
            .filter(|place| !is_status(*place))
            .map(|values| ShownColumn { values, statuses: statuses.get(&values).copied() })
            .collect()
    }

    /// How many cells have each sign, cells without one left out.
    pub(crate) fn signs(&self) -> BTreeMap<String, usize> {
        let mut signs = BTreeMap::new();
        let status_columns: Vec<usize> =
            self.shown_columns().iter().filter_map(|c| c.statuses).collect();
        for batch in &self.batches {
            for column in status_columns.iter().filter_map(|place| batch.columns().get(*place)) {
                for row in 0..batch.num_rows() {
                    if let Some(sign) = sign(column, row) {
                        *signs.entry(sign.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        signs
    }

    /// How many cells are suppressed.
    pub(crate) fn suppressed(&self) -> usize {
        self.signs().get("c").copied().unwrap_or(0)
    }
}

/// The sign in a row of a status column; `None` for an ordinary value.
pub(crate) fn sign(statuses: &ArrayRef, row: usize) -> Option<&str> {
    let statuses = statuses.as_string_opt::<i32>()?;
    let is_there = row < statuses.len() && statuses.is_valid(row);
    Some(if is_there { statuses.value(row) } else { "" }).filter(|sign| !sign.is_empty())
}

/// The sign of a value that is shown, and is an estimate.
const ESTIMATED: &str = "e";

/// Whether a value with this sign is printed without it: its place says nothing about the sign, the footer does.
pub(crate) fn goes_unsaid(sign: &str) -> bool {
    sign == ESTIMATED
}

/// What a sign means, in a few words.
pub(crate) fn meaning(sign: &str) -> &'static str {
    match sign {
        "c" => "suppressed",
        "x" => "not available",
        "z" => "can only be zero",
        "low" => "rounds to zero",
        "u" => "unreliable",
        ESTIMATED => "estimated",
        _ => "with this sign",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder};
    use arrow_array::{Float64Array, Int64Array, StringArray};
    use arrow_schema::{Field, Schema};

    use super::*;

    /// Two areas, one of whose counts is suppressed.
    pub(crate) fn sample() -> Answer {
        let status = Field::new("n_status", DataType::Utf8, false)
            .with_metadata(HashMap::from([(STATUS_OF.to_owned(), "n".to_owned())]));
        let fields = vec![
            Field::new("area", DataType::Utf8, true),
            Field::new("n", DataType::Int64, true),
            status,
        ];
        let schema = Arc::new(Schema::new(fields));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("Leeds"), Some("Kirklees"), None])),
            Arc::new(Int64Array::from(vec![Some(1_205), None, Some(15)])),
            Arc::new(StringArray::from(vec!["", "c", ""])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        Answer::new(schema, vec![batch])
    }

    /// A median and a histogram of two groups, one of which is too small for either.
    pub(crate) fn distribution() -> Answer {
        let status = |of: &str| {
            Field::new(format!("{of}_status"), DataType::Utf8, false)
                .with_metadata(HashMap::from([(STATUS_OF.to_owned(), of.to_owned())]))
        };
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(40), None, Some(35)]);
        lists.append_null();
        let bins: ArrayRef = Arc::new(lists.finish());
        let fields = vec![
            Field::new("median", DataType::Float64, true),
            status("median"),
            Field::new("bins", bins.data_type().clone(), true),
            status("bins"),
        ];
        let schema = Arc::new(Schema::new(fields));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![Some(184.4), None])),
            Arc::new(StringArray::from(vec!["e", "c"])),
            bins,
            Arc::new(StringArray::from(vec!["", "c"])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        Answer::new(schema, vec![batch])
    }

    #[test]
    fn a_status_column_belongs_to_its_measure() {
        let answer = sample();
        let area = ShownColumn { values: 0, statuses: None };
        assert_eq!(answer.shown_columns(), [area, ShownColumn { values: 1, statuses: Some(2) }]);
        assert_eq!(answer.suppressed(), 1);
        assert_eq!(answer.rows(), 3);
    }

    #[test]
    fn a_name_alone_makes_no_status_column() {
        let fields = vec![
            Field::new("n", DataType::Int64, true),
            Field::new("n_status", DataType::Utf8, false),
        ];
        let answer = Answer::new(Arc::new(Schema::new(fields)), Vec::new());
        assert_eq!(answer.shown_columns().len(), 2);
        assert!(answer.signs().is_empty());
    }
}
