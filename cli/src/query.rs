//! `insitu query`: an analyst's shell.

use clap::Args;

use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::format::Format;
use crate::spinner::spin;
use crate::statement::Statement;

/// Asks a gateway a question and prints the answer.
#[derive(Debug, Args)]
pub(crate) struct Query {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    statement: Statement,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Query {
    /// Asks and prints.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.format.fits_standard_output()?;
        let sql = self.statement.read()?;
        let mut client = spin("connecting", Client::connect(&self.connection)).await?;
        let answer = spin("asking the departments", client.query(&sql)).await?;
        self.format.print(&answer)
    }
}
