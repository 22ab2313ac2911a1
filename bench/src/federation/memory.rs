//! Memory of a gateway by the number of nodes and of groups: of a process of its own, so that nodes and clients aren't in it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use insitu_disclosure::DatasetName;
use insitu_gateway::server::{NodeRegistration, Settings, start};
use insitu_guard::Guards;
use insitu_node::server::{Link, serve};
use insitu_planner::Planner;
use insitu_tests::Analyst;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::departments::{Terms, departments, files};
use super::report::{Figure, Report};
use crate::times::{memory_mib, resident_mib};

const TOKEN: &str = "token-of-the-benchmark";
/// Of each node, so that each has rows in all groups.
const ROWS: u64 = 120_000;
const SQL: &str = "SELECT area, month, count(*), sum(cost) FROM b.people GROUP BY area, month";

pub(super) async fn run(report: &mut Report) {
    for (nodes, areas) in [(2, 100), (2, 1_000), (8, 100), (8, 1_000)] {
        let mut gateway = Gateway::begin(nodes);
        let files = files(nodes, ROWS * nodes as u64, areas);
        let mut links = JoinSet::new();
        for (number, department) in departments(files, Terms::AtGateway).iter().enumerate() {
            let node = department.load().await.unwrap();
            let (gateway, secret) = (gateway.nodes.to_string(), secret(number));
            let link = Link::DialOut { gateway, secret };
            links.spawn(async move { serve(node, link, std::future::pending()).await.unwrap() });
        }
        gateway.wait_for(nodes);
        let mut analyst = Analyst::connect(gateway.clients, TOKEN).await;
        let idle = gateway.told("reset");
        let asked = analyst.ask(SQL).await.unwrap();
        let groups: usize = asked.batches.iter().map(|batch| batch.num_rows()).sum();
        let more = gateway.told("peak") - idle;
        let name = format!("gateway, {nodes} nodes, {groups} groups: memory at most");
        report.add(Figure::of(name, more, "MiB", ""));
        let each = more * f64::from(1 << 20) / (nodes * groups) as f64;
        let name = format!("gateway, {nodes} nodes, {groups} groups: by nodes × groups");
        report.add(Figure::of(name, each, "bytes", "linear"));
    }
}

fn node_id(number: usize) -> String {
    format!("n{number:03}")
}

fn secret(number: usize) -> String {
    format!("secret-of-the-link-of-{}", node_id(number))
}

/// A gateway in a process of its own. Ends with the benchmark.
struct Gateway {
    process: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
    clients: SocketAddr,
    nodes: SocketAddr,
}

impl Gateway {
    fn begin(nodes: usize) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["gateway", "--nodes", &nodes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = |key: &str| told[key].as_str().unwrap().parse().unwrap();
        let (clients, nodes) = (address("clients"), address("nodes"));
        Self { process, asked, answers, clients, nodes }
    }

    fn told(&mut self, what: &str) -> f64 {
        writeln!(self.asked, "{what}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    fn wait_for(&mut self, nodes: usize) {
        for _ in 0..2_000 {
            if self.told("connected") as usize == nodes {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the nodes didn't connect");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process of the gateway: says where it listens, then answers what it is asked about itself until nobody asks.
pub(crate) async fn gateway(nodes: usize) {
    let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let for_nodes = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let [clients_at, nodes_at] = [&clients, &for_nodes].map(|l| l.local_addr().unwrap());
    let registration = |number| NodeRegistration {
        id: node_id(number),
        department: format!("N{number}"),
        secret: secret(number),
        datasets: vec![DatasetName::new("b", "people").unwrap()],
        address: None,
    };
    let settings = Settings {
        analysts: vec![("bench".to_owned(), TOKEN.to_owned())],
        nodes: (0..nodes).map(registration).collect(),
        query_seconds_max: 60,
        memory_bytes: 256 << 20,
        spill: None,
        statements_running_max: 16,
        statements_waiting_max: 32,
        result_cache_bytes: 0,
        guards: Guards::ephemeral(),
    };
    let running = start(Planner::shared(), settings, clients, for_nodes).await.unwrap();
    println!("{}", json!({ "clients": clients_at.to_string(), "nodes": nodes_at.to_string() }));
    // Reading blocks a thread, and the gateway has others.
    for line in std::io::stdin().lines() {
        let told = match line.unwrap().as_str() {
            "connected" => running.connected().len() as f64,
            "reset" => {
                // What is at most counts from here.
                std::fs::write("/proc/self/clear_refs", "5").unwrap();
                resident_mib()
            }
            "peak" => memory_mib("VmHWM:"),
            other => panic!("{other}"),
        };
        println!("{told}");
    }
}
