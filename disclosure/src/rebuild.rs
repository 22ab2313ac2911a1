//! Every outgoing array is made anew, value by value.
//!
//! Arrow sends buffers as they are: a value under a null bit, an unused dictionary entry, the text a
//! view was filtered from, all travel. Here a NULL appends a zeroed slot, views and dictionaries
//! become plain, and nothing but the values is copied.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int64Builder, ListBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

/// A column of a type that results don't have: nothing is sent rather than sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a column has a type that results don't have")]
pub struct NotRebuildable;

/// The batch made anew. Column names and nullability stay, metadata is stripped, views and dictionaries are plain.
///
/// # Errors
/// A column of a type that results don't have.
pub fn rebuild(batch: &RecordBatch) -> Result<RecordBatch, NotRebuildable> {
    let columns: Vec<ArrayRef> =
        batch.columns().iter().map(rebuild_column).collect::<Result<_, _>>()?;
    let fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(f, c)| Field::new(f.name(), c.data_type().clone(), f.is_nullable()))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|_| NotRebuildable)
}

/// One column made anew.
///
/// # Errors
/// A type that results don't have.
pub fn rebuild_column(column: &ArrayRef) -> Result<ArrayRef, NotRebuildable> {
    Ok(match column.data_type() {
        DataType::Null => arrow_array::new_null_array(&DataType::Utf8, column.len()),
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(column.len());
            for value in column.as_boolean() {
                builder.append_option(value);
            }
            Arc::new(builder.finish())
        }
        DataType::Int8 => primitive::<Int8Type>(column),
        DataType::Int16 => primitive::<Int16Type>(column),
        DataType::Int32 => primitive::<Int32Type>(column),
        DataType::Int64 => primitive::<Int64Type>(column),
        DataType::UInt8 => primitive::<UInt8Type>(column),
        DataType::UInt16 => primitive::<UInt16Type>(column),
        DataType::UInt32 => primitive::<UInt32Type>(column),
        DataType::UInt64 => primitive::<UInt64Type>(column),
        DataType::Float32 => primitive::<Float32Type>(column),
        DataType::Float64 => primitive::<Float64Type>(column),
        DataType::Date32 => primitive::<Date32Type>(column),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(column)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            primitive::<TimestampNanosecondType>(column)
        }
        DataType::Decimal128(_, _) => primitive::<Decimal128Type>(column),
        DataType::Utf8 => text(column.as_string::<i32>().iter()),
        DataType::LargeUtf8 => text(column.as_string::<i64>().iter()),
        DataType::Utf8View => text(column.as_string_view().iter()),
        DataType::Binary => bytes(column.as_binary::<i32>().iter()),
        DataType::LargeBinary => bytes(column.as_binary::<i64>().iter()),
        DataType::BinaryView => bytes(column.as_binary_view().iter()),
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => {
            let plain = arrow_cast::cast(column, &DataType::Utf8).map_err(|_| NotRebuildable)?;
            text(plain.as_string::<i32>().iter())
        }
        DataType::List(element) if *element.data_type() == DataType::Int64 => whole_numbers(column),
        // Default deny: a type not named here isn't sent.
        _ => return Err(NotRebuildable),
    })
}

