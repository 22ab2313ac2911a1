//! Arrow batches as Flight messages, and back under guard.
//!
//! A hostile or broken peer can make Arrow's decoder panic, and abort on compressed bodies. So every
//! message is looked at first: one schema, equal to the one planned; then record batches only, not
//! compressed, of bounded size; last, a Receipt whose digest covers all of them. What is left is decoded where a
//! panic is caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::utils::flight_data_to_arrow_batch;
use arrow_ipc::MessageHeader;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::{ArrowError, SchemaRef};
use futures::{Stream, StreamExt as _};
use insitu_disclosure::evidence::OpenCells;
use insitu_disclosure::rebuild::NotRebuildable;
use insitu_disclosure::reference::{CONTENT_BYTES_MAX, ReferenceContent, content_schema};
use insitu_disclosure::table::Table;
use insitu_disclosure::{Admitted, Evidence, OpenRows, Protected, ReleaseMode, Tabulation};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::request::QueryId;
use crate::{Malformed, decode_exactly, v1};

/// The largest body of one message, in bytes.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// The most rows of one message.
pub const BATCH_ROWS_MAX: usize = 8_192;
/// The most bytes of one answer.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Messages of a protected table: the only form in which a protected dataset leaves a node that
/// releases at the node.
///
/// ```compile_fail
/// // INVARIANT(AI-2): a batch that no rule has seen can't be encoded.
/// use arrow_array::RecordBatch;
/// use insitu_proto::{frames::encode_protected, request::QueryId};
/// fn send(batch: &RecordBatch) -> bool {
///     encode_protected(QueryId([0; 16]), batch).is_ok()
/// }
/// ```
///
/// ```
/// use insitu_disclosure::{Protected, table::Table};
/// use insitu_proto::{frames::encode_protected, request::QueryId};
/// fn send(table: &Protected<Table>) -> bool {
///     encode_protected(QueryId([0; 16]), table).is_ok()
/// }
/// ```
///
/// # Errors
/// A fault of ours: a table that doesn't fit its own schema.
pub fn encode_protected(
    query_id: QueryId,
    table: &Protected<Table>,
) -> Result<Vec<FlightData>, EncodeError> {
    let batch = table.to_batch()?;
    encode(query_id, v1::AnswerKind::Protected, table.get().schema(), &[batch])
}

/// Messages of Evidence, which goes to a gateway only where the data owner chose so, or where the
/// data is open.
///
/// # Errors
/// A dataset that is released at the node: [`EncodeError::NotForTheGateway`].
pub fn encode_evidence(
    query_id: QueryId,
    admitted: &Admitted<Tabulation>,
    evidence: &Evidence,
) -> Result<Vec<FlightData>, EncodeError> {
    match admitted.dataset().release() {
        ReleaseMode::AtGateway => {}
        ReleaseMode::AtNode => return Err(EncodeError::NotForTheGateway),
    }
    let batch = insitu_disclosure::evidence::write(admitted, evidence)?;
    encode(query_id, v1::AnswerKind::Evidence, &batch.schema(), &[batch])
}

/// Messages of cells of an open dataset: what [`encode_evidence`] makes of them.
///
/// # Errors
/// A fault of ours: cells that don't fit their own schema.
pub fn encode_open_cells(
    query_id: QueryId,
    cells: &OpenCells,
) -> Result<Vec<FlightData>, EncodeError> {
    let (schema, batches) = cells.rebuilt()?;
    encode(query_id, v1::AnswerKind::Evidence, &schema, &batches)
}

/// Messages of rows of an open dataset.
///
/// # Errors
/// A fault of ours: rows that don't fit their own schema.
pub fn encode_open_rows(
    query_id: QueryId,
    rows: &OpenRows,
) -> Result<Vec<FlightData>, EncodeError> {
    encode(query_id, v1::AnswerKind::OpenRows, rows.schema(), rows.batches())
}

/// The largest body of one message to a node, in bytes: with its header it is a message that a node reads.
pub const REFERENCE_BODY_BYTES_MAX: usize = 32 << 10;
/// The most bytes of a content on its way: its values, and what each message adds.
pub const REFERENCE_BYTES_MAX: usize = CONTENT_BYTES_MAX.saturating_mul(2);

/// Messages of a reference's content, made of open data, for a node to look up in.
///
/// # Errors
/// A fault of ours: a content that doesn't fit its own schema.
pub fn encode_reference(
    query_id: QueryId,
    content: &ReferenceContent,
) -> Result<Vec<FlightData>, EncodeError> {
    let schema = content_schema(content.columns());
    // Half of the limit: buffers are padded. Text is no longer than an eighth of it.
    let slices = small_slices(content.batch(), REFERENCE_BODY_BYTES_MAX / 2);
    let mut messages = encode_slices(query_id, v1::AnswerKind::Reference, &schema, slices)?;
    let header = crate::reference::Header::of(query_id, content).encode();
    if let Some(first) = messages.first_mut() {
        first.flight_descriptor = Some(arrow_flight::FlightDescriptor::new_cmd(header));
    }
    Ok(messages)
}

