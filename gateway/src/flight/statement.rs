//! Statements: announced with a ticket, run when the ticket is redeemed.
//!
//! A ticket is a random number. What it stands for stays here: the bound statement, whose schema was
//! announced, and its deadline. Within the ticket's life a second `DoGet` asks the same question again.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arrow_flight::sql::{ProstMessageExt as _, TicketStatementQuery};
use arrow_schema::SchemaRef;
use prost::Message as _;
use prost::bytes::Bytes;

use super::call::Call;
use super::encode;
use super::handles::{Handle, Holding, Holdings, Life, WhenFull, unknown_handle};
use super::limits::{
    Limits, PLANS_BYTES_MAX, PLANS_PER_ANALYST_BYTES_MAX, TICKET_LIFE, plan_bytes,
};
use super::outgoing::{FlightDataStream, watched};
use super::planning::Planning;
use super::running::Running;
use crate::query::{Bound, Gateway, QueryId};
use crate::status::Fault;

/// An answer that a client may fetch.
#[derive(Debug)]
pub(crate) struct Announced {
    /// The schema, the same in every place where it is said.
    pub(crate) schema: SchemaRef,
    /// What `DoGet` takes.
    pub(crate) ticket: Bytes,
    /// Until when it takes it; always, for an answer about the catalogue.
    pub(crate) expires: Option<SystemTime>,
}

/// What a ticket stands for.
struct Ticketed {
    bound: Bound,
    deadline: Duration,
}

/// All statements with a ticket, and those that run.
pub(crate) struct Statements {
    gateway: Arc<Gateway>,
    planning: Arc<Planning>,
    tickets: Holdings<Handle, Arc<Ticketed>>,
    running: Running,
}

impl Statements {
    pub(crate) fn new(gateway: Arc<Gateway>, planning: Arc<Planning>, limits: Limits) -> Self {
        let rules = Holding {
            per_analyst_max: 256,
            total_max: 4_096,
            weight_per_analyst_max: PLANS_PER_ANALYST_BYTES_MAX,
            weight_total_max: PLANS_BYTES_MAX,
            life: Life::SinceMade(TICKET_LIFE),
            when_full: WhenFull::Replace,
        };
        Self { gateway, planning, tickets: Holdings::new(rules), running: Running::new(limits) }
    }

    /// The schema of a statement's answer.
    pub(crate) async fn schema(&self, call: &Call, sql: &str) -> Result<SchemaRef, Fault> {
        let planned = self.gateway.prepare_for(sql.as_bytes(), &call.options, &call.analyst);
        let prepared = self.planning.plan(&call.analyst, call.options.deadline, planned).await?;
        Ok(Arc::clone(prepared.schema()))
    }

    /// Announces a statement's answer.
    pub(crate) async fn ask(&self, call: &Call, sql: &str) -> Result<Announced, Fault> {
        let by = &call.analyst;
        let planned = async {
            let prepared = self.gateway.prepare_for(sql.as_bytes(), &call.options, by).await?;
            self.gateway.bind_for(&prepared, None, by).await
        };
        let bound = self.planning.plan(by, call.options.deadline, planned).await?;
        self.announce(call, bound, plan_bytes(sql.len(), 0), call.options.deadline)
    }

    /// Announces the answer of a statement that is bound already, whose plan takes about so many bytes.
    pub(crate) fn announce(
        &self,
        call: &Call,
        bound: Bound,
        bytes: usize,
        deadline: Duration,
    ) -> Result<Announced, Fault> {
        let handle = Handle::random()?;
        let schema = Arc::clone(bound.schema());
        let ticketed = Arc::new(Ticketed { bound, deadline });
        self.tickets.hold(handle, &call.analyst, ticketed, bytes, Instant::now())?;
        let ticket = TicketStatementQuery { statement_handle: handle.bytes() };
        let ticket = ticket.as_any().encode_to_vec().into();
        Ok(Announced { schema, ticket, expires: SystemTime::now().checked_add(TICKET_LIFE) })
    }

    /// Redeems a ticket: runs the statement and sends its answer, with the id of the query it was.
    pub(crate) async fn fetch(
        &self,
        call: &Call,
        handle: &[u8],
    ) -> Result<(FlightDataStream, QueryId), Fault> {
        let handle = Handle::read(handle)?;
        // First among the running, then the ticket: a cancellation in between finds one or the other.
        let came = tokio::time::Instant::now();
        let mut run = self.running.start(&call.analyst, handle)?;
        let ticketed =
            self.tickets.get(&handle, &call.analyst, Instant::now()).ok_or_else(unknown_handle)?;
        let began = Instant::now();
        let query = run.query();
        let executed = self.gateway.execute_for(&ticketed.bound, query, &call.analyst);
        // Nothing is answered after the last of the times, so nothing works longer.
        let (times, deadline) = (ticketed.bound.answer_times(), ticketed.deadline);
        let work_max = times.last().map_or(deadline, |last| last.min(deadline));
        let answered = run.work(work_max, executed).await;
        let answered = run.until_sent(&times, came, deadline, answered).await;
        let outcome = answered.as_ref().map_or_else(Fault::label, |_| "answered");
        let asked = ticketed.bound.options();
        tracing::info!(
            %query,
            analyst = call.analyst.name(),
            project = asked.project.as_deref(),
            purpose = asked.purpose.as_deref(),
            outcome,
            ms = began.elapsed().as_millis(),
            "a statement ended"
        );
        let messages = answered
            .and_then(|answer| {
                encode::answer(ticketed.bound.schema(), answer.batches(), answer.suppressed_cells())
            })
            .map_err(|fault| fault.of(query))?;
        Ok((watched(messages, run), query))
    }

    /// Cancels a ticket and whatever runs for it.
    pub(crate) fn cancel(&self, call: &Call, handle: &[u8]) -> Result<(), Fault> {
        let handle = Handle::read(handle)?;
        let released = self.tickets.release(&handle, &call.analyst, Instant::now());
        self.running.cancel(&call.analyst, handle);
        released.map(|_| ()).ok_or_else(|| unknown_handle().into())
    }

    /// Lets a ticket live longer; returns until when.
    pub(crate) fn renew(&self, call: &Call, handle: &[u8]) -> Result<Option<SystemTime>, Fault> {
        let handle = Handle::read(handle)?;
        self.tickets.renew(&handle, &call.analyst, Instant::now()).ok_or_else(unknown_handle)?;
        Ok(SystemTime::now().checked_add(TICKET_LIFE))
    }

    /// Lets go the tickets that expired.
    pub(crate) fn sweep(&self) {
        self.tickets.sweep(Instant::now());
    }

    /// Says what would be asked of whom and what would be refused.
    pub(crate) async fn explain(&self, call: &Call, sql: &[u8]) -> Result<String, Fault> {
        let explained = self.gateway.explain_for(sql, &call.options, &call.analyst);
        self.planning.plan(&call.analyst, call.options.deadline, explained).await
    }
}