fn primitive<T: ArrowPrimitiveType>(column: &ArrayRef) -> ArrayRef {
    let values = column.as_primitive::<T>();
    let mut builder = PrimitiveBuilder::<T>::with_capacity(values.len());
    for value in values {
        match value {
            Some(value) => builder.append_value(value),
            // `append_null` writes the default value, zero, beneath the null bit.
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish().with_data_type(column.data_type().clone()))
}

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for value in values {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

fn bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    for value in values {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// Lists of whole numbers: what lies beneath a NULL, in or around a list, or in no list at all, isn't copied.
fn whole_numbers(column: &ArrayRef) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for list in column.as_list::<i32>().iter() {
        for value in list.iter().flat_map(|l| l.as_primitive::<Int64Type>()) {
            builder.values().append_option(value);
        }
        builder.append(list.is_some());
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{DictionaryArray, Int64Array, ListArray, StringArray, StringViewArray};
    use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};

    const CANARY: &str = "canary-8c41f2-longer-than-twelve-bytes";

    fn buffers_hold(array: &ArrayRef, needle: &[u8]) -> bool {
        let data = array.to_data();
        let mut all: Vec<Vec<u8>> = data.buffers().iter().map(|b| b.as_slice().to_vec()).collect();
        for child in data.child_data() {
            all.extend(child.buffers().iter().map(|b| b.as_slice().to_vec()));
        }
        all.iter().any(|b| b.windows(needle.len()).any(|w| w == needle))
    }

    #[test]
    fn a_number_under_a_null_bit_is_gone() {
        let hidden = 0x5EC4_E7CA_4A41_1337_i64;
        let values = ScalarBuffer::from(vec![1, hidden]);
        let array: ArrayRef =
            Arc::new(Int64Array::new(values, Some(NullBuffer::from(vec![true, false]))));
        assert!(buffers_hold(&array, &hidden.to_le_bytes()), "the test's premise");
        let rebuilt = rebuild_column(&array).unwrap();
        assert!(!buffers_hold(&rebuilt, &hidden.to_le_bytes()));
        assert_eq!(rebuilt.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
    }

    #[test]
    fn a_number_that_no_list_shows_is_gone() {
        // Under a NULL in a list, in a list that is NULL, and between two lists.
        let hidden = [0x5EC4_E7CA_4A41_0001_i64, 0x5EC4_E7CA_4A41_0002, 0x5EC4_E7CA_4A41_0003];
        let [in_list, of_list, between] = hidden;
        let elements = Int64Array::new(
            ScalarBuffer::from(vec![10, in_list, of_list, 20, between]),
            Some(NullBuffer::from(vec![true, false, true, true, true])),
        );
        let field = Arc::new(Field::new_list_field(DataType::Int64, true));
        let array: ArrayRef = Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(vec![0, 2, 3, 4])),
            Arc::new(elements),
            Some(NullBuffer::from(vec![true, false, true])),
        ));
        let rebuilt = rebuild_column(&array).unwrap();
        for value in hidden {
            assert!(buffers_hold(&array, &value.to_le_bytes()), "the test's premise");
            assert!(!buffers_hold(&rebuilt, &value.to_le_bytes()), "{value:x}");
        }
        let lists: Vec<Option<Vec<Option<i64>>>> = rebuilt
            .as_list::<i32>()
            .iter()
            .map(|list| list.map(|l| l.as_primitive::<Int64Type>().iter().collect()))
            .collect();
        assert_eq!(lists, [Some(vec![Some(10), None]), None, Some(vec![Some(20)])]);
        assert_eq!(rebuilt.data_type(), array.data_type());
    }

    #[test]
    fn lists_of_anything_else_are_not_sent() {
        let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
        let texts: ArrayRef = Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(vec![0, 1])),
            Arc::new(StringArray::from(vec!["x"])),
            None,
        ));
        assert_eq!(rebuild_column(&texts), Err(NotRebuildable));
    }

    #[test]
    fn text_that_was_filtered_out_is_gone() {
        let view: ArrayRef =
            Arc::new(StringViewArray::from(vec!["kept-and-longer-than-12-bytes", CANARY]));
        let dictionary: DictionaryArray<Int32Type> =
            vec!["kept-and-longer-than-12-bytes", CANARY].into_iter().collect();
        for array in [
            view,
            Arc::new(dictionary) as ArrayRef,
            Arc::new(StringArray::from(vec!["kept-and-longer-than-12-bytes", CANARY])),
        ] {
            let sliced = array.slice(0, 1);
            assert!(buffers_hold(&sliced, CANARY.as_bytes()), "the test's premise");
            let rebuilt = rebuild_column(&sliced).unwrap();
            assert!(!buffers_hold(&rebuilt, CANARY.as_bytes()), "{:?}", array.data_type());
            assert_eq!(rebuilt.as_string::<i32>().value(0), "kept-and-longer-than-12-bytes");
        }
    }
}
