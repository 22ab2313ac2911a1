//! The neighbour test: what anybody learns from `D` they learn from `D` without one person.
//!
//! A catalogue of statements is run over a database `D` and over `D` without a victim, for people who
//! are awkward to protect. A statement is refused in both, with the same bytes; or both answers have
//! the same schema, metadata, row keys, statuses and values, but for cells that noise covers.
//!
//! **What noise covers.** A cell is *touched* if rows of the victim are among those it counts. In a
//! touched cell
//!
//! * a value may differ, by the victim's contribution, both draws of noise, and rounding;
//! * a status may differ if the cell has 10 to 13 units with the victim (the threshold is blurred), or as many more as a
//!   moment has parameters, if dominance changes with the victim, or if noise and rounding bring a count to less than the threshold.
//!
//! Below 10 units both are suppressed. A cell that isn't touched is the same, exactly, with one
//! exception: the difference guard may show the value of an earlier release of nearly the same
//! units instead, and that one may be touched. Everything else (refusals, plans, schemas, metadata,
//! what a department is asked, what it announces) is the same, byte for byte.
//!
//! **How two states of the data are compared.** The state of the data is part of a cell's coordinate,
//! so all noise is drawn anew when it changes. Comparing values would compare nothing. So:
//!
//! 1. Two nodes, each over its own state, are asked through a [`relay::Relay`] that announces one fixed state
//!    and draws for it. The gateway is the real one; a new one for each statement, so that its guard
//!    has seen nothing before.
//! 2. A third node holds the victim's rows only. Its Evidence says which cells are touched, and
//!    Evidence of `D` must be that of the other two together, so that nothing else changed.
//! 3. The client's side (refusals, schemas, prepared statements, plans, what a FlightInfo tells) is compared with real
//!    federations in the usual release mode, `at-node`, without a relay.
//!
//! By default each victim meets every twelfth statement, another twelfth for each; `INSITU_NEIGHBOURS=all` lets
//! everybody meet all.

mod catalogue;
mod compare;
pub(super) mod data;
mod relay;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_schema::Schema;
use insitu_disclosure::{Refusals, admit};
use insitu_gateway::query::{Answer, Gateway, Options};
use insitu_gateway::server::{NodeRegistration, Running, Settings, start};
use insitu_guard::Guards;
use insitu_node::server::{Link, serve};
use insitu_planner::Planner;
use insitu_tests::{Federation, departments};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;

use catalogue::{ASKED, PREPARED, REFUSED};
use compare::{Seen, compare, table, text};
use data::{Among, department, victims};
use relay::{Asked, Relay, Served};

/// Of how many statements a victim meets one.
fn stride() -> usize {
    if std::env::var("INSITU_NEIGHBOURS").is_ok_and(|all| all == "all") { 1 } else { 12 }
}

fn options() -> Options {
    Options { statuses: true, ..Options::default() }
}

/// A gateway before a relay.
struct Asking {
    relay: Relay,
    running: Running,
}

