//! A node, and the life of a request in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::FlightData;
use futures::Stream;
use insitu_disclosure::budget::{Account, Charged, Unpaid, budgeted, charge};
use insitu_disclosure::evidence::OpenCells;
use insitu_disclosure::reference::Editions;
use insitu_disclosure::rules::{groups, memory};
use insitu_disclosure::table::Table;
use insitu_disclosure::tabulation::JoinedDatasets;
use insitu_disclosure::{
    Admitted, DatasetName, Evidence, OpenDataset, Pooled, Protected, Refusal, RefusalCode,
    Refusals, Release, ReleaseMode, Tabulation, admit_joined, protect,
};
use insitu_engine::{Sessions, SpillFolder};
use insitu_proto::frames::ANSWER_BYTES_MAX;
use insitu_proto::refusal::Unanswered;
use insitu_proto::request::{NodeRequest, OpenRows, Question};
use insitu_proto::warrant::Warranted;
use insitu_proto::{catalog, v1, version};
use object_store::ObjectStore;
use tokio::time::Instant;
use tonic::Status;

use crate::activity::Activity;
use crate::answer::Answer;
use crate::config::{NodeConfig, Spill};
use crate::dataset::{LoadedDataset, Registry};
use crate::error::NodeError;
use crate::pace::{self, Late};
use crate::references::{Lent, LookUps, References};
use crate::source;
use crate::state::NodeState;
use crate::tabulate::{
    Engine, EngineThreads, Holds, JoinedTables, OPEN_ROWS_MAX, RunError, Spread, Wanted,
    check_predicate, collect_evidence, evidence_plan, rows_plan,
};

/// A department's node: its datasets and the engine that reads them.
#[derive(Debug)]
pub struct Node {
    id: String,
    department: String,
    query_time_max: Duration,
    groups_max: u32,
    /// Of the secret that noise is drawn with.
    secret_fingerprint: u64,
    datasets: Registry,
    engine: Engine,
    references: References,
    activity: Activity,
}

