//! Planning, and the smallest question there is, by the number of nodes.

use std::time::Instant;

use insitu_gateway::query::Options;
use insitu_tests::Federation;

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::{Times, cpu_seconds};

const PLANS: usize = 200;
/// Requests to nodes, so that many nodes take no longer than few.
const REQUESTS: usize = 6_000;

pub(super) async fn run(report: &mut Report, numbers: &[usize]) {
    for nodes in numbers {
        let files = files(*nodes, 100 * *nodes as u64, 4);
        let federation = Federation::untapped(&departments(files, Terms::AtGateway)).await;
        let gateway = federation.gateway();
        let mut times = Vec::new();
        for i in 0..PLANS {
            let sql = format!("{} WHERE month <> {i} GROUP BY area, month", MEASURES);
            let begun = Instant::now();
            gateway.prepare(sql.as_bytes(), &Options::default()).await.unwrap();
            times.push(begun.elapsed());
        }
        let target = if *nodes <= 32 { "5 ms" } else { "20 ms" };
        let times = Times::of(times);
        report.add(Figure::ms(format!("planning, {nodes} nodes, median"), times.median(), target));
        let mut analyst = federation.analyst().await;
        let mut times = Vec::new();
        let questions = (REQUESTS / nodes).clamp(20, 200);
        let cpu = cpu_seconds();
        for i in 0..questions {
            // Each is another question: what was answered before needn't be asked again.
            let sql = format!("SELECT count(*) FROM b.people WHERE month <> {}", i + 1_000);
            let begun = Instant::now();
            analyst.ask(&sql).await.unwrap();
            times.push(begun.elapsed());
        }
        let target = match nodes {
            0..=2 => "3 ms",
            3..=8 => "5 ms",
            9..=32 => "15 ms",
            _ => "100 ms",
        };
        let times = Times::of(times);
        report.add(Figure::ms(
            format!("smallest question, {nodes} nodes, p50"),
            times.median(),
            target,
        ));
        report.add(Figure::ms(
            format!("smallest question, {nodes} nodes, p99"),
            times.percentile(99),
            "",
        ));
        let each = (cpu_seconds() - cpu) / (questions * nodes) as f64;
        report.add(Figure::ms(
            format!("smallest question, {nodes} nodes, processor time for each node"),
            each,
            "",
        ));
    }
}

const MEASURES: &str = "SELECT area, month, count(*), sum(cost), avg(cost) FROM b.people";