impl Asking {
    async fn about(behind: &Arc<Served>) -> Self {
        let (relay, address) = Relay::start(behind).await;
        let registration = NodeRegistration {
            id: "health".to_owned(),
            department: "Department of Health".to_owned(),
            secret: "any".to_owned(),
            datasets: vec![behind.dataset.name.clone()],
            address: Some(address),
        };
        let reference = reference().await;
        let settings = Settings {
            analysts: Vec::new(),
            nodes: vec![registration, reference],
            query_seconds_max: 60,
            memory_bytes: 64 << 20,
            spill: None,
            statements_running_max: 4,
            statements_waiting_max: 8,
            result_cache_bytes: 0,
            guards: Guards::ephemeral(),
        };
        let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nodes = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = start(Planner::shared(), settings, clients, nodes).await.unwrap();
        for _ in 0..500 {
            if running.connected().len() == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(running.connected().len(), 2, "the relay and the reference aren't connected");
        Self { relay, running }
    }

    /// The whole answer as text, and what the department was asked for it.
    async fn ask(&self, behind: &Arc<Served>, sql: &str) -> (Outcome, Vec<Asked>) {
        self.relay.put_behind(behind);
        let directory = Arc::clone(self.running.gateway().directory());
        let gateway =
            Gateway::new(Planner::shared(), directory, 64 << 20, None, Guards::ephemeral())
                .unwrap();
        let outcome = Outcome::of(&answer(&gateway, sql).await);
        (outcome, self.relay.take_asked())
    }
}

/// The department with open data, listening.
async fn reference() -> NodeRegistration {
    let node = departments::reference().load().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registration = NodeRegistration {
        id: node.id().to_owned(),
        department: node.department().to_owned(),
        secret: "any".to_owned(),
        datasets: node.datasets().map(|d| d.dataset.name.clone()).collect(),
        address: Some(listener.local_addr().unwrap().to_string()),
    };
    let link = Link::Listen { listener, secret: registration.secret.clone() };
    tokio::spawn(async move { serve(node, link, std::future::pending()).await.unwrap() });
    registration
}

async fn answer(gateway: &Gateway, sql: &str) -> Result<Answer, Refusals> {
    let prepared = gateway.prepare(sql.as_bytes(), &options()).await?;
    let bound = gateway.bind(&prepared, None).await?;
    gateway.execute(&bound, insitu_proto::request::QueryId([7; 16])).await
}

/// What an analyst sees, as text.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    /// With all metadata; of an answer only.
    schema: Option<String>,
    /// All batches, or all refusals.
    rest: String,
}

impl Outcome {
    fn of(answer: &Result<Answer, Refusals>) -> Self {
        match answer {
            Ok(answer) => Self {
                schema: Some(schema_text(answer.schema())),
                rest: answer.batches().get().iter().map(|b| text(b.columns())).collect(),
            },
            Err(refusals) => Self { schema: None, rest: refusals.to_string() },
        }
    }
}

/// A schema with all its metadata, which has no order of its own.
fn schema_text(schema: &Schema) -> String {
    let sorted = |metadata: &HashMap<String, String>| {
        let sorted: BTreeMap<_, _> = metadata.iter().collect();
        format!("{sorted:?}")
    };
    let fields = schema.fields().iter().map(|f| {
        format!("{} {} {} {}; ", f.name(), f.data_type(), f.is_nullable(), sorted(f.metadata()))
    });
    fields.collect::<String>() + &sorted(schema.metadata())
}

/// A database, a gateway before it, and what the gateway answers to each statement.
struct Known {
    preset: &'static str,
    whole: Arc<Served>,
    asking: Asking,
    statements: Vec<(&'static str, Outcome, Vec<Asked>)>,
}

impl Known {
    async fn of(preset: &'static str, statements: &[&'static str]) -> Self {
        let whole = Served::start(&department(Among::All, preset, "at-gateway")).await;
        let asking = Asking::about(&whole).await;
        let mut known = Vec::new();
        for sql in statements {
            let (outcome, asked) = asking.ask(&whole, sql).await;
            // By their text: `strict` refuses keys that its writer chose, `midpoint-6` products of a column with breakpoints.
            let may_be_refused = matches!(preset, "strict" | "midpoint-6");
            let is_refused = may_be_refused && outcome.schema.is_none();
            assert!(is_refused || !asked.is_empty(), "{sql}: no department was asked");
            known.push((*sql, outcome, asked));
        }
        Self { preset, whole, asking, statements: known }
    }

