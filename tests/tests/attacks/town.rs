//! A town with a victim, and the same town without: whatever tells the two apart tells of the victim.
//!
//! The victim has 12 rows in area `Z`, one in area `E` beside nine others, and 12 rows in area `N` that lost
//! their id. Nobody else is 87, has `F20`, or costs 9000 a visit. Three hundred others live in `A`, `B` and
//! `C`, with one visit each. `rare` is known for two people, the victim among them.
//!
//! What an unprotected engine would answer is computed by one, over the same rows.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow_array::{Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use insitu_tests::{Asked, Cells, Department, Federation, departments};
use tokio::runtime::Runtime;

/// Days from 1970 to the first of January 2018.
const YEAR_2018: i32 = 17_532;

/// A row of `health.episodes`.
struct Row {
    person: Option<String>,
    area: &'static str,
    sex: &'static str,
    age: i64,
    icd: &'static str,
    month: usize,
    cost: i64,
    rare: Option<i64>,
}

fn rows(with_victim: bool) -> Vec<Row> {
    let other = |person: String, area, i: i64| Row {
        person: Some(person),
        area,
        sex: if i % 2 == 0 { "F" } else { "M" },
        age: 20 + i % 60,
        icd: if i % 5 == 0 { "I10" } else { "J45" },
        month: usize::try_from(i % 6).unwrap(),
        cost: 100 + i * 37 % 200,
        rare: (i == 0).then_some(5),
    };
    let areas = ["A", "B", "C"];
    let mut all: Vec<Row> = (0..300)
        .map(|i| other(format!("p{i}"), areas[usize::try_from(i % 3).unwrap()], i))
        .collect();
    all.extend((1..10).map(|i| other(format!("e{i}"), "E", i)));
    if with_victim {
        let victim = |person: Option<&str>, area, rare| Row {
            person: person.map(str::to_owned),
            area,
            sex: "M",
            age: 87,
            icd: "F20",
            month: 2,
            cost: 9_000,
            rare,
        };
        all.push(victim(Some("victim"), "E", Some(7)));
        all.extend((0..12).map(|_| victim(Some("victim"), "Z", None)));
        all.extend((0..12).map(|_| victim(None, "N", None)));
    }
    all
}

/// The department that holds the town's episodes.
pub(super) fn department(with_victim: bool) -> Department {
    let mut csv = "Person,Area,Sex,Age,Icd,Admitted,Cost,Rare\n".to_owned();
    for r in rows(with_victim) {
        let person = r.person.unwrap_or_default();
        let rare = r.rare.map(|v| v.to_string()).unwrap_or_default();
        let month = r.month + 1;
        let _ = writeln!(
            csv,
            "{person},{},{},{},{},2018-{month:02}-01,{},{rare}",
            r.area, r.sex, r.age, r.icd, r.cost
        );
    }
    let mut config = r#"
[node]
id = "health"
department = "Department of Health"

[[dataset]]
name = "health.episodes"
source = { format = "csv", path = "episodes.csv" }
protection = "protected"
unit = "person"
unit_unique_per_row = false
units_at_one_node = true
profile = "standard"
release = "at-node"
"#
    .to_owned();
    for (name, from, rest) in [
        ("person", "Person", "type = \"text\"\nlabel = \"unit\"\nblank = \"null\""),
        ("area", "Area", "type = \"text\"\nlabel = \"dimension\""),
        ("sex", "Sex", "type = \"text\"\nlabel = \"dimension\"\ndomain = [\"F\", \"M\", \"X\"]"),
        (
            "age",
            "Age",
            "type = \"integer\"\nlabel = \"dimension\"\ndomain = { first = 0, last = 110 }",
        ),
        ("icd10", "Icd", "type = \"text\"\nlabel = \"dimension\""),
        ("admitted", "Admitted", "type = \"date\"\nlabel = \"filter\"\nbreakpoints = \"months\""),
        (
            "cost",
            "Cost",
            "type = \"integer\"\nlabel = \"measure\"\nbounds = { low = 0, high = 1000000 }\n\
             breakpoints = [125, 150, 175, 200, 225, 250, 275, 1000]\n\
             unit_bounds = { low = 0, high = 1000000 }\nunit_breakpoints = [150, 200, 250, 10000]",
        ),
        (
            "rare",
            "Rare",
            "type = \"integer\"\nlabel = \"measure\"\nbounds = { low = 0, high = 100 }\nblank = \"null\"",
        ),
    ] {
        let _ =
            writeln!(config, "\n[[dataset.column]]\nname = \"{name}\"\nfrom = \"{from}\"\n{rest}");
    }
    Department { config, files: vec![("episodes.csv".to_owned(), csv.into_bytes())] }
}

