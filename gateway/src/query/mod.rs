//! The life of a query: gate, parse, cut, admit; then gather, protect, run the upper plan, rebuild.
//!
//! ```text
//! prepare  text ─ gate ─ raw plan ─ cut ─ admit ─ optimise ─► Ready      nothing is read
//! bind     placeholders get values, and everything is checked again
//! execute  Ready ─ gather from all departments ─ protect ─ upper plan ─ rebuild ─► Answer
//! ```

mod options;
mod prepare;

pub use insitu_proto::request::QueryId;
pub use options::Options;
pub(crate) use options::label;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use futures::future::try_join_all;
use insitu_disclosure::{
    AnswerTimes, Dataset, Derivation, Protected, Refusal, RefusalCode, Refusals, Table, admit,
};
use insitu_guard::Guards;
use tracing::Instrument as _;

use crate::catalog::{Catalog, Held};
use crate::explain;
use crate::gather::Gathering;
use crate::nodes::Directory;
use crate::plan::{self, Leaf, OpenNeed, PlanningThreads, Session};

/// The query engine: the departments, and what plans over them.
#[derive(Debug)]
pub struct Gateway {
    directory: Arc<Directory>,
    session: Session,
    guards: Arc<Guards>,
    threads: PlanningThreads,
}

/// A statement that was checked and can be run, once its placeholders have values.
#[derive(Debug, Clone)]
pub struct Prepared {
    raw: Arc<LogicalPlan>,
    options: Options,
    parameters: SchemaRef,
    schema: SchemaRef,
    /// Set where there are no placeholders.
    ready: Option<Arc<Ready>>,
}

/// A statement with all its values, checked.
#[derive(Debug, Clone)]
pub struct Bound {
    ready: Arc<Ready>,
    options: Options,
}

/// A plan that can be run.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) optimised: LogicalPlan,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) needs: HashMap<usize, OpenNeed>,
    pub(crate) schema: SchemaRef,
}

/// A complete answer: protected, and made anew value by value.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    batches: Protected<Vec<RecordBatch>>,
    suppressed_cells: usize,
}

/// How long after the departments' answer times the gateway's are: for the way, and for what runs over
/// their tables.
const GATHERING_MS: u32 = 250;

impl Prepared {
    /// Types of the result, as a client sees them.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Types of the placeholders `$1`, `$2`, ... in numeric order.
    #[must_use]
    pub const fn parameter_schema(&self) -> &SchemaRef {
        &self.parameters
    }
}

impl Bound {
    /// Types of the result; the same as the [`Prepared`]'s it comes from.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.ready.schema
    }

    /// When its answer may be sent, counted from when it is asked to run. It comes a little after the
    /// departments', so that an answer that a department sends at one of its times has arrived.
    #[must_use]
    pub fn answer_times(&self) -> AnswerTimes {
        let datasets = self.ready.leaves.iter().map(|leaf| &leaf.held().dataset);
        let times = datasets
            .fold(AnswerTimes::at_once(), |times, dataset| times.coarser(dataset.answer_times()));
        times.later_by(GATHERING_MS)
    }

    /// What the analyst chose for the statement when it was prepared.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }
}

impl Answer {
    /// Types of the result; the same as announced.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Suppressed cells of the released tables that the result was computed from, rounded up to a
    /// multiple of 5 for each table. Where the result is an aggregate of theirs, nothing else tells.
    #[must_use]
    pub const fn suppressed_cells(&self) -> usize {
        self.suppressed_cells
    }

    /// The result, in batches of at most 1,024 rows.
    #[must_use]
    pub const fn batches(&self) -> &Protected<Vec<RecordBatch>> {
        &self.batches
    }
}

impl Gateway {
    /// A gateway over these departments, with this much memory for upper plans.
    ///
    /// # Errors
    /// The engine's, while setting up.
    pub fn new(
        directory: Arc<Directory>,
        memory_bytes: usize,
        guards: Guards,
    ) -> Result<Self, crate::server::GatewayError> {
        let session = Session::new(memory_bytes)
            .map_err(|e| crate::server::GatewayError::Engine(e.to_string()))?;
        let (guards, threads) = (Arc::new(guards), PlanningThreads::new());
        Ok(Self { directory, session, guards, threads })
    }