/// Halves until each has no more than so many bytes, or is a row.
fn small_slices(batch: &RecordBatch, bytes_max: usize) -> Vec<RecordBatch> {
    let size = |batch: &RecordBatch| {
        let of_column = |c: &arrow_array::ArrayRef| c.to_data().get_slice_memory_size();
        let sizes = batch.columns().iter().map(of_column);
        sizes.fold(0, |sum: usize, size| sum.saturating_add(size.unwrap_or(usize::MAX)))
    };
    let mut small = Vec::new();
    let mut waiting = vec![batch.clone()];
    while let Some(batch) = waiting.pop() {
        let rows = batch.num_rows();
        if rows <= 1 || (rows <= BATCH_ROWS_MAX && size(&batch) <= bytes_max) {
            small.push(batch);
            continue;
        }
        let middle = rows / 2;
        waiting.push(batch.slice(middle, rows.saturating_sub(middle)));
        waiting.push(batch.slice(0, middle));
    }
    small
}

/// Why an answer couldn't be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Evidence of a dataset that is released at the node.
    #[error("the data owner doesn't release evidence to a gateway")]
    NotForTheGateway,
    /// A column of a type that results don't have.
    #[error(transparent)]
    NotRebuildable(#[from] NotRebuildable),
    /// Batches that don't fit together.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Messages for a node's complete answer: schema, batches, Receipt. Private: what may be encoded is
/// decided by the types of the functions above.
fn encode(
    query_id: QueryId,
    kind: v1::AnswerKind,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Vec<FlightData>, EncodeError> {
    encode_slices(query_id, kind, schema, batches.iter().flat_map(slices))
}

/// The messages, with a batch for each slice that has rows.
fn encode_slices(
    query_id: QueryId,
    kind: v1::AnswerKind,
    schema: &SchemaRef,
    slices: impl IntoIterator<Item = RecordBatch>,
) -> Result<Vec<FlightData>, EncodeError> {
    let options = IpcWriteOptions::default();
    let generator = IpcDataGenerator::default();
    let mut tracker = DictionaryTracker::new(true);
    let mut compression = IpcWriteContext::default();
    let mut messages: Vec<FlightData> = vec![
        generator.schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options).into(),
    ];
    let mut rows = 0_u64;
    for slice in slices {
        if slice.schema_ref().fields() != schema.fields() {
            return Err(NotRebuildable.into());
        }
        // A slice still refers to the whole batch's buffers, but IPC writes the slice's part only.
        let (_, message) = generator.encode(&slice, &mut tracker, &options, &mut compression)?;
        rows = rows.saturating_add(u64::try_from(slice.num_rows()).unwrap_or(u64::MAX));
        messages.push(message.into());
    }
    let receipt = v1::Receipt {
        query_id: query_id.0.to_vec(),
        kind: kind.into(),
        rows,
        batches: u64::try_from(messages.len().saturating_sub(1)).unwrap_or(u64::MAX),
        sha256: digest(&messages),
    };
    messages
        .push(FlightData { app_metadata: receipt.encode_to_vec().into(), ..FlightData::default() });
    Ok(messages)
}

fn slices(batch: &RecordBatch) -> Vec<RecordBatch> {
    let width = batch.get_array_memory_size().checked_div(batch.num_rows()).unwrap_or(0).max(1);
    // Aim at a quarter of the limit, and halve what an uneven spread of long values makes larger than half of it.
    let step = (BODY_BYTES_MAX / 4).checked_div(width).unwrap_or(1).clamp(1, BATCH_ROWS_MAX);
    (0..batch.num_rows())
        .step_by(step)
        .map(|at| batch.slice(at, step.min(batch.num_rows().saturating_sub(at))))
        .flat_map(|slice| small_slices(&slice, BODY_BYTES_MAX / 2))
        .collect()
}

fn digest(messages: &[FlightData]) -> Vec<u8> {
    let mut sha = Sha256::new();
    for message in messages {
        absorb(&mut sha, message);
    }
    sha.finalize().to_vec()
}

fn absorb(sha: &mut Sha256, message: &FlightData) {
    // Lengths first, so that no byte can move between header and body unnoticed.
    sha.update((message.data_header.len() as u64).to_be_bytes());
    sha.update(&message.data_header);
    sha.update((message.data_body.len() as u64).to_be_bytes());
    sha.update(&message.data_body);
}

/// Why an answer wasn't taken.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The transport failed, or the peer answered with a status.
    #[error(transparent)]
    Status(#[from] tonic::Status),
    /// The stream ended without a Receipt.
    #[error("the answer ended without its receipt")]
    Incomplete,
    /// Something in it isn't as it must be.
    #[error("the answer isn't valid: {0}")]
    Malformed(&'static str),
    /// More than was allowed.
    #[error("the answer is larger than allowed")]
    TooLarge,
}

impl From<Malformed> for FrameError {
    fn from(_: Malformed) -> Self {
        Self::Malformed("receipt")
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// The batches; each has the expected schema.
    pub batches: Vec<RecordBatch>,
    /// Bytes received.
    pub bytes: usize,
}

/// Reads a complete answer under guard.
///
/// # Errors
/// Anything but: the expected schema, plain record batches of bounded size, a Receipt for exactly them.
pub async fn decode(
    messages: impl Stream<Item = Result<FlightData, tonic::Status>> + Unpin,
    query_id: QueryId,
    kind: v1::AnswerKind,
    schema: &SchemaRef,
) -> Result<Answer, FrameError> {
    decode_within(messages, query_id, kind, schema, ANSWER_BYTES_MAX).await
}

/// Reads a content of a reference under guard, whose header came with the first message, up to so many bytes: its
/// batches.
///
/// # Errors
/// As [`decode`].
pub async fn decode_reference(
    messages: impl Stream<Item = Result<FlightData, tonic::Status>> + Unpin,
    header: &crate::reference::Header,
    bytes_max: usize,
) -> Result<Vec<RecordBatch>, FrameError> {
    let (kind, schema) = (v1::AnswerKind::Reference, content_schema(&header.columns));
    let bytes_max = bytes_max.min(REFERENCE_BYTES_MAX);
    let answer = decode_within(messages, header.query_id, kind, &schema, bytes_max).await?;
    Ok(answer.batches)
}

async fn decode_within(
    mut messages: impl Stream<Item = Result<FlightData, tonic::Status>> + Unpin,
    query_id: QueryId,
    kind: v1::AnswerKind,
    schema: &SchemaRef,
    bytes_max: usize,
) -> Result<Answer, FrameError> {
    let mut sha = Sha256::new();
    let mut batches = Vec::new();
    let (mut bytes, mut rows, mut count) = (0_usize, 0_u64, 0_u64);
    let mut seen_schema = false;
    while let Some(message) = messages.next().await {
        let message = message?;
        bytes = bytes
            .saturating_add(message.data_header.len())
            .saturating_add(message.data_body.len())
            .saturating_add(message.app_metadata.len());
        if bytes > bytes_max || message.data_body.len() > BODY_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        if message.data_header.is_empty() {
            if !seen_schema || !message.data_body.is_empty() {
                return Err(FrameError::Malformed("receipt"));
            }
            let expected = v1::Receipt {
                query_id: query_id.0.to_vec(),
                kind: kind.into(),
                rows,
                batches: count,
                sha256: sha.finalize().to_vec(),
            };
            let receipt: v1::Receipt = decode_exactly(&message.app_metadata)?;
            if receipt != expected {
                return Err(FrameError::Malformed("receipt"));
            }
            // The Receipt is the last message; what follows it isn't covered by it.
            return match messages.next().await {
                None => Ok(Answer { batches, bytes }),
                Some(Ok(_)) => Err(FrameError::Malformed("message after the receipt")),
                Some(Err(status)) => Err(status.into()),
            };
        }
        absorb(&mut sha, &message);
        if seen_schema {
            let batch = guarded_batch(&message, schema)?;
            rows = rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
            count = count.saturating_add(1);
            batches.push(batch);
        } else {
            guarded_schema(&message, schema)?;
            seen_schema = true;
        }
    }
    Err(FrameError::Incomplete)
}

fn guarded_schema(message: &FlightData, expected: &SchemaRef) -> Result<(), FrameError> {
    let invalid = FrameError::Malformed("schema");
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let header = arrow_ipc::root_as_message(&message.data_header).ok()?;
        let schema = header.header_as_schema()?;
        Some(arrow_ipc::convert::fb_to_schema(schema))
    }));
    match decoded {
        Ok(Some(schema))
            if schema.fields() == expected.fields() && message.data_body.is_empty() =>
        {
            Ok(())
        }
        Ok(_) | Err(_) => Err(invalid),
    }
}

fn guarded_batch(message: &FlightData, schema: &SchemaRef) -> Result<RecordBatch, FrameError> {
    let invalid = || FrameError::Malformed("batch");
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let header = arrow_ipc::root_as_message(&message.data_header).ok()?;
        if header.header_type() != MessageHeader::RecordBatch {
            return None;
        }
        let batch = header.header_as_record_batch()?;
        // A forged length in a compressed body aborts the process: none is accepted.
        if batch.compression().is_some() {
            return None;
        }
        let rows = usize::try_from(batch.length()).ok()?;
        if rows > BATCH_ROWS_MAX {
            return None;
        }
        flight_data_to_arrow_batch(
            message,
            SchemaRef::clone(schema),
            &std::collections::HashMap::new(),
        )
        .ok()
    }));
    match decoded {
        Ok(Some(batch)) => Ok(batch),
        Ok(None) | Err(_) => Err(invalid()),
    }
}
