//! Tables as Flight messages: the last step before bytes leave.
//!
//! INVARIANT(AI-2): it takes protected batches, or tables made of declarations, and nothing else.
//! The schema that was announced is the schema that is sent, always first and also before nothing; a
//! batch of another shape stops the answer. Messages are small enough for every client's limit.
//!
//! What isn't known when the schema is announced can't be in it. How many cells were suppressed stands
//! in the `app_metadata` of the first two messages, the schema and the first batch: some clients show
//! the one, some the other, and those that know of neither aren't disturbed, as they would be by a
//! message of its own.

use std::vec;

use arrow_array::{Array as _, RecordBatch};
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::{Schema, SchemaRef};
use insitu_disclosure::{Protected, Refusal, RefusalCode};
use prost::bytes::Bytes;

use super::limits::{ANSWER_MESSAGE_BYTES, ROW_BYTES_MAX};
use super::metadata::Catalogue;
use crate::status::Fault;

/// A schema as an encapsulated message: the form in which it is announced everywhere.
///
/// # Errors
/// X901 for a schema that can't be written.
pub(crate) fn announced(schema: &Schema) -> Result<Bytes, Fault> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &options));
    message.map(|message| message.0).map_err(|_| Fault::internal())
}

/// The `app_metadata` of an answer: a JSON object.
#[must_use]
fn app_metadata(suppressed_cells: usize) -> Bytes {
    Bytes::from(format!("{{\"insitu.suppressed_cells\":{suppressed_cells}}}"))
}

/// The messages of a statement's answer.
///
/// # Errors
/// X901 if a batch doesn't have the announced schema, L506 if a row is too large for a message.
pub(crate) fn answer(
    announced: &SchemaRef,
    batches: &Protected<Vec<RecordBatch>>,
    suppressed_cells: usize,
) -> Result<Messages, Fault> {
    let mut messages = Messages::new(announced, batches.get().clone())?;
    let metadata = app_metadata(suppressed_cells);
    if let Some(schema) = &mut messages.schema {
        schema.app_metadata = metadata.clone();
    }
    messages.app_metadata = Some(metadata);
    Ok(messages)
}

/// The messages of an answer about the catalogue.
///
/// # Errors
/// L506 if a row is too large for a message.
pub(crate) fn catalogue(catalogue: &Catalogue) -> Result<Messages, Fault> {
    let batch = catalogue.batch();
    Messages::new(&batch.schema(), vec![batch.clone()])
}

/// Messages, each made when it is asked for.
pub(crate) struct Messages {
    schema: Option<FlightData>,
    /// Goes with the first batch.
    app_metadata: Option<Bytes>,
    batches: vec::IntoIter<RecordBatch>,
    /// Parts of a batch, the next one last.
    parts: Vec<RecordBatch>,
    options: IpcWriteOptions,
    generator: IpcDataGenerator,
    tracker: DictionaryTracker,
    compression: IpcWriteContext,
}