    /// Checks a statement: gate, parse, cut and, where there are no placeholders, admission. Nothing
    /// is read.
    ///
    /// # Errors
    /// All Refusals found.
    pub async fn prepare(&self, sql: &[u8], options: &Options) -> Result<Prepared, Refusals> {
        let catalog = self.directory.catalog();
        prepare::prepare(&self.threads, catalog, self.session.state(), sql, options).await
    }

    /// Gives placeholders their values, from a batch of one row, and checks everything again. Nothing
    /// is read.
    ///
    /// # Errors
    /// Values that don't fit; all Refusals found.
    pub async fn bind(
        &self,
        prepared: &Prepared,
        parameters: Option<RecordBatch>,
    ) -> Result<Bound, Refusals> {
        let ready =
            prepare::bind(&self.threads, prepared, parameters, self.session.state()).await?;
        Ok(Bound { ready, options: prepared.options.clone() })
    }

    /// Runs a statement: one round trip to each department. Dropping the future cancels the work at
    /// the departments, whose logs know it by the id.
    ///
    /// # Errors
    /// A department that is missing, fails or refuses; a limit; an upper plan without a value.
    pub async fn execute(&self, bound: &Bound, id: QueryId) -> Result<Answer, Refusals> {
        let deadline = Instant::now().checked_add(bound.options.deadline);
        let deadline = deadline.ok_or_else(out_of_time)?;
        let run = self.run(&bound.ready, id, deadline);
        // At a level that is always on: without it an error in the log belongs to no query.
        let span = tracing::error_span!("query", %id);
        tokio::time::timeout(bound.options.deadline, run.instrument(span))
            .await
            .unwrap_or_else(|_| Err(out_of_time()))
    }

    async fn run(
        &self,
        ready: &Ready,
        query_id: QueryId,
        deadline: Instant,
    ) -> Result<Answer, Refusals> {
        let (directory, guards) = (&self.directory, &self.guards);
        let gathering = Gathering { directory, guards, query_id, deadline };
        let catalog = self.directory.catalog();
        let (gathered, opened) = futures::future::try_join(
            try_join_all(distinct_tabulations(ready).into_iter().map(|(indexes, leaf)| {
                let current = current(&catalog, leaf);
                async move {
                    let Leaf::Tabulation { tabulation, .. } = leaf else { return Ok(None) };
                    let held = current?;
                    let admitted = admit(tabulation.clone(), Arc::clone(&held.dataset))?;
                    let admitted = Arc::new(admitted);
                    let table = gathering.tabulate(&admitted, &held).await?;
                    Ok::<_, Refusals>(Some((indexes, table)))
                }
            })),
            try_join_all(distinct_rows(ready).into_iter().map(|(indexes, leaf, need)| {
                let current = current(&catalog, leaf);
                async move {
                    let Leaf::OpenRows { open, .. } = leaf else { return Ok(None) };
                    let held = current?;
                    let rows = gathering.open_rows(open, &held, need).await?;
                    Ok::<_, Refusals>(Some((indexes, rows)))
                }
            })),
        )
        .await?;
        let (positions, protected): (Vec<_>, Vec<_>) = gathered.into_iter().flatten().unzip();
        let (tables, derivation) = Derivation::open(protected);
        let suppressed_cells =
            tables.iter().map(Table::suppressed_cells).fold(0, usize::saturating_add);
        let mut leaves: HashMap<usize, (SchemaRef, Vec<RecordBatch>)> = HashMap::new();
        for (indexes, rows) in opened.into_iter().flatten() {
            for index in indexes {
                leaves.insert(index, rows.clone());
            }
        }
        for (indexes, table) in positions.into_iter().zip(tables) {
            let batch = table.to_batch().map_err(|_| internal())?;
            for index in indexes {
                leaves.insert(index, (Arc::clone(table.schema()), vec![batch.clone()]));
            }
        }
        let batches =
            plan::run_upper(ready.optimised.clone(), leaves, self.session.state()).await?;
        let batches: Option<Vec<RecordBatch>> =
            batches.iter().map(|b| plan::to_client(b, &ready.schema)).collect();
        let batches = batches.ok_or_else(internal)?;
        let batches = derivation.close(&batches, &ready.schema).map_err(|_| internal())?;
        Ok(Answer { schema: Arc::clone(&ready.schema), batches, suppressed_cells })
    }

