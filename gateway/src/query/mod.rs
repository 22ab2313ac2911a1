//! The life of a query: gate, parse, cut, admit; then gather, protect, run the upper plan, rebuild.
//!
//! ```text
//! prepare  text ─ gate ─ raw plan ─ cut ─ admit ─ optimise ─► Ready      nothing is read
//! bind     placeholders get values, and everything is checked again
//! execute  Ready ─ gather from all departments ─ protect ─ upper plan ─ rebuild ─► Answer
//! ```

mod bound;
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
use futures::future::try_join_all;
use insitu_disclosure::{
    AnswerTimes, Dataset, Derivation, Protected, Refusal, RefusalCode, Refusals, Table,
};
use insitu_engine::{Sessions, SharedPlan, SpillFolder};
use insitu_guard::Guards;
use tracing::Instrument as _;

use crate::analyst::Analyst;
use crate::catalog::{Catalog, Held, Joined};
use crate::gate::{self, ExplainFormat, Explained};
use crate::gather::{Asked, Gathering};
use crate::nodes::Directory;
use crate::plan::{self, Leaf, OpenNeed, PlanningThreads, Request, Session, View};
use crate::references::References;
use crate::result_cache::ResultCache;

/// The query engine: the departments, and what plans over them.
#[derive(Debug)]
pub struct Gateway {
    directory: Arc<Directory>,
    session: Session,
    guards: Arc<Guards>,
    references: References,
    threads: PlanningThreads,
    results: ResultCache,
}

/// A statement that was checked and can be run, once its placeholders have values.
#[derive(Debug, Clone)]
pub struct Prepared {
    raw: SharedPlan,
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
    pub(crate) optimised: SharedPlan,
    pub(crate) leaves: Vec<Leaf>,
    /// What the departments are asked for the leaves that are Tabulations.
    pub(crate) requests: Vec<Request>,
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
        let datasets = self.ready.leaves.iter().map(Leaf::rows);
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
    /// A gateway over these departments, with this much memory for upper plans, and this folder for what doesn't fit. It keeps no results:
    /// see [`Self::keeping_results`].
    ///
    /// # Errors
    /// The engine's, while setting up.
    pub fn new(
        sessions: Arc<dyn Sessions>,
        directory: Arc<Directory>,
        memory_bytes: usize,
        spill: Option<&Arc<SpillFolder>>,
        guards: Guards,
    ) -> Result<Self, crate::server::GatewayError> {
        let session = Session::new(sessions, memory_bytes, spill)
            .map_err(|e| crate::server::GatewayError::Engine(e.to_string()))?;
        let (guards, threads) = (Arc::new(guards), PlanningThreads::new());
        let (references, results) = (References::default(), ResultCache::new(0));
        Ok(Self { directory, session, guards, references, threads, results })
    }

    /// The same with so many bytes for tables that an analyst may ask for again; of 0 none are kept.
    #[must_use]
    pub fn keeping_results(self, bytes_max: usize) -> Self {
        Self { results: ResultCache::new(bytes_max), ..self }
    }

    /// Checks a statement, for nobody in particular: gate, parse, cut and, where there are no placeholders, admission.
    /// Nothing is read.
    ///
    /// # Errors
    /// All Refusals found.
    pub async fn prepare(&self, sql: &[u8], options: &Options) -> Result<Prepared, Refusals> {
        self.prepare_by(sql, options, None).await
    }

