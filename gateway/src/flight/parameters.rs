//! Parameters from a client, read under guard.
//!
//! Arrow's decoder panics on some broken messages and aborts on some compressed ones. So each message
//! is looked at first: one schema of plain types; then record batches only, not compressed, of bounded
//! size and one row in all. What is left is decoded where a panic is caught.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::utils::flight_data_to_arrow_batch;
use arrow_ipc::{MessageHeader, convert, root_as_message};
use arrow_schema::{DataType, SchemaRef};
use futures::{Stream, StreamExt as _};
use insitu_disclosure::{Refusal, RefusalCode};
use tokio::time::timeout;
use tonic::Status;

use super::limits::{CLIENT_IDLE_MAX, MESSAGE_BYTES_MAX};
use crate::status::Fault;

/// The most messages of one binding: a schema, a row, and empty batches that some clients add.
const MESSAGES_MAX: usize = 16;

/// Reads the next message of a client's stream; `None` at its end.
pub(crate) async fn next_message(
    messages: &mut (impl Stream<Item = Result<FlightData, Status>> + Unpin),
) -> Result<Option<FlightData>, Fault> {
    let next = timeout(CLIENT_IDLE_MAX, messages.next());
    let next = next.await.map_err(|_| Fault::Malformed("a stream without its next message"))?;
    match next {
        None => Ok(None),
        Some(Ok(message)) => Ok(Some(message)),
        // The transport's text isn't ours to pass on.
        Some(Err(_)) => Err(Fault::Malformed("a message of the stream")),
    }
}

/// Reads one row of so many parameters from a stream, whose first message was read already.
pub(crate) async fn read(
    first: FlightData,
    mut rest: impl Stream<Item = Result<FlightData, Status>> + Unpin,
    count: usize,
) -> Result<RecordBatch, Fault> {
    let mut message = Some(first);
    let mut schema: Option<SchemaRef> = None;
    let mut row = None;
    for _ in 0..MESSAGES_MAX {
        let Some(read) = message else {
            return row.ok_or_else(|| refuse("no row of parameters was bound.").into());
        };
        if MESSAGE_BYTES_MAX < read.data_body.len() {
            return Err(refuse("the parameters are longer than 4 MiB.").into());
        }
        // A message may carry the command alone, or the client's own metadata.
        if !read.data_header.is_empty() {
            match &schema {
                None => schema = Some(plain_schema(&read, count)?),
                Some(schema) => {
                    if let Some(batch) = one_row(&read, schema)?
                        && row.replace(batch).is_some()
                    {
                        return Err(many_rows().into());
                    }
                }
            }
        }
        message = next_message(&mut rest).await?;
    }
    Err(refuse("the parameters come in too many messages.").into())
}

fn plain_schema(message: &FlightData, count: usize) -> Result<SchemaRef, Refusal> {
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let header = root_as_message(&message.data_header).ok()?;
        Some(convert::fb_to_schema(header.header_as_schema()?))
    }));
    let Ok(Some(schema)) = decoded else { return Err(unreadable()) };
    let given = schema.fields().len();
    if given != count {
        let message = format!("parameters needed: {count}; bound: {given}.");
        return Err(Refusal::new(RefusalCode::Q110, message, "Bind one value for each `$n`."));
    }
    if schema.fields().iter().all(|field| is_plain(field.data_type())) {
        Ok(Arc::new(schema))
    } else {
        Err(refuse("a parameter is neither a number nor a text, a date or a boolean."))
    }
}

/// The batch if it has a row; `None` if it is empty.
fn one_row(message: &FlightData, schema: &SchemaRef) -> Result<Option<RecordBatch>, Refusal> {
    let rows = catch_unwind(AssertUnwindSafe(|| {
        let header = root_as_message(&message.data_header).ok()?;
        let batch = header.header_as_record_batch()?;
        let plain = header.header_type() == MessageHeader::RecordBatch;
        (plain && batch.compression().is_none()).then(|| batch.length())
    }));
    match rows {
        Ok(Some(0)) => Ok(None),
        Ok(Some(1)) => {
            let decoded = catch_unwind(AssertUnwindSafe(|| {
                flight_data_to_arrow_batch(message, Arc::clone(schema), &HashMap::new()).ok()
            }));
            match decoded {
                Ok(Some(batch)) if batch.num_rows() == 1 => Ok(Some(batch)),
                Ok(_) | Err(_) => Err(unreadable()),
            }
        }
        Ok(Some(rows)) if 1 < rows => Err(many_rows()),
        Ok(_) | Err(_) => Err(unreadable()),
    }
}

/// Whether a value of the type can be a literal. Default deny: Arrow's list of types grows.
fn is_plain(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Null
            | DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(..)
            | DataType::Time32(_)
            | DataType::Time64(_)
    )
}

fn refuse(message: &str) -> Refusal {
    Refusal::new(RefusalCode::Q110, message, "Bind one row with one value for each `$n`.")
}

