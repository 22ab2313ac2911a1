//! Many clients at once, each an analyst of its own, in a closed loop: each asks again as soon as it is answered or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use insitu_tests::{Analyst, Federation};
use tokio::task::JoinSet;

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::{Times, resident_mib};

const NODES: usize = 8;
const CLIENTS: usize = 32;
const BURSTS: usize = 8;

/// Whether the gateway gives an analyst what it gave before.
#[derive(Debug, Clone, Copy)]
enum Results {
    Kept,
    AskedForEachTime,
}

pub(super) async fn run(report: &mut Report, seconds: u64) {
    let departments = departments(files(NODES, 80_000, 10), Terms::AtGateway);
    for results in [Results::Kept, Results::AskedForEachTime] {
        let kept_bytes = match results {
            Results::Kept => 64 << 20,
            Results::AskedForEachTime => 0,
        };
        let federation = Federation::untapped_with(&departments, |settings| {
            settings.result_cache_bytes = kept_bytes;
            settings.analysts = (0..4 * CLIENTS).map(|n| (format!("a{n}"), token(n))).collect();
        })
        .await;
        for (clients, target) in [(CLIENTS, "200"), (4 * CLIENTS, "")] {
            let target = match results {
                Results::Kept => target,
                Results::AskedForEachTime => "",
            };
            one(report, &federation, clients, seconds, results, target).await;
        }
        growth(report, &federation, seconds, results).await;
    }
}

fn token(client: usize) -> String {
    format!("token-of-client-{client}")
}

async fn one(
    report: &mut Report,
    federation: &Federation,
    clients: usize,
    seconds: u64,
    results: Results,
    target: &str,
) {
    // Of what is kept, each of the few questions once.
    let (what, first) = match results {
        Results::Kept => ("cached", 12),
        Results::AskedForEachTime => ("not cached", 0),
    };
    let ([mut answered, mut refused], mut failed) = ([Vec::new(), Vec::new()], Vec::new());
    let mut analysts = Vec::new();
    for client in 0..clients {
        let mut analyst = Analyst::connect(federation.address(), &token(client)).await;
        for month in 0..first {
            analyst.ask(&question(month)).await.unwrap();
        }
        analysts.push(analyst);
    }
    let before = resident_mib();
    for (time, outcome) in burst(analysts, seconds).await {
        match outcome {
            Ok(()) => answered.push(time),
            Err(told) if told.contains("L507") => refused.push(time),
            Err(told) => failed.push(told),
        }
    }
    let name = |part: &str| format!("{clients} clients, {NODES} nodes, {what}: {part}");
    let rate = answered.len() as f64 / seconds as f64;
    report.add(Figure::of(name("answers"), rate, "/s", target));
    let refusals = refused.len() as f64 / seconds as f64;
    report.add(Figure::of(name("refused as too many"), refusals, "/s", ""));
    report.add(Figure::of(name("anything else"), failed.len() as f64, "", "0"));
    if let Some(told) = failed.first() {
        report.note(told);
    }
    let times = Times::of(answered);
    report.add(Figure::ms(name("p50"), times.median(), ""));
    report.add(Figure::of(name("p99 by p50"), times.percentile(99) / times.median(), "", "10"));
    report.add(Figure::of(name("memory more than before"), resident_mib() - before, "MiB", "0"));
}

/// All ask for so long: how long each question took, and what became of it.
async fn burst(analysts: Vec<Analyst>, seconds: u64) -> Vec<(Duration, Result<(), String>)> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for mut analyst in analysts {
        let next = Arc::clone(&next);
        tasks.spawn(async move {
            let mut ended = Vec::new();
            while Instant::now() < until {
                let month = next.fetch_add(1, Ordering::Relaxed) % 12;
                let begun = Instant::now();
                let outcome =
                    analyst.ask(&question(month)).await.map(|_| ()).map_err(|told| told.0);
                ended.push((begun.elapsed(), outcome));
            }
            ended
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Whether memory goes on growing: the same burst of four times the load again and again, with new connections each time. What
/// the first ones take is what so many questions at once need, and allocators keep.
async fn growth(report: &mut Report, federation: &Federation, seconds: u64, results: Results) {
    let what = match results {
        Results::Kept => "cached",
        Results::AskedForEachTime => "not cached",
    };
    let mut after = Vec::new();
    for _ in 0..BURSTS {
        let mut analysts = Vec::new();
        for client in 0..4 * CLIENTS {
            analysts.push(Analyst::connect(federation.address(), &token(client)).await);
        }
        burst(analysts, seconds).await;
        after.push(resident_mib());
    }
    let name = |part: &str| format!("{} clients, {NODES} nodes, {what}: {part}", 4 * CLIENTS);
    let listed: Vec<String> = after.iter().map(|mib| format!("{mib:.0}")).collect();
    report.note(&format!("{}, MiB: {}", name("memory after each burst"), listed.join(", ")));
    let half = after.len() / 2;
    let most = |of: &[f64]| of.iter().copied().fold(0.0, f64::max);
    let (first, last) = after.split_at(half);
    let grown = most(last) - most(first);
    report.add(Figure::of(name("most memory, last bursts less first"), grown, "MiB", "0"));
}

fn question(month: u64) -> String {
    format!("SELECT area, count(*) FROM b.people WHERE month = {month} GROUP BY area")
}
