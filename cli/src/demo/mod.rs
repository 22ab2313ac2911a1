//! `insitu demo`: a whole federation in one process, for a first look.
//!
//! 1. `data`: what the departments hold: real open files, and people who never existed.
//! 2. `departments`: seven nodes, each with its own configuration and its own store.
//! 3. `federation`: the gateway and the nodes, connected over TCP as they would be anywhere.
//! 4. `questions`: what is asked, and what must come of it. 5. `narrate`: how it is told.

mod data;
mod departments;
mod federation;
mod narrate;
mod questions;

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;

use crate::client::Client;
use crate::connection::Token;
use crate::failure::Failure;
use crate::shutdown;
use data::people::Population;
use federation::Federation;
use narrate::Narrator;
use questions::{Outcome, QUESTIONS, Question};

/// The demo's analyst and token.
const ANALYST: &str = "demo";

/// Runs seven departments and a gateway in this process, asks sample questions, and stays up for yours.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after the sample questions; 1 if one of them went another way than it should.
    #[arg(long)]
    once: bool,
    /// Where the gateway listens [default: 127.0.0.1:50051; with --once, any free port].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Demo {
    /// Tells the story, then serves until it is asked to end.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let port = if self.once { 0 } else { 50_051 };
        let address = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)));
        if !address.ip().is_loopback() {
            return Err(Failure::Usage {
                problem: format!(
                    "the demo's token is `{ANALYST}` and known to everybody: listen on 127.0.0.1, not on {address}"
                ),
            });
        }
        let narrator = Narrator::new();
        narrator.title()?;
        let federation = start(&narrator, address).await?;
        narrator.departments(&federation.connected())?;
        let surprises = ask_all(&narrator, &federation).await?;
        if self.once {
            federation.stop().await;
            return if surprises == 0 {
                Ok(())
            } else {
                Err(Failure::Reported("a sample question went another way than it should"))
            };
        }
        narrator.how_to_connect(&federation.url())?;
        shutdown::announce(&format!("gateway ready on {}", federation.url()))?;
        shutdown::requested().await;
        federation.stop().await;
        Ok(())
    }
}

/// From nothing to seven connected departments, telling how long each step takes.
async fn start(narrator: &Narrator, address: SocketAddr) -> Result<Federation, Failure> {
    // Before a second is spent on data: the port may be taken.
    let clients = shutdown::listen(address, "--listen").await?;
    let start = Instant::now();
    narrator.step("inventing 100,000 people who never existed")?;
    let population = blocking(Population::demo).await?.map_err(|error| broken(&error))?;
    narrator.done(start.elapsed())?;

    let start = Instant::now();
    narrator.step("starting seven departments, each beside its own data")?;
    let nodes = departments::start(population).await?;
    narrator.done(start.elapsed())?;

    let start = Instant::now();
    narrator.step("starting the gateway; every department dials in")?;
    let federation = Federation::start(clients, nodes).await?;
    narrator.done(start.elapsed())?;
    Ok(federation)
}

/// Asks every question as `insitu query` would; gives the number of those that went another way
/// than they should.
async fn ask_all(narrator: &Narrator, federation: &Federation) -> Result<usize, Failure> {
    let mut client = Client::open(&federation.url(), Token::new(ANALYST).as_ref()).await?;
    let mut surprises = 0;
    for (place, question) in QUESTIONS.iter().enumerate() {
        narrator.question(place + 1, question)?;
        let start = Instant::now();
        let outcome = Outcome::from(client.query(question.sql).await);
        if !tell(narrator, question, &outcome, start)? {
            surprises += 1;
        }
    }
    Ok(surprises)
}

/// Tells what came of a question; whether it is what should have come.
fn tell(
    narrator: &Narrator,
    question: &Question,
    outcome: &Outcome,
    start: Instant,
) -> Result<bool, Failure> {
    narrator.outcome(question, outcome, start.elapsed())?;
    let surprise = question.expected.surprise(outcome);
    if let Some(surprise) = &surprise {
        narrator.surprise(surprise)?;
    }
    Ok(surprise.is_none())
}

/// Work that computes for a while: off the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| broken(&error))
}

/// The demo's parts are embedded: if one of them fails, the build is broken.
fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::Service(format!("the demo is broken; please report this: {error}"))
}