impl Node {
    /// Reads every dataset declared, from `store`. Its plans are run in sessions of these, on these threads.
    ///
    /// # Errors
    /// Datasets that can't be read as declared: all of them, with the reason for each. A node doesn't
    /// start on half of what its owner announced.
    pub async fn load(
        sessions: Arc<dyn Sessions>,
        config: &NodeConfig,
        store: Arc<dyn ObjectStore>,
        state: &NodeState,
        threads: &EngineThreads,
    ) -> Result<Arc<Self>, NodeError> {
        let memory_bytes =
            usize::try_from(config.node.memory_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        let spill = config.node.spill.as_ref().map(spill_folder).transpose()?;
        let engine = Engine::new(sessions, memory_bytes, spill.as_ref(), threads)
            .map_err(|e| NodeError::Engine(e.to_string()))?;
        let mut datasets = source::load(
            &config.datasets,
            &store,
            engine.loading(),
            config.node.source_limits(),
            state,
        )
        .await;
        let failures = datasets.take_failures();
        if !failures.is_empty() {
            return Err(NodeError::Datasets(failures));
        }
        datasets.iter().for_each(|loaded| log_found(&config.node.id, loaded));
        Ok(Arc::new(Self {
            id: config.node.id.clone(),
            department: config.node.department.clone(),
            query_time_max: Duration::from_secs(config.node.query_seconds_max.into()),
            groups_max: config.node.groups_max,
            secret_fingerprint: state.secret_fingerprint(),
            datasets,
            engine,
            references: References::new(config.node.reference_bytes_max()),
            activity: Activity::default(),
        }))
    }

    /// The node's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The department's name.
    #[must_use]
    pub fn department(&self) -> &str {
        &self.department
    }

    /// The datasets, with what was found when they were read: for their owner.
    pub fn datasets(&self) -> impl Iterator<Item = &LoadedDataset> {
        self.datasets.iter()
    }

    /// The longest time for a request.
    pub(crate) const fn query_time_max(&self) -> Duration {
        self.query_time_max
    }

    /// What the node works on at this moment: requests that are being answered, and the engine's tasks
    /// for them; with threads that are shared, all nodes' tasks. 0 is idle.
    #[must_use]
    pub fn working(&self) -> usize {
        self.activity.requests().saturating_add(self.engine.tasks())
    }

    /// What the node announces.
    pub(crate) fn describe(&self, _asked: &Warranted<v1::DescribeRequest>) -> v1::NodeCatalog {
        v1::NodeCatalog {
            version_min: version::VERSION_MIN,
            version_max: version::VERSION,
            node: self.id.clone(),
            department: self.department.clone(),
            datasets: self.datasets.iter().map(|d| catalog::encode(&d.dataset)).collect(),
            perturbation_tables: catalog::perturbation_tables(
                self.datasets.iter().map(|d| d.dataset.as_ref()),
            ),
            secret_fingerprint: Some(self.secret_fingerprint),
        }
    }

    /// Answers a request of the gateway's: admits under this node's own policy, runs, protects.
    ///
    /// # Errors
    /// Refusals that say nothing about the data, or the contents to look up in that have to be sent first. What the
    /// engine said goes to this node's log.
    pub(crate) async fn answer(
        &self,
        request: &Warranted<NodeRequest>,
    ) -> Result<Answer, Unanswered> {
        let _busy = self.activity.begin();
        let request = request.get();
        let asked = Duration::from_millis(request.time_ms_max.into());
        let time_max = asked.min(self.query_time_max);
        match &request.question {
            Question::Tabulation(tabulation) => {
                self.tabulate(tabulation.clone(), &request.editions, time_max).await
            }
            Question::OpenRows(rows) => Ok(self.open_rows(rows, time_max).await?),
        }
    }

    /// Takes a reference's content, for questions that look up in it.
    ///
    /// # Errors
    /// A node whose datasets aren't joined to anything takes none; a content that isn't what it is said to be.
    pub(crate) async fn receive(
        &self,
        lent: Lent<impl Stream<Item = Result<FlightData, Status>> + Send + Unpin>,
    ) -> Result<(), Refusals> {
        let _busy = self.activity.begin();
        if !self.datasets.iter().any(|loaded| loaded.dataset.reference_joins()) {
            return Err(Refusal::new(
                RefusalCode::D213,
                "no dataset here is joined to reference data.",
                "Aggregate first, and join the released table.",
            )
            .into());
        }
        match self.references.receive(lent, self.query_time_max).await {
            Ok(header) => {
                tracing::info!(
                    query = %header.query_id, reference = %header.reference, edition = %header.edition,
                    "a reference's content came"
                );
                Ok(())
            }
            Err(error) => {
                tracing::warn!(node = self.id, %error, "a reference's content wasn't taken");
                Err(error.refusal().into())
            }
        }
    }

    async fn tabulate(
        &self,
        tabulation: Tabulation,
        editions: &Editions,
        time_max: Duration,
    ) -> Result<Answer, Unanswered> {
        let arrived = Instant::now();
        let loaded = self.dataset(tabulation.input.dataset(), tabulation.input.fingerprint())?;
        let joined = self.joined(&tabulation)?;
        let admitted = admit_joined(tabulation, Arc::clone(&loaded.dataset), &joined)?;
        // Before anything is charged: the same question comes again with the contents.
        let look_ups = self.look_ups(&admitted, editions)?;
        let times = admitted.dataset().answer_times().clone();
        let charged = self.charge(admitted, editions).await?;
        // Until here nothing depended on data, and what is refused is told at once.
        let running = self.run(charged, loaded, &look_ups, time_max);
        let finish = |answer| async move {
            match answer {
                Ok(Ran::Evidence(admitted, evidence)) => {
                    self.release(*admitted, evidence, loaded).await.map(Answer::Protected)
                }
                Ok(Ran::Answer(answer)) => Ok(answer),
                Err(refused) => Err(refused),
            }
        };
        let answer = pace::paced(&times, arrived, time_max, running, finish)
            .await
            .unwrap_or_else(|Late| Err(self.failed(RunError::OutOfTime)))?;
        Ok(answer)
    }

    /// The datasets that the question's rows are joined to, each under the terms the asker knew.
    fn joined(&self, tabulation: &Tabulation) -> Result<JoinedDatasets, Refusals> {
        let joins = tabulation.input.unit_joins().into_iter();
        let joined = joins.map(|join| {
            let loaded = self.dataset(&join.dataset, join.fingerprint)?;
            Ok((join.dataset.clone(), Arc::clone(&loaded.dataset)))
        });
        joined.collect()
    }

    /// Where the datasets' conditions are charged that have a budget.
    fn accounts(&self, admitted: &Admitted<Tabulation>) -> BTreeMap<DatasetName, Account> {
        let budgeted = budgeted(admitted).into_iter();
        let account = |dataset: &DatasetName| {
            let loaded = self.datasets.get(dataset)?;
            let (snapshot, budget) = (loaded.dataset.snapshot, Arc::clone(&loaded.budget));
            Some((dataset.clone(), Account { snapshot, budget }))
        };
        budgeted.filter_map(|(dataset, _)| account(&dataset.name)).collect()
    }

    /// How many rows a question goes through.
    fn rows_read(&self, admitted: &Admitted<Tabulation>, loaded: &LoadedDataset) -> u64 {
        let joined = admitted.joined().keys().filter_map(|name| self.datasets.get(name));
        joined.fold(loaded.quality.rows(), |rows, other| rows.saturating_add(other.quality.rows()))
    }

    /// The rows of the datasets that a question joins.
    fn joined_tables(&self, admitted: &Admitted<Tabulation>) -> JoinedTables {
        let joined = admitted.joined().iter();
        let table = |(name, dataset): (&DatasetName, &Arc<_>)| {
            let table = Arc::clone(&self.datasets.get(name)?.table);
            Some((name.clone(), (Arc::clone(dataset), table)))
        };
        joined.filter_map(table).collect()
    }

    /// The tables that the question's rows are looked up in, with just the columns it uses.
    fn look_ups(
        &self,
        admitted: &Admitted<Tabulation>,
        editions: &Editions,
    ) -> Result<LookUps, Unanswered> {
        let found = self.references.find(editions).map_err(Unanswered::Missing)?;
        let contents = admitted.contents()?;
        let columns = found.values().map(|table| table.content().columns());
        if !contents.values().map(Vec::as_slice).eq(columns) {
            return Err(Refusal::new(
                RefusalCode::D213,
                "a reference's content has other columns than are looked up.",
                "Send the columns that are used, in their types.",
            )
            .into());
        }
        Ok(found)
    }

    /// Charges the question to its datasets' budgets, where there are any: before it runs, and whatever
    /// comes of it.
    async fn charge(
        &self,
        admitted: Admitted<Tabulation>,
        editions: &Editions,
    ) -> Result<Charged, Refusals> {
        let accounts = self.accounts(&admitted);
        let editions = editions.clone();
        if accounts.is_empty() {
            // It costs nothing, so nothing is written down.
            return charge(admitted, &editions, &accounts).map_err(|_| internal());
        }
        // Away from the threads that serve the network: what is charged is written down.
        let charging = tokio::task::spawn_blocking(move || charge(admitted, &editions, &accounts));
        match charging.await {
            Ok(Ok(charged)) => Ok(charged),
            Ok(Err(Unpaid::Spent(refusal))) => Err(refusal.into()),
            Ok(Err(Unpaid::Unkept(error))) => {
                tracing::error!(node = self.id, %error, "what is charged can't be remembered");
                Err(internal())
            }
            Err(_) => {
                tracing::error!(node = self.id, "charging panicked");
                Err(internal())
            }
        }
    }

    /// Runs a question that was paid for.
    async fn run(
        &self,
        charged: Charged,
        loaded: &LoadedDataset,
        look_ups: &LookUps,
        time_max: Duration,
    ) -> Result<Ran, Refusals> {
        let admitted = charged.into_admitted();
        let groups_max =
            groups::counted_max(&admitted, &loaded.keys, self.groups_max, ANSWER_BYTES_MAX);
        let wanted = Wanted::default();
        let (table, joined) = (Arc::clone(&loaded.table), self.joined_tables(&admitted));
        let spread = Spread::over(self.rows_read(&admitted, loaded));
        let drawn = |own| memory::bytes_max(&admitted, &loaded.keys, own);
        let share = self.engine.share(spread, drawn);
        let run_with = (&wanted, &share);
        let plan = evidence_plan(&admitted, table, &joined, &loaded.keys, look_ups, run_with)
            .map_err(|error| self.failed(error.into()))?;
        let rows_max = usize::try_from(groups_max).unwrap_or(usize::MAX);
        let open = admitted.dataset().is_open();
        let holds = if open { Holds::Reservations } else { Holds::Share(share) };
        let batches = self
            .engine
            .run(plan, spread, holds, wanted, rows_max, time_max)
            .await
            .map_err(|error| self.failed(error))?;
        let unplanned = || {
            tracing::error!(node = self.id, "the engine's result doesn't have the planned shape");
            internal()
        };
        if OpenCells::answer(&admitted) {
            let cells = OpenCells::read(&admitted, &batches).ok_or_else(unplanned)?;
            return Ok(Ran::Answer(Answer::OpenCells(cells)));
        }
        let mut evidence = collect_evidence(&admitted, batches, look_ups).ok_or_else(unplanned)?;
        // Where rows are joined, of all the datasets' states together.
        evidence.draw(&admitted, &loaded.keys, admitted.dataset().snapshot);
        let admitted = Box::new(admitted);
        Ok(match admitted.dataset().release() {
            ReleaseMode::AtNode => Ran::Evidence(admitted, evidence),
            ReleaseMode::AtGateway => {
                groups::check_texts(&admitted, &evidence, &loaded.keys, ANSWER_BYTES_MAX)?;
                Ran::Answer(Answer::Evidence(admitted, evidence))
            }
        })
    }

    /// Protects, away from the threads that serve the network: what is released is written down first.
    async fn release(
        &self,
        admitted: Admitted<Tabulation>,
        evidence: Evidence,
        loaded: &LoadedDataset,
    ) -> Result<Protected<Table>, Refusals> {
        let (guard, snapshot) = (Arc::clone(&loaded.guard), admitted.dataset().snapshot);
        let protecting = tokio::task::spawn_blocking(move || {
            let release = Release { snapshot, guard: guard.as_ref() };
            let table = protect(&admitted, Pooled::of_one_department(evidence), &release);
            table.map(|table| (admitted, table))
        });
        match protecting.await {
            Ok(Ok((admitted, table))) => {
                groups::check(&admitted, table.get(), self.groups_max)?;
                Ok(table)
            }
            Ok(Err(error)) => {
                tracing::error!(node = self.id, %error, "what is released can't be remembered");
                Err(internal())
            }
            Err(_) => {
                tracing::error!(node = self.id, "protection panicked");
                Err(internal())
            }
        }
    }

    async fn open_rows(&self, rows: &OpenRows, time_max: Duration) -> Result<Answer, Refusals> {
        let loaded = self.dataset(&rows.dataset, rows.fingerprint)?;
        let open = OpenDataset::of(Arc::clone(&loaded.dataset)).ok_or_else(|| {
            Refusals::from(Refusal::new(
                RefusalCode::D201,
                format!("rows of `{}` stay where they are.", rows.dataset),
                "Ask for a table.",
            ))
        })?;
        if let Some(predicate) = &rows.predicate {
            check_predicate(&open, predicate)?;
        }
        let order = rows.limit.iter().flat_map(|limit| &limit.order);
        for name in rows.columns.iter().chain(order.map(|order| &order.column)) {
            if open.get().column(name).is_none() {
                return Err(insitu_disclosure::tabulation::typing::unknown_column(
                    name,
                    open.get(),
                )
                .into());
            }
        }
        let (predicate, first) = (rows.predicate.as_ref(), rows.limit.as_ref());
        let plan = rows_plan(&open, &rows.columns, predicate, first, Arc::clone(&loaded.table))
            .map_err(|error| self.failed(RunError::Engine(error)))?;
        let batches = self
            .engine
            .run(
                plan,
                Spread::over(loaded.quality.rows()),
                Holds::Reservations,
                Wanted::default(),
                OPEN_ROWS_MAX,
                time_max,
            )
            .await
            .map_err(|error| self.failed(error))?;
        open.rows(&rows.columns, &batches).map(Answer::OpenRows).map_err(|_| internal())
    }

    /// A dataset under the terms the asker knew.
    fn dataset(&self, name: &DatasetName, fingerprint: u64) -> Result<&LoadedDataset, Refusals> {
        let loaded = self.datasets.get(name).ok_or_else(|| {
            Refusals::from(Refusal::new(
                RefusalCode::Q105,
                format!("`{name}` isn't held here."),
                "Ask the department that holds it.",
            ))
        })?;
        if loaded.fingerprint == fingerprint {
            return Ok(loaded);
        }
        Err(Refusal::new(
            RefusalCode::N404,
            format!("the terms of `{name}` changed since they were announced."),
            "Ask again.",
        )
        .into())
    }

    /// The Refusal for a run that didn't end well: nothing in it depends on the data but that a
    /// limit, which it names, was met.
    fn failed(&self, error: RunError) -> Refusals {
        let refusal = match error {
            RunError::TooManyRows => Refusal::new(
                RefusalCode::L504,
                // How many are counted for it is drawn: nobody's business.
                "there are more groups, or rows, than are counted for a question.",
                "Group by fewer or coarser dimensions, or filter.",
            ),
            RunError::OutOfTime => Refusal::new(
                RefusalCode::L505,
                format!("{} didn't answer within the deadline.", self.department),
                "Ask for less at once.",
            ),
            RunError::OutOfMemory => Refusal::new(
                RefusalCode::L506,
                format!("the query needs more memory than {} gives a query.", self.department),
                "Group by fewer or coarser dimensions.",
            ),
            RunError::TooLarge => Refusal::new(
                RefusalCode::Q107,
                "a number of the open data is too large to be added up exactly.",
                "Leave such numbers out with a condition, or fetch the rows.",
            ),
            RunError::Engine(source) => {
                tracing::error!(node = self.id, error = %source, "the engine failed");
                return internal();
            }
            RunError::Panicked => {
                tracing::error!(node = self.id, "the engine panicked");
                return internal();
            }
        };
        refusal.into()
    }
}

fn spill_folder(spill: &Spill) -> Result<Arc<SpillFolder>, NodeError> {
    let opened = SpillFolder::open(&spill.folder, u64::from(spill.mib) << 20);
    opened.map(Arc::new).map_err(|source| NodeError::SpillFolder {
        folder: spill.folder.display().to_string(),
        source,
    })
}

/// What a question has come to.
enum Ran {
    /// What is protected and released here.
    Evidence(Box<Admitted<Tabulation>>, Evidence),
    /// What is sent as it is.
    Answer(Answer),
}

/// Tells the owner what was found in a dataset's files: counts and places, never values.
fn log_found(node: &str, loaded: &LoadedDataset) {
    let (dataset, found) = (&loaded.dataset.name, &loaded.quality);
    if found.has_misfits() {
        tracing::warn!(node, %dataset, %found, "read, with misfits that its owner allows");
    } else {
        tracing::info!(node, %dataset, %found, "read");
    }
}

/// One opaque text for whatever went wrong inside.
fn internal() -> Refusals {
    Refusal::new(
        RefusalCode::X901,
        "something went wrong inside a department's node.",
        "Report the query id; the department's log has the details.",
    )
    .into()
}
