//! `insitu node`: the service beside a department's data.

use std::path::PathBuf;

use clap::Args;
use insitu_node::EngineThreads;
use insitu_node::config::{self, NodeConfig, Secret};
use insitu_node::server::{self, Link};
use insitu_planner::Planner;

use crate::failure::Failure;
use crate::shutdown;
use crate::table::plural;

/// Runs a department's node.
#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The node's configuration; `insitu check` reads it without starting anything.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Node {
    /// Serves until it is asked to end.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let config = NodeConfig::load(&self.config)
            .map_err(|errors| Failure::Configuration(errors.to_string()))?;
        let link = link(&config).await?;
        // Links that lead out of the folder aren't followed.
        let folder = insitu_node::source::open_folder(&config.data_folder)
            .map_err(|error| Failure::Service(error.to_string()))?;
        // Kept until the end: it holds the folder for this process.
        let state =
            insitu_node::NodeState::open(&config.state_folder, config.node.anchors_max.into())
                .map_err(|error| Failure::Service(error.to_string()))?;
        let threads =
            EngineThreads::start().map_err(|error| Failure::Service(error.to_string()))?;
        let node = insitu_node::Node::load(Planner::shared(), &config, folder, &state, &threads)
            .await
            .map_err(|error| Failure::Service(error.to_string()))?;
        let datasets = plural(node.datasets().count(), "dataset");
        shutdown::announce(&format!("node {} ready: {datasets}", node.id()))?;
        server::serve(node, link, shutdown::requested())
            .await
            .map_err(|error| Failure::Service(error.to_string()))
    }
}

/// The link to the gateway: its secret read, its port taken.
async fn link(config: &NodeConfig) -> Result<Link, Failure> {
    let Some(link) = &config.link else {
        return Err(Failure::Configuration(
            "nothing says how to meet the gateway; add `[uplink]` or `[listen]`".to_owned(),
        ));
    };
    let secret = Secret::read(link.secret_file())
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    let secret = secret.expose().to_owned();
    Ok(match link {
        config::Link::Uplink { gateway, .. } => Link::DialOut { gateway: gateway.clone(), secret },
        config::Link::Listen { address, .. } => Link::Listen {
            listener: shutdown::listen(*address, "`address` in `[listen]`").await?,
            secret,
        },
    })
}
