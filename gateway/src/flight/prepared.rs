//! Prepared statements: planned once, bound to parameters, announced as often as a client likes.
//!
//! Parameters stay here under the statement's own handle, which suits clients that go on with the
//! handle `DoPut` returns and those that ignore it. What was announced keeps the parameters it was
//! announced with; binding others later doesn't change it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    DoPutPreparedStatementResult,
};
use arrow_schema::SchemaRef;

use super::call::Call;
use super::command::no_transaction;
use super::encode;
use super::handles::{Handle, Holding, Holdings, Life, WhenFull, unknown_handle};
use super::limits::{
    MESSAGE_BYTES_MAX, PLANS_BYTES_MAX, PLANS_PER_ANALYST_BYTES_MAX, PREPARED_LIFE,
    PREPARED_PER_ANALYST_MAX, plan_bytes,
};
use super::planning::Planning;
use crate::query::{Bound, Gateway, Prepared};
use crate::status::Fault;

/// A prepared statement with the options it was prepared under; they don't change its schema later.
#[derive(Clone)]
struct Kept {
    prepared: Arc<Prepared>,
    deadline: Duration,
    bound: Option<Arc<Bound>>,
    /// How long its text is.
    text_bytes: usize,
    /// About how much memory it takes as it is bound.
    bytes: usize,
}

/// All prepared statements.
pub(crate) struct PreparedStatements {
    gateway: Arc<Gateway>,
    planning: Arc<Planning>,
    kept: Holdings<Handle, Kept>,
}

impl PreparedStatements {
    pub(crate) fn new(gateway: Arc<Gateway>, planning: Arc<Planning>) -> Self {
        let rules = Holding {
            per_analyst_max: PREPARED_PER_ANALYST_MAX,
            total_max: 2_048,
            weight_per_analyst_max: PLANS_PER_ANALYST_BYTES_MAX,
            weight_total_max: PLANS_BYTES_MAX,
            life: Life::SinceUsed(PREPARED_LIFE),
            when_full: WhenFull::Refuse,
        };
        Self { gateway, planning, kept: Holdings::new(rules) }
    }

    /// Prepares a statement.
    pub(crate) async fn create(
        &self,
        call: &Call,
        request: &ActionCreatePreparedStatementRequest,
    ) -> Result<ActionCreatePreparedStatementResult, Fault> {
        no_transaction(request.transaction_id.as_ref())?;
        let deadline = call.options.deadline;
        let by = &call.analyst;
        let planned = self.gateway.prepare_for(request.query.as_bytes(), &call.options, by);
        let prepared = Arc::new(self.planning.plan(by, deadline, planned).await?);
        // Never empty: JDBC takes a statement without a schema for an update.
        let dataset_schema = encode::announced(prepared.schema())?;
        let parameter_schema = encode::announced(prepared.parameter_schema())?;
        let handle = Handle::random()?;
        let text_bytes = request.query.len();
        let bytes = plan_bytes(text_bytes, 0);
        let kept = Kept { prepared, deadline, bound: None, text_bytes, bytes };
        self.kept.hold(handle, &call.analyst, kept, bytes, Instant::now())?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.bytes(),
            dataset_schema,
            parameter_schema,
        })
    }

    /// Binds a statement to parameters, which are checked here and now.
    pub(crate) async fn bind(
        &self,
        call: &Call,
        handle: &[u8],
        parameters: RecordBatch,
    ) -> Result<DoPutPreparedStatementResult, Fault> {
        let handle = Handle::read(handle)?;
        let kept = self.find(call, handle)?;
        let by = &call.analyst;
        let bytes = plan_bytes(kept.text_bytes, value_bytes(&parameters));
        let bound = self.gateway.bind_for(&kept.prepared, Some(parameters), by);
        let bound = Arc::new(self.planning.plan(by, kept.deadline, bound).await?);
        let now = Instant::now();
        self.kept.reweigh(&handle, by, bytes, now)?;
        self.kept
            .change(&handle, by, now, |kept| (kept.bound, kept.bytes) = (Some(bound), bytes))
            .ok_or_else(unknown_handle)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.bytes()) })
    }

    /// The statement as it is bound at this moment, about how many bytes it takes, and its deadline.
    pub(crate) async fn bound(
        &self,
        call: &Call,
        handle: &[u8],
    ) -> Result<(Bound, usize, Duration), Fault> {
        let kept = self.find(call, Handle::read(handle)?)?;
        let bound = match kept.bound {
            Some(bound) => Bound::clone(&bound),
            None => {
                let bound = self.gateway.bind_for(&kept.prepared, None, &call.analyst);
                self.planning.plan(&call.analyst, kept.deadline, bound).await?
            }
        };
        Ok((bound, kept.bytes, kept.deadline))
    }

    /// The schema of the statement's answer.
    pub(crate) fn schema(&self, call: &Call, handle: &[u8]) -> Result<SchemaRef, Fault> {
        let kept = self.find(call, Handle::read(handle)?)?;
        Ok(Arc::clone(kept.prepared.schema()))
    }

    /// How many parameters the statement has.
    pub(crate) fn parameters(&self, call: &Call, handle: &[u8]) -> Result<usize, Fault> {
        let kept = self.find(call, Handle::read(handle)?)?;
        Ok(kept.prepared.parameter_schema().fields().len())
    }

    /// Lets a statement go. One that isn't there, or no longer, is as good as closed.
    pub(crate) fn close(&self, call: &Call, handle: &[u8]) {
        if let Ok(handle) = Handle::read(handle) {
            self.kept.release(&handle, &call.analyst, Instant::now());
        }
    }

    /// Lets go the statements that expired.
    pub(crate) fn sweep(&self) {
        self.kept.sweep(Instant::now());
    }

    fn find(&self, call: &Call, handle: Handle) -> Result<Kept, Fault> {
        let kept = self.kept.get(&handle, &call.analyst, Instant::now());
        kept.ok_or_else(|| unknown_handle().into())
    }
}

/// How many bytes the values themselves have.
fn value_bytes(parameters: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size();
    // What can't be counted counts as if there were no place for it.
    parameters.columns().iter().map(|c| bytes(c).unwrap_or(MESSAGE_BYTES_MAX)).sum()
}
