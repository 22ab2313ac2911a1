//! `insitu`: the one command. A file for each verb:
//!
//! * `demo`: a whole federation in one process, for a first look.
//! * `gateway`, `node`: the two services; `check` reads their configurations without starting them,
//!   `state` looks after their state folders.
//! * `query`, `explain`: an analyst's shell. `connection`, `statement` are their options, `client`
//!   asks, `answer` is what came, `format` and `table` print it.
//! * `failure` is why a command ended without its result: exit code 1, or 2 for wrong usage.

mod answer;
mod check;
mod client;
mod connection;
mod demo;
mod explain;
mod failure;
mod format;
mod gateway;
mod node;
mod query;
mod shutdown;
mod spinner;
mod state;
mod statement;
mod table;
mod terminal;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use failure::Failure;
use terminal::Style;

/// Planning and answering a small question is mostly small allocations, on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable that says what is logged, in the notation of `tracing`.
const LOG_VARIABLE: &str = "INSITU_LOG";

/// Questions travel to the departments' data; only protected tables come back.
#[derive(Debug, Parser)]
#[command(name = "insitu", version, max_term_width = 100, arg_required_else_help = true)]
struct Insitu {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Query(query::Query),
    Explain(explain::Explain),
    Check(check::Check),
    Gateway(gateway::Gateway),
    Node(node::Node),
    State(state::State),
}

impl Verb {
    /// What is logged unless the environment says otherwise.
    const fn log_filter(&self) -> &'static str {
        match self {
            Self::Gateway(_) | Self::Node(_) => "warn,insitu_gateway=info,insitu_node=info",
            Self::Demo(_) | Self::Query(_) | Self::Explain(_) | Self::Check(_) | Self::State(_) => {
                "warn"
            }
        }
    }

    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Demo(verb) => verb.run().await,
            Self::Query(verb) => verb.run().await,
            Self::Explain(verb) => verb.run().await,
            Self::Check(verb) => verb.run(),
            Self::Gateway(verb) => verb.run().await,
            Self::Node(verb) => verb.run().await,
            Self::State(verb) => verb.run(),
        }
    }
}

/// How long work that is done aside may go on once a service was asked to end. What is released is written down before it leaves,
/// so that it may break off anywhere.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let verb = Insitu::parse().verb;
    log_to_standard_error(verb.log_filter());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let told = told(runtime.block_on(verb.run()));
    runtime.shutdown_timeout(ENDS_WITHIN);
    told
}

/// Says what went wrong, if anything did.
fn told(ended: Result<(), Failure>) -> ExitCode {
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let style = Style::of(&std::io::stderr());
    for (place, line) in failure.lines().into_iter().enumerate() {
        eprintln!("{}", if place == 0 { style.red(line) } else { line });
    }
    failure.exit_code()
}

fn log_to_standard_error(default: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let is_coloured = Style::of(&std::io::stderr()) == Style::Coloured;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_coloured)
        .with_writer(std::io::stderr)
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn usage_error(arguments: &[&str]) -> i32 {
        let arguments = std::iter::once(&"insitu").chain(arguments);
        Insitu::try_parse_from(arguments).map_or_else(|error| error.exit_code(), |_| 0)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Insitu::command().debug_assert();
    }

    #[test]
    fn wrong_usage_ends_with_2() {
        for arguments in [
            &["nonsense"][..],
            &["query", "--format", "xml", "SELECT 1"],
            &["query", "-f", "a.sql", "SELECT 1"],
            &["explain", "--code", "D201", "SELECT 1"],
            &["gateway"],
            &["check"],
            &["state", "reset", "--config", "node.toml"],
            &["state", "reset", "--config", "node.toml", "--manifest", "--everything"],
            &["demo", "--listen", "nowhere"],
        ] {
            assert_eq!(usage_error(arguments), 2, "{arguments:?}");
        }
        assert_eq!(usage_error(&["query", "--format", "csv", "SELECT 1"]), 0);
        assert_eq!(usage_error(&["query", "-- note\nSELECT 1"]), 0);
    }
}