    /// The same for an analyst, who takes turns with others.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn prepare_for(
        &self,
        sql: &[u8],
        options: &Options,
        by: &Analyst,
    ) -> Result<Prepared, Refusals> {
        self.prepare_by(sql, options, Some(by)).await
    }

    async fn prepare_by(
        &self,
        sql: &[u8],
        options: &Options,
        by: Option<&Analyst>,
    ) -> Result<Prepared, Refusals> {
        let (threads, catalog) = (self.threads.of(by.cloned()), self.directory.catalog());
        prepare::prepare(&threads, catalog, self.session.state().clone(), sql, options).await
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
        self.bind_by(prepared, parameters, None).await
    }

    /// The same for an analyst, who takes turns with others.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub async fn bind_for(
        &self,
        prepared: &Prepared,
        parameters: Option<RecordBatch>,
        by: &Analyst,
    ) -> Result<Bound, Refusals> {
        self.bind_by(prepared, parameters, Some(by)).await
    }

    async fn bind_by(
        &self,
        prepared: &Prepared,
        parameters: Option<RecordBatch>,
        by: Option<&Analyst>,
    ) -> Result<Bound, Refusals> {
        let threads = self.threads.of(by.cloned());
        let state = self.session.state().clone();
        let ready = prepare::bind(&threads, prepared, parameters, state).await?;
        Ok(Bound { ready, options: prepared.options.clone() })
    }

    /// Runs a statement for nobody in particular: all that it needs is asked for.
    ///
    /// # Errors
    /// As [`Self::execute_for`].
    pub async fn execute(&self, bound: &Bound, id: QueryId) -> Result<Answer, Refusals> {
        self.execute_by(bound, id, None).await
    }

    /// Runs a statement for an analyst: one round trip to each department, unless the analyst had the
    /// same table before. Dropping the future cancels the work at the departments, whose logs know it
    /// by the id.
    ///
    /// # Errors
    /// A department that is missing, fails or refuses; a limit; an upper plan without a value.
    pub async fn execute_for(
        &self,
        bound: &Bound,
        id: QueryId,
        by: &Analyst,
    ) -> Result<Answer, Refusals> {
        self.execute_by(bound, id, Some(by)).await
    }

    async fn execute_by(
        &self,
        bound: &Bound,
        id: QueryId,
        by: Option<&Analyst>,
    ) -> Result<Answer, Refusals> {
        let deadline = Instant::now().checked_add(bound.options.deadline);
        let deadline = deadline.ok_or_else(out_of_time)?;
        let run = self.run(&bound.ready, id, deadline, by);
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
        by: Option<&Analyst>,
    ) -> Result<Answer, Refusals> {
        let (directory, guards, references) = (&self.directory, &self.guards, &self.references);
        let gathering = Gathering { directory, guards, references, query_id, deadline };
        let catalog = self.directory.catalog();
        let (gathered, opened) = futures::future::try_join(
            try_join_all(ready.requests.iter().map(|request| {
                let held = current(&catalog, &request.held.dataset);
                let joined = request.references.iter().map(|(reference, planned)| {
                    current(&catalog, &planned.dataset).map(|held| (reference.clone(), held))
                });
                let references: Result<Vec<_>, _> = joined.collect();
                let joined = request.joined.iter().map(|held| current(&catalog, &held.dataset));
                let joined: Result<Vec<_>, _> = joined.collect();
                async move {
                    let (held, joined) = (held?, Joined::new(joined?));
                    let question = request.tabulation.clone();
                    let admitted = Arc::new(joined.admit(question, &held)?);
                    let asked = Asked { admitted, held, joined, references: references? };
                    self.table(gathering, &asked, by).await
                }
            })),
            try_join_all(distinct_rows(ready).into_iter().map(|(indexes, leaf, need)| {
                let current = current(&catalog, &leaf.held().dataset);
                async move {
                    let Leaf::OpenRows { open, .. } = leaf else { return Ok(None) };
                    let held = current?;
                    let rows = gathering.open_rows(open, &held, need).await?;
                    Ok::<_, Refusals>(Some((indexes, rows)))
                }
            })),
        )
        .await?;
        let (tables, derivation) = Derivation::open(gathered);
        let mut suppressed_cells = 0_usize;
        let mut leaves: HashMap<usize, (SchemaRef, Vec<RecordBatch>)> = HashMap::new();
        for (indexes, rows) in opened.into_iter().flatten() {
            for index in indexes {
                leaves.insert(index, rows.clone());
            }
        }
        for (request, table) in ready.requests.iter().zip(&tables) {
            for View { leaves: indexes, measures } in &request.views {
                let table = table.select(measures).ok_or_else(internal)?;
                suppressed_cells = suppressed_cells.saturating_add(table.suppressed_cells());
                let batch = table.to_batch().map_err(|_| internal())?;
                for index in indexes {
                    leaves.insert(*index, (Arc::clone(table.schema()), vec![batch.clone()]));
                }
            }
        }
        let batches =
            plan::run_upper(ready.optimised.clone(), leaves, self.session.state()).await?;
        let batches: Result<Vec<RecordBatch>, Refusals> =
            batches.iter().map(|b| plan::to_client(b, &ready.schema)).collect();
        let batches = batches?;
        let batches = derivation.close(&batches, &ready.schema).map_err(|_| internal())?;
        Ok(Answer { schema: Arc::clone(&ready.schema), batches, suppressed_cells })
    }

    /// The table of a request: the one kept, or from all who hold part of it. Whether they can be asked
    /// is found out first: a kept table doesn't answer what the federation wouldn't.
    async fn table(
        &self,
        gathering: Gathering<'_>,
        asked: &Asked,
        by: Option<&Analyst>,
    ) -> Result<Protected<Table>, Refusals> {
        for held in asked.all() {
            gathering.everybody_is_there(held)?;
        }
        let key = by.and_then(|by| self.results.key(by, asked));
        let rows = asked.admitted.dataset();
        if let Some(kept) = key.as_ref().and_then(|key| self.results.get(key, rows)) {
            return Ok(Protected::clone(&kept));
        }
        let table = gathering.tabulate(asked).await?;
        if let Some(key) = key {
            self.results.put(key, rows, &table);
        }
        Ok(table)
    }

    /// Where each part of a statement would run and which rules would apply, from its text, the
    /// policies and the catalogue alone. As text, unless the statement begins with `EXPLAIN` and
    /// another format.
    ///
    /// # Errors
    /// As [`Self::prepare`]. As JSON what would be refused is explained, too.
    pub async fn explain(&self, sql: &[u8], options: &Options) -> Result<String, Refusals> {
        self.explain_by(sql, options, None).await
    }

    /// The same for an analyst, who takes turns with others.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub async fn explain_for(
        &self,
        sql: &[u8],
        options: &Options,
        by: &Analyst,
    ) -> Result<String, Refusals> {
        self.explain_by(sql, options, Some(by)).await
    }

    async fn explain_by(
        &self,
        sql: &[u8],
        options: &Options,
        by: Option<&Analyst>,
    ) -> Result<String, Refusals> {
        let asked = gate::explained(sql, &gate::Limits::STANDARD)?;
        let asked = asked.unwrap_or(Explained { format: ExplainFormat::Text, statement: sql });
        let Explained { format, statement } = asked;
        let (catalog, state) = (self.directory.catalog(), self.session.state().clone());
        let threads = self.threads.of(by.cloned());
        prepare::explanation(&threads, catalog, state, format, statement, options).await
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

/// A dataset as it is announced now: under other terms than the statement was checked with, it isn't
/// asked.
fn current(catalog: &Catalog, planned: &Dataset) -> Result<Arc<Held>, Refusals> {
    match catalog.get(&planned.name) {
        Some(held) if *held.dataset == *planned && held.conflict.is_none() => Ok(Arc::clone(held)),
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
