//! Eight nodes beside one engine over all their rows: the same open data, in the same files, on the same cores.

use std::sync::Arc;
use std::time::Instant;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use insitu_tests::Federation;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::Times;

const NODES: usize = 8;

/// `{}` is a condition that is true of all rows, another one in each run: the gateway remembers what it was asked.
const QUESTIONS: [(&str, &str); 5] = [
    ("count", "SELECT count(*) FROM b.people WHERE {}"),
    ("count by month", "SELECT month, count(*) FROM b.people WHERE {} GROUP BY month"),
    ("sum by area", "SELECT area, sum(cost), count(*) FROM b.people WHERE {} GROUP BY area"),
    (
        "filtered sums",
        "SELECT month, sum(cost), avg(cost) FROM b.people WHERE area < 'A0500' AND cost > 1000 AND {} GROUP BY month",
    ),
    (
        "by area and month",
        "SELECT area, month, count(*), sum(cost), avg(cost) FROM b.people WHERE {} GROUP BY area, month",
    ),
];

pub(super) async fn run(report: &mut Report, rows: u64, runs: u32) {
    let files = files(NODES, rows, 1_000);
    let local = one_engine(&files).await;
    let federation = Federation::untapped(&departments(files, Terms::Open)).await;
    let mut analyst = federation.analyst().await;
    let mut logarithms = 0.0;
    for (name, sql) in QUESTIONS {
        let mut times = [Vec::new(), Vec::new()];
        // In turns, so that what else the machine does falls on both.
        for run in 0..runs {
            let sql = sql.replace("{}", &format!("month > -{}", run + 1));
            let begun = Instant::now();
            local.sql(&sql.replace("b.people", "people")).await.unwrap().collect().await.unwrap();
            times[0].push(begun.elapsed());
            let begun = Instant::now();
            analyst.ask(&sql).await.unwrap();
            times[1].push(begun.elapsed());
        }
        let [local, federated] = times.map(Times::of);
        let (one, eight) = (local.least(), federated.least());
        logarithms += (eight / one).ln();
        report.add(Figure::ms(format!("{name}: one engine"), one, ""));
        report.add(Figure::ms(format!("{name}: {NODES} nodes"), eight, "+10 ms"));
    }
    let mean = (logarithms / QUESTIONS.len() as f64).exp();
    report.add(Figure::of(
        format!("{NODES} nodes by one engine, geometric mean"),
        mean,
        "",
        "1.15",
    ));
}

async fn one_engine(files: &[Vec<u8>]) -> SessionContext {
    let store = Arc::new(InMemory::new());
    for (i, file) in files.iter().enumerate() {
        store.put(&Path::from(format!("people/{i}.parquet")), file.clone().into()).await.unwrap();
    }
    let context = SessionContext::new();
    let url = "memory://bench".try_into().unwrap();
    let store: Arc<dyn ObjectStore> = store;
    context.runtime_env().register_object_store(&url, store);
    let options = ParquetReadOptions::default();
    context.register_parquet("people", "memory://bench/people/", options).await.unwrap();
    context
}
