//! Bytes that a node sends for a table, by the number of rows behind it; and how fast rows reach a client.

use std::time::Instant;

use insitu_disclosure::evidence::SKETCH_BYTES;
use insitu_tests::Federation;

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::Times;

const AREAS: u64 = 1_000;

/// Bytes of a label of five characters with its offset.
const KEY: usize = 5 + 4;

/// Of a number.
const COUNT: usize = 8;

/// Of a total.
const TOTAL: usize = 16;

/// Of a cell's Evidence, as [`insitu_disclosure::evidence`] sends it: of a count, its units, record keys, draw, rows without an id and
/// sketch; of a total, all these, and the total, its size, the two largest contributions and what rows without an id add up to.
const EVIDENCE: usize = 2 * (5 * COUNT + SKETCH_BYTES) + 5 * TOTAL;

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
        let [few, many] = [bytes[0] as f64, bytes[1] as f64];
        let name = |of: &str| format!("{what}, {AREAS} groups: {of}");
        let mut by = |widths: usize, whose: &str, target| {
            let widths = (AREAS as usize * widths) as f64;
            // What is sent holds every column that was added up here.
            assert!(1.0 <= few / widths, "{what}: a column too many is counted");
            let by = format!("bytes by groups × {whose}");
            report.add(Figure::of(name(&by), few / widths, "", target));
            let by = format!("{by}, 100 times the rows");
            report.add(Figure::of(name(&by), many / widths, "", "unchanged"));
        };
        match terms {
            Terms::Open | Terms::AtNode => by(KEY + COUNT + TOTAL, "widths", "2"),
            Terms::AtGateway => {
                by(KEY + EVIDENCE, "widths of what Evidence has", "2");
                by(KEY + COUNT + TOTAL, "widths of the table that comes of it", "");
            }
        }
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
