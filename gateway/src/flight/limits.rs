//! How much clients may hold and do at a time. Everything a client can pile up has a number here.

use std::time::Duration;

/// The largest message that is read, in bytes; every gRPC library's default for reading, too.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// The size that messages of an answer are cut to, in bytes.
pub(crate) const ANSWER_MESSAGE_BYTES: usize = 1 << 20;
/// The largest row of an answer, in bytes: with its frame it still fits a message.
pub(crate) const ROW_BYTES_MAX: usize = 3 << 20;
/// The longest command that asks for metadata, in bytes. Statements are measured by the gate.
pub(crate) const CATALOGUE_COMMAND_BYTES_MAX: usize = 16 << 10;
/// The longest wait for a client's next message.
pub(crate) const CLIENT_IDLE_MAX: Duration = Duration::from_secs(30);
/// The longest that an answer may take on its way out.
pub(crate) const SENDING_MAX: Duration = Duration::from_secs(600);
/// How long what expired may still be held.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long a ticket can be redeemed.
pub(crate) const TICKET_LIFE: Duration = Duration::from_secs(600);
/// How long a prepared statement is kept after its last use.
pub(crate) const PREPARED_LIFE: Duration = Duration::from_secs(3_600);
/// The most prepared statements of one analyst.
pub(crate) const PREPARED_PER_ANALYST_MAX: usize = 128;
/// The most memory that an analyst's tickets hold, and their prepared statements, each by [`plan_bytes`].
pub(crate) const PLANS_PER_ANALYST_BYTES_MAX: usize = 64 << 20;
/// The most memory that tickets of all analysts hold, and prepared statements of all, likewise.
pub(crate) const PLANS_BYTES_MAX: usize = 512 << 20;

/// About how much memory a statement's plan takes: of 7.5 KB, 1.13 MiB were measured. Values of parameters stand in several
/// parts of it.
pub(crate) const fn plan_bytes(text_bytes: usize, value_bytes: usize) -> usize {
    text_bytes.saturating_mul(160).saturating_add(value_bytes.saturating_mul(4))
}

/// What a gateway allows its clients, all together and each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest deadline of a statement.
    pub deadline_max: Duration,
    /// The most statements that run at a time.
    pub statements_running_max: usize,
    /// The most statements that wait for one of the running to end.
    pub statements_waiting_max: usize,
}

impl Limits {
    /// The most statements that run and wait for one analyst: as many as may run, and never all the
    /// places if there are two.
    pub(crate) fn per_analyst_max(&self) -> usize {
        let places = self.statements_running_max.saturating_add(self.statements_waiting_max);
        self.statements_running_max.min(places.saturating_sub(1)).max(1)
    }
}
