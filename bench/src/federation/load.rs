//! Many clients at once, in a closed loop: each asks again as soon as it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use insitu_tests::Federation;
use tokio::task::JoinSet;

use super::Figure;
use super::departments::{Terms, departments, files};
use crate::times::Times;

const NODES: usize = 8;
const CLIENTS: usize = 32;

pub(super) async fn run(seconds: u64) -> Vec<Figure> {
    let files = files(NODES, 80_000, 10);
    let federation = Federation::untapped(&departments(files, Terms::Protected)).await;
    let mut figures = Vec::new();
    for (clients, target) in [(CLIENTS, "200"), (4 * CLIENTS, "")] {
        let [mut answered, mut refused, mut failed] = [Vec::new(), Vec::new(), Vec::new()];
        let until = Instant::now() + Duration::from_secs(seconds);
        let next = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let mut analyst = federation.analyst().await;
            let next = Arc::clone(&next);
            tasks.spawn(async move {
                let mut ended = Vec::new();
                while Instant::now() < until {
                    // Few questions, asked again and again.
                    let month = next.fetch_add(1, Ordering::Relaxed) % 12;
                    let sql = format!(
                        "SELECT area, count(*) FROM b.people WHERE month = {month} GROUP BY area"
                    );
                    let begun = Instant::now();
                    let outcome = analyst.ask(&sql).await.map(|_| ()).map_err(|told| told.0);
                    ended.push((begun.elapsed(), outcome));
                }
                ended
            });
        }
        for (time, outcome) in tasks.join_all().await.into_iter().flatten() {
            match outcome {
                Ok(()) => answered.push(time),
                Err(told) if told.contains("L50") => refused.push(time),
                Err(_) => failed.push(time),
            }
        }
        let name = |what: &str| format!("{clients} clients, {NODES} nodes: {what}");
        let rate = answered.len() as f64 / seconds as f64;
        figures.push(Figure::of(name("answers"), rate, "/s", target));
        let refusals = refused.len() as f64 / seconds as f64;
        figures.push(Figure::of(name("refused as too many"), refusals, "/s", ""));
        figures.push(Figure::of(name("anything else"), failed.len() as f64, "", "0"));
        let times = Times::of(answered);
        figures.push(Figure::ms(name("p50"), times.median(), ""));
        figures.push(Figure::of(
            name("p99 by p50"),
            times.percentile(99) / times.median(),
            "",
            "10",
        ));
    }
    figures
}
