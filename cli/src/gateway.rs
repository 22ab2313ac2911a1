//! `insitu gateway`: the service analysts ask.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use insitu_engine::SpillFolder;
use insitu_gateway::config::{GatewayConfig, Spill};
use insitu_gateway::server::{self, GatewayError, NodeRegistration, Settings};
use insitu_guard::{Guards, Owner, StateFolder};
use insitu_planner::Planner;

use crate::failure::Failure;
use crate::shutdown;

/// Runs a gateway.
#[derive(Debug, Args)]
pub(crate) struct Gateway {
    /// The gateway's configuration; `insitu check` reads it without starting anything.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Gateway {
    /// Serves until it is asked to end.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let config = GatewayConfig::load(&self.config)
            .map_err(|errors| Failure::Configuration(errors.to_string()))?;
        let clients = shutdown::listen(config.listen, "`listen`").await?;
        let nodes = shutdown::listen(config.nodes_listen, "`nodes_listen`").await?;
        let address = shutdown::address_of(&clients)?;
        let guards = guards(&config)?;
        let spill = config.spill.as_ref().map(spill_folder).transpose()?;
        let settings = settings(&config, spill, guards);
        let mut running =
            server::start(Planner::shared(), settings, clients, nodes).await.map_err(failed)?;
        shutdown::announce(&format!("gateway ready on grpc://{address}"))?;
        let outcome = tokio::select! {
            () = shutdown::requested() => Ok(()),
            ended = running.ended() => ended.map_err(failed),
        };
        running.stop().await;
        outcome
    }
}

/// What was released, all of it found whole before anybody may ask.
fn guards(config: &GatewayConfig) -> Result<Guards, Failure> {
    let folder = StateFolder::open(&config.state_folder, Owner::Gateway)
        .map_err(|error| Failure::Service(error.to_string()))?;
    if folder.is_new() {
        eprintln!(
            "warning: made a new state folder `{}`; unless this is the gateway's first start, restore the old one",
            config.state_folder.display()
        );
    }
    for reset in folder.resets() {
        eprintln!("warning: a loss of state was accepted here: {reset}");
    }
    let guards = Guards::in_folder(Arc::new(folder), config.anchors_max.into());
    guards.open_known().map_err(|error| Failure::Service(error.to_string()))?;
    Ok(guards)
}

fn failed(error: GatewayError) -> Failure {
    Failure::Service(error.to_string())
}

fn spill_folder(spill: &Spill) -> Result<Arc<SpillFolder>, Failure> {
    let opened = SpillFolder::open(&spill.folder, u64::from(spill.mib) << 20);
    opened.map(Arc::new).map_err(|error| {
        let folder = spill.folder.display();
        Failure::Service(format!("`spill_folder` {folder} can't be used: {error}"))
    })
}

fn settings(config: &GatewayConfig, spill: Option<Arc<SpillFolder>>, guards: Guards) -> Settings {
    let mebibytes = usize::try_from(config.memory_mib).unwrap_or(usize::MAX);
    Settings {
        analysts: config
            .analysts
            .iter()
            .map(|a| (a.name.clone(), a.token.expose().to_owned()))
            .collect(),
        nodes: config
            .nodes
            .iter()
            .map(|node| NodeRegistration {
                id: node.id.clone(),
                department: node.department.clone(),
                secret: node.secret.expose().to_owned(),
                datasets: node.datasets.clone(),
                address: node.address.clone(),
            })
            .collect(),
        query_seconds_max: u64::from(config.query_seconds_max),
        memory_bytes: mebibytes.saturating_mul(1024 * 1024),
        spill,
        statements_running_max: usize::try_from(config.statements_running_max)
            .unwrap_or(usize::MAX),
        statements_waiting_max: usize::try_from(config.statements_waiting_max)
            .unwrap_or(usize::MAX),
        result_cache_bytes: usize::try_from(config.result_cache_mib)
            .unwrap_or(usize::MAX)
            .saturating_mul(1024 * 1024),
        guards,
    }
}
