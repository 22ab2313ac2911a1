//! Bytes that a node sends for a table, by the number of rows behind it; and how fast rows reach a client.

use std::time::Instant;

use insitu_tests::Federation;

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::Times;

const AREAS: u64 = 1_000;

pub(super) async fn run(report: &mut Report, runs: u32) {
    for (what, terms) in [
        ("open", Terms::Open),
        ("protected at the node", Terms::AtNode),
        ("protected at the gateway", Terms::AtGateway),
    ] {
        let mut bytes = Vec::new();
        for rows in [50_000, 5_000_000] {
            let federation = Federation::start(&departments(files(1, rows, AREAS), terms)).await;
            let mut analyst = federation.analyst().await;
            federation.tap(0).clear();
            analyst
                .ask("SELECT area, count(*), sum(cost) FROM b.people GROUP BY area")
                .await
                .unwrap();
            bytes.push(federation.tap(0).sent().len());
        }
        // A label of five characters with its offset, a count and a total of 16 bytes.
        let widths = AREAS as f64 * (5.0 + 4.0 + 8.0 + 16.0);
        let [few, many] = [bytes[0] as f64, bytes[1] as f64];
        let name = |of: &str| format!("{what}, {AREAS} groups: {of}");
        report.add(Figure::of(name("bytes by groups × widths"), few / widths, "", "2"));
        report.add(Figure::of(
            name("the same with 100 times the rows"),
            many / widths,
            "",
            "unchanged",
        ));
    }
    let federation =
        Federation::untapped(&departments(files(1, 1_000_000, AREAS), Terms::Open)).await;
    let mut analyst = federation.analyst().await;
    let (mut times, mut edge, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        let begun = Instant::now();
        let info = analyst.announce("SELECT id, area, month, cost FROM b.people").await.unwrap();
        let (asked, took) = analyst.fetch_timed(&info).await.unwrap();
        times.push(begun.elapsed());
        edge.push(took);
        bytes = asked.batches.iter().map(|b| b.get_array_memory_size()).sum();
    }
    let rate = bytes as f64 / Times::of(times).least() / 1e9;
    report.add(Figure::of("rows of open data, node to client", rate, "GB/s", ""));
    let rate = bytes as f64 / Times::of(edge).least() / 1e9;
    report.add(Figure::of("rows of open data, gateway to client", rate, "GB/s", "1"));
}