    /// What is found without a victim: differences that noise doesn't cover. Of the statements, one
    /// in `stride` is asked, from number `first` on.
    async fn without(
        &self,
        victim: &str,
        (first, stride): (usize, usize),
        seen: &mut Seen,
    ) -> Vec<String> {
        let start = |among| {
            let preset = self.preset;
            async move { Served::start(&department(among, preset, "at-gateway")).await }
        };
        let without = start(Among::AllBut(victim)).await;
        let alone = start(Among::Only(victim)).await;
        let mut found = Vec::new();
        for other in [&without, &alone] {
            if other.catalog != self.whole.catalog {
                found.push(format!("{victim:?}: the announcement differs"));
            }
            assert_ne!(other.snapshot, self.whole.snapshot, "states of the data are told apart");
        }
        for (sql, outcome, asked) in self.statements.iter().skip(first).step_by(stride) {
            let mut problem =
                |what: String| found.push(format!("{} {victim:?}: {sql}: {what}", self.preset));
            let (other, asked_without) = self.asking.ask(&without, sql).await;
            if asked.iter().map(|a| &a.0).ne(asked_without.iter().map(|a| &a.0)) {
                problem("the department is asked something else".to_owned());
                continue;
            }
            let mut same = true;
            for ((tabulation, with), (_, less)) in asked.iter().zip(&asked_without) {
                let admitted = admit(tabulation.clone(), Arc::clone(&self.whole.dataset)).unwrap();
                let lent = self.asking.relay.lent();
                let only = alone.evidence(&admitted, &lent).await.unwrap();
                let (differences, counts) = compare(&admitted, with, less, &only);
                differences.into_iter().for_each(&mut problem);
                *seen += counts;
                same &= table(&admitted, with) == table(&admitted, less);
            }
            // Above, everything follows from the tables.
            if same && *outcome != other {
                problem(format!("from the same tables: {outcome:?}, {other:?}"));
            }
            if let (Some(a), Some(b)) = (&outcome.schema, &other.schema)
                && a != b
            {
                problem("the schema differs".to_owned());
            }
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_a_person_differs_from_one_without_by_no_more_than_noise_covers() {
    let victims = victims();
    assert!(victims.len() >= 50, "{} victims", victims.len());
    let known = Known::of("standard", &ASKED).await;
    let (mut found, mut seen) = (Vec::new(), Seen::default());
    for (number, victim) in victims.iter().enumerate() {
        let stride = stride();
        found.extend(known.without(victim, (number % stride, stride), &mut seen).await);
    }
    println!("{} victims: {seen:?}", victims.len());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
    // The test would notice: there were cells of all kinds.
    assert!(seen.untouched > 1_000 && seen.touched > 100, "{seen:?}");
    assert!(seen.values_differ > 10 && seen.statuses_differ > 0, "{seen:?}");
}

/// The telling statements and people, for a preset.
async fn differences_under(preset: &'static str) -> Vec<String> {
    let mut statements = vec![ASKED[3], ASKED[4], ASKED[8], ASKED[29], ASKED[33]];
    statements.extend(
        ASKED.into_iter().filter(|sql| sql.contains("stddev_samp") || sql.contains("corr")),
    );
    // Under strict predicates a condition is codes or a range.
    statements.retain(|sql| preset != "strict" || !sql.contains("IS NOT NULL"));
    let known = Known::of(preset, &statements).await;
    let mut found = Vec::new();
    for victim in ["alone", "nothing", "dominant", "only-x", "e0"] {
        found.extend(known.without(victim, (0, 1), &mut Seen::default()).await);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_under_the_other_presets() {
    for preset in ["strict"] {
        let found = differences_under(preset).await;
        assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zero_that_is_shown_does_not_tell_that_a_key_occurs() {
    for preset in ["midpoint-6"] {
        let found = differences_under(preset).await;
        assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_has_a_threshold_where_the_count_after_noise_decides() {
    let found = differences_under("ons-ckm").await;
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

/// Everything a client is told of a statement without its answer.
async fn told(federation: &Federation, sql: &str) -> String {
    let address = federation.address();
    let channel =
        Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = FlightSqlServiceClient::new(channel);
    client.set_token("token-of-the-tests".to_owned());
    client.set_header("insitu-statuses", "on");
    let prepared = match client.prepare(sql.to_owned(), None).await {
        Ok(prepared) => format!(
            "{} {}",
            schema_text(prepared.dataset_schema().unwrap()),
            schema_text(prepared.parameter_schema().unwrap())
        ),
        Err(error) => error.to_string(),
    };
    let info = match client.execute(sql.to_owned(), None).await {
        // The ticket is a random number.
        Ok(info) => format!(
            "{:?} {} {} {} {} {:?}",
            info.schema,
            info.total_records,
            info.total_bytes,
            info.ordered,
            info.endpoint.len(),
            info.app_metadata
        ),
        Err(error) => error.to_string(),
    };
    let explained = match federation.gateway().explain(sql.as_bytes(), &options()).await {
        Ok(text) => text,
        Err(refusals) => refusals.to_string(),
    };
    let json = format!("EXPLAIN (FORMAT JSON) {sql}");
    let json = match federation.gateway().explain(json.as_bytes(), &options()).await {
        Ok(json) => json,
        Err(refusals) => refusals.to_string(),
    };
    format!("{prepared}\n{info}\n{explained}\n{json}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_plans_schemas_and_metadata_do_not_depend_on_anybody() {
    let whole = Federation::start(&[department(Among::All, "standard", "at-node")]).await;
    let statements: Vec<&str> = REFUSED.iter().chain(&ASKED).chain(&PREPARED).copied().collect();
    let mut expected = Vec::new();
    for sql in &statements {
        expected.push(told(&whole, sql).await);
    }
    for (sql, told) in statements.iter().zip(&expected).take(REFUSED.len()) {
        assert!(told.contains("See `insitu explain --code "), "not refused: {sql}: {told}");
    }
    let victims = victims();
    let sample = if stride() == 1 { 1 } else { 30 };
    for victim in victims.iter().step_by(sample) {
        let without =
            Federation::start(&[department(Among::AllBut(victim), "standard", "at-node")]).await;
        let mut analyst = without.analyst().await;
        for (sql, expect) in statements.iter().zip(&expected) {
            assert_eq!(told(&without, sql).await, *expect, "without {victim:?}: {sql}");
        }
        for sql in REFUSED {
            analyst.refused(sql).await;
        }
    }
}

/// Somebody alone in an area can be the group too many. Groups are limited by those that are shown, and how many are counted
/// on the way ends where nobody knows: not at this person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_is_not_the_group_too_many() {
    let limited = |among| {
        let mut department = department(among, "standard", "at-node");
        // Of areas there are 16, and NULL.
        department.config =
            department.config.replace("id = \"health\"", "id = \"health\"\ngroups_max = 16");
        department
    };
    // Where counting ends is drawn for each question: in one of 16 at just this number.
    let sql = |age: i32| {
        format!(
            "SELECT area, count(*), count(*) FILTER (WHERE age < {age}) FROM health.visits GROUP BY area"
        )
    };
    let whole = Federation::start(&[limited(Among::All)]).await;
    let without = Federation::start(&[limited(Among::AllBut("alone"))]).await;
    let (mut answered, mut told) = (0, 0);
    for age in 0..12 {
        match whole.analyst().await.ask(&sql(20 + 5 * age)).await {
            Ok(_) => answered += 1,
            Err(refused) => {
                assert!(refused.0.contains("L504"), "{}", refused.0);
                told += 1;
            }
        }
        assert!(without.analyst().await.ask(&sql(20 + 5 * age)).await.is_ok());
    }
    assert!(8 <= answered, "{answered} answered, {told} refused");
}

/// Not about one person, but found on the way: all rows and those that have a value shared a coordinate, so that the
/// guard took the second question for the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_a_value_are_counted_in_one_answer_and_not_in_the_other() {
    let mut department = department(Among::All, "midpoint-6", "at-node");
    let csv = String::from_utf8(department.files[0].1.clone()).unwrap();
    department.files[0].1 = csv.replace(",North,F,", ",North,,").into_bytes();
    let sql = "SELECT count(*) FROM health.visits WHERE sex IS NOT NULL";
    let fresh = Federation::start(std::slice::from_ref(&department)).await;
    let asked_first = fresh.analyst().await.cells(sql).await.unwrap();
    let federation = Federation::start(&[department]).await;
    let mut analyst = federation.analyst().await;
    analyst.cells("SELECT count(*) FROM health.visits").await.unwrap();
    assert_eq!(analyst.cells(sql).await.unwrap(), asked_first);
}