fn many_rows() -> Refusal {
    refuse("more than one row of parameters is bound.")
}

fn unreadable() -> Refusal {
    refuse("the parameters can't be read: they must be one plain, uncompressed batch.")
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int64Array, NullArray, StringArray};
    use arrow_ipc::writer::{
        DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
    };
    use futures::stream;
    use std::slice::from_ref;

    use super::*;

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let names = (0..columns.len()).map(|i| i.to_string());
        RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(n, c)| (n, c, true)))
            .unwrap()
    }

    fn one_and_text() -> RecordBatch {
        batch(vec![
            Arc::new(Int64Array::from(vec![7])),
            Arc::new(StringArray::from(vec![Some("x")])),
        ])
    }

    fn encode(batches: &[RecordBatch], options: &IpcWriteOptions) -> Vec<FlightData> {
        let generator = IpcDataGenerator::default();
        let mut tracker = DictionaryTracker::new(false);
        let schema = generator.schema_to_bytes_with_dictionary_tracker(
            &batches[0].schema(),
            &mut tracker,
            options,
        );
        let mut messages = vec![FlightData::from(schema)];
        let mut compression = IpcWriteContext::default();
        for batch in batches {
            let (dictionaries, message) =
                generator.encode(batch, &mut tracker, options, &mut compression).unwrap();
            messages.extend(dictionaries.into_iter().map(FlightData::from));
            messages.push(message.into());
        }
        messages
    }

    fn check(messages: Vec<FlightData>, count: usize) -> Result<RecordBatch, &'static str> {
        let mut messages = messages.into_iter();
        let first = messages.next().unwrap();
        let rest = stream::iter(messages.map(Ok));
        futures::executor::block_on(async {
            // The timer of a wait needs a runtime, a test of plain streams doesn't.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _guard = runtime.enter();
            read(first, rest, count).await.map_err(|fault| fault.label())
        })
    }

    fn plain(batches: &[RecordBatch]) -> Vec<FlightData> {
        encode(batches, &IpcWriteOptions::default())
    }

    #[test]
    fn one_row_is_read_whatever_stands_round_it() {
        let row = one_and_text();
        assert_eq!(check(plain(from_ref(&row)), 2), Ok(row.clone()));
        let empty = RecordBatch::new_empty(row.schema());
        assert_eq!(check(plain(&[empty.clone(), row.clone(), empty]), 2), Ok(row.clone()));
        let mut messages = plain(from_ref(&row));
        messages.insert(0, FlightData::default());
        assert_eq!(check(messages, 2), Ok(row));
        let null = batch(vec![Arc::new(NullArray::new(1))]);
        assert_eq!(check(plain(from_ref(&null)), 1), Ok(null));
    }

    #[test]
    fn no_row_two_rows_and_a_wrong_number_of_columns_are_refused() {
        let row = one_and_text();
        let two = batch(vec![Arc::new(Int64Array::from(vec![7, 8]))]);
        assert_eq!(check(plain(&[two]), 1), Err("Q110"));
        assert_eq!(check(plain(&[row.clone(), row.clone()]), 2), Err("Q110"));
        assert_eq!(check(plain(&[RecordBatch::new_empty(row.schema())]), 2), Err("Q110"));
        assert_eq!(check(vec![FlightData::default()], 0), Err("Q110"));
        assert_eq!(check(plain(from_ref(&row)), 3), Err("Q110"));
        assert_eq!(check(plain(from_ref(&row)), 0), Err("Q110"));
        let endless = vec![FlightData::default(); MESSAGES_MAX + 1];
        assert_eq!(check(endless, 2), Err("Q110"));
    }

    #[test]
    fn dictionaries_and_a_second_schema_are_refused() {
        let column: DictionaryArray<Int32Type> = vec!["a"].into_iter().collect();
        let dictionary = batch(vec![Arc::new(column)]);
        assert_eq!(check(plain(&[dictionary]), 1), Err("Q110"));
        let mut messages = plain(&[one_and_text()]);
        messages.insert(1, messages[0].clone());
        assert_eq!(check(messages, 2), Err("Q110"));
    }

    #[test]
    fn broken_messages_are_refused_without_a_panic_leaving() {
        let good = plain(&[one_and_text()]);
        for (at, message) in good.iter().enumerate() {
            for byte in 0..message.data_header.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut header = message.data_header.to_vec();
                    header[byte] ^= flip;
                    let mut broken = good.clone();
                    broken[at].data_header = header.into();
                    // Some flips don't matter; none may escape.
                    let _ = check(broken, 2);
                }
            }
        }
        let mut cut = good.clone();
        cut[1].data_body = cut[1].data_body.slice(..8);
        assert_eq!(check(cut, 2), Err("Q110"));
        let mut long = good;
        long[1].data_body = vec![0; MESSAGE_BYTES_MAX + 1].into();
        assert_eq!(check(long, 2), Err("Q110"));
    }
}