impl Messages {
    fn new(announced: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, Fault> {
        for batch in &batches {
            if batch.schema_ref().fields() != announced.fields() {
                return Err(Fault::internal());
            }
            if has_large_row(batch) {
                return Err(Refusal::new(
                    RefusalCode::L506,
                    "a row of the answer is too large to be sent.",
                    "Select fewer or shorter columns.",
                )
                .into());
            }
        }
        let options = IpcWriteOptions::default();
        let schema = FlightData::from(SchemaAsIpc::new(announced, &options));
        Ok(Self {
            schema: Some(schema),
            app_metadata: None,
            batches: batches.into_iter(),
            parts: Vec::new(),
            options,
            generator: IpcDataGenerator::default(),
            tracker: DictionaryTracker::new(true),
            compression: IpcWriteContext::default(),
        })
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<FlightData, Fault> {
        let Self { options, generator, tracker, compression, .. } = self;
        let (dictionaries, message) = generator
            .encode(batch, tracker, options, compression)
            .map_err(|_| Fault::internal())?;
        // A dictionary would bring values along that no row shows.
        if dictionaries.is_empty() { Ok(message.into()) } else { Err(Fault::internal()) }
    }

    /// With what goes with the first batch that is sent.
    fn marked(&mut self, mut message: FlightData) -> FlightData {
        if let Some(metadata) = self.app_metadata.take() {
            message.app_metadata = metadata;
        }
        message
    }
}

impl Iterator for Messages {
    type Item = Result<FlightData, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(schema) = self.schema.take() {
            return Some(Ok(schema));
        }
        loop {
            let Some(part) = self.parts.pop() else {
                let batch = self.batches.next()?;
                // Memory is a guess at the size on the wire, good enough for a first cut.
                let pieces = batch.get_array_memory_size().div_ceil(ANSWER_MESSAGE_BYTES);
                self.parts = cut(&batch, pieces);
                continue;
            };
            match self.encode(&part) {
                Ok(message) if message.data_body.len() <= ANSWER_MESSAGE_BYTES => {
                    return Some(Ok(self.marked(message)));
                }
                Ok(message) if part.num_rows() <= 1 => return Some(Ok(self.marked(message))),
                // Rows differ in size: the guess was wrong here.
                Ok(_) => self.parts.append(&mut cut(&part, 2)),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
}

/// The batch in so many parts of about as many rows, the first one last; none for no rows.
fn cut(batch: &RecordBatch, pieces: usize) -> Vec<RecordBatch> {
    let step = batch.num_rows().div_ceil(pieces.max(1)).max(1);
    let starts = (0..batch.num_rows()).step_by(step).rev();
    starts.map(|at| batch.slice(at, step.min(batch.num_rows().saturating_sub(at)))).collect()
}

fn has_large_row(batch: &RecordBatch) -> bool {
    let size = |row: usize| -> usize {
        let columns = batch.columns().iter();
        // What can't be measured is taken for too large.
        let bytes = columns
            .map(|c| c.slice(row, 1).to_data().get_slice_memory_size().unwrap_or(ROW_BYTES_MAX));
        bytes.fold(0, usize::saturating_add)
    };
    ROW_BYTES_MAX <= batch.get_array_memory_size()
        && (0..batch.num_rows()).any(|row| ROW_BYTES_MAX <= size(row))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};
    use arrow_flight::utils::flight_data_to_arrow_batch;
    use arrow_schema::{DataType, Field};
    use insitu_disclosure::protect::Derivation;

    use super::*;

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("a", DataType::Utf8, true),
            Field::new("n", DataType::Int64, true)
                .with_metadata(HashMap::from([("unit".to_owned(), "pence".to_owned())])),
        ];
        let metadata = HashMap::from([("insitu.query".to_owned(), "1".to_owned())]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    fn batch(texts: Vec<String>) -> RecordBatch {
        let numbers = Int64Array::from_iter((0..).take(texts.len()).map(Some));
        let columns = vec![Arc::new(StringArray::from(texts)) as _, Arc::new(numbers) as _];
        RecordBatch::try_new(schema(), columns).unwrap()
    }

    fn protected(batches: &[RecordBatch]) -> Protected<Vec<RecordBatch>> {
        let schema = batches.first().map_or_else(schema, RecordBatch::schema);
        Derivation::open(Vec::new()).1.close(batches, &schema).unwrap()
    }

    fn messages(batches: &[RecordBatch]) -> Vec<FlightData> {
        let messages = answer(&schema(), &protected(batches), 15).unwrap();
        messages.collect::<Result<Vec<_>, _>>().unwrap()
    }

    fn read(messages: &[FlightData]) -> Vec<RecordBatch> {
        let read = |m| flight_data_to_arrow_batch(m, schema(), &HashMap::new()).unwrap();
        messages[1..].iter().map(read).collect()
    }

    #[test]
    fn the_schema_sent_is_the_schema_announced() {
        let sent = Schema::try_from(&messages(&[])[0]).unwrap();
        let announced = Schema::try_from(IpcMessage(announced(&schema()).unwrap())).unwrap();
        assert_eq!(sent, *schema());
        assert_eq!(announced, *schema());
    }

    #[test]
    fn an_answer_without_rows_still_has_its_schema() {
        assert_eq!(messages(&[]).len(), 1);
        assert_eq!(messages(&[RecordBatch::new_empty(schema())]).len(), 1);
    }

    #[test]
    fn rows_come_out_as_they_went_in_whole_or_cut() {
        let small = batch(vec!["x".to_owned(), "y".to_owned()]);
        assert_eq!(read(&messages(std::slice::from_ref(&small))), [small]);
        // Most of it in a few rows, so that the first cut is off.
        let uneven =
            (0..4_000).map(|i| if 3_990 < i { "y".repeat(900_000) } else { "x".repeat(50) });
        let uneven = batch(uneven.collect());
        let sent = messages(std::slice::from_ref(&uneven));
        assert!(8 < sent.len());
        assert!(sent.iter().all(|m| m.data_body.len() <= ANSWER_MESSAGE_BYTES));
        let read = arrow_select::concat::concat_batches(&schema(), &read(&sent)).unwrap();
        assert_eq!(read, uneven);
    }

    #[test]
    fn a_row_too_large_for_a_message_is_refused_before_anything_is_sent() {
        let large = batch(vec!["x".to_owned(), "y".repeat(ROW_BYTES_MAX)]);
        let fault = answer(&schema(), &protected(&[large]), 0).err().unwrap();
        assert_eq!(fault.label(), "L506");
        // Many rows of that size together are not one.
        let rows = batch(vec!["y".repeat(ROW_BYTES_MAX / 8); 16]);
        let sent = messages(&[rows]);
        assert!(sent.iter().all(|m| m.data_body.len() <= ANSWER_MESSAGE_BYTES));
        assert_eq!(read(&sent).iter().map(RecordBatch::num_rows).sum::<usize>(), 16);
    }

    #[test]
    fn a_batch_of_another_shape_stops_the_answer() {
        let other: SchemaRef = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false)]));
        let column = Arc::new(StringArray::from(vec!["x"])) as _;
        let batch = RecordBatch::try_new(other, vec![column]).unwrap();
        assert_eq!(answer(&schema(), &protected(&[batch]), 0).err().unwrap().label(), "X901");
    }

    #[test]
    fn the_schema_and_the_first_batch_tell_how_many_cells_were_suppressed() {
        let batches = [0, 1].map(|_| batch(vec!["x".to_owned()]));
        let sent = messages(&batches);
        let told: Vec<&[u8]> = sent.iter().map(|message| message.app_metadata.as_ref()).collect();
        let fifteen = &b"{\"insitu.suppressed_cells\":15}"[..];
        assert_eq!(told, [fifteen, fifteen, b""]);
    }
}
