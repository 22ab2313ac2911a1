//! `insitu state`: what a service keeps from run to run, and accepting that some of it is lost.
//!
//! A service refuses to start on a state folder that lost something. What was lost, somebody has to
//! name here, and say that they accept it; without that nothing is changed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use insitu_disclosure::DatasetName;
use insitu_gateway::config::GatewayConfig;
use insitu_guard::reset::{self, Loss};
use insitu_guard::{Owner, StateError};
use insitu_node::config::NodeConfig;
use insitu_node::state::OWNER;

use crate::check::{Kind, kind, neither};
use crate::failure::Failure;
use crate::shutdown::announce;

/// Looks after the state folder of a node or gateway: what it holds, and what to do after a loss.
#[derive(Debug, Args)]
pub(crate) struct State {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Show),
    Reset(Reset),
}

/// Shows what the folder should hold, and what of it is there.
#[derive(Debug, Args)]
struct Show {
    /// The configuration of the node or gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Accepts a loss that can't be made good from a backup. The service must not be running.
#[derive(Debug, Args)]
struct Reset {
    /// The configuration of the node or gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    what: What,
    /// Says that you know what follows. Without it nothing is changed, and what would follow is told.
    #[arg(long)]
    accept_loss: bool,
}

/// What is given up: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// What was released of this dataset is forgotten.
    #[arg(long, value_name = "NAME", value_parser = dataset_name)]
    dataset: Option<DatasetName>,
    /// The files are taken as they are, whole or not, and a new manifest is made of them.
    #[arg(long)]
    manifest: bool,
    /// A new folder: a node gets a new secret, and nothing is remembered.
    #[arg(long)]
    everything: bool,
}

impl State {
    /// Does what is asked.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Show(verb) => verb.run(),
            Verb::Reset(verb) => verb.run(),
        }
    }
}

impl Show {
    fn run(self) -> Result<(), Failure> {
        let (folder, _) = folder_and_owner(&self.config)?;
        announce(&format!("state folder {}", folder.display()))?;
        for (what, how) in reset::describe(&folder).map_err(failed)? {
            announce(&format!("  {what}: {how}"))?;
        }
        Ok(())
    }
}

impl Reset {
    fn run(self) -> Result<(), Failure> {
        let (folder, owner) = folder_and_owner(&self.config)?;
        let loss = self.what.loss();
        if !self.accept_loss {
            announce(&format!("nothing was changed in {}", folder.display()))?;
            announce(consequence(&loss))?;
            return Err(Failure::Configuration(
                "if there is no backup to restore, add `--accept-loss`".to_owned(),
            ));
        }
        let when = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        for line in reset::give_up(&folder, owner, &loss, when).map_err(failed)? {
            announce(&line)?;
        }
        announce("the loss is written down in the manifest; every start tells of it")
    }
}

impl What {
    fn loss(self) -> Loss {
        match (self.dataset, self.everything) {
            (Some(dataset), _) => Loss::Dataset(dataset),
            (None, true) => Loss::Everything,
            (None, false) => Loss::Manifest,
        }
    }
}

/// What follows from giving something up, for whoever is about to.
const fn consequence(loss: &Loss) -> &'static str {
    match loss {
        Loss::Dataset(_) => {
            "everything released of the dataset before can then be compared with new answers: who asks \
             for a cell with and without a person may see the difference"
        }
        Loss::Manifest => {
            "the files are then taken as they are: if one of them is an old copy, what was released \
             since can be compared with new answers"
        }
        Loss::Everything => {
            "everything released before can then be compared with new answers, and a node's noise is \
             another: the mean of an old and a new answer is closer to the truth than either"
        }
    }
}

fn dataset_name(text: &str) -> Result<DatasetName, String> {
    DatasetName::try_from(text.to_owned())
}

fn folder_and_owner(config: &Path) -> Result<(PathBuf, Owner<'static>), Failure> {
    let text = std::fs::read_to_string(config)
        .map_err(|source| Failure::Unreadable { file: config.to_owned(), source })?;
    let wrong = |errors: String| Failure::Configuration(errors);
    match kind(&text) {
        Some(Kind::Node) => NodeConfig::parse(&text, config)
            .map(|config| (config.state_folder, OWNER))
            .map_err(|errors| wrong(errors.to_string())),
        Some(Kind::Gateway) => GatewayConfig::parse(&text, config)
            .map(|config| (config.state_folder, Owner::Gateway))
            .map_err(|errors| wrong(errors.to_string())),
        None => Err(wrong(neither(config))),
    }
}

fn failed(error: StateError) -> Failure {
    Failure::Service(error.to_string())
}