    /// Where each part of a statement would run and which rules would apply, from its text, the
    /// policies and the catalogue alone.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn explain(&self, sql: &[u8], options: &Options) -> Result<String, Refusals> {
        let prepared = self.prepare(sql, options).await?;
        let ready = prepare::typical(&self.threads, &prepared, self.session.state()).await?;
        Ok(explain::explain(&ready))
    }

    /// Datasets announced at this moment, by name, without their hidden columns.
    #[must_use]
    pub fn datasets(&self) -> Vec<Arc<Dataset>> {
        self.directory.catalog().iter().map(|held| Arc::clone(&held.dataset)).collect()
    }

    /// The departments.
    #[must_use]
    pub const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }
}

/// Tabulations that are asked for, each once, with all the leaves that show it.
fn distinct_tabulations(ready: &Ready) -> Vec<(Vec<usize>, &Leaf)> {
    let mut distinct: Vec<(Vec<usize>, &Leaf)> = Vec::new();
    for (index, leaf) in ready.leaves.iter().enumerate() {
        let Leaf::Tabulation { tabulation, .. } = leaf else { continue };
        let same = distinct.iter_mut().find(|(_, known)| match known {
            Leaf::Tabulation { tabulation: known, .. } => known == tabulation,
            Leaf::OpenRows { .. } => false,
        });
        match same {
            Some((indexes, _)) => indexes.push(index),
            None => distinct.push((vec![index], leaf)),
        }
    }
    distinct
}

/// Open rows that are asked for, each once, with all the leaves that read them.
fn distinct_rows(ready: &Ready) -> Vec<(Vec<usize>, &Leaf, &OpenNeed)> {
    let mut distinct: Vec<(Vec<usize>, &Leaf, &OpenNeed)> = Vec::new();
    for (index, leaf) in ready.leaves.iter().enumerate() {
        let (Leaf::OpenRows { open, .. }, Some(need)) = (leaf, ready.needs.get(&index)) else {
            continue;
        };
        let same = distinct.iter_mut().find(|(_, known, known_need)| match known {
            Leaf::OpenRows { open: known, .. } => {
                known.get().name == open.get().name && *known_need == need
            }
            Leaf::Tabulation { .. } => false,
        });
        match same {
            Some((indexes, ..)) => indexes.push(index),
            None => distinct.push((vec![index], leaf, need)),
        }
    }
    distinct
}

/// The leaf's dataset as it is announced now: under other terms than the statement was checked with,
/// it isn't asked.
fn current(catalog: &Catalog, leaf: &Leaf) -> Result<Arc<Held>, Refusals> {
    let planned = &leaf.held().dataset;
    match catalog.get(&planned.name) {
        Some(held) if held.dataset == *planned && held.conflict.is_none() => Ok(Arc::clone(held)),
        Some(_) | None => Err(Refusal::new(
            RefusalCode::N404,
            format!("the terms of `{}` changed since the statement was checked.", planned.name),
            "Ask again.",
        )
        .into()),
    }
}

fn out_of_time() -> Refusals {
    Refusal::new(
        RefusalCode::L505,
        "the deadline has passed.",
        "Ask for less at once, or for a longer deadline.",
    )
    .into()
}

fn internal() -> Refusals {
    Refusal::new(
        RefusalCode::X901,
        "something went wrong inside the gateway.",
        "Report the query id.",
    )
    .into()
}
