//! The types a client sees. Clients differ in what they know of Arrow, so results keep to types that
//! all of them have.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use insitu_disclosure::{Refusals, ShownType};
use insitu_engine::common::DFSchema;

use super::error::{internal, too_large};

/// Field metadata of a status column: the name of the measure's column it belongs to.
pub(crate) const STATUS_OF: &str = "insitu.status_of";

/// Field metadata of a histogram or quantile: where its bins begin and end, as `0, 100, 250, 1000`.
pub(crate) const BINS: &str = "insitu.bins";

/// The announced schema of a plan's result; `None` if a column has a type that clients don't get.
/// Every column may be NULL: what is suppressed is.
pub(crate) fn client_schema(schema: &DFSchema) -> Option<SchemaRef> {
    let mut fields = Vec::new();
    for field in schema.fields() {
        let bins = field.metadata().get(BINS);
        let counts = ShownType::Counts.data_type();
        // A list is a histogram, and nothing else.
        let client_type = if bins.is_some() && *field.data_type() == counts {
            counts
        } else {
            client_type(field.data_type())?
        };
        let kept = [STATUS_OF, BINS].into_iter().filter_map(|key| {
            field.metadata().get(key).map(|value| (key.to_owned(), value.clone()))
        });
        fields.push(Field::new(field.name(), client_type, true).with_metadata(kept.collect()));
    }
    Some(Arc::new(Schema::new(fields)))
}

fn client_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            DataType::Utf8
        }
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => DataType::Utf8,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Boolean => DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => data_type.clone(),
        // JDBC and ODBC have no unsigned numbers. Ranks and the like are far from the end of signed ones; what isn't is refused.
        DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float32,
        DataType::Float64 => DataType::Float64,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            DataType::Decimal128(*p, *s)
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into()))
        }
        // Default deny: intervals, times, nested types and what Arrow adds.
        _ => return None,
    })
}

/// A batch of the plan's result in the announced types.
///
/// # Errors
/// A number beyond its type; X901 for a batch of another shape.
pub(crate) fn to_client(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Refusals> {
    if batch.num_columns() != schema.fields().len() {
        return Err(internal());
    }
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            // Not to NULL where it doesn't fit: that would be a value that isn't shown.
            let whole = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, field.data_type(), &whole).map_err(|_| too_large())
        })
        .collect::<Result<_, Refusals>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|_| internal())
}

#[cfg(test)]
mod tests {
    use arrow_array::UInt64Array;
    use insitu_disclosure::RefusalCode;

    use super::*;

    #[test]
    fn a_rank_is_a_whole_number_like_any_other_and_one_beyond_is_refused() {
        let of = |values: Vec<u64>| {
            let column: ArrayRef = Arc::new(UInt64Array::from(values));
            RecordBatch::try_from_iter([("rank", column)]).unwrap()
        };
        let batch = of(vec![1, i64::MAX as u64]);
        let planned = DFSchema::try_from(batch.schema()).unwrap();
        let schema = client_schema(&planned).unwrap();
        assert_eq!(*schema.field(0).data_type(), DataType::Int64);
        let shown = to_client(&batch, &schema).unwrap();
        assert_eq!(*shown.column(0).to_data().buffers()[0], *bytes(&[1, i64::MAX]));
        let refused = to_client(&of(vec![1 << 63]), &schema).unwrap_err();
        assert_eq!(refused.first().code(), RefusalCode::Q107);
    }

    fn bytes(values: &[i64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}