/// The town's rows as an unprotected engine has them.
async fn unprotected(with_victim: bool) -> SessionContext {
    let all = rows(with_victim);
    let text =
        |of: &dyn Fn(&Row) -> Option<String>| -> StringArray { all.iter().map(of).collect() };
    let number = |of: &dyn Fn(&Row) -> Option<i64>| -> Int64Array { all.iter().map(of).collect() };
    let starts = [0, 31, 59, 90, 120, 151];
    let admitted: Date32Array = all.iter().map(|r| Some(YEAR_2018 + starts[r.month])).collect();
    let field = |name: &str, t| Field::new(name, t, true);
    let schema = Schema::new(vec![
        field("person", DataType::Utf8),
        field("area", DataType::Utf8),
        field("sex", DataType::Utf8),
        field("age", DataType::Int64),
        field("icd10", DataType::Utf8),
        field("admitted", DataType::Date32),
        field("cost", DataType::Int64),
        field("rare", DataType::Int64),
    ]);
    let batch = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(text(&|r| r.person.clone())),
            Arc::new(text(&|r| Some(r.area.to_owned()))),
            Arc::new(text(&|r| Some(r.sex.to_owned()))),
            Arc::new(number(&|r| Some(r.age))),
            Arc::new(text(&|r| Some(r.icd.to_owned()))),
            Arc::new(admitted),
            Arc::new(number(&|r| Some(r.cost))),
            Arc::new(number(&|r| r.rare)),
        ],
    )
    .unwrap();
    let areas = StringArray::from(vec!["A", "B", "C", "D", "E"]);
    let regions = StringArray::from(vec!["North", "North", "South", "South", "South"]);
    let residents = Int64Array::from(vec![1_500, 600, 250, 400, 100]);
    let areas = RecordBatch::try_from_iter([
        ("area", Arc::new(areas) as _),
        ("region", Arc::new(regions) as _),
        ("residents", Arc::new(residents) as _),
    ])
    .unwrap();
    let context = SessionContext::new();
    for schema in ["CREATE SCHEMA health", "CREATE SCHEMA ref"] {
        context.sql(schema).await.unwrap();
    }
    context.register_batch("health.episodes", batch).unwrap();
    context.register_batch("ref.areas", areas).unwrap();
    context
}

/// Both towns, protected and not.
pub(super) struct Towns {
    runtime: Runtime,
    federations: [Federation; 2],
    unprotected: [SessionContext; 2],
}

/// One pair for all attacks: none depends on what others released before.
pub(super) static TOWNS: LazyLock<Towns> = LazyLock::new(Towns::start);

/// What an attack gains: the probability of telling right whether the victim is there, minus one half.
pub(super) struct Gained {
    /// From an unprotected engine.
    pub unprotected: f64,
    /// From the federation.
    pub protected: f64,
    /// What the federation said, with the victim there.
    pub told: Result<Cells, String>,
}

impl Towns {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .unwrap();
        let (federations, unprotected) = runtime.block_on(async {
            let start =
                async |with| Federation::start(&[department(with), departments::reference()]).await;
            (
                [start(true).await, start(false).await],
                [unprotected(true).await, unprotected(false).await],
            )
        });
        Self { runtime, federations, unprotected }
    }

    /// The federation's answer in the town with the victim (0) or without (1).
    pub(super) fn ask(&self, town: usize, sql: &str) -> Result<Cells, String> {
        let answer = self
            .runtime
            .block_on(async { self.federations[town].analyst().await.cells(sql).await });
        answer.map_err(|told| told.0)
    }

    /// The unprotected answer, in no particular order of rows; an error is an answer too.
    pub(super) fn truth(&self, town: usize, sql: &str) -> Result<Cells, String> {
        let context = &self.unprotected[town];
        let batches = self.runtime.block_on(async { context.sql(sql).await?.collect().await });
        let mut cells = batches
            .map(|batches| {
                Asked { schema: Arc::new(Schema::empty()), batches, query_id: String::new() }
                    .cells()
            })
            .map_err(|error| error.to_string())?;
        cells.sort();
        Ok(cells)
    }

    /// The attack in both towns. The unprotected engine may need it in words of its own.
    pub(super) fn attack(&self, sql: &str, unprotected: &str) -> Gained {
        let [told, other] = [0, 1].map(|town| self.ask(town, sql));
        let [with, without] = [0, 1].map(|town| self.truth(town, unprotected));
        let differ = |differ: bool| if differ { 0.5 } else { 0.0 };
        Gained { unprotected: differ(with != without), protected: differ(told != other), told }
    }

    pub(super) fn federation(&self, town: usize) -> &Federation {
        &self.federations[town]
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// The attack works unprotected; here it is refused, in the same words whether the victim is there or not.
pub(super) fn is_refused_as(sql: &str, unprotected: &str, code: &str) {
    let gained = TOWNS.attack(sql, unprotected);
    assert_eq!(gained.unprotected, 0.5, "unprotected, it should succeed: {unprotected}");
    assert_eq!(gained.protected, 0.0, "{sql}");
    let told = gained.told.expect_err(sql);
    assert!(code.split('|').any(|code| told.contains(code)), "{sql}: {told}");
}

/// The same, in the same words.
pub(super) fn is_refused(sql: &str, code: &str) {
    is_refused_as(sql, sql, code);
}

/// The attack works unprotected; here the answer is the same whether the victim is there or not.
pub(super) fn tells_nothing(sql: &str) -> Cells {
    let gained = TOWNS.attack(sql, sql);
    assert_eq!(gained.unprotected, 0.5, "unprotected, it should succeed: {sql}");
    let told = gained.told.unwrap_or_else(|told| panic!("{sql}: {told}"));
    assert_eq!(gained.protected, 0.0, "{sql}: {told:?}");
    told
}

/// The same, and what is told is one suppressed cell.
pub(super) fn is_suppressed(sql: &str) {
    let told = tells_nothing(sql);
    assert!(told.len() == 1 && told[0].iter().all(|cell| cell == "[c]"), "{sql}: {told:?}");
}
