//! What a client's bytes ask for. Whatever isn't served falls out here, by name: a new command of a
//! newer arrow-flight doesn't compile until it has its place.

use arrow_flight::FlightDescriptor;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command};
use prost::Message as _;
use prost::bytes::Bytes;

use super::limits::CATALOGUE_COMMAND_BYTES_MAX;
use super::metadata::CatalogueQuestion;
use crate::status::Fault;

/// A command or a ticket, read.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    /// A statement's text.
    Statement(String),
    /// A prepared statement, by its handle.
    Prepared(Bytes),
    /// A ticket for a statement's answer, by its handle.
    Ticket(Bytes),
    /// Something about the catalogue.
    Catalogue(CatalogueQuestion),
}

impl Asked {
    /// Reads a descriptor's command.
    ///
    /// # Errors
    /// A path, bytes that aren't a command, a command that isn't served.
    pub(crate) fn by(descriptor: &FlightDescriptor) -> Result<Self, Fault> {
        match descriptor.r#type() {
            DescriptorType::Cmd => Self::read(&descriptor.cmd),
            DescriptorType::Path | DescriptorType::Unknown => {
                Err(Fault::Malformed("a descriptor without a command"))
            }
        }
    }

    /// Reads a command or a ticket.
    ///
    /// # Errors
    /// Bytes that aren't a command, a command that isn't served.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let any = Any::decode(bytes).map_err(|_| Fault::Malformed("the command"))?;
        let command = Command::try_from(any).map_err(|_| Fault::Malformed("the command"))?;
        let asked = Self::of(command)?;
        if matches!(asked, Self::Catalogue(_)) && CATALOGUE_COMMAND_BYTES_MAX < bytes.len() {
            return Err(Fault::Malformed("a metadata command of this length"));
        }
        Ok(asked)
    }

    fn of(command: Command) -> Result<Self, Fault> {
        match command {
            Command::CommandStatementQuery(c) => {
                no_transaction(c.transaction_id.as_ref())?;
                Ok(Self::Statement(c.query))
            }
            Command::CommandPreparedStatementQuery(c) => {
                Ok(Self::Prepared(c.prepared_statement_handle))
            }
            Command::TicketStatementQuery(c) => Ok(Self::Ticket(c.statement_handle)),
            Command::CommandGetCatalogs(_) => Ok(Self::Catalogue(CatalogueQuestion::Catalogs)),
            Command::CommandGetDbSchemas(c) => Ok(Self::Catalogue(CatalogueQuestion::DbSchemas(c))),
            Command::CommandGetTables(c) => Ok(Self::Catalogue(CatalogueQuestion::Tables(c))),
            Command::CommandGetTableTypes(_) => Ok(Self::Catalogue(CatalogueQuestion::TableTypes)),
            Command::CommandGetSqlInfo(c) => Ok(Self::Catalogue(CatalogueQuestion::SqlInfo(c))),
            Command::CommandGetXdbcTypeInfo(c) => {
                Ok(Self::Catalogue(CatalogueQuestion::XdbcTypeInfo(c)))
            }
            Command::CommandGetPrimaryKeys(_) => {
                Ok(Self::Catalogue(CatalogueQuestion::PrimaryKeys))
            }
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => {
                Ok(Self::Catalogue(CatalogueQuestion::ForeignKeys))
            }
            Command::CommandStatementSubstraitPlan(_) => Err(Fault::Unserved("a Substrait plan")),
            Command::CommandStatementUpdate(_) | Command::CommandPreparedStatementUpdate(_) => {
                Err(Fault::Unserved("an update"))
            }
            Command::CommandStatementIngest(_) => Err(Fault::Unserved("ingestion")),
            Command::ActionBeginSavepointRequest(_)
            | Command::ActionBeginSavepointResult(_)
            | Command::ActionBeginTransactionRequest(_)
            | Command::ActionBeginTransactionResult(_)
            | Command::ActionCancelQueryRequest(_)
            | Command::ActionCancelQueryResult(_)
            | Command::ActionClosePreparedStatementRequest(_)
            | Command::ActionCreatePreparedStatementRequest(_)
            | Command::ActionCreatePreparedStatementResult(_)
            | Command::ActionCreatePreparedSubstraitPlanRequest(_)
            | Command::ActionEndSavepointRequest(_)
            | Command::ActionEndTransactionRequest(_)
            | Command::DoPutPreparedStatementResult(_)
            | Command::DoPutUpdateResult(_) => {
                Err(Fault::Malformed("a message in the wrong place"))
            }
            Command::Unknown(_) => Err(Fault::Unserved("this command")),
        }
    }
}

/// A client that means to be in a transaction isn't told otherwise by an answer.
pub(crate) fn no_transaction(id: Option<&Bytes>) -> Result<(), Fault> {
    match id {
        Some(id) if !id.is_empty() => Err(Fault::Unserved("a transaction")),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_flight::sql::{
        CommandGetTables, CommandStatementIngest, CommandStatementQuery,
        CommandStatementSubstraitPlan, CommandStatementUpdate, DoPutUpdateResult, ProstMessageExt,
    };

    use super::*;

    fn read(message: &impl ProstMessageExt) -> Result<Asked, &'static str> {
        Asked::read(&message.as_any().encode_to_vec()).map_err(|fault| fault.label())
    }

    #[test]
    fn a_statement_is_read_unless_it_is_in_a_transaction() {
        let mut command =
            CommandStatementQuery { query: "SELECT 1".to_owned(), transaction_id: None };
        assert_eq!(read(&command), Ok(Asked::Statement("SELECT 1".to_owned())));
        command.transaction_id = Some(Bytes::new());
        assert_eq!(read(&command), Ok(Asked::Statement("SELECT 1".to_owned())));
        command.transaction_id = Some(Bytes::from_static(b"t"));
        assert_eq!(read(&command), Err("unserved"));
    }

    #[test]
    fn what_is_not_served_says_so() {
        assert_eq!(read(&CommandStatementSubstraitPlan::default()), Err("unserved"));
        assert_eq!(read(&CommandStatementUpdate::default()), Err("unserved"));
        assert_eq!(read(&CommandStatementIngest::default()), Err("unserved"));
        let unknown = Any { type_url: "type.googleapis.com/x.Y".to_owned(), value: Bytes::new() };
        let label = |bytes: &[u8]| Asked::read(bytes).map_err(|fault| fault.label());
        assert_eq!(label(&unknown.encode_to_vec()), Err("unserved"));
    }

    #[test]
    fn what_can_not_be_read_is_an_error_and_no_panic() {
        assert_eq!(read(&DoPutUpdateResult::default()), Err("malformed"));
        let label = |bytes: &[u8]| Asked::read(bytes).map_err(|fault| fault.label());
        assert_eq!(label(b"SELECT 1"), Err("malformed"));
        let broken = Any {
            type_url: CommandStatementQuery::type_url().to_owned(),
            value: Bytes::from_static(&[0xff, 0xff]),
        };
        assert_eq!(label(&broken.encode_to_vec()), Err("malformed"));
        let mut path = FlightDescriptor::new_path(vec!["a".to_owned()]);
        assert_eq!(Asked::by(&path).map_err(|f| f.label()), Err("malformed"));
        path.r#type = 77;
        assert_eq!(Asked::by(&path).map_err(|f| f.label()), Err("malformed"));
        let long = CommandGetTables {
            table_name_filter_pattern: Some("a".repeat(20_000)),
            ..CommandGetTables::default()
        };
        assert_eq!(read(&long), Err("malformed"));
    }
}
